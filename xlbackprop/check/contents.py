"""The contents of a table: its numbers and formulas, what they should be, and what the formulas compute."""

import math
import re
from collections.abc import Iterator, Mapping, Sequence, Set
from dataclasses import dataclass
from functools import cached_property
from itertools import repeat

import numpy as np
from numpy.typing import NDArray

from xlbackprop import reference
from xlbackprop.backprop.quantities import chain_rule_names, training_step
from xlbackprop.check.mistakes import Slip
from xlbackprop.check.trial import Trial, TriedFormula
from xlbackprop.check.turns import Turns, turns
from xlbackprop.reference import TINY, TOLERANCE, Array, Expected
from xlbackprop.spreadsheet.cells import Cell, Sheets
from xlbackprop.spreadsheet.formulas import FilledFormula, filled_columns, parsed
from xlbackprop.tables.learning_rate import LearningRate, learning_rate
from xlbackprop.tables.table import AS_IT_IS, Table, number_in

Mask = NDArray[np.bool_]
#: Some of the steps of a table, by their numbers, in order.
Steps = NDArray[np.intp]

#: What rounding may do to a right formula, whatever its shape, as a part of the largest number in its column.
ROUNDING = 1e-9


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


def is_of_google(text: str) -> bool:
    """Whether a formula is what Google Sheets leaves in a file of one that other programs lack: its number."""
    # as the file has it, or as the engine's functions are written
    return "__xludf" in text or "__XLUDF" in text


