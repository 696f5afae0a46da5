"""Judges the sheets around the tables of a workbook of ours: their formulas, and their numbers."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

import numpy as np

from xlbackprop.check.as_built import EMPTY, changed_formulas, formulas_as_built
from xlbackprop.check.other_sheets import chosen_step, judged_cells
from xlbackprop.errors import UnusableInput
from xlbackprop.reference import TINY, TOLERANCE, Array
from xlbackprop.report.findings import CheckedTable, Finding, Kind
from xlbackprop.spreadsheet.addresses import cell_address
from xlbackprop.spreadsheet.cells import Sheets, as_number
from xlbackprop.tables.own import OwnWorkbook, read_own_workbook
from xlbackprop.workbook.layout import OTHER_SHEETS, short_number


def read_complete_workbook(sheets: Sheets) -> OwnWorkbook:
    """A workbook of ours in which nothing is missing around the tables either.

    Raises:
        UnusableInput: it is a workbook of another kind, or something in it is missing or cannot be read.
    """
    own = read_own_workbook(sheets)
    for name in OTHER_SHEETS:
        if name not in sheets.names:
            raise UnusableInput(f"its sheet {name} is missing: restore it.")
    chosen_step(sheets, own.tables[0].steps)
    return own


def judge_around(
    sheets: Sheets, own: OwnWorkbook, numbers: Sequence[Mapping[str, Array]], *, tables_are_right: bool
) -> list[CheckedTable]:
    """Judge what stands around the tables of a workbook of ours: a result a sheet, with its findings and cell count.

    Args:
        sheets: the recalculated workbook, complete.
        own: the network and the tables.
        numbers: the columns of each table.
        tables_are_right: whether nothing was found in the tables; only then the numbers around them are
            judged, because what is wrong there would follow from them.
    """
    built = formulas_as_built(own)
    header_rows = {table.sheet: table.header_row for table in own.tables}
    around = []
    for sheet in dict.fromkeys([*header_rows, *OTHER_SHEETS]):
        cells, changed = changed_formulas(sheets, built, sheet, last_row=header_rows.get(sheet))
        around.append(CheckedTable(sheet, tuple(map(_with_slip, changed)), cells=cells))
    if tables_are_right and not any(judged.findings for judged in around):
        # where all formulas are right, a wrong number or an error would be the engine's
        around = [
            judged
            if judged.sheet in header_rows
            else replace(judged, findings=tuple(_wrong_numbers(sheets, judged.sheet, own, numbers)))
            for judged in around
        ]
    return around


def _with_slip(finding: Finding) -> Finding:
    """A changed formula, with what there is to say about it."""
    if finding.kind is not Kind.CONSTANT:
        slip = "holds another formula than the one that was built"
    elif finding.found == EMPTY:
        slip = "is empty where a formula belongs"
    else:
        slip = f"holds {finding.found} where a formula belongs"
    return replace(finding, ranges=finding.ranges or (finding.cell,), slip=slip)


def _wrong_numbers(
    sheets: Sheets, sheet: str, own: OwnWorkbook, numbers: Sequence[Mapping[str, Array]]
) -> Iterator[Finding]:
    """The numbers of a sheet without a training table that do not follow from those of the tables."""
    with np.errstate(all="ignore"):
        judged = list(judged_cells(sheets, sheet, own, numbers))
    for expected in judged:
        place = (expected.row, expected.column)
        found = as_number(sheets.value(sheet, *place))
        error = abs(found - expected.value)
        if error > TOLERANCE * expected.scale + TINY or (error != error and expected.value == expected.value):
            yield Finding(
                quantity=expected.quantity,
                kind=Kind.ERROR if sheets.is_error(sheet, *place) else Kind.FORMULA,
                cell=cell_address(*place),
                rows=1,
                found=f"{sheets.formula(sheet, *place)} shows {sheets.value(sheet, *place)}",
                expected=short_number(expected.value),
                max_abs_error=error if error == error else None,
                ranges=(cell_address(*place),),
            )
