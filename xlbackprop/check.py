"""Judges a recalculated workbook against NumPy, and names the cell that is the cause.

Each cell is judged twice. From the sheet's own other cells: given the numbers that its formula works
on, is its own number right? That finds the cause and not its consequences, and no learning rate is
so wild that rounding would be taken for a mistake. And the whole run from the start values: how far
is each number from what NumPy gets by itself?
"""

import math
import re
import sys
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from xlbackprop import __version__, notation, reference
from xlbackprop.chain_rule import training_step, updates
from xlbackprop.engines import Sheets, Value, recalculated
from xlbackprop.errors import UnusableInput
from xlbackprop.expression import cell_formula
from xlbackprop.network import Network
from xlbackprop.other_sheets import judged_cells
from xlbackprop.reference import Array, Expected
from xlbackprop.tables import TrainingTable, TrainingWorkbook, as_number, read_training_workbook
from xlbackprop.workbook.assembly import write_workbook
from xlbackprop.workbook.layout import (
    OTHER_SHEETS,
    WorkbookLayout,
    column_letters,
    column_number,
    short_number,
)
from xlbackprop.workbook.network_sheet import Origin

#: How far a number may be from the expected one, relative to what was added up to get it.
TOLERANCE = 1e-12
#: Spreadsheets round what is smaller than the smallest normal number to zero.
_TINY = 1e-300
#: Below this 1/(1+EXP(-h)) overflows in a spreadsheet.
LOWEST_SIGMOID = -math.log(sys.float_info.max)
#: A cell that was written with its value may differ from it by what rounding adds up to in a run.
_WRITTEN_TOLERANCE = 1e-9

_ADDRESS = re.compile(r"([A-Z]+)(\d+)")
_NUMBER = re.compile(r"\d+(?:\.\d+)?(?:[Ee][-+]?\d+)?")


@dataclass(frozen=True)
class Finding:
    """A cause: a quantity whose cells do not hold what they should.

    Attributes:
        quantity: its ASCII name, or what the cell is on a sheet without a training table.
        kind: `formula`, `update`, `constant`, `error` or `reference`.
        cell: the first cell that is wrong.
        rows: how many cells are wrong.
        found: the formula or number that stands there.
        expected: the formula or number that should stand there.
        max_abs_error: the largest error; None where the cell holds no number.
    """

    quantity: str
    kind: str
    cell: str
    rows: int
    found: str
    expected: str
    max_abs_error: float | None


@dataclass(frozen=True)
class Difference:
    """How far a quantity of one sheet is from NumPy's own run, where it is farthest; None if it is no number there."""

    quantity: str
    cell: str
    max_abs: float | None
    max_rel: float | None


@dataclass(frozen=True)
class TableReport:
    """What was found on one sheet."""

    sheet: str
    cells: int
    findings: list[Finding]
    differences: list[Difference] = field(default_factory=list)
    table: TrainingTable | None = None

    @property
    def verdict(self) -> str:
        if not self.findings:
            return "correct"
        return "constants" if all(finding.kind == "constant" for finding in self.findings) else "wrong"

    @property
    def largest(self) -> Difference | None:
        """The quantity with the largest absolute difference."""
        comparable = [difference for difference in self.differences if difference.max_abs is not None]
        return max(comparable, key=lambda difference: difference.max_abs or 0.0, default=None)


@dataclass(frozen=True)
class FileReport:
    """What was found in one workbook by one engine."""

    file: Path
    engine: str
    tables: list[TableReport]

    @property
    def correct(self) -> bool:
        return all(not table.findings for table in self.tables)

    @property
    def cells(self) -> int:
        """How many cells were compared."""
        return sum(table.cells for table in self.tables)


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
    _insist_on_columns(workbook)
    numbers = [table.read(sheets) for table in workbook.tables]
    built = _formulas_as_built(workbook)
    reports = []
    differences = _differences(network, workbook.tables, numbers)
    for table, columns, table_differences in zip(workbook.tables, numbers, differences, strict=True):
        band, changed = _changed_formulas(sheets, built, table.sheet, last_row=table.header_row)
        findings = _judge_table(sheets, workbook, table, columns) + changed
        cells = band + sum(column.size for column in columns.values())
        reports.append(TableReport(table.sheet, cells, findings, table_differences, table))
    others = [name for name in OTHER_SHEETS if name not in {table.sheet for table in workbook.tables}]
    for name in others:
        if name not in sheets.names:
            raise UnusableInput(f"its sheet {name} is missing: restore it.")
        cells, changed = _changed_formulas(sheets, built, name)
        reports.append(TableReport(name, cells, changed))
    if not any(report.findings for report in reports):
        # where all formulas are right, a wrong number or an error would be the engine's
        reports = [
            report if report.table else replace(report, findings=_judge_other(sheets, report.sheet, workbook, numbers))
            for report in reports
        ]
    order = sheets.names.index
    return FileReport(path, engine, sorted(reports, key=lambda report: order(report.sheet)))


