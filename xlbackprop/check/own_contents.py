"""The contents of the tables of a workbook of ours that learns from several samples, or by an optimizer.

Each number is judged from those that it is made of, on the same sheet or on another: a sample's inputs from the sheet
Data, its weights from its step, what a step gathers from its samples. Which formula `build` writes into each cell is
known, so only those that were changed are tried, and what belongs there is told in its words.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from functools import cached_property

import numpy as np

from xlbackprop import reference
from xlbackprop.backprop.notation import header
from xlbackprop.backprop.optimizers import GRADIENT_DESCENT
from xlbackprop.backprop.quantities import Over, gathered, states, training_step
from xlbackprop.backprop.samples import Samples
from xlbackprop.check.around import formulas_as_built, table_is_as_built, without_marks
from xlbackprop.check.contents import ContentsOfOurs, Group, usual
from xlbackprop.check.mistakes import Slip
from xlbackprop.check.optimizer_slips import optimizer_slip
from xlbackprop.check.trial import Trial
from xlbackprop.reference import Expected
from xlbackprop.spreadsheet.addresses import cell_address
from xlbackprop.spreadsheet.cells import Sheets
from xlbackprop.spreadsheet.formulas import FilledFormula, Formula, Reference, filled_formulas, parsed
from xlbackprop.tables.own import OwnWorkbook
from xlbackprop.tables.table import Table
from xlbackprop.workbook.sheets import OurSheets


def own_contents(sheets: Sheets, own: OwnWorkbook, built: OurSheets | None) -> "list[OwnContents]":
    """The contents of the tables of a workbook of ours, those of the samples behind those of the steps.

    Args:
        sheets: the recalculated workbook.
        own: the network and the tables.
        built: its sheets, as `build` makes them, where these are known.
    """
    if not own.passes:
        return [_Single(sheets, table, built) for table in own.tables]
    steps = [_Steps(sheets, table, built) for table in own.tables]
    passes = [_Passes(sheets, table, built) for table in own.passes]
    for of_steps, of_passes in zip(steps, passes, strict=True):
        of_steps.others, of_passes.others = of_passes, of_steps
    return [*steps, *passes]


class OwnContents(ContentsOfOurs):
    """The contents of a table of ours.

    Args:
        sheets: the recalculated workbook.
        table: one of its tables.
        built: its sheets, as `build` makes them, where these are known.
    """

    #: The table that numbers come from, where they come from another one.
    others: "OwnContents | None" = None

    def __init__(self, sheets: Sheets, table: Table, built: OurSheets | None) -> None:
        super().__init__(sheets, table)
        self._built, self.trained = built, table.network
        # what does not follow from the optimizer is tried, and explained, as in plain gradient descent
        self.network = replace(table.network, optimizer=GRADIENT_DESCENT)
        self.moves_plainly = self.trained.optimizer.is_plain
        self._kept = [state.name for state in states(self.trained)]

    @property
    def samples(self) -> Samples:
        """The samples of the network, which has several."""
        if self.network.samples is None:
            raise ValueError("the network learns from a single sample")
        return self.network.samples

    @cached_property
    def trial(self) -> Trial:
        return Trial(self.sheets, replace(self.table, network=self.network), self.eta.cell, self.parameters)

    @property
    def can_be_judged(self) -> bool:
        return True

    @cached_property
    def _triable(self) -> frozenset[str]:
        """The columns whose formulas work on their own row, or on the one above it."""
        own = {quantity.name for quantity in training_step(self.network)}
        return frozenset(own) if self.others is None or self.is_part_of_a_step else frozenset()

    @cached_property
    def _formulas_as_built(self) -> Mapping[str, Mapping[int, str]]:
        """The formula that `build` writes, by column and row."""
        names = {column: name for name, column in self.table.columns.items()}
        found: dict[str, dict[int, str]] = {name: {} for name in names.values()}
        for row, columns, texts in formulas_as_built(self._built, self.table) if self._built else ():
            for column, text in zip(columns, texts, strict=True):
                if column in names:
                    found[names[column]][row] = text
        return found

    def built_formula(self, name: str, step: int) -> str | None:
        return self._formulas_as_built[name].get(self.table.rows[step])

    @cached_property
    def groups(self) -> dict[str, list[Group]]:
        if self._built and table_is_as_built(self.sheets, self._built, self.table):
            return self.all_as_built()
        return {name: self._changed(name) for name in (*self.quantities, *self.updates, *self.constants)}

    def _changed(self, name: str) -> list[Group]:
        """The formulas of a column of which some are not those that were built."""
        texts, rows, built = self.formulas.texts[name], self.table.rows, self._formulas_as_built[name]
        same = tuple(n for n, text in enumerate(texts) if text and without_marks(text) == built.get(rows[n]))
        # the first row of an update is its start value, which is judged by itself
        others = sorted(set(range(name in self.updates, len(rows))) - set(same))
        found = [self.as_built(name, same)] if same else []
        if not others:
            return found
        of_others = [texts[n] for n in others]
        if name in self._triable or name in self.updates or name in self._kept:
            formulas = filled_formulas(of_others, [rows[n] for n in others])
            moved = [FilledFormula(one.text, one.row, tuple(others[n] for n in one.steps)) for one in formulas]
        else:
            moved = self._alike(name, others)
        return found + [self._tried(name, formula) for formula in moved]

    def _alike(self, name: str, steps: Sequence[int]) -> list[FilledFormula]:
        """The formulas of a column in which references move at a pace of their own, together where they differ from
        those that were built in the same way."""
        alike: dict[object, list[int]] = {}
        for step in steps:
            text, built = self.formulas.texts[name][step], self.built_formula(name, step)
            key: object = text
            if text is not None and built is not None and (right := parsed(built).references):
                found = parsed(text)
                moved = [
                    one._replace(row=one.row - right[0].row, last_row=one.last_row - right[0].row)
                    for one in found.references
                ]
                key = (found.pattern, *moved)
            alike.setdefault(key, []).append(step)
        texts, rows = self.formulas.texts[name], self.table.rows
        return [FilledFormula(texts[of[0]], rows[of[0]], tuple(of)) for of in alike.values()]

    def _tried(self, name: str, formula: FilledFormula) -> Group:
        by_trial = name in self._triable or (self.moves_plainly and name in self.updates)
        if formula.text is None or not by_trial:
            return Group(name, formula, None, None, changed=True)
        tried, again = (
            self.tried([(name, formula)], constants)[0] for constants in (self.typed_eta(), self.sheet_constants)
        )
        return Group(name, formula, tried, again)

    def group_of(self, name: str, step: int) -> Group:
        row, text = self.table.rows[step], self.formulas.texts[name][step]
        if text and without_marks(text) == self.built_formula(name, step):
            return self.as_built(name, (step,))
        return self._tried(name, FilledFormula(text, row, (step,)))

    @cached_property
    def expected(self) -> dict[str, list[Expected]]:
        with np.errstate(all="ignore"):
            found = self._expected() | self._expected_of_an_epoch()
            if self.updates:
                found |= self._expected_by_the_optimizer()
        for name in self.constants:
            found[name] = Expected.exactly(np.full(len(self.table.rows), usual(self.numbers[name])))
        return {name: [found[name]] for name in (*self.quantities, *self.updates, *self.constants)}

    def _expected_of_an_epoch(self) -> dict[str, Expected]:
        """What the means over the last epoch should be."""
        found = {}
        for one in gathered(self.network) if not self.is_part_of_a_step else ():
            if one.over is Over.EPOCH:
                numbers = self.numbers[one.of]
                found[one.name] = Expected(
                    *(reference.mean_of_last(values, self.samples.epoch) for values in (numbers, np.abs(numbers)))
                )
        return found

    def _expected_by_the_optimizer(self) -> dict[str, Expected]:
        """What the optimizer should keep in each step, and the weights that it moves."""
        cells, steps = self.numbers | {"eta": self.eta.values}, np.arange(float(len(self.table.rows)))
        before = {name: np.append(0.0, self.numbers[name][:-1]) for name in self._kept}
        found = reference.expected_by_optimizer(self.trained, cells, before, steps, self.table.steps)
        for w in self.updates:
            start, moved = self.numbers[w][0], found[w]
            found[w] = Expected(np.append(start, moved.value[:-1]), np.append(np.abs(start), moved.scale[:-1]))
        return found

    def _expected(self) -> dict[str, Expected]:
        """What the columns should be, but for what is carried from row to row."""
        raise NotImplementedError

    def _expected_samples(self, taken: Sequence[int]) -> dict[str, Expected]:
        """Which samples the rows take, and their inputs and targets.

        Args:
            taken: what belongs into each row, counted from 0.
        """
        found = {"sample": Expected.exactly(np.array(taken) + 1.0)}
        number = self.numbers["sample"]
        known = np.isin(number, np.arange(1, self.samples.count + 1))
        place = np.where(known, number, 1).astype(int) - 1
        for names, values in (
            (self.network.input_names, self.samples.inputs),
            (self.network.target_names, self.samples.targets),
        ):
            for name, column in zip(names, np.array(values).T, strict=True):
                found[name] = Expected.exactly(np.where(known, column[place], np.nan))
        return found

    def _expected_pass(self) -> dict[str, Expected]:
        """What the quantities of forward and backward passes should be."""
        cells = {name: array for name, array in self.numbers.items() if name not in ("eta", "step", "sample")}
        return reference.expected_step(self.network, cells)

    def comes_from_elsewhere(self, name: str, step: int) -> bool:
        return name in self._linked or (name in self.updates and step == 0)

    @property
    def _linked(self) -> Collection[str]:
        """The columns whose numbers are those of the other table, or made of them."""
        return ()

    def own_slip(self, group: Group) -> Slip | None:
        name, text = group.name, group.formula.text or ""
        expected = self.built_formula(name, group.formula.steps[0])
        if not self.moves_plainly and (name in self.updates or name in self._kept):
            columns = self.numbers | {"eta": self.eta.values}
            slip = optimizer_slip(self.trained, name, columns, np.array(group.formula.steps))
            return slip or self._other_cells_alone(text, expected)
        if name in self._triable or name in self.updates or expected is None:
            return None
        found, built = parsed(text), parsed(expected)
        if {"SUM", "AVERAGE"} & set(built.functions) and found.functions != built.functions:
            if found.functions == ("AVERAGE",):
                return Slip("averages where the step adds up")
            if found.functions == ("SUM",):
                return Slip("adds up where the step takes the mean")
        return self._first_other_cells(found, built)

    def _other_cells_alone(self, text: str, expected: str | None) -> Slip:
        """The slip of a formula that differs by the cells that it takes, and by nothing else; else an empty one."""
        found, built = parsed(text), parsed(expected or "")
        alone = self._first_other_cells(found, built) if found.pattern == built.pattern else None
        return alone or Slip("")

    def _first_other_cells(self, found: Formula, built: Formula) -> Slip | None:
        """The slip of the first cells that a formula takes instead of those that it should."""
        for taken, right in zip(found.references, built.references, strict=False):
            if taken != right:
                return self._other_cells(taken, right)
        return None

    def _other_cells(self, taken: Reference, right: Reference) -> Slip:
        """The slip of a formula that takes other cells than it should."""
        tables = [self.table, *([self.others.table] if self.others else [])]
        of = next((one for one in tables if one.sheet == (right.sheet or self.table.sheet)), None)
        names = {column: name for name, column in of.columns.items()} if of else {}
        if of and min(taken.row, right.row) <= of.header_row and taken.sheet in (None, of.sheet):
            # cells above the table, such as those of hyperparameters
            found, instead = (cell_address(one.row, one.column) for one in (taken, right))
            return Slip(f"takes {found} instead of {instead}", shifted=True)
        if taken.sheet == right.sheet and taken.column != right.column and taken.column in names:
            found, instead = (header(names.get(one.column, "")) for one in (taken, right))
            return Slip(f"takes {found} instead of {instead}" if instead else f"takes {found}", shifted=True)
        if (taken.sheet, taken.column) == (right.sheet, right.column):
            rows, all_rows = (set(range(one.row, one.last_row + 1)) for one in (taken, right))
            if rows < all_rows:
                left_out = len(all_rows - rows)
                return Slip(f"leaves out {left_out} of {len(all_rows)} samples", shifted=True)
            return Slip("takes its numbers from another step" if len(rows - all_rows) else "", shifted=True)
        return Slip("takes its numbers from other cells", shifted=True)


class _Passes(OwnContents):
    """A row a sample of each step, whose weights are those of the step."""

    is_part_of_a_step = True

    @property
    def steps(self) -> int:
        return len(self.table.rows) // self.samples.batch - 1

    def __init__(self, sheets: Sheets, table: Table, built: OurSheets | None) -> None:
        super().__init__(sheets, table, built)
        network = self.network
        given = ["step", "sample", *network.target_names, *network.input_names, *network.start_values]
        self.quantities, self.updates, self.constants = [*given, *self.quantities], [], []

    @property
    def _linked(self) -> Collection[str]:
        return ("step", *self.network.start_values)

    def _expected(self) -> dict[str, Expected]:
        batch, of_steps = self.samples.batch, self.others.numbers if self.others else {}
        taken = [n for step in range(len(self.table.rows) // batch) for n in self.samples.shown(step)]
        links = {name: Expected.exactly(np.repeat(of_steps[name], batch)) for name in self._linked}
        return links | self._expected_samples(taken) | self._expected_pass()


class _Steps(OwnContents):
    """A row a step, which gathers errors and gradients from its samples."""

    gathers = True

    def __init__(self, sheets: Sheets, table: Table, built: OurSheets | None) -> None:
        super().__init__(sheets, table, built)
        self.quantities = [*(one.name for one in gathered(self.network)), *self._kept]

    @property
    def _linked(self) -> Collection[str]:
        of_this_sheet = {one.name for one in gathered(self.network) if one.over is Over.EPOCH}
        return [name for name in self.quantities if name not in (*self._kept, *of_this_sheet)]

    def _expected(self) -> dict[str, Expected]:
        of_samples = self.others.numbers if self.others else {}
        shape = (len(self.table.rows), self.samples.batch)
        passes = {name: array.reshape(shape) for name, array in of_samples.items()}
        return reference.expected_gathered(self.network, passes)


class _Single(OwnContents):
    """A row a step, which takes a single sample."""

    def __init__(self, sheets: Sheets, table: Table, built: OurSheets | None) -> None:
        super().__init__(sheets, table, built)
        network, over_an_epoch = self.network, [one.name for one in gathered(self.network)]
        given = ["sample", *network.target_names, *network.input_names] if network.samples else []
        self.quantities = [*given, *self.quantities, *over_an_epoch, *self._kept]

    def _expected(self) -> dict[str, Expected]:
        found = self._expected_pass()
        if self.network.samples:
            found |= self._expected_samples([self.samples.shown(step)[0] for step in range(len(self.table.rows))])
        return found
