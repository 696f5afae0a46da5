"""The slips in formulas of a table of ours beside those that `build` writes there: other cells, a sum for a mean."""

from collections.abc import Sequence

from xlbackprop.backprop.notation import header
from xlbackprop.check.mistakes import Slip
from xlbackprop.spreadsheet.addresses import cell_address
from xlbackprop.spreadsheet.formulas import Formula, Reference, parsed
from xlbackprop.tables.table import Table


def gathering_slip(text: str, built: str, tables: Sequence[Table]) -> Slip | None:
    """The slip of a formula that gathers numbers, or takes them from elsewhere; None if it is none of the known ones.

    Args:
        text: the formula.
        built: the one that belongs there.
        tables: its own table, and the one that numbers come from where they come from another.
    """
    found, right = parsed(text), parsed(built)
    if {"SUM", "AVERAGE"} & set(right.functions) and found.functions != right.functions:
        if found.functions == ("AVERAGE",):
            return Slip("averages where the step adds up")
        if found.functions == ("SUM",):
            return Slip("adds up where the step takes the mean")
    return _first_other_cells(found, right, tables)


def other_cells_alone(text: str, built: str, tables: Sequence[Table]) -> Slip | None:
    """The slip of a formula that differs by the cells that it takes, and by nothing else.

    Args:
        text, built, tables: as of `gathering_slip`.
    """
    found, right = parsed(text), parsed(built)
    return _first_other_cells(found, right, tables) if found.pattern == right.pattern else None


def _first_other_cells(found: Formula, built: Formula, tables: Sequence[Table]) -> Slip | None:
    """The slip of the first cells that a formula takes instead of those that it should."""
    for taken, right in zip(found.references, built.references, strict=False):
        if taken != right:
            return _other_cells(taken, right, tables)
    return None


def _other_cells(taken: Reference, right: Reference, tables: Sequence[Table]) -> Slip:
    """The slip of a formula that takes other cells than it should."""
    of = next((one for one in tables if one.sheet == (right.sheet or tables[0].sheet)), None)
    names = {column: name for name, column in of.columns.items()} if of else {}
    if of and min(taken.row, right.row) <= of.header_row and taken.sheet in (None, of.sheet):
        # cells above the table, such as those of hyperparameters
        found, instead = (cell_address(one.row, one.column) for one in (taken, right))
        return Slip(f"takes {found} instead of {instead}", shifted=True)
    if taken.sheet == right.sheet and taken.column != right.column and taken.column in names:
        found, instead = (header(names.get(one.column, "")) for one in (taken, right))
        return Slip(f"takes {found} instead of {instead}" if instead else f"takes {found}", shifted=True)
    if (taken.sheet, taken.column) == (right.sheet, right.column):
        rows, all_rows = (set(range(one.row, one.last_row + 1)) for one in (taken, right))
        if rows < all_rows:
            left_out = len(all_rows - rows)
            return Slip(f"leaves out {left_out} of {len(all_rows)} samples", shifted=True)
        return Slip("takes its numbers from another step" if len(rows - all_rows) else "", shifted=True)
    return Slip("takes its numbers from other cells", shifted=True)
