"""No cell is too narrow for its number, and a zero is a zero: as LibreOffice shows it."""

import os
import re
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest
from openpyxl import load_workbook

from tests.conftest import built
from xlbackprop.backprop.templates import template_names
from xlbackprop.spreadsheet.places import Place
from xlbackprop.workbook import looks

#: Start values of all sizes; where they are 0, so are sums and gradients.
EXTREMES = (
    ("A", 0.5, {"w1": 1e15, "w2": 0.123456789012345, "i1": 0.0, "w5": -0.0}),
    ("A", 0.5, {"w1": -1.5e-7, "w2": 1e-300, "i1": 1e-300, "w5": -999.123456, "t1": -1.5e-7}),
    ("A", 1e-7, {"w1": -1.2345e100, "w3": 1.2345e-100, "i1": 0.0, "i2": 123456.789}),
    ("softmax", 0.123456789012345, {"i1": -5000.0, "w1": 1.0}),
    ("deep", 123.456789012345, {"i1": 0.0, "i2": 0.0}),
)


@pytest.fixture(scope="module")
def shown(libreoffice: str, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """The text of the printed pages of each workbook, with all columns open."""
    if shutil.which("pdftotext") is None:
        if os.environ.get("XLBACKPROP_REQUIRE_LIBREOFFICE"):
            pytest.fail("XLBACKPROP_REQUIRE_LIBREOFFICE is set, but pdftotext is not installed")
        pytest.skip("pdftotext is not in the PATH: install poppler-utils")
    folder = tmp_path_factory.mktemp("shown")
    made = [(template, 0.5, {}) for template in template_names()] + list(EXTREMES)
    paths = [folder / f"{n}.xlsx" for n in range(len(made))]
    for path, (template, eta, values) in zip(paths, made, strict=True):
        source = folder / path.stem
        source.mkdir()
        open_columns(built(source, template, eta, steps=4, values=values).path, path)
    profile = f"-env:UserInstallation={(folder / 'profile').as_uri()}"
    convert = [libreoffice, profile, "--headless", "--convert-to", "pdf", "--outdir", folder, *paths]
    subprocess.run(convert, check=True, capture_output=True, timeout=300)
    return {f"{template} {values or ''}": text(path) for path, (template, _, values) in zip(paths, made, strict=True)}


def open_columns(path: Path, copy: Path) -> None:
    """Save a copy with no column hidden; a number in a hidden one is shown as ###, though nobody sees it."""
    book = load_workbook(path)
    for sheet in book:
        for column in sheet.column_dimensions.values():
            column.hidden = False
    book.save(copy)


def text(workbook: Path) -> str:
    pdf = ["pdftotext", "-layout", workbook.with_suffix(".pdf"), "-"]
    return subprocess.run(pdf, check=True, capture_output=True).stdout.decode()


def test_every_number_fits_its_column(shown: dict[str, str]) -> None:
    narrow = {name: text.count("###") for name, text in shown.items()}
    assert not any(narrow.values()), narrow
    assert all("0.5" in text for text in shown.values())


def test_a_zero_is_shown_as_such(shown: dict[str, str]) -> None:
    strange = {name: re.findall(r"-?\b0\.0+E[-+]\d+", text) for name, text in shown.items()}
    assert not any(strange.values()), strange


def test_a_small_number_keeps_its_digits_and_a_large_one_its_size(shown: dict[str, str]) -> None:
    large, tiny, huge, softmax, _ = [*shown.values()][-5:]
    assert "-1.500E-07" in tiny
    assert "1.000E-300" in tiny
    assert "-999.123456" in tiny
    assert "1.000E+15" in large
    assert "-1.235E+100" in huge
    assert "-5.000E+03" in softmax


def test_the_rules_of_numbers_are_about_their_first_cell() -> None:
    cells = Place(np.array([[3, 4], [5, 6]]))
    rules = looks.number_rules(cells)
    assert [rule.cells for rule in rules] == [cells, cells]
    assert {hole for rule in rules for hole in re.findall(r"\x02[^\x03]*\x03", rule.condition)} == {f"{cells[0, 0]}"}
