"""A backpropagation table: where each of its quantities stands in a sheet."""

import contextlib
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import repeat

import numpy as np
from numpy.typing import NDArray

from xlbackprop.backprop.network import Network, parse_number
from xlbackprop.reference import Array
from xlbackprop.spreadsheet.addresses import cell_address
from xlbackprop.spreadsheet.cells import Cell, Sheets, Value, as_number


@dataclass(frozen=True)
class Multiple:
    """What a table shows for a quantity, as a multiple of what its network has: -η for a column Δw.

    Attributes:
        factor: a number.
        of_eta: whether it is also multiplied with the learning rate.
    """

    factor: float = 1.0
    of_eta: bool = False


#: What is shown as it is.
AS_IT_IS = Multiple()


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
        places: the table's name for each of the network's values: biases may share one.
        other_eta_cells: cells with a learning rate that belongs to other tables.
        multiples: by name, what is shown as a multiple.
        own_names: the table's own names, by ours, where it numbers its weights or names its biases otherwise.
        typed: values that stand in no cell, but in the formulas: biases, the learning rate of columns Δw.
        unjudged: what is not understood of its biases, as sentences.
    """

    sheet: str
    header_row: int
    rows: tuple[int, ...]
    columns: Mapping[str, int]
    cells: Mapping[str, Cell]
    network: Network
    missing: tuple[str, ...] = ()
    places: Mapping[str, str] = field(default_factory=dict)
    other_eta_cells: frozenset[Cell] = frozenset()
    multiples: Mapping[str, Multiple] = field(default_factory=dict)
    own_names: Mapping[str, str] = field(default_factory=dict)
    typed: Mapping[str, float] = field(default_factory=dict)
    unjudged: tuple[str, ...] = ()

    @property
    def steps(self) -> int:
        """The number of updates."""
        return max(len(self.rows) - 1, 0)

    @cached_property
    def row_numbers(self) -> dict[int, int]:
        """Which step a row holds."""
        return {row: step for step, row in enumerate(self.rows)}

    @cached_property
    def network_names(self) -> dict[str, str]:
        """The network's name for each of the table's names; of biases that share a cell, the first."""
        return {place: name for name, place in reversed(list(self.places.items()))}

    def holds(self, cell: Cell) -> bool:
        """Whether a cell stands in a row of a step, in whatever column."""
        return cell.sheet == self.sheet and cell.row in self.row_numbers

    def address(self, name: str, step: int) -> str:
        """The cell of a column at a step, as `Z33`."""
        return cell_address(self.rows[step], self.columns[name])

    def ranges(self, name: str, steps: NDArray[np.intp] | Sequence[int]) -> tuple[str, ...]:
        """The cells of a column at these steps, in order, as ranges: `Z33:Z100`.

        What lies between two steps that follow each other is no step, and part of the range all the same.
        """
        found = []
        for run in np.split(np.asarray(steps), np.flatnonzero(np.diff(steps) > 1) + 1):
            first, last = (self.address(name, int(step)) for step in (run[0], run[-1]))
            found.append(first if first == last else f"{first}:{last}")
        return tuple(found)

    def read(self, sheets: Sheets) -> dict[str, Array]:
        """The numbers of each quantity that stands somewhere, step by step; NaN where no number stands.

        They are those of the network: what is shown as a multiple is divided by it.
        """
        values, starts = sheets.values(self.sheet), self.network.start_values
        numbers = {}
        for name, column in self.columns.items():
            # a text that looks like a number counts as one where it is multiplied
            convert = number_or_nan if name in starts else as_number
            found = list(map(values.get, zip(self.rows, repeat(column))))
            # most columns hold nothing else
            floats = set(map(type, found)) <= {float}
            numbers[name] = np.array(found if floats else [convert(value) for value in found], dtype=float)
        for name, cell in self.cells.items():
            if name not in numbers:
                numbers[name] = np.full(len(self.rows), number_in(sheets, cell))
        placed = numbers | {name: numbers[place] for name, place in self.places.items() if place in numbers}
        for name in self.network.bias_names:
            if name not in self.places or name in self.typed:
                placed[name] = np.full(len(self.rows), self.typed.get(name, 0.0))
        if "eta" in self.typed:
            placed["eta"] = np.full(len(self.rows), self.typed["eta"])
        for name, multiple in self.multiples.items():
            if name in placed:
                eta = placed["eta"] if multiple.of_eta else 1.0
                with np.errstate(all="ignore"):
                    placed[name] = placed[name] / (multiple.factor * eta)
        return placed


def number_in(sheets: Sheets, cell: Cell) -> float:
    """The number in a cell, also where it is written as a text; NaN where none stands."""
    return number_or_nan(sheets.value(cell.sheet, cell.row, cell.column)) if cell.sheet in sheets.names else math.nan


def number_or_nan(value: Value) -> float:
    """A number, also where it is written as a text; NaN for anything else."""
    if isinstance(value, str):
        with contextlib.suppress(ValueError):
            return parse_number(value)
    return as_number(value)
