import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor
from torch.nn import functional

from mnist_train.augmentation import Affine, examples
from mnist_train.data import DataSet

CPU = torch.device("cpu")
AMOUNT = st.floats(-1, 1, width=32)


def images(count: int, size: int = 28) -> Tensor:
    return torch.rand(count, 1, size, size, generator=torch.Generator().manual_seed(0))


def changed(
    pictures: Tensor, limits: tuple[float, float, float], *amounts: tuple[float, float, float, float]
) -> Tensor:
    """The pictures changed within limits of rotation, scale and shift, each by its amounts."""
    return Affine(*limits, pictures.shape[-1], CPU)(pictures, torch.tensor(amounts).T)


def same(found: Tensor, right: Tensor) -> None:
    torch.testing.assert_close(found, right, atol=1e-4, rtol=0)


def square(side: int) -> Tensor:
    picture = torch.zeros(1, 1, 28, 28)
    margin = (28 - side) // 2
    picture[..., margin : 28 - margin, margin : 28 - margin] = 1
    return picture


def test_amounts_of_0_leave_images_as_they_are() -> None:
    same(changed(images(3), (30, 20, 4), *[(0, 0, 0, 0)] * 3), images(3))


def test_limits_of_0_leave_images_as_they_are() -> None:
    same(changed(images(3), (0, 0, 0), (1, 1, 1, 1), (-1, -1, -1, -1), (1, -1, 1, -1)), images(3))


def test_a_shift_of_one_pixel_moves_by_one_pixel_and_zeros_in() -> None:
    left, right, up, down = changed(
        images(1).expand(4, -1, -1, -1), (0, 0, 1), (0, 0, 1, 0), (0, 0, -1, 0), (0, 0, 0, 1), (0, 0, 0, -1)
    )
    (picture,) = images(1)
    same(left, functional.pad(picture[..., 1:], (0, 1)))
    same(right, functional.pad(picture[..., :-1], (1, 0)))
    same(up, functional.pad(picture[:, 1:], (0, 0, 0, 1)))
    same(down, functional.pad(picture[:, :-1], (0, 0, 1, 0)))


def test_half_an_amount_is_half_the_shift() -> None:
    same(changed(images(1), (0, 0, 4), (0, 0, 0.5, -0.25)), changed(images(1), (0, 0, 2), (0, 0, 1, -0.5)))


@pytest.mark.parametrize("size", [28, 9])
def test_a_right_angle_turns_to_the_left_and_a_negative_one_to_the_right(size: int) -> None:
    picture = images(1, size)
    same(changed(picture, (90, 0, 0), (1, 0, 0, 0)), torch.rot90(picture, 1, (2, 3)))
    same(changed(picture, (90, 0, 0), (-1, 0, 0, 0)), torch.rot90(picture, -1, (2, 3)))
    same(changed(picture, (180, 0, 0), (0.5, 0, 0, 0)), torch.rot90(picture, 1, (2, 3)))


def test_a_positive_scale_makes_smaller_and_a_negative_one_larger() -> None:
    smaller = changed(square(18), (0, 50, 0), (0, 1, 0, 0))
    larger = changed(square(10), (0, 50, 0), (0, -1, 0, 0))
    assert smaller.sum().item() == pytest.approx(12**2, rel=0.01)
    assert larger.sum().item() == pytest.approx(20**2, rel=0.01)
    # about the centre
    for picture in (smaller, larger):
        same(picture, picture.flip(2))
        same(picture, picture.flip(3))


@given(
    st.tuples(st.floats(0, 180), st.floats(0, 60), st.floats(0, 10)),
    st.lists(st.tuples(AMOUNT, AMOUNT, AMOUNT, AMOUNT), min_size=1, max_size=4),
)
def test_images_are_resampled_as_affine_grid_says(
    limits: tuple[float, float, float], amounts: list[tuple[float, float, float, float]]
) -> None:
    matrices = []
    for turn, scale, right, down in amounts:
        angle, factor = math.radians(limits[0] * turn), 1 + limits[1] / 100 * scale
        cosine, sine = factor * math.cos(angle), factor * math.sin(angle)
        step = limits[2] / 14
        matrices.append([[cosine, -sine, right * step], [sine, cosine, down * step]])
    pictures = images(len(amounts))
    grid = functional.affine_grid(torch.tensor(matrices), list(pictures.shape), align_corners=False)
    same(changed(pictures, limits, *amounts), functional.grid_sample(pictures, grid, align_corners=False))


def test_each_image_gets_its_own_change() -> None:
    limits = (20, 20, 3)
    amounts = [(1, 0, 0, 0), (0, 1, 0, 0), (0, 0, 1, 0), (0, 0, 0, 1), (-0.5, 0.3, 1, -1)]
    together = changed(images(5), limits, *amounts)
    for picture, amount, found in zip(images(5), amounts, together, strict=True):
        same(found, changed(picture[None], limits, amount)[0])
    alike = changed(images(1).expand(5, -1, -1, -1), limits, *amounts)
    assert all((alike[i] - alike[j]).abs().max() > 0.1 for i in range(5) for j in range(i))


def test_examples_are_changed_at_random_or_not_at_all(data: DataSet) -> None:
    images = data.train.pixels[:30]
    shown = examples(images, (8.0, 8.0, 1.0), seed=3)
    assert shown.shape == images.shape
    assert not torch.equal(shown, images.float())
    assert torch.equal(shown, examples(images, (8.0, 8.0, 1.0), seed=3))
    assert not torch.equal(shown, examples(images, (8.0, 8.0, 1.0), seed=4))
    assert torch.equal(examples(images, None, seed=3), images.float())


def test_the_middle_alone_is_taken_where_that_is_wanted() -> None:
    middle = Affine(0, 0, 0, 28, CPU, middle=24)(images(2), torch.zeros(4, 2))
    same(middle, images(2)[..., 2:26, 2:26])


def test_the_middle_is_sampled_as_so_many_pixels() -> None:
    # brightness that rises evenly is what it was at each place
    row = torch.arange(28.0)
    picture = (row + 0.1 * row[:, None]).expand(1, 1, 28, 28)
    small = Affine(0, 0, 0, 28, CPU, middle=24, pixels=20)(picture, torch.zeros(4, 1))
    places = 2 + (torch.arange(20.0) + 0.5) * 24 / 20 - 0.5
    same(small, (places + 0.1 * places[:, None]).expand(1, 1, 20, 20))


def test_small_images_are_changed_as_whole_ones_are() -> None:
    limits, amounts = (8, 8, 1), torch.tensor([[0.5], [-0.7], [0.9], [-0.2]])
    whole = Affine(*limits, 28, CPU)(square(14), amounts)
    small = Affine(*limits, 28, CPU, middle=24, pixels=24)(square(14), amounts)
    same(small, whole[..., 2:26, 2:26])
