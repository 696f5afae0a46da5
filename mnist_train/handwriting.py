"""Any picture of a digit, made into what MNIST would have made of it.

MNIST's digits are white on black, fitted into 20x20 pixels with their proportions kept, and moved so that their
centre of mass is the middle of 28x28 pixels (LeCun, Cortes, Burges: The MNIST database of handwritten digits).
"""

import warnings
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps, UnidentifiedImageError
from scipy import ndimage

from xlbackprop.cnn.networks import IMAGE
from xlbackprop.errors import UnusableInput

SIZE = IMAGE[1]
_BOX = 20
# larger pictures hold nothing more about a digit
_LARGEST_SIDE = 1000
# grey levels between paper and ink that are no more than noise
_LEAST_CONTRAST = 16
# part of the ink of the largest patch, below which another one is dust: the bar of a 5 has a fifth or more
_DUST = 0.05


def read_digit(path: Path) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """A picture as it is, and as MNIST would have it.

    Args:
        path: a PNG, JPEG or anything else that Pillow reads; the digit may be dark on light or light on dark.

    Returns:
        The picture in grey, (height, width), and the digit, (28, 28), 0 for the background.

    Raises:
        UnusableInput: the file is missing or no picture, or there is nothing on it.
    """
    if path.exists() and not path.is_file() and not path.is_dir():
        # a pipe, from which nothing may ever come
        raise UnusableInput(f"{path} is not a file: give a PNG or JPEG.")
    try:
        with warnings.catch_warnings():
            # what Pillow warns of, such as a large picture, is no trouble here
            warnings.simplefilter("ignore")
            with Image.open(path) as picture:
                grey = _in_grey(picture)
    except FileNotFoundError:
        raise UnusableInput(f"{path} does not exist.") from None
    except Image.DecompressionBombError:
        raise UnusableInput(f"{path} is far too large for the picture of a digit.") from None
    except UnidentifiedImageError:
        raise UnusableInput(f"{path} is not a picture: give a PNG or JPEG.") from None
    except Exception as error:  # each format has errors of its own for a damaged file
        reason = getattr(error, "strerror", None) or "it is damaged"
        raise UnusableInput(f"{path} cannot be read: {reason.lower()}.") from error
    pixels = np.asarray(grey, dtype=np.float64)
    ink = _ink(pixels)
    if ink is None:
        raise UnusableInput(f"{path} holds no digit: all of it is of about one colour.")
    return np.asarray(grey), centred(ink)


def _in_grey(picture: Image.Image) -> Image.Image:
    """Upright, on paper of the other shade where it was transparent, of a handy size."""
    upright = ImageOps.exif_transpose(picture)
    upright.thumbnail((_LARGEST_SIDE, _LARGEST_SIDE))
    if upright.mode.startswith(("I", "F")):
        # more than 8 bits a pixel, and no word on what is white
        values = np.nan_to_num(np.asarray(upright, dtype=np.float64))
        levels = (65535,) if upright.mode.startswith("I;16") else (1, 255, 65535)
        white = next((level for level in levels if values.max() <= level), values.max())
        return Image.fromarray((values.clip(min=0) * (255 / white)).astype(np.uint8))
    layer = upright.convert("RGBA")
    paper = Image.new("RGBA", upright.size, "black" if _is_light(layer) else "white")
    return Image.alpha_composite(paper, layer).convert("L")


def _is_light(layer: Image.Image) -> bool:
    """Whether what is drawn on transparent ground is light, and so needs dark paper to be seen."""
    opacity = np.asarray(layer.getchannel("A"), dtype=np.float64)
    mean = (np.asarray(layer.convert("L")) * opacity).sum() / max(opacity.sum(), 1)
    return bool(opacity.min() < 128 and mean > 128)


def _ink(pixels: NDArray[np.float64]) -> NDArray[np.float64] | None:
    """How much ink is on each pixel, from 0 to 1; None if there is none anywhere."""
    border = np.concatenate([pixels[0], pixels[-1], pixels[:, 0], pixels[:, -1]])
    paper = float(np.median(border))
    ink = paper - pixels if paper - pixels.min() >= pixels.max() - paper else pixels - paper
    ink = ink.clip(min=0)
    if ink.max() < _LEAST_CONTRAST:
        return None
    ink /= ink.max()
    # shadows and grain of the paper lie below the threshold that parts ink from paper best
    return _without_dust(np.where(ink >= _otsu(ink) / 2, ink, 0))


def _without_dust(ink: NDArray[np.float64]) -> NDArray[np.float64]:
    """The ink without its smallest patches, since a speck in a corner would make the digit small."""
    patches, count = ndimage.label(ink > 0, structure=np.ones((3, 3)))
    amounts = ndimage.sum_labels(ink, patches, np.arange(count + 1))
    return np.where(amounts[patches] >= _DUST * amounts.max(), ink, 0)


def _otsu(values: NDArray[np.float64]) -> float:
    """The threshold that leaves the least variance on its two sides (Otsu 1979), for values from 0 to 1."""
    counts, edges = np.histogram(values, bins=256, range=(0, 1))
    middles = (edges[:-1] + edges[1:]) / 2
    below = counts.cumsum()
    above = below[-1] - below
    sums = (counts * middles).cumsum()
    with np.errstate(divide="ignore", invalid="ignore"):
        between = below * above * (sums / below - (sums[-1] - sums) / above) ** 2
    return float(middles[np.nanargmax(between)])


def centred(ink: NDArray[np.float64]) -> NDArray[np.uint8]:
    """A digit fitted into 20x20 pixels, its centre of mass in the middle of 28x28.

    Args:
        ink: (height, width), from 0 to 1; not all of it 0.
    """
    rows, columns = np.nonzero(ink.max(axis=1))[0], np.nonzero(ink.max(axis=0))[0]
    cut = Image.fromarray((255 * ink[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]).astype(np.uint8))
    larger = max(cut.size)
    width, height = (max(1, round(side * _BOX / larger)) for side in cut.size)
    digit = np.asarray(cut.resize((width, height), Image.Resampling.BOX if larger > _BOX else Image.Resampling.BICUBIC))
    mass = digit.sum() or 1
    top = SIZE / 2 - (digit.sum(axis=1) @ np.arange(height)) / mass
    left = SIZE / 2 - (digit.sum(axis=0) @ np.arange(width)) / mass
    row, column = (min(max(round(float(start)), 0), SIZE - side) for start, side in ((top, height), (left, width)))
    canvas = np.zeros((SIZE, SIZE), np.uint8)
    canvas[row : row + height, column : column + width] = digit
    return canvas
