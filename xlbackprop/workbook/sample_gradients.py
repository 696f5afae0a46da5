"""The gradients of the single samples of a step, of which the step makes one, hidden beside it in the derivation."""

from collections.abc import Mapping, Sequence

from xlbackprop.backprop.network import Network
from xlbackprop.spreadsheet.addresses import column_letters, column_number
from xlbackprop.spreadsheet.blocks import Formula
from xlbackprop.spreadsheet.book import Sheet
from xlbackprop.spreadsheet.places import Place, joined
from xlbackprop.spreadsheet.presentation import Rule, Width
from xlbackprop.workbook import looks
from xlbackprop.workbook.chosen_step import ChosenStep
from xlbackprop.workbook.derivation_lines import ALL, Section
from xlbackprop.workbook.gradient_check import ZERO
from xlbackprop.workbook.gradient_comparison import TRAINING_TOLERANCE
from xlbackprop.workbook.run import Run
from xlbackprop.workbook.training import TrainingSheet
from xlbackprop.workbook.worked_examples import number_in_text

_FIRST_COLUMN = "L"


class SampleGradients:
    """The gradients of each sample, as numbers and as texts, and whether what they become is as in the training."""

    def __init__(self, sheet: Sheet, network: Network, samples: int, together: Section) -> None:
        self._sheet, self._network = sheet, network
        shape, first = (len(together.lines), samples), column_number(_FIRST_COLUMN)
        self._values, self._texts = (
            sheet.reserve(name, f"{column_letters(first + n * samples)}{together.first_row}", shape)
            for n, name in enumerate(("gradients of each sample", "gradients of each sample, as texts"))
        )
        at = f"{column_letters(first + 2 * samples)}{together.first_row}"
        self._unlike = sheet.reserve("whether a gradient is not that of the training", at, (shape[0], 1))

    @property
    def unlike(self) -> Place:
        """Where it stands whether a gradient of all samples is another one than the training sheet has."""
        return self._unlike.place

    def cell(self, name: str, sample: int, *, as_text: bool) -> Place:
        """The cell of the gradient of a sample, counted from 1: of `dE_dw1`, or that with the same as a text."""
        row = self._network.trained_names.index(name.removeprefix("dE_d"))
        return (self._texts if as_text else self._values).cell(row, sample - 1)

    def fill(
        self,
        run: Run,
        training: Sequence[TrainingSheet],
        chosen: ChosenStep,
        gradients: Mapping[str, Place],
        width: int | None,
    ) -> None:
        """Fill the cells.

        Args:
            run: its numbers.
            training: where the gradients stand.
            chosen: the step that is shown.
            gradients: those of all samples together, by the name of their line.
            width: of a column, in pixels.
        """
        self._fill_gradients(run, training, chosen, width)
        self._fill_unlike(training, chosen, gradients)

    def _fill_gradients(
        self, run: Run, training: Sequence[TrainingSheet], chosen: ChosenStep, width: int | None
    ) -> None:
        sheet, values = self._sheet, self._values
        formulas = [
            [
                Formula(chosen.of_each_sample(f"dE_d{name}", training, n), of_sample[f"dE_d{name}"])
                for n, of_sample in enumerate(run.first_passes, start=1)
            ]
            for name in self._network.trained_names
        ]
        sheet.fill(values, formulas, looks.NUMBER)
        texts = [[Formula(number_in_text(f"{cell:$1}")) for cell in row] for row in values.place]
        sheet.fill(self._texts, texts, looks.MUTED)
        sheet.rules += looks.number_rules(values.place)
        sheet.widths.append(Width(values.column, values.column + 2 * values.shape[1] - 1, width, hidden=True))

    def _fill_unlike(
        self, training: Sequence[TrainingSheet], chosen: ChosenStep, gradients: Mapping[str, Place]
    ) -> None:
        contents, names = [], self._network.trained_names
        for name in names:
            here, there = f"{gradients[f'{ALL}dE_d{name}']:$}", chosen.of_the_step(f"dE_d{name}", training)
            far_off = f"ABS({here}-{there})>{TRAINING_TOLERANCE:G}*ABS({here})+{ZERO:G}"
            contents.append([Formula(f"IF(ISERROR({here}-{there}),1,IF({far_off},1,0))", 0.0)])
        self._sheet.fill(self._unlike, contents, looks.MUTED)
        shown = joined(gradients[f"{ALL}dE_d{name}"] for name in names)
        self._sheet.rules.append(Rule(shown, f"{self._unlike.cell(0):$1}=1", looks.RED))
        column = self._unlike.column
        self._sheet.widths.append(Width(column, column, None, hidden=True))
