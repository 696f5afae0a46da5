"""The cells of a recalculated workbook, read: values, formulas and names."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple

import ironcalc

from xlbackprop.spreadsheet.addresses import column_number

Value = float | str | bool | None

#: What the engine has for a cell that follows from itself; no spreadsheet program shows it.
CIRCULAR = "#CIRC!"

_ADDRESS = re.compile(r"(?:'(?P<quoted>(?:[^']|'')+)'|(?P<plain>[^'!]+))!\$?(?P<column>[A-Z]{1,3})\$?(?P<row>\d+)")
_NUMBER = re.compile(r"\d+(?:\.\d+)?(?:[Ee][-+]?\d+)?")
#: A number may differ from what its formula gives here by what rounding adds up to in a run.
_ROUNDING = 1e-9
#: A number inside a text may be shown with few digits.
_SHOWN_DIGITS = 1e-3
_UNKNOWN_CALL = re.compile(r"(?<![A-Za-z0-9_.])([a-z][a-z0-9_.]*)\(")


class Cell(NamedTuple):
    """A cell of a workbook; row and column count from 1."""

    sheet: str
    row: int
    column: int


@dataclass(frozen=True)
class DefinedName:
    """A name that a workbook defines: `eta` for `'η=0.1'!$C$3`; without a sheet it holds everywhere."""

    name: str
    sheet: str | None
    refers_to: str


def as_number(value: Value) -> float:
    """A cell's value if it is a number, else NaN."""
    if type(value) is float:
        return value
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else float("nan")


def same_value(found: Value, should: Value, rounding: float = _ROUNDING) -> bool:
    """Whether a cell shows what it should, but for rounding: up to 1 an absolute difference, beyond a relative one."""
    if found == should:
        return True
    if isinstance(should, str) or isinstance(found, str):
        # a number inside a text may be rounded or spelled differently
        texts = str(found), str(should)
        if _NUMBER.sub("#", texts[0]) != _NUMBER.sub("#", texts[1]):
            return False
        pairs = zip(*(map(float, _NUMBER.findall(text)) for text in texts), strict=True)
        return all(abs(a - b) <= _SHOWN_DIGITS * max(abs(a), abs(b)) for a, b in pairs)
    size = as_number(should)
    return abs(as_number(found) - size) <= rounding * max(abs(size), 1)


def _in_capitals(text: str) -> str:
    """A formula with every function that it calls in capitals."""
    return text if text.isupper() else _UNKNOWN_CALL.sub(lambda match: match[0].upper(), text)


class Sheets:
    """The cells of a workbook. Rows and columns count from 1; sheets go by their names."""

    def __init__(self, model: Any) -> None:
        self._model = model
        self._values_read: dict[str, dict[tuple[int, int], Value]] = {}
        self._formulas: dict[str, dict[tuple[int, int], str]] = {}
        properties = model.get_worksheets_properties()
        self._index = {sheet["name"]: n for n, sheet in enumerate(properties)}
        self.names = list(self._index)
        #: the sheets that are not hidden
        self.visible = [sheet["name"] for sheet in properties if sheet["state"] == "visible"]

    def value(self, sheet: str, row: int, column: int) -> Value:
        """What a cell shows: a number, a text (an error such as `#NUM!` among them), or None if it is empty."""
        return self._model.get_cell_value(self._index[sheet], row, column)

    def formula(self, sheet: str, row: int, column: int) -> str | None:
        """The formula of a cell with its `=`, or None where a constant stands."""
        return self._model.get_cell_formula(self._index[sheet], row, column)

    def is_error(self, sheet: str, row: int, column: int) -> bool:
        """Whether a cell shows an error value."""
        return self._model.get_cell_type(self._index[sheet], row, column) == ironcalc.CellType.ErrorValue

    def formulas(self, sheet: str) -> Mapping[tuple[int, int], str]:
        """The formulas of a sheet as they were when first asked for, by row and column."""
        if sheet not in self._formulas:
            index, formula = self._index[sheet], self._model.get_cell_formula
            texts = [formula(index, row, column) for row, column in self.used_cells[sheet]]
            found = {place: text for place, text in zip(self.used_cells[sheet], texts, strict=True) if text}
            # the engine writes the functions that it knows in capitals, and only those
            if not "".join(found.values()).isupper():
                found = {place: _in_capitals(text) for place, text in found.items()}
            self._formulas[sheet] = found
        return self._formulas[sheet]

    @cached_property
    def used_cells(self) -> dict[str, list[tuple[int, int]]]:
        """Row and column of every cell that is not empty, by sheet."""
        by_index: list[dict[tuple[int, int], Value]] = [{} for _ in self._index]
        value_of = self._model.get_cell_value
        for sheet, row, column in self._model.get_all_cells():
            # a cell may have a style and nothing else
            if (value := value_of(sheet, row, column)) is not None:
                by_index[sheet][row, column] = value
        # they are asked for next
        self._values_read = dict(zip(self._index, by_index, strict=True))
        return {sheet: list(values) for sheet, values in self._values_read.items()}

    def recalculate(self) -> None:
        """Compute every cell anew."""
        self._model.evaluate()
        self._values_read.clear()

    def values(self, sheet: str) -> Mapping[tuple[int, int], Value]:
        """The values of a sheet as they were when first asked for, by row and column."""
        places = self.used_cells[sheet]
        if sheet not in self._values_read:
            index, value = self._index[sheet], self._model.get_cell_value
            values = [value(index, row, column) for row, column in places]
            self._values_read[sheet] = dict(zip(places, values, strict=True))
        return self._values_read[sheet]

    def named_cell(self, name: str, sheet: str | None) -> Cell | None:
        """The single cell that a defined name stands for, on a sheet or everywhere; None if it is none."""
        for scope in (sheet, None):
            if target := self._named_cells.get((name.casefold(), scope)):
                return target
        return None

    @cached_property
    def _named_cells(self) -> dict[tuple[str, str | None], Cell]:
        found = {}
        for entry in self.defined_names:
            match = _ADDRESS.fullmatch(entry.refers_to)
            target = (match["quoted"].replace("''", "'") if match["quoted"] else match["plain"]) if match else ""
            if match and target in self._index:
                cell = Cell(target, int(match["row"]), column_number(match["column"]))
                found[entry.name.casefold(), entry.sheet] = cell
        return found

    @cached_property
    def defined_names(self) -> list[DefinedName]:
        # a name without a scope holds everywhere
        sheets: dict[int | None, str] = dict(enumerate(self.names))
        return [
            DefinedName(entry["name"], sheets.get(entry["scope"]), entry["formula"].removeprefix("="))
            for entry in self._model.get_defined_name_list()
        ]
