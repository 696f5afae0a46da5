"""The training sheet of one learning rate: a row a step, every cell a formula, and the curve of E_total."""

from collections.abc import Collection, Mapping
from itertools import groupby
from operator import itemgetter

from xlbackprop.backprop.expression import cell_formula
from xlbackprop.backprop.notation import defined_name
from xlbackprop.backprop.optimizers import BEFORE
from xlbackprop.backprop.quantities import Over, followed_error, gathered, states, training_step, updates
from xlbackprop.spreadsheet.addresses import column_number
from xlbackprop.spreadsheet.blocks import Block, FilledDown, Formula, Link, Role
from xlbackprop.spreadsheet.book import Book
from xlbackprop.spreadsheet.places import Place, joined
from xlbackprop.spreadsheet.presentation import Page, Validation, Width
from xlbackprop.workbook import looks
from xlbackprop.workbook.charts import colour
from xlbackprop.workbook.columns import column_look, insist_on_room, notes_of_steps, write_headers
from xlbackprop.workbook.data_sheet import DataSheet
from xlbackprop.workbook.hyperparameters import HyperparameterCells
from xlbackprop.workbook.layout import WorkbookLayout
from xlbackprop.workbook.network_sheet import NetworkSheet
from xlbackprop.workbook.printing import PAGE_WIDTH, PRINT_SCALE, page_breaks
from xlbackprop.workbook.run import Run
from xlbackprop.workbook.samples_sheet import SamplesSheet
from xlbackprop.workbook.training_charts import CHART_WIDTH, ROWS_OF_A_CHART, training_charts

