"""The files that learning platforms export for grades, filled in and given to the rules of their importers."""

import csv
import io
from pathlib import Path

import pytest

from tests.grading.classes import BOM, GRADEBOOK, MOODLE_WORDS, WORKSHEETS
from tests.grading.importers import canvas_gradebook, moodle_worksheet
from xlbackprop.errors import UnusableInput
from xlbackprop.grading.gradebooks import Entry, Gradebook, read_gradebook
from xlbackprop.grading.names import Person, Platform

JANE, JOHN, MAX = (
    Person(name, number, Platform.MOODLE)
    for name, number in (("Jane Doe", "101"), ("John Roe", "102"), ("Max Moe", "103"))
)


def read(tmp_path: Path, text: str, assignment: str | None = None, encoding: str = "utf-8") -> Gradebook:
    path = tmp_path / "grades.csv"
    path.write_bytes(text.encode(encoding))
    return read_gradebook(path, assignment)


def enter(book: Gradebook, person: Person, points: float | None, *feedback: str) -> str:
    """Why a person was not entered; empty where it was so."""
    return "".join(why for _, why in book.enter([Entry(person, points, feedback)]).refused)


@pytest.mark.parametrize("language", WORKSHEETS)
def test_moodle_takes_every_grade_and_all_feedback_in_any_language(tmp_path: Path, language: str) -> None:
    book = read(tmp_path, WORKSHEETS[language])
    assert (book.platform, book.maximum) == (Platform.MOODLE, 10)
    assert not enter(book, JANE, 9.5, "9.50 of 10 points.", "−0.50: if a<b & c")
    assert not enter(book, JOHN, 10, "All that was asked for is right.")
    delimiter = ";" if language == "German" else ","
    found = moodle_worksheet(book.csv.content, MOODLE_WORDS[language], 10, delimiter)
    assert found.grades == {"101": 9.5, "102": 10}
    # no submission: no value, and nobody else is skipped
    assert found.skipped == {"103": "no value"}
    assert found.feedback == {
        "101": "9.50 of 10 points.<br>−0.50: if a&lt;b &amp; c",
        "102": "All that was asked for is right.",
    }


@pytest.mark.parametrize("text", [*WORKSHEETS.values(), GRADEBOOK])
def test_only_the_cells_of_grade_and_feedback_change(tmp_path: Path, text: str) -> None:
    book = read(tmp_path, text, "4711" if text == GRADEBOOK else None)
    assert book.csv.content == text.encode()
    person = JANE if book.platform is Platform.MOODLE else Person("x", "901", Platform.CANVAS)
    enter(book, person, 9.5, "said")
    before, after = text.encode().splitlines(keepends=True), book.csv.content.splitlines(keepends=True)
    changed = [n for n, (one, other) in enumerate(zip(before, after, strict=True)) if one != other]
    assert len(changed) == 1
    delimiter = book.csv.delimiter
    one, other = (next(csv.reader([lines[changed[0]].decode()], delimiter=delimiter)) for lines in (before, after))
    cells = [n for n, (old, new) in enumerate(zip(one, other, strict=True)) if old != new]
    assert cells == [n for n in (book.grade_column, book.feedback_column) if n is not None]
    # the line ends as it did, and what stands before the grade is the same to the byte
    assert before[changed[0]].endswith(b"\r\n") == after[changed[0]].endswith(b"\r\n")


def test_a_grade_has_the_comma_of_the_site(tmp_path: Path) -> None:
    book = read(tmp_path, WORKSHEETS["German"])
    enter(book, JANE, 9.5, "")
    assert b";9,50;10,00;" in book.csv.content


def test_a_number_of_an_id_and_a_class_of_one_are_not_taken_for_the_maximum(tmp_path: Path) -> None:
    text = (
        "Identifier,Full name,ID number,Status,Grade,Maximum Grade,Grade can be changed,Last modified (submission),"
        "Last modified (grade),Feedback comments\nParticipant 7,Jane,2023.5,x,,20.00,Yes,-,-,\n"
    )
    book = read(tmp_path, text)
    assert (book.grade_column, book.maximum, book.feedback_column) == (4, 20, 9)


