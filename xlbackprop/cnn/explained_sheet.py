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
from xlbackprop.cnn.network_sheet import NETWORK, NetworkSheet
from xlbackprop.cnn.shown_stage import ShownStage
from xlbackprop.spreadsheet.addresses import cell_address, column_letters
from xlbackprop.spreadsheet.blocks import Formula, Role
from xlbackprop.spreadsheet.book import Book
from xlbackprop.spreadsheet.places import Place
from xlbackprop.spreadsheet.presentation import ColourScale, Rule, Validation

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
            "The numbers are those of the image that the network sees now. Type another row and column, and that cell "
            f"of the sheet {NETWORK} is worked out."
        )
        sheet.put("B2", hint, looks.MUTED)
        done: set[str] = set()
        for stage in shown.stages:
            kinds = {_kind(layer) for layer in stage.stage.layers}
            is_last = stage is shown.stages[-1]
            if not kinds <= done and (is_last or Linear.__name__ not in kinds):
                self._explain(stage, stage.inputs, answer)
                done |= kinds

    def _explain(self, shown: ShownStage, given: Place, answer: Place) -> None:
        """Explain a stage that is given maps, in the ring of empty cells that it needs."""
        layer = shown.stage.layers[0]
        if isinstance(layer, Linear):
            self._explain_linear(shown, given, answer)
            return
        self._head(f"{_capital(', then '.join(map(spoken, shown.stage.layers)))}: a cell of map 1")
        at = self._chosen(shown)
        match layer:
            case Convolution():
                value = self._convolved(shown, layer, given, at)
            case MaxPool(size=size) | AveragePool(size=size):
                value = self._pooled(layer, _window(given[0], (f"({at[0]}-1)*{size}+1", f"({at[1]}-1)*{size}+1"), size))
            case GlobalAveragePool():
                value = self._pooled(layer, _window(given[0], ("1", "1"), given.shape[1]))
            case _:
                value = self._cell_by_cell(shown, f"INDEX({given[0]},{at[0]},{at[1]})")
        self._result(value, f"INDEX({shown.maps[0]},{at[0]},{at[1]})")

    def _chosen(self, shown: ShownStage) -> tuple[str, str]:
        """Row and column of the cell, which a reader may choose where there are several."""
        _, height, width = shown.stage.shape
        if (height, width) == (1, 1):
            return "1", "1"
        cells = []
        # where most digits have ink
        for number, (name, most, start) in enumerate((("row", height, height // 3), ("column", width, width // 2))):
            column = _FIRST_COLUMN + 3 * number
            self.sheet.put(cell_address(self._row, column), name, explained_looks.LABEL)
            at = cell_address(self._row, column + 1)
            block = self.sheet.put(at, start + 1.0, explained_looks.INPUT, role=Role.INPUT, name=name)
            message = f"a whole number from 1 to {most}"
            self.sheet.validations.append(Validation(block.place, "integer", 1, most, title=name, message=message))
            cells.append(f"{block.place}")
        self._row += 1
        return cells[0], cells[1]

    def _convolved(self, shown: ShownStage, layer: Convolution, given: Place, at: tuple[str, str]) -> Place:
        own = shown.weights[0]
        kernels = own["weight"][0]
        if layer.inputs == 1 or layer.depthwise:
            words = "The window of the map before, times the kernel, cell by cell; then the sum of all products."
            self._line_of_words(words)
            window = self._table("window", _window(given[0], at, layer.kernel), 0)
            weights = self._table("× kernel", [[f"{cell}" for cell in row] for row in kernels[0]], 1)
            pairs = zip(window, weights, strict=True)
            products = [[f"{x}*{w}" for x, w in zip(*rows, strict=True)] for rows in pairs]
            parts = [self._table("= products", products, 2)]
            self._row += layer.kernel + 2
        else:
            words = (
                f"A window of each of the {layer.inputs} maps before, times a kernel of its own: "
                "the sum of the products of each, and then the sum of all."
            )
            self._line_of_words(words)
            sums = [
                "+".join(
                    f"{x}*{w}"
                    for rows in zip(_window(cells, at, layer.kernel), kernel, strict=True)
                    for x, w in zip(*rows, strict=True)
                )
                for cells, kernel in zip(given, kernels, strict=True)
            ]
            parts = self._long("map", {"sum of its products": sums})
        return self._sum(parts, own["bias"][0] if layer.bias else None)

    def _pooled(self, layer: Layer, window: Sequence[Sequence[str]]) -> Place:
        is_largest = isinstance(layer, MaxPool)
        self._line_of_words(f"The {'largest' if is_largest else 'average'} number of the window of the map before.")
        cells = self._table("window", window, 0)
        self._row += len(window) + 2
        words, function = ("the largest", "MAX") if is_largest else ("the average", "AVERAGE")
        return self._line(words, f"{function}({cells})")

    def _cell_by_cell(self, shown: ShownStage, given: str) -> Place:
        value = self._line("x, the cell of the map before", given)
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
        return value

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
        self._result(self._sum(last, f"INDEX({biases},{chosen})"), f"INDEX({logits},{chosen})")

    def _sum(self, parts: Sequence[Place], bias: Place | str | None) -> Place:
        total = self._line("the sum of all", f"SUM({','.join(f'{part}' for part in parts)})")
        if bias is None:
            return total
        added = self._line("bias", f"{bias}")
        return self._line("the sum and the bias", f"{total}+{added}")

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


def _window(cells: Place, corner: tuple[str, str], size: int) -> list[list[str]]:
    """A square of cells, given row and column of its first one as formulas, counted from 1."""
    row, column = corner
    return [[f"INDEX({cells:$},{_moved(row, n)},{_moved(column, k)})" for k in range(size)] for n in range(size)]


def _moved(number: str, by: int) -> str:
    return f"{number}+{by}" if by else number


def _capital(words: str) -> str:
    return words[0].upper() + words[1:]
