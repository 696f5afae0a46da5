"""The contents of the tables of a workbook of ours, which follow from known cells.

Where it learns from several samples, or by an optimizer, each number is judged from those that it is made of, on the
same sheet or on another: a sample's inputs from the sheet Data, its weights from its step, what a step gathers from its
samples.
"""

from collections.abc import Collection, Sequence, Set
from dataclasses import replace
from functools import cached_property

import numpy as np

from xlbackprop import reference
from xlbackprop.backprop.optimizers import GRADIENT_DESCENT
from xlbackprop.backprop.quantities import Over, gathered, states, training_step
from xlbackprop.backprop.samples import Samples
from xlbackprop.check.contents import Contents
from xlbackprop.check.formulas import Formulas
from xlbackprop.check.mistakes import Slip
from xlbackprop.check.optimizer_slips import optimizer_slip
from xlbackprop.check.own_formulas import ChangedFormulas, FormulasAsBuilt, FormulasOfOurs
from xlbackprop.check.own_slips import gathering_slip, other_cells_alone
from xlbackprop.check.tried import Group, TriedFormulas
from xlbackprop.reference import Expected
from xlbackprop.spreadsheet.cells import Sheets
from xlbackprop.tables.learning_rate import LearningRate
from xlbackprop.tables.own import OwnWorkbook
from xlbackprop.tables.table import Table, number_in
from xlbackprop.workbook.sheets import OurSheets


class ContentsOfOurs(Contents):
    """The contents of a table of ours: η stands in a known cell, and its steps follow each other."""

    is_ours = True

    @cached_property
    def eta(self) -> LearningRate:
        cell = self.table.cells["eta"]
        return LearningRate(np.full(len(self.table.rows), number_in(self.sheets, cell)), cell)

    @cached_property
    def formulas(self) -> Formulas:
        return FormulasOfOurs(self.sheets, self.table)


class ContentsAsBuilt(ContentsOfOurs):
    """The contents of a table of ours in which every formula is the one that `build` writes.

    What such formulas do is known, so only their numbers are left to be judged.
    """

    @cached_property
    def tried(self) -> TriedFormulas:
        return FormulasAsBuilt(self.formulas, self._columns, self.numbers, self.eta)

    def _left_out(self, chain: frozenset[str]) -> Sequence[Set[str]]:
        return (frozenset(),)


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
    """The contents of a table of ours that learns from several samples, or by an optimizer.

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
    def formulas(self) -> Formulas:
        return FormulasOfOurs(self.sheets, replace(self.table, network=self.network))

    @cached_property
    def tried(self) -> TriedFormulas:
        updates = set(self.updates)
        return ChangedFormulas(
            self.formulas,
            self._columns,
            self.numbers,
            self.eta,
            built=self._built,
            triable=self._of_a_row | (updates if self.moves_plainly else set()),
            filled=self._of_a_row | updates | set(self._kept),
        )

    @property
    def can_be_judged(self) -> bool:
        return True

    @cached_property
    def _of_a_row(self) -> frozenset[str]:
        """The columns whose formulas work on their own row alone."""
        own = {quantity.name for quantity in training_step(self.network)}
        return frozenset(own) if self.others is None or self.is_part_of_a_step else frozenset()

    @cached_property
    def expected(self) -> dict[str, list[Expected]]:
        with np.errstate(all="ignore"):
            found = self._expected() | self._expected_of_an_epoch()
            if self.updates:
                found |= self._expected_by_the_optimizer()
        found |= self._expected_constants()
        return {name: [found[name]] for name in self._columns.names}

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
        name, text, steps = group.name, group.formula.text or "", group.formula.steps
        built = self.tried.built_formula(name, steps[0])
        tables = [self.table, *([self.others.table] if self.others else [])]
        if not self.moves_plainly and (name in self.updates or name in self._kept):
            slip = optimizer_slip(self.trained, name, self.numbers | {"eta": self.eta.values}, np.array(steps))
            return slip or other_cells_alone(text, built or "", tables) or Slip("")
        if name in self._of_a_row or name in self.updates or built is None:
            return None
        return gathering_slip(text, built, tables)


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
