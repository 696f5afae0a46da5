"""A whole training: what the optimizer keeps, the update, step after step, with several learning rates at once."""

import dataclasses
from collections.abc import Iterator, Sequence

import numpy as np

from xlbackprop.backprop.network import Network
from xlbackprop.reference.functions import Array
from xlbackprop.reference.naming import named
from xlbackprop.reference.optimizers import State, kept, moved, scheduled
from xlbackprop.reference.passes import (
    BatchStep,
    Memory,
    Parameters,
    TrainingStep,
    batch_step,
    start_parameters,
    training_step,
)
from xlbackprop.reference.samples import samples_of


def remembered(network: Network, memory: Memory | None, step: TrainingStep | BatchStep, k: int) -> Memory:
    """What the optimizer keeps of a step.

    Args:
        network: with its optimizer.
        memory: of the step before; None before the first.
        step: the gradients.
        k: the number of the update that follows, from 1.
    """
    nothing: list[State] = [{}] * len(step.dE_dW)
    before = memory or Memory(nothing, nothing)
    parameters, optimizer = step.parameters, network.optimizer
    weights, biases = (
        [kept(optimizer, state, w, g, k) for state, w, g in zip(states, values, gradients, strict=True)]
        for states, values, gradients in (
            (before.weights, parameters.weights, step.dE_dW),
            (before.biases, parameters.biases, step.dE_db),
        )
    )
    return Memory(weights, biases)


def updated(network: Network, step: TrainingStep | BatchStep, memory: Memory, eta: Array) -> Parameters:
    """The parameters after one update; `eta` has the leading axes of the arrays."""
    parameters, optimizer = step.parameters, network.optimizer
    weights = zip(parameters.weights, step.dE_dW, memory.weights, strict=True)
    biases = zip(parameters.biases, step.dE_db, memory.biases, strict=True)
    return Parameters(
        weights=[moved(optimizer, w, g, state, eta[..., None, None]) for w, g, state in weights],
        biases=[moved(optimizer, b, g, state, eta[..., None]) for b, g, state in biases]
        if network.biases == "trained"
        else parameters.biases,
    )


def repeated(parameters: Parameters, count: int) -> Parameters:
    """The same parameters `count` times, along a new first axis."""
    return Parameters(
        weights=[np.repeat(w[None], count, axis=0) for w in parameters.weights],
        biases=[np.repeat(b[None], count, axis=0) for b in parameters.biases],
    )


def train(
    network: Network, etas: Sequence[float], steps: int, noise: Sequence[float] | None = None
) -> Iterator[TrainingStep | BatchStep]:
    """Train with several learning rates at once, and give step 0, 1 ... `steps`.

    Args:
        network: what is trained.
        etas: learning rates; the first axis of every array in the steps.
        steps: number of updates.
        noise: for each learning rate a relative error, which moves every weight and bias up or down
            at each step, to see how far rounding grows.
    """
    parameters = repeated(start_parameters(network), len(etas))
    factors = _noise_factors(parameters, noise) if noise is not None else None
    eta, memory = np.array(etas, dtype=float), None
    for n in range(steps + 1):
        step = _step(network, parameters, n)
        with np.errstate(all="ignore"):
            memory = remembered(network, memory, step, n + 1)
        yield dataclasses.replace(step, memory=memory)
        if n < steps:
            with np.errstate(over="ignore", invalid="ignore"):
                rate = scheduled(network.optimizer, eta, np.array(n), steps)
                parameters = updated(network, step, memory, rate)
            if factors is not None:
                parameters = Parameters(
                    weights=[w * factor for w, factor in zip(parameters.weights, factors.weights, strict=True)],
                    biases=parameters.biases
                    if network.biases == "none"
                    else [b * factor for b, factor in zip(parameters.biases, factors.biases, strict=True)],
                )


def _step(network: Network, parameters: Parameters, number: int) -> TrainingStep | BatchStep:
    samples = network.samples
    if samples is None:
        return training_step(network, parameters)
    shown = samples.shown(number)
    if not samples.in_turn:
        return batch_step(network, parameters, shown)
    return training_step(network, parameters, np.array(samples.inputs[shown[0]]), np.array(samples.targets[shown[0]]))


def run(network: Network, etas: Sequence[float], steps: int) -> dict[str, Array]:
    """All numbers of the steps by name, each of shape (steps + 1, learning rates); the arguments of `train`."""
    found = _stacked(network, list(train(network, etas, steps)))
    if network.optimizer.is_scheduled:
        found["eta_t"] = scheduled(network.optimizer, np.array(etas), np.arange(steps + 1.0)[:, None], steps)
    if network.samples and network.samples.epoch > 1:
        epoch = network.samples.epoch
        found["E_epoch"] = mean_of_last(found["E_total"], epoch)
        if network.samples.in_turn and "right" in found:
            found["accuracy"] = mean_of_last(found["right"], epoch)
    return found


def mean_of_last(values: Array, count: int) -> Array:
    """The mean of the last `count` values up to each along the first axis, or of all where there are fewer."""
    return np.stack([values[max(0, n - count + 1) : n + 1].mean(axis=0) for n in range(len(values))])


def run_of_passes(network: Network, etas: Sequence[float], steps: int) -> dict[str, Array]:
    """All numbers of the passes of a training in batches, each of shape (passes, learning rates).

    A pass is that of a sample, in the order of the steps; the arguments are those of `train`.
    """
    trained: list[TrainingStep | BatchStep] = [
        step.passes for step in train(network, etas, steps) if isinstance(step, BatchStep)
    ]
    # from (learning rates, samples) a step to rows of learning rates
    return {
        name: np.broadcast_to(array, (len(trained), len(etas), samples_of(network).batch))
        .swapaxes(1, 2)
        .reshape(-1, len(etas))
        for name, array in _stacked(network, trained).items()
    }


def _stacked(
    network: Network, trained: Sequence[TrainingStep] | Sequence[TrainingStep | BatchStep]
) -> dict[str, Array]:
    """The numbers of steps by name, with a first axis for the steps."""
    with np.errstate(all="ignore"):
        each = [named(network, step) for step in trained]
    return {name: np.stack([step[name] for step in each]) for name in each[0]}


def _noise_factors(parameters: Parameters, noise: Sequence[float]) -> Parameters:
    signs = np.random.default_rng(0)

    def factors(values: Array) -> Array:
        size = np.array(noise).reshape(-1, *[1] * (values.ndim - 1))
        return 1 + size * signs.choice([-1.0, 1.0], values.shape)

    return Parameters([factors(w) for w in parameters.weights], [factors(b) for b in parameters.biases])
