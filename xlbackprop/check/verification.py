"""Judges a recalculated workbook against NumPy, and names the cell that is the cause.

Each cell is judged twice. From the sheet's own other cells: given the numbers that its formula works
on, is its own number right? That finds the cause and not its consequences, and no learning rate is
so wild that rounding would be taken for a mistake. And the whole run from the start values: how far
is each number from what NumPy gets by itself?
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from xlbackprop import __version__, reference
from xlbackprop.backprop import notation
from xlbackprop.backprop.network import Network
from xlbackprop.backprop.quantities import training_step
from xlbackprop.check.around import changed_formulas, chosen_step, sheets_as_built, wrong_values
from xlbackprop.check.judgement import judge_table
from xlbackprop.errors import UnusableInput
from xlbackprop.reference import TINY, TOLERANCE, Array
from xlbackprop.report.findings import Difference, FileReport, Finding, TableReport
from xlbackprop.spreadsheet.addresses import cell_address
from xlbackprop.spreadsheet.cells import Sheets
from xlbackprop.spreadsheet.engines import recalculated
from xlbackprop.tables.own import TrainingTable, TrainingWorkbook, read_training_workbook
from xlbackprop.tables.table import Table
from xlbackprop.workbook.layout import OTHER_SHEETS
from xlbackprop.workbook.sheets import OurSheets


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


def judge(sheets: Sheets, path: Path, engine: str, built: OurSheets | None = None) -> FileReport:
    """Judge the recalculated cells of a workbook of ours."""
    workbook = read_training_workbook(sheets)
    network = workbook.network
    for name in OTHER_SHEETS:
        if name not in sheets.names:
            raise UnusableInput(f"its sheet {name} is missing: restore it.")
    _insist_on_columns(workbook)
    numbers = [table.read(sheets) for table in workbook.tables]
    same_version = workbook.version == __version__
    built = built or sheets_as_built(workbook)
    chosen_step(sheets, built, workbook.tables[0].steps)
    on = {sheet.name: sheet for sheet in built.book.sheets}
    reports = []
    differences = _differences(network, workbook.tables, numbers)
    for table, columns, table_differences in zip(workbook.tables, numbers, differences, strict=True):
        band, changed = changed_formulas(sheets, built, on[table.sheet]) if same_version else (0, [])
        findings = _judge_table(sheets, workbook, table, columns) + changed
        cells = band + sum(column.size for column in columns.values())
        reports.append(TableReport(table.sheet, cells, findings, table_differences, table))
    others = [name for name in OTHER_SHEETS if name not in {table.sheet for table in workbook.tables}]
    for name in others:
        cells, changed = changed_formulas(sheets, built, on[name]) if same_version else (0, [])
        reports.append(TableReport(name, cells, changed))
    if not any(report.findings for report in reports):
        # where all formulas are right, a wrong number or an error would be the engine's
        wrong = list(wrong_values(sheets, built, workbook, numbers, texts=same_version))
        reports = [
            replace(report, findings=[finding for sheet, finding in wrong if sheet == report.sheet])
            for report in reports
        ]
    order = sheets.names.index
    reports.sort(key=lambda report: order(report.sheet))
    return FileReport(path, engine, reports, None if same_version else workbook.version or "unknown")


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
    names = network.start_values
    judged = judge_table(
        sheets,
        Table(
            sheet=table.sheet,
            header_row=table.header_row,
            rows=tuple(range(table.first_row, table.last_row + 1)),
            columns=table.columns,
            cells={"eta": table.eta_cell},
            network=network.with_values(dict.fromkeys(names, 0.0)),
            places={name: name for name in names},
        ),
    )
    computed = {*network.trained_names, *_computed(network)}
    findings = [finding for finding in judged.findings if finding.quantity in computed]
    findings += _judge_starts(sheets, workbook, table, numbers)
    return sorted(findings, key=lambda finding: (finding.kind == "constant", table.columns[finding.quantity]))


def _judge_starts(
    sheets: Sheets, workbook: TrainingWorkbook, table: TrainingTable, numbers: Mapping[str, Array]
) -> Iterator[Finding]:
    """What comes from the Network sheet, and the number of each step."""
    network = workbook.network
    for name in ("step", *network.start_values):
        column = table.columns[name]
        found = numbers[name][:1] if name in network.trained_names else numbers[name]
        should = np.append(0.0, found[:-1] + 1) if name == "step" else np.full_like(found, network.start_values[name])
        formulas = [sheets.formula(table.sheet, table.first_row + step, column) for step in range(len(found))]
        wrong = ~(np.abs(found - should) <= TOLERANCE * np.abs(should) + TINY)
        typed = np.array([formula is None for formula in formulas]) & ~wrong
        if name == "step":
            # step 0 is a number
            typed[0] = False
        for rows in (wrong, typed):
            if rows.any():
                yield _finding(sheets, table, name, np.flatnonzero(rows), formulas, np.abs(found - should))


def _finding(
    sheets: Sheets,
    table: TrainingTable,
    name: str,
    steps: NDArray[np.intp],
    formulas: Sequence[str | None],
    errors: Array,
) -> Finding:
    first, column = int(steps[0]), table.columns[name]
    row = table.first_row + first
    formula, shown = formulas[first], sheets.value(table.sheet, row, column)
    if formula is None:
        kind = "constant"
    elif sheets.is_error(table.sheet, row, column):
        kind = "error"
    else:
        kind = "formula" if name == "step" else "reference"
    expected = f"={notation.defined_name(name)}" if name != "step" else f"={cell_address(row - 1, column)}+1"
    sizes = errors[steps][np.isfinite(errors[steps])]
    return Finding(
        quantity=name,
        kind=kind,
        cell=cell_address(row, column),
        rows=len(steps),
        found=formula if formula is not None else "" if shown is None else str(shown),
        expected="0" if name == "step" and not first else expected,
        max_abs_error=float(sizes.max()) if sizes.size else None,
    )


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
