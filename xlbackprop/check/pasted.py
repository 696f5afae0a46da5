"""Numbers that were pasted where formulas belong: how far they may be off, because they were rounded."""

from collections.abc import Mapping
from functools import cached_property

import numpy as np

from xlbackprop import reference
from xlbackprop.backprop.quantities import training_step
from xlbackprop.check.contents import ROUNDING, Contents
from xlbackprop.reference import TINY, TOLERANCE, Array
from xlbackprop.reference.rounding import half_a_digit

#: How often what is live is followed on from pasted numbers: its rounding grows with each step.
_PASSES = 3
#: So many pasted numbers show how they were rounded, also where a column has few of them.
_MANY = 10


def _pasted(contents: Contents) -> int:
    """How many numbers of a table are pasted where formulas belong."""
    columns = [(name, 0) for name in contents.quantities] + [(name, 1) for name in contents.updates]
    return sum(contents.formulas.texts[name][first:].count(None) for name, first in columns)


class Rounding:
    """How far the pasted numbers of a table may be off, because they and those that they follow from were rounded.

    What is live between pasted numbers follows from rounded ones, and is not what the others were pasted from.

    Args:
        contents: of the table.
        rounded: how far the formulas of some columns round, by name.
    """

    def __init__(self, contents: Contents, rounded: Mapping[str, Array] | None = None) -> None:
        self._contents, self._rounded = contents, rounded or {}

    @cached_property
    def _halves(self) -> dict[str, Array]:
        """How far each number is from the one that the others were pasted from."""
        contents, halves = self._contents, {**_halves(self._contents), **self._rounded}
        columns = [name for name in (*contents.quantities, *contents.updates) if name not in self._rounded]
        live = {name: np.array([text is not None for text in contents.formulas.texts[name]]) for name in columns}
        for _ in range(_PASSES if any(map(np.any, live.values())) else 0):
            allowed = _effects(contents, halves, 0.0)
            for name in filter(live.__contains__, contents.quantities):
                halves[name] = np.where(live[name], allowed[name], halves[name])
            for name in filter(live.__contains__, contents.updates):
                moved = np.cumsum(np.append(0.0, _eta_times(contents, halves[f"dE_d{name}"])[:-1]))
                halves[name] = np.where(live[name], moved, halves[name])
        return halves

    @cached_property
    def allowed(self) -> dict[str, Array]:
        """How far each number of a column may be off, by name."""
        return _effects(self._contents, self._halves)

    def lets_follow(self, name: str) -> bool:
        """Whether a pasted weight gets to where its gradients take it, as far as rounding lets one see."""
        contents = self._contents
        found, gradient, eta = contents.numbers[name], contents.numbers.get(f"dE_d{name}"), contents.eta
        if gradient is None or len(found) < 2 or eta.first is None or not contents.moves_plainly:
            return True
        steps = (eta.values * gradient)[:-1]
        off = _eta_times(contents, self._halves[f"dE_d{name}"])[:-1].sum() + 2 * self._halves[name][-1]
        error = abs(found[-1] - (found[0] - np.nansum(steps)))
        return not error > off + ROUNDING * np.nansum(np.abs(steps))


def _halves(contents: Contents) -> dict[str, Array]:
    """Half of the last digit of each pasted number."""
    halves, few = {}, _pasted(contents) < _MANY
    computed = {quantity.name for quantity in training_step(contents.network)}
    for name, numbers in contents.numbers.items():
        # what is given, and the start of a weight, is as it was typed
        given = 1 if name in contents.updates else 0 if name in computed else len(numbers)
        texts = contents.formulas.texts[name][given:] if name in contents.table.columns else []
        half = half_a_digit(numbers[given:], texts, few=few) if texts else np.zeros(0)
        halves[name] = np.concatenate([np.zeros(len(numbers) - len(half)), half])
    return halves


def _effects(contents: Contents, halves: dict[str, Array], tolerance: float = TOLERANCE) -> dict[str, Array]:
    """How far each number may be off because of the rounding of others, and its own."""
    chain = {name: array for name, array in contents.numbers.items() if name not in ("eta", "step", "sample")}
    with np.errstate(all="ignore"):
        # what is gathered from elsewhere follows from no number of its own table
        base = {} if contents.gathers else reference.expected_step(contents.network, chain)
        scales = {name: base.get(name, contents.expected[name][0]).scale for name in contents.quantities}
        total = {name: halves[name] + tolerance * scale + TINY for name, scale in scales.items()}
        for name in total.keys() & {"E_total", *(f"E{n + 1}" for n in range(len(contents.network.target_names)))}:
            total[name] = total[name] + _written_out(contents)
        for moved, half in halves.items():
            if base and half.any() and moved in chain:
                other = reference.expected_step(contents.network, chain | {moved: chain[moved] + half})
                for name in contents.quantities:
                    if name != moved and name in base:
                        total[name] = total[name] + np.abs(other[name].value - base[name].value)
    for name in contents.updates:
        scale = contents.expected[name][0].scale
        half = halves[name] + np.roll(halves[name], 1)
        total[name] = half + np.roll(_eta_times(contents, halves[f"dE_d{name}"]), 1) + tolerance * scale + TINY
    return total


def _written_out(contents: Contents) -> Array:
    """How far an error may be off because its square was written out: t^2-2*t*a+a^2 loses the digits that t^2 has."""
    network, numbers = contents.network, contents.numbers
    pairs = zip(network.target_names, network.activations(network.last), strict=True)
    sizes = [np.abs(numbers[t]) + np.abs(numbers[a]) for t, a in pairs if t in numbers and a in numbers]
    return np.finfo(float).eps * np.sum([np.nan_to_num(size) ** 2 for size in sizes], axis=0)


def _eta_times(contents: Contents, numbers: Array) -> Array:
    return np.nan_to_num(np.abs(contents.eta.values)) * numbers
