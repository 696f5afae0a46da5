"""The command `grade`, as a teacher types it."""

import csv
import io
import json
import re
import zipfile
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from openpyxl import load_workbook

from tests.conftest import filled_cells, needs_posix, notes_of
from tests.grading.classes import GRADEBOOK, MOODLE_WORDS, WORKSHEETS, copied, zipped
from tests.grading.importers import canvas_gradebook, moodle_feedback, moodle_worksheet
from xlbackprop.cli import main


def grade(*arguments: object, code: int = 0) -> Result:
    result = CliRunner().invoke(main, ["grade", *map(str, arguments)])
    assert result.exit_code == code, result.output
    assert "Traceback" not in result.output
    return result


@pytest.fixture
def moodle(tmp_path: Path, right: Path, slip: Path) -> Path:
    """A class of Moodle: Jane is right, John has a slip, Max handed in nothing."""
    files = {
        "Jane Doe_101_assignsubmission_file/homework.xlsx": right,
        "John Roe_102_assignsubmission_file/homework.xlsx": slip,
    }
    return zipped(tmp_path / "submissions.zip", files)


def grades(tmp_path: Path, text: str) -> Path:
    (tmp_path / "grades.csv").write_bytes(text.encode())
    return tmp_path / "grades.csv"


@pytest.mark.parametrize("language", WORKSHEETS)
def test_moodle_takes_back_grades_feedback_and_marked_copies(tmp_path: Path, moodle: Path, language: str) -> None:
    marked, feedback = tmp_path / "marked.csv", tmp_path / "feedback.zip"
    said = grade(moodle, "--into", grades(tmp_path, WORKSHEETS[language]), "-o", marked, "--feedback", feedback).stdout
    assert re.search(r"Jane Doe +10\.00 ", said)
    assert re.search(r"John Roe +9\.50 ", said)
    delimiter = ";" if language == "German" else ","
    found = moodle_worksheet(marked.read_bytes(), MOODLE_WORDS[language], 10, delimiter)
    assert found.grades == {"101": 10, "102": 9.5}
    assert found.skipped == {"103": "no value"}
    assert found.feedback["101"] == "10.00 of 10 points.<br>All that was asked for is right."
    assert "it should be a_h2*(1-a_h2)" in found.feedback["102"]
    with zipfile.ZipFile(feedback) as archive:
        taken, nobody = moodle_feedback(archive.namelist(), {"101", "102", "103"})
        archive.extractall(tmp_path / "f")
    assert (taken, nobody) == ({"101": ["feedback.txt"], "102": ["feedback.txt", "homework.xlsx"]}, [])
    copy = tmp_path / "f" / "John Roe_102_assignsubmission_file" / "homework.xlsx"
    assert "Z6" in filled_cells(copy, "Sheet1", "FFFFC7CE")
    assert "Expected: " in notes_of(copy, "Sheet1")["Z6"]
    assert load_workbook(copy)["Sheet6"]["Z12"].value


def test_canvas_takes_back_grades_and_the_zip_has_the_feedback(tmp_path: Path, right: Path, slip: Path) -> None:
    source = zipped(tmp_path / "canvas.zip", {"doejane_901_55_hw.xlsx": right, "roejohn_LATE_902_56_hw.xlsx": slip})
    output, feedback = tmp_path / "import.csv", tmp_path / "feedback.zip"
    options = ("--into", grades(tmp_path, GRADEBOOK), "--assignment", "4711", "-o", output, "--feedback", feedback)
    said = grade(source, *options).stdout
    assert "Note: it was handed in late." in said
    found = canvas_gradebook(
        output.read_bytes(), {"4711": "x", "4712": "y"}, {"901", "902", "903", "999"}, "Backpropagation (4711)"
    )
    # whoever handed in nothing keeps what was there
    assert found.grades == {"901": 10, "902": 9.5, "903": 5.5}
    assert (found.created, found.skipped) == ([], {})
    with zipfile.ZipFile(feedback) as archive:
        assert "roejohn_LATE_902_56_feedback.txt" in archive.namelist()


def test_without_a_file_of_grades_there_is_a_plain_one(tmp_path: Path, moodle: Path) -> None:
    grade(moodle, "-o", tmp_path / "marked.csv")
    content = (tmp_path / "marked.csv").read_bytes()
    assert content.startswith(b"\xef\xbb\xbfname,id,file,points")
    rows = list(csv.DictReader(io.StringIO(content.decode("utf-8-sig"))))
    assert [(row["name"], row["id"], row["points"], row["maximum"]) for row in rows] == [
        ("Jane Doe", "101", "10.00", "10"),
        ("John Roe", "102", "9.50", "10"),
    ]


