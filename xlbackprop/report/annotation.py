"""Marks what is wrong in a copy of a workbook: each wrong cell gets a fill, and each cause a note."""

from collections.abc import Sequence
from pathlib import Path

from xlbackprop.report.findings import CheckedFile, Finding
from xlbackprop.report.text import sentence
from xlbackprop.spreadsheet.addresses import cells_between
from xlbackprop.spreadsheet.marking import Marks, mark
from xlbackprop.spreadsheet.package import Package

#: The fill of a wrong cell: the light red that Excel's own "bad" style has.
FILL = "FFFFC7CE"
AUTHOR = "xlbackprop check"


def annotate(checked: CheckedFile, output: Path, *, force: bool = False) -> None:
    """Write a copy of a checked workbook in which each wrong cell has a fill and each cause a note.

    Args:
        checked: what was found in the workbook; it is read again and not changed.
        output: where the copy goes.
        force: replace the copy if it exists.

    Raises:
        UnusableInput: the copy cannot be written, or the workbook has macros.
    """
    marked(checked).write(output, force=force)


def marked(checked: CheckedFile) -> Package:
    """The package of a checked workbook, marked; it is not written yet.

    Raises:
        UnusableInput: the workbook cannot be read, or has macros.
    """
    causes: dict[str, list[Finding]] = {}
    for sheet in checked.sheets:
        if sheet.findings:
            causes.setdefault(sheet.sheet, []).extend(sheet.findings)
    package = Package(checked.file)
    mark(package, {sheet: _marks(found) for sheet, found in causes.items()}, colour=FILL, author=AUTHOR)
    return package


def _marks(causes: Sequence[Finding]) -> Marks:
    notes: dict[str, list[str]] = {}
    for cause in causes:
        notes.setdefault(cause.cell, []).append(f"{sentence(cause)}\nExpected: {cause.expected}")
    return Marks({cell for cause in causes for area in cause.ranges for cell in cells_between(area)}, notes)
