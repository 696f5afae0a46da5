"""Finds backpropagation tables in any workbook, whoever made it.

A table is a row of headers with a row of numbers a step somewhere below it. It may stand anywhere,
beside other content and other tables; what is no column of it, such as an input or the learning
rate, may stand in a cell of its own.
"""

import math
import re
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from xlbackprop import reference
from xlbackprop.backprop.functions import ACTIVATIONS, SOFTMAX
from xlbackprop.backprop.network import Network
from xlbackprop.reference import Array
from xlbackprop.spreadsheet.cells import Cell, Sheets
from xlbackprop.spreadsheet.formulas import parsed
from xlbackprop.tables import biases
from xlbackprop.tables.headers import quantity
from xlbackprop.tables.headline import NEAR, segments
from xlbackprop.tables.shape import is_softmax, network_of
from xlbackprop.tables.table import Table, number_in, number_or_nan

#: A sheet of parameters has no more cells.
_SMALL_SHEET = 200
#: A group of headers may stand so many rows above the others.
_HIGHER = 2

_CONSTANT = re.compile(rf"[ti]\d+|{biases.NAME}")
_PARAMETER = re.compile(rf"eta|[ti]\d+|{biases.NAME}")


def find_tables(sheets: Sheets) -> list[Table]:
    """All backpropagation tables on the visible sheets of a workbook, in reading order.

    A table whose weights return to their start values is cut there: another run begins.
    """
    elsewhere = _labelled(sheets)
    tables = (table for sheet in sheets.visible for table in _Sheet(sheets, sheet, elsewhere).tables())
    found = [run for table in tables for run in _runs(sheets, table)]
    eta_cells = {table.cells["eta"] for table in found if "eta" in table.cells}
    return [replace(table, other_eta_cells=frozenset(eta_cells - {table.cells.get("eta")})) for table in found]


def _runs(sheets: Sheets, table: Table) -> Iterator[Table]:
    weights = [name for name in table.network.weight_names if name in table.columns]
    if table.missing or not weights:
        yield table
        return
    values = sheets.values(table.sheet)
    columns = [table.columns[name] for name in weights]
    states = [tuple(values.get((row, column)) for column in columns) for row in table.rows]
    starts = [0, *(step for step in range(1, len(states)) if states[step] == states[0] != states[step - 1])]
    rates = _labelled_rates(sheets, table) if len(starts) > 1 else {}
    for first, last in zip(starts, [*starts[1:], len(states)], strict=True):
        cells = dict(table.cells)
        # above its rows, or beside them
        own = [row for row in rates if table.rows[first - 1] < row <= table.rows[last - 1]] if first else []
        if own:
            cells["eta"] = rates[min(own)]
        yield replace(table, rows=table.rows[first:last], cells=cells)


def _labelled_rates(sheets: Sheets, table: Table) -> dict[int, Cell]:
    """The learning rates that have a label around the rows of a table, by the row of the label."""
    inside, found = set(table.columns.values()), dict[int, Cell]()
    for (row, column), text in sheets.values(table.sheet).items():
        if isinstance(text, str) and quantity(text) == "eta":
            for cell in (Cell(table.sheet, row, column + 1), Cell(table.sheet, row + 1, column)):
                in_table = cell.row in table.row_numbers and cell.column in inside
                if not in_table and not math.isnan(number_in(sheets, cell)):
                    found.setdefault(row, cell)
                    break
    return found


@dataclass(frozen=True)
class _Headers:
    row: int
    columns: Mapping[str, int]

    @property
    def span(self) -> tuple[int, int]:
        return min(self.columns.values()), max(self.columns.values())

    def overlaps(self, other: "_Headers") -> bool:
        return self.span[0] <= other.span[1] and other.span[0] <= self.span[1]


