"""What a formula refers to and should not is told: a helper, an empty cell, another η, itself."""

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.handmade import CLASSIC, FORMULAS, START_C, WEIGHTS, Handmade, Layout, write
from xlbackprop.check.file import check
from xlbackprop.report.findings import CheckedTable

Checked = Callable[..., CheckedTable]


@pytest.fixture
def checked(tmp_path: Path) -> Checked:
    def check_table(table: Handmade) -> CheckedTable:
        (found,) = check(write(tmp_path / "book.xlsx", table)).tables
        return found

    return check_table


def test_a_rate_taken_from_the_table_goes_in_a_circle_and_is_told_with_its_own_cell(checked: Checked) -> None:
    result = checked(Handmade(formulas=FORMULAS | {w: f"{{-{w}}}-$G$9*{{-dE_d{w}}}" for w in WEIGHTS}))
    assert {finding.slip for finding in result.findings} == {
        "takes η from G9, a cell of the table that follows from itself: η stands in D1"
    }
    assert result.findings[0].expected == "=E6-$D$1*X6"
    assert "follow from themselves" in result.notes[0]


def test_an_update_from_its_own_row_is_told_as_that_and_not_as_an_error_that_nobody_sees(checked: Checked) -> None:
    result = checked(Handmade(cells={("w1", step): "={-w1}-{eta}*{dE_dw1}" for step in range(1, 9)}))
    (finding,) = result.findings
    assert finding.slip == "takes ∂E/∂w1 from 1 row too low, and so from itself"


def test_a_helper_that_several_formulas_share_is_mended_only_if_all_are_right_then(checked: Checked) -> None:
    right = "(({a_o1}-{t1})*{a_o1}*(1-{a_o1})*{w6}+({a_o2}-{t2})*{a_o2}*(1-{a_o2})*{w8})*{a_h2}*(1-{a_h2})"
    layout = Layout(order=(*CLASSIC, "Y"))
    # a slip in one formula that goes by way of a right helper is mended in the formula
    formulas = FORMULAS | {"Y": right, "dE_dw3": "{Y}*{i2}", "dE_dw4": "{Y}*{i2}"}
    (finding,) = checked(Handmade(layout, START_C, formulas=formulas)).findings
    assert (finding.quantity, finding.helper) == ("dE_dw3", None)
    assert finding.mend is not None
    assert finding.mend.cell == finding.cell
    # one in the helper is mended there, in the first row that is wrong
    formulas |= {"Y": right.replace("{w8}", "{w7}"), "dE_dw3": "{Y}*{i1}"}
    findings = checked(Handmade(layout, START_C, formulas=formulas)).findings
    assert [finding.quantity for finding in findings] == ["dE_dw3", "dE_dw4"]
    assert {finding.helper.cell for finding in findings if finding.helper} == {"AF6"}


def test_a_cell_that_no_header_tells_of_is_named_where_nothing_else_is_known(checked: Checked) -> None:
    layout = Layout(order=(*CLASSIC, "Y"))
    formulas = FORMULAS | {"Y": "{h1}*0.1", "h2": FORMULAS["h2"] + "+{Y}"}
    (finding,) = checked(Handmade(layout, START_C, formulas=formulas)).findings
    assert finding.slip == "takes AF6, of which no header tells what it is"


@pytest.mark.parametrize(("cell", "what"), [("AZ1", "is empty and counts as 0"), ("C1", "holds a text")])
def test_a_reference_to_a_cell_without_a_number_is_told(checked: Checked, cell: str, what: str) -> None:
    table = Handmade(start=START_C).with_formula(
        "dE_dw5", FORMULAS["dE_dw5"].replace("{t1}", f"N(${cell[:-1]}${cell[-1]})")
    )
    (finding,) = checked(table).findings
    assert what in finding.slip
