"""The training sheet of one learning rate: a row a step, every cell a formula, and the curve of E_total."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from operator import itemgetter

from xlsxwriter import Workbook
from xlsxwriter.format import Format

from xlbackprop.backprop.expression import cell_formula, symbols
from xlbackprop.backprop.network import Network
from xlbackprop.backprop.notation import defined_name, header
from xlbackprop.backprop.quantities import training_step, updates
from xlbackprop.errors import UnusableInput
from xlbackprop.spreadsheet.addresses import quoted
from xlbackprop.spreadsheet.limits import MAX_ARGUMENTS, MAX_FORMULA_LENGTH
from xlbackprop.workbook.charts import add_curve, curve_chart, error_axis, step_axis
from xlbackprop.workbook.layout import NETWORK, Column, TrainingLayout, WorkbookLayout, short_number
from xlbackprop.workbook.streaming import ROW, ROW_ABOVE, StreamedWorksheet
from xlbackprop.workbook.styles import CURVES, LARGE, LARGE_NUMBER, MUTED, Styles

#: Pixels; wide enough for -0.123456 and 1.2346E-10.
COLUMN_WIDTH = 82


@dataclass(frozen=True)
class RowFormulas:
    """The formulas of a training table, in column order, without `=`; every training sheet has the same.

    Attributes:
        start: those of step 0, whose first column is the number 0 and no formula.
        step: those of every later step.

    `ROW` and `ROW_ABOVE` stand for the number of the row and of the one above it.
    """

    start: list[str]
    step: list[str]


def row_formulas(network: Network, training: TrainingLayout) -> RowFormulas:
    """The formulas of a training table.

    Raises:
        UnusableInput: one of them is longer than a cell can hold.
    """
    return RowFormulas(
        ["0", *_row(network, training, {name: defined_name(name) for name in network.start_values})],
        _step_formulas(network, training),
    )


def _step_formulas(network: Network, training: TrainingLayout) -> list[str]:
    previous = {name: f"{letters}{ROW_ABOVE}" for name, letters in training.letters.items()}
    previous["eta"] = training.eta_cell
    carried = {name: defined_name(name) for name in network.start_values}
    carried |= {update.name: cell_formula(update.expression, previous.__getitem__) for update in updates(network)}
    return [f"{previous['step']}+1", *_row(network, training, carried)]


def _row(network: Network, training: TrainingLayout, carried: Mapping[str, str]) -> list[str]:
    def address(name: str) -> str:
        return f"{training.letters[name]}{ROW}"

    formulas = dict(carried)
    formulas |= {q.name: cell_formula(q.expression, address) for q in training_step(network)}
    digits = len(str(training.last_row)) - len(ROW)
    for name, formula in formulas.items():
        # each row mark becomes a number of up to `digits` more characters
        if len(formula) + digits * formula.count(ROW) > MAX_FORMULA_LENGTH or formula.count(",") >= MAX_ARGUMENTS:
            raise UnusableInput(
                f"The formula of {name} in a {network.shape} network is longer than a cell can hold: "
                "use smaller layers."
            )
    return [formulas[column.name] for column in training.columns[1:]]


def write_training_sheet(
    workbook: Workbook,
    sheet: StreamedWorksheet,
    layout: WorkbookLayout,
    styles: Styles,
    formulas: RowFormulas,
    eta: float,
    steps: Iterable[Mapping[str, float]],
    totals: Sequence[float],
    *,
    collapse: bool,
    later_rows: bool,
) -> None:
    """Fill the sheet of one learning rate.

    Args:
        workbook: what the sheet belongs to.
        sheet: the empty sheet.
        layout: where everything stands.
        styles: the formats of the workbook.
        formulas: the formulas of the table.
        eta: the learning rate.
        steps: the values that stand in the cells until they are recalculated, by name, for each step.
        totals: E_total at each step.
        collapse: whether the chain rule's columns start out folded away.
        later_rows: whether the rows after step 0 are written.
    """
    training = layout.training
    _write_band(workbook, sheet, layout, styles, eta, totals)
    _write_headers(sheet, layout, styles, collapse=collapse)

    formats = [_cell_format(column, styles) for column in training.columns]
    names = itemgetter(*training.letters)
    rows = map(names, steps)
    first = next(rows)
    for column, (formula, value, cell_format) in enumerate(zip(formulas.start, first, formats, strict=True)):
        if column == 0:
            sheet.write_number(training.first_row - 1, 0, 0, cell_format)
        else:
            formula = formula.replace(ROW, str(training.first_row))
            sheet.write_formula(training.first_row - 1, column, formula, cell_format, value)
    if not later_rows:
        return
    sheet.stream_rows(
        training.first_row + 1,
        list(training.letters.values()),
        formulas.step,
        formats,
        rows,
        layout.steps,
    )
    _dress(sheet, training, styles)


def _write_band(
    workbook: Workbook,
    sheet: StreamedWorksheet,
    layout: WorkbookLayout,
    styles: Styles,
    eta: float,
    totals: Sequence[float],
) -> None:
    """The rows above the table: the learning rate, what became of E_total, and the chart."""
    training = layout.training
    this = quoted(sheet.name)
    eta_cell, total = training.eta_cell, training.column_range("E_total")
    sheet.set_row_pixels(0, 26)
    title = "Training with learning rate η = "
    sheet.write_formula("A1", f'="{title}"&{eta_cell}', styles.title, title + short_number(eta))
    sheet.write_url("A2", f"internal:'{NETWORK}'!A1", styles.link, "← all sheets")
    sheet.write(f"A{training.eta_row}", "learning rate η", styles.name)
    sheet.write_number(f"{training.eta_column}{training.eta_row}", eta, styles.input)
    sheet.data_validation(
        f"{training.eta_column}{training.eta_row}",
        {
            "validate": "decimal",
            "criteria": ">",
            "value": 0,
            "error_title": "Learning rate",
            "error_message": "A learning rate is a number above 0.",
        },
    )
    workbook.define_name(f"{this}!eta", f"={this}!{eta_cell}")
    percent = styles.get(num_format="0.0%", bold=True)
    for row, label, formula, value, cell_format in (
        (4, "E_total at step 0", training.cell("E_total", 0), totals[0], styles.total),
        (5, f"E_total at step {layout.steps}", training.cell("E_total", layout.steps), totals[-1], styles.total),
        (6, "smallest E_total", f"MIN({total})", min(totals), styles.total),
        (7, "E_total fell by", "IFERROR(1-C5/C4,0)", 1 - totals[-1] / totals[0] if totals[0] else 0, percent),
    ):
        sheet.write(f"A{row}", label, styles.text)
        sheet.write_formula(f"C{row}", f"={formula}", cell_format, value)
    hint = styles.get(font_color=MUTED, font_size=9)
    sheet.write("A8", "Change the learning rate here, or any yellow cell on the", hint)
    sheet.write("A9", "Network sheet: every number and chart follows. Each row", hint)
    sheet.write("A10", "is one step; its weights come from the row above it.", hint)

    # the title of the chart is live, from a cell that the chart covers
    over_steps = "E_total over the steps, η = "
    title_cell = "$H$1"
    unseen = styles.get(font_color="#FFFFFF", font_size=8)
    sheet.write_formula("H1", f'="{over_steps}"&{eta_cell}', unseen, over_steps + short_number(eta))
    chart = curve_chart(workbook)
    n = layout.etas.index(eta)
    add_curve(chart, training, sheet.name, f"{this}!{title_cell}", totals, n)
    chart.set_title({"name": f"={this}!{title_cell}", "name_font": {"size": 11}, "overlay": False})
    small = {"name_font": {"size": 9, "bold": False}, "num_font": {"size": 9}}
    chart.set_x_axis(step_axis(training, **small))
    chart.set_y_axis(error_axis(min=0, **small))
    chart.set_legend({"none": True})
    chart.set_size({"width": 680, "height": 204})
    sheet.insert_chart(
        "F1",
        chart,
        {
            "x_offset": 10,
            "y_offset": 6,
            "description": f"Line chart of E_total over the steps 0 to {layout.steps} "
            f"with learning rate {short_number(eta)}; at the start it is {totals[0]:.6g}, at the end {totals[-1]:.6g}.",
        },
    )
    sheet.set_tab_color(CURVES[n % len(CURVES)])


def _write_headers(sheet: StreamedWorksheet, layout: WorkbookLayout, styles: Styles, *, collapse: bool) -> None:
    training, network = layout.training, layout.network
    notes = {"step": "How many updates have been made before this row."}
    notes |= {name: f"{header(name)}: {meaning}." for name, meaning in network.meanings.items()}
    for update in updates(network):
        notes[update.name] += f"\n\nnext row: {symbols(update.expression, header)}"
    for quantity in training_step(network):
        notes[quantity.name] = (
            f"{quantity.sentence}\n\n{header(quantity.name)} = {symbols(quantity.expression, header)}"
        )
    sheet.set_column_pixels(1, len(training.columns) - 1, COLUMN_WIDTH)
    row = training.header_row - 1
    for n, column in enumerate(training.columns):
        sheet.write_string(row, n, header(column.name), styles.header(column.group))
        note = notes[column.name]
        # about 30 characters a line, and a line for the rounding
        lines = sum(len(paragraph) // 30 + 1 for paragraph in note.split("\n")) + 1
        sheet.write_comment(row, n, note, {"width": 210, "height": 17 * lines, "font_size": 9})
    n = 0
    for group, columns in groupby(training.columns, key=lambda column: column.group):
        width = len(list(columns))
        for offset in range(width):
            text = group if offset == 0 else ""
            sheet.write(training.group_row - 1, n + offset, text, styles.group(group) if group else styles.text)
        if group == "chain rule":
            _fold(sheet, n, width, collapse=collapse)
        n += width


def _fold(sheet: StreamedWorksheet, first: int, width: int, *, collapse: bool) -> None:
    sheet.set_column_pixels(first, first + width - 1, COLUMN_WIDTH, None, {"level": 1, "hidden": collapse})
    sheet.set_column_pixels(first + width, first + width, COLUMN_WIDTH, None, {"collapsed": collapse})


def _cell_format(column: Column, styles: Styles) -> Format:
    if column.name == "step":
        return styles.get(align="center", font_color=MUTED)
    if column.name == "E_total":
        return styles.total
    if column.group == "inputs":
        return styles.text
    return styles.small_number if column.group in ("error", "chain rule", "gradients") else styles.number


def _dress(sheet: StreamedWorksheet, training: TrainingLayout, styles: Styles) -> None:
    last = training.columns[-1].letters
    table = f"A{training.first_row}:{last}{training.last_row}"
    sheet.conditional_format(
        f"B{training.first_row}:{last}{training.last_row}",
        {
            "type": "formula",
            "criteria": f"=ABS(B{training.first_row})>={LARGE}",
            "format": styles.conditional(num_format=LARGE_NUMBER),
        },
    )
    # the first row differs from the others on purpose
    sheet.ignore_errors({"formula_differs": table})
    sheet.set_column_pixels(0, 0, 58)
    sheet.freeze_panes(training.header_row, 1)
    sheet.repeat_rows(training.group_row - 1, training.header_row - 1)
    sheet.repeat_columns(0)
