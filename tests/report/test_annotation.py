"""The copy in which wrong cells are marked."""

import subprocess
import zipfile
from pathlib import Path

import pytest
from openpyxl import load_workbook
from openpyxl.comments import Comment
from openpyxl.styles import Font

from tests.check.test_file import REAL
from tests.handmade import FORMULAS, Handmade, write
from xlbackprop.check.file import check
from xlbackprop.errors import UnusableInput
from xlbackprop.report.annotation import FILL, annotate

WRONG = Handmade(cells={("o1", step): "={w5}*{a_h1}+{w6}*{a_h1}" for step in (3, 4)})


def marked(path: Path) -> Path:
    output = path.parent / "marked.xlsx"
    annotate(check(path), output, force=False)
    return output


def filled(path: Path, sheet: str = "Sheet1") -> set[str]:
    rows = load_workbook(path)[sheet].iter_rows()
    return {cell.coordinate for row in rows for cell in row if cell.fill.fgColor.rgb == FILL}


def notes(path: Path, sheet: str = "Sheet1") -> dict[str, str]:
    rows = load_workbook(path)[sheet].iter_rows()
    return {cell.coordinate: cell.comment.text for row in rows for cell in row if cell.comment}


def test_wrong_cells_have_a_fill_and_a_note_and_no_others_have(tmp_path: Path) -> None:
    output = marked(write(tmp_path / "book.xlsx", WRONG))
    assert filled(output) == {"Q9", "Q10"}
    ((cell, text),) = notes(output).items()
    assert cell == "Q9"
    assert text.startswith("o1 (Q9:Q10) uses a_h1; it should be a_h2")
    assert text.endswith("Expected: =M9*J9+N9*L9")


def test_formulas_and_styles_stay_as_they_are(tmp_path: Path) -> None:
    path = write(tmp_path / "book.xlsx", WRONG)
    book = load_workbook(path)
    book.active["Q9"].number_format = "0.000"
    book.active["Q9"].font = Font(bold=True)
    book.save(path)
    before, after = load_workbook(path).active, load_workbook(marked(path)).active
    assert list(before.iter_rows(values_only=True)) == list(after.iter_rows(values_only=True))
    assert (after["Q9"].number_format, after["Q9"].font.bold) == ("0.000", True)


def test_the_copy_is_judged_like_the_original(tmp_path: Path) -> None:
    path = write(tmp_path / "book.xlsx", WRONG)
    assert check(marked(path)).tables[0].findings == check(path).tables[0].findings


def test_notes_that_are_there_already_stay(tmp_path: Path) -> None:
    path = write(tmp_path / "book.xlsx", WRONG)
    book = load_workbook(path)
    book.active["A1"].comment = Comment("my own", "teacher")
    book.active["Q9"].comment = Comment("why?", "student")
    book.save(path)
    found = notes(marked(path))
    assert found["A1"] == "my own"
    assert found["Q9"] == "why?"
    assert found["Q10"].startswith("o1 (Q9:Q10)")


def test_marking_twice_adds_to_the_notes(tmp_path: Path) -> None:
    output = marked(write(tmp_path / "book.xlsx", WRONG))
    again = tmp_path / "again.xlsx"
    annotate(check(output), again, force=False)
    assert len(notes(again)) == 2


def test_parts_that_do_not_change_are_the_same_bytes(tmp_path: Path) -> None:
    path = write(tmp_path / "book.xlsx", WRONG, Handmade(steps=2))
    with zipfile.ZipFile(path) as before, zipfile.ZipFile(marked(path)) as after:
        same = {name for name in before.namelist() if before.read(name) == after.read(name)}
        assert set(before.namelist()) <= set(after.namelist())
        assert set(before.namelist()) - same == {
            "[Content_Types].xml",
            "xl/styles.xml",
            "xl/worksheets/sheet1.xml",
        }


def test_a_right_workbook_is_copied_as_it_is(tmp_path: Path) -> None:
    path = write(tmp_path / "book.xlsx", Handmade())
    with zipfile.ZipFile(path) as before, zipfile.ZipFile(marked(path)) as after:
        assert {n: before.read(n) for n in before.namelist()} == {n: after.read(n) for n in after.namelist()}


def test_a_copy_is_not_overwritten_unasked(tmp_path: Path) -> None:
    path = write(tmp_path / "book.xlsx", WRONG)
    output = marked(path)
    content = output.read_bytes()
    with pytest.raises(UnusableInput, match="exists already"):
        annotate(check(path), output, force=False)
    assert output.read_bytes() == content


def test_a_workbook_with_macros_is_not_marked(tmp_path: Path) -> None:
    path = write(tmp_path / "book.xlsm", WRONG)
    with zipfile.ZipFile(path, "a") as package:
        package.writestr("xl/vbaProject.bin", b"")
    with pytest.raises(UnusableInput, match="has macros"):
        marked(path)


