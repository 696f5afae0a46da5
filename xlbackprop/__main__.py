"""`python -m xlbackprop` is the command `xlbackprop`."""

from xlbackprop.cli import main

main(prog_name="xlbackprop")
