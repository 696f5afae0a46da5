"""The trained networks that come with the program."""

from importlib.resources import files
from pathlib import Path

from xlbackprop.cnn.trained import MODEL, TrainedNetwork, read_network
from xlbackprop.errors import UnusableInput

SHIPPED = ("nano", "teach")
DEFAULT = "nano"
#: How many percent of the 10,000 test images a network reads with weights of 1, 2 and 3 decimals: measured by torch.
ROUNDED_ACCURACY = {
    "nano": {1: 98.99, 2: 99.35, 3: 99.34},
    "teach": {1: 97.42, 2: 97.47, 3: 97.49},
}


def shipped_network(name: str) -> TrainedNetwork:
    """A trained network that comes with the program.

    Raises:
        UnusableInput: none has the name.
    """
    if name not in SHIPPED:
        raise UnusableInput(f"there is no trained network {name} in the program: choose one of {', '.join(SHIPPED)}.")
    return read_network(Path(str(files("xlbackprop.cnn"))) / "shipped" / name / MODEL)
