"""Judges a recalculated workbook against NumPy, and names the cell that is the cause.

Each cell is judged twice. From the sheet's own other cells: given the numbers that its formula works
on, is its own number right? That finds the cause and not its consequences, and no learning rate is
so wild that rounding would be taken for a mistake. And the whole run from the start values: how far
is each number from what NumPy gets by itself?
"""

import math
import sys
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from xlbackprop import notation, reference
from xlbackprop.addresses import cell_address, column_letters
from xlbackprop.chain_rule import training_step, updates
from xlbackprop.check.as_built import changed_formulas, formulas_as_built
from xlbackprop.check.other_sheets import chosen_step, judged_cells
from xlbackprop.check.own_workbook import TrainingTable, TrainingWorkbook, read_training_workbook
from xlbackprop.check.report import Difference, FileReport, Finding, TableReport
from xlbackprop.engines import Sheets, as_number, recalculated
from xlbackprop.errors import UnusableInput
from xlbackprop.expression import cell_formula
from xlbackprop.network import Network
from xlbackprop.reference import TINY, TOLERANCE, Array, Expected
from xlbackprop.workbook.layout import OTHER_SHEETS, short_number

#: Below this 1/(1+EXP(-h)) overflows in a spreadsheet.
LOWEST_SIGMOID = -math.log(sys.float_info.max)


def verify(path: Path, engine: str = "ironcalc") -> FileReport:
    """Recalculate a workbook that `xlbackprop build` made, and judge every number in it.

    Args:
        path: an .xlsx file, as it was built or edited since.
        engine: one of `engines.ENGINES`.

    Raises:
        UnusableInput: the file cannot be read or is a workbook of another kind.
    """
    sheets = recalculated(path, engine)
    try:
        return judge(sheets, path, engine)
    except UnusableInput as error:
        raise UnusableInput(f"{path}: {error}") from None


def judge(sheets: Sheets, path: Path, engine: str) -> FileReport:
    """Judge the recalculated cells of a workbook of ours."""
    workbook = read_training_workbook(sheets)
    network = workbook.network
    for name in OTHER_SHEETS:
        if name not in sheets.names:
            raise UnusableInput(f"its sheet {name} is missing: restore it.")
    _insist_on_columns(workbook)
    numbers = [table.read(sheets) for table in workbook.tables]
    built = formulas_as_built(workbook)
    chosen_step(sheets, workbook.tables[0].steps)
    reports = []
    differences = _differences(network, workbook.tables, numbers)
    for table, columns, table_differences in zip(workbook.tables, numbers, differences, strict=True):
        band, changed = changed_formulas(sheets, built, table.sheet, last_row=table.header_row)
        findings = _judge_table(sheets, workbook, table, columns) + changed
        cells = band + sum(column.size for column in columns.values())
        reports.append(TableReport(table.sheet, cells, findings, table_differences, table))
    others = [name for name in OTHER_SHEETS if name not in {table.sheet for table in workbook.tables}]
    for name in others:
        cells, changed = changed_formulas(sheets, built, name)
        reports.append(TableReport(name, cells, changed))
    if not any(report.findings for report in reports):
        # where all formulas are right, a wrong number or an error would be the engine's
        reports = [
            report if report.table else replace(report, findings=_judge_other(sheets, report.sheet, workbook, numbers))
            for report in reports
        ]
    order = sheets.names.index
    reports.sort(key=lambda report: order(report.sheet))
    return FileReport(path, engine, reports, None if built else workbook.version or "unknown")


def _insist_on_columns(workbook: TrainingWorkbook) -> None:
    for table in workbook.tables:
        for name in ("step", *workbook.network.start_values, *_computed(workbook.network)):
            if name not in table.columns:
                raise UnusableInput(
                    f"the sheet {table.sheet} lacks the column {notation.header(name)}: "
                    "restore its header or the column."
                )


