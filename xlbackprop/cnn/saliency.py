"""What flows back, chosen on the sheet Digit, and the gradient of the pixels as a picture.

What flows back is a number for each logit. Of the loss, the cross-entropy, it is the probability minus the target,
which is 1 for the class that the image is, else 0. Of a logit it is 1 for its own class, and 0 for the others.
"""

from xlbackprop.cnn import digit_looks, looks
from xlbackprop.cnn.answer import Answer
from xlbackprop.cnn.digits_sheet import DigitsSheet
from xlbackprop.cnn.gradients_sheet import GRADIENTS, GradientsSheet
from xlbackprop.cnn.network_sheet import NetworkSheet
from xlbackprop.cnn.networks import CLASSES, IMAGE
from xlbackprop.cnn.weight_cells import signed
from xlbackprop.spreadsheet.addresses import cell_address
from xlbackprop.spreadsheet.blocks import Block, FilledOver, Formula, Role
from xlbackprop.spreadsheet.book import Sheet
from xlbackprop.spreadsheet.looks import Look
from xlbackprop.spreadsheet.places import Place, joined
from xlbackprop.spreadsheet.presentation import Rule, Validation

#: What can flow back, and what that means.
LOSS, LOGIT = "the loss", "the logit of a class"
_MEANINGS = (
    (
        LOSS,
        "cross-entropy, −ln of the target's probability: from each logit its probability minus the target flows back",
    ),
    (LOGIT, "from this logit 1 flows back, and 0 from all others"),
)

_SIDE = IMAGE[1]
#: The columns of the choices, of the picture and of what flows back.
_CHOICES, _PICTURE, _SEED = 2, 32, 62
#: So many columns have the word of a choice, a chosen text, a number, and the meanings' names.
_WORD, _TEXT, _NUMBER, _NAME = 8, 19, 4, 14
#: The columns of what flows back, with how many cells wide they are.
_HEADERS = (("class", 4), ("probability", 7), ("target", 4), ("flows back", 7))
#: The rows that are merged for a line, and those from one choice to the next.
_LINE, _PITCH = 2, 3
#: Above the picture stand a heading, a hint and a caption.
_ABOVE = 3


