"""Our workbook as a value: the list of its sheets, and how they come together."""

from dataclasses import dataclass

from xlbackprop.spreadsheet.book import Book
from xlbackprop.workbook.check_sheet import CheckSheet
from xlbackprop.workbook.comparison import ComparisonSheet
from xlbackprop.workbook.data_sheet import DataSheet
from xlbackprop.workbook.derivation import DerivationSheet
from xlbackprop.workbook.gradient_check import GradientCheckSheet
from xlbackprop.workbook.learned_sheet import LearnedSheet
from xlbackprop.workbook.network_sheet import NetworkSheet, Origin
from xlbackprop.workbook.run import Run
from xlbackprop.workbook.training import TrainingSheet


@dataclass(frozen=True)
class OurSheets:
    """The sheets of our workbook, in their order; each knows its line in the contents."""

    book: Book
    network: NetworkSheet
    data: DataSheet | None
    learned: LearnedSheet | None
    derivation: DerivationSheet
    gradient_check: GradientCheckSheet
    training: tuple[TrainingSheet, ...]
    comparison: ComparisonSheet
    check: CheckSheet


def our_sheets(run: Run, origin: Origin, *, protect: bool = False) -> OurSheets:
    """All sheets of the workbook of a training.

    First each reserves the places that others refer to, then each is filled.

    Args:
        run: the numbers.
        origin: what the workbook says about how it was made.
        protect: lock every cell but the input cells, without a password.

    Raises:
        LeavesRange: a training leaves what a cell can hold.
        UnusableInput: a formula is longer than a cell can hold.
    """
    layout, samples = run.layout, run.layout.network.samples
    book = Book(
        {
            "title": f"Backpropagation, a {layout.network.shape} network",
            "subject": "Every number of a training by hand, as a live formula",
            "author": f"xlbackprop {origin.version}",
            "keywords": "backpropagation, neural network, chain rule, gradient descent",
            "comments": origin.command,
        },
        locked=protect,
    )
    sheets = OurSheets(
        book,
        network=NetworkSheet(book, layout),
        data=DataSheet(book, layout, samples) if samples else None,
        learned=LearnedSheet(book, layout, samples) if samples else None,
        derivation=DerivationSheet(book, layout),
        gradient_check=GradientCheckSheet(book, layout),
        training=tuple(TrainingSheet(book, layout, n) for n in range(len(layout.etas))),
        comparison=ComparisonSheet(book, layout),
        check=CheckSheet(book, layout),
    )
    if sheets.data:
        sheets.data.fill()
    for training in sheets.training:
        training.fill(run, sheets.network, sheets.data, foldable=not protect)
    sheets.gradient_check.fill(run, sheets.derivation)
    sheets.derivation.fill(run, sheets.training, sheets.comparison, sheets.gradient_check)
    sheets.comparison.fill(run, sheets.training)
    sheets.check.fill(run, sheets.network, sheets.data, sheets.training)
    if sheets.learned and sheets.data:
        sheets.learned.fill(run, sheets.training, sheets.comparison, sheets.data)
    sheets.network.fill(origin, sheets.derivation.values, sheets.derivation.chosen)
    return sheets
