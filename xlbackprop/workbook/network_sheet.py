"""The first sheet: the start values to edit, a live drawing of the network, and a list of the sheets."""

from dataclasses import dataclass

from xlsxwriter import Workbook
from xlsxwriter.worksheet import Worksheet

from xlbackprop.backprop.network import Network
from xlbackprop.backprop.notation import defined_name
from xlbackprop.spreadsheet.limits import MAX_CHART_SERIES
from xlbackprop.workbook.layout import (
    CHECK,
    COMPARISON,
    DERIVATION,
    GRADIENT_CHECK,
    NETWORK,
    WorkbookLayout,
    short_number,
)
from xlbackprop.workbook.styles import MUTED, Styles

#: More connections than this make a drawing that nobody can read.
MAX_DRAWN_WEIGHTS = 60

# The drawing takes its coordinates from columns far to the right, which are hidden.
_GEOMETRY = ("AA", "AB", "AC")
_GEOMETRY_COLUMNS = "AA:AC"
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


def network_facts(network: Network, steps: int, rates: int) -> dict[str, str]:
    """What the workbook says about its network in words; `tables` reads the same lines back."""
    return {
        "layers": network.shape,
        "hidden activation": network.hidden,
        "output activation": network.output,
        "error": network.loss,
        "biases": network.biases,
        "steps": str(steps),
        "learning rates": str(rates),
    }


