"""What the sheet Learned says about each sample at a chosen step."""

import dataclasses
from pathlib import Path

import numpy as np
import pytest

from tests.conftest import Editor, where
from tests.workbook.learning import (
    ETAS,
    STEPS,
    Learning,
    answers,
    curve,
    network,
    three_classes,
    with_sample,
    written,
    xor,
)
from xlbackprop.backprop.network import Network
from xlbackprop.spreadsheet.cells import Sheets
from xlbackprop.spreadsheet.libreoffice import recalculated as by_libreoffice

NETWORKS = {
    "xor in a batch": lambda: network((2, 3, 1), xor()),
    "xor in turn": lambda: network((2, 3, 1), xor(batch=1).with_drawn_order(3)),
    "xor in pairs, deep, without biases": lambda: network(
        (2, 3, 2, 1), xor(2, -1.0), hidden="tanh", output="tanh", biases="none"
    ),
    "xor with relu": lambda: network((2, 4, 1), xor(), hidden="relu", biases="fixed"),
    "xor with leaky relu": lambda: network((2, 4, 1), xor(), hidden="leaky relu", output="linear"),
    "three classes": lambda: network((2, 3, 3), three_classes(), output="softmax", loss="cross-entropy"),
    "a curve": lambda: network((1, 3, 1), curve(), hidden="tanh", output="linear"),
    "no hidden layer": lambda: network((2, 1), xor()),
}


@pytest.fixture(scope="module")
def learning(tmp_path_factory: pytest.TempPathFactory) -> Learning:
    return written(tmp_path_factory.mktemp("xor"), network((2, 3, 1), xor()))


def agrees(learning: Learning, sheets: Sheets, trained: Network, step: int, eta: float) -> None:
    """See whether the table shows what NumPy computes."""
    samples = trained.samples
    assert samples is not None
    expected = answers(trained, step, eta, np.array(samples.inputs), np.array(samples.targets))
    table = {name: learning.numbers(sheets, cells) for name, cells in learning.learned.table.items()}
    for n, name in enumerate(trained.activations(trained.last)):
        assert table[name] == pytest.approx(expected.a[-1][:, n], rel=1e-12, abs=1e-12)
    for names, values in ((trained.input_names, samples.inputs), (trained.target_names, samples.targets)):
        assert np.array([table[name] for name in names]).T.tolist() == [list(row) for row in values]
    error = learning.value(sheets, learning.block("error"))
    summed = samples.reduction == "sum" and not samples.in_turn
    assert error == pytest.approx(expected.total.sum() if summed else expected.total.mean(), rel=1e-12)
    if expected.right is None:
        assert "right" not in table
        return
    assert table["right"].tolist() == expected.right.tolist()
    said = f"{int(expected.right.sum())} of {samples.count}"
    assert learning.value(sheets, learning.block("right answers")) == said


@pytest.mark.parametrize("name", NETWORKS)
def test_the_answers_to_all_samples_are_numpys_at_any_step_of_any_learning_rate(name: str, tmp_path: Path) -> None:
    trained = NETWORKS[name]()
    learning = written(tmp_path, trained)
    for step, eta in ((0, ETAS[0]), (3, ETAS[1]), (STEPS, ETAS[0])):
        agrees(learning, learning.edited(step, eta), trained, step, eta)


def test_the_answers_follow_a_sample_that_is_edited(learning: Learning) -> None:
    changed = with_sample(xor(), 2, (0.25, 3.0), (0.0,))
    sheets = learning.edited(4, ETAS[1], i1_of_2=0.25, i2_of_2=3.0, t1_of_2=0.0)
    agrees(learning, sheets, learning.network.with_samples(changed), 4, ETAS[1])


@pytest.mark.parametrize("name", NETWORKS)
def test_the_file_shows_before_it_is_recalculated_what_an_engine_gives(name: str, tmp_path: Path) -> None:
    learning = written(tmp_path, NETWORKS[name]())
    book, sheets = learning.built.book, Editor(learning.path).sheets()
    count = 0
    for block in learning.learned.sheet.blocks:
        for row, column, _ in block.cells():
            written_value = book.value(block.cell(row - block.row, column - block.column))
            found = sheets.value("Learned", row, column)
            if isinstance(written_value, float):
                assert found == pytest.approx(written_value, rel=1e-12, abs=1e-12), (block.name, row, column)
            else:
                assert (found or "") == (written_value or ""), (block.name, row, column)
            count += 1
    assert count > 100


def test_libreoffice_agrees(learning: Learning, tmp_path: Path, libreoffice: str) -> None:
    editor = Editor(learning.path).type("Learned", where(learning.built, learning.learned.chosen.step), "5")
    sheets = by_libreoffice(editor.save(tmp_path / "edited.xlsx"))
    expected = answers(learning.network, 5, ETAS[0], np.array(xor().inputs))
    found = learning.numbers(sheets, learning.learned.table["a_o1"])
    assert found == pytest.approx(expected.a[-1][:, 0], rel=1e-9)


@pytest.mark.parametrize("step", [STEPS + 1, -1, 0.5])
def test_a_step_that_there_is_not_shows_no_other(learning: Learning, step: float) -> None:
    sheets = learning.edited(step)
    assert learning.value(sheets, learning.learned.table["a_o1"][0]) == "#N/A"
    hint = learning.block("what can be chosen")[0]
    assert learning.value(sheets, hint) == f"there is no such step: choose one from 0 to {STEPS}"


def test_regression_has_errors_and_no_right_answers(tmp_path: Path) -> None:
    learning = written(tmp_path, network((1, 3, 1), curve(), output="linear"))
    assert list(learning.learned.table) == ["i1", "t1", "a_o1", "E_total"]
    assert not any(block.name == "right answers" for block in learning.learned.sheet.blocks)


def test_more_than_two_inputs_have_a_table_alone(tmp_path: Path) -> None:
    samples = three_classes()
    four = tuple((*inputs, 1.0, 0.0) for inputs in samples.inputs)
    trained = network((4, 3, 3), dataclasses.replace(samples, inputs=four), output="softmax", loss="cross-entropy")
    learning = written(tmp_path, trained)
    assert learning.learned.picture is None
    assert not learning.learned.sheet.charts
    agrees(learning, learning.edited(2), trained, 2, ETAS[0])


def test_the_first_sheet_leads_to_it_first_of_all(learning: Learning) -> None:
    texts = [content for block in learning.built.network.sheet.blocks for _, _, content in block.cells()]
    links = [content.text for content in texts if hasattr(content, "sheet")]
    assert links[0] == "1. Learned"
    assert "Learned" in links
    assert [sheet.name for sheet in learning.built.book.sheets][:3] == ["Network", "Data", "Learned"]
