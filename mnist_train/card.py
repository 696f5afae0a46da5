"""What model.json says: everything that somebody who finds the weights wants to know."""

import importlib.metadata
import platform
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

import torch

from mnist_train import __version__
from mnist_train.brief import TARGET_ACCURACY
from mnist_train.devices import device_name
from mnist_train.history import EpochRecord
from mnist_train.models import parameter_count
from mnist_train.trained import Trained
from mnist_train.training import Training
from xlbackprop.cnn.networks import network_layers
from xlbackprop.cnn.trained import layers_as_json


def card(
    training: Training,
    epochs: Sequence[EpochRecord],
    device: torch.device,
    processes: int,
    teacher: Trained | None = None,
) -> dict[str, Any]:
    """The card of a run that has come to its last epoch.

    Args:
        training: the network, with its data and settings.
        epochs: what was measured; at least one.
        device: where the run was computed.
        processes: how many trained together.
        teacher: from which it learned, too.
    """
    data, last = training.data, epochs[-1]
    return {
        "network": training.settings.model,
        "layers": layers_as_json(network_layers(training.settings.model)),
        "parameters": parameter_count(training.model),
        "averaged_weights": training.average is not None,
        "data": {
            "name": data.name,
            "published_files": data.published,
            "training_images": len(data.train),
            "test_images": len(data.test),
            "test_set": data.test_name,
            "mean": data.normalisation.mean,
            "deviation": data.normalisation.deviation,
            "classes": list(data.classes),
        },
        "accuracy": last.accuracy,
        "loss": last.loss,
        "epochs": len(epochs),
        "epochs_at_target": [line.epoch for line in epochs if line.accuracy >= TARGET_ACCURACY],
        "seconds": round(sum(line.seconds for line in epochs), 3),
        "seed": training.settings.seed,
        "teacher": {name: teacher.card.get(name) for name in _OF_TEACHER} if teacher else None,
        "device": device_name(device),
        "processes": processes,
        "versions": _versions(),
        "settings": asdict(training.settings),
    }


# what is told of a teacher; its seconds are not in those of the run
_OF_TEACHER = ("network", "parameters", "accuracy", "epochs", "seconds", "seed")


def _versions() -> dict[str, str]:
    return {
        "mnist_train": __version__,
        "torch": torch.__version__,
        # only the download needs it, and it takes its time to be imported
        "torchvision": importlib.metadata.version("torchvision"),
        "python": platform.python_version(),
        "platform": platform.platform(),
    }
