"""The images: found or downloaded, read once, and kept as bytes on the device that trains.

torchvision knows where the files come from, their MD5 sums and their format. A folder may have torchvision's
layout (MNIST/raw inside it) or hold the four files itself, packed by gzip or not.
"""

import contextlib
import gzip
import hashlib
import shutil
import socket
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from mnist_train.settings import name_on_command_line
from xlbackprop.cnn.networks import CLASSES
from xlbackprop.errors import UnusableInput

SIZE = 28
_SECONDS_WITHOUT_AN_ANSWER = 30
_OPTION = name_on_command_line("data_dir")


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
        published: whether the files have the MD5 sums of the published ones; None if they were unpacked before.
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


@dataclass(frozen=True)
class _Source:
    """How torchvision knows a data set.

    Attributes:
        class_name: of the class in torchvision.datasets.
        arguments: what the class needs besides the folder.
        train: the part of the names of the training files that tells them apart.
        test: the same for the test files.
        turned: whether rows and columns of the images are exchanged.
    """

    class_name: str
    arguments: dict[str, str]
    train: str = "train"
    test: str = "t10k"
    turned: bool = False

    def files(self, part: str) -> tuple[str, str]:
        return f"{part}-images-idx3-ubyte", f"{part}-labels-idx1-ubyte"


_SOURCES = {
    "mnist": _Source("MNIST", {}),
    "fashion-mnist": _Source("FashionMNIST", {}),
    "kmnist": _Source("KMNIST", {}),
    "emnist-digits": _Source("EMNIST", {"split": "digits"}, "emnist-digits-train", "emnist-digits-test", turned=True),
}


def load(name: str, folder: Path, *, limit: int = 0, hold_out: int = 0, download: bool = True) -> DataSet:
    """Read a data set, downloading it first where it is not there.

    Args:
        name: one of settings.DATASETS.
        folder: torchvision's or a plain one.
        limit: how many of the training images are used, 0 for all.
        hold_out: how many training images, the same in every run, are kept back and take the place of the
            test images.
        download: whether missing files are fetched.

    Raises:
        UnusableInput: a file is missing and cannot be downloaded, is damaged, or holds something else.
    """
    source = _SOURCES[name]
    folder = folder.expanduser()
    datasets = _torchvision_datasets()
    paths = _find(source, folder)
    if paths is None and download:
        _download(source, datasets, folder)
        paths = _find(source, folder)
    if paths is None:
        raise UnusableInput(f"{_wanted(source)} are not in {folder}: give their folder with {_OPTION}.")
    with tempfile.TemporaryDirectory() as scratch:
        train = _read(paths[0], paths[1], source, datasets, Path(scratch))
        test = _read(paths[2], paths[3], source, datasets, Path(scratch))
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
    kind = getattr(datasets, source.class_name)
    classes = kind.classes_split_dict["digits"] if source.class_name == "EMNIST" else kind.classes
    return DataSet(
        name,
        train,
        test,
        test_name,
        normalisation,
        tuple(label.partition(" - ")[0] for label in classes),
        _are_published(paths, kind),
    )


def _torchvision_datasets() -> Any:
    try:
        from torchvision import datasets
    except (ImportError, RuntimeError) as error:
        # a build of torchvision for another build of torch fails with a RuntimeError
        raise UnusableInput(
            f"torchvision cannot be used ({error}): install it together with torch, by pip install torch torchvision."
        ) from error
    return datasets


def _wanted(source: _Source) -> str:
    files = [*source.files(source.train), *source.files(source.test)]
    return f"The files {', '.join(files[:-1])} and {files[-1]} (or the same with .gz)"


def _find(source: _Source, folder: Path) -> tuple[Path, ...] | None:
    """Images and labels for training, then for testing; None if not all are in one of the folders."""
    names = [*source.files(source.train), *source.files(source.test)]
    for place in (folder, folder / source.class_name / "raw"):
        # the packed ones first: their MD5 sums are known
        candidates = [[path for path in (place / f"{name}.gz", place / name) if _is_file(path)] for name in names]
        if all(candidates):
            return tuple(found[0] for found in candidates)
    return None


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except OSError:
        # a name that is too long, or a folder that must not be searched
        return False


