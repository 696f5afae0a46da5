"""Which learning rate the comparison calls the best."""

from pathlib import Path

import pytest

from tests.conftest import Editor, Workbook, built, cell


@pytest.fixture(scope="module")
def three_rates(tmp_path_factory: pytest.TempPathFactory) -> Workbook:
    return built(tmp_path_factory.mktemp("three"), "A", 0.5, 1.0, 2.0, steps=2)


@pytest.mark.parametrize(
    ("errors", "best"),
    [
        # up to a billionth more is the same error, and of equals the largest learning rate is the best
        (("0.1", "0.10000000009", "0.2"), 1.0),
        (("0.1", "0.10000000011", "0.2"), 0.5),
        (("0.1", "0.104", "0.2"), 0.5),
        (("0.10000000009", "0.2", "0.1"), 2.0),
        (("0.1", "0.10000000009", "0.10000000009"), "all equal"),
        (("0.1", "0.10000000009", "0.10000000011"), 1.0),
        # what has vanished is the same, whatever is left of it
        (("0", "9e-15", "1"), 1.0),
        (("0", "1.1e-14", "1"), 0.5),
    ],
)
def test_the_best_learning_rate_is_the_largest_of_those_with_the_smallest_error(
    three_rates: Workbook, editor: type[Editor], errors: tuple[str, ...], best: float | str
) -> None:
    book = editor(three_rates.path)
    for letter, error in zip("BCD", errors, strict=True):
        book.type("Comparison", f"{letter}24", error)
    assert cell(book.sheets(), "Comparison", "E24") == best


def test_errors_that_differ_by_more_than_rounding_have_a_best_one_as_built(tmp_path: Path, editor) -> None:
    # at step 1 the errors are 2 % apart
    book = editor(built(tmp_path, "A", 0.5, 0.9, steps=1).path).sheets()
    small, smaller = (cell(book, "Comparison", f"{letter}24") for letter in "BC")
    assert 0.95 < smaller / small < 1
    assert cell(book, "Comparison", "D24") == 0.9
