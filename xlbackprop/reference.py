"""The same training in NumPy, in matrix form, to judge the workbook by.

This module shares nothing with the formulas of the workbook: it knows neither `chain_rule` nor
spreadsheets. It takes the layers as matrices, the way a textbook writes them,

    z = W a + b,    a' = f(z),    δ = (∂E/∂a) f'(z),    ∂E/∂W = δ aᵀ,    ∂E/∂a = Wᵀ δ,

and puts names on the numbers only at the end. Every array has leading axes for whatever is computed
at once (learning rates, steps) and then the neurons of a layer.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from xlbackprop.network import LEAK, Network

Array = NDArray[np.float64]

#: Two computations of a number agree up to this part of what was added up to get it ...
TOLERANCE = 1e-12
#: ... and up to this, because spreadsheets round what is smaller than the smallest normal number to zero.
TINY = 1e-300


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


def _sigmoid(z: Array) -> Array:
    return 1 / (1 + np.exp(-z))


_ACTIVATIONS: dict[str, Callable[[Array], Array]] = {
    "sigmoid": _sigmoid,
    "tanh": np.tanh,
    "relu": lambda z: np.maximum(z, 0),
    "leaky relu": lambda z: np.where(z > 0, z, LEAK * z),
    "linear": lambda z: z,
}


def activate(activation: str, z: Array) -> Array:
    """The activation function of that name, one of `network.ACTIVATIONS`."""
    return _ACTIVATIONS[activation](z)


# the slope, given input and output of the function
_SLOPES: dict[str, Callable[[Array, Array], Array]] = {
    "sigmoid": lambda z, a: a * (1 - a),
    "tanh": lambda z, a: 1 - a * a,
    "relu": lambda z, a: np.heaviside(z, 0.0),
    "leaky relu": lambda z, a: np.where(z > 0, 1.0, LEAK),
    "linear": lambda z, a: np.ones_like(z),
}


# the magnitudes that are added up in the slope, for the judgement of rounding
_SLOPE_SCALES: dict[str, Callable[[Array], Array]] = {
    "sigmoid": lambda a: np.abs(a) * (1 + np.abs(a)),
    "tanh": lambda a: 1 + a * a,
    "relu": np.ones_like,
    "leaky relu": np.ones_like,
    "linear": np.ones_like,
}


def weighted_sum(weights: Array, a: Array, bias: Array) -> Array:
    """z = W a + b."""
    return (weights @ a[..., None])[..., 0] + bias


def flow_back(weights: Array, delta: Array) -> Array:
    """∂E/∂a = Wᵀ δ, with the weights and δ of the layer after."""
    return (weights.swapaxes(-1, -2) @ delta[..., None])[..., 0]


def outer(delta: Array, a: Array) -> Array:
    """∂E/∂W = δ aᵀ, with what comes into the layer."""
    return delta[..., :, None] * a[..., None, :]


def softmax_delta(a: Array, target: Array) -> Array:
    """δ of softmax with cross-entropy, for targets of any sum."""
    return a * target.sum(axis=-1, keepdims=True) - target


def softmax(z: Array) -> Array:
    """Probabilities from outputs, over the last axis."""
    e = np.exp(z - z.max(axis=-1, keepdims=True))
    return e / e.sum(axis=-1, keepdims=True)


def start_parameters(network: Network) -> Parameters:
    """The start weights and biases as matrices, without leading axes; zero biases where there are none."""
    values = network.start_values
    layers = range(1, len(network.layers))
    return Parameters(
        weights=[np.array([[values[w] for w in row] for row in network.layer_weights(layer)]) for layer in layers],
        biases=[
            np.array([values[b] for b in network.layer_biases(layer)])
            if network.biases != "none"
            else np.zeros(network.layers[layer])
            for layer in layers
        ],
    )


def training_step(network: Network, parameters: Parameters) -> TrainingStep:
    """One forward and backward pass with the network's inputs and targets; what overflows becomes infinite."""
    with np.errstate(over="ignore", invalid="ignore"):
        return _training_step(network, parameters)


