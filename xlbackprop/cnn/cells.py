"""How each kind of layer is computed in cells: its formulas, given where its input and its weights stand.

What a layer is given, and what it gives, are places: arrays of cell ids of shape (channels, height, width). A window
of a map is a slice of its place, and its address is written only when the formula is. A map that a window shall leave
at its edges stands in a ring of empty cells, which count as 0. Maps of a single cell, the features, stand below each
other in one block.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from xlbackprop.cnn.layers import (
    AveragePool,
    BatchNorm,
    Convolution,
    Dropout,
    Flatten,
    GlobalAveragePool,
    Layer,
    Layers,
    Linear,
    LogSoftmax,
    MaxPool,
    ReLU,
)
from xlbackprop.spreadsheet.places import Place

#: The texts of formulas, in the shape of what they give.
Texts = NDArray[np.object_]
#: The places of a layer's tensors, by torch's names, and of what follows from them.
Weights = Mapping[str, Place]


@dataclass(frozen=True)
class Stage:
    """Layers that share the cells of their output: one that moves a window, or several that go cell by cell.

    Attributes:
        numbers: the place of each in the network, counted from 0.
        layers: at least one.
    """

    numbers: tuple[int, ...]
    layers: Layers

    @property
    def cell_by_cell(self) -> bool:
        """Whether each cell of its output depends on one cell of its input alone."""
        return isinstance(self.layers[0], BatchNorm | ReLU)


def stages(layers: Layers) -> list[Stage]:
    """The layers in groups that share cells.

    Dropout and flattening cost no cell, nor does a log-softmax at the end: the logits before it give the same answer.
    """
    found: list[list[int]] = []
    for n, layer in enumerate(layers):
        if isinstance(layer, Dropout | Flatten | LogSoftmax):
            continue
        goes_on = isinstance(layer, BatchNorm | ReLU) and found and isinstance(layers[found[-1][0]], BatchNorm | ReLU)
        if goes_on:
            found[-1].append(n)
        else:
            found.append([n])
    return [Stage(tuple(numbers), tuple(layers[n] for n in numbers)) for numbers in found]


def window_formulas(layer: Layer, inputs: Place, weights: Weights, ring: int) -> Texts:
    """The formulas of a layer that moves a window, or looks at everything.

    Args:
        layer: the layer.
        inputs: (channels, height, width), without the ring around the maps.
        weights: the places of its tensors.
        ring: how many cells of the ring there are in `inputs` on each side.
    """
    return _FORWARD[type(layer)](layer, inputs, weights, ring)


def cell_formula(layers: Sequence[Layer], text: str, weights: Sequence[Weights], channel: int) -> str:
    """The formula of a cell after layers that go cell by cell.

    Args:
        layers: in their order.
        text: the cell that the first is given.
        weights: of each layer.
        channel: the map that the cell belongs to.
    """
    for layer, own in zip(layers, weights, strict=True):
        if isinstance(layer, BatchNorm):
            text = f"{own['scale'][channel]:$}*{text}+{own['shift'][channel]:$}"
        else:
            text = f"MAX(0,{text})"
    return text


def scale_formula(weights: Weights, channel: int) -> str:
    """By what a batch norm multiplies a map."""
    return f"{weights['weight'][channel]}/SQRT({weights['running_var'][channel]}+{BatchNorm.epsilon:f})"


def shift_formula(weights: Weights, channel: int) -> str:
    """What a batch norm adds to a map."""
    mean, scale = weights["running_mean"][channel], weights["scale"][channel]
    return f"{weights['bias'][channel]}-{mean}*{scale}"


def weighted_sum(inputs: Place, weights: Place) -> str:
    """The sum of the products of cells with their weights, (channels, height, width) each: a SUMPRODUCT a channel."""
    product = "{}*{:$}" if inputs.shape[1:] == (1, 1) else "SUMPRODUCT({},{:$})"
    return "+".join(product.format(x, w) for x, w in zip(inputs, weights, strict=True))


def _texts(shape: tuple[int, ...], text: Callable[..., str]) -> Texts:
    found = np.empty(shape, dtype=object)
    for index in np.ndindex(shape):
        found[index] = text(*index)
    return found


def _convolution(layer: Convolution, inputs: Place, weights: Weights, ring: int) -> Texts:
    kernel, inset = layer.kernel, ring - layer.padding
    ids = inputs.ids[:, inset : inputs.shape[1] - inset, inset : inputs.shape[2] - inset]
    height, width = (side - kernel + 1 for side in ids.shape[1:])
    kernels = weights["weight"]

    def text(output: int, row: int, column: int) -> str:
        channels = slice(output, output + 1) if layer.depthwise else slice(None)
        window = Place(ids[channels, row : row + kernel, column : column + kernel])
        bias = f"+{weights['bias'][output]:$}" if layer.bias else ""
        return weighted_sum(window, kernels[output]) + bias

    return _texts((layer.outputs, height, width), text)


def _pool(function: str) -> Callable[[Any, Place, Weights, int], Texts]:
    def texts(layer: Any, inputs: Place, weights: Weights, ring: int) -> Texts:
        ids = inputs.ids[:, ring : inputs.shape[1] - ring, ring : inputs.shape[2] - ring]
        sides = ids.shape[1:] if isinstance(layer, GlobalAveragePool) else (layer.size, layer.size)
        rows, columns = (side // window for side, window in zip(ids.shape[1:], sides, strict=True))

        def text(channel: int, row: int, column: int) -> str:
            top, left = row * sides[0], column * sides[1]
            return f"{function}({Place(ids[channel, top : top + sides[0], left : left + sides[1]])})"

        return _texts((len(ids), rows, columns), text)

    return texts


def _linear(layer: Linear, inputs: Place, weights: Weights, ring: int) -> Texts:
    ids = inputs.ids[:, ring : inputs.shape[1] - ring, ring : inputs.shape[2] - ring]
    kernels = weights["weight"]

    def text(output: int, *_: int) -> str:
        if ids.shape[1:] == (1, 1):
            # features and their weights stand below each other
            products = f"SUMPRODUCT({Place(ids)},{kernels[output]:$})"
        else:
            products = weighted_sum(Place(ids), kernels[output])
        return f"{products}+{weights['bias'][output]:$}"

    return _texts((layer.outputs, 1, 1), text)


_FORWARD: dict[type[Layer], Callable[[Any, Place, Weights, int], Texts]] = {
    Convolution: _convolution,
    MaxPool: _pool("MAX"),
    AveragePool: _pool("AVERAGE"),
    GlobalAveragePool: _pool("AVERAGE"),
    Linear: _linear,
}
