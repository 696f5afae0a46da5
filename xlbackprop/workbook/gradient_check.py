"""The gradient check: every weight moved a little up and down, a forward pass each, and the slope between."""

from typing import Protocol

from xlbackprop.backprop.expression import cell_formula
from xlbackprop.backprop.network import Network
from xlbackprop.backprop.notation import header
from xlbackprop.backprop.quantities import Part, training_step
from xlbackprop.backprop.simulation import LeavesRange
from xlbackprop.spreadsheet.addresses import column_letters
from xlbackprop.spreadsheet.blocks import Formula, Role
from xlbackprop.spreadsheet.book import Book
from xlbackprop.spreadsheet.places import Place
from xlbackprop.spreadsheet.presentation import Page
from xlbackprop.workbook import looks
from xlbackprop.workbook.layout import GRADIENT_CHECK, WorkbookLayout
from xlbackprop.workbook.run import Run

#: How far a weight is moved: truncation and rounding of a central difference are both small there.
EPSILON = 0.0001
_HEADER_ROW = 5
_FIRST_ROW = _HEADER_ROW + 1
_FIRST_QUANTITY = 3

#: Two forward passes a weight: in a wide network only the first weights are checked.
MAX_CELLS = 20_000

#: What stands in place of a central difference where ReLU bends between the two forward passes.
AT_A_KINK = "at a kink"
#: Above this a neuron is open; engines differ about whether 1e-17 is greater than 0. No round number, so
#: that no product lies on the border.
ZERO = 1.7e-12


class Step(Protocol):
    """The step that is checked."""

    @property
    def values(self) -> dict[str, Place]:
        """The cell of each of its quantities."""


class GradientCheckSheet:
    """The gradients once more, by nudging each weight.

    Attributes:
        epsilon: the cell that says how far a weight is moved.
        moved: the weights and biases that get a central difference, two rows each.
        names: the quantities of a forward pass, in the order of their columns.
        passes: their cells, a row a forward pass.
        differences: the cell of the central difference of each of `moved`.
    """

    def __init__(self, book: Book, layout: WorkbookLayout) -> None:
        self._network = network = layout.network
        self.sheet = sheet = book.sheet(GRADIENT_CHECK, "the gradients, by nudging weights")
        self.names = [q.name for q in training_step(network) if q.part in (Part.FORWARD, Part.ERROR)]
        self.moved = network.trained_names[: max(1, MAX_CELLS // (2 * len(self.names)))]
        rows = 2 * len(self.moved)
        self._epsilon = sheet.reserve("ε", "B3", (), Role.INPUT)
        self._moved_by = sheet.reserve("moved by", f"B{_FIRST_ROW}", (rows, 1))
        at = f"{column_letters(_FIRST_QUANTITY)}{_FIRST_ROW}"
        self._passes = sheet.reserve("forward passes", at, (rows, len(self.names)), Role.QUANTITY)
        column = column_letters(_FIRST_QUANTITY + len(self.names))
        self._differences = [
            sheet.reserve(f"central difference of {name}", f"{column}{_FIRST_ROW + 2 * n}", ())
            for n, name in enumerate(self.moved)
        ]
        self.differences = {name: block.place for name, block in zip(self.moved, self._differences, strict=True)}

    @property
    def epsilon(self) -> Place:
        return self._epsilon.place

    @property
    def moved_by(self) -> Place:
        """By how much the weight of each row is moved."""
        return self._moved_by.place

    @property
    def passes(self) -> Place:
        return self._passes.place

    def fill(self, run: Run, step: Step) -> None:
        """Fill the sheet: two rows a weight, one forward pass each, then the central difference.

        Raises:
            LeavesRange: a forward pass leaves what a cell can hold.
        """
        sheet, names = self.sheet, self.names
        sheet.heights[1] = looks.TITLE_PIXELS
        last, behind = (column_letters(_FIRST_QUANTITY + len(names) + more) for more in (0, 1))
        sheet.set_widths({"A": 70, f"B:{behind}": 82, last: 130})
        sheet.put("A1", "The gradients once more, without the chain rule", looks.TITLE)
        sheet.put(
            "A2",
            "Move one weight by ±ε, run the forward pass of the step chosen in the derivation, "
            "and see how E_total changes: ∂E/∂w ≈ (E_total at w + ε − E_total at w − ε) / 2ε.",
            looks.MUTED,
        )
        sheet.put("A3", "ε", looks.NAME)
        sheet.fill(self._epsilon, EPSILON, looks.INPUT)
        titles = ["weight", "moved by", *map(header, names), "central difference"]
        sheet.put(f"A{_HEADER_ROW}", titles, looks.TABLE_HEADER)
        passes = [(name, sign) for name in self.moved for sign in (1, -1)]
        sheet.put(f"A{_FIRST_ROW}", [[name] for name, _ in passes], looks.NAME)
        sheet.fill(
            self._moved_by, [[Formula(f"{'-' if sign < 0 else ''}{self.epsilon:$}")] for _, sign in passes], looks.TEXT
        )
        formulas = [self._pass(n, name, sign, run, step) for n, (name, sign) in enumerate(passes)]
        sheet.fill(self._passes, formulas, looks.NUMBER)
        total = names.index("E_total")
        for n, block in enumerate(self._differences):
            up, down = self.passes[2 * n], self.passes[2 * n + 1]
            slope = f"({up[total]}-{down[total]})/(2*{self.epsilon:$})"
            kinks = self._kinks(up, down)
            sheet.fill(block, Formula(f'IF({kinks}>0,"{AT_A_KINK}",{slope})' if kinks else slope), looks.SMALL_NUMBER)
        sheet.page = Page(frozen=(_HEADER_ROW, 2), repeated_rows=(_HEADER_ROW, _HEADER_ROW))

    def _pass(self, row: int, moved: str, sign: int, run: Run, step: Step) -> list[Formula]:
        """A forward pass with one weight moved."""
        own = dict(zip(self.names, self.passes[row], strict=True))

        def address(name: str) -> str:
            if name in own:
                return f"{own[name]}"
            cell = f"{step.values[name]:$}"
            return f"({cell}+{self.moved_by[row, 0]:$1})" if name == moved else cell

        try:
            values = run.simulation.evaluate({**run.first, moved: run.first[moved] + sign * EPSILON})
        except ArithmeticError:
            raise LeavesRange(
                "The start values are at the edge of what a cell can hold: use smaller start values."
            ) from None
        expressions = {q.name: q.expression for q in training_step(self._network)}
        return [Formula(cell_formula(expressions[name], address), values[name]) for name in self.names]

    def _kinks(self, up: Place, down: Place) -> str:
        """How many ReLU neurons change sign between two passes, as a formula; empty without ReLU."""
        counts = []
        for first, last in kinked_columns(self._network, self.names):
            above, below = (f"{row[first : last + 1]}" for row in (up, down))
            counts.append(f"SUMPRODUCT(ABS(({above}>{ZERO})-({below}>{ZERO})))")
        return "+".join(counts)


def kinked_columns(network: Network, names: list[str]) -> list[tuple[int, int]]:
    """First and last column of each layer with a kink; its columns lie together, and its outputs have the
    signs of its inputs."""
    layers = [layer for layer in network.trained_layers if network.has_kink(layer)]
    return [(names.index(network.neurons(layer)[0]), names.index(network.activations(layer)[-1])) for layer in layers]
