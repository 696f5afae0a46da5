"""The networks by name, each with its layers and the recipe that trains it.

All take images of shape (batch, 1, 28, 28), normalised, and give one logit a class, (batch, 10). The log-softmax
at the end of the usual MNIST networks is part of the loss, so no network has it.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace

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


def _pooled_by_weights(first: int, second: int, third: int, fourth: int) -> nn.Sequential:
    """Four convolutions, and a global pooling that learns how much each place of the 6x6 map counts.

    The max pool comes before batch norm and ReLU: of a quarter of the numbers, the same maximum, since both
    keep the order wherever the scale of the batch norm is positive.

    Args:
        first: channels of the 5x5 convolution.
        second: channels of the first 3x3 convolution.
        third: channels of the second.
        fourth: channels of the third, and so of the pooling.
    """
    after_pooling = [nn.BatchNorm2d(first), nn.BatchNorm2d(third)]
    for norm in after_pooling:
        # what was pooled by the maximum is mostly positive, and stays so: ReLU cuts off a quarter of it, not half
        nn.init.constant_(norm.bias, 0.7)
    pooling = nn.Conv2d(fourth, fourth, 6, groups=fourth, bias=False)
    # average pooling, to begin with
    nn.init.constant_(pooling.weight, 1 / 36)
    return nn.Sequential(
        nn.Conv2d(1, first, 5, bias=False),
        nn.MaxPool2d(2),
        after_pooling[0],
        nn.ReLU(),
        nn.Conv2d(first, second, 3, padding=1, bias=False),
        nn.BatchNorm2d(second),
        nn.ReLU(),
        nn.Conv2d(second, third, 3, padding=1, bias=False),
        nn.MaxPool2d(2),
        after_pooling[1],
        nn.ReLU(),
        nn.Conv2d(third, fourth, 3, padding=1, bias=False),
        nn.BatchNorm2d(fourth),
        nn.ReLU(),
        pooling,
        nn.BatchNorm2d(fourth),
        nn.Flatten(),
        nn.Linear(fourth, CLASSES),
    )


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
        lambda: _pooled_by_weights(16, 14, 14, 32),
        _MUON,
    ),
    "tiny": Design(
        "Under 5,000 parameters.",
        lambda: _pooled_by_weights(8, 12, 12, 16),
        replace(_MUON, epochs=8),
    ),
    "nano": Design(
        "Under 3,000 parameters.",
        lambda: _pooled_by_weights(10, 7, 7, 12),
        replace(_MUON, epochs=15),
    ),
    "sprint": Design(
        "The fewest epochs.",
        lambda: _pooled_by_weights(16, 20, 20, 40),
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
