"""A chosen cell of the network, and the cells that it depends on, marked in every layer before it."""

from collections.abc import Sequence
from itertools import product

import numpy as np

from xlbackprop.cnn import digit_looks, looks
from xlbackprop.cnn.cells import Stage
from xlbackprop.cnn.layers import Convolution, Layers, Linear, Shape
from xlbackprop.cnn.networks import IMAGE
from xlbackprop.cnn.receptive_field import fields, window
from xlbackprop.cnn.shown_stage import ShownStage
from xlbackprop.spreadsheet.addresses import cell_address
from xlbackprop.spreadsheet.blocks import Block, Formula, Role
from xlbackprop.spreadsheet.book import Sheet
from xlbackprop.spreadsheet.looks import Look
from xlbackprop.spreadsheet.places import Place
from xlbackprop.spreadsheet.presentation import Rule, Validation

#: The row of the choice.
ROW = 3

_FIRST_COLUMN = 2
#: What a reader types, and the columns that its word takes.
_TYPED = (("layer", 8), ("map", 7), ("row", 7), ("column", 10))
_TITLE_COLUMNS, _TYPED_COLUMNS, _SENTENCE_COLUMNS = 25, 5, 78
#: The two ends along each axis of the boxes of cells.
_ENDS = ("first map", "last map", "first row", "last row", "first column", "last column")
_NAME_COLUMNS, _END_COLUMNS = 40, 14
#: The sides of a box along each axis, and those that a cell of its outline has: of a box of one cell, corners, edges.
_AXES = ("top", "bottom"), ("left", "right")
_SIDES = (*_AXES[0], *_AXES[1])
_OUTLINE = (_SIDES, *product(*_AXES), *((side,) for side in _SIDES))
#: A fresh file shows a cell of the last maps whose cells see no larger part of the image than that.
_PART = 2 / 3


