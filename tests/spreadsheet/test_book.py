"""Blocks, the places of their cells, and formulas with holes for them."""

import doctest

import pytest

from xlbackprop.spreadsheet import book as module
from xlbackprop.spreadsheet.blocks import FilledDown, FilledOver, Formula, Role
from xlbackprop.spreadsheet.book import Book
from xlbackprop.spreadsheet.places import NO_CELL, joined


def test_the_example_of_the_module_is_true() -> None:
    result = doctest.testmod(module)
    assert result.attempted > 5
    assert not result.failed


def test_views_transposes_and_windows_of_a_place_cost_no_cell() -> None:
    book = Book()
    sheet = book.sheet("Maps")
    pixels = sheet.put("A1", [[float(6 * row + n) for n in range(6)] for row in range(4)], role=Role.CONSTANT)
    # two maps of 4 x 3, side by side
    maps = module.Place(pixels.place.ids.reshape(4, 2, 3).transpose(1, 0, 2))
    assert maps.shape == (2, 4, 3)
    window = maps[1, 1:3, 0:2]
    assert book.written(Formula(f"SUM({window})"), sheet) == "SUM(D2:E3)"
    assert book.value(sheet.put("A6", Formula(f"SUM({window})")).place) == 9 + 10 + 15 + 16
    assert book.written(Formula(f"{maps.T[2, 0, 1]}"), sheet) == "F1"
    assert len(book.blocks) == 2


def test_a_formula_may_refer_to_what_has_no_contents_yet() -> None:
    book = Book()
    first, second = book.sheet("First"), book.sheet("Second one")
    later = second.reserve("later", "B2", (1, 2), Role.CONSTANT)
    total = first.put("A1", Formula(f"SUM({later.place:$})"))
    second.fill(later, [2.0, 3.0])
    assert book.value(total.place) == 5
    assert book.written(total.contents[0][0], first) == "SUM('Second one'!$B$2:$C$2)"


@pytest.mark.parametrize(("fixed", "written"), [("", "C4"), ("$", "$C$4"), ("$1", "$C4"), ("A$", "C$4")])
def test_what_is_fixed_gets_a_dollar(fixed: str, written: str) -> None:
    book = Book()
    sheet = book.sheet("Sheet1")
    cell = sheet.reserve("cell", "C4").place
    assert book.written(Formula(f"{cell:{fixed}}"), sheet) == written


def test_a_single_cell_is_a_cell_and_a_row_of_one_a_range() -> None:
    book = Book()
    sheet = book.sheet("Sheet1")
    single, row = sheet.put("A1", 1.0, role=Role.CONSTANT), sheet.put("A2", [1.0], role=Role.CONSTANT)
    assert book.written(f"{single.place}+SUM({row.place})", sheet) == "A1+SUM(A2:A2)"


def test_a_defined_name_belongs_to_its_sheet_or_to_all() -> None:
    book = Book()
    sheets = [book.sheet(name) for name in ("First", "Second")]
    for n, sheet in enumerate(sheets):
        book.names["eta", sheet.name] = sheet.put("A1", 0.1 + n, role=Role.INPUT).place
    book.names["w_1", None] = sheets[0].put("A2", 7.0, role=Role.INPUT).place
    formulas = [sheet.put("A3", Formula("eta*w_1")) for sheet in sheets]
    assert [book.value(block.place) for block in formulas] == pytest.approx([0.7, 7.7])


def test_a_column_over_two_blocks_is_one_range() -> None:
    book = Book()
    sheet = book.sheet("Sheet1")
    start = sheet.put("A1", [[1.0, 5.0]], role=Role.CONSTANT)
    rows = sheet.reserve("rows", "A2", (3, 2), Role.QUANTITY)
    sheet.fill(rows, FilledDown([Formula(f"{start.cell(0, 0)}+1"), Formula(f"{start.cell(0, 1)}")], [], {0: [2, 3, 4]}))
    column = joined([start.cell(0, 0), rows.column_place(0)])
    total = sheet.put("D1", Formula(f"SUM({column:$})"))
    assert book.written(total.contents[0][0], sheet) == "SUM($A$1:$A$4)"
    assert book.value(total.place) == 10


def test_a_zero_without_a_cell_needs_none() -> None:
    book = Book()
    assert book.values(module.Place(module.np.array([NO_CELL, NO_CELL]))) == [0, 0]


def test_numbers_need_a_role() -> None:
    with pytest.raises(ValueError, match="the numbers at Sheet1!A1 need a role"):
        Book().sheet("Sheet1").put("A1", 1.0)


def test_a_formula_that_is_filled_over_a_block_moves_with_each_cell() -> None:
    book = Book()
    sheet = book.sheet("Sums")
    numbers = sheet.put("A1", [[1.0, 2.0, 3.0], [4.0, 5.0, 6.0], [7.0, 8.0, 9.0]], role=Role.CONSTANT)
    factor = sheet.put("E1", 10.0, role=Role.INPUT)
    block = sheet.reserve("sums", "G1", (2, 2))
    sheet.fill(block, FilledOver(f"SUM({numbers.place[:2, :2]})*{factor.place:$}"))
    texts = [text for _, _, text in book.written_over(block, block.contents)]
    assert texts == ["SUM(A1:B2)*$E$1", "SUM(B1:C2)*$E$1", "SUM(A2:B3)*$E$1", "SUM(B2:C3)*$E$1"]
    assert book.values(block.place) == [120, 160, 240, 280]


def test_a_filled_formula_may_move_by_more_than_a_cell_and_leave_a_margin() -> None:
    book = Book()
    sheet = book.sheet("Pools")
    numbers = sheet.put("A1", [[float(10 * row + column) for column in range(4)] for row in range(4)], role=Role.INPUT)
    block = sheet.reserve("pools", "F1", (4, 4))
    sheet.fill(block, FilledOver(f"MAX({numbers.place[:2, :2]})", step=2, margin=1))
    found = list(book.written_over(block, block.contents))
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
    assert [text for _, _, text in book.written_over(block, block.contents)][1:3] == [
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
    text = book.written(f"{cells[:4]:{pace}}", sheet, from_row=3)
    for down, expected in enumerate(rows):
        moved = module.ROW_MARK.sub(lambda mark, down=down: str(module.row_number(mark, 3, down)), text)
        assert moved == expected
    # outside of a filled block there is no pace
    assert book.written(f"{cells[:4]:{pace}}", sheet) == ("$B$10:$B$13" if pace == "$" else "B10:B13")
