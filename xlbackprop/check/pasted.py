"""Numbers that were pasted where formulas belong: how far they may be off, because they were rounded."""

import numpy as np

from xlbackprop import reference
from xlbackprop.check.contents import ROUNDING, Contents
from xlbackprop.reference import TINY, TOLERANCE, Array
from xlbackprop.reference.rounding import half_a_digit


def allowed_rounding(contents: Contents) -> dict[str, Array]:
    """How far a pasted number may be off, because it and those that it follows from were rounded."""
    halves = {}
    for name, numbers in contents.numbers.items():
        # what is given, and the start of a weight, is as it was typed
        given = 1 if name in contents.updates else 0 if name in contents.quantities else len(numbers)
        texts = contents.texts[name] if name in contents.table.columns else []
        halves[name] = half_a_digit(numbers[given:], texts[given:]) if texts[given:] else np.zeros(1)
        if given and halves[name].size > 1:
            halves[name] = np.append(0.0, halves[name])
    chain = {name: array for name, array in contents.numbers.items() if name not in ("eta", "step", "sample")}
    with np.errstate(all="ignore"):
        # what is gathered from elsewhere follows from no number of its own table
        base = {} if contents.gathers else reference.expected_step(contents.network, chain)
        scales = {name: base.get(name, contents.expected[name][0]).scale for name in contents.quantities}
        total = {name: halves[name] + TOLERANCE * scale + TINY for name, scale in scales.items()}
        for moved, half in halves.items():
            if base and half.any() and moved in chain:
                other = reference.expected_step(contents.network, chain | {moved: chain[moved] + half})
                for name in contents.quantities:
                    if name != moved and name in base:
                        total[name] = total[name] + np.abs(other[name].value - base[name].value)
    for name in contents.updates:
        gradient = halves.get(f"dE_d{name}", np.zeros(1))
        eta = np.nan_to_num(np.abs(contents.eta.values))
        scale = contents.expected[name][0].scale
        half = halves[name] + np.roll(np.broadcast_to(halves[name], len(contents.table.rows)), 1)
        total[name] = half + eta * gradient + TOLERANCE * scale + TINY
    return total


def follows_its_gradients(contents: Contents, name: str) -> bool:
    """Whether a pasted weight gets to where its gradients take it, as far as rounding lets one see."""
    found, gradient = contents.numbers[name], contents.numbers.get(f"dE_d{name}")
    if gradient is None or len(found) < 2 or not contents.moves_plainly:
        return True
    moved = np.nansum((contents.eta.values * gradient)[:-1])
    rounding = half_a_digit(gradient, contents.texts[f"dE_d{name}"]).max() * np.nansum(np.abs(contents.eta.values))
    error = abs(found[-1] - (found[0] - moved))
    return not error > 2 * half_a_digit(found, contents.texts[name]).max() + rounding + ROUNDING * abs(moved)
