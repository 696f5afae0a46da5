import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from tests.conftest import needs_trainer
from tests.reference.in_torch import torch_error, torch_leaves
from tests.strategies import networks_with_samples
from xlbackprop import reference
from xlbackprop.backprop.network import Network
from xlbackprop.backprop.simulation import Simulation
from xlbackprop.backprop.templates import load_template, read_template, template_names


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
