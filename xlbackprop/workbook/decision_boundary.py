"""The decision boundary: what a network answers over the plane of its two inputs, as a picture of live formulas."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from xlbackprop.backprop.functions import SOFTMAX
from xlbackprop.backprop.network import Network
from xlbackprop.backprop.samples import Samples
from xlbackprop.spreadsheet.addresses import cell_address
from xlbackprop.spreadsheet.blocks import Block, Content, Formula
from xlbackprop.spreadsheet.book import Sheet
from xlbackprop.spreadsheet.numbers import short_number
from xlbackprop.spreadsheet.places import Place, joined
from xlbackprop.spreadsheet.presentation import ColourScale, Rule, Shades, Width
from xlbackprop.workbook import looks
from xlbackprop.workbook.drawing import significant
from xlbackprop.workbook.forward_pass import array_of, filled_over, fixed, formula_of, map_names

#: More neurons would take too many formulas: each has a map of its own.
MOST_NEURONS = 48

#: The side of a map in cells, of which so many lie outside the samples on each side.
SIDE = 25
_MARGIN = 4
# the samples reach over so many cells, and a label stands at every fourth
_ACROSS, _LABELLED = SIDE - 1 - 2 * _MARGIN, range(_MARGIN, SIDE - _MARGIN, 4)
# in pixels; a line of text is hardly higher
CELL_PIXELS, _LABEL_WIDTH, _GAP = 18, 44, 18
# a small map has every third cell of a large one
_EVERY, _SMALL = 3, 9
_SMALL_IN_A_COLUMN, _MOST_SMALL = 3, 9
# with titles, or with labels and what the colours mean
_ROWS = max(_SMALL_IN_A_COLUMN * (_SMALL + 2), SIDE + 4)

#: What the outputs of an activation reach from and to.
_ENDS = {"sigmoid": (0.0, 1.0), "tanh": (-1.0, 1.0), SOFTMAX: (0.0, 1.0)}


class DecisionBoundary:
    """The map of what a network of two inputs answers, with the samples on it, and small maps of single neurons.

    Args:
        sheet: where it stands.
        network: with two inputs, and no more neurons than `MOST_NEURONS`.
        samples: those that it learns from.
        row, column: of its upper left corner.
    """

    def __init__(self, sheet: Sheet, network: Network, samples: Samples, row: int, column: int) -> None:
        self._sheet, self._network, self._samples = sheet, network, samples
        self._row, self._column = row, column
        self._outputs = network.activations(network.last)
        self._has_classes = samples.answers == "largest" and len(self._outputs) <= len(looks.CURVES)
        others = self._outputs if self._has_classes else self._outputs[1:]
        self._small = [*others, *network.activations(1)][:_MOST_SMALL] if network.last > 1 else others[:_MOST_SMALL]

    @property
    def picture(self) -> Place:
        """The cells of the map, the largest i2 in the first row."""
        return self._picture.place

    @property
    def last_column(self) -> int:
        """The last column of the maps that are looked at."""
        stacks = -(-len(self._small) // _SMALL_IN_A_COLUMN)
        return self._column + SIDE + stacks * (_SMALL + 1)

    def fill(self, given: Mapping[str, Place], weights: Mapping[str, Place], row: int, column: int) -> None:
        """Fill it.

        Args:
            given: the cells of each input and target, sample by sample.
            weights: the cell of each weight and bias.
            row, column: where its workings begin.
        """
        self._sheet.heights |= dict.fromkeys(range(self._row, self._row + _ROWS), CELL_PIXELS)
        marks = self._write_marks(given, row, column)
        grids = self._write_grids(given, weights, column + 6)
        self._write_picture(grids, *marks)
        self._write_labels()
        for number, name in enumerate(self._small):
            self._write_small(name, grids[name].place, number)

    def _write_marks(self, given: Mapping[str, Place], row: int, column: int) -> tuple[Place, Place]:
        """Where each sample lies on the map, as a number for each cell, and the mark that stands there; and the axes
        before them."""
        sheet = self._sheet
        sheet.put(cell_address(self._row, column), ["axis", "from", "step"], looks.TABLE_HEADER)
        self._axes = sheet.reserve("axes", cell_address(self._row + 1, column + 1), (2, 2))
        sheet.put(cell_address(self._row + 1, column), [["i1"], ["i2"]], looks.NAME)
        axes = []
        for n, name in enumerate(("i1", "i2")):
            cells, step = given[name], self._axes.cell(n, 1)
            least, most = f"MIN({cells:$})", f"MAX({cells:$})"
            # where all samples have the same, the map shows what lies around it
            span = f"IF({most}>{least},{most}-{least},1)"
            axes.append([Formula(f"{least}-{_MARGIN}*{step:$}"), Formula(f"{span}/{_ACROSS}")])
        sheet.fill(self._axes, axes, looks.TEXT)
        sheet.put(cell_address(row - 1, column), ["cell", "mark"], looks.TABLE_HEADER)
        block = sheet.reserve("samples on the map", cell_address(row, column), (self._samples.count, 2))
        contents = []
        for n in range(self._samples.count):
            right, up = (
                f"ROUND(({given[name][n]}-{self._axes.cell(k):$})/{self._axes.cell(k, 1):$},0)"
                for k, name in enumerate(("i1", "i2"))
            )
            contents.append([Formula(f"100*{up}+{right}"), self._mark(given, n)])
        sheet.fill(block, contents, looks.STEP)
        return block.column_place(0), block.column_place(1)

    def _mark(self, given: Mapping[str, Place], sample: int) -> Formula | str:
        targets = [given[name] for name in self._network.target_names]
        if self._has_classes:
            own = joined([targets[0][sample], targets[-1][sample]])
            return Formula(f'MATCH(MAX({own}),{own},0)&""')
        if self._samples.half_way is None:
            return Formula('"●"')
        (all_of_them,) = targets
        middle = f"(MAX({all_of_them:$})+MIN({all_of_them:$}))/2"
        return Formula(f'IF({all_of_them[sample]}>{middle},"●","○")')

    def _write_grids(self, given: Mapping[str, Place], weights: Mapping[str, Place], column: int) -> dict[str, Block]:
        """What each neuron gives out over the plane, a map each, and the axes before them."""
        sheet, names, row = self._sheet, map_names(self._network), self._row + 1
        x = sheet.reserve("i1 over the plane", cell_address(row + SIDE + 1, column + 1), (1, SIDE))
        y = sheet.reserve("i2 over the plane", cell_address(row, column), (SIDE, 1))
        steps = range(SIDE)
        (x_from, x_step), (y_from, y_step) = self._axes.place
        sheet.fill(x, [Formula(f"{x_from:$}+{n}*{x_step:$}") for n in steps], looks.MAP)
        sheet.fill(y, [[Formula(f"{y_from:$}+{n}*{y_step:$}")] for n in reversed(steps)], looks.NUMBER)
        self._x, self._y = x.place[0], y.place[:, 0]
        sheet.rules += looks.number_rules(y.place)
        sheet.put(cell_address(row - 1, column), "i2", looks.NAME)
        sheet.widths.append(Width(column, column, 80))
        grids: dict[str, Block] = {}
        address = fixed(weights) | {"i1": f"{x.cell(0):A$}", "i2": f"{y.cell(0):$1}"}
        values: dict[str, float | NDArray[np.float64]] = {
            name: float(sheet.book.value(cell))  # type: ignore[arg-type]
            for name, cell in weights.items()
        }
        values |= {"i1": self._numbers(x.place), "i2": self._numbers(y.place)}
        for n, name in enumerate(names):
            first = column + 1 + n * (SIDE + 1)
            grids[name] = sheet.reserve(f"{name} over the plane", cell_address(row, first), (SIDE, SIDE))
            formula = formula_of(self._network, name, names, address.__getitem__)
            # where one leaves what a cell can hold, the evaluation of formulas says what the others show
            numbers = array_of(self._network, name, names, values) if values.keys() >= {*names[:n]} else None
            if numbers is not None:
                values[name] = numbers = np.broadcast_to(numbers, (SIDE, SIDE))
            _fill_map(grids[name], filled_over(sheet.book, formula, (SIDE, SIDE), numbers), f"{name} over the plane")
            address[name] = f"{grids[name].cell(0)}"
            self._colour(grids[name].place, name)
            sheet.widths.append(Width(first, first + SIDE, CELL_PIXELS))
        return grids

    def _numbers(self, cells: Place) -> NDArray[np.float64]:
        return np.array(self._sheet.book.values(cells), dtype=float).reshape(cells.shape)

    def _write_picture(self, grids: Mapping[str, Block], cells: Place, marks: Place) -> None:
        """The map that is looked at: what the network answers, and a mark where a sample lies."""
        sheet, first = self._sheet, self._column + 1
        sheet.widths += [Width(self._column, self._column, _LABEL_WIDTH), Width(first, first + SIDE - 1, CELL_PIXELS)]
        output = "" if self._has_classes else f" ({self._outputs[0]})"
        title = f"What the network answers{output} to every i1 and i2"
        self._picture = sheet.reserve("map", cell_address(self._row + 1, first), (SIDE, SIDE))
        answers = filled_over(sheet.book, self._answer(grids), (SIDE, SIDE))
        contents = [
            [
                Formula(
                    f'IFERROR(INDEX({marks:$},MATCH({100 * (SIDE - 1 - n) + k},{cells:$},0)),IFERROR({one.text},""))'
                )
                for k, one in enumerate(row)
            ]
            for n, row in enumerate(answers)
        ]
        _fill_map(self._picture, contents, title, self._labels())
        picture = self._picture.place
        if self._has_classes:
            for number, colour in enumerate(looks.CURVES[: len(self._outputs)], start=1):
                sheet.rules.append(Rule(picture, str(number), looks.mark(colour), equals=True))
                sheet.rules.append(Rule(picture, f"{picture[0, 0]}={number}", looks.area(colour)))
            return
        for mark, colour in (("●", looks.POSITIVE), ("○", looks.NEGATIVE)):
            strong = colour if self._samples.half_way is not None else looks.INK
            sheet.rules.append(Rule(picture, mark, looks.mark(strong), equals=True))
        self._colour(picture, self._outputs[0])

    def _answer(self, grids: Mapping[str, Block]) -> str:
        """The number of the likeliest class, or the output, as a formula for the first cell."""
        outputs = [f"{grids[name].cell(0)}" for name in self._outputs]
        if not self._has_classes:
            return outputs[0]
        largest, answer = f"MAX({','.join(outputs)})", str(len(outputs))
        for number, output in reversed([*enumerate(outputs, start=1)][:-1]):
            answer = f"IF({output}>={largest},{number},{answer})"
        return answer

    def _labels(self) -> list[Content]:
        """The horizontal axis of the map."""
        labels: list[Content] = [""] * SIDE
        for n in _LABELLED:
            labels[n] = Formula(significant(self._x[n]))
        labels[-1] = "i1"
        return labels

    def _write_labels(self) -> None:
        """The vertical axis of the map, and what its colours and marks mean."""
        sheet, row = self._sheet, self._row + 1
        sheet.put(cell_address(row, self._column), "i2", looks.MAP_LABEL_LEFT)
        for n in _LABELLED:
            at = cell_address(row + SIDE - 1 - n, self._column)
            sheet.put(at, Formula(significant(self._y[SIDE - 1 - n])), looks.MAP_LABEL_LEFT, name="i2 at the edge")
        key = [[line] for line in self._key()]
        sheet.put(cell_address(row + SIDE + 1, self._column + 1), key, looks.HINT)

    def _key(self) -> Sequence[str]:
        samples, (output, *_) = self._samples, self._outputs
        if self._has_classes:
            return (
                "The colour says which output is the largest: the class that the network decides for.",
                "The dark cells are the samples, with the numbers of their classes.",
            )
        least, most = map(short_number, self._ends(output))
        colours = f"Blue where {output} is near {most}, orange where it is near {least}, white half-way"
        if samples.half_way is None:
            return f"{colours}.", "● are the samples."
        return (
            f"{colours}: there runs the boundary.",
            f"● are the samples with {self._network.target_names[0]} = {most}, ○ those with {least}.",
        )

    def _write_small(self, name: str, grid: Place, number: int) -> None:
        sheet = self._sheet
        stack, place = divmod(number, _SMALL_IN_A_COLUMN)
        column = self._column + 1 + SIDE + stack * (_SMALL + 1)
        row = self._row + place * (_SMALL + 2)
        sheet.widths += [Width(column, column, _GAP), Width(column + 1, column + _SMALL, CELL_PIXELS)]
        seen = [[Formula(f'IFERROR({cell},"")') for cell in cells] for cells in grid[::_EVERY, ::_EVERY]]
        small = sheet.reserve(f"small map of {name}", cell_address(row + 1, column + 1), (_SMALL, _SMALL))
        _fill_map(small, seen, name)
        self._colour(small.place, name)

    def _ends(self, output: str) -> tuple[float, float]:
        """The least and the largest target of an output, which its colours reach between."""
        number = self._outputs.index(output)
        targets = [values[number] for values in self._samples.targets]
        least, most = min(targets), max(targets)
        return (least, most) if least < most else (least - 1, most + 1)

    def _colour(self, cells: Place, name: str) -> None:
        """Colours for what a neuron gives out."""
        sheet, white = self._sheet, "#FFFFFF"
        if self._has_classes and name in self._outputs:
            sheet.shades.append(Shades(cells, white, looks.CURVES[self._outputs.index(name)], 0, 1))
            return
        hidden = _ENDS.get(self._network.hidden) if name not in self._outputs else None
        ends = self._ends(name) if name in self._outputs else hidden
        if not name.startswith("a_") or ends is None:
            sheet.scales.append(ColourScale(cells, looks.NEGATIVE_FILL, white, looks.POSITIVE_FILL))
            return
        sheet.shades.append(Shades(cells, looks.NEGATIVE_FILL, looks.POSITIVE_FILL, *ends, middle=white))


def _fill_map(block: Block, contents: Sequence[Sequence[Formula]], title: str, below: Sequence[Content] = ()) -> None:
    """Fill a map, within a thin frame, below its title.

    Args:
        block: its cells.
        contents: a formula for each of them.
        title: what it shows.
        below: what stands in the row below it.
    """
    sheet, (rows, columns) = block.sheet, block.shape
    left, right = replace(looks.MAP, left=looks.RULE), replace(looks.MAP, right=looks.RULE)
    sheet.fill(block, contents, left, *[looks.MAP] * (columns - 2), right)
    # the frame is closed by the rows above and below, because a row has one look
    nothing = [""] * (columns - 1)
    above = cell_address(block.row - 1, block.column)
    sheet.put(above, [title, *nothing], replace(looks.NAME, bottom=looks.RULE))
    under = cell_address(block.row + rows, block.column)
    sheet.put(under, below or ["", *nothing], replace(looks.MAP_LABEL, top=looks.RULE), name="at the edge")


def has_boundary(network: Network) -> bool:
    """Whether a network has a map: of two inputs, and of few neurons."""
    return network.layers[0] == 2 and sum(network.layers[1:]) <= MOST_NEURONS
