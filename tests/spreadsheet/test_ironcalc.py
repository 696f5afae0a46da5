"""What the engine does beyond loading a workbook: formulas computed on the side."""

import math

import pytest

from xlbackprop.spreadsheet.cells import Cell, DefinedName
from xlbackprop.spreadsheet.ironcalc import computed_on_the_side


def test_formulas_work_on_what_is_given() -> None:
    contents = {Cell("a & b", 3, 1): 2.0, Cell("a & b", 3, 2): "=A3*10", Cell("Other", 1, 1): 0.5}
    formulas = ["=A3+B3", "=SUM(A3:C3)*Other!A1", "=A4"]
    assert computed_on_the_side(formulas, "a & b", 3, contents) == [22.0, 11.0, 0.0]


def test_an_error_is_no_number() -> None:
    right, wrong, text = computed_on_the_side(["=1+1", "=1/0", '="one"'], "Sheet1", 1, {})
    assert right == 2.0
    assert math.isnan(wrong)
    assert math.isnan(text)


def test_functions_of_online_spreadsheets_are_computed_in_helpers_too() -> None:
    assert computed_on_the_side(["=A1+POW(3,2)"], "Sheet1", 2, {Cell("Sheet1", 1, 1): "=POW(2,3)"}) == [17.0]


@pytest.mark.parametrize("scope", [None, "Sheet1"])
def test_defined_names_are_known(scope: str | None) -> None:
    names = [DefinedName("eta", scope, "Sheet1!$C$1"), DefinedName("eta", "elsewhere", "elsewhere!$A$1")]
    assert computed_on_the_side(["=2*eta"], "Sheet1", 2, {Cell("Sheet1", 1, 3): 0.25}, names) == [0.5]


def test_a_name_that_refers_to_nothing_is_left_out() -> None:
    names = [DefinedName("Print_Titles", None, "ERROR(\"'a'!$A:$A\")"), DefinedName("eta", None, "Sheet1!$C$1")]
    assert computed_on_the_side(["=2*eta"], "Sheet1", 2, {Cell("Sheet1", 1, 3): 0.25}, names) == [0.5]
