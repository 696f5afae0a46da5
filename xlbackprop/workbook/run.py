"""The numbers that stand in a workbook until a spreadsheet recalculates it."""

from array import array
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from operator import itemgetter

import numpy as np

from xlbackprop.backprop.network import Network
from xlbackprop.backprop.optimizers import BEFORE
from xlbackprop.backprop.quantities import Part, followed_error, gathered, states
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


class _Adder:
    """Adds up the rows of a table, in constant memory, and keeps some of its columns."""

    def __init__(self, kept: Collection[str]) -> None:
        self.kept: dict[str, array[float]] = {name: array("d") for name in kept}
        self._names: tuple[str, ...] = ()

    def add(self, row: Mapping[str, float]) -> None:
        """Add a row, with the same names as those before."""
        if not self._names:
            self._names = tuple(row)
            self._values = itemgetter(*self._names)
            self._sums, self._squares = np.zeros(len(self._names)), np.zeros(len(self._names))
            self._count, self._rows, self._first = 0, array("d"), dict(row)
        elif len(self._rows) == _ROWS_AT_A_TIME * len(self._names):
            self._add_up()
        self._last = self._values(row)
        self._rows.extend(self._last)

    def _add_up(self) -> None:
        table = np.frombuffer(self._rows).reshape(-1, len(self._names))
        self._sums += table.sum(axis=0)
        self._squares += np.einsum("ij,ij->j", table, table)
        for name, column in self.kept.items():
            column.extend(table[:, self._names.index(name)].tolist())
        self._count += len(table)
        self._rows = array("d")

    def moments(self) -> Moments:
        """What the columns add up to."""
        rest = np.frombuffer(self._rows).reshape(-1, len(self._names))[:-1]
        before = [self._sums + rest.sum(axis=0), self._squares + np.einsum("ij,ij->j", rest, rest)]
        self._add_up()
        of_all, of_squares, of_rest, of_rest_squares = (
            dict(zip(self._names, column.tolist(), strict=True)) for column in (self._sums, self._squares, *before)
        )
        last = dict(zip(self._names, self._last, strict=True))
        return Moments(self._count, of_all, of_squares, of_rest, of_rest_squares, self._first, last)


