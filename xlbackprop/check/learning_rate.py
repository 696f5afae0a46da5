"""Finds the learning rate of a table: in its own column or cell, or in what the updates do."""

import math
import re
from collections import Counter
from dataclasses import dataclass

import numpy as np

from xlbackprop.check.formulas import parsed
from xlbackprop.check.tables import Table
from xlbackprop.engines import Cell, Sheets
from xlbackprop.reference import Array

#: Ratios of change and gradient count as the same learning rate when they agree so far.
_SAME_RATE = 1e-9


@dataclass(frozen=True)
class LearningRate:
    """The learning rate of a table.

    Attributes:
        values: by step, what the update to the next step should use; NaN where nothing tells.
        cell: the cell that it stands in; None for a column or a number in the formulas.
    """

    values: Array
    cell: Cell | None

    @property
    def first(self) -> float | None:
        """The learning rate that the table starts with."""
        known = self.values[np.isfinite(self.values)]
        return float(known[0]) if known.size else None

    @property
    def changes(self) -> list[int]:
        """The steps at which it becomes another one."""
        return [n for n in range(1, len(self.values)) if self.values[n] != self.values[n - 1]]


def learning_rate(sheets: Sheets, table: Table, numbers: dict[str, Array]) -> LearningRate:
    """The learning rate of a table.

    The cell that most updates refer to goes before a cell that is only labelled, because a label may
    belong to another table or to nothing at all.
    """
    if "eta" in table.columns:
        return LearningRate(numbers["eta"], None)
    by_updates = _rate_of_updates(table, numbers)
    labelled = table.cells.get("eta")
    used = _used_cells(sheets, table)
    if labelled in used:
        cell = labelled
    elif used:
        cell = used[0]
    elif labelled and (math.isnan(by_updates) or _same(sheets.number(labelled), by_updates)):
        cell = labelled
    else:
        cell = None
    value = sheets.number(cell) if cell else by_updates
    return LearningRate(np.full(len(table.rows), value), cell)


def _used_cells(sheets: Sheets, table: Table) -> list[Cell]:
    """The cells outside the table that the first updates refer to, the most used first."""
    if len(table.rows) < 2:
        return []
    inside = set(table.columns.values())
    known = {cell for name, cell in table.cells.items() if not re.fullmatch("eta", name)}
    counts: Counter[Cell] = Counter()
    for name in table.network.trained_names:
        if name not in table.columns:
            continue
        text = sheets.formula(table.sheet, table.rows[1], table.columns[name])
        for cell in dict.fromkeys(_outside(sheets, table, text, inside)) if text else ():
            if cell not in known and not math.isnan(sheets.number(cell)):
                counts[cell] += 1
    return [cell for cell, _ in counts.most_common()]


def _outside(sheets: Sheets, table: Table, text: str, inside: set[int]) -> list[Cell]:
    formula = parsed(text)
    cells = [
        Cell(reference.sheet or table.sheet, reference.row, reference.column)
        for reference in formula.references
        if reference.is_cell
    ]
    cells += [cell for name in formula.names if (cell := sheets.named_cell(name, table.sheet))]
    return [
        cell
        for cell in cells
        if not (cell.sheet == table.sheet and cell.row in table.row_numbers)
        and not (cell.sheet == table.sheet and cell.column in inside and cell.row == table.header_row)
    ]


def _rate_of_updates(table: Table, numbers: dict[str, Array]) -> float:
    """The rate that most weights moved by at the first step; NaN if they do not agree on one."""
    if len(table.rows) < 2:
        return math.nan
    rates = []
    for name in table.network.trained_names:
        if name in numbers and f"dE_d{name}" in numbers:
            with np.errstate(all="ignore"):
                rates.append(float((numbers[name][0] - numbers[name][1]) / numbers[f"dE_d{name}"][0]))
    finite = [rate for rate in rates if math.isfinite(rate)]
    if not finite:
        return math.nan
    best = max(finite, key=lambda rate: sum(_same(rate, other, 1e-6) for other in finite))
    agreeing = [rate for rate in finite if _same(rate, best, 1e-6)]
    # what was typed is a short number; the quotient of two long ones is not
    return float(f"{np.median(agreeing):.8g}") if 2 * len(agreeing) > len(finite) else math.nan


def _same(one: float, other: float, tolerance: float = _SAME_RATE) -> bool:
    return math.isclose(one, other, rel_tol=tolerance)
