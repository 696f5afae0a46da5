"""The picture of a network with many weights: a box for each layer, and a matrix for the weights into each."""

from collections.abc import Mapping, Sequence

from xlbackprop.backprop.network import Network
from xlbackprop.spreadsheet.addresses import cell_address
from xlbackprop.spreadsheet.blocks import Block, Content, Formula, Role
from xlbackprop.spreadsheet.book import Sheet
from xlbackprop.spreadsheet.looks import Look
from xlbackprop.spreadsheet.places import Place
from xlbackprop.spreadsheet.presentation import ColourScale, Rule
from xlbackprop.workbook import looks

#: A matrix with more rows or columns than this fills more than a screen or two.
MAX_SIDE = 24

#: The width of a column in pixels.
CELL_PIXELS = 60


def matrix_layers(network: Network) -> list[int]:
    """The layers whose incoming weights are shown as a matrix."""
    return [layer for layer in network.trained_layers if max(network.layers[layer - 1 : layer + 1]) <= MAX_SIDE]


def matrix_columns(network: Network) -> int:
    """How many columns the boxes and the matrices take."""
    biases = network.biases != "none"
    matrices = [1 + network.layers[layer - 1] + biases for layer in matrix_layers(network)]
    return max(2 * len(network.layers) + 1, *matrices, 0)


def write_matrices(sheet: Sheet, network: Network, shown: Mapping[str, Place], row: int, column: int) -> int:
    """Write the boxes, and below them the matrices.

    Args:
        sheet: gets them.
        network: whose layers they are.
        shown: the cell of each quantity of the step that is shown.
        row: that of the boxes.
        column: the first one.

    Returns:
        The first row below.
    """
    row = _write_boxes(sheet, network, shown, row, column) + 1
    for layer in matrix_layers(network):
        row = _write_matrix(sheet, network, shown, layer, row, column) + 1
    return row - 1


def _write_boxes(sheet: Sheet, network: Network, shown: Mapping[str, Place], row: int, column: int) -> int:
    """`64 inputs → 10 hidden (sigmoid) → 3 outputs (softmax) → E_total`, with the number of weights between."""
    for layer, size in enumerate(network.layers):
        if layer == 0:
            words, look = ["inputs" if size > 1 else "input", ""], looks.box("inputs")
        elif layer < network.last:
            words, look = ["hidden", network.activation(layer)], looks.box("forward")
        else:
            words, look = ["outputs" if size > 1 else "output", network.activation(layer)], looks.box("error")
        if layer:
            count = size * network.layers[layer - 1]
            arrow: list[Content] = ["→", float(count), "weights" if count > 1 else "weight"]
            _write_column(sheet, row, column + 2 * layer - 1, arrow, looks.ARROW)
        _write_column(sheet, row, column + 2 * layer, [float(size), *words], look)
    beside = column + 2 * len(network.layers)
    _write_column(sheet, row, beside - 1, ["→", "", ""], looks.ARROW)
    error: list[Content] = [Formula(f"{shown['E_total']:$}"), "E_total", ""]
    total = _write_column(sheet, row, beside, error, looks.box("gradients", looks.SHORT)).cell(0)
    sheet.rules.append(Rule(total, f"ABS({total})>=100", looks.LARGE_IN_BOX))
    return row + 3


def _write_column(sheet: Sheet, row: int, column: int, contents: Sequence[Content], look: tuple[Look, Look]) -> Block:
    """Three cells, of which the first is emphasized."""
    role = Role.FORMULA if any(isinstance(content, Formula) for content in contents) else Role.CONSTANT
    rows = [[content] for content in contents]
    block = sheet.put(cell_address(row, column), rows, look[1], role=role, name="box of a layer")
    block.row_looks = {0: look[0]}
    return block


def _write_matrix(sheet: Sheet, network: Network, shown: Mapping[str, Place], layer: int, row: int, column: int) -> int:
    """The weights into a layer: a row a neuron, a column for each value that comes in, and the biases."""
    neurons, incoming, biases = network.neurons(layer), network.activations(layer - 1), network.layer_biases(layer)
    kind = "outputs" if layer == network.last else "hidden neurons" if network.last == 2 else f"hidden layer {layer}"
    title = [f"Weights into the {kind}", *[""] * (matrix_columns(network) - 1)]
    sheet.put(cell_address(row, column), title, looks.SECTION)
    sheet.put(cell_address(row + 1, column), ["", *incoming, *["bias"][: len(biases)]], looks.MATRIX_HEADER)
    sheet.put(cell_address(row + 2, column), [[neuron] for neuron in neurons], looks.MATRIX_HEADER)
    weights = [[Formula(f"{shown[w]:$}") for w in names] for names in network.layer_weights(layer)]
    name = f"weights into the {kind}"
    matrix = sheet.put(cell_address(row + 2, column + 1), weights, looks.MATRIX_NUMBER, name=name)
    sheet.scales.append(ColourScale(matrix.place, looks.NEGATIVE_FILL, "#FFFFFF", looks.POSITIVE_FILL))
    numbers = [matrix]
    if biases:
        at, shown_biases = (
            cell_address(row + 2, column + 1 + len(incoming)),
            [[Formula(f"{shown[b]:$}")] for b in biases],
        )
        numbers.append(sheet.put(at, shown_biases, looks.MATRIX_NUMBER, name=f"biases, {kind}"))
    for block in numbers:
        sheet.rules.append(Rule(block.place, f"ABS({block.cell(0, 0)})>=100", looks.LARGE_IN_MATRIX))
    return row + 2 + len(neurons)
