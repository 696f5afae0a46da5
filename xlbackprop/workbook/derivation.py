"""The derivation: each quantity of one step, in symbols, with its numbers, and live."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal
from functools import cached_property
from math import floor, log10

from xlsxwriter.worksheet import Worksheet

from xlbackprop.backprop.expression import cell_formula, names_in, numbers_formula, numbers_text, symbols
from xlbackprop.backprop.network import Network
from xlbackprop.backprop.notation import defined_name, header
from xlbackprop.backprop.quantities import Part, Quantity, training_step, updates
from xlbackprop.errors import UnusableInput
from xlbackprop.spreadsheet.addresses import quoted
from xlbackprop.spreadsheet.limits import MAX_FORMULA_LENGTH
from xlbackprop.workbook.layout import COMPARISON, GRADIENT_CHECK, WorkbookLayout, short_number
from xlbackprop.workbook.styles import LINE_PIXELS, Styles, lines

QUANTITY, VALUE, SYMBOLS, NUMBERS, CENTRAL, DIFFERENCE, SENTENCE, AS_TEXT = "ABCDEFGH"

# A formula over a wide layer is cut off rather than fill the page.
_MAX_LINES = 6

# in pixels
_WIDTHS = {
    QUANTITY: 96,
    VALUE: 104,
    SYMBOLS: 270,
    NUMBERS: 330,
    CENTRAL: 130,
    DIFFERENCE: 130,
    SENTENCE: 580,
    AS_TEXT: 60,
}

STEP_CELL = "$B$3"
RATE_CELL = "$B$4"
#: Which learning rate is shown, counted from 1: RATE_CELL looked up among the live ones.
CHOICE_CELL = f"${AS_TEXT}$4"
SUMMARY_ROW = 5

# How far a central difference may be from the true gradient and still agree: its own rounding and
# truncation, some thousand times smaller than the smallest slip that is worth finding.
RELATIVE_TOLERANCE = 1e-5
ERROR_TOLERANCE = 1e-9
ABSOLUTE_TOLERANCE = 1e-10


@dataclass(frozen=True)
class Line:
    """One quantity of the derivation.

    Attributes:
        key: the quantity's name; for an update `new w1`.
        row: where it stands.
    """

    key: str
    row: int
    expression: str
    sentence: str


@dataclass(frozen=True)
class Section:
    """A major step of the derivation: a heading, what it does, and its quantities."""

    row: int
    title: str
    explanation: str
    lines: tuple[Line, ...]


class DerivationLayout:
    """Which quantity stands in which row of the derivation."""

    def __init__(self, network: Network) -> None:
        self.network = network

    @cached_property
    def sections(self) -> list[Section]:
        row, sections = 7, []
        for n, (title, explanation, quantities) in enumerate(_sections(self.network)):
            lines = tuple(
                Line(key, row + 3 + offset, expression, sentence)
                for offset, (key, expression, sentence) in enumerate(quantities)
            )
            sections.append(Section(row, f"{n}. {title}" if n else title, explanation, lines))
            row += 4 + len(lines)
        return sections

    @cached_property
    def rows(self) -> dict[str, int]:
        return {line.key: line.row for section in self.sections for line in section.lines}

    def cell(self, key: str, column: str = VALUE) -> str:
        """The absolute address of a quantity's value (or another of its columns)."""
        return f"${column}${self.rows[key]}"


