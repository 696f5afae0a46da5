"""Runs the commands, which are all that is used of the package here: everything inside it may move."""

import os
import re
from pathlib import Path
from typing import Any

from click.testing import CliRunner

import xlbackprop
from xlbackprop.cli import main

REPOSITORY = Path(__file__).parents[2]

#: So that lines break at the same place on every terminal, and nothing is coloured.
_ENVIRONMENT = {"COLUMNS": "100", "NO_COLOR": "1"}


def run(folder: Path, *arguments: str) -> dict[str, Any]:
    """Run a command in a folder, in this process; gives what it prints and its exit code."""
    here = Path.cwd()
    os.chdir(folder)
    try:
        result = CliRunner(env=_ENVIRONMENT).invoke(main, arguments, prog_name="xlbackprop")
    finally:
        os.chdir(here)
    return _outcome(result.stdout, result.stderr, result.exit_code)


def without_version(text: str) -> str:
    """A text in which the program's version is left out, which is no behaviour."""
    return re.sub(rf"(xlbackprop,?( version)?) {re.escape(xlbackprop.__version__)}", r"\1 VERSION", text)


def _outcome(output: str, error: str, code: int) -> dict[str, Any]:
    # lines that end otherwise on another system say the same
    output, error = (without_version(text.replace("\r\n", "\n")) for text in (output, error))
    return {"output": output, "error": error, "exit": code}
