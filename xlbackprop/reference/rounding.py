"""Rounding: how far two computations of a number may differ, a run may drift, and pasted numbers may be off."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from xlbackprop.backprop.network import Network
from xlbackprop.reference.functions import Array
from xlbackprop.reference.passes import train

#: Two computations of a number agree up to this part of what was added up to get it ...
TOLERANCE = 1e-12
#: ... and up to this, because spreadsheets round what is smaller than the smallest normal number to zero.
TINY = 1e-300

#: Fewer pasted numbers than this say nothing about how far they were rounded ...
_FEWEST = 5
#: ... and are then taken to have so many decimals, at least.
_USUAL_DECIMALS = 6
_DOUBLE_DIGITS = 17

# How far rounding may move a run is measured in two ways: by a few runs in which every weight is off in
# its last digit at each step, and by the values that the formulas give, operation by operation.
_NOISE = float(np.finfo(float).eps)
_NOISY_RUNS = 3
_NOISE_MARGIN = 10_000
_FORMULA_MARGIN = 1_000
# In a longer run the formulas alone have shown it, and the other runs would take seconds.
_LONGEST_NOISY_RUN = 5_000
# One step's spread may be small by chance; it is at least this part of that of the step before.
_MEMORY = 0.8
#: Where rounding may have moved E_total by more than this part, comparing it says nothing.
INCOMPARABLE = 1e-3


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


@dataclass(frozen=True)
class ReferenceTotals:
    """E_total as NumPy computes it, at some steps, for each learning rate.

    Attributes:
        values: shape (steps, learning rates).
        allowed: the difference that rounding explains, of the same shape; NaN where rounding has grown
            so far that a comparison says nothing.
    """

    values: Array
    allowed: Array


def reference_totals(
    network: Network,
    etas: Sequence[float],
    steps: Sequence[int],
    by_formulas: Sequence[Sequence[float]],
    on_step: Callable[[], object] = lambda: None,
) -> ReferenceTotals:
    """E_total as NumPy computes it, and how far a spreadsheet may be from it.

    Args:
        network: what is trained.
        etas: the learning rates.
        steps: where E_total is wanted.
        by_formulas: for each learning rate E_total at every step as the formulas give it; only the
            allowance for rounding depends on it.
        on_step: called after each step.
    """
    noisy_runs = _NOISY_RUNS if max(steps) < _LONGEST_NOISY_RUN else 0
    runs = 1 + noisy_runs
    # one axis for the runs and the learning rates: all η of the exact run, then those of the noisy ones
    noise = [0.0] * len(etas) + [_NOISE] * len(etas) * noisy_runs if noisy_runs else None
    wanted, values, allowed = set(steps), [], []
    by_cells = [np.asarray(totals) for totals in by_formulas]
    spread = largest_spread = np.zeros(len(etas))
    for n, step in enumerate(train(network, [*etas] * runs, max(steps), noise)):
        totals = step.total.reshape(runs, len(etas))
        exact = totals[0]
        if n == 0:
            # an error that has all but vanished is compared with the one at the start
            floor = TOLERANCE * exact + TINY
        size = np.maximum(exact, floor)
        noise_off = np.abs(totals - exact).max(axis=0)
        formula_off = np.abs([totals[n] for totals in by_cells] - exact)
        with np.errstate(over="ignore"):
            spread = np.fmax((_NOISE_MARGIN * noise_off + _FORMULA_MARGIN * formula_off) / size, _MEMORY * spread)
        largest_spread = np.fmax(largest_spread, spread)
        if n in wanted:
            values.append(exact)
            tolerance = TOLERANCE * exact + spread * size + TINY
            allowed.append(np.where(largest_spread < INCOMPARABLE, tolerance, np.nan))
        on_step()
    return ReferenceTotals(np.array(values), np.array(allowed))