def _sections(network: Network) -> Iterator[tuple[str, str, list[tuple[str, str, str]]]]:
    quantities = training_step(network)

    def take(part: Part, layer: int) -> list[tuple[str, str, str]]:
        return [_entry(q) for q in quantities if q.part is part and q.layer == layer]

    carried = [*network.input_names, *network.target_names, *network.weight_names, *network.bias_names]
    meanings = network.meanings
    yield (
        "What this step starts from",
        "The inputs and targets, and the weights that the training has reached at the step chosen above.",
        [("eta", "", "the learning rate")] + [(name, "", meanings[name]) for name in carried],
    )
    for layer in range(1, len(network.layers)):
        what = _layer_title(network, layer)
        yield (
            f"Forward: {what}",
            "Each neuron adds up what comes in, weighted, and passes the sum through its activation function.",
            take(Part.FORWARD, layer),
        )
    yield (
        "Error",
        "How far the outputs are from their targets, as one number that training will make smaller.",
        take(Part.ERROR, network.last),
    )
    for layer in range(network.last, 0, -1):
        what = _layer_title(network, layer)
        deltas, gradients = take(Part.CHAIN_RULE, layer), take(Part.GRADIENT, layer)
        if layer < network.last:
            flows_back = [entry for entry in deltas if entry[0].startswith("dE_da_")]
            deltas = [entry for entry in deltas if entry not in flows_back]
            yield (
                f"What flows back to the {what}",
                "A hidden neuron has no target of its own. Its share of the error comes back "
                "along every connection that leaves it.",
                flows_back,
            )
        yield (
            f"Chain rule: weights into the {what}",
            "∂E/∂w is a product of derivatives along the way from the error back to the weight: "
            "first δ, how the error changes with the sum that a neuron takes in, then that sum with the weight.",
            deltas + gradients,
        )
    yield (
        "Update",
        "Every weight moves against its gradient, by the learning rate: the weights of the next row. "
        "All gradients are computed before the first weight moves.",
        [(f"new {u.name}", u.expression, u.sentence) for u in updates(network)],
    )


def _entry(quantity: Quantity) -> tuple[str, str, str]:
    return quantity.name, quantity.expression, quantity.sentence


def _layer_title(network: Network, layer: int) -> str:
    if layer == network.last:
        return "output layer"
    return f"hidden layer {layer}" if network.last > 2 else "hidden layer"


#: What is smaller is shown as 0 in a worked example; engines differ about whether 1e-17 is 0. No round
#: number, because a product such as 1e-9 × 0.001 would lie on the border.
SHOWN_AS_ZERO = 1.7e-12


def text_formula(cell: str) -> str:
    """A formula for the number in a cell as it is put into a worked example, negative in parentheses.

    It does without TEXT, whose format codes mean different things in different languages.
    """
    size = f"ABS({cell})"
    magnitude = f"INT(LOG10({size}))"
    plain, scientific = f'ROUND({cell},6)&""', f'ROUND({cell}/10^{magnitude},4)&"E"&{magnitude}'
    number = f"IF(AND({size}>=0.001,{size}<1000000),{plain},{scientific})"
    return f'IF({size}<{SHOWN_AS_ZERO},"0",IF({cell}<0,"("&{number}&")",{number}))'


def as_text(value: float) -> str:
    """What `text_formula` gives for a value."""
    if abs(value) < SHOWN_AS_ZERO:
        return "0"
    if 0.001 <= abs(value) < 1_000_000:
        text = _rounded(value, 6)
    else:
        magnitude = floor(log10(abs(value)))
        text = f"{_rounded(value / 10.0**magnitude, 4)}E{magnitude}"
    return f"({text})" if value < 0 else text


def _rounded(value: float, digits: int) -> str:
    # spreadsheets round halves away from zero
    rounded = Decimal(repr(float(value))).quantize(Decimal(1).scaleb(-digits), rounding=ROUND_HALF_UP)
    return short_number(float(rounded))


def agreement_formula(gradient: str, central: str, error: str) -> str:
    """Whether a gradient and its central difference agree, as a condition over three cells."""
    return (
        f"ABS({gradient}-{central})<="
        f"{RELATIVE_TOLERANCE}*MAX(ABS({gradient}),ABS({central}))+{ERROR_TOLERANCE}*{error}+{ABSOLUTE_TOLERANCE}"
    )


def shown_difference(gradient: float, central: float | str, error: float) -> float | str:
    """What stands beside a gradient: the relative difference, or in words that there is none or too large a one."""
    if isinstance(central, str):
        return "no derivative"
    difference, size = abs(gradient - central), max(abs(gradient), abs(central))
    relative = difference / max(size, 1e-300)
    agrees = difference <= RELATIVE_TOLERANCE * size + ERROR_TOLERANCE * error + ABSOLUTE_TOLERANCE
    return relative if agrees else f"differs: {_rounded(relative, 6)}"


