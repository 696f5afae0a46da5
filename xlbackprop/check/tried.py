"""The formulas of a table, tried: with the numbers of random trainings, and with the constants of the sheet."""

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np

from xlbackprop.check.formulas import Formulas
from xlbackprop.check.trial import Trial, TriedFormula
from xlbackprop.reference import Array
from xlbackprop.spreadsheet.cells import Cell
from xlbackprop.spreadsheet.formulas import FilledFormula, parsed
from xlbackprop.tables.learning_rate import LearningRate


@dataclass(frozen=True)
class Group:
    """A formula that is filled down a column, with what was found about it."""

    name: str
    formula: FilledFormula
    tried: TriedFormula | None
    # tried with the inputs, targets, fixed biases and learning rate of the sheet; None where it was right before
    tried_with_constants: TriedFormula | None
    #: whether it is the formula that `build` writes, which needs no trial
    as_built: bool = False
    #: whether it is another one than `build` writes, and cannot be tried
    changed: bool = False

    @property
    def right(self) -> bool | None:
        """Whether the formula is right in this table; None if it could not be tried."""
        if self.as_built:
            return True
        for tried in (self.tried, self.tried_with_constants):
            if tried is not None and tried.right:
                return True
        if self.tried is None:
            return False if self.changed else None
        return self.tried.right


class Columns(NamedTuple):
    """The columns of a table that are judged, by what they hold.

    Attributes:
        quantities: what is computed in each step.
        updates: the weights and biases that it moves.
        constants: inputs, targets and fixed biases.
    """

    quantities: Sequence[str]
    updates: Sequence[str]
    constants: Sequence[str]

    @property
    def names(self) -> list[str]:
        """All of them."""
        return [*self.quantities, *self.updates, *self.constants]


class TriedFormulas:
    """The formulas of a table, tried.

    Args:
        formulas: as they stand there.
        columns: those of the table.
        numbers: what the columns show, by name.
        eta: the learning rate of the table.
    """

    def __init__(self, formulas: Formulas, columns: Columns, numbers: Mapping[str, Array], eta: LearningRate) -> None:
        self._formulas, self._columns = formulas, columns
        self._sheets, self._table, self._network = formulas.sheets, formulas.table, formulas.table.network
        self._numbers, self._eta = numbers, eta

    def built_formula(self, name: str, step: int) -> str | None:
        """The formula that `build` writes into a cell, with its `=`, where that is how it is told."""
        return None

    @cached_property
    def trial(self) -> Trial:
        """Random trainings for the formulas to be tried on."""
        return Trial(self._sheets, self._table, self._eta.cell, self.parameters)

    @cached_property
    def parameters(self) -> dict[Cell, str]:
        """Cells outside the table that hold an input, a target or a fixed bias."""
        names = self._table.network_names
        found = {cell: names.get(name, name) for name, cell in self._table.cells.items() if name != "eta"}
        found |= dict.fromkeys(self._eta.others.values(), "eta")
        for name in self._columns.constants:
            text = self._sheets.formula(self._table.sheet, self._table.rows[0], self._table.columns[name])
            # what the whole formula stands for: =$A$3, =Parameters!B2 or =t_1
            if text is None or not re.fullmatch(r"=[^-+*/^(&]+", text):
                continue
            for cell in parsed(text).single_cells(self._sheets, self._table.sheet):
                if not self._table.holds(cell):
                    found[cell] = name
        return found

    @cached_property
    def groups(self) -> dict[str, list[Group]]:
        """The formulas of each column, tried."""
        texts, rows = self._formulas.texts, self._table.rows
        waiting: list[tuple[str, FilledFormula]] = []
        for name in self._columns.names:
            skipped = {0, *self._formulas.jumps} if name in self._columns.updates else set()
            for formula in self._formulas.filled[name]:
                steps = tuple(step for step in formula.steps if step not in skipped) if skipped else formula.steps
                if steps:
                    # the first rows of a table are special at times
                    chosen = steps[min(1, len(steps) - 1)]
                    waiting.append((name, FilledFormula(texts[name][chosen], rows[chosen], steps)))
        tried = self.results(waiting, self.typed_eta)
        doubtful = [item for item, result in zip(waiting, tried, strict=True) if result and not result.right]
        again = dict(zip(map(id, doubtful), self.results(doubtful, self.sheet_constants), strict=True))
        groups: dict[str, list[Group]] = {}
        for item, result in zip(waiting, tried, strict=True):
            groups.setdefault(item[0], []).append(Group(*item, result, again.get(id(item))))
        return groups

    def group_of(self, name: str, step: int) -> Group:
        """The formula of a single row, tried by itself."""
        return self._group(name, FilledFormula(self._formulas.texts[name][step], self._table.rows[step], (step,)))

    def _group(self, name: str, formula: FilledFormula) -> Group:
        """A formula, tried by itself in both ways."""
        tried, again = (
            self.results([(name, formula)], constants)[0] for constants in (self.typed_eta, self.sheet_constants)
        )
        return Group(name, formula, tried, again)

    def results(
        self, items: Sequence[tuple[str, FilledFormula]], constants: Mapping[str, float]
    ) -> list[TriedFormula | None]:
        """What formulas give on random trainings, each with the quantity that it should give; None for no formula."""
        with_text = [(name, formula) for name, formula in items if formula.text is not None]
        results = iter(
            self.trial.tried(
                [(formula.text or "", formula.row) for _, formula in with_text],
                [name for name, _ in with_text],
                constants,
            )
        )
        return [next(results) if formula.text is not None else None for _, formula in items]

    @property
    def typed_eta(self) -> dict[str, float]:
        """The learning rate, where it is typed into the formulas."""
        eta = self._eta.first
        typed = self._eta.cell is None and "eta" not in self._table.columns
        return {"eta": eta} if typed and eta is not None else {}

    @cached_property
    def sheet_constants(self) -> dict[str, float]:
        """The inputs, targets, fixed biases and the learning rate of this sheet."""
        network = self._network
        fixed = {
            name: usual(self._numbers[name])
            for name in network.start_values
            if name not in network.trained_names and name in self._numbers
        }
        fixed = {name: value for name, value in fixed.items() if math.isfinite(value)}
        return fixed | ({"eta": self._eta.first} if self._eta.first is not None else {})


def usual(numbers: Array) -> float:
    """The number that stands most often in a column; of several the first."""
    values, counts = np.unique(numbers, return_counts=True)
    most = {float(value) for value, count in zip(values, counts, strict=True) if count == counts.max()}
    return next((float(number) for number in numbers if number in most), math.nan)
