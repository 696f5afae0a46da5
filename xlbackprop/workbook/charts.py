"""The charts of E_total over the steps: what they have in common."""

from xlbackprop.spreadsheet.charts import Axis, Line, Series
from xlbackprop.spreadsheet.places import Place
from xlbackprop.workbook.looks import CURVES


def curve(name: Place, steps: Place, totals: Place, number: int) -> Series:
    """The E_total of the n-th learning rate, counted from 0, named by a cell."""
    return Series(name, steps, totals, Line(colour(number), 2))


def colour(number: int) -> str:
    """The colour of the n-th learning rate, counted from 0."""
    return CURVES[number % len(CURVES)]


def step_axis(steps: int, letters: int | None = None, *, below: bool = False) -> Axis:
    """The horizontal axis."""
    return Axis("step", least=0, most=steps, letters=letters, below=below)


def error_axis(least: float | None = None, letters: int | None = None, *, logarithmic: bool = False) -> Axis:
    """The vertical axis."""
    return Axis("E_total", least=least, letters=letters, logarithmic=logarithmic)
