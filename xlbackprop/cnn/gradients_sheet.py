"""The gradients of all maps and weights as pictures, each in the place that its map or weight has on another sheet."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import ceil

import numpy as np
from numpy.typing import NDArray

from xlbackprop.cnn import looks
from xlbackprop.cnn.flow import Flow
from xlbackprop.cnn.gradient_cells import (
    Around,
    Texts,
    input_formula,
    kernel_formula,
    needs_passed,
    needs_turned,
    number_formulas,
    passed_formula,
)
from xlbackprop.cnn.layers import parameter_count
from xlbackprop.cnn.mirror import Mirror, fill_cells
from xlbackprop.cnn.network_sheet import NETWORK, SCREEN, NetworkSheet
from xlbackprop.cnn.reference import Tensors
from xlbackprop.cnn.shown_stage import ShownStage, within
from xlbackprop.cnn.weight_cells import KernelGrid, signed
from xlbackprop.spreadsheet.addresses import cell_address
from xlbackprop.spreadsheet.blocks import FilledOver, Formula, Role
from xlbackprop.spreadsheet.book import Book
from xlbackprop.spreadsheet.places import Place, joined
from xlbackprop.spreadsheet.presentation import Page

GRADIENTS = "Gradients"

_FIRST_COLUMN = 2
#: Empty cells between maps beside and below each other.
_GAP = 2


@dataclass(frozen=True)
class GradientStage:
    """How gradients flow back through layers that share cells.

    Attributes:
        shown: the layers.
        around: the places around them.
        of_input: the gradient of what they are given, (channels, height, width).
        of_weights: those of the trained tensors of each layer, in the shapes of their places.
    """

    shown: ShownStage
    around: Around
    of_input: Place
    of_weights: list[dict[str, Place]]


class GradientsSheet:
    """The sheet with the gradients.

    Args:
        book: what it belongs to.
        network: where the layers stand, with room around the maps.

    Attributes:
        of: the place of the gradient of maps and weights, given theirs.
        stages: how gradients flow back, in the order of the layers.
    """

    def __init__(self, book: Book, network: NetworkSheet) -> None:
        self._network = network
        self.sheet = sheet = book.sheet(GRADIENTS, "the gradient of every map and every weight")
        names = dict(_map_names(network))
        # a kernel of several cells has a block of its own, over which its formula is filled
        apart = [int(cell.ids) for cell in network.normalisation]
        for kernels in map(_kernels, network.stages):
            apart += [] if kernels is None else kernels.ids[:, 0, 0, 0].tolist()
        weights = [block for block in network.weight_blocks if block.first_id not in apart]
        blocks = [network.image_block, *(block for shown in network.stages for block in shown.blocks), *weights]
        self.of = Mirror(
            sheet, blocks, lambda block: names.get(block.first_id, f"gradient of {block.name}"), Role.QUANTITY
        )
        for cell in self.seed:
            book.block(int(cell.ids)).role = Role.FORMULA
        self._row = max(own.row + own.shape[0] for _, own in self.of.pairs) + len(network.logits.ids) + 4
        self._below: dict[int, int] = {}
        self._contents: dict[int, Formula] = {}
        # the blocks of a single map or kernel
        self._filled = {self.of.block(network.image_block).first_id}
        for shown in network.stages:
            self._filled |= set() if shown.features else {self.of.block(block).first_id for block in shown.blocks}
        maps = [network.image, *(shown.maps for shown in network.stages)]
        self.stages = [self._stage(shown, given) for shown, given in zip(network.stages, maps, strict=False)]

    @property
    def image(self) -> Place:
        """The gradient of the normalised image, (1, 28, 28)."""
        return self.of(self._network.image)

    @property
    def seed(self) -> Place:
        """The gradient of the logits, which decides what flows back, (10,)."""
        return self.of(self._network.logits)

    def fill(self, seed: Place, caption: Place, flow: Flow) -> None:
        """Fill the sheet, after the sheet of the network.

        Args:
            seed: what flows back from the logits, (10,).
            caption: the cell that says in words what flows back.
            flow: the numbers of all cells.
        """
        for cell, source in zip(self.seed, seed, strict=True):
            self._contents[int(cell.ids)] = Formula(f"{source}")
        for stage, numbers in zip(self.stages, flow.stages, strict=True):
            around = stage.around
            if around.passed is not None and numbers.passed is not None:
                for channel, cells in enumerate(around.passed):
                    self._put(cells, passed_formula(around, channel), numbers.passed[channel])
            for channel, cells in enumerate(stage.of_input):
                self._put(cells, input_formula(around, channel, cells), numbers.of_input[channel])
            self._fill_weights(stage, numbers.of_weights)
            if around.turned is not None:
                kernels = around.weights[0]["weight"].ids[..., ::-1, ::-1]
                for turned, kernel in zip(around.turned.ids.ravel().tolist(), kernels.ravel(), strict=True):
                    self._contents[turned] = Formula(f"{Place(np.asarray(kernel))}")
        # the blocks whose cells have a formula each
        blocks = [block for block in self.sheet.blocks if block.role is not Role.TEXT]
        fill_cells(blocks, self._contents, looks.PICTURE)
        self._set_up()
        self.sheet.put("B3", Formula(f"{caption}"), looks.NAME, name="what flows back, in words")

    def _stage(self, shown: ShownStage, given: Place) -> GradientStage:
        stage = shown.stage
        ringed = within(self.of(shown.output), shown.ring - stage.ring_back)
        passed = self._reserve_passed(shown) if needs_passed(stage.layers) else None
        turned = self._reserve_turned(shown) if needs_turned(stage.layers[0], stage.shape) else None
        around = Around(
            stage.layers,
            shown.inputs,
            given,
            shown.maps,
            shown.weights,
            self.of(shown.maps),
            ringed,
            passed,
            turned,
        )
        kernels = _kernels(shown)
        of_weights: list[dict[str, Place]] = [
            {key: self.of(own[key]) for key in ("weight", "bias") if key in own and own[key] is not kernels}
            for own in shown.weights
        ]
        if kernels is not None:
            of_weights[0]["weight"] = self._reserve_kernels(shown, kernels)
        return GradientStage(shown, around, self.of(given), of_weights)

    def _head(self, text: str, row: int) -> None:
        self.sheet.put(f"B{row}", text, looks.HEADING)
        self._below[row] = looks.HEADING_PIXELS

    def _reserve_passed(self, shown: ShownStage) -> Place:
        """Maps side by side, as many as a screen holds."""
        channels, height, width = shown.stage.shape
        self._head(f"{shown.stage.name}: what ReLU lets pass", self._row)
        per_row = max(1, SCREEN // (width + _GAP))
        places = []
        for channel in range(channels):
            row, column = divmod(channel, per_row)
            at = cell_address(self._row + 1 + row * (height + _GAP), _FIRST_COLUMN + column * (width + _GAP))
            name = f"{shown.stage.name}, what ReLU lets pass, map {channel + 1}"
            block = self.sheet.reserve(name, at, (height, width), Role.QUANTITY)
            signed(self.sheet, block.place)
            self._filled.add(block.first_id)
            places.append(block.place.ids)
        self._row += 1 + ceil(channels / per_row) * (height + _GAP)
        return Place(np.stack(places))

    def _reserve_turned(self, shown: ShownStage) -> Place:
        """All kernels in a grid, as wide as a screen."""
        kernels = shown.weights[0]["weight"]
        outputs, inputs, *side = kernels.shape
        self._head(f"{shown.stage.name}: its kernels turned round, for the way back", self._row)
        per_row = max(1, SCREEN // (side[1] + 1))
        grid = KernelGrid((side[0], side[1]), outputs * inputs, ceil(outputs * inputs / per_row))
        name = f"{shown.stage.name}, kernels turned round"
        at = cell_address(self._row + 1, _FIRST_COLUMN)
        block = self.sheet.reserve(name, at, (grid.height, grid.width))
        signed(self.sheet, block.place)
        self._row += 1 + grid.height + _GAP
        return Place(grid.place(block).ids.reshape(kernels.shape))

    def _reserve_kernels(self, shown: ShownStage, kernels: Place) -> Place:
        """A block a kernel, in the place where it stands on the sheet of the network."""
        places = np.empty(kernels.shape, dtype=np.int64)
        for output, channel in np.ndindex(*kernels.shape[:2]):
            _, row, column = self.sheet.book.where(int(kernels.ids[output, channel, 0, 0]))
            name = f"gradient of {shown.stage.name}, map {output + 1}: kernel {channel + 1}"
            at, (height, width) = cell_address(row, column), kernels.shape[2:]
            block = self.sheet.reserve(name, at, (height, width), Role.QUANTITY)
            self._filled.add(block.first_id)
            places[output, channel] = block.place.ids
        for own, beside in zip(kernels, places, strict=True):
            # all kernels of a map share their colours
            grid = self.sheet.book.block(int(own.ids.flat[0]))
            at = cell_address(grid.row + grid.shape[0] - 1, grid.column + grid.shape[1] - 1)
            last = Place(beside[-1, -1, -1:])
            if int(own.ids.flat[-1]) != grid.first_id + grid.shape[0] * grid.shape[1] - 1:
                last = self.sheet.put(at, "").place
            signed(self.sheet, joined([Place(beside[0, 0, :1]), last]))
        return Place(places)

    def _fill_weights(self, stage: GradientStage, values: Sequence[Tensors]) -> None:
        around = stage.around
        for places, texts, numbers in zip(stage.of_weights, number_formulas(around), values, strict=True):
            for key, text in texts.items():
                self._put_cells(places[key], text, numbers[key])
        kernels = stage.of_weights[0].get("weight")
        if kernels is not None and kernels.ids.ndim > 1:
            of_kernels = values[0]["weight"].reshape(kernels.shape)
            for output, channel in np.ndindex(*kernels.shape[:2]):
                formula = kernel_formula(around, output, channel)
                self._put(kernels[output, channel], formula, of_kernels[output, channel])

    def _put(self, cells: Place, formula: FilledOver | Texts, values: NDArray[np.float64]) -> None:
        """The formulas of a map: filled over its block, or a cell each."""
        if isinstance(formula, FilledOver):
            block = self.sheet.book.block(int(cells.ids.flat[0]))
            if block.first_id in self._filled:
                margin = (block.shape[0] - cells.shape[0]) // 2
                self.sheet.fill(block, FilledOver(formula.formula, formula.step, margin, values), looks.PICTURE)
                return
            # features share a block, and so do kernels of a single cell
            formula = np.array([[formula.formula]], dtype=object)
        self._put_cells(cells, formula, values)

    def _put_cells(self, cells: Place, texts: Texts, values: NDArray[np.float64]) -> None:
        rows = zip(cells.ids.ravel().tolist(), texts.ravel(), values.ravel().tolist(), strict=True)
        self._contents |= {cell: Formula(text, value) for cell, text, value in rows}

    def _set_up(self) -> None:
        sheet, shown = self.sheet, self._network
        sheet.widths = list(shown.sheet.widths)
        above = max(own.row + own.shape[0] for _, own in self.of.pairs)
        heights = {row: pixels for row, pixels in shown.sheet.heights.items() if row < above} | self._below
        sheet.heights |= {row: heights.get(row, looks.CELL_PIXELS) for row in range(1, self._row + 1)}
        sheet.page = Page(frozen=shown.sheet.page.frozen)
        sheet.put("B1", "The gradients, from the logits back to the image", looks.TITLE)
        sheet.put(
            "B2",
            f"The gradient of a cell of the sheet {NETWORK} stands in the same cell here: how what flows back changes "
            "with that number. Red is above 0, blue below.",
            looks.MUTED,
        )
        for _, own in self.of.pairs:
            signed(sheet, own.place)
        self._head("the gradient of the image", shown.image_block.row - 3)
        for stage in shown.stages:
            count = sum(map(parameter_count, stage.stage.layers))
            of_weights = f" and of its {count:,} parameters" if count else ""
            self._head(f"{stage.stage.name}: the gradient of its output{of_weights}", stage.blocks[0].row - 1)


def _kernels(shown: ShownStage) -> Place | None:
    """The kernels of a stage, (outputs, inputs, height, width), if they have several cells each."""
    kernels = shown.weights[0].get("weight")
    return kernels if kernels is not None and kernels.ids.ndim == 4 and kernels.shape[2:] != (1, 1) else None


def _map_names(network: NetworkSheet) -> Iterator[tuple[int, str]]:
    """The name of the gradient of each map, by the map's first cell: it tells the layers that it comes back from."""
    back = [f"{shown.stage.name}, back to" for shown in network.stages]
    yield network.image_block.first_id, f"{back[0]} the image"
    for shown, behind in zip(network.stages, [*back[1:], None], strict=True):
        for n, block in enumerate(shown.blocks):
            name = f"{behind} its input" if shown.features else f"{behind} map {n + 1}"
            yield block.first_id, name if behind else "what flows back from the logits"
