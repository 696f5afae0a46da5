"""`python -m mnist_train` is the command of the trainer."""

from xlbackprop.interruption import end_in_silence

if __name__ == "__main__":
    end_in_silence()
    from mnist_train import cli

    cli.main(prog_name="python -m mnist_train")
