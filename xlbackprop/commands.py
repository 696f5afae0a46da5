"""A group of commands whose errors are one sentence on standard error, never a traceback."""

import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from xlbackprop.errors import Failure, FileExists, UnusableInput, reason
from xlbackprop.interruption import EXIT_CODE, raise_again
from xlbackprop.printing import lead_nowhere, prepare_streams, say

Command = TypeVar("Command", bound=Callable[..., Any])
Given = TypeVar("Given")
Parsed = TypeVar("Parsed")


class Commands(click.Group):
    """Exits 2 for bad usage and unusable input, 1 for a failed check, 130 after Ctrl-C."""

    def main(self, *args: Any, **options: Any) -> Any:
        prepare_streams()
        raise_again()
        # ended from outside, a command still tidies up after itself
        _asked.clear()
        for name in ("SIGTERM", "SIGHUP"):
            if number := getattr(signal, name, None):
                signal.signal(number, _end)
        try:
            sys.exit(super().main(*args, **options | {"standalone_mode": False}))
        except click.ClickException as error:
            message, code = error.format_message(), 2
        except FileExists as error:
            # only the command line knows what the option is called
            message, code = f"{str(error).removesuffix('.')} with --force.", error.exit_code
        except Failure as error:
            message, code = str(error), error.exit_code
        except OSError as error:
            message, code = f"The command could not finish: {reason(error)}.", 2
            # what could not be printed cannot be printed later either, when Python ends
            lead_nowhere(sys.stdout)
        except (click.Abort, KeyboardInterrupt):
            message, code = "Interrupted.", EXIT_CODE
        say(f"Error: {' '.join(message.split())}", err=True)
        sys.exit(code)

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt as error:
            # click would print an empty line, whether that is possible or not
            raise click.Abort from error


# the signals that asked for the end of this command
_asked: list[int] = []


def _end(number: int, _: object) -> None:
    _asked.append(number)
    sys.exit(128 + number)


def end_if_asked() -> None:
    """End now if a signal has asked for it, which a callback of a library may have swallowed.

    Raises:
        SystemExit: it has.
    """
    if _asked:
        sys.exit(128 + _asked[0])


def output_option(default: Path) -> Callable[[Command], Command]:
    """The option that says where a workbook goes.

    Args:
        default: where it goes unless it is said.
    """
    where = click.Path(path_type=Path)
    return click.option("-o", "--output", type=where, default=default, show_default=True, help="The workbook to write.")


def parsed(parameter: str, parse: Callable[[Given], Parsed], given: Given) -> Parsed:
    """What is meant by what was given for an option.

    Args:
        parameter: the name of the option within the command.
        parse: makes what is meant of it.
        given: its text, or texts.

    Raises:
        BadParameter: it cannot be used; the option is named.
    """
    try:
        return parse(given)
    except UnusableInput as error:
        context = click.get_current_context()
        (option,) = (option for option in context.command.params if option.name == parameter)
        raise click.BadParameter(str(error), context, option) from None
