"""What a cell of a layer sees: which cells of each layer before it, and how large a square of the image."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import prod

import numpy as np

from xlbackprop.cnn.layers import (
    AveragePool,
    Convolution,
    Flatten,
    GlobalAveragePool,
    Layer,
    Linear,
    LogSoftmax,
    MaxPool,
    Shape,
    shapes,
)

#: A box of cells: a range an axis, (channels, rows, columns), or (features,) where maps are flattened.
Box = tuple[range, ...]


@dataclass(frozen=True)
class Field:
    """The square of the image that a cell of a layer's output depends on.

    Attributes:
        side: in pixels. It may be larger than the image, where padding is seen, too.
        jump: the distance, in pixels, between the squares of neighbouring cells; None where a cell has no neighbours.
    """

    side: int
    jump: int | None


def fields(layers: Sequence[Layer], shape: Shape) -> list[Field]:
    """The receptive field of each layer.

    The recurrence, for a layer of kernel k and stride s on an input of field r and jump j, is
    r + (k - 1) j and j s (Araujo, Norris, Sim: Computing receptive fields of convolutional neural networks, 2019).

    Args:
        layers: in their order.
        shape: of the image, (channels, side, side).

    Raises:
        UnusableInput: a layer does not fit to the one before it.
    """
    found = []
    side, jump, extent = 1, 1, shape[-1]
    for layer, after in zip(layers, shapes(layers, shape), strict=True):
        kernel, stride, _ = window(layer, extent)
        side, jump = side + (kernel - 1) * jump, jump * stride
        # a flattened map keeps its extent until a linear layer has looked at all of it
        extent = after[-1] if len(after) > 1 else extent if isinstance(layer, Flatten) else 1
        found.append(Field(side, jump if len(after) > 1 and extent > 1 else None))
    return found


def seen(layers: Sequence[Layer], shape: Shape, cell: tuple[int, ...]) -> list[Box]:
    """The cells that a cell depends on, in what each layer is given: in the image first, before the last layer last.

    What lies in the padding is no cell. A maximum depends on all cells that it is taken of.

    Args:
        layers: up to the one that the cell belongs to.
        shape: of the image.
        cell: its place in the output of the last of the layers, counted from 0: (channel, row, column) or (feature,).

    Raises:
        UnusableInput: a layer does not fit to the one before it.
    """
    inputs = [shape, *shapes(layers, shape)][: len(layers)]
    box: Box = tuple(range(index, index + 1) for index in cell)
    found = []
    for layer, given in zip(reversed(layers), reversed(inputs), strict=True):
        box = _seen_by(layer, given, box)
        found.append(box)
    return found[::-1]


def _seen_by(layer: Layer, given: Shape, box: Box) -> Box:
    """The cells, of what a layer is given, that a box of its output depends on."""
    if isinstance(layer, Linear | LogSoftmax):
        return _whole(given)
    if isinstance(layer, Flatten):
        (features,) = box
        if len(features) == prod(given):
            return _whole(given)
        # no layer on features lies between one of them and all
        return tuple(range(index, index + 1) for index in map(int, np.unravel_index(features.start, given)))
    if len(given) == 1:
        return box
    channels, *sides = box
    if isinstance(layer, Convolution) and not layer.depthwise:
        channels = range(layer.inputs)
    return channels, *(_along(layer, cells, extent) for cells, extent in zip(sides, given[1:], strict=True))


def _whole(shape: Shape) -> Box:
    return tuple(map(range, shape))


def _along(layer: Layer, cells: range, extent: int) -> range:
    """The cells along an axis of a map, given those of the output."""
    kernel, stride, padding = window(layer, extent)
    first, last = cells.start * stride - padding, cells[-1] * stride - padding + kernel - 1
    return range(max(0, first), min(extent, last + 1))


def window(layer: Layer, extent: int) -> tuple[int, int, int]:
    """Kernel, stride and padding of a layer along an axis of a map.

    Args:
        layer: of any kind.
        extent: of the map that it is given.
    """
    match layer:
        case Convolution(kernel=kernel, padding=padding):
            return kernel, 1, padding
        case MaxPool(size=size) | AveragePool(size=size):
            return size, size, 0
        case GlobalAveragePool() | Linear():
            return extent, 1, 0
    return 1, 1, 0
