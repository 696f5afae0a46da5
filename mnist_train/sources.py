"""Where the images lie: found in a folder under any of their usual names, or downloaded; read without torch.

A folder may hold the four files of MNIST's format itself, packed by gzip or not, in torchvision's layout or in that of
Kaggle; or Keras's mnist.npz. torchvision knows where they are downloaded from, and is imported for that only.
"""

import contextlib
import hashlib
import re
import socket
import sys
import zipfile
import zlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import platformdirs

from mnist_train.settings import name_on_command_line
from xlbackprop.cnn.idx import Bytes, read_pair
from xlbackprop.cnn.networks import CLASSES, IMAGE
from xlbackprop.errors import UnusableInput, reason

_SECONDS_WITHOUT_AN_ANSWER = 30
_OPTION = name_on_command_line("data_dir")
_DIGITS = tuple("0123456789")
_KERAS = "mnist.npz"
# how a table of pixels begins: with or without the label, and as two people named the columns
_LABEL, _PIXELS, _HEADER = b"label", re.compile(rb"(?:label,)?(?:pixel[01]|1x1)\b"), 64
_ROLES = ("training images", "training labels", "test images", "test labels")


@dataclass(frozen=True)
class Source:
    """A data set that is published in the format of MNIST.

    Attributes:
        class_name: of the class in torchvision.datasets, and of the folder that torchvision makes.
        classes: the names of the labels.
        sums: the MD5 sums of the four files as they are published, in the order of `files`.
        unpacked_sums: the same, unpacked.
        arguments: what the class needs besides the folder.
        train: the part of the names of the training files that tells them apart.
        test: the same for the test files.
        turned: whether rows and columns of the images are exchanged.
    """

    class_name: str
    classes: tuple[str, ...]
    sums: tuple[str, ...] = ()
    unpacked_sums: tuple[str, ...] = ()
    arguments: dict[str, str] = field(default_factory=dict)
    train: str = "train"
    test: str = "t10k"
    turned: bool = False

    @property
    def files(self) -> tuple[str, ...]:
        """The names of images and labels for training, then for testing, as they are unpacked."""
        return tuple(
            f"{part}-{kind}" for part in (self.train, self.test) for kind in ("images-idx3-ubyte", "labels-idx1-ubyte")
        )


SOURCES = {
    "mnist": Source(
        "MNIST",
        _DIGITS,
        (
            *("f68b3c2dcbeaaa9fbdd348bbdeb94873", "d53e105ee54ea40749a09fcbcd1e9432"),
            *("9fb629c4189551a2d022fa330f9573f3", "ec29112dd5afa0611ce80d1b7f02629c"),
        ),
        (
            *("6bbc9ace898e44ae57da46a324031adb", "a25bea736e30d166cdddb491f175f624"),
            *("2646ac647ad5339dbf082846283269ea", "27ae3e4e09519cfbb04c329615203637"),
        ),
    ),
    "fashion-mnist": Source(
        "FashionMNIST",
        ("T-shirt/top", "Trouser", "Pullover", "Dress", "Coat", "Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot"),
        (
            *("8d4fb7e6c68d591d4c3dfef9ec88bf0d", "25c81989df183df01b3e8a0aad5dffbe"),
            *("bef4ecab320f06d8554ea6380940ec79", "bb300cfdad3c16e7a12a480ee83cd310"),
        ),
    ),
    "kmnist": Source(
        "KMNIST",
        ("o", "ki", "su", "tsu", "na", "ha", "ma", "ya", "re", "wo"),
        (
            *("bdb82020997e1d708af4cf47b453dcf7", "e144d726b3acfaa3e44228e80efcd344"),
            *("5c965bf0a639b31b8f53240b1b52f4d7", "7320c461ea6c1c855c0b718fb2a4b134"),
        ),
    ),
    "emnist-digits": Source(
        "EMNIST",
        _DIGITS,
        arguments={"split": "digits"},
        train="emnist-digits-train",
        test="emnist-digits-test",
        turned=True,
    ),
}


@dataclass(frozen=True)
class Raw:
    """A data set as it was read.

    Attributes:
        train, test: images, (count, 28, 28), from 0 to 255, and their labels, (count,).
        published: whether the files are the published ones; None where their sums are not known.
    """

    train: tuple[Bytes, Bytes]
    test: tuple[Bytes, Bytes]
    published: bool | None


def folder_of(given: str | Path) -> Path:
    """The folder that somebody gave, with a tilde or not; for an empty text that of the user's cache."""
    if not str(given):
        return platformdirs.user_cache_path("xlbackprop", appauthor=False) / "mnist"
    return Path(given).expanduser()


def read(name: str, folder: Path, *, download: bool = True) -> Raw:
    """Read a data set, downloading it first where it is not there.

    Args:
        name: a key of SOURCES.
        folder: where it lies, or is downloaded to.
        download: whether missing files are fetched.

    Raises:
        UnusableInput: a file is missing and cannot be downloaded, is damaged, or holds something else.
    """
    source = SOURCES[name]
    paths = _find(source, folder)
    if paths is None and name == "mnist" and _is_file(folder / _KERAS):
        return _read_keras(folder / _KERAS)
    if paths is None and download:
        _download(source, folder)
        paths = _find(source, folder)
    if paths is None:
        raise UnusableInput(f"{_missing(source, folder)}: give their folder with {_OPTION}.")
    sums = [_sum(path) for path in paths]
    _raise_if_others(name, paths, sums)
    train, test = read_pair(*paths[:2]), read_pair(*paths[2:])
    if source.turned:
        train, test = ((np.ascontiguousarray(images.swapaxes(1, 2)), labels) for images, labels in (train, test))
    return Raw(train, test, _are_published(source, paths, sums))


