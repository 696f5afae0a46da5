"""What `build` writes around the training tables, to see whether it still stands in a workbook.

The numbers on these sheets follow from the tables by formulas that depend on no value, only on the
layers, the functions and the number of steps. So they can be written again for any workbook of ours,
and a formula that is another one now is a finding, whatever it shows.
"""

import re
import tempfile
from collections.abc import Mapping
from pathlib import Path

from xlbackprop import __version__
from xlbackprop.backprop.network import Network
from xlbackprop.report.findings import Finding, Kind
from xlbackprop.spreadsheet.addresses import cell_address, place
from xlbackprop.spreadsheet.cells import Sheets, Value, as_number
from xlbackprop.spreadsheet.engines import recalculated
from xlbackprop.tables.own import OwnWorkbook
from xlbackprop.workbook.assembly import write_workbook
from xlbackprop.workbook.layout import WorkbookLayout
from xlbackprop.workbook.network_sheet import Origin

#: A cell that was written with its value may differ from it by what rounding adds up to in a run.
_WRITTEN_TOLERANCE = 1e-9

#: What is found where nothing stands.
EMPTY = "an empty cell"

_NUMBER = re.compile(r"\d+(?:\.\d+)?(?:[Ee][-+]?\d+)?")


def formulas_as_built(workbook: OwnWorkbook) -> Sheets | None:
    """The formulas around the training tables, as `build` writes them for such a network; None if another
    version of the program built the file, which may have written others."""
    if workbook.version != __version__:
        return None
    network, tables = workbook.network, workbook.tables
    # which formulas there are depends on no value
    blank = Network.blank(
        network.layers, hidden=network.hidden, output=network.output, loss=network.loss, biases=network.biases
    )
    rates = tuple(float(n) for n in range(1, len(tables) + 1))
    layout = WorkbookLayout(blank, rates, tables[0].steps, renamed=tuple(table.sheet for table in tables))
    with tempfile.TemporaryDirectory(prefix="xlbackprop-") as folder:
        path = Path(folder) / "built.xlsx"
        write_workbook(path, layout, Origin("", "", ""), later_rows=False)
        return recalculated(path)


def changed_formulas(
    sheets: Sheets, built: Sheets | None, sheet: str, last_row: int | None = None
) -> tuple[int, list[Finding]]:
    """How many formulas there should be on a sheet, and those that are others now, one finding a column."""
    if built is None:
        return 0, []
    count = 0
    changed: dict[tuple[int, bool], list[tuple[int, str, str | None]]] = {}
    for row, column in sorted(built.used_cells[sheet]):
        expected = built.formula(sheet, row, column)
        if expected is None or (last_row is not None and row > last_row):
            continue
        count += 1
        found = sheets.formula(sheet, row, column)
        if found != expected:
            changed.setdefault((column, found is None), []).append((row, expected, found))
    findings = []
    for (column, constant), cells in changed.items():
        row, expected, found = cells[0]
        value = sheets.value(sheet, row, column)
        findings.append(
            Finding(
                quantity=sheet,
                kind=Kind.CONSTANT if constant else Kind.FORMULA,
                cell=cell_address(row, column),
                rows=len(cells),
                found=found or (EMPTY if value is None else str(value)),
                expected=expected,
                max_abs_error=None,
            )
        )
    return count, findings


def compare_with_written(sheets: Sheets, written: Mapping[str, Mapping[str, float | str]]) -> list[tuple[str, Finding]]:
    """The cells, with their sheet, whose recalculated value is not the one that was written for them.

    Args:
        sheets: the recalculated workbook.
        written: for each sheet the value of each formula cell, by address.
    """
    findings = []
    for sheet, cells in written.items():
        for address, value in cells.items():
            cell = place(address)
            found = sheets.value(sheet, *cell)
            if not _same(found, value):
                formula = sheets.formula(sheet, *cell) or ""
                findings.append(
                    (sheet, Finding(sheet, Kind.FORMULA, address, 1, f"{formula} = {found}", str(value), None))
                )
    return findings


def _same(found: Value, written: float | str) -> bool:
    if isinstance(written, str) or isinstance(found, str):
        # a number inside a text may be rounded or spelled differently
        texts = str(found), str(written)
        if _NUMBER.sub("#", texts[0]) != _NUMBER.sub("#", texts[1]):
            return False
        pairs = zip(*(map(float, _NUMBER.findall(text)) for text in texts), strict=True)
        return all(abs(a - b) <= 1e-3 * max(abs(a), abs(b)) for a, b in pairs)
    return abs(as_number(found) - written) <= _WRITTEN_TOLERANCE * max(abs(written), 1)
