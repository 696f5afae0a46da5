"""What the importers of Moodle and Canvas do with grades and feedback, as far as that can lose or create something."""

import csv
import io
import re
from dataclasses import dataclass, field
from pathlib import PurePosixPath


@dataclass
class Imported:
    """What an importer did.

    Attributes:
        grades: by the number of the participant.
        feedback: by the same.
        skipped: the numbers whose grade was left aside, with the reason.
        created: the assignments that did not exist before.
    """

    grades: dict[str, float] = field(default_factory=dict)
    feedback: dict[str, str] = field(default_factory=dict)
    skipped: dict[str, str] = field(default_factory=dict)
    created: list[str] = field(default_factory=list)


def moodle_worksheet(
    content: bytes, words: tuple[str, str, str, str, str], maximum: float, delimiter: str = ","
) -> Imported:
    """Moodle's offline grading worksheet: columns by their exact names, participants by what follows the word for them.

    Args:
        content: the file.
        words: the names of the columns of number, grade, date of the grade and feedback; and the word before a number.
        maximum: of the assignment.
        delimiter: what the teacher says that it is.
    """
    rows = list(csv.reader(io.StringIO(content.decode("utf-8").removeprefix("\ufeff")), delimiter=delimiter))
    header = rows[0]
    number, grade, modified, feedback, word = words
    columns = {name: header.index(name) for name in (number, grade, modified)}
    found = Imported()
    for row in rows[1:]:
        assert len(row) == len(header), "a row of another length is an error of the file"
        identity = row[columns[number]][len(word) :]
        assert identity.isdigit(), f"{row[columns[number]]} is nobody"
        assert row[columns[modified]] == "-", "the date is compared with that of the grade that is there"
        text = row[columns[grade]].replace(",", ".")
        if text == "":
            found.skipped[identity] = "no value"
        elif not 0 <= float(text) <= maximum:
            found.skipped[identity] = "out of range"
        else:
            found.grades[identity] = float(text)
        if feedback in header and row[header.index(feedback)]:
            found.feedback[identity] = row[header.index(feedback)]
    return found


def moodle_feedback(names: list[str], participants: set[str]) -> tuple[dict[str, list[str]], list[str]]:
    """Moodle's zip of feedback files: the files of each participant, and those that are nobody's.

    A part of the path is split at its underscores: name, number, kind and name of a plugin, and what is left.
    """
    taken: dict[str, list[str]] = {}
    nobody = []
    for name in names:
        if PurePosixPath(name).name.startswith((".", "~")):
            continue
        parts = name.split("/")
        while parts:
            pieces = parts.pop(0).split("_", 4)
            if len(pieces) < 4 or pieces[1] not in participants or pieces[2:4] != ["assignsubmission", "file"]:
                continue
            rest = [pieces[4] if len(pieces) > 4 else "", *parts]
            taken.setdefault(pieces[1], []).append("/".join(part for part in rest if part))
            break
        else:
            nobody.append(name)
    return taken, nobody


def canvas_gradebook(content: bytes, assignments: dict[str, str], students: set[str], column: str) -> Imported:
    """Canvas's gradebook: information first, then a column an assignment, by the number in its title.

    Args:
        content: the file.
        assignments: the titles of those that exist, by number.
        students: the numbers of those that exist.
        column: the title of the column to look at.
    """
    rows = list(csv.reader(io.StringIO(content.decode("utf-8-sig"))))
    header = rows[0]
    assert header[:2] == ["Student", "ID"], "the importer knows no other file"
    found = Imported()
    for title in header[header.index("Section") + 1 :]:
        match = re.fullmatch(r"(.*) \((\d+)\)", title)
        final = title in ("Final Score", "Current Score")
        if not final and not (match and match[2] in assignments) and title not in assignments.values():
            found.created.append(title)
    for row in rows[1:]:
        assert len(row) == len(header), "a row of another length is an error of the file"
        if row[0].strip() == "Points Possible":
            continue
        if row[1] not in students:
            found.skipped[row[1]] = "no such student"
        elif text := row[header.index(column)]:
            found.grades[row[1]] = round(float(text), 2)
    return found