class _Texts(dict[str, list[str | None]]):
    """The formulas of a table by column, each read when it is first asked for."""

    def __init__(self, sheets: Sheets, table: Table, left_out: Set[tuple[int, int]]) -> None:
        self._formulas, self._table, self._left_out = sheets.formulas(table.sheet), table, left_out

    def __missing__(self, name: str) -> list[str | None]:
        places = list(zip(self._table.rows, repeat(self._table.columns[name])))
        self[name] = [*map(self._formulas.get, places)]
        if self._left_out:
            self[name] = [None if place in self._left_out else self._formulas.get(place) for place in places]
        return self[name]


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

    def built_formula(self, name: str, step: int) -> str | None:
        """The formula that `build` writes into a cell, with its `=`, where that is how it is told."""
        return None

    def own_slip(self, group: Group) -> Slip | None:
        """The slip in a wrong formula that only this kind of table has."""
        return None

    def comes_from_elsewhere(self, name: str, step: int) -> bool:
        """Whether a cell shows what stands in another table or sheet, and is judged there."""
        return False

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
    def trial(self) -> Trial:
        """Random trainings for the formulas to be tried on."""
        return Trial(self.sheets, self.table, self.eta.cell, self.parameters)

    @cached_property
    def parameters(self) -> dict[Cell, str]:
        """Cells outside the table that hold an input, a target or a fixed bias."""
        names = self.table.network_names
        found = {cell: names.get(name, name) for name, cell in self.table.cells.items() if name != "eta"}
        found |= dict.fromkeys(self.eta.others.values(), "eta")
        for name in self.constants:
            text = self.sheets.formula(self.table.sheet, self.table.rows[0], self.table.columns[name])
            # what the whole formula stands for: =$A$3, =Parameters!B2 or =t_1
            if text is None or not re.fullmatch(r"=[^-+*/^(&]+", text):
                continue
            formula = parsed(text)
            cells = [Cell(of.sheet or self.table.sheet, of.row, of.column) for of in formula.references if of.is_cell]
            cells += [cell for used in formula.names if (cell := self.sheets.named_cell(used, self.table.sheet))]
            for cell in cells:
                if cell.sheet != self.table.sheet or cell.row not in self.table.row_numbers:
                    found[cell] = name
        return found

    @cached_property
    def texts(self) -> Mapping[str, list[str | None]]:
        """The formulas of each column, step by step; None where none stands."""
        return _Texts(self.sheets, self.table, self.of_google)

    @cached_property
    def of_google(self) -> frozenset[tuple[int, int]]:
        """Row and column of the cells with a formula that only Google Sheets knows."""
        formulas, rows, columns = (
            self.sheets.formulas(self.table.sheet),
            self.table.row_numbers,
            set(self.table.columns.values()),
        )
        # hardly any sheet has one, which is seen faster of all formulas at once
        if not is_of_google("".join(formulas.values())):
            return frozenset()
        return frozenset(
            (row, column)
            for (row, column), text in formulas.items()
            if row in rows and column in columns and is_of_google(text)
        )

    @cached_property
    def filled(self) -> dict[str, list[FilledFormula]]:
        """The different formulas of each column."""
        return filled_columns({name: self.texts[name] for name in self.table.columns}, self.table.rows)

    @cached_property
    def jumps(self) -> dict[int, int]:
        """Steps whose weights all follow from another step than the one before, with how far that lies back."""
        rows = np.array(self.table.rows)
        backs = np.full((len(self.updates), len(rows)), np.nan)
        for of_update, name in zip(backs, self.updates, strict=True):
            for formula in self.filled[name]:
                if (above := self._row_above(name, formula)) is not None:
                    steps = np.array(formula.steps)
                    sources = np.searchsorted(rows, rows[steps] - above)
                    there = rows[np.minimum(sources, len(rows) - 1)] == rows[steps] - above
                    of_update[steps[there]] = (steps - sources)[there]
        together = (backs == backs[:1]).all(axis=0) & (backs != 1).all(axis=0)
        found = {int(step): int(backs[0, step]) for step in np.flatnonzero(together) if step > 0 and self.updates}
        return found if len(found) * 2 <= len(rows) else {}

    def jump(self, step: int) -> str:
        """Where a step of `jumps` goes on from, in words."""
        rows, before = self.table.rows, step - self.jumps[step]
        source = rows[before] if 0 <= before < len(rows) else None
        return f"row {rows[step]} goes on from row {source}, not from row {rows[step - 1]}"

    def _row_above(self, name: str, formula: FilledFormula) -> int | None:
        """How many rows above itself an update finds its weight and its gradient; None if they are not together."""
        if formula.text is None:
            return None
        columns = {self.table.columns[other] for other in (name, f"dE_d{name}") if other in self.table.columns}
        above = {
            formula.row - target.row
            for target in parsed(formula.text).references
            if target.is_cell and not target.row_fixed and target.sheet is None and target.column in columns
        }
        return above.pop() if len(above) == 1 else None

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
        for name in self.constants:
            value = np.full(len(self.table.rows), usual(self.numbers[name]))
            if self.samples_in_turn and name[0] in "it":
                value = self.turns.given[self._given.index(name)]
            found[name] = [Expected(value, np.abs(value))]
        return found

    def _left_out(self, chain: frozenset[str]) -> Sequence[Set[str]]:
        """For each way in which a number may follow from the others, what it does without: δ and the like."""
        return (frozenset(), chain)

    def _expected_updates(self, values: Array, gradient: Array) -> Iterator[Expected]:
        """The update with the learning rate of the row above and, where each row has its own, of the same row."""
        count = len(values)
        source = np.maximum(np.arange(count) - 1, 0)
        for step, back in self.jumps.items():
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
        given = np.array([self.numbers[name] for name in self.constants if name[0] in "it"])
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
        return not (self.jumps or self.eta.changes or self.eta.others or self.samples_in_turn)

    @cached_property
    def overflows(self) -> dict[str, Mask]:
        """Rows in which EXP of more than 709.78 is an error in Excel, though an engine goes on with infinity."""
        found = {}
        for name, lowest in reference.lowest_inputs(self.network).items():
            z = name.removeprefix("a_")
            if name in self.quantities and z in self.numbers:
                rows = self.numbers[z] < lowest
                if rows.any():
                    rows = rows & ["EXP(" in (text or "") for text in self.texts[name]]
                if rows.any():
                    found[name] = rows
        return found

    @cached_property
    def groups(self) -> dict[str, list[Group]]:
        """The formulas of each column, tried."""
        waiting: list[tuple[str, FilledFormula]] = []
        for name in (*self.quantities, *self.updates, *self.constants):
            skipped = {0, *self.jumps} if name in self.updates else set()
            for formula in self.filled[name]:
                steps = tuple(step for step in formula.steps if step not in skipped) if skipped else formula.steps
                if steps:
                    # the first rows of a table are special at times
                    chosen = steps[min(1, len(steps) - 1)]
                    text, row = self.texts[name][chosen], self.table.rows[chosen]
                    waiting.append((name, FilledFormula(text, row, steps)))
        tried = self.tried(waiting, self.typed_eta())
        doubtful = [item for item, result in zip(waiting, tried, strict=True) if result and not result.right]
        again = dict(zip(map(id, doubtful), self.tried(doubtful, self.sheet_constants), strict=True))
        groups: dict[str, list[Group]] = {}
        for item, result in zip(waiting, tried, strict=True):
            groups.setdefault(item[0], []).append(Group(*item, result, again.get(id(item))))
        return groups

    def group_of(self, name: str, step: int) -> Group:
        """The formula of a single row, tried by itself."""
        formula = FilledFormula(self.texts[name][step], self.table.rows[step], (step,))
        tried, again = (
            self.tried([(name, formula)], constants)[0] for constants in (self.typed_eta(), self.sheet_constants)
        )
        return Group(name, formula, tried, again)

    def tried(
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

    def typed_eta(self) -> dict[str, float]:
        """The learning rate, where it is typed into the formulas."""
        eta = self.eta.first
        typed = self.eta.cell is None and "eta" not in self.table.columns
        return {"eta": eta} if typed and eta is not None else {}

    @cached_property
    def sheet_constants(self) -> dict[str, float]:
        """The inputs, targets, fixed biases and the learning rate of this sheet."""
        fixed = {
            name: usual(self.numbers[name])
            for name in self.network.start_values
            if name not in self.network.trained_names and name in self.numbers
        }
        fixed = {name: value for name, value in fixed.items() if math.isfinite(value)}
        return fixed | ({"eta": self.eta.first} if self.eta.first is not None else {})


class ContentsOfOurs(Contents):
    """The contents of a table of ours: η stands in a known cell, and its steps follow each other."""

    is_ours = True

    @cached_property
    def eta(self) -> LearningRate:
        cell = self.table.cells["eta"]
        return LearningRate(np.full(len(self.table.rows), number_in(self.sheets, cell)), cell)

    @cached_property
    def jumps(self) -> dict[int, int]:
        return {}

    def as_built(self, name: str, steps: tuple[int, ...]) -> Group:
        """The formulas of a column in some rows, which are those that `build` writes there."""
        row = self.table.rows[steps[0]]
        formula = self.sheets.formula(self.table.sheet, row, self.table.columns[name])
        return Group(name, FilledFormula(formula, row, steps), None, None, as_built=True)

    def all_as_built(self) -> dict[str, list[Group]]:
        """The formulas of each column, where all are those that `build` writes."""
        every = tuple(range(len(self.table.rows)))
        return {name: [self.as_built(name, every)] for name in (*self.quantities, *self.updates, *self.constants)}


class ContentsAsBuilt(ContentsOfOurs):
    """The contents of a table of ours in which every formula is the one that `build` writes.

    What such formulas do is known, so only their numbers are left to be judged.
    """

    @cached_property
    def groups(self) -> dict[str, list[Group]]:
        return self.all_as_built()

    def _left_out(self, chain: frozenset[str]) -> Sequence[Set[str]]:
        return (frozenset(),)


def usual(numbers: Array) -> float:
    """The number that stands most often in a column; of several the first."""
    values, counts = np.unique(numbers, return_counts=True)
    most = {float(value) for value, count in zip(values, counts, strict=True) if count == counts.max()}
    return next((float(number) for number in numbers if number in most), math.nan)
