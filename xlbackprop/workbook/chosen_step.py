"""The choice of a step on a sheet: yellow cells for step, learning rate and sample, and what stands there."""

from collections.abc import Sequence
from dataclasses import dataclass

from xlbackprop.errors import UnusableInput
from xlbackprop.spreadsheet import addressing
from xlbackprop.spreadsheet.blocks import Formula, Role
from xlbackprop.spreadsheet.book import Sheet
from xlbackprop.spreadsheet.limits import MAX_FORMULA_LENGTH
from xlbackprop.spreadsheet.places import Place
from xlbackprop.spreadsheet.presentation import Rule, Validation
from xlbackprop.workbook import looks
from xlbackprop.workbook.comparison import ComparisonSheet
from xlbackprop.workbook.layout import WorkbookLayout
from xlbackprop.workbook.training import TrainingSheet

_MOST_CHOICES = 28


@dataclass(frozen=True)
class ChoiceColumns:
    """The columns of a choice: names, yellow cells, hints, and hidden ones for what follows from it."""

    name: str = "A"
    value: str = "B"
    hint: str = "C"
    hidden: str = "J"


class ChosenStep:
    """The step of a training that a sheet shows, two or three rows of it.

    Args:
        sheet: where it is chosen.
        layout: what is trained.
        row: the first of its rows.
        columns: where its parts stand.
        of_a_sample: whether one of the samples of a step is chosen, too, where it takes several.
    """

    def __init__(
        self, sheet: Sheet, layout: WorkbookLayout, row: int, columns: ChoiceColumns, *, of_a_sample: bool = False
    ) -> None:
        self._sheet, self._layout, self._first_row, self._columns = sheet, layout, row, columns
        self._batch = layout.network.samples.batch if layout.network.samples else 1
        self._step = sheet.reserve("step", f"{columns.value}{row}", (), Role.INPUT)
        self._eta = sheet.reserve("learning rate", f"{columns.value}{row + 1}", (), Role.INPUT)
        self._choice = sheet.reserve("which learning rate", f"{columns.hidden}{row + 1}", ())
        self._row = sheet.reserve("which row of the training", f"{columns.hidden}{row}", ())
        self._sample = self._pass = None
        if of_a_sample and layout.network.in_batches:
            self._sample = sheet.reserve("sample", f"{columns.value}{row + 2}", (), Role.INPUT)
            self._pass = sheet.reserve("which row of the samples", f"{columns.hidden}{row + 2}", ())

    @property
    def step(self) -> Place:
        """The cell of the step."""
        return self._step.place

    @property
    def eta(self) -> Place:
        """The cell of the learning rate that is wanted, or where optimizers are compared, of the name with it."""
        return self._eta.place

    @property
    def sample(self) -> Place | None:
        """The cell that says which of the samples of the step is shown, if one can be chosen."""
        return self._sample.place if self._sample else None

    def fill(self, comparison: ComparisonSheet, shown_eta: Place, *, step: int = 0, training: int = 0) -> None:
        """Fill the rows.

        Args:
            comparison: where the learning rates stand.
            shown_eta: the cell of the learning rate that is shown, for the hint where the wanted one is none.
            step, training: what a fresh file shows, both counted from 0.
        """
        sheet, steps, columns, row = self._sheet, self._layout.steps, self._columns, self._first_row
        compares = self._layout.compares_optimizers
        names = [["step"], ["optimizer" if compares else "learning rate"], *([["sample"]] if self._sample else [])]
        sheet.put(f"{columns.name}{row}", names, looks.NAME)
        sheet.fill(self._step, float(step), looks.INPUT)
        sheet.fill(self._eta, comparison.choice_names[training], looks.INPUT)
        message = f"The training has the steps 0 to {steps}."
        sheet.validations += [
            Validation(self.step, "integer", 0, steps, title="Step", message=message),
            Validation(self.eta, "list", choices=comparison.choices),
        ]
        among = f"MATCH({self.eta:$},{comparison.choices:$},0)"
        sheet.fill(self._choice, Formula(f"IFERROR({among},1)", training + 1.0), looks.MUTED)
        no_step = _is_none_of(self.step, 0, steps)
        # a step that there is not must show no other
        sheet.fill(self._row, Formula(f"IF({no_step},NA(),{self.step:$}+1)"), looks.MUTED)
        no_sheet = f"ISERROR({among})"
        hints = [
            Formula(f'IF({no_step},"there is no such step: choose one from 0 to {steps}","0 to {steps:,}")'),
            Formula(
                f'IF({no_sheet},"no sheet has this {"name" if compares else "η"}; shown: η = "&{shown_eta:$},'
                '"one of the training sheets")'
            ),
        ]
        wrong = [no_step, no_sheet]
        if self._sample and self._pass:
            no_sample = _is_none_of(self._sample.place, 1, self._batch)
            sheet.fill(self._sample, float(self._layout.first_shown), looks.INPUT)
            message = f"Each step takes the samples 1 to {self._batch}."
            sheet.validations.append(
                Validation(self._sample.place, "integer", 1, self._batch, title="Sample", message=message)
            )
            passed = f"({self._row.place:$}-1)*{self._batch}+{self._sample.place:$}"
            sheet.fill(self._pass, Formula(f"IF({no_sample},NA(),{passed})"), looks.MUTED)
            there_is_not = f"there is no such sample: choose one from 1 to {self._batch}"
            hints.append(Formula(f'IF({no_sample},"{there_is_not}","1 to {self._batch}, of those of the step")'))
            wrong.append(no_sample)
        written = sheet.put(
            f"{columns.hint}{row}", [[hint] for hint in hints], looks.MUTED_INDENTED, name="what can be chosen"
        )
        for n, condition in enumerate(wrong):
            sheet.rules.append(Rule(written.cell(n), condition, looks.AMBER))

    def shown_eta(self, comparison: ComparisonSheet) -> str:
        """The learning rate that is shown, as a formula."""
        return f"INDEX({comparison.etas:$},{self._choice.place:$})"

    def of_the_step(self, name: str, training: Sequence[TrainingSheet]) -> str:
        """A quantity of the training at the step that is chosen, as a formula.

        Raises:
            UnusableInput: the learning rates do not fit into one formula.
        """
        return self._index([one.column(name) for one in training], f"{self._row.place:$}")

    def of_the_pass(self, name: str, training: Sequence[TrainingSheet]) -> str:
        """A quantity of the sample of that step that is chosen; it raises as `of_the_step` does."""
        row = (self._pass or self._row).place
        return self._index([one.passes.column(name) for one in training], f"{row:$}")

    def of_each_sample(self, name: str, training: Sequence[TrainingSheet], number: int) -> str:
        """A quantity of the n-th sample of that step, counted from 1; it raises as `of_the_step` does."""
        columns = [one.passes.column(name) for one in training]
        return self._index(columns, f"({self._row.place:$}-1)*{self._batch}+{number}")

    def of_the_step_before(self, name: str, training: Sequence[TrainingSheet]) -> str:
        """A quantity of the step before that is chosen, 0 where there is none before; it raises as `of_the_step` does.

        Training sheets without the quantity have no value.
        """
        columns = [one.column(name) if name in one.names else None for one in training]
        return f"IF({self._row.place:$}=1,0,{self._index(columns, f'{self._row.place:$}-1')})"

    def of_the_sheet(self, cells: Sequence[Place | None]) -> str:
        """The cell that belongs to the chosen training, of one a training sheet, as a formula."""
        return _chosen(f"{self._choice.place:$}", [_written(cell) for cell in cells])

    def is_one_of(self, numbers: Sequence[int]) -> str:
        """Whether the chosen training is one of these, counted from 1, as a formula."""
        return f"OR({','.join(f'{self._choice.place:$}={number}' for number in numbers)})"

    def _index(self, columns: Sequence[Place | None], row: str) -> str:
        chosen = _chosen(f"{self._choice.place:$}", [_written(column) for column in columns])
        formula = f"INDEX({chosen},{row})"
        if len(addressing.written(formula, self._sheet)) > MAX_FORMULA_LENGTH:
            raise UnusableInput(
                f"{len(columns)} learning rates with so many digits do not fit into one formula: give fewer of them."
            )
        return formula


def _written(cells: Place | None) -> str:
    return "NA()" if cells is None else f"{cells:$}"


def _is_none_of(cell: Place, least: int, most: int) -> str:
    """Whether a cell holds none of these whole numbers, as a formula."""
    # INT of a text is an error
    return f"IFERROR(OR({cell:$}<{least},{cell:$}>{most},{cell:$}<>INT({cell:$})),0<1)"


def _chosen(number: str, cells: Sequence[str]) -> str:
    """The n-th of some cells, as a formula; LibreOffice's CHOOSE takes no more than thirty."""
    if len(cells) <= _MOST_CHOICES:
        return f"CHOOSE({number},{','.join(cells)})"
    groups = [cells[first : first + _MOST_CHOICES] for first in range(0, len(cells), _MOST_CHOICES)]
    inner = [f"CHOOSE({number}-{n * _MOST_CHOICES},{','.join(group)})" for n, group in enumerate(groups)]
    return f"CHOOSE(INT(({number}-1)/{_MOST_CHOICES})+1,{','.join(inner)})"