class _Sheet:
    """One sheet, with the names of quantities and the numbers that stand in it."""

    def __init__(self, sheets: Sheets, name: str, elsewhere: Mapping[str, Cell]) -> None:
        self._sheets, self._name, self._elsewhere = sheets, name, elsewhere
        formulas = sheets.formulas(name)
        # names by row and column; columns with a number or a formula, by row
        self._names: dict[int, dict[int, str]] = {}
        self._filled: defaultdict[int, set[int]] = defaultdict(set)
        for place, value in sheets.values(name).items():
            row, column = place
            if type(value) is float or (place in formulas and value != ""):
                self._filled[row].add(column)
            elif isinstance(value, str):
                if found := quantity(value):
                    self._names.setdefault(row, {})[column] = found
                elif not math.isnan(number_or_nan(value)):
                    self._filled[row].add(column)

    def tables(self) -> Iterator[Table]:
        headers = [_Headers(row, columns) for row, names in sorted(self._names.items()) for columns in segments(names)]
        headers = self._without_repeats(headers)
        for header in headers:
            below = [other.row for other in headers if other.row > header.row and header.overlaps(other)]
            end = min(below, default=max(self._filled, default=header.row) + 1)
            filled = {row: self._filled[row] for row in self._filled if header.row < row < end}
            if filled or not below:
                yield self._table(header, filled)

    def _without_repeats(self, headers: Sequence[_Headers]) -> list[_Headers]:
        """The headers that begin a table, without those that only repeat the ones above inside a long table."""
        kept: list[_Headers] = []
        for header in headers:
            weight = header.columns[next(name for name in header.columns if re.fullmatch(r"w\d+", name))]
            begins = (header.row + 1, weight) not in self._sheets.formulas(self._name)
            if begins or not any(other.columns == header.columns for other in kept):
                kept.append(header)
        return kept

    def _table(self, header: _Headers, filled: Mapping[int, set[int]]) -> Table:
        columns = dict(header.columns)
        inside = set(columns.values())
        occupied = {row: len(cells & inside) for row, cells in filled.items()}
        fullest = max(occupied.values(), default=0)
        rows = tuple(sorted(row for row, count in occupied.items() if count >= max(3, fullest / 2)))
        rows = tuple(
            row for row in rows if not self._is_summary(row, columns) and not self._is_numbering(row, rows, columns)
        )
        # from both sides, so that a group of headers draws the next one in
        columns = self._with_higher_headers(header, self._with_higher_headers(header, columns, rows), rows)
        # a label that happens to stand in the row of headers names a single cell, not a column
        for name in [name for name in columns if _PARAMETER.fullmatch(name) or name == "step"]:
            count = sum(1 for row in rows if columns[name] in filled[row])
            if count <= 1 < len(rows):
                del columns[name]
        columns = _with_meant(columns)
        cells = self._parameters(header, rows, columns)
        if not is_softmax(columns):
            columns = {name: column for name, column in columns.items() if not name.startswith("e_")}
        network = network_of({*columns, *cells})
        if network is None:
            classic = Network.blank((2, 2, 2))
            return Table(self._name, header.row, rows, columns, cells, classic, tuple(classic.weight_names))
        columns = _of_network(columns, network)
        table = biases.with_biases(self._sheets, Table(self._name, header.row, rows, columns, cells, network))
        missing = tuple(_missing(table.network, table.columns, table.cells, rows, filled))
        return _with_functions(self._sheets, replace(table, missing=missing))

    def _is_summary(self, row: int, columns: Mapping[str, int]) -> bool:
        """Whether a row sums its own columns up: the average of all steps is no step."""
        if not (ranges := self._ranges.get(row)):
            return False
        inside = set(columns.values())
        summing = {
            column
            for column, text in ranges.items()
            if column in inside
            for of in parsed(text).references
            if (of.column, of.last_column) == (column, column) and of.row < of.last_row < row
        }
        return 2 * len(summing) > len(columns)

    @cached_property
    def _ranges(self) -> dict[int, dict[int, str]]:
        """The formulas that refer to a range of cells, by row and column."""
        found: dict[int, dict[int, str]] = {}
        for (row, column), text in self._sheets.formulas(self._name).items():
            if ":" in text:
                found.setdefault(row, {})[column] = text
        return found

    def _is_numbering(self, row: int, rows: Sequence[int], columns: Mapping[str, int]) -> bool:
        """Whether the row below the headers only numbers the columns."""
        if row != rows[0]:
            return False
        values = self._sheets.values(self._name)
        numbers = [values.get((row, column)) for column in sorted(columns.values())]
        first = numbers[0]
        return isinstance(first, float) and numbers == [first + n for n in range(len(numbers))]

    def _with_higher_headers(self, header: _Headers, columns: Mapping[str, int], rows: Sequence[int]) -> dict[str, int]:
        """The columns with those whose header stands a row or two above the others."""
        found = dict(columns)
        for row in range(header.row - _HIGHER, header.row):
            for column, name in sorted(self._names.get(row, {}).items()):
                near = min(abs(column - other) for other in found.values()) <= NEAR
                filled = sum(1 for r in rows if column in self._filled[r]) * 2 > len(rows)
                if near and filled and column not in columns.values() and name not in found:
                    found[name] = column
        return found

    def _parameters(self, header: _Headers, rows: Sequence[int], columns: Mapping[str, int]) -> dict[str, Cell]:
        """The cells beside or below a label; a label above the table goes before others, and the nearest first."""
        inside = set(columns.values())
        left, right = header.span
        labels = [(row, column, name) for row, names in self._names.items() for column, name in names.items()]

        def distance(label: tuple[int, int, str]) -> tuple[bool, int, int]:
            row, column, _ = label
            return not left - 2 <= column <= right + 2, abs(row - header.row), abs(column - left)

        found: dict[str, Cell] = {}
        for row, column, name in sorted(labels, key=distance):
            if name in found or not _PARAMETER.fullmatch(name) or (row == header.row and column in inside):
                continue
            for cell in (Cell(self._name, row, column + 1), Cell(self._name, row + 1, column)):
                in_table = cell.row in rows and cell.column in inside
                if not in_table and not math.isnan(number_in(self._sheets, cell)):
                    found[name] = cell
                    break
        return dict(self._elsewhere) | found


