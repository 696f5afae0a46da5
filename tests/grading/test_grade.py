"""The road of a class, from what was handed in to one mark a person."""

import os
import time
import zipfile
from dataclasses import replace
from pathlib import Path

import pytest
from openpyxl import load_workbook

from tests.conftest import with_zip_field
from tests.grading.classes import SLIP, copied, homework, zipped
from tests.handmade import Handmade, Layout, write
from xlbackprop.errors import UnusableInput
from xlbackprop.grading.grade import Assignment, grade
from xlbackprop.grading.judging import judge
from xlbackprop.grading.results import Marks
from xlbackprop.grading.rosters import Roster
from xlbackprop.grading.scheme import Scheme

PLAIN = Assignment(Scheme(), 10, best=False)
BEST = Assignment(Scheme(), 10, best=True)


def points(marks: Marks) -> dict[str, float]:
    return {mark.person.name: mark.points for mark in marks.marks}


@pytest.fixture
def twice(tmp_path: Path, right: Path, slip: Path) -> Path:
    """The folder of a class: Jane handed in a right workbook and then a wrong one."""
    for n, (name, source) in enumerate((("z.xlsx", right), ("a.xlsx", slip))):
        path = copied(source, tmp_path / "class" / "Jane" / name)
        os.utime(path, (time.time() + n, time.time() + n))
    return tmp_path / "class"


def test_the_last_or_the_best_workbook_counts_and_a_note_says_which(twice: Path) -> None:
    last, best = (grade([twice], how).marks[0] for how in (PLAIN, BEST))
    assert (last.points, last.leaf, last.handing_in[0]) == (9.5, "a.xlsx", "of 2 workbooks the last counts, a.xlsx")
    assert (best.points, best.leaf, best.handing_in[0]) == (10, "z.xlsx", "of 2 workbooks the best counts, z.xlsx")


def test_the_best_may_be_any_and_of_equal_ones_the_later_counts(tmp_path: Path, right: Path, slip: Path) -> None:
    for n, source in enumerate((slip, right, right, slip)):
        path = copied(source, tmp_path / "class" / "Jane" / f"{n}.xlsx")
        os.utime(path, (time.time() + n, time.time() + n))
    (mark,) = grade([tmp_path / "class"], BEST).marks
    assert (mark.points, mark.leaf) == (10, "2.xlsx")


def test_of_a_clone_the_best_workbook_counts_and_a_note_says_why(twice: Path) -> None:
    copied(twice / "Jane" / "a.xlsx", twice / "Jane" / ".git" / "HEAD")
    (mark,) = grade([twice], PLAIN).marks
    assert mark.handing_in == (
        "of 2 workbooks the best counts, z.xlsx: the files of a clone have the time of the cloning",
    )


def test_who_of_a_roster_handed_in_nothing_and_what_is_nobodys_is_told(tmp_path: Path, small: Path) -> None:
    for account in ("jane", "stranger"):
        copied(small, tmp_path / "clones" / f"hw-{account}" / "hw.xlsx")
    copied(tmp_path / "clones/hw-jane/hw.xlsx", tmp_path / "clones" / "hw-john" / "hw.pdf")
    roster = Roster({"jane": "Jane Doe", "john": "John Roe", "max": "Max Moe"}, ("Ann Ono",))
    marks = grade([tmp_path / "clones"], replace(PLAIN, roster=roster))
    assert marks.remarks == (
        "Nothing was handed in by Max Moe, Ann Ono.",
        "The roster has no account for hw-stranger.",
    )


def test_each_bad_file_is_a_sentence_and_the_others_are_graded(tmp_path: Path, small: Path, right: Path) -> None:
    with zipfile.ZipFile(tmp_path / "bomb.xlsx", "w", zipfile.ZIP_DEFLATED) as package:
        package.writestr("xl/workbook.xml", "<a/>")
        package.writestr("xl/worksheets/sheet1.xml", bytes(200_000_000))
    locked = with_zip_field(copied(small, tmp_path / "locked.xlsx"), 8, 6, 1)
    files = {
        "Ann/hw.xlsx": right,
        "Ben/hw.xlsx": tmp_path / "bomb.xlsx",
        "../out.xlsx": small,
        "Cay/hw.zip": b"PK",
        "Dan/hw.xlsx": locked,
        "Eve/links.txt": b"https://docs.google.com/spreadsheets/d/1",
        "Fay/hw.xlsx": b"no workbook",
        "Gus/hw.pdf": b"%PDF",
        "Hal/hw.xlsx": right,
    }
    source = zipped(tmp_path / "class.zip", files)
    marks = grade([source], PLAIN)
    assert points(marks) == {"Ann": 10, "Hal": 10}
    told = {problem.person.name if problem.person else "": problem.sentence for problem in marks.problems}
    assert list(told) == ["", "Ben", "Cay", "Dan", "Eve", "Fay", "Gus"]
    assert "../out.xlsx would lie outside" in told[""]
    assert "which no honest workbook does" in told["Ben"]
    assert "is an archive within the submissions" in told["Cay"]
    assert told["Dan"].startswith("Dan/hw.xlsx is protected by a password")
    assert "holds a link" in told["Eve"]
    assert told["Fay"].startswith("Fay/hw.xlsx is not an .xlsx workbook")
    assert "No workbook was handed in" in told["Gus"]
    assert not any("\n" in sentence or "Traceback" in sentence for sentence in told.values())


