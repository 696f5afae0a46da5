from dataclasses import replace

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from tests.conftest import needs_trainer
from tests.strategies import networks, networks_with_samples
from xlbackprop import reference
from xlbackprop.backprop.functions import LEAK
from xlbackprop.backprop.network import Network
from xlbackprop.backprop.quantities import training_step
from xlbackprop.backprop.simulation import LeavesRange, Simulation
from xlbackprop.backprop.templates import load_template, read_template, template_names


def first_step(network: Network) -> dict[str, float]:
    step = reference.training_step(network, reference.start_parameters(network))
    return {name: float(value) for name, value in reference.named(network, step).items()}


def total(network: Network, changed: dict[str, float]) -> float:
    return first_step(network.with_values(changed))["E_total"]


def near_a_kink(network: Network, step: dict[str, float]) -> bool:
    """Whether a neuron is where ReLU has no derivative."""
    return any(abs(step[z]) < 1e-3 for z in network.kinked_neurons)


@pytest.mark.parametrize("template", template_names())
def test_the_formulas_and_the_reference_give_the_same_training(template: str) -> None:
    network, etas = load_template(template), read_template(template).etas[:2]
    by_numpy = [reference.named(network, step) for step in reference.train(network, etas, 100)]
    for n, eta in enumerate(etas):
        for values, numpy_values in zip(Simulation(network).steps(eta, 100), by_numpy, strict=True):
            for name, array in numpy_values.items():
                # a training that grows without end amplifies rounding
                scale = max(1.0, abs(values["E_total"]))
                assert values[name] == pytest.approx(array[n], rel=1e-9, abs=1e-12 * scale), name


@pytest.mark.parametrize("template", template_names())
def test_the_reference_names_every_quantity_of_the_formulas(template: str) -> None:
    network = load_template(template)
    assert set(reference.quantity_names(network)) == {quantity.name for quantity in training_step(network)}


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


def torch_leaves(network: Network):
    """The start values as tensors that gradients are wanted of."""
    import torch

    return {
        name: torch.tensor(value, dtype=torch.float64, requires_grad=True)
        for name, value in network.start_values.items()
    }


def torch_error(network: Network, leaves, inputs, targets):
    """E_total of a sample as torch computes it."""
    import torch

    functions = {
        "sigmoid": torch.sigmoid,
        "tanh": torch.tanh,
        "relu": torch.relu,
        "leaky relu": lambda z: torch.nn.functional.leaky_relu(z, LEAK),
        "linear": lambda z: z,
        "softmax": lambda z: torch.softmax(z, dim=0),
    }
    a = inputs
    for layer in range(1, len(network.layers)):
        weights = torch.stack([torch.stack([leaves[w] for w in row]) for row in network.layer_weights(layer)])
        z = weights @ a
        if network.biases != "none":
            z = z + torch.stack([leaves[b] for b in network.layer_biases(layer)])
        a = functions[network.activation(layer)](z)
    per_output = {
        "squared error": lambda: 0.5 * (targets - a) ** 2,
        "cross-entropy": lambda: -targets * torch.log_softmax(z, dim=0),
        "binary cross-entropy": lambda: torch.nn.functional.binary_cross_entropy(a, targets, reduction="none"),
    }
    return per_output[network.loss]().sum()


@needs_trainer
@settings(max_examples=60)
@given(networks_with_samples(), st.sampled_from([0.05, 0.5]))
def test_a_training_from_several_samples_is_what_torch_makes_of_them(network: Network, eta: float) -> None:
    import torch

    samples, steps = network.samples, 5
    by_numpy = reference.run(network, [eta], steps)
    passes = reference.run_of_passes(network, [eta], steps) if network.in_batches else by_numpy
    assume(max(float(np.max(np.abs(array))) for array in by_numpy.values()) < 100)
    assume(not any(np.any(np.abs(passes[z]) < 1e-6) for z in network.kinked_neurons))
    leaves = torch_leaves(network)
    for step in range(steps + 1):
        errors = [
            torch_error(
                network,
                leaves,
                torch.tensor(samples.inputs[n], dtype=torch.float64),
                torch.tensor(samples.targets[n], dtype=torch.float64),
            )
            for n in samples.shown(step)
        ]
        error = torch.stack(errors).mean() if samples.reduction == "mean" else torch.stack(errors).sum()
        assert by_numpy["E_total"][step, 0] == pytest.approx(error.item(), rel=1e-12, abs=1e-12)
        trained = [leaves[name] for name in network.trained_names]
        gradients = torch.autograd.grad(error, trained)
        scale = max(1.0, *(float(abs(gradient)) for gradient in gradients))
        for name, gradient in zip(network.trained_names, gradients, strict=True):
            assert abs(by_numpy[f"dE_d{name}"][step, 0] - gradient.item()) <= 1e-12 * scale, name
            assert by_numpy[name][step, 0] == pytest.approx(leaves[name].item(), rel=1e-12, abs=1e-12), name
            leaves[name] = (leaves[name] - eta * gradient).detach().requires_grad_()


@settings(max_examples=50)
@given(networks(), st.sampled_from([0.01, 0.5, 3.0]))
def test_each_number_of_a_run_is_what_follows_from_the_others(network: Network, eta: float) -> None:
    try:
        rows = [dict(values) for values in Simulation(network).steps(eta, 8)]
    except LeavesRange:
        assume(False)
    cells = {name: np.array([row[name] for row in rows], dtype=float) for name in rows[0]}
    expected = reference.expected_step(network, cells)
    assert set(expected) == {quantity.name for quantity in training_step(network)}
    for name, should in expected.items():
        assert np.all(np.abs(cells[name] - should.value) <= 1e-14 * should.scale + 1e-300), name


def test_one_wrong_number_makes_only_its_own_cell_unexpected() -> None:
    network = load_template("A")
    cells = {name: np.array([value]) for name, value in next(Simulation(network).steps(1.0, 0)).items()}
    cells["a_h2"] = cells["a_h2"] * 1.001
    expected = reference.expected_step(network, cells)
    wrong = {
        name
        for name, should in expected.items()
        if abs(cells[name] - should.value) > 1e-12 * should.scale
    }  # fmt: skip
    # the number itself, and those whose formula uses it and did not follow
    assert wrong == {"a_h2", "o1", "o2", "da_h2_dh2", "dE_dw6", "dE_dw8"}


def test_numbers_that_overflow_are_no_warning() -> None:
    network = load_template("A")
    cells = {name: np.array([1e200]) for name in next(Simulation(network).steps(1.0, 0))}
    assert np.isinf(reference.expected_step(network, cells)["h1"].value)
    assert np.isinf(reference.expected_update(cells["w1"], cells["dE_dw1"], 1e200).value)


def test_a_noisy_run_shows_how_far_rounding_grows() -> None:
    network = load_template("A")
    *_, last = reference.train(network, [1.0, 1.0], 50, noise=[0.0, 1e-6])
    exact, noisy = last.total
    assert 0 < abs(noisy - exact) < 1e-6 * exact * 100
    *_, without = reference.train(network, [1.0], 50)
    assert without.total == exact


def test_fixed_biases_stay_as_they_are() -> None:
    network = load_template("mazur")
    *_, last = reference.train(network, [0.5], 10)
    assert np.array_equal(reference.named(network, last)["b3"], [0.6])


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
