"""Judges the sheets around the training tables: derivation, gradient check, comparison and check.

Each yields the numbers of its cells with what they should be, given the training tables and the
sheet's own other cells.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from xlbackprop import reference
from xlbackprop.engines import Sheets
from xlbackprop.errors import UnusableInput
from xlbackprop.network import Network
from xlbackprop.reference import Array, Expected
from xlbackprop.tables import (
    DerivationTable,
    TrainingTable,
    TrainingWorkbook,
    as_number,
    read_column_table,
    read_derivation,
)
from xlbackprop.workbook.gradient_check import ZERO
from xlbackprop.workbook.layout import CHECK, COMPARISON, DERIVATION, GRADIENT_CHECK


@dataclass(frozen=True)
class JudgedCell:
    """A number in a cell and what it should be, within a tolerance relative to `scale`."""

    quantity: str
    row: int
    column: int
    value: float
    scale: float


def judged_cells(
    sheets: Sheets, sheet: str, workbook: TrainingWorkbook, numbers: Sequence[Mapping[str, Array]]
) -> Iterator[JudgedCell]:
    """What the formula cells of a sheet of ours should hold; nothing for any other sheet.

    Args:
        sheets: the recalculated workbook.
        sheet: the sheet to judge.
        workbook: the network and the training tables.
        numbers: the columns of each training table.

    Raises:
        KeyError: the sheet has lost the label or the header of this name.
    """
    if sheet == DERIVATION:
        yield from _derivation(sheets, workbook, numbers)
    elif sheet == GRADIENT_CHECK and DERIVATION in sheets.names:
        yield from _gradient_check(sheets, workbook.network)
    elif sheet == COMPARISON:
        yield from _comparison(sheets, workbook.tables, numbers)
    elif sheet == CHECK:
        yield from _check(sheets, workbook.tables, numbers)


def _derivation(
    sheets: Sheets, workbook: TrainingWorkbook, numbers: Sequence[Mapping[str, Array]]
) -> Iterator[JudgedCell]:
    network, derivation = workbook.network, read_derivation(sheets, DERIVATION)
    cells = _derivation_numbers(sheets, derivation)
    # a learning rate that no sheet has any more means the first sheet
    chosen = next((n for n, table in enumerate(workbook.tables) if table.eta == derivation.rate), 0)
    table, columns = workbook.tables[chosen], numbers[chosen]
    if not (0 <= derivation.step <= table.steps and derivation.step == int(derivation.step)):
        raise UnusableInput(
            f"the sheet {DERIVATION} is asked for step {derivation.step:g}: choose one from 0 to {table.steps:,}."
        )
    step = int(derivation.step)
    exact = {name: float(columns[name][step]) for name in network.start_values} | {"eta": table.eta}
    expected = {name: Expected(np.array([value]), np.array([abs(value)])) for name, value in exact.items()}
    expected |= reference.expected_forward(network, cells) | reference.expected_backward(network, cells)
    for name in network.trained_names:
        expected[f"new {name}"] = reference.expected_update(cells[name], cells[f"dE_d{name}"], table.eta)
    for name, should in expected.items():
        row = derivation.rows[name]
        yield JudgedCell(name, row, derivation.value_column, float(should.value[0]), float(should.scale[0]))


def _derivation_numbers(sheets: Sheets, derivation: DerivationTable) -> dict[str, Array]:
    return {
        name: np.array([as_number(sheets.value(derivation.sheet, row, derivation.value_column))])
        for name, row in derivation.rows.items()
    }


def _gradient_check(sheets: Sheets, network: Network) -> Iterator[JudgedCell]:
    table = read_column_table(sheets, GRADIENT_CHECK, "weight")
    start = _derivation_numbers(sheets, read_derivation(sheets, DERIVATION))
    epsilon = as_number(sheets.value(GRADIENT_CHECK, 3, 2))
    # one entry a forward pass
    cells = {name: np.repeat(start[name], len(table.rows)) for name in network.start_values}
    moved = [sheets.value(GRADIENT_CHECK, row, table.columns["weight"]) for row in table.rows]
    for n, name in enumerate(moved):
        by = epsilon if n % 2 == 0 else -epsilon
        cells[str(name)][n] += by
        yield JudgedCell(f"step of {name}", table.rows[n], table.columns["moved by"], by, abs(by))
    names = [name for name in reference.quantity_names(network) if name in table.columns]
    for name in names:
        column = table.columns[name]
        cells[name] = np.array([as_number(sheets.value(GRADIENT_CHECK, row, column)) for row in table.rows])
    for name, should in reference.expected_forward(network, cells).items():
        for n, row in enumerate(table.rows):
            yield JudgedCell(name, row, table.columns[name], float(should.value[n]), float(should.scale[n]))
    errors = cells["E_total"]
    kinked = [z for layer in range(1, len(network.layers)) if network.has_kink(layer) for z in network.neurons(layer)]
    for n in range(0, len(moved), 2):
        if any((cells[z][n] > ZERO) != (cells[z][n + 1] > ZERO) for z in kinked):
            # there is no derivative, and a text says so
            continue
        slope, size = (errors[n] - errors[n + 1]) / (2 * epsilon), (errors[n] + errors[n + 1]) / abs(2 * epsilon)
        yield JudgedCell(f"dE_d{moved[n]}", table.rows[n], table.columns["central difference"], slope, size)


def _comparison(
    sheets: Sheets, tables: Sequence[TrainingTable], numbers: Sequence[Mapping[str, Array]]
) -> Iterator[JudgedCell]:
    listed = read_column_table(sheets, COMPARISON, "step")
    first = listed.columns["step"]
    for n, (table, columns) in enumerate(zip(tables, numbers, strict=True), start=first + 1):
        yield JudgedCell("eta", listed.first_row - 2, n, table.eta, abs(table.eta))
        for row in listed.rows:
            yield from _total(sheets, COMPARISON, row, first, n, columns)


def _check(
    sheets: Sheets, tables: Sequence[TrainingTable], numbers: Sequence[Mapping[str, Array]]
) -> Iterator[JudgedCell]:
    listed = read_column_table(sheets, CHECK, "sheet")
    by_sheet = {table.sheet: columns for table, columns in zip(tables, numbers, strict=True)}
    for row in listed.rows:
        columns = by_sheet.get(str(sheets.value(CHECK, row, listed.columns["sheet"])))
        if columns is not None:
            yield from _total(sheets, CHECK, row, listed.columns["step"], listed.columns["live"], columns)


def _total(
    sheets: Sheets, sheet: str, row: int, step_column: int, column: int, columns: Mapping[str, Array]
) -> Iterator[JudgedCell]:
    step = as_number(sheets.value(sheet, row, step_column))
    totals = columns["E_total"]
    if step == step and 0 <= step < len(totals):
        value = float(totals[int(step)])
        yield JudgedCell("E_total", row, column, value, abs(value))
