"""The derivation: each quantity of one step, in symbols, with its numbers, and live."""

import re
from collections.abc import Mapping, Sequence
from functools import partial

from xlbackprop.backprop.expression import cell_formula, names_in, numbers_formula, symbols
from xlbackprop.backprop.network import Network
from xlbackprop.backprop.notation import defined_name, header
from xlbackprop.backprop.optimizers import BEFORE, MEANINGS
from xlbackprop.backprop.quantities import begins_otherwise, states
from xlbackprop.spreadsheet import addressing
from xlbackprop.spreadsheet.addresses import column_letters, column_number
from xlbackprop.spreadsheet.blocks import Block, Formula, Role
from xlbackprop.spreadsheet.book import Book
from xlbackprop.spreadsheet.limits import MAX_FORMULA_LENGTH
from xlbackprop.spreadsheet.places import Place, joined
from xlbackprop.spreadsheet.presentation import Page, Rule, Width
from xlbackprop.workbook import looks
from xlbackprop.workbook.chain_rule_path import write_path
from xlbackprop.workbook.chosen_step import ChoiceColumns, ChosenStep
from xlbackprop.workbook.columns import spoken_before
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
from xlbackprop.workbook.gradient_check import ZERO, GradientCheckSheet, checked_names
from xlbackprop.workbook.gradient_comparison import TRAINING_TOLERANCE, GradientComparison
from xlbackprop.workbook.layout import DERIVATION, WorkbookLayout
from xlbackprop.workbook.network_sheet import NetworkSheet
from xlbackprop.workbook.run import Run
from xlbackprop.workbook.training import TrainingSheet

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
#: Where the gradients of single samples stand, hidden.
_FIRST_ADDEND = "L"

