"""A workbook as a value: sheets of blocks of cells, of which nothing is written yet.

A block is a rectangle of cells with a name, a role and contents. Where its cells stand is an array of
cell ids, a `Place`: rows, columns, windows and transposes of it are NumPy on that array and cost no
cell. A formula is text with holes for places; put into an f-string, a place leaves such a hole. So a
formula may refer to a block that has no contents yet, or no position, and addresses appear only when
the formula is written for a sheet:

    >>> book = Book()
    >>> sheet = book.sheet("Sums")
    >>> numbers = sheet.put("A1", [[1, 2], [3, 4]], role=Role.CONSTANT)
    >>> total = sheet.put("C1", Formula(f"SUM({numbers.place})"))
    >>> transposed = sheet.put("C2", Formula(f"{numbers.place.T[0, 1]:$}*2"))
    >>> from xlbackprop.spreadsheet import addressing
    >>> addressing.written(Formula(f"SUM({numbers.place})"), sheet), book.value(total.place)
    ('SUM(A1:B2)', 10.0)
    >>> addressing.written(transposed.contents[0][0], sheet)
    '$A$2*2'
"""

import re
from bisect import bisect_right
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from xlbackprop.spreadsheet.addresses import place
from xlbackprop.spreadsheet.blocks import Block, Content, FilledDown, FilledOver, Formula, Link, Role
from xlbackprop.spreadsheet.cells import Value
from xlbackprop.spreadsheet.evaluation import evaluated
from xlbackprop.spreadsheet.looks import PLAIN, Look
from xlbackprop.spreadsheet.operands import Formulas
from xlbackprop.spreadsheet.places import HOLE, NO_CELL, Place
from xlbackprop.spreadsheet.presentation import Bars, ColourScale, Note, Page, Rule, Shades, Validation, Width


class Sheet:
    """A sheet: blocks of cells, and how they are shown.

    Attributes:
        name: on its tab.
        about: its line in the contents.
        blocks: in the order in which they were made.
    """

    def __init__(self, book: "Book", name: str, about: str = "") -> None:
        self.book, self.name, self.about = book, name, about
        self.blocks: list[Block] = []
        self.widths: list[Width] = []
        self.heights: dict[int, int] = {}
        self.charts: list[tuple[str, Any, int, int]] = []
        self.rules: list[Rule] = []
        self.scales: list[ColourScale] = []
        self.shades: list[Shades] = []
        self.bars: list[Bars] = []
        self.merged: list[tuple[Place, tuple[int, int]]] = []
        self.validations: list[Validation] = []
        self.notes: list[Note] = []
        self.unlike_neighbours: list[Place] = []
        self.page = Page()

    def reserve(
        self,
        name: str,
        at: str,
        shape: tuple[int, int] | tuple[()] = (),
        role: Role = Role.FORMULA,
    ) -> Block:
        """A block without contents, for others to refer to; `fill` gives it some. Without a shape it is a cell."""
        row, column = place(at)
        rows, columns = shape or (1, 1)
        first_id = self.book.taken(rows * columns)
        block = Block(name, role, self, row, column, (rows, columns), first_id, single=not shape)
        self.blocks.append(block)
        self.book.blocks.append(block)
        return block

    def put(
        self,
        at: str,
        contents: Content | Sequence[Content] | Sequence[Sequence[Content]],
        *looks: Look,
        role: Role | None = None,
        name: str = "",
    ) -> Block:
        """A block with its contents: a single one, a row of them, or rows.

        Without a role, words are text and formulas are formulas; numbers need one.
        """
        rows = _rows(contents)
        if role is None:
            kinds = {type(content) for row in rows for content in row}
            role = Role.FORMULA if Formula in kinds else Role.TEXT
            if kinds & {int, float}:
                raise ValueError(f"the numbers at {self.name}!{at} need a role")
        shape = (len(rows), len(rows[0])) if isinstance(contents, list | tuple) else ()
        block = self.reserve(name, at, shape, role)
        self.fill(block, rows, *looks)
        return block

    def fill(
        self,
        block: Block,
        contents: Content | Sequence[Content] | Sequence[Sequence[Content]] | FilledDown | FilledOver,
        *looks: Look,
    ) -> None:
        """Give a reserved block its contents, of its shape, and its look, one for all or one a column."""
        block.contents = contents if isinstance(contents, FilledDown | FilledOver) else _rows(contents)
        block.looks = looks or (PLAIN,)

    def put_over(self, cells: str, content: Content, *looks: Look, role: Role | None = None, name: str = "") -> Block:
        """A cell that is merged with those right of it and below it: `B4:F6`."""
        first, _, last = cells.partition(":")
        block = self.put(first, content, *looks, role=role, name=name)
        (top, left), (bottom, right) = place(first), place(last)
        self.merge(block, bottom - top + 1, right - left + 1)
        return block

    def merge(self, block: Block, rows: int, columns: int) -> None:
        """Merge each cell of a block of one column with those right of it and below it; a row a cell, or one cell."""
        self.merged += [(block.cell(row), (rows, columns)) for row in range(block.shape[0])]

    def set_widths(self, widths: Mapping[str, int]) -> None:
        """The widths of columns in pixels, by their letters: `A`, or `A:C`."""
        for letters, pixels in widths.items():
            first, _, last = letters.partition(":")
            self.widths.append(Width(place(f"{first}1")[1], place(f"{last or first}1")[1], pixels))


