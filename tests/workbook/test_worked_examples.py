import pytest

from xlbackprop.spreadsheet.blocks import Formula, Role
from xlbackprop.spreadsheet.book import Book
from xlbackprop.workbook.derivation_lines import ALL
from xlbackprop.workbook.worked_examples import number_in_text, spoken, worked_example


@pytest.mark.parametrize(
    ("number", "text"),
    [
        (0.1496230001, "0.149623"),
        (-0.25, "(-0.25)"),
        (2.0, "2"),
        (1.23456e-5, "1.2346E-5"),
        (-1.5e6, "(-1.5E6)"),
        (0.0, "0"),
        (1e-17, "0"),
    ],
)
def test_a_number_is_put_in_as_a_learner_writes_it(number: float, text: str) -> None:
    book = Book()
    sheet = book.sheet("Sheet1")
    cell = sheet.put("A1", number, role=Role.INPUT).place
    assert book.value(sheet.put("A2", Formula(number_in_text(f"{cell}"))).place) == text


@pytest.mark.parametrize(
    ("key", "said"),
    [("dE_dw1", "∂E/∂w1"), (f"{ALL}dE_dw1", "∂E/∂w1"), ("dE_dw1_of_2", "∂E/∂w1 of 2"), ("new w5", "new w5")],
)
def test_a_quantity_is_called_what_the_classroom_calls_it(key: str, said: str) -> None:
    assert spoken(key) == said


def test_a_constant_stands_for_itself_and_what_is_too_long_is_called_so() -> None:
    sheet = Book().sheet("Sheet1")

    def worked(expression: str) -> Formula | str:
        return worked_example(expression, lambda name: "A1", sheet, lambda formula: formula)

    assert worked("1") == "= 1"
    assert worked("a_h1*w5") == Formula('"= "&A1&" × "&A1')
    assert worked("+".join(["a_h1*w5"] * 1000)) == "too long to show"
