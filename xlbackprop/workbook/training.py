"""The training sheet of one learning rate: a row a step, every cell a formula, and the curve of E_total."""

from collections.abc import Callable, Collection
from itertools import groupby
from operator import itemgetter

from xlbackprop.backprop.expression import cell_formula, symbols
from xlbackprop.backprop.network import Network
from xlbackprop.backprop.notation import defined_name, header
from xlbackprop.backprop.quantities import training_step, updates
from xlbackprop.errors import UnusableInput
from xlbackprop.spreadsheet.addresses import column_number
from xlbackprop.spreadsheet.blocks import Block, FilledDown, Formula, Link, Role
from xlbackprop.spreadsheet.book import ROW_MARK, Book
from xlbackprop.spreadsheet.charts import Chart
from xlbackprop.spreadsheet.limits import MAX_ARGUMENTS, MAX_FORMULA_LENGTH
from xlbackprop.spreadsheet.looks import Look
from xlbackprop.spreadsheet.numbers import short_number
from xlbackprop.spreadsheet.places import Place, joined
from xlbackprop.spreadsheet.presentation import Note, Page, Validation, Width
from xlbackprop.workbook import looks
from xlbackprop.workbook.charts import colour, curve, error_axis, step_axis
from xlbackprop.workbook.layout import Column, WorkbookLayout
from xlbackprop.workbook.network_sheet import NetworkSheet
from xlbackprop.workbook.printing import page_breaks
from xlbackprop.workbook.run import Run

# In pixels. A column has room for -999.123456 and -1.235E+100, and the band above the table for two lines.
_STEP_WIDTH, _CHART_WIDTH, _COLUMN_WIDTH = 70, 340, 80
_BAND_HEIGHT = 34
# In percent, and how many pixels a landscape page of A4 is wide then, where a program has wide letters.
_PRINT_SCALE, _PAGE_WIDTH = 78, 955

# In two lines of the chart's column.
_HINT = (
    "Change the yellow cell: every number and chart follows. "
    "Each row is one step; its weights come from the row above it."
)

# Errors that differ by less than this part are the same.
_SAME = "1E-9"


