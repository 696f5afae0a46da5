"""Judges what stands around the training tables of a workbook of ours.

Which formulas stand there depends on no value, only on the layers, the functions and the number of
steps. So they can be made again for any workbook of ours: a formula that is another one now is a
finding, whatever it shows. And where all formulas are right, each number must follow from the cells
that it refers to.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from xlbackprop import __version__, reference
from xlbackprop.backprop.network import Network
from xlbackprop.errors import UnusableInput
from xlbackprop.reference import TINY, TOLERANCE, Array, Expected
from xlbackprop.report.findings import CheckedTable, Finding, Kind
from xlbackprop.spreadsheet.addresses import cell_address, column_ranges
from xlbackprop.spreadsheet.blocks import Content, FilledDown, Formula, Role
from xlbackprop.spreadsheet.book import ROW_OFFSET
from xlbackprop.spreadsheet.book import Sheet as BookSheet
from xlbackprop.spreadsheet.cells import Sheets, Value, as_number, same_value
from xlbackprop.spreadsheet.ironcalc import spelled
from xlbackprop.spreadsheet.numbers import short_number
from xlbackprop.spreadsheet.places import Place
from xlbackprop.tables.own import OwnWorkbook
from xlbackprop.tables.table import Table
from xlbackprop.workbook.gradient_check import ZERO
from xlbackprop.workbook.layout import WorkbookLayout
from xlbackprop.workbook.network_sheet import Origin
from xlbackprop.workbook.run import NoRun
from xlbackprop.workbook.sheets import OurSheets, our_sheets
from xlbackprop.workbook.training import TrainingSheet


def judge_around(
    sheets: Sheets,
    own: OwnWorkbook,
    built: OurSheets,
    numbers: Sequence[Mapping[str, Array]],
    *,
    tables_are_right: bool,
) -> list[CheckedTable]:
    """Judge what stands around the tables of a workbook of ours: a result a sheet, with findings and cell count.

    Args:
        sheets: the recalculated workbook, complete.
        own: the network and the tables.
        built: its sheets, as `build` makes them.
        numbers: the columns of each table.
        tables_are_right: whether nothing was found in the tables; only then the values around them are
            judged, because what is wrong there would follow from them.
    """
    same_version = own.version == __version__
    around = {}
    for sheet in built.book.sheets:
        if sheet.name not in sheets.names:
            # of a later version than the file
            continue
        cells, changed = _changed_formulas(sheets, built, sheet) if same_version else (0, [])
        around[sheet.name] = CheckedTable(sheet.name, tuple(changed), cells=cells)
    if tables_are_right and not any(judged.findings for judged in around.values()):
        # where all formulas are right, a wrong value or an error would be the engine's
        for name, finding in _wrong_values(sheets, built, own, numbers, texts=same_version):
            around[name] = replace(around[name], findings=(*around[name].findings, finding))
    return list(around.values())


def insist_on_whole(sheets: Sheets, own: OwnWorkbook, built: OurSheets) -> None:
    """See whether nothing is missing around the tables of a workbook of ours.

    Raises:
        UnusableInput: a sheet is missing, or the derivation is asked for a step that does not exist.
    """
    # an older version may have had fewer sheets; those whose numbers are judged it had
    judged = [built.derivation.sheet, built.gradient_check.sheet]
    for sheet in built.book.sheets if own.version == __version__ else judged:
        if sheet.name not in sheets.names:
            raise UnusableInput(f"its sheet {sheet.name} is missing: restore it.")
    _chosen_step(_Recalculated(sheets, built), own.tables[0].steps)


def table_is_as_built(sheets: Sheets, built: OurSheets, table: Table) -> bool:
    """Whether each formula of a table is the one that `build` writes there."""
    training = next((one for one in built.training if one.sheet.name == table.sheet), None)
    if training is None:
        return False
    found = sheets.formulas(table.sheet)
    for block in training.table:
        columns = range(block.column, block.column + block.shape[1])
        first_row: Sequence[Content] = [content for row, _, content in block.cells() if row == block.row]
        contents = block.contents.formulas if isinstance(block.contents, FilledDown) else first_row
        formulas = [content for content in contents if isinstance(content, Formula)]
        template = "\n".join(f"={built.book.written(one, training.sheet, from_row=block.row)}" for one in formulas)
        offsets = set(ROW_OFFSET.findall(template))
        for row in range(block.row, block.row + block.shape[0]):
            expected = template
            for offset in offsets:
                expected = expected.replace(f"\x04{offset}\x05", str(row + int(offset)))
            if [found.get((row, column)) for column in columns] != expected.split("\n"):
                return False
    return True


def sheets_as_built(own: OwnWorkbook) -> OurSheets:
    """The sheets as `build` makes them for the network and the tables of a workbook."""
    network = own.network
    blank = Network.blank(
        network.layers, hidden=network.hidden, output=network.output, loss=network.loss, biases=network.biases
    )
    etas = tuple(float(n) for n in range(1, len(own.tables) + 1))
    names = tuple(table.sheet for table in own.tables)
    return our_sheets(NoRun(WorkbookLayout(blank, etas, own.tables[0].steps, renamed=names)), Origin("", "", ""))


def _chosen_step(cells: "_Recalculated", steps: int) -> int:
    """The step that the derivation shows.

    Raises:
        UnusableInput: there is no such step.
    """
    built, value = cells.built, cells.value(cells.built.derivation.step)
    step = as_number(value)
    if not (0 <= step <= steps and step == int(step)):
        shown = f"{step:g}" if step == step else value
        raise UnusableInput(
            f"the sheet {built.derivation.sheet.name} is asked for step {shown}: choose one from 0 to {steps:,}."
        )
    return int(step)


def _formulas_around(sheet: BookSheet, *roles: Role) -> Iterator[tuple[int, int, Formula]]:
    """Row, column and formula of each cell around the table of a sheet, in blocks of some roles."""
    for block in sheet.blocks:
        for row, column, content in block.cells() if block.role in roles else ():
            if isinstance(content, Formula):
                yield row, column, content


def _changed_formulas(sheets: Sheets, built: OurSheets, sheet: BookSheet) -> tuple[int, list[Finding]]:
    """How many formulas there should be around the table of a sheet, and those that are others now, one finding a
    column."""
    count, doubtful = 0, []
    for row, column, content in _formulas_around(sheet, Role.FORMULA, Role.QUANTITY):
        count += 1
        expected, found = f"={built.book.written(content, sheet)}", sheets.formula(sheet.name, row, column)
        if found is None or _without_marks(found) != expected:
            doubtful.append((row, column, expected, found))
    # the engine has a spelling of its own
    spellings = spelled(sheets, sheet.name, [(row, column, expected) for row, column, expected, _ in doubtful])
    changed: dict[tuple[int, bool], list[tuple[int, str, str | None]]] = {}
    for (row, column, _, found), expected in sorted(zip(doubtful, spellings, strict=True)):
        if found is None or _without_marks(found) != _without_marks(expected):
            changed.setdefault((column, found is None), []).append((row, expected, found))
    findings = []
    for (column, constant), cells in changed.items():
        row, expected, found = cells[0]
        value = sheets.value(sheet.name, row, column)
        findings.append(
            Finding(
                quantity=sheet.name,
                kind=Kind.CONSTANT if constant else Kind.FORMULA,
                cell=cell_address(row, column),
                rows=len(cells),
                found=found or ("an empty cell" if value is None else str(value)),
                expected=expected,
                max_abs_error=None,
                ranges=column_ranges([row for row, _, _ in cells], column),
                slip=_slip(found, value),
            )
        )
    return count, findings


def _without_marks(formula: str) -> str:
    """A formula without the `@` that the engine writes in front of what might give several values."""
    return formula.replace("@", "")


def _slip(found: str | None, value: Value) -> str:
    """What is wrong with a cell that holds another formula, or none, as the end of a sentence."""
    if found is not None:
        return "holds another formula than the one that was built"
    return "is empty where a formula belongs" if value is None else f"holds {value} where a formula belongs"


def unlike_written(sheets: Sheets, built: OurSheets) -> Iterator[tuple[str, Finding]]:
    """The cells around the tables, with their sheet, whose recalculated value is not the one that was written."""
    for sheet in built.book.sheets:
        for row, column, content in _formulas_around(sheet, Role.FORMULA, Role.QUANTITY):
            yield from _compared(sheets, sheet, row, column, built.book.shown(content, sheet))


def _wrong_values(
    sheets: Sheets,
    built: OurSheets,
    own: OwnWorkbook,
    numbers: Sequence[Mapping[str, Array]],
    *,
    texts: bool,
) -> Iterator[tuple[str, Finding]]:
    """The cells around the tables, with their sheet, that do not show what follows from the cells they refer to.

    Args:
        sheets: the recalculated workbook.
        built: its sheets, as they should be.
        own: the network and the training tables.
        numbers: the columns of each training table.
        texts: whether the formulas are known to be those that are built here; of another version, only the
            numbers of the training are judged.
    """
    cells = _Recalculated(sheets, built, numbers)
    with np.errstate(all="ignore"):
        for quantity in [*_derivation(cells, own, numbers), *_gradient_check(cells, own.network)]:
            yield from quantity.judged(cells)
    for sheet in built.book.sheets if texts else ():
        for row, column, content in _formulas_around(sheet, Role.FORMULA):
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
            ),
        )


@dataclass(frozen=True)
class _Recalculated:
    """The recalculated cells of a workbook, by the places of its sheets as they are built."""

    sheets: Sheets
    built: OurSheets
    #: The columns of each training table, read already.
    tables: Sequence[Mapping[str, Array]] = ()

    @cached_property
    def _columns(self) -> dict[int, tuple[TrainingSheet, str, int]]:
        """The columns of the tables by the ids of their first and of their second cell."""
        return {
            int(place.ids[start]): (one, name, start)
            for one in self.built.training[: len(self.tables)]
            for name in self.tables[one.number]
            if name in one.names
            for place in [one.column(name)]
            for start in (0, 1)
        }

    def column(self, ids: NDArray[np.int64]) -> Array | None:
        """The numbers of a column of a table, or of a part of it that begins in one of its first two rows."""
        one, name, start = self._columns.get(int(ids.flat[0]), (None, "", 0))
        if one is None:
            return None
        end = start + ids.size
        if not np.array_equal(ids.ravel(), one.column(name).ids[start:end]):
            return None
        values = self.tables[one.number][name][start:end]
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

    def judged(self, cells: _Recalculated) -> Iterator[tuple[str, Finding]]:
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


def _derivation(cells: _Recalculated, own: OwnWorkbook, numbers: Sequence[Mapping[str, Array]]) -> Iterator[_Judged]:
    network, derivation = own.network, cells.built.derivation
    eta = cells.number(derivation.eta)
    # a learning rate that no sheet has any more means the first sheet
    chosen = next((n for n, columns in enumerate(numbers) if columns["eta"][0] == eta), 0)
    columns, eta = numbers[chosen], float(numbers[chosen]["eta"][0])
    step = _chosen_step(cells, own.tables[chosen].steps)
    exact = {name: float(columns[name][step]) for name in network.start_values} | {"eta": eta}
    expected = {name: Expected(np.array([value]), np.array([abs(value)])) for name, value in exact.items()}
    shown = {name: cells.numbers(cell).reshape(1) for name, cell in derivation.values.items()}
    expected |= reference.expected_step(network, shown)
    for name in network.trained_names:
        expected[f"new {name}"] = reference.expected_update(shown[name], shown[f"dE_d{name}"], eta)
    for name, should in expected.items():
        yield _Judged(name, derivation.values[name], float(should.value[0]), float(should.scale[0]))


def _gradient_check(cells: _Recalculated, network: Network) -> Iterator[_Judged]:
    check, start = cells.built.gradient_check, cells.built.derivation.values
    epsilon, rows = cells.number(check.epsilon), 2 * len(check.moved)
    # one entry a forward pass, two passes a weight
    given = {name: np.repeat(cells.number(start[name]), rows) for name in network.start_values}
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
        slope, size = (errors[up] - errors[down]) / (2 * epsilon), (errors[up] + errors[down]) / abs(2 * epsilon)
        yield _Judged(f"dE_d{name}", check.differences[name], float(slope), float(size))
