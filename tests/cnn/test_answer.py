"""The answer, the three most likely classes, and the probabilities, in a spreadsheet engine."""

from pathlib import Path

import numpy as np
import pytest

from xlbackprop.cnn.answer import Answer
from xlbackprop.spreadsheet.blocks import Role
from xlbackprop.spreadsheet.book import Book
from xlbackprop.spreadsheet.engines import recalculated
from xlbackprop.spreadsheet.xlsx import write

CLASSES = tuple("abcdefghij")
# where the panel and the table stand
PANEL, TABLE_ROW = (6, 2), 40


def shown(path: Path, logits: list[float]):
    """The answer, the three lines beside it, and the columns of the table below."""
    book = Book()
    sheet = book.sheet("Digit")
    cells = book.sheet("Network").put("A1", [[number] for number in logits], role=Role.INPUT)
    answer = Answer(sheet, CLASSES, PANEL)
    assert answer.fill(cells.place[:, 0], TABLE_ROW) == TABLE_ROW + 12
    write(book, path / "answer.xlsx")
    read = recalculated(path / "answer.xlsx").value
    top = [(read("Digit", row, 10), read("Digit", row, 16)) for row in (6, 8, 10)]
    table = [[read("Digit", row, column) for column in (2, 13, 24, 35, 46)] for row in range(42, 52)]
    return read("Digit", *PANEL), top, table


@pytest.mark.parametrize("largest", [8.0, 800.0])
def test_the_classes_are_ranked_by_their_probabilities(tmp_path: Path, largest: float) -> None:
    logits = np.array([0.5, -3, 2, largest, 1, -800, 7.5, 0, 0.25, -1])
    answer, top, table = shown(tmp_path, logits.tolist())
    expected = np.exp(logits - logits.max())
    expected /= expected.sum()
    assert answer == 3
    assert [name for name, _ in top] == ["d", "g", "c"]
    np.testing.assert_allclose([number for _, number in top], expected[[3, 6, 2]], rtol=1e-12, atol=1e-300)
    assert [row[0] for row in table] == list(CLASSES)
    assert [row[1] for row in table] == logits.tolist()
    np.testing.assert_allclose([row[3] for row in table], expected, rtol=1e-12, atol=1e-300)
    assert [row[4] for row in table] == [5, 9, 3, 1, 4, 10, 2, 7, 6, 8]


def test_of_equal_logits_the_first_comes_first(tmp_path: Path) -> None:
    answer, top, table = shown(tmp_path, [1.0, 4, 4, 0, 4, 1, 1, 1, 1, 1])
    assert answer == 1
    assert [name for name, _ in top] == ["b", "c", "e"]
    assert sorted(row[4] for row in table) == list(range(1, 11))


def test_ten_equal_logits_are_ten_equal_probabilities(tmp_path: Path) -> None:
    answer, top, _ = shown(tmp_path, [-2.0] * 10)
    assert answer == 0
    assert [name for name, _ in top] == ["a", "b", "c"]
    assert {round(number, 12) for _, number in top} == {0.1}
