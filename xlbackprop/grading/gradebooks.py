"""The file that a learning platform exports for grades: which cells of it are whose grade and feedback.

Moodle's worksheet is known by what stands in its columns, because their names are in the language of the site; Canvas's
gradebook by its first columns, which its importer insists on.
"""

import html
import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from xlbackprop.errors import UnusableInput
from xlbackprop.grading.csv_text import CsvText
from xlbackprop.grading.names import Person, Platform, words

_NUMBER = re.compile(r"\d+(?:[.,]\d+)?")
_POINTS_POSSIBLE = "points possible"
_ASSIGNMENT = re.compile(r"(?P<title>.*) \((?P<id>\d+)\)", re.DOTALL)
_READ_ONLY = "(read only)"
# how languages of Moodle call it; comments on the submission have a column of their own
_FEEDBACK = re.compile(
    r"feedback|rückmeldung|retroalim|retroacci|rétroac|återkoppling|palaute|отзыв|відгук|反馈|回饋|フィードバック|피드백",
    re.IGNORECASE,
)
#: What stands before identities end, as languages of Moodle call it.
_STATUS = re.compile(
    r"\s*(?:stat[uo]|estad|estat|état|tila|stav|stan|olek|durum|állapot|būsen|egoera|κατάστ|стат|стан|состоя|състоя"
    r"|状态|狀態|ステータス|상태|الحالة|حالة|מצב|סטטוס|trạng thái|สถานะ)",
    re.IGNORECASE,
)
#: What stands where a grade cannot be changed.
_NO = re.compile(
    r"no|nein|non|não|nao|nee|nej|nei|ei|nie|ne|nē|nu|nem|ez|hayır|нет|ні|не|όχι|いいえ|否|不|아니오|아니요|لا|לא|tidak"
    r"|không|خیر|नहीं|ไม่"
)
_EXCUSED = "ex"
_EMPTY = ("", "-")
#: The columns of Canvas that say who somebody is, besides the name.
_LOGINS = ("SIS User ID", "SIS Login ID", "Integration ID")


@dataclass(frozen=True)
class Entry:
    """What goes into the row of a person.

    Attributes:
        person: who handed in.
        points: the grade; None where nothing could be graded.
        feedback: sentences about it.
    """

    person: Person
    points: float | None
    feedback: Sequence[str]


@dataclass(frozen=True)
class Entered:
    """What became of entries.

    Attributes:
        refused: who was not entered, and why, as a sentence.
        replaced: of whom another grade stood there.
    """

    refused: Sequence[tuple[Person, str]]
    replaced: Sequence[Person]


