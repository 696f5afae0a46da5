"""The sheet Explained: one cell of each kind of layer worked out with its numbers, live."""

from collections.abc import Mapping, Sequence

from xlbackprop.cnn import explained_looks, looks
from xlbackprop.cnn.layers import (
    AveragePool,
    BatchNorm,
    Convolution,
    GlobalAveragePool,
    Layer,
    Linear,
    MaxPool,
    ReLU,
    spoken,
)
from xlbackprop.cnn.network_sheet import NETWORK, NetworkSheet, ShownStage
from xlbackprop.spreadsheet.addresses import cell_address, column_letters
from xlbackprop.spreadsheet.blocks import Formula
from xlbackprop.spreadsheet.book import Book
from xlbackprop.spreadsheet.places import Place
from xlbackprop.spreadsheet.presentation import ColourScale, Rule

EXPLAINED = "Explained"

_FIRST_COLUMN = 2
_COLUMNS = 24
#: So many numbers stand beside each other, of a long sum.
_PER_ROW = 16
#: The columns of the words of a line, and of the number behind them.
_WORDS, _NUMBER = 8, 2
#: Those of the words of a line of many numbers.
_LABEL = 4
_SAME = "the same"


class ExplainedSheet:
    """One cell of each kind of layer.

    Args:
        book: what it belongs to.
    """

    def __init__(self, book: Book) -> None:
        self.sheet = book.sheet(EXPLAINED, "one cell of each kind of layer, worked out with its numbers")
        self._row = 4

    def fill(self, shown: NetworkSheet, answer: Place) -> None:
        """Fill the sheet.

        Args:
            shown: where the layers stand.
            answer: the cell with the number of the class that is read.
        """
        sheet = self.sheet
        sheet.heights |= {1: looks.TITLE_PIXELS, 2: looks.LINE_PIXELS}
        sheet.set_widths({"A": 14, f"B:{column_letters(_COLUMNS)}": explained_looks.CELL_PIXELS})
        sheet.put("B1", "One cell of each kind of layer, worked out", looks.TITLE)
        hint = (
            f"All numbers are those of the image that the network sees now; each is a formula over the sheet {NETWORK}."
        )
        sheet.put("B2", hint, looks.MUTED)
        done: set[str] = set()
        inputs = shown.image
        for stage in shown.stages:
            kinds = {_kind(layer) for layer in stage.stage.layers}
            is_last = stage is shown.stages[-1]
            if not kinds <= done and (is_last or Linear.__name__ not in kinds):
                self._explain(stage, inputs, answer)
                done |= kinds
            inputs = stage.maps

    def _explain(self, shown: ShownStage, inputs: Place, answer: Place) -> None:
        layer = shown.stage.layers[0]
        _, height, width = shown.stage.shape
        # where most digits have ink
        row, column = height // 3, width // 2
        cell = shown.maps[0, row, column]
        match layer:
            case Convolution(kernel=kernel):
                top, left = row - layer.padding, column - layer.padding
                window = inputs[:, top : top + kernel, left : left + kernel]
                self._explain_convolution(shown, window, cell, (row, column))
            case MaxPool(size=size) | AveragePool(size=size):
                top, left = row * size, column * size
                self._explain_pool(shown, inputs[0, top : top + size, left : left + size], cell, (row, column))
            case GlobalAveragePool():
                self._explain_pool(shown, inputs[0], cell, (row, column))
            case Linear():
                self._explain_linear(shown, inputs, answer)
            case _:
                self._explain_cell_by_cell(shown, inputs[0, row, column], cell, (row, column))

    def _explain_convolution(self, shown: ShownStage, window: Place, cell: Place, at: tuple[int, int]) -> None:
        layer, own = shown.stage.layers[0], shown.weights[0]
        assert isinstance(layer, Convolution)
        self._head(f"{_capital(spoken(layer))}: {_cell_in_words(at)}")
        kernels = own["weight"][0]
        if len(window.ids) == 1 or layer.depthwise:
            words = "The window of the map before, times the kernel, cell by cell; then the sum of all products."
            self._line_of_words(words)
            given = self._table("window", _mirrored(window[0]), 0)
            weights = self._table("× kernel", _mirrored(kernels[0]), 1)
            pairs = zip(given, weights, strict=True)
            products = [[f"{x}*{w}" for x, w in zip(*rows, strict=True)] for rows in pairs]
            last = [self._table("= products", products, 2)]
            self._row += layer.kernel + 2
        else:
            words = (
                f"A window of each of the {len(window.ids)} maps before, times a kernel of its own: "
                "the sum of the products of each, and then the sum of all."
            )
            self._line_of_words(words)
            sums = [
                f"{x[0, 0]}*{w[0, 0]}" if layer.kernel == 1 else f"SUMPRODUCT({x},{w})"
                for x, w in zip(window, kernels, strict=True)
            ]
            last = self._long("map", {"sum of its products": sums})
        self._sum(last, own["bias"][0] if layer.bias else None, cell)

    def _explain_pool(self, shown: ShownStage, window: Place, cell: Place, at: tuple[int, int]) -> None:
        layer = shown.stage.layers[0]
        is_largest = isinstance(layer, MaxPool)
        self._head(f"{_capital(spoken(layer))}: {_cell_in_words(at)}")
        self._line_of_words(f"The {'largest' if is_largest else 'average'} number of the window of the map before.")
        given = self._table("window", _mirrored(window), 0)
        self._row += window.shape[0] + 2
        words, function = ("the largest", "MAX") if is_largest else ("the average", "AVERAGE")
        self._result(self._line(words, f"{function}({given})"), cell)

    def _explain_cell_by_cell(self, shown: ShownStage, given: Place, cell: Place, at: tuple[int, int]) -> None:
        names = ", then ".join(map(spoken, shown.stage.layers))
        self._head(f"{_capital(names)}: {_cell_in_words(at)}")
        value = self._line("x, the cell of the map before", f"{given}")
        for layer, own in zip(shown.stage.layers, shown.weights, strict=True):
            if isinstance(layer, ReLU):
                value = self._line("ReLU: the larger of 0 and that", f"MAX(0,{value})")
                continue
            mean = self._line("mean of the map in training", f"{own['running_mean'][0]}")
            variance = self._line("variance of the map in training", f"{own['running_var'][0]}")
            epsilon = f"{BatchNorm.epsilon:.5f}"
            normalised = self._line(
                f"normalised: (x − mean) / √(variance + {epsilon})", f"({value}-{mean})/SQRT({variance}+{epsilon})"
            )
            gamma = self._line("gamma, which was trained", f"{own['weight'][0]}")
            beta = self._line("beta, which was trained", f"{own['bias'][0]}")
            value = self._line("batch norm: gamma × normalised + beta", f"{gamma}*{normalised}+{beta}")
        self._result(value, cell)

    def _explain_linear(self, shown: ShownStage, inputs: Place, answer: Place) -> None:
        own = shown.weights[0]
        weights, biases = own["weight"], own["bias"]
        self._head(f"{_capital(spoken(shown.stage.layers[0]))}: the logit of the answer")
        chosen = f"{answer:$}+1"
        if weights.shape[2:] == (1, 1):
            self._line_of_words("Each feature times its weight for the answer; then the sum, and the bias.")
            features = [f"{cell}" for cell in inputs[:, 0, 0]]
            # the weights of a feature for all classes stand beside each other
            of_answer = [f"INDEX({row},1,{chosen})" for row in weights[:, :, 0, 0].T]
            last = self._long("feature", {"value": features, "× weight": of_answer}, "= product")
        else:
            words = "Each map times the weights of its places for the answer; then the sum, and the bias."
            self._line_of_words(words)
            sums = [
                f"CHOOSE({chosen},{','.join(f'SUMPRODUCT({cells},{own})' for own in kernels)})"
                for cells, kernels in zip(inputs, Place(weights.ids.swapaxes(0, 1)), strict=True)
            ]
            last = self._long("map", {"sum of its products": sums})
        logits = shown.maps[:, 0, 0]
        self._sum(last, f"INDEX({biases},{chosen})", f"INDEX({logits},{chosen})")

    def _sum(self, parts: Sequence[Place], bias: Place | str | None, cell: Place | str) -> None:
        total = self._line("the sum of all", f"SUM({','.join(f'{part}' for part in parts)})")
        if bias is not None:
            added = self._line("bias", f"{bias}")
            total = self._line("the sum and the bias", f"{total}+{added}")
        self._result(total, cell)

    def _head(self, text: str) -> None:
        self.sheet.put(f"B{self._row}", text, looks.HEADING)
        self.sheet.heights[self._row] = looks.HEADING_PIXELS
        self._row += 1

    def _line_of_words(self, words: str) -> None:
        self.sheet.put(f"B{self._row}", words, looks.MUTED)
        self._row += 1

    def _table(self, name: str, texts: Sequence[Sequence[str]], number: int) -> Place:
        """A table of formulas below its name, the first, second or third beside each other."""
        column = _FIRST_COLUMN + number * (len(texts[0]) + 1)
        self.sheet.put(cell_address(self._row, column), name, explained_looks.LABEL)
        contents = [[Formula(text) for text in row] for row in texts]
        block = self.sheet.put(cell_address(self._row + 1, column), contents, explained_looks.NUMBER, name=name)
        self._coloured(block.place)
        return block.place

    def _long(self, counted: str, lines: Mapping[str, Sequence[str]], product: str = "") -> list[Place]:
        """Lines of many numbers, broken where the screen ends; the last, or the product of two, in its parts."""
        count, found = len(next(iter(lines.values()))), []
        for start in range(0, count, _PER_ROW):
            part = range(start, min(start + _PER_ROW, count))
            numbers = [[f"{counted} {n + 1}" for n in part]]
            self.sheet.put(cell_address(self._row, _FIRST_COLUMN + _LABEL), numbers, explained_looks.HEADER)
            self._row += 1
            shown = [self._part(name, [texts[n] for n in part]) for name, texts in lines.items()]
            if product:
                shown.append(self._part(product, [f"{x}*{w}" for x, w in zip(*(one[0] for one in shown), strict=True)]))
            found.append(shown[-1])
            self._row += 1
        return found

    def _part(self, name: str, texts: Sequence[str]) -> Place:
        label = self.sheet.put(cell_address(self._row, _FIRST_COLUMN), name, explained_looks.LABEL)
        self.sheet.merge(label, 1, _LABEL)
        at = cell_address(self._row, _FIRST_COLUMN + _LABEL)
        block = self.sheet.put(at, [[Formula(text) for text in texts]], explained_looks.NUMBER, name=name)
        self._coloured(block.place)
        self._row += 1
        return block.place

    def _line(self, words: str, text: str) -> Place:
        """Words, and a number behind them."""
        label = self.sheet.put(cell_address(self._row, _FIRST_COLUMN), words, explained_looks.LABEL)
        self.sheet.merge(label, 1, _WORDS)
        at = cell_address(self._row, _FIRST_COLUMN + _WORDS)
        block = self.sheet.put(at, Formula(text), explained_looks.RESULT, name=words)
        self.sheet.merge(block, 1, _NUMBER)
        self._row += 1
        return block.place

    def _result(self, value: Place, cell: Place | str) -> None:
        """The cell that was worked out, as it stands on the other sheet, and whether both are the same."""
        row = self._row
        live = self._line(f"the cell on the sheet {NETWORK}", f"{cell}")
        verdict = f'IF(ABS({value}-{live})<=0.000000001*(1+ABS({live})),"{_SAME}","differs")'
        at = cell_address(row, _FIRST_COLUMN + _WORDS + _NUMBER)
        block = self.sheet.put(at, Formula(verdict), explained_looks.VERDICT, name="verdict")
        self.sheet.merge(block, 1, _NUMBER)
        self.sheet.rules.append(Rule(block.place, _SAME, looks.GREEN, equals=True))
        self._row += 2

    def _coloured(self, cells: Place) -> None:
        colours = explained_looks.NEGATIVE, explained_looks.ZERO, explained_looks.POSITIVE
        self.sheet.scales.append(ColourScale(cells, *colours))


def _kind(layer: Layer) -> str:
    """What is explained once: depthwise convolutions, and those of several maps, are kinds of their own."""
    if not isinstance(layer, Convolution):
        return type(layer).__name__
    how = "depthwise" if layer.depthwise else "one map" if layer.inputs == 1 else "several maps"
    return f"{Convolution.__name__} of {how}"


def _mirrored(cells: Place) -> list[list[str]]:
    return [[f"{cell}" for cell in row] for row in cells]


def _cell_in_words(at: tuple[int, int]) -> str:
    return f"map 1, row {at[0] + 1}, column {at[1] + 1}"


def _capital(words: str) -> str:
    return words[0].upper() + words[1:]
