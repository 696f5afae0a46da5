"""The two ways in which a command can fail that are not a bug."""


class UnusableInput(Exception):
    """What the user gave cannot be used; the message is one sentence that says why and what to do."""


class CheckFailed(Exception):
    """A workbook does not hold the right numbers; the message is one sentence."""
