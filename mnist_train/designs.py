"""The networks by name, each with a sentence and the recipe that trains it; known without torch."""

from dataclasses import dataclass, replace

from mnist_train.settings import NO_AUGMENTATION, Recipe
from xlbackprop.cnn.layers import parameter_count
from xlbackprop.cnn.networks import network_layers
from xlbackprop.errors import UnusableInput


@dataclass(frozen=True)
class Design:
    """A network of the registry: a sentence about it, and how it is trained."""

    sentence: str
    recipe: Recipe


def design(name: str) -> Design:
    """What the registry says of a network.

    Raises:
        UnusableInput: no network has the name.
    """
    if name not in DESIGNS:
        raise UnusableInput(f"There is no network {name!r}: choose one of {', '.join(DESIGNS)}.")
    return DESIGNS[name]


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
        replace(_MUON, epochs=2, augment="5,5,1", leave_out=0.4, small_steps=0.4),
    ),
    "best": Design(
        "The most accurate under 20,000 parameters: that of `sprint`, for longer and with a teacher.",
        replace(_MUON, epochs=19, augment="5,5,1", teacher="wide"),
    ),
    "wide": Design(
        "A teacher, and not compact.",
        replace(_MUON, epochs=12),
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


def registry() -> str:
    """All networks: name, parameters, a sentence, and the recipe."""
    lines = []
    for name, design in DESIGNS.items():
        parameters = sum(map(parameter_count, network_layers(name)))
        lines.append(f"{name:12} {parameters:>6,} parameters  {design.sentence}")
        lines.append(f"{'':32}{_recipe(design.recipe)}")
    return "\n".join(lines)


def _recipe(recipe: Recipe) -> str:
    """A recipe in a line: what differs from leaving it out."""
    parts = [f"{recipe.epochs} epochs of batches of {recipe.batch_size}", f"{recipe.optimizer} {recipe.lr:g}"]
    if recipe.schedule != "constant":
        parts.append(f"{recipe.schedule} decay")
    if recipe.warmup:
        parts.append(f"warm-up {100 * recipe.warmup:g}%")
    if recipe.augment != NO_AUGMENTATION:
        parts.append(f"augmentation {recipe.augment}")
    if recipe.leave_out:
        parts.append(f"without the easiest {100 * recipe.leave_out:g}% from the second epoch on")
    if recipe.small_steps:
        parts.append(f"the first {100 * recipe.small_steps:g}% of the steps on small images")
    if recipe.teacher:
        parts.append(f"taught by {recipe.teacher}")
    if recipe.ema:
        parts.append(f"averaged weights {recipe.ema:g}")
    return ", ".join(parts)
