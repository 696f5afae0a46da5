"""The derivation: each quantity of one step, in symbols, with its numbers, and live."""

import re
from collections.abc import Mapping, Sequence
from functools import partial

from xlbackprop.backprop.expression import cell_formula, symbols
from xlbackprop.backprop.network import Network
from xlbackprop.backprop.notation import defined_name
from xlbackprop.backprop.optimizers import BEFORE, MEANINGS
from xlbackprop.backprop.quantities import begins_otherwise, states
from xlbackprop.spreadsheet.blocks import Block, Formula, Role
from xlbackprop.spreadsheet.book import Book
from xlbackprop.spreadsheet.places import Place
from xlbackprop.spreadsheet.presentation import Page, Width
from xlbackprop.workbook import looks
from xlbackprop.workbook.chain_rule_path import write_path
from xlbackprop.workbook.chosen_step import ChoiceColumns, ChosenStep
from xlbackprop.workbook.comparison import ComparisonSheet
from xlbackprop.workbook.derivation_lines import (
    ALL,
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
from xlbackprop.workbook.run import Run
from xlbackprop.workbook.sample_gradients import SampleGradients
from xlbackprop.workbook.training import TrainingSheet
from xlbackprop.workbook.worked_examples import number_in_text, spoken, worked_example

# A formula over a wide layer is cut off rather than fill the page.
_MAX_LINES = 6
# More numbers than these do not fit into a line.
_MAX_SUMMED_UP = 12

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

_STEP_ROW = 3
#: What stands for a number of an optimizer that the chosen training has not.
NOT_CHOSEN = "–"


class DerivationSheet:
    """Every formula of one step, explained.

    Attributes:
        chosen: which step is shown, of which learning rate, and which sample of it.
        values: the cell of each quantity's value; for an update `new w1`.
        gradients: each gradient three ways.
    """

    def __init__(self, book: Book, layout: WorkbookLayout) -> None:
        self._layout, compared = layout, checked_names(layout.network)
        self._derivation = DerivationLayout(layout.network, len(compared), layout.networks)
        self.sheet = sheet = book.sheet(DERIVATION, "every formula, with its numbers")
        self.chosen = ChosenStep(sheet, layout, _STEP_ROW, ChoiceColumns(value=VALUE, hidden=AS_TEXT), of_a_sample=True)
        # below the choice: a step, a learning rate, and at times a sample
        self._verdict_row = _STEP_ROW + 2 + layout.network.in_batches
        # which optimizer the chosen training has, if there are several
        marks = [mark for trained in self._derivation.trained if (mark := self._derivation.mark(trained))]
        at = f"{START_AS_TEXT}{_STEP_ROW}"
        self._which = sheet.reserve("which optimizer", at, (len(marks), 1)) if marks else None
        self._active = {mark: self._which.cell(n) for n, mark in enumerate(marks)} if self._which else {}
        self._sections = [
            (section, self._column(section, "values", Role.QUANTITY), self._column(section, "as texts", Role.FORMULA))
            for section in self._derivation.sections
        ]
        self.gradients = GradientComparison(
            sheet,
            self._derivation.comparison_row,
            compared,
            counts=f"{AS_TEXT}{self._verdict_row}",
            third="samples" if layout.network.in_batches else "training",
        )
        self.values, self._texts = (
            {
                line.key: blocks[column].cell(n)
                for section, *blocks in self._sections
                for n, line in enumerate(section.lines)
            }
            for column in (0, 1)
        )
        self._of_samples = self._gradients_of_samples()

    def mark(self, network: Network) -> str:
        """What stands in front of the names of an optimizer's lines; empty where there is one optimizer."""
        return self._derivation.mark(network)

    def _gradients_of_samples(self) -> SampleGradients | None:
        """Room for the gradients that those of the step are made of, where it shows them."""
        together, samples = self._derivation.together, self._layout.network.samples
        if not (together and samples and together.lines[0].expression):
            return None
        return SampleGradients(self.sheet, self._layout.network, samples.batch, together)

    def _write_which(self) -> None:
        if not self._which:
            return
        sheets = [
            [n for n, one in enumerate(self._layout.networks, start=1) if one.optimizer.name == mark]
            for mark in self._active
        ]
        conditions = [[Formula(self.chosen.is_one_of(numbers))] for numbers in sheets]
        self.sheet.fill(self._which, conditions, looks.MUTED)

    def _column(self, section: Section, kind: str, role: Role) -> Block:
        letters = (VALUE, AS_TEXT) if section is not self._derivation.start else (START_VALUE, START_AS_TEXT)
        at = f"{letters[kind == 'as texts']}{section.first_row}"
        return self.sheet.reserve(f"{section.title}, {kind}", at, (len(section.lines), 1), role)

    @property
    def verdicts(self) -> Mapping[str, Place]:
        """The cell that says whether the gradient of each weight agrees."""
        return self.gradients.verdicts

    def fill(
        self,
        run: Run,
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
        choose = "a step, a learning rate and a sample" if self.chosen.sample else "a step and a learning rate"
        sheet.put("A2", f"Choose {choose}: every line below shows that step.", looks.MUTED)
        sheet.put(f"A{self._verdict_row}", "gradients", looks.NAME)
        self.chosen.fill(comparison, self.values["eta"])
        if self._of_samples:
            self._of_samples.fill(run, training, self.chosen, self.values, _WIDTHS[VALUE])
        self._write_which()
        for section, values, texts in self._sections:
            self._write_values(section, values, texts, run, training, comparison)
        write_path(
            sheet,
            derivation.path_row,
            self._layout.network,
            self.values.__getitem__,
            self._texts.__getitem__,
            widths=[_WIDTHS[letters] or 0 for letters in (SYMBOLS, NUMBERS, SENTENCE)],
        )
        self._write_start()
        for section in derivation.sections[1:]:
            self._write_section(section)
        self.gradients.fill(
            derivation.comparison_title,
            {name: self.values[f"dE_d{name}"] for name in gradient_check.moved},
            gradient_check.differences,
            {
                name: Formula(self.chosen.of_the_pass(f"dE_d{name}", training), run.first[f"dE_d{name}"])
                for name in gradient_check.moved
            },
            margins=gradient_check.margins,
            epsilon=gradient_check.epsilon,
            unlike=self._of_samples.unlike if self._of_samples else None,
        )
        row = self._verdict_row
        band = sheet.put(f"C{row}", [""] * 3, looks.VERDICT)
        self.gradients.write_summary(f"{VALUE}{row}", band, len(self._layout.network.trained_names))
        sheet.page = Page(frozen=(row, 0), repeated_rows=(1, row))

    def _address(self, name: str, line: Line, *, as_text: bool = False) -> str:
        """The cell of a quantity of the step, or of a single sample of it, or that with the same as a text."""
        places = self._texts if as_text else self.values
        for key in (f"{line.optimizer} {name}", name):
            if key in places:
                return f"{places[key]:$}"
        if name == "step":
            return f"{self.chosen.step:$}"
        if name == "steps":
            return f'"{self._layout.steps}"' if as_text else str(self._layout.steps)
        gradient, _, number = name.rpartition("_of_")
        if not (self._of_samples and number):
            raise KeyError(name)
        return f"{self._of_samples.cell(gradient, int(number), as_text=as_text):$}"

    def _if_active(self, formula: str, line: Line, otherwise: str = NOT_CHOSEN) -> str:
        """A formula of an optimizer, where that is the one of the chosen training."""
        return f'IF({self._active[line.optimizer]:$},{formula},"{otherwise}")' if line.optimizer else formula

    def _is_shown_first(self, line: Line) -> bool:
        """Whether a line shows a number in a fresh file, whose chosen training is the first."""
        return not line.optimizer or line.optimizer == self._layout.networks[0].optimizer.name

    def _write_values(
        self,
        section: Section,
        values: Block,
        texts: Block,
        run: Run,
        training: Sequence[TrainingSheet],
        comparison: ComparisonSheet,
    ) -> None:
        sheet, contents = self.sheet, []
        for line in section.lines:
            if line.expression:
                formula = cell_formula(self._expression(line), partial(self._address, line=line))
            else:
                formula = self._start(line, training, comparison)
            value = run.first[line.quantity] if self._is_shown_first(line) else NOT_CHOSEN
            contents.append([Formula(self._if_active(formula, line), value)])
        sheet.fill(values, contents, looks.NUMBER)
        values.row_looks = {
            n: looks.TEXT if line.key == "eta" or line.quantity in MEANINGS else looks.TOTAL
            for n, line in enumerate(section.lines)
            if line.key in ("eta", "E_total") or line.quantity in MEANINGS
        }
        sheet.rules += looks.number_rules(values.place)
        in_text = [
            [Formula(self._if_active(number_in_text(f"{cell:$1}"), line))]
            for (cell,), line in zip(values.place, section.lines, strict=True)
        ]
        sheet.fill(texts, in_text, looks.MUTED)

    def _expression(self, line: Line) -> str:
        """How a line follows; what an optimizer keeps may begin otherwise than it goes on."""
        for trained in self._derivation.trained:
            for state in states(trained) if self._derivation.mark(trained) == line.optimizer else ():
                if state.name == line.quantity and begins_otherwise(state):
                    gradient = line.expression.partition(" if ")[0]
                    first = re.sub(r"\bdE_d", f"{ALL}dE_d", state.first) if self._derivation.together else state.first
                    return f"{gradient} if sign(step) > 0 else {first}"
        return line.expression

    def _start(self, line: Line, training: Sequence[TrainingSheet], comparison: ComparisonSheet) -> str:
        """Where a value that the step starts from comes from, as a formula."""
        network, name = self._layout.network, line.quantity
        if name == "eta":
            return self.chosen.shown_eta(comparison)
        if name in MEANINGS:
            return self.chosen.of_the_sheet([one.hyperparameters.get(name) for one in training])
        if name.startswith(BEFORE):
            return self.chosen.of_the_step_before(name.removeprefix(BEFORE), training)
        if name.startswith(ALL):
            return self.chosen.of_the_step(name.removeprefix(ALL), training)
        if name not in network.start_values:
            return self.chosen.of_the_pass(name, training)
        return self.chosen.of_the_step(name, training) if name in network.trained_names else defined_name(name)

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
        sheet.put(f"{START_NAME}{start.first_row}", [[spoken(line.key)] for line in start.lines], looks.NAME)
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
        sheet.put(f"{QUANTITY}{row}", [[spoken(line.key)] for line in section.lines], looks.NAME)
        sheet.put(f"{SENTENCE}{row}", [[line.sentence] for line in section.lines], looks.WRAPPED)
        shown = [f"{spoken(line.key)} = {self._symbols(line)}" for line in section.lines]
        sheet.put(f"{SYMBOLS}{row}", [[text] for text in shown], looks.WRAPPED)
        name = f"{section.title}, worked out"
        worked = sheet.put(
            f"{NUMBERS}{row}", [[self._worked(line)] for line in section.lines], looks.WRAPPED, name=name
        )
        for text, line, (cell,) in zip(shown, section.lines, worked.place, strict=True):
            texts = {SYMBOLS: text, NUMBERS: str(sheet.book.value(cell))[2:], SENTENCE: line.sentence}
            height = max(looks.lines(text, _WIDTHS[column] or 0) for column, text in texts.items())
            sheet.heights[line.row] = looks.LINE_PIXELS * min(height, _MAX_LINES)

    def _symbols(self, line: Line) -> str:
        if line.expression:
            return symbols(self._expression(line), spoken)
        samples = self._layout.network.samples
        count, how = (samples.batch, samples.reduction) if samples else (1, "sum")
        return f"{'Σ' if how == 'sum' else 'the mean'} of {spoken(line.key)} of {count} samples"

    def _worked(self, line: Line) -> Formula | str:
        """A quantity with its numbers put in."""
        if not line.expression:
            return "= see the sheet of the samples"
        return worked_example(
            self._expression(line),
            lambda name: self._address(name, line, as_text=True),
            self.sheet,
            lambda formula: self._if_active(formula, line, "= another optimizer is chosen"),
        )
