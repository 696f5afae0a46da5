"""The numbers that stand in a workbook until a spreadsheet recalculates it."""

from array import array
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from xlbackprop.backprop.simulation import Simulation
from xlbackprop.reference.rounding import ReferenceTotals, reference_totals
from xlbackprop.workbook.layout import WorkbookLayout


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
    def totals(self) -> "list[array[float]]":
        """For each learning rate E_total at each step.

        Raises:
            LeavesRange: a training leaves what a cell can hold.
        """
        steps = (self.simulation.steps(eta, self.layout.steps) for eta in self.layout.etas)
        return [array("d", (values["E_total"] for values in run)) for run in steps]

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
    def totals(self) -> "list[array[float]]":
        return [array("d", [0.0])] * len(self.layout.etas)

    @cached_property
    def by_numpy(self) -> ReferenceTotals:
        nothing = np.zeros((len(self.layout.round_steps), len(self.layout.etas)))
        return ReferenceTotals(nothing, nothing)


def progress_total(eta_count: int, steps: int) -> int:
    """How many steps a build goes through: NumPy takes all learning rates at once, the sheets one each."""
    return (eta_count + 1) * (steps + 1)
