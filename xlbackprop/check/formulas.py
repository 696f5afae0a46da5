"""The formulas of a table, column by column: which are the same one, filled down, and from which row each goes on."""

from collections.abc import Mapping, Set
from functools import cached_property
from itertools import repeat

import numpy as np

from xlbackprop.spreadsheet.cells import Sheets
from xlbackprop.spreadsheet.formulas import FilledFormula, filled_columns, parsed
from xlbackprop.tables.table import Table


def is_of_google(text: str) -> bool:
    """Whether a formula is what Google Sheets leaves in a file of one that other programs lack: its number."""
    # as the file has it, or as the engine's functions are written
    return "__xludf" in text or "__XLUDF" in text


class _Texts(dict[str, list[str | None]]):
    """The formulas of a table by column, each read when it is first asked for."""

    def __init__(self, sheets: Sheets, table: Table, left_out: Set[tuple[int, int]]) -> None:
        self._formulas, self._table, self._left_out = sheets.formulas(table.sheet), table, left_out

    def __missing__(self, name: str) -> list[str | None]:
        places = list(zip(self._table.rows, repeat(self._table.columns[name])))
        self[name] = [*map(self._formulas.get, places)]
        if self._left_out:
            self[name] = [None if place in self._left_out else self._formulas.get(place) for place in places]
        return self[name]


class Formulas:
    """The formulas of a table.

    Args:
        sheets: the recalculated workbook.
        table: one of its tables, with at least one row.
    """

    def __init__(self, sheets: Sheets, table: Table) -> None:
        self.sheets, self.table = sheets, table

    @cached_property
    def texts(self) -> Mapping[str, list[str | None]]:
        """The formulas of each column, step by step; None where none stands."""
        return _Texts(self.sheets, self.table, self.of_google)

    @cached_property
    def of_google(self) -> frozenset[tuple[int, int]]:
        """Row and column of the cells with a formula that only Google Sheets knows."""
        formulas, rows, columns = (
            self.sheets.formulas(self.table.sheet),
            self.table.row_numbers,
            set(self.table.columns.values()),
        )
        # hardly any sheet has one, which is seen faster of all formulas at once
        if not is_of_google("".join(formulas.values())):
            return frozenset()
        return frozenset(
            (row, column)
            for (row, column), text in formulas.items()
            if row in rows and column in columns and is_of_google(text)
        )

    @cached_property
    def filled(self) -> dict[str, list[FilledFormula]]:
        """The different formulas of each column."""
        return filled_columns({name: self.texts[name] for name in self.table.columns}, self.table.rows)

    @cached_property
    def jumps(self) -> dict[int, int]:
        """Steps whose weights all follow from another step than the one before, with how far that lies back."""
        rows = np.array(self.table.rows)
        updates = [name for name in self.table.network.trained_names if name in self.table.columns]
        backs = np.full((len(updates), len(rows)), np.nan)
        for of_update, name in zip(backs, updates, strict=True):
            for formula in self.filled[name]:
                if (above := self._row_above(name, formula)) is not None:
                    steps = np.array(formula.steps)
                    sources = np.searchsorted(rows, rows[steps] - above)
                    there = rows[np.minimum(sources, len(rows) - 1)] == rows[steps] - above
                    of_update[steps[there]] = (steps - sources)[there]
        together = (backs == backs[:1]).all(axis=0) & (backs != 1).all(axis=0)
        found = {int(step): int(backs[0, step]) for step in np.flatnonzero(together) if step > 0 and updates}
        return found if len(found) * 2 <= len(rows) else {}

    def jump(self, step: int) -> str:
        """Where a step of `jumps` goes on from, in words."""
        rows, before = self.table.rows, step - self.jumps[step]
        source = rows[before] if 0 <= before < len(rows) else None
        return f"row {rows[step]} goes on from row {source}, not from row {rows[step - 1]}"

    def _row_above(self, name: str, formula: FilledFormula) -> int | None:
        """How many rows above itself an update finds its weight and its gradient; None if they are not together."""
        if formula.text is None:
            return None
        columns = {self.table.columns[other] for other in (name, f"dE_d{name}") if other in self.table.columns}
        above = {
            formula.row - target.row
            for target in parsed(formula.text).references
            if target.is_cell and not target.row_fixed and target.sheet is None and target.column in columns
        }
        return above.pop() if len(above) == 1 else None
