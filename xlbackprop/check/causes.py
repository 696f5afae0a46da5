"""Finds the causes: which formulas of a table are wrong, and not only what follows from them.

Every cell is judged twice. By its number: given the sheet's own other cells, is it what it should
be? And by its formula: given true numbers, does it compute the true one? A formula is a cause when it
is wrong and its numbers are; what only follows from the cause is not blamed.
"""

import math
from collections.abc import Iterator
from dataclasses import replace
from functools import cached_property

import numpy as np

from xlbackprop.check.contents import ROUNDING, Contents, Mask, Steps
from xlbackprop.check.explanation import Explanation
from xlbackprop.check.mending import Mending
from xlbackprop.check.mistakes import Slip
from xlbackprop.check.pasted import Rounding
from xlbackprop.check.rates import broken_rate, changing_rate, quoted
from xlbackprop.check.start_values import texts_for_numbers
from xlbackprop.check.tried import Group
from xlbackprop.reference import lowest_inputs
from xlbackprop.report.findings import Finding, Kind, SlipKind
from xlbackprop.spreadsheet.addresses import cell_address, cells_between, place
from xlbackprop.spreadsheet.cells import CIRCULAR, Value
from xlbackprop.spreadsheet.formulas import parsed
from xlbackprop.spreadsheet.ironcalc import calls_only_known, computable

#: As far as a file shows a number that a spreadsheet program computed.
_NEARLY = 1e-8


def find_causes(contents: Contents) -> list[Finding]:
    """The causes of what is wrong in a table, in the order of a training step; pasted constants come last."""
    return _Causes(contents).all()


def in_order(findings: list[Finding], contents: Contents) -> list[Finding]:
    """Findings in the order of a training step; those of constants last."""
    names = [*contents.constants, *contents.quantities, *contents.updates]
    order = {name: n for n, name in enumerate(names)}
    return sorted(findings, key=lambda finding: (finding.kind is Kind.CONSTANT, order.get(finding.quantity, -1)))


