"""The ways in which a command can fail that are no bug; each message is one sentence for people."""

from typing import ClassVar


class Failure(Exception):
    """A failure that is no bug.

    Attributes:
        exit_code: what a command ends with.
    """

    exit_code: ClassVar[int]


class UnusableInput(Failure):
    """What the user gave cannot be used; the message says why and what to do."""

    exit_code = 2


class FileExists(UnusableInput):
    """A file is there already, and to replace it was not asked for."""


class CheckFailed(Failure):
    """A workbook does not hold the right numbers."""

    exit_code = 1
