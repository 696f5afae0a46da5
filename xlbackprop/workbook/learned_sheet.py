"""What the network has learned: its answers to the samples at a chosen step, live, and a picture of them."""

from collections.abc import Mapping, Sequence

from xlbackprop.backprop.notation import header
from xlbackprop.backprop.samples import Samples
from xlbackprop.spreadsheet.addresses import cell_address, column_letters
from xlbackprop.spreadsheet.blocks import Block, Formula, Role
from xlbackprop.spreadsheet.book import Book
from xlbackprop.spreadsheet.looks import Look
from xlbackprop.spreadsheet.places import Place, joined
from xlbackprop.spreadsheet.presentation import Page, Rule, Width
from xlbackprop.workbook import looks
from xlbackprop.workbook.chosen_step import ChoiceColumns, ChosenStep
from xlbackprop.workbook.comparison import ComparisonSheet
from xlbackprop.workbook.data_sheet import DataSheet
from xlbackprop.workbook.decision_boundary import MOST_NEURONS, DecisionBoundary, has_boundary
from xlbackprop.workbook.fitted_curve import FittedCurve
from xlbackprop.workbook.forward_pass import filled_over, fixed, formula_of, forward_names
from xlbackprop.workbook.layout import LEARNED, WorkbookLayout
from xlbackprop.workbook.training import TrainingSheet

_STEP_ROW, _ANSWERS_ROW, _HEADER_ROW, _FIRST_ROW = 3, 5, 8, 9
_PICTURE_ROW = 3
# in percent, so that table and picture fit onto a landscape page of A4
_PRINT_SCALE = 52
# in pixels
_NAME_WIDTH, _GIVEN_WIDTH, _NUMBER_WIDTH, _RIGHT_WIDTH, _GAP = 96, 60, 80, 64, 20


