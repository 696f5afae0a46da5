"""The functions of a network in NumPy: one record an activation, one a loss, and the steps in matrix form."""

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

# the default of torch.nn.LeakyReLU
_LEAK = 0.01


@dataclass(frozen=True)
class Activation:
    """An activation function, over arrays of any shape.

    Attributes:
        value: the output a, given the input z.
        slope: ∂a/∂z, given z and a.
        slope_scale: the magnitudes that are added up in the slope, given a, for the judgement of rounding.
        lowest: below this input Excel's EXP overflows in the usual formula.
    """

    value: Callable[[Array], Array]
    slope: Callable[[Array, Array], Array]
    slope_scale: Callable[[Array], Array] = np.ones_like
    lowest: float = -np.inf


ACTIVATIONS = {
    "sigmoid": Activation(
        lambda z: 1 / (1 + np.exp(-z)),
        lambda z, a: a * (1 - a),
        lambda a: np.abs(a) * (1 + np.abs(a)),
        lowest=-np.log(np.finfo(float).max),
    ),
    "tanh": Activation(np.tanh, lambda z, a: 1 - a * a, lambda a: 1 + a * a),
    "relu": Activation(lambda z: np.maximum(z, 0), lambda z, a: np.heaviside(z, 0.0)),
    "leaky relu": Activation(lambda z: np.where(z > 0, z, _LEAK * z), lambda z, a: np.where(z > 0, 1.0, _LEAK)),
    "linear": Activation(lambda z: z, lambda z, a: np.ones_like(z)),
}


@dataclass(frozen=True)
class SoftmaxSums:
    """What softmax takes of all outputs together, (..., 1): the largest, and the sum of the powers of e.

    With another activation they are those of a single output of 0.
    """

    top: Array = field(default_factory=lambda: np.zeros(1))
    powers: Array = field(default_factory=lambda: np.ones(1))


@dataclass(frozen=True)
class Loss:
    """An error function over arrays (..., outputs); each part gives numbers and their scale, what was added up.

    Attributes:
        error: E1, E2 ..., given the targets, z, a and the sums of softmax.
        derivative: ∂E/∂a, given a and the targets; None where it collapses with the activation into `delta`.
        delta: ∂E/∂z, given a and the targets; None where the chain rule gives it.
    """

    error: Callable[[Array, Array, Array, SoftmaxSums], tuple[Array, Array]]
    derivative: Callable[[Array, Array], tuple[Array, Array]] | None = None
    delta: Callable[[Array, Array], tuple[Array, Array]] | None = None


def _squared_error(target: Array, z: Array, a: Array, sums: SoftmaxSums) -> tuple[Array, Array]:
    size = np.abs(target) + np.abs(a)
    return 0.5 * (target - a) ** 2, size * (np.abs(target - a) + 1e-12 * size)


def _cross_entropy(target: Array, z: Array, a: Array, sums: SoftmaxSums) -> tuple[Array, Array]:
    log_sum = np.log(sums.powers)
    return target * (log_sum + sums.top - z), np.abs(target) * (np.abs(log_sum) + np.abs(sums.top) + np.abs(z))


def _binary_cross_entropy(target: Array, z: Array, a: Array, sums: SoftmaxSums) -> tuple[Array, Array]:
    yes, no = np.log(a), np.log(1 - a)
    return -(target * yes + (1 - target) * no), np.abs(target * yes) + np.abs((1 - target) * no)


def _softmax_delta(a: Array, target: Array) -> tuple[Array, Array]:
    """δ of softmax with cross-entropy, for targets of any sum."""

    def delta(a: Array, target: Array) -> Array:
        return a * target.sum(axis=-1, keepdims=True) - target

    return delta(a, target), -delta(-np.abs(a), np.abs(target))


LOSSES = {
    "squared error": Loss(
        _squared_error,
        derivative=lambda a, target: (a - target, np.abs(a) + np.abs(target)),
    ),
    "cross-entropy": Loss(_cross_entropy, delta=_softmax_delta),
    "binary cross-entropy": Loss(
        _binary_cross_entropy, delta=lambda a, target: (a - target, np.abs(a) + np.abs(target))
    ),
}


def activate(activation: str, z: Array) -> Array:
    """The output of a layer: an activation of `ACTIVATIONS`, or softmax over the last axis."""
    return softmax(z) if activation == "softmax" else ACTIVATIONS[activation].value(z)


def softmax(z: Array) -> Array:
    """Probabilities from outputs, over the last axis."""
    e = np.exp(z - z.max(axis=-1, keepdims=True))
    return e / e.sum(axis=-1, keepdims=True)


def softmax_sums(z: Array) -> SoftmaxSums:
    """What softmax takes of all outputs together."""
    top = z.max(axis=-1, keepdims=True)
    return SoftmaxSums(top, np.exp(z - top).sum(axis=-1, keepdims=True))


def weighted_sum(weights: Array, a: Array, bias: Array) -> Array:
    """z = W a + b."""
    return (weights @ a[..., None])[..., 0] + bias


def flow_back(weights: Array, delta: Array) -> Array:
    """∂E/∂a = Wᵀ δ, with the weights and δ of the layer after."""
    return (weights.swapaxes(-1, -2) @ delta[..., None])[..., 0]


def outer(delta: Array, a: Array) -> Array:
    """∂E/∂W = δ aᵀ, with what comes into the layer."""
    return delta[..., :, None] * a[..., None, :]
