"""The trained networks that come with the program."""

from importlib.resources import files
from pathlib import Path

from xlbackprop.cnn.trained import MODEL, TrainedNetwork, read_network
from xlbackprop.errors import UnusableInput

#: By name, with a few words for each.
SHIPPED = {
    "nano": "2,939 parameters, reads 99.35 % of the test images",
    "teach": "1,168 parameters, reads 97.49 %, fits on two screens",
}
DEFAULT = "nano"
#: How many percent of the 10,000 test images a network reads with weights of 1, 2 and 3 decimals.
ROUNDED_ACCURACY: dict[str, dict[int, float]] = {}


def shipped_network(name: str) -> TrainedNetwork:
    """A trained network that comes with the program.

    Raises:
        UnusableInput: none has the name.
    """
    if name not in SHIPPED:
        raise UnusableInput(f"there is no trained network {name} in the program: choose one of {', '.join(SHIPPED)}.")
    return read_network(Path(str(files("xlbackprop.cnn"))) / "shipped" / name / MODEL)