def _labelled(sheets: Sheets) -> dict[str, Cell]:
    """Inputs, targets and biases that have a name in the workbook, or a label on a small sheet of their own."""
    found: dict[str, Cell] = {}
    for entry in sheets.defined_names:
        name = quantity(entry.name.strip("_"))
        if name and _CONSTANT.fullmatch(name) and entry.sheet is None:
            cell = sheets.named_cell(entry.name, None)
            if cell and not math.isnan(number_in(sheets, cell)):
                found[name] = cell
    for sheet in sheets.visible:
        values = sheets.values(sheet)
        if len(values) > _SMALL_SHEET:
            continue
        for (row, column), value in values.items():
            name = quantity(value) if isinstance(value, str) else None
            if name and _CONSTANT.fullmatch(name) and name not in found:
                for place in ((row, column + 1), (row + 1, column)):
                    if isinstance(values.get(place), float):
                        found[name] = Cell(sheet, *place)
                        break
    return found


#: Names that stand for a quantity only where it has no other: y1 for an output or else a target, Δw1 for a gradient.
_STAND_INS = ((r"y(\d+)", ("a_o{}", "t{}")), (rf"change_(w\d+|{biases.NAME})", ("dE_d{}",)))


def _with_meant(columns: Mapping[str, int]) -> dict[str, int]:
    """The columns, with those that stand in for a quantity under its name."""
    matches = {
        name: (match[1], meant)
        for pattern, meant in _STAND_INS
        for name in columns
        if (match := re.fullmatch(pattern, name))
    }
    found = {name: column for name, column in columns.items() if name not in matches}
    for name, (which, meant) in matches.items():
        if free := next((other for text in meant if (other := text.format(which)) not in found), None):
            found[free] = columns[name]
    return found


