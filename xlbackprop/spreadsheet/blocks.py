"""Blocks: rectangles of cells with a name, a role and contents."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from xlbackprop.spreadsheet.cells import Value
from xlbackprop.spreadsheet.looks import PLAIN, Look
from xlbackprop.spreadsheet.places import Place

if TYPE_CHECKING:
    from xlbackprop.spreadsheet.book import Sheet


class Role(StrEnum):
    """What a cell is for, and with that, who may change it and who judges it."""

    #: a number that a reader may edit
    INPUT = "input"
    #: a formula: it must be the one that stands here, and its value must follow from the cells it refers to
    FORMULA = "formula"
    #: a formula for a quantity, whose value is judged by the reference too
    QUANTITY = "quantity"
    #: a formula of a table whose columns are filled down, which is judged as a whole
    TABLE = "table"
    #: a number from the time of building
    CONSTANT = "constant"
    #: words that no number depends on
    TEXT = "text"


@dataclass(frozen=True)
class Formula:
    """A formula without its `=`, with holes for places.

    Attributes:
        text: the formula.
        value: what it gives, where that is known already; else it is evaluated.
    """

    text: str
    value: Value = None


@dataclass(frozen=True)
class Link:
    """A text that leads to the top of another sheet."""

    text: str
    sheet: str


Content = float | str | Formula | Link | None


@dataclass(frozen=True)
class FilledDown:
    """A row of formulas, filled down; its rows are streamed into the file and never kept.

    Attributes:
        formulas: those of the first row, column by column; what is not fixed in them moves with each row, or at a
            pace of its own.
        rows: the values of each row, read once, when the file is written.
        kept: the values of whole columns, for those that are referred to, by the number of the column.
    """

    formulas: Sequence[Formula]
    rows: Iterable[Sequence[float]]
    kept: Mapping[int, Sequence[float]]


@dataclass(frozen=True)
class FilledOver:
    """One formula, filled right and down over a block, or over what lies within a margin of empty cells.

    Attributes:
        formula: that of the first cell, with holes; what is not fixed in it moves with each cell.
        step: by how many cells it moves where the formula goes one cell on: the side of the squares that are pooled.
        margin: how many cells on each side of the block stay empty.
        values: what each cell shows, (rows, columns), where that is known already; else it is evaluated.
    """

    formula: str
    step: int = 1
    margin: int = 0
    values: NDArray[np.float64] | None = None


@dataclass
class Block:
    """A rectangle of cells.

    Attributes:
        name: what it is, in a few words.
        role: what its cells are for.
        sheet: the sheet that it stands on.
        row, column: where its first cell stands.
        shape: how many rows and columns it has.
        first_id: the id of its first cell; the others follow row by row.
        single: whether it is one cell, which a formula names as a cell and not as a range.
        contents: what stands in it, row by row; empty until it is filled.
        looks: how each column looks; of a single look, all.
        row_looks: how some rows look instead, by their number.
    """

    name: str
    role: Role
    sheet: "Sheet"
    row: int
    column: int
    shape: tuple[int, int]
    first_id: int
    single: bool = False
    contents: Sequence[Sequence[Content]] | FilledDown | FilledOver = ()
    looks: Sequence[Look] = (PLAIN,)
    row_looks: Mapping[int, Look] = field(default_factory=dict)

    @cached_property
    def place(self) -> Place:
        """All its cells, of shape (rows, columns); of a single cell, without axes."""
        if self.single:
            return self.cell(0)
        return Place(np.arange(self.first_id, self.first_id + self.shape[0] * self.shape[1]).reshape(self.shape))

    def column_place(self, column: int) -> Place:
        """The cells of a column, counted from 0, without an array of all the others."""
        return Place(self.first_id + column + self.shape[1] * np.arange(self.shape[0]))

    def cell(self, row: int, column: int = 0) -> Place:
        """A single cell, counted from 0."""
        return Place(np.asarray(self.first_id + row * self.shape[1] + column))

    def look(self, row: int, column: int) -> Look:
        """How a cell looks, counted from 0."""
        return self.row_looks.get(row) or self.looks[column if len(self.looks) > 1 else 0]

    def cells(self) -> Iterator[tuple[int, int, Content]]:
        """Row and column in the sheet of each cell with contents of its own, with what stands in it."""
        if not isinstance(self.contents, FilledDown | FilledOver):
            for n, row in enumerate(self.contents):
                for k, content in enumerate(row):
                    yield self.row + n, self.column + k, content

    def position(self, cell_id: int) -> tuple[int, int]:
        """Row and column of a cell within the block, counted from 0."""
        return divmod(cell_id - self.first_id, self.shape[1])
