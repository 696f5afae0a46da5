"""Formulas that are filled down are written once, and say the same."""

import re

import pytest

from xlbackprop.spreadsheet.sharing import with_shared_formulas


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
