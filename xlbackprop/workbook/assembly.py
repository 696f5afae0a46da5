"""Puts the sheets together into one file."""

from array import array
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from pathlib import Path

from xlsxwriter.exceptions import XlsxWriterException
from xlsxwriter.utility import xl_rowcol_to_cell

from xlbackprop.backprop.simulation import LeavesRange, Simulation
from xlbackprop.reference.rounding import reference_totals
from xlbackprop.workbook.check_sheet import write_check_sheet
from xlbackprop.workbook.comparison import write_comparison_sheet
from xlbackprop.workbook.derivation import write_derivation_sheet
from xlbackprop.workbook.gradient_check import central_differences, write_gradient_check_sheet
from xlbackprop.workbook.layout import CHECK, COMPARISON, DERIVATION, GRADIENT_CHECK, NETWORK, WorkbookLayout
from xlbackprop.workbook.network_sheet import Origin, write_network_sheet
from xlbackprop.workbook.streaming import StreamedWorkbook, StreamedWorksheet
from xlbackprop.workbook.styles import Styles
from xlbackprop.workbook.training import row_formulas, write_training_sheet

#: Two builds of the same input are the same file, so no clock time goes in.
_CREATED = datetime(2000, 1, 1)

_PAPER_A4 = 9


def write_workbook(
    path: Path,
    layout: WorkbookLayout,
    origin: Origin,
    *,
    protect: bool = False,
    later_rows: bool = True,
    on_step: Callable[[], object] = lambda: None,
) -> dict[str, dict[str, float | str]]:
    """Write the workbook and return the value that each formula cell outside the training tables holds.

    Args:
        path: the file to write; it is overwritten.
        layout: the network, the learning rates and where everything stands.
        origin: what the workbook says about how it was made.
        protect: lock every cell but the input cells, without a password.
        later_rows: write the rows of the training tables after step 0; without them the file shows
            only what formulas stand around the tables.
        on_step: called for a progress bar, as often as `progress_total` says.

    Raises:
        LeavesRange: a training leaves what a cell can hold.
        UnusableInput: a formula is longer than a cell can hold.
        OSError: the file cannot be written.
    """
    formulas = row_formulas(layout.network, layout.training)
    simulation = Simulation(layout.network)
    totals = [_totals(simulation, eta, layout.steps) for eta in layout.etas]
    workbook = StreamedWorkbook(
        path, {"tmpdir": str(path.parent), "strings_to_formulas": False, "strings_to_urls": False}
    )
    workbook.set_properties(
        {
            "title": f"Backpropagation, a {layout.network.shape} network",
            "subject": "Every number of a training by hand, as a live formula",
            "author": f"xlbackprop {origin.version}",
            "keywords": "backpropagation, neural network, chain rule, gradient descent",
            "comments": origin.command,
            "created": _CREATED,
        }
    )
    styles = Styles(workbook)
    sheets = {name: workbook.add_worksheet(name, StreamedWorksheet) for name in layout.sheet_names}

    values = dict(next(simulation.steps(layout.etas[0], 0)))
    try:
        differences = central_differences(layout.network, simulation, values)
        write_gradient_check_sheet(sheets[GRADIENT_CHECK], layout, styles, simulation, values, differences)
    except ArithmeticError:
        raise LeavesRange(
            "The start values are at the edge of what a cell can hold: use smaller start values."
        ) from None
    values |= {f"new {name}": value for name, value in simulation.updated(values).items()}

    write_network_sheet(workbook, sheets[NETWORK], layout, styles, origin)
    write_derivation_sheet(sheets[DERIVATION], layout, styles, values, differences)
    for eta, name, errors in zip(layout.etas, layout.training_sheets, totals, strict=True):
        steps = _counted(simulation.steps(eta, layout.steps), on_step)
        # a folded group cannot be opened in a protected sheet
        write_training_sheet(
            workbook,
            sheets[name],
            layout,
            styles,
            formulas,
            eta,
            steps,
            errors,
            collapse=not protect,
            later_rows=later_rows,
        )
    write_comparison_sheet(workbook, sheets[COMPARISON], layout, styles, totals)
    computed = reference_totals(layout.network, layout.etas, layout.round_steps, totals, on_step)
    write_check_sheet(sheets[CHECK], layout, styles, computed, totals)
    for sheet in sheets.values():
        _set_up_page(sheet, protect=protect)
    try:
        workbook.close()
    except XlsxWriterException as error:
        # it wraps what the disk said
        raise error.args[0] if isinstance(error.args[0], OSError) else OSError(str(error)) from error
    return {name: _formula_values(sheet) for name, sheet in sheets.items()}


def progress_total(rates: int, steps: int) -> int:
    """How many steps a build goes through: NumPy takes all learning rates at once, the sheets one each."""
    return (rates + 1) * (steps + 1)


def _totals(simulation: Simulation, eta: float, steps: int) -> Sequence[float]:
    return array("d", (values["E_total"] for values in simulation.steps(eta, steps)))


def _counted(steps: Iterator[dict[str, float]], on_step: Callable[[], object]) -> Iterator[dict[str, float]]:
    for values in steps:
        yield values
        on_step()


def _set_up_page(sheet: StreamedWorksheet, *, protect: bool) -> None:
    sheet.set_landscape()
    sheet.set_paper(_PAPER_A4)
    sheet.set_margins(left=0.4, right=0.4, top=0.6, bottom=0.6)
    sheet.fit_to_pages(1, 0)
    sheet.set_footer("&L&A&Rpage &P of &N")
    sheet.hide_gridlines(2)
    if protect:
        sheet.protect("", {"format_columns": True, "format_rows": True, "objects": False})


def _formula_values(sheet: StreamedWorksheet) -> dict[str, float | str]:
    return {
        xl_rowcol_to_cell(row, column): cell.value
        for row, cells in sheet.table.items()
        for column, cell in cells.items()
        if type(cell).__name__ == "Formula"
    }
