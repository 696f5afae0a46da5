"""A trained network, back from the file that a run has left."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import nn

from mnist_train import files, models, runs
from mnist_train.data import Normalisation
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


def load_trained(path: Path, device: torch.device) -> Trained:
    """Read a network.

    Args:
        path: model.safetensors, or the folder of a run with that file.
        device: where it shall compute.

    Raises:
        UnusableInput: the file is missing, damaged or of another kind.
    """
    file = path / runs.MODEL if path.is_dir() else path
    if path.is_dir() and not file.exists() and (path / runs.CHECKPOINT).exists():
        raise UnusableInput(f"The run in {path} is not finished: go on with --run-dir {path} --resume.")
    tensors, card = files.load_tensors(file)
    if not {"network", "data"} <= card.keys():
        raise UnusableInput(f"{file} is the checkpoint of a run that is not finished: resume it first.")
    model = models.build(card["network"])
    try:
        model.load_state_dict(tensors)
    except RuntimeError as error:
        raise UnusableInput(f"{file} does not hold the weights of {card['network']}.") from error
    return Trained(model.to(device, memory_format=torch.channels_last).eval(), card, file.parent)
