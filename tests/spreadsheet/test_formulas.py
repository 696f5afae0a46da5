"""Formulas taken apart, and formulas filled down."""

from hypothesis import given
from hypothesis import strategies as st

from tests.conftest import Workbook
from xlbackprop.spreadsheet.addresses import cell_address
from xlbackprop.spreadsheet.cells import Cell
from xlbackprop.spreadsheet.engines import recalculated
from xlbackprop.spreadsheet.formulas import filled_form, filled_formulas, parsed


def test_a_formula_names_its_cells_its_names_and_its_functions() -> None:
    formula = parsed("=1/(1+EXP(-$C3))+SUMPRODUCT(A1:B2,'My ''Sheet'!$D$4:E5)*eta")
    assert [(r.sheet, r.row, r.column, r.last_row, r.last_column, r.row_fixed) for r in formula.references] == [
        (None, 3, 3, 3, 3, False),
        (None, 1, 1, 2, 2, False),
        ("My 'Sheet", 4, 4, 5, 5, True),
    ]
    assert formula.names == ("eta",)
    assert formula.functions == ("EXP", "SUMPRODUCT")
    assert formula.pattern == "1/(1+EXP(-\0))+SUMPRODUCT(\0,\0)*eta"


def test_a_range_gives_its_cells() -> None:
    assert list(parsed("=SUM(B2:A1)").references[0].cells()) == [(1, 1), (1, 2), (2, 1), (2, 2)]


def test_a_reference_without_a_sheet_is_one_on_the_sheet_of_its_formula() -> None:
    own, other = parsed("=$C3+Sheet2!D4:E5").references
    assert own.cell_on("Sheet1") == Cell("Sheet1", 3, 3)
    assert other.cell_on("Sheet1") == Cell("Sheet2", 4, 4)


def test_the_single_cells_of_a_formula_are_those_with_an_address_and_those_with_a_name(classic: Workbook) -> None:
    sheets, formula = recalculated(classic.path), parsed("=A1*SUM(B1:B2)+i_1*nobody+Network!C2")
    named = sheets.named_cell("i_1", "η=0.5")
    assert named is not None
    assert formula.single_cells(sheets, "η=0.5") == [Cell("η=0.5", 1, 1), Cell("Network", 2, 3), named]


@given(st.integers(2, 5000), st.integers(1, 4000), st.integers(1, 50))
def test_filling_down_keeps_the_form(row: int, by: int, column: int) -> None:
    def formula(row: int) -> str:
        return f"={cell_address(row - 1, column)}-$F$1*{cell_address(row - 1, column + 20)}+0.5*SUM(A{row}:$B{row})"

    assert filled_form(formula(row), row) == filled_form(formula(row + by), row + by)


def test_a_fixed_row_is_another_form_and_a_fixed_column_is_not() -> None:
    assert filled_form("=A3*$B3", 3) == filled_form("=$A4*B4", 4)
    assert filled_form("=A$3", 3) != filled_form("=A4", 4)
    assert filled_form("=A$3", 3) == filled_form("=A$3", 4)


def test_a_column_is_divided_into_its_formulas() -> None:
    texts = ["=A3*2", "=A4*2", None, "=A6*3", "=$A7*2"]
    found = filled_formulas(texts, range(3, 8))
    assert [(formula.text, formula.row, formula.steps) for formula in found] == [
        ("=A3*2", 3, (0, 1, 4)),
        (None, 5, (2,)),
        ("=A6*3", 6, (3,)),
    ]


def test_a_number_that_looks_like_the_row_divides_nothing() -> None:
    assert len(filled_formulas(["=A5^2+5", "=A6^2+5", "=A7^2+5"], [5, 6, 7])) == 1


def test_what_is_no_formula_refers_to_nothing() -> None:
    assert parsed('=A1*"8').references == ()
    assert filled_form('=A1*"8', 1) != filled_form('=A1*"9', 1)


def test_a_sheet_whose_name_looks_like_a_cell_does_not_move() -> None:
    assert filled_form("=A3*'Run A1'!$B$1", 3) == filled_form("=A4*'Run A1'!$B$1", 4)
    assert filled_form("='Run A1'!B3", 3) == filled_form("='Run A1'!B4", 4)
