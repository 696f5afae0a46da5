"""One step of gradient descent: the weights moved by η times their gradients, and what the network reads then.

A small network moves all its weights, and computes all its layers once more. A larger one moves those of its last layer
that has any, and computes from there on.
"""

from collections.abc import Sequence

import numpy as np

from xlbackprop.cnn import digit_looks, looks
from xlbackprop.cnn.answer import Answer
from xlbackprop.cnn.cells import map_formula, scale_formula, shift_formula
from xlbackprop.cnn.gradients_sheet import GRADIENTS, GradientsSheet, GradientStage
from xlbackprop.cnn.layers import ReLU, parameter_count
from xlbackprop.cnn.mirror import Mirror, fill_cells
from xlbackprop.cnn.network_sheet import NetworkSheet
from xlbackprop.cnn.saliency import LOSS, Saliency
from xlbackprop.cnn.shown_stage import ShownStage, within
from xlbackprop.spreadsheet.addresses import cell_address
from xlbackprop.spreadsheet.blocks import Block, FilledOver, Formula, Role
from xlbackprop.spreadsheet.book import Book
from xlbackprop.spreadsheet.looks import Look
from xlbackprop.spreadsheet.places import Place, joined
from xlbackprop.spreadsheet.presentation import ColourScale, Page, Rule, Validation

STEP = "Step"
#: What eta is in a fresh file.
ETA = 0.01

#: A network of no more parameters moves all of them.
_FEW = 2_000
_FIRST_COLUMN, _PANEL_ROW = 2, 5
#: The row of η, below the headers of the table.
_ETA_ROW = _PANEL_ROW + 1
#: The columns of the words and numbers on the left, and where the table begins, with the columns that a number takes.
_WORD, _NUMBER, _TABLE, _TABLE_NUMBER = 18, 14, 48, 17
_HEADERS = ("class", "logit before", "logit after", "e^(logit − largest)", "probability before", "probability after")


