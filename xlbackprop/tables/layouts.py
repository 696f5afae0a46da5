"""Other layouts than a table with a row a step: they are not judged, and this says what was seen."""

import re
from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass

from xlbackprop.spreadsheet.addresses import cell_address
from xlbackprop.spreadsheet.cells import Sheets, Value
from xlbackprop.spreadsheet.formulas import parsed
from xlbackprop.tables.headers import quantity
from xlbackprop.tables.table import Table

#: So many labels are a layout, fewer a legend.
_FEWEST_LABELS = 5
#: A training has so many updates in a row, and so many rows of them.
_FEWEST_UPDATES, _FEWEST_ROWS = 4, 2
#: What a summary of trainings, one in each column, does not list.
_GRADIENTS = {"dE_dw1", "dE_dw2"}
_TURNED = "has a quantity in each row, from {} down, and a step in each column: transpose it to have it judged"
# w14 from input 1 to neuron 4, w_ih, b6
_WEIGHT = re.compile(r"[wW][_ ]?\w{1,4}|[bB][_ ]?\d{1,2}")


def unjudged_layout(sheets: Sheets) -> str | None:
    """What the first sheet of a workbook without a table holds of backpropagation, in words; None for nothing."""
    for sheet in sheets.visible:
        values = sheets.values(sheet)
        for seen in (_transposed(values), _matrices(sheets, sheet), _one_step(values)):
            if seen:
                return f"the sheet {sheet} {seen}"
    return None


@dataclass(frozen=True)
class Unread:
    """What looks like a training on a sheet, and is no table that is understood.

    Attributes:
        sheet: the sheet.
        row: the row in which it begins.
        seen: what is seen, in words.
    """

    sheet: str
    row: int
    seen: str


def unread_tables(sheets: Sheets, tables: Sequence[Table]) -> Iterator[Unread]:
    """What looks like a training beside the tables that were found: a step in each column, or foreign headers."""
    for sheet in sheets.visible:
        own = [table for table in tables if table.sheet == sheet]
        if not own and (found := _rows_of_steps(sheets.values(sheet))) and found[2] >= _GRADIENTS:
            yield Unread(sheet, found[0], _TURNED.format(cell_address(*found[:2])))
            continue
        known = {row for table in own if table.rows for row in range(table.header_row, table.rows[-1] + 1)}
        rows = _rows_of_updates(sheets, sheet, known)
        if len(rows) >= _FEWEST_ROWS:
            yield Unread(
                sheet,
                rows[0],
                f"looks like a training, with updates from row {rows[0]} on, but the headers above are not understood: "
                "call its columns w1, h1, a_h1, E_total, ∂E/∂w1 and so on to have it judged",
            )


def _rows_of_updates(sheets: Sheets, sheet: str, known: Collection[int]) -> list[int]:
    """The rows, but for those known, in which several cells follow from the cell above and from another beside it."""
    # on most sheets hardly any is left
    formulas = {place: text for place, text in sheets.formulas(sheet).items() if place[0] not in known}
    values = sheets.values(sheet)
    if not any(name in "".join(formulas.values()) for name in ("EXP(", "TANH(", "MAX(", "^(-")):
        return []
    counts: Counter[int] = Counter()
    for (row, column), text in formulas.items():
        if type(values.get((row, column))) is float and cell_address(row - 1, column) in text.replace("$", ""):
            above = {of.column for of in parsed(text).references if of.is_cell and of.row == row - 1 and not of.sheet}
            counts[row] += column in above and len(above) > 1
    return sorted(row for row, count in counts.items() if count >= _FEWEST_UPDATES)


def _labels(values: Mapping[tuple[int, int], Value]) -> dict[tuple[int, int], str]:
    """The cells with the name of a quantity and a number to their right."""
    return {
        (row, column): text
        for (row, column), text in values.items()
        if isinstance(text, str)
        and isinstance(values.get((row, column + 1)), float)
        and (quantity(text) or _WEIGHT.fullmatch(text.strip()))
    }


def _one_step(values: Mapping[tuple[int, int], Value]) -> str | None:
    labels = _labels(values)
    weights = [(place, text) for place, text in sorted(labels.items()) if text.strip().lower().startswith("w")]
    if len(labels) < _FEWEST_LABELS or len(weights) < 2:
        return None
    (row, column), text = weights[0]
    return (
        f"has its numbers beside their labels, such as {text.strip()} in {cell_address(row, column + 1)}: that is "
        "one step of a training, and only tables with a row a step are judged"
    )


def _transposed(values: Mapping[tuple[int, int], Value]) -> str | None:
    found = _rows_of_steps(values)
    return _TURNED.format(cell_address(*found[:2])) if found else None


def _rows_of_steps(values: Mapping[tuple[int, int], Value]) -> tuple[int, int, set[str]] | None:
    """Where quantities stand below each other, each with a step in each column, and which they are."""
    by_column: dict[int, list[tuple[int, str]]] = {}
    for row, column in _labels(values):
        name = quantity(str(values[row, column]))
        # found, expected and how far they are apart, as our sheet Check has them, are no steps
        if name and all(isinstance(values.get((row, column + step)), float) for step in (2, 3, 4)):
            by_column.setdefault(column, []).append((row, name))
    for column, found in by_column.items():
        names = {name for _, name in found}
        if len(names) >= _FEWEST_LABELS and any(re.fullmatch(r"w\d+", n) for n in names) and "E_total" in names:
            return min(found)[0], column, names
    return None


def _matrices(sheets: Sheets, sheet: str) -> str | None:
    for (row, column), text in sorted(sheets.formulas(sheet).items()):
        if "MMULT" in text.upper() and "MMULT" in parsed(text).functions:
            return (
                f"computes with matrices, MMULT in {cell_address(row, column)}: only tables with a column for each "
                "weight and gradient are judged"
            )
    return None
