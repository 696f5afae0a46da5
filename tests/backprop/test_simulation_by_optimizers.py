"""A run says where it leaves what a cell can hold, and by what."""

import dataclasses

import pytest

from xlbackprop.backprop.network import Network
from xlbackprop.backprop.optimizers import Optimizer
from xlbackprop.backprop.samples import Samples
from xlbackprop.backprop.simulation import LeavesRange, Simulation

HUGE = dataclasses.replace(Network.blank((1, 1), output="linear"), inputs=(1e100,), weights=(0.5,))
TWO = Samples(((1e100,), (1.0,)), ((0.0,), (0.0,)), 2)
# with these weights the hidden neurons give nothing, and some gradients are 0
SILENT = Network.blank((2, 2, 1), hidden="relu").with_values({"i1": 1, "i2": 1, "t1": 1, "w1": -1, "w2": -1, "w5": 1})


def run(network: Network, optimizer: Optimizer, eta: float = 0.1, steps: int = 3) -> list[dict[str, float]]:
    return [dict(row) for row in Simulation(dataclasses.replace(network, optimizer=optimizer)).steps(eta, steps)]


@pytest.mark.parametrize(("name", "state"), [("adagrad", "s_w1"), ("rmsprop", "v_w1"), ("adam", "v_w1")])
@pytest.mark.parametrize("samples", [None, TWO, dataclasses.replace(TWO, batch=1)], ids=["one", "batch", "in turn"])
def test_a_state_that_overflows_is_named(name: str, state: str, samples: Samples | None) -> None:
    network = HUGE.with_samples(samples) if samples else HUGE
    with pytest.raises(LeavesRange, match=f"With these start values, {state} leaves what a cell can hold at step 0"):
        run(network, Optimizer(name))


def test_a_weight_that_overflows_is_named_before_what_follows_from_it() -> None:
    with pytest.raises(LeavesRange, match="With learning rate 1e\\+200, w1 leaves what a cell can hold at step 1"):
        run(HUGE, Optimizer("momentum"), 1e200)


@pytest.mark.parametrize("name", ["adagrad", "rmsprop", "adam", "adamw"])
def test_without_eps_a_gradient_of_zero_is_said(name: str) -> None:
    sentence = "With eps = 0 an update divides by 0 at step 0, where a gradient is 0: use an eps above 0."
    with pytest.raises(LeavesRange, match=sentence):
        run(SILENT, Optimizer(name, (("eps", 0.0),)))
    assert run(SILENT, Optimizer(name))[3]["w1"] == pytest.approx(-1, abs=1e-2)


@pytest.mark.parametrize("name", ["adagrad", "rmsprop", "adam", "adamw"])
def test_without_eps_gradients_that_are_not_zero_train(name: str) -> None:
    network = Network.blank((1, 1)).with_values({"i1": 1, "t1": 1, "w1": 0.5})
    assert run(network, Optimizer(name, (("eps", 0.0),)))[3]["E_total"] < run(network, Optimizer(name))[0]["E_total"]
