"""What was found, for programs: as JSON, and as lines for a gradebook."""

import csv
import io
from collections.abc import Sequence
from typing import Any

from xlbackprop.printing import shown
from xlbackprop.report.findings import CheckedFile, CheckedTable, Difference, Finding, Mend

#: What is told of a table.
_TOLD = (
    "sheet", "header_row", "first_row", "last_row", "steps", "learning_rate", "verdict",
    "findings", "notes", "largest_error", "cells", "differences",
)  # fmt: skip
#: What is not told of a finding, or in another form.
_UNTOLD = ("helper", "is_around", "slip_kind", "formula_of", "by_way_of")
#: The columns of the gradebook.
CSV_HEADER = (
    "file", "sheet", "first_row", "last_row", "steps", "learning_rate", "verdict",
    "findings", "causes", "notes", "error",
)  # fmt: skip


def as_json(files: Sequence[CheckedFile], *, every_sheet: bool = False) -> dict[str, Any]:
    """The files as one JSON document.

    Args:
        files: what was found in each.
        every_sheet: list the sheets around the tables of a workbook of ours among its tables, with null
            for rows and learning rate; otherwise only what is wrong on them is told, under `elsewhere`. A
            workbook without a table, which holds a trained network, has all its sheets listed.
    """
    return {"files": [_file(file, file.sheets if every_sheet or not file.tables else file.tables) for file in files]}


def _file(file: CheckedFile, tables: Sequence[CheckedTable]) -> dict[str, Any]:
    return {
        "file": str(file.file),
        "error": file.error,
        "engine": file.engine,
        "tables": [{key: _plain(getattr(table, key)) for key in _TOLD} for table in tables],
        "notes": _plain(file.notes),
        "elsewhere": [_plain(finding) | {"sheet": sheet.sheet} for sheet in file.around for finding in sheet.findings],
    }


def _plain(value: Any) -> Any:
    """A value as JSON has it: a list, or the fields of what was found."""
    if isinstance(value, tuple):
        return list(map(_plain, value))
    if isinstance(value, Finding):
        fields = {name: _plain(field) for name, field in vars(value).items() if name not in _UNTOLD}
        return fields | {"slip": value.whole_slip, "mend": _plain(value.mend)}
    if isinstance(value, Difference | Mend):
        return {name: _plain(field) for name, field in vars(value).items()}
    return value


def as_csv(files: Sequence[CheckedFile]) -> str:
    """A line a table, and one for each sheet around them on which something is wrong, below a line of headers."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(CSV_HEADER)
    for file in files:
        lines = [_line(file, sheet) for sheet in file.sheets if sheet.header_row is not None or sheet.findings]
        if file.error:
            lines.append([str(file.file), *[""] * (len(CSV_HEADER) - 2), file.error])
        writer.writerows([_harmless(value) for value in line] for line in lines)
    return text.getvalue()


def _line(file: CheckedFile, table: CheckedTable) -> list[str | int | None]:
    eta = "" if table.learning_rate is None else f"{table.learning_rate:g}"
    # a cell of no quantity has no other name than its address
    names = (finding.cell if finding.is_around else finding.quantity for finding in table.findings)
    rows = (table.first_row, table.last_row, table.steps)
    counted = (len(table.findings), " ".join(dict.fromkeys(names)), "; ".join(table.notes), "")
    return [str(file.file), table.sheet, *rows, eta, table.verdict, *counted]


def _harmless(value: str | int | None) -> str | int | None:
    if not isinstance(value, str):
        return value
    # a spreadsheet that opens the gradebook must not take a name for a formula
    return f"'{shown(value)}" if value.startswith(("=", "+", "-", "@", "\t", "\r")) else shown(value)
