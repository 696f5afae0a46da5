"""A trained network, back from the file that a run has left."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import nn

from mnist_train import models
from mnist_train.data import Normalisation
from mnist_train.settings import DATASETS, name_on_command_line
from xlbackprop.cnn.trained import read_network
from xlbackprop.errors import UnusableInput


@dataclass(frozen=True)
class Trained:
    """A network as a run left it, and what is known about it.

    Attributes:
        model: in evaluation mode.
        card: as in model.json.
        folder: where the file lies.
    """

    model: nn.Sequential
    card: dict[str, Any]
    folder: Path

    @property
    def normalisation(self) -> Normalisation:
        """Of the images that it was trained on."""
        return Normalisation(self.card["data"]["mean"], self.card["data"]["deviation"])

    @property
    def classes(self) -> tuple[str, ...]:
        """The names of its outputs."""
        return tuple(self.card["data"]["classes"])

    @property
    def data_set(self) -> str:
        """The name of the data set that it was trained on.

        Raises:
            UnusableInput: its card names none that is known.
        """
        name = self.card["data"].get("name")
        if name not in DATASETS:
            option = name_on_command_line("dataset")
            raise UnusableInput(
                f"The network in {self.folder} does not say on which images it was trained: add {option} and one of "
                f"{', '.join(DATASETS)}."
            )
        return str(name)

    @property
    def held_out(self) -> int:
        """How many images its training held back, of those that each run with so many or more holds back."""
        settings = self.card.get("settings")
        count = settings.get("hold_out") if isinstance(settings, dict) else None
        return count if isinstance(count, int) else 0


def load_trained(path: Path, device: torch.device) -> Trained:
    """Read a network.

    Args:
        path: model.safetensors, or the folder of a run with that file.
        device: where it shall compute.

    Raises:
        UnusableInput: the file is missing, damaged or of another kind.
    """
    network = read_network(path)
    model = models.modules(network.layers)
    tensors = {f"{n}.{name}": tensor for n, layer in enumerate(network.tensors) for name, tensor in layer.items()}
    # how many batches a batch norm has seen is missing, and nothing depends on it
    model.load_state_dict({name: torch.from_numpy(tensor) for name, tensor in tensors.items()}, strict=False)
    model.to(device, memory_format=torch.channels_last)
    return Trained(model.eval(), dict(network.card), network.file.parent)
