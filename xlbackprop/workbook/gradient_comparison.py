"""Each gradient three ways, side by side: by the chain rule, as a central difference, and as the training has it."""

from collections.abc import Mapping

from xlbackprop.backprop.notation import header
from xlbackprop.spreadsheet.blocks import Block, Formula
from xlbackprop.spreadsheet.book import Sheet
from xlbackprop.spreadsheet.places import Place, joined
from xlbackprop.spreadsheet.presentation import Rule
from xlbackprop.workbook import looks
from xlbackprop.workbook.gradient_check import AT_A_KINK, ZERO

#: Between these a central difference is good: below, rounding is too large, above, truncation.
LEAST_EPSILON, MOST_EPSILON = 1e-6, 1e-3

AGREES, DIFFERS = "agrees", "differs"
INCOMPARABLE, TOO_SMALL = "cannot be compared", "too small to compare"

# A central difference truncates; this is far less than the smallest slip that is worth finding.
_RELATIVE_TOLERANCE = 1e-5
#: The derivation and the training compute the same formulas from the same numbers.
TRAINING_TOLERANCE = 1e-9
# A gradient that is not far larger than what its central difference may be off by says nothing.
_FAR_LARGER = 1000


class GradientComparison:
    """The comparison, one row a gradient, as a section of the derivation.

    Args:
        sheet: the derivation.
        row: where the section begins.
        compared: the weights and biases whose gradients are compared.
        counts: the first of the two cells, one below the other, that hold how many agree and how many differ.
        third: the kind of sheet that the third number stands on, `training` or `samples`.
    """

    def __init__(self, sheet: Sheet, row: int, compared: list[str], counts: str, third: str) -> None:
        self.sheet, self._row, self._compared, self._third = sheet, row, compared, third
        self._values = sheet.reserve("gradients three ways", f"B{row + 3}", (len(compared), 3))
        self._verdicts = sheet.reserve("whether gradients agree", f"E{row + 3}", (len(compared), 1))
        self._counts = sheet.reserve("how many gradients agree, and how many differ", counts, (2, 1))

    @property
    def verdicts(self) -> dict[str, Place]:
        """The cell that says whether the gradient of each weight agrees."""
        return {name: self._verdicts.cell(n) for n, name in enumerate(self._compared)}

    @property
    def training(self) -> dict[str, Place]:
        """The cell of each gradient as the training sheet has it."""
        return {name: self._values.cell(n, 2) for n, name in enumerate(self._compared)}

    def fill(
        self,
        title: str,
        chain_rule: Mapping[str, Place],
        central: Mapping[str, Place],
        training: Mapping[str, Formula],
        margins: Mapping[str, Place],
        epsilon: Place,
        unlike: Place | None = None,
    ) -> None:
        """Fill the section.

        Args:
            title: its heading.
            chain_rule: the cell of each gradient by the chain rule.
            central: the cell of each central difference, or of the text in its place.
            training: each gradient as the training sheet has it.
            margins: the cell that says how far each central difference may be off.
            epsilon: the cell of the step of the central differences.
            unlike: where a 1 stands for each gradient of all samples that is another one in the training sheet.
        """
        sheet, row, third = self.sheet, self._row, self._third
        sheet.put(f"A{row}", [title, *[""] * 4], looks.SECTION)
        sheet.put(
            f"A{row + 1}",
            "The central difference needs no chain rule: nudge the weight and see how E_total moves (sheet Gradient "
            f"check). The last number is the one in the {third} sheet.",
            looks.MUTED,
        )
        sheet.put(
            f"A{row + 2}",
            ["gradient", "chain rule", "central difference", f"{third} sheet", "do all three agree?"],
            looks.TABLE_HEADER,
        )
        sheet.put(f"A{row + 3}", [[header(f"dE_d{name}")] for name in self._compared], looks.NAME)
        values = [
            [Formula(f"{chain_rule[name]:$}"), Formula(f"{central[name]:$}"), training[name]] for name in self._compared
        ]
        sheet.fill(self._values, values, looks.NUMBER, looks.CENTERED_NUMBER, looks.CENTERED_NUMBER)
        sheet.rules += looks.number_rules(self._values.place)
        verdicts = [
            [Formula(_verdict(row, margins[name], epsilon))]
            for name, row in zip(self._compared, self._values.place, strict=True)
        ]
        sheet.fill(self._verdicts, verdicts, looks.CENTERED)
        counted = self._verdicts.place
        numbers = [[Formula(f'COUNTIF({counted:$},"{word}")')] for word in (AGREES, DIFFERS)]
        if unlike is not None:
            numbers[1] = [Formula(f'COUNTIF({counted:$},"{DIFFERS}")+SUM({unlike:$})')]
        sheet.fill(self._counts, numbers, looks.MUTED)
        for word, look in ((AGREES, looks.GREEN), (DIFFERS, looks.RED)):
            sheet.rules.append(Rule(counted, word, look, equals=True))
        for word in (INCOMPARABLE, AT_A_KINK, TOO_SMALL):
            sheet.rules.append(Rule(counted, word, looks.AMBER, equals=True))

    def write_summary(self, at: str, band: Block, of_all: int) -> None:
        """Say in a line how many gradients agree; its colour follows from the same two numbers.

        Args:
            at: where the sentence stands.
            band: the cells behind it, which take its colour.
            of_all: how many gradients the network has.
        """
        sheet, count = self.sheet, len(self._compared)
        agreeing, differing = (f"{self._counts.cell(n):$}" for n in (0, 1))
        which = "all " if count == of_all else "the first "
        ways = f'agree{"s" * (count == 1)}: chain rule, central difference, {self._third}."'
        good = f'"Gradient check: {which}"&{agreeing}&" gradients {ways}'
        if count == 1:
            good = f'"Gradient check: the gradient {ways}'
        bad = f'"Gradient check: "&{differing}&" of {count} gradients do not agree: see the red cells below."'
        open_ = (
            f'"Gradient check: "&({count}-{agreeing})&" of {count} gradients cannot be compared: see the amber cells '
            'below."'
        )
        verdict = Formula(f"IF({differing}>0,{bad},IF({agreeing}={count},{good},{open_}))")
        said = sheet.put(at, verdict, looks.VERDICT, name="verdict")
        cells = joined([said.place, band.place])
        sheet.rules += [
            Rule(cells, f"{differing}>0", looks.RED),
            Rule(cells, f"{agreeing}={count}", looks.GREEN),
        ]


