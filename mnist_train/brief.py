"""A run against the brief of the courses: small, short, accurate at its end, and with the layers that they teach."""

from collections.abc import Sequence
from dataclasses import dataclass

from mnist_train.history import EpochRecord
from xlbackprop.cnn.layers import (
    AveragePool,
    BatchNorm,
    Dropout,
    GlobalAveragePool,
    Layer,
    Layers,
    MaxPool,
    parameter_count,
)

TARGET_ACCURACY = 99.4
MAX_PARAMETERS = 20_000
MAX_EPOCHS = 20
#: The images that the accuracy of the brief is meant for.
DATA_SET = "mnist"

_KINDS: dict[str, tuple[type[Layer], ...]] = {
    "batch norm": (BatchNorm,),
    "dropout": (Dropout,),
    "pooling": (MaxPool, AveragePool, GlobalAveragePool),
}


@dataclass(frozen=True)
class Item:
    """A line of the brief: whether it is met, what it asks for, and what there is."""

    met: bool
    wanted: str
    found: str


def items(layers: Layers, epochs: Sequence[EpochRecord], data_set: str) -> list[Item]:
    """The brief, line by line; without the accuracy where the images are others than those that it is meant for.

    Args:
        layers: of the network.
        epochs: of the run; at least one.
        data_set: its name.
    """
    parameters = sum(map(parameter_count, layers))
    found = [
        Item(parameters < MAX_PARAMETERS, f"parameters < {MAX_PARAMETERS:,}", f"{parameters:,}"),
        Item(len(epochs) < MAX_EPOCHS, f"epochs < {MAX_EPOCHS}", str(len(epochs))),
    ]
    if data_set == DATA_SET:
        last = epochs[-1].accuracy
        reached = [str(line.epoch) for line in epochs if line.accuracy >= TARGET_ACCURACY]
        found += [
            Item(last >= TARGET_ACCURACY, f"last epoch >= {TARGET_ACCURACY:.2f}%", f"{last:.2f}%"),
            Item(bool(reached), "epochs that reached it", ", ".join(reached) or "none"),
        ]
    for name, kinds in _KINDS.items():
        count = sum(isinstance(layer, kinds) for layer in layers)
        found.append(Item(count > 0, name, f"{count} layers" if count != 1 else "1 layer"))
    return found


def checklist(brief: Sequence[Item]) -> str:
    """The brief as lines for a terminal."""
    width = max(len(item.wanted) for item in brief)
    return "\n".join(f"[{'x' if item.met else ' '}] {item.wanted:{width}}  {item.found}" for item in brief)
