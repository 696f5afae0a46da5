"""The comparison: E_total of every learning rate in two charts and a table, and which of them is the best."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from xlbackprop.backprop.quantities import followed_error
from xlbackprop.spreadsheet.addresses import cell_address, column_letters
from xlbackprop.spreadsheet.blocks import Block, Content, Formula, Role
from xlbackprop.spreadsheet.book import Book
from xlbackprop.spreadsheet.charts import Chart
from xlbackprop.spreadsheet.numbers import short_number
from xlbackprop.spreadsheet.places import Place, joined
from xlbackprop.spreadsheet.presentation import Rule, Width
from xlbackprop.workbook import looks
from xlbackprop.workbook.charts import colour_among, curve, error_axis, step_axis
from xlbackprop.workbook.layout import COMPARISON, WorkbookLayout
from xlbackprop.workbook.run import Run
from xlbackprop.workbook.training import TrainingSheet

#: An error below this has vanished: the outputs are the targets in the six decimals that are shown. A logarithmic
#: axis has no place for 0, so the charts draw it here; and errors that differ by less are the same.
FLOOR = 1e-12
# Errors that differ by less than this part of them are the same, too: which is smaller is a matter of rounding.
_NEARLY = 1e-9
# The columns that the charts reach over, more or less.
_COLUMNS_OF_CHARTS = 14
# The charts show this many steps at most, which is more than they have pixels.
_DRAWN = 500
# A longer legend would not leave room for the curves.
_LEGEND = 12
# What stands where a training has left what a cell can hold, and beside a learning rate that is not the best.
_NO_NUMBER, _NOT_BEST = "no number", "no"
_CHART_SIZE = (470, 332)
# by so many pixels the column with the best is wider where it names an optimizer
_WIDER = 60


@dataclass(frozen=True)
class ComparisonLayout:
    """The table of E_total on the comparison sheet: a column a learning rate, a row a round step.

    Attributes:
        eta_count: how many learning rates there are; a single one is compared with none.
        steps: the round steps.
    """

    eta_count: int
    steps: tuple[int, ...]

    eta_row = 21
    header_row = 22
    first_row = 23
    best_column = "B"

    @property
    def first_column(self) -> str:
        """The column of the first learning rate."""
        return "C" if self.eta_count > 1 else "B"

    @property
    def hidden_column(self) -> int:
        """From here on columns are hidden, to the right of the table and of the charts."""
        return max(self.eta_count, _COLUMNS_OF_CHARTS) + 4


class ComparisonSheet:
    """All learning rates in one chart.

    Attributes:
        etas: where the learning rates stand as they are now.
        choices: what tells one training from another: the learning rates, or where optimizers are compared, their
            names with it.
        totals: E_total, a row a round step and a column a learning rate.
    """

    def __init__(self, book: Book, layout: WorkbookLayout) -> None:
        self._layout, self._error = layout, followed_error(layout.network)
        self.sheet = book.sheet(COMPARISON, "all learning rates in one chart")
        count = len(layout.etas)
        self._places = places = ComparisonLayout(count, tuple(layout.round_steps))
        first = places.first_column
        self._etas = self.sheet.reserve("learning rates", f"{first}{places.eta_row}", (1, count))
        self._names = self.sheet.reserve("names of the curves", f"{first}{places.header_row}", (1, count))
        self._totals = self.sheet.reserve("E_total", f"{first}{places.first_row}", (len(places.steps), count))

    @property
    def etas(self) -> Place:
        return self._etas.place

    @property
    def choices(self) -> Place:
        return (self._names if self._layout.compares_optimizers else self._etas).place

    @property
    def choice_names(self) -> list[float | str]:
        """What stands there in a fresh file."""
        layout = self._layout
        if not layout.compares_optimizers:
            return list(layout.etas)
        return [
            f"{network.optimizer.name} η = {short_number(eta)}"
            for network, eta in zip(layout.networks, layout.etas, strict=True)
        ]

    @property
    def totals(self) -> Place:
        return self._totals.place

    def fill(self, run: Run, training: Sequence[TrainingSheet]) -> None:
        """Fill the sheet.

        Args:
            run: the numbers.
            training: the sheets that are compared.
        """
        sheet, places, count = self.sheet, self._places, len(training)
        sheet.heights[1] = looks.TITLE_PIXELS
        hidden = places.hidden_column
        compares, networks = self._layout.compares_optimizers, self._layout.networks
        if compares:
            # momentum η = 0.019 takes two lines as a header, and one as the best
            sheet.heights[places.header_row] = 2 * looks.LINE_PIXELS
            sheet.set_widths({"A": 110, "B": 86 + _WIDER, f"C:{column_letters(hidden - 1)}": 86})
        else:
            sheet.set_widths({"A": 110, f"B:{column_letters(hidden - 1)}": 86})
        sheet.widths.append(Width(hidden, hidden + 2 * count + 3, 86, hidden=True))
        what = "optimizer" if self._layout.compares_optimizers else "learning rate"
        sheet.put("A1", f"Which {what} is best?" if count > 1 else "How does the error fall?", looks.TITLE)
        sheet.put(f"A{places.eta_row}", "learning rate η", looks.NAME)
        sheet.fill(self._etas, [Formula(f"{one.eta:$}") for one in training], looks.TEXT)
        sheet.put(f"A{places.header_row}", "step", looks.TABLE_HEADER)
        marks = [f"{network.optimizer.name} " if compares else "" for network in networks]
        names = [Formula(f'"{mark}η = "&{eta}') for mark, eta in zip(marks, self.etas[0], strict=True)]
        sheet.fill(self._names, names, *(looks.curve_header(colour_among(n, count)) for n in range(count)))
        steps = [[float(step)] for step in places.steps]
        sheet.put(f"A{places.first_row}", steps, looks.CENTERED, role=Role.CONSTANT, name="round steps")
        totals = [
            [Formula(f'IFERROR({one.cell(self._error, step)},"{_NO_NUMBER}")') for one in training]
            for step in places.steps
        ]
        sheet.fill(self._totals, totals, looks.NUMBER)
        sheet.rules.append(Rule(self.totals, _NO_NUMBER, looks.AMBER, equals=True))
        # over other cells too, because of several rules for the same ones LibreOffice follows only the first
        sheet.rules += looks.number_rules(joined([self._names.cell(0, 0), self.totals[-1, -1]]))
        self._hidden(places.eta_row, 0, "What the answer and the charts are made of")
        floor = self._hidden(places.header_row, 0, FLOOR, role=Role.CONSTANT, name="floor").place
        answer = self._best_of(floor) if count > 1 else self._share_left()
        sheet.put("A2", Formula(answer), looks.NAME, name="answer")
        sheet.put("A3", _explanation(count), looks.MUTED)
        curves = self._curves(run, training, floor)
        # at the same place, whatever the width of the columns
        beside = 30 + 86 - _WIDER if compares else 30
        sheet.charts += [
            ("A4", self._chart(self._names.place, curves, logarithmic=False), 4, 4),
            ("E4" if compares else "F4", self._chart(self._names.place, curves, logarithmic=True), beside, 4),
        ]

    def _best_of(self, floor: Place) -> str:
        """Put the best learning rate at each round step; gives the answer to the title, as a formula.

        The best is the largest of those with the smallest error.
        """
        sheet, places, count = self.sheet, self._places, len(self._layout.etas)
        compares = self._layout.compares_optimizers
        limits = [[Formula(f"MIN({row})+{_NEARLY:G}*ABS(MIN({row}))+{floor:$}")] for row in self.totals]
        limit = self._hidden(places.first_row, 0, limits, name="up to here errors are the smallest").place
        smallest = self._hidden(
            places.first_row,
            1,
            [
                [
                    Formula(f'IF({total}<={most:$1},{n if compares else f"{eta:A$}"},"{_NOT_BEST}")')
                    for n, (total, eta) in enumerate(zip(row, self.etas[0], strict=True), start=1)
                ]
                for row, most in zip(self.totals, limit[:, 0], strict=True)
            ],
            name="learning rates with the smallest error",
        ).place
        worse = [f'COUNTIF({row},"{_NOT_BEST}")' for row in smallest]
        largest_of = [f"INDEX({self.choices:$},MAX({row}))" if compares else f"MAX({row})" for row in smallest]
        best = sheet.put(
            f"{places.best_column}{places.first_row}",
            [
                [Formula(f'IF({others}=0,"all equal",IF({others}={count},"none",{largest}))')]
                for others, largest in zip(worse, largest_of, strict=True)
            ],
            looks.CENTERED,
            name="best learning rate",
        ).place
        sheet.put(f"{places.best_column}{places.header_row}", "best" if compares else "best η", looks.TABLE_HEADER)
        sheet.rules.append(Rule(self.totals, f"{self.choices[0, 0]:A$}={best[0, 0]:$1}", looks.BEST))
        last, failed = best[-1, 0], f'COUNTIF({self.totals[-1]},"{_NO_NUMBER}")'
        after = f'"After {self._layout.steps:,} steps '
        named, trained = ("", "trainings") if compares else ("η = ", "learning rates")
        return (
            f'IF({worse[-1]}=0,{after}all {trained} have the same error.",'
            f'IF({worse[-1]}={count},{after}no error is a number.",'
            f'IF({worse[-1]}={count - 1},{after}{named}"&{last}&" has the smallest error.",'
            f'{after}"&({count}-{worse[-1]})&" {trained} share the smallest error; '
            f'{"the last" if compares else "the largest"} of them is {named}"&{last}&".")))'
            f'&IF({failed}=0,"",IF({failed}=1," One training"," "&{failed}&" trainings")'
            '&" ended in an error such as #NUM!.")'
        )

    def _share_left(self) -> str:
        """How much of the error a single learning rate has left, as a formula."""
        start, end = self.totals[0, 0], self.totals[-1, 0]
        return (
            f'IFERROR("After {self._layout.steps:,} steps the error is "'
            f'&IF({end}/{start}<0.0001,"less than 0.01",ROUND(100*{end}/{start},2))'
            '&" % of what it was at step 0.","The error at the end cannot be compared with that at step 0.")'
        )

    def _curves(self, run: Run, training: Sequence[TrainingSheet], floor: Place) -> list[tuple[Place, Place]]:
        """Put what the charts show; gives the steps and errors of each curve.

        An error that has vanished stands at the floor, and one that is no number nowhere.
        """
        top, right = self._places.first_row, len(training) + 1
        drawn = drawn_steps(self._layout.steps)
        steps = self._hidden(
            top, right, [[float(step)] for step in drawn], role=Role.CONSTANT, name="steps of the curves"
        ).place[:, 0]
        totals = self._hidden(
            top,
            right + 1,
            [
                [
                    Formula(
                        f"IFERROR(MAX(1*{one.cell(self._error, step)},{floor:$}),NA())",
                        max(run.errors[one.number][step], FLOOR),
                    )
                    for one in training
                ]
                for step in drawn
            ],
            name="curves",
        ).place
        return [(steps, totals[:, n]) for n in range(len(training))]

    def _hidden(self, row: int, right: int, contents: Content | Sequence[Any], **options: Any) -> Block:
        """Put a block into the hidden columns, so far to the right in them."""
        at = cell_address(row, self._places.hidden_column + right)
        return self.sheet.put(at, contents, looks.HINT, **options)

    def _chart(self, names: Place, curves: Sequence[tuple[Place, Place]], *, logarithmic: bool) -> Chart:
        scale, steps, count = "logarithmic" if logarithmic else "linear", self._layout.steps, len(curves)
        etas = ", ".join(map(short_number, self._layout.etas))
        return Chart(
            title=f"{self._error} over the steps, {scale} axis",
            title_size=12,
            x=step_axis(steps, letters=9, below=True),
            y=error_axis(None if logarithmic else 0, letters=9, logarithmic=logarithmic, title=self._error),
            size=_CHART_SIZE,
            description=f"{self._error} over the steps 0 to {steps} on a {scale} axis, "
            f"one curve for each learning rate: {etas}.",
            series=[
                curve(name, of_steps, totals, n, count)
                for n, (name, (of_steps, totals)) in enumerate(zip(names[0], curves, strict=True))
            ],
            legend=1 < count <= _LEGEND,
            hidden_cells=True,
        )


def drawn_steps(steps: int) -> list[int]:
    """The steps that the charts show: all, or of a long training every so many, and the last."""
    # an odd distance, so that an error that jumps up and down from step to step still does
    distance = -(-steps // _DRAWN) // 2 * 2 + 1
    return [*range(0, steps, distance), steps]


def _explanation(count: int) -> str:
    text = f"The logarithmic axis keeps small errors apart; an error below {FLOOR:.0E} is drawn at {FLOOR:.0E}."
    return text if count <= _LEGEND else f"{text} The curves run from blue, the first learning rate, to red, the last."
