"""Finds backpropagation tables in any workbook, whoever made it.

A table is a row of headers with a row of numbers a step somewhere below it. It may stand anywhere,
beside other content and other tables; what is no column of it, such as an input or the learning
rate, may stand in a cell of its own.
"""

import math
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise

import numpy as np

from xlbackprop import reference
from xlbackprop.check.headers import quantity
from xlbackprop.engines import Cell, Sheets, as_number
from xlbackprop.errors import UnusableInput
from xlbackprop.network import ACTIVATIONS, Network
from xlbackprop.reference import Array

#: A row of headers names at least so many quantities; a block of parameters names fewer kinds.
_FEWEST_HEADERS = 5

_COMPUTED = re.compile(r"(?:a_)?[ho]\d|E|dE_d")
_SHARE = re.compile(r"dE\d+_(d[wb]\d+)")
_NUMBERED = re.compile(r"(?P<kind>a_h|a_o|[itwbhoE]|dE_dw|dE_db|delta_o|delta_h)(?:(?P<layer>\d+)_)?(?P<number>\d+)")


@dataclass(frozen=True)
class Table:
    """A backpropagation table as it stands in a sheet.

    Attributes:
        sheet: the sheet that it stands on.
        header_row: its row of headers.
        rows: the rows that hold a step, from the first to the last; others lie between them at times.
        columns: the column of each quantity, by ASCII name.
        cells: the cell of each parameter that has no column, by name, and of those that have both.
        network: the network that it trains, with zeros for the start values.
        missing: the quantities that it needs and lacks.
    """

    sheet: str
    header_row: int
    rows: tuple[int, ...]
    columns: Mapping[str, int]
    cells: Mapping[str, Cell]
    network: Network
    missing: tuple[str, ...]

    @property
    def steps(self) -> int:
        """The number of updates."""
        return max(len(self.rows) - 1, 0)

    @cached_property
    def row_numbers(self) -> dict[int, int]:
        """Which step a row holds."""
        return {row: step for step, row in enumerate(self.rows)}

    @cached_property
    def places(self) -> dict[str, str]:
        """The header under which each of the network's values is found: biases may share one."""
        names = {name: name for name in self.network.start_values}
        shared = [name for name in [*self.columns, *self.cells] if re.fullmatch(r"b\d+", name)]
        if self.network.biases == "fixed" and len(set(shared)) == self.network.last:
            for layer in range(1, len(self.network.layers)):
                names |= dict.fromkeys(self.network.layer_biases(layer), f"b{layer}")
        return names

    def read(self, sheets: Sheets) -> dict[str, Array]:
        """The numbers of each quantity that stands somewhere, step by step; NaN where no number stands."""
        values = sheets.values(self.sheet)
        numbers = {
            name: np.array([as_number(values.get((row, column))) for row in self.rows])
            for name, column in self.columns.items()
        }
        for name, cell in self.cells.items():
            if name not in numbers:
                numbers[name] = np.full(len(self.rows), sheets.number(cell))
        return numbers | {name: numbers[place] for name, place in self.places.items() if place in numbers}


def find_tables(sheets: Sheets) -> list[Table]:
    """All backpropagation tables on the visible sheets of a workbook, in reading order."""
    return [table for sheet in sheets.visible for table in _tables_of(sheets, sheet)]


@dataclass(frozen=True)
class _Headers:
    row: int
    columns: Mapping[str, int]


def _tables_of(sheets: Sheets, sheet: str) -> Iterator[Table]:
    formulas, values = sheets.formulas(sheet), sheets.values(sheet)
    rows: dict[int, dict[int, str]] = {}
    filled: dict[int, set[int]] = {}
    for (row, column), value in values.items():
        if isinstance(value, float) or (row, column) in formulas:
            filled.setdefault(row, set()).add(column)
        elif isinstance(value, str) and (name := quantity(value)):
            rows.setdefault(row, {})[column] = name
    headers = [
        _Headers(row, columns)
        for row, names in sorted(rows.items())
        for columns in _segments(names)
        if _is_header(columns)
    ]
    headers = _without_repeats(sheets, sheet, headers)
    labels = {(row, column): name for row, names in rows.items() for column, name in names.items()}
    for header in headers:
        below = [other.row for other in headers if other.row > header.row and _overlap(header.columns, other.columns)]
        end = min(below, default=max(filled, default=header.row) + 1)
        yield _table(sheets, sheet, header, {row: filled[row] for row in filled if header.row < row < end}, labels)