def _rows(contents: Any) -> Sequence[Sequence[Content]]:
    if not isinstance(contents, list | tuple):
        return [[contents]]
    return contents if isinstance(contents[0], list | tuple) else [contents]


@dataclass
class Book:
    """A workbook that nobody has written yet.

    Attributes:
        properties: title, author and the like.
        sheets: in their order.
        names: the cells behind each defined name; with a sheet, a name holds only there.
        locked: whether all but the input cells are locked.
    """

    properties: Mapping[str, str] = field(default_factory=dict)
    sheets: list[Sheet] = field(default_factory=list)
    names: dict[tuple[str, str | None], Place] = field(default_factory=dict)
    locked: bool = False
    blocks: list[Block] = field(default_factory=list)
    _next_id: int = 0
    _values: dict[int, Value] = field(default_factory=dict)
    _columns: dict[tuple[int, int], list[Value]] = field(default_factory=dict)

    def sheet(self, name: str, about: str = "") -> Sheet:
        """A new sheet, behind the others."""
        sheet = Sheet(self, name, about)
        self.sheets.append(sheet)
        return sheet

    def taken(self, count: int) -> int:
        """The first of so many new ids."""
        self._next_id += count
        return self._next_id - count

    @cached_property
    def _first_ids(self) -> list[int]:
        return [block.first_id for block in self.blocks]

    def block(self, cell_id: int) -> Block:
        """The block that a cell belongs to."""
        if len(self._first_ids) != len(self.blocks):
            del self._first_ids
        return self.blocks[bisect_right(self._first_ids, cell_id) - 1]

    def where(self, cell_id: int) -> tuple[Sheet, int, int]:
        """Sheet, row and column of a cell."""
        block = self.block(cell_id)
        row, column = block.position(cell_id)
        return block.sheet, block.row + row, block.column + column

    def formula_over(self, filled: FilledOver, row: int, column: int) -> Formula:
        """The formula that is filled over a block as it is in a cell, counted from 0 within the margin."""
        down, right = filled.step * row, filled.step * column

        def moved(hole: re.Match[str]) -> str:
            fixed = hole["fixed"]
            steps = (down * (fixed in ("", "$1")), right * (fixed in ("", "A$")))
            ends = [int(cell_id) for cell_id in hole["ends"].split(":")]
            width = self.block(ends[0]).shape[1]
            return f"\x02{':'.join(str(one + steps[0] * width + steps[1]) for one in ends)}|{fixed}\x03"

        return Formula(HOLE.sub(moved, filled.formula))

    def value(self, cell: Place) -> Value:
        """What a single cell shows: what stands in it, or what its formula gives."""
        return self._value(int(cell.ids.flat[0]))

    def values(self, cells: Place) -> list[Value]:
        """What cells show, in their order."""
        found: list[Value] = []
        ids = cells.ids.ravel()
        for n, cell_id in enumerate(ids.tolist()):
            block = self.block(cell_id) if cell_id != NO_CELL else None
            if block and isinstance(block.contents, FilledDown):
                column = cell_id - block.first_id
                if np.array_equal(ids[n:], block.column_place(column).ids):
                    # all that is left is a column of a long table, which several charts show
                    ends = int(ids[0]), int(ids[-1])
                    return self._columns.setdefault(ends, [*found, *block.contents.kept[column]])
            found.append(self._value(cell_id))
        return found

    def _value(self, cell_id: int) -> Value:
        if cell_id == NO_CELL:
            return 0.0
        if cell_id not in self._values:
            block = self.block(cell_id)
            row, column = block.position(cell_id)
            if isinstance(block.contents, FilledDown):
                return block.contents.kept[column][row]
            if isinstance(block.contents, FilledOver):
                return self._value_over(cell_id, block, block.contents)
            self._values[cell_id] = self.shown(block.contents[row][column], block.sheet)
        return self._values[cell_id]

    def _value_over(self, cell_id: int, block: Block, filled: FilledOver) -> Value:
        row, column = (n - filled.margin for n in block.position(cell_id))
        height, width = (side - 2 * filled.margin for side in block.shape)
        if not (0 <= row < height and 0 <= column < width):
            return None
        if filled.values is not None:
            return float(filled.values[row, column])
        self._values[cell_id] = self.shown(self.formula_over(filled, row, column), block.sheet)
        return self._values[cell_id]

    def shown(self, content: Content, sheet: Sheet) -> Value:
        """What a cell with these contents shows on a sheet."""
        match content:
            case Formula(value=None):
                return self.evaluated(content, sheet, self._value)
            case Formula():
                return content.value
            case Link():
                return content.text
            case int() | float():
                return float(content)
        return content

    def evaluated(
        self,
        formula: Formula,
        sheet: Sheet,
        value_of: Callable[[int], Value],
        numbers_of: Callable[[NDArray[np.int64]], NDArray[np.float64] | None] = lambda ids: None,
    ) -> Value:
        """What a formula gives on a sheet, with the values that cells have elsewhere.

        Args:
            formula: with holes.
            sheet: the sheet that it stands on, which decides about defined names.
            value_of: the value of a cell, given its id.
            numbers_of: the numbers of many cells, where they are at hand at once.
        """
        return evaluated(formula.text, _InBook(self, sheet, value_of, numbers_of))


