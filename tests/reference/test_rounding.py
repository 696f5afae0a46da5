"""Pasted numbers tell how far they were rounded."""

import numpy as np
import pytest

from xlbackprop.reference.rounding import half_a_digit


def half(*numbers: float) -> list[float]:
    found = half_a_digit(np.array(numbers), [None] * len(numbers))
    return list(np.broadcast_to(found, len(numbers)))


def test_numbers_rounded_to_decimals_may_be_off_by_half_of_the_last() -> None:
    # a displayed number may have lost a zero at its end, but no two
    assert half(0.507, 0.511, 0.433, 0.61, 0.2, 0.255) == pytest.approx([0.0005] * 3 + [0.005] * 2 + [0.0005])


def test_a_narrow_cell_shows_small_numbers_with_more_decimals() -> None:
    shown = [0.072157, 0.071952, 0.071737, 0.071513, 0.071278, 9.22e-05, -0.000188]
    assert half(*shown)[5:] == pytest.approx([0.5e-7, 0.5e-6])


def test_a_number_that_was_stored_as_the_nearest_double_has_the_decimals_that_it_shows() -> None:
    assert half(*[0.19975300000000001, 0.199512, 0.199254, 0.198999, 0.198746])[0] == pytest.approx(0.5e-6)


def test_numbers_rounded_to_digits_may_be_off_by_half_of_their_own_last() -> None:
    assert half(0.5069, 0.0001883, 1234.0, 12.34, 0.02751)[2] == pytest.approx(0.5)


def test_a_few_short_numbers_say_nothing() -> None:
    assert half(0.5, 0.25) == pytest.approx([0.5e-6] * 2)


def test_numbers_in_full_are_not_rounded() -> None:
    assert max(half(*(0.1 + 1 / n for n in range(3, 10)))) < 1e-14


def test_formulas_are_not_rounded() -> None:
    assert list(half_a_digit(np.array([0.5, 0.25]), ["=A1", "=A2"])) == [0.0, 0.0]
