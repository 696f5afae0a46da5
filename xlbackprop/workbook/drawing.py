"""The drawing of a small network: neurons, connections and their numbers as one live scatter chart.

Its axes are the pixels of the chart, so that what has a size and what has a place agree. A cell cannot change the
colour or width of a line, so each connection is there once a colour and width, and all of these but one have #N/A
for coordinates.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

from xlbackprop.backprop.network import Network
from xlbackprop.backprop.notation import header
from xlbackprop.spreadsheet.addresses import column_letters
from xlbackprop.spreadsheet.blocks import Content, Formula, Role
from xlbackprop.spreadsheet.book import Sheet
from xlbackprop.spreadsheet.charts import Axis, Chart, Label, Line, Marker, Series
from xlbackprop.spreadsheet.places import Place
from xlbackprop.spreadsheet.presentation import Width
from xlbackprop.workbook import looks

#: More connections than this make a drawing that nobody can read.
MAX_DRAWN_WEIGHTS = 14

# sizes in pixels
_DIAMETER = 64
_RADIUS = _DIAMETER / 2
_POINTS_A_PIXEL = 0.75
_BETWEEN_LAYERS = 172
_BETWEEN_NEURONS = 112
_LINE_OF_LABELS = 15
# what a line keeps from the circles
_GAP = 4
# of `w12 = -0.123`
_HALF_A_LABEL = 33
_BESIDE = _RADIUS + 12
# LibreOffice breaks the labels of a smaller chart into lines
_LEAST_WIDTH, _LEAST_HEIGHT = 432, 252

_WIDTHS = (1.0, 2.5, 4.5)
# The share of the largest weight from which on a line is wider: no round ones, because a share that a network has would
# be on one side or the other by rounding.
_WIDER_FROM = (0.3331, 0.6663)
_LINES = [Line(colour, width) for colour in (looks.POSITIVE, looks.NEGATIVE) for width in _WIDTHS]

_FILLS = {
    "input": looks.GROUP_FILLS["inputs"],
    "hidden": looks.GROUP_FILLS["forward"],
    "output": looks.GROUP_FILLS["error"],
}
_DELTA_INK = "#5B4B8A"
_PAPER = "#FFFFFF"

# what is smaller is 0 here; engines differ about whether 1e-17 is 0
_SHOWN_AS_ZERO = 1.7e-12

# the columns right of the drawing, hidden, that it takes its points from
_FIRST_COLUMN, _COLUMNS = 27, 10


def is_drawn(network: Network) -> bool:
    """Whether a network has few enough weights for a drawing."""
    return len(network.weights) <= MAX_DRAWN_WEIGHTS


def drawing_size(network: Network) -> tuple[int, int]:
    """Width and height of the drawing in pixels."""
    height = 2 * _beyond(network) + _BETWEEN_NEURONS * (max(network.layers) - 1)
    width = 2 * _BESIDE + _BETWEEN_LAYERS * network.last
    return max(_LEAST_WIDTH, round(width)), max(_LEAST_HEIGHT, round(height))


def _beyond(network: Network) -> float:
    """What the labels of a neuron take above or below its centre."""
    labels = 2 if network.biases == "none" else 3
    return _RADIUS + 8 + _LINE_OF_LABELS * labels


def draw(sheet: Sheet, network: Network, shown: Mapping[str, Place], at: str) -> None:
    """Draw a network.

    Args:
        sheet: gets the chart, and hidden columns with its points.
        network: with at most `MAX_DRAWN_WEIGHTS` weights.
        shown: the cell of each quantity of the step that is drawn.
        at: the cell of the upper left corner.
    """
    width, height = drawing_size(network)
    chart = Chart(
        "",
        9,
        Axis(least=0, most=width),
        Axis(least=0, most=height),
        (width, height),
        f"Drawing of the {network.shape} network at the step chosen on the Derivation sheet: every neuron with its "
        "value and δ, every weight, and the targets. Positive weights are blue, negative ones orange; "
        "the wider a line, the larger the weight.",
        list(_Drawing(sheet, network, shown).series()),
        hidden_cells=True,
        bare=True,
    )
    sheet.charts.append((at, chart, 0, 0))
    sheet.widths.append(Width(_FIRST_COLUMN, _FIRST_COLUMN + _COLUMNS - 1, None, hidden=True))


def significant(cell: Place, digits: int = 3) -> str:
    """A formula for the number in a cell as text, with few digits.

    It does without TEXT, whose format codes mean different things in different languages.
    """
    size = f"ABS({cell})"
    magnitude = f"INT(LOG10({size}))"
    plain = f'ROUND({cell},{digits - 1}-{magnitude})&""'
    scientific = f'ROUND({cell}/10^{magnitude},{digits - 1})&"E"&{magnitude}'
    return f'IF({size}<{_SHOWN_AS_ZERO},"0",IF(AND({size}>=0.001,{size}<100000),{plain},{scientific}))'


@dataclass
class _Drawing:
    """Writes the points of a drawing, and gives the series over them."""

    sheet: Sheet
    network: Network
    shown: Mapping[str, Place]
    row: int = 1

    def series(self) -> Iterator[Series]:
        """What is drawn later lies on top."""
        labels: list[Series] = []
        sizes = ",".join(f"ABS({self.shown[weight]:$})" for weight in self.network.weight_names)
        largest = self._put(0, Formula(f"MAX({sizes})"), "size of the largest weight")
        self.row += 1
        for layer in self.network.trained_layers:
            for n, weights in enumerate(self.network.layer_weights(layer)):
                for m, weight in enumerate(weights):
                    ends = self._centre(layer - 1, m), self._centre(layer, n)
                    yield from self._connection(weight, *ends, largest)
                    labels.append(self._weight_label(weight, layer, m, n))
        for layer in range(len(self.network.layers)):
            for n, neuron in enumerate(self.network.neurons(layer)):
                labels += self._neuron_labels(layer, n, neuron)
                yield self._circle(neuron, layer, n)
        yield from labels

    def _centre(self, layer: int, n: int) -> tuple[float, float]:
        """Where a neuron stands: a column a layer, centred, the first neuron on top."""
        network, (width, height) = self.network, drawing_size(self.network)
        x = width / 2 + _BETWEEN_LAYERS * (layer - network.last / 2)
        return x, height / 2 + _BETWEEN_NEURONS * ((network.layers[layer] - 1) / 2 - n)

    def _connection(
        self, weight: str, start: tuple[float, float], end: tuple[float, float], largest: Place
    ) -> Iterator[Series]:
        """A line from the edge of a circle to the edge of another, once for each colour and width."""
        part = (_RADIUS + _GAP) / math.dist(start, end)
        ends = [_between(start, end, part), _between(start, end, 1 - part)]
        cell = self.shown[weight]
        wider = "+".join(f"IF(ABS({cell:$})>{share}*{largest:$},1,0)" for share in _WIDER_FROM)
        which = self._put(3, Formula(f"1+IF({cell:$}<0,{len(_WIDTHS)},0)+{wider}"), "colour and width of a line")
        name = self._put(2, weight, "name of a line")
        x = self._put(0, [[round(x, 2)] for x, _ in ends], "points of the drawing", Role.CONSTANT)
        formulas = [
            [Formula(f"IF({which:$}={k},{round(y, 2)},NA())") for k in range(1, len(_LINES) + 1)] for _, y in ends
        ]
        y = self._put(4, formulas, "heights of a line")
        self.row += len(ends)
        for k, line in enumerate(_LINES):
            yield Series(name, x.T[0], y.T[k], line=line)

    def _weight_label(self, weight: str, layer: int, source: int, target: int) -> Series:
        """The label of a connection, on its line."""
        part = _part_of_the_way(self.network.layers[layer - 1], self.network.layers[layer])
        middle = _between(self._centre(layer - 1, source), self._centre(layer, target), part)
        return self._label(weight, weight, middle, looks.INK)

    def _circle(self, neuron: str, layer: int, n: int) -> Series:
        name, x, y = self._point(neuron, self._centre(layer, n))
        kind = "input" if layer == 0 else "output" if layer == self.network.last else "hidden"
        return Series(name, x, y, marker=Marker(round(_DIAMETER * _POINTS_A_PIXEL), _FILLS[kind], looks.MUTED_INK))

    def _neuron_labels(self, layer: int, n: int, neuron: str) -> Iterator[Series]:
        """Name and value in the circle; δ, bias and target beside it."""
        network, (x, y) = self.network, self._centre(layer, n)
        yield Series(*self._point(neuron, (x, y + 9)), label=Label("center", 10, bold=True, colour=looks.INK))
        value = significant(self.shown[network.activations(layer)[n]])
        text = Formula(value if layer == 0 else f'"a = "&{value}')
        yield Series(*self._point(text, (x, y - 10)), label=Label("center", 8, colour=looks.INK))
        if layer == 0:
            return
        beside = [f"delta_{neuron}", *network.layer_biases(layer)[n : n + 1]]
        if layer == network.last:
            beside.append(network.target_names[n])
        # away from the middle, where few lines pass
        away = 1 if 2 * n < network.layers[layer] else -1
        places = [(x, y + away * (_RADIUS + 11 + _LINE_OF_LABELS * k)) for k in range(len(beside))]
        for quantity, place in zip(beside, places, strict=True):
            is_delta = quantity.startswith("delta_")
            spoken, colour = ("δ", _DELTA_INK) if is_delta else (header(quantity), looks.MUTED_INK)
            yield self._label(spoken, quantity, place, colour)

    def _label(self, name: str, quantity: str, place: tuple[float, float], colour: str) -> Series:
        """The value of a quantity under a name, `w1 = 0.15`, on paper that covers the lines behind it."""
        text = Formula(f'"{name} = "&{significant(self.shown[quantity])}')
        return Series(*self._point(text, place), label=Label("center", 8, colour=colour, fill=_PAPER))

    def _point(self, text: str | Formula, point: tuple[float, float]) -> tuple[Place, Place, Place]:
        """Write a point with its text; gives the places of the text, of x and of y."""
        name = self._put(2, text, "labels of the drawing")
        at = self._put(0, [[round(value, 2) for value in point]], "points of the drawing", Role.CONSTANT)
        self.row += 1
        return name, at.T[0], at.T[1]

    def _put(
        self, column: int, contents: str | Formula | Sequence[Sequence[Content]], name: str, role: Role | None = None
    ) -> Place:
        """Write into the hidden columns, at the next free row."""
        return self.sheet.put(
            f"{column_letters(_FIRST_COLUMN + column)}{self.row}", contents, role=role, name=name
        ).place


def _part_of_the_way(before: int, after: int) -> float:
    """At which part of the way between two layers the labels of all connections are farthest apart.

    They stand at equal heights as `before` and `after` neurons do, at this part from the one to the other.
    """
    least = (_RADIUS + _GAP + _HALF_A_LABEL) / _BETWEEN_LAYERS
    parts = [least + n / 100 for n in range(int(100 * (1 - 2 * least)) + 1)]

    def closest(part: float) -> float:
        heights = sorted((1 - part) * source + part * target for source in range(before) for target in range(after))
        return min((b - a for a, b in pairwise(heights)), default=1.0)

    return max(parts, key=closest)


def _between(start: tuple[float, float], end: tuple[float, float], part: float) -> tuple[float, float]:
    """The point at a part of the way."""
    return start[0] + part * (end[0] - start[0]), start[1] + part * (end[1] - start[1])
