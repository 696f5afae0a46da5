"""What the network reads: the answer, the three most likely classes, and the probabilities of all."""

from collections.abc import Sequence

from xlbackprop.cnn import digit_looks, looks
from xlbackprop.spreadsheet.addresses import cell_address
from xlbackprop.spreadsheet.blocks import Block, Content, Formula, Role
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

    Attributes:
        place: the cell of the answer, from 0 to 9.
        names, powers, probabilities: of the classes, (10,), once they are filled: e^(logit − largest), and its share.
    """

    names: Place
    powers: Place
    probabilities: Place

    def __init__(self, sheet: Sheet, classes: Sequence[str], at: tuple[int, int]) -> None:
        self._sheet, self._classes, self._at = sheet, classes, at
        self._block = sheet.reserve("answer", cell_address(*at))

    @property
    def place(self) -> Place:
        return self._block.place

    def fill(self, logits: Place, table_row: int) -> int:
        """Fill panel and table.

        Args:
            logits: (10,), a column.
            table_row: the row of the table's title.

        Returns:
            the row behind the table.
        """
        names, probabilities, ranks = self._put_table(logits, table_row)
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
        return table_row + 2 + len(self._classes)

    def _bar(self, at: tuple[int, int], name: Place, probability: Place, rank: Place) -> None:
        row, column = at
        label = self._put(at, f"{name}", digit_looks.CLASS, _NAME_COLUMNS)
        # LibreOffice draws a bar in the first row of a merged cell only
        bar = self._sheet.put(cell_address(row + 1, column + _NAME_COLUMNS), Formula(f"{probability}"), looks.PICTURE)
        self._sheet.merge(bar, 1, _BAR_COLUMNS)
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

    def _put_table(self, logits: Place, row: int) -> tuple[Place, Place, Place]:
        """The table; gives names, probabilities and ranks."""
        sheet, count = self._sheet, len(self._classes)
        sheet.put(f"B{row}", "How the answer follows from the logits", looks.HEADING)
        sheet.heights[row] = looks.HEADING_PIXELS
        at = [2 + n * _HEADER_COLUMNS for n in range(len(_HEADERS))]
        columns = [
            sheet.reserve(name, cell_address(row + 2, column), (count, 1))
            for name, column in zip(_HEADERS, at, strict=True)
        ]
        names, own, powers, probabilities, ranks = (block.place for block in columns)
        self.names, self.powers, self.probabilities = names[:, 0], powers[:, 0], probabilities[:, 0]
        contents: list[list[Content]] = [
            [*self._classes],
            [Formula(f"{logit}") for logit in logits],
            [Formula(f"EXP({logit}-MAX({own:$}))") for logit in own[:, 0]],
            [Formula(f"{power}/SUM({powers:$})") for power in powers[:, 0]],
            [Formula(_rank(own[:, 0], n)) for n in range(count)],
        ]
        columns[0].role = Role.TEXT
        kinds = (looks.CENTERED, digit_looks.LOGIT, digit_looks.LOGIT, digit_looks.LOGIT, looks.CENTERED)
        for block, column, content, look in zip(columns, at, contents, kinds, strict=True):
            sheet.merge(sheet.put(cell_address(row + 1, column), block.name, looks.TABLE_HEADER), 1, _HEADER_COLUMNS)
            sheet.fill(block, [[one] for one in content], look)
            sheet.merge(block, 1, _HEADER_COLUMNS)
        return names, probabilities, ranks


def _rank(logits: Place, number: int) -> str:
    """The rank of a class: 1 and how many logits are larger; of equal ones the first comes first."""
    before = [f"({logits[n]}>={logits[number]})" for n in range(number)]
    behind = [f"({logits[n]}>{logits[number]})" for n in range(number + 1, len(logits.ids))]
    return "+".join(["1", *before, *behind])
