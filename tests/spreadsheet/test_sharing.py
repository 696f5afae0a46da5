"""Formulas that are filled down are written once, and say the same."""

import re
import zipfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from openpyxl import Workbook

from xlbackprop.spreadsheet import ironcalc
from xlbackprop.spreadsheet.sharing import copy_with_shared_formulas, with_shared_formulas


def sheet(first: int, *formulas: str) -> bytes:
    """A sheet's part with a formula a row in column C."""
    rows = (
        f'<row r="{row}"><c r="A{row}"><v>{row}</v></c><c r="C{row}" s="1"><f>{text}</f><v>{row}</v></c></row>'
        for row, text in enumerate(formulas, start=first)
    )
    return f"<worksheet><sheetData>{''.join(rows)}</sheetData></worksheet>".encode()


def shared(content: bytes) -> list[int]:
    """The rows whose formula is that of a row above."""
    return [
        int(row) for row in re.findall(rb'r="C(\d+)" s="1"><f t="shared" si="\d+"/>', with_shared_formulas(content))
    ]


def test_a_formula_that_is_filled_down_is_written_once() -> None:
    content = with_shared_formulas(sheet(8, "A8*$B$1+C7", "A9*$B$1+C8"))
    assert b'<c r="C8" s="1"><f t="shared" ref="C8" si="0">A8*$B$1+C7</f><v>8</v></c>' in content
    assert b'<c r="C9" s="1"><f t="shared" si="0"/><v>9</v></c>' in content


@pytest.mark.parametrize(
    "formula",
    [
        "A{0}*B{0}",
        "SUM(A{0}:B{0})-0.5*A{0}^2",
        'IF(A{0}&gt;0,A{0},0)&amp;""',
        "$A{0}*A$3/$B$12",
        "Other!B{0}+'a b'!$C$4",
        "eta*w_1+TRUE",
        "LOG10(A{0})",
        "1.5E-3*A{0}%",
    ],
)
def test_what_moves_with_its_row_is_shared(formula: str) -> None:
    assert shared(sheet(28, *(formula.format(row) for row in (28, 29, 30)))) == [29, 30]


@pytest.mark.parametrize(
    "formulas",
    [
        # cells of another row stay where they are
        ["A5*2", "A5*2"],
        # the row's own number as a number, in a text, in a name, in a sheet, fixed
        ["A28*28", "A29*29"],
        ["A28*0.28", "A29*0.29"],
        ['A28&amp;"28"', 'A29&amp;"29"'],
        ["A28*w28", "A29*w28"],
        ["'28'!A28", "'29'!A29"],
        ["A$28", "A$29"],
        ["28:28", "29:29"],
        ["A28*1E28", "A29*1E29"],
        # not the row's own number
        ["A128", "A129"],
        ["A281", "A291"],
        ["A28:A28:A28", "A29:A29:A29"],
        ["A28#", "A29#"],
        # the corners of the range change places below row 28
        ["SUM($A$29:A28)", "SUM($A$29:A29)"],
        ["{28}", "{29}"],
        ["a28", "a29"],
    ],
)
def test_what_does_not_move_with_its_row_is_left_as_it_is(formulas: list[str]) -> None:
    content = sheet(28, *formulas)
    assert with_shared_formulas(content) == content


def test_nothing_is_shared_with_the_first_row() -> None:
    assert shared(sheet(1, "B0", "B1", "B2")) == [3]


@pytest.mark.parametrize("strange", [b"<!--", b"<![CDATA[", b'<f t="shared" si="0"/>', b"\0"])
def test_a_sheet_of_an_unusual_kind_is_left_as_it_is(strange: bytes) -> None:
    content = sheet(8, "A8", "A9") + strange
    assert with_shared_formulas(content) == content


def test_cells_of_another_style_share_the_formula_all_the_same() -> None:
    content = sheet(8, "A8*2", "A9*2", "A10*2").replace(b'r="C9" s="1"', b'r="C9" s="9"')
    found = with_shared_formulas(content)
    assert b'<c r="C9" s="9"><f t="shared" si="0"/>' in found
    assert b'<c r="C10" s="1"><f t="shared" si="0"/>' in found


_NUMBERS = st.sampled_from(["{0}", "{1}", "{2}", "1", "9", "10", "11", "12", "0.5", "1{0}", "{0}.5", "1E{0}", "A{0}1"])
_REFERENCES = st.sampled_from(
    ["A{0}", "B{1}", "$A{0}", "A$3", "$B$4", "A{2}", "A3", "A{0}:B{0}", "A{1}:B{0}", "A1:B{0}", "$A$1:B{0}", "B1{0}",
     "LOG10({0})", "Other!A{0}", "'o {0}'!A{1}", "eta_{0}", "IF(A{0}>0,\"{0}\",A{1})", "SUM(A{1}:A{0})"]
)  # fmt: skip
_FORMULAS = st.lists(st.one_of(_NUMBERS, _REFERENCES), min_size=1, max_size=4).map("+".join)


@given(columns=st.lists(_FORMULAS, min_size=1, max_size=3), first=st.integers(2, 12))
def test_a_workbook_says_the_same_with_shared_formulas(
    columns: list[str], first: int, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("sharing")
    book = Workbook()
    for name in ("Other", "o 8"):
        book.create_sheet(name).append([1, 2])
    for row in range(1, 16):
        book.active.cell(row, 1, row / 4)
        book.active.cell(row, 2, -row)
        for column, formula in enumerate(columns, start=3):
            if row >= first:
                book.active.cell(row, column, "=" + formula.format(row, row - 1, row + 1))
    book.save(folder / "plain.xlsx")
    if not copy_with_shared_formulas(folder / "plain.xlsx", folder / "shared.xlsx"):
        return
    plain, shared = (ironcalc._load_package(folder / name) for name in ("plain.xlsx", "shared.xlsx"))
    for model in (plain, shared):
        model.evaluate()
    cells = plain.get_all_cells()
    for read in ("get_cell_formula", "get_cell_value", "get_cell_type"):
        assert [repr(getattr(shared, read)(*cell)) for cell in cells] == [
            repr(getattr(plain, read)(*cell)) for cell in cells
        ]


def test_of_a_file_that_cannot_be_read_nothing_is_copied(tmp_path: Path) -> None:
    (tmp_path / "book.xlsx").write_bytes(b"PK\x03\x04" + bytes(50))
    assert not copy_with_shared_formulas(tmp_path / "book.xlsx", tmp_path / "copy.xlsx")
    with zipfile.ZipFile(tmp_path / "plain.xlsx", "w") as package:
        package.writestr("xl/worksheets/sheet1.xml", sheet(8, "A5", "A5"))
    assert not copy_with_shared_formulas(tmp_path / "plain.xlsx", tmp_path / "copy.xlsx")
