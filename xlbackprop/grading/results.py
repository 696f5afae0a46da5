"""The marks of a class as a value; as JSON, from which they can be read back; and as a CSV of our own."""

import csv
import io
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

from xlbackprop.errors import UnusableInput, reason
from xlbackprop.grading.csv_text import harmless
from xlbackprop.grading.likeness import Likeness, likenesses
from xlbackprop.grading.names import Person, Platform, grouped, told_apart
from xlbackprop.grading.points import Deduction
from xlbackprop.grading.traces import Trace, TraceKind
from xlbackprop.printing import shown

CSV_HEADER = ("name", "id", "file", "points", "maximum", "feedback", "problems")


@dataclass(frozen=True)
class Mark:
    """What a person gets.

    Attributes:
        person: who.
        file: the workbook that was graded, as the download has it.
        leaf: its name when it was handed in.
        points: how many.
        deductions: what was taken, and why.
        handing_in: what is worth knowing about how it was handed in, as sentences.
        notes: what is worth knowing about the workbook, as sentences.
        traces: what it may share with others.
        marked: where its marked copy is; None where there is none.
    """

    person: Person
    file: str
    leaf: str
    points: float
    deductions: tuple[Deduction, ...]
    handing_in: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    traces: tuple[Trace, ...] = ()
    marked: Path | None = None


@dataclass(frozen=True)
class Problem:
    """Why something could not be graded, as a sentence; and whose it is, where that is known."""

    sentence: str
    person: Person | None = None


@dataclass(frozen=True)
class Marks:
    """The marks of a class.

    Attributes:
        maximum: the points that there are.
        marks: one a person, in the order of their names.
        problems: what could not be graded.
        read_back: whether some were graded elsewhere, so that their workbooks are not at hand.
        remarks: what is worth knowing about the whole, as sentences.
    """

    maximum: float
    marks: tuple[Mark, ...]
    problems: tuple[Problem, ...]
    read_back: bool = False
    remarks: tuple[str, ...] = ()

    @cached_property
    def ungraded(self) -> dict[Person, list[str]]:
        """Who handed something in and got no mark, and why, a sentence each."""
        graded = {mark.person.key for mark in self.marks}
        found: dict[tuple[str, str], tuple[Person, list[str]]] = {}
        for problem in self.problems:
            if problem.person and problem.person.key not in graded:
                found.setdefault(problem.person.key, (problem.person, []))[1].append(problem.sentence)
        return dict(found.values())

    @cached_property
    def likenesses(self) -> list[Likeness]:
        """Who shares more than chance allows; the members of a group are one."""
        groups = grouped([mark.person for mark in self.marks])
        found: dict[str, list[Trace]] = {}
        for mark in self.marks:
            found.setdefault(groups[mark.person], []).extend(mark.traces)
        return likenesses({name: list(dict.fromkeys(traces)) for name, traces in found.items()})


def feedback_lines(mark: Mark, maximum: float) -> list[str]:
    """What a person is told: the points, and why some were taken."""
    lines = [f"{mark.points:.2f} of {maximum:g} points."]
    for taken in mark.deductions:
        lines.append(
            f"−{taken.points:.2f}: {taken.sentence}" if taken.points else f"At no further cost: {taken.sentence}"
        )
    return lines if mark.deductions else [*lines, "All that was asked for is right."]


def ungraded_lines(person: Person, sentences: Sequence[str]) -> list[str]:
    """What a person is told instead of points: why nothing could be graded."""
    # students do not know what the platform puts before the names of their files
    own = [sentence.replace(person.feedback, "") if person.feedback else sentence for sentence in sentences]
    return [f"Not graded: {sentence}" for sentence in own]


def feedback_line(mark: Mark, maximum: float) -> str:
    """The same in one line, for a cell."""
    return " ".join(shown(line) for line in feedback_lines(mark, maximum))