def test_comments_on_the_submission_are_no_feedback(tmp_path: Path) -> None:
    text = WORKSHEETS["English"].replace('"Last modified (grade)"', '"Submission comments","Last modified (grade)"')
    text = text.replace(",-,\r\n", ",,-,\r\n")
    book = read(tmp_path, text)
    enter(book, JANE, 9.5, "said")
    assert moodle_worksheet(book.csv.content, MOODLE_WORDS["English"], 10).feedback == {"101": "said"}


def test_without_a_column_for_feedback_the_date_is_left_alone(tmp_path: Path) -> None:
    rows = list(csv.reader(io.StringIO(WORKSHEETS["English"].removeprefix(BOM))))
    text = "".join(",".join(f'"{cell}"' if "," in cell else cell for cell in row[:-1]) + "\n" for row in rows)
    book = read(tmp_path, text.replace('"John"', "John"))
    assert book.feedback_column is None
    assert not enter(book, JANE, 9.5, "said")
    assert b"said" not in book.csv.content
    # not even where no date stands
    assert read(tmp_path, text.replace('"John"', "John").replace(",-\n", ",\n")).feedback_column is None


def test_an_unknown_language_goes_by_position(tmp_path: Path) -> None:
    rows = [
        "א,ב,ג,ד,ה,ו,ז,ח",
        "פ 101,x,,10.00,y,d,-,",
        "פ 102,x,,10.00,y,d,-,",
    ]
    book = read(tmp_path, "\n".join(rows) + "\n")
    assert (book.grade_column, book.feedback_column) == (2, 7)


def test_a_person_without_a_row_or_with_two_is_told(tmp_path: Path) -> None:
    book = read(tmp_path, WORKSHEETS["English"].replace("Max Moe", "Jane Doe"))
    stranger = Person("A. Stranger", "999", Platform.MOODLE)
    assert enter(book, stranger, 1, "").endswith("has no row for A. Stranger (999).")
    assert "has 2 rows that could be those of Jane Doe" in enter(book, Person("Jane Doe"), 1, "")
    assert book.csv.content == WORKSHEETS["English"].replace("Max Moe", "Jane Doe").encode()


@pytest.mark.parametrize("name", ["Jane Doe", "jane  doe", "Doe, Jane", "jane@example.org", "jane"])
def test_files_of_any_origin_are_matched_by_what_a_person_goes_by(tmp_path: Path, name: str) -> None:
    book = read(tmp_path, WORKSHEETS["German"])
    assert not enter(book, Person(name), 9.5, "")
    assert moodle_worksheet(book.csv.content, MOODLE_WORDS["German"], 10, ";").grades == {"101": 9.5}


@pytest.mark.parametrize("name", ["101", "Teilnehmer/in 101"])
def test_a_number_of_the_worksheet_is_somebodys_too(tmp_path: Path, name: str) -> None:
    book = read(tmp_path, WORKSHEETS["German"])
    assert not enter(book, Person(name), 9.5)
    assert moodle_worksheet(book.csv.content, MOODLE_WORDS["German"], 10, ";").grades == {"101": 9.5}


@pytest.mark.parametrize("name", ["Yes", "10.00", "Submitted for grading", "Doe", "-"])
def test_what_else_stands_in_a_row_is_nobody(tmp_path: Path, name: str) -> None:
    one = WORKSHEETS["English"].splitlines(keepends=True)
    book = read(tmp_path, "".join(one[:2]))
    assert "has no row for" in enter(book, Person(name), 9.5)
    canvas = read(tmp_path, GRADEBOOK, "4711")
    assert "has no row for" in enter(canvas, Person("One"), 9.5)


def test_the_worksheet_of_another_assignment_gives_nobody_the_grade_of_somebody_else(tmp_path: Path) -> None:
    text = WORKSHEETS["English"].replace("101", "x").replace("103", "101").replace("x", "103")
    text = text.replace("e103ample", "example").replace("ma103", "max").replace("Ma103", "Max")
    book = read(tmp_path, text)
    found = book.enter([Entry(JANE, 9.5, ["said"]), Entry(JOHN, 8, ["so"])])
    ((person, why),) = found.refused
    assert person == JANE
    assert "has the number 101 for Max Moe, so nothing was entered" in why
    assert moodle_worksheet(book.csv.content, MOODLE_WORDS["English"], 10).grades == {"102": 8}


