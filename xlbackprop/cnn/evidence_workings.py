"""What the maps of evidence are computed from: parts of the last map, weights of the features, and constants."""

from collections.abc import Sequence
from itertools import pairwise

import numpy as np

from xlbackprop.cnn import digit_looks, looks
from xlbackprop.cnn.layers import BatchNorm, Convolution, spoken
from xlbackprop.cnn.linear_end import LinearEnd
from xlbackprop.cnn.network_sheet import NetworkSheet
from xlbackprop.cnn.networks import CLASSES
from xlbackprop.cnn.shown_stage import ShownStage
from xlbackprop.spreadsheet.blocks import Formula
from xlbackprop.spreadsheet.book import Book, Sheet
from xlbackprop.spreadsheet.places import Place
from xlbackprop.spreadsheet.presentation import ColourScale

#: The formulas of the maps, (10, height, width).
Texts = Sequence[Sequence[Sequence[str]]]


class EvidenceWorkings:
    """Blocks below each other, each with a line of words above.

    First what each cell of the last map passes on, a row a place and a column a channel. Then how much each channel
    counts for each class, from the logits back to the map. And what the logits would be if the last map were empty.

    Args:
        sheet: where they go.
        network: where the layers stand.
        end: which of them are the linear ones.
        row: the first row.

    Attributes:
        next_row: the first row that is free.
    """

    def __init__(self, sheet: Sheet, network: NetworkSheet, end: LinearEnd, row: int) -> None:
        self._sheet, self.next_row = sheet, row
        self._maps = network.stages[end.last_map].maps
        self._gathering = None if end.gathering is None else network.stages[end.gathering]
        self._mixing = [network.stages[n] for n in end.mixing]

    def fill(self) -> tuple[Texts, Sequence[Place]]:
        """Fill them.

        Returns:
            the formulas of the maps, and the cells of the constants.
        """
        self._sheet.put(f"B{self.next_row}", "How the evidence is computed", looks.HEADING)
        self._sheet.heights[self.next_row] = looks.HEADING_PIXELS
        self.next_row += 1
        _, height, width = self._maps.shape
        if self._gathering is None:
            # a linear layer has a weight for each place of each channel
            own = self._mixing[0].weights[0]
            texts = [
                [[_written_out(self._maps[:, n, k], kernels[:, n, k]) for k in range(width)] for n in range(height)]
                for kernels in own["weight"]
            ]
            return texts, list(own["bias"])
        passed = self._put_passed(self._gathering)
        by_place = Place(passed.ids.reshape(height, width, -1))
        counts = self._put_counts()
        texts = [[[f"SUMPRODUCT({cells},{count})" for cells in row] for row in by_place] for count in counts]
        return texts, self._put_constants(self._gathering)

    def put_largest(self, maps: Sequence[Place]) -> Place:
        """A cell with the size of the largest number of all maps, for their colours."""
        row = self.next_row
        ends = ",".join(f"MAX({one}),-MIN({one})" for one in maps)
        words = self._sheet.put(f"B{row}", "the largest evidence has the darkest colour", digit_looks.LABEL)
        self._sheet.merge(words, 1, 24)
        block = self._sheet.put(f"Z{row}", Formula(f"MAX({ends})"), digit_looks.MAP_NUMBER, name="largest evidence")
        self._sheet.merge(block, 1, 5)
        self.next_row += 2
        return block.place

    def _put_passed(self, gathering: ShownStage) -> Place:
        """What each place passes on, (places, channels)."""
        channels, height, width = self._maps.shape
        layer = gathering.stage.layers[0]
        places = list(np.ndindex(height, width))
        if isinstance(layer, Convolution):
            weights = gathering.weights[0]["weight"]
            rows = [[f"{self._maps[c, n, k]}*{weights[c, 0, n, k]}" for c in range(channels)] for n, k in places]
            by = f"times the weight of its place in {spoken(layer)}"
        else:
            rows = [[f"{self._maps[c, n, k]}/{len(places)}" for c in range(channels)] for n, k in places]
            by = f"divided by the {len(places)} places"
        return self._put(f"the last map, {by}: a row a place, a column a channel", rows)

    def _put_counts(self) -> Place:
        """How much each channel counts for each class, (10, channels), from the last layer back to the map."""
        *before, last = self._mixing
        rows = [[f"{weight}" for weight in row] for row in _matrix(last)]
        counts = self._put_rows_of(last, rows)
        for shown in reversed(before):
            own = shown.weights[0]
            if isinstance(shown.stage.layers[0], BatchNorm):
                rows = [[f"{one}*{scale}" for one, scale in zip(row, own["scale"], strict=True)] for row in counts]
            else:
                rows = [[_products(self._sheet.book, row, column) for column in _matrix(shown).T] for row in counts]
            counts = self._put_rows_of(shown, rows)
        return counts

    def _put_rows_of(self, shown: ShownStage, rows: Sequence[Sequence[str]]) -> Place:
        words = f"how much what is given to {shown.stage.name} counts for each class: a row a class, a column a channel"
        return self._put(words, rows)

    def _put_constants(self, gathering: ShownStage) -> Sequence[Place]:
        """What the logits would be if the last map were empty: what the layers add, carried on."""
        found: Place | None = None
        for shown in (gathering, *self._mixing):
            texts = self._carried(shown, found)
            if texts:
                words = f"what {shown.stage.name} gives where the last map is empty"
                found = self._put(words, [[text] for text in texts])[:, 0]
        if found is None:
            found = self._put("nothing is added behind the last map", [["0"]] * CLASSES)[:, 0]
        return list(found)

    def _carried(self, shown: ShownStage, given: Place | None) -> list[str]:
        """What a layer gives; without anything given to it, what it adds."""
        own = shown.weights[0]
        if isinstance(shown.stage.layers[0], BatchNorm):
            added = list(own["shift"])
            sums = [] if given is None else [f"{x}*{scale}" for x, scale in zip(given, own["scale"], strict=True)]
        else:
            added = list(own.get("bias", ()))
            sums = [] if given is None else [_products(self._sheet.book, given, row) for row in _matrix(shown)]
        if sums and added:
            return [f"{one}+{other}" for one, other in zip(sums, added, strict=True)]
        return sums or [f"{cell}" for cell in added]

    def _put(self, words: str, rows: Sequence[Sequence[str]]) -> Place:
        """A block of formulas, shown as a picture, below a line of words."""
        row = self.next_row
        self._sheet.put(f"B{row}", words[0].upper() + words[1:], looks.MUTED)
        contents = [[Formula(text) for text in texts] for texts in rows]
        block = self._sheet.put(f"B{row + 1}", contents, looks.PICTURE, name=words)
        self._sheet.scales.append(ColourScale(block.place, looks.NEGATIVE, looks.ZERO, looks.POSITIVE))
        self._sheet.heights[row] = looks.LINE_PIXELS
        self._sheet.heights |= dict.fromkeys(range(row + 1, row + 1 + len(rows)), digit_looks.CELL_PIXELS)
        self.next_row = row + len(rows) + 2
        return block.place


def _matrix(shown: ShownStage) -> Place:
    """The weights of a linear layer or a 1x1 convolution, (outputs, inputs)."""
    return shown.weights[0]["weight"][:, :, 0, 0]


def _products(book: Book, a: Place, b: Place) -> str:
    """The sum of the products of as many cells; of two ranges where both go the same way without a gap."""
    way = _way(book, a)
    if way is not None and way == _way(book, b):
        return f"SUMPRODUCT({a},{b})"
    return _written_out(a, b)


def _written_out(a: Place, b: Place) -> str:
    return "+".join(f"{x}*{y}" for x, y in zip(a, b, strict=True))


def _way(book: Book, cells: Place) -> tuple[int, int] | None:
    """Rows and columns from each cell to the next, if that is one step down or to the right everywhere."""
    stands = [book.where(int(cell_id))[1:] for cell_id in cells.ids]
    steps = {(row - above, column - left) for (above, left), (row, column) in pairwise(stands)}
    return steps.pop() if len(steps) == 1 and steps <= {(0, 1), (1, 0)} else None