def _judge_table(
    sheets: Sheets, workbook: TrainingWorkbook, table: TrainingTable, numbers: Mapping[str, Array]
) -> list[Finding]:
    network = workbook.network
    quantities = {quantity.name: quantity.expression for quantity in training_step(network)}
    expected = _expected_cells(network, table, numbers)
    # the input of each sigmoid, by its output
    sigmoid_layers = {
        f"a_{z}": z
        for layer in range(1, len(network.layers))
        if network.activation(layer) == "sigmoid"
        for z in network.neurons(layer)
    }
    findings = []
    for name in ("step", *network.start_values, *quantities):
        found = numbers[name]
        should = expected[name]
        with np.errstate(invalid="ignore"):
            wrong = np.abs(found - should.value) > TOLERANCE * should.scale + TINY
        # a cell without a number is the cause only where the cells before it have theirs
        wrong |= np.isnan(found) & ~np.isnan(should.value)
        formulas = [
            sheets.formula(table.sheet, row, table.columns[name]) for row in range(table.first_row, table.last_row + 1)
        ]
        pasted = np.array([formula is None for formula in formulas]) & ~wrong
        if name == "step":
            # step 0 is a number
            pasted[0] = False
        if layer := sigmoid_layers.get(name):
            too_negative = numbers[layer] < LOWEST_SIGMOID
            wrong &= ~too_negative
            if too_negative.any():
                findings.append(_overflow(table, name, too_negative, formulas))
        for rows, constant in ((wrong, False), (pasted, True)):
            if rows.any():
                findings.append(
                    _finding(sheets, workbook, table, name, rows, formulas, found, should, constant=constant)
                )
    return sorted(findings, key=lambda finding: finding.kind == "constant")


def _expected_cells(network: Network, table: TrainingTable, numbers: Mapping[str, Array]) -> dict[str, Expected]:
    """What each cell should hold, given the cells that it works on."""
    with np.errstate(all="ignore"):
        expected = reference.expected_step(network, numbers)
    for name, start in network.start_values.items():
        value, scale = np.full_like(numbers[name], start), np.full_like(numbers[name], abs(start))
        if name in network.trained_names:
            update = reference.expected_update(numbers[name][:-1], numbers[f"dE_d{name}"][:-1], table.eta)
            value[1:], scale[1:] = update.value, update.scale
        expected[name] = Expected(value, scale)
    steps = np.append(0.0, numbers["step"][:-1] + 1)
    expected["step"] = Expected(steps, np.abs(steps))
    return expected


def _overflow(table: TrainingTable, name: str, rows: NDArray[np.bool_], formulas: list[str | None]) -> Finding:
    """EXP of more than 709.78 is an error in Excel and LibreOffice, also where an engine goes on with infinity."""
    first = int(np.argmax(rows))
    return Finding(
        quantity=name,
        kind="error",
        cell=cell_address(table.first_row + first, table.columns[name]),
        rows=int(rows.sum()),
        found=f"{formulas[first]} shows #NUM!",
        expected=f"an input above {LOWEST_SIGMOID:.2f}: use a smaller learning rate or smaller start values",
        max_abs_error=None,
    )


def _finding(
    sheets: Sheets,
    workbook: TrainingWorkbook,
    table: TrainingTable,
    name: str,
    rows: NDArray[np.bool_],
    formulas: list[str | None],
    found: Array,
    should: Expected,
    *,
    constant: bool,
) -> Finding:
    first = int(np.argmax(rows))
    row, column = table.first_row + first, table.columns[name]
    formula = formulas[first]
    shown = sheets.value(table.sheet, row, column)
    if constant or formula is None:
        kind = "constant"
    elif sheets.is_error(table.sheet, row, column):
        kind = "error"
    elif name in workbook.network.start_values:
        kind = "update" if first and name in workbook.network.trained_names else "reference"
    else:
        kind = "formula"
    errors = np.abs(found - should.value)[rows]
    errors = errors[np.isfinite(errors)]
    return Finding(
        quantity=name,
        kind=kind,
        cell=cell_address(row, column),
        rows=int(rows.sum()),
        found=formula if formula is not None else "" if shown is None else str(shown),
        expected=_expected_formula(workbook, table, name, row)
        if np.isfinite(should.value[first])
        else "a number that a cell can hold: use smaller start values or a smaller learning rate",
        max_abs_error=float(errors.max()) if errors.size else None,
    )


