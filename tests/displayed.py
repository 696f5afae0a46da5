"""Numbers as a spreadsheet shows them in a narrow cell, and tables that somebody pasted from what was shown."""

import math
import random
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

from tests.handmade import CONSTANTS, WEIGHTS, Handmade, write
from xlbackprop.spreadsheet.engines import recalculated


def in_a_cell(number: float, width: int) -> float:
    """A number as the format General shows it in a cell of so many characters."""
    sign = "-" if number < 0 else ""
    whole = len(sign) + len(f"{abs(number):.0f}")
    if number and abs(number) < 1e-4:
        digits = max(width - len(sign) - len("1.E-05"), 0)
        return float(f"{number:.{digits}E}")
    return round(number, max(width - whole - 1, 0))


def any_display(generator: random.Random) -> Callable[[float], float]:
    """A way of showing numbers: so many decimals, so many characters, so many digits."""
    kind, decimals, width = generator.randrange(3), generator.choice((4, 5, 6, 8, 9, 12)), generator.randint(8, 11)
    if kind == 0:
        return lambda number: round(number, decimals)
    if kind == 1:
        return lambda number: in_a_cell(number, width)
    return lambda number: float(f"{number:.{decimals + 2}g}")


def pasted(path: Path, table: Handmade, shown: Mapping[str, Callable[[float], float]]) -> Handmade:
    """The table with the numbers of some columns pasted as they were shown.

    Args:
        path: where the table is written on the way.
        table: with formulas.
        shown: for each column that is pasted, how its numbers are shown.
    """
    from openpyxl import Workbook

    from tests.handmade import write_table

    columns = write_table(Workbook().active, table)
    values = recalculated(write(path, table)).values("Sheet1")
    first = table.layout.header_row + 1 + table.layout.units_row
    cells = dict(table.cells)
    for name, display in shown.items():
        for step in range(1 if name in WEIGHTS else 0, table.steps + 1):
            number = values.get((first + step, columns[name]))
            if name not in CONSTANTS and isinstance(number, float) and math.isfinite(number):
                cells[name, step] = display(number)
    return replace(table, cells=cells)
