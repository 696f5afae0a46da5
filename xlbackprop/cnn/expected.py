"""What the cells of maps and gradients should show, and how far off they may be: by NumPy, from recalculated inputs.

Each stage is computed by itself, so that a fault names the very layer.
"""

from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING

import numpy as np

from xlbackprop.cnn import reference
from xlbackprop.cnn.flow import passed_on
from xlbackprop.cnn.layers import BatchNorm, Layer, Linear, MaxPool, ReLU, tensor_shapes
from xlbackprop.cnn.live import LiveCells
from xlbackprop.cnn.reference import Array
from xlbackprop.cnn.shown_stage import ShownStage, within
from xlbackprop.spreadsheet.places import Place

if TYPE_CHECKING:
    from xlbackprop.cnn.gradients_sheet import GradientStage
    from xlbackprop.cnn.network_sheet import NetworkSheet

#: How far a cell may be from what NumPy computes, as a part of the sum of the absolute values of its products.
_TOLERANCE = 1e-12

#: Cells, what they should show, and how far off they may be, all in one shape.
Expected = tuple[Place, Array, Array]


def expected_image(network: "NetworkSheet", pixels: Place, live: LiveCells) -> Expected:
    """The normalised image."""
    mean, deviation = (float(live.input_numbers(cell)) for cell in network.normalisation)
    given = live.numbers(pixels)
    size = (np.abs(given) / 255 + abs(mean)) / abs(deviation)
    return network.image[0], (given / 255 - mean) / deviation, _TOLERANCE * size


def expected_maps(
    stages: Sequence[ShownStage], live: LiveCells, weights: Callable[[Place], Array]
) -> Iterator[Expected]:
    """The maps of stages, one after another.

    Args:
        stages: with the cells of the maps.
        live: the recalculated cells.
        weights: the numbers of those of weights.
    """
    for shown in stages:
        tensors = _tensors(shown, weights)
        inputs = live.numbers(within(shown.inputs, shown.stage.ring))
        expected = _computed(shown, tensors, inputs)
        scale = _computed(shown, [_sizes(own) for own in tensors], np.abs(inputs))
        yield shown.maps, expected, _TOLERANCE * np.maximum(scale, np.abs(expected))


def expected_gradients(stages: Sequence["GradientStage"], live: LiveCells) -> Iterator[Expected]:
    """The gradients of what stages are given and of their weights, one stage after another."""
    for stage in stages:
        around, layers = stage.around, stage.shown.stage.layers
        tensors = _tensors(stage.shown, live.input_numbers)
        x, gradient = live.numbers(around.maps), live.numbers(around.gradient)
        of_norm = gradient
        if around.passed is not None:
            passed = passed_on(layers, x, live.numbers(around.output), gradient)
            yield around.passed, passed, _TOLERANCE * np.abs(passed)
            gradient = live.numbers(around.passed)
            if isinstance(layers[0], BatchNorm):
                of_norm = gradient
        n = next((n for n, layer in enumerate(layers) if isinstance(layer, BatchNorm)), 0)
        of_input, _ = _back(layers[n], x, tensors[n], gradient)
        scale, _ = _back(layers[n], _size(layers[n], x), _sizes(tensors[n]), np.abs(gradient))
        yield stage.of_input, of_input, _TOLERANCE * np.maximum(scale, np.abs(of_input))
        # what a batch norm is given is what a ReLU before it gives
        given = np.maximum(x, 0) if n else x
        _, of_weights = _back(layers[n], given, tensors[n], of_norm)
        _, scales = _back(layers[n], _size(layers[n], given), _sizes(tensors[n]), np.abs(of_norm))
        for key, expected in of_weights.items():
            place = stage.of_weights[n][key]
            yield place, expected.reshape(place.shape), _TOLERANCE * scales[key].reshape(place.shape)


def _back(layer: Layer, x: Array, tensors: reference.Tensors, gradient: Array) -> tuple[Array, dict[str, Array]]:
    """The gradients of a layer's input, as maps, and of its tensors."""
    if isinstance(layer, Linear):
        of_input, of_tensors = reference.KINDS[Linear].backward(layer, x.ravel(), tensors, gradient.ravel())
        return of_input.reshape(x.shape), of_tensors
    return reference.KINDS[type(layer)].backward(layer, x, tensors, gradient)


def _size(layer: Layer, x: Array) -> Array:
    """An input with which a layer's gradients are the sums of the absolute values of all that they add up."""
    return x if isinstance(layer, ReLU | MaxPool) else np.abs(x)


def _tensors(shown: ShownStage, weights: Callable[[Place], Array]) -> list[dict[str, Array]]:
    """The weights of the layers of a stage as they are now."""
    return [
        {name: weights(own[name]).reshape(shape) for name, shape in tensor_shapes(layer).items()}
        for layer, own in zip(shown.stage.layers, shown.weights, strict=True)
    ]


def _sizes(tensors: dict[str, Array]) -> dict[str, Array]:
    """Weights with which a layer gives the sum of the absolute values of all that it adds up."""
    # the mean is what is subtracted
    signs = {"running_mean": -1}
    return {name: signs.get(name, 1) * np.abs(tensor) for name, tensor in tensors.items()}


def _computed(shown: ShownStage, tensors: Sequence[dict[str, Array]], inputs: Array) -> Array:
    """What the layers of a stage give, as maps."""
    for layer, own in zip(shown.stage.layers, tensors, strict=True):
        if isinstance(layer, Linear):
            inputs = inputs.ravel()
        inputs = reference.output(layer, inputs, own)
    return inputs.reshape(shown.stage.shape)
