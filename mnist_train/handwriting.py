"""Any picture of a digit, made into what MNIST would have made of it.

MNIST's digits are white on black, fitted into 20x20 pixels with their proportions kept, and moved so that their
centre of mass is the middle of 28x28 pixels (LeCun, Cortes, Burges: The MNIST database of handwritten digits).
"""

import warnings
from itertools import combinations
from pathlib import Path
from typing import Any

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
# of the copy on which paper and light are looked at
_SMALL_SIDE = 96
# grey levels between paper and ink that are no more than noise, and how many deviations of the noise
_LEAST_CONTRAST, _LEAST_DEVIATIONS = 16, 6
# the same for a single pixel of the picture itself
_PIXEL_DEVIATIONS = 4
# light is even where so much of the border is as near to its middle, as a part of all contrast there is
_EVEN_PART, _EVEN_NEAR = 0.75, 0.05
# under uneven light a stroke is narrower than this part of the picture, and stands out by this part of the light's
# range
_STROKE, _OF_THE_LIGHT = 0.15, 0.2
_COURSE_ROUNDS = 8
# how much more another colour than grey must tell to be gone by
_MUCH_STRONGER = 2.0
# part of the ink of the largest patch, below which another one is dust: the bar of a 5 has a fifth or more
_DUST = 0.05
# two patches beside each other are two digits if each is so high beside the other, and has so much of its ink
_AS_HIGH, _AS_MUCH = 0.6, 0.25
# and if one is above the other, with so much of its height between them
_ROOM = 0.2

Grey = NDArray[np.float64]


def read_digit(path: Path) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """A picture as it is, and as MNIST would have it.

    Args:
        path: a PNG, JPEG or anything else that Pillow reads; the digit may be dark on light or light on dark. A
            picture that is as MNIST has it already stays as it is.

    Returns:
        The picture in grey, (height, width), and the digit, (28, 28), 0 for the background.

    Raises:
        UnusableInput: the file is missing or no picture, there is nothing on it, or more than one digit.
    """
    picture = _opened(path)
    grey = np.asarray(picture.convert("L"))
    light_on_dark = 255 - grey if np.median(_border(grey)) > 127 else grey
    if _is_as_in_mnist(light_on_dark):
        return grey, light_on_dark
    ink = _ink(picture)
    if ink is None:
        raise UnusableInput(f"{path} holds no digit: nothing on it stands out from its paper.")
    if _are_several(ink):
        raise UnusableInput(f"{path} holds more than one digit: cut it into pictures of one digit each.")
    return grey, centred(ink)


def _is_as_in_mnist(grey: NDArray[np.uint8]) -> bool:
    """Whether a picture is a digit as MNIST has it: white on black, fitted into its box, and in the middle."""
    if grey.shape != (SIZE, SIZE) or grey.max() < 255 - _LEAST_CONTRAST or _border(grey).any():
        return False
    extents, middles = [], []
    for axis in (0, 1):
        mass = grey.sum(axis=axis, dtype=np.float64)
        extents.append(np.ptp(mass.nonzero()[0]) + 1)
        middles.append(mass @ np.arange(SIZE) / mass.sum())
    return bool(_BOX - 2 <= max(extents) <= _BOX and np.abs(np.array(middles) - SIZE / 2).max() <= 1)


def _opened(path: Path) -> Image.Image:
    """The picture in a file, in colour or in grey.

    Raises:
        UnusableInput: the file is missing, or no picture.
    """
    if path.exists() and not path.is_file() and not path.is_dir():
        # a pipe, from which nothing may ever come
        raise UnusableInput(f"{path} is not a file: give a PNG or JPEG.")
    try:
        with warnings.catch_warnings():
            # what Pillow warns of, such as a large picture, is no trouble here
            warnings.simplefilter("ignore")
            with Image.open(path) as picture:
                return _in_colour(picture)
    except FileNotFoundError:
        raise UnusableInput(f"{path} does not exist.") from None
    except Image.DecompressionBombError:
        raise UnusableInput(f"{path} is far too large for the picture of a digit.") from None
    except UnidentifiedImageError:
        raise UnusableInput(f"{path} is not a picture: give a PNG or JPEG.") from None
    except Exception as error:  # each format has errors of its own for a damaged file
        reason = getattr(error, "strerror", None) or "it is damaged"
        raise UnusableInput(f"{path} cannot be read: {reason.lower()}.") from error


