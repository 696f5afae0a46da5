"""Checks whole workbooks: every table in them, and what the file says about itself."""

import math
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from openpyxl.utils import FORMULAE

from xlbackprop.backprop import notation
from xlbackprop.check.judgement import judge_table
from xlbackprop.check.verification import judge
from xlbackprop.errors import UnusableInput
from xlbackprop.report.findings import CheckedFile, CheckedTable, Finding
from xlbackprop.spreadsheet.addresses import cell_address
from xlbackprop.spreadsheet.cells import Sheets, Value
from xlbackprop.spreadsheet.formulas import parsed
from xlbackprop.spreadsheet.ironcalc import KNOWN_FUNCTIONS, Stored, opened
from xlbackprop.tables.finding import find_tables
from xlbackprop.tables.own import is_own_workbook
from xlbackprop.tables.table import Table

# LR_0.5, η=0.5, eta 0.5, 0.5
_NAMED_RATE = r"(?:(?:lr|η|eta|learning[ _]?rate)[ _=]*(?=\d)|(?=\d+[.,]))(\d+(?:[.,]\d+)?)"
#: Stored and recalculated numbers agree up to this part of their size: Google Sheets writes ten digits.
_STORED_TOLERANCE = 1e-8
#: More weights than these with another start are another experiment.
_MOST_STRANGE = 3
#: So many tables must share their start values before another one is called an exception.
_FEWEST_ALIKE = 2


def check(path: Path) -> CheckedFile:
    """Check every backpropagation table of a workbook; never raises `UnusableInput`, but reports it."""
    try:
        sheets, stored = opened(path)
    except UnusableInput as error:
        return CheckedFile(path, error=str(error))
    found = find_tables(sheets)
    tables = [judge_table(sheets, table) for table in found]
    tables = _with_strange_starts(sheets, found, tables)
    tables = [_with_stored(sheets, stored, table, checked) for table, checked in zip(found, tables, strict=True)]
    if not tables:
        return CheckedFile(
            path,
            error=f"{path} holds no backpropagation table: none of its visible sheets has a row of headers "
            "such as w1, h1, a_h1, E_total, ∂E/∂w1.",
        )
    notes, elsewhere = _own(sheets, path, tables)
    return CheckedFile(path, tables=tuple(tables), notes=(*notes, *_rate_notes(tables)), elsewhere=elsewhere)


def _rate_notes(tables: Sequence[CheckedTable]) -> Iterator[str]:
    """Learning rates that two tables share, or that a sheet's name contradicts."""
    seen: dict[tuple[float, int], str] = {}
    for table in tables:
        rate = table.learning_rate
        if rate is None:
            continue
        if other := seen.get((rate, table.steps)):
            yield f"{other} and {table.sheet} train with the same learning rate, {rate:g}"
        seen.setdefault((rate, table.steps), table.sheet)
        named = re.fullmatch(_NAMED_RATE, table.sheet, re.IGNORECASE)
        if named and float(named[1].replace(",", ".")) != rate:
            yield f"the sheet {table.sheet} trains with the learning rate {rate:g}"


def _own(
    sheets: Sheets, path: Path, tables: Sequence[CheckedTable]
) -> tuple[tuple[str, ...], tuple[tuple[str, Finding], ...]]:
    """What `verify` finds in a workbook of ours beyond its tables."""
    if not is_own_workbook(sheets):
        return (), ()
    try:
        report = judge(sheets, path, "ironcalc")
    except UnusableInput as error:
        return (f"around the tables it could not be checked: {str(error).removesuffix('.')}",), ()
    known = {(table.sheet, finding.quantity) for table in tables for finding in table.findings}
    found = [(table.sheet, finding) for table in report.tables for finding in table.findings]
    return (), tuple((sheet, finding) for sheet, finding in found if (sheet, finding.quantity) not in known)


