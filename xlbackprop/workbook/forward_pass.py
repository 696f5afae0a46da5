"""A forward pass in cells of its own: the one definition of a network, over weights and inputs that stand elsewhere."""

from collections.abc import Callable, Collection, Mapping

import numpy as np
from numpy.typing import NDArray

from xlbackprop.backprop.expression import FUNCTIONS, cell_formula, compiled, inlined, names_in
from xlbackprop.backprop.functions import SOFTMAX
from xlbackprop.backprop.network import Network
from xlbackprop.backprop.quantities import Part, Quantity, training_step
from xlbackprop.spreadsheet.blocks import FilledOver, Formula
from xlbackprop.spreadsheet.book import Book
from xlbackprop.spreadsheet.places import Place


def forward_names(network: Network) -> list[str]:
    """The quantities of a forward pass, in an order in which each follows from those before it."""
    return [quantity.name for quantity in _forward(network)]


def map_names(network: Network) -> list[str]:
    """The quantities of a forward pass that a map takes: what neurons give out, and all of a softmax layer."""
    return [
        quantity.name
        for quantity in _forward(network)
        if quantity.name.startswith("a_") or network.activation(quantity.layer) == SOFTMAX
    ]


def formula_of(network: Network, name: str, kept: Collection[str], address: Callable[[str], str]) -> str:
    """The formula of a quantity.

    Args:
        network: gives the layers and functions.
        name: one of the quantities of its training step.
        kept: those that have cells; the others are put into the formula.
        address: the cell of each of `kept`, and of each input, target, weight and bias.
    """
    return cell_formula(_expression(network, name, kept), address)


def array_of(
    network: Network, name: str, kept: Collection[str], values: Mapping[str, float | NDArray[np.float64]]
) -> NDArray[np.float64] | None:
    """A quantity for many inputs at once, as its formula gives it; None where one of them leaves what a cell can hold.

    Args:
        network: gives the layers and functions.
        name: one of the quantities of its training step.
        kept: those that have cells.
        values: of each of `kept` that comes before it, and of each input, weight and bias.
    """
    functions = {called: function.on_arrays for called, function in FUNCTIONS.items()}
    try:
        with np.errstate(over="raise", divide="raise", invalid="raise"):
            return np.asarray(eval(compiled(_expression(network, name, kept)), functions, dict(values)))
    except FloatingPointError:
        return None


def filled_over(
    book: Book, formula: str, shape: tuple[int, int], values: NDArray[np.float64] | None = None
) -> list[list[Formula]]:
    """The formula of a first cell, filled right and down: a formula for each cell of a rectangle, with its value where
    that is known already."""
    filled = FilledOver(formula)
    rows = [[book.formula_over(filled, row, column) for column in range(shape[1])] for row in range(shape[0])]
    if values is None:
        return rows
    return [
        [Formula(one.text, value) for one, value in zip(row, numbers, strict=True)]
        for row, numbers in zip(rows, values.tolist(), strict=True)
    ]


def fixed(cells: Mapping[str, Place]) -> dict[str, str]:
    """The cells of quantities as they stand in formulas that are filled right and down, and stay."""
    return {name: f"{cell:$}" for name, cell in cells.items()}


def _expression(network: Network, name: str, kept: Collection[str]) -> str:
    expressions = {quantity.name: quantity.expression for quantity in training_step(network)}
    others = {other: text for other, text in expressions.items() if other not in kept}
    expression = expressions[name]
    return inlined(expression, others) if others.keys() & set(names_in(expression)) else expression


def _forward(network: Network) -> list[Quantity]:
    return [quantity for quantity in training_step(network) if quantity.part is Part.FORWARD]
