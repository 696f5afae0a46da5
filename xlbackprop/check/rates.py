"""What is wrong with the learning rate itself: its cell is empty, or it changes part-way."""

import math
import textwrap
from collections.abc import Sequence

import numpy as np

from xlbackprop.check.contents import Contents
from xlbackprop.report.findings import Finding, Kind
from xlbackprop.spreadsheet.addresses import cell_address
from xlbackprop.spreadsheet.cells import Value

_LONGEST_QUOTE = 60


def broken_rate(contents: Contents) -> list[Finding]:
    """A cell of the learning rate without a number, which is the cause of all that follows."""
    cell = contents.eta.cell
    if cell is None or contents.eta.first is not None:
        return []
    value = contents.sheets.value(cell.sheet, cell.row, cell.column)
    what = "is empty" if value is None else f"holds {quoted(value)}"
    where = cell_address(cell.row, cell.column)
    return [
        Finding(
            quantity="eta",
            kind=Kind.CONSTANT,
            cell=where,
            rows=1,
            found="" if value is None else f"{value}",
            expected="a learning rate, such as 0.5",
            ranges=(where,) if cell.sheet == contents.table.sheet else (),
            slip=f"{what}, and the updates take it from there",
        )
    ]


def changing_rate(contents: Contents) -> list[Finding]:
    """A learning rate that changes in a table in which nothing else is wrong."""
    steps = [step for step in contents.eta.changes if math.isfinite(contents.eta.values[step])]
    if not steps or "eta" not in contents.table.columns or _is_schedule(contents, steps):
        return []
    changed = np.arange(steps[0], len(contents.table.rows))[contents.eta.values[steps[0] :] != contents.eta.values[0]]
    value = contents.eta.values[steps[0]]
    return [
        Finding(
            quantity="eta",
            kind=Kind.CONSTANT,
            cell=contents.table.address("eta", steps[0]),
            rows=len(changed),
            found=contents.formulas.texts["eta"][steps[0]] or f"{value:g}",
            expected=f"{contents.eta.values[0]:g}",
            max_abs_error=float(np.nanmax(np.abs(contents.eta.values - contents.eta.values[0]))),
            ranges=contents.table.ranges("eta", changed),
            slip=f"changes part-way, to {value:g}",
        )
    ]


def _is_schedule(contents: Contents, changes: Sequence[int]) -> bool:
    """Whether a learning rate changes as it is meant to: by a formula, or always in one direction."""
    if all(contents.formulas.texts["eta"][step] for step in changes):
        return True
    moves = np.diff(contents.eta.values[np.isfinite(contents.eta.values)])
    return len(changes) > 1 and bool((moves <= 0).all() or (moves >= 0).all())


def quoted(value: Value) -> str:
    """A text as it is quoted in a sentence."""
    return repr(textwrap.shorten(value, _LONGEST_QUOTE, placeholder=" …") if isinstance(value, str) else value)