class _Causes:
    def __init__(self, contents: Contents) -> None:
        self._contents = contents
        self._sheets, self._table = contents.sheets, contents.table
        self._numbers, self._eta = contents.numbers, contents.eta
        self._explanation, self._mending = Explanation(contents), Mending(contents)
        # findings that count only where there is no other
        self._suspects: list[Finding] = []

    def all(self) -> list[Finding]:
        findings: list[Finding] = []
        if self._contents.can_be_judged:
            judged = [finding for name in self._contents.tried.groups for finding in self._judge(name)]
            judged = self._merged([*judged, *self._repeated_rows()])
            findings = (
                broken_rate(self._contents)
                or [*texts_for_numbers(self._contents), *judged]
                or self._suspects
                or self._unexplained_errors()
                or changing_rate(self._contents)
            )
        return [*in_order(findings, self._contents), *self._broken_runs()]

    def _merged(self, findings: list[Finding]) -> list[Finding]:
        """The findings, with those of one column and one slip as one: a formula that was typed row by row."""
        groups: dict[tuple[str, Kind, str], list[Finding]] = {}
        for n, finding in enumerate(findings):
            groups.setdefault((finding.quantity, finding.kind, finding.whole_slip or str(n)), []).append(finding)
        return [self._joined(group) if len(group) > 1 else group[0] for group in groups.values()]

    def _joined(self, findings: list[Finding]) -> Finding:
        rows = {place(cell)[0] for one in findings for area in one.ranges for cell in cells_between(area)}
        steps = np.array(sorted(self._table.row_numbers[row] for row in rows if row in self._table.row_numbers))
        sizes = [one.max_abs_error for one in findings if one.max_abs_error is not None]
        return replace(
            min(findings, key=lambda one: place(one.cell)),
            rows=len(steps),
            ranges=self._table.ranges(findings[0].quantity, steps),
            max_abs_error=max(sizes, default=None),
        )

    def _judge(self, name: str) -> Iterator[Finding]:
        wrong = self._contents.wrong[name]
        if name in self._contents.overflows:
            yield self._overflow(name)
        for group in self._contents.tried.groups[name]:
            steps = np.array(group.formula.steps)
            if group.formula.text is None:
                yield from self._judge_constants(name, steps)
            elif group.right:
                if wrong[steps].any():
                    yield from self._judge_later_rows(group, steps[wrong[steps]])
            elif group.right is False and self._contents.looks_wrong(name, steps):
                yield self._finding(name, self._really_wrong(group, steps), group)
            elif wrong[steps].any():
                really = steps[wrong[steps]]
                if not calls_only_known(computable(group.formula.text)):
                    # the engine may be wrong, or the number in the file that is taken for its answer short
                    really = really[~self._nearly(name, really)]
                if really.size and not self._follows(group, really):
                    yield self._finding(name, really)

    def _overflow(self, name: str) -> Finding:
        finding = self._finding(name, np.flatnonzero(self._contents.overflows[name]))
        lowest = lowest_inputs(self._contents.network)[name]
        remedy = f"an input above {lowest:.2f}: use a smaller learning rate or smaller start values"
        slip = f"shows #NUM! in Excel and LibreOffice, because {name.removeprefix('a_')} is so low"
        return replace(finding, kind=Kind.ERROR, expected=remedy, max_abs_error=None, slip=slip)

    def _judge_later_rows(self, group: Group, steps: Steps) -> Iterator[Finding]:
        """A formula that is right in one row, and whose numbers are wrong in others."""
        again = self._contents.tried.group_of(group.name, int(steps[0]))
        if again.right is False:
            yield self._finding(group.name, steps, again)
        else:
            # it is right wherever it stands, so its numbers are wrong because others are, or by rounding
            suspect = self._finding(group.name, steps)
            largest = max(
                float(np.nanmax(np.abs(should.value), initial=0.0)) for should in self._contents.expected[group.name]
            )
            if suspect.max_abs_error is None or suspect.max_abs_error > ROUNDING * largest:
                self._suspects.append(suspect)

    def _really_wrong(self, group: Group, steps: Steps) -> Steps:
        """The rows of a wrong formula: all of them, but for those in which it still refers to the right cells."""
        fine = ~self._contents.wrong[group.name][steps] & np.isfinite(self._numbers[group.name][steps])
        right = steps[fine]
        if not right.size or right.size == steps.size:
            return steps
        tried = self._contents.tried.group_of(group.name, int(right[0])).tried_with_constants
        return steps[~fine] if tried and tried.right else steps

    def _nearly(self, name: str, steps: Steps) -> Mask:
        """Whether numbers are right as far as a file shows them, or are none."""
        found = self._numbers[name][steps]
        should = [alternative.value[steps] for alternative in self._contents.expected[name]]
        near = [np.abs(found - value) <= _NEARLY * np.abs(value) for value in should]
        return np.isnan(found) | np.logical_or.reduce(near)

    def _follows(self, group: Group, steps: Steps) -> bool:
        """Whether a right formula gives wrong numbers only because it works on wrong ones."""
        wrong = {name: rows for name, rows in self._contents.wrong.items() if name != group.name}

        def on_wrong_ones(step: int) -> bool:
            targets = parsed(self._contents.formulas.texts[group.name][step] or "").references
            named = filter(None, (self._contents.tried.trial.name_of(target, step) for target in targets))
            return any(name in wrong and step >= back and wrong[name][step - back] for name, back in named)

        return all(on_wrong_ones(int(step)) for step in steps)

    def _judge_constants(self, name: str, steps: Steps) -> Iterator[Finding]:
        """Cells without a formula."""
        if name in self._contents.constants:
            other = steps[self._contents.wrong[name][steps]]
            if other.size:
                of = "its sample has in its other turns" if self._contents.turns.period else "the other rows hold"
                yield self._finding(name, other, slip=f"is not what {of}")
            return
        yield from self._judge_blanks(name, steps)
        numbers = steps[np.isfinite(self._numbers[name][steps])]
        if name in self._contents.updates:
            numbers = np.setdiff1d(numbers, self._repeated)
        if numbers.size:
            yield from self._judge_pasted(name, numbers)

    def _judge_blanks(self, name: str, steps: Steps) -> Iterator[Finding]:
        """Cells that are empty, or hold a text, in a column of formulas."""
        values, column = self._sheets.values(self._table.sheet), self._table.columns[name]
        shown = {int(step): values.get((self._table.rows[step], column)) for step in steps}
        empty = [step for step, value in shown.items() if _is_blank(value) and not self._may_be_empty(name, step)]
        texts = [step for step, value in shown.items() if isinstance(value, bool | str) and not _is_blank(value)]
        if empty:
            yield self._finding(name, np.array(empty), slip="is empty where a formula belongs")
        if texts:
            what = quoted(shown[texts[0]])
            yield self._finding(name, np.array(texts), slip=f"holds {what} where a formula belongs")

    @cached_property
    def _rounding(self) -> Rounding:
        return Rounding(self._contents)

    def _judge_pasted(self, name: str, steps: Steps) -> Iterator[Finding]:
        """Numbers in a column of formulas, which may be right but for their last digit."""
        contents = self._contents
        off = steps[contents.errors(name, steps) > self._rounding.allowed[name][steps]]
        filled_down = name in contents.updates and not any(contents.formulas.texts[name])
        if not off.size and filled_down and not self._rounding.lets_follow(name):
            off = steps
        if not off.size:
            yield self._finding(name, steps)
            return
        named, of_slip = self._explanation.slip_in_numbers(name, off, self._rounding.allowed[name])
        off = np.intersect1d(steps, of_slip)
        how = ""
        if named:
            # "uses a_h1; it should be a_h2": what is pasted does not use anything
            computed_with = f", as if computed with {named.computed_with}"
            how = computed_with if named.computed_with else f": it is as if its formula {named.sentence}"
        yield self._finding(name, off, slip=f"is a number where a formula belongs, and not the right one{how}")

    @cached_property
    def _repeated(self) -> Steps:
        """Pasted rows that repeat the row above, although the gradients there take the weights on."""
        contents, names, texts = self._contents, self._contents.updates, self._contents.formulas.texts
        if not names or self._table.missing:
            return np.array([], dtype=np.intp)
        columns = np.array([self._numbers[name] for name in names])
        same = (columns[:, 1:] == columns[:, :-1]).all(axis=0)
        pasted = [all(texts[name][step] is None for name in names) for step in range(1, columns.shape[1])]
        same &= np.array(pasted, dtype=bool)
        if not same.any():
            return np.array([], dtype=np.intp)
        wrong = np.zeros_like(same)
        for name in names:
            off = contents.errors(name, np.arange(columns.shape[1])) > self._rounding.allowed[name]
            wrong |= off[1:]
        return np.flatnonzero(same & wrong) + 1

    def _repeated_rows(self) -> Iterator[Finding]:
        """One finding for all of them: the first weight stands for its row."""
        if self._repeated.size:
            first = self._table.rows[int(self._repeated[0])]
            slip = f"and all weights of its row: row {first} repeats the row above"
            if self._repeated.size > 1:
                slip += f", and so {self._repeated.size - 1} more"
            yield self._finding(self._contents.updates[0], self._repeated, slip=slip)

    def _may_be_empty(self, name: str, step: int) -> bool:
        """Whether a cell has no part in the training: in a column without any, or in the last row after the others."""
        if not any(self._contents.formulas.texts[name]) and not np.isfinite(self._numbers[name]).any():
            return True
        if step < len(self._table.rows) - 1:
            return False
        values, row = self._sheets.values(self._table.sheet), self._table.rows[step]
        place = self._contents.quantities.index(name) if name in self._contents.quantities else -1
        later = self._contents.quantities[place + 1 :]
        return all(_is_blank(values.get((row, self._table.columns[other]))) for other in later)

    def _unexplained_errors(self) -> list[Finding]:
        """Errors in cells that wait for each other: none is the cause more than another, so the first is named."""
        names = [
            name
            # the weights of a row come before what is computed from them
            for name in (*self._contents.updates, *self._contents.quantities)
            if np.isnan(self._numbers[name]).any()
        ]
        for step, row in enumerate(self._table.rows):
            for name in (name for name in names if math.isnan(self._numbers[name][step])):
                if self._contents.comes_from_elsewhere(name, step):
                    return []
                if self._sheets.is_error(self._table.sheet, row, self._table.columns[name]):
                    return [self._finding(name, np.array([step]))]
        return []

    def _broken_runs(self) -> list[Finding]:
        """Steps that go on from another one than the one before; with several learning rates they may be meant."""
        if self._eta.changes or self._table.missing or not self._contents.formulas.jumps:
            return []
        name, steps = next(iter(self._contents.updates), ""), np.array(sorted(self._contents.formulas.jumps))
        step = int(steps[0])
        more = f", and so {len(steps) - 1} more" if len(steps) > 1 else ""
        return [
            Finding(
                quantity=name,
                kind=Kind.REFERENCE,
                cell=self._table.address(name, step),
                rows=len(steps),
                found=self._contents.formulas.texts[name][step] or "",
                expected=self._explanation.rendering.expected_formula(name, step, None),
                ranges=self._table.ranges(name, steps),
                slip=f"and all weights of its row: {self._contents.formulas.jump(step)}{more}",
            )
        ]

    def _finding(self, name: str, steps: Steps, group: Group | None = None, slip: str = "") -> Finding:
        table = self._table
        wrong = self._contents.wrong[name][steps]
        step = int(steps[0])
        column = table.columns[name]
        formula = self._contents.formulas.texts[name][step]
        value = self._sheets.value(table.sheet, table.rows[step], column)
        is_error = all(self._sheets.is_error(table.sheet, table.rows[int(n)], column) for n in steps)
        named, helper, what = None, None, Slip(slip)
        by_way_of: tuple[str, ...] = ()
        if group is not None and not is_error:
            named = self._explanation.named_slip(group)
            helper = self._mending.of(group, step)
            what = named if named and named.sentence else self._strange_cells(formula, step)
            if named and not named.shifted:
                helpers = self._explanation.references.helpers(formula, step)
                by_way_of = tuple(cell_address(cell.row, cell.column) for cell in helpers)
        if formula is None:
            kind = Kind.CONSTANT
        elif is_error:
            kind, what = Kind.ERROR, Slip(slip or self._of_error(name, step, value))
        elif named is not None and named.shifted:
            kind = Kind.REFERENCE
        else:
            kind = Kind.UPDATE if name in self._contents.updates else Kind.FORMULA
        errors = self._contents.errors(name, steps)
        errors = errors[wrong & np.isfinite(errors)] if wrong.any() else errors[np.isfinite(errors)]
        return Finding(
            quantity=name,
            kind=kind,
            cell=table.address(name, step),
            rows=len(steps),
            found=formula if formula is not None else "" if value is None else f"{value}",
            expected=self._explanation.rendering.expected_formula(name, step, formula)
            if not all(np.isinf(should.value[step]) for should in self._contents.expected[name])
            else "a number that a cell can hold: use smaller start values or a smaller learning rate",
            max_abs_error=float(errors.max()) if errors.size else None,
            ranges=table.ranges(name, steps),
            slip=what.sentence,
            helper=helper,
            slip_kind=what.kind,
            formula_of=what.formula_of,
            by_way_of=by_way_of,
        )

    def _of_error(self, name: str, step: int, value: Value) -> str:
        """What is wrong with a cell that shows an error; no program shows the one that the engine has for a circle."""
        references, text = self._explanation.references, self._contents.formulas.texts[name][step]
        formula = parsed(text or "")
        if circle := (references.circle(name, step) if value == CIRCULAR else None):
            shifted = references.other_rows(name, formula, step)
            of_rate = circle.kind is SlipKind.LEARNING_RATE
            return circle.sentence if of_rate or not shifted else f"{shifted.sentence}, and so from itself"
        built = self._contents.tried.built_formula(name, step)
        slip = references.update_elsewhere(name, formula) or references.other_eta(name, formula)
        if slip and built is None:
            return slip.sentence
        return "follows from itself" if value == CIRCULAR else f"shows {value}"

    def _strange_cells(self, formula: str | None, step: int) -> Slip:
        """That a wrong formula takes cells of which no header tells what they are."""
        cells = self._explanation.references.unnamed(formula, step)
        where = ", ".join(cell_address(cell.row, cell.column) for cell in cells)
        text = f"takes {where}, of which no header tells what it is"
        return Slip(text, kind=SlipKind.UNNAMED_CELLS) if cells else Slip("")


def _is_blank(value: Value) -> bool:
    """Whether a cell looks empty: nothing stands in it, or spaces alone."""
    return value is None or (isinstance(value, str) and not value.strip())
