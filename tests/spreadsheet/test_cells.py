import re
import shutil
import subprocess
import zipfile
from pathlib import Path

import pytest
from openpyxl import Workbook as NewWorkbook
from openpyxl import load_workbook

from tests.conftest import Workbook, built, cell
from xlbackprop.check.file import verify
from xlbackprop.check.following import unlike_written
from xlbackprop.errors import UnusableInput
from xlbackprop.spreadsheet import engines
from xlbackprop.spreadsheet import libreoffice as libreoffice_module
from xlbackprop.spreadsheet.cells import same_value
from xlbackprop.spreadsheet.xlsx import write
from xlbackprop.workbook.network_sheet import Origin
from xlbackprop.workbook.run import Run
from xlbackprop.workbook.sheets import our_sheets


def poisoned(workbook: Workbook, path: Path) -> Path:
    """A copy in which every stored value of a formula is 7, while the formulas are right."""
    with zipfile.ZipFile(workbook.path) as source, zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as target:
        for part in source.namelist():
            content = source.read(part)
            if part.startswith("xl/worksheets/sheet"):
                content = re.sub(rb"</f><v>[^<]*</v>", b"</f><v>7</v>", content)
            target.writestr(part, content)
    return path


def test_the_values_in_a_file_are_not_believed(classic: Workbook, tmp_path: Path) -> None:
    path = poisoned(classic, tmp_path / "poisoned.xlsx")
    address = classic.layout.training.cell("E_total", 2)
    assert load_workbook(path, data_only=True)["η=0.5"][address].value == 7
    assert cell(engines.recalculated(path), "η=0.5", address) == pytest.approx(0.228620206009, rel=1e-11)


def test_libreoffice_does_not_believe_them_either(classic: Workbook, tmp_path: Path, libreoffice: str) -> None:
    path = poisoned(classic, tmp_path / "poisoned.xlsx")
    assert verify(path, "libreoffice").correct


def test_both_engines_give_every_cell_the_value_that_was_written(
    tmp_path: Path, classic: Workbook, libreoffice
) -> None:
    path = tmp_path / "book.xlsx"
    sheets = our_sheets(Run(classic.layout), Origin("0", "xlbackprop build", "A"))
    write(sheets.book, path)
    for engine in engines.ENGINES:
        assert list(unlike_written(engines.recalculated(path, engine), sheets)) == []


def test_a_file_that_libreoffice_saved_is_read_as_well(classic: Workbook, tmp_path: Path, libreoffice: str) -> None:
    copy = shutil.copy(classic.path, tmp_path / "book.xlsx")
    profile, saved = f"-env:UserInstallation={(tmp_path / 'profile').as_uri()}", str(tmp_path / "saved")
    command = [libreoffice, profile, "--headless", "--convert-to", "xlsx", "--outdir", saved, str(copy)]
    subprocess.run(command, check=True, capture_output=True)
    report = verify(tmp_path / "saved" / "book.xlsx")
    assert report.correct
    assert report.cells == classic.report.cells