class LearnedSheet:
    """The answers of the network at a chosen step.

    Attributes:
        chosen: which step is shown, of which learning rate.
        table: the cells of what is read of each sample, by name, sample by sample.
        picture: the map of two inputs, the curve of one, or nothing.
    """

    def __init__(self, book: Book, layout: WorkbookLayout, samples: Samples) -> None:
        self._network, self._samples, self._steps = layout.network, samples, layout.steps
        self.sheet = sheet = book.sheet(LEARNED, "what the network answers, at each step")
        network = layout.network
        given = [*network.input_names, *network.target_names]
        answers = [*network.activations(network.last), "right" if samples.have_classes else "E_total"]
        count = samples.count
        self._given = sheet.reserve("samples", f"B{_FIRST_ROW}", (count, len(given)))
        self._answers = sheet.reserve(
            "answers", cell_address(_FIRST_ROW, 2 + len(given)), (count, len(answers)), Role.FORMULA
        )
        self.table = {
            name: block.column_place(n)
            for block, names in ((self._given, given), (self._answers, answers))
            for n, name in enumerate(names)
        }
        # the sample's number, then the table, then a gap
        column = 3 + len(self.table)
        self.picture: DecisionBoundary | FittedCurve | None = None
        if has_boundary(network):
            self.picture = DecisionBoundary(sheet, network, samples, _PICTURE_ROW, column)
        elif network.layers[0] == 1:
            self.picture = FittedCurve(sheet, network, _PICTURE_ROW, column)
        self._workings = (self.picture.last_column if self.picture else column - 1) + 2
        hidden = column_letters(self._workings + 2)
        self.chosen = ChosenStep(sheet, layout, _STEP_ROW, ChoiceColumns(hidden=hidden))

    def fill(self, training: Sequence[TrainingSheet], comparison: ComparisonSheet, data: DataSheet) -> None:
        """Fill the sheet.

        Raises:
            UnusableInput: the learning rates do not fit into one formula.
        """
        sheet = self.sheet
        sheet.heights[1] = looks.TITLE_PIXELS
        sheet.put("A1", "What has the network learned?", looks.TITLE)
        sheet.put("A2", self._invitation(), looks.MUTED)
        weights = self._write_step(training, comparison)
        names = self._write_table(data, weights)
        self._write_verdict()
        column = self._workings + 4 + len(names)
        given = {name: self.table[name] for name in (*self._network.input_names, *self._network.target_names)}
        if isinstance(self.picture, FittedCurve):
            given |= {f"name of {name}": cell for name, cell in self._headers.items()}
        if self.picture:
            self.picture.fill(given, weights, _FIRST_ROW, column)
        # with a picture beside it the table scrolls with the picture
        frozen = (0, 0) if self.picture else (_HEADER_ROW, 1)
        sheet.page = Page(frozen, (1, _HEADER_ROW), breaks=(self._workings,), scale=_PRINT_SCALE)

    def _invitation(self) -> str:
        follow = "every number follows"
        if isinstance(self.picture, DecisionBoundary):
            follow = "every number follows, and the picture"
        elif self.picture:
            follow = "every number follows, and the curve"
        text = f"Choose another step, up to {self._steps:,}: {follow}. The samples are edited on the sheet Data."
        if self._network.layers[0] == 2 and not self.picture:
            text += f" There is no picture of the plane: more than {MOST_NEURONS} neurons take too many formulas."
        return text

    def _write_step(self, training: Sequence[TrainingSheet], comparison: ComparisonSheet) -> dict[str, Place]:
        """The choice of the step, and the weights that it starts from; gives the cells of these."""
        sheet, column = self.sheet, self._workings
        names = list(self._network.start_values)
        sheet.put(cell_address(_STEP_ROW - 2, column), "Workings", looks.SMALL_TITLE)
        sheet.put(cell_address(_STEP_ROW, column), [["row of the step, in the training"], ["which η"]], looks.HINT)
        shown = sheet.reserve("learning rate shown", cell_address(_ANSWERS_ROW, column + 2))
        sheet.put(cell_address(_ANSWERS_ROW, column), "η", looks.HINT)
        sheet.fill(shown, Formula(self.chosen.shown_eta(comparison)), looks.TEXT)
        self.chosen.fill(comparison, shown.place)
        sheet.put(cell_address(_HEADER_ROW, column), ["weight", "at this step"], looks.TABLE_HEADER)
        sheet.put(cell_address(_FIRST_ROW, column), [[name] for name in names], looks.NAME)
        start = self._network.start_values
        formulas = [[Formula(self.chosen.of_the_step(name, training), start[name])] for name in names]
        block = sheet.put(cell_address(_FIRST_ROW, column + 1), formulas, looks.NUMBER, name="weights of the step")
        sheet.rules += looks.number_rules(block.place)
        return {name: block.cell(n) for n, name in enumerate(names)}

    def _write_table(self, data: DataSheet, weights: Mapping[str, Place]) -> list[str]:
        """A row a sample: what goes in, what should come out, what does, and whether that is right; gives the names of
        what stands in the workings."""
        sheet, network, samples = self.sheet, self._network, self._samples
        shape = self._answers.shape[0]
        numbers = [[float(n)] for n in range(1, samples.count + 1)]
        sheet.put(f"A{_FIRST_ROW}", numbers, looks.STEP, role=Role.CONSTANT, name="sample numbers")
        given = [*network.input_names, *network.target_names]
        sheet.fill(
            self._given,
            [[Formula(f"{data.columns[name][n]}") for name in given] for n in range(samples.count)],
            looks.TEXT,
        )
        names = [name for name in self._all_names() if name not in self.table]
        column = self._workings + 3
        workings = sheet.reserve("forward passes", cell_address(_FIRST_ROW, column), (samples.count, len(names)))
        own = {name: f"{cells[0]:$1}" for name, cells in self.table.items()}
        self._errors = self.table.get("E_total") or workings.column_place(names.index("E_total"))
        own |= {name: f"{workings.cell(0, n):$1}" for n, name in enumerate(names)}
        address = fixed(weights) | own

        def fill(block: Block, block_names: Sequence[str], *block_looks: Look) -> None:
            columns = [
                filled_over(sheet.book, formula_of(network, name, own, address.__getitem__), (shape, 1))
                for name in block_names
            ]
            sheet.fill(block, [[rows[n][0] for rows in columns] for n in range(shape)], *block_looks)

        answers = [name for name in self.table if name not in given]
        last = {"E_total": looks.TOTAL, "right": looks.RIGHT_OR_WRONG}
        fill(self._answers, answers, *(last.get(name, looks.NUMBER) for name in answers))
        fill(workings, names, looks.NUMBER)
        sheet.rules += looks.number_rules(workings.place)
        sheet.rules += looks.number_rules(joined(self.table[name] for name in answers if name != "right"))
        self._write_headers(given, answers, column, names)
        return names

    def _all_names(self) -> list[str]:
        """The quantities of a forward pass and its errors, and whether the answer is right."""
        errors = [f"E{n}" for n in range(1, self._network.layers[-1] + 1)]
        return [*forward_names(self._network), *errors, "E_total"]

    def _write_headers(self, given: Sequence[str], answers: Sequence[str], column: int, names: Sequence[str]) -> None:
        sheet, network = self.sheet, self._network
        groups = ["inputs"] * len(given) + ["forward"] * network.layers[-1] + ["error"] * 2
        shown = [*given, *answers]
        sheet.put(f"A{_HEADER_ROW}", "sample", looks.header("inputs"))
        block = sheet.put(f"B{_HEADER_ROW}", [header(name) for name in shown], *map(looks.header, groups[: len(shown)]))
        self._headers = {name: block.cell(0, n) for n, name in enumerate(shown)}
        sheet.put(cell_address(_HEADER_ROW, column), [header(name) for name in names], looks.header("forward"))
        first, gap = 2 + len(given), 2 + len(shown)
        sheet.set_widths({"A": _NAME_WIDTH, "B": _NUMBER_WIDTH})
        sheet.widths.append(Width(3, first - 1, _GIVEN_WIDTH))
        sheet.widths += [
            Width(first + n, first + n, _RIGHT_WIDTH if name == "right" else _NUMBER_WIDTH)
            for n, name in enumerate(answers)
        ]
        sheet.widths.append(Width(gap, gap, _GAP))
        workings = self._workings
        sheet.widths.append(Width(workings - 1, workings - 1, 2 * _GAP))
        sheet.widths.append(Width(workings, workings, _NAME_WIDTH))
        sheet.widths.append(Width(workings + 1, workings + 2 + len(names), _NUMBER_WIDTH))

    def _write_verdict(self) -> None:
        """How many answers are right, and the error over all samples."""
        sheet, samples = self.sheet, self._samples
        over = samples.reduction if not samples.in_turn else "mean"
        rows: list[tuple[str, Formula, Look, str]] = []
        if samples.have_classes:
            right = Formula(f'SUM({self.table["right"]})&" of {samples.count}"')
            rows.append(("right answers", right, looks.VERDICT_VALUE, ""))
        spoken = {"sum": "the sum", "mean": "the mean"}[over]
        error = Formula(f"{'SUM' if over == 'sum' else 'AVERAGE'}({self._errors})")
        rows.append(("error", error, looks.TOTAL, f"{spoken} of E_total over all samples"))
        for row, (name, formula, look, hint) in enumerate(rows, start=_ANSWERS_ROW):
            sheet.put(f"A{row}", name, looks.NAME)
            cell = sheet.put(f"B{row}", formula, look, name=name).place
            sheet.put(f"C{row}", hint, looks.MUTED_INDENTED)
            if name == "error":
                sheet.rules += looks.number_rules(cell)
                continue
            every = f"{samples.count} of {samples.count}"
            sheet.rules.append(Rule(cell, every, looks.GREEN, equals=True))
            right_cells = self.table["right"]
            first = right_cells[0]
            sheet.rules.append(Rule(right_cells, f"{first}=1", looks.GREEN))
            sheet.rules.append(Rule(right_cells, f"{first}=0", looks.RED))
