"""A table that was made by hand, read as `check` reads it."""

from pathlib import Path

from tests.handmade import Handmade, write
from xlbackprop.check.contents import Contents
from xlbackprop.spreadsheet.ironcalc import opened
from xlbackprop.tables.finding import find_tables


def contents_in(path: Path) -> Contents:
    """The contents of the only table of a workbook."""
    sheets, _ = opened(path)
    (found,) = find_tables(sheets)
    return Contents(sheets, found)


def contents_of(folder: Path, table: Handmade) -> Contents:
    """The contents of a table, written into a folder."""
    return contents_in(write(folder / "book.xlsx", table))