class Saliency:
    """The panel of the gradient.

    Args:
        sheet: where it goes.
        row: its first row.

    Attributes:
        seed: what flows back from each logit, (10,).
        next_row: the row behind the panel.
    """

    def __init__(self, sheet: Sheet, row: int) -> None:
        self._sheet, self._row, self._first = sheet, row, row + _ABOVE
        self._below = self._first + _SIDE + 1
        self.next_row = self._below + len(_MEANINGS) + 1
        column = _CHOICES + _WORD
        at = [cell_address(self._first + n * _PITCH, column) for n in range(4)]
        self._what = sheet.put(at[0], LOSS, digit_looks.CHOICE, role=Role.INPUT, name="what flows back")
        self._chosen = sheet.reserve("class whose logit flows back", at[1], role=Role.INPUT)
        self._target = sheet.reserve("target", at[2], role=Role.INPUT)
        self._loss = sheet.reserve("loss", at[3])
        self._caption = sheet.reserve("what the gradient is of", cell_address(row + 2, _PICTURE))
        self._pixels = sheet.reserve("gradient of the pixels", cell_address(self._first, _PICTURE), (_SIDE, _SIDE))
        last = _SEED + sum(width for _, width in _HEADERS[:-1])
        rows = range(self._first + _LINE, self._first + (CLASSES + 1) * _LINE, _LINE)
        self._seed = [sheet.reserve("what flows back from the logits", cell_address(row, last)) for row in rows]
        self.seed = joined(block.place for block in self._seed)

    @property
    def what(self) -> Place:
        """What flows back, one of two texts."""
        return self._what.place

    @property
    def chosen(self) -> Place:
        """The number of the class whose logit flows back, where one does."""
        return self._chosen.place

    @property
    def target(self) -> Place:
        """The number of the class that the image is."""
        return self._target.place

    @property
    def loss(self) -> Place:
        """The cross-entropy."""
        return self._loss.place

    @property
    def caption(self) -> Place:
        """What flows back, in words."""
        return self._caption.place

    @property
    def pixels(self) -> Place:
        """The gradient of the pixels, (28, 28)."""
        return self._pixels.place

    def fill(
        self, answer: Answer, choice: Place, listed: DigitsSheet, network: NetworkSheet, gradients: GradientsSheet
    ) -> None:
        """Fill the panel, after the table of the answer.

        Args:
            answer: what the network reads.
            choice: 0 for the drawing, or the number of an image.
            listed: the images.
            network: where the layers stand.
            gradients: where their gradients stand.
        """
        sheet, row = self._sheet, self._row
        sheet.heights |= {row: looks.HEADING_PIXELS}
        sheet.heights |= dict.fromkeys([row + 1, row + 2, *range(self._below, self.next_row)], looks.LINE_PIXELS)
        sheet.heights |= dict.fromkeys(range(self._first, self._first + _SIDE), digit_looks.CELL_PIXELS)
        sheet.put(f"B{row}", "The gradient: what each pixel would change", looks.HEADING)
        hint = (
            "Red: more ink there makes it larger. Blue: more ink makes it smaller. What flows back to all maps and "
            f"weights on the way stands on the sheet {GRADIENTS}."
        )
        sheet.put(f"B{row + 1}", hint, looks.MUTED)
        self._fill_choices(answer, choice, listed, network.logits)
        self._fill_seed(answer)
        _, deviation = network.normalisation
        sheet.fill(self._pixels, FilledOver(f"{gradients.image[0, 0, 0]}/255/{deviation:$}"), looks.PICTURE)
        signed(sheet, self.pixels)

    def _fill_choices(self, answer: Answer, choice: Place, listed: DigitsSheet, logits: Place) -> None:
        sheet, what = self._sheet, self.what
        target = f"{answer.place}"
        if listed.labels.ids.size:
            target = f"IF({choice}=0,{target},INDEX({listed.labels},{choice}))"
        sheet.fill(self._chosen, Formula(f"{answer.place}"), digit_looks.TYPED)
        sheet.fill(self._target, Formula(target), digit_looks.TYPED)
        # the logarithm of the target's probability, also where that is too small for a number
        loss = f"LN(SUM({answer.powers}))+MAX({logits})-INDEX({logits},{self.target}+1)"
        sheet.fill(self._loss, Formula(loss), digit_looks.FLOW)
        blocks = (self._what, self._chosen, self._target, self._loss)
        words = ("gradient of", "class", "target", "loss")
        hints = ("", "the answer, or type another", "what the image is, or the answer", "cross-entropy")
        for n, (block, word, hint) in enumerate(zip(blocks, words, hints, strict=True)):
            width = _TEXT if n == 0 else _NUMBER
            self._put(self._first + n * _PITCH, _CHOICES, word, looks.NAME, _WORD)
            sheet.merge(block, _LINE, width)
            if hint:
                self._put(self._first + n * _PITCH, _CHOICES + _WORD + width + 1, hint, looks.MUTED, _TEXT - width - 1)
        names = [self._put_meaning(n, name, meaning) for n, (name, meaning) in enumerate(_MEANINGS)]
        most = CLASSES - 1
        sheet.validations += [
            Validation(what, "list", choices=joined(names)),
            Validation(self.chosen, "integer", 0, most, title="Class", message=f"0 to {most}"),
            Validation(self.target, "integer", 0, most, title="Target", message=f"0 to {most}"),
        ]
        # what is not looked at is grey
        is_loss = f'{what:$}="{LOSS}"'
        sheet.rules.append(Rule(self.chosen, is_loss, looks.GREY))
        which = f"INDEX({answer.names:$},{{}}+1)"
        of_loss = f'"the gradient of the loss with target "&{which.format(self.target)}'
        of_logit = f'"the gradient of the logit of "&{which.format(self.chosen)}'
        caption = f'IFERROR(IF({is_loss},{of_loss},{of_logit}),"there is no such class")'
        sheet.fill(self._caption, Formula(caption), looks.SMALL)
        sheet.merge(self._caption, 1, _SIDE)

    def _put_meaning(self, number: int, name: str, meaning: str) -> Place:
        """A choice and what it means, in a line below the picture; gives the cell with the choice."""
        row = self._below + number
        self._sheet.put(cell_address(row, _CHOICES + _NAME), meaning, looks.MUTED)
        return self._sheet.put(cell_address(row, _CHOICES), name, looks.SMALL).place

    def _fill_seed(self, answer: Answer) -> None:
        """A line a class: what flows back from its logit, and what that is made of."""
        column = _SEED
        columns = []
        for name, width in _HEADERS:
            self._put(self._first, column, name, looks.TABLE_HEADER, width)
            columns.append(column)
            column += width
        is_loss = f'{self.what:$}="{LOSS}"'
        for n, block in enumerate(self._seed):
            row, probability = self._first + _LINE * (n + 1), answer.probabilities[n]
            self._put(row, columns[0], f"{answer.names[n]}", looks.CENTERED, _HEADERS[0][1])
            self._put(row, columns[1], f"{probability}", digit_looks.LOGIT, _HEADERS[1][1])
            target = self._put(row, columns[2], f"IF({self.target:$}={n},1,0)", looks.CENTERED, _HEADERS[2][1])
            text = f"IF({is_loss},{probability}-{target.place},IF({self.chosen:$}={n},1,0))"
            self._sheet.fill(block, Formula(text), digit_looks.FLOW)
            self._sheet.merge(block, _LINE, _HEADERS[3][1])
            self._sheet.rules.append(Rule(target.place, f'{self.what:$}="{LOGIT}"', looks.GREY))

    def _put(self, row: int, column: int, text: str, look: Look, width: int) -> Block:
        """A line of the panel, over merged cells; formulas refer to cells, words do not."""
        content = Formula(text) if "\x02" in text else text
        block = self._sheet.put(cell_address(row, column), content, look)
        self._sheet.merge(block, _LINE, width)
        return block
