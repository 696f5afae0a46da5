"""The samples of each step of a learning rate: a row a sample, with its forward and its backward pass.

A step that takes several samples has its weights and its sums on the training sheet; here stands, for each of its
samples, what a step with a single one has.
"""

from collections.abc import Collection
from itertools import groupby
from operator import itemgetter
from typing import TYPE_CHECKING

from xlbackprop.backprop.expression import cell_formula
from xlbackprop.backprop.quantities import training_step
from xlbackprop.backprop.samples import Samples
from xlbackprop.spreadsheet.blocks import Block, FilledDown, Formula, Link, Role
from xlbackprop.spreadsheet.book import Book
from xlbackprop.spreadsheet.places import Place, joined
from xlbackprop.spreadsheet.presentation import Page, Rule, Width
from xlbackprop.workbook import looks
from xlbackprop.workbook.charts import colour
from xlbackprop.workbook.columns import column_look, insist_on_room, notes_of_passes, write_headers
from xlbackprop.workbook.data_sheet import DataSheet
from xlbackprop.workbook.layout import NETWORK, WorkbookLayout
from xlbackprop.workbook.printing import PAGE_WIDTH, PRINT_SCALE, page_breaks
from xlbackprop.workbook.run import Run

if TYPE_CHECKING:
    from xlbackprop.workbook.training import TrainingSheet

_NUMBER_WIDTH, _COLUMN_WIDTH = 64, 80
_BAND_HEIGHT = 24


class SamplesSheet:
    """The samples of each step.

    Args:
        book: what it belongs to.
        layout: what is trained, and where the table stands.
        number: the place of its learning rate, counted from 0.
        samples: those of the network.
    """

    def __init__(self, book: Book, layout: WorkbookLayout, number: int, samples: Samples) -> None:
        self.number, self._layout, self._samples, self._table = number, layout, samples, layout.samples
        name = layout.samples_sheets[number]
        self.sheet = book.sheet(name, f"the {samples.batch} samples of each step")
        table = self._table
        names = [column.name for column in table.columns]
        self._columns = {name: n for n, name in enumerate(names)}
        shape = (table.row_count, len(names))
        self._rows = self.sheet.reserve("samples", f"A{table.first_row}", shape, Role.TABLE)
        self._headers = self.sheet.reserve("headers", f"A{table.header_row}", (1, len(names)), Role.TEXT)
        book.names["samples", layout.training_sheets[number]] = self._headers.cell(0)

    @property
    def table(self) -> tuple[Block, ...]:
        """The formulas of the table."""
        return (self._rows,)

    @property
    def names(self) -> Collection[str]:
        """The quantities that have a column, and `step` and `sample`."""
        return self._columns.keys()

    def column(self, name: str) -> Place:
        """The cells of a quantity, row by row."""
        return self._rows.column_place(self._columns[name])

    def cell(self, name: str, row: int) -> Place:
        """The cell of a quantity in a row, counted from 0."""
        return self._rows.cell(row, self._columns[name])

    def of_step(self, name: str, step: int) -> Place:
        """The cells of a quantity for the samples of a step."""
        batch = self._samples.batch
        return self.column(name)[step * batch : (step + 1) * batch]

    def fill(self, run: Run, training: "TrainingSheet", data: DataSheet) -> None:
        """Fill the sheet.

        Args:
            run: the numbers.
            training: the sheet with the weights of each step.
            data: where the samples stand.

        Raises:
            UnusableInput: a formula is longer than a cell can hold.
        """
        sheet, table = self.sheet, self._table
        sheet.heights |= {1: _BAND_HEIGHT, 2: _BAND_HEIGHT}
        sheet.put("A1", Link("← all sheets", NETWORK), looks.SMALL_LINK)
        title = Formula(f'"The samples of each step, with learning rate η = "&{training.eta:$}')
        sheet.put("C1", title, looks.SMALL_TITLE, name="title")
        sheet.put("A2", Link("← the steps", training.sheet.name), looks.SMALL_LINK)
        sheet.put(
            "C2",
            f"Each row is one sample. Its weights are those of its step; the step {_GATHERS[self._samples.reduction]} "
            f"its {self._samples.batch} errors and gradients.",
            looks.HINT,
        )
        write_headers(sheet, [(self._headers, table.columns)], notes_of_passes(self._layout.network))
        values = map(itemgetter(*self._columns), run.passes(self.number))
        rows = FilledDown([Formula(text) for text in self._formulas(training, data)], values, {})
        sheet.fill(self._rows, rows, *map(column_look, table.columns))
        self._dress()

    def _formulas(self, training: "TrainingSheet", data: DataSheet) -> list[str]:
        network, batch = self._layout.network, self._samples.batch

        def own(name: str) -> str:
            return f"{self.cell(name, 0)}"

        turn = f"MOD(ROW()-ROW({self._headers.cell(0):A$})-1,{self._samples.count})+1"
        formulas = {
            "step": f"{training.cell('step', 0):/{batch}}",
            "sample": turn if data.order is None else f"INDEX({data.order:$},{turn})",
        }
        for name in (*network.input_names, *network.target_names):
            formulas[name] = f"INDEX({data.columns[name]:$},{self.cell('sample', 0):$1})"
        for name in network.start_values:
            formulas[name] = f"{training.cell(name, 0):/{batch}}"
        formulas |= {q.name: cell_formula(q.expression, own) for q in training_step(network)}
        for name, formula in formulas.items():
            insist_on_room(self._rows, network, name, formula)
        return [formulas[column.name] for column in self._table.columns]

    def _dress(self) -> None:
        """The widths of the columns, how numbers look, and which columns print on a page together."""
        sheet, table = self.sheet, self._table
        counts = [len(list(columns)) for _, columns in groupby(table.columns, key=lambda column: column.group)]
        sheet.widths.append(Width(1, 2, _NUMBER_WIDTH))
        sheet.widths.append(Width(3, len(table.columns), _COLUMN_WIDTH))
        first = next(n for n, column in enumerate(table.columns) if column.group not in ("", "inputs"))
        sheet.rules += looks.number_rules(self._corner(first))
        # the rows of every other step
        step, sample = self.cell("step", 0), self.cell("sample", table.row_count - 1)
        sheet.rules.append(Rule(joined([step, sample]), f"MOD({step:$1},2)=1", looks.BAND))
        sheet.unlike_neighbours.append(self._corner(0))
        printed = [[_COLUMN_WIDTH] * count for count in counts[1:]]
        sheet.page = Page(
            frozen=(table.header_row, 2),
            repeated_rows=(1, table.header_row),
            repeated_column=True,
            breaks=tuple(2 + n for n in page_breaks(printed, PAGE_WIDTH - _NUMBER_WIDTH)),
            scale=PRINT_SCALE,
            tab=colour(self.number),
        )

    def _corner(self, first: int) -> Place:
        """The cells from a column on, by the first and the last of them."""
        return joined([self._rows.cell(0, first), self._rows.cell(self._rows.shape[0] - 1, self._rows.shape[1] - 1)])


_GATHERS = {"sum": "adds up", "mean": "averages"}
