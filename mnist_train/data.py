"""The images: read once, and kept as bytes on the device that trains."""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from mnist_train import sources
from mnist_train.settings import PRINTED, name_on_command_line
from xlbackprop.cnn.idx import Bytes
from xlbackprop.cnn.networks import CLASSES
from xlbackprop.errors import UnusableInput

SIZE = 28


@dataclass(frozen=True)
class Images:
    """Images and what they show.

    Attributes:
        pixels: (count, 1, 28, 28), bytes, 0 for the background.
        labels: (count,), whole numbers from 0 to 9.
    """

    pixels: Tensor
    labels: Tensor

    def __len__(self) -> int:
        return len(self.labels)

    def __getitem__(self, chosen: Any) -> "Images":
        return Images(self.pixels[chosen], self.labels[chosen])

    def to(self, device: torch.device) -> "Images":
        """The same on a device."""
        return Images(self.pixels.to(device), self.labels.to(device))


@dataclass(frozen=True)
class Normalisation:
    """What brings pixels to mean 0 and deviation 1: those of all training images, of pixels from 0 to 1."""

    mean: float
    deviation: float

    def __call__(self, pixels: Tensor) -> Tensor:
        """Pixels from 0 to 255, bytes or floats, normalised."""
        return (pixels.float() - 255 * self.mean) / (255 * self.deviation)


@dataclass(frozen=True)
class DataSet:
    """Training images, and the images that a run reports on.

    Attributes:
        name: as the option gives it.
        train: what is trained on.
        test: what is reported on.
        test_name: what those are called in print.
        normalisation: of the training images.
        classes: the names of the labels.
        published: whether the files are the published ones; None where that is not known.
    """

    name: str
    train: Images
    test: Images
    test_name: str
    normalisation: Normalisation
    classes: tuple[str, ...]
    published: bool | None

    def to(self, device: torch.device) -> "DataSet":
        """The same on a device."""
        return replace(self, train=self.train.to(device), test=self.test.to(device))


def load(name: str, folder: str | Path, *, limit: int = 0, hold_out: int = 0, download: bool = True) -> DataSet:
    """Read a data set, downloading it first where it is not there; or draw the printed one.

    Args:
        name: one of settings.DATASETS.
        folder: where it lies, or is downloaded to; an empty text for the user's cache folder.
        limit: how many of the training images are used, 0 for all.
        hold_out: how many training images, the same in every run, are kept back and take the place of the
            test images.
        download: whether missing files are fetched.

    Raises:
        UnusableInput: a file is missing and cannot be downloaded, is damaged, or holds something else.
    """
    if name == PRINTED:
        from mnist_train import printed

        train, test = Images(*printed.train_images()), Images(*printed.test_images())
        classes, published = tuple(map(str, range(CLASSES))), None
    else:
        raw = sources.read(name, sources.folder_of(folder), download=download)
        train, test = _images(*raw.train), _images(*raw.test)
        classes, published = sources.SOURCES[name].classes, raw.published
    normalisation = _normalisation(train)
    test_name = "Test set"
    if hold_out:
        if hold_out >= len(train):
            raise UnusableInput(
                f"{name_on_command_line('hold_out')} {hold_out} leaves nothing of {len(train)} images to train on."
            )
        order = torch.randperm(len(train), generator=torch.Generator().manual_seed(0))
        test, train = train[order[:hold_out]], train[order[hold_out:]]
        test_name = "Held-out set"
    if limit:
        train = train[:limit]
    return DataSet(name, train, test, test_name, normalisation, classes, published)


def _images(pixels: Bytes, labels: Bytes) -> Images:
    # what is read from a file is not to be written to, and torch would complain
    return Images(torch.from_numpy(pixels.copy()).unsqueeze(1), torch.from_numpy(labels.astype("int64")))


def _normalisation(images: Images) -> Normalisation:
    """Mean and deviation of all pixels to four digits, which for MNIST are the usual .1307 and .3081."""
    counts = torch.bincount(images.pixels.flatten(), minlength=256).double()
    values = torch.arange(256, dtype=torch.float64) / 255
    mean = (counts @ values / counts.sum()).item()
    deviation = (counts @ (values - mean) ** 2 / counts.sum()).sqrt().item()
    # images of one colour have no deviation
    return Normalisation(round(mean, 4), max(round(deviation, 4), 1e-4))