def _in_colour(picture: Image.Image) -> Image.Image:
    """Upright, on paper of the other shade where it was transparent, of a handy size; with 16 bits in grey."""
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
    return Image.alpha_composite(paper, layer).convert("RGB")


def _is_light(layer: Image.Image) -> bool:
    """Whether what is drawn on transparent ground is light, and so needs dark paper to be seen."""
    opacity = np.asarray(layer.getchannel("A"), dtype=np.float64)
    mean = (np.asarray(layer.convert("L")) * opacity).sum() / max(opacity.sum(), 1)
    return bool(opacity.min() < 128 and mean > 128)


def _ink(picture: Image.Image) -> Grey | None:
    """How much ink is on each pixel, from 0 to 1, (height, width); None if there is none anywhere."""
    ink = _strokes(np.asarray(picture.convert("L"), dtype=np.float64))
    if picture.mode == "RGB":
        # strokes of another colour may be as bright as their paper
        by_colour = [_strokes(np.asarray(channel, dtype=np.float64)) for channel in picture.split()]
        strongest = max(by_colour, key=lambda each: float(each.max()))
        if strongest.max() > _MUCH_STRONGER * ink.max():
            ink = strongest
    ink = _without_dust(ink)
    return ink / ink.max() if ink.any() else None


def _strokes(pixels: Grey) -> Grey:
    """By how many levels each pixel is nearer to the ink than its paper, (height, width); 0 where it is paper."""
    small = _shrunken(pixels)
    paper = np.full_like(small, np.median(_border(small)))
    near = max(_EVEN_NEAR * float(np.ptp(small)), _LEAST_CONTRAST / 4)
    even = bool((np.abs(_border(small) - paper[0, 0]) <= near).mean() >= _EVEN_PART)
    if not even:
        paper = _course(small)
    is_dark = (paper - small).max() >= (small - paper).max()
    least = float(_LEAST_CONTRAST)
    if not even:
        # what is left of the light is broader than a stroke
        close = ndimage.grey_closing if is_dark else ndimage.grey_opening
        side = max(3, round(_STROKE * min(small.shape)))
        paper = paper + close(small - paper, size=side)
        least = max(least, _OF_THE_LIGHT * float(np.ptp(paper)))
    sign = 1 if is_dark else -1
    stands_out = sign * (paper - small)
    if stands_out.max() < max(least, _LEAST_DEVIATIONS * _deviation(stands_out)):
        return np.zeros_like(pixels)
    ink = (sign * (_enlarged(paper, pixels.shape) - pixels)).clip(0)
    # shadows and grain of the paper lie below the threshold that parts ink from paper best
    threshold = max(_otsu(ink / ink.max()) / 2 * ink.max(), _PIXEL_DEVIATIONS * _deviation(ink))
    ink = np.where(ink >= threshold, ink, 0)
    if not even:
        ink = _without_what_touches_the_border(ink)
        if _shrunken(ink).max() < least:
            return np.zeros_like(pixels)
    return ink


def _border(pixels: NDArray[Any]) -> NDArray[Any]:
    return np.concatenate([pixels[0], pixels[-1], pixels[:, 0], pixels[:, -1]])


def _deviation(values: Grey) -> float:
    """Of the noise, by the median step from a pixel to the next, which crosses no stroke."""
    steps = np.concatenate([np.abs(np.diff(values, axis=axis)).reshape(-1) for axis in (0, 1)])
    return 1.4826 / 2**0.5 * float(np.median(steps)) if steps.size else 0.0


