"""One workbook: checked, given points, and marked in a copy, all in a process of its own."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from xlbackprop.check.batch import in_a_sentence
from xlbackprop.check.file import check
from xlbackprop.errors import UnusableInput
from xlbackprop.grading.points import Deduction, deductions, other_tables
from xlbackprop.grading.scheme import Scheme
from xlbackprop.grading.traces import Trace, traces
from xlbackprop.report.annotation import marked
from xlbackprop.report.findings import CheckedFile
from xlbackprop.report.text import count, sentence
from xlbackprop.spreadsheet.curves import Curves
from xlbackprop.spreadsheet.package import Package


@dataclass(frozen=True)
class Judged:
    """What was found about a workbook.

    Attributes:
        points: what is left of all of them.
        deductions: what was taken, and why.
        notes: what else is worth knowing, as sentences.
        traces: what it may share with others.
        is_marked: whether there is a marked copy.
    """

    points: float
    deductions: tuple[Deduction, ...]
    notes: tuple[str, ...]
    traces: tuple[Trace, ...]
    is_marked: bool


def judge(path: Path, scheme: Scheme, points: float, copy: Path | None) -> Judged:
    """Give points to a workbook.

    Args:
        path: the workbook.
        scheme: what was asked for.
        points: how many there are.
        copy: where the marked copy goes, if anything in it is wrong; None for no copy.

    Raises:
        UnusableInput: it cannot be checked, or holds no table.
    """
    with in_a_sentence(path):
        checked = check(path)
        if checked.error:
            raise UnusableInput(checked.error)
        if not checked.tables:
            raise UnusableInput(f"{path} holds a trained network and no table of a training.")
        package = Package(path)
        taken = deductions(checked, Curves(package), scheme, points)
        notes, is_marked = (
            [*checked.notes, *other_tables(checked, scheme), *_of_tables(checked), *_around(checked)],
            False,
        )
        if copy is not None and any(sheet.findings for sheet in checked.sheets):
            try:
                marked(checked).save(copy)
                is_marked = True
            except UnusableInput as error:
                notes.append(f"there is no marked copy: {str(error).removeprefix(f'{path} ').removesuffix('.')}")
        left = max(points - sum(one.points for one in taken), 0.0)
        return Judged(round(left, 2), tuple(taken), tuple(notes), tuple(traces(checked, package)), is_marked)


def _around(checked: CheckedFile) -> Iterator[str]:
    """What is wrong around the tables, which costs nothing."""
    for sheet in checked.sheets:
        for finding in sheet.findings:
            if finding.is_around:
                yield f"{sheet.sheet}: {sentence(finding).removesuffix('.')}"


def _of_tables(checked: CheckedFile) -> Iterator[str]:
    """What is worth knowing about the tables; what is so in several is said once."""
    where: dict[str, list[str]] = {}
    for table in checked.tables:
        for note in table.notes:
            where.setdefault(note, []).append(table.sheet)
    for note, sheets in where.items():
        more = f" and {count(len(sheets) - 1, 'other table')}" if sheets[1:] else ""
        yield f"{sheets[0]}{more}: {note}"
