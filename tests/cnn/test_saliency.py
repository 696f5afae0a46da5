"""What flows back is chosen on the sheet Digit, and the gradient of the pixels follows."""

from pathlib import Path

import numpy as np
import pytest

from tests.cnn.opened import Opened
from xlbackprop.cnn import reference
from xlbackprop.cnn.digits import digits, normalised
from xlbackprop.cnn.saliency import LOGIT, LOSS
from xlbackprop.cnn.shipped_networks import shipped_network

TEACH = shipped_network("teach")


@pytest.fixture
def opened(tmp_path: Path) -> Opened:
    return Opened(TEACH, tmp_path, backward=True)


def softmax(logits: np.ndarray) -> np.ndarray:
    powers = np.exp(logits - logits.max())
    return powers / powers.sum()


def of_pixels(number: int, seed: np.ndarray) -> np.ndarray:
    """The gradient of the pixels of an image, counted from 0."""
    image = normalised(TEACH, digits(TEACH)[number].pixels)
    of_inputs, _ = reference.backward(TEACH.layers, TEACH.tensors, image, seed)
    return of_inputs[0][0] / 255 / TEACH.deviation


def logits(number: int) -> np.ndarray:
    return reference.forward(TEACH.layers, TEACH.tensors, normalised(TEACH, digits(TEACH)[number].pixels))[-1]


def test_of_the_loss_the_probability_minus_the_target_flows_back(opened: Opened) -> None:
    saliency = opened.sheets.digit.saliency
    assert opened.value(saliency.what) == LOSS
    number, label = 3, digits(TEACH)[3].label
    opened.type(opened.sheets.digit.choice, str(number + 1))
    assert opened.value(saliency.target) == label
    seed = softmax(logits(number)) - np.eye(10)[label]
    np.testing.assert_allclose(opened.numbers(saliency.seed), seed, atol=1e-12)
    np.testing.assert_allclose(opened.value(saliency.loss), -np.log(softmax(logits(number))[label]), rtol=1e-9)
    expected = of_pixels(number, seed)
    np.testing.assert_allclose(opened.numbers(saliency.pixels), expected, atol=1e-12 + 1e-9 * np.abs(expected).max())


def test_the_target_can_be_typed(opened: Opened) -> None:
    saliency = opened.sheets.digit.saliency
    opened.type(saliency.target, "7")
    np.testing.assert_allclose(opened.numbers(saliency.seed), softmax(logits(0)) - np.eye(10)[7], atol=1e-12)
    np.testing.assert_allclose(opened.value(saliency.loss), -np.log(softmax(logits(0))[7]), rtol=1e-9)
    assert "the gradient of the loss with target 7" in opened.words("Digit")


def test_of_a_logit_one_flows_back_from_it_and_nothing_from_the_others(opened: Opened) -> None:
    saliency = opened.sheets.digit.saliency
    opened.type(saliency.what, LOGIT)
    answer = int(opened.value(opened.sheets.digit.answer))
    assert opened.value(saliency.chosen) == answer
    assert opened.numbers(saliency.seed).tolist() == np.eye(10)[answer].tolist()
    opened.type(saliency.chosen, "4")
    assert opened.numbers(saliency.seed).tolist() == np.eye(10)[4].tolist()
    np.testing.assert_allclose(opened.numbers(saliency.pixels), of_pixels(0, np.eye(10)[4]), atol=1e-14)
    assert "the gradient of the logit of 4" in opened.words("Gradients")


def test_a_drawing_is_what_it_is_read_as(opened: Opened) -> None:
    saliency = opened.sheets.digit.saliency
    drawing = np.zeros((28, 28), dtype=np.uint8)
    drawing[6:22, 14] = 1
    opened.draw(drawing)
    assert opened.value(saliency.target) == opened.value(opened.sheets.digit.answer)


def test_without_images_the_target_is_the_answer(tmp_path: Path) -> None:
    opened = Opened(TEACH, tmp_path, [], backward=True)
    assert opened.value(opened.sheets.digit.saliency.target) == opened.value(opened.sheets.digit.answer)


def test_a_class_that_does_not_exist_is_told(opened: Opened) -> None:
    opened.type(opened.sheets.digit.saliency.target, "12")
    assert "there is no such class" in opened.words("Digit")


def test_no_words_below_the_drawing_complete_a_typed_number(opened: Opened) -> None:
    # LibreOffice completes what is typed by a text of the same column
    drawing = opened.sheets.digit.drawing
    sheet = opened.sheets.digit.sheet
    columns = {opened.sheets.book.where(int(cell))[2] for cell in drawing.ids[0]}
    texts = [text for block in sheet.blocks for _, column, text in block.cells() if column in columns]
    assert not [text for text in texts if isinstance(text, str) and len(text) > 1 and text[0].isdigit()]
