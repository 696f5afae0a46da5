"""The decision boundary: the map of a network's answers over the plane of its two inputs."""

import re
import zipfile
from pathlib import Path

import numpy as np
import pytest

from tests.workbook.learning import ETAS, STEPS, Learning, answers, network, three_classes, with_sample, written, xor
from xlbackprop.backprop.network import Network
from xlbackprop.backprop.samples import Samples
from xlbackprop.reference import Array
from xlbackprop.spreadsheet import addressing
from xlbackprop.spreadsheet.cells import Sheets
from xlbackprop.workbook.decision_boundary import MOST_NEURONS, SIDE, DecisionBoundary

MIDDLE = {"●", "○"}


@pytest.fixture(scope="module")
def learning(tmp_path_factory: pytest.TempPathFactory) -> Learning:
    return written(tmp_path_factory.mktemp("xor"), network((2, 3, 1), xor()))


@pytest.fixture(scope="module")
def classes(tmp_path_factory: pytest.TempPathFactory) -> Learning:
    trained = network((2, 3, 3), three_classes(), output="softmax", loss="cross-entropy")
    return written(tmp_path_factory.mktemp("classes"), trained)


def plane(samples: Samples) -> Array:
    """The inputs at each cell of the map, of shape (rows, columns, 2), the largest i2 first."""
    least, most = np.min(samples.inputs, axis=0), np.max(samples.inputs, axis=0)
    # a sixth of the map lies outside the samples on each side
    across = [
        np.linspace(low - (high - low) / 4, high + (high - low) / 4, SIDE)
        for low, high in zip(least, most, strict=True)
    ]
    return np.stack(np.meshgrid(across[0], across[1][::-1]), axis=-1)


def shown(learning: Learning, sheets: Sheets) -> list[list[object]]:
    picture = learning.learned.picture
    assert isinstance(picture, DecisionBoundary)
    return [[learning.value(sheets, cell) for cell in row] for row in picture.picture]


def by_numpy(trained: Network, step: int, eta: float) -> list[Array]:
    """What each layer gives out at each cell of the map, of shape (rows, columns, neurons)."""
    assert trained.samples is not None
    points = plane(trained.samples).reshape(-1, 2)
    return [a.reshape(SIDE, SIDE, -1) for a in answers(trained, step, eta, points).a]


@pytest.mark.parametrize(("step", "eta"), [(0, ETAS[0]), (4, ETAS[1])])
def test_a_cell_shows_what_numpy_answers_there(learning: Learning, step: int, eta: float) -> None:
    cells = shown(learning, learning.edited(step, eta))
    expected = by_numpy(learning.network, step, eta)[-1][..., 0]
    for n, k in np.ndindex(SIDE, SIDE):
        if cells[n][k] not in MIDDLE:
            assert cells[n][k] == pytest.approx(expected[n, k], rel=1e-12)


@pytest.mark.parametrize(
    "trained",
    [
        network((2, 4, 3, 1), xor(1, -1.0), hidden="tanh", output="tanh", biases="none"),
        network((2, 4, 1), xor(2), hidden="relu", output="linear", biases="fixed"),
        network((2, 1), xor()),
    ],
    ids=["deep", "relu", "no hidden layer"],
)
def test_every_neuron_has_a_map_of_its_own(trained: Network, tmp_path: Path) -> None:
    learning = written(tmp_path, trained)
    sheets = learning.edited(STEPS, ETAS[1])
    layers = by_numpy(trained, STEPS, ETAS[1])
    for layer in trained.trained_layers:
        for n, name in enumerate(trained.activations(layer)):
            found = learning.numbers(sheets, learning.block(f"{name} over the plane"))
            assert found == pytest.approx(layers[layer - 1][..., n], rel=1e-11, abs=1e-13)


def test_a_sample_is_marked_by_its_target_in_the_cell_nearest_to_it(learning: Learning) -> None:
    cells = shown(learning, learning.edited(0))
    marks = {(n, k): cells[n][k] for n, k in np.ndindex(SIDE, SIDE) if cells[n][k] in MIDDLE}
    # the map reaches a quarter beyond the samples: four of its cells
    assert marks == {(4, 4): "●", (4, 20): "○", (20, 4): "○", (20, 20): "●"}


