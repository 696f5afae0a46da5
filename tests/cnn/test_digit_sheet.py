"""The sheet Digit in a spreadsheet engine: what is drawn or chosen is what the network sees and reads."""

from pathlib import Path

import numpy as np
import pytest

from tests.cnn.drawn import drawn_network
from tests.cnn.opened import Opened
from xlbackprop.cnn import reference
from xlbackprop.cnn.digits import digits, normalised
from xlbackprop.cnn.shipped_networks import shipped_network
from xlbackprop.spreadsheet.engines import recalculated

TEACH = shipped_network("teach")


@pytest.fixture
def opened(tmp_path: Path) -> Opened:
    return Opened(TEACH, tmp_path)


def logits(pixels: np.ndarray) -> np.ndarray:
    return reference.forward(TEACH.layers, TEACH.tensors, normalised(TEACH, pixels))[-1]


def stroke(ink: int = 1) -> np.ndarray:
    """A line from top to bottom, one cell wide."""
    drawing = np.zeros((28, 28), dtype=np.uint8)
    drawing[6:22, 14] = ink
    return drawing


def test_a_fresh_file_shows_the_first_image(opened: Opened) -> None:
    first = digits(TEACH)[0]
    assert np.array_equal(opened.numbers(opened.sheets.digit.pixels), first.pixels)
    assert opened.value(opened.sheets.digit.choice) == 1
    assert opened.value(opened.sheets.digit.pen) == 0
    assert f"what the network sees: {first.name}" in opened.words("Digit")


def test_a_typed_1_is_full_ink_and_other_numbers_are_what_they_are(opened: Opened) -> None:
    drawing = stroke()
    drawing[3, 3], drawing[27, 0] = 2, 254
    expected = np.where(drawing == 1, 255, drawing)
    opened.draw(drawing)
    assert np.array_equal(opened.numbers(opened.sheets.digit.pixels), expected)
    np.testing.assert_allclose(opened.numbers(opened.sheets.network.logits), logits(expected), atol=1e-12)
    assert opened.value(opened.sheets.digit.answer) == logits(expected).argmax()


@pytest.mark.parametrize(("typed", "seen"), [("300", 255), ("-5", 0), ("ink", 0), ("255", 255), ("0", 0)])
def test_what_is_no_ink_is_taken_for_the_nearest(opened: Opened, typed: str, seen: float) -> None:
    opened.type(opened.sheets.digit.drawing[14, 14], typed).type(opened.sheets.digit.choice, "0")
    assert opened.numbers(opened.sheets.digit.pixels[14, 14]) == seen


def test_the_thick_pen_reaches_the_eight_cells_around_and_not_over_the_edge(opened: Opened) -> None:
    drawing = np.zeros((28, 28), dtype=np.uint8)
    drawing[0, 0], drawing[27, 27], drawing[10, 10], drawing[10, 12] = 1, 1, 100, 30
    opened.draw(drawing).type(opened.sheets.digit.pen, "1")
    expected = np.zeros((28, 28))
    expected[9:12, 11:14], expected[:2, :2], expected[26:, 26:] = 30, 255, 255
    expected[9:12, 9:12] = 100
    assert np.array_equal(opened.numbers(opened.sheets.digit.pixels), expected)


def test_an_image_is_chosen_by_its_name_or_by_its_number(opened: Opened) -> None:
    chosen = digits(TEACH)
    name = opened.sheets.digit.chosen
    for number in (30, 7):
        opened.type(name, chosen[number - 1].name)
        assert opened.value(opened.sheets.digit.choice) == number
        assert np.array_equal(opened.numbers(opened.sheets.digit.pixels), chosen[number - 1].pixels)
    opened.type(opened.sheets.digit.choice, "3")
    assert np.array_equal(opened.numbers(opened.sheets.digit.pixels), chosen[2].pixels)
    assert opened.value(opened.sheets.digit.answer) == chosen[2].read_as
    opened.type(opened.sheets.digit.choice, "31")
    assert "what the network sees: there is no image of this number" in opened.words("Digit")


def test_the_drawing_is_chosen_by_its_name(opened: Opened) -> None:
    opened.type(opened.sheets.digit.chosen, "my drawing").type(opened.sheets.digit.drawing[5, 6], "1")
    assert opened.numbers(opened.sheets.digit.pixels).sum() == 255
    assert "your drawing" in opened.words("Digit")


def test_programs_find_drawing_pen_choice_and_answer_by_name(opened: Opened) -> None:
    names, digit = opened.sheets.book.names, opened.sheets.digit
    found = {name: place for (name, scope), place in names.items() if scope is None}
    assert {"pixels", "pen", "choice", "answer", "logits"} <= found.keys()
    assert np.array_equal(found["pixels"].ids, digit.drawing.ids)
    assert found["logits"].ids.tolist() == opened.sheets.network.logits.ids.tolist()


def test_without_images_there_is_the_drawing(tmp_path: Path) -> None:
    opened = Opened(drawn_network("teach"), tmp_path, [])
    assert opened.value(opened.sheets.digit.choice) == 0
    opened.draw(stroke())
    assert np.array_equal(opened.numbers(opened.sheets.digit.pixels), stroke() * 255)


def test_libreoffice_shows_the_same(libreoffice: str, opened: Opened) -> None:
    cells = recalculated(opened.path, "libreoffice")
    digit = opened.sheets.digit
    for place in (digit.pixels, digit.answer, digit.evidence.maps, digit.evidence.sums, opened.sheets.network.logits):
        np.testing.assert_allclose(opened.recalculated(cells, place), opened.numbers(place), rtol=1e-11, atol=1e-11)