class ChosenCell:
    """The choice in a row at the top, and below the network a table of the cells that are marked.

    Args:
        sheet: where the layers stand.
        layers: all of them.
        stages: those that share cells.

    Attributes:
        typed: the cells of layer, map, row and column, all counted from 1.
        marked: the number of the stage of the chosen cell, counted from 1; 0 where there is no such cell.
        boxes: (stages + 1, 6), of the image and of each stage: the ends of what is marked along each axis, or 0.
    """

    def __init__(self, sheet: Sheet, layers: Layers, stages: Sequence[Stage]) -> None:
        self._sheet, self._stages, self._layer_count = sheet, stages, len(layers)
        column = self._put_over(ROW, _FIRST_COLUMN, _TITLE_COLUMNS, "Mark what a cell sees", looks.NAME)
        most = (len(layers), *(max(extents) for extents in zip(*self._shapes, strict=True)))
        self.typed: list[Place] = []
        for (word, width), start, largest in zip(_TYPED, _start(layers, stages), most, strict=True):
            column = self._put_over(ROW, column, width, word, looks.BESIDE)
            cells = _span(ROW, column, _TYPED_COLUMNS)
            block = sheet.put_over(cells, float(start), digit_looks.TYPED, role=Role.INPUT, name=f"chosen {word}")
            message = f"a whole number from 1 to {largest}"
            sheet.validations.append(Validation(block.place, "integer", 1, largest, title=word, message=message))
            self.typed.append(block.place)
            column += _TYPED_COLUMNS
        self._sentence_column = column + 3

    @property
    def _shapes(self) -> list[Shape]:
        """Of the image and of what each stage gives."""
        return [IMAGE, *(stage.shape for stage in self._stages)]

    def fill(self, image: Block, ring: int, shown: Sequence[ShownStage], row: int) -> None:
        """Put the table, the sentence and the marks.

        Args:
            image: its cells, in a ring of empty ones.
            ring: how many of these there are on each side.
            shown: where the stages stand.
            row: the first row of the table.
        """
        self._sheet.put(f"B{row}", "how the chosen cell and what it sees are found, counted from 1", looks.HEADING)
        self._sheet.heights[row] = looks.HEADING_PIXELS
        chosen, extents = self._put_choice(row + 1)
        self._put_boxes(row + 4)
        self._put_sentence(chosen, extents)
        self._mark_map(image, ring, 1, self.boxes[0])
        for one, box in zip(shown, self.boxes[1:], strict=True):
            if one.features:
                self._mark_features(one.blocks[0], box)
                continue
            for number, block in enumerate(one.blocks, 1):
                self._mark_map(block, one.ring, number, box)

    def _put_choice(self, row: int) -> tuple[Place, Sequence[Place]]:
        """Which stage is chosen, what its maps are, and which is marked; gives the first two."""
        layer, *cell = self.typed
        reached = "+".join(f"({layer}>={stage.numbers[0] + 1})" for stage in self._stages)
        exists = _whole(layer, self._layer_count)
        chosen = self._put_number(row, 0, "chosen", f"IFERROR(IF(AND({exists}),{reached},0),0)")
        sides = zip(("its maps", "its rows", "its columns"), zip(*self._shapes[1:], strict=True), strict=True)
        extents = [
            self._put_number(row, n, name, f"CHOOSE({chosen}+1,0,{','.join(map(str, own))})")
            for n, (name, own) in enumerate(sides, 1)
        ]
        exists = ",".join(_whole(one, most) for one, most in zip(cell, extents, strict=True))
        self.marked = self._put_number(row, 4, "marked", f"IFERROR(IF(AND({exists}),{chosen},0),0)")
        return chosen, extents

    def _put_number(self, row: int, number: int, name: str, text: str) -> Place:
        """A number below its name, the first, second, ... beside each other."""
        column = _FIRST_COLUMN + _NAME_COLUMNS + number * _END_COLUMNS
        self._put_over(row, column, _END_COLUMNS, name, looks.TABLE_HEADER)
        cells = _span(row + 1, column, _END_COLUMNS)
        return self._sheet.put_over(cells, Formula(text), looks.CENTERED, name=f"{name}, by number").place

    def _put_boxes(self, row: int) -> None:
        """The table of what is marked: a row for the image and for each stage."""
        sheet, count = self._sheet, len(self._stages) + 1
        names = ["image", *(stage.name for stage in self._stages)]
        self._put_over(row, _FIRST_COLUMN, _NAME_COLUMNS, "number and layer", looks.TABLE_HEADER)
        for n, name in enumerate(names):
            self._put_over(row + 1 + n, _FIRST_COLUMN, _NAME_COLUMNS, f"{n}  {name}", looks.SMALL)
        blocks = []
        for number, end in enumerate(_ENDS):
            column = _FIRST_COLUMN + _NAME_COLUMNS + number * _END_COLUMNS
            self._put_over(row, column, _END_COLUMNS, end, looks.TABLE_HEADER)
            blocks.append(sheet.reserve(f"{end} that is seen", cell_address(row + 1, column), (count, 1)))
        self.boxes = Place(np.hstack([block.place.ids for block in blocks]))
        texts = [self._box_texts(n) for n in range(count)]
        for block, own in zip(blocks, zip(*texts, strict=True), strict=True):
            sheet.fill(block, [[Formula(text)] for text in own], looks.CENTERED)
            sheet.merge(block, 1, _END_COLUMNS)

    def _box_texts(self, number: int) -> list[str]:
        """The formulas of what is marked in the image, number 0, or in a stage."""
        typed = [f"{cell:$}" for cell in self.typed[1:] for _ in range(2)]
        if number == len(self._stages):
            return [f"IF({self.marked:$}={number},{own},0)" for own in typed]
        seen = self._seen_texts(number)
        if number == 0:
            return [f"IF({self.marked:$}>0,{text},0)" for text in seen]
        return [
            f"IF({self.marked:$}>{number},{text},IF({self.marked:$}={number},{own},0))"
            for text, own in zip(seen, typed, strict=True)
        ]

    def _seen_texts(self, number: int) -> list[str]:
        """What the marked cells of a stage see of the one before it, which has this number."""
        channels, *sides = self._shapes[number]
        layer, box = self._stages[number].layers[0], self.boxes[number + 1]
        sees_all = isinstance(layer, Linear) or (isinstance(layer, Convolution) and not layer.depthwise)
        texts = ["1", f"{channels}"] if sees_all else [f"{box[0]}", f"{box[1]}"]
        for axis, extent in enumerate(sides, 1):
            kernel, stride, padding = window(layer, extent)
            first, last = (_moved(cell, stride) for cell in box[2 * axis : 2 * axis + 2])
            beyond = kernel - padding - 1
            texts += (
                [f"MAX(1,{first}-{padding})", f"MIN({extent},{last}+{beyond})"]
                if padding
                else [first, f"{last}+{beyond}" if beyond else last]
            )
        return texts

    def _put_sentence(self, chosen: Place, extents: Sequence[Place]) -> None:
        """What the cell sees of the image; or, in amber, why there is no such cell."""
        _, _, *ends = self.boxes[0]
        sizes = " x ".join(f'"&({last}-{first}+1)&"' for first, last in (ends[:2], ends[2:]))
        rows, columns = (f'"&{first}&" to "&{last}&"' for first, last in (ends[:2], ends[2:]))
        found = f'"It sees {sizes} pixels: rows {rows}, columns {columns} of the image."'
        maps, rows, columns = (f'"&{extent}&"' for extent in extents)
        no_cell = f'"This layer has {maps} maps of {rows} x {columns} cells: choose one of them."'
        no_layer = f'"There is no such layer: choose one from 1 to {self._layer_count}."'
        text = f"IF({self.marked}>0,{found},IF({chosen}>0,{no_cell},{no_layer}))".replace('&""', "")
        cells = _span(ROW, self._sentence_column, _SENTENCE_COLUMNS)
        block = self._sheet.put_over(cells, Formula(text), looks.SMALL, name="what the chosen cell sees")
        self._sheet.rules.append(Rule(block.place, f"{self.marked:$}=0", looks.AMBER))

    def _mark_map(self, block: Block, ring: int, number: int, box: Place) -> None:
        """Draw the outline of a box in a map, which has this number and may stand in a ring of empty cells."""
        first_map, last_map, *ends = (f"{cell:$}" for cell in box)
        row, column = f"ROW()-{block.row + ring - 1}", f"COLUMN()-{block.column + ring - 1}"
        at = dict(
            zip(
                _SIDES,
                (f"{row}={ends[0]}", f"{row}={ends[1]}", f"{column}={ends[2]}", f"{column}={ends[3]}"),
                strict=True,
            )
        )
        between = f"{row}>={ends[0]},{row}<={ends[1]}", f"{column}>={ends[2]},{column}<={ends[3]}"
        for sides in _OUTLINE:
            conditions = [f"{first_map}<={number}", f"{last_map}>={number}", *(at[side] for side in sides)]
            conditions += [text for text, axis in zip(between, _AXES, strict=True) if not set(axis) & set(sides)]
            look = Look(**dict.fromkeys(sides, looks.SEEN))  # type: ignore[arg-type]
            self._rules(block, conditions, look)

    def _mark_features(self, block: Block, box: Place) -> None:
        """Draw a line around each feature that is marked, of a column of them."""
        number = f"ROW()-{block.row - 1}"
        self._rules(block, [f"{number}>={box[0]:$}", f"{number}<={box[1]:$}"], Look(border=looks.SEEN))

    def _rules(self, block: Block, conditions: Sequence[str], look: Look) -> None:
        # LibreOffice follows the rules of a cell and its colour scale where both are about the same cells
        self._sheet.rules.append(Rule(block.place, f"AND({','.join(conditions)})", look))

    def _put_over(self, row: int, column: int, width: int, text: str, look: Look) -> int:
        """Words over some columns; gives the column behind them."""
        self._sheet.put_over(_span(row, column, width), text, look)
        self._sheet.heights[row] = max(looks.LINE_PIXELS, self._sheet.heights.get(row, 0))
        return column + width


def _start(layers: Layers, stages: Sequence[Stage]) -> tuple[int, int, int, int]:
    """The layer, map, row and column that a fresh file shows."""
    sides = [field.side for field in fields(layers, IMAGE)]
    large = [stage for stage in stages if stage.shape[1:] != (1, 1)]
    in_part = [stage for stage in large if sides[stage.numbers[-1]] <= _PART * IMAGE[1]]
    stage = (in_part or large or stages)[-1]
    _, height, width = stage.shape
    return stage.numbers[-1] + 1, 1, (height + 1) // 2, (width + 1) // 2


def _whole(cell: Place, most: Place | int) -> str:
    """That a cell holds a whole number from 1 to the most, as conditions."""
    return f"{cell}>=1,{cell}<={most},INT({cell})={cell}"


def _moved(cell: Place, stride: int) -> str:
    """Where a window begins along an axis, given the cell that it makes."""
    return f"{cell}" if stride == 1 else f"({cell}-1)*{stride}+1"


def _span(row: int, column: int, width: int) -> str:
    """Cells beside each other: `B3:F3`."""
    return f"{cell_address(row, column)}:{cell_address(row, column + width - 1)}"
