"""Digits drawn from fonts, for those without a network: made on the spot, the same ones each time."""

import importlib.util
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont
from torch import Tensor

from mnist_train.augmentation import Affine
from mnist_train.handwriting import centred
from xlbackprop.cnn.networks import CLASSES, IMAGE

_TRAIN, _TEST = 12_000, 2_000
# of matplotlib, which brings them wherever it is installed; those of the test images are in no training image
_TRAIN_FONTS = (
    *("DejaVuSans", "DejaVuSans-Bold", "DejaVuSans-Oblique", "DejaVuSansMono", "DejaVuSansMono-Bold"),
    *("DejaVuSerif", "DejaVuSerif-Bold", "DejaVuSerif-Italic", "STIXGeneral", "STIXGeneralBol", "cmr10", "cmtt10"),
)
_TEST_FONTS = ("DejaVuSans-BoldOblique", "DejaVuSerif-BoldItalic", "STIXGeneralItalic", "cmss10", "cmb10")
_POINTS = 96
_ROTATION, _SCALE, _SHIFT = 12.0, 12.0, 2.0
_GRAIN = 12.0

Bytes = NDArray[np.uint8]


def images(seed: int, count: int, fonts: Sequence[str]) -> tuple[Tensor, Tensor]:
    """Digits of some fonts, each turned, sized and moved a little, with some grain.

    Args:
        seed: of all that is random.
        count: how many.
        fonts: names of matplotlib's fonts.

    Returns:
        pixels, (count, 1, 28, 28), bytes, 0 for the background; and labels, (count,).
    """
    randomness = torch.Generator().manual_seed(seed)
    forms = torch.from_numpy(np.stack([_form(font, digit) for font in fonts for digit in range(CLASSES)]))
    chosen = torch.randint(len(forms), (count,), generator=randomness)
    amounts = torch.rand(4, count, generator=randomness) * 2 - 1
    moved = Affine(_ROTATION, _SCALE, _SHIFT, IMAGE[1], torch.device("cpu"))(forms[chosen, None].float(), amounts)
    grain = torch.randn(moved.shape, generator=randomness) * _GRAIN
    return (moved + grain).round().clamp(0, 255).to(torch.uint8), chosen % CLASSES


def train_images() -> tuple[Tensor, Tensor]:
    """The images to train on, as `images` gives them."""
    return images(1, _TRAIN, _TRAIN_FONTS)


def test_images() -> tuple[Tensor, Tensor]:
    """The images to report on, of other fonts."""
    return images(2, _TEST, _TEST_FONTS)


def _form(font: str, digit: int) -> Bytes:
    """A digit of a font, as MNIST would have it."""
    face = ImageFont.truetype(str(_fonts() / f"{font}.ttf"), _POINTS)
    canvas = Image.new("L", (2 * _POINTS, 2 * _POINTS))
    ImageDraw.Draw(canvas).text((_POINTS, _POINTS), str(digit), fill=255, font=face, anchor="mm")
    return centred(np.asarray(canvas) / 255)


def _fonts() -> Path:
    # found without importing matplotlib, which takes its time
    package = importlib.util.find_spec("matplotlib")
    if package is None or not package.origin:
        raise ModuleNotFoundError("matplotlib is not installed", name="matplotlib")
    return Path(package.origin).parent / "mpl-data" / "fonts" / "ttf"
