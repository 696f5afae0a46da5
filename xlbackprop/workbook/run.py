"""The numbers that stand in a workbook until a spreadsheet recalculates it."""

from array import array
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from operator import itemgetter

import numpy as np

from xlbackprop.backprop.simulation import Simulation
from xlbackprop.reference.rounding import ReferenceTotals, reference_totals
from xlbackprop.workbook.layout import WorkbookLayout

#: The moments are added up by so many rows at a time.
_ROWS_AT_A_TIME = 2048


@dataclass(frozen=True)
class Moments:
    """What the columns of a training add up to.

    Attributes:
        count: the number of rows.
        sums: of each quantity's values.
        squares: of their squares.
        sums_before, squares_before: the same without the last row, which may be larger than all others together.
        first, last: the values of step 0, and of the last step.
    """

    count: int
    sums: Mapping[str, float]
    squares: Mapping[str, float]
    sums_before: Mapping[str, float]
    squares_before: Mapping[str, float]
    first: Mapping[str, float]
    last: Mapping[str, float]


def _moments(run: Iterable[Mapping[str, float]], totals: "array[float]") -> Moments:
    """The moments of a run, in constant memory; E_total of each step goes into `totals`."""
    run = iter(run)
    first = dict(next(run))
    names = tuple(first)
    values = itemgetter(*names)
    sums, squares, count, rows = np.zeros(len(names)), np.zeros(len(names)), 0, array("d", values(first))
    total = names.index("E_total")

    def add_up() -> None:
        nonlocal count
        table = np.frombuffer(rows).reshape(-1, len(names))
        sums[:] += table.sum(axis=0)
        squares[:] += np.einsum("ij,ij->j", table, table)
        totals.extend(table[:, total].tolist())
        count += len(table)

    row: Sequence[float] = values(first)
    for step in run:
        row = values(step)
        if len(rows) == _ROWS_AT_A_TIME * len(names):
            add_up()
            rows = array("d")
        rows.extend(row)
    rest = np.frombuffer(rows).reshape(-1, len(names))[:-1]
    before = [sums + rest.sum(axis=0), squares + np.einsum("ij,ij->j", rest, rest)]
    add_up()
    of_all, of_squares, of_rest, of_rest_squares = (
        dict(zip(names, column.tolist(), strict=True)) for column in (sums, squares, *before)
    )
    last = dict(zip(names, row, strict=True))
    return Moments(count, of_all, of_squares, of_rest, of_rest_squares, first, last)


@dataclass(frozen=True)
class Run:
    """The training of every learning rate, as the formulas compute it, and NumPy's opinion.

    Attributes:
        layout: what is trained, with which learning rates, for how many steps.
        on_step: called for a progress bar, as often as `progress_total` says.
    """

    layout: WorkbookLayout
    on_step: Callable[[], object] = lambda: None

    @cached_property
    def simulation(self) -> Simulation:
        return Simulation(self.layout.network)

    @cached_property
    def _added_up(self) -> "tuple[list[array[float]], list[Moments]]":
        totals, moments = [array("d") for _ in self.layout.etas], []
        for eta, column in zip(self.layout.etas, totals, strict=True):
            with np.errstate(over="ignore"):
                moments.append(_moments(self.simulation.steps(eta, self.layout.steps), column))
        return totals, moments

    @property
    def totals(self) -> "list[array[float]]":
        """For each learning rate E_total at each step.

        Raises:
            LeavesRange: a training leaves what a cell can hold.
        """
        return self._added_up[0]

    @property
    def moments(self) -> list[Moments]:
        """For each learning rate what its columns add up to.

        Raises:
            LeavesRange: a training leaves what a cell can hold.
        """
        return self._added_up[1]

    @cached_property
    def first(self) -> dict[str, float]:
        """All values of step 0 with the first learning rate, and `new w1` ... for the weights that follow."""
        values = dict(next(self.simulation.steps(self.layout.etas[0], 0)))
        return values | {f"new {name}": value for name, value in self.simulation.updated(values).items()}

    def steps(self, eta: float) -> Iterator[dict[str, float]]:
        """All values of step 0, 1 ... with a learning rate; the dictionary is the same one each time."""
        for values in self.simulation.steps(eta, self.layout.steps):
            yield values
            self.on_step()

    @cached_property
    def by_numpy(self) -> ReferenceTotals:
        """E_total at the round steps, as NumPy computes it."""
        layout = self.layout
        return reference_totals(layout.network, layout.etas, layout.round_steps, self.totals, self.on_step)


class NoRun(Run):
    """Stands for a run where only formulas are wanted: which there are depends on no value."""

    @cached_property
    def _added_up(self) -> "tuple[list[array[float]], list[Moments]]":
        nothing = dict.fromkeys(self.first, 0.0)
        count, etas = self.layout.steps + 1, len(self.layout.etas)
        return [array("d", [0.0]) * count] * etas, [
            Moments(count, nothing, nothing, nothing, nothing, nothing, nothing)
        ] * etas

    @cached_property
    def by_numpy(self) -> ReferenceTotals:
        nothing = np.zeros((len(self.layout.round_steps), len(self.layout.etas)))
        return ReferenceTotals(nothing, nothing)


def progress_total(eta_count: int, steps: int) -> int:
    """How many steps a build goes through: NumPy takes all learning rates at once, the sheets one each."""
    return (eta_count + 1) * (steps + 1)