def test_a_missing_libreoffice_is_one_sentence(classic: Workbook, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(libreoffice_module, "libreoffice_program", lambda: None)
    with pytest.raises(UnusableInput, match="LibreOffice is not installed: install LibreOffice Calc, or use"):
        engines.recalculated(classic.path, "libreoffice")


def test_a_libreoffice_that_fails_is_one_sentence(classic: Workbook, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(libreoffice_module, "libreoffice_program", lambda: "false")
    with pytest.raises(UnusableInput, match="LibreOffice could not recalculate"):
        engines.recalculated(classic.path, "libreoffice")


def test_the_values_of_libreoffice_are_its_own(tmp_path: Path, libreoffice: str) -> None:
    book = NewWorkbook()
    # only LibreOffice knows on what it runs
    book.active["A1"] = '=INFO("system")'
    book.save(tmp_path / "system.xlsx")
    by_engine = {
        engine: engines.recalculated(tmp_path / "system.xlsx", engine).value("Sheet", 1, 1)
        for engine in engines.ENGINES
    }
    assert by_engine["libreoffice"] in ("LINUX", "MACOSX", "WNT")
    assert by_engine["ironcalc"] != by_engine["libreoffice"]


@pytest.mark.parametrize("part", ["xl/workbook.xml", "xl/worksheets/sheet4.xml", "xl/styles.xml"])
@pytest.mark.parametrize("content", [b"", b"<broken", b"\x00\xff", b"<worksheet/>"])
def test_a_damaged_part_is_one_sentence(classic: Workbook, tmp_path: Path, part: str, content: bytes) -> None:
    path = tmp_path / "damaged.xlsx"
    with zipfile.ZipFile(classic.path) as source, zipfile.ZipFile(path, "w") as target:
        for name in source.namelist():
            target.writestr(name, content if name == part else source.read(name))
    try:
        verify(path)
    except UnusableInput as refusal:
        assert "\n" not in str(refusal)


def test_a_workbook_that_was_cut_short_is_refused(classic: Workbook, tmp_path: Path) -> None:
    path = tmp_path / "short.xlsx"
    content = classic.path.read_bytes()
    path.write_bytes(content[: len(content) // 2])
    with pytest.raises(UnusableInput, match="or it was cut short"):
        engines.recalculated(path)


def test_names_formulas_and_values_are_those_that_openpyxl_sees(classic: Workbook) -> None:
    sheets = engines.recalculated(classic.path)
    other = load_workbook(classic.path)
    assert sheets.names == other.sheetnames
    sheet = other["η=2"]
    for row in (13, 14, 20):
        for column in range(1, 45):
            value = sheet.cell(row, column).value
            formula = sheets.formula("η=2", row, column)
            assert formula == (value if isinstance(value, str) else None)
    assert {name.name for name in sheets.defined_names if name.sheet is None} == set(other.defined_names)


@pytest.mark.parametrize(
    ("parts", "sentence"),
    [
        ({"xl/workbook.xml": b"<workbook/>", "xl/x.xml": bytes(64 * 2**20)}, "which no honest workbook does"),
        ({"a.txt": b"hello"}, "is a zip file, but no workbook"),
        ({"mimetype": b"", "content.xml": b""}, "is an OpenDocument file"),
        (None, "is not an .xlsx workbook"),
    ],
    ids=["bomb", "zip", "ods", "text"],
)
def test_libreoffice_is_not_asked_about_what_is_no_safe_workbook(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, parts: dict[str, bytes] | None, sentence: str
) -> None:
    path = tmp_path / "book.xlsx"
    path.write_text("hello")
    if parts:
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as package:
            for name, content in parts.items():
                package.writestr(name, content)
    monkeypatch.setattr(shutil, "which", lambda program: program)
    monkeypatch.setattr(subprocess, "run", lambda *_, **__: pytest.fail("LibreOffice was started"))
    with pytest.raises(UnusableInput, match=sentence):
        engines.recalculated(path, "libreoffice")


@pytest.mark.parametrize(
    ("found", "should", "same"),
    [
        # up to 1 the absolute difference counts, and beyond that the relative one
        (0.5 + 0.9e-9, 0.5, True),
        (0.5 + 1.1e-9, 0.5, False),
        (2.0 + 1.9e-9, 2.0, True),
        (2.0 + 2.1e-9, 2.0, False),
        (2.0 - 2.1e-9, 2.0, False),
        # a number inside a text may be shown with few digits
        ("η = 0.5004", "η = 0.5", True),
        ("η = 0.5006", "η = 0.5", False),
        ("eta = 0.5", "η = 0.5", False),
        # a text where a number belongs, and the reverse
        ("all equal", 0.5, False),
        (0.5, "all equal", False),
        (None, 0.5, False),
        (None, "η = 0.5", False),
    ],
)
def test_a_recalculated_value_may_differ_by_what_rounding_adds_up_to(found, should, same: bool) -> None:
    assert same_value(found, should) is same


def test_libreoffice_leaves_no_stale_error_in_a_long_chain_over_two_sheets(tmp_path: Path, libreoffice: str) -> None:
    # with threads, it leaves #VALUE! in two cells of these when it loads the file
    long = built(tmp_path, "xor", 2.0, steps=300)
    values = engines.recalculated(long.path, "libreoffice").values("η=2 samples").values()
    assert [value for value in values if isinstance(value, str) and value.startswith("#")] == []
