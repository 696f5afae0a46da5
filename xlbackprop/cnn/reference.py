"""What each kind of layer computes, and how gradients flow back through it, in NumPy and in double precision.

Independent of the cells: it shares nothing with them but the description of the layers. Maps have the shape
(channels, height, width). In evaluation a batch norm uses the statistics that it has kept, which no gradient changes.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from xlbackprop.cnn.layers import (
    AveragePool,
    BatchNorm,
    Convolution,
    Dropout,
    Flatten,
    GlobalAveragePool,
    Layer,
    Linear,
    LogSoftmax,
    MaxPool,
    ReLU,
)

Array = NDArray[np.float64]
Tensors = Mapping[str, Array]


@dataclass(frozen=True)
class Kind:
    """A kind of layer.

    Attributes:
        forward: the output, given the layer, its input and its tensors.
        backward: the gradients of the input and of each trained tensor, given the gradient of the output too.
    """

    forward: Callable[[Any, Array, Tensors], Array]
    backward: Callable[[Any, Array, Tensors, Array], tuple[Array, dict[str, Array]]]


def forward(layers: Sequence[Layer], tensors: Sequence[Tensors], image: Array) -> list[Array]:
    """The output of each layer.

    Args:
        layers: in their order.
        tensors: of each layer.
        image: what the first layer is given.
    """
    outputs = []
    for layer, own in zip(layers, tensors, strict=True):
        image = output(layer, image, own)
        outputs.append(image)
    return outputs


def output(layer: Layer, inputs: Array, tensors: Tensors) -> Array:
    """What a layer gives."""
    return KINDS[type(layer)].forward(layer, inputs, tensors)


def backward(
    layers: Sequence[Layer], tensors: Sequence[Tensors], image: Array, seed: Array
) -> tuple[list[Array], list[dict[str, Array]]]:
    """The gradient of each layer's input, and of its trained tensors.

    Args:
        layers: in their order.
        tensors: of each layer.
        image: what the first layer is given.
        seed: the gradient of the last layer's output.
    """
    inputs = [image, *forward(layers, tensors, image)[:-1]]
    of_inputs, of_tensors = [], []
    for layer, own, given in zip(reversed(layers), reversed(tensors), reversed(inputs), strict=True):
        seed, gradients = KINDS[type(layer)].backward(layer, given, own, seed)
        of_inputs.append(seed)
        of_tensors.append(gradients)
    return of_inputs[::-1], of_tensors[::-1]


def _padded(x: Array, by: int) -> Array:
    return np.pad(x, ((0, 0), (by, by), (by, by)))


def _convolution(layer: Convolution, x: Array, tensors: Tensors) -> Array:
    windows = sliding_window_view(_padded(x, layer.padding), (layer.kernel, layer.kernel), axis=(1, 2))
    weight = tensors["weight"]
    if layer.depthwise:
        found = np.einsum("cyxab,cab->cyx", windows, weight[:, 0])
    else:
        found = np.tensordot(weight, windows, axes=((1, 2, 3), (0, 3, 4)))
    return found + tensors["bias"][:, None, None] if layer.bias else found


def _convolution_back(
    layer: Convolution, x: Array, tensors: Tensors, gradient: Array
) -> tuple[Array, dict[str, Array]]:
    kernel, weight = layer.kernel, tensors["weight"]
    windows = sliding_window_view(_padded(x, layer.padding), (kernel, kernel), axis=(1, 2))
    # what a cell gave to each window that saw it comes back: a convolution with the kernel turned round
    around = sliding_window_view(_padded(gradient, kernel - 1), (kernel, kernel), axis=(1, 2))
    turned = weight[:, :, ::-1, ::-1]
    if layer.depthwise:
        of_x = np.einsum("cyxab,cab->cyx", around, turned[:, 0])
        of_weight = np.einsum("cyx,cyxab->cab", gradient, windows)[:, None]
    else:
        of_x = np.tensordot(turned, around, axes=((0, 2, 3), (0, 3, 4)))
        of_weight = np.tensordot(gradient, windows, axes=((1, 2), (1, 2)))
    if layer.padding:
        of_x = of_x[:, layer.padding : -layer.padding, layer.padding : -layer.padding]
    return of_x, {"weight": of_weight} | ({"bias": gradient.sum(axis=(1, 2))} if layer.bias else {})


def _scale(tensors: Tensors) -> Array:
    return tensors["weight"] / np.sqrt(tensors["running_var"] + BatchNorm.epsilon)


def _batch_norm(layer: BatchNorm, x: Array, tensors: Tensors) -> Array:
    scale = _scale(tensors)
    shift = tensors["bias"] - tensors["running_mean"] * scale
    return x * scale[:, None, None] + shift[:, None, None]


def _batch_norm_back(layer: BatchNorm, x: Array, tensors: Tensors, gradient: Array) -> tuple[Array, dict[str, Array]]:
    deviation = np.sqrt(tensors["running_var"] + layer.epsilon)
    normalised = (x - tensors["running_mean"][:, None, None]) / deviation[:, None, None]
    of_tensors = {"weight": (gradient * normalised).sum(axis=(1, 2)), "bias": gradient.sum(axis=(1, 2))}
    return gradient * _scale(tensors)[:, None, None], of_tensors


def _blocks(x: Array, size: int) -> Array:
    """Squares of cells: (channels, rows, columns, size * size)."""
    channels, height, width = x.shape
    rows, columns = height // size, width // size
    cut = x[:, : rows * size, : columns * size].reshape(channels, rows, size, columns, size)
    return cut.transpose(0, 1, 3, 2, 4).reshape(channels, rows, columns, size * size)


def _unblocked(blocks: Array, shape: tuple[int, ...], size: int) -> Array:
    """The inverse of `_blocks`, with zeros where cells were dropped."""
    channels, rows, columns, _ = blocks.shape
    cut = blocks.reshape(channels, rows, columns, size, size).transpose(0, 1, 3, 2, 4)
    found = np.zeros(shape)
    found[:, : rows * size, : columns * size] = cut.reshape(channels, rows * size, columns * size)
    return found


def _max_pool_back(layer: MaxPool, x: Array, tensors: Tensors, gradient: Array) -> tuple[Array, dict[str, Array]]:
    blocks = _blocks(x, layer.size)
    # of equal ones the first gets all
    first = np.arange(layer.size**2) == blocks.argmax(axis=-1)[..., None]
    return _unblocked(first * gradient[..., None], x.shape, layer.size), {}


def _average_pool_back(
    layer: AveragePool, x: Array, tensors: Tensors, gradient: Array
) -> tuple[Array, dict[str, Array]]:
    count = layer.size**2
    return _unblocked(np.repeat(gradient[..., None] / count, count, axis=-1), x.shape, layer.size), {}


def _log_softmax(layer: LogSoftmax, x: Array, tensors: Tensors) -> Array:
    shifted = x - x.max()
    return shifted - np.log(np.exp(shifted).sum())


def _log_softmax_back(layer: LogSoftmax, x: Array, tensors: Tensors, gradient: Array) -> tuple[Array, dict[str, Array]]:
    return gradient - np.exp(_log_softmax(layer, x, tensors)) * gradient.sum(), {}


#: What there is to know of each kind of layer.
KINDS: dict[type[Layer], Kind] = {
    Convolution: Kind(_convolution, _convolution_back),
    BatchNorm: Kind(_batch_norm, _batch_norm_back),
    ReLU: Kind(lambda layer, x, t: np.maximum(x, 0), lambda layer, x, t, gradient: (gradient * (x > 0), {})),
    MaxPool: Kind(lambda layer, x, t: _blocks(x, layer.size).max(axis=-1), _max_pool_back),
    AveragePool: Kind(lambda layer, x, t: _blocks(x, layer.size).mean(axis=-1), _average_pool_back),
    GlobalAveragePool: Kind(
        lambda layer, x, t: x.mean(axis=(1, 2), keepdims=True),
        lambda layer, x, t, gradient: (np.broadcast_to(gradient / (x.shape[1] * x.shape[2]), x.shape), {}),
    ),
    Dropout: Kind(lambda layer, x, t: x, lambda layer, x, t, gradient: (gradient, {})),
    Flatten: Kind(lambda layer, x, t: x.ravel(), lambda layer, x, t, gradient: (gradient.reshape(x.shape), {})),
    Linear: Kind(
        lambda layer, x, t: t["weight"] @ x + t["bias"],
        lambda layer, x, t, gradient: (
            t["weight"].T @ gradient,
            {"weight": np.outer(gradient, x), "bias": gradient},
        ),
    ),
    LogSoftmax: Kind(_log_softmax, _log_softmax_back),
}
