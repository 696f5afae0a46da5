"""Ctrl-C before a command has begun: there is nothing to tidy up and nothing to say."""

import os
import signal

#: What a command ends with after Ctrl-C.
EXIT_CODE = 130


def end_in_silence() -> None:
    """Have Ctrl-C end the process at once, while its modules are imported; whoever ignores it goes on doing so."""
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, _end)


def raise_again() -> None:
    """Have Ctrl-C raise a KeyboardInterrupt, as ever."""
    if signal.getsignal(signal.SIGINT) is _end:
        signal.signal(signal.SIGINT, signal.default_int_handler)


def _end(*_: object) -> None:
    os._exit(EXIT_CODE)