@pytest.mark.parametrize(
    ("language", "name"),
    [
        ("English", "doe,  JANE"),
        ("English", "Group 7-Jane Doe"),
        ("English", "Jane Doe 101"),
        ("English", "Participant"),
        ("German", "Gruppe A-Teilnehmerin"),
        ("Spanish", "Somebody"),
    ],
)
def test_a_name_of_another_spelling_of_a_group_or_of_blind_marking_is_no_other_name(
    tmp_path: Path, language: str, name: str
) -> None:
    assert not enter(read(tmp_path, WORKSHEETS[language]), Person(name, "101", Platform.MOODLE), 9.5)


def test_two_submissions_for_one_row_are_both_told_and_none_is_entered(tmp_path: Path) -> None:
    book = read(tmp_path, WORKSHEETS["English"])
    two = [Entry(Person("Jane Doe"), 10, ["a"]), Entry(Person("jane@example.org"), 5, ["b"])]
    found = book.enter([*two, Entry(MAX, 3, ["c"])])
    assert [person.name for person, _ in found.refused] == ["Jane Doe", "jane@example.org"]
    assert all("has one row for Jane Doe and jane@example.org" in why for _, why in found.refused)
    assert moodle_worksheet(book.csv.content, MOODLE_WORDS["English"], 10).grades == {"103": 3}


@pytest.mark.parametrize(("language", "yes", "no"), [("English", ",Yes,", ",No,"), ("German", ";Ja;", ";Nein;")])
def test_a_grade_that_cannot_be_changed_is_left_and_told(tmp_path: Path, language: str, yes: str, no: str) -> None:
    text = WORKSHEETS[language].replace(yes, no, 1)
    book = read(tmp_path, text)
    assert "says that this grade cannot be changed" in enter(book, JANE, 9.5, "said")
    assert book.csv.content == text.encode()
    assert not enter(book, JOHN, 9.5, "said")


def test_who_is_excused_is_left_and_told(tmp_path: Path) -> None:
    text = GRADEBOOK.replace("One,,4", "One,EX,4")
    book = read(tmp_path, text, "4711")
    assert "as excused (EX)" in enter(book, Person("doejane", "901", Platform.CANVAS), 9.5)
    assert book.csv.content == text.encode()


def test_whose_grade_is_replaced_by_another_is_told(tmp_path: Path) -> None:
    text = WORKSHEETS["English"].replace('grading",,', 'grading",9.5,')
    found = read(tmp_path, text).enter([Entry(JANE, 9.5, []), Entry(JOHN, 8, []), Entry(MAX, 7, [])])
    assert (found.refused, found.replaced) == ([], [JOHN])


def test_what_could_not_be_graded_is_said_in_an_empty_cell_and_takes_no_grade(tmp_path: Path) -> None:
    text = WORKSHEETS["English"].replace("-,-,", "-,-,Mine").replace("11:00", "x").replace("Yes", "No")
    text = text.replace("No", "Yes", 1)
    book = read(tmp_path, text)
    stranger = Person("A. Stranger", "999", Platform.MOODLE)
    found = book.enter([Entry(one, None, ["Not graded: a.pdf"]) for one in (JANE, JOHN, MAX, stranger)])
    # who is no row is told already
    assert found.refused == []
    after = moodle_worksheet(book.csv.content, MOODLE_WORDS["English"], 10)
    assert after.grades == {}
    assert after.feedback == {"101": "Not graded: a.pdf", "103": "Mine"}


def test_feedback_that_would_be_a_formula_is_defused_for_every_locale(tmp_path: Path) -> None:
    book = read(tmp_path, WORKSHEETS["German"])
    enter(book, JANE, 9.5, "=HYPERLINK(1); =2, +3")
    feedback = moodle_worksheet(book.csv.content, MOODLE_WORDS["German"], 10, ";").feedback["101"]
    assert feedback == "'=HYPERLINK(1); '=2, '+3"


