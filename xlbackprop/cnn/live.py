"""The recalculated cells of a workbook, by the places of its sheets as they are built."""

from collections.abc import Sequence
from functools import cached_property
from itertools import groupby

import numpy as np
from numpy.typing import NDArray

from xlbackprop.errors import UnusableInput
from xlbackprop.spreadsheet.addresses import cell_address, column_ranges
from xlbackprop.spreadsheet.book import Book
from xlbackprop.spreadsheet.cells import Sheets, Value, as_number
from xlbackprop.spreadsheet.places import Place


class LiveCells:
    """What the cells of a book show in a recalculated workbook.

    Args:
        sheets: the recalculated cells.
        book: where everything stands.
    """

    def __init__(self, sheets: Sheets, book: Book) -> None:
        self.sheets, self._book = sheets, book

    @cached_property
    def _values(self) -> list[Value]:
        """The value of each cell, by its id."""
        found: list[Value] = []
        for block in self._book.blocks:
            values = self.sheets.values(block.sheet.name)
            for row in range(block.row, block.row + block.shape[0]):
                found += [values.get((row, column)) for column in range(block.column, block.column + block.shape[1])]
        return found

    @cached_property
    def _numbers(self) -> NDArray[np.float64]:
        """The number of each cell, by its id: 0 for an empty one, NaN for what is no number."""
        return np.array([0.0 if value is None else as_number(value) for value in self._values])

    def value(self, cell_id: int) -> Value:
        """What a cell shows."""
        return self._values[cell_id]

    def numbers(self, cells: Place) -> NDArray[np.float64]:
        """The numbers of cells, in their shape: 0 for an empty one, NaN for what is no number."""
        return self._numbers[cells.ids]

    def input_numbers(self, cells: Place) -> NDArray[np.float64]:
        """The numbers of cells that a reader may edit.

        Raises:
            UnusableInput: one holds something else.
        """
        found = self.numbers(cells)
        if not np.isfinite(found).all():
            at = int(np.flatnonzero(~np.isfinite(found))[0])
            cell_id = int(cells.ids.flat[at])
            raise UnusableInput(
                f"the cell {self.address(cell_id)} of the sheet {self.where(cell_id)[0]} holds "
                f"{self.value(cell_id)} where a number belongs: type one there."
            )
        return found

    def where(self, cell_id: int) -> tuple[str, int, int]:
        """Sheet, row and column of a cell."""
        sheet, row, column = self._book.where(cell_id)
        return sheet.name, row, column

    def address(self, cell_id: int) -> str:
        """The address of a cell within its sheet."""
        return cell_address(*self.where(cell_id)[1:])


def area(cells: Sequence[tuple[int, int]]) -> tuple[str, ...]:
    """Cells, given by row and column, as ranges: one where they fill a rectangle, else ranges of columns."""
    rows, columns = zip(*cells, strict=True)
    first, last = (min(rows), min(columns)), (max(rows), max(columns))
    if len(set(cells)) == (last[0] - first[0] + 1) * (last[1] - first[1] + 1):
        ends = cell_address(*first), cell_address(*last)
        return (ends[0],) if first == last else (":".join(ends),)
    found: list[str] = []
    for column, own in groupby(sorted(cells, key=lambda cell: cell[::-1]), key=lambda cell: cell[1]):
        found += column_ranges([row for row, _ in own], column)
    return tuple(found)
