"""The file that a learning platform exports for grades: which cells of it are whose grade and feedback.

Moodle's worksheet is known by what stands in its columns, because their names are in the language of the site; Canvas's
gradebook by its first columns, which its importer insists on.
"""

import html
import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from xlbackprop.errors import UnusableInput
from xlbackprop.grading.csv_text import CsvText
from xlbackprop.grading.names import Person, Platform

_NUMBER = re.compile(r"\d+(?:[.,]\d+)?")
_POINTS_POSSIBLE = "points possible"
_ASSIGNMENT = re.compile(r"(?P<title>.*) \((?P<id>\d+)\)", re.DOTALL)
_READ_ONLY = "(read only)"
# how languages of Moodle call it; comments on the submission have a column of their own
_FEEDBACK = re.compile(
    r"feedback|rückmeldung|retroalim|retroacci|rétroac|återkoppling|palaute|отзыв|відгук|反馈|回饋|フィードバック|피드백",
    re.IGNORECASE,
)


@dataclass
class Gradebook:
    """A file of grades that is filled in.

    Attributes:
        csv: the file.
        platform: which one exported it.
        rows: the numbers of the rows of people.
        id_column, grade_column: where the number of a person and the grade stand.
        feedback_column: where the feedback goes; None where there is no column for it.
        name_columns: what people go by besides their number.
        maximum: the points that there are; None where the file does not say.
        comma: whether numbers have a comma.
    """

    csv: CsvText
    platform: Platform
    rows: Sequence[int]
    id_column: int
    grade_column: int
    feedback_column: int | None
    name_columns: Sequence[int]
    maximum: float | None
    comma: bool

    def enter(self, person: Person, points: float, feedback: str) -> str:
        """Enter the grade of a person.

        Args:
            person: who handed in.
            points: the grade.
            feedback: sentences about it.

        Returns:
            Why it was not entered, as a sentence; empty where it was.
        """
        rows = self._rows_of(person)
        if not rows:
            number = f" ({person.id})" if person.id and person.id not in person.name else ""
            return f"{self.csv.path} has no row for {person.name}{number}."
        if len(rows) > 1:
            return (
                f"{self.csv.path} has {len(rows)} rows that could be those of {person.name}: enter the grade by hand."
            )
        grade = f"{points:.2f}"
        self.csv.put(rows[0], self.grade_column, grade.replace(".", ",") if self.comma else grade)
        if self.feedback_column is not None:
            # Moodle keeps feedback as HTML
            self.csv.put(rows[0], self.feedback_column, html.escape(feedback, quote=False))
        return ""

    def _rows_of(self, person: Person) -> list[int]:
        if person.platform is self.platform and person.id:
            return [row for row in self.rows if _number_at_end(self.csv.value(row, self.id_column)) == person.id]
        wanted = _plain(person.name)
        named = [row for row in self.rows if wanted in self._names[row]]
        # a file may be called like the address before its @
        return named or [row for row in self.rows if any(wanted == name.partition("@")[0] for name in self._names[row])]

    @cached_property
    def _names(self) -> dict[int, set[str]]:
        """By which words each person goes, by row."""
        return {row: {_plain(self.csv.value(row, n)) for n in self.name_columns} - {""} for row in self.rows}


def read_gradebook(path: Path, assignment: str | None) -> Gradebook:
    """The file into which grades go.

    Args:
        path: what Moodle exports as a grading worksheet, or Canvas as a gradebook.
        assignment: the title or number of an assignment of Canvas.

    Raises:
        UnusableInput: it is neither, or does not tell which column is meant.
    """
    csv = CsvText(path)
    first = next((n for n, row in enumerate(csv.rows) if row), None)
    header = [] if first is None else [cell.value.strip() for cell in csv.rows[first]]
    if first is None or len(header) < 2:
        raise UnusableInput(f"{path} has no columns: export the grades again.")
    if header[:2] == ["Student", "ID"] or header[:3] == ["LastName", "FirstName", "ID"]:
        return _canvas(csv, first, header, assignment)
    if assignment is not None:
        raise UnusableInput(f"{path} is no gradebook of Canvas, so no assignment can be chosen in it.")
    return _moodle(csv, first)


# -- Canvas ------------------------------------------------------------------------------------------