def test_points_are_those_of_the_worksheet_and_others_are_refused(tmp_path: Path, moodle: Path) -> None:
    into = grades(tmp_path, WORKSHEETS["English"].replace("10.00", "20.00"))
    output = tmp_path / "marked.csv"
    refused = grade(moodle, "--into", into, "-o", output, "--points", 10, code=2)
    assert "--points 10 is not the maximum that" in refused.stderr
    assert "20" in refused.stderr
    assert not output.exists()
    grade(moodle, "--into", into, "-o", output, "--points", 20)
    assert moodle_worksheet(output.read_bytes(), MOODLE_WORDS["English"], 20).grades == {"101": 20, "102": 19}


def test_parts_that_were_graded_for_other_points_are_not_entered(tmp_path: Path, small: Path) -> None:
    (tmp_path / "part.json").write_text(grade(small, "--json").stdout, encoding="utf-8")
    into = grades(tmp_path, WORKSHEETS["English"].replace("10.00", "100.00"))
    refused = grade(tmp_path / "part.json", "--into", into, "-o", tmp_path / "marked.csv", code=2)
    assert "part.json was graded for 10 points, and there are 100" in refused.stderr
    assert not (tmp_path / "marked.csv").exists()
    # what is graded beside a part is graded for its points
    (tmp_path / "part.json").write_text(grade(small, "--json", "--points", 20).stdout, encoding="utf-8")
    other = copied(small, tmp_path / "other.xlsx")
    assert "of 20 points" in grade(tmp_path / "part.json", other).stdout


@pytest.mark.parametrize("option", [("--points", "20"), ("--several", "best"), ("--scheme", "scheme.toml")])
def test_what_changes_the_grading_is_refused_where_all_is_graded(
    tmp_path: Path, small: Path, option: tuple[str, str]
) -> None:
    (tmp_path / "part.json").write_text(grade(small, "--json").stdout, encoding="utf-8")
    refused = grade(tmp_path / "part.json", *option, code=2)
    assert f"part.json was graded already: give {option[0]} where workbooks are graded" in refused.stderr


@pytest.mark.parametrize("points", ["0", "-1", "nan", "inf", "1e7"])
def test_points_must_be_some(moodle: Path, points: str) -> None:
    assert "name a number above 0, of 1,000,000 at the most" in grade(moodle, "--points", points, code=2).stderr


def test_what_could_not_be_graded_is_told_and_the_others_are_entered(tmp_path: Path, small: Path) -> None:
    files = {
        "Jane Doe_101_assignsubmission_file/hw.xlsx": small,
        "John Roe_102_assignsubmission_file/hw.zip": b"PK",
        "A. Stranger_999_assignsubmission_file/hw.xlsx": small,
    }
    source, output = zipped(tmp_path / "s.zip", files), tmp_path / "marked.csv"
    result = grade(source, "--into", grades(tmp_path, WORKSHEETS["English"]), "-o", output, code=2)
    assert "2 things could not be graded or entered" in result.stderr
    assert "has no row for A. Stranger (999)." in result.stdout
    found = moodle_worksheet(output.read_bytes(), MOODLE_WORDS["English"], 10)
    assert list(found.grades) == ["101"]
    # and who handed in something else reads it where the points would stand
    assert found.feedback["102"].startswith("Not graded: hw.zip is an archive within the submissions")


def test_the_worksheet_of_another_assignment_is_told_and_nobody_gets_the_marks_of_another(
    tmp_path: Path, small: Path
) -> None:
    files = {f"{name}_assignsubmission_file/hw.xlsx": small for name in ("Jane Doe_103", "Someone Else_101")}
    source, output = zipped(tmp_path / "s.zip", files), tmp_path / "marked.csv"
    result = grade(source, "--into", grades(tmp_path, WORKSHEETS["English"]), "-o", output, code=2)
    assert "Jane Doe: " in result.stdout
    assert "has the number 103 for Max Moe, so nothing was entered" in result.stdout
    assert "has the number 101 for Jane Doe, so nothing was entered" in result.stdout
    assert output.read_bytes() == WORKSHEETS["English"].encode()


def test_a_grade_that_is_replaced_is_told(tmp_path: Path, moodle: Path) -> None:
    text = WORKSHEETS["English"].replace('grading",,', 'grading",4.00,')
    said = grade(moodle, "--into", grades(tmp_path, text), "-o", tmp_path / "marked.csv").stdout
    assert "Another grade stood in" in said
    assert "and was replaced: Jane Doe, John Roe." in said


def test_json_is_one_document_and_nothing_else_and_joins_parts(tmp_path: Path, moodle: Path, slip: Path) -> None:
    (tmp_path / "one.json").write_text(grade(moodle, "--json").stdout, encoding="utf-8")
    other = copied(slip, tmp_path / "Max Moe_103_assignsubmission_file" / "copy of johns.xlsx").parent
    (tmp_path / "two.json").write_text(grade(other, "--json").stdout, encoding="utf-8")
    output = tmp_path / "marked.csv"
    into = grades(tmp_path, WORKSHEETS["German"])
    said = grade(tmp_path / "one.json", tmp_path / "two.json", "--into", into, "-o", output).stdout
    found = moodle_worksheet(output.read_bytes(), MOODLE_WORDS["German"], 10, ";")
    assert found.grades == {"101": 10, "102": 9.5, "103": 9.5}
    # likeness is looked for in all parts
    assert "Question: John Roe and Max Moe share: the same file, byte by byte" in said
    document = json.loads(grade(tmp_path / "one.json", tmp_path / "two.json", "--json").stdout)
    assert [one["names"] for one in document["likenesses"]] == [["John Roe", "Max Moe"]]


