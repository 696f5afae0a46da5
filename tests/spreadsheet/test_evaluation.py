"""Formulas give what spreadsheets give; the engine is the judge."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.spreadsheet.valued import ROW, value
from xlbackprop.spreadsheet.cells import Cell
from xlbackprop.spreadsheet.ironcalc import computed_on_the_side

numbers = st.floats(-50, 50).map(lambda number: round(number, 3))


def terms(children):
    binary = st.tuples(children, st.sampled_from(["+", "-", "*", "/"]), children).map(lambda t: f"({t[0]}{t[1]}{t[2]})")
    called = st.tuples(st.sampled_from(["ABS", "TANH", "SIGN", "INT"]), children).map(lambda t: f"{t[0]}({t[1]})")
    chosen = st.tuples(children, children, children).map(lambda t: f"IF({t[0]}>{t[1]},{t[2]},{t[0]})")
    return binary | called | chosen | children.map(lambda term: f"-{term}") | children.map(lambda term: f"{term}^2")


@given(st.recursive(numbers.map(abs).map(str) | st.sampled_from(["{a}", "{b}", "{c}", "{d}"]), terms, max_leaves=8))
def test_any_formula_gives_what_the_engine_gives(text: str) -> None:
    found = value(text)
    contents = {Cell("Sheet1", 1, n): number for n, number in enumerate(ROW, start=1)}
    addresses = {letter: f"{letter.upper()}1" for letter in "abcd"}
    (engine,) = computed_on_the_side([f"={text.format(**addresses)}"], "Sheet1", 9, contents)
    if isinstance(found, str) or math.isnan(engine):
        assert isinstance(found, str)
        assert math.isnan(engine)
    else:
        assert found == pytest.approx(engine, rel=1e-9, abs=1e-9)
