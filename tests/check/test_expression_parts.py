import ast

import pytest

from xlbackprop.check.expression_parts import factors_of, names_in, parts_of, product_of, renamed, size


def parsed(text: str) -> ast.expr:
    return ast.parse(text, mode="eval").body


def test_the_size_counts_every_part() -> None:
    # the whole, w1, the product, eta, the gradient
    assert size(parsed("w1 - eta*dE_dw1")) == 5


def test_another_part_takes_the_place_of_each() -> None:
    changed = [ast.unparse(part.put(ast.Name("x"))) for part in parts_of(parsed("-exp(a)*b"))]
    assert changed == ["x", "x * b", "-x * b", "-exp(x) * b", "-exp(a) * x"]


def test_names_are_listed_as_often_as_they_stand_there() -> None:
    assert sorted(names_in(parsed("a_h1*(1 - a_h1) + exp(w1)"))) == ["a_h1", "a_h1", "w1"]


@pytest.mark.parametrize("text", ["a * b * c", "a - b"])
def test_the_product_of_the_factors_is_the_expression(text: str) -> None:
    assert ast.unparse(product_of(factors_of(parsed(text)))) == text


def test_two_names_can_be_swapped() -> None:
    swapped = renamed(parsed("max(a, 0) if a > b else b - a"), {"a": "b", "b": "a"})
    assert ast.unparse(swapped) == "max(b, 0) if b > a else a - b"
