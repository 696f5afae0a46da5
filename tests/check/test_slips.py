"""Slips are called by their names."""

import pytest

from tests.handmade import CLASSIC
from xlbackprop.backprop.expression import compiled
from xlbackprop.backprop.network import Network
from xlbackprop.check.slips import slip
from xlbackprop.check.trial import CURRENT, trainings

NETWORK = Network.blank((2, 2, 2))
KNOWN = frozenset(CLASSIC)
DELTA = {k: f"(a_o{k} - t{k})*a_o{k}*(1 - a_o{k})" for k in (1, 2)}


def named(name: str, expression: str) -> str | None:
    """The slip that a wrong expression is taken for."""
    import math

    back = 1 if name in NETWORK.start_values else 0
    runs = trainings(NETWORK)
    values = [eval(compiled(expression), {"exp": math.exp}, dict(run[CURRENT - back])) for run in runs]
    found = slip(NETWORK, name, KNOWN, (), values)
    return found and found.sentence


@pytest.mark.parametrize(
    ("name", "expression", "sentence"),
    [
        (
            "dE_dw3",
            f"({DELTA[1]}*w6 + {DELTA[2]}*w8)*a_h1*(1 - a_h1)*i1",
            "uses a_h1*(1-a_h1); it should be a_h2*(1-a_h2)",
        ),
        ("dE_dw1", f"({DELTA[1]}*w5 + {DELTA[2]}*w6)*a_h1*(1 - a_h1)*i1", "uses w6; it should be w7"),
        (
            "dE_dw1",
            f"({DELTA[2]}*w5 + {DELTA[2]}*w7)*a_h1*(1 - a_h1)*i1",
            "uses (a_o2-t2)*a_o2*(1-a_o2); it should be (a_o1-t1)*a_o1*(1-a_o1)",
        ),
        ("dE_dw2", f"({DELTA[1]}*w5 + a_o2*(1 - a_o2)*w7)*a_h1*(1 - a_h1)*i2", "lacks the factor (a_o2-t2)"),
        ("dE_dw1", f"{DELTA[1]}*w5*a_h1*(1 - a_h1)*i1", "lacks the term (a_o2-t2)*a_o2*(1-a_o2)*w7"),
        ("dE_dw4", f"{DELTA[2]}*w8*a_h2*(1 - a_h2)*i2", "lacks the term (a_o1-t1)*a_o1*(1-a_o1)*w6"),
        ("a_h1", "1/1 + exp(-h1)", "lacks brackets: 1/1+EXP(-h1); it should be 1/(1+EXP(-h1))"),
        ("dE_dw6", f"{DELTA[1]}*a_h1*a_h2", "has the factor a_h1 too much"),
        ("dE_dw6", f"{DELTA[1]}*a_h1", "is the formula of ∂E/∂w5"),
        ("dE_dw5", f"-{DELTA[1]}*a_h1", "has the wrong sign"),
        ("dE_dw5", f"2*{DELTA[1]}*a_h1", "is twice what it should be"),
        ("dE_dw5", "(a_o1 - t1)*a_o1*a_o1*(1 - a_o1)*a_h1", "has the factor a_o1 twice"),
        ("a_h2", "1/(1 + exp(h2))", "uses EXP(h2); it should be EXP(-h2)"),
        ("o1", "w5*a_h1 + w6*w6", "uses w6; it should be a_h2"),
        ("E1", "(t1 - a_o1)**2", "lacks the factor 0.5"),
        ("E1", "0.5*(t1 - a_o1)", "lacks the square of (t1-a_o1)"),
        ("E_total", "E1", "lacks the term E2"),
        ("w1", "w1*eta*dE_dw1", "has * where - belongs: w1*η*∂E/∂w1; it should be w1-η*∂E/∂w1"),
        ("w1", "w1 + eta*dE_dw1", "uses w1+η*∂E/∂w1; it should be w1-η*∂E/∂w1"),
        ("w3", "w3 - eta*dE_dw4", "uses ∂E/∂w4; it should be ∂E/∂w3"),
        ("w3", "w3 - dE_dw3", "lacks the factor η"),
        ("h1", "w1*i2 + w2*i1", "has w1 and w2 swapped"),
        (
            "dE_dw5",
            "(a_o1 - t1*(a_o1*(1 - a_o1)))*a_h1",
            "lacks brackets: a_o1-t1*a_o1*(1-a_o1); it should be (a_o1-t1)*a_o1*(1-a_o1)",
        ),
        (
            "dE_dw1",
            f"({DELTA[1]}*w5 + {DELTA[2]}*w7*(a_h1*(1 - a_h1)))*i1",
            "lacks brackets: (a_o1-t1)*a_o1*(1-a_o1)*w5+(a_o2-t2)*a_o2*(1-a_o2)*w7*a_h1*(1-a_h1); "
            "it should be ((a_o1-t1)*a_o1*(1-a_o1)*w5+(a_o2-t2)*a_o2*(1-a_o2)*w7)*a_h1*(1-a_h1)",
        ),
        (
            "dE_dw5",
            "(a_o1 - t1)*a_o1 + (1 - a_o1)*a_h1",
            "has + where * belongs: (a_o1-t1)*a_o1+(1-a_o1)*a_h1; it should be (a_o1-t1)*a_o1*(1-a_o1)*a_h1",
        ),
        (
            "dE_dw5",
            "(a_o1 - t1) - a_o1*(1 - a_o1)*a_h1",
            "has - where * belongs: a_o1-t1-a_o1*(1-a_o1)*a_h1; it should be (a_o1-t1)*a_o1*(1-a_o1)*a_h1",
        ),
    ],
)
def test_a_slip_has_its_name(name: str, expression: str, sentence: str) -> None:
    assert named(name, expression) == sentence


def test_a_formula_that_is_wrong_in_no_known_way_has_no_name() -> None:
    assert named("E_total", "E1*E1*E2 + 7") is None


def test_errors_have_no_name() -> None:
    assert slip(NETWORK, "E1", KNOWN, (), [float("nan")] * 3) is None


def test_a_typed_number_has_its_name() -> None:
    runs = trainings(NETWORK)
    values = [run[CURRENT]["w1"] * 0.05 + run[CURRENT]["w2"] * run[CURRENT]["i2"] for run in runs]
    found = slip(NETWORK, "h1", KNOWN, (), values, (0.05,))
    assert found is not None
    assert found.sentence == "has the number 0.05 where i1 belongs"


def test_a_slip_is_not_named_by_a_quantity_that_the_formula_does_not_take() -> None:
    runs = trainings(NETWORK)
    values = [run[CURRENT]["w5"] * run[CURRENT]["a_h1"] + run[CURRENT]["w6"] * run[CURRENT]["t1"] for run in runs]
    found = slip(NETWORK, "o1", KNOWN, (), values, held=lambda: frozenset({"w5", "a_h1", "w6", "t1"}))
    assert found
    assert found.sentence == "uses t1; it should be a_h2"
    assert slip(NETWORK, "o1", KNOWN, (), values, held=lambda: frozenset({"w5", "a_h1", "w6", "t2"})) is None
