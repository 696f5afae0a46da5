"""The networks by name, layer by layer.

All take images of shape (1, 28, 28), normalised, and give one logit a class. The log-softmax at the end of the
usual MNIST networks is part of the loss, so none of them has it.
"""

from itertools import chain, pairwise

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
    MaxPool,
    ReLU,
)
from xlbackprop.errors import UnusableInput

CLASSES = 10
#: The shape of an image: channels, height, width.
IMAGE = (1, 28, 28)


def network_layers(name: str) -> Layers:
    """The layers of a network.

    Raises:
        UnusableInput: no network has the name.
    """
    if name not in NETWORKS:
        raise UnusableInput(f"There is no network {name!r}: choose one of {', '.join(NETWORKS)}.")
    return NETWORKS[name]


def _pooled_by_weights(first: int, middle: tuple[int, ...], last: tuple[int, ...]) -> Layers:
    """A 5x5 convolution and 3x3 ones, and a global pooling that learns how much each place of the 6x6 map counts.

    Args:
        first: channels of the 5x5 convolution, whose 24x24 map is max-pooled.
        middle: channels of the 3x3 convolutions on the 12x12 map; that of the last is max-pooled.
        last: channels of those on the 6x6 map, and in the end of the pooling.
    """
    features = last[-1]
    # average pooling, to begin with
    pooling = Convolution(features, features, 6, bias=False, depthwise=True, start=1 / 36)
    on_12x12 = [_conv3x3(*channels) for channels in pairwise((first, *middle))]
    on_6x6 = [_conv3x3(*channels) for channels in pairwise((middle[-1], *last))]
    return (
        *_max_pooled(Convolution(1, first, 5, bias=False)),
        *chain.from_iterable(map(_normalised, on_12x12[:-1])),
        *_max_pooled(on_12x12[-1]),
        *chain.from_iterable(map(_normalised, on_6x6)),
        pooling,
        BatchNorm(features),
        Flatten(),
        Linear(features, CLASSES),
    )


def _conv3x3(inputs: int, outputs: int) -> Convolution:
    return Convolution(inputs, outputs, 3, padding=1, bias=False)


def _normalised(convolution: Convolution) -> tuple[Layer, ...]:
    return convolution, BatchNorm(convolution.outputs), ReLU()


def _max_pooled(convolution: Convolution) -> tuple[Layer, ...]:
    """Max pool before batch norm and ReLU: on a quarter of the numbers.

    The maximum is the same, since both keep the order wherever the scale of the batch norm is positive.
    """
    # what was pooled by the maximum is mostly positive, and stays so: ReLU cuts off a quarter of it, not half
    return convolution, MaxPool(2), BatchNorm(convolution.outputs, start=0.7), ReLU()


def _convolution(
    inputs: int, outputs: int, kernel: int, *, padding: int = 0, bias: bool = True, dropout: float = 0.0
) -> tuple[Layer, ...]:
    """Convolution, ReLU, batch norm and dropout, in the order that most seeds have."""
    layers = (Convolution(inputs, outputs, kernel, padding=padding, bias=bias), ReLU(), BatchNorm(outputs))
    return (*layers, Dropout(dropout)) if dropout else layers


_SPRINT = _pooled_by_weights(16, (20, 20), (40,))

NETWORKS: dict[str, Layers] = {
    "compact": _pooled_by_weights(16, (14, 14), (32,)),
    "tiny": _pooled_by_weights(8, (12, 12), (16,)),
    "nano": _pooled_by_weights(8, (7, 7), (8, 10)),
    "sprint": _SPRINT,
    "best": _SPRINT,
    "wide": _pooled_by_weights(32, (40, 40), (80,)),
    "teach": (Convolution(1, 3, 5), ReLU(), MaxPool(4), Flatten(), Linear(108, CLASSES)),
    "seed0-net8": (
        *_convolution(1, 16, 3, padding=1, bias=False, dropout=0.1),
        *_convolution(16, 32, 3, padding=1, bias=False, dropout=0.1),
        *_convolution(32, 10, 1, bias=False, dropout=0.1),
        MaxPool(2),
        Convolution(10, 16, 3, bias=False),
        BatchNorm(16),
        ReLU(),
        *_convolution(16, 32, 3, bias=False, dropout=0.1),
        *_convolution(32, 16, 1, bias=False, dropout=0.1),
        MaxPool(2),
        *_convolution(16, 32, 3, bias=False),
        AveragePool(3),
        Flatten(),
        Linear(32, 64),
        ReLU(),
        Linear(64, CLASSES),
    ),
    "seed0-net2": (
        *_convolution(1, 14, 3, bias=False, dropout=0.1),
        *_convolution(14, 25, 3, bias=False, dropout=0.1),
        *_convolution(25, 10, 1, bias=False, dropout=0.1),
        MaxPool(2),
        Convolution(10, 10, 3, bias=False),
        BatchNorm(10),
        ReLU(),
        *_convolution(10, 16, 3, bias=False, dropout=0.1),
        *_convolution(16, 25, 3, bias=False, dropout=0.1),
        AveragePool(5),
        Flatten(),
        Linear(25, 50),
        ReLU(),
        Linear(50, 50),
        ReLU(),
        Linear(50, CLASSES),
    ),
    "seed1": (
        *_convolution(1, 8, 3),
        *_convolution(8, 16, 3),
        *_convolution(16, 32, 3, dropout=0.03),
        MaxPool(2),
        *_convolution(32, 8, 1),
        *_convolution(8, 16, 3),
        *_convolution(16, 32, 3, dropout=0.03),
        AveragePool(7),
        Flatten(),
        Linear(32, 64),
        Linear(64, 32),
        Linear(32, CLASSES),
    ),
    "seed2": (
        *_convolution(1, 64, 3, padding=1),
        MaxPool(2),
        *_convolution(64, 32, 3, padding=1),
        AveragePool(14),
        Dropout(0.1),
        Flatten(),
        Linear(32, 12),
        Linear(12, CLASSES),
    ),
    "seed3": (
        *_convolution(1, 32, 5),
        *_convolution(32, 16, 3),
        MaxPool(2),
        Dropout(0.1),
        *_convolution(16, 16, 3),
        *_convolution(16, 64, 3),
        GlobalAveragePool(),
        Dropout(0.1),
        Flatten(),
        Linear(64, CLASSES),
    ),
    "seed4": (
        *_convolution(1, 16, 3, padding=1),
        *_convolution(16, 32, 3, padding=1),
        MaxPool(2),
        Convolution(32, 8, 1),
        Dropout(0.3),
        *_convolution(8, 16, 3),
        *_convolution(16, 32, 3),
        Convolution(32, 8, 1),
        Dropout(0.3),
        Convolution(8, 16, 3),
        ReLU(),
        Convolution(16, 32, 3),
        ReLU(),
        Convolution(32, CLASSES, 1),
        AveragePool(6),
        Flatten(),
    ),
}
