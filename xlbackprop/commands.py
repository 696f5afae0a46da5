"""A group of commands whose errors are one sentence on standard error, never a traceback."""

import os
import signal
import sys
from typing import Any

import click

from xlbackprop.errors import Failure, FileExists


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
        except click.ClickException as error:
            message, code = error.format_message(), 2
        except FileExists as error:
            # only the command line knows what the option is called
            message, code = f"{str(error).removesuffix('.')} with --force.", error.exit_code
        except Failure as error:
            message, code = str(error), error.exit_code
        except OSError as error:
            reason = error.strerror or str(error)
            message, code = f"The command could not finish: {reason[:1].lower()}{reason[1:]}.", 2
            # what could not be printed cannot be printed later either, when Python ends
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        except (click.Abort, KeyboardInterrupt):
            message, code = "Interrupted.", 130
        click.echo(f"Error: {' '.join(message.split())}", err=True)
        sys.exit(code)
