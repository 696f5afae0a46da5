"""What was found, for programs: as JSON, and as lines for a gradebook."""

import csv
import io
from collections.abc import Sequence
from typing import Any

from xlbackprop.report.findings import CheckedFile, CheckedTable, Difference, Finding

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
            for rows and learning rate; otherwise only what is wrong on them is told, under `elsewhere`.
    """
    return {"files": [_file(file, file.sheets if every_sheet else file.tables) for file in files]}


def _file(file: CheckedFile, tables: Sequence[CheckedTable]) -> dict[str, Any]:
    return {
        "file": str(file.file),
        "error": file.error,
        "engine": file.engine,
        "tables": list(map(_table, tables)),
        "notes": list(file.notes),
        "elsewhere": [
            _finding(finding) | {"sheet": sheet.sheet} for sheet in file.around for finding in sheet.findings
        ],
    }


def _table(table: CheckedTable) -> dict[str, Any]:
    return {
        "sheet": table.sheet,
        "header_row": table.header_row,
        "first_row": table.first_row,
        "last_row": table.last_row,
        "steps": table.steps,
        "learning_rate": table.learning_rate,
        "verdict": table.verdict,
        "findings": list(map(_finding, table.findings)),
        "notes": list(table.notes),
        "largest_error": table.largest_error,
        "cells": table.cells,
        "differences": list(map(_difference, table.differences)),
    }


def _finding(finding: Finding) -> dict[str, Any]:
    return {
        "quantity": finding.quantity,
        "kind": finding.kind,
        "cell": finding.cell,
        "rows": finding.rows,
        "found": finding.found,
        "expected": finding.expected,
        "max_abs_error": finding.max_abs_error,
        "ranges": list(finding.ranges),
        "slip": finding.slip,
    }


def _difference(difference: Difference) -> dict[str, Any]:
    return {
        "quantity": difference.quantity,
        "cell": difference.cell,
        "max_abs": difference.max_abs,
        "max_rel": difference.max_rel,
    }


def as_csv(files: Sequence[CheckedFile]) -> str:
    """A line a table, and one for each sheet around them on which something is wrong, below a line of headers."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(CSV_HEADER)
    for file in files:
        for sheet in file.sheets:
            if sheet.header_row is not None or sheet.findings:
                writer.writerow(map(_plain, _line(file, sheet)))
        if file.error:
            writer.writerow(map(_plain, (str(file.file), *[""] * (len(CSV_HEADER) - 2), file.error)))
    return text.getvalue()


def _line(file: CheckedFile, table: CheckedTable) -> tuple[str | int | None, ...]:
    eta = "" if table.learning_rate is None else f"{table.learning_rate:g}"
    # a cell of no quantity has no other name than its address
    names = (finding.cell if finding.quantity == table.sheet else finding.quantity for finding in table.findings)
    causes = " ".join(dict.fromkeys(names))
    rows = (table.first_row, table.last_row, table.steps)
    counted = (len(table.findings), causes, "; ".join(table.notes), "")
    return (str(file.file), table.sheet, *rows, eta, table.verdict, *counted)


def _plain(value: str | int | None) -> str | int | None:
    # a spreadsheet that opens the gradebook must not take a name for a formula
    if isinstance(value, str) and value.startswith(("=", "+", "-", "@", "\t", "\r")):
        return f"'{value}"
    return value
