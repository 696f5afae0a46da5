"""Optimizers and schedules, in the formulas and in NumPy, are those of torch."""

import dataclasses
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from tests.conftest import needs_trainer
from tests.optimized import IN_TORCH
from tests.trainings import trainings
from xlbackprop import reference
from xlbackprop.backprop.functions import LEAK
from xlbackprop.backprop.network import Network
from xlbackprop.backprop.optimizers import KINDS, SCHEDULES, Optimizer
from xlbackprop.backprop.quantities import states
from xlbackprop.backprop.simulation import LeavesRange, Simulation
from xlbackprop.backprop.templates import load_template
from xlbackprop.reference.optimizers import RULES
from xlbackprop.reference.optimizers import SCHEDULES as SCHEDULES_IN_NUMPY

STEPS = 50


def test_each_optimizer_and_each_schedule_is_one_record_on_each_side() -> None:
    assert list(KINDS) == list(RULES)
    assert list(SCHEDULES) == list(SCHEDULES_IN_NUMPY)
    assert {name for name, _ in IN_TORCH} | {"sgd"} == set(KINDS)


@pytest.mark.parametrize(("name", "eta"), IN_TORCH)
def test_the_error_of_the_classic_network_is_what_torch_gave(name: str, eta: float) -> None:
    network = dataclasses.replace(load_template("A"), optimizer=Optimizer(name))
    at = [1, 10, 100, 200]
    by_formulas = [values["E_total"] for values in Simulation(network).steps(eta, 200)]
    by_numpy = reference.run(network, [eta], 200)["E_total"][:, 0]
    assert [by_formulas[step] for step in at] == pytest.approx(IN_TORCH[name, eta], rel=1e-12)
    assert [by_numpy[step] for step in at] == pytest.approx(IN_TORCH[name, eta], rel=1e-12)


@pytest.mark.parametrize("name", KINDS)
@pytest.mark.parametrize("schedule", SCHEDULES)
def test_the_reference_names_what_the_optimizer_keeps(name: str, schedule: str) -> None:
    arguments = {"step_size": 3.0, "gamma": 0.5, "warm_up": 4.0}
    given_ones = tuple((key, arguments[key]) for key in SCHEDULES[schedule].arguments)
    network = dataclasses.replace(load_template("xor"), optimizer=Optimizer(name, given_ones, schedule))
    kept = {state.name for state in states(network)}
    assert kept <= set(reference.run(network, [0.1], 2))
    assert kept <= set(next(Simulation(network).steps(0.1, 2)))


# --- torch itself -------------------------------------------------------------------------------------


def torch_optimizer(optimizer: Optimizer, parameters: list[Any], eta: float) -> Any:
    """The optimizer of torch, with the same hyperparameters."""
    import torch

    values = dict(optimizer.values)
    keys = {key: values[key] for key in ("momentum", "dampening", "eps", "alpha", "weight_decay") if key in values}
    if "beta_1" in values:
        keys["betas"] = values["beta_1"], values["beta_2"]
    if optimizer.name == "nesterov":
        # of no momentum torch's SGD makes no Nesterov
        keys["nesterov"] = keys["momentum"] > 0
    classes = {
        **dict.fromkeys(("sgd", "momentum", "nesterov"), torch.optim.SGD),
        "adagrad": torch.optim.Adagrad,
        "rmsprop": torch.optim.RMSprop,
        "adam": torch.optim.Adam,
        "adamw": torch.optim.AdamW,
    }
    return classes[optimizer.name](parameters, lr=eta, **keys)


def torch_schedule(optimizer: Optimizer, of_torch: Any, steps: int) -> Any:
    """The scheduler of torch, with the same hyperparameters."""
    from torch.optim import lr_scheduler

    values = optimizer.values
    return {
        "constant": lambda: lr_scheduler.ConstantLR(of_torch, 1.0),
        "step": lambda: lr_scheduler.StepLR(of_torch, int(values["step_size"]), values["gamma"]),
        "exponential": lambda: lr_scheduler.ExponentialLR(of_torch, values["gamma"]),
        "linear": lambda: lr_scheduler.LinearLR(of_torch, total_iters=int(values["warm_up"])),
        "cosine": lambda: lr_scheduler.CosineAnnealingLR(of_torch, steps),
    }[optimizer.schedule]()