def _segments(names: Mapping[int, str]) -> Iterator[dict[str, int]]:
    """The headers of one row, cut where a name comes a second time: there another table begins."""
    segment: dict[str, int] = {}
    for column in sorted(names):
        if names[column] in segment:
            yield _resolved(segment)
            segment = {}
        segment[names[column]] = column
    yield _resolved(segment)


def _resolved(segment: Mapping[str, int]) -> dict[str, int]:
    """Columns of ∂E1/∂w5 count as ∂E/∂w5 where that has no column of its own."""
    shares = Counter(match[1] for name in segment if (match := _SHARE.fullmatch(name)))
    found = {}
    for name, column in segment.items():
        match = _SHARE.fullmatch(name)
        if not match:
            found[name] = column
        elif shares[match[1]] == 1 and f"dE_{match[1]}" not in segment:
            found[f"dE_{match[1]}"] = column
    return found


def _is_header(columns: Mapping[str, int]) -> bool:
    return (
        len(columns) >= _FEWEST_HEADERS
        and any(re.fullmatch(r"w\d+", name) for name in columns)
        and sum(1 for name in columns if _COMPUTED.match(name)) >= 2
    )


def _without_repeats(sheets: Sheets, sheet: str, headers: list[_Headers]) -> list[_Headers]:
    """The headers that begin a table, without those that only repeat the ones above inside a long table."""
    kept: list[_Headers] = []
    for header in headers:
        weight = header.columns[next(name for name in header.columns if re.fullmatch(r"w\d+", name))]
        begins = sheets.formula(sheet, header.row + 1, weight) is None
        if begins or not any(other.columns == header.columns for other in kept):
            kept.append(header)
    return kept


def _overlap(one: Mapping[str, int], other: Mapping[str, int]) -> bool:
    return min(one.values()) <= max(other.values()) and min(other.values()) <= max(one.values())


def _table(
    sheets: Sheets,
    sheet: str,
    header: _Headers,
    filled: Mapping[int, set[int]],
    labels: Mapping[tuple[int, int], str],
) -> Table:
    columns = dict(header.columns)
    occupied = {row: len(cells & set(columns.values())) for row, cells in filled.items()}
    fullest = max(occupied.values(), default=0)
    rows = tuple(sorted(row for row, count in occupied.items() if count >= max(3, fullest / 2)))
    # a label that happens to stand in the row of headers names a single cell, not a column
    for name in [name for name in columns if re.fullmatch(r"eta|step|[tib]\d+", name)]:
        if 2 * sum(1 for row in rows if columns[name] in filled[row]) < len(rows):
            del columns[name]
    cells = _parameters(sheets, sheet, header.row, rows, columns, labels)
    network = _network({*columns, *cells})
    if network is None:
        network, missing = Network.blank((2, 2, 2)), tuple(Network.blank((2, 2, 2)).weight_names)
    else:
        missing = tuple(_missing(network, columns, cells, rows, filled))
    table = Table(sheet, header.row, rows, columns, cells, network, missing)
    return table if missing or not rows else _with_functions(sheets, table)


def _parameters(
    sheets: Sheets,
    sheet: str,
    header_row: int,
    rows: tuple[int, ...],
    columns: Mapping[str, int],
    labels: Mapping[tuple[int, int], str],
) -> dict[str, Cell]:
    """The cells beside or below a label; the nearest one above the headers goes before the others."""
    inside = set(columns.values())
    found: dict[str, Cell] = {}
    by_nearness = sorted(labels, key=lambda place: (abs(place[0] - header_row), place))
    for row, column in by_nearness:
        name = labels[row, column]
        if name in found or not re.fullmatch(r"eta|[tib]\d+", name) or (row == header_row and column in inside):
            continue
        for cell in (Cell(sheet, row, column + 1), Cell(sheet, row + 1, column)):
            in_table = cell.row in rows and cell.column in inside
            if not in_table and not math.isnan(sheets.number(cell)):
                found[name] = cell
                break
    return found


