from dataclasses import replace

import numpy as np
import pytest
from hypothesis import assume, given, settings

from tests.conftest import needs_trainer
from tests.reference.in_torch import torch_error, torch_leaves
from tests.strategies import networks
from xlbackprop import reference
from xlbackprop.backprop.network import Network
from xlbackprop.backprop.simulation import Simulation
from xlbackprop.backprop.templates import load_template


def first_step(network: Network) -> dict[str, float]:
    step = reference.training_step(network, reference.start_parameters(network))
    return {name: float(value) for name, value in reference.named(network, step).items()}


def total(network: Network, changed: dict[str, float]) -> float:
    return first_step(network.with_values(changed))["E_total"]


def near_a_kink(network: Network, step: dict[str, float]) -> bool:
    """Whether a neuron is where ReLU has no derivative."""
    return any(abs(step[z]) < 1e-3 for z in network.kinked_neurons)


@given(networks())
def test_gradients_are_what_central_differences_say(network: Network) -> None:
    step = first_step(network)
    assume(not near_a_kink(network, step))
    start, epsilon = network.start_values, 1e-5
    for name in network.trained_names:
        slope = (total(network, {name: start[name] + epsilon}) - total(network, {name: start[name] - epsilon})) / (
            2 * epsilon
        )
        assert step[f"dE_d{name}"] == pytest.approx(slope, rel=1e-5, abs=1e-7 * max(1, step["E_total"]))


@needs_trainer
@settings(max_examples=50)
@given(networks())
def test_gradients_are_what_torch_autograd_says(network: Network) -> None:
    import torch

    leaves = torch_leaves(network)
    inputs, targets = (
        torch.stack([leaves[name] for name in names]) for names in (network.input_names, network.target_names)
    )
    loss = torch_error(network, leaves, inputs, targets)
    loss.backward()

    step = first_step(network)
    assert step["E_total"] == pytest.approx(loss.item(), rel=1e-12, abs=1e-14)
    for name in network.trained_names:
        assert step[f"dE_d{name}"] == pytest.approx(leaves[name].grad.item(), rel=1e-9, abs=1e-14), name


def test_a_large_negative_sum_gives_a_sigmoid_of_zero_without_a_warning() -> None:
    assert first_step(load_template("A").with_values({"w1": -20000.0}))["a_h1"] == 0.0


def test_a_bias_that_a_layer_shares_has_the_sum_of_the_deltas_for_its_gradient() -> None:
    network = Network.blank((2, 3, 2))
    network = replace(network, biases="trained", bias_a_layer=True, bias_values=(0.3, -0.2)).drawn(1)
    assert network.bias_names == ["b1", "b2"]
    by_formulas = [dict(step) for step in Simulation(network).steps(0.5, 5)][-1]
    *_, last = reference.train(network, [0.5], 5)
    for name, values in reference.named(network, last).items():
        assert values[0] == pytest.approx(by_formulas[name], rel=1e-12, abs=1e-15)
    step = reference.expected_step(network, {name: np.array([value]) for name, value in by_formulas.items()})
    assert step["dE_db1"].value[0] == pytest.approx(sum(by_formulas[f"delta_h{n}"] for n in (1, 2, 3)))
