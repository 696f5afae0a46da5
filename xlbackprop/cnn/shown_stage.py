"""Where the cells of layers stand that share their output."""

from dataclasses import dataclass, field

import numpy as np

from xlbackprop.cnn.cells import Stage
from xlbackprop.spreadsheet.blocks import Block
from xlbackprop.spreadsheet.places import Place


@dataclass
class ShownStage:
    """Where a stage stands.

    Attributes:
        stage: its layers.
        ring: how many empty cells there are around each map of its output.
        inputs: the cells that it is given, and the ring that it needs, (channels, height, width).
        weights: of each of its layers, the places of its tensors, and of the scale and the shift of a batch norm.
        blocks: of its output, a block a map; of features, one of all.
        output: the cells of its output and of the ring, (channels, height, width).
    """

    stage: Stage
    ring: int
    inputs: Place
    weights: list[dict[str, Place]] = field(default_factory=list)
    blocks: list[Block] = field(default_factory=list)
    output: Place = field(default_factory=lambda: Place(np.zeros((0, 0, 0), dtype=np.int64)))

    @property
    def maps(self) -> Place:
        """The cells of its output, (channels, height, width)."""
        return within(self.output, self.ring)

    @property
    def features(self) -> bool:
        """Whether its output is a column of single cells."""
        return self.stage.shape[1:] == (1, 1) and not self.ring


def within(cells: Place, ring: int) -> Place:
    """Maps without the ring around them."""
    return Place(cells.ids[..., ring : cells.shape[-2] - ring, ring : cells.shape[-1] - ring])