def _training_step(network: Network, parameters: Parameters) -> TrainingStep:
    z_of, a_of = [], []
    inputs, target = np.array(network.inputs), np.array(network.targets)
    a = inputs
    for layer, (weights, bias) in enumerate(zip(parameters.weights, parameters.biases, strict=True), start=1):
        z = weighted_sum(weights, a, bias)
        a = softmax(z) if network.activation(layer) == "softmax" else _ACTIVATIONS[network.activation(layer)](z)
        z_of.append(z)
        a_of.append(a)
    error = errors(network, target, z_of[-1], a_of[-1])

    layers = len(a_of)
    dE_da_of: list[Array | None] = [None] * layers
    da_dz_of: list[Array | None] = [None] * layers
    delta_of: list[Array] = [error] * layers
    for n in reversed(range(layers)):
        if n == layers - 1 and network.loss == "cross-entropy":
            delta = softmax_delta(a_of[n], target)
        else:
            dE_da = a_of[n] - target if n == layers - 1 else flow_back(parameters.weights[n + 1], delta_of[n + 1])
            da_dz = _SLOPES[network.activation(n + 1)](z_of[n], a_of[n])
            dE_da_of[n], da_dz_of[n], delta = dE_da, da_dz, dE_da * da_dz
        delta_of[n] = delta
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
        dE_db=delta_of,
    )


def errors(network: Network, target: Array, z: Array, a: Array) -> Array:
    """E1, E2 ... from the inputs `z` and outputs `a` of the last layer."""
    if network.loss == "squared error":
        return 0.5 * (target - a) ** 2
    top = z.max(axis=-1, keepdims=True)
    return target * (np.log(np.exp(z - top).sum(axis=-1, keepdims=True)) + top - z)


def updated(network: Network, parameters: Parameters, step: TrainingStep, eta: Array) -> Parameters:
    """The parameters after one update; `eta` has the leading axes of the arrays."""
    rate = eta[..., None]
    return Parameters(
        weights=[w - rate[..., None] * g for w, g in zip(parameters.weights, step.dE_dW, strict=True)],
        biases=[b - rate * g for b, g in zip(parameters.biases, step.dE_db, strict=True)]
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
) -> Iterator[TrainingStep]:
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
    rates = np.array(etas, dtype=float)
    for n in range(steps + 1):
        step = training_step(network, parameters)
        yield step
        if n < steps:
            with np.errstate(over="ignore", invalid="ignore"):
                parameters = updated(network, parameters, step, rates)
            if factors is not None:
                parameters = Parameters(
                    weights=[w * factor for w, factor in zip(parameters.weights, factors.weights, strict=True)],
                    biases=parameters.biases
                    if network.biases == "none"
                    else [b * factor for b, factor in zip(parameters.biases, factors.biases, strict=True)],
                )


def _noise_factors(parameters: Parameters, noise: Sequence[float]) -> Parameters:
    signs = np.random.default_rng(0)

    def factors(values: Array) -> Array:
        size = np.array(noise).reshape(-1, *[1] * (values.ndim - 1))
        return 1 + size * signs.choice([-1.0, 1.0], values.shape)

    return Parameters([factors(w) for w in parameters.weights], [factors(b) for b in parameters.biases])


def quantity_names(network: Network) -> list[str]:
    """The names of what `named` gives, without the weights and biases."""
    step = training_step(network, start_parameters(network))
    return [name for name in named(network, step) if name not in network.start_values]


