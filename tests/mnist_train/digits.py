"""Data sets for tests: printed digits, in the files of MNIST."""

import gzip
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

NAMES = (
    "train-images-idx3-ubyte",
    "train-labels-idx1-ubyte",
    "t10k-images-idx3-ubyte",
    "t10k-labels-idx1-ubyte",
)


def printed_digits(count: int, seed: int) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """Images (count, 28, 28) of printed digits at random places, with some noise, and their labels (count,)."""
    random = np.random.default_rng(seed)
    font = ImageFont.load_default(22)
    labels = random.integers(0, 10, count).astype(np.uint8)
    images = np.zeros((count, 28, 28), np.uint8)
    for image, label in zip(images, labels, strict=True):
        canvas = Image.new("L", (28, 28))
        right, down = random.integers(-3, 4, 2).tolist()
        ImageDraw.Draw(canvas).text((8 + right, 1 + down), str(label), fill=255, font=font)
        image[:] = np.clip(np.asarray(canvas) + random.normal(0, 20, (28, 28)), 0, 255)
    return images, labels


def idx(values: NDArray[np.uint8]) -> bytes:
    """Bytes in the format of MNIST's files."""
    sizes = b"".join(size.to_bytes(4, "big") for size in values.shape)
    return bytes([0, 0, 8, values.ndim]) + sizes + values.tobytes()


def write_data_set(folder: Path, *, train: int, test: int, packed: bool = True) -> None:
    """Write the four files, packed by gzip or not."""
    folder.mkdir(parents=True, exist_ok=True)
    parts = (*printed_digits(train, seed=1), *printed_digits(test, seed=2))
    for name, values in zip(NAMES, parts, strict=True):
        content = idx(values)
        if packed:
            (folder / f"{name}.gz").write_bytes(gzip.compress(content, compresslevel=1))
        else:
            (folder / name).write_bytes(content)
