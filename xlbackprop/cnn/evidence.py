"""The evidence: for each class a map of what each place of the last map adds to its logit.

Where all layers behind the last map are linear, a logit is a sum over places and channels, and a constant. So each map
says where in the image its class was found, and adds up to the logit exactly.
"""

from collections.abc import Sequence
from math import ceil

import numpy as np

from xlbackprop.cnn import digit_looks, looks
from xlbackprop.cnn.cells import stages
from xlbackprop.cnn.evidence_workings import EvidenceWorkings
from xlbackprop.cnn.layers import Layers
from xlbackprop.cnn.linear_end import linear_end
from xlbackprop.cnn.network_sheet import NetworkSheet
from xlbackprop.cnn.networks import CLASSES, IMAGE
from xlbackprop.spreadsheet.addresses import cell_address
from xlbackprop.spreadsheet.blocks import Block, Formula
from xlbackprop.spreadsheet.book import Sheet
from xlbackprop.spreadsheet.places import Place, joined
from xlbackprop.spreadsheet.presentation import ColourScale, Rule

#: So many cells stand beside each other on a screen.
_SCREEN = 84
#: The columns of the words on the left, which begin in the second one.
_WORDS = 8
_FIRST_COLUMN = 2
#: Below a map stand what it adds up to, its constant, and both together.
_SUMS = ("sum of the map", "constant", "logit")
_HEADINGS = 2


class Evidence:
    """Ten maps, and what they are computed from.

    Args:
        sheet: where they go.
        layers: of the network.
        classes: their names.
        row: the first row of the maps.
        answer: the cell with the number of the class that is read.

    Attributes:
        end: the linear layers, or the sentence that says why there are none.
        maps: what each place adds to each logit, (10, height, width); None if there are none.
        sums, constants: of each map, (10,).
        next_row: the row behind the maps.
    """

    def __init__(self, sheet: Sheet, layers: Layers, classes: Sequence[str], row: int, answer: Place) -> None:
        self._sheet, self._classes, self._row, self._answer = sheet, classes, row, answer
        listed = stages(layers, IMAGE)
        self.end = linear_end(listed)
        self._blocks: list[Block] = []
        self._sums: list[Block] = []
        if isinstance(self.end, str):
            self.next_row = row + _HEADINGS
            return
        height, width = self._shape = listed[self.end.last_map].shape[1:]
        rows = ceil(CLASSES * (width + 1) / (_SCREEN - _WORDS))
        self._per_row = ceil(CLASSES / rows)
        self._tall = 1 + height + len(_SUMS) + 1
        for n, name in enumerate(classes):
            top, left = self._corner(n)
            at = cell_address(top + 1, left)
            self._blocks.append(sheet.reserve(f"evidence for {name}", at, (height, width)))
            self._sums.append(sheet.reserve(f"sums for {name}", cell_address(top + 1 + height, left), (len(_SUMS), 1)))
        self.next_row = row + _HEADINGS + rows * self._tall

    @property
    def maps(self) -> Place | None:
        return Place(np.stack([block.place.ids for block in self._blocks])) if self._blocks else None

    @property
    def sums(self) -> Place:
        return joined(block.cell(0) for block in self._sums)

    @property
    def constants(self) -> Place:
        return joined(block.cell(1) for block in self._sums)

    def fill(self, network: NetworkSheet, row: int) -> None:
        """Fill the maps, and put what they are computed from below.

        Args:
            network: where the layers stand.
            row: the first row of the workings.
        """
        sheet = self._sheet
        sheet.heights |= {self._row: looks.HEADING_PIXELS, self._row + 1: looks.LINE_PIXELS}
        if isinstance(self.end, str):
            sheet.put(f"B{self._row}", "There are no maps of evidence", looks.HEADING)
            sheet.put(f"B{self._row + 1}", f"They need linear layers behind the last map, but {self.end}", looks.MUTED)
            return
        workings = EvidenceWorkings(sheet, network, self.end, row)
        sheet.put(f"B{self._row}", "The evidence: what each place of the image adds to each class", looks.HEADING)
        hint = "Red speaks for the class, blue against it. Each map and its constant add up to the logit exactly."
        sheet.put(f"B{self._row + 1}", hint, looks.MUTED)
        texts, constants = workings.fill()
        for n, logit in enumerate(network.logits):
            self._fill_map(n, texts[n], constants[n], logit)
        largest = workings.put_largest([block.place for block in self._blocks])
        for block in self._blocks:
            # one scale for all, so that colours compare
            sheet.scales.append(ColourScale(block.place, looks.NEGATIVE, looks.ZERO, looks.POSITIVE, largest))

    def _fill_map(self, number: int, texts: Sequence[Sequence[str]], constant: Place, logit: Place) -> None:
        """A map, its name above, and below what it adds up to."""
        sheet, block, sums = self._sheet, self._blocks[number], self._sums[number]
        (top, left), (height, width) = self._corner(number), self._shape
        sheet.fill(block, [[Formula(text) for text in row] for row in texts], looks.PICTURE)
        name = sheet.put(cell_address(top, left), self._classes[number], digit_looks.MAP_NAME)
        sheet.merge(name, 1, width)
        sheet.rules.append(Rule(name.place, f"{self._answer:$}={number}", digit_looks.LARGEST))
        contents = (f"SUM({block.place})", f"{constant}", f"{sums.cell(0)}+{sums.cell(1)}")
        sheet.fill(sums, [[Formula(text)] for text in contents], digit_looks.MAP_NUMBER)
        sheet.merge(sums, 1, width)
        far = f"ABS({sums.cell(2):$}-{logit:$})>0.000000001*(1+ABS({logit:$}))"
        sheet.rules.append(Rule(sums.cell(2), far, looks.RED))
        rows = range(top + 1, top + 1 + height)
        sheet.heights |= dict.fromkeys(rows, digit_looks.CELL_PIXELS)
        sheet.heights |= dict.fromkeys([top, *range(rows.stop, rows.stop + len(_SUMS))], looks.LINE_PIXELS)
        if left == _FIRST_COLUMN + _WORDS:
            words = sheet.put(cell_address(rows.stop, _FIRST_COLUMN), [[word] for word in _SUMS], digit_looks.LABEL)
            sheet.merge(words, 1, _WORDS - 1)

    def _corner(self, number: int) -> tuple[int, int]:
        """Row and column of a map's name."""
        row, column = divmod(number, self._per_row)
        return self._row + _HEADINGS + row * self._tall, _FIRST_COLUMN + _WORDS + column * (self._shape[1] + 1)