# In pixels. A column has room for -999.123456 and -1.235E+100, and the band above the table for two lines.
_STEP_WIDTH, _COLUMN_WIDTH = 70, 80
_BAND_HEIGHT = 34

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
        self._layout, self._table = layout, layout.trainings[number]
        name = layout.training_sheets[number]
        self.sheet = sheet = book.sheet(name, f"{layout.steps:,} steps of training")
        table = self._table
        self._eta = sheet.reserve("learning rate", table.eta_cell, (), Role.INPUT)
        self._step_0 = sheet.reserve("step 0", f"A{table.first_row}", (), Role.CONSTANT)
        names = [column.name for column in table.columns[1:]]
        count, letters = len(names), table.letters[names[0]]
        self._step_header = sheet.reserve("header of the steps", f"A{table.header_row}", (1, 1), Role.TEXT)
        self._headers = sheet.reserve("headers", f"{letters}{table.header_row}", (1, count), Role.TEXT)
        # until there is a whole epoch to look back on, the formulas differ
        first = min(max(1, layout.epoch - 1), layout.steps)
        self._start = sheet.reserve("start", f"{letters}{table.first_row}", (first, count), Role.TABLE)
        self._first_steps = (
            sheet.reserve("first steps", f"A{table.first_row + 1}", (first - 1, 1), Role.TABLE) if first > 1 else None
        )
        self._steps = sheet.reserve("steps", f"A{table.first_row + first}", (layout.steps + 1 - first, 1), Role.TABLE)
        at = f"{letters}{table.first_row + first}"
        self._rows = sheet.reserve("training", at, (layout.steps + 1 - first, count), Role.TABLE)
        self._columns = {name: n for n, name in enumerate(names)}
        book.names["eta", name] = self.eta
        self._network = network = layout.networks[number]
        self._error = followed_error(network)
        optimizer = network.optimizer
        self._optimizer = None if optimizer.is_plain else HyperparameterCells(sheet, table, optimizer)
        self._samples = (
            SamplesSheet(book, layout, number, network.samples) if network.samples and network.in_batches else None
        )

    @property
    def hyperparameters(self) -> Mapping[str, Place]:
        """The cell of each hyperparameter; none in plain gradient descent."""
        return self._optimizer.cells if self._optimizer else {}

    @property
    def passes(self) -> "TrainingSheet | SamplesSheet":
        """Where the forward and backward passes stand, a row each: here, or a row a sample on a sheet of their own."""
        return self._samples or self

    @property
    def tables(self) -> "tuple[TrainingSheet | SamplesSheet, ...]":
        """The sheets that hold a table of this learning rate."""
        return (self, self._samples) if self._samples else (self,)

    @property
    def table(self) -> tuple[Block, ...]:
        """The formulas of the training: those of step 0, the numbers of the later steps, and their formulas."""
        return *([self._first_steps] if self._first_steps else []), self._start, self._steps, self._rows

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
        if name == "step":
            first = [self._first_steps.place] if self._first_steps else []
            return joined([self._step_0.place, *first, self._steps.place])
        return joined(block.column_place(self._columns[name]) for block in (self._start, self._rows))

    def cell(self, name: str, step: int) -> Place:
        """The cell of a quantity at a step."""
        first = self._start.shape[0]
        if name == "step":
            if step and step < first and self._first_steps:
                return self._first_steps.cell(step - 1)
            return self._steps.cell(step - first) if step else self._step_0.place
        block, row = (self._rows, step - first) if step >= first else (self._start, step)
        return block.cell(row, self._columns[name])

    def fill(self, run: Run, network: NetworkSheet, data: DataSheet | None, *, foldable: bool) -> None:
        """Fill the sheet, and that of the samples of its steps.

        Args:
            run: the numbers.
            network: where the start values stand.
            data: where the samples stand, if there are several.
            foldable: whether the chain rule's columns start out folded away; a folded group cannot be
                opened in a protected sheet.

        Raises:
            UnusableInput: a formula is longer than a cell can hold.
        """
        sheet, table = self.sheet, self._table
        self._draw(run, self._write_band(network))
        self._write_headers()
        column_looks = [column_look(column) for column in table.columns[1:]]
        values = map(itemgetter(*self._columns), run.steps(self.number))
        first = self._start.shape[0]
        *start, filled = (self._row(step, data) for step in range(first + 1))
        # the longest ones: row numbers grow downwards
        for column, text in zip(table.columns, filled, strict=True):
            insist_on_room(self._rows, self._layout.network, column.name, text)
        sheet.fill(self._step_0, 0.0, looks.STEP)
        contents = [
            [Formula(text, value) for text, value in zip(texts[1:], next(values), strict=True)] for texts in start
        ]
        sheet.fill(self._start, contents, *column_looks)
        if self._first_steps:
            counted = [[Formula(texts[0], float(step))] for step, texts in enumerate(start[1:], start=1)]
            sheet.fill(self._first_steps, counted, looks.STEP)
        steps = range(first, self._layout.steps + 1)
        sheet.fill(self._steps, FilledDown([Formula(filled[0])], zip(steps), {0: steps}), looks.STEP)
        formulas = [Formula(text) for text in filled[1:]]
        kept = {self._columns[name]: column[first:] for name, column in run.added_up[self.number].curves.items()}
        sheet.fill(self._rows, FilledDown(formulas, values, kept), *column_looks)
        self._size(foldable=foldable)
        self._dress()
        if self._samples and data:
            self._samples.fill(run, self, data)

    def _row(self, step: int, data: DataSheet | None) -> list[str]:
        """The formulas of a step.

        Args:
            step: which.
            data: where the samples stand, if there are several.
        """
        network = self._network

        def own(name: str) -> str:
            return f"{self.cell(name, step)}"

        formulas = {"step": ""} | {name: defined_name(name) for name in network.start_values}
        if step:
            formulas |= self._carried(step)
        if self._samples:
            formulas |= self._of_the_batch(step, self._samples)
        else:
            formulas |= self._of_the_sample(step, data) if data else {}
            formulas |= {q.name: cell_formula(q.expression, own) for q in training_step(network)}
        formulas |= self._of_the_epoch(step)
        for state in states(network):
            expression = state.expression if step else state.first
            formulas[state.name] = cell_formula(expression, lambda name: self._address(name, step))
        return [formulas[column.name] for column in self._table.columns]

    def _carried(self, step: int) -> dict[str, str]:
        """The formulas that carry a number from the step before to this one."""

        found = {
            update.name: cell_formula(update.expression, lambda name: self._address(name, step - 1))
            for update in updates(self._network)
        }
        return found | {"step": f"{self._address('step', step - 1)}+1"}

    def _address(self, name: str, step: int) -> str:
        """The cell of a quantity at a step, of what was before it, or of a hyperparameter."""
        if name == "eta" or name in self.hyperparameters:
            return f"{self.hyperparameters.get(name, self.eta):$}"
        if name == "steps":
            return str(self._layout.steps)
        if name.startswith(BEFORE):
            return f"{self.cell(name.removeprefix(BEFORE), step - 1)}"
        return f"{self.cell(name, step)}"

    def _of_the_sample(self, step: int, data: DataSheet) -> dict[str, str]:
        """Where samples come in turn: which one a step takes, and its inputs and targets."""
        network, epoch = self._network, self._layout.epoch
        turn = f"MOD({self.cell('step', step):$1},{epoch})+1"
        formulas = {"sample": turn if data.order is None else f"INDEX({data.order:$},{turn})"}
        for name in (*network.input_names, *network.target_names):
            formulas[name] = f"INDEX({data.columns[name]:$},{self.cell('sample', step):$1})"
        return formulas

    def _of_the_epoch(self, step: int) -> dict[str, str]:
        """The means over the steps that an epoch has shown until this one."""
        formulas, epoch = {}, self._layout.epoch
        for one in gathered(self._network):
            if one.over is Over.EPOCH:
                first = f"{self.cell(one.of, 0):A$}" if step < epoch - 1 else f"{self.cell(one.of, step - epoch + 1)}"
                formulas[one.name] = f"AVERAGE({first}:{self.cell(one.of, step)})"
        return formulas

    def _of_the_batch(self, step: int, samples: SamplesSheet) -> dict[str, str]:
        """What a step gathers from its samples."""
        formulas = {}
        for one in gathered(self._network):
            if one.over is Over.EPOCH:
                continue
            cells = samples.of_step(one.of, step)
            pace = f"*{cells.ids.size}"
            if one.over is Over.ONE:
                formulas[one.name] = format(cells[one.sample], pace)
            else:
                function = "SUM" if one.over is Over.SUM else "AVERAGE"
                formulas[one.name] = f"{function}({format(cells, pace)})"
        return formulas

    def _write_band(self, network: NetworkSheet) -> Place:
        """The rows above the table: the learning rate, and what became of E_total; gives the place of the title."""
        sheet, steps = self.sheet, self._layout.steps
        sheet.heights |= {1: _BAND_HEIGHT, 2: _BAND_HEIGHT}
        sheet.put("A1", Link("← all sheets", network.sheet.name), looks.SMALL_LINK)
        optimizer = self._network.optimizer
        by = "" if optimizer.is_plain else f" by {optimizer.kind.spoken}"
        title = Formula(f'"Training{by} with learning rate η = "&{self.eta:$}')
        headline = sheet.put("B1", title, looks.SMALL_TITLE, name="title")
        hint = _HINT.replace("the yellow cell", "a yellow cell") if self.hyperparameters else _HINT
        sheet.put("B2", hint, looks.WRAPPED_HINT)
        sheet.put("C1", "learning rate η", looks.LABEL)
        sheet.fill(self._eta, self.eta_value, looks.INPUT)
        sheet.validations.append(
            Validation(self.eta, "above", title="Learning rate", message="A learning rate is a number above 0.")
        )
        if self._optimizer:
            self._optimizer.fill()
        first, last = (self.cell(self._error, step) for step in (min(self._layout.epoch - 1, steps), steps))
        labels = ["error at\nstep 0", f"error at\nstep {steps}"]
        if self._error == "E_epoch":
            labels = ["error of the\nfirst epoch", "error of the\nlast epoch"]
        sheet.put("D1", labels, looks.LABEL)
        ends = sheet.put("D2", [Formula(f"{first}"), Formula(f"{last}")], looks.TOTAL, name="E_total at the ends").place
        direction, change = _fall(ends[0, 0], ends[0, 1])
        sheet.put("F1", Formula(direction), looks.LABEL, name="whether E_total fell")
        sheet.put("F2", Formula(change), looks.PERCENT, name="how far E_total fell")
        sheet.put("G1", "smallest\nerror", looks.LABEL)
        smallest = Formula(f"MIN({self.column(self._error):$})")
        smallest_at = sheet.put("G2", smallest, looks.TOTAL, name="smallest E_total").place
        sheet.rules += [rule for cells in (ends, smallest_at) for rule in looks.number_rules(cells)]
        return headline.place

    def _draw(self, run: Run, title: Place) -> None:
        """The curves, in a column of their own behind the steps."""
        charts = training_charts(self, title, self._error, run.errors[self.number], self._outputs())
        for n, chart in enumerate(charts):
            row = self._table.first_row + n * ROWS_OF_A_CHART
            self.sheet.charts.append((f"{self._table.chart_column}{row}", chart, 4, 4))

    def _outputs(self) -> list[tuple[str, Place]]:
        """The columns with the output for each sample, with their headers."""
        samples = self._network.samples
        if not (samples and samples.followed):
            return []
        names = [one.name for one in gathered(self._network) if one.over is Over.ONE]
        return [(name, self._headers.cell(0, self._columns[name])) for name in names]

    def _write_headers(self) -> None:
        sheet, table = self.sheet, self._table
        over = "over the steps" if self._network.samples else "error over the steps"
        sheet.put(f"{table.chart_column}{table.header_row}", over, looks.header(""))
        step, *others = table.columns
        write_headers(sheet, [(self._step_header, [step]), (self._headers, others)], notes_of_steps(self._network))

    def _size(self, *, foldable: bool) -> None:
        """The widths of the columns, which of them fold, and which print on a page together."""
        sheet, table = self.sheet, self._table
        chart = column_number(table.chart_column)
        sheet.widths += [Width(1, 1, _STEP_WIDTH), Width(chart, chart, CHART_WIDTH, grouped=int(foldable))]
        sheet.widths.append(Width(chart + 1, chart + len(table.columns) - 1, _COLUMN_WIDTH))
        first, printed, folded = chart + 1, [[CHART_WIDTH]], False
        # beside each other, the chain rule folds by itself, and with the optimizer
        levels = {"chain rule": 2, "optimizer": 1} if states(self._network) else {"chain rule": 1}
        for name, columns in groupby(table.columns[1:], key=lambda column: column.group):
            count = len(list(columns))
            hidden = foldable and name == "chain rule"
            if level := levels.get(name):
                last = first + count - 1
                sheet.widths += [
                    Width(first, last, _COLUMN_WIDTH, hidden=hidden, grouped=level),
                    Width(last + 1, last + 1, _COLUMN_WIDTH, collapsed=hidden, grouped=level - 1),
                ]
                if folded:
                    # it shows that what is left of it is folded away
                    sheet.widths.append(Width(first, first, _COLUMN_WIDTH, grouped=level, collapsed=True))
            folded = hidden
            printed.append([0 if hidden else _COLUMN_WIDTH] * count)
            first += count
        sheet.page = Page(
            frozen=(table.header_row, 1),
            repeated_rows=(1, table.header_row),
            repeated_column=True,
            breaks=tuple(chart + n for n in page_breaks(printed, PAGE_WIDTH - _STEP_WIDTH)),
            scale=PRINT_SCALE,
            tab=colour(self.number),
        )

    def _dress(self) -> None:
        last = self._rows.cell(self._rows.shape[0] - 1, self._rows.shape[1] - 1)
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
