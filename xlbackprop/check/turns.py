"""Samples that take turns, a row each: in order, or in an order that is drawn; and one of them that is mistyped."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from xlbackprop.reference import Array

#: One row in so many may be mistyped.
_MISTYPED = 20
#: More samples than these are not looked for where one is mistyped.
_MOST_SAMPLES = 50
#: So many times at least each sample has its turn, where one of them is mistyped.
_FEWEST_TURNS = 3


@dataclass(frozen=True)
class Turns:
    """What the inputs and targets of a table are.

    Attributes:
        samples: how many samples take turns; 0 where each row has the same one.
        given: what each input and target should be, row by row, of shape (names, rows).
        period: after how many rows a sample has its turn again; 0 where they come in no order.
    """

    samples: int
    given: Array
    period: int = 0


def turns(given: Array) -> Turns:
    """How the samples of a table take turns.

    Args:
        given: its inputs and targets, of shape (names, rows).
    """
    if not given.size or (given == given[:, :1]).all():
        return Turns(0, given)
    rows = given.shape[1]
    for period in range(2, rows // 2 + 1):
        if (given[:, period:] == given[:, :-period]).all():
            return Turns(period, given, period)
    for period in range(2, min(rows // _FEWEST_TURNS, _MOST_SAMPLES) + 1):
        cycle = np.array([[_usual(row[turn::period]) for turn in range(period)] for row in given])
        should = np.tile(cycle, rows // period + 1)[:, :rows]
        mistyped = int((should != given).any(axis=0).sum())
        if (cycle != cycle[:, :1]).any() and mistyped <= max(1, rows // _MISTYPED):
            return Turns(period, should, period)
    samples = Counter(map(tuple, given.T.tolist()))
    changes = int((given[:, 1:] != given[:, :-1]).any(axis=0).sum())
    drawn = len(samples) * _FEWEST_TURNS <= rows and min(samples.values()) > 1 and changes * _FEWEST_TURNS >= rows
    return Turns(len(samples), given) if drawn else Turns(0, given)


def _usual(numbers: Array) -> float:
    values: Sequence[float] = numbers.tolist()
    return Counter(values).most_common(1)[0][0]
