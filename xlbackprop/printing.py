"""What a command prints: a line stays a line, the terminal obeys nothing in it, and no failure goes unsaid."""

import contextlib
import json
import os
import re
import sys
from collections.abc import Callable, Iterator
from typing import Any, TextIO

import click

from xlbackprop.errors import UnusableInput, reason

# control characters, ends of lines, what turns the direction of writing or has no width, and bytes that no
# encoding explains
_UNSEEN = re.compile(
    "[\x00-\x1f\x7f-\x9f\u00ad\u061c\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb\ud800-\udfff]"
)
#: What a command ends with when nobody reads what it prints any more, as a shell says it.
READER_GONE = 141


def shown(text: str) -> str:
    r"""A text of anybody's as part of a line: what cannot be seen is written as JSON writes it, as `\u001b`."""
    return _UNSEEN.sub(lambda match: f"\\u{ord(match[0]):04x}", text)


def say(text: str, *, err: bool = False, bold: bool = False, ending: str = "") -> None:
    """Print a line.

    Args:
        text: the line, of which `shown` is printed.
        err: print it on standard error; where that is not possible, nobody is told.
        bold: on a terminal.
        ending: words of our own behind the text, which may have colours.

    Raises:
        UnusableInput: standard output cannot be written to.
        SystemExit: nobody reads it any more.
    """
    line = click.style(shown(text), bold=True) if bold else shown(text)
    try:
        click.echo(line + ending, err=err)
    except OSError as error:
        lead_nowhere(sys.stderr if err else sys.stdout)
        if err:
            return
        if isinstance(error, BrokenPipeError):
            sys.exit(READER_GONE)
        raise UnusableInput(f"The result could not be printed: {reason(error)}.") from error


def say_json(document: dict[str, Any]) -> None:
    """Print a document of JSON: UTF-8, or ASCII where the output is neither."""
    ascii_only = sys.stdout.encoding.lower() not in ("utf-8", "utf8")
    say(json.dumps(document, ensure_ascii=ascii_only, allow_nan=False))


@contextlib.contextmanager
def progress(total: int | None, unit: str, *, worth_it: bool) -> Iterator[Callable[[], object]]:
    """A progress bar that appears after a second, on a terminal; gives what is to be called after each unit."""
    if not worth_it:
        yield lambda: None
        return
    from tqdm import tqdm

    with tqdm(total=total, unit=unit, delay=1, disable=None, leave=False, file=sys.stderr) as bar:
        yield bar.update


def prepare_streams() -> None:
    """Have every character printed, as `\\u2202` where the encoding lacks it, and closed streams stand for nothing.

    A stream that is closed leaves its number to the next file that is opened, which would then be printed into.
    What is printed on a closed standard output is an error, on a closed standard error it is lost.
    """
    for number, name, access in ((0, "stdin", os.O_RDONLY), (1, "stdout", os.O_RDONLY), (2, "stderr", os.O_WRONLY)):
        if getattr(sys, name) is None and not _is_open(number):
            _open_nowhere(number, access)
            if number:
                setattr(sys, name, open(number, "w", encoding="utf-8", closefd=False))  # noqa: SIM115
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")


def lead_nowhere(stream: TextIO) -> None:
    """Have a stream that cannot be written to swallow the rest, also what Python writes to it at its end."""
    with contextlib.suppress(OSError, ValueError, AttributeError):
        _open_nowhere(stream.fileno(), os.O_WRONLY)


def _is_open(number: int) -> bool:
    try:
        os.fstat(number)
    except OSError:
        return False
    return True


def _open_nowhere(number: int, access: int) -> None:
    opened = os.open(os.devnull, access)
    if opened != number:
        os.dup2(opened, number)
        os.close(opened)