def _with_strange_starts(sheets: Sheets, found: Sequence[Table], tables: Sequence[CheckedTable]) -> list[CheckedTable]:
    """The tables, with start values named that one of them has otherwise than most others."""
    starts = [_start(sheets, table) for table in found]
    usual = Counter(tuple(start.items()) for start in starts if start).most_common(1)
    if not usual or usual[0][1] < _FEWEST_ALIKE or usual[0][1] * 2 <= len(tables):
        return list(tables)
    common = dict(usual[0][0])
    result = []
    for table, checked, start in zip(found, tables, starts, strict=True):
        other = [name for name in start if start[name] != common.get(name)]
        if start.keys() == common.keys() and other:
            if _is_slip(table, other):
                strange = tuple(_strange_start(table, name, start[name], common[name]) for name in other)
                checked = replace(checked, findings=checked.findings + strange, verdict="wrong")
            else:
                note = "it starts with other values than most tables of the file"
                checked = replace(checked, notes=(*checked.notes, note))
        result.append(checked)
    return result


def _start(sheets: Sheets, table: Table) -> dict[str, float]:
    """The inputs, targets, weights and biases of the first row."""
    if not table.rows:
        return {}
    numbers = replace(table, rows=table.rows[:1]).read(sheets)
    start = {name: float(numbers[name][0]) for name in table.network.start_values if name in table.columns}
    return start if all(map(math.isfinite, start.values())) else {}


def _is_slip(table: Table, other: Sequence[str]) -> bool:
    """Whether so few values are others that nobody can have meant it: another experiment changes them all."""
    network = table.network
    for names in (network.input_names, network.target_names, network.weight_names):
        changed = [name for name in names if name in other]
        if changed and (len(changed) == len(names) or len(changed) > _MOST_STRANGE):
            return False
    return True


def _strange_start(table: Table, name: str, found: float, expected: float) -> Finding:
    place = table.places.get(name, name)
    cell = cell_address(table.rows[0], table.columns[place])
    slip = "starts with another value than in the other tables of the file"
    return Finding(name, "constant", cell, 1, f"{found!r}", f"{expected!r}", abs(found - expected), (cell,), slip)


def _with_stored(sheets: Sheets, stored: Stored, table: Table, checked: CheckedTable) -> CheckedTable:
    """The table, with notes about what stands in the file and is not what its formulas give."""
    notes = []
    inside = set(table.columns.values())
    formulas, before = sheets.formulas(table.sheet), stored.values.get(table.sheet, {})
    places = [(row, column) for row in table.rows for column in inside if (row, column) in formulas]
    calls: dict[str, str] = {}
    now = sheets.values(table.sheet)
    strange = (place for place in places if isinstance(now[place], str) or "POW(" in formulas[place])
    kept = {(cell.row, cell.column) for cell in stored.kept if cell.sheet == table.sheet} & set(places)
    judged = "; it was judged by the numbers in the file" if kept else ""
    for place in sorted({*strange, *kept}):
        for function in parsed(formulas[place]).functions:
            calls.setdefault(function, cell_address(*place))
    for function, where in calls.items():
        if function == "POW":
            notes.append(
                f"{where} calls POW, which Excel and LibreOffice show as #NAME?: use POWER or ^; it was judged as POWER"
            )
        elif function not in FORMULAE:
            notes.append(f"{where} calls {function}, which neither Excel 2007 nor the engine here knows{judged}")
        elif function not in KNOWN_FUNCTIONS:
            notes.append(f"{where} calls {function}, which could not be recalculated here{judged}")
    if any(before.get(place) not in (None, 0.0) for place in places):
        stale = [place for place in places if not _agree(before.get(place), now.get(place))]
        if stale:
            place = min(stale)
            header = next(name for name, column in table.columns.items() if column == place[1])
            notes.append(
                f"the file shows {_shown(before.get(place))} for {notation.header(header)} in "
                f"{cell_address(*place)}, but its formula gives {_shown(sheets.value(table.sheet, *place))}"
                + (f", and so in {len(stale) - 1} other cells" if len(stale) > 1 else "")
            )
    return replace(checked, notes=checked.notes + tuple(notes))


def _agree(stored: Value, computed: Value) -> bool:
    if stored == computed:
        return True
    if isinstance(stored, float) and isinstance(computed, float):
        return abs(stored - computed) <= _STORED_TOLERANCE * abs(computed) + 1e-12
    # two errors may have two names
    return not isinstance(stored, float) and not isinstance(computed, float)


def _shown(value: Value) -> str:
    return f"{value:.10g}" if isinstance(value, float) else f"{value}"
