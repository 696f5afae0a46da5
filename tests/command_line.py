"""Commands, run in the process of the tests."""

from pathlib import Path

from click.testing import CliRunner, Result

from xlbackprop import cli


def run(*arguments: object) -> Result:
    """What a command prints, and its exit code."""
    return CliRunner().invoke(cli.main, [str(argument) for argument in arguments])


def build(path: Path, *arguments: object) -> Result:
    """`build`, of a small workbook."""
    return run("build", "--lrs", "0.5,2", "--steps", 6, "-o", path, *arguments)