def _formulas_as_built(workbook: TrainingWorkbook) -> Sheets | None:
    """The formulas around the training tables, as `build` writes them for such a network; None if another
    version of the program built the file, which may have written others."""
    if workbook.version != __version__:
        return None
    network, tables = workbook.network, workbook.tables
    # which formulas there are depends on no value
    blank = Network.blank(
        network.layers, hidden=network.hidden, output=network.output, loss=network.loss, biases=network.biases
    )
    rates = tuple(float(n) for n in range(1, len(tables) + 1))
    layout = WorkbookLayout(blank, rates, tables[0].steps, renamed=tuple(table.sheet for table in tables))
    with tempfile.TemporaryDirectory(prefix="xlbackprop-") as folder:
        path = Path(folder) / "built.xlsx"
        write_workbook(path, layout, Origin("", "", ""), later_rows=False)
        return recalculated(path)


def _changed_formulas(
    sheets: Sheets, built: Sheets | None, sheet: str, last_row: int | None = None
) -> tuple[int, list[Finding]]:
    """How many formulas there should be on a sheet, and those that are others now, one finding a column."""
    if built is None:
        return 0, []
    count = 0
    changed: dict[tuple[int, bool], list[tuple[int, str, str | None]]] = {}
    for row, column in sorted(built.used_cells[sheet]):
        expected = built.formula(sheet, row, column)
        if expected is None or (last_row is not None and row > last_row):
            continue
        count += 1
        found = sheets.formula(sheet, row, column)
        if found != expected:
            changed.setdefault((column, found is None), []).append((row, expected, found))
    findings = []
    for (column, constant), cells in changed.items():
        row, expected, found = cells[0]
        value = sheets.value(sheet, row, column)
        findings.append(
            Finding(
                quantity=sheet,
                kind="constant" if constant else "formula",
                cell=_address(row, column),
                rows=len(cells),
                found=found or ("an empty cell" if value is None else str(value)),
                expected=expected,
                max_abs_error=None,
            )
        )
    return count, findings


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
            wrong = np.abs(found - should.value) > TOLERANCE * should.scale + _TINY
        # a cell without a number is the cause only where the cells before it have theirs
        wrong |= np.isnan(found) & np.isfinite(should.value)
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
        expected = reference.expected_forward(network, numbers) | reference.expected_backward(network, numbers)
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
        cell=_address(table.first_row + first, table.columns[name]),
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
        cell=_address(row, column),
        rows=int(rows.sum()),
        found=formula if formula is not None else "" if shown is None else str(shown),
        expected=_expected_formula(workbook, table, name, row),
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
            cell = _address(table.first_row + worst, table.columns[name])
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
    try:
        with np.errstate(all="ignore"):
            judged = list(judged_cells(sheets, sheet, workbook, numbers))
    except KeyError as lost:
        raise UnusableInput(f"the sheet {sheet} has lost its label or header {lost.args[0]}: restore it.") from None
    findings = []
    for expected in judged:
        cell = (expected.row, expected.column)
        found = as_number(sheets.value(sheet, *cell))
        error = abs(found - expected.value)
        if error > TOLERANCE * expected.scale + _TINY or (error != error and expected.value == expected.value):
            findings.append(
                Finding(
                    quantity=expected.quantity,
                    kind="error" if sheets.is_error(sheet, *cell) else "formula",
                    cell=_address(*cell),
                    rows=1,
                    found=f"{sheets.formula(sheet, *cell)} shows {sheets.value(sheet, *cell)}",
                    expected=short_number(expected.value),
                    max_abs_error=error if error == error else None,
                )
            )
    return findings


def compare_with_written(sheets: Sheets, written: Mapping[str, Mapping[str, float | str]]) -> list[tuple[str, Finding]]:
    """The cells, with their sheet, whose recalculated value is not the one that was written for them.

    Args:
        sheets: the recalculated workbook.
        written: for each sheet the value of each formula cell, by address.
    """
    findings = []
    for sheet, cells in written.items():
        for address, value in cells.items():
            column, row = _ADDRESS.findall(address)[0]
            cell = (int(row), column_number(column))
            found = sheets.value(sheet, *cell)
            if not _same(found, value):
                formula = sheets.formula(sheet, *cell) or ""
                findings.append(
                    (sheet, Finding(sheet, "formula", address, 1, f"{formula} = {found}", str(value), None))
                )
    return findings


def _same(found: Value, written: float | str) -> bool:
    if isinstance(written, str) or isinstance(found, str):
        # a number inside a text may be rounded or spelled differently
        texts = str(found), str(written)
        if _NUMBER.sub("#", texts[0]) != _NUMBER.sub("#", texts[1]):
            return False
        pairs = zip(*(map(float, _NUMBER.findall(text)) for text in texts), strict=True)
        return all(abs(a - b) <= 1e-3 * max(abs(a), abs(b)) for a, b in pairs)
    return abs(as_number(found) - written) <= _WRITTEN_TOLERANCE * max(abs(written), 1)


def _address(row: int, column: int) -> str:
    return f"{column_letters(column)}{row}"
