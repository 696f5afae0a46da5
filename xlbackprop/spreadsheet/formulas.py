"""What a formula refers to, and what stays the same in it when it is filled down a column."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

from xlbackprop.spreadsheet.addresses import column_number
from xlbackprop.spreadsheet.cells import Cell, Sheets

_RANGE = re.compile(
    r"(?:(?P<sheet>'(?:[^']|'')+'|[^'!]+)!)?"
    r"(?P<column_fixed>\$?)(?P<column>[A-Z]{1,3})(?P<row_fixed>\$?)(?P<row>\d{1,7})"
    r"(?::\$?(?P<last_column>[A-Z]{1,3})\$?(?P<last_row>\d{1,7}))?"
)
# kinds of tokens, as openpyxl tells them
_RANGE_OR_NAME, _NUMBER, _CALL, _NO_FORMULA = (
    ("OPERAND", "RANGE"),
    ("OPERAND", "NUMBER"),
    ("FUNC", "OPEN"),
    ("OPERAND", "ERROR"),
)
# no formula holds them
_GAP, _BETWEEN = "\0", "\2"


class Reference(NamedTuple):
    """The cells that a part of a formula refers to: `$A$3`, `C3:D3`, `Sheet1!B2`.

    Attributes:
        sheet: None for the sheet of the formula.
        row, column, last_row, last_column: the corners, counted from 1.
        row_fixed: whether the row stays when the formula is filled down: `A$3`.
    """

    sheet: str | None
    row: int
    column: int
    last_row: int
    last_column: int
    row_fixed: bool

    @property
    def is_cell(self) -> bool:
        """Whether it is a single cell."""
        return (self.row, self.column) == (self.last_row, self.last_column)

    def cell_on(self, sheet: str) -> Cell:
        """Its first cell, where the formula stands on this sheet."""
        return Cell(self.sheet or sheet, self.row, self.column)

    def cells(self) -> Iterator[tuple[int, int]]:
        """Row and column of each cell."""
        for row in range(self.row, self.last_row + 1):
            for column in range(self.column, self.last_column + 1):
                yield row, column


@dataclass(frozen=True)
class Formula:
    """A formula, taken apart.

    Attributes:
        text: as the engine writes it, with its `=`.
        pattern: the text with a gap for each reference.
        references: the cells that it refers to, in order.
        names: the defined names that it uses.
        functions: the functions that it calls, in capitals.
        numbers: the numbers that are typed into it.
    """

    text: str
    pattern: str
    references: tuple[Reference, ...]
    names: tuple[str, ...]
    functions: tuple[str, ...]
    numbers: tuple[float, ...]

    def single_cells(self, sheets: Sheets, sheet: str) -> list[Cell]:
        """The single cells that it refers to, by their addresses and then by names, where it stands on this sheet."""
        cells = [of.cell_on(sheet) for of in self.references if of.is_cell]
        return cells + [cell for name in self.names if (cell := sheets.named_cell(name, sheet))]


@lru_cache(maxsize=8192)
def parsed(text: str) -> Formula:
    """A formula, taken apart."""
    pattern, references, names, functions, numbers = [], [], [], [], []
    for kind, token in _tokens(text):
        pattern.append(token)
        if kind == _RANGE_OR_NAME:
            reference = _reference(token)
            if reference:
                references.append(reference)
                pattern[-1] = _GAP
            else:
                names.append(token)
        elif kind == _NUMBER:
            numbers.append(float(token))
        elif kind == _CALL:
            functions.append(token.rstrip("(").upper().lstrip("@"))
    return Formula(text, "".join(pattern), tuple(references), tuple(names), tuple(functions), tuple(numbers))


def _tokens(text: str) -> list[tuple[tuple[str, str], str]]:
    """The parts of a formula, each with its kind; of one that is no formula, all of it."""
    # all of openpyxl comes with it, which nobody needs whose formulas are known
    from openpyxl.formula.tokenizer import Tokenizer, TokenizerError

    try:
        return [((token.type, token.subtype), token.value) for token in Tokenizer(text).items]
    except TokenizerError:
        return [(_NO_FORMULA, text.removeprefix("="))]


def _reference(text: str) -> Reference | None:
    match = _RANGE.fullmatch(text)
    if not match:
        return None
    sheet = match["sheet"]
    if sheet and sheet.startswith("'"):
        sheet = sheet[1:-1].replace("''", "'")
    row, column = int(match["row"]), column_number(match["column"])
    last_row = int(match["last_row"] or row)
    last_column = column_number(match["last_column"]) if match["last_column"] else column
    return Reference(
        sheet,
        min(row, last_row),
        min(column, last_column),
        max(row, last_row),
        max(column, last_column),
        bool(match["row_fixed"]),
    )


@lru_cache(maxsize=8192)
def filled_form(text: str, row: int) -> str:
    """The formula with every row that moves when it is filled down counted from its own row.

    Columns do not move then, so it makes no difference whether they are fixed. Two cells of a column
    hold the same formula, filled down, when their forms are equal.
    """
    parts = []
    for kind, value in _tokens(text):
        if kind == _RANGE_OR_NAME and _reference(value):
            sheet, mark, cells = value.rpartition("!")
            moved = re.sub(r"(?<!\$)\$?\b([A-Z]{1,3})(\d{1,7})\b", lambda m: f"{m[1]}[{int(m[2]) - row}]", cells)
            value = sheet + mark + moved
        parts.append(value)
    return "=" + "".join(parts)


@dataclass(frozen=True)
class FilledFormula:
    """A formula that is filled down some rows of a column; None where numbers stand.

    Attributes:
        text: as it stands in one of them.
        row: that row.
        steps: the steps in whose rows it stands.
    """

    text: str | None
    row: int
    steps: tuple[int, ...]


@lru_cache(maxsize=64)
def _row_numbers(rows: tuple[int, ...]) -> tuple[tuple[str, str], ...]:
    """The number of each row and of the one above it, as a formula writes them."""
    return tuple((str(row), str(row - 1)) for row in rows)


def filled_formulas(texts: Sequence[str | None], rows: Sequence[int]) -> list[FilledFormula]:
    """The different formulas of a column, in the order in which they appear.

    Args:
        texts: the formula of each row, or None.
        rows: the row of each.
    """
    return filled_columns({"": texts}, rows)[""]


def filled_columns(columns: Mapping[str, Sequence[str | None]], rows: Sequence[int]) -> dict[str, list[FilledFormula]]:
    """The different formulas of each column, in the order in which they appear.

    Args:
        columns: by name, the formula of each row, or None.
        rows: the row of each.
    """
    # most rows differ in nothing but their own row number, which is cheap to see for all columns at once
    alike: dict[str, list[int]] = {}
    for step, (texts, (own, above)) in enumerate(
        zip(zip(*columns.values(), strict=True), _row_numbers(tuple(rows)), strict=True)
    ):
        row = _BETWEEN.join([text or "" for text in texts])
        alike.setdefault(row.replace(own, "\0").replace(above, "\1"), []).append(step)
    return {name: _filled(texts, rows, list(alike.values())) for name, texts in columns.items()}


def _filled(texts: Sequence[str | None], rows: Sequence[int], alike: Sequence[Sequence[int]]) -> list[FilledFormula]:
    """The different formulas of a column, which holds the same one in steps that are alike."""
    groups: dict[str | None, list[int]] = {}
    for steps in alike:
        text = texts[steps[0]]
        groups.setdefault(text and filled_form(text, rows[steps[0]]), []).extend(steps)
    found = [tuple(sorted(steps)) for steps in groups.values()]
    return [FilledFormula(texts[steps[0]], rows[steps[0]], steps) for steps in sorted(found)]
