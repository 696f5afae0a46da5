"""The road of a file: load it, find its tables, judge each once, then what stands around ours, and report."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from xlbackprop import __version__
from xlbackprop.check.around import insist_on_whole, judge_around, sheets_as_built, table_is_as_built
from xlbackprop.check.notes import learning_rate_notes, stored_notes
from xlbackprop.check.numpy_run import differences
from xlbackprop.check.own_contents import own_contents
from xlbackprop.check.start_values import with_strange_starts
from xlbackprop.check.table import judge_contents, judge_table
from xlbackprop.cnn import facts as cnn_facts
from xlbackprop.errors import UnusableInput
from xlbackprop.report.findings import CheckedFile, CheckedTable
from xlbackprop.spreadsheet.cells import Sheets
from xlbackprop.spreadsheet.engines import recalculated
from xlbackprop.spreadsheet.ironcalc import Stored, opened
from xlbackprop.tables.finding import find_tables
from xlbackprop.tables.layouts import unjudged_layout, unread_tables
from xlbackprop.tables.own import Edited, OwnWorkbook, has_samples, is_own_workbook, read_own_workbook
from xlbackprop.tables.table import Table
from xlbackprop.workbook.sheets import OurSheets


def check(path: Path) -> CheckedFile:
    """Check every backpropagation table of anybody's workbook; never raises `UnusableInput`, but reports it."""
    try:
        sheets, stored = opened(path)
    except UnusableInput as error:
        return CheckedFile(path, error=str(error))
    if cnn_facts.is_cnn_workbook(sheets):
        try:
            return _judge_cnn(sheets, path, "ironcalc")
        except UnusableInput as error:
            return CheckedFile(path, error=f"{path}: {error}")
    own, notes = None, []
    judged: list[CheckedTable] = []
    if is_own_workbook(sheets):
        try:
            own, judged = _judge_own(sheets, stored=stored)
        except Edited as error:
            return CheckedFile(path, error=f"{path}: {error}")
        except UnusableInput as error:
            if has_samples(sheets):
                # its tables refer to each other, and by themselves each would be called wrong
                return CheckedFile(path, error=f"{path}: {error}")
            notes.append(f"around the tables it could not be checked: {str(error).removesuffix('.')}")
    ours = {(table.sheet, table.header_row) for table in (*own.tables, *own.passes)} if own else set()
    others = [table for table in find_tables(sheets) if (table.sheet, table.header_row) not in ours]
    if own is None and not others:
        seen = unjudged_layout(sheets) or (
            "none of its visible sheets has a row of headers such as w1, h1, a_h1, E_total, ∂E/∂w1"
        )
        return CheckedFile(path, error=f"{path} holds no backpropagation table: {seen}.")
    by_themselves = with_strange_starts(sheets, others, [judge_table(sheets, table) for table in others])
    judged = [*_with_stored(sheets, others, by_themselves, stored), *judged]
    if own is None:
        judged += [
            CheckedTable(one.sheet, notes=(f"it {one.seen}",), incomplete=True, header_row=one.row, steps=0)
            for one in unread_tables(sheets, others)
        ]
    return _report(path, "ironcalc", sheets, own, judged, notes)


def verify(path: Path, engine: str = "ironcalc") -> CheckedFile:
    """Recalculate a workbook that `xlbackprop build` or `xlbackprop cnn` made, and judge every number in it.

    Args:
        path: an .xlsx file, as it was built or edited since.
        engine: one of `engines.ENGINES`.

    Raises:
        UnusableInput: the file cannot be read, is a workbook of another kind, or lacks something.
    """
    sheets = recalculated(path, engine)
    try:
        if cnn_facts.is_cnn_workbook(sheets):
            return _judge_cnn(sheets, path, engine)
        return judge_own(sheets, path, engine)
    except UnusableInput as error:
        raise UnusableInput(f"{path}: {error}") from None


