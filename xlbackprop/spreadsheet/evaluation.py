"""What a formula gives, for the values that stand in a file."""

import math
import re

import numpy as np

from xlbackprop.spreadsheet.cells import Value
from xlbackprop.spreadsheet.formula_parser import parsed
from xlbackprop.spreadsheet.operands import CellError, Formulas, Given, single
from xlbackprop.spreadsheet.places import HOLE


def evaluated(text: str, workbook: Formulas) -> Value:
    """What a formula gives; an error value is a text such as `#DIV/0!`.

    Raises:
        ValueError: the formula uses what this interpreter does not know.
    """
    ends = []

    def emptied(hole: re.Match[str]) -> str:
        first, _, last = hole["ends"].partition(":")
        ends.append((int(first), int(last or first)))
        return "\x02\x03"

    # formulas that differ in their cells only are read once
    node = parsed(HOLE.sub(emptied, text))
    try:
        result = single(node(Given(workbook, ends)))
    except CellError as error:
        return str(error)
    except (ZeroDivisionError, OverflowError) as error:
        return "#DIV/0!" if isinstance(error, ZeroDivisionError) else "#NUM!"
    if isinstance(result, float | np.floating | int) and not isinstance(result, bool):
        return float(result) if math.isfinite(result) else "#NUM!"
    return result
