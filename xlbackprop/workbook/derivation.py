"""The derivation: each quantity of one step, in symbols, with its numbers, and live."""

from collections.abc import Sequence

from xlbackprop.backprop.expression import cell_formula, names_in, numbers_formula, symbols
from xlbackprop.backprop.notation import defined_name, header
from xlbackprop.errors import UnusableInput
from xlbackprop.spreadsheet.blocks import Block, Formula, Role
from xlbackprop.spreadsheet.book import Book
from xlbackprop.spreadsheet.limits import MAX_FORMULA_LENGTH
from xlbackprop.spreadsheet.places import Place
from xlbackprop.spreadsheet.presentation import Page, Rule, Validation, Width
from xlbackprop.workbook import looks
from xlbackprop.workbook.comparison import ComparisonSheet
from xlbackprop.workbook.derivation_lines import (
    AS_TEXT,
    CENTRAL,
    DIFFERENCE,
    NUMBERS,
    QUANTITY,
    SENTENCE,
    SYMBOLS,
    VALUE,
    DerivationLayout,
    Line,
    Section,
)
from xlbackprop.workbook.gradient_check import GradientCheckSheet
from xlbackprop.workbook.layout import DERIVATION, WorkbookLayout
from xlbackprop.workbook.network_sheet import NetworkSheet
from xlbackprop.workbook.run import Run
from xlbackprop.workbook.training import TrainingSheet

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

_STEP_ROW, _ETA_ROW, _SUMMARY_ROW = 3, 4, 5

# How far a central difference may be from the true gradient and still agree: its own rounding and
# truncation, some thousand times smaller than the smallest slip that is worth finding.
_RELATIVE_TOLERANCE = 1e-5
_ERROR_TOLERANCE = 1e-9
_ABSOLUTE_TOLERANCE = 1e-10

#: What is smaller is shown as 0 in a worked example; engines differ about whether 1e-17 is 0. No round
#: number, because a product such as 1e-9 × 0.001 would lie on the border.
_SHOWN_AS_ZERO = 1.7e-12


