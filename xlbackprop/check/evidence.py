"""What the page shows of a table: the cells behind each finding, and its error as it is and as it should be."""

import math
from collections.abc import Sequence

import numpy as np

from xlbackprop.backprop import notation
from xlbackprop.check.contents import Contents, Steps
from xlbackprop.check.numpy_run import totals
from xlbackprop.reference import Array
from xlbackprop.report.evidence import Curves, Piece
from xlbackprop.report.findings import Finding
from xlbackprop.spreadsheet.addresses import cell_address, cells_between, column_letters, place
from xlbackprop.spreadsheet.cells import CIRCULAR, Value
from xlbackprop.spreadsheet.formulas import parsed
from xlbackprop.tables.table import AS_IT_IS

#: A piece of a sheet has so many rows and columns ...
_MOST_ROWS, _MOST_COLUMNS = 3, 14
#: ... and a curve so many points.
_MOST_POINTS = 200


def pieces(contents: Contents, findings: Sequence[Finding]) -> dict[str, Piece]:
    """For each finding, by its cell, the piece of the sheet that it is about."""
    return {finding.cell: _piece(contents, finding) for finding in findings if finding.ranges}


def _piece(contents: Contents, finding: Finding) -> Piece:
    table, values = contents.table, contents.sheets.values(contents.table.sheet)
    wrong = [cell for area in finding.ranges[:_MOST_ROWS] for cell in list(cells_between(area))[:_MOST_ROWS]]
    places = [place(cell) for cell in wrong[:_MOST_ROWS]]
    own = places[0][1]
    used = [
        of
        for text in (finding.found, finding.expected, finding.helper.formula if finding.helper else "")
        for of in (parsed(text).references if text.startswith("=") else ())
        if of.sheet in (None, table.sheet) and of.is_cell
    ]
    in_rows = [of for of in used if of.row in table.row_numbers]
    others = sorted({of.column for of in in_rows} - {own})
    columns = sorted([own, *others[: _MOST_COLUMNS - 1]])
    rows = sorted({row for row, _ in places} | {of.row for of in in_rows if abs(of.row - places[0][0]) <= 1})
    headers = {column: notation.header(table.own_names.get(name, name)) for name, column in table.columns.items()}
    return Piece(
        columns=tuple(map(column_letters, columns)),
        headers=tuple(headers.get(column, "") for column in columns),
        rows=tuple(rows),
        cells=tuple(tuple(_shown(values.get((row, column))) for column in columns) for row in rows),
        wrong=frozenset(cell_address(*where) for where in places),
    )


def _shown(value: Value) -> str:
    if value == CIRCULAR:
        return "circular"
    return "" if value is None else f"{value:.6g}" if isinstance(value, float) else str(value)


def curves(contents: Contents) -> Curves | None:
    """E_total as it stands in the table and as NumPy computes it; None where that cannot be said."""
    expected = totals(contents)
    if expected is None:
        return None
    steps = np.unique(np.linspace(0, len(expected) - 1, _MOST_POINTS).astype(int))
    found = contents.numbers["E_total"]
    shown = contents.table.multiples.get("E_total", AS_IT_IS).factor
    return Curves(tuple(map(int, steps)), _numbers(shown * found, steps), _numbers(shown * expected, steps))


def _numbers(numbers: Array, steps: Steps) -> tuple[float | None, ...]:
    return tuple(float(n) if math.isfinite(n) else None for n in numbers[steps])
