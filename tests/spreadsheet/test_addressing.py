"""Formulas with addresses: what is fixed in them, and how they move."""

import pytest

from xlbackprop.spreadsheet import addressing
from xlbackprop.spreadsheet.blocks import FilledOver, Formula, Role
from xlbackprop.spreadsheet.book import Book


@pytest.mark.parametrize(("fixed", "written"), [("", "C4"), ("$", "$C$4"), ("$1", "$C4"), ("A$", "C$4")])
def test_what_is_fixed_gets_a_dollar(fixed: str, written: str) -> None:
    book = Book()
    sheet = book.sheet("Sheet1")
    cell = sheet.reserve("cell", "C4").place
    assert addressing.written(Formula(f"{cell:{fixed}}"), sheet) == written


def test_a_single_cell_is_a_cell_and_a_row_of_one_a_range() -> None:
    book = Book()
    sheet = book.sheet("Sheet1")
    single, row = sheet.put("A1", 1.0, role=Role.CONSTANT), sheet.put("A2", [1.0], role=Role.CONSTANT)
    assert addressing.written(f"{single.place}+SUM({row.place})", sheet) == "A1+SUM(A2:A2)"


def test_a_formula_that_is_filled_over_a_block_moves_with_each_cell() -> None:
    book = Book()
    sheet = book.sheet("Sums")
    numbers = sheet.put("A1", [[1.0, 2.0, 3.0], [4.0, 5.0, 6.0], [7.0, 8.0, 9.0]], role=Role.CONSTANT)
    factor = sheet.put("E1", 10.0, role=Role.INPUT)
    block = sheet.reserve("sums", "G1", (2, 2))
    sheet.fill(block, FilledOver(f"SUM({numbers.place[:2, :2]})*{factor.place:$}"))
    texts = [text for _, _, text in addressing.written_over(block, block.contents)]
    assert texts == ["SUM(A1:B2)*$E$1", "SUM(B1:C2)*$E$1", "SUM(A2:B3)*$E$1", "SUM(B2:C3)*$E$1"]
    assert book.values(block.place) == [120, 160, 240, 280]


def test_a_filled_formula_may_move_by_more_than_a_cell_and_leave_a_margin() -> None:
    book = Book()
    sheet = book.sheet("Pools")
    numbers = sheet.put("A1", [[float(10 * row + column) for column in range(4)] for row in range(4)], role=Role.INPUT)
    block = sheet.reserve("pools", "F1", (4, 4))
    sheet.fill(block, FilledOver(f"MAX({numbers.place[:2, :2]})", step=2, margin=1))
    found = list(addressing.written_over(block, block.contents))
    assert found[0] == (2, 7, "MAX(A1:B2)")
    assert found[-1] == (3, 8, "MAX(C3:D4)")
    assert len(found) == 4
    assert book.values(block.place[1:3, 1:3]) == [11, 13, 31, 33]
    assert book.value(block.place[0, 0]) is None


def test_a_filled_formula_is_fixed_in_its_rows_or_columns_alone() -> None:
    book = Book()
    sheet, other = book.sheet("Here"), book.sheet("100 %")
    numbers = other.put("B2", [[1.0, 2.0], [3.0, 4.0]], role=Role.INPUT)
    block = sheet.reserve("products", "A1", (2, 2))
    first = numbers.place[0, 0]
    sheet.fill(block, FilledOver(f"{first:$1}*{first:A$}"))
    assert [text for _, _, text in addressing.written_over(block, block.contents)][1:3] == [
        "'100 %'!$B2*'100 %'!C$2",
        "'100 %'!$B3*'100 %'!B$2",
    ]
    assert book.values(block.place) == [1, 2, 3, 6]


@pytest.mark.parametrize(
    ("pace", "rows"),
    [
        ("*4", ["B10:B13", "B14:B17", "B18:B21"]),
        ("*1", ["B10:B13", "B11:B14", "B12:B15"]),
        ("/2", ["B10:B13", "B10:B13", "B11:B14"]),
        ("", ["B10:B13", "B11:B14", "B12:B15"]),
        ("$", ["$B$10:$B$13"] * 3),
    ],
)
def test_a_filled_formula_moves_at_a_pace_of_its_own(pace: str, rows: list[str]) -> None:
    book = Book()
    sheet = book.sheet("Sheet1")
    cells = sheet.reserve("cells", "B10", (12, 1)).column_place(0)
    text = addressing.written(f"{cells[:4]:{pace}}", sheet, from_row=3)
    for down, expected in enumerate(rows):
        assert addressing.in_row(text, 3, down) == expected
    # outside of a filled block there is no pace
    assert addressing.written(f"{cells[:4]:{pace}}", sheet) == ("$B$10:$B$13" if pace == "$" else "B10:B13")
