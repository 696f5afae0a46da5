"""What a learner reads of the gradients of several samples, recalculated by an engine."""

from pathlib import Path

import pytest

from tests.conftest import Editor, Workbook, cell, written
from xlbackprop.backprop.network import Network
from xlbackprop.backprop.samples import Samples
from xlbackprop.workbook.derivation_lines import ALL, DerivationLayout


def rows_of(workbook: Workbook) -> dict[str, int]:
    return DerivationLayout(workbook.layout.network, compared=len(workbook.layout.network.trained_names)).rows


@pytest.mark.parametrize("workbook", ["in_batch", "in_mini_batches"])
def test_the_gradients_of_the_samples_become_that_of_the_step_and_the_weights_of_the_next(
    workbook: str, editor: type[Editor], request: pytest.FixtureRequest
) -> None:
    made, rows = request.getfixturevalue(workbook), rows_of(request.getfixturevalue(workbook))
    sheets = editor(made.path).type("Derivation", "B3", "5").type("Derivation", "B4", "2").sheets()
    training = made.layout.training
    for name in made.layout.network.trained_names:
        gradient = cell(sheets, "η=2", training.cell(f"dE_d{name}", 5))
        assert sheets.value("Derivation", rows[f"{ALL}dE_d{name}"], 2) == pytest.approx(gradient, rel=1e-14, abs=1e-16)
        following = cell(sheets, "η=2", training.cell(name, 6))
        assert sheets.value("Derivation", rows[f"new {name}"], 2) == pytest.approx(following, rel=1e-14)


def test_how_gradients_become_one_is_said_in_symbols_and_numbers(
    in_batch: Workbook, in_mini_batches: Workbook, editor: type[Editor]
) -> None:
    layout = DerivationLayout(in_batch.layout.network, compared=9)
    assert (layout.together.title, layout.updates[0].title) == ("8. From the samples to the step", "9. Update")
    row = rows_of(in_batch)[f"{ALL}dE_dw5"]
    sheets = editor(in_batch.path).sheets()
    assert [sheets.value("Derivation", row, column) for column in (1, 3, 4)] == [
        "∂E/∂w5",
        "∂E/∂w5 = ∂E/∂w5 of 1 + ∂E/∂w5 of 2 + ∂E/∂w5 of 3 + ∂E/∂w5 of 4",
        "= 0.100341 + (-0.043784) + (-0.042478) + 0.123247",
    ]
    row = rows_of(in_mini_batches)[f"{ALL}dE_dw5"]
    sheets = editor(in_mini_batches.path).sheets()
    assert [sheets.value("Derivation", row, column) for column in (3, 4)] == [
        "∂E/∂w5 = (∂E/∂w5 of 1 + ∂E/∂w5 of 2) / 2",
        "= ((-0.042478) + 0.100341) / 2",
    ]


@pytest.mark.parametrize(
    ("reduction", "shown"), [("sum", "Σ of ∂E/∂w1 of 9 samples"), ("mean", "the mean of ∂E/∂w1 of 9 samples")]
)
def test_more_gradients_than_fit_into_a_line_are_pointed_at(tmp_path: Path, reduction: str, shown: str) -> None:
    points = tuple((n / 10,) for n in range(9))
    network = Network.blank((1, 1), output="linear").with_samples(Samples(points, points, 9, reduction))
    made = written(tmp_path, network, 0.1, steps=2)
    sheets, row = Editor(made.path).sheets(), rows_of(made)[f"{ALL}dE_dw1"]
    assert [sheets.value("Derivation", row, column) for column in (3, 4)] == [
        f"∂E/∂w1 = {shown}",
        "= see the sheet of the samples",
    ]
    assert sheets.value("Derivation", row, 2) == cell(sheets, "η=0.1", made.layout.training.cell("dE_dw1", 0))
    assert made.report.correct
