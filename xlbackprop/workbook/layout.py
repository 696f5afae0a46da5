"""What a workbook consists of: its sheets by name, the tables of its trainings, and whether Excel has room for it.

Rows and columns are counted from 1, as spreadsheets show them.
"""

from dataclasses import dataclass, replace
from functools import cached_property

from xlbackprop.backprop.network import Network
from xlbackprop.backprop.optimizers import Optimizer
from xlbackprop.backprop.samples import Samples
from xlbackprop.errors import UnusableInput
from xlbackprop.spreadsheet.addresses import column_letters
from xlbackprop.spreadsheet.limits import MAX_ARGUMENTS, MAX_CHART_SERIES, MAX_COLUMNS, MAX_FORMULA_LENGTH, MAX_ROWS
from xlbackprop.spreadsheet.numbers import short_number
from xlbackprop.workbook.table_layout import TableLayout, TrainingLayout, samples_layout, training_layout

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
        _insist_on_room(self)

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
        """How many steps a mean over an epoch looks back on: one, where a step takes all samples."""
        return self.network.samples.epoch if self.network.samples else 1

    @property
    def first_shown(self) -> int:
        """Which of the samples of step 0 a fresh file shows, from 1: one without zeros, which hide the chain rule."""
        samples = self.network.samples
        taken = samples.shown(0) if samples else [0]
        inputs = samples.inputs if samples else (self.network.inputs,)
        return 1 + min(range(len(taken)), key=lambda n: sum(value == 0 for value in inputs[taken[n]]))

    @cached_property
    def samples(self) -> TableLayout:
        """The table of the samples of each step, where a step takes several."""
        return samples_layout(self.network, self.steps)

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


def _insist_on_room(layout: WorkbookLayout) -> None:
    """See whether Excel has room for a workbook.

    Raises:
        UnusableInput: it has none; the message says for what.
    """
    if len(layout.etas) > MAX_LEARNING_RATES:
        raise UnusableInput(
            f"{len(layout.etas)} learning rates are more than one chart can compare: give at most {MAX_LEARNING_RATES}."
        )
    _insist_on_rows(layout)
    _insist_on_columns(layout)


def _insist_on_rows(layout: WorkbookLayout) -> None:
    samples, steps = layout.network.samples, layout.steps
    if samples and layout.network.in_batches:
        table = layout.samples
        rows = MAX_ROWS - table.first_row + 1
        if 2 * samples.batch > rows:
            raise UnusableInput(
                f"{samples.batch:,} samples in each step do not fit into a sheet: give at most {rows // 2:,}."
            )
        if table.last_row > MAX_ROWS:
            raise UnusableInput(
                f"{steps:,} steps of {samples.batch:,} samples do not fit into a sheet, which has room for "
                f"{rows // samples.batch - 1:,} such steps."
            )
    elif layout.training.last_row > MAX_ROWS:
        raise UnusableInput(
            f"{steps:,} steps do not fit into a sheet: with {MAX_ROWS:,} rows "
            f"at most {MAX_ROWS - layout.training.first_row:,} do."
        )
    room = MAX_ROWS - DataLayout.first_row + 1
    if samples and samples.count > room:
        raise UnusableInput(
            f"{samples.count:,} samples do not fit into a sheet, which has room for {room:,} of them: give fewer."
        )


def _insist_on_columns(layout: WorkbookLayout) -> None:
    network = layout.network
    if max(network.layers) > MAX_LAYER:
        raise UnusableInput(
            f"A {network.shape} network needs a sum over {max(network.layers):,} neurons, "
            f"which is longer than a formula can be: use layers of at most {MAX_LAYER}."
        )
    # a weight takes a column for itself and one for its gradient
    columns = 2 * len(network.weights)
    if columns <= MAX_COLUMNS:
        tables = [layout.samples] if network.in_batches else layout.trainings
        columns = max(len(table.columns) for table in tables) + 1
    if columns > MAX_COLUMNS:
        raise UnusableInput(
            f"A {network.shape} network needs {columns:,} columns, but a sheet has {MAX_COLUMNS:,}: use smaller layers."
        )
