"""The copy in which wrong cells are marked."""

import subprocess
import zipfile
from pathlib import Path

import pytest
from openpyxl import load_workbook

from tests.check.test_workbooks import REAL
from tests.handmade import FORMULAS, Handmade, write
from xlbackprop.check.workbooks import check
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


def test_the_copy_is_judged_like_the_original(tmp_path: Path) -> None:
    path = write(tmp_path / "book.xlsx", WRONG)
    assert check(marked(path)).tables[0].findings == check(path).tables[0].findings


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
