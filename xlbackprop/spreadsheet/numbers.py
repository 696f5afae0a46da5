"""How a number is written."""


def short_number(value: float) -> str:
    """A number as a person types it, with all its digits: `0.1`, `1`, `1e-05`."""
    return repr(float(value)).removesuffix(".0")
