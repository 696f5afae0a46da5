"""What a table starts from: in a workbook of ours the Network sheet, else what the other tables start from."""

import math
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np

from xlbackprop.backprop import notation
from xlbackprop.backprop.network import Network, parse_number
from xlbackprop.check.contents import Contents, Steps
from xlbackprop.check.rates import quoted
from xlbackprop.reference import TINY, TOLERANCE, Array
from xlbackprop.report.findings import CheckedTable, Finding, Kind, SlipKind
from xlbackprop.spreadsheet.cells import Sheets
from xlbackprop.tables.table import Table

#: More weights than these with another start are another experiment.
_MOST_STRANGE = 3
#: So many tables must share their start values before another one is called an exception.
_FEWEST_ALIKE = 2


# -- a table of ours ---------------------------------------------------------------------------------


def unlinked(contents: Contents, network: Network) -> Iterator[Finding]:
    """What does not come from the Network sheet in a table of ours, and steps that are miscounted.

    Args:
        contents: of the table.
        network: with the start values of the Network sheet.
    """
    for name in ("step", *network.start_values):
        numbers = contents.numbers[name]
        found = numbers[:1] if name in network.trained_names else numbers
        should = np.append(0.0, found[:-1] + 1) if name == "step" else np.full_like(found, network.start_values[name])
        errors = np.abs(found - should)
        wrong = ~(errors <= TOLERANCE * np.abs(should) + TINY)
        typed = np.array([text is None for text in contents.formulas.texts[name][: len(found)]]) & ~wrong
        if name == "step":
            # step 0 is a number
            typed[0] = False
        for rows in (wrong, typed):
            if rows.any():
                yield _unlinked(contents, name, np.flatnonzero(rows), errors, is_wrong=rows is wrong)


def _unlinked(contents: Contents, name: str, steps: Steps, errors: Array, *, is_wrong: bool) -> Finding:
    table, first = contents.table, int(steps[0])
    row, column = table.rows[first], table.columns[name]
    formula, shown = contents.formulas.texts[name][first], contents.sheets.value(table.sheet, row, column)
    kind, slip = Kind.REFERENCE, "does not come from the Network sheet"
    if formula is None:
        kind = Kind.CONSTANT
    elif contents.sheets.is_error(table.sheet, row, column):
        kind, slip = Kind.ERROR, f"shows {shown}"
    elif name == "step":
        kind = Kind.FORMULA
    if name == "step":
        slip, expected = "is miscounted", f"={table.address(name, first - 1)}+1" if first else "0"
    else:
        expected = f"={notation.defined_name(name)}"
    sizes = errors[steps][np.isfinite(errors[steps])]
    return Finding(
        quantity=name,
        kind=kind,
        cell=table.address(name, first),
        rows=len(steps),
        found=formula if formula is not None else "" if shown is None else str(shown),
        expected=expected,
        max_abs_error=float(sizes.max()) if sizes.size else None,
        ranges=table.ranges(name, steps),
        slip=slip if is_wrong else "",
    )


# -- a text ------------------------------------------------------------------------------------------


def texts_for_numbers(contents: Contents) -> Iterator[Finding]:
    """Start values that are written as a text, which is the cause of all errors that follow from there."""
    table, values = contents.table, contents.sheets.values(contents.table.sheet)
    for name in table.network.start_values:
        column = table.columns.get(name)
        # of ours, it is told where such values come from
        if (
            contents.is_ours
            or column is None
            or math.isfinite(contents.numbers[name][0])
            or contents.formulas.texts[name][0]
        ):
            continue
        texts = [
            values.get((row, column)) if contents.formulas.texts[name][n] is None else None
            for n, row in enumerate(table.rows)
        ]
        steps = np.flatnonzero([text == texts[0] for text in texts])
        text = texts[0]
        if not isinstance(text, str) or not text.strip() or text.startswith("#"):
            continue
        yield Finding(
            quantity=name,
            kind=Kind.CONSTANT,
            cell=table.address(name, 0),
            rows=len(steps),
            found=text,
            expected=_number_meant(text),
            ranges=table.ranges(name, steps),
            slip=f"holds {quoted(text)}, which is a text and no number",
        )


def _number_meant(text: str) -> str:
    """The number that a text means, as a formula; 0,5 is 0.5 where a comma is the decimal point."""
    plain = re.sub(r"[\s'\"]", "", text).replace(",", ".")
    try:
        return f"={parse_number(plain):.15g}"
    except ValueError:
        return "a number"


# -- anybody's tables --------------------------------------------------------------------------------


def with_strange_starts(sheets: Sheets, tables: Sequence[Table], checked: Sequence[CheckedTable]) -> list[CheckedTable]:
    """The checked tables, with start values named that one of them has otherwise than most others."""
    starts = [_start(sheets, table) for table in tables]
    usual = Counter(tuple(start.items()) for start in starts if start).most_common(1)
    if not usual or usual[0][1] < _FEWEST_ALIKE or usual[0][1] * 2 <= len(tables):
        return list(checked)
    common = dict(usual[0][0])
    result = []
    for table, judged, start in zip(tables, checked, starts, strict=True):
        other = [name for name in start if start[name] != common.get(name)]
        if start.keys() == common.keys() and other:
            if _is_slip(table, other):
                strange = tuple(_strange_start(table, name, start[name], common[name]) for name in other)
                judged = replace(judged, findings=judged.findings + strange)
            else:
                note = "it starts with other values than most tables of the file"
                judged = replace(judged, notes=(*judged.notes, note))
        result.append(judged)
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
    cell = table.address(table.places.get(name, name), 0)
    return Finding(
        quantity=name,
        kind=Kind.CONSTANT,
        cell=cell,
        rows=1,
        found=f"{found!r}",
        expected=f"{expected!r}",
        max_abs_error=abs(found - expected),
        ranges=(cell,),
        slip="starts with another value than in the other tables of the file",
        slip_kind=SlipKind.START_VALUE,
    )
