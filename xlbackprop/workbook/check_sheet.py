"""The check: what NumPy computed when the file was built, beside what the cells say now."""

from collections.abc import Sequence

import numpy as np
from xlsxwriter.worksheet import Worksheet

from xlbackprop.reference.rounding import ReferenceTotals
from xlbackprop.spreadsheet.addresses import quoted
from xlbackprop.workbook.layout import NETWORK, WorkbookLayout
from xlbackprop.workbook.styles import GOOD_FILL, Styles

VERDICT_CELL = "A3"
_HEADER_ROW = 6
FIRST_ROW = _HEADER_ROW + 1
# inputs in columns A to D, E_total in columns F to L
_TOTAL_COLUMNS = "FGHIJKL"
LIVE_COLUMN = "I"


def write_check_sheet(
    sheet: Worksheet,
    layout: WorkbookLayout,
    styles: Styles,
    computed: ReferenceTotals,
    totals: Sequence[Sequence[float]],
) -> None:
    """Fill the check.

    Args:
        sheet: the empty sheet.
        layout: where everything stands.
        styles: the formats of the workbook.
        computed: NumPy's values at the round steps.
        totals: for each learning rate E_total at each step, as it stands in the sheets.
    """
    sheet.set_row_pixels(0, 28)
    for column, width in zip("ABCDEFGHIJKL", (90, 130, 130, 90, 16, 90, 70, 150, 150, 110, 110, 110), strict=True):
        sheet.set_column_pixels(f"{column}:{column}", width)
    sheet.write("A1", "Does this workbook compute what NumPy computes?", styles.title)
    inputs_end = _write_inputs(sheet, layout, styles)
    count = _write_totals(sheet, layout, styles, computed, totals)
    changed = f'COUNTIF($D${FIRST_ROW}:$D${inputs_end},"changed")'
    last = FIRST_ROW + count - 1
    differing, agreeing, incomparable = (
        f'COUNTIF($L${FIRST_ROW}:$L${last},"{word}")' for word in ("differs", "agrees", "not comparable")
    )
    comparable = int(np.isfinite(computed.allowed).sum())
    wild = " more cannot be compared, because rounding grows too far in such a training."
    also = f'IF({incomparable}>0," "&{incomparable}&"{wild}","")'
    sheet.write_formula(
        VERDICT_CELL,
        f'=IF({changed}>0,"Inputs were changed since this file was built (cells changed: "&{changed}&"): '
        "NumPy's values below belong to the original inputs, so they need not agree.\","
        f'IF({differing}>0,{differing}&" values of E_total differ from NumPy: '
        'a formula was changed, or its result is an error.",'
        f'"All "&{agreeing}&" values of E_total agree with NumPy."&{also}))',
        styles.verdict,
        f"All {comparable} values of E_total agree with NumPy."
        + (f" {count - comparable}{wild}" if comparable < count else ""),
    )
    for column in "BCDEFGHIJKL":
        sheet.write_blank(f"{column}3", None, styles.verdict)
    warning = styles.conditional(bg_color="#FFF1C2", font_color="#7A5B00")
    wrong = styles.conditional(bg_color="#F8C9C9", font_color="#9B1C1C")
    sheet.conditional_format(
        "A3:L3", {"type": "formula", "criteria": f"={changed}>0", "format": warning, "stop_if_true": True}
    )
    sheet.conditional_format("A3:L3", {"type": "formula", "criteria": f"={differing}>0", "format": wrong})
    good_format = styles.conditional(bg_color=GOOD_FILL)
    for span in (f"D{FIRST_ROW}:D{inputs_end}", f"L{FIRST_ROW}:L{last}"):
        for text, cell_format in (("changed", warning), ("differs", wrong), ("agrees", good_format)):
            sheet.conditional_format(
                span, {"type": "cell", "criteria": "==", "value": f'"{text}"', "format": cell_format}
            )
    sheet.freeze_panes(_HEADER_ROW, 0)
    sheet.repeat_rows(_HEADER_ROW - 1)


def _write_inputs(sheet: Worksheet, layout: WorkbookLayout, styles: Styles) -> int:
    """The start values and learning rates as built and as they are now; returns the last row."""
    sheet.write(f"A{_HEADER_ROW - 1}", "Inputs", styles.section)
    for column in "BCD":
        sheet.write(f"{column}{_HEADER_ROW - 1}", "", styles.section)
    for column, title in zip("ABCD", ("input", "when built", "now", ""), strict=True):
        sheet.write(f"{column}{_HEADER_ROW}", title, styles.table_header)
    rows = [
        (name, value, f"{NETWORK}!{layout.start.cell(name)}") for name, value in layout.network.start_values.items()
    ]
    rows += [
        (name, eta, f"{quoted(name)}!{layout.training.eta_cell}")
        for name, eta in zip(layout.training_sheets, layout.etas, strict=True)
    ]
    row = FIRST_ROW
    for row, (name, value, source) in enumerate(rows, start=FIRST_ROW):
        sheet.write_string(f"A{row}", name, styles.name)
        sheet.write_number(f"B{row}", value, styles.text)
        sheet.write_formula(f"C{row}", f"={source}", styles.text, value)
        sheet.write_formula(f"D{row}", f'=IF(C{row}=B{row},"as built","changed")', styles.centered, "as built")
    return row


def _write_totals(
    sheet: Worksheet,
    layout: WorkbookLayout,
    styles: Styles,
    computed: ReferenceTotals,
    totals: Sequence[Sequence[float]],
) -> int:
    """E_total by NumPy and live, for each learning rate and round step; returns how many there are."""
    sheet.write(f"F{_HEADER_ROW - 1}", "E_total", styles.section)
    titles = ("sheet", "step", "NumPy, when built", "live", "difference", "allowed", "")
    for column, title in zip(_TOTAL_COLUMNS, titles, strict=True):
        if column != "F":
            sheet.write(f"{column}{_HEADER_ROW - 1}", "", styles.section)
        sheet.write(f"{column}{_HEADER_ROW}", title, styles.table_header)
    full = styles.get(num_format="0.000000000000E+00")
    row = FIRST_ROW
    for n, sheet_name in enumerate(layout.training_sheets):
        for k, step in enumerate(layout.round_steps):
            built, allowed, live = float(computed.values[k, n]), float(computed.allowed[k, n]), totals[n][step]
            cell = f"{quoted(sheet_name)}!{layout.training.cell('E_total', step)}"
            sheet.write_string(f"F{row}", sheet_name, styles.name)
            sheet.write_number(f"G{row}", step, styles.text)
            sheet.write_number(f"H{row}", built, full)
            sheet.write_formula(f"I{row}", f"={cell}", full, live)
            sheet.write_formula(f"J{row}", f"=I{row}-H{row}", styles.scientific, live - built)
            if np.isnan(allowed):
                sheet.write_string(f"K{row}", "any", styles.scientific)
                verdict = "not comparable"
            else:
                sheet.write_number(f"K{row}", allowed, styles.scientific)
                verdict = "agrees" if abs(live - built) <= allowed else "differs"
            sheet.write_formula(
                f"L{row}",
                f'=IF(ISTEXT(K{row}),"not comparable",'
                f'IF(ISERROR(J{row}),"differs",IF(ABS(J{row})<=K{row},"agrees","differs")))',
                styles.centered,
                verdict,
            )
            row += 1
    return row - FIRST_ROW
