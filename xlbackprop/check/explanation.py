"""Explains a wrong formula: the slip, and the formula that should stand there instead."""

import re

import numpy as np

from xlbackprop.check.contents import Contents, Steps
from xlbackprop.check.mistakes import ABOVE, BELOW, Slip
from xlbackprop.check.references import References
from xlbackprop.check.rendering import Rendering
from xlbackprop.check.slips import slip, slips_in_numbers
from xlbackprop.check.tried import Group
from xlbackprop.reference import Array
from xlbackprop.spreadsheet.formulas import FilledFormula, parsed
from xlbackprop.tables.table import AS_IT_IS

#: A number that is taken for e.
_SHORT_E = re.compile(r"(?<![\w.$])2\.7\d*(?![\w.(])")
_ROUNDING_FUNCTIONS = {"ROUND", "ROUNDUP", "ROUNDDOWN", "TRUNC", "INT", "MROUND", "FIXED"}

#: Numbers that were pasted from a formula may be off by so much more than the rounding of the right one allows ...
_SLACK = 3
#: ... if they are so much nearer to it than to the right one.
_CLEARER = 10
#: Or it leaves no more than this part of what is wrong.
_LEFT_OVER = 1e-6


class Explanation:
    """Explains the formulas of one table."""

    def __init__(self, contents: Contents) -> None:
        self._contents = contents
        self._table, self._network = contents.table, contents.network
        self._numbers, self._eta = contents.numbers, contents.eta
        self._multiples = tuple(contents.table.multiples.items())
        self.rendering, self.references = Rendering(contents), References(contents)

    def named_slip(self, group: Group) -> Slip | None:
        """The slip in a wrong formula, if it is one of the known kinds."""
        name, text = group.name, group.formula.text or ""
        step = self._table.row_numbers[group.formula.row]
        formula = parsed(text)
        if name in self._contents.constants:
            return None
        if own := self._contents.own_slip(group):
            return own
        if shifted := self.references.slip(name, formula, step):
            return shifted
        if _ROUNDING_FUNCTIONS.intersection(formula.functions):
            return Slip("is rounded, and so is all that follows from it")
        known = self.rendering.known(text, step)
        for tried in (group.tried, group.tried_with_constants):
            if tried and not tried.right:
                found = slip(
                    self._network,
                    name,
                    known,
                    tried.constants,
                    tried.results,
                    formula.numbers,
                    self._multiples,
                    text,
                    held=lambda: self.references.held(name, text, step),
                )
                if found:
                    return found
        return self._short_e(group)

    def _short_e(self, group: Group) -> Slip | None:
        """A number that is typed for e, where that is all that is wrong."""
        if group.tried and (match := _SHORT_E.search(group.formula.text or "")):
            exact = _SHORT_E.sub("EXP(1)", group.formula.text or "")
            formula = FilledFormula(exact, group.formula.row, group.formula.steps)
            (tried,) = self._contents.tried.results([(group.name, formula)], dict(group.tried.constants))
            if tried and tried.right:
                return Slip(f"uses {match[0]} for e, which has more digits; it should be EXP")
        return None

    def slip_in_numbers(self, name: str, off: Steps, allowed: Array) -> tuple[Slip | None, Steps]:
        """The slip that pasted numbers follow from, and its rows; None if it is none of the known kinds.

        Args:
            name: the quantity, or the weight or bias.
            off: the steps whose numbers are wrong.
            allowed: how far each number of the column may be off by rounding.
        """
        if self._contents.tried.built_formula(name, int(off[0])) is not None:
            # a table of ours is not pasted from another one
            return None, off
        back = 1 if name in self._contents.updates else 0
        environment: dict[str, Array] = {}
        with np.errstate(all="ignore"):
            for other, numbers in (self._numbers | {"eta": self._eta.values}).items():
                of = self._table.multiples.get(other, AS_IT_IS)
                shown = numbers * of.factor * (self._eta.values if of.of_eta else 1.0)
                for mark, away in (("", back), (ABOVE, back + 1), (BELOW, back - 1)):
                    environment[mark + other] = _from_rows_above(shown, away)
                if other == name:
                    found, unit = shown, np.abs(shown / numbers)
            all_errors = self._contents.errors(name, np.arange(len(found)))
            errors, unit = all_errors[off], np.where(np.isfinite(unit), unit, 1.0)
            candidates = slips_in_numbers(
                self._network, name, self.rendering.known(None, 0), environment, self._multiples
            )
            for values, slip in candidates:
                away_from = np.abs(values - found) / unit
                # the rounding of what it follows from is different for each formula
                fits = away_from <= np.fmax(_SLACK * allowed, _LEFT_OVER * all_errors)
                if fits[off].all() and np.median(errors) > _CLEARER * np.median(away_from[off]):
                    return slip, np.flatnonzero(fits)
        return None, off


def _from_rows_above(numbers: Array, rows: int) -> Array:
    """The numbers of a column moved down by so many rows, or up; NaN where there is none."""
    moved = np.full(len(numbers), np.nan)
    if rows >= 0:
        moved[rows:] = numbers[: len(numbers) - rows]
    else:
        moved[:rows] = numbers[-rows:]
    return moved
