"""Other layouts than a table with a row a step: they are not judged, and this says what was seen."""

import re
from collections.abc import Mapping

from xlbackprop.spreadsheet.addresses import cell_address
from xlbackprop.spreadsheet.cells import Sheets, Value
from xlbackprop.spreadsheet.formulas import parsed
from xlbackprop.tables.headers import quantity

#: So many labels are a layout, fewer a legend.
_FEWEST_LABELS = 5
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
    by_column: dict[int, list[tuple[int, str]]] = {}
    for row, column in _labels(values):
        name = quantity(str(values[row, column]))
        if name and isinstance(values.get((row, column + 2)), float):
            by_column.setdefault(column, []).append((row, name))
    for column, found in by_column.items():
        names = {name for _, name in found}
        if len(names) >= _FEWEST_LABELS and any(re.fullmatch(r"w\d+", n) for n in names) and "E_total" in names:
            where = f"{cell_address(min(found)[0], column)} down"
            return (
                f"has a quantity in each row, from {where}, and a step in each column: transpose it to have it judged"
            )
    return None


def _matrices(sheets: Sheets, sheet: str) -> str | None:
    for (row, column), text in sorted(sheets.formulas(sheet).items()):
        if "MMULT" in text.upper() and "MMULT" in parsed(text).functions:
            return (
                f"computes with matrices, MMULT in {cell_address(row, column)}: only tables with a column for each "
                "weight and gradient are judged"
            )
    return None