def test_the_map_follows_a_sample_that_is_moved(learning: Learning) -> None:
    changed = with_sample(xor(), 4, (3.0, 1.0), (1.0,))
    sheets = learning.edited(3, ETAS[1], i1_of_4=3.0, t1_of_4=1.0)
    trained = learning.network.with_samples(changed)
    expected = by_numpy(trained, 3, ETAS[1])[-1][..., 0]
    cells = shown(learning, sheets)
    assert cells[0][0] == pytest.approx(expected[0, 0], rel=1e-12)
    assert cells[24][24] == pytest.approx(expected[24, 24], rel=1e-12)
    # a third of the way from 0 to 3 lies the sample with i1 = 1
    assert (cells[4][20], cells[20][9]) == ("●", "●")


def test_samples_that_share_an_input_still_have_a_map(learning: Learning) -> None:
    sheets = learning.edited(0, i1_of_3=0.0, i1_of_4=0.0)
    cells = shown(learning, sheets)
    assert {cell for row in cells for cell in row if isinstance(cell, str)} == MIDDLE
    assert not any(str(cell).startswith("#") for row in cells for cell in row)


def test_a_step_that_there_is_not_leaves_the_map_without_colours(learning: Learning) -> None:
    cells = shown(learning, learning.edited(STEPS + 1))
    assert {cell for row in cells for cell in row} <= {"", None, *MIDDLE}


def test_of_several_classes_the_map_shows_the_likeliest(classes: Learning) -> None:
    cells = shown(classes, classes.edited(STEPS, ETAS[1]))
    expected = by_numpy(classes.network, STEPS, ETAS[1])[-1]
    for n, k in np.ndindex(SIDE, SIDE):
        if not isinstance(cells[n][k], str):
            assert cells[n][k] == expected[n, k].argmax() + 1
    marks = {cell for row in cells for cell in row if isinstance(cell, str)}
    assert marks == {"1", "2", "3"}


def test_small_maps_show_every_third_cell(classes: Learning) -> None:
    sheets = classes.edited(2)
    for name in ("a_o1", "a_o2", "a_o3", "a_h1", "a_h3"):
        whole = classes.numbers(sheets, classes.block(f"{name} over the plane"))
        assert (classes.numbers(sheets, classes.block(f"small map of {name}")) == whole[::3, ::3]).all()


def test_colours_are_between_the_targets_and_marks_stand_out(learning: Learning) -> None:
    with zipfile.ZipFile(learning.path) as package:
        sheet = package.read("xl/worksheets/sheet3.xml").decode()
    picture = learning.learned.picture
    assert isinstance(picture, DecisionBoundary)
    cells = addressing.address(learning.built.book, picture.picture, on=learning.learned.sheet)
    (rules,) = re.findall(f'<conditionalFormatting sqref="{cells}">(.*?)</conditionalFormatting>', sheet)
    values = re.findall(r'<cfvo type="num" val="(.*?)"/>', rules)
    assert [float(value) for value in values] == [0, 0.5, 1]
    assert re.findall("<formula>(.*?)</formula>", rules) == ['"●"', '"○"']


def test_too_many_neurons_have_a_sentence_instead_of_a_map(tmp_path: Path) -> None:
    (tmp_path / "few").mkdir()
    fitting = written(tmp_path / "few", network((2, MOST_NEURONS - 1, 1), xor()), (0.5,), 1)
    assert isinstance(fitting.learned.picture, DecisionBoundary)
    learning = written(tmp_path, network((2, MOST_NEURONS, 1), xor()), (0.5,), 1)
    assert learning.learned.picture is None
    texts = [text for block in learning.learned.sheet.blocks for _, _, text in block.cells() if isinstance(text, str)]
    assert any(f"more than {MOST_NEURONS} neurons take too many formulas" in text for text in texts)


def test_a_cell_outside_the_samples_that_leaves_what_a_cell_can_hold_stays_without_colour(tmp_path: Path) -> None:
    trained = network((2, 2, 1), xor(), output="linear").with_values({"w1": -600.0, "w2": 0.0})
    learning = written(tmp_path, trained, (0.001,), 1)
    book, picture = learning.built.book, learning.learned.picture
    assert isinstance(picture, DecisionBoundary)
    neuron = learning.block("a_h1 over the plane")
    # the last columns lie at i1 = 1.1875 and 1.25, where EXP overflows in Excel
    assert [book.value(neuron[0, column]) for column in (-2, -1)] == ["#NUM!", "#NUM!"]
    assert [book.value(picture.picture[0, column]) for column in (-2, -1)] == ["", ""]
    assert isinstance(book.value(picture.picture[0, 0]), float)