def _expected_formula(workbook: TrainingWorkbook, table: TrainingTable, name: str, row: int) -> str:
    """The formula that belongs into a cell, in the table's own addresses."""

    def at(row: int) -> Callable[[str], str]:
        def address(name: str) -> str:
            if name == "eta":
                return f"${column_letters(table.eta_cell.column)}${table.eta_cell.row}"
            return f"{column_letters(table.columns[name])}{row}"

        return address

    if name == "step":
        return f"={column_letters(table.columns[name])}{row - 1}+1" if row > table.first_row else "0"
    quantities = {quantity.name: quantity.expression for quantity in training_step(workbook.network)}
    if name in quantities:
        return f"={cell_formula(quantities[name], at(row))}"
    if row > table.first_row and name in workbook.network.trained_names:
        update = next(update for update in updates(workbook.network) if update.name == name)
        return f"={cell_formula(update.expression, at(row - 1))}"
    return f"={notation.defined_name(name)}"


def _differences(
    network: Network, tables: tuple[TrainingTable, ...], cells: list[dict[str, Array]]
) -> list[list[Difference]]:
    """How far each quantity of each table is from NumPy's own run from the start values."""
    steps = max(table.steps for table in tables)
    wanted = {*network.trained_names, *_computed(network)}
    names = [name for name in cells[0] if name in wanted]
    # one array: step, quantity, learning rate
    with np.errstate(all="ignore"):
        run = np.array(
            [
                [values[name] for name in names]
                for values in (
                    reference.named(network, step)
                    for step in reference.train(network, [table.eta for table in tables], steps)
                )
            ]
        )
    found = []
    for n, (table, numbers) in enumerate(zip(tables, cells, strict=True)):
        differences = []
        for k, name in enumerate(names):
            by_numpy = run[: table.steps + 1, k, n]
            with np.errstate(all="ignore"):
                absolute = np.abs(numbers[name] - by_numpy)
                relative = np.where(absolute > 0, absolute / np.abs(by_numpy), 0.0)
            absolute = np.where(np.isnan(absolute), np.inf, absolute)
            worst = int(np.argmax(absolute))
            cell = cell_address(table.first_row + worst, table.columns[name])
            numbers_only = bool(np.isfinite(absolute).all())
            differences.append(
                Difference(
                    name,
                    cell,
                    float(absolute[worst]) if numbers_only else None,
                    float(relative.max()) if numbers_only and np.isfinite(relative).all() else None,
                )
            )
        found.append(differences)
    return found


def _computed(network: Network) -> list[str]:
    return [quantity.name for quantity in training_step(network)]


def _judge_other(
    sheets: Sheets, sheet: str, workbook: TrainingWorkbook, numbers: list[dict[str, Array]]
) -> list[Finding]:
    """The numbers of a sheet without a training table that do not follow from those of the tables."""
    with np.errstate(all="ignore"):
        judged = list(judged_cells(sheets, sheet, workbook, numbers))
    findings = []
    for expected in judged:
        cell = (expected.row, expected.column)
        found = as_number(sheets.value(sheet, *cell))
        error = abs(found - expected.value)
        if error > TOLERANCE * expected.scale + TINY or (error != error and expected.value == expected.value):
            findings.append(
                Finding(
                    quantity=expected.quantity,
                    kind="error" if sheets.is_error(sheet, *cell) else "formula",
                    cell=cell_address(*cell),
                    rows=1,
                    found=f"{sheets.formula(sheet, *cell)} shows {sheets.value(sheet, *cell)}",
                    expected=short_number(expected.value),
                    max_abs_error=error if error == error else None,
                )
            )
    return findings