def _judge_cnn(sheets: Sheets, path: Path, engine: str) -> CheckedFile:
    # it takes its time to import, and few files need it
    from xlbackprop.cnn.check import judge

    return judge(sheets, path, engine)


def judge_own(sheets: Sheets, path: Path, engine: str, built: OurSheets | None = None) -> CheckedFile:
    """Judge the recalculated cells of a workbook of ours; tables that somebody added to it are left alone.

    Args:
        sheets: the recalculated cells.
        path: the file, for the report.
        engine: what recalculated it, one of `engines.ENGINES`.
        built: the sheets that were written into the file, where they are at hand.

    Raises:
        UnusableInput: it is a workbook of another kind, or lacks something.
    """
    own, judged = _judge_own(sheets, built)
    return _report(path, engine, sheets, own, judged, [])


def _judge_own(
    sheets: Sheets, built: OurSheets | None = None, stored: Stored | None = None
) -> tuple[OwnWorkbook, list[CheckedTable]]:
    """What a workbook of ours trains, and its tables and all that stands around them judged, a result a sheet.

    Where another version put what stands around its tables is not known here, so of its workbooks only these are
    judged.
    """
    own = read_own_workbook(sheets)
    built = (built or sheets_as_built(own)) if own.version == __version__ else None
    if built:
        insist_on_whole(sheets, own, built)
    every = (*own.tables, *own.passes)
    if own.network.samples or not all(table.network.optimizer.is_plain for table in own.tables):
        contents = own_contents(sheets, own, built)
        tables = [judge_contents(one, None if one.is_part_of_a_step else own.network) for one in contents]
        numbers = [one.numbers for one in contents]
    else:
        tables = [
            judge_table(
                sheets, table, own.network, as_built=built is not None and table_is_as_built(sheets, built, table)
            )
            for table in own.tables
        ]
        numbers = [table.read(sheets) for table in own.tables]
    right = not any(table.findings for table in tables)
    around = judge_around(sheets, own, built, numbers, tables_are_right=right) if built else []
    judged = {table.sheet: table for table in _with_stored(sheets, every, tables, stored)}
    for table, of_table in zip(every, differences(own, numbers), strict=True):
        judged[table.sheet] = replace(judged[table.sheet], differences=of_table)
    for table, passes in zip(own.tables, own.passes, strict=False):
        judged[passes.sheet] = replace(judged[passes.sheet], samples_of=table.sheet)
    for sheet in around:
        # what stands above a table is told with it
        below = judged.get(sheet.sheet, CheckedTable(sheet.sheet))
        judged[sheet.sheet] = replace(below, findings=below.findings + sheet.findings, cells=below.cells + sheet.cells)
    return own, list(judged.values())


def _with_stored(
    sheets: Sheets, tables: Sequence[Table], judged: Sequence[CheckedTable], stored: Stored | None
) -> list[CheckedTable]:
    """The judged tables, with notes about what stood in the file, where that is known."""
    if stored is None:
        return list(judged)
    return [
        replace(checked, notes=(*checked.notes, *stored_notes(sheets, stored, table)))
        for table, checked in zip(tables, judged, strict=True)
    ]


def _report(
    path: Path, engine: str, sheets: Sheets, own: OwnWorkbook | None, judged: list[CheckedTable], notes: list[str]
) -> CheckedFile:
    judged.sort(key=lambda table: sheets.names.index(table.sheet))
    if own and own.version != __version__:
        notes.append(
            f"it was made by xlbackprop {own.version or 'of an unknown version'}, and what stands around its training "
            "tables is judged only by that version"
        )
    trained = [table for table in judged if table.header_row is not None and table.samples_of is None]
    if own is None or len({table.network.optimizer for table in own.tables}) < 2:
        notes += learning_rate_notes(path, trained)
    return CheckedFile(path, engine=engine, sheets=tuple(judged), notes=tuple(notes))
