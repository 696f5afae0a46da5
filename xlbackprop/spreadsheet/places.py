"""Where cells stand: arrays of cell ids, and the holes that they leave in formulas."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

#: The id of a zero that stands in no cell: what lies outside a padded map, or behind a mask.
NO_CELL = -1
#: A hole in the text of a formula: the ids of its first and last cell, and what is fixed, or how fast it moves.
HOLE = re.compile(r"\x02(?P<ends>\d+(?::\d+)?)\|(?P<fixed>[A$1]*|[*/]\d+)\x03")


@dataclass(frozen=True)
class Place:
    """Where cells stand: their ids, in a shape of their own, of any rank."""

    ids: NDArray[np.int64]

    def __getitem__(self, key: Any) -> "Place":
        return Place(np.asarray(self.ids[key]))

    def __iter__(self) -> Iterator["Place"]:
        return (Place(np.asarray(ids)) for ids in self.ids)

    @property
    def T(self) -> "Place":
        """The same cells with their axes reversed."""
        return Place(self.ids.T)

    @property
    def shape(self) -> tuple[int, ...]:
        return self.ids.shape

    def __format__(self, fixed: str) -> str:
        """The hole for these cells in a formula: a cell, or a range from the first to the last.

        Args:
            fixed: what stays when the formula is filled right and down: nothing, `$` both, `$1` the
                column and `A$` the row. With `*4` it moves by four rows where the formula goes one down, and
                with `/4` by one where the formula goes four: between a row and its four rows of another table.
        """
        ends = (self.ids.flat[0], self.ids.flat[-1]) if self.ids.ndim else (int(self.ids),)
        return f"\x02{':'.join(map(str, ends))}|{fixed}\x03"

    __str__ = __format__  # type: ignore[assignment]


def joined(places: Iterable[Place]) -> Place:
    """The cells of several places one after another."""
    return Place(np.concatenate([place.ids.ravel() for place in places]))
