"""How far numbers that were pasted may have been rounded."""

import math
from collections.abc import Sequence

import numpy as np

from xlbackprop.reference import Array

#: Fewer pasted numbers than this say nothing about how far they were rounded ...
_FEWEST = 5
#: ... and are then taken to have so many decimals, at least.
_USUAL_DECIMALS = 6
_DOUBLE_DIGITS = 17


def half_a_digit(numbers: Array, texts: Sequence[str | None]) -> Array:
    """Half a unit of the last digit that the pasted numbers of a column show, for each of its numbers.

    They were rounded to so many decimals, or to so many digits in all.
    """
    pasted = [
        float(number) for number, text in zip(numbers, texts, strict=True) if text is None and math.isfinite(number)
    ]
    if not pasted:
        return np.zeros(1)
    decimals = max(_decimals(number) for number in pasted)
    digits = max((_digits(number) for number in pasted if number), default=_DOUBLE_DIGITS)
    if len(pasted) < _FEWEST:
        decimals, digits = max(decimals, _USUAL_DECIMALS), _DOUBLE_DIGITS
    with np.errstate(all="ignore"):
        size = np.floor(np.log10(np.abs(numbers))) + 1
        of_digits = np.where(np.isfinite(size), 0.5 * 10.0 ** (size - digits), 0.0)
    return np.maximum(0.5 * 10.0**-decimals, of_digits)


def _decimals(number: float) -> int:
    digits, _, exponent = f"{number!r}".partition("e")
    return max(len(digits.partition(".")[2].rstrip("0")) - int(exponent or 0), 0)


def _digits(number: float) -> int:
    """How many digits a number has from the first that is not 0."""
    return max(_decimals(number) + math.floor(math.log10(abs(number))) + 1, 1)
