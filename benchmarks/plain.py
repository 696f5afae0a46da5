"""Builds a workbook with XlsxWriter's own `write_formula`, cell by cell, for comparison: the same cells."""

import sys
from pathlib import Path

from xlbackprop.build import Recipe
from xlbackprop.spreadsheet import xlsx
from xlbackprop.workbook.layout import WorkbookLayout
from xlbackprop.workbook.network_sheet import Origin
from xlbackprop.workbook.run import Run
from xlbackprop.workbook.sheets import our_sheets


def write(path: Path, etas: tuple[float, ...], steps: int, *, plain: bool) -> None:
    """Write a workbook of the default network, streamed or plain."""
    network = Recipe(etas, steps).settled.network
    sheets = our_sheets(Run(WorkbookLayout(network, etas, steps)), Origin("benchmark", "benchmark", "A"))
    xlsx.write(sheets.book, path, streamed=not plain)


if __name__ == "__main__":
    kind, path, steps = sys.argv[1:]
    write(Path(path), (1.0,), int(steps), plain=kind == "plain")
