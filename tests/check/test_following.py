"""Values around the tables: what follows from others, and what was written."""

from pathlib import Path

import pytest

from tests.conftest import Editor, Workbook, built
from xlbackprop.check.following import unlike_written
from xlbackprop.workbook.network_sheet import Origin
from xlbackprop.workbook.run import Run
from xlbackprop.workbook.sheets import our_sheets


def test_values_are_compared_with_the_written_ones(classic: Workbook, editor: type[Editor]) -> None:
    book, sheets = editor(classic.path), our_sheets(Run(classic.layout), Origin("", "", ""))
    assert list(unlike_written(book.sheets(), sheets)) == []
    edited = book.type("Check", "L9", "=42").sheets()
    # the cell, and the verdict that counts it
    assert [finding.cell for _, finding in unlike_written(edited, sheets)] == ["L9", "A3"]


def test_a_difference_of_large_errors_may_amplify_their_rounding(tmp_path: Path) -> None:
    # E_total is some hundred thousand here, and its central differences have lost nine digits
    made = built(tmp_path, "softmax", 0.1, steps=5, values={"i1": -5000.0, "w1": 1.0, "w2": 123456.789})
    assert made.report.correct


@pytest.mark.parametrize("epsilon", ["0", "small"])
def test_a_useless_epsilon_makes_no_formula_wrong(classic: Workbook, editor: type[Editor], epsilon: str) -> None:
    assert editor(classic.path).type("Gradient check", "B3", epsilon).judge().correct


def test_a_negative_error_makes_no_formula_wrong(tmp_path: Path) -> None:
    made = built(tmp_path, "softmax", 0.5, steps=5)
    start = made.layout.start
    book = Editor(made.path).type("Network", start.cell("t2"), "-1").type("Network", start.cell("t3"), "0")
    assert book.judge().correct


def test_a_weight_whose_square_no_cell_can_hold_is_built(tmp_path: Path) -> None:
    assert built(tmp_path, "A", 0.5, steps=5, values={"w1": 1e308}).report.correct
