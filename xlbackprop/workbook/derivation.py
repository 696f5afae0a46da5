"""The derivation: each quantity of one step, in symbols, with its numbers, and live."""

from collections.abc import Mapping, Sequence

from xlbackprop.backprop.expression import cell_formula, names_in, numbers_formula, symbols
from xlbackprop.backprop.notation import defined_name, header
from xlbackprop.errors import UnusableInput
from xlbackprop.spreadsheet.blocks import Block, Formula, Role
from xlbackprop.spreadsheet.book import Book
from xlbackprop.spreadsheet.limits import MAX_FORMULA_LENGTH
from xlbackprop.spreadsheet.places import Place
from xlbackprop.spreadsheet.presentation import Page, Rule, Validation, Width
from xlbackprop.workbook import looks
from xlbackprop.workbook.chain_rule_path import write_path
from xlbackprop.workbook.comparison import ComparisonSheet
from xlbackprop.workbook.derivation_lines import (
    AS_TEXT,
    NUMBERS,
    QUANTITY,
    SENTENCE,
    START_AS_TEXT,
    START_MEANING,
    START_NAME,
    START_VALUE,
    SYMBOLS,
    VALUE,
    DerivationLayout,
    Line,
    Section,
)
from xlbackprop.workbook.gradient_check import GradientCheckSheet, checked_names
from xlbackprop.workbook.gradient_comparison import GradientComparison
from xlbackprop.workbook.layout import DERIVATION, WorkbookLayout
from xlbackprop.workbook.network_sheet import NetworkSheet
from xlbackprop.workbook.run import Run
from xlbackprop.workbook.training import TrainingSheet

# A formula over a wide layer is cut off rather than fill the page.
_MAX_LINES = 6
# More numbers than these do not fit into a line.
_MAX_SUMMED_UP = 12

_MOST_CHOICES = 28

# in pixels
_WIDTHS = {
    QUANTITY: 100,
    VALUE: 92,
    SYMBOLS: 190,
    NUMBERS: 250,
    SENTENCE: 315,
    "F": 16,
    START_NAME: 60,
    START_VALUE: 104,
    START_MEANING: 190,
    AS_TEXT: None,
    START_AS_TEXT: None,
}

_STEP_ROW, _ETA_ROW, _SUMMARY_ROW = 3, 4, 5

#: What is smaller is shown as 0 in a worked example; engines differ about whether 1e-17 is 0. No round
#: number, because a product such as 1e-9 × 0.001 would lie on the border.
_SHOWN_AS_ZERO = 1.7e-12