class DerivationSheet:
    """Every formula of one step, explained.

    Attributes:
        step: the cell that says which step is shown.
        eta: the cell that says which learning rate is shown.
        values: the cell of each quantity's value; for an update `new w1`.
    """

    def __init__(self, book: Book, layout: WorkbookLayout) -> None:
        self._layout, self._derivation = layout, DerivationLayout(layout.network)
        self.sheet = sheet = book.sheet(DERIVATION, "every formula, with its numbers")
        self._step = sheet.reserve("step", f"{VALUE}{_STEP_ROW}", (), Role.INPUT)
        self._eta = sheet.reserve("learning rate", f"{VALUE}{_ETA_ROW}", (), Role.INPUT)
        self._choice = sheet.reserve("which learning rate", f"{AS_TEXT}{_ETA_ROW}", ())
        self._sections = [
            (section, self._column(section, VALUE, Role.QUANTITY), self._column(section, AS_TEXT, Role.FORMULA))
            for section in self._derivation.sections
        ]
        last = max(self._derivation.rows.values())
        at, size = f"{DIFFERENCE}{_SUMMARY_ROW + 1}", (last - _SUMMARY_ROW, 1)
        self._differences = sheet.reserve("relative differences", at, size)
        self.values, self._texts = (
            {
                line.key: blocks[column].cell(n)
                for section, *blocks in self._sections
                for n, line in enumerate(section.lines)
            }
            for column in (0, 1)
        )

    def _column(self, section: Section, letters: str, role: Role) -> Block:
        kind = "in numbers" if letters == AS_TEXT else "values"
        size = (len(section.lines), 1)
        return self.sheet.reserve(f"{section.title}, {kind}", f"{letters}{section.first_row}", size, role)

    @property
    def step(self) -> Place:
        return self._step.place

    @property
    def eta(self) -> Place:
        return self._eta.place

    def fill(
        self,
        run: Run,
        network: NetworkSheet,
        training: Sequence[TrainingSheet],
        comparison: ComparisonSheet,
        gradient_check: GradientCheckSheet,
    ) -> None:
        """Fill the sheet.

        Raises:
            UnusableInput: the learning rates do not fit into one formula.
        """
        sheet = self.sheet
        for letters, width in _WIDTHS.items():
            number = "ABCDEFGH".index(letters) + 1
            sheet.widths.append(Width(number, number, width, hidden=letters == AS_TEXT))
        sheet.heights[1] = looks.TITLE_PIXELS
        sheet.put("A1", "One training step, derived and worked out", looks.TITLE)
        sheet.put("A2", "Choose a step and a learning rate: every line below shows that step.", looks.MUTED)
        self._write_choice(comparison)
        for section, values, texts in self._sections:
            self._write_values(section, values, texts, run, training, comparison)
        differences: list[list[Formula | None]] = [[None] for _ in self._differences.place]
        for section, *_ in self._sections:
            self._write_section(section)
            for line in section.lines:
                central_difference = gradient_check.differences.get(line.key.removeprefix("dE_d"))
                if central_difference and line.key.startswith("dE_d"):
                    differences[line.row - self._differences.row] = [self._write_check(line, central_difference)]
        sheet.fill(self._differences, differences, looks.SCIENTIFIC)
        self._write_summary(gradient_check)
        sheet.page = Page(frozen=(_SUMMARY_ROW, 1), repeated_rows=(1, _SUMMARY_ROW))

    def _write_choice(self, comparison: ComparisonSheet) -> None:
        sheet, steps = self.sheet, self._layout.steps
        sheet.put(f"A{_STEP_ROW}", [["step"], ["learning rate"], ["gradients"]], looks.NAME)
        sheet.fill(self._step, 0.0, looks.INPUT)
        sheet.fill(self._eta, self._layout.etas[0], looks.INPUT)
        sheet.put(f"C{_STEP_ROW}", [[f"0 to {steps:,}"], ["one of the training sheets"]], looks.MUTED_INDENTED)
        message = f"The training has the steps 0 to {steps}."
        sheet.validations += [
            Validation(self.step, "integer", 0, steps, title="Step", message=message),
            Validation(self.eta, "list", choices=comparison.etas),
        ]
        chosen = Formula(f"IFERROR(MATCH({self.eta:$},{comparison.etas:$},0),1)")
        sheet.fill(self._choice, chosen, looks.MUTED)

    def _write_values(
        self,
        section: Section,
        values: Block,
        texts: Block,
        run: Run,
        training: Sequence[TrainingSheet],
        comparison: ComparisonSheet,
    ) -> None:
        sheet = self.sheet
        formulas = [
            cell_formula(line.expression, lambda name: f"{self.values[name]:$}")
            if line.expression
            else self._start(line.key, training, comparison)
            for line in section.lines
        ]
        contents = [[Formula(text, run.first[line.key])] for text, line in zip(formulas, section.lines, strict=True)]
        sheet.fill(values, contents, looks.NUMBER)
        values.row_looks = {
            n: looks.TEXT if line.key == "eta" else looks.TOTAL
            for n, line in enumerate(section.lines)
            if line.key in ("eta", "E_total")
        }
        sheet.fill(texts, [[Formula(_number_in_text(f"{cell:$1}"))] for (cell,) in values.place], looks.MUTED)

    def _start(self, name: str, training: Sequence[TrainingSheet], comparison: ComparisonSheet) -> str:
        """Where a value that the step starts from comes from, as a formula."""
        if name == "eta":
            return f"INDEX({comparison.etas:$},{self._choice.place:$})"
        if name not in self._layout.network.trained_names:
            return defined_name(name)
        columns = ",".join(f"{one.column(name):$}" for one in training)
        formula = f"INDEX(CHOOSE({self._choice.place:$},{columns}),{self.step:$}+1)"
        if len(self.sheet.book.written(formula, self.sheet)) > MAX_FORMULA_LENGTH:
            raise UnusableInput(
                f"{len(training)} learning rates with so many digits do not fit into one formula: give fewer of them."
            )
        return formula

    def _write_section(self, section: Section) -> None:
        sheet, row = self.sheet, section.first_row
        sheet.put(f"A{section.row}", [section.title, *[""] * 6], looks.SECTION)
        sheet.put(f"A{section.row + 1}", section.explanation, looks.MUTED)
        headings = {QUANTITY: "quantity", VALUE: "value"}
        if any(line.expression for line in section.lines):
            headings |= {SYMBOLS: "formula", NUMBERS: "with the numbers", SENTENCE: "what it is"}
        else:
            headings |= {SYMBOLS: "what it is"}
        if any(line.key.startswith(("dE_dw", "dE_db")) for line in section.lines):
            headings |= {CENTRAL: "central difference", DIFFERENCE: "relative difference"}
        sheet.put(f"A{section.row + 2}", [headings.get(letters, "") for letters in "ABCDEFG"], looks.TABLE_HEADER)
        sheet.put(f"{QUANTITY}{row}", [[header(line.key)] for line in section.lines], looks.NAME)
        sentences = [[line.sentence] for line in section.lines]
        derived = [line for line in section.lines if line.expression]
        sheet.put(f"{SENTENCE if derived else SYMBOLS}{row}", sentences, looks.WRAPPED)
        if derived:
            self._write_derived(section)

    def _write_derived(self, section: Section) -> None:
        """Each quantity of a section in symbols, and with its numbers put in."""
        sheet, row = self.sheet, section.first_row
        shown = [f"{header(line.key)} = {symbols(line.expression, header)}" for line in section.lines]
        sheet.put(f"{SYMBOLS}{row}", [[text] for text in shown], looks.WRAPPED)
        name = f"{section.title}, worked out"
        worked = sheet.put(
            f"{NUMBERS}{row}", [[self._worked(line)] for line in section.lines], looks.WRAPPED, name=name
        )
        for text, line, (cell,) in zip(shown, section.lines, worked.place, strict=True):
            texts = {SYMBOLS: text, NUMBERS: str(sheet.book.value(cell))[2:], SENTENCE: line.sentence}
            height = max(looks.lines(text, _WIDTHS[column]) for column, text in texts.items())
            sheet.heights[line.row] = looks.LINE_PIXELS * min(height, _MAX_LINES)

    def _worked(self, line: Line) -> Formula | str:
        """A quantity with its numbers put in."""
        worked = f'"= "&{numbers_formula(line.expression, lambda name: f"{self._texts[name]:$}")}'
        # a constant, such as the slope of a linear neuron, has no numbers to put in
        if names_in(line.expression) and len(self.sheet.book.written(worked, self.sheet)) <= MAX_FORMULA_LENGTH:
            return Formula(worked)
        shown = symbols(line.expression, header)
        return f"= {shown}" if len(shown) < 20 else "too long to show"

    def _write_check(self, line: Line, central_difference: Place) -> Formula:
        """Write the central difference beside a gradient, and say how far apart the two are."""
        sheet, gradient = self.sheet, self.values[line.key]
        central = sheet.put(
            f"{CENTRAL}{line.row}", Formula(f"{central_difference:$}"), looks.NUMBER, name="central difference"
        ).place
        difference, error = f"ABS({gradient}-{central})", self.values["E_total"]
        size = f"MAX(ABS({gradient}),ABS({central})"
        relative = f"{difference}/{size},1E-300)"
        agrees = f"{difference}<={_RELATIVE_TOLERANCE}*{size})+{_ERROR_TOLERANCE}*{error:$}+{_ABSOLUTE_TOLERANCE}"
        words = f'IF({agrees},{relative},"differs: "&ROUND({relative},6))'
        return Formula(f'IF(ISTEXT({central}),"no derivative",{words})')

    def _write_summary(self, gradient_check: GradientCheckSheet) -> None:
        """One line above the derivation: do all gradients agree with their central differences?"""
        sheet, count = self.sheet, len(gradient_check.differences)
        below = self._differences.place
        differing = f'COUNTIF({below},"differs*")'
        checked = f"all {count}" if count == len(self._layout.network.trained_names) else f"the first {count}"
        good = f"Gradient check: {checked} gradients agree with their central differences."
        if count == 1:
            good = "Gradient check: the gradient agrees with its central difference."
        bad = " of the gradients do not agree with their central differences: see the red cells."
        verdict = f'IF({differing}=0,"{good}",{differing}&"{bad}")'
        sheet.put(f"{VALUE}{_SUMMARY_ROW}", Formula(verdict), looks.VERDICT, name="verdict")
        sheet.put(f"C{_SUMMARY_ROW}", [""] * 4, looks.VERDICT)
        sheet.rules.append(Rule(below, "differs", looks.RED, begins_with=True))


def _number_in_text(cell: str) -> str:
    """A formula for the number in a cell as it is put into a worked example, negative in parentheses.

    It does without TEXT, whose format codes mean different things in different languages.
    """
    size = f"ABS({cell})"
    magnitude = f"INT(LOG10({size}))"
    plain, scientific = f'ROUND({cell},6)&""', f'ROUND({cell}/10^{magnitude},4)&"E"&{magnitude}'
    number = f"IF(AND({size}>=0.001,{size}<1000000),{plain},{scientific})"
    return f'IF({size}<{_SHOWN_AS_ZERO},"0",IF({cell}<0,"("&{number}&")",{number}))'
