"""The copy in which wrong cells are marked."""

import subprocess
import zipfile
from collections.abc import Callable
from pathlib import Path
from xml.etree import ElementTree

import pytest
from openpyxl import load_workbook
from openpyxl.comments import Comment

from tests.conftest import filled_cells, notes_of, real_workbook, with_zip_field
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
    return filled_cells(path, sheet, FILL)


def notes(path: Path, sheet: str = "Sheet1") -> dict[str, str]:
    return notes_of(path, sheet)


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


def with_a_note(path: Path) -> Path:
    book = load_workbook(path)
    book.active["A1"].comment = Comment("my own", "teacher")
    book.save(path)
    return path


@pytest.mark.parametrize(
    "prepared",
    [
        lambda path: write(path, WRONG),
        lambda path: write(path, WRONG, WRONG),
        lambda path: with_a_note(write(path, WRONG)),
        lambda path: with_a_note(write(path, WRONG, WRONG)),
        lambda path: marked(write(path, WRONG)).rename(path),
    ],
    ids=["plain", "two sheets", "with notes", "with notes on one of two sheets", "marked already"],
)
def test_every_part_of_the_copy_has_one_content_type(tmp_path: Path, prepared: Callable[[Path], Path]) -> None:
    types = "{http://schemas.openxmlformats.org/package/2006/content-types}"
    with zipfile.ZipFile(marked(prepared(tmp_path / "book.xlsx"))) as package:
        names = package.namelist()
        declared = list(ElementTree.fromstring(package.read("[Content_Types].xml")))
    defaults = [
        (one.get("Extension").lower(), one.get("ContentType")) for one in declared if one.tag.endswith("Default")
    ]
    overrides = [(one.get("PartName"), one.get("ContentType")) for one in declared if one.tag.endswith("Override")]
    assert {one.tag for one in declared} == {f"{types}Default", f"{types}Override"}
    assert len(dict(defaults)) == len(defaults)
    assert len(dict(overrides)) == len(overrides)
    found = {
        name: dict(overrides).get(f"/{name}", dict(defaults).get(name.rpartition(".")[2].lower()))
        for name in names
        if name != "[Content_Types].xml"
    }
    assert None not in found.values()
    # what Excel repairs a file for where it is another one
    office = "application/vnd.openxmlformats-officedocument."
    of_notes = {kind for name, kind in found.items() if name.endswith(".vml")}
    assert of_notes == {f"{office}vmlDrawing"}
    assert f"{office}spreadsheetml.comments+xml" in found.values()


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


@pytest.mark.parametrize("field", [(10, 8, 99), (6, 4, 99), (8, 6, 1)], ids=["compression", "version", "encryption"])
def test_a_package_with_an_unknown_zip_feature_is_not_copied(tmp_path: Path, field: tuple[int, int, int]) -> None:
    path = write(tmp_path / "book.xlsx", WRONG)
    found = check(path)
    with_zip_field(path, *field)
    with pytest.raises(UnusableInput, match=r"book.xlsx cannot be copied: .*\.$"):
        annotate(found, tmp_path / "marked.xlsx", force=False)
    assert not (tmp_path / "marked.xlsx").exists()


def test_a_real_workbook_keeps_its_shapes_charts_and_stored_values(tmp_path: Path, libreoffice: str) -> None:
    original = real_workbook("seed4")
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
