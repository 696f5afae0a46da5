"""`python -m xlbackprop` is the command `xlbackprop`."""

from xlbackprop.interruption import end_in_silence


def main() -> None:
    """Import the commands, and run the one that is named."""
    end_in_silence()
    from xlbackprop import cli

    cli.main(prog_name="xlbackprop")


if __name__ == "__main__":
    main()
