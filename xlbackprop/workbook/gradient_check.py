"""The gradient check: every weight moved a little up and down, a forward pass each, and the slope between."""

from collections.abc import Mapping
from typing import Protocol

from xlbackprop.backprop.expression import cell_formula, names_in
from xlbackprop.backprop.network import Network
from xlbackprop.backprop.notation import header
from xlbackprop.backprop.quantities import Part, training_step
from xlbackprop.backprop.simulation import LeavesRange
from xlbackprop.spreadsheet.addresses import column_letters
from xlbackprop.spreadsheet.blocks import Formula, Role
from xlbackprop.spreadsheet.book import Book
from xlbackprop.spreadsheet.places import Place
from xlbackprop.spreadsheet.presentation import Page, Rule
from xlbackprop.workbook import looks
from xlbackprop.workbook.layout import GRADIENT_CHECK, WorkbookLayout
from xlbackprop.workbook.run import Run

#: How far a weight is moved: truncation and rounding of a central difference are both small there.
EPSILON = 0.0001
_HEADER_ROW = 5
_FIRST_ROW = _HEADER_ROW + 1
_FIRST_QUANTITY = 3
#: From the rows of the weights to those of the forward passes: an empty one, a heading, a sentence, headers.
_BETWEEN = 4

# The rounding of E_total in a central difference, with room: of a large error, of a small squared one, and of one
# that is a logarithm near 1.
_OF_ERROR, _OF_ROOT, _OF_LOGARITHM = 1e-10, 1e-11, 1e-12
# A central difference is off by ε²/6 of the third derivative, which is bounded here by so many times the second one,
# times 1 + what comes in; three errors tell the second one, times ε².
_COARSE = 4

#: Two forward passes a weight: in a wide network only the first weights are checked.
MAX_CELLS = 20_000

#: What stands in place of a central difference where ReLU bends between the two forward passes.
AT_A_KINK = "at a kink"
#: Above this a neuron is open; engines differ about whether 1e-17 is greater than 0. No round number, so
#: that no product lies on the border.
ZERO = 1.7e-12


