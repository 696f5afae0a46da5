"""Finds the learning rate of a table: in its own column or cell, or in what the updates do."""

import math
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from xlbackprop.reference import Array
from xlbackprop.spreadsheet.cells import Cell, Sheets
from xlbackprop.spreadsheet.formulas import Formula, parsed
from xlbackprop.tables.headers import quantity
from xlbackprop.tables.table import AS_IT_IS, Table, number_in

#: Ratios of change and gradient count as the same learning rate when they agree so far.
_SAME_ETA = 1e-6
#: Those of a whole run of rounded numbers agree less ...
_NEARLY_THE_SAME = 0.02
#: ... and are so far from the number that was typed.
_ROUNDED = 1e-3


@dataclass(frozen=True)
class LearningRate:
    """The learning rate of a table.

    Attributes:
        values: by step, what the update to the next step should use; NaN where nothing tells.
        cell: the cell that it stands in; None for a column or a number in the formulas.
        others: where some weights have one of their own, its cell by weight.
        parts: and how much larger it is.
    """

    values: Array
    cell: Cell | None
    others: Mapping[str, Cell] = field(default_factory=dict)
    parts: Mapping[str, float] = field(default_factory=dict)

    @property
    def first(self) -> float | None:
        """The learning rate that the table starts with."""
        known = self.values[np.isfinite(self.values)]
        return float(known[0]) if known.size else None

    @property
    def changes(self) -> list[int]:
        """The steps at which it becomes another one."""
        return [n for n in range(1, len(self.values)) if self.values[n] != self.values[n - 1] == self.values[n - 1]]


def learning_rate(sheets: Sheets, table: Table, numbers: dict[str, Array]) -> LearningRate:
    """The learning rate of a table.

    It is in the cell that most updates refer to; but where the table has a labelled one of its own, the
    updates are wrong if they take another table's, or a number of their own.
    """
    shown = table.multiples.get("eta", AS_IT_IS).factor
    if "eta" in table.columns:
        return LearningRate(numbers["eta"], None)
    labelled = table.cells.get("eta")
    used = _used_cells(sheets, table)
    numeric = {cell: count for cell, count in used.items() if not math.isnan(number_in(sheets, cell))}
    if labelled is None:
        # a cell without a number is what the updates refer to, all the same
        numeric = numeric or used
    most = max(numeric.values(), default=0)
    cell = next((cell for cell in numeric if numeric[cell] == most), None)
    if labelled and (cell is None or numeric.get(labelled) == most or _belongs_elsewhere(table, cell)):
        cell = labelled
    if cell is not None:
        eta = number_in(sheets, cell)
        others = _of_layers(sheets, table, cell) if eta else {}
        parts = {name: number_in(sheets, other) / eta for name, other in others.items()}
        return LearningRate(np.full(len(table.rows), eta / shown), cell, others, parts)
    typed = _typed_eta(sheets, table) / shown
    eta = abs(_eta_of_updates(sheets, table, numbers)) if math.isnan(typed) else typed
    # an update that changes nothing has no learning rate
    return LearningRate(np.full(len(table.rows), eta or math.nan), None)


def _of_layers(sheets: Sheets, table: Table, usual: Cell) -> dict[str, Cell]:
    """The learning rates of layers that take another one than the usual, where each has a label that says so."""
    network, found, formulas = table.network, dict[str, Cell](), sheets.formulas(table.sheet)
    labels = {usual: _label(sheets, usual)}
    for layer in network.trained_layers if len(table.rows) > 1 else ():
        own = [name for row in network.layer_weights(layer) for name in row]
        texts = [formulas.get((table.rows[1], table.columns[name]), "") for name in own if name in table.columns]
        cells = {tuple(_outside(sheets, table, parsed(text))) for text in texts}
        if len(cells) != 1 or len(only := next(iter(cells))) != 1 or only[0] in table.other_eta_cells:
            return {}
        labels[only[0]] = _label(sheets, only[0])
        found |= dict.fromkeys(own, only[0])
    others = {name: cell for name, cell in found.items() if cell != usual and not math.isnan(number_in(sheets, cell))}
    told_apart = all(labels.values()) and len(set(labels.values())) == len(labels)
    # what no layer takes is the rate of the table all the same
    return others if told_apart and len(others) < len(found) else {}