def as_csv(marks: Marks) -> str:
    """A line a person, and one for each problem, below a line of headers."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(CSV_HEADER)
    for mark in marks.marks:
        of = (mark.person.name, mark.person.id, mark.file)
        _write(writer, *of, f"{mark.points:.2f}", f"{marks.maximum:g}", feedback_line(mark, marks.maximum), "")
    for problem in marks.problems:
        whose = (problem.person.name, problem.person.id) if problem.person else ("", "")
        _write(writer, *whose, "", "", f"{marks.maximum:g}", "", problem.sentence)
    return text.getvalue()


def _write(writer: Any, *cells: str) -> None:
    writer.writerow([harmless(shown(cell)) for cell in cells])


# -- JSON --------------------------------------------------------------------------------------------


def as_json(marks: Marks) -> dict[str, Any]:
    """The marks as one JSON document, which `from_json` reads back."""
    return {
        "points": marks.maximum,
        "submissions": [_mark_as_json(mark, marks.maximum) for mark in marks.marks],
        "problems": [
            {"sentence": one.sentence, "person": _person_as_json(one.person) if one.person else None}
            for one in marks.problems
        ],
        "remarks": list(marks.remarks),
        "likenesses": [
            {"names": list(one.names), "shared": list(one.shared), "question": one.question} for one in marks.likenesses
        ],
    }


def _person_as_json(person: Person) -> dict[str, Any]:
    return {
        "name": person.name,
        "id": person.id,
        "platform": str(person.platform),
        "feedback_path": person.feedback,
        "late": person.late,
    }


def _mark_as_json(mark: Mark, maximum: float) -> dict[str, Any]:
    return {
        "person": _person_as_json(mark.person),
        "file": mark.file,
        "name": mark.leaf,
        "points": mark.points,
        "deductions": [{"points": one.points, "sentence": one.sentence} for one in mark.deductions],
        "feedback": feedback_lines(mark, maximum),
        "handing_in": list(mark.handing_in),
        "notes": list(mark.notes),
        "traces": [list(trace) for trace in mark.traces],
    }


def read_json(path: Path) -> Marks:
    """The marks that another run wrote as JSON.

    Raises:
        UnusableInput: it cannot be read, or holds something else.
    """
    try:
        content = json.loads(path.read_text(encoding="utf-8-sig"))
        return Marks(
            float(content["points"]),
            tuple(_mark_from_json(one) for one in content["submissions"]),
            tuple(
                Problem(str(one["sentence"]), _person_from_json(one["person"]) if one["person"] else None)
                for one in content["problems"]
            ),
            read_back=True,
        )
    except OSError as error:
        raise UnusableInput(f"{path} cannot be read: {reason(error)}.") from None
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        raise UnusableInput(f"{path} holds no marks: give what an earlier run printed as JSON.") from None


def _person_from_json(one: Mapping[str, Any]) -> Person:
    path = str(one["feedback_path"])
    return Person(str(one["name"]), str(one["id"]), Platform(one["platform"]), path, bool(one["late"]))


def _mark_from_json(one: Mapping[str, Any]) -> Mark:
    return Mark(
        _person_from_json(one["person"]),
        str(one["file"]),
        str(one["name"]),
        float(one["points"]),
        tuple(Deduction(float(taken["points"]), str(taken["sentence"])) for taken in one["deductions"]),
        tuple(map(str, one["handing_in"])),
        tuple(map(str, one["notes"])),
        tuple(Trace(TraceKind(kind), str(key), str(words)) for kind, key, words in one["traces"]),
    )


def joined(parts: Sequence[Marks], *, best: bool) -> Marks:
    """The marks of several runs as those of one class.

    Args:
        parts: the later ones count where a person is in several.
        best: the one with the most points counts instead.

    Raises:
        UnusableInput: they were graded for different points.
    """
    if len({part.maximum for part in parts}) > 1:
        listed = ", ".join(f"{maximum:g}" for maximum in sorted({part.maximum for part in parts}))
        raise UnusableInput(f"The parts were graded for different points, {listed}: grade them for the same.")
    found: dict[tuple[str, str], Mark] = {}
    for mark in (mark for part in parts for mark in part.marks):
        known = found.get(mark.person.key)
        if known is None or not best or mark.points >= known.points:
            found[mark.person.key] = mark
    problems = list(dict.fromkeys(problem for part in parts for problem in part.problems))
    handed_in = [mark.person for mark in found.values()]
    named = told_apart([*handed_in, *(problem.person for problem in problems if problem.person)])
    marks = [replace(mark, person=named[mark.person]) for mark in found.values()]
    return Marks(
        parts[0].maximum,
        tuple(sorted(marks, key=lambda mark: place(mark.person))),
        tuple(
            sorted(
                (replace(one, person=named[one.person]) if one.person else one for one in problems),
                key=lambda one: place(one.person),
            )
        ),
        any(part.read_back for part in parts),
    )


def place(person: Person | None) -> tuple[str, str]:
    """Where somebody stands in a list; what is nobody's comes first."""
    return (person.name.casefold(), person.id) if person else ("", "")