def _canvas(csv: CsvText, first: int, header: list[str], assignment: str | None) -> Gradebook:
    id_column = header.index("ID")
    possible = next(
        (row for row in csv.rows[first + 1 :] if row and row[0].value.strip().lower() == _POINTS_POSSIBLE), []
    )
    read_only = {n for n, cell in enumerate(possible) if cell.value.strip().lower() == _READ_ONLY}
    titles = {
        n: match for n, text in enumerate(header) if n not in read_only and (match := _ASSIGNMENT.fullmatch(text))
    }
    wanted = (assignment or "").strip()
    chosen = [n for n, match in titles.items() if wanted in ("", match[0], match["title"], match["id"])]
    if len(chosen) != 1:
        listed = ", ".join(match[0] for match in titles.values()) or "none"
        problem = (
            "has no assignment of that name" if not chosen and wanted else "does not tell which assignment is meant"
        )
        raise UnusableInput(f"{csv.path} {problem}: name one of its assignments, which are {listed}.")
    (column,) = chosen
    # rows without a number are none of students
    rows = [n for n in range(first + 1, len(csv.rows)) if csv.value(n, id_column).strip().isdigit()]
    last = header.index("Section") if "Section" in header else id_column
    maximum, comma = _decimal(possible[column].value) if column < len(possible) else (None, False)
    return Gradebook(csv, Platform.CANVAS, rows, id_column, column, None, range(last + 1), maximum, comma)


# -- Moodle ------------------------------------------------------------------------------------------


def _moodle(csv: CsvText, first: int) -> Gradebook:
    rows = [n for n in range(first + 1, len(csv.rows)) if csv.rows[n]]
    header = [cell.value for cell in csv.rows[first]]
    numbers = [_number_at_end(csv.value(row, 0)) for row in rows]
    problem = f"{csv.path} is neither a grading worksheet of Moodle nor a gradebook of Canvas: export it there again"
    if not rows or not all(numbers) or len(set(numbers)) < len(numbers):
        raise UnusableInput(f"{problem}; the first column of a worksheet numbers the participants.")
    maximum = next((column for column in range(2, len(header)) if _is_maximum(csv, rows, column)), None)
    if maximum is None:
        raise UnusableInput(f"{problem}; a worksheet has a column with the maximum grade, right of the grades.")
    points, comma = _decimal(csv.value(rows[0], maximum))
    feedback = _feedback_column(csv, rows, header, maximum)
    return Gradebook(csv, Platform.MOODLE, rows, 0, maximum - 1, feedback, range(1, maximum - 1), points, comma)


def _is_maximum(csv: CsvText, rows: Sequence[int], column: int) -> bool:
    """Whether a column holds the same number everywhere, written with decimals, and grades stand left of it."""
    values = {csv.value(row, column).strip() for row in rows}
    if len(values) != 1 or not re.fullmatch(r"\d+[.,]\d+", next(iter(values))):
        return False
    return all(_is_grade(csv.value(row, column - 1).strip()) for row in rows)


def _is_grade(text: str) -> bool:
    return text in ("", "-") or _NUMBER.fullmatch(text) is not None


def _feedback_column(csv: CsvText, rows: Sequence[int], header: Sequence[str], maximum: int) -> int | None:
    """The column for feedback, which comes after the dates: by its name, or as the last one if it is no date."""
    named = [column for column in range(maximum + 1, len(header)) if _FEEDBACK.search(header[column])]
    if named:
        return named[0]
    # before it: whether the grade can be changed, when it was handed in, and when graded, which is never empty
    last = len(header) - 1
    return last if last > maximum + 3 and any(not csv.value(row, last).strip() for row in rows) else None


# -- cells -------------------------------------------------------------------------------------------


def _number_at_end(text: str) -> str:
    """`101` of `Participant 101`; empty where no number stands at the end."""
    found = re.search(r"(\d+)\s*$", text)
    return (found[1].lstrip("0") or "0") if found else ""


def _decimal(text: str) -> tuple[float | None, bool]:
    """A number, and whether it has a comma."""
    text = text.strip()
    return (float(text.replace(",", ".")), "," in text) if _NUMBER.fullmatch(text) else (None, False)


def _plain(name: str) -> str:
    """A name as it is compared: `Doe, Jane` is `jane doe`."""
    last, comma, first = name.partition(",")
    return " ".join((f"{first} {last}" if comma else name).casefold().split())
