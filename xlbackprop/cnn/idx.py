"""Images and labels in the IDX files of MNIST, packed or not; read without torch."""

import gzip
import struct
import zlib
from math import prod
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from xlbackprop.cnn.networks import CLASSES, IMAGE
from xlbackprop.errors import UnusableInput, reason

#: torchvision's folders of the data sets whose test images lie in these files.
FOLDERS = {"mnist": "MNIST", "fashion-mnist": "FashionMNIST", "kmnist": "KMNIST"}
_FILES = ("t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte")
# zero, zero, and the number of a kind: unsigned bytes
_BYTES = 0x08

Bytes = NDArray[np.uint8]


def read_test_images(name: str, folder: Path) -> tuple[Bytes, Bytes]:
    """The test images of a data set, of shape (count, 28, 28), from 0 to 255, and their labels.

    Args:
        name: of the data set.
        folder: torchvision's or a plain one.

    Raises:
        UnusableInput: a file is missing, damaged, or holds something else.
    """
    if name not in FOLDERS:
        raise UnusableInput(f"The images of {name} cannot be chosen from: choose from {', '.join(FOLDERS)}.")
    images, labels = _found(folder, FOLDERS[name])
    return read_pair(images, labels)


def read_pair(images: Path, labels: Path) -> tuple[Bytes, Bytes]:
    """The images of a file, of shape (count, 28, 28), from 0 to 255, and their labels from another.

    Raises:
        UnusableInput: a file cannot be read, is damaged, or holds something else.
    """
    pixels, numbers = (_read(path, axes) for path, axes in ((images, 3), (labels, 1)))
    if pixels.shape[1:] != IMAGE[1:]:
        height, width = pixels.shape[1:]
        raise UnusableInput(f"{images} holds images of {height}x{width} pixels, not of {IMAGE[1]}x{IMAGE[2]}.")
    if len(pixels) != len(numbers) or not len(pixels):
        counts = f"{len(pixels)} images and {len(numbers)} labels"
        raise UnusableInput(f"{images} and {labels.name} do not belong together: {counts}.")
    if numbers.max() >= CLASSES:
        raise UnusableInput(f"{labels} holds the label {numbers.max()}, but there are only {CLASSES} classes.")
    return pixels, numbers


def _found(folder: Path, subfolder: str) -> list[Path]:
    for place in (folder, folder / subfolder / "raw"):
        candidates = [[path for path in (place / f"{name}.gz", place / name) if path.is_file()] for name in _FILES]
        if all(candidates):
            return [found[0] for found in candidates]
    raise UnusableInput(
        f"The files {_FILES[0]} and {_FILES[1]} (or the same with .gz) are not in {folder}: give the folder that "
        "holds them."
    )


def _read(path: Path, axes: int) -> Bytes:
    """The bytes of a file in their shape.

    Raises:
        UnusableInput: the file cannot be read, or holds something else.
    """
    try:
        packed = path.read_bytes()
        data = gzip.decompress(packed) if path.suffix == ".gz" else packed
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise UnusableInput(_damaged(path)) from error
    except OSError as error:
        raise UnusableInput(f"{path} cannot be read: {reason(error)}.") from error
    start = 4 + 4 * axes
    shape = struct.unpack(f">{axes}I", data[4:start]) if len(data) >= start else ()
    if data[:4] != bytes((0, 0, _BYTES, axes)) or len(shape) != axes or len(data) != start + prod(shape):
        raise UnusableInput(_damaged(path))
    return np.frombuffer(data, dtype=np.uint8, offset=start).reshape(shape)


def _damaged(path: Path) -> str:
    return f"{path} is damaged, or no IDX file: delete it, and fetch it again."
