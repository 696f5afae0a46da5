"""The network as pictures, from top to bottom: weights beside the maps that they make, every number a cell."""

from collections.abc import Sequence
from math import ceil

import numpy as np
from numpy.typing import NDArray

from xlbackprop.cnn import chosen_cell, looks
from xlbackprop.cnn.cells import Stage, map_formula, stages
from xlbackprop.cnn.chosen_cell import ChosenCell
from xlbackprop.cnn.layers import BatchNorm, Linear, ReLU, parameter_count, shape_in_words
from xlbackprop.cnn.networks import IMAGE
from xlbackprop.cnn.shown_stage import ShownStage, within
from xlbackprop.cnn.trained import TrainedNetwork
from xlbackprop.cnn.weight_cells import (
    NORM_CELLS,
    NORM_IN_WORDS,
    KernelGrid,
    Tensors,
    kernel_grid,
    kernel_tensor,
    put_kernels,
    put_norm,
    put_numbers,
    signed,
)
from xlbackprop.errors import UnusableInput
from xlbackprop.spreadsheet import addressing
from xlbackprop.spreadsheet.addresses import cell_address, column_letters
from xlbackprop.spreadsheet.blocks import Block, FilledOver, Formula, Role
from xlbackprop.spreadsheet.book import Book
from xlbackprop.spreadsheet.limits import MAX_FORMULA_LENGTH
from xlbackprop.spreadsheet.places import Place
from xlbackprop.spreadsheet.presentation import ColourScale, Page

NETWORK = "Network"

#: So many cells stand beside each other on a screen.
SCREEN = 156
_FIRST_ROW, _FIRST_COLUMN = chosen_cell.ROW + 1, 2
#: Empty cells between a map and its weights, and between maps beside and below each other; a ring is part of them.
_CLOSE, _GAP, _BELOW = 2, 4, 2
#: Between the columns of weights that stand beside a column of features.
_APART = 3

#: Addresses further right and below are longer than those of the first cell.
_SPARE = 500


