import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from xlbackprop.backprop import expression
from xlbackprop.backprop.expression import polynomial
from xlbackprop.backprop.notation import header
from xlbackprop.backprop.quantities import training_step, updates
from xlbackprop.backprop.templates import load_template, template_names
from xlbackprop.spreadsheet.cells import Cell
from xlbackprop.spreadsheet.ironcalc import computed_on_the_side


def upper(name: str) -> str:
    return name.upper()


@pytest.mark.parametrize(
    ("python", "cell", "symbols"),
    [
        ("w1*i1 + w2*i2", "W1*I1+W2*I2", "w1·i1 + w2·i2"),
        ("1/(1 + exp(-h1))", "1/(1+EXP(-H1))", "1 / (1 + e^(−h1))"),
        ("0.5*(t1 - a)**2", "0.5*(T1-A)^2", "½·(t1 − a)²"),
        ("1 - a**2", "1-A^2", "1 − a²"),
        ("a*(1 - a)", "A*(1-A)", "a·(1 − a)"),
        ("a - (b + c)", "A-(B+C)", "a − (b + c)"),
        ("a - b + c", "A-B+C", "a − b + c"),
        ("a/(b*c)", "A/(B*C)", "a / (b·c)"),
        ("a/b*c", "A/B*C", "a / b·c"),
        # in a spreadsheet a minus binds more tightly than a power
        ("-(x**2)", "-(X^2)", "−(x²)"),
        ("(-x)**2", "(-X)^2", "(−x)²"),
        ("max(0, h1)", "MAX(0,H1)", "max(0, h1)"),
        ("log(s) + m", "LN(S)+M", "ln(s) + m"),
        ("1 if h > 0 else 0.01", "IF(H>0,1,0.01)", "1 if h > 0, else 0.01"),
        # a cell has all digits
        ("1.0507009873554805*h + 1.0", "1.0507009873554805*H+1", "1.0507·h + 1"),
        ("2*(1 if h > 0 else 0)", "2*IF(H>0,1,0)", "2·(1 if h > 0, else 0)"),
    ],
)
def test_an_expression_reads_the_same_in_a_cell_and_on_the_blackboard(python: str, cell: str, symbols: str) -> None:
    assert expression.cell_formula(python, upper) == cell
    assert expression.symbols(python, lambda name: name) == symbols


def test_numbers_are_put_in_by_a_formula_that_joins_text_cells() -> None:
    formula = expression.numbers_formula("w1*i1 + w2*i2", lambda name: f"$H${name[1:]}")
    assert formula == '$H$1&" × "&$H$1&" + "&$H$2&" × "&$H$2'


@pytest.mark.parametrize(
    ("python", "text"),
    [
        ("w1*i1 + w1", "0.15 × (-2) + 0.15"),
        ("tanh(i1)", "tanh (-2)"),
        ("tanh(w1)", "tanh 0.15"),
        ("exp(-i1)", "e^(−(-2))"),
        ("log(w1 + i1)", "ln(0.15 + (-2))"),
    ],
)
def test_numbers_are_put_in_with_their_signs_in_parentheses(python: str, text: str) -> None:
    values = {"w1": "0.15", "i1": "(-2)"}
    formula = expression.numbers_formula(python, lambda name: f'"{values[name]}"')
    assert formula.replace('"&"', "") == f'"{text}"'


def test_the_names_of_an_expression_are_its_quantities_only() -> None:
    assert expression.names_in("w1 if exp(w1) > max(0, h2) else 0.5*a_o1") == ["w1", "h2", "a_o1"]


def test_a_foreign_construct_is_refused() -> None:
    with pytest.raises(ValueError, match="cannot hold"):
        expression.cell_formula("[1, 2]", upper)


# --- a formula must mean to a spreadsheet what the expression means to Python ---------------------

_terms = st.deferred(
    lambda: (
        st.sampled_from(["x", "y", "0.5", "2.0"])
        | st.builds("({} + {})".format, _terms, _terms)
        | st.builds("({} - {})".format, _terms, _terms)
        | st.builds("({} * {})".format, _terms, _terms)
        | st.builds("({} / {})".format, _terms, _terms)
        | st.builds("(-{})".format, _terms)
        | st.builds("({})**2".format, _terms)
        | st.builds("tanh({})".format, _terms)
        | st.builds("({} if {} > {} else {})".format, _terms, _terms, _terms, _terms)
    )
)


@given(term=_terms)
def test_a_cell_formula_computes_what_python_computes(term: str) -> None:
    values = {"x": 0.75, "y": -1.5}
    formula = "=" + expression.cell_formula(term, {"x": "A1", "y": "B1"}.__getitem__)
    contents = {Cell("Sheet1", 1, column): value for column, value in enumerate(values.values(), start=1)}
    (found,) = computed_on_the_side([formula], "Sheet1", 2, contents)
    try:
        expected = eval(expression.compiled(term), dict(expression.PYTHON_FUNCTIONS), values)
    except ArithmeticError:
        return
    if math.isfinite(expected):
        assert found == pytest.approx(expected, rel=1e-12, abs=1e-300)


@pytest.mark.parametrize("template", template_names())
def test_no_formula_has_more_parentheses_than_it_needs(template: str) -> None:
    network = load_template(template)
    for line in (*training_step(network), *updates(network)):
        formula = expression.cell_formula(line.expression, lambda name: name)
        # Python reads a formula with ** for ^ as the same expression
        assert "((" not in formula
        assert formula.count("(") <= 1 + line.expression.count("(")
        assert expression.symbols(line.expression, header)


@pytest.mark.parametrize(
    ("expression", "products"),
    [
        ("w1*i1 + w2*i2 + b1", {("i1", "w1"): 1.0, ("i2", "w2"): 1.0, ("b1",): 1.0}),
        ("a*(1 - a)", {("a",): 1.0, ("a", "a"): -1.0}),
        ("0.5*(t - a)**2", {("t", "t"): 0.5, ("a", "t"): -1.0, ("a", "a"): 0.5}),
        ("-a", {("a",): -1.0}),
        ("1", {(): 1.0}),
        ("1/(1 + exp(-h))", None),
        ("h if h > 0 else 0", None),
    ],
)
def test_sums_of_products_are_told_from_what_is_more(expression: str, products) -> None:
    assert polynomial(expression) == products
