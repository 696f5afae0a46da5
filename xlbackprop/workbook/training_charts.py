"""The charts of a training sheet: the error over the steps, and with samples what becomes of their answers."""

from collections.abc import Collection, Sequence
from typing import Protocol

from xlbackprop.spreadsheet.charts import Axis, Chart, Line, Series
from xlbackprop.spreadsheet.numbers import short_number
from xlbackprop.spreadsheet.places import Place
from xlbackprop.workbook.charts import colour_among, curve, error_axis, step_axis

#: In pixels; of a chart, in rows of the sheet.
CHART_WIDTH, _CHART_HEIGHT, ROWS_OF_A_CHART = 340, 232, 12
# Two curves are named beside each other in a line of the legend.
_LEGEND_LINE = 20


class Training(Protocol):
    """The training that is drawn."""

    number: int
    eta_value: float

    @property
    def names(self) -> Collection[str]:
        """The quantities that have a column."""

    def column(self, name: str) -> Place:
        """The cells of a quantity, step by step."""


def training_charts(
    training: Training, title: Place, error: str, errors: Sequence[float], outputs: Sequence[tuple[str, Place]]
) -> list[Chart]:
    """The charts, one below the other.

    Args:
        training: the sheet.
        title: the cell that names the curves.
        error: the quantity that tells how the training goes.
        errors: its value at each step.
        outputs: the columns with the output for each sample, with their headers; none where these are not followed.
    """
    steps, eta = len(errors) - 1, short_number(training.eta_value)
    over = f"over the steps 0 to {steps} with learning rate {eta}"

    def of(name: str) -> list[Series]:
        return [curve(title, training.column("step"), training.column(name), training.number)]

    description = f"Line chart of {error} {over}; at the start it is {errors[0]:.6g}, at the end {errors[-1]:.6g}."
    axis = error_axis(0, letters=8, title=error)
    charts = [_chart(f"{error} over the steps", steps, axis, description, of(error))]
    if "accuracy" in training.names:
        axis = Axis("accuracy", least=0, most=1, letters=8)
        description = f"Line chart of the part of right answers {over}."
        charts.append(_chart("Right answers over the steps", steps, axis, description, of("accuracy")))
    if outputs:
        axis = Axis("output", letters=8)
        description = f"Line chart of the outputs for each sample {over}."
        series = [
            Series(head, training.column("step"), training.column(name), Line(colour_among(n, len(outputs)), 1.5))
            for n, (name, head) in enumerate(outputs)
        ]
        charts.append(_chart("What it answers to each sample", steps, axis, description, series, legend=True))
    return charts


def _chart(title: str, steps: int, y: Axis, description: str, series: list[Series], *, legend: bool = False) -> Chart:
    of_legend = _LEGEND_LINE * -(-len(series) // 2) if legend else 0
    return Chart(
        title=title,
        title_size=11,
        x=step_axis(steps, letters=8),
        y=y,
        size=(CHART_WIDTH - 8, _CHART_HEIGHT + of_legend),
        description=description,
        series=series,
        legend=legend,
    )
