"""What the network reads: the answer, the three most likely classes, and the probabilities of all."""

from collections.abc import Sequence

from xlbackprop.cnn import digit_looks, looks
from xlbackprop.spreadsheet.addresses import cell_address
from xlbackprop.spreadsheet.blocks import Block, Content, Formula
from xlbackprop.spreadsheet.book import Sheet
from xlbackprop.spreadsheet.looks import Look
from xlbackprop.spreadsheet.places import Place
from xlbackprop.spreadsheet.presentation import Bars, Rule

_TOP = 3
#: The rows that are merged for the answer, and for a line beside or below it.
_ANSWER_ROWS, _LINE_ROWS = 6, 2
#: The columns that are merged for the answer, a name, a bar and a probability.
_ANSWER_COLUMNS, _NAME_COLUMNS, _BAR_COLUMNS, _NUMBER_COLUMNS = 7, 6, 9, 5
_HEADERS = ("class", "logit", "e^(logit − largest)", "probability", "rank")
_HEADER_COLUMNS = 11


class Answer:
    """The answer as a panel beside the drawing, and how it follows from the logits as a table below.

    Args:
        sheet: where it goes.
        classes: their names.
        at: row and column of the panel.
        table_row: the row of the table's title.

    Attributes:
        place: the cell of the answer, from 0 to 9.
        next_row: the row behind the table.
    """

    def __init__(self, sheet: Sheet, classes: Sequence[str], at: tuple[int, int], table_row: int) -> None:
        self._sheet, self._classes, self._at = sheet, classes, at
        self._table_row = table_row
        self._block = sheet.reserve("answer", cell_address(*at))
        self.next_row = table_row + 2 + len(classes)
        self._columns = [self._column(n, name) for n, name in enumerate(_HEADERS)]

    @property
    def place(self) -> Place:
        return self._block.place

    def fill(self, logits: Place) -> None:
        """Fill panel and table.

        Args:
            logits: (10,), a column.
        """
        names, _, _, probabilities, ranks = (block.place for block in self._columns)
        self._fill_table(logits)
        row, column = self._at
        self._sheet.fill(self._block, Formula(f"MATCH(MAX({logits}),{logits},0)-1"), digit_looks.ANSWER)
        self._sheet.merge(self._block, _ANSWER_ROWS, _ANSWER_COLUMNS)
        for n in range(_TOP):
            which = f"MATCH({n + 1},{ranks},0)"
            at = row + n * _LINE_ROWS, column + _ANSWER_COLUMNS + 1
            look = digit_looks.FIRST if n == 0 else digit_looks.NEXT
            self._put(at, f"INDEX({names},{which})", look.name, _NAME_COLUMNS)
            after = at[0], at[1] + _NAME_COLUMNS
            self._put(after, f"INDEX({probabilities},{which})", look.number, _NUMBER_COLUMNS)
        row += _ANSWER_ROWS
        caption = "softmax: how likely it takes each class to be"
        self._put((row, column), caption, looks.MUTED, _NAME_COLUMNS + _BAR_COLUMNS + _NUMBER_COLUMNS)
        for n in range(len(self._classes)):
            self._bar((row + (n + 1) * _LINE_ROWS, column), names[n, 0], probabilities[n, 0], ranks[n, 0])

    def _bar(self, at: tuple[int, int], name: Place, probability: Place, rank: Place) -> None:
        row, column = at
        label = self._put(at, f"{name}", digit_looks.CLASS, _NAME_COLUMNS)
        bar = self._put((row, column + _NAME_COLUMNS), f"{probability}", looks.PICTURE, _BAR_COLUMNS)
        self._sheet.bars.append(Bars(bar.place, digit_looks.BAR, 1))
        number = (row, column + _NAME_COLUMNS + _BAR_COLUMNS)
        self._put(number, f"{probability}", digit_looks.PROBABILITY, _NUMBER_COLUMNS)
        self._sheet.rules.append(Rule(label.place, f"{rank:$}=1", digit_looks.LARGEST))

    def _put(self, at: tuple[int, int], text: str, look: Look, columns: int) -> Block:
        """A cell of the panel, which is merged; formulas refer to cells, words do not."""
        content = Formula(text) if "\x02" in text else text
        block = self._sheet.put(cell_address(*at), content, look)
        self._sheet.merge(block, _LINE_ROWS, columns)
        return block

    def _column(self, number: int, name: str) -> Block:
        at = self._table_row + 2, 2 + number * _HEADER_COLUMNS
        return self._sheet.reserve(name, cell_address(*at), (len(self._classes), 1))

    def _fill_table(self, logits: Place) -> None:
        sheet = self._sheet
        sheet.put(f"B{self._table_row}", "How the answer follows from the logits", looks.HEADING)
        for n, header in enumerate(_HEADERS):
            at = cell_address(self._table_row + 1, 2 + n * _HEADER_COLUMNS)
            sheet.merge(sheet.put(at, header, looks.TABLE_HEADER), 1, _HEADER_COLUMNS)
        _, own, powers, _, _ = (block.place for block in self._columns)
        contents: list[list[Content]] = [
            [*self._classes],
            [Formula(f"{logit}") for logit in logits],
            [Formula(f"EXP({logit}-MAX({own:$}))") for logit in own[:, 0]],
            [Formula(f"{power}/SUM({powers:$})") for power in powers[:, 0]],
            [Formula(_rank(own[:, 0], n)) for n in range(len(self._classes))],
        ]
        kinds = (looks.CENTERED, digit_looks.LOGIT, digit_looks.LOGIT, digit_looks.PROBABILITY, looks.CENTERED)
        for block, column, look in zip(self._columns, contents, kinds, strict=True):
            sheet.fill(block, [[content] for content in column], look)
            sheet.merge(block, 1, _HEADER_COLUMNS)


def _rank(logits: Place, number: int) -> str:
    """The rank of a class: 1 and how many logits are larger; of equal ones the first comes first."""
    before = [f"({logits[n]}>={logits[number]})" for n in range(number)]
    behind = [f"({logits[n]}>{logits[number]})" for n in range(number + 1, len(logits.ids))]
    return "+".join(["1", *before, *behind])