def write_derivation_sheet(
    sheet: Worksheet,
    layout: WorkbookLayout,
    styles: Styles,
    values: Mapping[str, float],
    central_differences: Mapping[str, tuple[str, float | str]],
) -> None:
    """Fill the derivation.

    Args:
        sheet: the empty sheet.
        layout: where everything stands.
        styles: the formats of the workbook.
        values: the quantities of step 0 with the first learning rate, `new w1` among them.
        central_differences: for each checked weight the cell of its central difference, and its value.
    """
    derivation = DerivationLayout(layout.network)
    for column, width in _WIDTHS.items():
        sheet.set_column_pixels(f"{column}:{column}", width, None, {"hidden": column == AS_TEXT})
    sheet.set_row_pixels(0, 28)
    sheet.write("A1", "One training step, derived and worked out", styles.title)
    sheet.write("A2", "Choose a step and a learning rate: every line below shows that step.", styles.muted)
    _write_choice(sheet, layout, styles)
    _write_summary(sheet, layout, derivation, styles, values, central_differences)
    for section in derivation.sections:
        _write_section(sheet, layout, derivation, section, styles, values, central_differences)
    sheet.freeze_panes(SUMMARY_ROW, 1)
    sheet.repeat_rows(0, SUMMARY_ROW - 1)


def _write_choice(sheet: Worksheet, layout: WorkbookLayout, styles: Styles) -> None:
    sheet.write("A3", "step", styles.name)
    sheet.write_number("B3", 0, styles.input)
    sheet.write("C3", f"0 to {layout.steps:,}", styles.muted_indented)
    sheet.data_validation(
        "B3",
        {
            "validate": "integer",
            "criteria": "between",
            "minimum": 0,
            "maximum": layout.steps,
            "error_title": "Step",
            "error_message": f"The training has the steps 0 to {layout.steps}.",
        },
    )
    sheet.write("A4", "learning rate", styles.name)
    sheet.write_number("B4", layout.etas[0], styles.input)
    sheet.write("C4", "one of the training sheets", styles.muted_indented)
    rates = f"{COMPARISON}!{layout.comparison.rates_range}"
    sheet.data_validation("B4", {"validate": "list", "source": f"={rates}", "error_type": "warning"})
    sheet.write_formula(CHOICE_CELL, f"=IFERROR(MATCH({RATE_CELL},{rates},0),1)", styles.muted, 1)


def _write_summary(
    sheet: Worksheet,
    layout: WorkbookLayout,
    derivation: DerivationLayout,
    styles: Styles,
    values: Mapping[str, float],
    central_differences: Mapping[str, tuple[str, float | str]],
) -> None:
    """One line above the derivation: do all gradients agree with their central differences?"""
    span = f"{DIFFERENCE}{SUMMARY_ROW + 1}:{DIFFERENCE}{max(derivation.rows.values())}"
    count = len(central_differences)
    checked = f"all {count}" if count == len(layout.network.trained_names) else f"the first {count}"
    good = f"Gradient check: {checked} gradients agree with their central differences."
    if count == 1:
        good = "Gradient check: the gradient agrees with its central difference."
    bad = " of the gradients do not agree with their central differences: see the red cells."
    shown = [
        shown_difference(values[f"dE_d{name}"], c, values["E_total"]) for name, (_, c) in central_differences.items()
    ]
    differing = sum(isinstance(difference, str) and difference.startswith("differs") for difference in shown)
    sheet.write("A5", "gradients", styles.name)
    sheet.write_formula(
        f"B{SUMMARY_ROW}",
        f'=IF(COUNTIF({span},"differs*")=0,"{good}",COUNTIF({span},"differs*")&"{bad}")',
        styles.verdict,
        f"{differing}{bad}" if differing else good,
    )
    for column in "CDEF":
        sheet.write_blank(f"{column}{SUMMARY_ROW}", None, styles.verdict)
    red = styles.conditional(bg_color="#F8C9C9", font_color="#9B1C1C")
    sheet.conditional_format(span, {"type": "text", "criteria": "begins with", "value": "differs", "format": red})


def _write_section(
    sheet: Worksheet,
    layout: WorkbookLayout,
    derivation: DerivationLayout,
    section: Section,
    styles: Styles,
    values: Mapping[str, float],
    central_differences: Mapping[str, tuple[str, float | str]],
) -> None:
    for column in "ABCDEFG":
        sheet.write(f"{column}{section.row}", section.title if column == "A" else "", styles.section)
    sheet.write(f"A{section.row + 1}", section.explanation, styles.muted)
    headings = {QUANTITY: "quantity", VALUE: "value"}
    if any(line.expression for line in section.lines):
        headings |= {SYMBOLS: "formula", NUMBERS: "with the numbers", SENTENCE: "what it is"}
    else:
        headings |= {SYMBOLS: "what it is"}
    if any(line.key.startswith("dE_dw") or line.key.startswith("dE_db") for line in section.lines):
        headings |= {CENTRAL: "central difference", DIFFERENCE: "relative difference"}
    for column in "ABCDEFG":
        sheet.write(f"{column}{section.row + 2}", headings.get(column, ""), styles.table_header)
    for line in section.lines:
        _write_line(sheet, layout, derivation, line, styles, values)
        if (weight := line.key.removeprefix("dE_d")) in central_differences and line.key != weight:
            _write_check(sheet, derivation, line, styles, values, *central_differences[weight])


