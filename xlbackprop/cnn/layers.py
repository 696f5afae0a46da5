"""The layers of a convolutional network as data: what there is to know of each without torch.

A network is a tuple of layers, in their order. Shapes are (channels, height, width) until the maps are
flattened, and (features,) from there on.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from math import prod

from xlbackprop.errors import UnusableInput

Shape = tuple[int, ...]


@dataclass(frozen=True)
class Convolution:
    """A square window of weights, moved over the maps one by one.

    Attributes:
        inputs, outputs: channels.
        kernel: the side of the window.
        padding: zeros around the maps, on each side.
        bias: whether a number is added to each map.
        depthwise: whether each output sees the one input of its number; there are as many.
        start: what all weights are before training, if they are not drawn.
    """

    inputs: int
    outputs: int
    kernel: int
    padding: int = 0
    bias: bool = True
    depthwise: bool = False
    start: float | None = None


@dataclass(frozen=True)
class BatchNorm:
    """Each map minus its mean over its deviation, times gamma, plus beta.

    Attributes:
        channels: the number of maps.
        start: what beta is before training.
    """

    channels: int
    start: float = 0.0

    #: Added to the variance, as torch has it.
    epsilon = 1e-5


@dataclass(frozen=True)
class ReLU:
    """What is negative becomes 0."""


@dataclass(frozen=True)
class MaxPool:
    """The largest of each square of cells; what is left at the edges is dropped."""

    size: int


@dataclass(frozen=True)
class AveragePool:
    """The average of each square of cells; what is left at the edges is dropped."""

    size: int


@dataclass(frozen=True)
class GlobalAveragePool:
    """The average of each map."""


@dataclass(frozen=True)
class Dropout:
    """Drops a part of the numbers in training; does nothing afterwards."""

    rate: float


@dataclass(frozen=True)
class Flatten:
    """The cells of all maps in a row, map by map and row by row."""


@dataclass(frozen=True)
class Linear:
    """Each output is a weighted sum of all inputs, and a bias."""

    inputs: int
    outputs: int


@dataclass(frozen=True)
class LogSoftmax:
    """The logarithms of the probabilities."""


Layer = (
    Convolution | BatchNorm | ReLU | MaxPool | AveragePool | GlobalAveragePool | Dropout | Flatten | Linear | LogSoftmax
)
Layers = tuple[Layer, ...]


def output_shape(layer: Layer, shape: Shape) -> Shape:
    """The shape of what a layer gives.

    Args:
        layer: the layer.
        shape: of what it is given.

    Raises:
        UnusableInput: it cannot take that.
    """
    match layer, shape:
        case Convolution(inputs=inputs, outputs=outputs), (channels, height, width) if channels == inputs:
            sides = [side + 2 * layer.padding - layer.kernel + 1 for side in (height, width)]
            if min(sides) > 0:
                return outputs, *sides
        case BatchNorm(channels=expected), (channels, _, _) if channels == expected:
            return shape
        case ((MaxPool(size=size) | AveragePool(size=size)), (channels, height, width)) if size <= min(height, width):
            return channels, height // size, width // size
        case GlobalAveragePool(), (channels, _, _):
            return channels, 1, 1
        case Flatten(), _:
            return (prod(shape),)
        case Linear(inputs=inputs, outputs=outputs), (features,) if features == inputs:
            return (outputs,)
        case ((ReLU() | Dropout()), _):
            return shape
        case LogSoftmax(), (_,):
            return shape
    raise UnusableInput(f"a layer {spoken(layer)} cannot take numbers in the shape {shape_in_words(shape)}.")


def shapes(layers: Iterable[Layer], shape: Shape) -> list[Shape]:
    """The shape of what each layer gives.

    Args:
        layers: in their order.
        shape: of what the first is given.

    Raises:
        UnusableInput: a layer does not fit to the one before it.
    """
    found = []
    for layer in layers:
        shape = output_shape(layer, shape)
        found.append(shape)
    return found


def tensor_shapes(layer: Layer) -> dict[str, Shape]:
    """The shapes of the tensors of a layer, by torch's names; those that are trained, and those that are counted."""
    match layer:
        case Convolution():
            weights = {"weight": (layer.outputs, 1 if layer.depthwise else layer.inputs, layer.kernel, layer.kernel)}
            return weights | ({"bias": (layer.outputs,)} if layer.bias else {})
        case BatchNorm(channels=channels):
            return dict.fromkeys(("weight", "bias", "running_mean", "running_var"), (channels,))
        case Linear():
            return {"weight": (layer.outputs, layer.inputs), "bias": (layer.outputs,)}
    return {}


def parameter_count(layer: Layer) -> int:
    """How many numbers of a layer are trained."""
    return sum(prod(shape) for name, shape in tensor_shapes(layer).items() if not name.startswith("running_"))


def spoken(layer: Layer) -> str:
    """A layer in words: `conv 3x3, padding 1`."""
    match layer:
        case Convolution(kernel=kernel):
            padding = f", padding {layer.padding}" if layer.padding else ""
            return f"{'depthwise ' if layer.depthwise else ''}conv {kernel}x{kernel}{padding}"
        case BatchNorm():
            return "batch norm"
        case ReLU():
            return "ReLU"
        case MaxPool(size=size):
            return f"max pool {size}x{size}"
        case AveragePool(size=size):
            return f"average pool {size}x{size}"
        case GlobalAveragePool():
            return "global average pool"
        case Dropout(rate=rate):
            return f"dropout {rate:g}"
        case Flatten():
            return "flatten"
        case Linear():
            return "linear"
        case LogSoftmax():
            return "log-softmax"


def shape_in_words(shape: Shape) -> str:
    """`8 x 24 x 24`."""
    return " x ".join(map(str, shape))