def write_network_sheet(
    workbook: Workbook, sheet: Worksheet, layout: WorkbookLayout, styles: Styles, origin: Origin
) -> None:
    """Fill the first sheet."""
    network, start = layout.network, layout.start
    sheet.set_column_pixels("A:A", 70)
    sheet.set_column_pixels("B:B", 100)
    sheet.set_column_pixels("C:C", 190)
    sheet.set_column_pixels("D:D", 16)
    sheet.set_column_pixels("E:K", _drawing_size(network)[0] // 7)
    sheet.set_column_pixels("L:L", 16)
    sheet.set_column_pixels("M:M", 130)
    sheet.set_column_pixels("N:N", 330)
    sheet.set_row_pixels(0, 28)
    sheet.write("A1", network.title or f"A {network.shape} network", styles.title)
    sheet.write("A2", f"{network.description} Edit the yellow cells: every number follows.".strip(), styles.muted)

    meanings, values = network.meanings, network.start_values
    for title, names in start.sections:
        heading = start.rows[names[0]] - 1
        for letters, text in zip("ABC", (title, "", ""), strict=True):
            sheet.write(f"{letters}{heading}", text, styles.section)
        for name in names:
            row = start.rows[name]
            sheet.write(f"{start.name_column}{row}", name, styles.name)
            sheet.write_number(f"{start.value_column}{row}", values[name], styles.input)
            sheet.write(f"{start.meaning_column}{row}", meanings[name], styles.muted_indented)
            workbook.define_name(defined_name(name), f"={NETWORK}!{start.cell(name)}")
    last = max(start.rows.values())
    sheet.data_validation(
        f"B{start.first_section_row + 1}:B{last}",
        {
            "validate": "decimal",
            "criteria": "between",
            "minimum": -1e300,
            "maximum": 1e300,
            "error_title": "Start value",
            "error_message": "Only a number can stand here.",
        },
    )
    _write_drawing(workbook, sheet, network, styles)
    _write_facts_and_contents(sheet, layout, styles, origin)


def _write_facts_and_contents(sheet: Worksheet, layout: WorkbookLayout, styles: Styles, origin: Origin) -> None:
    label, value = layout.start.fact_column, layout.start.fact_value_column

    def section(row: int, title: str) -> None:
        sheet.write(f"{label}{row}", title, styles.section)
        sheet.write(f"{value}{row}", "", styles.section)

    row = layout.start.fact_row
    section(row, "Sheets")
    fixed = {
        NETWORK: "start values: edit the yellow cells",
        DERIVATION: "every formula explained, with its numbers",
        GRADIENT_CHECK: "the gradients once more, by nudging each weight",
        COMPARISON: "all learning rates in one chart",
        CHECK: "NumPy's values beside the live ones",
    }
    for name in layout.sheet_names:
        row += 1
        sheet.write_url(f"{label}{row}", f"internal:'{name}'!A1", styles.link, name)
        sheet.write(f"{value}{row}", fixed.get(name, f"{layout.steps:,} steps of training"), styles.muted_indented)
    row += 2
    section(row, "This workbook")
    facts = network_facts(layout.network, layout.steps, len(layout.etas))
    facts |= {"template": origin.template, "made by": f"xlbackprop {origin.version}", "command": origin.command}
    for fact, text in facts.items():
        row += 1
        sheet.write_string(f"{label}{row}", fact, styles.name)
        sheet.write_string(f"{value}{row}", text, styles.get(indent=1))


def _write_drawing(workbook: Workbook, sheet: Worksheet, network: Network, styles: Styles) -> None:
    """The network as a scatter chart: connections are lines, neurons are points, labels are live cells."""
    neurons = sum(network.layers)
    if len(network.weights) > MAX_DRAWN_WEIGHTS or len(network.weights) + neurons > MAX_CHART_SERIES:
        sheet.write("E4", f"A drawing of {len(network.weights):,} weights could not be read.", styles.muted)
        return
    chart = workbook.add_chart({"type": "scatter", "subtype": "straight"})
    x, y, label = _GEOMETRY
    row = 1

    def place(points: list[tuple[float, float]], formula: str, text: str) -> dict[str, str]:
        """Write points and a label cell, and return the ranges of the series that shows them."""
        nonlocal row
        for n, (at_x, at_y) in enumerate(points):
            sheet.write_number(f"{x}{row + n}", at_x)
            sheet.write_number(f"{y}{row + n}", at_y)
        sheet.write_formula(f"{label}{row}", formula, None, text)
        last = row + len(points) - 1
        ranges = {
            "name": f"={NETWORK}!${label}${row}",
            "categories": f"={NETWORK}!${x}${row}:${x}${last}",
            "values": f"={NETWORK}!${y}${row}:${y}${last}",
        }
        row = last + 1
        return ranges

    positions = _positions(network)
    for layer in range(1, len(network.layers)):
        sources, targets = network.neurons(layer - 1), network.neurons(layer)
        for target, weights in zip(targets, network.layer_weights(layer), strict=True):
            for source, w in zip(sources, weights, strict=True):
                (x0, y0), (x1, y1) = positions[source], positions[target]
                # at this part of the way the labels of all connections are equally far apart
                part = 1 / (len(targets) + 1)
                middle = (x0 + part * (x1 - x0), y0 + part * (y1 - y0))
                formula, text = _label(network, w)
                chart.add_series(
                    place([(x0, y0), middle, (x1, y1)], formula, text)
                    | {
                        "line": {"color": "#9CB3D4", "width": 1.5},
                        "marker": {"type": "none"},
                        "data_labels": {
                            "series_name": True,
                            "value": False,
                            "position": "above",
                            "font": {"size": 8, "color": "#1F4E8C"},
                            "custom": [{"delete": True}, None, {"delete": True}],
                        },
                    }
                )
    for layer in range(len(network.layers)):
        biases = network.layer_biases(layer) if layer else []
        for n, neuron in enumerate(network.neurons(layer)):
            shown = [neuron] if layer == 0 else [None, *biases[n : n + 1]]
            if layer == network.last:
                shown.append(network.target_names[n])
            formula, text = _node_label(network, neuron, [name for name in shown if name])
            fill, side = _NODE_LOOKS[layer if layer == 0 else 2 if layer == network.last else 1]
            chart.add_series(
                place([positions[neuron]], formula, text)
                | {
                    "line": {"none": True},
                    "marker": {"type": "circle", "size": 30, "fill": {"color": fill}, "border": {"color": MUTED}},
                    "data_labels": {
                        "series_name": True,
                        "value": False,
                        "position": side,
                        "font": {"size": 9, "bold": True},
                    },
                }
            )
    chart.set_title({"name": "The network with its start values", "name_font": {"size": 11}})
    chart.set_legend({"none": True})
    hidden_axis = {"visible": False, "major_gridlines": {"visible": False}}
    chart.set_x_axis(hidden_axis | {"min": -_MARGIN, "max": network.last + _MARGIN})
    chart.set_y_axis(hidden_axis | {"min": -0.5, "max": max(network.layers) - 0.4})
    width, height = _drawing_size(network)
    chart.set_size({"width": width, "height": height})
    chart.show_hidden_data()
    sheet.insert_chart(
        "E4",
        chart,
        {
            "description": f"Drawing of the {network.shape} network: every neuron, "
            "and every weight with its start value."
        },
    )
    sheet.set_column(_GEOMETRY_COLUMNS, None, None, {"hidden": True})


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


def _label(network: Network, name: str) -> tuple[str, str]:
    """`w1 = 0.15` as a formula, and as it reads now."""
    formula = f'"{name} = "&ROUND({defined_name(name)},4)'
    return f"={formula}", f"{name} = {short_number(round(network.start_values[name], 4))}"


def _node_label(network: Network, neuron: str, names: list[str]) -> tuple[str, str]:
    labels = [_label(network, name) for name in names]
    formulas = [formula.removeprefix("=") for formula, _ in labels]
    texts = [text for _, text in labels]
    if neuron not in names:
        formulas.insert(0, f'"{neuron}"')
        texts.insert(0, neuron)
    return "=" + '&", "&'.join(formulas), ", ".join(texts)
