"""The networks by name, as torch modules, each with the recipe that trains it.

All take images of shape (batch, 1, 28, 28), normalised, and give one logit a class, (batch, 10). Their layers
are listed in `xlbackprop.cnn.networks`.
"""

from dataclasses import dataclass, replace

from torch import nn

from mnist_train.settings import Recipe
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
from xlbackprop.cnn.networks import network_layers
from xlbackprop.errors import UnusableInput


@dataclass(frozen=True)
class Design:
    """A network of the registry: a sentence about it, and how it is trained."""

    sentence: str
    recipe: Recipe


def build(name: str) -> nn.Sequential:
    """A network with fresh start weights from torch's generator.

    Raises:
        UnusableInput: no network has the name.
    """
    return modules(network_layers(name))


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


def modules(layers: Layers) -> nn.Sequential:
    """Layers as torch modules with fresh start weights."""
    # torch draws weights for every module; those that start as a constant come first, so that what they
    # drew shifts none of the others when such a layer is added at the end
    order = sorted(range(len(layers)), key=lambda n: not _starts_constant(layers[n]))
    made = {n: _module(layers[n]) for n in order}
    return nn.Sequential(*(made[n] for n in range(len(layers))))


def _starts_constant(layer: Layer) -> bool:
    return isinstance(layer, Convolution) and layer.start is not None


def _module(layer: Layer) -> nn.Module:
    match layer:
        case Convolution(inputs=inputs, outputs=outputs, kernel=kernel):
            groups = inputs if layer.depthwise else 1
            made = nn.Conv2d(inputs, outputs, kernel, padding=layer.padding, groups=groups, bias=layer.bias)
            if layer.start is not None:
                nn.init.constant_(made.weight, layer.start)
            return made
        case BatchNorm(channels=channels, start=start):
            norm = nn.BatchNorm2d(channels)
            nn.init.constant_(norm.bias, start)
            return norm
        case ReLU():
            return nn.ReLU()
        case MaxPool(size=size):
            return nn.MaxPool2d(size)
        case AveragePool(size=size):
            return nn.AvgPool2d(size)
        case GlobalAveragePool():
            return nn.AdaptiveAvgPool2d(1)
        case Dropout(rate=rate):
            return nn.Dropout(rate)
        case Flatten():
            return nn.Flatten()
        case Linear(inputs=inputs, outputs=outputs):
            return nn.Linear(inputs, outputs)
        case LogSoftmax():
            return nn.LogSoftmax(dim=1)


_MUON = Recipe(
    epochs=6, optimizer="muon", lr=0.03, weight_decay=0.02, schedule="linear", warmup=0.2, augment="8,8,1", ema=0.998
)
_MOMENTUM = Recipe(epochs=20, batch_size=128, optimizer="sgd", lr=0.01, momentum=0.9)

DESIGNS = {
    "compact": Design(
        "The default: 99.5 % with under 10,000 parameters.",
        _MUON,
    ),
    "tiny": Design(
        "Under 5,000 parameters.",
        replace(_MUON, epochs=12),
    ),
    "nano": Design(
        "Under 3,000 parameters.",
        replace(_MUON, epochs=19),
    ),
    "sprint": Design(
        "The fewest epochs.",
        replace(_MUON, epochs=2, augment="5,5,1"),
    ),
    "teach": Design(
        "One convolution and one linear layer: small enough to be shown whole.",
        replace(_MUON, epochs=12, augment="none"),
    ),
    "seed0-net8": Design(
        "Ten layers, 3x3 and 1x1, batch norm and dropout after nearly each.",
        _MOMENTUM,
    ),
    "seed0-net2": Design(
        "The same idea without padding, and three linear layers.",
        _MOMENTUM,
    ),
    "seed1": Design(
        "Unpadded convolutions to 7x7, and linear layers without activation between them.",
        replace(_MOMENTUM, epochs=19),
    ),
    "seed2": Design(
        "Two wide convolutions, and an average over the whole map.",
        Recipe(epochs=20, batch_size=256, optimizer="adam", lr=0.001),
    ),
    "seed3": Design(
        "A 5x5 convolution and three 3x3, global average pooling.",
        replace(_MOMENTUM, epochs=19, batch_size=64),
    ),
    "seed4": Design(
        "Eleven convolutions and no linear layer.",
        replace(_MOMENTUM, epochs=19, batch_size=256, lr=0.1),
    ),
}