@dataclass(frozen=True)
class AddedUp:
    """What is known of the training of a learning rate before it is written.

    Attributes:
        curves: the columns of the steps that are drawn or referred to: the errors, and of samples what becomes of them.
        steps: what the columns of the steps add up to.
        passes: what those of the passes do; where a step and its pass are the same row, the same.
    """

    curves: "Mapping[str, array[float]]"
    steps: Moments
    passes: Moments


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
    def simulations(self) -> list[Simulation]:
        """For each training sheet."""
        of_networks = {network: Simulation(network) for network in self.layout.networks}
        return [of_networks[network] for network in self.layout.networks]

    @property
    def simulation(self) -> Simulation:
        """That of the first training sheet."""
        return self.simulations[0]

    @cached_property
    def _added_up(self) -> list[AddedUp]:
        network, found = self.layout.network, []
        kept = curve_names(network)
        for eta, simulation in zip(self.layout.etas, self.simulations, strict=True):
            steps, passes = _Adder(kept), _Adder(())
            with np.errstate(over="ignore"):
                for step, of_step in simulation.steps_and_passes(eta, self.layout.steps):
                    steps.add(step)
                    for one in of_step if network.in_batches else ():
                        passes.add(one)
                moments = steps.moments()
                found.append(AddedUp(steps.kept, moments, passes.moments() if network.in_batches else moments))
        return found

    @property
    def added_up(self) -> list[AddedUp]:
        """For each learning rate what its columns add up to, and those that are drawn.

        Raises:
            LeavesRange: a training leaves what a cell can hold.
        """
        return self._added_up

    @property
    def totals(self) -> "list[array[float]]":
        """For each learning rate E_total at each step; it raises as `added_up` does."""
        return [one.curves["E_total"] for one in self.added_up]

    @property
    def errors(self) -> "list[array[float]]":
        """For each learning rate the error that tells how the training goes; it raises as `added_up` does."""
        return [one.curves[followed_error(self.layout.network)] for one in self.added_up]

    @cached_property
    def _first_step(self) -> tuple[dict[str, float], list[dict[str, float]]]:
        return next(self.simulation.steps_and_passes(self.layout.etas[0], 0))

    @cached_property
    def first(self) -> dict[str, float]:
        """All values of the first sample at step 0 with the first learning rate, `all_dE_dw1` ... for what the step
        gathers, and `new w1` ... for the weights that follow."""
        step, passes = self._first_step
        updated = {f"new {name}": value for name, value in self.simulation.updated(step).items()}
        whole = {f"all_{one.name}": step[one.name] for one in gathered(self.layout.network)}
        kept = {state.name: step[state.name] for state in states(self.layout.networks[0])}
        before = {f"{BEFORE}{name}": 0.0 for name in kept}
        return passes[0] | whole | kept | before | updated

    @property
    def first_passes(self) -> list[dict[str, float]]:
        """All values of each sample of that step."""
        return self._first_step[1]

    def steps(self, number: int) -> Iterator[dict[str, float]]:
        """All values of step 0, 1 ... of a training sheet; the dictionary is the same one each time."""
        for values in self.simulations[number].steps(self.layout.etas[number], self.layout.steps):
            yield values
            self.on_step()

    def passes(self, number: int) -> Iterator[dict[str, float]]:
        """All values of the samples of each step of a training sheet."""
        return self.simulations[number].passes(self.layout.etas[number], self.layout.steps)

    @cached_property
    def by_numpy(self) -> ReferenceTotals:
        """E_total at the round steps, as NumPy computes it."""
        layout, networks = self.layout, self.layout.networks
        shape = (len(layout.round_steps), len(networks))
        values, allowed = np.empty(shape), np.empty(shape)
        for network in dict.fromkeys(networks):
            sheets = [n for n, other in enumerate(networks) if other == network]
            etas, totals = [layout.etas[n] for n in sheets], [self.totals[n] for n in sheets]
            # all learning rates of an optimizer at once
            found = reference_totals(network, etas, layout.round_steps, totals, self.on_step)
            values[:, sheets], allowed[:, sheets] = found.values, found.allowed
        return ReferenceTotals(values, allowed)


class NoRun(Run):
    """Stands for a run where only formulas are wanted: which there are depends on no value."""

    @cached_property
    def _added_up(self) -> list[AddedUp]:
        network, nothing = self.layout.network, dict.fromkeys(self.first, 0.0)
        curves = {name: array("d", [0.0]) * (self.layout.steps + 1) for name in curve_names(network)}

        def moments(count: int) -> Moments:
            return Moments(count, nothing, nothing, nothing, nothing, nothing, nothing)

        steps = self.layout.steps + 1
        batch = network.samples.batch if network.samples else 1
        return [AddedUp(curves, moments(steps), moments(steps * batch))] * len(self.layout.etas)

    @cached_property
    def by_numpy(self) -> ReferenceTotals:
        nothing = np.zeros((len(self.layout.round_steps), len(self.layout.etas)))
        return ReferenceTotals(nothing, nothing)


def curve_names(network: Network) -> list[str]:
    """The columns of a training that are drawn or referred to."""
    gathered_names = [one.name for one in gathered(network) if one.part is not Part.GRADIENT]
    return list(dict.fromkeys(["E_total", *gathered_names]))


def progress_total(eta_count: int, steps: int) -> int:
    """How many steps a build goes through: NumPy takes all learning rates at once, the sheets one each.

    Where optimizers are compared, NumPy takes each by itself, and the progress ends a little late.
    """
    return (eta_count + 1) * (steps + 1)