def _of_network(columns: Mapping[str, int], network: Network) -> dict[str, int]:
    """The columns without errors of outputs that the network lacks: E3 of two compares learning rates."""
    outputs = len(network.target_names)
    beyond = {name for name in columns if (match := re.fullmatch(r"E(\d+)", name)) and int(match[1]) > outputs}
    return {name: column for name, column in columns.items() if name not in beyond}


def _missing(
    network: Network,
    columns: Mapping[str, int],
    cells: Mapping[str, Cell],
    rows: Sequence[int],
    filled: Mapping[int, set[int]],
) -> Iterator[str]:
    of_biases = [f"dE_d{name}" for name in network.bias_names]
    # that of a bias is the δ of its neuron, and an update may take it from there
    alone = [] if any(name in columns for name in of_biases) else of_biases
    gradients = [name for name in (f"dE_d{name}" for name in network.trained_names) if name not in alone]
    activations = [a for layer in network.trained_layers for a in network.activations(layer)]
    for name in [*network.trained_names, *activations, "E_total", *gradients]:
        if name not in columns or not any(columns[name] in filled[row] for row in rows):
            yield name
    for name in [*network.input_names, *network.target_names]:
        if name not in columns and name not in cells:
            yield name


def _with_functions(sheets: Sheets, table: Table) -> Table:
    """The table with the activations that fit its numbers best."""
    network, numbers = table.network, table.read(sheets)

    def fit(layers: range) -> str:
        names = [name for layer in layers for name in network.activations(layer) if name in table.columns]
        texts = [sheets.formula(table.sheet, table.rows[0], table.columns[name]) for name in names if table.rows]
        passed_on = any(text and re.fullmatch(r"=\+?[$A-Z0-9]+", text) for text in texts)
        return _best_fit(network, numbers, layers, passed_on=passed_on)

    hidden, output = fit(network.trained_layers[:-1]), network.output
    if output != SOFTMAX:
        if _is_softmax(network, numbers):
            return replace(table, network=replace(network, hidden=hidden, output=SOFTMAX, loss="cross-entropy"))
        output = fit(network.trained_layers[-1:])
    return replace(table, network=replace(network, hidden=hidden, output=output))


@np.errstate(all="ignore")
def _is_softmax(network: Network, numbers: Mapping[str, Array]) -> bool:
    """Whether at least half of the outputs are the softmax of the numbers beside them, and fewer are anything else."""
    names = network.neurons(network.last)
    if len(names) < 2 or not all(name in numbers for o in names for name in (o, f"a_{o}")):
        return False
    z, a = (np.stack([numbers[f"{mark}{o}"] for o in names], axis=-1) for mark in ("", "a_"))
    fits = np.isclose(reference.activate(SOFTMAX, z), a, rtol=1e-6, atol=1e-12)
    others = max(sum(_fit(name, numbers[o], numbers[f"a_{o}"]) for o in names) for name in ACTIVATIONS)
    return bool(2 * fits.sum() >= fits.size and fits.sum() > others)


def _best_fit(network: Network, numbers: Mapping[str, Array], layers: range, *, passed_on: bool) -> str:
    """The activation that turns most inputs of layers into the outputs beside them; the first one where none does.

    With `passed_on`, the formulas of the outputs are no more than a reference.
    """
    pairs = [
        (numbers[z], numbers[a])
        for layer in layers
        for z, a in zip(network.neurons(layer), network.activations(layer), strict=True)
        if z in numbers and a in numbers
    ]
    fits: dict[str, int] = {}
    # what is never negative passes through ReLU as through nothing: then a formula without a function tells
    for name in sorted(ACTIVATIONS, key=lambda name: passed_on and name != "linear"):
        fits[name] = sum(_fit(name, z, a) for z, a in pairs)
        if fits[name] == sum(map(len, (z for z, _ in pairs))):
            # no other one fits better
            break
    return max(fits, key=lambda name: fits[name])


@np.errstate(all="ignore")
def _fit(activation: str, z: Array, a: Array) -> int:
    return int(np.isclose(reference.activate(activation, z), a, rtol=1e-6, atol=1e-12).sum())
