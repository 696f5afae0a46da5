"""Blocks that stand on another sheet in the same places, so that a cell and what belongs to it are found at once."""

from collections.abc import Callable, Iterable, Mapping, Sequence

import numpy as np

from xlbackprop.spreadsheet.addresses import cell_address
from xlbackprop.spreadsheet.blocks import Block, Content, FilledOver, Formula, Role
from xlbackprop.spreadsheet.book import Sheet
from xlbackprop.spreadsheet.looks import Look
from xlbackprop.spreadsheet.places import Place


class Mirror:
    """A block for each of some blocks, of the same shape and in the same place on another sheet.

    Args:
        sheet: where they go.
        blocks: what they belong to.
        name: of the block that belongs to one.
        role: of all.
        up: by how many rows they stand higher.

    Attributes:
        pairs: each block, and the one that belongs to it.
    """

    def __init__(
        self, sheet: Sheet, blocks: Sequence[Block], name: Callable[[Block], str], role: Role, up: int = 0
    ) -> None:
        originals = sorted(blocks, key=lambda block: block.first_id)
        self.pairs = [
            (block, sheet.reserve(name(block), cell_address(block.row - up, block.column), block.shape, role))
            for block in originals
        ]
        self._originals = np.array([block.first_id for block in originals], dtype=np.int64)
        self._own = np.array([own.first_id for _, own in self.pairs], dtype=np.int64)

    def __call__(self, cells: Place) -> Place:
        """The cells that belong to cells of the blocks."""
        which = np.searchsorted(self._originals, cells.ids, side="right") - 1
        return Place(cells.ids - self._originals[which] + self._own[which])

    def block(self, original: Block) -> Block:
        """The block that belongs to one."""
        return self.pairs[int(np.searchsorted(self._originals, original.first_id))][1]


def fill_cells(blocks: Iterable[Block], contents: Mapping[int, Formula], look: Look) -> None:
    """Fill the blocks that no formula is filled over, cell by cell; those without a formula stay empty."""
    for block in blocks:
        if not isinstance(block.contents, FilledOver):
            rows, columns = block.shape
            cells: list[Content] = [contents.get(block.first_id + n) for n in range(rows * columns)]
            block.sheet.fill(block, [cells[n : n + columns] for n in range(0, len(cells), columns)], look)
