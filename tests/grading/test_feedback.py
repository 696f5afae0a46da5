"""Feedback in a zip that the platforms take back."""

import zipfile
from dataclasses import replace
from pathlib import Path

from tests.grading.importers import moodle_feedback
from xlbackprop.grading.feedback import write_feedback
from xlbackprop.grading.names import Person, Platform
from xlbackprop.grading.points import Deduction
from xlbackprop.grading.results import Mark, Marks, Problem

MOODLE = Platform.MOODLE


def a_class(tmp_path: Path, *places: str) -> Marks:
    copy = tmp_path / "copy.xlsx"
    copy.write_bytes(b"marked")
    people = [Person(f"P{n}", str(100 + n), MOODLE, place) for n, place in enumerate(places, start=1)]
    marks = [
        Mark(one, "a", "hw.xlsx", 9, (Deduction(1, "∂E/∂w3 is\nwrong."),), ("late",), ("odd",), (), copy)
        for one in people
    ]
    return Marks(10, tuple(marks), ())


def test_moodle_takes_every_file_of_every_shape_of_download(tmp_path: Path) -> None:
    places = ("P1_101_assignsubmission_file/", "P2_102_assignsubmission_file_/", "P3_103_assignsubmission_file_")
    write_feedback(a_class(tmp_path, *places), tmp_path / "f.zip")
    with zipfile.ZipFile(tmp_path / "f.zip") as archive:
        taken, nobody = moodle_feedback(archive.namelist(), {"101", "102", "103"})
        assert archive.read("P1_101_assignsubmission_file/hw.xlsx") == b"marked"
        text = archive.read("P3_103_assignsubmission_file_feedback.txt").decode()
    assert nobody == []
    assert taken == {number: ["feedback.txt", "hw.xlsx"] for number in ("101", "102", "103")}
    assert text.splitlines() == [
        "9.00 of 10 points.",
        r"−1.00: ∂E/∂w3 is\u000awrong.",
        "Note: late.",
        "Note: odd.",
        "In hw.xlsx the wrong cells are marked, with a note at each cause.",
    ]


def test_who_could_not_be_graded_is_told_why(tmp_path: Path) -> None:
    place = "P9_109_assignsubmission_file/"
    problem = Problem(f"{place}hw.ods is an OpenDocument file: save it as .xlsx.", Person("P9", "109", MOODLE, place))
    whole = replace(a_class(tmp_path, "P1_101_assignsubmission_file/"), problems=(problem, Problem("Nobody's.")))
    write_feedback(whole, tmp_path / "f.zip")
    with zipfile.ZipFile(tmp_path / "f.zip") as archive:
        taken, nobody = moodle_feedback(archive.namelist(), {"101", "109"})
        text = archive.read(f"{place}feedback.txt").decode()
    assert (taken["109"], nobody) == (["feedback.txt"], [])
    assert text == "Not graded: hw.ods is an OpenDocument file: save it as .xlsx.\n"


def test_two_runs_write_the_same_bytes(tmp_path: Path) -> None:
    marks = a_class(tmp_path, "a/", "b/")
    for name in ("one.zip", "two.zip"):
        write_feedback(marks, tmp_path / name)
    assert (tmp_path / "one.zip").read_bytes() == (tmp_path / "two.zip").read_bytes()
    # also another day
    with zipfile.ZipFile(tmp_path / "one.zip") as archive:
        assert {entry.date_time for entry in archive.infolist()} == {(1980, 1, 1, 0, 0, 0)}