def _label(sheets: Sheets, cell: Cell) -> str:
    """The text beside or above a cell, if it begins with the name of a learning rate: `η hidden`."""
    values = sheets.values(cell.sheet)
    for text in (values.get((cell.row, cell.column - 1)), values.get((cell.row - 1, cell.column))):
        words = text.split() if isinstance(text, str) else []
        if any(quantity(" ".join(words[:n])) == "eta" for n in (1, 2)):
            return " ".join(words)
    return ""


def _belongs_elsewhere(table: Table, cell: Cell) -> bool:
    """Whether a cell is the learning rate of another table, or no learning rate at all."""
    return cell.sheet != table.sheet or cell in table.other_eta_cells


def _first_updates(sheets: Sheets, table: Table) -> list[Formula]:
    """The formulas by which the weights and biases get to the first step."""
    if len(table.rows) < 2:
        return []
    formulas = sheets.formulas(table.sheet)
    columns = [table.columns[name] for name in table.network.trained_names if name in table.columns]
    return [parsed(text) for column in columns if (text := formulas.get((table.rows[1], column)))]


def _typed_eta(sheets: Sheets, table: Table) -> float:
    """The number that most of the first updates hold; NaN if there is none."""
    counts = Counter(number for formula in _first_updates(sheets, table) for number in set(formula.numbers))
    if not counts:
        return math.nan
    eta, count = counts.most_common(1)[0]
    return eta if 2 * count > len(table.network.trained_names) and eta > 0 else math.nan


def _used_cells(sheets: Sheets, table: Table) -> dict[Cell, int]:
    """The cells outside the table that the first updates refer to, each with how many do."""
    known = {cell for name, cell in table.cells.items() if name != "eta"}
    counts: Counter[Cell] = Counter()
    for formula in _first_updates(sheets, table):
        # each once, in their order, so that ties always end the same
        counts.update(cell for cell in dict.fromkeys(_outside(sheets, table, formula)) if cell not in known)
    return dict(counts)


def _outside(sheets: Sheets, table: Table, formula: Formula) -> list[Cell]:
    inside, last = set(table.columns.values()), table.rows[-1]
    return [
        cell
        for cell in formula.single_cells(sheets, table.sheet)
        if cell.sheet != table.sheet
        or (cell.row not in table.row_numbers and not (cell.column in inside and table.header_row <= cell.row <= last))
    ]


@np.errstate(all="ignore")
def _eta_of_updates(sheets: Sheets, table: Table, numbers: dict[str, Array]) -> float:
    """The learning rate that most weights moved by at the first step; NaN if they do not agree on one."""
    if len(table.rows) < 2:
        return math.nan
    etas = []
    for name in table.network.trained_names:
        if name in numbers and f"dE_d{name}" in numbers:
            etas.append(float((numbers[name][0] - numbers[name][1]) / numbers[f"dE_d{name}"][0]))
    finite = [eta for eta in etas if math.isfinite(eta)]
    if not finite:
        return math.nan
    if not any(_first_updates(sheets, table)):
        return _eta_of_run(table, numbers)
    best = max(finite, key=lambda eta: sum(_same(eta, other) for other in finite))
    agreeing = [eta for eta in finite if _same(eta, best)]
    # what was typed is a short number; the quotient of two long ones is not
    return float(f"{np.median(agreeing):.8g}") if 2 * len(agreeing) > len(finite) else math.nan


def _eta_of_run(table: Table, numbers: dict[str, Array]) -> float:
    """The learning rate that takes pasted weights from the first row to the last; NaN if they do not agree on one.

    Where they were rounded, that can be seen best in those that go farthest.
    """
    found = []
    for name in table.network.trained_names:
        if name in numbers and f"dE_d{name}" in numbers:
            moved, pushed = numbers[name][0] - numbers[name][-1], numbers[f"dE_d{name}"][:-1].sum()
            found.append((abs(moved), float(moved / pushed)))
    finite = [eta for _, eta in sorted(found, reverse=True) if math.isfinite(eta)]
    if not finite:
        return math.nan
    agreeing = sum(math.isclose(eta, finite[0], rel_tol=_NEARLY_THE_SAME) for eta in finite)
    # what was typed is a short number
    short = (float(f"{finite[0]:.{digits}g}") for digits in range(1, 8))
    eta = next((eta for eta in short if math.isclose(eta, finite[0], rel_tol=_ROUNDED)), finite[0])
    return eta if 2 * agreeing > len(finite) else math.nan


def _same(one: float, other: float) -> bool:
    return math.isclose(one, other, rel_tol=_SAME_ETA)