@dataclass(frozen=True)
class _InBook(Formulas):
    """What the evaluation of a formula asks for: ranges, names and values."""

    book: Book
    sheet: Sheet
    value_of: Callable[[int], Value]
    numbers_of: Callable[[NDArray[np.int64]], NDArray[np.float64] | None]

    def cells(self, first: int, last: int) -> NDArray[np.int64]:
        start, end = self.book.block(first), self.book.block(last)
        if start is end:
            (top, left), (bottom, right) = start.position(first), start.position(last)
            rows, columns = np.arange(top, bottom + 1), np.arange(left, right + 1)
            return start.first_id + rows[:, None] * start.shape[1] + columns
        # from one block to the one below it: a column over both
        (top, left), (bottom, right) = start.position(first), end.position(last)
        above, below = start.column_place(left).ids[top:], end.column_place(right).ids[: bottom + 1]
        return np.concatenate([above, below])[:, None]

    def named(self, name: str) -> NDArray[np.int64]:
        names = self.book.names
        return names[name, self.sheet.name if (name, self.sheet.name) in names else None].ids.reshape(1, 1)

    def value(self, cell_id: int) -> Value:
        return self.value_of(cell_id)

    def numbers(self, ids: NDArray[np.int64]) -> NDArray[np.float64] | None:
        return self.numbers_of(ids)