def in_torch(network: Network, eta: float, steps: int) -> Iterator[dict[str, float]]:
    """The error of each step, its weights and its learning rate, by torch's layers, optimizer and scheduler."""
    import torch
    from torch.nn import functional

    functions = {
        "sigmoid": torch.sigmoid,
        "tanh": torch.tanh,
        "relu": torch.relu,
        "leaky relu": lambda z: functional.leaky_relu(z, LEAK),
        "linear": lambda z: z,
    }
    names, values = network.trained_names, network.start_values
    leaves = {
        name: torch.tensor(values[name], dtype=torch.float64, requires_grad=name in names)
        for name in values
        if name not in (*network.input_names, *network.target_names)
    }
    samples = network.samples
    inputs = torch.tensor(samples.inputs if samples else [network.inputs], dtype=torch.float64)
    targets = torch.tensor(samples.targets if samples else [network.targets], dtype=torch.float64)
    optimizer = torch_optimizer(network.optimizer, [leaves[name] for name in names], eta)
    schedule = torch_schedule(network.optimizer, optimizer, steps)
    for step in range(steps + 1):
        shown = samples.shown(step) if samples else [0]
        a, t = inputs[shown], targets[shown]
        for layer in network.trained_layers:
            weights = torch.stack([torch.stack([leaves[w] for w in row]) for row in network.layer_weights(layer)])
            z = a @ weights.T
            if network.biases != "none":
                z = z + torch.stack([leaves[b] for b in network.layer_biases(layer)])
            if network.activation(layer) != "softmax":
                a = functions[network.activation(layer)](z)
        if network.loss == "squared error":
            error = ((t - a) ** 2).sum() / 2
        elif network.loss == "cross-entropy":
            error = -(t * torch.log_softmax(z, dim=1)).sum()
        else:
            error = torch.nn.functional.binary_cross_entropy(a, t, reduction="sum")
        if samples and samples.batch > 1 and samples.reduction == "mean":
            error = error / samples.batch
        rate = {"eta_t": optimizer.param_groups[0]["lr"]}
        yield {name: leaves[name].item() for name in names} | {"E_total": error.item()} | rate
        optimizer.zero_grad()
        error.backward()
        optimizer.step()
        schedule.step()


def followed(network: Network, rows: list[dict[str, float]]) -> dict[str, np.ndarray]:
    """The columns that are compared."""
    names = [*network.trained_names, "E_total", *(["eta_t"] if network.optimizer.is_scheduled else [])]
    return {name: np.array([row[name] for row in rows], dtype=float) for name in names}


def scale(columns: dict[str, np.ndarray], name: str) -> np.ndarray:
    """What rounding is a matter of: of an error the largest so far, of weights the largest of all so far."""
    trained = [column for key, column in columns.items() if not key.startswith("E_")]
    sizes = np.abs(columns[name]) if name == "E_total" else np.max(np.abs(trained), axis=0)
    return np.maximum.accumulate(sizes)


def is_steady(network: Network, eta: float, columns: dict[str, np.ndarray]) -> bool:
    """Whether rounding stays small: no sum comes near a kink, and what is off in the last digit stays it."""
    noise = float(np.finfo(float).eps)
    runs = [
        reference.named(network, step)
        for step in reference.train(network, [eta] * 4, len(columns["E_total"]) - 1, [0.0, noise, noise, noise])
    ]
    for name in columns:
        if name != "eta_t":
            noisy = np.stack([np.broadcast_to(run[name], 4) for run in runs])
            if (np.abs(noisy - noisy[:, :1]).max(axis=1) > 5e-14 * scale(columns, name)).any():
                return False
    passes = list(Simulation(network).passes(eta, len(columns["E_total"]) - 1))
    return all(abs(one[z]) > 1e-9 for one in passes for z in network.kinked_neurons)


@needs_trainer
@settings(max_examples=60, suppress_health_check=[HealthCheck.filter_too_much, HealthCheck.too_slow])
@given(trainings(), st.sampled_from([0.01, 0.1, 0.5]))
def test_every_training_is_that_of_torch(network: Network, eta: float) -> None:
    try:
        by_formulas = followed(network, [dict(values) for values in Simulation(network).steps(eta, STEPS)])
    except LeavesRange:
        assume(False)
    assume(is_steady(network, eta, by_formulas))
    by_torch = followed(network, list(in_torch(network, eta, STEPS)))
    by_numpy = reference.run(network, [eta], STEPS)
    for name, column in by_torch.items():
        for ours in (by_formulas[name], np.broadcast_to(by_numpy[name], (STEPS + 1, 1))[:, 0]):
            assert (np.abs(ours - column) <= 1e-12 * scale(by_formulas, name)).all(), name
