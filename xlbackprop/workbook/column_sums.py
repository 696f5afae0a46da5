"""Whether each column that follows from others by sums and products adds up to what its definition gives.

A gradient is a product of two columns, so its sum is their SUMPRODUCT; likewise a neuron's input, δ, an error. A weight
moves against its gradient, so the way from its start value to its last one is the sum of its gradients, times -η. All
of it holds after every edit of the inputs, and for all rows at once. What an activation function gives has no such sum.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import isfinite

from xlbackprop.backprop.expression import polynomial, symbols
from xlbackprop.backprop.network import Network
from xlbackprop.backprop.notation import defined_name, header
from xlbackprop.backprop.quantities import gathered, training_step
from xlbackprop.spreadsheet.blocks import Formula
from xlbackprop.spreadsheet.book import Sheet
from xlbackprop.spreadsheet.places import Place
from xlbackprop.spreadsheet.presentation import Rule
from xlbackprop.workbook import looks
from xlbackprop.workbook.run import AddedUp, Moments, Run
from xlbackprop.workbook.samples_sheet import SamplesSheet
from xlbackprop.workbook.training import TrainingSheet

AGREES, DIFFERS, INCOMPARABLE = "agrees", "differs", "cannot be compared"

# How far rounding may go: a part of a bound for the sum of all sizes, and for a weight what each row rounds.
_TOLERANCE = 1e-9
_ROUNDING = 1e-15
# More products than these make a formula that is longer than a cell can hold.
_MOST_PRODUCTS = 40


@dataclass(frozen=True)
class _Entry:
    """A column: what it adds up to, what that should be, how far they may differ, and why, in words."""

    sheet: str
    column: str
    total: Formula
    by_definition: Formula
    allowed: Formula
    words: str


@dataclass(frozen=True)
class ColumnSums:
    """Where the comparison stands: the sheet and the column of each row in words, and the verdicts."""

    sheets: Place
    columns: Place
    verdicts: Place


def write_column_sums(
    sheet: Sheet, row: int, network: Network, training: Sequence[TrainingSheet], run: Run
) -> ColumnSums:
    """Write the comparison, one row a column, from column N on.

    Args:
        sheet: the check.
        row: of the headers; the heading stands above.
        network: what is trained.
        training: the training sheets.
        run: the numbers.
    """
    sheet.put(f"N{row - 1}", ["Sums, products and updates, column by column", *[""] * 6], looks.SECTION)
    headers = ["sheet", "column", "adds up to", "by definition", "allowed", "definition", ""]
    sheet.put(f"N{row}", headers, looks.TABLE_HEADER)
    entries = [
        entry
        for one, added_up, trained in zip(training, run.added_up, run.layout.networks, strict=True)
        for entry in (
            *_definitions(one.passes, network, added_up.passes),
            *_gathered(one, network, added_up),
            *(_updates(one, network, added_up.steps) if trained.optimizer.is_plain else ()),
        )
    ]
    names = sheet.put(f"N{row + 1}", [[entry.sheet, header(entry.column)] for entry in entries], looks.NAME).place
    sums = [[_held(entry.total), _held(entry.by_definition), _held(entry.allowed)] for entry in entries]
    numbers = (looks.ALL_DIGITS, looks.ALL_DIGITS, looks.SCIENTIFIC)
    compared = sheet.put(f"P{row + 1}", sums, *numbers, name="sums of columns").place
    sheet.put(f"S{row + 1}", [[entry.words] for entry in entries], looks.MUTED_INDENTED)
    verdicts = [
        [
            Formula(
                f'IF(ISERROR({total}+{by_definition}+{allowed}),"{INCOMPARABLE}",'
                f'IF(ABS({total}-{by_definition})<={allowed},"{AGREES}","{DIFFERS}"))'
            )
        ]
        for total, by_definition, allowed in compared
    ]
    said = sheet.put(f"T{row + 1}", verdicts, looks.CENTERED, name="whether a column adds up").place
    for word, look in ((AGREES, looks.GREEN), (DIFFERS, looks.RED), (INCOMPARABLE, looks.AMBER)):
        sheet.rules.append(Rule(said, word, look, equals=True))
    return ColumnSums(names[:, 0], names[:, 1], said)


def _held(formula: Formula) -> Formula:
    """A formula whose value a cell can hold: beyond it stands an error."""
    return formula if isinstance(formula.value, float) and isfinite(formula.value) else Formula(formula.text, "#NUM!")


def _sign(factor: float) -> str:
    """What stands in front of a product: `+`, `-` or `+0.5*`."""
    return {1.0: "+", -1.0: "-"}.get(factor, f"{factor:+.17G}*")


def _definitions(one: TrainingSheet | SamplesSheet, network: Network, moments: Moments) -> Iterator[_Entry]:
    """Each column that is a sum of products of others, against the sums of these products; and the inputs, which
    never change where there is a single sample."""
    count = moments.count
    for name in () if network.samples else (*network.input_names, *network.target_names):
        start = defined_name(name)
        yield _Entry(
            one.sheet.name,
            name,
            Formula(f"SUM({one.column(name):$})", moments.sums[name]),
            Formula(f"{count}*{start}", moments.sums[name]),
            Formula(f"{_TOLERANCE:G}*{count}*ABS({start})", _TOLERANCE * count * abs(moments.first[name])),
            f"{count:,} · {name}",
        )
    for quantity in training_step(network):
        products = polynomial(quantity.expression)
        if products is None or len(products) > _MOST_PRODUCTS or any(len(names) > 2 for names in products):
            continue
        sums, bounds, size = [], [], 0.0
        for names, factor in products.items():
            columns = [f"{one.column(name):$}" for name in names]
            sums.append(_sign(factor) + (f"SUMPRODUCT({','.join(columns)})" if names else f"{count}"))
            # by the inequality of Cauchy and Schwarz; of a column alone, the other is one of 1s
            squares = [f"SUMSQ({column})" for column in columns] + [f"{count}"] * (2 - len(columns))
            bounds.append(f"{abs(factor):G}*SQRT({'*'.join(squares)})")
            sizes = [moments.squares[name] for name in names] + [count] * (2 - len(names))
            size += abs(factor) * (sizes[0] * sizes[1]) ** 0.5
        total = moments.sums[quantity.name]
        yield _Entry(
            one.sheet.name,
            quantity.name,
            Formula(f"SUM({one.column(quantity.name):$})", total),
            Formula("".join(sums).removeprefix("+"), total),
            Formula(f"{_TOLERANCE:G}*({'+'.join(bounds)})", _TOLERANCE * size),
            f"Σ ({symbols(quantity.expression, header)})",
        )


def _gathered(one: TrainingSheet, network: Network, added_up: AddedUp) -> Iterator[_Entry]:
    """Each column that a training gathers from the samples of its steps, and the weights that these take from it."""
    samples, steps, passes = network.samples, added_up.steps, added_up.passes
    if samples is None or not network.in_batches:
        return
    for name in (one.name for one in gathered(network) if one.name == one.of):
        columns = one.column(name), one.passes.column(name)
        share = f"/{samples.batch}" if samples.reduction == "mean" else ""
        size = (passes.count * passes.squares[name]) ** 0.5 / (samples.batch if share else 1)
        yield _Entry(
            one.sheet.name,
            name,
            Formula(f"SUM({columns[0]:$})", steps.sums[name]),
            Formula(f"SUM({columns[1]:$}){share}", steps.sums[name]),
            Formula(f"{_TOLERANCE:G}*SQRT({passes.count}*SUMSQ({columns[1]:$})){share}", _TOLERANCE * size),
            f"Σ {header(name)} of all samples{share}",
        )
    for name in network.trained_names:
        columns = one.passes.column(name), one.column(name)
        size = (steps.count * steps.squares[name]) ** 0.5 * samples.batch
        yield _Entry(
            one.passes.sheet.name,
            name,
            Formula(f"SUM({columns[0]:$})", passes.sums[name]),
            Formula(f"{samples.batch}*SUM({columns[1]:$})", passes.sums[name]),
            Formula(f"{_TOLERANCE:G}*{samples.batch}*SQRT({steps.count}*SUMSQ({columns[1]:$}))", _TOLERANCE * size),
            f"{samples.batch} · Σ {name} of the steps",
        )


def _updates(one: TrainingSheet, network: Network, moments: Moments) -> Iterator[_Entry]:
    """How far each weight has moved against the sum of its gradients."""
    steps = moments.count - 1
    for name in network.trained_names:
        gradient = f"dE_d{name}"
        weights, gradients = one.column(name), one.column(gradient)[:-1]
        start = defined_name(name)
        last = moments.last
        squares = moments.squares_before[gradient]
        yield _Entry(
            one.sheet.name,
            name,
            Formula(f"{weights[-1]:$}-{start}", last[name] - moments.first[name]),
            Formula(f"-{one.eta:$}*SUM({gradients:$})", -one.eta_value * moments.sums_before[gradient]),
            Formula(
                f"{_TOLERANCE:G}*ABS({one.eta:$})*SQRT({steps}*SUMSQ({gradients:$}))"
                f"+{_ROUNDING:G}*SQRT({moments.count}*SUMSQ({weights:$}))",
                _TOLERANCE * one.eta_value * (steps * squares) ** 0.5
                + _ROUNDING * (moments.count * moments.squares[name]) ** 0.5,
            ),
            f"last − start value = −η · Σ {header(gradient)}, without the last",
        )
