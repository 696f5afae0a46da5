"""The tables of a training: which columns they have, in which order, and where their rows stand.

Rows and columns are counted from 1, as spreadsheets show them.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

from xlbackprop.backprop.network import Network
from xlbackprop.backprop.quantities import Part, gathered, states, training_step
from xlbackprop.spreadsheet.addresses import column_letters


@dataclass(frozen=True)
class Column:
    """A column of the training table.

    Attributes:
        name: the quantity, or `step`.
        group: the heading that it stands under.
        letters: its place in the sheet.
    """

    name: str
    group: str
    letters: str


@dataclass(frozen=True)
class TableLayout:
    """A table of a training, at the same place in the sheet of every learning rate.

    Attributes:
        columns: `step`, then the quantities in the order of the classroom.
        row_count: how many rows it has.
    """

    columns: tuple[Column, ...]
    row_count: int

    header_row = 3
    first_row = 4

    @property
    def last_row(self) -> int:
        return self.first_row + self.row_count - 1

    @cached_property
    def letters(self) -> dict[str, str]:
        """The column letters of each quantity."""
        return {column.name: column.letters for column in self.columns}

    def row(self, step: int) -> int:
        return self.first_row + step

    def cell(self, name: str, step: int) -> str:
        """The address of a quantity at a step, within the sheet."""
        return f"{self.letters[name]}{self.row(step)}"


@dataclass(frozen=True)
class TrainingLayout(TableLayout):
    """The training table: a row a step. Its charts have the column between the steps and the quantities."""

    chart_column = "B"
    eta_cell = "$C$2"
    #: The row of the labels of the hyperparameters, their yellow cells below, and the column of the first.
    hyperparameter_row, first_hyperparameter = 1, "H"


def training_layout(network: Network, steps: int) -> TrainingLayout:
    """The training table of a network: the classic order, further quantities, the gradients last.

    Where a step takes several samples, it has what the step gathers from them.
    """
    order = _order_of_steps(network) if network.in_batches else _order_of_passes(network, _order_of_states(network))
    columns = (Column(name, group, column_letters(n + (n > 1))) for n, (name, group) in enumerate(order, start=1))
    return TrainingLayout(tuple(columns), steps + 1)


def samples_layout(network: Network, steps: int) -> TableLayout:
    """The table of the samples of each step: a row a sample, in the classic order."""
    batch = network.samples.batch if network.samples else 1
    order = _order_of_passes(network)
    columns = (Column(name, group, column_letters(n)) for n, (name, group) in enumerate(order, start=1))
    return TableLayout(tuple(columns), (steps + 1) * batch)


def _parameters(network: Network, layer: int) -> list[tuple[str, str]]:
    neurons = _neurons(network, layer)
    weights = [(w, f"weights ({neurons})") for row in network.layer_weights(layer) for w in row]
    return weights + [(b, f"biases ({neurons})") for b in network.layer_biases(layer)]


def _neurons(network: Network, layer: int) -> str:
    return "outputs" if layer == network.last else f"layer {layer}" if network.last > 2 else "hidden"


def _order_of_steps(network: Network) -> list[tuple[str, str]]:
    groups = {
        Part.FORWARD: "forward (outputs)",
        Part.ERROR: "error",
        Part.ANSWER: "error",
        Part.GRADIENT: "gradients",
    }
    order = [("step", "")]
    for layer in network.trained_layers:
        order += _parameters(network, layer)
    found = [(one.name, groups[one.part]) for one in gathered(network)]
    gradients = [entry for entry in found if entry[1] == groups[Part.GRADIENT]]
    return order + [entry for entry in found if entry not in gradients] + _order_of_states(network) + gradients


def _order_of_states(network: Network) -> list[tuple[str, str]]:
    return [(state.name, "optimizer") for state in states(network)]


def _order_of_passes(network: Network, before_gradients: Sequence[tuple[str, str]] = ()) -> list[tuple[str, str]]:
    quantities = training_step(network)
    order = [("step", ""), *([("sample", "inputs")] if network.samples else [])]
    order += [(name, "inputs") for name in network.target_names + network.input_names]
    for layer in network.trained_layers:
        order += _parameters(network, layer)
        pairs = [name for z in network.neurons(layer) for name in (z, f"a_{z}")]
        order += [(name, f"forward ({_neurons(network, layer)})") for name in pairs]
    listed = {name for name, _ in order}
    order += [(q.name, "error") for q in quantities if q.part in (Part.ERROR, Part.ANSWER)]
    if not network.in_batches:
        order += [(one.name, "error") for one in gathered(network)]
    order += [(q.name, "chain rule") for q in quantities if q.part is Part.FORWARD and q.name not in listed]
    order += [(q.name, "chain rule") for q in quantities if q.part is Part.CHAIN_RULE]
    order += before_gradients
    gradients = {q.name for q in quantities if q.part is Part.GRADIENT}
    order += [(f"dE_d{name}", "gradients") for name in network.trained_names if f"dE_d{name}" in gradients]
    return order