def checked_names(network: Network) -> list[str]:
    """The weights and biases that get a central difference."""
    quantities = [q for q in training_step(network) if q.part in (Part.FORWARD, Part.ERROR)]
    return network.trained_names[: max(1, MAX_CELLS // (2 * len(quantities)))]


class Step(Protocol):
    """The step that is checked."""

    @property
    def values(self) -> Mapping[str, Place]:
        """The cell of each of its quantities."""

    @property
    def verdicts(self) -> Mapping[str, Place]:
        """The cell that says whether the gradient of each weight agrees."""


class GradientCheckSheet:
    """The gradients once more, by nudging each weight.

    Attributes:
        epsilon: the cell that says how far a weight is moved.
        moved: the weights and biases that get a central difference, two forward passes each.
        names: the quantities of a forward pass, in the order of their columns.
        passes: their cells, a row a forward pass.
        differences: the cell of the central difference of each of `moved`.
    """

    def __init__(self, book: Book, layout: WorkbookLayout) -> None:
        self._network = network = layout.network
        self.sheet = sheet = book.sheet(GRADIENT_CHECK, "the gradients, by nudging weights")
        self.names = [q.name for q in training_step(network) if q.part in (Part.FORWARD, Part.ERROR)]
        self.moved = checked_names(network)
        count = len(self.moved)
        self._epsilon = sheet.reserve("ε", "B3", (), Role.INPUT)
        self._slopes = sheet.reserve("central differences", f"F{_FIRST_ROW}", (count, 1))
        self._margins = sheet.reserve("how far a slope may be off", f"I{_FIRST_ROW}", (count, 1))
        self._passes_row = _FIRST_ROW + count + _BETWEEN
        self._moved_by = sheet.reserve("moved by", f"B{self._passes_row}", (2 * count, 1))
        at = f"{column_letters(_FIRST_QUANTITY)}{self._passes_row}"
        self._passes = sheet.reserve("forward passes", at, (2 * count, len(self.names)), Role.QUANTITY)
        self.differences = {name: self._slopes.cell(n) for n, name in enumerate(self.moved)}

    @property
    def margins(self) -> dict[str, Place]:
        """How far each central difference may be off, by rounding and because it is coarse."""
        return {name: self._margins.cell(n) for n, name in enumerate(self.moved)}

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
        """Fill the sheet: a row a weight, and below it two forward passes a weight.

        Raises:
            LeavesRange: a forward pass leaves what a cell can hold.
        """
        sheet = self.sheet
        sheet.heights[1] = looks.TITLE_PIXELS
        last = column_letters(_FIRST_QUANTITY + max(len(self.names), 6))
        sheet.set_widths({"A": 76, "B": 92, "C:D": 150, "E:G": 112, "H": 160, f"I:{last}": 92})
        sheet.put("A1", "The gradients once more, without the chain rule", looks.TITLE)
        sheet.put(
            "A2",
            "Move one weight by ±ε and see how E_total changes: ∂E/∂w ≈ (E_total at w + ε − E_total at w − ε) / 2ε, "
            "at the step chosen in the derivation.",
            looks.MUTED,
        )
        sheet.put("A3", "ε", looks.NAME)
        sheet.fill(self._epsilon, EPSILON, looks.INPUT)
        self._write_weights(step)
        self._write_passes(run, step)
        sheet.page = Page(repeated_rows=(_HEADER_ROW, _HEADER_ROW))

    def _write_weights(self, step: Step) -> None:
        """A row a weight: the two errors, their difference, the slope, and the gradient by the chain rule."""
        sheet, total = self.sheet, self.names.index("E_total")
        titles = ["weight", "value", "E_total at w + ε", "E_total at w − ε", "difference", "/ 2ε", "chain rule"]
        sheet.put(f"A{_HEADER_ROW}", [*titles, "do they agree?", "may be off by"], looks.TABLE_HEADER)
        sheet.put(f"A{_FIRST_ROW}", [[name] for name in self.moved], looks.NAME)
        ends = [(self.passes[2 * n, total], self.passes[2 * n + 1, total]) for n in range(len(self.moved))]
        values = [[Formula(f"{step.values[name]:$}")] for name in self.moved]
        weights = sheet.put(f"B{_FIRST_ROW}", values, looks.NUMBER, name="weights").place
        errors = [[Formula(f"{up}"), Formula(f"{down}"), Formula(f"{up}-{down}")] for up, down in ends]
        digits = (looks.TWELVE_DECIMALS, looks.TWELVE_DECIMALS, looks.FOUR_DIGITS)
        differences = sheet.put(f"C{_FIRST_ROW}", errors, *digits, name="errors and their differences").place[:, 2]
        slopes = []
        for n, difference in enumerate(differences):
            slope, kinks = f"{difference}/(2*{self.epsilon:$})", self._kinks(self.passes[2 * n], self.passes[2 * n + 1])
            slopes.append([Formula(f'IF({kinks}>0,"{AT_A_KINK}",{slope})' if kinks else slope)])
        sheet.fill(self._slopes, slopes, looks.NUMBER)
        gradients = [
            [Formula(f"{step.values[f'dE_d{name}']:$}"), Formula(f"{step.verdicts[name]:$}")] for name in self.moved
        ]
        said = sheet.put(f"G{_FIRST_ROW}", gradients, looks.NUMBER, looks.CENTERED, name="by the chain rule")
        error = f"{step.values['E_total']:$}"
        noise = f"{_OF_ERROR:G}*ABS({error})+{_OF_ROOT:G}*SQRT(ABS({error}))+{_OF_LOGARITHM:G}"
        expressions = {q.name: q.expression for q in training_step(self._network)}
        margins = []
        for name, (up, down) in zip(self.moved, ends, strict=True):
            # δ of the weight's neuron, and what comes in
            _, *source = names_in(expressions[f"dE_d{name}"])
            comes_in = f"(1+ABS({step.values[source[0]]:$}))" if source else "2"
            margins.append([Formula(f"{noise}+{_COARSE}*ABS({up}-2*{error}+{down})*{comes_in}")])
        sheet.fill(self._margins, margins, looks.SCIENTIFIC)
        for numbers in (weights, self._slopes.place, said.place[:, 0], self.passes):
            sheet.rules += looks.number_rules(numbers)
        sheet.rules += [
            Rule(said.place[:, 1], word, look, equals=True)
            for word, look in (("agrees", looks.GREEN), ("differs", looks.RED))
        ]

    def _write_passes(self, run: Run, step: Step) -> None:
        """Two forward passes a weight, with the weight moved up and down."""
        sheet, row, names = self.sheet, self._passes_row, self.names
        sheet.put(f"A{row - 3}", ["The forward passes", *[""] * 7], looks.SECTION)
        sheet.put(f"A{row - 2}", "Two for each weight: moved up in the first, down in the second.", looks.MUTED)
        sheet.put(f"A{row - 1}", ["weight", "moved by", *map(header, names)], looks.TABLE_HEADER)
        passes = [(name, sign) for name in self.moved for sign in (1, -1)]
        sheet.put(f"A{row}", [[name] for name, _ in passes], looks.NAME)
        sheet.fill(
            self._moved_by, [[Formula(f"{'-' if sign < 0 else ''}{self.epsilon:$}")] for _, sign in passes], looks.TEXT
        )
        formulas = [self._pass(n, name, sign, run, step) for n, (name, sign) in enumerate(passes)]
        sheet.fill(self._passes, formulas, looks.NUMBER)

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