# -- Canvas ------------------------------------------------------------------------------------------

ASSIGNMENTS = {"4711": "Backpropagation", "4712": "Essay"}
STUDENTS = {"901", "902", "903", "999"}


@pytest.mark.parametrize("assignment", ["4711", "Backpropagation", "Backpropagation (4711)"])
def test_canvas_takes_every_grade_and_creates_no_assignment(tmp_path: Path, assignment: str) -> None:
    book = read(tmp_path, GRADEBOOK, assignment)
    assert (book.platform, book.maximum, book.feedback_column) == (Platform.CANVAS, 10, None)
    assert not enter(book, Person("doejane", "901", Platform.CANVAS), 9.5, "said")
    assert not enter(book, Person("jroe"), 8, "said")
    found = canvas_gradebook(book.csv.content, ASSIGNMENTS, STUDENTS, "Backpropagation (4711)")
    assert found.grades == {"901": 9.5, "902": 8, "903": 5.5}
    assert (found.created, found.skipped) == ([], {})
    # the other assignment is as it was
    essay = canvas_gradebook(book.csv.content, ASSIGNMENTS, STUDENTS, "Essay (4712)")
    assert essay.grades == {"901": 4, "902": 3}


def test_a_gradebook_of_one_assignment_needs_no_choice(tmp_path: Path) -> None:
    book = read(tmp_path, GRADEBOOK.replace("Essay (4712)", "Current Score"))
    assert book.grade_column == 5


def test_an_assignment_that_may_only_be_read_is_no_choice(tmp_path: Path) -> None:
    text = GRADEBOOK.replace(",10,5,(read only)", ",10,(read only),(read only)")
    assert read(tmp_path, text).grade_column == 5


def test_a_gradebook_with_first_and_last_names_is_known(tmp_path: Path) -> None:
    text = "LastName,FirstName,ID,Section,Backpropagation (4711)\nDoe,Jane,901,One,\n"
    assert not enter(read(tmp_path, text), Person("doejane", "901", Platform.CANVAS), 9.5, "")


@pytest.mark.parametrize(
    ("assignment", "sentence"),
    [
        (None, "does not tell which assignment is meant"),
        ("Backprop", "has no assignment of that name"),
        ("Final Score", "has no assignment of that name"),
    ],
)
def test_an_assignment_that_is_not_there_is_not_created(tmp_path: Path, assignment: str | None, sentence: str) -> None:
    with pytest.raises(UnusableInput, match=sentence) as caught:
        read(tmp_path, GRADEBOOK, assignment)
    assert "Backpropagation (4711), Essay (4712)" in str(caught.value)


@pytest.mark.parametrize(
    "text",
    [
        "name,grade\nJane,\n",
        "Identifier,Name,Status,Grade\nParticipant 1,Jane,x,\n",
        "Identifier,Name,Grade,Maximum Grade\nParticipant 1,Jane,,10.00\nParticipant 1,Jane,,10.00\n",
        "Identifier,Name,Grade,Maximum Grade\nParticipant 1,Jane,,10.00\nParticipant 2,John,,12.00\n",
        "x\n",
    ],
)
def test_what_is_no_file_of_grades_is_refused(tmp_path: Path, text: str) -> None:
    with pytest.raises(UnusableInput, match="grades again|export it there again"):
        read(tmp_path, text)


def test_a_scale_and_a_worksheet_of_nobody_are_told_as_what_they_are(tmp_path: Path) -> None:
    with pytest.raises(UnusableInput, match=r"graded by a scale \(Poor, Good\): have Moodle grade it by points"):
        read(tmp_path, WORKSHEETS["English"].replace("10.00", '"Poor, Good"'))
    with pytest.raises(UnusableInput, match="has headers and nobody below them"):
        read(tmp_path, WORKSHEETS["English"].splitlines()[0])


def test_an_assignment_is_chosen_in_canvas_only(tmp_path: Path) -> None:
    with pytest.raises(UnusableInput, match="is no gradebook of Canvas"):
        read(tmp_path, WORKSHEETS["English"], "4711")
