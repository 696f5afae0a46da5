"""A table whose formulas round throughout: its numbers are right as far as they were rounded."""

import re
from collections.abc import Collection, Mapping
from functools import cached_property

import numpy as np

from xlbackprop.check.contents import Contents, Mask
from xlbackprop.check.formulas import Formulas
from xlbackprop.check.pasted import Rounding
from xlbackprop.spreadsheet.cells import Sheets
from xlbackprop.tables.table import Table

_ROUND = re.compile(r"=\+?ROUND\((?P<inside>.*),\s*(?P<decimals>\d+)\)", re.DOTALL)


def decimals_of(contents: Contents) -> dict[str, int]:
    """To how many decimals each column is rounded, where most columns are; empty where a few are, or none."""
    found: dict[str, int] = {}
    columns = [*contents.quantities, *contents.updates]
    for name in columns:
        text = next((text for text in reversed(contents.formulas.texts[name]) if text), None)
        if text and (match := _ROUND.fullmatch(text)) and _is_whole(match["inside"]):
            found[name] = int(match["decimals"])
    return found if 2 * len(found) > len(columns) else {}


def _is_whole(text: str) -> bool:
    """Whether the brackets of a text belong together: ROUND(a,2)+ROUND(b,2) is no rounded sum."""
    depth = 0
    for letter in text:
        depth += (letter == "(") - (letter == ")")
        if depth < 0:
            return False
    return depth == 0


def _without_rounding(text: str | None) -> str | None:
    match = _ROUND.fullmatch(text or "")
    return f"={match['inside']}" if match else text


class _RoundedFormulas(Formulas):
    """The formulas of a table that rounds, as they are inside of ROUND.

    Args:
        rounded: the columns that are rounded.
    """

    def __init__(self, sheets: Sheets, table: Table, rounded: Collection[str]) -> None:
        super().__init__(sheets, table)
        self._rounded = rounded

    @cached_property
    def texts(self) -> Mapping[str, list[str | None]]:
        texts = {name: list(super(_RoundedFormulas, self).texts[name]) for name in self.table.columns}
        for name in self._rounded:
            texts[name] = [_without_rounding(text) for text in texts[name]]
        return texts


class RoundedContents(Contents):
    """The contents of a table that rounds.

    Args:
        decimals: to how many decimals each column is rounded.
    """

    def __init__(self, sheets: Sheets, table: Table, decimals: Mapping[str, int]) -> None:
        super().__init__(sheets, table)
        self._decimals = decimals

    @cached_property
    def formulas(self) -> Formulas:
        return _RoundedFormulas(self.sheets, self.table, self._decimals)

    @cached_property
    def wrong(self) -> dict[str, Mask]:
        wrong = super().wrong
        halves = {
            name: np.full(len(self.table.rows), 0.5 * 10.0**-decimals) for name, decimals in self._decimals.items()
        }
        allowed, steps = Rounding(self, halves).allowed, np.arange(len(self.table.rows))
        return {
            name: mask & ~(self.errors(name, steps) <= allowed[name]) if name in allowed else mask
            for name, mask in wrong.items()
        }