@dataclass
class Gradebook:
    """A file of grades that is filled in.

    Attributes:
        csv: the file.
        platform: which one exported it.
        rows: the numbers of the rows of people.
        id_column, grade_column: where the number of a person and the grade stand.
        feedback_column: where the feedback goes; None where there is no column for it.
        name_columns: those that make the name, first name first; none where people are anonymous.
        login_columns: what people go by besides their name and number.
        lock_column: where it says whether the grade can be changed; None where it does not.
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
    login_columns: Sequence[int]
    lock_column: int | None
    maximum: float | None
    comma: bool

    def enter(self, entries: Sequence[Entry]) -> Entered:
        """Enter the grades of a class, once, and only where it is plain whose row it is.

        Whatever could not be graded leaves the grade as it is, and is said in a cell for feedback that is empty.
        """
        refused: list[tuple[Person, str]] = []
        replaced: list[Person] = []
        graded: dict[int, list[Entry]] = {}
        others: dict[int, list[Entry]] = {}
        for entry in entries:
            row = self._row_of(entry.person)
            if isinstance(row, int):
                (others if entry.points is None else graded).setdefault(row, []).append(entry)
            elif entry.points is not None:
                refused.append((entry.person, row))
        for row, claims in graded.items():
            if why := self._kept(row, claims):
                refused += [(entry.person, why) for entry in claims]
                continue
            (entry,) = claims
            if self._fill(row, entry):
                replaced.append(entry.person)
        for row, claims in others.items():
            if row not in graded and not self._kept(row, claims) and not self._is_filled(row):
                self._say(row, claims[0].feedback)
        return Entered(refused, replaced)

    def _row_of(self, person: Person) -> int | str:
        """The row of a person, or why there is none, as a sentence."""
        rows = self._rows_of(person)
        if not rows:
            number = f" ({person.id})" if person.id and person.id not in person.name else ""
            return f"{self.csv.path} has no row for {person.name}{number}."
        if len(rows) > 1:
            return (
                f"{self.csv.path} has {len(rows)} rows that could be those of {person.name}: enter the grade by hand."
            )
        if self._is_by_number(person) and self._is_anothers(rows[0], person):
            return (
                f"{self.csv.path} has the number {person.id} for {self._name(rows[0])}, so nothing was entered: "
                "export it for the assignment of these submissions."
            )
        return rows[0]

    def _kept(self, row: int, claims: Sequence[Entry]) -> str:
        """Why the grade in a row stays as it is, as a sentence; empty where it does not."""
        if len(claims) > 1:
            names = " and ".join(entry.person.name for entry in claims)
            return f"{self.csv.path} has one row for {names}: nothing was entered there, enter the grade by hand."
        if self.lock_column is not None and _NO.fullmatch(_plain(self.csv.value(row, self.lock_column))):
            return f"{self.csv.path} says that this grade cannot be changed, so it was left: unlock it in Moodle."
        if self.platform is Platform.CANVAS and _plain(self.csv.value(row, self.grade_column)) == _EXCUSED:
            return f"{self.csv.path} has this person as excused (EX), which was left."
        return ""

    def _fill(self, row: int, entry: Entry) -> bool:
        """Put an entry into its row.

        Returns:
            Whether another grade stood there.
        """
        before, _ = _decimal(self.csv.value(row, self.grade_column))
        grade = f"{entry.points:.2f}"
        self.csv.put(row, self.grade_column, grade.replace(".", ",") if self.comma else grade)
        self._say(row, entry.feedback)
        return before is not None and round(before, 2) != float(grade)

    def _say(self, row: int, feedback: Sequence[str]) -> None:
        if self.feedback_column is not None:
            # Moodle keeps feedback as HTML
            self.csv.put(row, self.feedback_column, "<br>".join(html.escape(line, quote=False) for line in feedback))

    def _is_filled(self, row: int) -> bool:
        """Whether somebody has entered something already."""
        columns = [n for n in (self.grade_column, self.feedback_column) if n is not None]
        return any(self.csv.value(row, n).strip() not in _EMPTY for n in columns)

    def _is_by_number(self, person: Person) -> bool:
        return person.platform is self.platform and bool(person.id)

    def _rows_of(self, person: Person) -> list[int]:
        if self._is_by_number(person):
            return [row for row in self.rows if _number_at_end(self.csv.value(row, self.id_column)) == person.id]
        name, wanted = words(_own_name(person)), _plain(_own_name(person))
        found = [row for row in self.rows if (name and name == words(self._name(row))) or wanted in self._logins[row]]
        # a file may be called like the address before its @
        return found or [row for row in self.rows if any(wanted == one.partition("@")[0] for one in self._logins[row])]

    def _is_anothers(self, row: int, person: Person) -> bool:
        """Whether a row of Moodle, which numbers the participants of each assignment anew, has another name."""
        name = words(self._name(row))
        if self.platform is not Platform.MOODLE or not name:
            return False
        # the name of a group may stand before that of a person
        parts = _own_name(person).split("-")
        own = ["-".join(parts[n:]) for n in range(len(parts))]
        is_blind = _letters(self.csv.value(row, self.id_column)) in map(_letters, own)
        return not is_blind and any(map(words, own)) and name not in map(words, own)

    def _name(self, row: int) -> str:
        return " ".join(self.csv.value(row, n).strip() for n in self.name_columns)

    @cached_property
    def _logins(self) -> dict[int, set[str]]:
        """By which numbers, addresses and logins each person goes, by row."""
        columns = (self.id_column, *self.login_columns)
        found = {row: {_plain(self.csv.value(row, n)) for n in columns} - {""} for row in self.rows}
        return {row: own | {_number_at_end(self.csv.value(row, self.id_column))} for row, own in found.items()}


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
    names = [header.index(name) for name in ("FirstName", "LastName", "Student") if name in header[:id_column]]
    logins = [header.index(name) for name in _LOGINS if name in header]
    maximum, comma = _decimal(possible[column].value) if column < len(possible) else (None, False)
    return Gradebook(
        csv, Platform.CANVAS, rows, id_column, column, None, names, logins, None, maximum=maximum, comma=comma
    )


# -- Moodle ------------------------------------------------------------------------------------------


def _moodle(csv: CsvText, first: int) -> Gradebook:
    rows = [n for n in range(first + 1, len(csv.rows)) if csv.rows[n]]
    header = [cell.value for cell in csv.rows[first]]
    if not rows:
        raise UnusableInput(f"{csv.path} has headers and nobody below them: export it without a filter.")
    numbers = [_number_at_end(csv.value(row, 0)) for row in rows]
    problem = f"{csv.path} is neither a grading worksheet of Moodle nor a gradebook of Canvas: export it there again"
    if not all(numbers) or len(set(numbers)) < len(numbers):
        raise UnusableInput(f"{problem}; the first column of a worksheet numbers the participants.")
    maximum = next((column for column in range(2, len(header)) if _is_maximum(csv, rows, column)), None)
    if maximum is None:
        if scale := next((csv.value(rows[0], n) for n in range(2, len(header)) if _is_scale(csv, rows, n)), ""):
            raise UnusableInput(
                f"{csv.path} is of an assignment that is graded by a scale ({scale}): have Moodle grade it by points."
            )
        raise UnusableInput(f"{problem}; a worksheet has a column with the maximum grade, right of the grades.")
    points, comma = _decimal(csv.value(rows[0], maximum))
    feedback = _feedback_column(csv, rows, header, maximum)
    names, logins = _identities(csv, rows, header, maximum - 1)
    lock = maximum + 1 if maximum + 1 < len(header) else None
    return Gradebook(csv, Platform.MOODLE, rows, 0, maximum - 1, feedback, names, logins, lock, points, comma)


def _identities(csv: CsvText, rows: Sequence[int], header: Sequence[str], grade: int) -> tuple[list[int], list[int]]:
    """The column of the name, and those of addresses and ids: they stand left of the status.

    Blind marking leaves them out.
    """
    status = next((n for n in range(1, grade) if _STATUS.match(header[n])), None)
    columns = list(range(1, grade - 1 if status is None else status))
    if status is None:
        # a status is that of many people
        columns = [n for n in columns if 2 * len({csv.value(row, n) for row in rows}) > len(rows)]
    names = [n for n in columns if n == 1 and not any("@" in csv.value(row, n) for row in rows)]
    return names, [n for n in columns if n not in names]


def _is_maximum(csv: CsvText, rows: Sequence[int], column: int) -> bool:
    """Whether a column holds the same number everywhere, written with decimals, and grades stand left of it."""
    values = {csv.value(row, column).strip() for row in rows}
    if len(values) != 1 or not re.fullmatch(r"\d+[.,]\d+", next(iter(values))):
        return False
    return all(_is_grade(csv.value(row, column - 1).strip()) for row in rows)


def _is_scale(csv: CsvText, rows: Sequence[int], column: int) -> bool:
    """Whether a column holds the same list of words everywhere, and nothing or one of them stands left of it."""
    values = {csv.value(row, column).strip() for row in rows}
    items = {item.strip() for item in next(iter(values)).split(",")}
    return len(values) == 1 < len(items) and all(
        csv.value(row, column - 1).strip() in {*items, *_EMPTY} for row in rows
    )


def _is_grade(text: str) -> bool:
    return text in _EMPTY or _NUMBER.fullmatch(text) is not None


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


def _plain(text: str) -> str:
    """A text as it is compared."""
    return " ".join(unicodedata.normalize("NFC", text).casefold().split())


def _letters(text: str) -> str:
    return "".join(sign for sign in _plain(text) if sign.isalpha())


def _own_name(person: Person) -> str:
    """A name without the number that tells it from an equal one."""
    return person.name.removesuffix(person.id).strip()
