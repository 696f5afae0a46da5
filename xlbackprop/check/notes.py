"""What else is worth saying about a table or a file, though it is no mistake."""

import math
import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from itertools import repeat
from pathlib import Path

import numpy as np

from xlbackprop.backprop import notation
from xlbackprop.check.contents import Contents
from xlbackprop.check.explanation import Explanation
from xlbackprop.check.formulas import is_of_google
from xlbackprop.report.findings import CheckedTable, listed
from xlbackprop.spreadsheet.addresses import cell_address
from xlbackprop.spreadsheet.cells import CIRCULAR, Sheets, Value
from xlbackprop.spreadsheet.formulas import parsed
from xlbackprop.spreadsheet.ironcalc import KNOWN_FUNCTIONS, Stored
from xlbackprop.tables.headers import quantity
from xlbackprop.tables.table import Table, number_in

_LUCK = "comes out right here, but "
#: A sentence lists so many columns.
_MOST_NAMES = 10
#: A learning rate that changes in more than this part of the rows has a schedule.
_SCHEDULE = 3
# LR_0.5, η=0.5, eta 0.5, 0.5
_NAMED_ETA = re.compile(
    r"(?:(?<![a-z])(?:l\.?r\.?|η|eta|learning[ _-]?rate)[ _=:-]*|^(?=\d+[.,]\d+$))(0_\d+|\d+(?:[.,]\d+)?)(?![\d.,]*\d)",
    re.IGNORECASE,
)
#: Stored and recalculated numbers agree up to this part of their size: Google Sheets writes ten digits.
_STORED_TOLERANCE = 1e-8


def table_notes(contents: Contents) -> Iterator[str]:
    """What is worth knowing about a table by itself."""
    yield from _luck(contents)
    table, network = contents.table, contents.network
    if table.missing:
        several = samples_a_step(contents)
        yield several or f"it lacks {_listed(table.missing)}{_elsewhere(contents)}"
    yield from _of_google(contents)
    kinds = dict.fromkeys(kind for kind in (network.hidden, network.output) if kind != "sigmoid")
    if kinds and not table.missing:
        yield f"its neurons have the activation {' and '.join(kinds)}"
    if contents.samples_in_turn and not table.missing:
        yield f"{contents.samples_in_turn} samples take turns, one a row"
    yield from _about_the_learning_rate(contents)
    yield from _other_patterns(contents)
    if contents.formulas.jumps and not table.missing:
        more = f", and so {len(contents.formulas.jumps) - 1} more" if len(contents.formulas.jumps) > 1 else ""
        yield contents.formulas.jump(min(contents.formulas.jumps)) + more


def _listed(names: Sequence[str]) -> str:
    """The names of quantities, as they stand in a sentence."""
    shown = ", ".join(map(notation.header, names[:_MOST_NAMES]))
    return f"{shown} and {len(names) - _MOST_NAMES} more columns" if len(names) > _MOST_NAMES else shown


def _elsewhere(contents: Contents) -> str:
    """On which other sheet the columns stand that a table lacks."""
    table, sheets = contents.table, contents.sheets
    for sheet in sheets.visible:
        names = {quantity(text) for text in sheets.values(sheet).values() if isinstance(text, str)}
        # a table of its own has its own columns
        part = 2 * len(names.intersection(table.columns)) < len(table.columns)
        if sheet != table.sheet and part and 2 * len(names.intersection(table.missing)) > len(table.missing):
            return f", which {sheet} has: a table is judged that stands on one sheet"
    return ""


def _of_google(contents: Contents) -> Iterator[str]:
    if found := contents.formulas.of_google:
        yield (
            f"{cell_address(*min(found))} has a formula that only Google Sheets knows, and in the file just its "
            f"number{f', and so have {len(found) - 1} other cells' if len(found) > 1 else ''}"
        )


def samples_a_step(contents: Contents) -> str:
    """What a table is in which several rows share the weights of a step; an empty text for one of a row a step."""
    samples = contents.rows_a_step
    return (
        f"{samples} rows share the weights of each step, as with {samples} samples a step: "
        "a table of a row a step is judged, this one is not"
        if samples > 1
        else ""
    )


def _luck(contents: Contents) -> Iterator[str]:
    """Formulas that are wrong and come out right all the same."""
    explanation = Explanation(contents)
    for name, groups in contents.tried.groups.items():
        # without its inputs nothing can be tried
        if contents.table.missing or name in contents.constants:
            continue
        for group in filter(contents.comes_out_right, groups):
            named = explanation.named_slip(group)
            what = named.sentence if named else "does not follow the chain rule, or has numbers typed into it"
            cell = cell_address(group.formula.row, contents.table.columns[name])
            yield f"{notation.header(name)} ({cell}) {_LUCK}{what}"


def is_luck(note: str, names: Collection[str]) -> bool:
    """Whether a note tells that the formula of one of these quantities is wrong and comes out right."""
    return any(note.startswith(f"{notation.header(name)} (") and _LUCK in note for name in names)


def _about_the_learning_rate(contents: Contents) -> Iterator[str]:
    eta = contents.eta
    if eta.others and eta.cell:
        cells = dict.fromkeys((eta.cell, *eta.others.values()))
        told = [f"{number_in(contents.sheets, one):g} in {cell_address(one.row, one.column)}" for one in cells]
        yield f"its layers have learning rates of their own, {' and '.join(told)}"
    if contents.tried.typed_eta and any(
        text and eta.first in parsed(text).numbers
        for name in contents.updates
        for text in contents.formulas.texts[name][1:2]
    ):
        yield "the learning rate is typed into the formulas: give it a cell, to try others"
    if len(eta.changes) > len(eta.values) / _SCHEDULE:
        last = eta.values[np.isfinite(eta.values)][-1]
        yield f"the learning rate changes from step to step, from {eta.first:g} to {last:g}"
        return
    for step in eta.changes:
        value = eta.values[step]
        shown = f"{value:g}" if math.isfinite(value) else "no number"
        yield f"the learning rate changes to {shown} in row {contents.table.rows[step]}"


