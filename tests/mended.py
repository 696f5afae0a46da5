"""A workbook in which what a check found is put right, cell by cell, as it says."""

import re
from pathlib import Path

from openpyxl import load_workbook
from openpyxl.worksheet.formula import ArrayFormula

from xlbackprop.report.findings import CheckedFile, Mend
from xlbackprop.spreadsheet.addresses import cells_between, place

_REFERENCE = re.compile(r"(?<![A-Za-z$!:'])(\$?[A-Z]{1,3})(\d+)(?![\d(])")


def filled_down(formula: str, rows: int) -> str:
    """A formula as it stands so many rows farther down."""
    return _REFERENCE.sub(lambda match: f"{match[1]}{int(match[2]) + rows}", formula)


def mended(checked: CheckedFile, copy: Path, *, by: str = "mend") -> Path:
    """A copy of a checked workbook with every mend, or every expected formula, put in.

    Args:
        checked: what was found.
        copy: where the copy goes.
        by: `mend` or `expected`.
    """
    book = load_workbook(checked.file)
    for table in checked.tables:
        for finding in table.findings:
            if finding.is_right_constant:
                continue
            mend = finding.mend if by == "mend" else Mend(finding.cell, finding.expected, finding.ranges)
            assert mend is not None, finding
            first = place(mend.cell)[0]
            for area in mend.ranges:
                for cell in cells_between(area):
                    content = mend.formula
                    if not content.startswith("="):
                        content = float(content)
                    else:
                        content = filled_down(content, place(cell)[0] - first)
                    assert not isinstance(content, ArrayFormula)
                    book[table.sheet][cell] = content
    book.save(copy)
    return copy