class StepSheet:
    """The sheet with the step.

    Args:
        book: what it belongs to.
        network: where the layers stand.
        gradients: where their gradients stand.

    Attributes:
        stages: those that are computed with the moved weights, in their order.
    """

    def __init__(self, book: Book, network: NetworkSheet, gradients: GradientsSheet) -> None:
        self._network = network
        self.sheet = sheet = book.sheet(STEP, "one step of gradient descent, and the loss before and after it")
        counts = [sum(map(parameter_count, shown.stage.layers)) for shown in network.stages]
        first = 0 if sum(counts) <= _FEW else max(n for n, count in enumerate(counts) if count)
        self._count = sum(counts[first:])
        self._gradients = gradients.stages[first:]
        before = network.stages[first:]
        weights = {block.first_id: block for shown in before for block in map(book.block, _weight_cells(shown))}
        maps = [block for shown in before for block in shown.blocks]
        self._top = _PANEL_ROW + len(network.logits.ids) + 5
        up = min(block.row for block in (*maps, *weights.values())) - self._top
        self._moved = Mirror(sheet, [*maps, *weights.values()], lambda block: f"{block.name}, after", Role.QUANTITY, up)
        for block in weights.values():
            self._moved.block(block).role = Role.FORMULA
        self.stages: list[ShownStage] = []
        for shown in before:
            last = self.stages[-1] if self.stages else None
            inputs = within(last.output, last.ring - shown.stage.ring) if last else shown.inputs
            own = [{key: self._moved(place) for key, place in places.items()} for places in shown.weights]
            blocks = [self._moved.block(block) for block in shown.blocks]
            self.stages.append(ShownStage(shown.stage, shown.ring, inputs, own, blocks, self._moved(shown.output)))
        at = cell_address(_ETA_ROW, _FIRST_COLUMN + _WORD)
        self._eta = sheet.put(at, ETA, digit_looks.TYPED, role=Role.INPUT, name="η")
        sheet.merge(self._eta, 1, _NUMBER)
        book.names["eta", None] = self.eta

    @property
    def eta(self) -> Place:
        """The learning rate."""
        return self._eta.place

    @property
    def logits(self) -> Place:
        """The logits after the step, (10,)."""
        return Place(self.stages[-1].maps.ids.ravel())

    def fill(self, answer: Answer, saliency: Saliency) -> None:
        """Fill the sheet, after that of the network.

        Args:
            answer: what the network reads.
            saliency: what flows back, and the loss before.
        """
        contents: dict[int, Formula] = {}
        for gradients, moved in zip(self._gradients, self.stages, strict=True):
            self._move_weights(gradients, moved, contents)
            for channel in range(len(moved.maps.ids)):
                formula = map_formula(moved.stage, moved.inputs, moved.weights, channel)
                if moved.features:
                    contents[int(moved.maps.ids[channel, 0, 0])] = Formula(formula.formula)
                else:
                    filled = FilledOver(formula.formula, formula.step, moved.ring)
                    self.sheet.fill(moved.blocks[channel], filled, looks.PICTURE)
        fill_cells([own for _, own in self._moved.pairs], contents, looks.PICTURE)
        lit = {block.first_id for one in self.stages if isinstance(one.stage.layers[-1], ReLU) for block in one.blocks}
        for _, own in self._moved.pairs:
            colours = (looks.PAPER, looks.PAPER, looks.LIT) if own.first_id in lit else looks.SIGNED
            self.sheet.scales.append(ColourScale(own.place, *colours))
        self._set_up()
        after = self._fill_table(answer)
        self._fill_panel(saliency, after)

    def _move_weights(self, gradients: GradientStage, moved: ShownStage, contents: dict[int, Formula]) -> None:
        """Weights minus η times their gradients; what no gradient moves stays, and scale and shift follow."""
        for before, own, of_weights in zip(gradients.shown.weights, moved.weights, gradients.of_weights, strict=True):
            for key, place in before.items():
                if key in ("scale", "shift"):
                    formula = scale_formula if key == "scale" else shift_formula
                    texts = [formula(own, n) for n in range(len(place.ids))]
                elif key in of_weights:
                    pairs = zip(_cells(place), _cells(of_weights[key]), strict=True)
                    texts = [f"{weight}-{self.eta:$}*{gradient}" for weight, gradient in pairs]
                else:
                    texts = [f"{cell}" for cell in _cells(place)]
                cells = own[key].ids.ravel().tolist()
                contents |= {cell: Formula(text) for cell, text in zip(cells, texts, strict=True)}

    def _set_up(self) -> None:
        sheet = self.sheet
        sheet.widths = list(self._network.sheet.widths)
        last = max(own.row + own.shape[0] for _, own in self._moved.pairs)
        sheet.heights |= dict.fromkeys(range(self._top, last), looks.CELL_PIXELS)
        sheet.heights |= {1: looks.TITLE_PIXELS} | dict.fromkeys(range(2, self._top - 1), looks.LINE_PIXELS)
        sheet.heights[_PANEL_ROW] = looks.HEADER_PIXELS
        moves_all = len(self.stages) == len(self._network.stages)
        what = f"all {self._count:,} parameters" if moves_all else f"the {self._count:,} of {self.stages[0].stage.name}"
        sheet.put("B1", "One step of gradient descent", looks.TITLE)
        hint = (
            f"Each weight minus η times its gradient on the sheet {GRADIENTS}: {what}. Below they stand as they are "
            "after the step, and what the network computes with them."
        )
        sheet.put("B2", hint, looks.MUTED)
        for shown in self.stages:
            row = shown.blocks[0].row - 1
            sheet.put(f"B{row}", f"{shown.stage.name}, after the step", looks.HEADING)
            sheet.heights[row] = looks.HEADING_PIXELS
        sheet.page = Page(frozen=(2, 0))

    def _fill_table(self, answer: Answer) -> Place:
        """Logits and probabilities before and after; gives e^(logit − largest) after the step."""
        sheet, logits = self.sheet, self.logits
        top = _PANEL_ROW
        blocks = []
        for n, name in enumerate(_HEADERS):
            column = _TABLE + n * _TABLE_NUMBER
            self._put(top, column, name, looks.TABLE_HEADER, _TABLE_NUMBER)
            at = cell_address(top + 1, column)
            blocks.append(sheet.reserve(f"{name}, of the step", at, (len(logits.ids), 1)))
        powers = blocks[3].place
        columns: Sequence[Sequence[str]] = (
            [f"{name}" for name in answer.names],
            [f"{logit}" for logit in Place(self._network.logits.ids)],
            [f"{logit}" for logit in logits],
            [f"EXP({logit}-MAX({logits:$}))" for logit in logits],
            [f"{probability}" for probability in answer.probabilities],
            [f"{power}/SUM({powers:$})" for power in powers[:, 0]],
        )
        for n, (block, texts) in enumerate(zip(blocks, columns, strict=True)):
            look = looks.CENTERED if n == 0 else digit_looks.LOGIT
            sheet.fill(block, [[Formula(text)] for text in texts], look)
            sheet.merge(block, 1, _TABLE_NUMBER)
        return Place(powers.ids[:, 0])

    def _fill_panel(self, saliency: Saliency, powers: Place) -> None:
        """η, the loss before and after, and in a sentence what the step has done."""
        sheet, row, logits = self.sheet, _ETA_ROW, self.logits
        self._put(row, _FIRST_COLUMN, "η (eta)", looks.NAME, _WORD)
        sheet.validations.append(Validation(self.eta, "above", 0, title="η", message="a number above 0"))
        target = f"{saliency.target}"
        of_after = f"LN(SUM({powers}))+MAX({logits})-INDEX({logits},{target}+1)"
        numbers = []
        for n, (word, text) in enumerate((("loss before", f"{saliency.loss}"), ("loss after", of_after)), 2):
            self._put(row + n, _FIRST_COLUMN, word, looks.NAME, _WORD)
            numbers.append(self._put(row + n, _FIRST_COLUMN + _WORD, text, looks.SIX_DECIMALS, _NUMBER).place)
        before, after = numbers
        self._put(row + 4, _FIRST_COLUMN, "change", looks.NAME, _WORD)
        self._put(row + 4, _FIRST_COLUMN + _WORD, f"{after}-{before}", looks.SCIENTIFIC, _NUMBER)
        is_loss = f'{saliency.what:$}="{LOSS}"'
        said = (
            f'IF({is_loss},IFERROR(IF({after}<{before},"The step makes the loss smaller.",IF({after}>{before},'
            '"The loss grows: the step is too large. Try a smaller η.",'
            '"The loss stays what it is.")),"The loss cannot be computed: look at η and at the target."),'
            '"What flows back is a logit, so the step makes that logit smaller. Choose the loss on the sheet Digit.")'
        )
        verdict = sheet.put("B3", Formula(said), looks.VERDICT, name="what the step has done")
        rest = sheet.put("C3", [""] * (_TABLE + len(_HEADERS) * _TABLE_NUMBER - 3), looks.VERDICT)
        band = joined([verdict.place, rest.place])
        sheet.rules.append(Rule(band, f"IFERROR(AND({is_loss},{after:$}<{before:$}),0)", looks.GREEN))

    def _put(self, row: int, column: int, text: str, look: Look, width: int) -> Block:
        """A line of the panel, over merged cells; formulas refer to cells, words do not."""
        content = Formula(text) if "\x02" in text else text
        block = self.sheet.put(cell_address(row, column), content, look)
        self.sheet.merge(block, 1, width)
        return block


def _weight_cells(shown: ShownStage) -> list[int]:
    """The cells of all that the maps of a stage are made with."""
    return [cell for own in shown.weights for place in own.values() for cell in place.ids.ravel().tolist()]


def _cells(places: Place) -> list[Place]:
    return [Place(np.asarray(cell)) for cell in places.ids.ravel()]