def _missing(source: Source, folder: Path) -> str:
    """What is not in a folder, and what is there instead, as the start of a sentence."""
    return f"The files {_listed(source.files)} (or the same with .gz) are not in {folder}{_tables(folder)}"


def _tables(folder: Path) -> str:
    """Which CSV files in a folder hold pixels, in brackets; empty where there are none."""
    try:
        headers = {path.name: _header(path) for path in sorted(folder.glob("*.csv"))}
    except OSError:
        return ""
    pixels = {name: header for name, header in headers.items() if _PIXELS.match(header)}
    if not pixels:
        return ""
    unlabelled = [name for name, header in pixels.items() if not header.startswith(_LABEL)]
    why = f", because {_listed(unlabelled)} has no labels" if unlabelled else ""
    return f" (there is {_listed(list(pixels))}: tables of pixels, as Kaggle has them, are not read{why})"


def _header(path: Path) -> bytes:
    try:
        # nothing may ever come from a pipe
        if not path.is_file():
            return b""
        with path.open("rb") as file:
            return file.read(_HEADER)
    except OSError:
        return b""


def _listed(names: Sequence[str]) -> str:
    return f"{', '.join(names[:-1])} and {names[-1]}" if names[1:] else names[0]


def _find(source: Source, folder: Path) -> tuple[Path, ...] | None:
    """Images and labels for training, then for testing; None if not all are in one of the folders."""
    for place in (folder, folder / source.class_name / "raw"):
        candidates = [[path for path in _spellings(place, name) if _is_file(path)] for name in source.files]
        if all(candidates):
            return tuple(found[0] for found in candidates)
    return None


def _spellings(folder: Path, name: str) -> list[Path]:
    """Where a file may lie: packed first, as published; then as those who unpack it call it, and Kaggle."""
    dotted = name.replace("-idx", ".idx")
    return [folder / f"{name}.gz", folder / name, folder / dotted, folder / name / name, folder / dotted / dotted]


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except OSError:
        # a name that is too long, or a folder that must not be searched
        return False


def _download(source: Source, folder: Path) -> None:
    """Have torchvision fetch the files into its layout.

    Raises:
        UnusableInput: it could not.
    """
    datasets = _torchvision_datasets()
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
            f"{_missing(source, folder)} and could not be downloaded: go online, give the folder where they lie with "
            f"{_OPTION}, or train on digits that are drawn from fonts with "
            f"{name_on_command_line('dataset')} printed."
        ) from error
    finally:
        socket.setdefaulttimeout(timeout)


def _torchvision_datasets() -> Any:
    try:
        from torchvision import datasets
    except (ImportError, RuntimeError) as error:
        # a build of torchvision for another build of torch fails with a RuntimeError
        raise UnusableInput(
            f"torchvision cannot be used ({error}): install it together with torch, by pip install torch torchvision."
        ) from error
    return datasets


def _sum(path: Path) -> str:
    try:
        return hashlib.md5(path.read_bytes(), usedforsecurity=False).hexdigest()
    except OSError as error:
        raise UnusableInput(f"{path} cannot be read: {reason(error)}.") from error


def _raise_if_others(name: str, paths: Sequence[Path], sums: Sequence[str]) -> None:
    """Raises UnusableInput for a file that is known to be another one than it is taken for."""
    known = {
        of: (other, role)
        for other, source in SOURCES.items()
        for all_sums in (source.sums, source.unpacked_sums)
        for of, role in zip(all_sums, _ROLES, strict=bool(all_sums))
    }
    for path, of, role in zip(paths, sums, _ROLES, strict=True):
        found = known.get(of, (name, role))
        if found != (name, role):
            raise UnusableInput(
                f"{path} holds the {found[1]} of {found[0]}, not the {role} of {name}: give the folder of {name} with "
                f"{_OPTION}, or another {name_on_command_line('dataset')}."
            )


def _are_published(source: Source, paths: Sequence[Path], sums: Sequence[str]) -> bool | None:
    wanted = [source.sums if path.suffix == ".gz" else source.unpacked_sums for path in paths]
    if not all(wanted):
        return None
    return all(of == right[place] for place, (of, right) in enumerate(zip(sums, wanted, strict=True)))


def _read_keras(path: Path) -> Raw:
    """Keras's file of MNIST.

    Raises:
        UnusableInput: it is damaged, or holds something else.
    """
    try:
        with path.open("rb") as file:
            arrays = np.load(file, allow_pickle=False)
            parts = [arrays[name] for name in ("x_train", "y_train", "x_test", "y_test")]
    except (OSError, LookupError, ValueError, EOFError, zipfile.BadZipFile, zlib.error) as error:
        raise UnusableInput(
            f"{path} is damaged, or not Keras's file of MNIST: delete it, and fetch it again."
        ) from error
    for images, labels in (parts[:2], parts[2:]):
        fits = labels.ndim == 1 and images.shape == (len(labels), *IMAGE[1:]) and len(labels)
        if not fits or {images.dtype, labels.dtype} != {np.dtype(np.uint8)} or labels.max() >= CLASSES:
            raise UnusableInput(f"{path} does not hold images of {IMAGE[1]}x{IMAGE[2]} with labels from 0 to 9.")
    sums = tuple(hashlib.md5(_as_idx(part), usedforsecurity=False).hexdigest() for part in parts)
    return Raw((parts[0], parts[1]), (parts[2], parts[3]), sums == SOURCES["mnist"].unpacked_sums)


def _as_idx(values: Bytes) -> bytes:
    """Bytes in the format of MNIST's files, of which the sums are known."""
    sizes = b"".join(size.to_bytes(4, "big") for size in values.shape)
    return bytes((0, 0, 8, values.ndim)) + sizes + values.tobytes()
