"""Values around the tables: what follows from others, and what was written."""

from collections.abc import Mapping
from pathlib import Path

import pytest

from tests import optimized
from tests.conftest import Editor, Workbook, built, sheets_of
from xlbackprop.check.file import judge_own
from xlbackprop.check.following import formulas_around, unlike_written
from xlbackprop.spreadsheet.addresses import cell_address
from xlbackprop.spreadsheet.blocks import Role
from xlbackprop.spreadsheet.cells import Sheets, Value, as_number
from xlbackprop.spreadsheet.engines import recalculated
from xlbackprop.spreadsheet.ironcalc import load
from xlbackprop.workbook.network_sheet import Origin, network_layout
from xlbackprop.workbook.run import Run
from xlbackprop.workbook.sheets import our_sheets


def test_values_are_compared_with_the_written_ones(classic: Workbook, editor: type[Editor]) -> None:
    book, sheets = editor(classic.path), our_sheets(Run(classic.layout), Origin("", "", ""))
    assert list(unlike_written(book.sheets(), sheets)) == []
    edited = book.type("Check", "L9", "=42").sheets()
    # the cell, and the verdict that counts it
    assert [(finding.cell, finding.is_around) for _, finding in unlike_written(edited, sheets)] == [
        ("L9", True),
        ("A3", True),
    ]


def test_a_difference_of_large_errors_may_amplify_their_rounding(tmp_path: Path) -> None:
    # E_total is some hundred thousand here, and its central differences have lost nine digits
    made = built(tmp_path, "softmax", 0.1, steps=5, values={"i1": -5000.0, "w1": 1.0, "w2": 123456.789})
    assert made.report.correct


@pytest.mark.parametrize("epsilon", ["0", "small"])
def test_a_useless_epsilon_makes_no_formula_wrong(classic: Workbook, editor: type[Editor], epsilon: str) -> None:
    assert editor(classic.path).type("Gradient check", "B3", epsilon).judge().correct


def test_a_negative_error_makes_no_formula_wrong(tmp_path: Path) -> None:
    made = built(tmp_path, "softmax", 0.5, steps=5)
    start = network_layout(made.layout.network)
    book = Editor(made.path).type("Network", start.cell("t2"), "-1").type("Network", start.cell("t3"), "0")
    assert book.judge().correct


def test_a_weight_whose_square_no_cell_can_hold_is_built(tmp_path: Path) -> None:
    assert built(tmp_path, "A", 0.5, steps=5, values={"w1": 1e308}).report.correct


class Miscalculated(Sheets):
    """A workbook of which an engine has computed some cells wrong."""

    def __init__(self, path: Path, wrong: Mapping[tuple[str, int, int], float]) -> None:
        model = load(path)
        model.evaluate()
        super().__init__(model)
        self._wrong = wrong

    def value(self, sheet: str, row: int, column: int) -> Value:
        return self._wrong.get((sheet, row, column), super().value(sheet, row, column))


def missed(book: Workbook, sheet: str) -> set[str]:
    """The quantities of a sheet that are not found, where each of them is miscalculated."""
    right, places = recalculated(book.path), sheets_of(book).book.sheets
    cells = [
        (row, column)
        for row, column, _ in formulas_around(next(one for one in places if one.name == sheet), Role.QUANTITY)
    ]
    assert len(cells) > 30
    # each by another part of it, so that no two of them are wrong together
    wrong = {
        (sheet, row, column): as_number(right.value(sheet, row, column)) * (1 + 1e-6 * n) + 1e-6 * n
        for n, (row, column) in enumerate(cells, start=1)
    }
    report = judge_own(Miscalculated(book.path, wrong), book.path, "ironcalc")
    found = {finding.cell for one in report.sheets if one.sheet == sheet for finding in one.findings}
    return {cell_address(row, column) for row, column in cells} - found


@pytest.mark.parametrize("sheet", ["Derivation", "Gradient check"])
def test_every_quantity_around_the_tables_that_is_miscalculated_is_found(with_samples: Workbook, sheet: str) -> None:
    assert missed(with_samples, sheet) == set()


@pytest.mark.parametrize("shown", ["one sample", "a batch"])
def test_every_number_of_an_optimizer_that_is_miscalculated_in_its_derivation_is_found(
    tmp_path: Path, shown: str
) -> None:
    assert missed(optimized.built(tmp_path, "adam", shown, schedule="cosine"), "Derivation") == set()
