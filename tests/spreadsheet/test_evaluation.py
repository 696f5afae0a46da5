"""Formulas give what spreadsheets give; the engine is the judge."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from xlbackprop.spreadsheet.blocks import Formula, Role
from xlbackprop.spreadsheet.book import Book
from xlbackprop.spreadsheet.cells import Cell
from xlbackprop.spreadsheet.ironcalc import computed_on_the_side

ROW = [1.0, 2.0, 3.5, -4.0]


def value(text: str):
    """What a formula gives beside the numbers of `ROW` in A1:D1; `{row}` and `{a}` stand for them."""
    book = Book()
    sheet = book.sheet("Sheet1")
    row = sheet.put("A1", ROW, role=Role.CONSTANT).place
    words = sheet.put("A2", ["differs: 1", "agrees", "Differs"]).place
    cells = {letter: f"{cell}" for letter, cell in zip("abcd", row[0], strict=True)}
    texts = {"row": f"{row}", "words": f"{words}", **cells}
    return book.value(sheet.put("A9", Formula(text.format(**texts))).place)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        # a minus in front binds more tightly than a power, and powers go from left to right
        ("-2^2", 4.0),
        ("2^3^2", 64.0),
        ("1+2*3-4/2", 5.0),
        ("(1+2)*3", 9.0),
        ('1+1&"x"', "2x"),
        ('"a""b"&1', 'a"b1'),
        ("0.1+0.2", 0.30000000000000004),
        ('"η = "&0.5', "η = 0.5"),
        ("1=1", True),
        ('"A"="a"', True),
        ('2<"a"', True),
        ("1<>2", True),
        ("1E-3*{a}", 0.001),
        ("MAX({row})", 3.5),
        ("MIN({row},-9)", -9.0),
        ("SUM({row})", 2.5),
        ("MAX({words})", 0.0),
        ("SUMPRODUCT({row},{row})", 33.25),
        ("SUMSQ({row})", 33.25),
        ("ROUND(-1.2345E+300,4)", -1.2345e300),
        ("ROUND(100*1E+307,2)", "#NUM!"),
        ("IF(1<2,NA(),1)", "#N/A"),
        ("ISERROR(NA())", True),
        ("SUMPRODUCT(MAX(({row}<=2)*{row}))", 2.0),
        ("SUMPRODUCT(ABS(({row}>1.5)-({row}>3)))", 1.0),
        ("INDEX({row},3)", 3.5),
        ("INDEX(CHOOSE(2,{words},{row}),4)", -4.0),
        ("INDEX({row},5)", "#REF!"),
        ("MATCH(3.5,{row},0)", 3.0),
        ("MATCH(7,{row},0)", "#N/A"),
        ("IFERROR(MATCH(7,{row},0),1)", 1.0),
        ('COUNTIF({words},"differs*")', 2.0),
        ('COUNTIF({words},"agrees")', 1.0),
        ("COUNTIF({row},2)", 1.0),
        ("COUNTIF({words},2)", 0.0),
        ("AVERAGE({row})", 0.625),
        ('MID("abcdef",3,2)', "cd"),
        ('MID("abc",3,2)', "c"),
        ('HEX2DEC("fF")', 255.0),
        ('HEX2DEC("xy")', "#NUM!"),
        ("ISERROR(1/0)", True),
        ("ISERROR(1)", False),
        ("ISTEXT({row})", False),
        ('IF(ISTEXT("a"),1,1/0)', 1.0),
        ("AND(1<2,2<3)", True),
        ("OR(1>2,2>3)", False),
        ("1/0", "#DIV/0!"),
        ("LN(0)", "#NUM!"),
        ("EXP(1000)", "#NUM!"),
        ('1+"a"', "#VALUE!"),
        ("ROUND(2.5,0)", 3.0),
        ("ROUND(-2.5,0)", -3.0),
        ("ROUND(0.0000015,6)", 0.000002),
        ("INT(-0.5)", -1.0),
        ("SIGN({d})", -1.0),
        ("SQRT(9)", 3.0),
        ("TANH(0)", 0.0),
        ("LOG10(1000)", 3.0),
    ],
)
def test_a_formula_gives_what_it_gives_in_excel(text: str, expected) -> None:
    found = value(text)
    assert type(found) is type(expected)
    assert found == expected


@pytest.mark.parametrize("text", ["NOSUCH(1)", "1+", "(1", "{row}+1", "MATCH(1,{row},1)", "1 ? 2"])
def test_what_the_interpreter_does_not_know_is_no_number(text: str) -> None:
    with pytest.raises((ValueError, IndexError)):
        value(text)


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
