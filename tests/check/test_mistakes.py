"""The ways to be wrong: changed expressions, each with what it does."""

import ast

import pytest

from tests.handmade import CLASSIC, FORMULAS
from xlbackprop.backprop.expression import FUNCTIONS
from xlbackprop.backprop.network import Network
from xlbackprop.backprop.quantities import training_step
from xlbackprop.check.mistakes import ABOVE, BELOW, expected, mistakes, typed_numbers

NETWORK = Network.blank((2, 2, 2))
KNOWN = frozenset(CLASSIC)


def written(name: str) -> dict[str, set[str]]:
    """Every changed expression of a quantity by its sentence."""
    found: dict[str, set[str]] = {}
    for changed, slip in mistakes(NETWORK, name, KNOWN):
        found.setdefault(slip.sentence, set()).add(ast.unparse(changed))
    return found


@pytest.mark.parametrize("name", FORMULAS)
def test_every_mistake_changes_the_expression(name: str) -> None:
    right = ast.unparse(expected(NETWORK, name, KNOWN))
    assert right not in set().union(*written(name).values())


@pytest.mark.parametrize("name", FORMULAS)
def test_a_mistake_uses_what_has_a_column_and_the_rows_beside_it(name: str) -> None:
    for changed, _ in mistakes(NETWORK, name, KNOWN):
        used = {node.id for node in ast.walk(changed) if isinstance(node, ast.Name)} - FUNCTIONS.keys()
        assert {name.removeprefix(ABOVE).removeprefix(BELOW) for name in used} <= KNOWN | {"eta"}


def test_a_mistake_says_what_it_does() -> None:
    assert written("w1")["lacks the factor η"] == {"w1 - dE_dw1"}
    assert written("w1")["takes ∂E/∂w1 from the wrong row, one below"] == {"w1 - eta * below_dE_dw1"}
    assert written("E_total")["lacks the term E2"] == {"E1"}
    assert written("h1")["has w1 and w2 swapped"] == {"w2 * i1 + w1 * i2"}


def test_only_mistakes_about_rows_are_shifted() -> None:
    for name in FORMULAS:
        for changed, slip in mistakes(NETWORK, name, KNOWN):
            assert slip.shifted == any(mark in ast.unparse(changed) for mark in (ABOVE, BELOW))


def test_a_typed_number_may_stand_for_each_quantity() -> None:
    found = {slip.sentence: ast.unparse(changed) for changed, slip in typed_numbers(NETWORK, "w1", KNOWN, [0.5])}
    assert found == {
        "has the number 0.5 where w1 belongs": "0.5 - eta * dE_dw1",
        "has the number 0.5 where η belongs": "w1 - 0.5 * dE_dw1",
        "has the number 0.5 where ∂E/∂w1 belongs": "w1 - eta * 0.5",
    }


def test_of_two_names_for_the_same_number_the_first_of_the_training_is_told() -> None:
    network = Network.blank((2, 2, 2), biases="trained")
    known = frozenset({*network.start_values, *(quantity.name for quantity in training_step(network))})
    sentences = [slip.sentence for _, slip in mistakes(network, "dE_dw1", known)]
    assert sentences.index("has the factor δ_o1 too much") < sentences.index("has the factor ∂E/∂b3 too much")