def _verdict(row: Place, margin: Place, epsilon: Place) -> str:
    """Whether a gradient agrees three ways, as a formula."""
    chain_rule, central, training = (f"{cell:$1}" for cell in row)
    size, off = f"MAX(ABS({chain_rule}),ABS({central}))", f"ABS({chain_rule}-{central})"
    far_off = f"ABS({chain_rule}-{training})>{TRAINING_TOLERANCE:G}*ABS({chain_rule})+{ZERO:G}"
    # 1/0 is an error everywhere, but engines differ about whether 1e-17 is 0
    vanishes, tolerance = f"ISERROR(1/{size})", f"{_RELATIVE_TOLERANCE:G}*{size}+{margin:$}"
    compared = (
        f'IF({far_off},"{DIFFERS}",IF({vanishes},"{AGREES}",IF({size}<={_FAR_LARGER}*{margin:$},"{TOO_SMALL}",'
        f'IF({off}<={tolerance},"{AGREES}","{DIFFERS}"))))'
    )
    good_epsilon = f"AND({epsilon:$}>={LEAST_EPSILON:G},{epsilon:$}<={MOST_EPSILON:G})"
    return (
        f'IF(ISTEXT({central}),{central},IF(ISERROR({chain_rule}+{central}+{training}+{margin:$}),"{INCOMPARABLE}",'
        f'IF({good_epsilon},{compared},"{INCOMPARABLE}")))'
    )
