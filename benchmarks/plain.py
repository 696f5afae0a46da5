"""Builds a workbook with XlsxWriter's own `write_formula`, cell by cell, for comparison: the same cells."""

import sys
from dataclasses import replace
from pathlib import Path

from xlbackprop.backprop.optimizers import Optimizer
from xlbackprop.build import Recipe
from xlbackprop.spreadsheet import xlsx
from xlbackprop.workbook.layout import WorkbookLayout
from xlbackprop.workbook.network_sheet import Origin
from xlbackprop.workbook.run import Run
from xlbackprop.workbook.sheets import our_sheets


def write(
    path: Path, template: str, etas: tuple[float, ...], steps: int, *, plain: bool, optimizer: str = "sgd"
) -> None:
    """Write a workbook that trains by an optimizer, streamed or plain."""
    network = replace(Recipe(etas, steps, template).settled.network, optimizer=Optimizer(optimizer))
    sheets = our_sheets(Run(WorkbookLayout(network, etas, steps)), Origin("benchmark", "benchmark", template))
    xlsx.write(sheets.book, path, streamed=not plain)


if __name__ == "__main__":
    kind, path, template, steps = sys.argv[1:]
    write(Path(path), template, (1.0,), int(steps), plain=kind == "plain")