class NetworkSheet:
    """The sheet with all layers.

    Args:
        book: what it belongs to.
        network: the layers and their weights.
        backward: whether there shall be room around the maps for windows over gradients.

    Attributes:
        image: the cells of the normalised image, (1, 28, 28).
        stages: the layers in groups that share cells.
        chosen: the cell whose receptive field is marked.
        normalisation: the cells of mean and deviation.
        image_block: the cells of the image with the ring around it.
        weight_blocks: the cells that may be edited.

    Raises:
        UnusableInput: a layer cannot be written.
    """

    def __init__(self, book: Book, network: TrainedNetwork, *, backward: bool = False) -> None:
        self._network = network
        self.sheet = book.sheet(NETWORK, "every layer as pictures, from the image to the logits")
        listed = stages(network.layers, IMAGE)
        self._row, self._last_column = _FIRST_ROW, 0
        self._tall: dict[int, int] = {}
        self._head(f"image: {shape_in_words(IMAGE)}, normalised: (pixel / 255 − mean) / deviation")
        self.weight_blocks: list[Block] = []
        self.normalisation = self._reserve_normalisation()
        self._image_ring = listed[0].ring
        block, self._image = self._reserve_map("image", self._row, _FIRST_COLUMN, IMAGE[1:], self._image_ring)
        self.image_block = block
        self._row += block.shape[0]
        self.stages: list[ShownStage] = []
        inputs = Place(self._image.ids[None])
        for stage, following in zip(listed, [*listed[1:], None], strict=True):
            ring_needed = following.ring if following else 0
            ring = max(ring_needed, stage.ring_back) if backward else ring_needed
            shown = self._reserved(ShownStage(stage, ring, inputs))
            self.stages.append(shown)
            inputs = within(shown.output, ring - ring_needed)
        self.chosen = ChosenCell(self.sheet, network.layers, listed)
        book.names["logits", None] = self.logits

    @property
    def image(self) -> Place:
        return Place(within(self._image, self._image_ring).ids[None])

    @property
    def logits(self) -> Place:
        """The cells of the last layer, one a class."""
        return Place(self.stages[-1].maps.ids.ravel())

    def fill(
        self,
        pixels: Place,
        image: NDArray[np.float64] | None = None,
        outputs: Sequence[NDArray[np.float64]] | None = None,
    ) -> None:
        """Fill the sheet.

        Args:
            pixels: the cells of the image as it is given, (28, 28), from 0 to 255.
            image: its normalised values, where they are known already.
            outputs: those of each layer, where they are known already.
        """
        mean, deviation = self.normalisation
        formula = f"({pixels[0, 0]}/255-{mean:$})/{deviation:$}"
        values = None if image is None else image.reshape(IMAGE[1:])
        filled = FilledOver(formula, margin=self._image_ring, values=values)
        self.sheet.fill(self.image_block, filled, looks.PICTURE)
        self._lit(self.image_block)
        for shown in self.stages:
            self._fill_stage(shown, None if outputs is None else outputs[shown.stage.numbers[-1]])
        self._fill_logits()
        self._set_up()
        self.chosen.fill(self.image_block, self._image_ring, self.stages, self._row + 2)

    def _head(self, text: str) -> None:
        """A heading in a row of its own, and a little room above it."""
        self._row += 1
        self._tall[self._row] = looks.HEADING_PIXELS
        self.sheet.put(f"B{self._row}", text, looks.HEADING)
        self._row += 1

    def _reserve_normalisation(self) -> tuple[Place, Place]:
        """Mean and deviation in cells of their own, with words behind that say what is in them."""
        cells = []
        for column, name, value in (
            (_FIRST_COLUMN, "mean", self._network.mean),
            (_FIRST_COLUMN + 28, "deviation", self._network.deviation),
        ):
            block = self.sheet.put(cell_address(self._row, column), value, looks.INPUT, role=Role.INPUT, name=name)
            shown = Formula(f'" {name} "&ROUND({block.place},4)')
            self.sheet.put(cell_address(self._row, column + 1), shown, looks.SMALL, name=f"{name} in words")
            self.weight_blocks.append(block)
            cells.append(block.place)
        self._tall[self._row] = looks.LINE_PIXELS
        self._row += 2
        return cells[0], cells[1]

    def _reserve_map(self, name: str, row: int, column: int, shape: tuple[int, ...], ring: int) -> tuple[Block, Place]:
        """A map in its ring, and its cells with those of the ring."""
        size = (shape[0] + 2 * ring, shape[1] + 2 * ring)
        block = self.sheet.reserve(name, cell_address(row, column), size, Role.QUANTITY)
        self._last_column = max(self._last_column, column + size[1])
        return block, block.place

    def _reserved(self, shown: ShownStage) -> ShownStage:
        """Reserve the cells of a stage below those before it."""
        stage = shown.stage
        count = sum(parameter_count(layer) for layer in stage.layers)
        words = f"{stage.name} → {shape_in_words(stage.shape)}" + (f", {count:,} parameters" if count else "")
        has_norm = any(isinstance(layer, BatchNorm) for layer in stage.layers)
        self._row += 1
        self._head(words + (f"  ({NORM_IN_WORDS} stand beside each map)" if has_norm else ""))
        tensors = [self._network.tensors[n] for n in stage.numbers]
        kernels = kernel_tensor(stage.layers[0], tensors[0], within(shown.inputs, stage.ring).shape)
        if shown.features:
            self._reserve_features(shown, tensors, kernels)
        else:
            self._reserve_maps(shown, tensors, kernels)
        return shown

    def _reserve_maps(self, shown: ShownStage, tensors: Sequence[Tensors], kernels: NDArray[np.float64] | None) -> None:
        """Tiles side by side, as many as a screen holds: what a map is made with, and the map on its right."""
        channels, height, width = shown.stage.shape
        size = (height + 2 * shown.ring, width + 2 * shown.ring)
        grid = None if kernels is None else kernel_grid(kernels, size[0])
        single = _single_columns(shown.stage, tensors)
        close, gap, below = (max(0, empty - shown.ring) for empty in (_CLOSE, _GAP, _BELOW))
        beside = (grid.width + close if grid else 0) + (single + close if single else 0)
        pitch = beside + size[1] + gap
        made_with = max(grid.height if grid else 0, NORM_CELLS if single else 0)
        tall = max(size[0] + below, made_with + max(below, shown.ring))
        rows = ceil(channels / max(1, SCREEN // pitch))
        per_row = ceil(channels / rows)
        places: list[dict[str, list[Place]]] = [{} for _ in shown.stage.layers]
        outputs = []
        for channel in range(channels):
            row = self._row + channel // per_row * tall
            column = _FIRST_COLUMN + channel % per_row * pitch
            # what it is made with stands beside the map itself, not beside its ring
            self._put_weights(shown, tensors, kernels, grid, channel, (row + shown.ring, column), places)
            name = f"{shown.stage.name}, map {channel + 1}"
            block, cells = self._reserve_map(name, row, column + beside, (height, width), shown.ring)
            shown.blocks.append(block)
            outputs.append(cells.ids)
        shown.output = Place(np.stack(outputs))
        shown.weights = [
            {key: Place(np.stack([cell.ids for cell in cells])) for key, cells in own.items()} for own in places
        ]
        self._row += rows * tall - below

    def _put_weights(
        self,
        shown: ShownStage,
        tensors: Sequence[Tensors],
        kernels: NDArray[np.float64] | None,
        grid: KernelGrid | None,
        channel: int,
        at: tuple[int, int],
        places: list[dict[str, list[Place]]],
    ) -> None:
        """What a map is made with, from left to right."""
        row, column = at
        name = f"{shown.stage.name}, map {channel + 1}"
        if kernels is not None and grid is not None:
            block = put_kernels(self.sheet, f"{name}: kernels", at, kernels[channel], grid)
            self.weight_blocks.append(block)
            places[0].setdefault("weight", []).append(grid.place(block))
            column += grid.width + max(0, _CLOSE - shown.ring)
            if "bias" in tensors[0]:
                bias = put_numbers(self.sheet, f"{name}: bias", (row, column), [[tensors[0]["bias"][channel]]])
                self.weight_blocks.append(bias)
                places[0].setdefault("bias", []).append(bias.cell(0))
        for n, layer in enumerate(shown.stage.layers):
            if isinstance(layer, BatchNorm):
                block, found = put_norm(self.sheet, name, (row, column), tensors[n], [channel], across=False)
                self.weight_blocks.append(block)
                for key, cell in found.items():
                    places[n].setdefault(key, []).append(cell[0])
                column += 1

    def _reserve_features(
        self, shown: ShownStage, tensors: Sequence[Tensors], kernels: NDArray[np.float64] | None
    ) -> None:
        """A column of single cells, below each other, with what they are made with on their left."""
        channels, top, column = shown.stage.shape[0], self._row, _FIRST_COLUMN
        shown.weights = [{} for _ in shown.stage.layers]
        tall = channels
        name = shown.stage.name
        if kernels is not None:
            if kernels.shape[2:] == (1, 1) and isinstance(shown.stage.layers[0], Linear):
                # the weights of features stand as they do, in columns
                columns = kernels[:, :, 0, 0].T
                block = put_numbers(self.sheet, f"{name}: weights", (top, column), columns.tolist())
                self.weight_blocks.append(block)
                shown.weights[0]["weight"] = Place(block.place.ids.T[:, :, None, None])
                height, width = columns.shape
            else:
                height, width = self._put_kernels_in_rows(shown, kernels)
            column += width + _APART
            tall = max(tall, height)
            if "bias" in tensors[0]:
                bias = put_numbers(self.sheet, f"{name}: biases", (top, column), tensors[0]["bias"][:, None].tolist())
                self.weight_blocks.append(bias)
                shown.weights[0]["bias"] = Place(bias.place.ids[:, 0])
                column += 1 + _APART
        for n, layer in enumerate(shown.stage.layers):
            if isinstance(layer, BatchNorm):
                block, shown.weights[n] = put_norm(
                    self.sheet, name, (top, column), tensors[n], range(channels), across=True
                )
                self.weight_blocks.append(block)
                column += NORM_CELLS + _APART
        block, cells = self._reserve_map(name, top, column, (channels, 1), 0)
        shown.blocks.append(block)
        shown.output = Place(cells.ids[:, :, None])
        self._row += tall

    def _put_kernels_in_rows(self, shown: ShownStage, kernels: NDArray[np.float64]) -> tuple[int, int]:
        """The kernels of each feature as a tile, as many beside each other as a screen holds; gives their size."""
        grid = kernel_grid(kernels, kernels.shape[0])
        pitch = (grid.height + _BELOW, grid.width + _BELOW)
        rows = ceil(len(kernels) / max(1, SCREEN // pitch[1]))
        per_row = ceil(len(kernels) / rows)
        places = []
        for feature, own in enumerate(kernels):
            at = (self._row + feature // per_row * pitch[0], _FIRST_COLUMN + feature % per_row * pitch[1])
            block = put_kernels(self.sheet, f"{shown.stage.name}, feature {feature + 1}: kernels", at, own, grid)
            self.weight_blocks.append(block)
            places.append(grid.place(block).ids)
        shown.weights[0]["weight"] = Place(np.stack(places))
        return rows * pitch[0] - _BELOW, per_row * pitch[1] - _BELOW

    def _fill_stage(self, shown: ShownStage, outputs: NDArray[np.float64] | None) -> None:
        """The formulas of a stage, and how its output looks."""
        channels = shown.stage.shape[0]
        formulas = [map_formula(shown.stage, shown.inputs, shown.weights, channel) for channel in range(channels)]
        if len(addressing.written(formulas[-1].formula, self.sheet)) > MAX_FORMULA_LENGTH - _SPARE:
            raise UnusableInput(
                f"{shown.stage.name} cannot be written: a formula of it would be longer than a cell holds."
            )
        values = None if outputs is None else outputs.reshape(shown.stage.shape)
        if shown.features:
            contents = [
                [Formula(formula.formula, None if values is None else float(values[n, 0, 0]))]
                for n, formula in enumerate(formulas)
            ]
            self.sheet.fill(shown.blocks[0], contents, looks.PICTURE)
        else:
            for n, (block, formula) in enumerate(zip(shown.blocks, formulas, strict=True)):
                own = None if values is None else values[n]
                self.sheet.fill(block, FilledOver(formula.formula, formula.step, shown.ring, own), looks.PICTURE)
        for block in shown.blocks:
            if isinstance(shown.stage.layers[-1], ReLU):
                self._lit(block)
            else:
                signed(self.sheet, block.place)

    def _lit(self, block: Block) -> None:
        """Show how much each cell is lit."""
        self.sheet.scales.append(ColourScale(block.place, looks.PAPER, looks.PAPER, looks.LIT))

    def _fill_logits(self) -> None:
        """The logits once more, to be read: each class with its number."""
        self._row += 1
        self._head("logits: the largest is the answer")
        names = [[name] for name in self._network.classes]
        self.sheet.put(f"B{self._row}", names, looks.NAME, name="classes")
        shown = [[Formula(f'ROUND({logit},3)&""')] for logit in self.logits]
        self.sheet.put(cell_address(self._row, _FIRST_COLUMN + 20), shown, looks.SMALL, name="logits in words")
        for row in range(self._row, self._row + len(names)):
            self._tall[row] = looks.LINE_PIXELS
        self._row += len(names)

    def _set_up(self) -> None:
        sheet = self.sheet
        sheet.put("B1", f"The network {self._network.name}, from the image to the logits", looks.TITLE)
        sheet.put(
            "B2",
            "Every coloured cell is a number: choose one to see its formula. Weights may be edited: red is above 0, "
            "blue below. What ReLU has left is dark where it is large.",
            looks.MUTED,
        )
        sheet.set_widths({f"A:{column_letters(max(self._last_column, SCREEN) + _GAP)}": looks.CELL_PIXELS})
        heights = {1: looks.TITLE_PIXELS, 2: looks.LINE_PIXELS, chosen_cell.ROW: looks.HEADING_PIXELS} | self._tall
        sheet.heights |= {row: heights.get(row, looks.CELL_PIXELS) for row in range(1, self._row + 1)}
        sheet.page = Page(frozen=(chosen_cell.ROW, 0))


def _single_columns(stage: Stage, tensors: Sequence[Tensors]) -> int:
    """How many columns of single numbers stand beside a map."""
    return sum("running_var" in own or (n == 0 and "bias" in own) for n, own in enumerate(tensors))
