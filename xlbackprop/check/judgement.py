"""Judges a table: which cells are wrong, and which formula is the cause.

Every cell is judged twice. By its number: given the sheet's own other cells, is it what it should
be? And by its formula: given true numbers, does it compute the true one? A formula is a cause when it
is wrong and its numbers are; what only follows from the cause is not blamed.
"""

import math
import textwrap
from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from xlbackprop import reference
from xlbackprop.backprop import notation
from xlbackprop.backprop.network import Network
from xlbackprop.check.evidence import LOWEST_SIGMOID, ROUNDING, Evidence, Group, Mask
from xlbackprop.check.explanation import Explanation
from xlbackprop.reference import Array
from xlbackprop.report.findings import CheckedTable, Finding, listed
from xlbackprop.spreadsheet.addresses import cell_address
from xlbackprop.spreadsheet.cells import Sheets, Value
from xlbackprop.spreadsheet.formulas import FilledFormula, parsed
from xlbackprop.spreadsheet.ironcalc import calls_only_known, computable
from xlbackprop.tables.table import Table

_LONGEST_QUOTE = 60
#: A run of the table may leave NumPy's run so far by rounding alone.
_RUN_TOLERANCE = 1e-6


def judge_table(sheets: Sheets, table: Table) -> CheckedTable:
    """Judge one table of a recalculated workbook."""
    if not table.rows:
        note = "it has headers, but no numbers below them"
        return CheckedTable(table.sheet, table.header_row, None, None, 0, None, "incomplete", (), (note,), None)
    return _Judgement(Evidence(sheets, table)).result()


