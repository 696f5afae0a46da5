"""Blocks, the places of their cells, and formulas with holes for them."""

import doctest

import pytest

from xlbackprop.spreadsheet import addressing
from xlbackprop.spreadsheet import book as module
from xlbackprop.spreadsheet.blocks import FilledDown, Formula, Role
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
    assert addressing.written(Formula(f"SUM({window})"), sheet) == "SUM(D2:E3)"
    assert book.value(sheet.put("A6", Formula(f"SUM({window})")).place) == 9 + 10 + 15 + 16
    assert addressing.written(Formula(f"{maps.T[2, 0, 1]}"), sheet) == "F1"
    assert len(book.blocks) == 2


def test_a_formula_may_refer_to_what_has_no_contents_yet() -> None:
    book = Book()
    first, second = book.sheet("First"), book.sheet("Second one")
    later = second.reserve("later", "B2", (1, 2), Role.CONSTANT)
    total = first.put("A1", Formula(f"SUM({later.place:$})"))
    second.fill(later, [2.0, 3.0])
    assert book.value(total.place) == 5
    assert addressing.written(total.contents[0][0], first) == "SUM('Second one'!$B$2:$C$2)"


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
    assert addressing.written(total.contents[0][0], sheet) == "SUM($A$1:$A$4)"
    assert book.value(total.place) == 10


def test_a_zero_without_a_cell_needs_none() -> None:
    book = Book()
    assert book.values(module.Place(module.np.array([NO_CELL, NO_CELL]))) == [0, 0]


def test_numbers_need_a_role() -> None:
    with pytest.raises(ValueError, match="the numbers at Sheet1!A1 need a role"):
        Book().sheet("Sheet1").put("A1", 1.0)