class TrainingSheet:
    """The sheet of one learning rate.

    Args:
        book: what it belongs to.
        layout: what is trained, and where the table stands.
        number: the place of its learning rate, counted from 0.
    """

    def __init__(self, book: Book, layout: WorkbookLayout, number: int) -> None:
        self.number, self.eta_value = number, layout.etas[number]
        self._layout, self._table = layout, layout.training
        name = layout.training_sheets[number]
        self.sheet = sheet = book.sheet(name, f"{layout.steps:,} steps of training")
        table = self._table
        self._eta = sheet.reserve("learning rate", table.eta_cell, (), Role.INPUT)
        self._step_0 = sheet.reserve("step 0", f"A{table.first_row}", (), Role.CONSTANT)
        names = [column.name for column in table.columns[1:]]
        count, letters = len(names), table.letters[names[0]]
        self._steps = sheet.reserve("steps", f"A{table.first_row + 1}", (layout.steps, 1), Role.TABLE)
        self._start = sheet.reserve("start", f"{letters}{table.first_row}", (1, count), Role.TABLE)
        self._rows = sheet.reserve("training", f"{letters}{table.first_row + 1}", (layout.steps, count), Role.TABLE)
        self._columns = {name: n for n, name in enumerate(names)}
        book.names["eta", name] = self.eta

    @property
    def table(self) -> tuple[Block, ...]:
        """The formulas of the training: those of step 0, the numbers of the later steps, and their formulas."""
        return self._start, self._steps, self._rows

    @property
    def eta(self) -> Place:
        """The cell of the learning rate."""
        return self._eta.place

    @property
    def names(self) -> Collection[str]:
        """The quantities that have a column, and `step`."""
        return self._columns.keys()

    def column(self, name: str) -> Place:
        """The cells of a quantity, step by step."""
        rows = self._steps.place if name == "step" else self._rows.column_place(self._columns[name])
        return joined([self._start_cell(name), rows])

    def cell(self, name: str, step: int) -> Place:
        """The cell of a quantity at a step."""
        if not step:
            return self._start_cell(name)
        return self._steps.cell(step - 1) if name == "step" else self._rows.cell(step - 1, self._columns[name])

    def _start_cell(self, name: str) -> Place:
        return self._step_0.place if name == "step" else self._start.cell(0, self._columns[name])

    def fill(self, run: Run, network: NetworkSheet, *, foldable: bool) -> None:
        """Fill the sheet.

        Args:
            run: the numbers.
            network: where the start values stand.
            foldable: whether the chain rule's columns start out folded away; a folded group cannot be
                opened in a protected sheet.

        Raises:
            UnusableInput: a formula is longer than a cell can hold.
        """
        sheet, table = self.sheet, self._table
        self._draw(run, self._write_band(network))
        self._write_headers()
        column_looks = [_look(column) for column in table.columns[1:]]
        rows = map(itemgetter(*self._columns), run.steps(self.eta_value))
        start = [Formula(text, value) for text, value in zip(self._start_formulas(), next(rows), strict=True)]
        sheet.fill(self._step_0, 0.0, looks.STEP)
        sheet.fill(self._start, start, *column_looks)
        steps = range(1, self._layout.steps + 1)
        step, *others = self._step_formulas()
        sheet.fill(self._steps, FilledDown([step], zip(steps, strict=True), {0: steps}), looks.STEP)
        totals = {self._columns["E_total"]: run.totals[self.number][1:]}
        sheet.fill(self._rows, FilledDown(others, rows, totals), *column_looks)
        self._size(foldable=foldable)
        self._dress()

    def _start_formulas(self) -> list[str]:
        carried = {name: defined_name(name) for name in self._layout.network.start_values}
        return self._row(carried, self._start_cell)[1:]

    def _step_formulas(self) -> list[Formula]:
        network = self._layout.network

        def before(name: str) -> str:
            return f"{self.eta:$}" if name == "eta" else f"{self.cell(name, 0)}"

        carried = {name: defined_name(name) for name in network.start_values}
        carried |= {update.name: cell_formula(update.expression, before) for update in updates(network)}
        carried["step"] = f"{before('step')}+1"
        return [Formula(text) for text in self._row(carried, lambda name: self.cell(name, 1))]

    def _row(self, carried: dict[str, str], cell: Callable[[str], Place]) -> list[str]:
        network = self._layout.network
        formulas = {"step": ""} | carried
        formulas |= {q.name: cell_formula(q.expression, lambda name: f"{cell(name)}") for q in training_step(network)}
        for name, formula in formulas.items():
            self._insist_on_room(name, formula)
        return [formulas[column.name] for column in self._table.columns]

    def _insist_on_room(self, name: str, formula: str) -> None:
        text = self.sheet.book.written(formula, self.sheet, from_row=self._rows.row)
        longest = ROW_MARK.sub(str(self._table.last_row), text)
        if len(longest) > MAX_FORMULA_LENGTH or formula.count(",") >= MAX_ARGUMENTS:
            raise UnusableInput(
                f"The formula of {name} in a {self._layout.network.shape} network is longer than a cell can hold: "
                "use smaller layers."
            )

    def _write_band(self, network: NetworkSheet) -> Place:
        """The rows above the table: the learning rate, and what became of E_total; gives the place of the title."""
        sheet, steps = self.sheet, self._layout.steps
        sheet.heights |= {1: _BAND_HEIGHT, 2: _BAND_HEIGHT}
        sheet.put("A1", Link("← all sheets", network.sheet.name), looks.SMALL_LINK)
        title = Formula(f'"Training with learning rate η = "&{self.eta:$}')
        headline = sheet.put("B1", title, looks.SMALL_TITLE, name="title")
        sheet.put("B2", _HINT, looks.WRAPPED_HINT)
        sheet.put("C1", "learning rate η", looks.LABEL)
        sheet.fill(self._eta, self.eta_value, looks.INPUT)
        sheet.validations.append(
            Validation(self.eta, "above", title="Learning rate", message="A learning rate is a number above 0.")
        )
        first, last = (self.cell("E_total", step) for step in (0, steps))
        sheet.put("D1", ["error at\nstep 0", f"error at\nstep {steps}"], looks.LABEL)
        ends = sheet.put("D2", [Formula(f"{first}"), Formula(f"{last}")], looks.TOTAL, name="E_total at the ends").place
        direction, change = _fall(ends[0, 0], ends[0, 1])
        sheet.put("F1", Formula(direction), looks.LABEL, name="whether E_total fell")
        sheet.put("F2", Formula(change), looks.PERCENT, name="how far E_total fell")
        sheet.put("G1", "smallest\nerror", looks.LABEL)
        smallest = Formula(f"MIN({self.column('E_total'):$})")
        smallest_at = sheet.put("G2", smallest, looks.TOTAL, name="smallest E_total").place
        sheet.rules += [rule for cells in (ends, smallest_at) for rule in looks.number_rules(cells)]
        return headline.place

    def _draw(self, run: Run, title: Place) -> None:
        """The curve of E_total, in a column of its own behind the steps."""
        table, steps = self._table, self._layout.steps
        eta, totals = short_number(self.eta_value), run.totals[self.number]
        chart = Chart(
            title="E_total over the steps",
            title_size=11,
            x=step_axis(steps, letters=8),
            y=error_axis(0, letters=8),
            size=(_CHART_WIDTH - 8, 232),
            description=f"Line chart of E_total over the steps 0 to {steps} with learning rate {eta}; "
            f"at the start it is {totals[0]:.6g}, at the end {totals[-1]:.6g}.",
            series=[curve(title, self.column("step"), self.column("E_total"), self.number)],
        )
        self.sheet.charts.append((f"{table.chart_column}{table.first_row}", chart, 4, 4))

    def _write_headers(self) -> None:
        sheet, table = self.sheet, self._table
        notes = _notes(self._layout.network)
        step, *others = table.columns
        sheet.put(f"{table.chart_column}{table.header_row}", "error over the steps", looks.header(""))
        for at, columns in (("A", [step]), (others[0].letters, others)):
            headers = [header(column.name) for column in columns]
            head = sheet.put(f"{at}{table.header_row}", headers, *(looks.header(column.group) for column in columns))
            for n, column in enumerate(columns):
                text = notes[column.name] + (f"\n\ngroup: {column.group}" if column.group else "")
                # about 30 characters a line, and a line for the rounding
                lines = sum(len(paragraph) // 30 + 1 for paragraph in text.split("\n")) + 1
                sheet.notes.append(Note(head.cell(0, n), text, 210, 17 * lines))

    def _size(self, *, foldable: bool) -> None:
        """The widths of the columns, which of them fold, and which print on a page together."""
        sheet, table = self.sheet, self._table
        chart = column_number(table.chart_column)
        sheet.widths += [Width(1, 1, _STEP_WIDTH), Width(chart, chart, _CHART_WIDTH, grouped=foldable)]
        sheet.widths.append(Width(chart + 1, chart + len(table.columns) - 1, _COLUMN_WIDTH))
        first, printed = chart + 1, [[_CHART_WIDTH]]
        for name, columns in groupby(table.columns[1:], key=lambda column: column.group):
            count = len(list(columns))
            hidden = foldable and name == "chain rule"
            if name == "chain rule":
                sheet.widths += [
                    Width(first, first + count - 1, _COLUMN_WIDTH, hidden=hidden, grouped=True),
                    Width(first + count, first + count, _COLUMN_WIDTH, collapsed=hidden),
                ]
            printed.append([0 if hidden else _COLUMN_WIDTH] * count)
            first += count
        sheet.page = Page(
            frozen=(table.header_row, 1),
            repeated_rows=(1, table.header_row),
            repeated_column=True,
            breaks=tuple(chart + n for n in page_breaks(printed, _PAGE_WIDTH - _STEP_WIDTH)),
            scale=_PRINT_SCALE,
            tab=colour(self.number),
        )

    def _dress(self) -> None:
        last = self._rows.cell(self._layout.steps - 1, self._rows.shape[1] - 1)
        inputs = sum(column.group == "inputs" for column in self._table.columns)
        self.sheet.rules += looks.number_rules(joined([self._start.cell(0, inputs), last]))
        # the first row differs from the others on purpose
        self.sheet.unlike_neighbours.append(joined([self._step_0.place, last]))


def _fall(first: Place, last: Place) -> tuple[str, str]:
    """Whether an error fell or rose, and how far, as formulas.

    What is within a billionth is the same: which of two such numbers is larger, or whether 1e-17 is 0, engines
    see differently.
    """
    ratio = f"{last}/{first}"
    change = f"ABS(1-{ratio})"
    rose = f"{ratio}>1+{_SAME}"
    words = f'IF({rose},IF({change}>10,"more than 1000%",{change}),IF({change}>0.999,"more than 99.9%",{change}))'
    words = f'IF({change}<{_SAME},0,IF({change}<0.001,"less than 0.1%",{words}))'
    # only of 0 there is no reciprocal
    vanished = f'IF(ISERROR(1/{last}),IF(ISERROR(1/{first}),0,"100%"),{words})'
    return (
        f'IF(ISERROR({ratio}),"fell by",IF({rose},"rose by","fell by"))',
        f'IF(ISERROR({first}+{last}),"cannot be said",IFERROR({vanished},"cannot be said"))',
    )


def _notes(network: Network) -> dict[str, str]:
    """The note at each header: what the column is, and how it follows."""
    notes = {"step": "How many updates have been made before this row."}
    notes |= {name: f"{header(name)}: {meaning}." for name, meaning in network.meanings.items()}
    for update in updates(network):
        notes[update.name] += f"\n\nnext row: {symbols(update.expression, header)}"
    for quantity in training_step(network):
        notes[quantity.name] = (
            f"{quantity.sentence}\n\n{header(quantity.name)} = {symbols(quantity.expression, header)}"
        )
    return notes


def _look(column: Column) -> Look:
    if column.name == "E_total":
        return looks.TOTAL
    return looks.TEXT if column.group == "inputs" else looks.NUMBER