def _network(names: set[str]) -> Network | None:
    """The network that has these names; None if no network has."""
    numbers: dict[tuple[str, int], int] = {}
    for name in names:
        if match := _NUMBERED.fullmatch(name):
            key = (match["kind"], int(match["layer"] or 0))
            numbers[key] = max(numbers.get(key, 0), int(match["number"]))

    def size(layer: int, *kinds: str) -> int:
        return max((numbers.get((kind, layer), 0) for kind in kinds), default=0)

    hidden = max((layer for _, layer in numbers), default=0)
    sizes = [size(layer, "h", "a_h", "delta_h") for layer in range(1, hidden + 1)] or [size(0, "h", "a_h", "delta_h")]
    outputs, weights = size(0, "o", "a_o", "t", "E", "delta_o"), size(0, "w", "dE_dw")
    sizes = [size for size in sizes if size]
    inputs = size(0, "i")
    if not inputs and sizes:
        # where the inputs are named nowhere, the number of weights tells
        later = sum(a * b for a, b in zip(sizes, [*sizes[1:], outputs], strict=True))
        inputs = max((weights - later) // sizes[0], 0)
    layers = (inputs, *sizes, outputs)
    expected_weights = sum(a * b for a, b in pairwise(layers))
    if min(layers) < 1 or expected_weights < weights:
        return None
    biases = size(0, "b")
    trained = any(name.startswith("dE_db") for name in names)
    kind = "none"
    if biases == sum(layers[1:]):
        kind = "trained" if trained else "fixed"
    elif biases == len(layers) - 1:
        kind = "fixed"
    softmax = "e_sum" in names or "o_max" in names
    functions = {"output": "softmax", "loss": "cross-entropy"} if softmax else {}
    try:
        return Network.blank(layers, biases=kind, **functions)
    except UnusableInput:
        return None


def _missing(
    network: Network,
    columns: Mapping[str, int],
    cells: Mapping[str, Cell],
    rows: tuple[int, ...],
    filled: Mapping[int, set[int]],
) -> Iterator[str]:
    gradients = [f"dE_d{name}" for name in network.trained_names]
    activations = [a for layer in range(1, len(network.layers)) for a in network.activations(layer)]
    for name in [*network.trained_names, *activations, "E_total", *gradients]:
        if name not in columns or not any(columns[name] in filled[row] for row in rows):
            yield name
    for name in [*network.input_names, *network.target_names]:
        if name not in columns and name not in cells:
            yield name


def _with_functions(sheets: Sheets, table: Table) -> Table:
    """The table with the activations that fit its numbers best."""
    network = table.network
    numbers = table.read(sheets)
    chosen = {}
    for key, layers in (("hidden", range(1, network.last)), ("output", range(network.last, len(network.layers)))):
        pairs = [
            (numbers[z], numbers[a])
            for layer in layers
            for z, a in zip(network.neurons(layer), network.activations(layer), strict=True)
            if z in numbers and a in numbers
        ]
        if pairs and network.activation(layers[-1]) != "softmax":
            fits = {name: sum(_fit(name, z, a) for z, a in pairs) for name in ACTIVATIONS}
            chosen[key] = max(ACTIVATIONS, key=lambda name: fits[name])
    if not chosen:
        return table
    network = Network.blank(
        network.layers,
        biases=network.biases,
        loss=network.loss,
        **{"hidden": network.hidden, "output": network.output} | chosen,
    )
    return Table(table.sheet, table.header_row, table.rows, table.columns, table.cells, network, table.missing)


def _fit(activation: str, z: Array, a: Array) -> int:
    with np.errstate(all="ignore"):
        return int(np.isclose(reference.activate(activation, z), a, rtol=1e-6, atol=1e-12).sum())