def named(network: Network, step: TrainingStep) -> dict[str, Array]:
    """The numbers of a step by the names of the network; each array has the leading axes only."""
    found: dict[str, Array] = {"E_total": step.total}

    def put(names: Sequence[str], values: Array) -> None:
        found.update(zip(names, np.moveaxis(values, -1, 0), strict=True))

    put([f"E{n + 1}" for n in range(network.layers[-1])], step.error)
    for n, layer in enumerate(range(1, len(network.layers))):
        neurons = network.neurons(layer)
        put(neurons, step.z[n])
        put([f"a_{z}" for z in neurons], step.a[n])
        put([f"delta_{z}" for z in neurons], step.delta[n])
        if (dE_da := step.dE_da[n]) is not None and (da_dz := step.da_dz[n]) is not None:
            put([f"dE_da_{z}" for z in neurons], dE_da)
            put([f"da_{z}_d{z}" for z in neurons], da_dz)
        weights = [name for row in network.layer_weights(layer) for name in row]
        flat = (*step.total.shape, len(weights))
        put(weights, step.parameters.weights[n].reshape(flat))
        put([f"dE_d{w}" for w in weights], step.dE_dW[n].reshape(flat))
        if network.biases != "none":
            put(network.layer_biases(layer), step.parameters.biases[n])
        if network.biases == "trained":
            put([f"dE_d{b}" for b in network.layer_biases(layer)], step.dE_db[n])
    if network.loss == "cross-entropy":
        top = step.z[-1].max(axis=-1)
        shares = np.exp(step.z[-1] - top[..., None])
        found |= {"o_max": top, "e_sum": shares.sum(axis=-1)}
        put([f"e_{o}" for o in network.neurons(network.last)], shares)
    return found


@dataclass(frozen=True)
class Expected:
    """What a number should be, given the numbers that it follows from.

    Attributes:
        value: the expected value.
        scale: the sum of the magnitudes that were added up on the way. Rounding is a matter of the
            scale, not of the value: 0.3 − 0.3 may be 1e-17, and is then right all the same.
    """

    value: Array
    scale: Array


def expected_forward(network: Network, cells: Mapping[str, Array]) -> dict[str, Expected]:
    """What each quantity of the forward pass and each error should be, given the others as they stand.

    Unlike a run from the start values, this finds the one number that is wrong, and not all those
    that follow from it.

    Args:
        network: gives the layers and functions.
        cells: inputs, targets, weights, biases and quantities, by name; arrays of one shape, one
            entry a training step. A quantity that is not among them counts as what it should be.
    """
    given = _Given(cells, {})
    for layer in range(1, network.last + 1):
        _expect_forward(network, layer, given)
    target, z = given.values(network.target_names), given.values(network.neurons(network.last))
    a = given.values(network.activations(network.last))
    error_names = [f"E{n + 1}" for n in range(network.layers[-1])]
    if network.loss == "squared error":
        size = np.abs(target) + np.abs(a)
        given.expect(error_names, errors(network, target, z, a), size * (np.abs(target - a) + 1e-12 * size))
    else:
        log_sum, top = np.log(given.values(["e_sum"])), given.values(["o_max"])
        given.expect(
            error_names, target * (log_sum + top - z), np.abs(target) * (np.abs(log_sum) + np.abs(top) + np.abs(z))
        )
    given.found["E_total"] = Expected(given.values(error_names).sum(axis=-1), given.scales(error_names).sum(axis=-1))
    return given.found


def expected_step(network: Network, cells: Mapping[str, Array]) -> dict[str, Expected]:
    """What each quantity of a training step should be, given the others; the arguments of `expected_forward`."""
    given = _Given(cells, expected_forward(network, cells))
    for layer in range(network.last, 0, -1):
        _expect_backward(network, layer, given)
    return given.found


@dataclass(frozen=True)
class _Given:
    """The numbers that stand in cells and, for those that stand nowhere, what they should be."""

    cells: Mapping[str, Array]
    found: dict[str, Expected]

    def values(self, names: Sequence[str]) -> Array:
        return np.stack([self.cells[name] if name in self.cells else self.found[name].value for name in names], axis=-1)

    def scales(self, names: Sequence[str]) -> Array:
        return np.stack(
            [np.abs(self.cells[name]) if name in self.cells else self.found[name].scale for name in names], axis=-1
        )

    def expect(self, names: Sequence[str], value: Array, scale: Array) -> None:
        for name, v, s in zip(names, np.moveaxis(value, -1, 0), np.moveaxis(scale, -1, 0), strict=True):
            self.found[name] = Expected(v, s)


