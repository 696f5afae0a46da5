"""The same training in NumPy, in matrix form, to judge the workbook by.

This package shares nothing with the formulas of the workbook: of the mathematics it knows the network
alone, and nothing of spreadsheets. It takes the layers as matrices, the way a textbook writes them,

    z = W a + b,    a' = f(z),    δ = (∂E/∂a) f'(z),    ∂E/∂W = δ aᵀ,    ∂E/∂a = Wᵀ δ,

and puts names on the numbers only at the end. Every array has leading axes for whatever is computed
at once (learning rates, steps, samples) and then the neurons of a layer.
"""

import dataclasses
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from xlbackprop.backprop.network import Network
from xlbackprop.backprop.samples import Samples
from xlbackprop.reference.functions import (
    ACTIVATIONS,
    LOSSES,
    Array,
    SoftmaxSums,
    activate,
    flow_back,
    outer,
    softmax_sums,
    weighted_sum,
)
from xlbackprop.reference.optimizers import State, kept, moved, scheduled


@dataclass(frozen=True)
class Parameters:
    """Weights `W[l]` of shape (..., neurons, incoming) and biases `b[l]` of shape (..., neurons)."""

    weights: list[Array]
    biases: list[Array]


@dataclass(frozen=True)
class TrainingStep:
    """One forward and one backward pass; lists are by layer, without the inputs.

    `z`, `a`, `delta`, `dE_da` and `da_dz` have the shape (..., neurons) of their layer; `error` is
    (..., outputs) and `total` (...). With softmax, `dE_da` and `da_dz` of the output layer are None.
    """

    parameters: Parameters
    z: list[Array]
    a: list[Array]
    error: Array
    total: Array
    dE_da: list[Array | None]
    da_dz: list[Array | None]
    delta: list[Array]
    dE_dW: list[Array]
    dE_db: list[Array]
    right: Array | None = None
    memory: "Memory | None" = None


@dataclass(frozen=True)
class BatchStep:
    """A step that takes several samples.

    `total` and `accuracy` have the shape (learning rates), the gradients those of the parameters; the arrays of
    `passes` have an axis for the samples behind that of the learning rates.
    """

    parameters: Parameters
    passes: TrainingStep
    total: Array
    accuracy: Array | None
    dE_dW: list[Array]
    dE_db: list[Array]
    memory: "Memory | None" = None


def start_parameters(network: Network) -> Parameters:
    """The start weights and biases as matrices, without leading axes; zero biases where there are none."""
    values = network.start_values
    layers = network.trained_layers
    return Parameters(
        weights=[np.array([[values[w] for w in row] for row in network.layer_weights(layer)]) for layer in layers],
        biases=[
            np.array([values[b] for b in network.layer_biases(layer)])
            if network.biases != "none"
            else np.zeros(network.layers[layer])
            for layer in layers
        ],
    )


def training_step(
    network: Network, parameters: Parameters, inputs: Array | None = None, targets: Array | None = None
) -> TrainingStep:
    """One forward and backward pass; what overflows becomes infinite.

    Args:
        network: gives layers and functions.
        parameters: of any leading axes.
        inputs, targets: of a sample, or of several with leading axes that go with those of the parameters;
            without them, the network's own.
    """
    inputs = np.array(network.inputs) if inputs is None else inputs
    targets = np.array(network.targets) if targets is None else targets
    with np.errstate(over="ignore", invalid="ignore"):
        return _training_step(network, parameters, inputs, targets)


def _training_step(network: Network, parameters: Parameters, inputs: Array, target: Array) -> TrainingStep:
    z_of, a_of = [], []
    a = inputs
    for layer, (weights, bias) in enumerate(zip(parameters.weights, parameters.biases, strict=True), start=1):
        z = weighted_sum(weights, a, bias)
        a = activate(network.activation(layer), z)
        z_of.append(z)
        a_of.append(a)
    loss = LOSSES[network.loss]
    sums = softmax_sums(z_of[-1]) if network.output == "softmax" else SoftmaxSums()
    error, _ = loss.error(target, z_of[-1], a_of[-1], sums)

    layers = len(a_of)
    dE_da_of: list[Array | None] = [None] * layers
    da_dz_of: list[Array | None] = [None] * layers
    delta_of: list[Array] = [error] * layers
    for n in reversed(range(layers)):
        if n == layers - 1 and loss.delta:
            delta_of[n], _ = loss.delta(a_of[n], target)
            continue
        if n == layers - 1 and loss.derivative:
            dE_da, _ = loss.derivative(a_of[n], target)
        else:
            dE_da = flow_back(parameters.weights[n + 1], delta_of[n + 1])
        da_dz = ACTIVATIONS[network.activation(n + 1)].slope(z_of[n], a_of[n])
        dE_da_of[n], da_dz_of[n], delta_of[n] = dE_da, da_dz, dE_da * da_dz
    incoming = [inputs, *a_of[:-1]]
    return TrainingStep(
        parameters=parameters,
        z=z_of,
        a=a_of,
        error=error,
        total=error.sum(axis=-1),
        dE_da=dE_da_of,
        da_dz=da_dz_of,
        delta=delta_of,
        dE_dW=[outer(delta, a) for delta, a in zip(delta_of, incoming, strict=True)],
        dE_db=[np.broadcast_to(d.sum(axis=-1, keepdims=True), d.shape) for d in delta_of]
        if network.bias_a_layer
        else delta_of,
        right=_right(network, a_of[-1], target),
    )


