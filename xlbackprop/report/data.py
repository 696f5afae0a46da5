"""What was found, for programs: as JSON, and as lines for a gradebook."""

import csv
import io
from collections.abc import Sequence
from typing import Any

from xlbackprop.report.findings import CheckedFile

#: The columns of the gradebook.
CSV_HEADER = (
    "file", "sheet", "first_row", "last_row", "steps", "learning_rate", "verdict",
    "findings", "causes", "notes", "error",
)  # fmt: skip


def as_json(files: Sequence[CheckedFile]) -> dict[str, Any]:
    """The files as one JSON document."""
    return {
        "files": [
            {
                "file": str(file.file),
                "error": file.error,
                "tables": [
                    vars(table)
                    | {"findings": [vars(finding) for finding in table.findings], "notes": list(table.notes)}
                    for table in file.tables
                ],
                "notes": list(file.notes),
                "elsewhere": [vars(finding) | {"sheet": sheet} for sheet, finding in file.elsewhere],
            }
            for file in files
        ]
    }


def as_csv(files: Sequence[CheckedFile]) -> str:
    """A line a table, with a line of headers."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(CSV_HEADER)
    for file in files:
        for table in file.tables:
            rate = "" if table.learning_rate is None else f"{table.learning_rate:g}"
            causes = " ".join(dict.fromkeys(finding.quantity for finding in table.findings))
            place = (table.first_row, table.last_row, table.steps)
            counted = (len(table.findings), causes, "; ".join(table.notes), "")
            writer.writerow(map(_plain, (str(file.file), table.sheet, *place, rate, table.verdict, *counted)))
        if not file.tables:
            writer.writerow(map(_plain, (str(file.file), *[""] * (len(CSV_HEADER) - 2), file.error or "")))
    return text.getvalue()


def _plain(value: str | int | None) -> str | int | None:
    # a spreadsheet that opens the gradebook must not take a name for a formula
    if isinstance(value, str) and value.startswith(("=", "+", "-", "@", "\t", "\r")):
        return f"'{value}"
    return value