def _shrunken(pixels: Grey) -> Grey:
    """A copy of a handy size, each of its pixels a mean."""
    height, width = pixels.shape
    factor = max(height, width) / _SMALL_SIDE
    if factor <= 1:
        return pixels
    return _resized(pixels, (max(1, round(height / factor)), max(1, round(width / factor))), Image.Resampling.BOX)


def _enlarged(small: Grey, shape: tuple[int, ...]) -> Grey:
    return small if small.shape == shape else _resized(small, shape, Image.Resampling.BICUBIC)


def _resized(pixels: Grey, shape: tuple[int, ...], how: Image.Resampling) -> Grey:
    picture = Image.fromarray(pixels.astype(np.float32))
    return np.asarray(picture.resize((shape[1], shape[0]), how), dtype=np.float64)


def _course(small: Grey) -> Grey:
    """The course of the light over a page: the quadratic surface through most of its pixels, which are paper."""
    rows, columns = (np.linspace(-1, 1, count) for count in small.shape)
    y, x = np.meshgrid(rows, columns, indexing="ij")
    terms = np.stack([np.ones_like(x), x, y, x * x, x * y, y * y], axis=-1).reshape(-1, 6)
    values = small.reshape(-1)
    is_paper = np.ones(len(values), bool)
    surface = values
    for _ in range(_COURSE_ROUNDS):
        surface = terms @ np.linalg.lstsq(terms[is_paper], values[is_paper], rcond=None)[0]
        distance = np.abs(values - surface)
        is_paper = distance <= max(3 * float(np.median(distance[is_paper])), 2)
    return surface.reshape(small.shape)


def _without_what_touches_the_border(ink: Grey) -> Grey:
    """The ink without patches at the border, which uneven light leaves there."""
    patches, _ = _patches(ink)
    return np.where(np.isin(patches, np.unique(_border(patches))), 0, ink)


def _patches(ink: Grey) -> tuple[NDArray[np.int32], int]:
    """The number of the patch of each pixel, 0 for none, and how many there are."""
    return ndimage.label(ink > 0, structure=np.ones((3, 3)))


def _without_dust(ink: Grey) -> Grey:
    """The ink without its smallest patches, since a speck in a corner would make the digit small."""
    patches, count = _patches(ink)
    amounts = ndimage.sum_labels(ink, patches, np.arange(count + 1))
    return np.where(amounts[patches] >= _DUST * amounts.max(), ink, 0)


def _are_several(ink: Grey) -> bool:
    """Whether two patches stand side by side, or one above the other with room between, as two digits do."""
    patches, count = _patches(ink)
    amounts = ndimage.sum_labels(ink, patches, np.arange(1, count + 1))
    boxes = [
        box
        for box, amount in zip(ndimage.find_objects(patches), amounts, strict=True)
        if amount >= _AS_MUCH * amounts.max()
    ]
    return any(_stand_apart(one, other) for one, other in combinations(boxes, 2))


def _stand_apart(one: tuple[slice, slice], other: tuple[slice, slice]) -> bool:
    heights = [box[0].stop - box[0].start for box in (one, other)]
    if min(heights) < _AS_HIGH * max(heights):
        # a bar, a loop
        return False
    between_columns, between_rows = (
        max(one[axis].start, other[axis].start) - min(one[axis].stop, other[axis].stop) for axis in (1, 0)
    )
    # the two halves of an 8 that was written in two are near to each other
    return between_columns >= 0 or between_rows >= _ROOM * max(heights)


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
    if digit.max():
        # thin strokes, shrunken, are as white as MNIST's
        digit = (digit * (255 / digit.max())).round().astype(np.uint8)
    mass = digit.sum() or 1
    top = SIZE / 2 - (digit.sum(axis=1) @ np.arange(height)) / mass
    left = SIZE / 2 - (digit.sum(axis=0) @ np.arange(width)) / mass
    row, column = (min(max(round(float(start)), 0), SIZE - side) for start, side in ((top, height), (left, width)))
    canvas = np.zeros((SIZE, SIZE), np.uint8)
    canvas[row : row + height, column : column + width] = digit
    return canvas
