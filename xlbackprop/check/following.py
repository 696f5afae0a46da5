"""Judges the values around the training tables of a workbook of ours: each must follow from the cells it refers to.

A formula is evaluated by our own interpreter, on the values that the engine gave to the cells it refers to; a quantity
of the training by the reference, too.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from xlbackprop import reference
from xlbackprop.backprop.network import Network
from xlbackprop.backprop.optimizers import BEFORE
from xlbackprop.backprop.quantities import states
from xlbackprop.errors import UnusableInput
from xlbackprop.reference import TINY, TOLERANCE, Array, Expected
from xlbackprop.report.findings import Finding, Kind
from xlbackprop.spreadsheet.addresses import cell_address
from xlbackprop.spreadsheet.blocks import Formula, Role
from xlbackprop.spreadsheet.book import Sheet as BookSheet
from xlbackprop.spreadsheet.cells import Sheets, Value, as_number, same_value
from xlbackprop.spreadsheet.numbers import short_number
from xlbackprop.spreadsheet.places import Place
from xlbackprop.tables.own import OwnWorkbook
from xlbackprop.workbook.derivation import DerivationSheet
from xlbackprop.workbook.derivation_lines import ALL
from xlbackprop.workbook.gradient_check import ZERO
from xlbackprop.workbook.learned_sheet import LearnedSheet
from xlbackprop.workbook.samples_sheet import SamplesSheet
from xlbackprop.workbook.sheets import OurSheets
from xlbackprop.workbook.training import TrainingSheet

#: What was written may differ from what a formula gives by more than rounding, where a difference of nearly equal
#: numbers amplifies that of both, as a central difference does, so long as the cell follows from the others.
_AMPLIFIED = 1e-6


def formulas_around(sheet: BookSheet, *roles: Role) -> Iterator[tuple[int, int, Formula]]:
    """Row, column and formula of each cell around the table of a sheet, in blocks of some roles."""
    for block in sheet.blocks:
        for row, column, content in block.cells() if block.role in roles else ():
            if isinstance(content, Formula):
                yield row, column, content


def unlike_written(sheets: Sheets, built: OurSheets) -> Iterator[tuple[str, Finding]]:
    """The cells around the tables, with their sheet, whose recalculated value is not the one that was written."""
    cells = Recalculated(sheets, built)
    for sheet in built.book.sheets:
        for row, column, content in formulas_around(sheet, Role.FORMULA, Role.QUANTITY):
            written = built.book.shown(content, sheet)
            for unlike in _compared(sheets, sheet, row, column, written):
                found = sheets.value(sheet.name, row, column)
                follows = same_value(found, built.book.evaluated(content, sheet, cells.by_id))
                if not (follows and same_value(found, written, _AMPLIFIED)):
                    yield unlike


def wrong_values(
    sheets: Sheets, built: OurSheets, own: OwnWorkbook, numbers: Sequence[Mapping[str, Array]]
) -> Iterator[tuple[str, Finding]]:
    """The cells around the tables, with their sheet, that do not show what follows from the cells they refer to.

    Args:
        sheets: the recalculated workbook.
        built: its sheets, as they should be.
        own: the network and the training tables.
        numbers: the columns of each training table.
    """
    cells = Recalculated(sheets, built, numbers)
    with np.errstate(all="ignore"):
        for quantity in [*_derivation(cells, own, numbers), *_gradient_check(cells, own.network)]:
            yield from quantity.judged(cells)
    for sheet in built.book.sheets:
        for row, column, content in formulas_around(sheet, Role.FORMULA):
            should = built.book.evaluated(content, sheet, cells.by_id, cells.column)
            yield from _compared(sheets, sheet, row, column, should)


def _compared(sheets: Sheets, sheet: BookSheet, row: int, column: int, should: Value) -> Iterator[tuple[str, Finding]]:
    found = sheets.value(sheet.name, row, column)
    if not same_value(found, should):
        formula, error = sheets.formula(sheet.name, row, column) or "", sheets.is_error(sheet.name, row, column)
        yield (
            sheet.name,
            Finding(
                quantity=sheet.name,
                kind=Kind.ERROR if error else Kind.FORMULA,
                cell=cell_address(row, column),
                rows=1,
                found=f"{formula} shows {found}",
                expected=short_number(should) if isinstance(should, float) else str(should),
                max_abs_error=None,
                ranges=(cell_address(row, column),),
                is_around=True,
            ),
        )


def _tables(built: OurSheets) -> list[TrainingSheet | SamplesSheet]:
    """The sheets with a table, those with the samples behind those with the steps."""
    return [*built.training, *(one.passes for one in built.training if one.passes is not one)]


@dataclass(frozen=True)
class Recalculated:
    """The recalculated cells of a workbook, by the places of its sheets as they are built."""

    sheets: Sheets
    built: OurSheets
    #: The columns of each table, read already: those of the samples behind those of the steps.
    tables: Sequence[Mapping[str, Array]] = ()

    @cached_property
    def _columns(self) -> dict[int, tuple[Place, Array, int]]:
        """The columns of the tables, with their numbers, by the ids of their first and of their second cell."""
        return {
            int(place.ids[start]): (place, columns[name], start)
            for one, columns in zip(_tables(self.built), self.tables, strict=False)
            for name in columns
            if name in one.names
            for place in [one.column(name)]
            for start in (0, 1)
        }

    def column(self, ids: NDArray[np.int64]) -> Array | None:
        """The numbers of a column of a table, or of a part of it that begins in one of its first two rows."""
        place, numbers, start = self._columns.get(int(ids.flat[0]), (None, None, 0))
        if place is None or numbers is None:
            return None
        end = start + ids.size
        if not np.array_equal(ids.ravel(), place.ids[start:end]):
            return None
        values = numbers[start:end]
        return None if np.isnan(values).any() else values

    def by_id(self, cell_id: int) -> Value:
        sheet, row, column = self.built.book.where(cell_id)
        return self.sheets.value(sheet.name, row, column)

    def value(self, cell: Place) -> Value:
        return self.by_id(int(cell.ids.flat[0]))

    def number(self, cell: Place) -> float:
        return as_number(self.value(cell))

    def numbers(self, cells: Place) -> Array:
        return np.array([as_number(self.by_id(int(cell_id))) for cell_id in cells.ids.ravel()]).reshape(cells.shape)


@dataclass(frozen=True)
class _Judged:
    """A number in a cell and what it should be, within a tolerance relative to `scale`."""

    quantity: str
    cell: Place
    value: float
    scale: float

    def judged(self, cells: Recalculated) -> Iterator[tuple[str, Finding]]:
        sheet, row, column = cells.built.book.where(int(self.cell.ids.flat[0]))
        error = abs(cells.number(self.cell) - self.value)
        if error > TOLERANCE * self.scale + TINY or (error != error and self.value == self.value):
            shown = f"{cells.sheets.formula(sheet.name, row, column)} shows {cells.value(self.cell)}"
            finding = Finding(
                quantity=self.quantity,
                kind=Kind.ERROR if cells.sheets.is_error(sheet.name, row, column) else Kind.FORMULA,
                cell=cell_address(row, column),
                rows=1,
                found=shown,
                expected=short_number(self.value),
                max_abs_error=error if error == error else None,
                ranges=(cell_address(row, column),),
            )
            yield sheet.name, finding


def _derivation(cells: Recalculated, own: OwnWorkbook, numbers: Sequence[Mapping[str, Array]]) -> Iterator[_Judged]:
    network, derivation = own.network, cells.built.derivation
    choices = [cells.value(cell) for cell in cells.built.comparison.choices[0]]
    wanted = cells.value(derivation.chosen.eta)
    # one that no sheet has any more means the first sheet
    chosen = choices.index(wanted) if wanted in choices else 0
    columns, eta = numbers[chosen], float(numbers[chosen]["eta"][0])
    network = own.tables[chosen].network
    step = chosen_step(cells, derivation, own.tables[chosen].steps)
    exact = {name: float(columns[name][step]) for name in network.start_values} | {"eta": eta}
    if network.samples:
        # inputs and targets stand in the row of the sample
        row = step * network.samples.batch + chosen_sample(cells, network) - 1
        passes = numbers[len(own.tables) + chosen] if own.passes else columns
        exact |= {name: float(passes[name][row]) for name in (*network.input_names, *network.target_names)}
    expected = {name: Expected.exactly(np.array([value])) for name, value in exact.items()}
    shown = {name: cells.numbers(cell).reshape(1) for name, cell in derivation.values.items()}
    expected |= reference.expected_step(network, shown)
    # whether an answer is right is no part of the derivation
    expected.pop("right", None)
    of_all = ALL if network.in_batches else ""
    for name in network.trained_names:
        gradient = f"dE_d{name}"
        if of_all and network.samples:
            rows = slice(step * network.samples.batch, (step + 1) * network.samples.batch)
            of_samples = passes[gradient][rows]
            scale = np.abs(of_samples).sum() / (len(of_samples) if network.samples.reduction == "mean" else 1)
            expected[ALL + gradient] = Expected(columns[gradient][step : step + 1], np.array([scale]))
    expected |= _by_the_optimizer(network, shown, columns, step, cells.built.derivation.mark(network), of_all)
    for name, should in expected.items():
        yield _Judged(name, derivation.values[name], float(should.value[0]), float(should.scale[0]))


def _by_the_optimizer(
    network: Network, shown: Mapping[str, Array], columns: Mapping[str, Array], step: int, mark: str, of_all: str
) -> dict[str, Expected]:
    """What the derivation should show of the optimizer, and as the weights of the next step.

    Args:
        network: with the optimizer of the chosen training.
        shown: the numbers of the derivation.
        columns: those of the chosen training.
        step: the chosen step.
        mark: what stands in front of the names of the optimizer.
        of_all: what stands in front of the gradients that the weights move by.
    """
    optimizer, trained = network.optimizer, network.trained_names
    found: dict[str, Expected] = {}

    def key(name: str) -> str:
        return f"{mark} {name}".lstrip()

    if not optimizer.is_plain:
        found |= {key(name): Expected.exactly(np.array([value])) for name, value in optimizer.hyperparameters}
    kept = [state.name for state in states(network)]
    before = {name: columns[name][step - 1 : step] if step else np.zeros(1) for name in kept}
    found |= {at: Expected.exactly(value) for name, value in before.items() if (at := key(f"{BEFORE}{name}")) in shown}
    cells = {"eta": shown["eta"], **{w: shown[w] for w in trained}}
    cells |= {f"dE_d{w}": shown[f"{of_all}dE_d{w}"] for w in trained}
    cells |= {name: shown[key(name)] for name in kept}
    steps = len(columns["E_total"]) - 1
    should = reference.expected_by_optimizer(network, cells, before, np.array([float(step)]), steps)
    return found | {key(f"new {name}" if name in trained else name): one for name, one in should.items()}


def _gradient_check(cells: Recalculated, network: Network) -> Iterator[_Judged]:
    check, start = cells.built.gradient_check, cells.built.derivation.values
    epsilon, rows = cells.number(check.epsilon), 2 * len(check.moved)
    # one entry a forward pass, two passes a weight
    names = dict.fromkeys([*network.start_values, *network.input_names, *network.target_names])
    given = {name: np.repeat(cells.number(start[name]), rows) for name in names}
    for row in range(rows):
        moved, by = check.moved[row // 2], epsilon if row % 2 == 0 else -epsilon
        given[moved][row] += by
        yield _Judged(f"step of {moved}", check.moved_by[row, 0], by, abs(by))
    given |= dict(zip(check.names, cells.numbers(check.passes).T, strict=True))
    forward = reference.expected_forward(network, given)
    for column, name in enumerate(check.names):
        should = forward[name]
        for row in range(rows):
            cell = check.passes[row, column]
            yield _Judged(name, cell, float(should.value[row]), float(should.scale[row]))
    errors, kinked = given["E_total"], network.kinked_neurons
    for n, name in enumerate(check.moved):
        up, down = 2 * n, 2 * n + 1
        if any((given[z][up] > ZERO) != (given[z][down] > ZERO) for z in kinked):
            # there is no derivative, and a text says so
            continue
        slope, size = (
            (errors[up] - errors[down]) / (2 * epsilon),
            (abs(errors[up]) + abs(errors[down])) / abs(2 * epsilon),
        )
        yield _Judged(f"dE_d{name}", check.differences[name], float(slope), float(size))


def chosen_step(cells: Recalculated, shown_on: DerivationSheet | LearnedSheet, steps: int) -> int:
    """The step that a sheet shows.

    Raises:
        UnusableInput: there is no such step.
    """
    value = cells.value(shown_on.chosen.step)
    step = as_number(value)
    if not (0 <= step <= steps and step == int(step)):
        shown = f"{step:g}" if step == step else value
        name = shown_on.sheet.name
        raise UnusableInput(f"the sheet {name} is asked for step {shown}: choose one from 0 to {steps:,}.")
    return int(step)


def chosen_sample(cells: Recalculated, network: Network) -> int:
    """Which of the samples of a step the derivation shows, counted from 1.

    Raises:
        UnusableInput: there is no such sample.
    """
    place = cells.built.derivation.chosen.sample
    if place is None or network.samples is None:
        return 1
    value, batch = cells.value(place), network.samples.batch
    sample = as_number(value)
    if not (1 <= sample <= batch and sample == int(sample)):
        shown = f"{sample:g}" if sample == sample else value
        name = cells.built.derivation.sheet.name
        raise UnusableInput(f"the sheet {name} is asked for sample {shown}: choose one from 1 to {batch:,}.")
    return int(sample)
