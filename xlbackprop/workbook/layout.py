"""Where everything stands in a workbook: sheet names, columns, rows and cell addresses.

Rows and columns are counted from 1, as spreadsheets show them.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property

from xlbackprop.backprop.network import Network
from xlbackprop.backprop.optimizers import Optimizer
from xlbackprop.backprop.quantities import Part, gathered, states, training_step
from xlbackprop.backprop.samples import Samples
from xlbackprop.errors import UnusableInput
from xlbackprop.spreadsheet.addresses import column_letters
from xlbackprop.spreadsheet.limits import MAX_ARGUMENTS, MAX_CHART_SERIES, MAX_COLUMNS, MAX_FORMULA_LENGTH, MAX_ROWS
from xlbackprop.spreadsheet.numbers import short_number

NETWORK = "Network"
DATA = "Data"
LEARNED = "Learned"
DERIVATION = "Derivation"
GRADIENT_CHECK = "Gradient check"
COMPARISON = "Comparison"
CHECK = "Check"

#: One curve a learning rate in the comparison's charts, and one argument a learning rate, after the
#: number of the choice, in the derivation's CHOOSE.
MAX_LEARNING_RATES = min(MAX_CHART_SERIES, MAX_ARGUMENTS - 1)

#: A sum over more neurons than this is longer than a formula may be, from row 10 on: a term is `AB13*AC13+`, or longer.
MAX_LAYER = MAX_FORMULA_LENGTH // len("AB13*AC13+")

#: The columns on the comparison sheet that the charts reach over, more or less.
_COLUMNS_OF_CHARTS = 14

_ROUND_STEPS = [factor * 10**power for power in range(7) for factor in (1, 2, 5)]


def round_steps(steps: int) -> list[int]:
    """0, 1, 2, 5, 10 ... and the last step."""
    return sorted({0, steps, *(step for step in _ROUND_STEPS if step <= steps)})


def sheet_name(eta: float, optimizer: str = "") -> str:
    """The name of the training sheet of a learning rate: `η=0.1`; of one of several optimizers `adam η=0.1`."""
    return f"{optimizer} η={short_number(eta)}".lstrip()


def samples_sheet_name(training: str) -> str:
    """The name of the sheet with the samples of each step of a training sheet: `η=0.1 samples`."""
    return f"{training} samples"


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


@dataclass(frozen=True)
class NetworkLayout:
    """The rows of the start values on the network sheet, in sections.

    Attributes:
        sections: title and names of each section.
    """

    sections: tuple[tuple[str, tuple[str, ...]], ...]

    name_column = "A"
    value_column = "B"
    meaning_column = "C"
    first_section_row = 4

    @cached_property
    def rows(self) -> dict[str, int]:
        """The row of each start value."""
        rows: dict[str, int] = {}
        row = self.first_section_row
        for _, names in self.sections:
            rows |= {name: row + n for n, name in enumerate(names, start=1)}
            row += len(names) + 2
        return rows

    def cell(self, name: str) -> str:
        """The absolute address of a start value, within the sheet."""
        return f"${self.value_column}${self.rows[name]}"


def network_layout(network: Network) -> NetworkLayout:
    """The sections of a network's start values."""
    sections = (
        *(() if network.samples else (("Inputs", network.input_names), ("Targets", network.target_names))),
        ("Start weights", network.weight_names),
        ("Biases" if network.biases == "fixed" else "Start biases", network.bias_names),
    )
    return NetworkLayout(tuple((title, tuple(names)) for title, names in sections if names))


@dataclass(frozen=True)
class DataLayout:
    """Where the samples stand on the data sheet: a row each.

    Attributes:
        samples: how they are shown.
    """

    samples: Samples

    header_row = 5
    first_row = 6
    number_column = "A"

    @property
    def input_column(self) -> str:
        """The column of the first input."""
        return "B"

    @property
    def target_column(self) -> str:
        """The column of the first target."""
        return column_letters(2 + len(self.samples.inputs[0]))

    @property
    def order_column(self) -> str:
        """The column of the order in which they are shown, where it was drawn."""
        return column_letters(3 + len(self.samples.inputs[0]) + len(self.samples.targets[0]))


@dataclass(frozen=True)
class ComparisonLayout:
    """The table of E_total on the comparison sheet: a column a learning rate, a row a round step.

    Attributes:
        eta_count: how many learning rates there are; a single one is compared with none.
        steps: the round steps.
    """

    eta_count: int
    steps: tuple[int, ...]

    eta_row = 21
    header_row = 22
    first_row = 23
    best_column = "B"

    @property
    def first_column(self) -> str:
        """The column of the first learning rate."""
        return "C" if self.eta_count > 1 else "B"

    @property
    def hidden_column(self) -> int:
        """From here on columns are hidden, to the right of the table and of the charts."""
        return max(self.eta_count, _COLUMNS_OF_CHARTS) + 4