def _matrix(network: Network, layer: int, given: _Given) -> Array:
    flat = given.values([name for row in network.layer_weights(layer) for name in row])
    return flat.reshape(*flat.shape[:-1], network.layers[layer], network.layers[layer - 1])


def _expect_forward(network: Network, layer: int, given: _Given) -> None:
    neurons, activations = network.neurons(layer), network.activations(layer)
    weights, incoming = _matrix(network, layer, given), network.activations(layer - 1)
    bias = given.values(network.layer_biases(layer)) if network.biases != "none" else np.zeros_like(weights[..., 0])
    given.expect(
        neurons,
        weighted_sum(weights, given.values(incoming), bias),
        weighted_sum(np.abs(weights), given.scales(incoming), np.abs(bias)),
    )
    z = given.values(neurons)
    if network.activation(layer) != "softmax":
        a = _ACTIVATIONS[network.activation(layer)](z)
        given.expect(activations, a, np.abs(a) * (1 + given.scales(neurons)))
        return
    given.expect(["o_max"], z.max(axis=-1, keepdims=True), np.abs(z).max(axis=-1, keepdims=True))
    top, powers = given.values(["o_max"]), [f"e_{o}" for o in neurons]
    e = np.exp(z - top)
    given.expect(powers, e, e * (1 + np.abs(z) + np.abs(top)))
    shares = given.values(powers)
    given.expect(["e_sum"], shares.sum(axis=-1, keepdims=True), np.abs(shares).sum(axis=-1, keepdims=True))
    total = given.values(["e_sum"])
    given.expect(activations, shares / total, np.abs(shares / total))


def _expect_backward(network: Network, layer: int, given: _Given) -> None:
    neurons, last = network.neurons(layer), network.last
    z, a = given.values(neurons), given.values(network.activations(layer))
    deltas = [f"delta_{n}" for n in neurons]
    target = given.values(network.target_names)
    if layer == last and network.loss == "cross-entropy":
        size = -softmax_delta(-np.abs(a), np.abs(target))
        given.expect(deltas, softmax_delta(a, target), size)
    else:
        flows, slopes = [f"dE_da_{n}" for n in neurons], [f"da_{n}_d{n}" for n in neurons]
        if layer == last:
            dE_da, scale = a - target, np.abs(a) + np.abs(target)
        else:
            weights, later = _matrix(network, layer + 1, given), [f"delta_{n}" for n in network.neurons(layer + 1)]
            dE_da = flow_back(weights, given.values(later))
            scale = flow_back(np.abs(weights), given.scales(later))
        given.expect(flows, dE_da, scale)
        given.expect(slopes, _SLOPES[network.activation(layer)](z, a), _SLOPE_SCALES[network.activation(layer)](a))
        given.expect(deltas, given.values(flows) * given.values(slopes), given.scales(flows) * given.scales(slopes))
    incoming = network.activations(layer - 1)
    gradients = [f"dE_d{w}" for row in network.layer_weights(layer) for w in row]
    value = outer(given.values(deltas), given.values(incoming))
    scale = outer(given.scales(deltas), given.scales(incoming))
    given.expect(gradients, *(array.reshape(*array.shape[:-2], -1) for array in (value, scale)))
    if network.biases == "trained":
        given.expect([f"dE_d{b}" for b in network.layer_biases(layer)], given.values(deltas), given.scales(deltas))


def expected_update(value: Array, gradient: Array, eta: float | Array) -> Expected:
    """What a weight or bias should be after an update."""
    return Expected(value - eta * gradient, np.abs(value) + np.abs(eta * gradient))
