"""Images and labels in the IDX files of MNIST, packed or not; read without torch."""

import gzip
import zlib
from math import prod
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from xlbackprop.cnn.networks import CLASSES, IMAGE
from xlbackprop.errors import UnusableInput

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
    paths = _found(folder, FOLDERS[name])
    images, labels = (_read(path, axes) for path, axes in zip(paths, (3, 1), strict=True))
    if images.shape[1:] != IMAGE[1:]:
        height, width = images.shape[1:]
        raise UnusableInput(f"{paths[0]} holds images of {height}x{width} pixels, not of {IMAGE[1]}x{IMAGE[2]}.")
    if len(images) != len(labels) or not len(images):
        counts = f"{len(images)} images and {len(labels)} labels"
        raise UnusableInput(f"{paths[0]} and {paths[1].name} do not belong together: {counts}.")
    if labels.max() >= CLASSES:
        raise UnusableInput(f"{paths[1]} holds the label {labels.max()}, but there are only {CLASSES} classes.")
    return images, labels


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
    except (OSError, EOFError, zlib.error) as error:
        raise UnusableInput(f"{path} cannot be read: {error}.") from error
    start = 4 + 4 * axes
    shape = np.frombuffer(data[4:start], dtype=">u4").tolist()
    if data[:4] != bytes((0, 0, _BYTES, axes)) or len(shape) != axes or len(data) != start + prod(shape):
        raise UnusableInput(f"{path} is damaged, or no IDX file: fetch it again.")
    return np.frombuffer(data, dtype=np.uint8, offset=start).reshape(shape)
