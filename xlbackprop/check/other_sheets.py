"""Judges the sheets around the training tables: derivation, gradient check, comparison and check.

Each yields the numbers of its cells with what they should be, given the training tables and the
sheet's own other cells. The cells stand where `workbook.layout` puts them.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from xlbackprop import reference
from xlbackprop.backprop.network import Network
from xlbackprop.errors import UnusableInput
from xlbackprop.reference import Array, Expected
from xlbackprop.spreadsheet.addresses import column_number, place
from xlbackprop.spreadsheet.cells import Sheets, as_number
from xlbackprop.tables.own import OwnWorkbook
from xlbackprop.workbook import check_sheet, gradient_check
from xlbackprop.workbook.derivation import RATE_CELL, STEP_CELL, VALUE, DerivationLayout
from xlbackprop.workbook.layout import CHECK, COMPARISON, DERIVATION, GRADIENT_CHECK, ComparisonLayout, round_steps


@dataclass(frozen=True)
class JudgedCell:
    """A number in a cell and what it should be, within a tolerance relative to `scale`."""

    quantity: str
    row: int
    column: int
    value: float
    scale: float


def judged_cells(
    sheets: Sheets, sheet: str, workbook: OwnWorkbook, numbers: Sequence[Mapping[str, Array]]
) -> Iterator[JudgedCell]:
    """What the numbers on a sheet without a training table should be.

    Args:
        sheets: the recalculated workbook.
        sheet: the sheet to judge.
        workbook: the network and the training tables.
        numbers: the columns of each training table, and its learning rate.

    Raises:
        UnusableInput: the derivation is asked for a step that does not exist.
    """
    if sheet == DERIVATION:
        yield from _derivation(sheets, workbook, numbers)
    elif sheet == GRADIENT_CHECK:
        yield from _gradient_check(sheets, workbook.network)
    elif sheet == COMPARISON:
        yield from _comparison(workbook, numbers)
    elif sheet == CHECK:
        yield from _check(workbook, numbers)


def chosen_step(sheets: Sheets, steps: int) -> int:
    """The step that the derivation shows.

    Raises:
        UnusableInput: there is no such step.
    """
    value = sheets.value(DERIVATION, *place(STEP_CELL))
    step = as_number(value)
    if not (0 <= step <= steps and step == int(step)):
        shown = f"{step:g}" if step == step else value
        raise UnusableInput(f"the sheet {DERIVATION} is asked for step {shown}: choose one from 0 to {steps:,}.")
    return int(step)


def _derivation(sheets: Sheets, workbook: OwnWorkbook, numbers: Sequence[Mapping[str, Array]]) -> Iterator[JudgedCell]:
    network, rows = workbook.network, DerivationLayout(workbook.network).rows
    cells = _derivation_numbers(sheets, network)
    rate = as_number(sheets.value(DERIVATION, *place(RATE_CELL)))
    # a learning rate that no sheet has any more means the first sheet
    chosen = next((n for n, columns in enumerate(numbers) if columns["eta"][0] == rate), 0)
    columns, eta = numbers[chosen], float(numbers[chosen]["eta"][0])
    step = chosen_step(sheets, workbook.tables[chosen].steps)
    exact = {name: float(columns[name][step]) for name in network.start_values} | {"eta": eta}
    expected = {name: Expected(np.array([value]), np.array([abs(value)])) for name, value in exact.items()}
    expected |= reference.expected_step(network, cells)
    for name in network.trained_names:
        expected[f"new {name}"] = reference.expected_update(cells[name], cells[f"dE_d{name}"], eta)
    column = column_number(VALUE)
    for name, should in expected.items():
        yield JudgedCell(name, rows[name], column, float(should.value[0]), float(should.scale[0]))


def _derivation_numbers(sheets: Sheets, network: Network) -> dict[str, Array]:
    column = column_number(VALUE)
    return {
        name: np.array([as_number(sheets.value(DERIVATION, row, column))])
        for name, row in DerivationLayout(network).rows.items()
    }


def _gradient_check(sheets: Sheets, network: Network) -> Iterator[JudgedCell]:
    start = _derivation_numbers(sheets, network)
    epsilon = as_number(sheets.value(GRADIENT_CHECK, *place(gradient_check.EPSILON_CELL)))
    moved, names = gradient_check.checked_names(network), gradient_check.pass_columns(network)
    first = gradient_check.FIRST_ROW
    rows = range(first, first + 2 * len(moved))
    # one entry a forward pass, two passes a weight
    cells = {name: np.repeat(start[name], len(rows)) for name in network.start_values}
    for n, row in enumerate(rows):
        by = epsilon if n % 2 == 0 else -epsilon
        cells[moved[n // 2]][n] += by
        yield JudgedCell(f"step of {moved[n // 2]}", row, 2, by, abs(by))
    columns = {name: gradient_check.FIRST_QUANTITY + n for n, name in enumerate(names)}
    for name, column in columns.items():
        cells[name] = np.array([as_number(sheets.value(GRADIENT_CHECK, row, column)) for row in rows])
    for name, should in reference.expected_forward(network, cells).items():
        for n, row in enumerate(rows):
            yield JudgedCell(name, row, columns[name], float(should.value[n]), float(should.scale[n]))
    errors, zero = cells["E_total"], gradient_check.ZERO
    kinked = network.kinked_neurons
    for n, name in enumerate(moved):
        up, down = 2 * n, 2 * n + 1
        if any((cells[z][up] > zero) != (cells[z][down] > zero) for z in kinked):
            # there is no derivative, and a text says so
            continue
        slope, size = (errors[up] - errors[down]) / (2 * epsilon), (errors[up] + errors[down]) / abs(2 * epsilon)
        yield JudgedCell(f"dE_d{name}", rows[up], gradient_check.FIRST_QUANTITY + len(names), slope, size)


def _comparison(workbook: OwnWorkbook, numbers: Sequence[Mapping[str, Array]]) -> Iterator[JudgedCell]:
    steps = round_steps(workbook.tables[0].steps)
    layout = ComparisonLayout(len(workbook.tables), tuple(steps))
    for n, columns in enumerate(numbers):
        column, eta = column_number(layout.rate_column(n)), float(columns["eta"][0])
        yield JudgedCell("eta", layout.rate_row, column, eta, abs(eta))
        for row, step in enumerate(steps, start=layout.first_row):
            yield _total(row, column, columns, step)


def _check(workbook: OwnWorkbook, numbers: Sequence[Mapping[str, Array]]) -> Iterator[JudgedCell]:
    row, column = check_sheet.FIRST_ROW, column_number(check_sheet.LIVE_COLUMN)
    for columns in numbers:
        for step in round_steps(workbook.tables[0].steps):
            yield _total(row, column, columns, step)
            row += 1


def _total(row: int, column: int, columns: Mapping[str, Array], step: int) -> JudgedCell:
    value = float(columns["E_total"][step])
    return JudgedCell("E_total", row, column, value, abs(value))
