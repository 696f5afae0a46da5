"""Judges a table: which cells are wrong, and which formula is the cause.

Every cell is judged twice. By its number: given the sheet's own other cells, is it what it should
be? And by its formula: given true numbers, does it compute the true one? A formula is a cause when it
is wrong and its numbers are; what only follows from the cause is not blamed.
"""

import math
import re
import sys
import textwrap
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property, lru_cache

import numpy as np
from numpy.typing import NDArray

from xlbackprop import notation, reference
from xlbackprop.addresses import cell_address, fixed_address, quoted
from xlbackprop.chain_rule import training_step
from xlbackprop.check import slips
from xlbackprop.check.formulas import FilledFormula, Formula, filled_formulas, parsed
from xlbackprop.check.learning_rate import LearningRate, learning_rate
from xlbackprop.check.report import CheckedTable, Finding
from xlbackprop.check.rounding import half_a_digit
from xlbackprop.check.tables import Table
from xlbackprop.check.trial import Trial, TriedFormula
from xlbackprop.engines import Cell, Sheets, Value, calls_only_known, computable
from xlbackprop.expression import cell_formula
from xlbackprop.network import Network
from xlbackprop.reference import TINY, TOLERANCE, Array, Expected

Mask = NDArray[np.bool_]

#: Below this 1/(1+EXP(-h)) overflows in a spreadsheet.
LOWEST_SIGMOID = -math.log(sys.float_info.max)

#: What rounding may do to a right formula, whatever its shape, as a part of the largest number in its column.
_ROUNDING = 1e-9
_LONGEST_QUOTE = 60
_ROUNDING_FUNCTIONS = {"ROUND", "ROUNDUP", "ROUNDDOWN", "TRUNC", "INT", "MROUND", "FIXED"}
#: A run of the table may leave NumPy's run so far by rounding alone.
_RUN_TOLERANCE = 1e-6


def judge_table(sheets: Sheets, table: Table) -> CheckedTable:
    """Judge one table of a recalculated workbook."""
    if not table.rows:
        note = "it has headers, but no numbers below them"
        return CheckedTable(table.sheet, table.header_row, None, None, 0, None, "incomplete", (), (note,), None)
    return _Judgement(sheets, table).result()


@dataclass(frozen=True)
class _Group:
    """A formula that is filled down a column, with what was found about it."""

    name: str
    formula: FilledFormula
    tried: TriedFormula | None
    # tried with the inputs, targets and learning rate of the sheet
    tried_here: TriedFormula | None

    @property
    def right(self) -> bool | None:
        """Whether the formula is right in this table; None if it could not be tried."""
        for tried in (self.tried, self.tried_here):
            if tried is not None and tried.right:
                return True
        return None if self.tried is None else self.tried.right