def _right(network: Network, a: Array, target: Array) -> Array | None:
    """1 where the answer is right, 0 where it is not; None where there is neither."""
    samples = network.samples
    if samples is None or not samples.have_classes:
        return None
    if samples.half_way is not None:
        return (np.abs(a - target)[..., 0] < samples.half_way).astype(float)
    answer = np.where(target == 1, a, 0).sum(axis=-1)
    return (answer >= a.max(axis=-1)).astype(float)


def batch_step(network: Network, parameters: Parameters, shown: Sequence[int]) -> BatchStep:
    """A step over several samples, whose errors and gradients become one.

    Args:
        network: with samples.
        parameters: with an axis for the learning rates.
        shown: which samples the step takes, counted from 0.
    """
    samples = _samples_of(network)
    inputs, targets = np.array(samples.inputs)[list(shown)], np.array(samples.targets)[list(shown)]
    beside = Parameters([w[:, None] for w in parameters.weights], [b[:, None] for b in parameters.biases])
    passes = training_step(network, beside, inputs, targets)
    one_of = np.mean if samples.reduction == "mean" else np.sum
    with np.errstate(over="ignore", invalid="ignore"):
        return BatchStep(
            parameters,
            passes,
            total=one_of(passes.total, axis=1),
            accuracy=None if passes.right is None else passes.right.mean(axis=1),
            dE_dW=[one_of(g, axis=1) for g in passes.dE_dW],
            dE_db=[one_of(g, axis=1) for g in passes.dE_db],
        )


def _samples_of(network: Network) -> Samples:
    if network.samples is None:
        raise ValueError("the network learns from a single sample")
    return network.samples


@dataclass(frozen=True)
class Memory:
    """What an optimizer keeps of the weights and of the biases of each layer."""

    weights: list[State]
    biases: list[State]


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
        name: np.broadcast_to(array, (len(trained), len(etas), _samples_of(network).batch))
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


def quantity_names(network: Network) -> list[str]:
    """The names of what `named` gives for a pass, without the weights and biases."""
    step = training_step(network, start_parameters(network))
    return [name for name in named(network, step) if name not in network.start_values]


def named(network: Network, step: TrainingStep | BatchStep) -> dict[str, Array]:
    """The numbers of a step by the names of the network; each array has the leading axes only."""
    if isinstance(step, BatchStep):
        return _named_batch(network, step)
    found: dict[str, Array] = {"E_total": step.total}
    if step.right is not None:
        found["right"] = step.right

    def put(names: Sequence[str], values: Array) -> None:
        found.update(zip(names, np.moveaxis(values, -1, 0), strict=True))

    put([f"E{n + 1}" for n in range(network.layers[-1])], step.error)
    for n, layer in enumerate(network.trained_layers):
        neurons = network.neurons(layer)
        put(neurons, step.z[n])
        put([f"a_{z}" for z in neurons], step.a[n])
        put([f"delta_{z}" for z in neurons], step.delta[n])
        if (dE_da := step.dE_da[n]) is not None and (da_dz := step.da_dz[n]) is not None:
            put([f"dE_da_{z}" for z in neurons], dE_da)
            put([f"da_{z}_d{z}" for z in neurons], da_dz)
    found |= _named_parameters(network, step)
    if network.output == "softmax":
        sums = softmax_sums(step.z[-1])
        found |= {"o_max": sums.top[..., 0], "e_sum": sums.powers[..., 0]}
        put([f"e_{o}" for o in network.neurons(network.last)], np.exp(step.z[-1] - sums.top))
    return found


def _named_parameters(network: Network, step: TrainingStep | BatchStep) -> dict[str, Array]:
    """The weights, biases and gradients of a step by name."""
    found: dict[str, Array] = {}
    for n, layer in enumerate(network.trained_layers):
        weights = [name for row in network.layer_weights(layer) for name in row]
        for names, values in ((weights, step.parameters.weights[n]), ([f"dE_d{w}" for w in weights], step.dE_dW[n])):
            flat = values.reshape(*values.shape[:-2], len(weights))
            found.update(zip(names, np.moveaxis(flat, -1, 0), strict=True))
        biases = network.layer_biases(layer)
        if network.biases != "none":
            found.update(zip(biases, np.moveaxis(step.parameters.biases[n], -1, 0), strict=True))
        if network.biases == "trained":
            found.update(zip([f"dE_d{b}" for b in biases], np.moveaxis(step.dE_db[n], -1, 0), strict=True))
        if step.memory:
            for key, values in step.memory.weights[n].items():
                flat = values.reshape(*values.shape[:-2], len(weights))
                found.update(zip([f"{key}_{w}" for w in weights], np.moveaxis(flat, -1, 0), strict=True))
            for key, values in step.memory.biases[n].items() if network.biases == "trained" else ():
                found.update(zip([f"{key}_{b}" for b in biases], np.moveaxis(values, -1, 0), strict=True))
    return found


def _named_batch(network: Network, step: BatchStep) -> dict[str, Array]:
    """The numbers of a step over several samples by name."""
    found: dict[str, Array] = {"E_total": step.total}
    if step.accuracy is not None:
        found["accuracy"] = step.accuracy
    samples = _samples_of(network)
    if samples.followed:
        outputs = network.activations(network.last)
        for n in range(samples.count):
            for k, a in enumerate(outputs):
                found[f"{a}_of_{n + 1}"] = step.passes.a[-1][:, n, k]
    return found | _named_parameters(network, step)
