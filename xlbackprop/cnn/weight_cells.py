"""The cells of the weights that a map is made with: kernels as tiles, and single numbers in columns."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import ceil, isqrt

import numpy as np
from numpy.typing import NDArray

from xlbackprop.cnn import looks
from xlbackprop.cnn.cells import scale_formula, shift_formula
from xlbackprop.cnn.layers import Convolution, Layer, Linear
from xlbackprop.spreadsheet.addresses import cell_address
from xlbackprop.spreadsheet.blocks import Block, Content, Formula, Role
from xlbackprop.spreadsheet.book import Sheet
from xlbackprop.spreadsheet.places import Place
from xlbackprop.spreadsheet.presentation import ColourScale

#: The tensors of a batch norm, in the order in which they stand, above scale and shift.
NORM = ("weight", "bias", "running_mean", "running_var")
#: How a reader calls them, and what follows from them.
NORM_IN_WORDS = "gamma, beta, mean, variance, scale and shift"
NORM_CELLS = len(NORM) + 2

Tensors = Mapping[str, NDArray[np.float64]]


@dataclass(frozen=True)
class KernelGrid:
    """How the kernels of a map stand: in rows and columns, with an empty cell between them.

    Attributes:
        side: that of a kernel: height and width.
        count: how many there are.
        rows: how many stand below each other.
    """

    side: tuple[int, int]
    count: int
    rows: int

    @property
    def height(self) -> int:
        return self.rows * (self.side[0] + 1) - 1

    @property
    def width(self) -> int:
        return ceil(self.count / self.rows) * (self.side[1] + 1) - 1

    def corner(self, number: int) -> tuple[int, int]:
        """Row and column of the first cell of a kernel."""
        column, row = divmod(number, self.rows)
        return row * (self.side[0] + 1), column * (self.side[1] + 1)

    def contents(self, kernels: NDArray[np.float64]) -> list[list[Content]]:
        """The kernels, (count, height, width), as rows of cells."""
        found: list[list[Content]] = [[None] * self.width for _ in range(self.height)]
        for number, kernel in enumerate(kernels):
            top, left = self.corner(number)
            for n, row in enumerate(kernel.tolist()):
                found[top + n][left : left + self.side[1]] = row
        return found

    def place(self, block: Block) -> Place:
        """The cells of the kernels, (count, height, width)."""
        ids, (height, width) = block.place.ids, self.side
        corners = map(self.corner, range(self.count))
        return Place(np.stack([ids[top : top + height, left : left + width] for top, left in corners]))


def kernel_tensor(layer: Layer, tensors: Tensors, inputs: tuple[int, ...]) -> NDArray[np.float64] | None:
    """The kernels of a layer, (outputs, inputs, height, width); None if it has none.

    Args:
        layer: the layer.
        tensors: of it.
        inputs: the shape of what it is given: channels, height, width.
    """
    if isinstance(layer, Linear):
        return tensors["weight"].reshape(layer.outputs, *inputs)
    return tensors["weight"] if isinstance(layer, Convolution) else None


def kernel_grid(kernels: NDArray[np.float64], height: int) -> KernelGrid:
    """How the kernels of a map stand beside it: as high as the map, or as a square if there are many."""
    count, *side = kernels.shape[1:]
    square = isqrt(count - 1) + 1
    rows = min(count, max(square, (height + 1) // (side[0] + 1)))
    # the last column had better not be nearly empty
    return KernelGrid((side[0], side[1]), count, ceil(count / ceil(count / rows)))


def put_kernels(sheet: Sheet, name: str, at: tuple[int, int], kernels: NDArray[np.float64], grid: KernelGrid) -> Block:
    """The kernels of a map, (count, height, width), at a row and column."""
    block = sheet.put(cell_address(*at), grid.contents(kernels), looks.WEIGHT, role=Role.INPUT, name=name)
    signed(sheet, block.place)
    return block


def put_numbers(sheet: Sheet, name: str, at: tuple[int, int], rows: Sequence[Sequence[float]]) -> Block:
    """Weights that are no kernels, as rows of cells."""
    contents = [[float(number) for number in row] for row in rows]
    block = sheet.put(cell_address(*at), contents, looks.WEIGHT, role=Role.INPUT, name=name)
    signed(sheet, block.place)
    return block


def put_norm(
    sheet: Sheet, name: str, at: tuple[int, int], tensors: Tensors, channels: Sequence[int], *, across: bool
) -> tuple[Block, dict[str, Place]]:
    """The numbers of a batch norm: those that are given, and behind them scale and shift as formulas.

    Args:
        sheet: where they go.
        name: of what they belong to.
        at: row and column.
        tensors: of the layer.
        channels: the maps that they are of.
        across: whether those of a map stand beside each other, else below.

    Returns:
        the block of those that are given, and all places, an entry a channel.
    """
    row, column = at
    numbers = np.array([tensors[key][list(channels)] for key in NORM])
    given = put_numbers(sheet, name, at, (numbers.T if across else numbers).tolist())
    shape = (len(channels), 2) if across else (2, len(channels))
    behind = (row, column + len(NORM)) if across else (row + len(NORM), column)
    followed = sheet.reserve(f"{name}: scale and shift", cell_address(*behind), shape)
    cells = [Place(block.place.ids.T if across else block.place.ids) for block in (given, followed)]
    places = dict(zip((*NORM, "scale", "shift"), [*cells[0], *cells[1]], strict=True))
    formulas = [
        [Formula(formula(places, n)) for n in range(len(channels))] for formula in (scale_formula, shift_formula)
    ]
    sheet.fill(followed, [list(row) for row in zip(*formulas, strict=True)] if across else formulas, looks.PICTURE)
    signed(sheet, followed.place)
    return given, places


def signed(sheet: Sheet, cells: Place) -> None:
    """Show numbers of either sign as colours."""
    sheet.scales.append(ColourScale(cells, looks.NEGATIVE, looks.ZERO, looks.POSITIVE))
