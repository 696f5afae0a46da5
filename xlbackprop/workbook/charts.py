"""The charts of E_total over the steps: what they have in common."""

from itertools import pairwise

from xlbackprop.spreadsheet.charts import Axis, Line, Series
from xlbackprop.spreadsheet.places import Place
from xlbackprop.workbook.looks import CURVES, RAMP


def curve(name: Place, steps: Place, totals: Place, number: int, count: int = 1) -> Series:
    """The E_total of the n-th learning rate of `count` in the chart, counted from 0, named by a cell."""
    # where E_total jumps up and down, thicker lines would run into each other
    return Series(name, steps, totals, Line(colour_among(number, count), 1.5))


def colour(number: int) -> str:
    """The colour of the n-th learning rate, counted from 0."""
    return CURVES[number % len(CURVES)]


def colour_among(number: int, count: int) -> str:
    """The colour of the n-th of `count` curves in one chart: one of its own, or where these run out, along a ramp."""
    if count <= len(CURVES):
        return colour(number)
    along = number / (count - 1) * (len(RAMP) - 1)
    first = min(int(along), len(RAMP) - 2)
    start, end = list(pairwise(RAMP))[first]
    parts = [(int(start[n : n + 2], 16), int(end[n : n + 2], 16)) for n in (1, 3, 5)]
    return "#" + "".join(f"{round(a + (along - first) * (b - a)):02X}" for a, b in parts)


def step_axis(steps: int, letters: int | None = None, *, below: bool = False) -> Axis:
    """The horizontal axis."""
    return Axis("step", least=0, most=steps, letters=letters, below=below)


def error_axis(
    least: float | None = None, letters: int | None = None, *, logarithmic: bool = False, title: str = "E_total"
) -> Axis:
    """The vertical axis."""
    return Axis(title, least=least, letters=letters, logarithmic=logarithmic)
