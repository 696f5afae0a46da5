"""The network as pictures, from top to bottom: kernels above the maps that they make, every number a cell."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from math import ceil, sqrt

import numpy as np

from xlbackprop.cnn import looks
from xlbackprop.cnn.cells import Stage, cell_formula, scale_formula, shift_formula, stages, window_formulas
from xlbackprop.cnn.layers import (
    BatchNorm,
    Convolution,
    Layer,
    Linear,
    Shape,
    parameter_count,
    shape_in_words,
    shapes,
    spoken,
    tensor_shapes,
)
from xlbackprop.cnn.networks import IMAGE
from xlbackprop.cnn.trained import TrainedNetwork
from xlbackprop.spreadsheet.addresses import column_letters
from xlbackprop.spreadsheet.blocks import Block, Content, Formula, Role
from xlbackprop.spreadsheet.book import Book
from xlbackprop.spreadsheet.places import Place
from xlbackprop.spreadsheet.presentation import Page

NETWORK = "Network"

#: So many cells of a map stand beside each other on a screen.
_SCREEN = 190
_FIRST_ROW, _FIRST_COLUMN = 4, 2
#: Empty cells between maps.
_GAP = 2
#: Where kernels begin beside a column of features.
_BESIDE = 6
#: What a batch norm shows of each map, in this order: its tensors, and what follows from them.
_NORM = ("weight", "bias", "running_mean", "running_var", "scale", "shift")


@dataclass
class ShownStage:
    """Where a stage stands.

    Attributes:
        stage: its layers.
        heading: the row of its heading.
        shape: of its output.
        ring: how many empty cells there are around each map of it.
        weights: of each of its layers, the places of its tensors, and of the scale and the shift of a batch norm.
        blocks: of its output, a block a map; of features, one of all.
        output: the cells of its output and of the ring, (channels, height, width).
    """

    stage: Stage
    heading: int
    shape: Shape
    ring: int
    weights: list[dict[str, Place]] = field(default_factory=list)
    blocks: list[Block] = field(default_factory=list)
    output: Place = field(default_factory=lambda: Place(np.zeros((0, 0, 0), dtype=np.int64)))

    @property
    def maps(self) -> Place:
        """The cells of its output, (channels, height, width)."""
        return _within(self.output, self.ring)

    @property
    def features(self) -> bool:
        """Whether its output is a column of single cells."""
        return self.shape[1:] == (1, 1)


class NetworkSheet:
    """The sheet with all layers.

    Args:
        book: what it belongs to.
        network: the layers and their weights.

    Attributes:
        image: the cells of the normalised image, (1, 28, 28), to be filled with formulas.
        stages: the layers in groups that share cells.
    """

    def __init__(self, book: Book, network: TrainedNetwork) -> None:
        self._network = network
        self.sheet = book.sheet(NETWORK, "every layer as pictures, from the image to the answer")
        self._row = _FIRST_ROW
        listed = stages(network.layers)
        after = shapes(network.layers, IMAGE)
        rings = [_ring(one) for one in (*listed[1:], None)]
        self._image_ring = _ring(listed[0])
        heading = self._row
        self._image_block, self._image = self._map_block("image", heading + 1, _FIRST_COLUMN, IMAGE[1:], self._image_ring)
        self._image = Place(self._image.ids[None])
        self._row = heading + 2 + self._image.shape[1] + _GAP
        self._headings: list[tuple[int, str]] = [(heading, f"image, {shape_in_words(IMAGE)}, normalised")]
        self.stages = [
            self._reserved(stage, _as_maps(after[stage.numbers[-1]]), ring)
            for stage, ring in zip(listed, rings, strict=True)
        ]

    @property
    def image(self) -> Place:
        return _within(self._image, self._image_ring)

    @property
    def logits(self) -> Place:
        """The cells of the last layer, one a class."""
        return Place(self.stages[-1].maps.ids.ravel())

    def _reserved(self, stage: Stage, shape: Shape, ring: int) -> ShownStage:
        """Reserve the cells of a stage below those before it."""
        shown = ShownStage(stage, self._row, shape, ring)
        self._headings.append((self._row, self._heading(stage, shape)))
        self._row += 1
        tensors = [self._network.tensors[n] for n in stage.numbers]
        if shown.features:
            self._reserve_features(shown, tensors)
        else:
            self._reserve_maps(shown, tensors)
        return shown

    def _heading(self, stage: Stage, shape: Shape) -> str:
        count = sum(parameter_count(layer) for layer in stage.layers)
        words = ", ".join(map(spoken, stage.layers))
        return f"{words}: {shape_in_words(shape)}" + (f", {count:,} parameters" if count else "")

    def _reserve_maps(self, shown: ShownStage, tensors: Sequence[dict[str, np.ndarray]]) -> None:
        """Tiles side by side, as many as a screen holds: kernels, bias or batch norm above, the map below."""
        channels, height, width = shown.shape
        ring, name = shown.ring, spoken(shown.stage.layers[0])
        width_with_ring = width + 2 * ring
        layer = shown.stage.layers[0]
        kernel_columns = max(1, (max(width_with_ring, 6) + 1) // (layer.kernel + 1)) if isinstance(layer, Convolution) else 1
        above = self._height_above(layer, kernel_columns, shown.stage)
        pitch = max(width_with_ring, 6, kernel_columns * (layer.kernel + 1) - 1 if isinstance(layer, Convolution) else 0)
        pitch += _GAP
        per_row = max(1, _SCREEN // pitch)
        places: list[dict[str, list[Place]]] = [{} for _ in shown.stage.layers]
        outputs = []
        for channel in range(channels):
            top = self._row + channel // per_row * (above + height + 2 * ring + _GAP)
            left = _FIRST_COLUMN + channel % per_row * pitch
            self._reserve_above(shown, channel, top, left, kernel_columns, places)
            block, cells = self._map_block(f"{name}, map {channel + 1}", top + above, left, (height, width), ring)
            shown.blocks.append(block)
            outputs.append(cells.ids)
        shown.output = Place(np.stack(outputs))
        shown.weights = [
            {key: Place(np.stack([cell.ids for cell in cells])) for key, cells in own.items()} for own in places
        ]
        self._row += ceil(channels / per_row) * (above + height + 2 * ring + _GAP) + 1
