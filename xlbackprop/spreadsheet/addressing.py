"""Formulas with addresses, as they stand in a file: where a cell is becomes text only here."""

import re
from collections.abc import Iterator, Sequence

from xlbackprop.spreadsheet.addresses import column_letters, quoted
from xlbackprop.spreadsheet.blocks import Block, FilledOver, Formula
from xlbackprop.spreadsheet.book import Book, Sheet
from xlbackprop.spreadsheet.places import HOLE, Place

#: The mark of a row number that moves with the row of its formula: how far it lies below, or where it starts and how
#: fast it moves.
ROW_MARK = re.compile(r"\x04(?P<row>-?\d+)(?:(?P<pace>[*/])(?P<rows>\d+))?\x05")


def row_number(mark: re.Match[str], first_row: int, down: int) -> int:
    """The row number that stands for a mark.

    Args:
        mark: a match of `ROW_MARK`.
        first_row: the row of the first formula.
        down: how many rows below it the formula stands.
    """
    row, rows = int(mark["row"]), int(mark["rows"] or 1)
    if not mark["pace"]:
        return first_row + down + row
    return row + (down * rows if mark["pace"] == "*" else down // rows)


def in_row(template: str, first_row: int, down: int) -> str:
    """The text of a formula that is filled down, as it stands so many rows below the first."""
    return ROW_MARK.sub(lambda mark: str(row_number(mark, first_row, down)), template)


def address(book: Book, cells: Place, fixed: str = "", on: Sheet | None = None, from_row: int | None = None) -> str:
    """The cells as a formula writes them: a cell, or a range from the first to the last.

    Args:
        book: of the cells.
        cells: a rectangle of them.
        fixed: what stays when the formula is filled right and down, as `Place.__format__` has it.
        on: the sheet of the formula; without it, the name of the cells' sheet stands in front.
        from_row: instead of a row number that is not fixed, leave a mark of `ROW_MARK`, for a formula that is
            filled down from this row.
    """
    ends = [int(cells.ids.flat[n]) for n in ((0, -1) if cells.ids.ndim else (0,))]
    return _address(book, ends, fixed, on, from_row)


def _address(book: Book, ends: Sequence[int], fixed: str, on: Sheet | None, from_row: int | None) -> str:
    corners = [book.where(end) for end in ends]
    texts = [_fixed(row, column, fixed, from_row) for _, row, column in corners]
    sheet = corners[0][0]
    return ("" if sheet is on else f"{quoted(sheet.name)}!") + ":".join(texts)


def written(formula: Formula | str, on: Sheet, from_row: int | None = None) -> str:
    """The text of a formula with addresses, as it stands on a sheet; the other arguments are those of `address`."""
    text = formula.text if isinstance(formula, Formula) else formula

    def filled(hole: re.Match[str]) -> str:
        return _address(on.book, [int(end) for end in hole["ends"].split(":")], hole["fixed"], on, from_row)

    return HOLE.sub(filled, text)


def written_over(block: Block, filled: FilledOver) -> Iterator[tuple[int, int, str]]:
    """Row and column in the sheet of each cell that a formula is filled over, with its text there."""
    book = block.sheet.book
    rows: list[int] = []
    columns: list[int] = []

    def end(cell_id: int, fixed: str) -> str:
        _, row, column = book.where(cell_id)
        text = "$" * (fixed in ("$", "$1"))
        if fixed in ("$", "$1"):
            text += column_letters(column)
        else:
            columns.append(column)
            text += "%%s"
        if fixed in ("$", "A$"):
            return f"{text}${row}"
        rows.append(row)
        return text + "%d"

    def template(hole: re.Match[str]) -> str:
        ends = [int(cell_id) for cell_id in hole["ends"].split(":")]
        sheet = book.block(ends[0]).sheet
        name = "" if sheet is block.sheet else f"{quoted(sheet.name)}!".replace("%", "%%%%")
        return name + ":".join(end(cell_id, hole["fixed"]) for cell_id in ends)

    # rows are filled in first, then columns
    text = HOLE.sub(template, filled.formula.replace("%", "%%%%"))
    height, width = (side - 2 * filled.margin for side in block.shape)
    across = [tuple(column_letters(column + filled.step * n) for column in columns) for n in range(width)]
    first_row, first_column = block.row + filled.margin, block.column + filled.margin
    for n in range(height):
        line = text % tuple(row + filled.step * n for row in rows)
        for k, letters in enumerate(across):
            yield first_row + n, first_column + k, line % letters


def _fixed(row: int, column: int, fixed: str, from_row: int | None) -> str:
    shown = str(row)
    if from_row is not None and fixed[:1] in ("*", "/"):
        shown = f"\x04{row}{fixed}\x05"
    elif from_row is not None and fixed in ("", "$1"):
        shown = f"\x04{row - from_row}\x05"
    return f"{'$' * (fixed in ('$', '$1'))}{column_letters(column)}{'$' * (fixed in ('$', 'A$'))}{shown}"
