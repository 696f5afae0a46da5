"""A step of gradient descent in cells: the moved weights, the layers computed with them, and the loss."""

from pathlib import Path

import numpy as np
import pytest

from tests.cnn.opened import Opened
from tests.cnn.small import SmallWorkbook
from tests.conftest import Editor
from xlbackprop.cnn import reference
from xlbackprop.cnn.check import judge
from xlbackprop.cnn.digits import digits, normalised
from xlbackprop.cnn.saliency import LOGIT
from xlbackprop.cnn.shipped_networks import shipped_network
from xlbackprop.cnn.trained import TrainedNetwork

TEACH, NANO = shipped_network("teach"), shipped_network("nano")
#: An image that is read as another class.
MISREAD = 21


def logits_after(network: TrainedNetwork, number: int, eta: float, moved: range) -> tuple[np.ndarray, np.ndarray]:
    """The logits before and after a step of some layers, by NumPy."""
    digit = digits(network)[number]
    image = normalised(network, digit.pixels)
    before = reference.forward(network.layers, network.tensors, image)[-1]
    powers = np.exp(before - before.max())
    seed = powers / powers.sum() - np.eye(10)[digit.label]
    _, gradients = reference.backward(network.layers, network.tensors, image, seed)
    tensors = [
        {key: tensor - eta * own[key] if n in moved and key in own else tensor for key, tensor in given.items()}
        for n, (given, own) in enumerate(zip(network.tensors, gradients, strict=True))
    ]
    return before, reference.forward(network.layers, tensors, image)[-1]


def test_a_small_network_moves_all_its_weights(tmp_path: Path) -> None:
    opened = Opened(TEACH, tmp_path, backward=True)
    step = opened.sheets.step
    assert len(step.stages) == len(opened.sheets.network.stages)
    opened.type(opened.sheets.digit.choice, str(MISREAD + 1)).type(step.eta, "0.01")
    _, after = logits_after(TEACH, MISREAD, 0.01, range(5))
    np.testing.assert_allclose(opened.numbers(step.logits), after, rtol=1e-9, atol=1e-9)
    assert "The step makes the loss smaller." in opened.words("Step")


def test_a_larger_one_moves_those_of_its_last_layer(tmp_path: Path) -> None:
    opened = Opened(NANO, tmp_path, backward=True)
    step = opened.sheets.step
    (stage,) = step.stages
    assert stage.stage.name == "layer 21: linear"
    opened.type(opened.sheets.digit.choice, str(MISREAD + 1)).type(step.eta, "0.05")
    before, after = logits_after(NANO, MISREAD, 0.05, range(20, 21))
    assert np.abs(after - before).max() > 1e-3
    np.testing.assert_allclose(opened.numbers(step.logits), after, rtol=1e-9, atol=1e-9)


def test_a_step_that_is_too_large_is_told(tmp_path: Path) -> None:
    opened = Opened(TEACH, tmp_path, backward=True)
    opened.type(opened.sheets.digit.choice, str(MISREAD + 1)).type(opened.sheets.step.eta, "0.05")
    assert "The loss grows: the step is too large. Try a smaller η." in opened.words("Step")


def test_a_step_along_a_logit_is_told(tmp_path: Path) -> None:
    opened = Opened(TEACH, tmp_path, backward=True)
    opened.type(opened.sheets.digit.saliency.what, LOGIT)
    assert any(words.startswith("What flows back is a logit") for words in opened.words("Step"))


def test_the_learning_rate_has_a_name(back: SmallWorkbook) -> None:
    assert back.sheets.book.names["eta", None] is back.sheets.step.eta


@pytest.mark.parametrize("typed", ["0.5", "much"])
def test_another_learning_rate_is_no_fault(back: SmallWorkbook, typed: str) -> None:
    editor = Editor(back.path).type(*back.where(back.sheets.step.eta), typed)
    assert judge(editor.sheets(), back.path, "ironcalc").correct


def test_a_wrong_sign_is_found_and_its_layer_named(back: SmallWorkbook) -> None:
    weight = back.sheets.step.stages[3].weights[0]["weight"][1, 0, 0, 0]
    sheet, row, column = back.sheets.book.where(int(weight.ids))
    formula = Editor(back.path).sheets().formula(sheet.name, row, column) or ""
    editor = Editor(back.path).type(*back.where(weight), formula.replace("-$", "+$"))
    report = judge(editor.sheets(), back.path, "ironcalc")
    (finding,) = [finding for one in report.sheets for finding in one.findings]
    assert finding.quantity == "layer 5: conv 3x3, padding 1, map 2: kernels, after"
