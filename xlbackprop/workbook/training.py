"""The training sheet of one learning rate: a row a step, every cell a formula, and the curve of E_total."""

from collections.abc import Callable, Collection
from itertools import groupby
from operator import itemgetter

from xlbackprop.backprop.expression import cell_formula, symbols
from xlbackprop.backprop.network import Network
from xlbackprop.backprop.notation import defined_name, header
from xlbackprop.backprop.quantities import training_step, updates
from xlbackprop.errors import UnusableInput
from xlbackprop.spreadsheet.blocks import Block, FilledDown, Formula, Link, Role
from xlbackprop.spreadsheet.book import ROW_OFFSET, Book
from xlbackprop.spreadsheet.charts import Chart
from xlbackprop.spreadsheet.limits import MAX_ARGUMENTS, MAX_FORMULA_LENGTH
from xlbackprop.spreadsheet.looks import Look
from xlbackprop.spreadsheet.numbers import short_number
from xlbackprop.spreadsheet.places import Place, joined
from xlbackprop.spreadsheet.presentation import Note, Page, Rule, Validation, Width
from xlbackprop.workbook import looks
from xlbackprop.workbook.charts import colour, curve, error_axis, step_axis
from xlbackprop.workbook.layout import Column, WorkbookLayout
from xlbackprop.workbook.network_sheet import NetworkSheet
from xlbackprop.workbook.run import Run

