"""The networks by name, each with its layers and the recipe that trains it.

All take images of shape (batch, 1, 28, 28), normalised, and give one logit a class, (batch, 10). The log-softmax
at the end of the usual MNIST networks is part of the loss, so no network has it.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from itertools import chain, pairwise

from torch import nn

from mnist_train.settings import Recipe
from xlbackprop.errors import UnusableInput

CLASSES = 10


@dataclass(frozen=True)
class Design:
    """A network of the registry: a sentence about it, how it is built, and how it is trained."""

    sentence: str
    build: Callable[[], nn.Sequential]
    recipe: Recipe


def build(name: str) -> nn.Sequential:
    """A network with fresh start weights from torch's generator.

    Raises:
        UnusableInput: no network has the name.
    """
    return design(name).build()


def design(name: str) -> Design:
    """What the registry says of a network.

    Raises:
        UnusableInput: no network has the name.
    """
    if name not in DESIGNS:
        raise UnusableInput(f"There is no network {name!r}: choose one of {', '.join(DESIGNS)}.")
    return DESIGNS[name]


def parameter_count(model: nn.Module) -> int:
    """How many numbers are trained."""
    return sum(parameter.numel() for parameter in model.parameters())


def _pooled_by_weights(first: int, middle: tuple[int, ...], last: tuple[int, ...]) -> nn.Sequential:
    """A 5x5 convolution and 3x3 ones, and a global pooling that learns how much each place of the 6x6 map counts.

    Args:
        first: channels of the 5x5 convolution, whose 24x24 map is max-pooled.
        middle: channels of the 3x3 convolutions on the 12x12 map; that of the last is max-pooled.
        last: channels of those on the 6x6 map, and in the end of the pooling.
    """
    features = last[-1]
    pooling = nn.Conv2d(features, features, 6, groups=features, bias=False)
    # average pooling, to begin with
    nn.init.constant_(pooling.weight, 1 / 36)
    first_convolution = nn.Conv2d(1, first, 5, bias=False)
    on_12x12 = [_conv3x3(*channels) for channels in pairwise((first, *middle))]
    on_6x6 = [_conv3x3(*channels) for channels in pairwise((middle[-1], *last))]
    return nn.Sequential(
        *_max_pooled(first_convolution),
        *chain.from_iterable(map(_normalised, on_12x12[:-1])),
        *_max_pooled(on_12x12[-1]),
        *chain.from_iterable(map(_normalised, on_6x6)),
        pooling,
        nn.BatchNorm2d(features),
        nn.Flatten(),
        nn.Linear(features, CLASSES),
    )


def _conv3x3(inputs: int, outputs: int) -> nn.Conv2d:
    return nn.Conv2d(inputs, outputs, 3, padding=1, bias=False)


def _normalised(convolution: nn.Conv2d) -> list[nn.Module]:
    return [convolution, nn.BatchNorm2d(convolution.out_channels), nn.ReLU()]


def _max_pooled(convolution: nn.Conv2d) -> list[nn.Module]:
    """Max pool before batch norm and ReLU: on a quarter of the numbers.

    The maximum is the same, since both keep the order wherever the scale of the batch norm is positive.
    """
    norm = nn.BatchNorm2d(convolution.out_channels)
    # what was pooled by the maximum is mostly positive, and stays so: ReLU cuts off a quarter of it, not half
    nn.init.constant_(norm.bias, 0.7)
    return [convolution, nn.MaxPool2d(2), norm, nn.ReLU()]


def _convolution(
    inputs: int, outputs: int, kernel: int, *, padding: int = 0, bias: bool = True, dropout: float = 0.0
) -> list[nn.Module]:
    """Convolution, ReLU, batch norm and dropout, in the order that most seeds have."""
    layers = [
        nn.Conv2d(inputs, outputs, kernel, padding=padding, bias=bias),
        nn.ReLU(),
        nn.BatchNorm2d(outputs),
    ]
    return [*layers, nn.Dropout(dropout)] if dropout else layers


def _seed0_net8() -> nn.Sequential:
    return nn.Sequential(
        *_convolution(1, 16, 3, padding=1, bias=False, dropout=0.1),
        *_convolution(16, 32, 3, padding=1, bias=False, dropout=0.1),
        *_convolution(32, 10, 1, bias=False, dropout=0.1),
        nn.MaxPool2d(2),
        nn.Conv2d(10, 16, 3, bias=False),
        nn.BatchNorm2d(16),
        nn.ReLU(),
        *_convolution(16, 32, 3, bias=False, dropout=0.1),
        *_convolution(32, 16, 1, bias=False, dropout=0.1),
        nn.MaxPool2d(2),
        *_convolution(16, 32, 3, bias=False),
        nn.AvgPool2d(3),
        nn.Flatten(),
        nn.Linear(32, 64),
        nn.ReLU(),
        nn.Linear(64, CLASSES),
    )


def _seed0_net2() -> nn.Sequential:
    return nn.Sequential(
        *_convolution(1, 14, 3, bias=False, dropout=0.1),
        *_convolution(14, 25, 3, bias=False, dropout=0.1),
        *_convolution(25, 10, 1, bias=False, dropout=0.1),
        nn.MaxPool2d(2),
        nn.Conv2d(10, 10, 3, bias=False),
        nn.BatchNorm2d(10),
        nn.ReLU(),
        *_convolution(10, 16, 3, bias=False, dropout=0.1),
        *_convolution(16, 25, 3, bias=False, dropout=0.1),
        nn.AvgPool2d(5),
        nn.Flatten(),
        nn.Linear(25, 50),
        nn.ReLU(),
        nn.Linear(50, 50),
        nn.ReLU(),
        nn.Linear(50, CLASSES),
    )


def _seed1() -> nn.Sequential:
    return nn.Sequential(
        *_convolution(1, 8, 3),
        *_convolution(8, 16, 3),
        *_convolution(16, 32, 3, dropout=0.03),
        nn.MaxPool2d(2),
        *_convolution(32, 8, 1),
        *_convolution(8, 16, 3),
        *_convolution(16, 32, 3, dropout=0.03),
        nn.AvgPool2d(7),
        nn.Flatten(),
        nn.Linear(32, 64),
        nn.Linear(64, 32),
        nn.Linear(32, CLASSES),
    )


def _seed2() -> nn.Sequential:
    return nn.Sequential(
        *_convolution(1, 64, 3, padding=1),
        nn.MaxPool2d(2),
        *_convolution(64, 32, 3, padding=1),
        nn.AvgPool2d(14),
        nn.Dropout(0.1),
        nn.Flatten(),
        nn.Linear(32, 12),
        nn.Linear(12, CLASSES),
    )


def _seed3() -> nn.Sequential:
    return nn.Sequential(
        *_convolution(1, 32, 5),
        *_convolution(32, 16, 3),
        nn.MaxPool2d(2),
        nn.Dropout(0.1),
        *_convolution(16, 16, 3),
        *_convolution(16, 64, 3),
        nn.AdaptiveAvgPool2d(1),
        nn.Dropout(0.1),
        nn.Flatten(),
        nn.Linear(64, CLASSES),
    )


def _seed4() -> nn.Sequential:
    return nn.Sequential(
        *_convolution(1, 16, 3, padding=1),
        *_convolution(16, 32, 3, padding=1),
        nn.MaxPool2d(2),
        nn.Conv2d(32, 8, 1),
        nn.Dropout(0.3),
        *_convolution(8, 16, 3),
        *_convolution(16, 32, 3),
        nn.Conv2d(32, 8, 1),
        nn.Dropout(0.3),
        nn.Conv2d(8, 16, 3),
        nn.ReLU(),
        nn.Conv2d(16, 32, 3),
        nn.ReLU(),
        nn.Conv2d(32, CLASSES, 1),
        nn.AvgPool2d(6),
        nn.Flatten(),
    )


_MUON = Recipe(
    epochs=6, optimizer="muon", lr=0.03, weight_decay=0.02, schedule="linear", warmup=0.2, augment="8,8,1", ema=0.998
)
_MOMENTUM = Recipe(epochs=20, batch_size=128, optimizer="sgd", lr=0.01, momentum=0.9)

DESIGNS = {
    "compact": Design(
        "The default: 99.5 % with under 10,000 parameters.",
        lambda: _pooled_by_weights(16, (14, 14), (32,)),
        _MUON,
    ),
    "tiny": Design(
        "Under 5,000 parameters.",
        lambda: _pooled_by_weights(8, (12, 12), (16,)),
        replace(_MUON, epochs=12),
    ),
    "nano": Design(
        "Under 3,000 parameters.",
        lambda: _pooled_by_weights(8, (7, 7), (8, 10)),
        replace(_MUON, epochs=19),
    ),
    "sprint": Design(
        "The fewest epochs.",
        lambda: _pooled_by_weights(16, (20, 20), (40,)),
        replace(_MUON, epochs=2, augment="5,5,1"),
    ),
    "seed0-net8": Design(
        "Ten layers, 3x3 and 1x1, batch norm and dropout after nearly each.",
        _seed0_net8,
        _MOMENTUM,
    ),
    "seed0-net2": Design(
        "The same idea without padding, and three linear layers.",
        _seed0_net2,
        _MOMENTUM,
    ),
    "seed1": Design(
        "Unpadded convolutions to 7x7, and linear layers without activation between them.",
        _seed1,
        replace(_MOMENTUM, epochs=19),
    ),
    "seed2": Design(
        "Two wide convolutions, and an average over the whole map.",
        _seed2,
        Recipe(epochs=20, batch_size=256, optimizer="adam", lr=0.001),
    ),
    "seed3": Design(
        "A 5x5 convolution and three 3x3, global average pooling.",
        _seed3,
        replace(_MOMENTUM, epochs=19, batch_size=64),
    ),
    "seed4": Design(
        "Eleven convolutions and no linear layer.",
        _seed4,
        replace(_MOMENTUM, epochs=19, batch_size=256, lr=0.1),
    ),
}
