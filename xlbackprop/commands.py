"""A group of commands whose errors are one sentence on standard error, never a traceback."""

import os
import signal
import sys
from typing import Any

import click

from xlbackprop.errors import CheckFailed, UnusableInput


class Commands(click.Group):
    """Exits 2 for bad usage and unusable input, 1 for a failed check, 130 after Ctrl-C."""

    def main(self, *args: Any, **options: Any) -> Any:
        # ended from outside, a command still tidies up after itself
        for name in ("SIGTERM", "SIGHUP"):
            if number := getattr(signal, name, None):
                signal.signal(number, lambda number, _: sys.exit(128 + number))
        try:
            result = super().main(*args, **options | {"standalone_mode": False})
            sys.stdout.flush()
            sys.exit(result)
        except (click.ClickException, UnusableInput) as error:
            message = error.format_message() if isinstance(error, click.ClickException) else str(error)
            code = 2
        except CheckFailed as error:
            message, code = str(error), 1
        except OSError as error:
            reason = error.strerror or str(error)
            message, code = f"The command could not finish: {reason[:1].lower()}{reason[1:]}.", 2
            # what could not be printed cannot be printed later either, when Python ends
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        except (click.Abort, KeyboardInterrupt):
            message, code = "Interrupted.", 130
        click.echo(f"Error: {' '.join(message.split())}", err=True)
        sys.exit(code)