#: What is smaller is shown as 0 in a worked example; engines differ about whether 1e-17 is 0. No round
#: number, because a product such as 1e-9 × 0.001 would lie on the border.
_SHOWN_AS_ZERO = 1.7e-12


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
        self._active = self._reserve_active()
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
        self._addends = self._reserve_addends("gradients of each sample", "gradients of each sample, as texts")
        self._unlike = self._reserve_unlike()

    def mark(self, network: Network) -> str:
        """What stands in front of the names of an optimizer's lines; empty where there is one optimizer."""
        return self._derivation.mark(network)

    def _reserve_active(self) -> dict[str, Place]:
        """Where it stands whether the chosen training has an optimizer, if there are several."""
        marks = [self._derivation.mark(trained) for trained in self._derivation.trained]
        if not any(marks):
            return {}
        block = self.sheet.reserve("which optimizer", f"{START_AS_TEXT}{_STEP_ROW}", (len(marks), 1))
        self._which = block
        return {mark: block.cell(n) for n, mark in enumerate(marks)}

    def _write_active(self) -> None:
        if not self._active:
            return
        sheets = {
            mark: [n for n, one in enumerate(self._layout.networks, start=1) if one.optimizer.name == mark]
            for mark in self._active
        }
        conditions = [self.chosen.is_one_of(numbers) for numbers in sheets.values()]
        self.sheet.fill(self._which, [[Formula(condition)] for condition in conditions], looks.MUTED)

    def _reserve_addends(self, *names: str) -> list[Block]:
        """Room for the gradients that those of the step are made of, and for them as texts."""
        together, samples = self._derivation.together, self._layout.network.samples
        if not (together and samples and together.lines[0].expression):
            return []
        shape, first = (len(together.lines), samples.batch), column_number(_FIRST_ADDEND)
        return [
            self.sheet.reserve(name, f"{column_letters(first + n * samples.batch)}{together.first_row}", shape)
            for n, name in enumerate(names)
        ]

    def _reserve_unlike(self) -> Block | None:
        """Where it stands whether a gradient of all samples is another one than the training sheet has."""
        together = self._derivation.together
        if not (self._addends and together):
            return None
        at = f"{column_letters(self._addends[1].column + self._addends[1].shape[1])}{together.first_row}"
        return self.sheet.reserve("whether a gradient is not that of the training", at, (len(together.lines), 1))

    def _write_unlike(self, training: Sequence[TrainingSheet]) -> None:
        if not self._unlike:
            return
        contents = []
        for name in self._layout.network.trained_names:
            here, there = f"{self.values[f'{ALL}dE_d{name}']:$}", self.chosen.of_the_step(f"dE_d{name}", training)
            far_off = f"ABS({here}-{there})>{TRAINING_TOLERANCE:G}*ABS({here})+{ZERO:G}"
            contents.append([Formula(f"IF(ISERROR({here}-{there}),1,IF({far_off},1,0))", 0.0)])
        self.sheet.fill(self._unlike, contents, looks.MUTED)
        shown = joined(self.values[f"{ALL}dE_d{name}"] for name in self._layout.network.trained_names)
        self.sheet.rules.append(Rule(shown, f"{self._unlike.cell(0):$1}=1", looks.RED))
        column = self._unlike.column
        self.sheet.widths.append(Width(column, column, None, hidden=True))

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
        choose = "a step, a learning rate and a sample" if self.chosen.sample else "a step and a learning rate"
        sheet.put("A2", f"Choose {choose}: every line below shows that step.", looks.MUTED)
        sheet.put(f"A{self._verdict_row}", "gradients", looks.NAME)
        self.chosen.fill(comparison, self.values["eta"])
        self._write_addends(run, training)
        self._write_active()
        self._write_unlike(training)
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
            unlike=self._unlike.place if self._unlike else None,
        )
        row = self._verdict_row
        band = sheet.put(f"C{row}", [""] * 3, looks.VERDICT)
        self.gradients.write_summary(f"{VALUE}{row}", band, len(network_trained.trained_names))
        sheet.page = Page(frozen=(row, 0), repeated_rows=(1, row))

    def _write_addends(self, run: Run, training: Sequence[TrainingSheet]) -> None:
        """The gradients of each sample of the step, that of all is made of."""
        if not self._addends:
            return
        names = [f"dE_d{name}" for name in self._layout.network.trained_names]
        values, texts = self._addends
        formulas = [
            [
                Formula(self.chosen.of_each_sample(name, training, n), of_sample[name])
                for n, of_sample in enumerate(run.first_passes, start=1)
            ]
            for name in names
        ]
        self.sheet.fill(values, formulas, looks.NUMBER)
        written = [[Formula(_number_in_text(f"{cell:$1}")) for cell in row] for row in values.place]
        self.sheet.fill(texts, written, looks.MUTED)
        first = values.column
        self.sheet.rules += looks.number_rules(values.place)
        self.sheet.widths.append(Width(first, first + 2 * values.shape[1] - 1, _WIDTHS[VALUE], hidden=True))

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
        row = self._layout.network.trained_names.index(gradient.removeprefix("dE_d"))
        return f"{self._addends[as_text].cell(row, int(number) - 1):$}"

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
            [Formula(self._if_active(_number_in_text(f"{cell:$1}"), line))]
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
        sheet.put(f"{START_NAME}{start.first_row}", [[_spoken(line.key)] for line in start.lines], looks.NAME)
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
        sheet.put(f"{QUANTITY}{row}", [[_spoken(line.key)] for line in section.lines], looks.NAME)
        sheet.put(f"{SENTENCE}{row}", [[line.sentence] for line in section.lines], looks.WRAPPED)
        shown = [f"{_spoken(line.key)} = {self._symbols(line)}" for line in section.lines]
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
            return symbols(self._expression(line), _spoken)
        samples = self._layout.network.samples
        count, how = (samples.batch, samples.reduction) if samples else (1, "sum")
        return f"{'Σ' if how == 'sum' else 'the mean'} of {_spoken(line.key)} of {count} samples"

    def _worked(self, line: Line) -> Formula | str:
        """A quantity with its numbers put in."""
        if not line.expression:
            return "= see the sheet of the samples"
        expression = self._expression(line)
        numbers = numbers_formula(expression, lambda name: self._address(name, line, as_text=True))
        worked = self._if_active(f'"= "&{numbers}', line, "= another optimizer is chosen")
        # a constant, such as the slope of a linear neuron, has no numbers to put in
        if names_in(expression) and len(addressing.written(worked, self.sheet)) <= MAX_FORMULA_LENGTH:
            return Formula(worked)
        shown = symbols(expression, _spoken)
        return f"= {shown}" if len(shown) < 20 else "too long to show"


def _spoken(key: str) -> str:
    """A quantity in the classroom's form: `∂E/∂w1`, of a single sample `∂E/∂w1 of 2`, of the row above `m_w1 above`."""
    name, of, number = key.removeprefix(ALL).rpartition("_of_")
    return f"{header(name)} of {number}" if of else spoken_before(key.removeprefix(ALL))


def _number_in_text(cell: str) -> str:
    """A formula for the number in a cell as it is put into a worked example, negative in parentheses.

    It does without TEXT, whose format codes mean different things in different languages.
    """
    size = f"ABS({cell})"
    magnitude = f"INT(LOG10({size}))"
    plain, scientific = f'ROUND({cell},6)&""', f'ROUND({cell}/10^{magnitude},4)&"E"&{magnitude}'
    number = f"IF(AND({size}>=0.001,{size}<1000000),{plain},{scientific})"
    return f'IF({size}<{_SHOWN_AS_ZERO},"0",IF({cell}<0,"("&{number}&")",{number}))'
