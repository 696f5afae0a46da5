"""The marks of a class: as JSON and back, as CSV, and of several runs."""

import csv
import io
import json
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from xlbackprop.errors import UnusableInput
from xlbackprop.grading.names import Person, Platform
from xlbackprop.grading.points import Deduction
from xlbackprop.grading.results import Mark, Marks, Problem, as_csv, as_json, feedback_line, joined, read_json
from xlbackprop.grading.traces import Trace, TraceKind

TEXT = st.text(st.characters(codec="utf-8"), max_size=12)
PERSONS = st.builds(Person, TEXT, TEXT, st.sampled_from(Platform), TEXT, st.booleans())
HUNDREDTHS = st.integers(0, 1000).map(lambda number: number / 100)
MARKS = st.builds(
    Mark,
    PERSONS,
    TEXT,
    TEXT,
    HUNDREDTHS,
    st.lists(st.builds(Deduction, HUNDREDTHS, TEXT), max_size=3).map(tuple),
    st.lists(TEXT, max_size=2).map(tuple),
    st.lists(TEXT, max_size=2).map(tuple),
    st.lists(st.builds(Trace, st.sampled_from(TraceKind), TEXT, TEXT), max_size=3).map(tuple),
)
CLASSES = st.builds(
    Marks,
    st.just(10.0),
    st.lists(MARKS, max_size=4, unique_by=lambda mark: mark.person.key).map(tuple),
    st.lists(st.builds(Problem, TEXT, st.none() | PERSONS), max_size=3).map(tuple),
)


def mark(name: str, points: float = 8, **options) -> Mark:
    return Mark(Person(name, **options), f"{name}.xlsx", f"{name}.xlsx", points, (Deduction(10 - points, "Wrong."),))


@given(CLASSES)
def test_marks_come_back_from_json_as_they_were(tmp_path_factory: pytest.TempPathFactory, marks: Marks) -> None:
    path = tmp_path_factory.getbasetemp() / "marks.json"
    path.write_text(json.dumps(as_json(marks)), encoding="utf-8")
    assert read_json(path) == replace(marks, read_back=True)


@given(CLASSES)
def test_no_cell_of_the_csv_is_a_formula_and_every_person_has_a_line(marks: Marks) -> None:
    rows = list(csv.reader(io.StringIO(as_csv(marks), newline="")))
    assert len(rows) == 1 + len(marks.marks) + len(marks.problems)
    assert all(len(row) == len(rows[0]) for row in rows)
    for cell in (cell for row in rows for cell in row):
        for piece in [cell, *cell.split(";"), *cell.split(",")]:
            assert not piece.lstrip(" ").startswith(("=", "+", "-", "@"))


def test_feedback_begins_with_the_points_and_says_where_they_went() -> None:
    assert feedback_line(mark("Jane", 8.5), 10) == "8.50 of 10 points. −1.50: Wrong."
    assert (
        feedback_line(replace(mark("Jane", 10), deductions=()), 10)
        == "10.00 of 10 points. All that was asked for is right."
    )
    free = replace(mark("Jane", 8), deductions=(Deduction(2, "One."), Deduction(0, "Two.")))
    assert feedback_line(free, 10) == "8.00 of 10 points. −2.00: One. At no further cost: Two."


@pytest.mark.parametrize(("best", "points"), [(False, [6.0, 9.0]), (True, [8.0, 9.0])])
def test_of_a_person_in_two_parts_the_last_or_the_best_counts(best: bool, points: list[float]) -> None:
    parts = [Marks(10, (mark("Jane", 8),), ()), Marks(10, (mark("Jane", 6), mark("John", 9)), (Problem("P."),))]
    whole = joined(parts, best=best)
    assert [one.points for one in whole.marks] == points
    assert whole.problems == (Problem("P."),)


def test_people_of_one_name_and_two_numbers_are_two() -> None:
    people = [mark("Jane", id=number, platform=Platform.MOODLE) for number in ("101", "102")]
    same = (Trace(TraceKind.FILE, "digest", "the same file, byte by byte"),)
    parts = [Marks(10, (replace(one, traces=same),), (Problem("Torn.", one.person),)) for one in people]
    whole = joined(parts, best=False)
    assert [one.person.name for one in whole.marks] == ["Jane 101", "Jane 102"]
    assert [one.person.name for one in whole.problems if one.person] == ["Jane 101", "Jane 102"]
    assert [one.names for one in whole.likenesses] == [("Jane 101", "Jane 102")]


def test_a_group_is_not_asked_about_its_own_submission() -> None:
    same = (Trace(TraceKind.FILE, "digest", "the same file, byte by byte"),)
    names = ("Team 7-Jane", "Team 7-John", "Team 8-Max")
    people = [replace(mark(name, id=str(n), platform=Platform.MOODLE), traces=same) for n, name in enumerate(names)]
    assert Marks(10, tuple(people[:2]), ()).likenesses == []
    assert [one.names for one in Marks(10, tuple(people), ()).likenesses] == [("Team 7", "Team 8")]


def test_parts_for_different_points_are_refused() -> None:
    with pytest.raises(UnusableInput, match="graded for different points, 10, 20"):
        joined([Marks(10, (), ()), Marks(20, (), ())], best=False)


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"points": 10, "submissions": [{}], "problems": []}', "[" * 100_000])
def test_what_is_no_report_is_told(tmp_path: Path, text: str) -> None:
    (tmp_path / "part.json").write_text(text)
    with pytest.raises(UnusableInput, match="holds no marks"):
        read_json(tmp_path / "part.json")
    with pytest.raises(UnusableInput, match="cannot be read"):
        read_json(tmp_path / "missing.json")