def rewritten(path: Path, changes: dict[str, tuple[bytes, bytes]]) -> Path:
    """A workbook with some bytes of its parts replaced."""
    with zipfile.ZipFile(path) as package:
        parts = {name: package.read(name) for name in package.namelist()}
    for name, (old, new) in changes.items():
        assert old in parts[name]
        parts[name] = parts[name].replace(old, new)
    with zipfile.ZipFile(path, "w") as package:
        for name, content in parts.items():
            package.writestr(name, content)
    return path


def test_single_quotes_in_the_parts_are_no_obstacle(tmp_path: Path) -> None:
    path = write(tmp_path / "book.xlsx", WRONG)
    book = load_workbook(path)
    book.active["Q9"].font = Font(bold=True)
    book.save(path)
    changes = {"xl/styles.xml": (b'fillId="0"', b"fillId='0'"), "xl/worksheets/sheet1.xml": (b's="1"', b"s='1'")}
    assert filled(marked(rewritten(path, changes))) == {"Q9", "Q10"}


def test_styles_of_an_unknown_kind_are_refused_and_nothing_is_written(tmp_path: Path) -> None:
    path = write(tmp_path / "book.xlsx", WRONG)
    found = check(path)
    rewritten(path, {"xl/styles.xml": (b"cellXfs", b"otherXfs")})
    with pytest.raises(UnusableInput, match="nothing can be marked"):
        annotate(found, tmp_path / "marked.xlsx", force=False)
    assert not (tmp_path / "marked.xlsx").exists()


def test_a_drawing_of_the_page_header_is_left_alone(tmp_path: Path) -> None:
    path = write(tmp_path / "book.xlsx", WRONG)
    relations = (
        b'<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships"><Relationship Id="rIdHF" '
        b'Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/vmlDrawing" '
        b'Target="../drawings/hf.vml"/></Relationships>'
    )
    with zipfile.ZipFile(path, "a") as package:
        package.writestr("xl/worksheets/_rels/sheet1.xml.rels", relations)
        package.writestr("xl/drawings/hf.vml", "<xml></xml>")
    element = (
        b'<legacyDrawingHF xmlns:r="http://schemas.openxmlformats.org/officeDocument/2006/relationships" r:id="rIdHF"/>'
    )
    rewritten(path, {"xl/worksheets/sheet1.xml": (b"</worksheet>", element + b"</worksheet>")})
    with zipfile.ZipFile(marked(path)) as package:
        assert package.read("xl/drawings/hf.vml") == b"<xml></xml>"
        sheet = package.read("xl/worksheets/sheet1.xml")
    assert sheet.index(b"<legacyDrawing ") < sheet.index(b"<legacyDrawingHF ")


def test_a_real_workbook_keeps_its_shapes_charts_and_stored_values(tmp_path: Path, libreoffice: str) -> None:
    original = REAL / "seed4.xlsx"
    if not original.exists():
        pytest.skip("the real workbooks are not here")
    output = tmp_path / "marked.xlsx"
    annotate(check(original), output, force=False)
    with zipfile.ZipFile(original) as before, zipfile.ZipFile(output) as after:
        changed = {name for name in before.namelist() if before.read(name) != after.read(name)}
    assert changed == {
        "[Content_Types].xml",
        "xl/styles.xml",
        "xl/worksheets/sheet1.xml",
        "xl/worksheets/_rels/sheet1.xml.rels",
    }
    stored = [
        [cell.value for row in load_workbook(path, data_only=True).active.iter_rows() for cell in row]
        for path in (original, output)
    ]
    assert stored[0] == stored[1]
    assert len(filled(output)) == 2 * 68
    profile = (tmp_path / "profile").as_uri()
    command = [libreoffice, f"-env:UserInstallation={profile}", "--headless", "--convert-to", "pdf", "--outdir"]
    subprocess.run([*command, tmp_path, output], check=True, capture_output=True)
    assert (tmp_path / "marked.pdf").stat().st_size > 10_000


def test_the_notes_survive_libreoffice(tmp_path: Path, libreoffice: str) -> None:
    output = marked(write(tmp_path / "book.xlsx", WRONG.with_formula("E1", FORMULAS["E2"])))
    profile = (tmp_path / "profile").as_uri()
    command = [libreoffice, f"-env:UserInstallation={profile}", "--headless", "--convert-to", "xlsx", "--outdir"]
    subprocess.run([*command, tmp_path / "saved", output], check=True, capture_output=True)
    assert notes(tmp_path / "saved" / "marked.xlsx").keys() == {"Q9", "U6"}
