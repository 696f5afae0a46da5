"""Judges a recalculated workbook against NumPy, and names the cell that is the cause.

Each cell is judged twice. From the sheet's own other cells: given the numbers that its formula works
on, is its own number right? That finds the cause and not its consequences, and no learning rate is
so wild that rounding would be taken for a mistake. And the whole run from the start values: how far
is each number from what NumPy gets by itself?
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from xlbackprop import notation, reference
from xlbackprop.chain_rule import training_step, updates
from xlbackprop.engines import Sheets, Value, recalculated
from xlbackprop.errors import UnusableInput
from xlbackprop.expression import cell_formula
from xlbackprop.network import Network
from xlbackprop.other_sheets import judged_cells
from xlbackprop.reference import Array, Expected
from xlbackprop.tables import TrainingTable, TrainingWorkbook, as_number, read_training_workbook
from xlbackprop.workbook.layout import column_letters, column_number, short_number

#: How far a number may be from the expected one, relative to what was added up to get it.
TOLERANCE = 1e-12
#: Spreadsheets round what is smaller than the smallest normal number to zero.
_TINY = 1e-300
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
    """How far a quantity of one sheet is from NumPy's own run, where it is farthest."""

    quantity: str
    cell: str
    max_abs: float
    max_rel: float


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
        return max(self.differences, key=lambda difference: difference.max_abs, default=None)


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
    cells = [table.read(sheets) for table in workbook.tables]
    reports = [
        TableReport(
            table.sheet,
            sum(column.size for column in numbers.values()),
            _judge_table(sheets, workbook, table, numbers),
            differences,
            table,
        )
        for table, numbers, differences in zip(
            workbook.tables, cells, _differences(network, workbook.tables, cells), strict=True
        )
    ]
    others = [name for name in sheets.names if name not in {table.sheet for table in workbook.tables}]
    reports += [_judge_other(sheets, name, workbook, cells) for name in others]
    order = sheets.names.index
    return FileReport(path, engine, sorted(reports, key=lambda report: order(report.sheet)))


def _insist_on_columns(workbook: TrainingWorkbook) -> None:
    for table in workbook.tables:
        for name in (*workbook.network.start_values, *_computed(workbook.network)):
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
    findings = []
    for name in (*network.start_values, *quantities):
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
    return expected


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
    names = [name for name in cells[0] if name in network.trained_names or name in _computed(network)]
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
            differences.append(Difference(name, cell, float(absolute[worst]), float(np.nanmax(relative))))
        found.append(differences)
    return found


def _computed(network: Network) -> list[str]:
    return [quantity.name for quantity in training_step(network)]


def _judge_other(
    sheets: Sheets, sheet: str, workbook: TrainingWorkbook, numbers: list[dict[str, Array]]
) -> TableReport:
    """A sheet without a training table: its numbers follow from those of the tables, and no cell shows an error."""
    formulas = {
        cell: formula for cell in sheets.used_cells[sheet] if (formula := sheets.formula(sheet, *cell)) is not None
    }
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
        wrong = error > TOLERANCE * expected.scale + _TINY or (error != error and expected.value == expected.value)
        if wrong or cell not in formulas:
            kind = "constant" if cell not in formulas else "error" if sheets.is_error(sheet, *cell) else "formula"
            findings.append(
                Finding(
                    quantity=expected.quantity,
                    kind=kind,
                    cell=_address(*cell),
                    rows=1,
                    found=formulas.get(cell, str(sheets.value(sheet, *cell))),
                    expected=short_number(expected.value),
                    max_abs_error=error if error == error else None,
                )
            )
    named = {finding.cell for finding in findings}
    findings += [
        Finding(sheet, "error", _address(*cell), 1, formula, "a number or a text", None)
        for cell, formula in formulas.items()
        if sheets.is_error(sheet, *cell) and _address(*cell) not in named
    ]
    return TableReport(sheet, len(formulas), findings)


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