class DerivationSheet:
    """Every formula of one step, explained.

    Attributes:
        step: the cell that says which step is shown.
        eta: the cell that says which learning rate is wanted.
        values: the cell of each quantity's value; for an update `new w1`.
        gradients: each gradient three ways.
    """

    def __init__(self, book: Book, layout: WorkbookLayout) -> None:
        self._layout, compared = layout, checked_names(layout.network)
        self._derivation = DerivationLayout(layout.network, len(compared))
        self.sheet = sheet = book.sheet(DERIVATION, "every formula, with its numbers")
        self._step = sheet.reserve("step", f"{VALUE}{_STEP_ROW}", (), Role.INPUT)
        self._eta = sheet.reserve("learning rate", f"{VALUE}{_ETA_ROW}", (), Role.INPUT)
        self._choice = sheet.reserve("which learning rate", f"{AS_TEXT}{_ETA_ROW}", ())
        self._row = sheet.reserve("which row of the training", f"{AS_TEXT}{_STEP_ROW}", ())
        self._sections = [
            (section, self._column(section, "values", Role.QUANTITY), self._column(section, "as texts", Role.FORMULA))
            for section in self._derivation.sections
        ]
        self.gradients = GradientComparison(
            sheet, self._derivation.comparison_row, compared, counts=f"{AS_TEXT}{_SUMMARY_ROW}"
        )
        self.values, self._texts = (
            {
                line.key: blocks[column].cell(n)
                for section, *blocks in self._sections
                for n, line in enumerate(section.lines)
            }
            for column in (0, 1)
        )

    def _column(self, section: Section, kind: str, role: Role) -> Block:
        letters = (VALUE, AS_TEXT) if section is not self._derivation.start else (START_VALUE, START_AS_TEXT)
        at = f"{letters[kind == 'as texts']}{section.first_row}"
        return self.sheet.reserve(f"{section.title}, {kind}", at, (len(section.lines), 1), role)

    @property
    def step(self) -> Place:
        return self._step.place

    @property
    def eta(self) -> Place:
        return self._eta.place

    @property
    def verdicts(self) -> Mapping[str, Place]:
        """The cell that says whether the gradient of each weight agrees."""
        return self.gradients.verdicts

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
        sheet, derivation = self.sheet, self._derivation
        for number, width in enumerate(_WIDTHS.values(), start=1):
            sheet.widths.append(Width(number, number, width, hidden=width is None))
        sheet.heights[1] = looks.TITLE_PIXELS
        sheet.put("A1", "One training step, derived and worked out", looks.TITLE)
        sheet.put("A2", "Choose a step and a learning rate: every line below shows that step.", looks.MUTED)
        self._write_choice(comparison)
        for section, values, texts in self._sections:
            self._write_values(section, values, texts, run, training, comparison)
        network_trained = self._layout.network
        write_path(
            sheet,
            derivation.path_row,
            network_trained,
            self.values.__getitem__,
            self._texts.__getitem__,
            widths=[_WIDTHS[letters] or 0 for letters in (SYMBOLS, NUMBERS, SENTENCE)],
        )
        self._write_start()
        for section in (*derivation.derived, derivation.update):
            self._write_section(section)
        self.gradients.fill(
            derivation.comparison_title,
            {name: self.values[f"dE_d{name}"] for name in gradient_check.moved},
            gradient_check.differences,
            {
                name: Formula(self._of_the_step(f"dE_d{name}", training), run.first[f"dE_d{name}"])
                for name in gradient_check.moved
            },
            margins=gradient_check.margins,
            epsilon=gradient_check.epsilon,
        )
        band = sheet.put(f"C{_SUMMARY_ROW}", [""] * 3, looks.VERDICT)
        self.gradients.write_summary(f"{VALUE}{_SUMMARY_ROW}", band, len(network_trained.trained_names))
        sheet.page = Page(frozen=(_SUMMARY_ROW, 0), repeated_rows=(1, _SUMMARY_ROW))

    def _write_choice(self, comparison: ComparisonSheet) -> None:
        sheet, steps = self.sheet, self._layout.steps
        sheet.put(f"A{_STEP_ROW}", [["step"], ["learning rate"], ["gradients"]], looks.NAME)
        sheet.fill(self._step, 0.0, looks.INPUT)
        sheet.fill(self._eta, self._layout.etas[0], looks.INPUT)
        message = f"The training has the steps 0 to {steps}."
        sheet.validations += [
            Validation(self.step, "integer", 0, steps, title="Step", message=message),
            Validation(self.eta, "list", choices=comparison.etas),
        ]
        among = f"MATCH({self.eta:$},{comparison.etas:$},0)"
        sheet.fill(self._choice, Formula(f"IFERROR({among},1)"), looks.MUTED)
        step = f"{self.step:$}"
        # INT of a text is an error
        no_step = f"IFERROR(OR({step}<0,{step}>{steps},{step}<>INT({step})),0<1)"
        # a step that there is not must show no other
        sheet.fill(self._row, Formula(f"IF({no_step},NA(),{step}+1)"), looks.MUTED)
        no_sheet = f"ISERROR({among})"
        hints = sheet.put(
            f"C{_STEP_ROW}",
            [
                [Formula(f'IF({no_step},"there is no such step: choose one from 0 to {steps}","0 to {steps:,}")')],
                [
                    Formula(
                        f'IF({no_sheet},"no sheet has this η; shown: η = "&{self.values["eta"]:$},'
                        '"one of the training sheets")'
                    )
                ],
            ],
            looks.MUTED_INDENTED,
            name="what can be chosen",
        )
        for n, wrong in enumerate((no_step, no_sheet)):
            sheet.rules.append(Rule(hints.cell(n), wrong, looks.AMBER))

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
        sheet.rules += looks.number_rules(values.place)
        sheet.fill(texts, [[Formula(_number_in_text(f"{cell:$1}"))] for (cell,) in values.place], looks.MUTED)

    def _start(self, name: str, training: Sequence[TrainingSheet], comparison: ComparisonSheet) -> str:
        """Where a value that the step starts from comes from, as a formula."""
        if name == "eta":
            return f"INDEX({comparison.etas:$},{self._choice.place:$})"
        if name not in self._layout.network.trained_names:
            return defined_name(name)
        return self._of_the_step(name, training)

    def _of_the_step(self, name: str, training: Sequence[TrainingSheet]) -> str:
        """A quantity as the training sheet has it at the step that is shown, as a formula."""
        chosen = _chosen(f"{self._choice.place:$}", [f"{one.column(name):$}" for one in training])
        formula = f"INDEX({chosen},{self._row.place:$})"
        if len(self.sheet.book.written(formula, self.sheet)) > MAX_FORMULA_LENGTH:
            raise UnusableInput(
                f"{len(training)} learning rates with so many digits do not fit into one formula: give fewer of them."
            )
        return formula

    def _write_start(self) -> None:
        """What the step starts from: a few lines above the derivation, and beside it all of it."""
        sheet, start, row = self.sheet, self._derivation.start, self._derivation.summary_row
        sheet.put(f"A{row}", ["What this step starts from", *[""] * 4], looks.SECTION)
        kinds = self._derivation.summary
        sheet.put(f"A{row + 1}", [[kind] for kind, _ in kinds], looks.NAME)
        sheet.put(f"B{row + 1}", [[self._summed_up(names)] for _, names in kinds], looks.INDENTED, name="start values")
        sheet.put(f"{START_NAME}{start.row}", [start.title, "", ""], looks.SECTION)
        sheet.put(f"{START_NAME}{start.row + 1}", start.explanation, looks.MUTED)
        sheet.put(f"{START_NAME}{start.row + 2}", ["quantity", "value", "what it is"], looks.TABLE_HEADER)
        sheet.put(f"{START_NAME}{start.first_row}", [[header(line.key)] for line in start.lines], looks.NAME)
        sheet.put(f"{START_MEANING}{start.first_row}", [[line.sentence] for line in start.lines], looks.INDENTED)

    def _summed_up(self, names: Sequence[str]) -> Formula | str:
        """Names with their values in one line: `i1 = 0.05,  i2 = 0.1`."""
        if len(names) > _MAX_SUMMED_UP:
            return f"{len(names):,} numbers: see the column {START_VALUE}"
        return Formula('"' + '&",  '.join(f'{name} = "&{self._texts[name]:$}' for name in names))

    def _write_section(self, section: Section) -> None:
        """Each quantity of a section in symbols, and with its numbers put in."""
        sheet, row = self.sheet, section.first_row
        sheet.put(f"A{section.row}", [section.title, *[""] * 4], looks.SECTION)
        sheet.put(f"A{section.row + 1}", section.explanation, looks.MUTED)
        headings = ["quantity", "value", "formula", "with the numbers", "what it is"]
        sheet.put(f"A{section.row + 2}", headings, looks.TABLE_HEADER)
        sheet.put(f"{QUANTITY}{row}", [[header(line.key)] for line in section.lines], looks.NAME)
        sheet.put(f"{SENTENCE}{row}", [[line.sentence] for line in section.lines], looks.WRAPPED)
        shown = [f"{header(line.key)} = {symbols(line.expression, header)}" for line in section.lines]
        sheet.put(f"{SYMBOLS}{row}", [[text] for text in shown], looks.WRAPPED)
        name = f"{section.title}, worked out"
        worked = sheet.put(
            f"{NUMBERS}{row}", [[self._worked(line)] for line in section.lines], looks.WRAPPED, name=name
        )
        for text, line, (cell,) in zip(shown, section.lines, worked.place, strict=True):
            texts = {SYMBOLS: text, NUMBERS: str(sheet.book.value(cell))[2:], SENTENCE: line.sentence}
            height = max(looks.lines(text, _WIDTHS[column] or 0) for column, text in texts.items())
            sheet.heights[line.row] = looks.LINE_PIXELS * min(height, _MAX_LINES)

    def _worked(self, line: Line) -> Formula | str:
        """A quantity with its numbers put in."""
        worked = f'"= "&{numbers_formula(line.expression, lambda name: f"{self._texts[name]:$}")}'
        # a constant, such as the slope of a linear neuron, has no numbers to put in
        if names_in(line.expression) and len(self.sheet.book.written(worked, self.sheet)) <= MAX_FORMULA_LENGTH:
            return Formula(worked)
        shown = symbols(line.expression, header)
        return f"= {shown}" if len(shown) < 20 else "too long to show"


