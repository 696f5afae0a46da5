"""An array formula over a column is computed as a formula in each of its cells."""

import re
from pathlib import Path

import pytest
from openpyxl import Workbook
from openpyxl.worksheet.formula import ArrayFormula

from xlbackprop.spreadsheet.arrays import without_arrays
from xlbackprop.spreadsheet.engines import recalculated


def saved(path: Path, reference: str, formula: str) -> Path:
    book = Workbook()
    for row in range(1, 5):
        book.active.cell(row, 1, row)
        book.active.cell(row, 2, 10 * row)
    book.active["F2"] = 7
    book.active[reference.partition(":")[0]] = ArrayFormula(reference, formula)
    book.save(path)
    return path


@pytest.mark.parametrize(
    ("reference", "formula", "values"),
    [
        ("D1:D4", "=A1:A4*B1:B4", [10, 40, 90, 160]),
        ("D1:D4", "=$A$1:$A$4+B1", [11, 12, 13, 14]),
        # with another row than its own
        ("D2:D4", "=A1:A3*2", [2, 4, 6]),
    ],
)
def test_each_cell_takes_those_of_its_row(tmp_path: Path, reference: str, formula: str, values: list[float]) -> None:
    sheets = recalculated(saved(tmp_path / "book.xlsx", reference, formula))
    first = int(re.sub("[A-Z:].*?", "", reference.partition(":")[0]))
    assert [sheets.value("Sheet", first + n, 4) for n in range(len(values))] == values
    assert sheets.value("Sheet", 2, 6) == 7


@pytest.mark.parametrize("formula", ["=SUM(A1:A4)*B1:B4", "=MMULT(A1:A4,B1:B1)"])
def test_a_formula_that_takes_the_whole_column_stays(formula: str) -> None:
    sheet = (
        '<worksheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"><sheetData><row r="1">'
        f'<c r="D1"><f t="array" ref="D1:D4">{formula[1:]}</f></c></row></sheetData></worksheet>'
    ).encode()
    assert without_arrays(sheet) == sheet


@pytest.mark.parametrize("content", [b"", b"<f t='array'", b'<worksheet><c><f t="array"/></c></worksheet>'])
def test_what_is_damaged_stays(content: bytes) -> None:
    assert without_arrays(content) == content
