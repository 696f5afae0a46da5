"""How gradients flow back through each kind of layer in cells: formulas, given where the gradient of its output stands.

The gradient of a cell is the sum of what it gave to the cells behind it, and each of these has a gradient of its own.
In evaluation a batch norm uses the statistics that it has kept, which no gradient changes.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from xlbackprop.cnn.cells import Weights, deviation_formula, weighted_sum
from xlbackprop.cnn.layers import (
    AveragePool,
    BatchNorm,
    Convolution,
    GlobalAveragePool,
    Layer,
    Layers,
    Linear,
    MaxPool,
    ReLU,
    Shape,
)
from xlbackprop.spreadsheet.blocks import FilledOver
from xlbackprop.spreadsheet.places import Place

#: Formulas in the shape of the cells that they are for.
Texts = NDArray[np.object_]


@dataclass(frozen=True)
class Around:
    """What stands around the layers of a stage; all maps are (channels, height, width).

    Attributes:
        layers: those that share the cells of their output.
        inputs: what the first is given, and the ring that it needs.
        maps: the same without the ring.
        output: what the last gives.
        weights: of each layer, the places of its tensors.
        gradient: that of the output.
        ringed: the same with the ring that windows over it need.
        passed: what the ReLU lets pass of the gradient, where it has cells.
        turned: the kernels of a convolution, turned round, (outputs, inputs, height, width), where they have cells.
    """

    layers: Layers
    inputs: Place
    maps: Place
    output: Place
    weights: Sequence[Weights]
    gradient: Place
    ringed: Place
    passed: Place | None = None
    turned: Place | None = None


def needs_passed(layers: Layers) -> bool:
    """Whether what the ReLU lets pass needs cells: those of a batch norm beside it add it up."""
    return {*map(type, layers)} == {BatchNorm, ReLU}


def needs_turned(layer: Layer, output: Shape) -> bool:
    """Whether gradients go back through windows over several gradients, with the kernels turned round."""
    return isinstance(layer, Convolution) and layer.kernel > 1 and output[1:] != (1, 1)


def passed_formula(around: Around, channel: int) -> FilledOver:
    """What a ReLU lets pass of the gradient: all where it was lit, and nothing where it was not."""
    return FilledOver(f"IF({_lit(around)[channel, 0, 0]}>0,{around.gradient[channel, 0, 0]},0)")


def input_formula(around: Around, channel: int, own: Place) -> FilledOver | Texts:
    """The gradient of a map that a stage is given: one formula for all its cells, or one a cell.

    Args:
        around: what stands around the stage.
        channel: the number of the map.
        own: where its gradient stands, (height, width).
    """
    return _OF_INPUT[type(around.layers[0])](around.layers[0], around, channel, own)


def kernel_formula(around: Around, output: int, channel: int) -> FilledOver:
    """The gradient of the kernel with which an output sees a map: what each of its weights was multiplied by.

    Of a depthwise convolution, each output has the kernel number 0 alone.
    """
    layer = around.layers[0]
    depthwise = isinstance(layer, Convolution) and layer.depthwise
    _, height, width = around.gradient.shape
    window = around.inputs[output if depthwise else channel, :height, :width]
    return FilledOver(_product_sum(around.gradient[output], window, fixed="$"))


def number_formulas(around: Around) -> list[dict[str, Texts]]:
    """The gradients of the trained numbers of each layer that are no kernels, in the shapes of their places."""
    return [
        _OF_NUMBERS[type(layer)](around, own) if type(layer) in _OF_NUMBERS else {}
        for layer, own in zip(around.layers, around.weights, strict=True)
    ]


def _lit(around: Around) -> Place:
    """The cells that are above 0 where a ReLU is lit: before it or behind it."""
    return around.maps if isinstance(around.layers[0], ReLU) else around.output


def _cell_by_cell(layer: BatchNorm | ReLU, around: Around, channel: int, own: Place) -> FilledOver:
    if around.passed is None and isinstance(layer, ReLU):
        return passed_formula(around, channel)
    (scale,) = (own["scale"] for own in around.weights if own)
    source = around.gradient if around.passed is None else around.passed
    return FilledOver(f"{scale[channel]:$}*{source[channel, 0, 0]}")


def _convolution(layer: Convolution, around: Around, channel: int, own: Place) -> FilledOver:
    turned = around.weights[0]["weight"] if around.turned is None else around.turned
    outputs = slice(channel, channel + 1) if layer.depthwise else slice(None)
    kernels = turned[outputs, 0 if layer.depthwise else channel]
    if around.gradient.shape[1:] == (1, 1):
        return _from_single_cells(around.gradient[outputs], kernels, layer.padding)
    # what a cell gave to each window that saw it comes back
    first = max(0, layer.padding - layer.kernel + 1)
    windows = around.ringed[outputs, first : first + layer.kernel, first : first + layer.kernel]
    return FilledOver(weighted_sum(windows, kernels))


def _linear(layer: Linear, around: Around, channel: int, own: Place) -> FilledOver:
    return _from_single_cells(around.gradient, around.weights[0]["weight"][:, channel], 0)


def _from_single_cells(gradients: Place, kernels: Place, first: int) -> FilledOver:
    """Each cell has gone into each single output once, with a weight of its own."""
    pairs = zip(gradients, kernels, strict=True)
    return FilledOver("+".join(f"{g[0, 0]:$}*{w[first, first]}" for g, w in pairs))


def _max_pool(layer: MaxPool, around: Around, channel: int, own: Place) -> Texts:
    maps, pooled, size = around.maps[channel], around.output[channel], layer.size

    def of_cell(row: int, column: int, at: tuple[int, int]) -> str:
        # of equal ones the first gets all: those behind it get what is left, which is nothing
        top, left = at[0] * size, at[1] * size
        before = own[top:row, left : left + size], own[row : row + 1, left:column]
        given = "".join(f"-{_sum(cells)}" for cells in before if cells.ids.size)
        return f"IF({maps[row, column]}={pooled[at]},{around.gradient[channel][at]}{given},0)"

    return _over_squares(size, around, of_cell)


def _average_pool(layer: AveragePool, around: Around, channel: int, own: Place) -> Texts:
    count = layer.size**2
    return _over_squares(layer.size, around, lambda row, column, at: f"{around.gradient[channel][at]}/{count}")


def _over_squares(size: int, around: Around, of_cell: Callable[[int, int, tuple[int, int]], str]) -> Texts:
    """A formula a cell, given its row and column, and where its square was pooled to."""
    _, height, width = around.maps.shape
    _, rows, columns = around.output.shape
    # what was dropped at the edges has no part in anything
    texts = np.full((height, width), "0", dtype=object)
    for row, column in np.ndindex(rows * size, columns * size):
        at = row // size, column // size
        texts[row, column] = of_cell(row, column, at)
    return texts


def _global_average_pool(layer: GlobalAveragePool, around: Around, channel: int, own: Place) -> FilledOver:
    _, height, width = around.maps.shape
    return FilledOver(f"{around.gradient[channel, 0, 0]:$}/{height * width}")


_OF_INPUT: dict[type[Layer], Callable[[Any, Around, int, Place], FilledOver | Texts]] = {
    Convolution: _convolution,
    BatchNorm: _cell_by_cell,
    ReLU: _cell_by_cell,
    MaxPool: _max_pool,
    AveragePool: _average_pool,
    GlobalAveragePool: _global_average_pool,
    Linear: _linear,
}


def _of_norm(around: Around, weights: Weights) -> dict[str, Texts]:
    """Those of gamma and beta."""
    normalised_first = isinstance(around.layers[0], BatchNorm)
    # the products with what a ReLU before it has cut off are 0
    lit = around.gradient if around.passed is None else around.passed
    of_output = lit if normalised_first else around.gradient
    gammas, betas = [], []
    for channel in range(len(around.maps.ids)):
        beta = _sum(of_output[channel])
        products = _product_sum(lit[channel], around.maps[channel])
        mean = weights["running_mean"][channel]
        gammas.append(f"({products}-{mean}*{beta})/{deviation_formula(weights, channel)}")
        betas.append(beta)
    return {"weight": np.array(gammas, dtype=object), "bias": np.array(betas, dtype=object)}


def _of_biases(around: Around, weights: Weights) -> dict[str, Texts]:
    return (
        {"bias": np.array([_sum(gradient) for gradient in around.gradient], dtype=object)} if "bias" in weights else {}
    )


def _sum(cells: Place) -> str:
    return f"{cells[0, 0]}" if cells.ids.size == 1 else f"SUM({cells})"


def _product_sum(first: Place, second: Place, fixed: str = "") -> str:
    if first.ids.size == 1:
        return f"{first[0, 0]:{fixed}}*{second[0, 0]}"
    return f"SUMPRODUCT({first:{fixed}},{second})"


_OF_NUMBERS: dict[type[Layer], Callable[[Around, Weights], dict[str, Texts]]] = {
    Convolution: _of_biases,
    BatchNorm: _of_norm,
    Linear: _of_biases,
}