def test_a_workbook_that_cannot_be_checked_is_told_and_an_earlier_one_counts(twice: Path) -> None:
    (twice / "Jane" / "a.xlsx").write_bytes(b"cut short")
    marks = grade([twice], PLAIN)
    assert points(marks) == {"Jane": 10}
    assert [problem.sentence[:12] for problem in marks.problems] == ["Jane/a.xlsx "]


def test_marked_copies_lie_in_the_folder_for_what_is_wrong_alone(tmp_path: Path, twice: Path, right: Path) -> None:
    copied(right, twice / "John" / "hw.xlsx")
    copies = tmp_path / "copies"
    copies.mkdir()
    jane, john = grade([twice], PLAIN, copies=copies).marks
    assert jane.marked is not None
    assert jane.marked.exists()
    assert john.marked is None


def test_likeness_changes_no_points(tmp_path: Path, right: Path, slip: Path) -> None:
    for name in ("Jane", "John"):
        copied(slip, tmp_path / "class" / name / "hw.xlsx")
    copied(right, tmp_path / "class" / "Max" / "hw.xlsx")
    marks = grade([tmp_path / "class"], PLAIN)
    assert points(marks) == {"Jane": 9.5, "John": 9.5, "Max": 10}
    assert [one.names for one in marks.likenesses] == [("Jane", "John")]


def test_students_of_their_own_share_nothing(tmp_path: Path) -> None:
    for n in range(3):
        cells = {("a_h1", 2): 0.123451 + n}
        homework(tmp_path / f"p{n}.xlsx", SLIP, rates=(0.5,), cells=cells, charts=n == 0)
    assert grade([tmp_path], PLAIN).likenesses == []


def test_marked_copies_of_what_was_graded_elsewhere_are_refused(tmp_path: Path) -> None:
    (tmp_path / "part.json").write_text('{"points": 10, "submissions": [], "problems": []}')
    with pytest.raises(UnusableInput, match="have each part write its own"):
        grade([tmp_path / "part.json"], PLAIN, copies=tmp_path)
    with pytest.raises(UnusableInput, match="holds no submission"):
        grade([tmp_path / "part.json"], PLAIN)


def test_a_workbook_with_macros_is_graded_but_not_marked(tmp_path: Path) -> None:
    path = write(tmp_path / "hw.xlsm", Handmade(steps=3).with_formula("E1", "({t1}-{a_o1})^2"))
    with zipfile.ZipFile(path, "a") as package:
        package.writestr("xl/vbaProject.bin", b"macro")
    judged = judge(path, Scheme(learning_rates=(0.5,)), 10, tmp_path / "copy.xlsx")
    assert 0 < judged.points < 10
    assert not judged.is_marked
    assert judged.notes[-1].startswith("there is no marked copy: has macros")


def test_a_trained_network_is_no_training(tmp_path: Path) -> None:
    from xlbackprop.cnn.build import Recipe, build

    build(Recipe(digits=1), tmp_path / "cnn.xlsx")
    with pytest.raises(UnusableInput, match="holds a trained network and no table"):
        judge(tmp_path / "cnn.xlsx", Scheme(), 10, None)


def test_what_is_wrong_around_the_tables_costs_nothing_and_is_told(tmp_path: Path, built: Path) -> None:
    book = load_workbook(built)
    book["η=0.5"]["D2"], book["Comparison"]["C25"] = "=Y5", "=5"
    book.save(tmp_path / "edited.xlsx")
    judged = judge(tmp_path / "edited.xlsx", Scheme(weights={"tables": 1, "formulas": 1, "charts": 0}), 10, None)
    assert (judged.points, judged.deductions) == (10, ())
    assert [note[:10] for note in judged.notes] == ["η=0.5: D2 ", "Comparison"]


def test_what_is_worth_knowing_about_several_tables_is_said_once(tmp_path: Path) -> None:
    tables = [Handmade(Layout(eta="number"), rate=rate, steps=3) for rate in (0.1, 0.2, 0.5)]
    judged = judge(write(tmp_path / "hw.xlsx", *tables), Scheme(), 10, None)
    (note,) = (note for note in judged.notes if "typed into the formulas" in note)
    assert note.startswith("Sheet1 and 2 other tables: the learning rate is typed into the formulas")
