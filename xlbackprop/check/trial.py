"""Tries formulas on training steps whose numbers are known.

Is a formula right, however it is written? Put true numbers of some random training into the cells
that it refers to, let the spreadsheet engine compute it, and see whether it gives the true number.
Three random trainings leave no room for luck, and a formula that is wrong can be told from one that
only works on wrong numbers.
"""

import math
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache

import numpy as np
from numpy.typing import NDArray

from xlbackprop.backprop.functions import SOFTMAX
from xlbackprop.backprop.network import Network
from xlbackprop.backprop.simulation import Simulation
from xlbackprop.check.shown import Multiples, multiple
from xlbackprop.reference import Array
from xlbackprop.spreadsheet.cells import Cell, Sheets, as_number
from xlbackprop.spreadsheet.formulas import Reference, parsed
from xlbackprop.spreadsheet.ironcalc import calls_only_known, computable, computed_on_the_side
from xlbackprop.tables.table import AS_IT_IS, Table

#: How many random trainings a formula is tried on.
TRAININGS = 3
# a formula may look a few steps back, wrongly; farther off it meets another training
_BACK, _AHEAD = 4, 3
#: Formulas that depend on more cells around the table than this are judged by their numbers alone.
_MOST_CELLS = 500
#: Functions that make a cell depend on where it stands or on chance.
_UNTRIABLE = {"OFFSET", "INDIRECT", "ROW", "ROWS", "COLUMN", "COLUMNS", "CELL", "RAND", "NOW", "TODAY", "ADDRESS"}

#: Larger networks are judged by their numbers alone.
_MOST_WEIGHTS = 500

#: A constant that tells that the targets add up to it: those of softmax to 1, in most tables.
SUM_OF_TARGETS = "sum of targets"

Step = Mapping[str, float]
#: Values that are not drawn, by name, in order.
Constants = tuple[tuple[str, float], ...]
# what is put into each cell: a quantity and how many steps back, a number, or a formula of its own
_Layout = dict[Cell, "str | float | tuple[str, int]"]
# what answers depend on: network, constants, the formula without its references, their shapes and what they hold
_Key = tuple[
    Network, Constants, str, tuple[tuple[int, int, int], ...], tuple[float | str | tuple[str, int] | None, ...],
    Multiples,
]  # fmt: skip
#: A class writes the same formula in every file: its answers are computed once.
_answers: dict[_Key | None, tuple[float, ...]] = {}
_MOST_ANSWERS = 4096


def _remember(key: _Key | None, answers: tuple[float, ...]) -> None:
    if key is not None:
        if len(_answers) >= _MOST_ANSWERS:
            _answers.clear()
        _answers[key] = answers


def same(found: Array, expected: Array) -> NDArray[np.bool_]:
    """Whether numbers of a training are the same but for rounding; they are of the size of 1, or a little less."""
    with np.errstate(invalid="ignore"):
        return np.abs(found - expected) <= 1e-13 + 1e-9 * np.abs(expected)


@dataclass(frozen=True)
class TriedFormula:
    """What a formula gave on the random trainings.

    Attributes:
        results: its value on each, NaN for an error; empty if it could not be tried.
        expected: what it should have given.
        constants: what was not drawn in these trainings.
    """

    results: tuple[float, ...]
    expected: tuple[float, ...]
    constants: Constants

    @cached_property
    def right(self) -> bool | None:
        """Whether the formula is right; None if it could not be tried."""
        if not self.results:
            return None
        return bool(same(np.array(self.results), np.array(self.expected)).all())


@lru_cache(maxsize=64)
def trainings(network: Network, constants: Constants = ()) -> tuple[tuple[Step, ...], ...]:
    """Some short random trainings: for each its steps, a dictionary of all values by name, `eta` among them.

    The step in question is the one at index `CURRENT`.

    Args:
        network: gives layers and functions.
        constants: values that are not drawn: inputs, targets, `eta`, biases that share a cell.
    """
    generator = random.Random(2026)
    found: list[tuple[Step, ...]] = []
    while len(found) < TRAININGS:
        fixed = dict(constants)
        values = {name: generator.uniform(0.2, 1.2) * generator.choice((-1, 1)) for name in network.start_values}
        values |= {name: generator.uniform(0.1, 0.9) for name in [*network.input_names, *network.target_names]}
        eta = generator.uniform(0.3, 0.9)
        if SUM_OF_TARGETS in fixed:
            scale = fixed[SUM_OF_TARGETS] / sum(values[name] for name in network.target_names)
            values |= {name: scale * values[name] for name in network.target_names}
        values |= {name: value for name, value in fixed.items() if name in values}
        found.append(_training(network, values, fixed.get("eta", eta)))
    return tuple(found)


