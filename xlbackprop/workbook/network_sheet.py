"""The first sheet: the start values to edit, a live drawing of the network, and a list of the sheets."""

from dataclasses import dataclass

from xlbackprop.backprop.network import Network
from xlbackprop.backprop.notation import defined_name
from xlbackprop.spreadsheet.blocks import Formula, Link, Role
from xlbackprop.spreadsheet.book import Book
from xlbackprop.spreadsheet.charts import Axis, Chart, Label, Line, Marker, Series
from xlbackprop.spreadsheet.limits import MAX_CHART_SERIES
from xlbackprop.spreadsheet.places import Place, joined
from xlbackprop.spreadsheet.presentation import Validation, Width
from xlbackprop.workbook import looks
from xlbackprop.workbook.layout import NETWORK, WorkbookLayout

#: More connections than this make a drawing that nobody can read.
MAX_DRAWN_WEIGHTS = 60

# The drawing takes its coordinates from columns far to the right, which are hidden.
_FIRST_COORDINATE, _LABEL = "AA", "AC"
_GEOMETRY = Width(27, 29, None, hidden=True)
# fill and side of the label, for inputs, hidden neurons and outputs
_NODE_LOOKS = (("#E5E7EB", "left"), ("#DDF0DC", "above"), ("#FAD9BF", "right"))
# room for the labels left and right, in units of the distance between layers
_MARGIN = 0.75


@dataclass(frozen=True)
class Origin:
    """What built a workbook, for the list of facts on its first sheet."""

    version: str
    command: str
    template: str


def network_facts(network: Network, steps: int, eta_count: int) -> dict[str, str]:
    """What the workbook says about its network in words; `tables.own` reads the same lines back."""
    return {
        "layers": network.shape,
        "hidden activation": network.hidden,
        "output activation": network.output,
        "error": network.loss,
        "biases": network.biases,
        "steps": str(steps),
        "learning rates": str(eta_count),
    }