class _Judgement:
    def __init__(self, evidence: Evidence) -> None:
        self._evidence = evidence
        self._sheets, self._table, self._network = evidence.sheets, evidence.table, evidence.network
        self._numbers, self._rate, self._trial = evidence.numbers, evidence.rate, evidence.trial
        self._explanation = Explanation(evidence)
        self._notes: list[str] = []
        # findings that count only where there is no other
        self._suspects: list[Finding] = []

    def result(self) -> CheckedTable:
        table = self._table
        findings = []
        named = [*self._network.weight_names, *self._network.input_names]
        if all(name in self._numbers for name in named):
            findings = [finding for name in self._evidence.groups for finding in self._judge(name)]
            findings = (
                self._broken_rate() or findings or self._suspects or self._unexplained_errors() or self._rate_findings()
            )
        findings.sort(key=lambda finding: (finding.kind == "constant", self._order(finding.quantity)))
        self._note_what_is_missing()
        self._note_the_activation()
        self._note_the_rate()
        self._note_other_patterns()
        self._note_jumps(findings)
        error = self._run_error()
        if not findings and error is not None and error > _RUN_TOLERANCE and not self._broken:
            self._notes.append(f"E_total leaves NumPy's own run from the start values by {error:.1e}")
        return CheckedTable(
            sheet=table.sheet,
            header_row=table.header_row,
            first_row=table.rows[0],
            last_row=table.rows[-1],
            steps=table.steps,
            learning_rate=self._rate.first,
            verdict=self._verdict(findings),
            findings=tuple(findings),
            notes=tuple(self._notes),
            largest_error=error,
        )

    def _verdict(self, findings: Sequence[Finding]) -> str:
        if any(finding.kind != "constant" or finding.slip for finding in findings):
            return "wrong"
        if self._table.missing:
            return "incomplete"
        return "constants" if findings else "correct"

    def _order(self, name: str) -> int:
        names = [*self._evidence.constants, *self._evidence.quantities, *self._evidence.updates]
        return names.index(name) if name in names else -1

    def _judge(self, name: str) -> Iterator[Finding]:
        wrong = self._evidence.wrong[name]
        if name in self._evidence.overflows:
            yield self._overflow(name)
        for group in self._evidence.groups[name]:
            steps = np.array(group.formula.steps)
            if group.formula.text is None:
                yield from self._judge_constants(name, steps)
            elif group.right:
                if wrong[steps].any():
                    yield from self._judge_later_rows(group, steps[wrong[steps]])
                elif group.tried is not None and not group.tried.right:
                    self._note_luck(group)
            elif group.right is False and self._shows(name, steps):
                yield self._finding(name, self._really_wrong(group, steps), group)
            elif wrong[steps].any():
                really = steps[wrong[steps]]
                if not calls_only_known(computable(group.formula.text)):
                    # the engine may be wrong, or the number in the file that is taken for its answer short
                    really = really[~self._nearly(name, really)]
                if really.size and not self._follows(group, really):
                    yield self._finding(name, really)
            elif group.right is False:
                self._note_luck(group)

    def _overflow(self, name: str) -> Finding:
        finding = self._finding(name, np.flatnonzero(self._evidence.overflows[name]))
        remedy = f"an input above {LOWEST_SIGMOID:.2f}: use a smaller learning rate or smaller start values"
        slip = f"shows #NUM! in Excel and LibreOffice, because {name.removeprefix('a_')} is so low"
        return replace(finding, kind="error", expected=remedy, max_abs_error=None, slip=slip)

    def _shows(self, name: str, steps: NDArray[np.intp]) -> bool:
        """Whether it shows that a formula is wrong: in its numbers, or because nothing is known to judge them by."""
        unknown = name in self._evidence.updates and self._rate.first is None
        return unknown or bool((self._evidence.wrong[name][steps] | np.isnan(self._numbers[name][steps])).any())

    def _judge_later_rows(self, group: Group, steps: NDArray[np.intp]) -> Iterator[Finding]:
        """A formula that is right in one row, and whose numbers are wrong in others."""
        first = int(steps[0])
        text = self._evidence.texts[group.name][first]
        formula = FilledFormula(text, self._table.rows[first], (first,))
        tried, here = (
            self._evidence.tried([(group.name, formula)], constants)[0]
            for constants in (self._evidence.typed(), self._evidence.here)
        )
        again = Group(group.name, formula, tried, here)
        if again.right is False:
            yield self._finding(group.name, steps, again)
        else:
            # it is right wherever it stands, so its numbers are wrong because others are, or by rounding
            suspect = self._finding(group.name, steps)
            largest = max(
                float(np.nanmax(np.abs(way.value), initial=0.0)) for way in self._evidence.expected[group.name]
            )
            if suspect.max_abs_error is None or suspect.max_abs_error > ROUNDING * largest:
                self._suspects.append(suspect)

    def _really_wrong(self, group: Group, steps: NDArray[np.intp]) -> NDArray[np.intp]:
        """The rows of a wrong formula: all of them, but for those in which it still refers to the right cells."""
        fine = ~self._evidence.wrong[group.name][steps] & np.isfinite(self._numbers[group.name][steps])
        right = steps[fine]
        if not right.size or right.size == steps.size:
            return steps
        first = int(right[0])
        formula = FilledFormula(self._evidence.texts[group.name][first], self._table.rows[first], (first,))
        (tried,) = self._evidence.tried([(group.name, formula)], self._evidence.here)
        return steps[~fine] if tried and tried.right else steps

    def _nearly(self, name: str, steps: NDArray[np.intp]) -> Mask:
        """Whether numbers are right as far as a file shows them, or are none."""
        found = self._numbers[name][steps]
        near = [
            np.abs(found - way.value[steps]) <= 1e-8 * np.abs(way.value[steps]) for way in self._evidence.expected[name]
        ]
        return np.isnan(found) | np.logical_or.reduce(near)

    def _follows(self, group: Group, steps: NDArray[np.intp]) -> bool:
        """Whether a right formula gives wrong numbers only because it works on wrong ones."""
        for step in map(int, steps):
            text = self._evidence.texts[group.name][step]
            named = [self._trial.name_of(target, step) for target in parsed(text).references] if text else []
            for name, back in filter(None, named):
                if (
                    name in self._evidence.wrong
                    and step - back >= 0
                    and self._evidence.wrong[name][step - back]
                    and name != group.name
                ):
                    break
            else:
                return False
        return True

    def _judge_constants(self, name: str, steps: NDArray[np.intp]) -> Iterator[Finding]:
        """Cells without a formula."""
        if name in self._evidence.constants:
            other = steps[self._evidence.wrong[name][steps]]
            if other.size:
                yield self._finding(name, other, slip="is not what the other rows hold")
            return
        yield from self._judge_blanks(name, steps)
        numbers = steps[np.isfinite(self._numbers[name][steps])]
        if numbers.size:
            yield from self._judge_pasted(name, numbers)

    def _judge_blanks(self, name: str, steps: NDArray[np.intp]) -> Iterator[Finding]:
        """Cells that are empty, or hold a text, in a column of formulas."""
        values, column = self._sheets.values(self._table.sheet), self._table.columns[name]
        shown = {int(step): values.get((self._table.rows[step], column)) for step in steps}
        empty = [step for step, value in shown.items() if value is None and not self._may_be_empty(name, step)]
        texts = [step for step, value in shown.items() if isinstance(value, bool | str) and f"{value}".strip()]
        if empty:
            yield self._finding(name, np.array(empty), slip="is empty where a formula belongs")
        if texts:
            what = _shortened(shown[texts[0]])
            yield self._finding(name, np.array(texts), slip=f"holds {what} where a formula belongs")

    def _judge_pasted(self, name: str, steps: NDArray[np.intp]) -> Iterator[Finding]:
        """Numbers in a column of formulas, which may be right but for their last digit."""
        evidence = self._evidence
        errors = np.min([np.abs(self._numbers[name] - way.value)[steps] for way in evidence.expected[name]], axis=0)
        off = steps[errors > evidence.rounding[name][steps]]
        filled_down = name in evidence.updates and not any(evidence.texts[name])
        if not off.size and filled_down and not evidence.moves(name):
            off = steps
        if off.size:
            yield self._finding(name, off, slip="is a number where a formula belongs, and not the right one")
        if (right := np.setdiff1d(steps, off)).size:
            yield self._finding(name, right)

    def _may_be_empty(self, name: str, step: int) -> bool:
        """Whether a cell has no part in the training: in a column without any, or in the last row after the others."""
        if not any(self._evidence.texts[name]) and not np.isfinite(self._numbers[name]).any():
            return True
        if step < len(self._table.rows) - 1:
            return False
        values, row = self._sheets.values(self._table.sheet), self._table.rows[step]
        place = self._evidence.quantities.index(name) if name in self._evidence.quantities else -1
        later = self._evidence.quantities[place + 1 :]
        return all(values.get((row, self._table.columns[other])) is None for other in later)

    def _broken_rate(self) -> list[Finding]:
        """A cell of the learning rate without a number, which is the cause of all that follows."""
        cell = self._rate.cell
        if cell is None or self._rate.first is not None:
            return []
        value = self._sheets.value(cell.sheet, cell.row, cell.column)
        what = "is empty" if value is None else f"holds {_shortened(value)}"
        where = cell_address(cell.row, cell.column)
        return [
            Finding(
                quantity="eta",
                kind="constant",
                cell=where,
                rows=1,
                found="" if value is None else f"{value}",
                expected="a learning rate, such as 0.5",
                max_abs_error=None,
                ranges=(where,) if cell.sheet == self._table.sheet else (),
                slip=f"{what}, and the updates take it from there",
            )
        ]

    def _rate_findings(self) -> list[Finding]:
        """A learning rate that changes in a table in which nothing else is wrong."""
        steps = [step for step in self._rate.changes if math.isfinite(self._rate.values[step])]
        if not steps or "eta" not in self._table.columns:
            return []
        column, last = self._table.columns["eta"], len(self._table.rows)
        changed = np.arange(steps[0], last)[self._rate.values[steps[0] :] != self._rate.values[0]]
        row = self._table.rows[steps[0]]
        value = self._rate.values[steps[0]]
        return [
            Finding(
                quantity="eta",
                kind="constant",
                cell=cell_address(row, column),
                rows=len(changed),
                found=self._evidence.texts["eta"][steps[0]] or f"{value:g}",
                expected=f"{self._rate.values[0]:g}",
                max_abs_error=float(np.nanmax(np.abs(self._rate.values - self._rate.values[0]))),
                ranges=self._ranges(changed, column),
                slip=f"changes part-way, to {value:g}",
            )
        ]

    def _unexplained_errors(self) -> list[Finding]:
        """Errors in cells that wait for each other: none is the cause more than another, so the first is named."""
        for step, row in enumerate(self._table.rows):
            for name in (*self._evidence.quantities, *self._evidence.updates):
                number = self._numbers[name][step]
                if math.isnan(number) and self._sheets.is_error(self._table.sheet, row, self._table.columns[name]):
                    return [self._finding(name, np.array([step]))]
        return []

    def _finding(
        self,
        name: str,
        steps: NDArray[np.intp],
        group: Group | None = None,
        slip: str = "",
    ) -> Finding:
        table = self._table
        wrong = self._evidence.wrong[name][steps]
        step = int(steps[0])
        row, column = table.rows[step], table.columns[name]
        formula = self._evidence.texts[name][step]
        value = self._sheets.value(table.sheet, row, column)
        is_update = name in self._evidence.updates
        is_error = all(self._sheets.is_error(table.sheet, table.rows[int(n)], column) for n in steps)
        named = None
        if group is not None and not is_error:
            named = self._explanation.named_slip(group)
            slip = slip or (named.sentence + self._explanation.by_way_of(group.formula) if named else "")
        if formula is None:
            kind = "constant"
        elif is_error:
            kind, slip = "error", slip or f"shows {value}"
        elif named is not None and named.shifted:
            kind = "reference"
        else:
            kind = "update" if is_update else "formula"
        errors = np.min(
            [np.abs(self._numbers[name] - way.value)[steps] for way in self._evidence.expected[name]], axis=0
        )
        errors = errors[wrong & np.isfinite(errors)] if wrong.any() else errors[np.isfinite(errors)]
        return Finding(
            quantity=name,
            kind=kind,
            cell=cell_address(row, column),
            rows=len(steps),
            found=formula if formula is not None else "" if value is None else f"{value}",
            expected=self._explanation.expected_formula(name, step, formula)
            if any(np.isfinite(way.value[step]) or np.isnan(way.value[step]) for way in self._evidence.expected[name])
            else "a number that a cell can hold: use smaller start values or a smaller learning rate",
            max_abs_error=float(errors.max()) if errors.size else None,
            ranges=self._ranges(steps, column),
            slip=slip,
        )

    def _ranges(self, steps: NDArray[np.intp], column: int) -> tuple[str, ...]:
        """The cells of these steps; what lies between two steps that follow each other is no step."""
        found = []
        for run in np.split(steps, np.flatnonzero(np.diff(steps) > 1) + 1):
            first, last = (cell_address(self._table.rows[int(step)], column) for step in (run[0], run[-1]))
            found.append(first if first == last else f"{first}:{last}")
        return tuple(found)

    @property
    def _broken(self) -> bool:
        return bool(self._evidence.jumps or self._rate.changes)

    def _note_luck(self, group: Group) -> None:
        if self._table.missing or group.name in self._evidence.constants:
            # without its inputs nothing can be tried
            return
        cell = cell_address(group.formula.row, self._table.columns[group.name])
        named = self._explanation.named_slip(group)
        what = named.sentence if named else "does not follow the chain rule, or has numbers typed into it"
        self._notes.append(f"{notation.header(group.name)} ({cell}) comes out right here, but {what}")

    def _note_what_is_missing(self) -> None:
        if self._table.missing:
            names = ", ".join(notation.header(name) for name in self._table.missing)
            self._notes.append(f"it lacks {names}")

    def _note_the_activation(self) -> None:
        kinds = dict.fromkeys(kind for kind in (self._network.hidden, self._network.output) if kind != "sigmoid")
        if kinds and not self._table.missing:
            self._notes.append(f"its neurons have the activation {' and '.join(kinds)}")

    def _note_the_rate(self) -> None:
        table = self._table
        texts = [text for name in self._evidence.updates for text in self._evidence.texts[name][1:2] if text]
        if self._evidence.typed() and any(self._rate.first in parsed(text).numbers for text in texts):
            self._notes.append("the learning rate is typed into the formulas: give it a cell, to try others")
        for step in self._rate.changes:
            value = self._rate.values[step]
            shown = f"{value:g}" if math.isfinite(value) else "no number"
            self._notes.append(f"the learning rate changes to {shown} in row {table.rows[step]}")

    def _note_other_patterns(self) -> None:
        """Rows in which a column has another formula than in most, though an equal one."""
        # an update reaches over the rows that hold no step, so its form may differ and mean nothing
        for name in self._evidence.quantities:
            right = [group.formula for group in self._evidence.groups[name] if group.formula.text and group.right]
            usual = max(right, key=lambda formula: len(formula.steps), default=None)
            for other in right:
                if other is not usual and usual is not None:
                    where = listed(self._ranges(np.array(other.steps), self._table.columns[name]))
                    self._notes.append(f"{notation.header(name)} has another formula in {where}, though an equal one")

    def _note_jumps(self, findings: list[Finding]) -> None:
        table = self._table
        for step, back in self._evidence.jumps.items():
            row = table.rows[step]
            source = table.rows[step - back] if 0 <= step - back < len(table.rows) else None
            text = f"row {row} goes on from row {source}, not from row {table.rows[step - 1]}"
            self._notes.append(text)
            if not self._rate.changes:
                # one run, then, and it is broken here
                name = self._evidence.updates[0]
                column = table.columns[name]
                findings.append(
                    Finding(
                        quantity=name,
                        kind="reference",
                        cell=cell_address(row, column),
                        rows=1,
                        found=self._evidence.texts[name][step] or "",
                        expected=self._explanation.expected_formula(name, step, None),
                        max_abs_error=None,
                        ranges=(cell_address(row, column),),
                        slip=f"and all weights of its row: {text}",
                    )
                )

    def _run_error(self) -> float | None:
        """The largest difference of E_total from NumPy's run."""
        if self._broken or self._rate.first is None or "E_total" not in self._numbers:
            return None
        values = {name: float(self._numbers[name][0]) for name in self._network.start_values if name in self._numbers}
        if len(values) < len(self._network.start_values) or not all(map(math.isfinite, values.values())):
            return None
        run = _run(self._network.with_values(values), self._rate.first, self._table.steps)
        with np.errstate(all="ignore"):
            error = np.abs(self._numbers["E_total"] - run)
        error = error[np.isfinite(error)]
        return float(error.max()) if error.size else None


def _shortened(value: Value) -> str:
    """A text as it is quoted in a sentence."""
    return repr(textwrap.shorten(value, _LONGEST_QUOTE, placeholder=" …") if isinstance(value, str) else value)


@lru_cache(maxsize=256)
def _run(network: Network, rate: float, steps: int) -> Array:
    """E_total at each step, by NumPy; a class trains the same network over and over."""
    with np.errstate(all="ignore"):
        return np.array([float(step.total[0]) for step in reference.train(network, [rate], steps)])
