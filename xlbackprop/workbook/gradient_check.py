"""The gradient check: every weight moved a little up and down, a forward pass each, and the slope between."""

from collections.abc import Iterable, Mapping

from xlsxwriter.worksheet import Worksheet

from xlbackprop.backprop.expression import cell_formula
from xlbackprop.backprop.network import Network
from xlbackprop.backprop.notation import header
from xlbackprop.backprop.quantities import Part, training_step
from xlbackprop.backprop.simulation import Simulation
from xlbackprop.spreadsheet.addresses import column_letters
from xlbackprop.workbook.derivation import DerivationLayout
from xlbackprop.workbook.layout import DERIVATION, WorkbookLayout
from xlbackprop.workbook.styles import Styles

#: How far a weight is moved: truncation and rounding of a central difference are both small there.
EPSILON = 0.0001
EPSILON_CELL = "$B$3"
HEADER_ROW = 5
FIRST_ROW = HEADER_ROW + 1
FIRST_QUANTITY = 3

#: Two forward passes a weight: in a wide network only the first weights are checked.
MAX_CELLS = 20_000


#: What stands in place of a central difference where ReLU bends between the two forward passes.
AT_A_KINK = "at a kink"
#: Above this a neuron is open; engines differ about whether 1e-17 is greater than 0. No round number, so
#: that no product lies on the border.
ZERO = 1.7e-12


def central_differences(
    network: Network, simulation: Simulation, values: Mapping[str, float]
) -> dict[str, tuple[str, float | str]]:
    """For each checked weight and bias, the cell of its central difference and what stands there now.

    Args:
        network: what is trained.
        simulation: evaluates the forward passes.
        values: all quantities of the step that is checked.
    """
    column = column_letters(FIRST_QUANTITY + len(pass_columns(network)))
    kinked = network.kinked_neurons
    found: dict[str, tuple[str, float | str]] = {}
    for n, name in enumerate(checked_names(network)):
        up, down = (_moved(simulation, values, name, by) for by in (EPSILON, -EPSILON))
        at_a_kink = any((up[z] > ZERO) != (down[z] > ZERO) for z in kinked)
        slope = AT_A_KINK if at_a_kink else (up["E_total"] - down["E_total"]) / (2 * EPSILON)
        found[name] = (f"${column}${FIRST_ROW + 2 * n}", slope)
    return found


def checked_names(network: Network) -> list[str]:
    """The weights and biases that get a central difference."""
    return network.trained_names[: max(1, MAX_CELLS // (2 * len(pass_columns(network))))]


def _moved(simulation: Simulation, values: Mapping[str, float], name: str, by: float) -> dict[str, float]:
    return simulation.evaluate({**values, name: values[name] + by})


def pass_columns(network: Network) -> list[str]:
    """The quantities of a forward pass, in the order of their columns."""
    return [q.name for q in training_step(network) if q.part in (Part.FORWARD, Part.ERROR)]


def write_gradient_check_sheet(
    sheet: Worksheet,
    layout: WorkbookLayout,
    styles: Styles,
    simulation: Simulation,
    values: Mapping[str, float],
    differences: Mapping[str, tuple[str, float | str]],
) -> None:
    """Fill the sheet: two rows a weight, one forward pass each, then the central difference.

    Args:
        sheet: the empty sheet.
        layout: where everything stands.
        styles: the formats of the workbook.
        simulation: evaluates the forward passes.
        values: all quantities of step 0 with the first learning rate.
        differences: what `central_differences` gave.
    """
    network = layout.network
    names = pass_columns(network)
    derivation = DerivationLayout(network)
    sheet.set_row_pixels(0, 28)
    sheet.set_column_pixels(0, 0, 70)
    sheet.set_column_pixels(1, FIRST_QUANTITY + len(names), 82)
    sheet.set_column_pixels(FIRST_QUANTITY + len(names) - 1, FIRST_QUANTITY + len(names) - 1, 130)
    sheet.write("A1", "The gradients once more, without the chain rule", styles.title)
    sheet.write(
        "A2",
        "Move one weight by ±ε, run the forward pass of the step chosen in the derivation, "
        "and see how E_total changes: ∂E/∂w ≈ (E_total at w + ε − E_total at w − ε) / 2ε.",
        styles.muted,
    )
    sheet.write("A3", "ε", styles.name)
    sheet.write_number("B3", EPSILON, styles.input)
    titles: Iterable[str] = ("weight", "moved by", *map(header, names), "central difference")
    for column, title in enumerate(titles):
        sheet.write(HEADER_ROW - 1, column, title, styles.table_header)
    error = column_letters(FIRST_QUANTITY + len(names) - 1)
    row = FIRST_ROW
    for name in differences:
        for sign, by in (("", EPSILON), ("-", -EPSILON)):
            moved = _moved(simulation, values, name, by)
            _write_pass(sheet, derivation, names, styles, row, name, sign, moved, by)
            row += 1
        cell, value = differences[name]
        slope = f"({error}{row - 2}-{error}{row - 1})/(2*{EPSILON_CELL})"
        kinks = _kink_count(network, row - 2)
        formula = f'IF({kinks}>0,"{AT_A_KINK}",{slope})' if kinks else slope
        sheet.write_formula(cell, f"={formula}", styles.small_number, value)
    sheet.freeze_panes(HEADER_ROW, 2)
    sheet.repeat_rows(HEADER_ROW - 1)


def _kink_count(network: Network, row: int) -> str:
    """How many ReLU neurons change sign between a row and the next, as a formula; empty without ReLU."""
    names = pass_columns(network)
    counts = []
    for layer in range(1, len(network.layers)):
        if network.has_kink(layer):
            # the columns of a layer lie together, and its outputs have the signs of its inputs
            first, last = (FIRST_QUANTITY + names.index(name) for name in _ends(network, layer))
            here, below = (f"{column_letters(first)}{r}:{column_letters(last)}{r}" for r in (row, row + 1))
            counts.append(f"SUMPRODUCT(ABS(({here}>{ZERO})-({below}>{ZERO})))")
    return "+".join(counts)


def _ends(network: Network, layer: int) -> tuple[str, str]:
    return network.neurons(layer)[0], network.activations(layer)[-1]


def _write_pass(
    sheet: Worksheet,
    derivation: DerivationLayout,
    names: list[str],
    styles: Styles,
    row: int,
    moved: str,
    sign: str,
    values: Mapping[str, float],
    by: float,
) -> None:
    sheet.write(f"A{row}", moved, styles.name)
    sheet.write_formula(f"B{row}", f"={sign}{EPSILON_CELL}", styles.text, by)
    own = {name: f"{column_letters(FIRST_QUANTITY + n)}{row}" for n, name in enumerate(names)}

    def address(name: str) -> str:
        if name in own:
            return own[name]
        cell = f"{DERIVATION}!{derivation.cell(name)}"
        return f"({cell}+$B{row})" if name == moved else cell

    for quantity in training_step(derivation.network):
        if quantity.name in own:
            formula = cell_formula(quantity.expression, address)
            sheet.write_formula(own[quantity.name], f"={formula}", styles.number, values[quantity.name])