@dataclass(frozen=True)
class WorkbookLayout:
    """What a workbook consists of and where: what the sheets need to know about each other.

    Attributes:
        network: what is trained.
        etas: the learning rates, one training sheet each.
        optimizers: how the weights move in each of these sheets; empty where that is as the network has it.
        steps: number of updates; the last row of a training table is step `steps`.
        renamed: the names of the training sheets, if they are no longer those of the learning rates.
        renamed_samples: the same of the sheets with the samples of each step.

    Raises:
        UnusableInput: Excel has no room for it; the message says for what.
    """

    network: Network
    etas: tuple[float, ...]
    steps: int
    optimizers: tuple[Optimizer, ...] = ()
    renamed: tuple[str, ...] = ()
    renamed_samples: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if len(self.etas) > MAX_LEARNING_RATES:
            raise UnusableInput(
                f"{len(self.etas)} learning rates are more than one chart can compare: "
                f"give at most {MAX_LEARNING_RATES}."
            )
        table: TableLayout = max(self.trainings, key=lambda layout: len(layout.columns))
        samples = self.network.samples
        if self.network.in_batches and samples:
            table = self.samples
            if table.last_row > MAX_ROWS:
                raise UnusableInput(
                    f"{self.steps:,} steps of {samples.batch:,} samples do not fit into a sheet, which has room for "
                    f"{(MAX_ROWS - table.first_row + 1) // samples.batch - 1:,} such steps."
                )
        if table.last_row > MAX_ROWS:
            raise UnusableInput(
                f"{self.steps:,} steps do not fit into a sheet: with {MAX_ROWS:,} rows "
                f"at most {MAX_ROWS - table.first_row:,} do."
            )
        room = MAX_ROWS - DataLayout.first_row + 1
        if samples and samples.count > room:
            raise UnusableInput(
                f"{samples.count:,} samples do not fit into a sheet, which has room for {room:,} of them: give fewer."
            )
        if max(self.network.layers) > MAX_LAYER:
            raise UnusableInput(
                f"A {self.network.shape} network needs a sum over {max(self.network.layers):,} neurons, "
                f"which is longer than a formula can be: use layers of at most {MAX_LAYER}."
            )
        # a weight takes a column for itself and one for its gradient
        columns = 2 * len(self.network.weights)
        if columns <= MAX_COLUMNS:
            columns = len(table.columns) + 1
        if columns > MAX_COLUMNS:
            raise UnusableInput(
                f"A {self.network.shape} network needs {columns:,} columns, "
                f"but a sheet has {MAX_COLUMNS:,}: use smaller layers."
            )

    @cached_property
    def networks(self) -> tuple[Network, ...]:
        """What is trained in each training sheet: the network, with the optimizer of the sheet."""
        optimizers = self.optimizers or (self.network.optimizer,) * len(self.etas)
        return tuple(replace(self.network, optimizer=optimizer) for optimizer in optimizers)

    @property
    def compares_optimizers(self) -> bool:
        """Whether the training sheets have more than one optimizer."""
        return len({network.optimizer.name for network in self.networks}) > 1

    @property
    def training(self) -> TrainingLayout:
        """The table of the first training sheet."""
        return self.trainings[0]

    @cached_property
    def trainings(self) -> tuple[TrainingLayout, ...]:
        """The table of each training sheet."""
        return tuple(training_layout(network, self.steps) for network in self.networks)

    @property
    def epoch(self) -> int:
        """How many steps a mean over an epoch looks back on: one, unless samples come in turn."""
        samples = self.network.samples
        return samples.count if samples and samples.in_turn else 1

    @cached_property
    def samples(self) -> TableLayout:
        """The table of the samples of each step, where a step takes several."""
        return samples_layout(self.network, self.steps)

    @cached_property
    def start(self) -> NetworkLayout:
        return network_layout(self.network)

    @cached_property
    def comparison(self) -> ComparisonLayout:
        return ComparisonLayout(len(self.etas), tuple(self.round_steps))

    @property
    def training_sheets(self) -> list[str]:
        return list(self.renamed) or [
            sheet_name(eta, network.optimizer.name if self.compares_optimizers else "")
            for eta, network in zip(self.etas, self.networks, strict=True)
        ]

    @property
    def samples_sheets(self) -> list[str]:
        return list(self.renamed_samples) or [samples_sheet_name(name) for name in self.training_sheets]

    @property
    def round_steps(self) -> list[int]:
        """The steps that the tables of E_total list."""
        return round_steps(self.steps)
