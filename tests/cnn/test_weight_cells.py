"""How kernels and single numbers stand beside a map."""

import numpy as np
import pytest

from xlbackprop.cnn.layers import BatchNorm
from xlbackprop.cnn.weight_cells import kernel_grid, put_kernels, put_norm
from xlbackprop.spreadsheet import addressing
from xlbackprop.spreadsheet.addresses import cells_between
from xlbackprop.spreadsheet.book import Book


@pytest.mark.parametrize(
    ("count", "side", "height", "rows", "size"),
    [
        (1, 5, 24, 1, (5, 5)),
        (7, 3, 12, 3, (11, 11)),
        # one more than a square
        (10, 3, 6, 4, (15, 11)),
        # as high as the map where that is higher
        (4, 3, 20, 4, (15, 3)),
        (64, 1, 6, 8, (15, 15)),
    ],
)
def test_kernels_stand_as_high_as_their_map_or_as_a_square(count, side, height, rows, size) -> None:
    grid = kernel_grid(np.zeros((2, count, side, side)), height)
    assert (grid.rows, (grid.height, grid.width)) == (rows, size)


def test_a_kernel_of_a_grid_is_found_again_in_its_place() -> None:
    sheet = Book().sheet("Sheet")
    kernels = np.arange(1.0, 46).reshape(5, 3, 3)
    grid = kernel_grid(kernels[None], 3)
    block = put_kernels(sheet, "kernels", (2, 2), kernels, grid)
    assert sheet.book.values(grid.place(block)) == kernels.ravel().tolist()
    shown = np.array(block.contents, dtype=float)
    assert np.nansum(shown) == kernels.sum()
    assert np.isnan(shown[3]).all()


@pytest.mark.parametrize("across", [True, False])
def test_scale_and_shift_of_a_batch_norm_follow_from_its_numbers(across: bool) -> None:
    book = Book()
    sheet = book.sheet("Sheet")
    numbers = {"weight": [2.0, -3], "bias": [0.5, 1], "running_mean": [1.0, 4], "running_var": [4.0, 9]}
    tensors = {name: np.array(values) for name, values in numbers.items()}
    _, places = put_norm(sheet, "norm", (1, 1), tensors, [0, 1], across=across)
    for name, expected in numbers.items():
        assert book.values(places[name]) == expected
    scale = tensors["weight"] / np.sqrt(tensors["running_var"] + BatchNorm.epsilon)
    assert book.values(places["scale"]) == pytest.approx(scale.tolist(), rel=1e-15)
    shift = tensors["bias"] - tensors["running_mean"] * scale
    assert book.values(places["shift"]) == pytest.approx(shift.tolist(), rel=1e-15)
    last = addressing.address(book, places["shift"][1])
    assert last.partition("!")[2] == list(cells_between("A1:F2" if across else "A1:B6"))[-1]