#: Pixels; wide enough for -0.123456 and 1.2346E-10.
_COLUMN_WIDTH = 82


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
        names = [column.name for column in table.columns]
        width = len(names)
        self._start = sheet.reserve("start", f"B{table.first_row}", (1, width - 1), Role.TABLE)
        self._rows = sheet.reserve("training", f"A{table.first_row + 1}", (layout.steps, width), Role.TABLE)
        self._columns = {name: n for n, name in enumerate(names)}
        book.names["eta", name] = self.eta

    @property
    def table(self) -> tuple[Block, ...]:
        """The formulas of the training: those of step 0, and those of all later steps."""
        return self._start, self._rows

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
        n = self._columns[name]
        return joined([self._start_cell(name), self._rows.column_place(n)])

    def cell(self, name: str, step: int) -> Place:
        """The cell of a quantity at a step."""
        return self._rows.cell(step - 1, self._columns[name]) if step else self._start_cell(name)

    def _start_cell(self, name: str) -> Place:
        n = self._columns[name]
        return self._start.cell(0, n - 1) if n else self._step_0.place

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
        self._write_band(run, network)
        self._write_headers(foldable=foldable)
        column_looks = [_look(column) for column in table.columns]
        names = itemgetter(*table.letters)
        rows = map(names, run.steps(self.eta_value))
        first = next(rows)
        sheet.fill(self._step_0, 0.0, column_looks[0])
        start = [Formula(text, value) for text, value in zip(self._start_formulas(), first[1:], strict=True)]
        sheet.fill(self._start, start, *column_looks[1:])
        kept = {0: range(1, self._layout.steps + 1), self._columns["E_total"]: run.totals[self.number][1:]}
        self._rows.contents = FilledDown(self._step_formulas(), rows, kept)
        self._rows.looks = column_looks
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
        longest = ROW_OFFSET.sub(str(self._table.last_row), text)
        if len(longest) > MAX_FORMULA_LENGTH or formula.count(",") >= MAX_ARGUMENTS:
            raise UnusableInput(
                f"The formula of {name} in a {self._layout.network.shape} network is longer than a cell can hold: "
                "use smaller layers."
            )

    def _write_band(self, run: Run, network: NetworkSheet) -> None:
        """The rows above the table: the learning rate, what became of E_total, and the chart."""
        sheet, table, steps = self.sheet, self._table, self._layout.steps
        sheet.heights[1] = 26
        sheet.put("A1", Formula(f'"Training with learning rate η = "&{self.eta:$}'), looks.TITLE, name="title")
        sheet.put("A2", Link("← all sheets", network.sheet.name), looks.LINK)
        sheet.put(f"A{table.eta_row}", "learning rate η", looks.NAME)
        sheet.fill(self._eta, self.eta_value, looks.INPUT)
        sheet.validations.append(
            Validation(self.eta, "above", title="Learning rate", message="A learning rate is a number above 0.")
        )
        first, last = (self.cell("E_total", step) for step in (0, steps))
        sheet.put(
            "A4",
            [["E_total at step 0"], [f"E_total at step {steps}"], ["smallest E_total"], ["E_total fell by"]],
            looks.TEXT,
        )
        ends = sheet.put(
            "C4",
            [[Formula(f"{first}")], [Formula(f"{last}")], [Formula(f"MIN({self.column('E_total'):$})")]],
            looks.TOTAL,
            name="what became of E_total",
        )
        fell = Formula(f"IFERROR(1-{ends.cell(1, 0)}/{ends.cell(0, 0)},0)")
        sheet.put("C7", fell, looks.PERCENT, name="how far E_total fell")
        hint = (
            "Change the learning rate here, or any yellow cell on the",
            "Network sheet: every number and chart follows. Each row",
            "is one step; its weights come from the row above it.",
        )
        sheet.put("A8", [[line] for line in hint], looks.HINT)
        # the title of the chart is live, from a cell that the chart covers
        title = sheet.put(
            "H1", Formula(f'"E_total over the steps, η = "&{self.eta:$}'), looks.UNSEEN, name="chart title"
        )
        eta, totals = short_number(self.eta_value), run.totals[self.number]
        chart = Chart(
            title=title.place,
            title_size=11,
            x=step_axis(steps, letters=9),
            y=error_axis(0, letters=9),
            size=(680, 204),
            description=f"Line chart of E_total over the steps 0 to {steps} with learning rate {eta}; "
            f"at the start it is {totals[0]:.6g}, at the end {totals[-1]:.6g}.",
            series=[curve(title.place, self.column("step"), self.column("E_total"), self.number)],
        )
        sheet.charts.append(("F1", chart, 10, 6))

    def _write_headers(self, *, foldable: bool) -> None:
        sheet, table, network = self.sheet, self._table, self._layout.network
        notes = _notes(network)
        sheet.widths.append(Width(2, len(table.columns), _COLUMN_WIDTH))
        headers = [header(column.name) for column in table.columns]
        head = sheet.put(f"A{table.header_row}", headers, *(looks.header(column.group) for column in table.columns))
        for n, column in enumerate(table.columns):
            text = notes[column.name]
            # about 30 characters a line, and a line for the rounding
            lines = sum(len(paragraph) // 30 + 1 for paragraph in text.split("\n")) + 1
            sheet.notes.append(Note(head.cell(0, n), text, 210, 17 * lines))
        groups = [(name, len(list(columns))) for name, columns in groupby(table.columns, key=lambda c: c.group)]
        headings = [text for name, width in groups for text in [name, *[""] * (width - 1)]]
        sheet.put(f"A{table.group_row}", headings, *(looks.group(column.group) for column in table.columns))
        first = 1
        for name, width in groups:
            if name == "chain rule":
                sheet.widths += [
                    Width(first, first + width - 1, _COLUMN_WIDTH, hidden=foldable, grouped=True),
                    Width(first + width, first + width, _COLUMN_WIDTH, collapsed=foldable),
                ]
            first += width

    def _dress(self) -> None:
        sheet, table = self.sheet, self._table
        last = self._rows.cell(self._layout.steps - 1, len(table.columns) - 1)
        numbers = joined([self._start.cell(0, 0), last])
        sheet.rules.append(Rule(numbers, f"ABS({self._start.cell(0, 0)})>={looks.LARGE}", looks.LARGE_NUMBER))
        # the first row differs from the others on purpose
        sheet.unlike_neighbours.append(joined([self._step_0.place, last]))
        sheet.widths.append(Width(1, 1, 58))
        sheet.page = Page(
            frozen=(table.header_row, 1),
            repeated_rows=(table.group_row, table.header_row),
            repeated_column=True,
            tab=colour(self.number),
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
    if column.name == "step":
        return looks.STEP
    if column.name == "E_total":
        return looks.TOTAL
    if column.group == "inputs":
        return looks.TEXT
    return looks.SMALL_NUMBER if column.group in ("error", "chain rule", "gradients") else looks.NUMBER