CURRENT = _BACK


@lru_cache(maxsize=16)
def _simulation(network: Network) -> Simulation:
    return Simulation(network)


def _training(network: Network, values: dict[str, float], eta: float) -> tuple[Step, ...]:
    simulation = _simulation(network)
    steps = []
    for _ in range(_BACK + 1 + _AHEAD):
        try:
            step = simulation.evaluate(values | {"eta": eta})
        except (ArithmeticError, ValueError):
            step = dict.fromkeys(values, math.nan)
        steps.append(step)
        if not all(map(math.isfinite, step.values())):
            continue
        values = values | simulation.updated(step)
    return tuple(steps)


class Trial:
    """Tries the formulas of one table.

    Args:
        sheets: the workbook.
        table: the table that the formulas belong to.
        eta_cell: where the learning rate stands, if it stands in a cell.
        parameters: single cells outside the table that hold inputs, targets or biases, with their names.
        helpers: columns without a header that are to hold a quantity, with its name.
    """

    def __init__(
        self,
        sheets: Sheets,
        table: Table,
        eta_cell: Cell | None,
        parameters: Mapping[Cell, str],
        helpers: Mapping[int, str] | None = None,
    ) -> None:
        self._sheets, self._table = sheets, table
        self._names = dict(parameters)
        if eta_cell is not None:
            self._names[eta_cell] = "eta"
        self._columns = {column: table.network_names.get(name, name) for name, column in table.columns.items()}
        self._columns |= helpers or {}

    def name_of(self, reference: Reference, step: int) -> tuple[str, int] | None:
        """The quantity in a single cell and how many steps before `step` it belongs to; None if it is none."""
        cell = reference.cell_on(self._table.sheet)
        if cell in self._names:
            return self._names[cell], 0
        if not self._table.holds(cell):
            return None
        name = self._columns.get(cell.column)
        return (name, step - self._table.row_numbers[cell.row]) if name else None

    def names_in(self, reference: Reference, step: int) -> list[str]:
        """The quantities of a step that stand in its row in some cells."""
        sheet = reference.sheet or self._table.sheet
        if sheet != self._table.sheet or self._table.row_numbers.get(reference.row) != step:
            return []
        columns = range(reference.column, reference.last_column + 1)
        return [self._columns[column] for column in columns if column in self._columns]

    def tried(
        self, formulas: Sequence[tuple[str, int]], names: Sequence[str], constants: Mapping[str, float]
    ) -> list[TriedFormula]:
        """Try formulas on the same trainings.

        Args:
            formulas: each with the row that it stands in.
            names: the quantity that each should give.
            constants: values that are as they stand in the sheet, and not drawn.
        """
        network = self._table.network
        fixed = {**constants, **self._table.typed, **self._sum_of_targets}
        places = self._table.places
        if any(places.get(bias) != bias for bias in network.bias_names):
            # biases that share a cell share their value, and one that is left out is none
            for name in network.bias_names:
                first = self._table.network_names[places[name]] if name in places else ""
                fixed.setdefault(name, 0.35 + 0.1 * int(first[1:]) if first else 0.0)
        known = tuple(sorted(fixed.items()))
        runs = trainings(network, known)
        layouts = [self._layout(text, row) for text, row in formulas]
        keys = [self._key(text, row, layout, known) for (text, row), layout in zip(formulas, layouts, strict=True)]
        answers: list[tuple[float, ...]] = [_answers.get(key, ()) for key in keys]
        by_row: dict[int, list[int]] = {}
        for n, (_, row) in enumerate(formulas):
            if layouts[n] is not None and not answers[n]:
                by_row.setdefault(row, []).append(n)
        for row, members in by_row.items():
            layout = {cell: content for n in members for cell, content in (layouts[n] or {}).items()}
            texts = [formulas[n][0] for n in members]
            computed = zip(*(self._computed(texts, row, steps, layout) for steps in runs), strict=True)
            for n, values in zip(members, computed, strict=True):
                answers[n] = values
                _remember(keys[n], values)
        found = []
        for n, name in enumerate(names):
            expected = tuple(self._shown(steps, name, 0) for steps in runs)
            usable = layouts[n] is not None and all(map(math.isfinite, expected))
            # an error may be the engine's own
            usable &= all(map(math.isfinite, answers[n])) or calls_only_known(computable(formulas[n][0]))
            found.append(TriedFormula(answers[n] if usable else (), expected, known))
        return found

    @cached_property
    def _sum_of_targets(self) -> Mapping[str, float]:
        """With softmax, what the targets add up to where it is 1 in each row: a - t is right only then."""
        network = self._table.network
        if network.output != SOFTMAX:
            return {}
        numbers = self._table.read(self._sheets)
        total = sum((numbers[name] for name in network.target_names if name in numbers), np.zeros(1))
        return {SUM_OF_TARGETS: 1.0} if np.isclose(total, 1.0, rtol=1e-12).all() else {}

    def _layout(self, text: str, row: int) -> _Layout | None:
        """Every cell that a formula depends on; None if these are too many, or depend on where they stand."""
        if self._table.network.weights[_MOST_WEIGHTS:]:
            return None
        step = self._table.row_numbers[row]
        found: _Layout = {}
        waiting = [text]
        while waiting:
            formula = parsed(waiting.pop())
            if _UNTRIABLE.intersection(formula.functions):
                return None
            for reference in formula.references:
                sheet = reference.sheet or self._table.sheet
                size = (reference.last_row - reference.row + 1) * (reference.last_column - reference.column + 1)
                if size + len(found) > _MOST_CELLS:
                    return None
                for cell in (Cell(sheet, *place) for place in reference.cells() if sheet in self._sheets.names):
                    self._lay(cell, step, found, waiting)
            for name in formula.names:
                if target := self._sheets.named_cell(name, self._table.sheet):
                    self._lay(target, step, found, waiting)
        return found

    def _lay(self, cell: Cell, step: int, found: _Layout, waiting: list[str]) -> None:
        if cell in found:
            return
        reference = Reference(cell.sheet, cell.row, cell.column, cell.row, cell.column, row_fixed=True)
        if named := self.name_of(reference, step):
            found[cell] = named
        elif text := self._sheets.formula(cell.sheet, cell.row, cell.column):
            found[cell] = text
            waiting.append(text)
        else:
            number = as_number(self._sheets.value(cell.sheet, cell.row, cell.column))
            if not math.isnan(number):
                found[cell] = number

    def _key(self, text: str, row: int, layout: _Layout | None, known: Constants) -> _Key | None:
        """All that the answers of a formula depend on; None where that is more than what its references hold."""
        formula, sheet = parsed(text), self._table.sheet
        if layout is None or ":" in formula.pattern or any(isinstance(content, str) for content in layout.values()):
            return None
        cells = [Cell(of.sheet or sheet, *place) for of in formula.references for place in of.cells()]
        for name in formula.names:
            if (target := self._sheets.named_cell(name, sheet)) is None:
                return None
            cells.append(target)
        # nothing on another sheet may be an empty cell or no sheet at all
        if not cells or any(cell.sheet != sheet and cell not in layout for cell in cells):
            return None
        # where a range stands matters where a single cell is wanted
        shapes = tuple(
            (of.row - row, of.last_row - row, of.last_column - of.column) for of in formula.references if not of.is_cell
        )
        multiples = tuple(self._table.multiples.items())
        return self._table.network, known, formula.pattern, shapes, tuple(map(layout.get, cells)), multiples

    def _computed(self, texts: Sequence[str], row: int, steps: Sequence[Step], layout: _Layout) -> list[float]:
        """What the formulas of a row give in one training."""
        contents: dict[Cell, float | str] = {}
        for cell, content in layout.items():
            value = self._shown(steps, *content) if isinstance(content, tuple) else content
            if isinstance(value, str) or math.isfinite(value):
                contents[cell] = value
        used = {name.casefold() for text in texts for name in parsed(text).names}
        names = [entry for entry in self._sheets.defined_names if entry.name.casefold() in used]
        return computed_on_the_side(texts, self._table.sheet, row, contents, names)

    def _shown(self, steps: Sequence[Step], name: str, back: int) -> float:
        """What a cell of a quantity shows in a training, so many steps back."""
        at = steps[CURRENT - back] if -_AHEAD <= back <= _BACK else steps[CURRENT]
        return _value(steps, name, back) * multiple(self._table.multiples.get(name, AS_IT_IS), at)


def _value(steps: Sequence[Step], name: str, back: int) -> float:
    if -_AHEAD <= back <= _BACK:
        return steps[CURRENT - back].get(name, math.nan)
    # so far away that any other number will do
    return random.Random(f"{name} {back}").uniform(0.2, 1.2)
