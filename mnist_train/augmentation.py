"""Random rotations, scalings and shifts of a whole batch, in one resampling on the device."""

import math

import torch
from torch import Tensor
from torch.nn import functional


class Affine:
    """Turns, scales and shifts each image of a batch by a random amount of its own.

    Args:
        rotation: at most so many degrees either way.
        scale: at most so many per cent larger or smaller.
        shift: at most so many pixels either way, along each axis.
        size: height and width of the images in pixels.
        device: where the images lie.
        middle: of the changed images only so many pixels in the middle are taken, along each axis; all where None.
        pixels: as how many pixels they are sampled; as many where None.
    """

    def __init__(
        self,
        rotation: float,
        scale: float,
        shift: float,
        size: int,
        device: torch.device,
        *,
        middle: int | None = None,
        pixels: int | None = None,
    ) -> None:
        self._radians = math.radians(rotation)
        self._scale = scale / 100
        # the coordinates of grid_sample run from -1 to 1
        self._shift = 2 * shift / size
        middle = middle or size
        size, seen = pixels or middle, middle / size
        middles = ((2 * torch.arange(size, dtype=torch.float32, device=device) + 1) / size - 1) * seen
        rows, columns = torch.meshgrid(middles, middles, indexing="ij")
        self._pixels = torch.stack([columns, rows, torch.ones_like(rows)], dim=-1).reshape(size * size, 3)
        self._size = size

    def __call__(self, images: Tensor, amounts: Tensor) -> Tensor:
        """The changed images, (batch, 1, pixels, pixels); what is moved in from outside is 0.

        Args:
            images: (batch, 1, size, size), as floats.
            amounts: (4, batch), from -1 to 1: how far each image goes in rotation, scale, and shift along x and y.
        """
        batch = len(images)
        angle = amounts[0] * self._radians
        # a coordinate of the result times this is one of the original, so larger is smaller
        scale = 1 + amounts[1] * self._scale
        cosine, sine = torch.cos(angle) * scale, torch.sin(angle) * scale
        shift_x, shift_y = amounts[2] * self._shift, amounts[3] * self._shift
        rows = torch.stack([cosine, -sine, shift_x, sine, cosine, shift_y]).reshape(2, 3, batch)
        # one product for all images: affine_grid makes one an image, which costs three times as much
        grid = self._pixels @ rows.permute(1, 2, 0).reshape(3, 2 * batch)
        grid = grid.reshape(self._size, self._size, batch, 2).permute(2, 0, 1, 3)
        return functional.grid_sample(images, grid, mode="bilinear", padding_mode="zeros", align_corners=False)


def examples(images: Tensor, amount: tuple[float, float, float] | None, seed: int) -> Tensor:
    """Images as they may be trained on.

    Args:
        images: (count, 1, size, size), from 0 to 255.
        amount: rotation, scale and shift, as Affine takes them; None for no change.
        seed: of the random changes.

    Returns:
        the same shape, as floats.
    """
    if amount is None:
        return images.float()
    randomness = torch.Generator().manual_seed(seed)
    amounts = torch.rand(4, len(images), generator=randomness) * 2 - 1
    return Affine(*amount, images.shape[-1], images.device)(images.float(), amounts.to(images.device))
