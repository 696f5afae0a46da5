"""What was found, told in sentences."""

import textwrap
from collections.abc import Iterator, Sequence

from xlbackprop.backprop.notation import header
from xlbackprop.report.findings import CheckedFile, CheckedTable, Finding, listed

#: The colour of each verdict on a terminal.
COLOURS = {"correct": "green", "wrong": "red", "constants": "yellow", "incomplete": "yellow"}

_LONGEST_FORMULA = 200


def sentence(finding: Finding) -> str:
    """What is wrong, in one sentence: `∂E/∂w3 (Z33:Z100) uses a_h1*(1-a_h1); it should be a_h2*(1-a_h2).`"""
    where = listed(finding.ranges or (finding.cell,))
    what = finding.slip
    if not what:
        what = {
            "constant": "holds pasted numbers instead of formulas",
            "error": "shows an error",
            "reference": "refers to the wrong cells",
            "update": "is not updated by one learning rate against its gradient",
        }.get(finding.kind, "does not follow from the cells before it")
    off = ""
    if finding.max_abs_error is not None and not (finding.kind == "constant" and not finding.slip):
        off = f", off by up to {finding.max_abs_error:.1e}"
    return f"{header(finding.quantity)} ({where}) {what}{off}."


def table_lines(checked: CheckedTable) -> Iterator[str]:
    """What there is to say about a table, below its line."""
    pasted = [finding for finding in checked.findings if finding.kind == "constant" and not finding.slip]
    several = len(pasted) > 2
    for finding in checked.findings:
        if several and finding in pasted:
            continue
        yield sentence(finding)
        if finding.found.startswith("=") or not finding.slip:
            yield f"    found     {textwrap.shorten(finding.found, _LONGEST_FORMULA, placeholder=' …')}"
        yield f"    expected  {textwrap.shorten(finding.expected, _LONGEST_FORMULA, placeholder=' …')}"
    if several:
        names = ", ".join(header(finding.quantity) for finding in pasted)
        yield f"{len(pasted)} columns hold pasted numbers instead of formulas: {names}."
    if checked.verdict == "wrong" and checked.largest_error:
        yield f"E_total is off by up to {checked.largest_error:.1e}."
    for note in checked.notes:
        yield f"Note: {note}."


def summary(files: Sequence[CheckedFile]) -> str:
    """How many tables are right, in one sentence."""
    tables = [table for file in files for table in file.tables]
    right = sum(1 for table in tables if table.verdict == "correct")
    unusable = sum(1 for file in files if file.error)
    parts = [f"{_count(len(files), 'file')}, {_count(len(tables), 'table')}: {right} correct"]
    for verdict in ("wrong", "constants", "incomplete"):
        if number := sum(1 for table in tables if table.verdict == verdict):
            parts.append(f"{number} {verdict}")
    if unusable:
        parts.append(f"{_count(unusable, 'file')} could not be checked")
    return ", ".join(parts) + "."


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'' if number == 1 else 's'}"