def _write_line(
    sheet: Worksheet,
    layout: WorkbookLayout,
    derivation: DerivationLayout,
    line: Line,
    styles: Styles,
    values: Mapping[str, float],
) -> None:
    row, value = line.row, values[line.key]
    label = header(line.key)
    sheet.write(f"{QUANTITY}{row}", label, styles.name)
    formula = cell_formula(line.expression, derivation.cell) if line.expression else _start_formula(layout, line.key)
    number = styles.text if line.key == "eta" else styles.total if line.key == "E_total" else styles.number
    sheet.write_formula(f"{VALUE}{row}", f"={formula}", number, value)
    sheet.write_formula(f"{AS_TEXT}{row}", f"={text_formula(f'${VALUE}{row}')}", styles.muted, as_text(value))
    sheet.write(f"{SENTENCE if line.expression else SYMBOLS}{row}", line.sentence, styles.wrapped)
    if line.expression:
        shown = symbols(line.expression, header)
        text = numbers_text(line.expression, lambda name: as_text(values[name]))
        texts = {SYMBOLS: f"{label} = {shown}", NUMBERS: text, SENTENCE: line.sentence}
        height = max(lines(text, _WIDTHS[column]) for column, text in texts.items())
        sheet.set_row_pixels(row - 1, LINE_PIXELS * min(height, _MAX_LINES))
        sheet.write(f"{SYMBOLS}{row}", texts[SYMBOLS], styles.wrapped)
        worked = numbers_formula(line.expression, lambda name: derivation.cell(name, AS_TEXT))
        # a constant, such as the slope of a linear neuron, has no numbers to put in
        if len(worked) < MAX_FORMULA_LENGTH and names_in(line.expression):
            sheet.write_formula(f"{NUMBERS}{row}", f'="= "&{worked}', styles.wrapped, f"= {text}")
        else:
            sheet.write(f"{NUMBERS}{row}", f"= {shown}" if len(shown) < 20 else "too long to show", styles.wrapped)


def _start_formula(layout: WorkbookLayout, name: str) -> str:
    training = layout.training
    if name == "eta":
        return f"INDEX({COMPARISON}!{layout.comparison.rates_range},{CHOICE_CELL})"
    if name not in layout.network.trained_names:
        return defined_name(name)
    columns = [f"{quoted(sheet)}!{training.column_range(name)}" for sheet in layout.training_sheets]
    formula = f"INDEX(CHOOSE({CHOICE_CELL},{','.join(columns)}),{STEP_CELL}+1)"
    if len(formula) > MAX_FORMULA_LENGTH:
        raise UnusableInput(
            f"{len(layout.etas)} learning rates with so many digits do not fit into one formula: give fewer of them."
        )
    return formula


def _write_check(
    sheet: Worksheet,
    derivation: DerivationLayout,
    line: Line,
    styles: Styles,
    values: Mapping[str, float],
    source: str,
    central: float | str,
) -> None:
    """The central difference beside a gradient, and how far apart the two are."""
    row, gradient = line.row, values[line.key]
    central_cell, gradient_cell = f"{CENTRAL}{row}", f"{VALUE}{row}"
    sheet.write_formula(central_cell, f"={quoted(GRADIENT_CHECK)}!{source}", styles.number, central)
    relative = f"ABS({gradient_cell}-{central_cell})/MAX(ABS({gradient_cell}),ABS({central_cell}),1E-300)"
    agrees = agreement_formula(gradient_cell, central_cell, derivation.cell("E_total"))
    sheet.write_formula(
        f"{DIFFERENCE}{row}",
        f'=IF(ISTEXT({central_cell}),"no derivative",IF({agrees},{relative},"differs: "&ROUND({relative},6)))',
        styles.scientific,
        shown_difference(gradient, central, values["E_total"]),
    )
