"""The central differences, a row a weight."""

import pytest

from tests.conftest import Editor, Workbook, cell, sheets_of, where


def test_a_row_holds_both_errors_their_difference_the_slope_and_the_gradient(classic: Workbook, editor) -> None:
    sheets = editor(classic.path).sheets()
    weight, value, up, down, difference, slope, gradient, said = (
        sheets.value("Gradient check", 6, column) for column in range(1, 9)
    )
    assert (weight, value, said) == ("w1", 0.15, "agrees")
    assert difference == up - down
    assert slope == pytest.approx(difference / 0.0002, rel=1e-12)
    assert slope == pytest.approx(gradient, rel=1e-6)
    assert gradient == pytest.approx(0.00018827, rel=1e-4)


def test_the_two_errors_differ_in_the_digits_that_are_shown(classic: Workbook) -> None:
    places = sheets_of(classic)
    block = next(block for block in places.gradient_check.sheet.blocks if block.name.startswith("errors"))
    sheets = Editor(classic.path).sheets()
    for n in range(8):
        up, down = (f"{sheets.value('Gradient check', 6 + n, column):.12f}" for column in (3, 4))
        assert up != down
    assert block.look(0, 0).number_format == "[<100000]0.000000000000;0.000000000000E+00"


def test_the_passes_move_one_weight_up_and_down(classic: Workbook, editor: type[Editor]) -> None:
    places = sheets_of(classic)
    check = places.gradient_check
    sheets = editor(classic.path).type("Gradient check", "B3", "0.001").sheets()
    h1 = check.names.index("h1")
    numbers = [cell(sheets, "Gradient check", where(places, check.passes[n, h1])) for n in (0, 1)]
    assert numbers == pytest.approx([0.0275 + 0.001 * 0.05, 0.0275 - 0.001 * 0.05], rel=1e-12)