class NetworkSheet:
    """The first sheet.

    Attributes:
        start: the cell of each start value.
    """

    def __init__(self, book: Book, layout: WorkbookLayout) -> None:
        self._layout = layout
        self.sheet = book.sheet(NETWORK, "start values: edit the yellow cells")
        start = layout.start
        self._sections = {
            title: self.sheet.reserve(title, f"{start.value_column}{start.rows[names[0]]}", (len(names), 1), Role.INPUT)
            for title, names in start.sections
        }
        self.start = {
            name: self._sections[title].cell(n) for title, names in start.sections for n, name in enumerate(names)
        }
        book.names |= {(defined_name(name), None): cell for name, cell in self.start.items()}

    def fill(self, origin: Origin) -> None:
        """Fill the sheet; the other sheets must be there, for the contents."""
        sheet, network, start = self.sheet, self._layout.network, self._layout.start
        columns = {"A": 70, "B": 100, "C": 190, "D": 16, "E:K": _drawing_size(network)[0] // 7}
        sheet.set_widths(columns | {"L": 16, "M": 130, "N": 330})
        sheet.heights[1] = looks.TITLE_PIXELS
        sheet.put("A1", network.title or f"A {network.shape} network", looks.TITLE)
        sheet.put("A2", f"{network.description} Edit the yellow cells: every number follows.".strip(), looks.MUTED)
        meanings, values = network.meanings, network.start_values
        for title, names in start.sections:
            row = start.rows[names[0]]
            sheet.put(f"A{row - 1}", [title, "", ""], looks.SECTION)
            sheet.put(f"{start.name_column}{row}", [[name] for name in names], looks.NAME)
            sheet.fill(self._sections[title], [[values[name]] for name in names], looks.INPUT)
            sheet.put(f"{start.meaning_column}{row}", [[meanings[name]] for name in names], looks.MUTED_INDENTED)
        every = joined(self.start.values())
        sheet.validations.append(
            Validation(every, "decimal", -1e300, 1e300, title="Start value", message="Only a number can stand here.")
        )
        self._draw()
        self._write_facts_and_contents(origin)

    def _write_facts_and_contents(self, origin: Origin) -> None:
        sheet, layout = self.sheet, self._layout
        label, row = layout.start.fact_column, layout.start.fact_row
        sheet.put(f"{label}{row}", ["Sheets", ""], looks.SECTION)
        contents = [(Link(other.name, other.name), other.about) for other in sheet.book.sheets]
        sheet.put(f"{label}{row + 1}", contents, looks.LINK, looks.MUTED_INDENTED)
        row += len(contents) + 2
        sheet.put(f"{label}{row}", ["This workbook", ""], looks.SECTION)
        facts = network_facts(layout.network, layout.steps, len(layout.etas))
        facts |= {"template": origin.template, "made by": f"xlbackprop {origin.version}", "command": origin.command}
        sheet.put(f"{label}{row + 1}", list(facts.items()), looks.NAME, looks.INDENTED)

    def _draw(self) -> None:
        """The network as a scatter chart: connections are lines, neurons are points, labels are live cells."""
        sheet, network = self.sheet, self._layout.network
        series_count = len(network.weights) + sum(network.layers)
        if len(network.weights) > MAX_DRAWN_WEIGHTS or series_count > MAX_CHART_SERIES:
            sheet.put("E4", f"A drawing of {len(network.weights):,} weights could not be read.", looks.MUTED)
            return
        series = [*self._connections(), *self._neurons(first_row=3 * len(network.weights) + 1)]
        chart = Chart(
            "The network with its start values",
            11,
            Axis(least=-_MARGIN, most=network.last + _MARGIN),
            Axis(least=-0.5, most=max(network.layers) - 0.4),
            _drawing_size(network),
            f"Drawing of the {network.shape} network: every neuron, and every weight with its start value.",
            series,
            hidden_cells=True,
        )
        sheet.charts.append(("E4", chart, 0, 0))
        sheet.widths.append(_GEOMETRY)

    def _connections(self) -> list[Series]:
        network, positions = self._layout.network, _positions(self._layout.network)
        series: list[Series] = []
        for layer in network.trained_layers:
            targets = network.neurons(layer)
            for target, weights in zip(targets, network.layer_weights(layer), strict=True):
                for source, w in zip(network.neurons(layer - 1), weights, strict=True):
                    (x0, y0), (x1, y1) = positions[source], positions[target]
                    # at this part of the way the labels of all connections are equally far apart
                    part = 1 / (len(targets) + 1)
                    middle = (x0 + part * (x1 - x0), y0 + part * (y1 - y0))
                    name, x, y = self._points(3 * len(series) + 1, [(x0, y0), middle, (x1, y1)], self._label(w))
                    label = Label("above", 8, colour="#1F4E8C", only=1)
                    series.append(Series(name, x, y, line=Line("#9CB3D4", 1.5), label=label))
        return series

    def _neurons(self, first_row: int) -> list[Series]:
        network, positions = self._layout.network, _positions(self._layout.network)
        series: list[Series] = []
        for layer in range(len(network.layers)):
            biases = network.layer_biases(layer) if layer else []
            for n, neuron in enumerate(network.neurons(layer)):
                labels = [self._label(neuron)] if layer == 0 else [f'"{neuron}"', *map(self._label, biases[n : n + 1])]
                if layer == network.last:
                    labels.append(self._label(network.target_names[n]))
                fill, side = _NODE_LOOKS[layer if layer == 0 else 2 if layer == network.last else 1]
                name, x, y = self._points(first_row + len(series), [positions[neuron]], '&", "&'.join(labels))
                marker = Marker(30, fill, looks.MUTED_INK)
                series.append(Series(name, x, y, marker=marker, label=Label(side, 9, bold=True)))
        return series

    def _points(self, row: int, points: list[tuple[float, float]], label: str) -> tuple[Place, Place, Place]:
        """Write points and a label; gives the places of the label, of x and of y."""
        at = self.sheet.put(f"{_FIRST_COORDINATE}{row}", points, role=Role.CONSTANT, name="points of the drawing")
        text = self.sheet.put(f"{_LABEL}{row}", Formula(label), name="label of the drawing")
        return text.place, at.column_place(0), at.column_place(1)

    def _label(self, name: str) -> str:
        """`w1 = 0.15` as a formula."""
        return f'"{name} = "&ROUND({defined_name(name)},4)'


def _drawing_size(network: Network) -> tuple[int, int]:
    """Width and height of the drawing in pixels."""
    return max(462, 154 * len(network.layers)), max(300, 80 + 110 * max(network.layers))


def _positions(network: Network) -> dict[str, tuple[float, float]]:
    """Where each neuron stands: a column a layer, centred, the first neuron on top."""
    middle = (max(network.layers) - 1) / 2
    return {
        neuron: (float(layer), middle + (size - 1) / 2 - n)
        for layer, size in enumerate(network.layers)
        for n, neuron in enumerate(network.neurons(layer))
    }