def test_a_scheme_changes_what_is_asked_for(tmp_path: Path, small: Path) -> None:
    (tmp_path / "scheme.toml").write_text("learning_rates = [0.5]\n[weights]\ntables = 1\n")
    assert re.search(r"small +10\.00", grade(small, "--scheme", tmp_path / "scheme.toml").stdout)
    assert re.search(r"small +1\.33", grade(small).stdout)


def test_a_roster_names_the_clones(tmp_path: Path, small: Path) -> None:
    copied(small, tmp_path / "clones" / "backprop-jdoe" / "hw.xlsx")
    (tmp_path / "roster.csv").write_text("identifier,github_username,github_id,name\nJane Doe,jdoe,1,\n")
    output = tmp_path / "marked.csv"
    options = ("--roster", tmp_path / "roster.csv", "--into", grades(tmp_path, WORKSHEETS["English"]), "-o", output)
    grade(tmp_path / "clones", *options)
    assert moodle_worksheet(output.read_bytes(), MOODLE_WORDS["English"], 10).grades == {"101": 1.33}


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (("--into", "grades.csv"), "say with -o where the marked one goes"),
        (("--assignment", "x"), "give it with --into"),
        (("-o", "marked.txt"), "does not end in .csv: give the grades a name such as marked.csv"),
        (("--feedback", "f.rar"), "does not end in .zip"),
        (("--html", "page.htm"), "does not end in .html"),
        (("--into", "missing.csv", "-o", "marked.csv"), "missing.csv does not exist"),
        (("--into", "missing.csv"), "missing.csv does not exist"),
        (("--into", "grades.csv", "-o", "grades.csv"), "grades.csv would replace grades.csv, which is needed"),
        (("--scheme", "missing.toml"), "missing.toml does not exist"),
        (("--roster", "grades.csv"), "is no roster of GitHub Classroom"),
    ],
)
def test_what_cannot_be_meant_is_a_sentence_and_nothing_is_written(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    small: Path,
    options: tuple[str, ...],
    sentence: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    grades(tmp_path, WORKSHEETS["English"])
    result = grade(small, *options, code=2)
    assert sentence in result.stderr
    assert result.stderr.count("\n") == 1
    assert [path.name for path in tmp_path.iterdir()] == ["grades.csv"]


def test_nothing_that_is_read_is_replaced_under_any_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, moodle: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    into = grades(tmp_path, WORKSHEETS["English"])
    (tmp_path / "hard.zip").hardlink_to(moodle)
    (tmp_path / "sub").mkdir()
    before = moodle.read_bytes(), into.read_bytes()
    for options in (
        ("--feedback", "submissions.zip"),
        ("--feedback", "sub/../submissions.zip"),
        ("--feedback", "hard.zip"),
        ("--into", "grades.csv", "-o", tmp_path / "grades.csv"),
        ("--roster", "grades.csv", "-o", "./grades.csv"),
    ):
        refused = grade("submissions.zip", *options, "--force", code=2)
        assert "which is needed: write elsewhere" in refused.stderr
    assert (moodle.read_bytes(), into.read_bytes()) == before


@needs_posix
def test_two_outputs_are_two_files(tmp_path: Path, small: Path) -> None:
    (tmp_path / "class.html").symlink_to(tmp_path / "marked.csv")
    refused = grade(small, "-o", tmp_path / "marked.csv", "--html", tmp_path / "class.html", code=2)
    assert "class.html would replace" in refused.stderr
    assert not (tmp_path / "marked.csv").exists()


def test_what_exists_is_replaced_only_when_asked(tmp_path: Path, small: Path) -> None:
    output = tmp_path / "marked.csv"
    output.write_text("mine")
    assert "with --force" in grade(small, "-o", output, code=2).stderr
    assert output.read_text() == "mine"
    grade(small, "-o", output, "--force")
    assert output.read_text(encoding="utf-8-sig").startswith("name,")


def test_the_class_is_a_page(tmp_path: Path, moodle: Path) -> None:
    grade(moodle, "--html", tmp_path / "class.html")
    page = (tmp_path / "class.html").read_text(encoding="utf-8")
    assert "2 submissions, 10 points" in page
    assert "it should be a_h2*(1-a_h2)" in page


def test_a_workbook_of_build_has_all_points(built: Path) -> None:
    assert re.search(r"backprop +10\.00", grade(built).stdout)
