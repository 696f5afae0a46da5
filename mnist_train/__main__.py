"""`python -m mnist_train` is the command of the trainer."""

from mnist_train.cli import main

main(prog_name="python -m mnist_train")
