"""What a formula computes with: values, ranges and error values, and how one becomes another."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from xlbackprop.spreadsheet.cells import Value
from xlbackprop.spreadsheet.numbers import short_number


class Formulas(Protocol):
    """What an evaluation needs to know of the workbook."""

    def cells(self, first: int, last: int) -> NDArray[np.int64]:
        """The ids of a range, of shape (rows, columns)."""

    def named(self, name: str) -> NDArray[np.int64]:
        """The ids behind a defined name."""

    def value(self, cell_id: int) -> Value:
        """What a cell shows."""

    def numbers(self, ids: NDArray[np.int64]) -> NDArray[np.float64] | None:
        """What cells show, where that is at hand at once and nothing but numbers."""


class CellError(Exception):
    """An error value, such as #N/A; the message is what the cell shows."""


@dataclass(frozen=True)
class Range:
    """Cells whose values are not asked for yet, so that INDEX looks at one of 100,000 only."""

    ids: NDArray[np.int64]
    workbook: Formulas

    def values(self) -> Sequence[Value]:
        numbers = self.numbers()
        if numbers is not None:
            return numbers.tolist()
        return [self.workbook.value(int(cell_id)) for cell_id in self.ids.ravel()]

    def numbers(self) -> NDArray[np.float64] | None:
        return self.workbook.numbers(self.ids) if self.ids.size > 1 else None

    def array(self) -> NDArray[Any]:
        return np.array([raised(value) for value in self.values()], dtype=object).reshape(self.ids.shape)


@dataclass(frozen=True)
class Given:
    """What a formula is evaluated with: the workbook, and the first and last cell of each of its holes."""

    workbook: Formulas
    ends: Sequence[tuple[int, int]]


Result = Any  # a Value, a Range, or an array of values
Node = Callable[[Given], Result]


def raised(value: Value) -> Value:
    """A value that is no error value.

    Raises:
        CellError: it is one.
    """
    if isinstance(value, str) and value.startswith("#") and value.endswith(("!", "?", "A")):
        raise CellError(value)
    return value


def scalar(result: Result) -> Result:
    """A range of one cell as its value, a larger one as an array."""
    if isinstance(result, Range):
        return raised(result.values()[0]) if result.ids.size == 1 else result.array()
    return result


def single(result: Result) -> Value:
    """What a cell shows of a result.

    Raises:
        ValueError: it is an array.
    """
    value = scalar(result)
    if isinstance(value, np.ndarray):
        raise ValueError("a formula gives an array")
    return 0.0 if value is None else value


def number_of(value: Result) -> float:
    """A value where a number belongs.

    Raises:
        CellError: it is a text.
    """
    if value is None:
        return 0.0
    if isinstance(value, str):
        raise CellError("#VALUE!")
    return float(value)


def text_of(value: Value) -> str:
    """A value where a text belongs."""
    if isinstance(value, bool):
        return "TRUE" if value else "FALSE"
    return short_number(value) if isinstance(value, float | int) else value or ""


def compared(operator: str, a: Value, b: Value) -> bool:
    """Whether a comparison of two values holds."""
    # numbers come before texts
    keys = [
        (isinstance(v, str), v.casefold() if isinstance(v, str) else 0.0 if v is None else float(v)) for v in (a, b)
    ]
    x, y = keys
    return {"=": x == y, "<>": x != y, "<": x < y, ">": x > y, "<=": x <= y, ">=": x >= y}[operator]
