"""The data: the samples that the network learns from, to be edited, and the order in which they are shown."""

from collections.abc import Iterator
from textwrap import shorten

from xlbackprop.backprop.samples import Samples
from xlbackprop.spreadsheet.addresses import column_letters, column_number
from xlbackprop.spreadsheet.blocks import Role
from xlbackprop.spreadsheet.book import Book
from xlbackprop.spreadsheet.places import Place
from xlbackprop.spreadsheet.presentation import Page, Validation
from xlbackprop.workbook import looks
from xlbackprop.workbook.layout import DATA, DataLayout, WorkbookLayout

_NUMBER_WIDTH, _VALUE_WIDTH, _GAP = 76, 84, 24
_LONGEST_LINE = 1000


class DataSheet:
    """The samples.

    Attributes:
        columns: the cells of each input and target, sample by sample.
        order: the numbers of the samples in the order in which an epoch shows them; None where that is as they stand.
    """

    def __init__(self, book: Book, layout: WorkbookLayout, samples: Samples) -> None:
        self._network, self._samples, self._places = layout.network, samples, DataLayout(samples)
        self.sheet = book.sheet(DATA, f"{samples.count:,} samples: edit the yellow cells")
        places, count = self._places, samples.count
        self._blocks = [
            (names, self.sheet.reserve(kind, f"{column}{places.first_row}", (count, len(names)), Role.INPUT))
            for kind, names, column in (
                ("inputs", self._network.input_names, places.input_column),
                ("targets", self._network.target_names, places.target_column),
            )
        ]
        # for whoever reads the samples back
        book.names["data", None] = self._blocks[0][1].cell(0)
        self.columns = {name: block.column_place(n) for names, block in self._blocks for n, name in enumerate(names)}
        self._order = (
            self.sheet.reserve("order", f"{places.order_column}{places.first_row}", (count, 1), Role.INPUT)
            if samples.order
            else None
        )

    @property
    def order(self) -> Place | None:
        return self._order.column_place(0) if self._order else None

    def cells(self) -> Iterator[tuple[str, float, Place]]:
        """Each number that can be edited: what it is, its value when the file was built, and its cell."""
        for (names, block), values in zip(self._blocks, (self._samples.inputs, self._samples.targets), strict=True):
            for n, row in enumerate(values):
                for k, name in enumerate(names):
                    yield f"{name} of {n + 1}", row[k], block.cell(n, k)
        for n, number in enumerate(self._samples.order):
            if self._order:
                yield f"order {n + 1}", float(number), self._order.cell(n)

    def fill(self) -> None:
        """Fill the sheet."""
        sheet, samples, places = self.sheet, self._samples, self._places
        sheet.heights[1] = looks.TITLE_PIXELS
        sheet.put("A1", f"What the network learns from: {samples.count:,} samples", looks.TITLE)
        more = "For more samples, build another workbook."
        sheet.put("A2", f"Edit the yellow cells: every number follows. {more}", looks.MUTED)
        sheet.put("A3", _how_shown(samples), looks.MUTED)
        if samples.classes:
            sheet.put("A4", self._which_is_which(), looks.MUTED)
        numbers = [[float(n)] for n in range(1, samples.count + 1)]
        sheet.put(f"{places.number_column}{places.header_row}", "sample", looks.header("inputs"))
        sheet.put(
            f"{places.number_column}{places.first_row}", numbers, looks.STEP, role=Role.CONSTANT, name="sample numbers"
        )
        for (names, block), values in zip(self._blocks, (samples.inputs, samples.targets), strict=True):
            first = column_letters(block.column)
            sheet.put(f"{first}{places.header_row}", list(names), looks.header("inputs"))
            sheet.fill(block, [list(row) for row in values], looks.INPUT)
            sheet.validations.append(
                Validation(
                    block.place,
                    "decimal",
                    -1e300,
                    1e300,
                    title="Sample",
                    message="Only a number can stand here, and no formula.",
                )
            )
        last = column_number(places.order_column) - 2
        sheet.set_widths({"A": _NUMBER_WIDTH, f"B:{column_letters(last)}": _VALUE_WIDTH})
        if self._order:
            self._write_order()
        sheet.page = Page(frozen=(places.header_row, 1), repeated_rows=(places.header_row, places.header_row))

    def _which_is_which(self) -> str:
        """In words, which targets belong to which class."""
        names, targets = self._samples.classes, self._network.target_names
        if len(targets) == 1:
            low, high = sorted({target for (target,) in self._samples.targets})
            marks = [f"{targets[0]} = {low:g}", f"{targets[0]} = {high:g}"]
        else:
            marks = [f"{t} = 1" for t in targets]
        said = ", ".join(f"{mark} is {name}" for mark, name in zip(marks, names, strict=True))
        return shorten(f"The classes: {said}.", _LONGEST_LINE, placeholder=" ...")

    def _write_order(self) -> None:
        sheet, samples, places = self.sheet, self._samples, self._places
        assert self._order is not None
        column = places.order_column
        sheet.set_widths({column_letters(column_number(column) - 1): _GAP, column: _VALUE_WIDTH})
        sheet.put(f"{column}{places.header_row}", "order", looks.header("inputs"))
        sheet.fill(self._order, [[float(number)] for number in samples.order], looks.INPUT)
        sheet.validations.append(
            Validation(
                self._order.place,
                "integer",
                1,
                samples.count,
                title="Order",
                message=f"The number of a sample, from 1 to {samples.count}.",
            )
        )


def _how_shown(samples: Samples) -> str:
    """In words, how a training shows the samples."""
    order = "in the order of the last column" if samples.order else "in this order"
    if samples.in_turn:
        return f"Each step takes one sample, {order}: {samples.count} steps are an epoch."
    gathered = {"sum": "added up", "mean": "averaged"}[samples.reduction]
    together = f"Errors and gradients of the samples of a step are {gathered}."
    if samples.batch == samples.count:
        return f"Each step takes all of them. {together}"
    return f"Each step takes {samples.batch} samples, {order}: {samples.epoch} steps are an epoch. {together}"
