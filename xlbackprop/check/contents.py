"""The contents of a table: its numbers, what they should be, and how far they are from that."""

from collections.abc import Iterator, Sequence, Set
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from xlbackprop import reference
from xlbackprop.backprop.quantities import chain_rule_names, training_step
from xlbackprop.check.formulas import Formulas
from xlbackprop.check.mistakes import Slip
from xlbackprop.check.tried import Columns, Group, TriedFormulas, usual
from xlbackprop.check.turns import Turns, turns
from xlbackprop.reference import TINY, TOLERANCE, Array, Expected
from xlbackprop.spreadsheet.cells import Sheets
from xlbackprop.tables.learning_rate import LearningRate, learning_rate
from xlbackprop.tables.table import AS_IT_IS, Table

Mask = NDArray[np.bool_]
#: Some of the steps of a table, by their numbers, in order.
Steps = NDArray[np.intp]

#: What rounding may do to a right formula, whatever its shape, as a part of the largest number in its column.
ROUNDING = 1e-9


class Contents:
    """The numbers and formulas of a table, and what they should be.

    Args:
        sheets: the recalculated workbook.
        table: one of its tables, with at least one row.
    """

    #: whether `build` laid it out
    is_ours = False
    #: whether its rows are samples of steps that stand elsewhere
    is_part_of_a_step = False
    #: whether its rows are steps whose samples stand elsewhere
    gathers = False
    #: whether a weight moves by nothing but the learning rate and its gradient
    moves_plainly = True

    def __init__(self, sheets: Sheets, table: Table) -> None:
        self.sheets, self.table, self.network = sheets, table, table.network
        self.numbers = table.read(sheets)
        self.quantities = [quantity.name for quantity in training_step(self.network) if quantity.name in table.columns]
        self.updates = [name for name in self.network.trained_names if name in table.columns]
        self.constants = [
            name
            for name in self.network.start_values
            if name in table.columns and name not in self.network.trained_names
        ]

    @property
    def steps(self) -> int:
        """The number of updates."""
        return self.table.steps

    @property
    def can_be_judged(self) -> bool:
        """Whether the table has what its numbers are judged by."""
        return all(name in self.numbers for name in (*self.network.weight_names, *self.network.input_names))

    def own_slip(self, group: Group) -> Slip | None:
        """The slip in a wrong formula that only this kind of table has."""
        return None

    def comes_from_elsewhere(self, name: str, step: int) -> bool:
        """Whether a cell shows what stands in another table or sheet, and is judged there."""
        return False

    @cached_property
    def formulas(self) -> Formulas:
        """Its formulas."""
        return Formulas(self.sheets, self.table)

    @cached_property
    def eta(self) -> LearningRate:
        """The learning rate, step by step."""
        return learning_rate(self.sheets, self.table, self.numbers)

    @property
    def shown_rate(self) -> float | None:
        """The learning rate that the table starts with, as it is shown."""
        eta = self.eta.first
        return None if eta is None else eta * self.table.multiples.get("eta", AS_IT_IS).factor

    @cached_property
    def tried(self) -> TriedFormulas:
        """Its formulas, tried."""
        return TriedFormulas(self.formulas, self._columns, self.numbers, self.eta)

    @property
    def _columns(self) -> Columns:
        return Columns(self.quantities, self.updates, self.constants)

    @cached_property
    def expected(self) -> dict[str, list[Expected]]:
        """What each number should be: an alternative for each way in which it may follow from the others."""
        chain = chain_rule_names(self.network)
        given = {name: array for name, array in self.numbers.items() if name not in ("eta", "step")}
        given |= {
            name: np.full(len(self.table.rows), np.nan) for name in self.network.start_values if name not in given
        }
        found: dict[str, list[Expected]] = {}
        for without in self._left_out(chain):
            cells = {name: array for name, array in given.items() if name not in without}
            with np.errstate(all="ignore"):
                step = reference.expected_step(self.network, cells)
                for name in self.quantities:
                    found.setdefault(name, []).append(step[name])
                for name in self.updates:
                    gradient = cells.get(f"dE_d{name}", step[f"dE_d{name}"].value) * self.eta.parts.get(name, 1.0)
                    found.setdefault(name, []).extend(self._expected_updates(cells[name], gradient))
            if not without & set(given):
                break
        return found | {name: [should] for name, should in self._expected_constants().items()}

    def _expected_constants(self) -> dict[str, Expected]:
        """What inputs, targets and fixed biases should be: in each row the same, unless samples take turns."""
        found = {}
        for name in self.constants:
            should = np.full(len(self.table.rows), usual(self.numbers[name]))
            if self.samples_in_turn and name[0] in "it":
                should = self.turns.given[self._given.index(name)]
            found[name] = Expected.exactly(should)
        return found

    def _left_out(self, chain: frozenset[str]) -> Sequence[Set[str]]:
        """For each way in which a number may follow from the others, what it does without: δ and the like."""
        return (frozenset(), chain)

    def _expected_updates(self, values: Array, gradient: Array) -> Iterator[Expected]:
        """The update with the learning rate of the row above and, where each row has its own, of the same row."""
        count = len(values)
        source = np.maximum(np.arange(count) - 1, 0)
        for step, back in self.formulas.jumps.items():
            if 0 <= step - back < count:
                source[step] = step - back
        etas = [self.eta.values[source]]
        if self.eta.changes:
            etas.append(self.eta.values)
        for eta in etas:
            update = reference.expected_update(values[source], gradient[source], eta)
            update.value[0], update.scale[0] = values[0], abs(values[0])
            yield update

    @cached_property
    def wrong(self) -> dict[str, Mask]:
        """Which numbers are wrong, or missing where the others are there."""
        wrong = {}
        for name, alternatives in self.expected.items():
            found = self.numbers[name]
            masks = []
            for should in alternatives:
                with np.errstate(invalid="ignore"):
                    mask = np.abs(found - should.value) > TOLERANCE * should.scale + TINY
                masks.append(mask | (np.isnan(found) & ~np.isnan(should.value)))
            wrong[name] = np.logical_and.reduce(masks)
        for name, rows in self.overflows.items():
            wrong[name] &= ~rows
        return wrong

    def errors(self, name: str, steps: Steps) -> Array:
        """How far numbers are from what they should be, by the nearest alternative; NaN where that cannot be said."""
        return np.min([np.abs(self.numbers[name] - should.value)[steps] for should in self.expected[name]], axis=0)

    def looks_wrong(self, name: str, steps: Steps) -> bool:
        """Whether one sees that a formula is wrong: by its numbers, or because nothing is known to judge them by."""
        unknown = name in self.updates and self.eta.first is None
        return unknown or bool((self.wrong[name][steps] | np.isnan(self.numbers[name][steps])).any())

    def comes_out_right(self, group: Group) -> bool:
        """Whether a formula is wrong and its numbers are right all the same: t2 for t1 while both are 0.5."""
        steps = np.array(group.formula.steps)
        if group.right is None or group.tried is None or group.tried.right or self.wrong[group.name][steps].any():
            return False
        return group.right or not self.looks_wrong(group.name, steps)

    @property
    def _given(self) -> list[str]:
        """The inputs and targets that have a column."""
        return [name for name in self.constants if name[0] in "it"]

    @cached_property
    def turns(self) -> Turns:
        """How samples take turns."""
        return turns(np.array([self.numbers[name] for name in self._given]))

    @property
    def samples_in_turn(self) -> int:
        """How many samples take turns, a row each; 0 where each row has the same one."""
        return self.turns.samples

    @cached_property
    def rows_a_step(self) -> int:
        """How many rows share the weights of a step, where each is another of its samples; 1 where each has its own."""
        given = self.turns.given
        if not given.size or (given == given[:, :1]).all():
            return 1
        weights = np.array([self.numbers[name] for name in self.updates])
        last, moved = weights[:, 0], []
        for step, now in enumerate(weights.T):
            other = np.isfinite(now) & (now != last)
            if step and other.any():
                moved.append(step)
            last = np.where(np.isfinite(now), now, last)
        rows = moved[0] if moved else 1
        return rows if moved == list(range(rows, len(self.table.rows), rows)) else 1

    @property
    def is_one_run(self) -> bool:
        """Whether each step follows from the one before it, by one learning rate and with one sample."""
        return not (self.formulas.jumps or self.eta.changes or self.eta.others or self.samples_in_turn)

    @cached_property
    def overflows(self) -> dict[str, Mask]:
        """Rows in which EXP of more than 709.78 is an error in Excel, though an engine goes on with infinity."""
        found = {}
        for name, lowest in reference.lowest_inputs(self.network).items():
            z = name.removeprefix("a_")
            if name in self.quantities and z in self.numbers:
                rows = self.numbers[z] < lowest
                if rows.any():
                    rows = rows & ["EXP(" in (text or "") for text in self.formulas.texts[name]]
                if rows.any():
                    found[name] = rows
        return found
