"""Rounding: how far two computations of a number may differ, a run may drift, and pasted numbers may be off."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from xlbackprop.backprop.network import Network
from xlbackprop.reference.functions import Array
from xlbackprop.reference.training import train

#: Two computations of a number agree up to this part of what was added up to get it ...
TOLERANCE = 1e-12
#: ... and up to this, because spreadsheets round what is smaller than the smallest normal number to zero.
TINY = 1e-300

#: Fewer pasted numbers than this say nothing about how far they were rounded ...
_FEWEST = 5
#: ... and are then taken to have so many decimals, at least.
_USUAL_DECIMALS = 6
#: Of numbers that are like no others at least so many digits are shown.
_FEWEST_DIGITS = 2
#: So many zeros at its end a displayed number may have lost.
_LOST_ZEROS = 1

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


def half_a_digit(numbers: Array, texts: Sequence[str | None], *, few: bool = True) -> Array:
    """Half a unit of the last digit that each number of a column shows, pasted as it was displayed; 0 for formulas.

    A displayed number has its own decimals: a cell that is too narrow shows small numbers with more of
    them, or with an exponent. It may have lost a zero at its end, which the others of its size have.

    Args:
        numbers: of a column.
        texts: their formulas; None for each pasted one.
        few: whether too few are pasted to tell how they were rounded, if they are few in this column.
    """
    pasted = np.array([text is None for text in texts]) & np.isfinite(numbers)
    if not pasted.any():
        return np.zeros(len(numbers))
    decimals = np.array([_decimals(float(number)) for number in np.where(pasted, numbers, 0.0)])
    if few and pasted.sum() < _FEWEST:
        return np.where(pasted, 0.5 * 10.0 ** -np.maximum(decimals, _USUAL_DECIMALS).astype(float), 0.0)
    with np.errstate(all="ignore"):
        sizes = np.where(numbers == 0, 0.0, np.floor(np.log10(np.abs(numbers))) + 1)
    least, of_column = np.zeros(len(numbers)), np.argmax(np.bincount(decimals[pasted])) - _LOST_ZEROS
    for size, sign in set(zip(sizes[pasted], np.signbit(numbers[pasted]), strict=True)):
        alike = pasted & (sizes == size) & (np.signbit(numbers) == sign)
        several = alike.sum() >= _FEWEST
        least[alike] = (
            np.argmax(np.bincount(decimals[alike])) - _LOST_ZEROS if several else min(_FEWEST_DIGITS - size, of_column)
        )
    return np.where(pasted, 0.5 * 10.0 ** -np.maximum(decimals, least), 0.0)


def _decimals(number: float) -> int:
    """How many decimals a number shows: a spreadsheet shows 15 digits, 0.19975300000000001 has six."""
    digits, _, exponent = f"{number:.15g}".partition("e")
    return max(len(digits.partition(".")[2].rstrip("0")) - int(exponent or 0), 0)


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
