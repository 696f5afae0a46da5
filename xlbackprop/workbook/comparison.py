"""The comparison: E_total of every learning rate in two charts and a table."""

from collections.abc import Sequence

from xlsxwriter import Workbook
from xlsxwriter.chart_scatter import ChartScatter
from xlsxwriter.worksheet import Worksheet

from xlbackprop.spreadsheet.addresses import quoted
from xlbackprop.workbook.charts import add_curve, curve_chart, error_axis, step_axis
from xlbackprop.workbook.layout import COMPARISON, WorkbookLayout, short_number
from xlbackprop.workbook.styles import GOOD_FILL, Styles

# Errors that differ by less are the same: which of them is the smallest is a matter of rounding, and
# the largest of their learning rates counts as the best.
_NEARLY = 1.000000001
# Below this an error has vanished, and engines differ about whether it is 0.
_VANISHED = 1e-14


def write_comparison_sheet(
    workbook: Workbook,
    sheet: Worksheet,
    layout: WorkbookLayout,
    styles: Styles,
    totals: Sequence[Sequence[float]],
) -> None:
    """Fill the comparison.

    Args:
        workbook: what the sheet belongs to.
        sheet: the empty sheet.
        layout: where everything stands.
        styles: the formats of the workbook.
        totals: for each learning rate E_total at each step.
    """
    sheet.set_row_pixels(0, 28)
    sheet.set_column_pixels(0, 0, 110)
    sheet.set_column_pixels(1, max(len(layout.etas) + 1, 14), 86)
    sheet.write("A1", "Which learning rate is best?", styles.title)
    sheet.write(
        "A2",
        "The error over the steps for each training sheet, live. On the logarithmic axis small errors stay apart.",
        styles.muted,
    )
    linear = _chart(workbook, layout, totals, logarithmic=False)
    logarithmic = _chart(workbook, layout, totals, logarithmic=True)
    rates = ", ".join(map(short_number, layout.etas))
    for cell, chart, axis in (("A3", linear, "linear"), ("H3", logarithmic, "logarithmic")):
        sheet.insert_chart(
            cell,
            chart,
            {
                "x_offset": 4,
                "y_offset": 4,
                "description": f"E_total over the steps 0 to {layout.steps} on a {axis} axis, "
                f"one curve for each learning rate: {rates}.",
            },
        )
    _write_table(sheet, layout, styles, totals)


def _chart(
    workbook: Workbook, layout: WorkbookLayout, totals: Sequence[Sequence[float]], *, logarithmic: bool
) -> ChartScatter:
    training, comparison = layout.training, layout.comparison
    chart = curve_chart(workbook)
    for n, (sheet, values) in enumerate(zip(layout.training_sheets, totals, strict=True)):
        name = f"{COMPARISON}!${comparison.rate_column(n)}${comparison.header_row}"
        add_curve(chart, training, sheet, name, values, n)
    scale = "logarithmic" if logarithmic else "linear"
    chart.set_title({"name": f"E_total over the steps, {scale} axis", "name_font": {"size": 12}})
    chart.set_x_axis(step_axis(training, label_position="low"))
    chart.set_y_axis(error_axis(log_base=10, crossing="min", num_format="0E+00") if logarithmic else error_axis(min=0))
    chart.set_legend({"position": "right"})
    chart.set_size({"width": 610, "height": 346})
    return chart


def _write_table(sheet: Worksheet, layout: WorkbookLayout, styles: Styles, totals: Sequence[Sequence[float]]) -> None:
    training, comparison = layout.training, layout.comparison
    first, last = comparison.rate_column(0), comparison.rate_column(len(layout.etas) - 1)
    rate_row, header_row = comparison.rate_row, comparison.header_row
    sheet.write(f"A{rate_row}", "learning rate η", styles.name)
    sheet.write(f"A{header_row}", "step", styles.table_header)
    for n, (sheet_name, eta) in enumerate(zip(layout.training_sheets, layout.etas, strict=True)):
        letters, source = comparison.rate_column(n), f"{quoted(sheet_name)}!{training.eta_cell}"
        sheet.write_formula(f"{letters}{rate_row}", f"={source}", styles.text, eta)
        sheet.write_formula(
            f"{letters}{header_row}", f'="η = "&{letters}{rate_row}', styles.table_header, f"η = {short_number(eta)}"
        )
    sheet.write(f"{comparison.best_column}{header_row}", "best η", styles.table_header)
    row = comparison.first_row
    for row, step in enumerate(comparison.steps, start=comparison.first_row):
        sheet.write_number(f"A{row}", step, styles.centered)
        at_step = [values[step] for values in totals]
        for n, sheet_name in enumerate(layout.training_sheets):
            cell = f"{quoted(sheet_name)}!{training.cell('E_total', step)}"
            sheet.write_formula(f"{comparison.rate_column(n)}{row}", f"={cell}", styles.small_number, at_step[n])
        span = f"{first}{row}:{last}{row}"
        limit = min(at_step) * _NEARLY + _VANISHED
        near = [eta for eta, total in zip(layout.etas, at_step, strict=True) if total <= limit]
        all_equal = max(at_step) <= limit
        sheet.write_formula(
            f"{comparison.best_column}{row}",
            f'=IF(MAX({span})<={_limit(span)},"all equal",'
            f"SUMPRODUCT(MAX(({span}<={_limit(span)})*{comparison.rates_range})))",
            styles.centered,
            "all equal" if all_equal else max(near),
        )
    table = f"{first}{comparison.first_row}:{last}{row}"
    this_row = f"${first}{comparison.first_row}:${last}{comparison.first_row}"
    sheet.conditional_format(
        table,
        {
            "type": "formula",
            "criteria": f"=AND({first}{comparison.first_row}<={_limit(this_row)},MAX({this_row})>{_limit(this_row)})",
            "format": styles.conditional(bold=True, bg_color=GOOD_FILL),
        },
    )


def _limit(span: str) -> str:
    """Up to which an error in a range counts as its smallest, as a formula."""
    return f"MIN({span})*{_NEARLY}+{_VANISHED}"
