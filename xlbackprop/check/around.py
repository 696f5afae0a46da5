"""Judges what stands around the training tables of a workbook of ours.

Which formulas stand there depends on no value, only on the layers, the functions and the number of
steps. So they can be made again for any workbook of this version: a formula that is another one now
is a finding, whatever it shows. And where all formulas are right, each number must follow from the
cells that it refers to.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from xlbackprop.backprop.network import Network
from xlbackprop.check.following import Recalculated, chosen_sample, chosen_step, formulas_around, wrong_values
from xlbackprop.errors import UnusableInput
from xlbackprop.reference import Array
from xlbackprop.report.findings import CheckedTable, Finding, Kind
from xlbackprop.spreadsheet import addressing
from xlbackprop.spreadsheet.addresses import cell_address, column_ranges
from xlbackprop.spreadsheet.blocks import FilledDown, Formula, Role
from xlbackprop.spreadsheet.book import Sheet as BookSheet
from xlbackprop.spreadsheet.cells import Sheets, Value
from xlbackprop.spreadsheet.ironcalc import spelled
from xlbackprop.tables.own import OwnWorkbook
from xlbackprop.tables.table import Table
from xlbackprop.workbook.layout import WorkbookLayout
from xlbackprop.workbook.network_sheet import Origin
from xlbackprop.workbook.run import NoRun
from xlbackprop.workbook.sheets import OurSheets, our_sheets


def judge_around(
    sheets: Sheets,
    own: OwnWorkbook,
    built: OurSheets,
    numbers: Sequence[Mapping[str, Array]],
    *,
    tables_are_right: bool,
) -> list[CheckedTable]:
    """Judge what stands around the tables of a workbook of this version: a result a sheet, with findings and cell
    count.

    Args:
        sheets: the recalculated workbook, complete.
        own: the network and the tables.
        built: its sheets, as `build` makes them.
        numbers: the columns of each table, those of the samples behind those of the steps.
        tables_are_right: whether nothing was found in the tables; only then the values around them are
            judged, because what is wrong there would follow from them.
    """
    around = {}
    for sheet in built.book.sheets:
        cells, changed = _changed_formulas(sheets, sheet)
        around[sheet.name] = CheckedTable(sheet.name, tuple(changed), cells=cells)
    if tables_are_right and not any(judged.findings for judged in around.values()):
        # where all formulas are right, a wrong value or an error would be the engine's
        for name, finding in wrong_values(sheets, built, own, numbers):
            around[name] = replace(around[name], findings=(*around[name].findings, finding))
    return list(around.values())


def insist_on_whole(sheets: Sheets, own: OwnWorkbook, built: OurSheets) -> None:
    """See whether nothing is missing around the tables of a workbook of this version.

    Raises:
        UnusableInput: a sheet is missing, or the derivation is asked for a step that does not exist.
    """
    for sheet in built.book.sheets:
        if sheet.name not in sheets.names:
            raise UnusableInput(f"its sheet {sheet.name} is missing: restore it.")
    chosen = Recalculated(sheets, built)
    chosen_step(chosen, built.derivation, own.tables[0].steps)
    if built.learned:
        chosen_step(chosen, built.learned, own.tables[0].steps)
    chosen_sample(chosen, own.network)


def table_is_as_built(sheets: Sheets, built: OurSheets, table: Table) -> bool:
    """Whether each formula of a table is the one that `build` writes there."""
    found = sheets.formulas(table.sheet)
    known = False
    for row, columns, expected in formulas_as_built(built, table):
        known, texts = True, [found.get((row, column)) for column in columns]
        if texts != expected and [text and without_marks(text) for text in texts] != expected:
            return False
    return known


def formulas_as_built(built: OurSheets, table: Table) -> Iterator[tuple[int, range, list[str]]]:
    """The formulas that `build` writes into a table: row, columns and texts, with their `=`."""
    sheets = [one for training in built.training for one in training.tables if one.sheet.name == table.sheet]
    for block in (block for one in sheets for block in one.table):
        columns = range(block.column, block.column + block.shape[1])
        if not isinstance(block.contents, FilledDown):
            rows: dict[int, list[str]] = {}
            for row, _, content in block.cells():
                text = addressing.written(content, block.sheet) if isinstance(content, Formula) else ""
                rows.setdefault(row, []).append(f"={text}")
            for row, texts in rows.items():
                yield row, columns, texts
            continue
        formulas = [one for one in block.contents.formulas if isinstance(one, Formula)]
        template = "\n".join(f"={addressing.written(one, block.sheet, from_row=block.row)}" for one in formulas)
        marks = {mark[0]: mark for mark in addressing.ROW_MARK.finditer(template)}
        for down in range(block.shape[0]):
            expected = template
            for written, mark in marks.items():
                expected = expected.replace(written, str(addressing.row_number(mark, block.row, down)))
            yield block.row + down, columns, expected.split("\n")


def sheets_as_built(own: OwnWorkbook) -> OurSheets:
    """The sheets as `build` makes them for the network and the tables of a workbook."""
    network = own.network
    blank = Network.blank(
        network.layers, hidden=network.hidden, output=network.output, loss=network.loss, biases=network.biases
    )
    if network.samples:
        blank = blank.with_samples(network.samples)
    etas = tuple(float(n) for n in range(1, len(own.tables) + 1))
    names, of_samples = (tuple(table.sheet for table in tables) for tables in (own.tables, own.passes))
    optimizers = tuple(table.network.optimizer for table in own.tables)
    steps = own.tables[0].steps
    layout = WorkbookLayout(blank, etas, steps, optimizers=optimizers, renamed=names, renamed_samples=of_samples)
    return our_sheets(NoRun(layout), Origin("", "", ""))


def _changed_formulas(sheets: Sheets, sheet: BookSheet) -> tuple[int, list[Finding]]:
    """How many formulas there should be around the table of a sheet, and those that are others now, one finding a
    column."""
    count, doubtful = 0, []
    for row, column, content in formulas_around(sheet, Role.FORMULA, Role.QUANTITY):
        count += 1
        expected, found = f"={addressing.written(content, sheet)}", sheets.formula(sheet.name, row, column)
        if found is None or without_marks(found) != expected:
            doubtful.append((row, column, expected, found))
    # the engine has a spelling of its own
    spellings = spelled(sheets, sheet.name, [(row, column, expected) for row, column, expected, _ in doubtful])
    changed: dict[tuple[int, bool], list[tuple[int, str, str | None]]] = {}
    for (row, column, _, found), expected in sorted(zip(doubtful, spellings, strict=True)):
        if found is None or without_marks(found) != without_marks(expected):
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
                is_around=True,
            )
        )
    return count, findings


def without_marks(formula: str) -> str:
    """A formula without the `@` that the engine writes in front of what might give several values."""
    return formula.replace("@", "")


def _slip(found: str | None, value: Value) -> str:
    """What is wrong with a cell that holds another formula, or none, as the end of a sentence."""
    if found is not None:
        return "holds another formula than the one that was built"
    return "is empty where a formula belongs" if value is None else f"holds {value} where a formula belongs"
