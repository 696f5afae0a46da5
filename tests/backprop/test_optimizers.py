import dataclasses
import math

import pytest

from xlbackprop.backprop.optimizers import (
    GRADIENT_DESCENT,
    KINDS,
    MEANINGS,
    RANGES,
    SCHEDULES,
    Optimizer,
    parse_schedule,
)
from xlbackprop.backprop.quantities import states, updates
from xlbackprop.backprop.simulation import Simulation
from xlbackprop.backprop.templates import load_template
from xlbackprop.errors import UnusableInput


def update(optimizer: Optimizer) -> str:
    """The update of w1."""
    return updates(dataclasses.replace(load_template("A"), optimizer=optimizer))[0].expression


def rates(schedule: str, steps: int) -> list[float]:
    """The learning rate of each step of a run with η = 1."""
    name, arguments = parse_schedule(schedule)
    network = dataclasses.replace(load_template("A"), optimizer=Optimizer("sgd", tuple(arguments.items()), name))
    return [values["eta_t"] for values in Simulation(network).steps(1.0, steps)]


def test_plain_gradient_descent_has_no_state_and_the_update_of_the_classroom() -> None:
    network = dataclasses.replace(load_template("A"), optimizer=Optimizer("sgd"))
    assert network == load_template("A")
    assert Optimizer("sgd") == GRADIENT_DESCENT
    assert states(network) == ()
    assert update(GRADIENT_DESCENT) == "w1 - eta*dE_dw1"


def test_what_adds_to_plain_gradient_descent_makes_it_another_optimizer() -> None:
    assert not Optimizer("sgd", (("weight_decay", 0.1),)).is_plain
    assert not Optimizer("sgd", (("gamma", 0.9),), "exponential").is_plain
    assert update(Optimizer("sgd", (("weight_decay", 0.1),))) == "w1 - eta*(dE_dw1 + weight_decay*w1)"


@pytest.mark.parametrize(
    ("name", "defaults"),
    [
        ("sgd", {"weight_decay": 0}),
        ("momentum", {"momentum": 0.9, "dampening": 0, "weight_decay": 0}),
        ("nesterov", {"momentum": 0.9, "weight_decay": 0}),
        ("adagrad", {"eps": 1e-10, "weight_decay": 0}),
        ("rmsprop", {"eps": 1e-8, "alpha": 0.99, "weight_decay": 0}),
        ("adam", {"beta_1": 0.9, "beta_2": 0.999, "eps": 1e-8, "weight_decay": 0}),
        ("adamw", {"beta_1": 0.9, "beta_2": 0.999, "eps": 1e-8, "weight_decay": 0.01}),
    ],
)
def test_the_defaults_are_those_of_torch(name: str, defaults: dict[str, float]) -> None:
    assert Optimizer(name).values == defaults


def test_every_hyperparameter_has_a_meaning_and_a_range() -> None:
    needed = {key for kind in KINDS.values() for key in kind.hyperparameters}
    needed |= {key for schedule in SCHEDULES.values() for key in schedule.arguments}
    assert set(MEANINGS) == set(RANGES) == needed


def test_weight_decay_goes_into_the_gradient_but_with_adamw() -> None:
    decayed = "(dE_dw1 + weight_decay*w1)"
    for name in KINDS:
        network = dataclasses.replace(load_template("A"), optimizer=Optimizer(name, (("weight_decay", 0.1),)))
        texts = [updates(network)[0].expression, *(state.expression for state in states(network))]
        assert any(decayed in text for text in texts) is (name != "adamw"), name
    assert update(Optimizer("adamw")).startswith("w1*(1 - eta*weight_decay)")


