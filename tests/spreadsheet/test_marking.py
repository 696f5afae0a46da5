"""Fills and notes on cells, in a file that stays as it is but for them."""

import zipfile
from collections.abc import Mapping
from pathlib import Path

import pytest
from openpyxl import Workbook, load_workbook
from openpyxl.comments import Comment
from openpyxl.styles import Font

from tests.conftest import filled_cells, notes_of
from tests.spreadsheet.test_package import rewritten
from xlbackprop.errors import UnusableInput
from xlbackprop.spreadsheet.marking import Marks, mark
from xlbackprop.spreadsheet.package import Package

COLOUR = "FF00AA00"
MARKS = Marks({"B2", "B3", "Z9"}, {"B2": ["one", "two < three"]})


@pytest.fixture
def book(tmp_path: Path) -> Path:
    """Two sheets, each with some numbers and formulas."""
    book = Workbook()
    for sheet in (book.active, book.create_sheet("Other")):
        for row in range(1, 5):
            sheet.append([row, f"=A{row}*2", f"=B{row}+1"])
    path = tmp_path / "book.xlsx"
    book.save(path)
    return path


def marked(path: Path, marks: Mapping[str, Marks] | None = None) -> Path:
    package, output = Package(path), path.parent / "marked.xlsx"
    mark(package, {"Sheet": MARKS} if marks is None else marks, colour=COLOUR, author="us")
    package.write(output, force=True)
    return output


def filled(path: Path, sheet: str = "Sheet") -> set[str]:
    return filled_cells(path, sheet, COLOUR)


def notes(path: Path, sheet: str = "Sheet") -> dict[str, str]:
    return notes_of(path, sheet)


def test_cells_that_hold_something_get_the_fill_and_notes_their_text(book: Path) -> None:
    output = marked(book)
    assert filled(output) == {"B2", "B3"}
    assert notes(output) == {"B2": "one\n\ntwo < three"}
    assert load_workbook(output)["Sheet"]["B2"].comment.author == "us"
    assert (filled(output, "Other"), notes(output, "Other")) == (set(), {})


def test_several_sheets_share_the_fill(book: Path) -> None:
    output = marked(book, {"Sheet": MARKS, "Other": Marks({"C4"}, {"C4": ["here"]})})
    assert (filled(output), filled(output, "Other")) == ({"B2", "B3"}, {"C4"})
    assert (set(notes(output)), notes(output, "Other")) == ({"B2"}, {"C4": "here"})
    with zipfile.ZipFile(output) as package:
        assert package.read("xl/styles.xml").count(COLOUR.encode()) == 1


def test_formulas_and_styles_stay_as_they_are(book: Path) -> None:
    opened = load_workbook(book)
    opened.active["B2"].number_format = "0.000"
    opened.active["B2"].font = Font(bold=True)
    opened.save(book)
    before, after = load_workbook(book).active, load_workbook(marked(book)).active
    assert list(before.iter_rows(values_only=True)) == list(after.iter_rows(values_only=True))
    assert (after["B2"].number_format, after["B2"].font.bold) == ("0.000", True)


def test_notes_that_are_there_already_stay(book: Path) -> None:
    opened = load_workbook(book)
    opened.active["A1"].comment = Comment("my own", "teacher")
    opened.active["B2"].comment = Comment("why?", "student")
    opened.save(book)
    assert notes(marked(book)) == {"A1": "my own", "B2": "why?", "B3": "one\n\ntwo < three"}


def test_marking_twice_adds_to_the_notes(book: Path) -> None:
    assert set(notes(marked(marked(book)))) == {"B2", "B3"}


def test_parts_that_do_not_change_are_the_same_bytes(book: Path) -> None:
    with zipfile.ZipFile(book) as before, zipfile.ZipFile(marked(book)) as after:
        same = {name for name in before.namelist() if before.read(name) == after.read(name)}
        assert set(before.namelist()) <= set(after.namelist())
        assert set(before.namelist()) - same == {
            "[Content_Types].xml",
            "xl/styles.xml",
            "xl/worksheets/sheet1.xml",
        }


def test_without_marks_nothing_changes(book: Path) -> None:
    with zipfile.ZipFile(book) as before, zipfile.ZipFile(marked(book, {})) as after:
        assert {n: before.read(n) for n in before.namelist()} == {n: after.read(n) for n in after.namelist()}


def test_a_workbook_with_macros_is_not_marked(book: Path) -> None:
    with zipfile.ZipFile(book, "a") as package:
        package.writestr("xl/vbaProject.bin", b"")
    with pytest.raises(UnusableInput, match="has macros"):
        marked(book)


def test_single_quotes_in_the_parts_are_no_obstacle(book: Path) -> None:
    opened = load_workbook(book)
    opened.active["B2"].font = Font(bold=True)
    opened.save(book)
    changes = {"xl/styles.xml": (b'fillId="0"', b"fillId='0'"), "xl/worksheets/sheet1.xml": (b's="1"', b"s='1'")}
    assert filled(marked(rewritten(book, changes))) == {"B2", "B3"}


@pytest.mark.parametrize(
    ("part", "old", "new", "sentence"),
    [
        ("xl/styles.xml", b"cellXfs", b"otherXfs", "the workbook's styles lack cellXfs, so nothing can be marked"),
        ("xl/worksheets/sheet1.xml", b'r="B2"', b'r="2"', "its parts are written in a way that this program"),
        ("xl/workbook.xml", b'name="Sheet"', b'name="Table"', "its parts are written in a way that this program"),
    ],
)
def test_parts_of_an_unknown_kind_are_refused(book: Path, part: str, old: bytes, new: bytes, sentence: str) -> None:
    with pytest.raises(UnusableInput, match=sentence):
        marked(rewritten(book, {part: (old, new)}))
    assert not (book.parent / "marked.xlsx").exists()


def test_a_drawing_of_the_page_header_is_left_alone(book: Path) -> None:
    relations = (
        b'<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships"><Relationship Id="rIdHF" '
        b'Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/vmlDrawing" '
        b'Target="../drawings/hf.vml"/></Relationships>'
    )
    with zipfile.ZipFile(book, "a") as package:
        package.writestr("xl/worksheets/_rels/sheet1.xml.rels", relations)
        package.writestr("xl/drawings/hf.vml", "<xml></xml>")
    element = (
        b'<legacyDrawingHF xmlns:r="http://schemas.openxmlformats.org/officeDocument/2006/relationships" r:id="rIdHF"/>'
    )
    rewritten(book, {"xl/worksheets/sheet1.xml": (b"</worksheet>", element + b"</worksheet>")})
    with zipfile.ZipFile(marked(book)) as package:
        assert package.read("xl/drawings/hf.vml") == b"<xml></xml>"
        sheet = package.read("xl/worksheets/sheet1.xml")
    assert sheet.index(b"<legacyDrawing ") < sheet.index(b"<legacyDrawingHF ")