def _download(source: _Source, datasets: Any, folder: Path) -> None:
    """Have torchvision fetch the files into its layout.

    Raises:
        UnusableInput: it could not.
    """
    timeout = socket.getdefaulttimeout()
    socket.setdefaulttimeout(_SECONDS_WITHOUT_AN_ANSWER)
    raw = folder / source.class_name / "raw"
    new = [place for place in (raw, *raw.parents) if not place.exists()]
    try:
        # what torchvision prints on its way is no result
        with contextlib.redirect_stdout(sys.stderr):
            getattr(datasets, source.class_name)(folder, train=False, download=True, **source.arguments)
    except Exception as error:  # whatever a network can do, and what torchvision makes of it
        with contextlib.suppress(OSError):
            for place in new:
                place.rmdir()
        raise UnusableInput(
            f"{_wanted(source)} are not in {folder} and could not be downloaded: go online, or give the folder "
            f"where they lie with {_OPTION}."
        ) from error
    finally:
        socket.setdefaulttimeout(timeout)


def _read(images: Path, labels: Path, source: _Source, datasets: Any, scratch: Path) -> Images:
    """Read a pair of files.

    Raises:
        UnusableInput: one is damaged, or they do not hold images of 28x28 with labels from 0 to 9.
    """
    pixels = _parsed(images, datasets.mnist.read_image_file, scratch)
    numbers = _parsed(labels, datasets.mnist.read_label_file, scratch).long()
    if pixels.shape[1:] != (SIZE, SIZE):
        height, width = pixels.shape[1:]
        raise UnusableInput(f"{images} holds images of {height}x{width} pixels, not of {SIZE}x{SIZE}.")
    if len(pixels) != len(numbers) or not len(pixels):
        raise UnusableInput(
            f"{images} and {labels.name} do not belong together: {len(pixels)} images and {len(numbers)} labels."
        )
    if numbers.max() >= CLASSES:
        raise UnusableInput(f"{labels} holds the label {int(numbers.max())}, but there are only {CLASSES} classes.")
    if source.turned:
        pixels = pixels.transpose(1, 2).contiguous()
    return Images(pixels.unsqueeze(1), numbers)


def _parsed(path: Path, parse: Callable[[str], Tensor], scratch: Path) -> Tensor:
    """What torchvision reads from a file, which is unpacked first if it has to be."""
    try:
        if path.suffix == ".gz":
            unpacked = scratch / path.stem
            with gzip.open(path) as packed, unpacked.open("wb") as target:
                shutil.copyfileobj(packed, target)
            return parse(str(unpacked))
        return parse(str(path))
    except Exception as error:  # whatever torchvision stumbles over: it checks little and promises nothing
        if isinstance(error, OSError) and error.strerror:
            raise UnusableInput(f"{path} cannot be read: {error.strerror.lower()}.") from error
        raise UnusableInput(
            f"{path} is damaged: delete it to have it downloaded again, or give another folder with {_OPTION}."
        ) from error


def _normalisation(images: Images) -> Normalisation:
    """Mean and deviation of all pixels to four digits, which for MNIST are the usual .1307 and .3081."""
    counts = torch.bincount(images.pixels.flatten(), minlength=256).double()
    values = torch.arange(256, dtype=torch.float64) / 255
    mean = (counts @ values / counts.sum()).item()
    deviation = (counts @ (values - mean) ** 2 / counts.sum()).sqrt().item()
    # images of one colour have no deviation
    return Normalisation(round(mean, 4), max(round(deviation, 4), 1e-4))


def _are_published(paths: tuple[Path, ...], kind: Any) -> bool | None:
    sums = dict(getattr(kind, "resources", ()))
    if any(path.name not in sums for path in paths):
        return None
    return all(hashlib.md5(path.read_bytes()).hexdigest() == sums[path.name] for path in paths)