def _chosen(number: str, cells: Sequence[str]) -> str:
    """The n-th of some cells, as a formula; LibreOffice's CHOOSE takes no more than thirty."""
    if len(cells) <= _MOST_CHOICES:
        return f"CHOOSE({number},{','.join(cells)})"
    groups = [cells[first : first + _MOST_CHOICES] for first in range(0, len(cells), _MOST_CHOICES)]
    inner = [f"CHOOSE({number}-{n * _MOST_CHOICES},{','.join(group)})" for n, group in enumerate(groups)]
    return f"CHOOSE(INT(({number}-1)/{_MOST_CHOICES})+1,{','.join(inner)})"


def _number_in_text(cell: str) -> str:
    """A formula for the number in a cell as it is put into a worked example, negative in parentheses.

    It does without TEXT, whose format codes mean different things in different languages.
    """
    size = f"ABS({cell})"
    magnitude = f"INT(LOG10({size}))"
    plain, scientific = f'ROUND({cell},6)&""', f'ROUND({cell}/10^{magnitude},4)&"E"&{magnitude}'
    number = f"IF(AND({size}>=0.001,{size}<1000000),{plain},{scientific})"
    return f'IF({size}<{_SHOWN_AS_ZERO},"0",IF({cell}<0,"("&{number}&")",{number}))'
