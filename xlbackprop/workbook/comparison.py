"""The comparison: E_total of every learning rate in two charts and a table."""

from collections.abc import Sequence

from xlbackprop.spreadsheet.blocks import Formula, Role
from xlbackprop.spreadsheet.book import Book
from xlbackprop.spreadsheet.charts import Chart
from xlbackprop.spreadsheet.numbers import short_number
from xlbackprop.spreadsheet.places import Place, joined
from xlbackprop.spreadsheet.presentation import Rule
from xlbackprop.workbook import looks
from xlbackprop.workbook.charts import curve, error_axis, step_axis
from xlbackprop.workbook.layout import COMPARISON, WorkbookLayout
from xlbackprop.workbook.training import TrainingSheet

# Errors that differ by less are the same: which of them is the smallest is a matter of rounding, and
# the largest of their learning rates counts as the best.
_NEARLY = 1.000000001
# Below this an error has vanished, and engines differ about whether it is 0.
_VANISHED = 1e-14


class ComparisonSheet:
    """All learning rates in one chart.

    Attributes:
        etas: where the learning rates stand as they are now.
        totals: E_total, a row a round step and a column a learning rate.
    """

    def __init__(self, book: Book, layout: WorkbookLayout) -> None:
        self._layout = layout
        self.sheet = book.sheet(COMPARISON, "all learning rates in one chart")
        places, count = layout.comparison, len(layout.etas)
        self._etas = self.sheet.reserve("learning rates", f"B{places.eta_row}", (1, count))
        self._totals = self.sheet.reserve("E_total", f"B{places.first_row}", (len(places.steps), count))

    @property
    def etas(self) -> Place:
        return self._etas.place

    @property
    def totals(self) -> Place:
        return self._totals.place

    def fill(self, training: Sequence[TrainingSheet]) -> None:
        """Fill the sheet."""
        sheet, places = self.sheet, self._layout.comparison
        sheet.heights[1] = looks.TITLE_PIXELS
        last = places.eta_column(max(len(self._layout.etas), 13))
        sheet.set_widths({"A": 110, f"B:{last}": 86})
        sheet.put("A1", "Which learning rate is best?", looks.TITLE)
        sheet.put(
            "A2",
            "The error over the steps for each training sheet, live. On the logarithmic axis small errors stay apart.",
            looks.MUTED,
        )
        sheet.put(f"A{places.eta_row}", "learning rate η", looks.NAME)
        sheet.fill(self._etas, [Formula(f"{one.eta:$}") for one in training], looks.TEXT)
        sheet.put(f"A{places.header_row}", "step", looks.TABLE_HEADER)
        names = [Formula(f'"η = "&{eta}') for eta in self.etas[0]]
        headers = sheet.put(f"B{places.header_row}", names, looks.TABLE_HEADER, name="names of the curves")
        sheet.put(f"{places.best_column}{places.header_row}", "best η", looks.TABLE_HEADER)
        steps = [[float(step)] for step in places.steps]
        sheet.put(f"A{places.first_row}", steps, looks.CENTERED, role=Role.CONSTANT, name="round steps")
        totals = [[Formula(f"{one.cell('E_total', step)}") for one in training] for step in places.steps]
        sheet.fill(self._totals, totals, looks.NUMBER)
        best = [[Formula(self._best(row))] for row in self.totals]
        sheet.put(f"{places.best_column}{places.first_row}", best, looks.CENTERED, name="best learning rate")
        row = f"{self.totals[0]:$1}"
        best_in_row = f"AND({self.totals[0, 0]}<={_limit(row)},MAX({row})>{_limit(row)})"
        sheet.rules.append(Rule(self.totals, best_in_row, looks.BEST))
        # over other cells too, because of several rules for the same ones LibreOffice follows only the first
        sheet.rules += looks.number_rules(joined([headers.place[0, 0], self.totals[-1, -1]]))
        sheet.charts += [
            ("A3", self._chart(training, headers.place, logarithmic=False), 4, 4),
            ("H3", self._chart(training, headers.place, logarithmic=True), 4, 4),
        ]

    def _best(self, row: Place) -> str:
        """The best learning rate in a row of errors, as a formula."""
        return (
            f'IF(MAX({row})<={_limit(f"{row}")},"all equal",SUMPRODUCT(MAX(({row}<={_limit(f"{row}")})*{self.etas:$})))'
        )

    def _chart(self, training: Sequence[TrainingSheet], names: Place, *, logarithmic: bool) -> Chart:
        scale, steps = "logarithmic" if logarithmic else "linear", self._layout.steps
        etas = ", ".join(map(short_number, self._layout.etas))
        return Chart(
            title=f"E_total over the steps, {scale} axis",
            title_size=12,
            x=step_axis(steps, below=True),
            y=error_axis(None if logarithmic else 0, logarithmic=logarithmic),
            size=(610, 346),
            description=f"E_total over the steps 0 to {steps} on a {scale} axis, "
            f"one curve for each learning rate: {etas}.",
            series=[
                curve(name, one.column("step"), one.column("E_total"), one.number)
                for one, name in zip(training, names[0], strict=True)
            ],
            legend=True,
        )


def _limit(errors: str) -> str:
    """Up to which an error in a range counts as its smallest, as a formula."""
    return f"MIN({errors})*{_NEARLY}+{_VANISHED}"