class _Judgement:
    def __init__(self, sheets: Sheets, table: Table) -> None:
        self._sheets, self._table, self._network = sheets, table, table.network
        self._numbers = table.read(sheets)
        self._rate: LearningRate = learning_rate(sheets, table, self._numbers)
        self._quantities = [
            quantity.name for quantity in training_step(self._network) if quantity.name in table.columns
        ]
        self._updates = [name for name in self._network.trained_names if name in table.columns]
        self._constants = [
            name
            for name in self._network.start_values
            if name in table.columns and name not in self._network.trained_names
        ]
        self._trial = Trial(sheets, table, self._rate.cell, self._parameters())
        self._notes: list[str] = []
        # findings that count only where there is no other
        self._suspects: list[Finding] = []

    # -- what stands in the table ------------------------------------------------------------

    def _parameters(self) -> dict[Cell, str]:
        """Cells outside the table that hold an input, a target or a fixed bias."""
        names = self._table.network_names
        found = {cell: names.get(name, name) for name, cell in self._table.cells.items() if name != "eta"}
        for name in self._constants:
            text = self._sheets.formula(self._table.sheet, self._table.rows[0], self._table.columns[name])
            # what the whole formula stands for: =$A$3, =Parameters!B2 or =t_1
            if text is None or not re.fullmatch(r"=[^-+*/^(&]+", text):
                continue
            formula = parsed(text)
            cells = [Cell(of.sheet or self._table.sheet, of.row, of.column) for of in formula.references if of.is_cell]
            cells += [cell for used in formula.names if (cell := self._sheets.named_cell(used, self._table.sheet))]
            for cell in cells:
                if cell.sheet != self._table.sheet or cell.row not in self._table.row_numbers:
                    found[cell] = name
        return found

    @cached_property
    def _texts(self) -> dict[str, list[str | None]]:
        table, formulas = self._table, self._sheets.formulas(self._table.sheet)
        return {name: [formulas.get((row, column)) for row in table.rows] for name, column in table.columns.items()}

    @cached_property
    def _jumps(self) -> dict[int, int]:
        """Steps whose weights all follow from another step than the one before, with how far that lies back."""
        backs: dict[int, set[int | None]] = {}
        rows = self._table.rows
        for name in self._updates:
            for formula in filled_formulas(self._texts[name], rows):
                above = self._row_above(name, formula)
                for step in formula.steps:
                    source = self._table.row_numbers.get(rows[step] - above) if above is not None else None
                    backs.setdefault(step, set()).add(None if source is None else step - source)
        found = {
            step: back
            for step, (back, *others) in ((step, tuple(of)) for step, of in backs.items())
            if not others and step > 0 and back not in (None, 1)
        }
        usual = len(found) * 2 > len(self._table.rows)
        return {} if usual else {step: back for step, back in found.items() if back is not None}

    def _row_above(self, name: str, formula: FilledFormula) -> int | None:
        """How many rows above itself an update finds its weight and its gradient; None if they are not together."""
        if formula.text is None:
            return None
        columns = {self._table.columns[other] for other in (name, f"dE_d{name}") if other in self._table.columns}
        above = {
            formula.row - target.row
            for target in parsed(formula.text).references
            if target.is_cell and not target.row_fixed and target.sheet is None and target.column in columns
        }
        return above.pop() if len(above) == 1 else None

    # -- what should stand there -------------------------------------------------------------

    @cached_property
    def _expected(self) -> dict[str, list[Expected]]:
        """What each number should be, in each way in which it may follow from the others."""
        chain = slips.chain_rule_names(self._network)
        given = {name: array for name, array in self._numbers.items() if name not in ("eta", "step")}
        given |= {
            name: np.full(len(self._table.rows), np.nan) for name in self._network.start_values if name not in given
        }
        found: dict[str, list[Expected]] = {}
        for without in (set(), set(chain)):
            cells = {name: array for name, array in given.items() if name not in without}
            with np.errstate(all="ignore"):
                step = reference.expected_step(self._network, cells)
                for name in self._quantities:
                    found.setdefault(name, []).append(step[name])
                for name in self._updates:
                    gradient = cells.get(f"dE_d{name}", step[f"dE_d{name}"].value)
                    found.setdefault(name, []).extend(self._expected_updates(cells[name], gradient))
            if not without & set(given):
                break
        for name in self._constants:
            value = np.full(len(self._table.rows), _usual(self._numbers[name]))
            found[name] = [Expected(value, np.abs(value))]
        return found

    def _expected_updates(self, values: Array, gradient: Array) -> Iterator[Expected]:
        """The update with the learning rate of the row above and, where each row has its own, of the same row."""
        count = len(values)
        source = np.maximum(np.arange(count) - 1, 0)
        for step, back in self._jumps.items():
            if 0 <= step - back < count:
                source[step] = step - back
        rates = [self._rate.values[source]]
        if self._rate.changes:
            rates.append(self._rate.values)
        for rate in rates:
            update = reference.expected_update(values[source], gradient[source], rate)
            update.value[0], update.scale[0] = values[0], abs(values[0])
            yield update

    @cached_property
    def _wrong(self) -> dict[str, Mask]:
        """Which numbers are wrong, or missing where the others are there."""
        wrong = {}
        for name, ways in self._expected.items():
            found = self._numbers[name]
            masks = []
            for should in ways:
                with np.errstate(invalid="ignore"):
                    mask = np.abs(found - should.value) > TOLERANCE * should.scale + TINY
                masks.append(mask | (np.isnan(found) & ~np.isnan(should.value)))
            wrong[name] = np.logical_and.reduce(masks)
        for name, rows in self._overflows.items():
            wrong[name] &= ~rows
        return wrong

    @cached_property
    def _overflows(self) -> dict[str, Mask]:
        """Rows in which EXP of more than 709.78 is an error in Excel, though an engine goes on with infinity."""
        found = {}
        for layer in range(1, len(self._network.layers)):
            for z in self._network.neurons(layer) if self._network.activation(layer) == "sigmoid" else ():
                if f"a_{z}" in self._quantities and z in self._numbers:
                    formulas = np.array(["EXP(" in (text or "") for text in self._texts[f"a_{z}"]])
                    rows = (self._numbers[z] < LOWEST_SIGMOID) & formulas
                    if rows.any():
                        found[f"a_{z}"] = rows
        return found

    # -- trying the formulas -----------------------------------------------------------------

    @cached_property
    def _groups(self) -> dict[str, list[_Group]]:
        """The formulas of each column, tried."""
        waiting: list[tuple[str, FilledFormula]] = []
        rows = self._table.rows
        for name in (*self._quantities, *self._updates, *self._constants):
            skipped = {0, *self._jumps} if name in self._updates else set()
            steps = [step for step in range(len(rows)) if step not in skipped]
            texts = [self._texts[name][step] for step in steps]
            for formula in filled_formulas(texts, [rows[step] for step in steps]):
                of_table = tuple(steps[n] for n in formula.steps)
                waiting.append((name, FilledFormula(formula.text, formula.row, of_table)))
        tried = self._tried(waiting, self._typed())
        doubtful = [item for item, result in zip(waiting, tried, strict=True) if result and not result.right]
        here = dict(zip(map(id, doubtful), self._tried(doubtful, self._here()), strict=True))
        groups: dict[str, list[_Group]] = {}
        for item, result in zip(waiting, tried, strict=True):
            groups.setdefault(item[0], []).append(_Group(*item, result, here.get(id(item))))
        return groups

    def _tried(
        self, items: Sequence[tuple[str, FilledFormula]], constants: Mapping[str, float]
    ) -> list[TriedFormula | None]:
        with_text = [(name, formula) for name, formula in items if formula.text is not None]
        results = iter(
            self._trial.tried(
                [(formula.text or "", formula.row) for _, formula in with_text],
                [name for name, _ in with_text],
                constants,
            )
        )
        return [next(results) if formula.text is not None else None for _, formula in items]

    def _typed(self) -> dict[str, float]:
        """The learning rate, where it is typed into the formulas."""
        rate = self._rate.first
        typed = self._rate.cell is None and "eta" not in self._table.columns
        return {"eta": rate} if typed and rate is not None else {}

    def _here(self) -> dict[str, float]:
        """The inputs, targets, fixed biases and the learning rate of this sheet."""
        fixed = {
            name: _usual(self._numbers[name])
            for name in self._network.start_values
            if name not in self._network.trained_names and name in self._numbers
        }
        fixed = {name: value for name, value in fixed.items() if math.isfinite(value)}
        return fixed | ({"eta": self._rate.first} if self._rate.first is not None else {})

    # -- the verdict -------------------------------------------------------------------------

    def result(self) -> CheckedTable:
        table = self._table
        findings = []
        named = [*self._network.weight_names, *self._network.input_names]
        if all(name in self._numbers for name in named):
            findings = [finding for name in self._groups for finding in self._judge(name)]
            findings = (
                self._broken_rate() or findings or self._suspects or self._unexplained_errors() or self._rate_findings()
            )
        findings.sort(key=lambda finding: (finding.kind == "constant", self._order(finding.quantity)))
        self._note_what_is_missing()
        self._note_the_activation()
        self._note_the_rate()
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
        names = [*self._constants, *self._quantities, *self._updates]
        return names.index(name) if name in names else -1

    def _judge(self, name: str) -> Iterator[Finding]:
        wrong = self._wrong[name]
        if name in self._overflows:
            yield self._overflow(name)
        for group in self._groups[name]:
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
        finding = self._finding(name, np.flatnonzero(self._overflows[name]))
        remedy = f"an input above {LOWEST_SIGMOID:.2f}: use a smaller learning rate or smaller start values"
        slip = f"shows #NUM! in Excel and LibreOffice, because {name.removeprefix('a_')} is so low"
        return replace(finding, kind="error", expected=remedy, max_abs_error=None, slip=slip)

    def _shows(self, name: str, steps: NDArray[np.intp]) -> bool:
        """Whether it shows that a formula is wrong: in its numbers, or because nothing is known to judge them by."""
        unknown = name in self._updates and self._rate.first is None
        return unknown or bool((self._wrong[name][steps] | np.isnan(self._numbers[name][steps])).any())

    def _judge_later_rows(self, group: _Group, steps: NDArray[np.intp]) -> Iterator[Finding]:
        """A formula that is right in one row, and whose numbers are wrong in others."""
        first = int(steps[0])
        text = self._texts[group.name][first]
        formula = FilledFormula(text, self._table.rows[first], (first,))
        tried, here = (
            self._tried([(group.name, formula)], constants)[0] for constants in (self._typed(), self._here())
        )
        again = _Group(group.name, formula, tried, here)
        if again.right is False:
            yield self._finding(group.name, steps, again)
        else:
            # it is right wherever it stands, so its numbers are wrong because others are, or by rounding
            suspect = self._finding(group.name, steps)
            largest = max(float(np.nanmax(np.abs(way.value), initial=0.0)) for way in self._expected[group.name])
            if suspect.max_abs_error is None or suspect.max_abs_error > _ROUNDING * largest:
                self._suspects.append(suspect)

    def _really_wrong(self, group: _Group, steps: NDArray[np.intp]) -> NDArray[np.intp]:
        """The rows of a wrong formula: all of them, but for those in which it still refers to the right cells."""
        fine = ~self._wrong[group.name][steps] & np.isfinite(self._numbers[group.name][steps])
        right = steps[fine]
        if not right.size or right.size == steps.size:
            return steps
        first = int(right[0])
        formula = FilledFormula(self._texts[group.name][first], self._table.rows[first], (first,))
        (tried,) = self._tried([(group.name, formula)], self._here())
        return steps[~fine] if tried and tried.right else steps

    def _nearly(self, name: str, steps: NDArray[np.intp]) -> Mask:
        """Whether numbers are right as far as a file shows them, or are none."""
        found = self._numbers[name][steps]
        near = [np.abs(found - way.value[steps]) <= 1e-8 * np.abs(way.value[steps]) for way in self._expected[name]]
        return np.isnan(found) | np.logical_or.reduce(near)

    def _follows(self, group: _Group, steps: NDArray[np.intp]) -> bool:
        """Whether a right formula gives wrong numbers only because it works on wrong ones."""
        for step in map(int, steps):
            text = self._texts[group.name][step]
            named = [self._trial.name_of(target, step) for target in parsed(text).references] if text else []
            for name, back in filter(None, named):
                if name in self._wrong and step - back >= 0 and self._wrong[name][step - back] and name != group.name:
                    break
            else:
                return False
        return True

    def _judge_constants(self, name: str, steps: NDArray[np.intp]) -> Iterator[Finding]:
        """Numbers in a column of formulas; cells that are empty say nothing."""
        found = self._numbers[name]
        wrong = self._wrong[name]
        if name in self._constants:
            wrong_steps = steps[wrong[steps]]
            if wrong_steps.size:
                yield self._finding(name, wrong_steps, slip="is not what the other rows hold")
            return
        values = self._sheets.values(self._table.sheet)
        column = self._table.columns[name]
        shown = {int(step): values.get((self._table.rows[step], column)) for step in steps}
        texts = [
            step
            for step, value in shown.items()
            if isinstance(value, bool) or (isinstance(value, str) and value.strip())
        ]
        empty = [step for step, value in shown.items() if value is None and not self._may_be_empty(name, step)]
        if empty:
            yield self._finding(name, np.array(empty), slip="is empty where a formula belongs")
        if texts:
            yield self._finding(
                name, np.array(texts), slip=f"holds {_shortened(shown[texts[0]])} where a formula belongs"
            )
        steps = steps[np.isfinite(found[steps])]
        if not steps.size:
            return
        errors = np.min([np.abs(found - should.value)[steps] for should in self._expected[name]], axis=0)
        tolerance = self._rounding[name][steps]
        off = steps[errors > tolerance]
        if not off.size and name in self._updates and not any(self._texts[name]) and not self._moves(name):
            off = steps
        if off.size:
            yield self._finding(name, off, slip="is a number where a formula belongs, and not the right one")
            steps = np.setdiff1d(steps, off)
        if steps.size:
            yield self._finding(name, steps)

    def _moves(self, name: str) -> bool:
        """Whether a pasted weight gets to where its gradients take it, as far as rounding lets one see."""
        found, gradient = self._numbers[name], self._numbers.get(f"dE_d{name}")
        if gradient is None or len(found) < 2:
            return True
        way = np.nansum((self._rate.values * gradient)[:-1])
        rounding = half_a_digit(gradient, self._texts[f"dE_d{name}"]).max() * np.nansum(np.abs(self._rate.values))
        error = abs(found[-1] - (found[0] - way))
        return not error > 2 * half_a_digit(found, self._texts[name]).max() + rounding + _ROUNDING * abs(way)

    def _may_be_empty(self, name: str, step: int) -> bool:
        """Whether a cell has no part in the training: in a column without any, or in the last row after the others."""
        if not any(self._texts[name]) and not np.isfinite(self._numbers[name]).any():
            return True
        if step < len(self._table.rows) - 1:
            return False
        values, row = self._sheets.values(self._table.sheet), self._table.rows[step]
        place = self._quantities.index(name) if name in self._quantities else -1
        later = self._quantities[place + 1 :]
        return all(values.get((row, self._table.columns[other])) is None for other in later)

    @cached_property
    def _rounding(self) -> dict[str, Array]:
        """How far a pasted number may be off, because it and those that it follows from were rounded."""
        halves = {}
        for name, numbers in self._numbers.items():
            # what is given, and the start of a weight, is as it was typed
            given = 1 if name in self._updates else 0 if name in self._quantities else len(numbers)
            texts = self._texts.get(name, [])
            halves[name] = half_a_digit(numbers[given:], texts[given:]) if texts[given:] else np.zeros(1)
            if given and halves[name].size > 1:
                halves[name] = np.append(0.0, halves[name])
        chain = {name: array for name, array in self._numbers.items() if name not in ("eta", "step")}
        with np.errstate(all="ignore"):
            base = reference.expected_step(self._network, chain)
            total = {name: halves[name] + TOLERANCE * base[name].scale + TINY for name in self._quantities}
            for moved, half in halves.items():
                if half.any() and moved in chain:
                    other = reference.expected_step(self._network, chain | {moved: chain[moved] + half})
                    for name in self._quantities:
                        if name != moved:
                            total[name] = total[name] + np.abs(other[name].value - base[name].value)
        for name in self._updates:
            gradient = halves.get(f"dE_d{name}", np.zeros(1))
            rate = np.nan_to_num(np.abs(self._rate.values))
            scale = self._expected[name][0].scale
            half = halves[name] + np.roll(np.broadcast_to(halves[name], len(self._table.rows)), 1)
            total[name] = half + rate * gradient + TOLERANCE * scale + TINY
        return total

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
                found=self._texts["eta"][steps[0]] or f"{value:g}",
                expected=f"{self._rate.values[0]:g}",
                max_abs_error=float(np.nanmax(np.abs(self._rate.values - self._rate.values[0]))),
                ranges=self._ranges(changed, column),
                slip=f"changes part-way, to {value:g}",
            )
        ]

    def _unexplained_errors(self) -> list[Finding]:
        """Errors in cells that wait for each other: none is the cause more than another, so the first is named."""
        for step, row in enumerate(self._table.rows):
            for name in (*self._quantities, *self._updates):
                number = self._numbers[name][step]
                if math.isnan(number) and self._sheets.is_error(self._table.sheet, row, self._table.columns[name]):
                    return [self._finding(name, np.array([step]))]
        return []

    # -- one finding -------------------------------------------------------------------------

    def _finding(
        self,
        name: str,
        steps: NDArray[np.intp],
        group: _Group | None = None,
        slip: str = "",
    ) -> Finding:
        table = self._table
        wrong = self._wrong[name][steps]
        step = int(steps[0])
        row, column = table.rows[step], table.columns[name]
        formula = self._texts[name][step]
        value = self._sheets.value(table.sheet, row, column)
        is_update = name in self._updates
        is_error = all(self._sheets.is_error(table.sheet, table.rows[int(n)], column) for n in steps)
        named = None
        if group is not None and not is_error:
            named = self._named_slip(group)
            slip = slip or (named.sentence + self._by_way_of(group.formula) if named else "")
        if formula is None:
            kind = "constant"
        elif is_error:
            kind, slip = "error", slip or f"shows {value}"
        elif named is not None and named.shifted:
            kind = "reference"
        else:
            kind = "update" if is_update else "formula"
        errors = np.min([np.abs(self._numbers[name] - way.value)[steps] for way in self._expected[name]], axis=0)
        errors = errors[wrong & np.isfinite(errors)] if wrong.any() else errors[np.isfinite(errors)]
        return Finding(
            quantity=name,
            kind=kind,
            cell=cell_address(row, column),
            rows=len(steps),
            found=formula if formula is not None else "" if value is None else f"{value}",
            expected=self._expected_formula(name, step, formula)
            if any(np.isfinite(way.value[step]) or np.isnan(way.value[step]) for way in self._expected[name])
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

    def _named_slip(self, group: _Group) -> slips.Slip | None:
        name, text = group.name, group.formula.text or ""
        step = self._table.row_numbers[group.formula.row]
        formula = parsed(text)
        if name in self._constants:
            return None
        shifted = self._other_rate(name, formula) or self._other_rows(name, formula, step)
        if shifted:
            return shifted
        if _ROUNDING_FUNCTIONS.intersection(formula.functions):
            return slips.Slip("is rounded, and so is all that follows from it")
        known = self._known(text, step)
        for tried in (group.tried, group.tried_here):
            if tried and not tried.right:
                found = slips.slip(self._network, name, known, tried.runs, tried.found, formula.numbers)
                if found:
                    return found
        return None

    def _by_way_of(self, formula: FilledFormula) -> str:
        """The cells without a known header that a formula takes its number from, where the slip may be."""
        step = self._table.row_numbers[formula.row]
        helpers = [
            cell_address(target.row, target.column)
            for target in parsed(formula.text or "").references
            if target.is_cell
            and target.sheet in (None, self._table.sheet)
            and self._trial.name_of(target, step) is None
            and (target.row, target.column) in self._sheets.formulas(self._table.sheet)
        ]
        return f", by way of {', '.join(helpers)}" if helpers else ""

    def _other_rate(self, name: str, formula: Formula) -> slips.Slip | None:
        """Another cell where the learning rate belongs."""
        rate = self._rate.cell
        if name not in self._updates or rate is None:
            return None
        for target in formula.references:
            cell = Cell(target.sheet or self._table.sheet, target.row, target.column)
            in_table = cell.sheet == self._table.sheet and self._table.header_row < cell.row <= self._table.rows[-1]
            if target.is_cell and not in_table and cell != rate:
                sheet = "" if cell.sheet == self._table.sheet else f"{quoted(cell.sheet)}!"
                found = sheet + cell_address(cell.row, cell.column)
                return slips.Slip(f"takes η from {found} instead of {self._addresses(0)('eta')}", shifted=True)
        return None

    def _other_rows(self, name: str, formula: Formula, step: int) -> slips.Slip | None:
        """Cells of another row than the formula should work on."""
        usual = 1 if name in self._updates else 0
        far: dict[str, int] = {}
        inside, rows = set(self._table.columns.values()), self._table.rows
        for target in formula.references:
            own = target.is_cell and target.sheet in (None, self._table.sheet) and target.column in inside
            if own and self._table.header_row <= target.row <= rows[-1] and target.row not in self._table.row_numbers:
                return slips.Slip(f"refers to row {target.row}, which holds no step", shifted=True)
            named = self._trial.name_of(target, step)
            if named and target.is_cell and named[0] in self._numbers and named[0] not in self._here():
                header = notation.header(named[0])
                if named[1] != usual and target.row_fixed:
                    return slips.Slip(f"takes {header} always from row {target.row}, because of the $", shifted=True)
                far[header] = named[1] - usual
        shifts = {shift for shift in far.values() if shift}
        if not shifts:
            return None
        shift = shifts.pop()
        where = f"{abs(shift)} row{'s' if abs(shift) > 1 else ''} too {'high' if shift > 0 else 'low'}"
        if len(far) > 1 and all(other == shift for other in far.values()):
            return slips.Slip(f"takes all its numbers from {where}", shifted=True)
        header = next(header for header, other in far.items() if other == shift)
        return slips.Slip(f"takes {header} from {where}", shifted=True)

    def _known(self, text: str | None, step: int) -> frozenset[str]:
        """The names that an expected formula may use: δ and local derivatives only where the formula does too."""
        chain = slips.chain_rule_names(self._network)
        own = {*self._table.columns, *self._table.cells, *self._network.start_values, "eta"}
        if text is not None:
            used = {
                named[0]
                for target in parsed(text).references
                if (named := self._trial.name_of(target, step)) is not None
            }
            if not used & chain:
                own -= chain
        return frozenset(own)

    def _expected_formula(self, name: str, step: int, text: str | None) -> str:
        table = self._table
        row = table.rows[step]
        if name in self._constants:
            usual = int(np.argmax(self._numbers[name] == _usual(self._numbers[name])))
            return f"={fixed_address(table.rows[usual], table.columns[name])}"
        source = row
        if name in self._updates:
            source = table.rows[max(step - 1, 0)]
        expression = slips.expected_expression(self._network, name, self._known(text, step))
        return f"={cell_formula(expression, self._addresses(source))}"

    def _addresses(self, row: int) -> Callable[[str], str]:
        table = self._table

        def address(name: str) -> str:
            place = table.places.get(name, name)
            if place in table.columns:
                return cell_address(row, table.columns[place])
            cell = self._rate.cell if name == "eta" else table.cells.get(place)
            if cell is None:
                rate = self._rate.first
                return f"{rate:.12g}" if name == "eta" and rate is not None else notation.header(name)
            sheet = "" if cell.sheet == table.sheet else f"{quoted(cell.sheet)}!"
            return sheet + fixed_address(cell.row, cell.column)

        return address

    # -- what else is worth knowing ----------------------------------------------------------

    @property
    def _broken(self) -> bool:
        return bool(self._jumps or self._rate.changes)

    def _note_luck(self, group: _Group) -> None:
        if self._table.missing or group.name in self._constants:
            # without its inputs nothing can be tried
            return
        cell = cell_address(group.formula.row, self._table.columns[group.name])
        named = self._named_slip(group)
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
        texts = [text for name in self._updates for text in self._texts[name][1:2] if text]
        if self._typed() and any(self._rate.first in parsed(text).numbers for text in texts):
            self._notes.append("the learning rate is typed into the formulas: give it a cell, to try others")
        for step in self._rate.changes:
            value = self._rate.values[step]
            shown = f"{value:g}" if math.isfinite(value) else "no number"
            self._notes.append(f"the learning rate changes to {shown} in row {table.rows[step]}")

    def _note_jumps(self, findings: list[Finding]) -> None:
        table = self._table
        for step, back in self._jumps.items():
            row = table.rows[step]
            source = table.rows[step - back] if 0 <= step - back < len(table.rows) else None
            text = f"row {row} goes on from row {source}, not from row {table.rows[step - 1]}"
            self._notes.append(text)
            if not self._rate.changes:
                # one run, then, and it is broken here
                name = self._updates[0]
                column = table.columns[name]
                findings.append(
                    Finding(
                        quantity=name,
                        kind="reference",
                        cell=cell_address(row, column),
                        rows=1,
                        found=self._texts[name][step] or "",
                        expected=self._expected_formula(name, step, None),
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


def _usual(numbers: Array) -> float:
    """The number that stands most often in a column; of several the first."""
    values, counts = np.unique(numbers, return_counts=True)
    most = {float(value) for value, count in zip(values, counts, strict=True) if count == counts.max()}
    return next((float(number) for number in numbers if number in most), math.nan)


@lru_cache(maxsize=256)
def _run(network: Network, rate: float, steps: int) -> Array:
    """E_total at each step, by NumPy; a class trains the same network over and over."""
    with np.errstate(all="ignore"):
        return np.array([float(step.total[0]) for step in reference.train(network, [rate], steps)])
