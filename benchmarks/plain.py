"""Builds a workbook with XlsxWriter's own `write_formula`, cell by cell, for comparison.

It is the same workbook: only the classes that write it are XlsxWriter's own.
"""

import sys
from collections.abc import Iterable, Sequence
from pathlib import Path

from xlsxwriter import Workbook
from xlsxwriter.chart_scatter import ChartScatter
from xlsxwriter.format import Format
from xlsxwriter.worksheet import Worksheet

from xlbackprop.build import Recipe
from xlbackprop.workbook import assembly, charts
from xlbackprop.workbook.layout import WorkbookLayout
from xlbackprop.workbook.network_sheet import Origin
from xlbackprop.workbook.streaming import ROW, ROW_ABOVE


class PlainWorksheet(Worksheet):
    """Takes the rows that are streamed elsewhere, and writes them with `write_formula`."""

    def stream_rows(
        self,
        row: int,
        columns: Sequence[str],
        formulas: Sequence[str],
        formats: Sequence[Format],
        rows: Iterable[Sequence[float]],
        row_count: int,
    ) -> None:
        """The arguments of `StreamedWorksheet.stream_rows`."""
        for number, values in enumerate(rows, start=row):
            this, above = str(number), str(number - 1)
            for column, (formula, cell_format, value) in enumerate(zip(formulas, formats, values, strict=True)):
                text = "=" + formula.replace(ROW, this).replace(ROW_ABOVE, above)
                self.write_formula(number - 1, column, text, cell_format, value)


def write(path: Path, etas: tuple[float, ...], steps: int, *, plain: bool) -> None:
    """Write a workbook of the default network, streamed or plain."""
    ours = assembly.StreamedWorkbook, assembly.StreamedWorksheet, charts.CurveChart
    if plain:
        assembly.StreamedWorkbook, assembly.StreamedWorksheet = Workbook, PlainWorksheet
        charts.CurveChart = ChartScatter
    try:
        network = Recipe(etas, steps).network()
        assembly.write_workbook(path, WorkbookLayout(network, etas, steps), Origin("benchmark", "benchmark", "A"))
    finally:
        assembly.StreamedWorkbook, assembly.StreamedWorksheet, charts.CurveChart = ours


if __name__ == "__main__":
    kind, path, steps = sys.argv[1:]
    write(Path(path), (1.0,), int(steps), plain=kind == "plain")
