"""The charts of E_total over the steps: what they have in common, and a fast way to store their values."""

from collections.abc import Sequence

from xlsxwriter import Workbook
from xlsxwriter.chart_scatter import ChartScatter

from xlbackprop.spreadsheet.addresses import quoted
from xlbackprop.workbook.layout import TrainingLayout
from xlbackprop.workbook.styles import CURVES

_GRID = {"visible": True, "line": {"color": "#E5E7EB", "width": 0.75}}


class CurveChart(ChartScatter):
    """A scatter chart with lines, whose stored values are written at once and not one by one.

    The XML is the same as XlsxWriter's; the values are what previewers show.
    """

    def _get_data_type(self, data: Sequence[float | str] | None) -> str:
        if data is not None and len(data) > 0 and not isinstance(data[0], str):
            return "num"
        data_type: str = super()._get_data_type(data)
        return data_type

    def _write_num_cache(self, data: Sequence[float]) -> None:
        self._xml_start_tag("c:numCache")
        self._write_format_code("General")
        self._write_pt_count(len(data))
        self.fh.writelines(f'<c:pt idx="{n}"><c:v>{value}</c:v></c:pt>' for n, value in enumerate(data))
        self._xml_end_tag("c:numCache")


def curve_chart(workbook: Workbook) -> ChartScatter:
    """An empty chart for curves of E_total."""
    chart = workbook.add_chart({"type": "scatter", "subtype": "straight"})
    # add_chart takes a class for worksheets, but none for charts
    chart.__class__ = CurveChart
    return chart


def add_curve(
    chart: ChartScatter, training: TrainingLayout, sheet: str, name: str, totals: Sequence[float], n: int
) -> None:
    """Add the E_total of a training sheet to a chart.

    Args:
        chart: from `curve_chart`.
        training: where the table stands.
        sheet: the name of the training sheet.
        name: the cell that names the curve, with its sheet, absolute.
        totals: E_total at each step, for whoever shows the file without computing it.
        n: the place of the learning rate, counted from 0; it chooses the colour.
    """
    chart.add_series(
        {
            "name": f"={name}",
            "categories": f"={quoted(sheet)}!{training.column_range('step')}",
            "values": f"={quoted(sheet)}!{training.column_range('E_total')}",
            "categories_data": range(training.steps + 1),
            "values_data": totals,
            "line": {"color": CURVES[n % len(CURVES)], "width": 2},
        }
    )


def step_axis(training: TrainingLayout, **options: object) -> dict[str, object]:
    """The horizontal axis."""
    return {"name": "step", "min": 0, "max": training.steps, "major_gridlines": _GRID, **options}


def error_axis(**options: object) -> dict[str, object]:
    """The vertical axis."""
    return {"name": "E_total", "major_gridlines": _GRID, **options}
