"""How each kind of layer is computed in cells: its formulas, given where its input and its weights stand.

What a layer is given is a place: an array of cell ids of shape (channels, height, width). A window of a map is a slice
of it, and its address is written only when the formula is. A map that a window shall leave at its edges stands in a
ring of empty cells, which count as 0. Maps of a single cell, the features, stand below each other in one block.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

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
    Shape,
    output_shape,
    spoken,
)
from xlbackprop.errors import UnusableInput
from xlbackprop.spreadsheet.blocks import FilledOver
from xlbackprop.spreadsheet.places import Place

#: The places of a layer's tensors, by torch's names, and of what follows from them; those of weights that a map is
#: made with have the shape (outputs, inputs, height, width).
Weights = Mapping[str, Place]


@dataclass(frozen=True)
class Stage:
    """Layers that share the cells of their output: one that moves a window, or several that go cell by cell.

    Attributes:
        numbers: the place of each in the network, counted from 0.
        layers: at least one.
        shape: of its output: channels, height, width.
    """

    numbers: tuple[int, ...]
    layers: Layers
    shape: Shape

    @property
    def cell_by_cell(self) -> bool:
        """Whether each cell of its output depends on one cell of its input alone."""
        return isinstance(self.layers[0], BatchNorm | ReLU)

    @property
    def ring(self) -> int:
        """How many empty cells it needs on each side of the maps that it is given."""
        return self.layers[0].padding if isinstance(self.layers[0], Convolution) else 0

    @property
    def ring_back(self) -> int:
        """How many empty cells it needs around the gradient of its output, for gradients to flow back through it."""
        layer = self.layers[0]
        if not isinstance(layer, Convolution) or self.shape[1:] == (1, 1):
            return 0
        return max(0, layer.kernel - 1 - layer.padding)

    @property
    def name(self) -> str:
        """Its layers in words, counted from 1: `layers 3, 4: batch norm, ReLU`."""
        numbers = ", ".join(str(number + 1) for number in self.numbers)
        return f"layer{'s' * (len(self.numbers) > 1)} {numbers}: {', '.join(map(spoken, self.layers))}"


def stages(layers: Layers, shape: Shape) -> list[Stage]:
    """The layers in groups that share cells.

    A batch norm and a ReLU in a row share cells. Dropout and flattening cost no cell, nor does a log-softmax at the
    end: the logits before it give the same answer.

    Args:
        layers: in their order, fitting to each other.
        shape: of the image.

    Raises:
        UnusableInput: a layer cannot be written.
    """
    found: list[Stage] = []
    for n, layer in enumerate(layers):
        if isinstance(layer, LogSoftmax) and n < len(layers) - 1:
            raise UnusableInput(f"layer {n + 1}, {spoken(layer)}, cannot be written as cells: it may only be the last.")
        if isinstance(layer, Dropout | Flatten | LogSoftmax):
            continue
        shape = (layer.outputs, 1, 1) if isinstance(layer, Linear) else output_shape(layer, shape)
        stage = Stage((n,), (layer,), shape)
        if found and _share_cells(found[-1], stage):
            found[-1] = Stage((*found[-1].numbers, n), (*found[-1].layers, layer), shape)
        else:
            found.append(stage)
    if not found:
        raise UnusableInput("the network has no layer that computes anything.")
    return found


def _share_cells(first: Stage, second: Stage) -> bool:
    """Whether both go cell by cell; of two batch norms or two ReLUs each has its own."""
    kinds = {type(layer) for layer in (*first.layers, *second.layers)}
    return first.cell_by_cell and second.cell_by_cell and len(kinds) == len(first.layers) + 1


def map_formula(stage: Stage, inputs: Place, weights: Sequence[Weights], channel: int) -> FilledOver:
    """The formula of a map, for all its cells.

    Args:
        stage: the layers that make it.
        inputs: (channels, height, width), with the ring that the stage needs.
        weights: the places of each layer's tensors.
        channel: the number of the map.
    """
    if stage.cell_by_cell:
        return FilledOver(cell_formula(stage.layers, f"{inputs[channel, 0, 0]}", weights, channel))
    return _FORWARD[type(stage.layers[0])](stage.layers[0], inputs, weights[0], channel)


def cell_formula(layers: Sequence[Layer], text: str, weights: Sequence[Weights], channel: int) -> str:
    """The formula of a cell after layers that go cell by cell.

    Args:
        layers: in their order.
        text: the cell that the first is given.
        weights: of each layer.
        channel: the map that the cell belongs to.
    """
    is_sum = False
    for layer, own in zip(layers, weights, strict=True):
        if isinstance(layer, BatchNorm):
            factor = f"({text})" if is_sum else text
            text = f"{own['scale'][channel]:$}*{factor}+{own['shift'][channel]:$}"
        else:
            text = f"MAX(0,{text})"
        is_sum = isinstance(layer, BatchNorm)
    return text


def scale_formula(weights: Weights, channel: int) -> str:
    """By what a batch norm multiplies a map."""
    return f"{weights['weight'][channel]}/{deviation_formula(weights, channel)}"


def deviation_formula(weights: Weights, channel: int) -> str:
    """The deviation of a map that a batch norm has kept."""
    return f"SQRT({weights['running_var'][channel]}+{BatchNorm.epsilon:.5f})"


def shift_formula(weights: Weights, channel: int) -> str:
    """What a batch norm adds to a map."""
    mean, scale = weights["running_mean"][channel], weights["scale"][channel]
    return f"{weights['bias'][channel]}-{mean}*{scale}"


def weighted_sum(inputs: Place, kernels: Place) -> str:
    """The sum of the products of cells with their weights, (channels, height, width) each: a SUMPRODUCT a channel."""
    if inputs.shape[1:] == (1, 1):
        return "+".join(f"{x[0, 0]}*{w[0, 0]:$}" for x, w in zip(inputs, kernels, strict=True))
    return "+".join(f"SUMPRODUCT({x},{w:$})" for x, w in zip(inputs, kernels, strict=True))


def _convolution(layer: Convolution, inputs: Place, weights: Weights, channel: int) -> FilledOver:
    channels = slice(channel, channel + 1) if layer.depthwise else slice(None)
    products = weighted_sum(inputs[channels, : layer.kernel, : layer.kernel], weights["weight"][channel])
    return FilledOver(products + (f"+{weights['bias'][channel]:$}" if layer.bias else ""))


def _max_pool(layer: MaxPool, inputs: Place, weights: Weights, channel: int) -> FilledOver:
    return FilledOver(f"MAX({inputs[channel, : layer.size, : layer.size]})", layer.size)


def _average_pool(layer: AveragePool, inputs: Place, weights: Weights, channel: int) -> FilledOver:
    return FilledOver(f"AVERAGE({inputs[channel, : layer.size, : layer.size]})", layer.size)


def _global_average_pool(layer: GlobalAveragePool, inputs: Place, weights: Weights, channel: int) -> FilledOver:
    return FilledOver(f"AVERAGE({inputs[channel]})")


def _linear(layer: Linear, inputs: Place, weights: Weights, channel: int) -> FilledOver:
    kernels = weights["weight"][channel]
    if inputs.shape[1:] == (1, 1):
        # features and their weights stand below each other
        return FilledOver(f"SUMPRODUCT({inputs[:, 0, 0]},{kernels[:, 0, 0]})+{weights['bias'][channel]}")
    return FilledOver(f"{weighted_sum(inputs, kernels)}+{weights['bias'][channel]}")


_FORWARD: dict[type[Layer], Callable[[Any, Place, Weights, int], FilledOver]] = {
    Convolution: _convolution,
    MaxPool: _max_pool,
    AveragePool: _average_pool,
    GlobalAveragePool: _global_average_pool,
    Linear: _linear,
}
