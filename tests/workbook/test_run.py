"""Trainings from several samples as a spreadsheet computes them, against numbers that others computed."""

from pathlib import Path

import pytest

from tests import xor
from tests.conftest import Workbook, cell, written
from xlbackprop.spreadsheet.cells import Sheets
from xlbackprop.spreadsheet.engines import recalculated
from xlbackprop.workbook.layout import WorkbookLayout
from xlbackprop.workbook.run import Run


def column(workbook: Workbook, sheets: Sheets, name: str) -> list[float]:
    training, sheet = workbook.layout.training, workbook.layout.training_sheets[0]
    return [cell(sheets, sheet, training.cell(name, step)) for step in range(workbook.layout.steps + 1)]


def test_the_cells_of_a_thousand_steps_of_xor_are_what_others_computed(tmp_path: Path) -> None:
    made = written(tmp_path, xor.XOR, 1.0, steps=1000)
    sheets = recalculated(made.path)
    errors = column(made, sheets, "E_total")
    assert {step: errors[step] for step in xor.ERRORS} == pytest.approx(xor.ERRORS, rel=1e-11)
    assert errors[0] == pytest.approx(xor.ERRORS[0], rel=1e-12)
    for name, value in xor.AFTER_ONE_STEP.items():
        assert cell(sheets, "η=1", made.layout.training.cell(name, 1)) == pytest.approx(value, rel=1e-12), name


def test_the_cells_of_another_start_have_its_mean_squared_errors(tmp_path: Path) -> None:
    made = written(tmp_path, xor.SLOW, 0.1, steps=1000)
    errors = column(made, recalculated(made.path), "E_total")
    found = {step: errors[step] * 2 / 4 for step in xor.MEAN_SQUARED_ERRORS_OF_SLOW}
    assert found == pytest.approx(xor.MEAN_SQUARED_ERRORS_OF_SLOW, rel=1e-12)


def test_the_cells_of_the_relu_that_solves_xor_are_exactly_0(tmp_path: Path) -> None:
    made = written(tmp_path, xor.SOLVED, 1.0, steps=5)
    sheets, names = recalculated(made.path), made.layout.training.letters
    zero = [name for name in names if name.startswith(("E_", "dE_"))]
    assert len(zero) == 1 + 9
    assert {value for name in zero for value in column(made, sheets, name)} == {0.0}
    assert set(column(made, sheets, "accuracy")) == {1.0}
    assert made.report.correct


def test_what_columns_add_up_to_is_what_their_rows_add_up_to() -> None:
    run = Run(WorkbookLayout(xor.XOR, (0.5,), 7))
    (added_up,) = run.added_up
    steps, passes = [dict(row) for row in run.steps(0)], [dict(row) for row in run.passes(0)]
    assert (added_up.steps.count, added_up.passes.count) == (8, 32)
    for moments, rows in ((added_up.steps, steps), (added_up.passes, passes)):
        for name in ("E_total", "dE_dw5", "w1"):
            values = [row[name] for row in rows]
            assert moments.sums[name] == pytest.approx(sum(values), rel=1e-14)
            assert moments.squares[name] == pytest.approx(sum(value * value for value in values), rel=1e-14)
            assert moments.sums_before[name] == pytest.approx(sum(values[:-1]), rel=1e-13)
            assert (moments.first[name], moments.last[name]) == (values[0], values[-1])
    assert list(added_up.curves["accuracy"]) == [row["accuracy"] for row in steps]
