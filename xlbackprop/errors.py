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


def reason(error: BaseException) -> str:
    """What an error of the system or of a library says first, as the end of one of our sentences, without a stop."""
    text = str(getattr(error, "strerror", None) or error).strip().partition(". ")[0].rstrip(".")
    # ZIP64 and the like stay as they are
    return text[:1].lower() + text[1:] if text[1:2].islower() else text