def _other_patterns(contents: Contents) -> Iterator[str]:
    """Rows in which a column has another formula than in most, though an equal one."""
    # an update reaches over the rows that hold no step, so its form may differ and mean nothing
    for name in contents.quantities:
        right = [group.formula for group in contents.tried.groups[name] if group.formula.text and group.right]
        usual = max(right, key=lambda formula: len(formula.steps), default=None)
        for other in right:
            if other is not usual and usual is not None:
                where = listed(contents.table.ranges(name, np.array(other.steps)))
                yield f"{notation.header(name)} has another formula in {where}, though an equal one"


def learning_rate_notes(path: Path, tables: Sequence[CheckedTable]) -> Iterator[str]:
    """Learning rates that two tables of a file share, or that the name of a sheet or of the file contradicts."""
    seen: dict[tuple[float, int | None], str] = {}
    for table in tables:
        eta = table.learning_rate
        if eta is None:
            continue
        if other := seen.get((eta, table.steps)):
            yield f"{other} and {table.sheet} train with the same learning rate, {eta:g}"
        seen.setdefault((eta, table.steps), table.sheet)
        if _named_eta(table.sheet) not in (None, eta):
            yield f"the sheet {table.sheet} trains with the learning rate {eta:g}"
    etas, named = {table.learning_rate for table in tables}, _named_eta(path.stem)
    if len(etas) == 1 and named is not None and etas.isdisjoint((None, named)):
        yield f"the name of the file says {named:g}, but the learning rate is {etas.pop():g}"


def _named_eta(name: str) -> float | None:
    """The learning rate in the name of a sheet or a file: LR_0.5, lr0_5, 0.5."""
    match = _NAMED_ETA.search(name)
    return float(re.sub("[,_]", ".", match[1])) if match else None


def stored_notes(sheets: Sheets, stored: Stored, table: Table) -> Iterator[str]:
    """What stands in the file for a table and is not what its formulas give, or could not be computed."""
    formulas, before = sheets.formulas(table.sheet), stored.values.get(table.sheet, {})
    now, columns = sheets.values(table.sheet), set(table.columns.values())

    def in_table(row: int, column: int) -> bool:
        return row in table.row_numbers and column in columns

    kept, rewritten = (
        {(cell.row, cell.column) for cell in cells if cell.sheet == table.sheet and in_table(cell.row, cell.column)}
        for cells in (stored.kept, stored.rewritten)
    )
    texts = {place for place, value in now.items() if isinstance(value, str) and place in formulas and in_table(*place)}
    yield from _about_functions(formulas, sorted(texts | rewritten | kept), judged_as_stored=bool(kept))
    circles = [place for place in texts if now[place] == CIRCULAR]
    if circles:
        yield (
            f"{cell_address(*min(circles))} and {len(circles) - 1} other cells follow from themselves: spreadsheet "
            "programs refuse that, or repeat it so often as they are set to (iterative calculation)"
        )
    stale: list[tuple[int, int]] = []
    for column in columns:
        places = list(zip(table.rows, repeat(column)))
        shown, computed = (list(map(values.get, places)) for values in (before, now))
        # of most columns all numbers are what they were
        if shown != computed:
            stale += [
                place
                for place, was, value in zip(places, shown, computed, strict=True)
                if was is not None and value != CIRCULAR and not _agree(was, value) and place in formulas
            ]
    if stale:
        place = min(stale)
        name = next(name for name, column in table.columns.items() if column == place[1])
        yield (
            f"the file shows {_shown(before[place])} for {notation.header(name)} in {cell_address(*place)}, "
            f"but its formula gives {_shown(now[place])}"
            + (f", and so in {len(stale) - 1} other cells" if len(stale) > 1 else "")
        )


def _about_functions(
    formulas: Mapping[tuple[int, int], str], places: Sequence[tuple[int, int]], *, judged_as_stored: bool
) -> Iterator[str]:
    """The functions in these places that not every spreadsheet program computes."""
    # it takes its time to import, and only functions that are not known need it
    from openpyxl.utils import FORMULAE

    judged = "; it was judged by the numbers in the file" if judged_as_stored else ""
    calls: dict[str, str] = {}
    for place in places:
        for function in parsed(formulas[place]).functions:
            calls.setdefault(function, cell_address(*place))
    for function, where in calls.items():
        if function == "POW":
            shown = "which Excel and LibreOffice show as #NAME?"
            yield f"{where} calls POW, {shown}: use POWER or ^; it was judged as POWER"
        elif is_of_google(f"{function}("):
            continue
        elif function not in FORMULAE:
            yield f"{where} calls {function}, which neither Excel 2007 nor the engine here knows{judged}"
        elif function not in KNOWN_FUNCTIONS:
            yield f"{where} calls {function}, which could not be recalculated here{judged}"


def _agree(stored: Value, computed: Value) -> bool:
    # where no value is stored, the engine reads 0: there the file shows nothing that could be stale
    if stored == computed or stored == 0.0:
        return True
    if isinstance(stored, float) and isinstance(computed, float):
        return abs(stored - computed) <= _STORED_TOLERANCE * abs(computed) + 1e-12
    # two errors may have two names
    return not isinstance(stored, float) and not isinstance(computed, float)


def _shown(value: Value) -> str:
    return f"{value:.10g}" if isinstance(value, float) else f"{value}"