@pytest.mark.parametrize(
    ("name", "values", "sentence"),
    [
        ("adamax", {}, r"adamax is no optimizer: use one of sgd, momentum, .*adamw\."),
        ("sgd", {"momentum": 0.9}, r"sgd has no momentum, which momentum, nesterov have: it has weight_decay\."),
        ("adam", {"alpha": 0.9}, r"adam has no alpha, which rmsprop has: it has beta_1, beta_2, eps, weight_decay\."),
        ("momentum", {"momentum": 1}, "momentum = 1 is out of range: it is from 0 up to, but not including, 1."),
        ("momentum", {"momentum": -0.1}, "momentum = -0.1 is out of range: it is from 0 up to"),
        ("momentum", {"dampening": 1.1}, "dampening = 1.1 is out of range: it is from 0 to 1."),
        ("adam", {"beta_1": 1}, "beta_1 = 1 is out of range: it is from 0 up to, but not including, 1."),
        ("adam", {"beta_2": -1e-9}, "beta_2 = -1e-09 is out of range"),
        ("rmsprop", {"alpha": 1}, "alpha = 1 is out of range"),
        ("adam", {"eps": -1e-9}, "eps = -1e-09 is out of range: it is 0 or more."),
        ("sgd", {"weight_decay": -1}, "weight_decay = -1 is out of range: it is 0 or more."),
        ("adam", {"eps": math.nan}, "eps = nan is no number that a cell can hold."),
        ("adam", {"eps": math.inf}, "eps = inf is no number that a cell can hold."),
    ],
)
def test_a_hyperparameter_that_does_not_fit_is_said(name: str, values: dict[str, float], sentence: str) -> None:
    with pytest.raises(UnusableInput, match=sentence):
        Optimizer(name, tuple(values.items()))


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("momentum", {"momentum": 0, "dampening": 1}),
        ("adam", {"beta_1": 0, "beta_2": 0, "eps": 0}),
        ("adam", {"beta_1": 1 - 1e-16}),
        ("rmsprop", {"alpha": 0, "weight_decay": 0}),
    ],
)
def test_the_ends_of_the_ranges_belong_to_them(name: str, values: dict[str, float]) -> None:
    assert Optimizer(name, tuple(values.items())).values.items() >= values.items()


@pytest.mark.parametrize(
    ("schedule", "expected"),
    [
        ("constant", [1, 1, 1, 1, 1]),
        ("step:2,0.5", [1, 1, 0.5, 0.5, 0.25]),
        ("exponential:0.5", [1, 0.5, 0.25, 0.125, 0.0625]),
        ("linear:2", [1 / 3, 2 / 3, 1, 1, 1]),
        ("cosine", [1, (1 + math.sqrt(0.5)) / 2, 0.5, (1 - math.sqrt(0.5)) / 2, 0]),
    ],
)
def test_a_schedule_gives_each_step_its_learning_rate(schedule: str, expected: list[float]) -> None:
    if schedule == "constant":
        assert parse_schedule(schedule) == ("constant", {})
    else:
        assert rates(schedule, 4) == pytest.approx(expected, abs=1e-15)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("warm", r"warm is no schedule: use one of constant, step:step_size,gamma, exponential:gamma"),
        ("", " is no schedule"),
        ("step:50", "step:50 has 1 number behind its name, but step needs 2"),
        ("step", "step has no numbers behind its name, but step needs 2"),
        ("cosine:3", "cosine:3 has 1 number behind its name, but cosine takes none"),
        ("exponential:much", "exponential:much has a word where a number belongs"),
    ],
)
def test_what_is_no_schedule_is_said(text: str, sentence: str) -> None:
    with pytest.raises(UnusableInput, match=sentence):
        parse_schedule(text)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("step:0,0.5", "step_size = 0 is out of range: it is 1 or more"),
        ("step:2.5,0.5", "step_size = 2.5 is no number of steps: it is a whole number from 1 on"),
        ("step:5,1.5", "gamma = 1.5 is out of range: it is from 1e-09 to 1"),
        # 0 to the power of 0 is an error in a cell
        ("exponential:0", "gamma = 0 is out of range: it is from 1e-09 to 1"),
        ("linear:0", "warm_up = 0 is out of range"),
    ],
)
def test_the_numbers_of_a_schedule_have_their_ranges(text: str, sentence: str) -> None:
    name, arguments = parse_schedule(text)
    with pytest.raises(UnusableInput, match=sentence):
        Optimizer("adam", tuple(arguments.items()), name)


def test_a_schedule_without_its_numbers_is_none() -> None:
    with pytest.raises(UnusableInput, match="the schedule exponential needs gamma, by which factor"):
        Optimizer("sgd", (), "exponential")
    with pytest.raises(UnusableInput, match="warm is no schedule"):
        Optimizer("sgd", (), "warm")
