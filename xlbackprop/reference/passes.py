"""Forward and backward pass in matrix form, of one sample and of several at once.

The layers are matrices, the way a textbook writes them,

    z = W a + b,    a' = f(z),    δ = (∂E/∂a) f'(z),    ∂E/∂W = δ aᵀ,    ∂E/∂a = Wᵀ δ.

Every array has leading axes for whatever is computed at once (learning rates, steps, samples) and then
the neurons of a layer.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from xlbackprop.backprop.network import Network
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
from xlbackprop.reference.optimizers import State
from xlbackprop.reference.samples import answered, reduced, samples_of


@dataclass(frozen=True)
class Parameters:
    """Weights `W[l]` of shape (..., neurons, incoming) and biases `b[l]` of shape (..., neurons)."""

    weights: list[Array]
    biases: list[Array]


@dataclass(frozen=True)
class Memory:
    """What an optimizer keeps of the weights and of the biases of each layer."""

    weights: list[State]
    biases: list[State]


@dataclass(frozen=True)
class TrainingStep:
    """One forward and one backward pass; lists are by layer, without the inputs.

    `z`, `a`, `delta`, `dE_da` and `da_dz` have the shape (..., neurons) of their layer; `error` is
    (..., outputs) and `total` (...). Where loss and activation collapse into `delta`, with softmax and with
    binary cross-entropy, `dE_da` and `da_dz` of the output layer are None.
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
    memory: Memory | None = None


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
    memory: Memory | None = None


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
    right, _ = answered(samples, a, target)
    return right.astype(float)


def batch_step(network: Network, parameters: Parameters, shown: Sequence[int]) -> BatchStep:
    """A step over several samples, whose errors and gradients become one.

    Args:
        network: with samples.
        parameters: with an axis for the learning rates.
        shown: which samples the step takes, counted from 0.
    """
    samples = samples_of(network)
    inputs, targets = np.array(samples.inputs)[list(shown)], np.array(samples.targets)[list(shown)]
    beside = Parameters([w[:, None] for w in parameters.weights], [b[:, None] for b in parameters.biases])
    passes = training_step(network, beside, inputs, targets)
    with np.errstate(over="ignore", invalid="ignore"):
        return BatchStep(
            parameters,
            passes,
            total=reduced(samples, passes.total),
            accuracy=None if passes.right is None else passes.right.mean(axis=1),
            dE_dW=[reduced(samples, g) for g in passes.dE_dW],
            dE_db=[reduced(samples, g) for g in passes.dE_db],
        )
