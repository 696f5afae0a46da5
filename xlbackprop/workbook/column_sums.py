"""Whether each gradient column, and each column of a weight, adds up to what its definition gives.

A gradient is a product of two columns, so its sum is their SUMPRODUCT. A weight moves against its gradient, so the
way from its first to its last value is the sum of its gradients, times -η. Both hold after every edit of the inputs,
and for all rows at once.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from xlbackprop.backprop.expression import names_in
from xlbackprop.backprop.network import Network
from xlbackprop.backprop.notation import header
from xlbackprop.backprop.quantities import training_step
from xlbackprop.spreadsheet.blocks import Formula
from xlbackprop.spreadsheet.book import Sheet
from xlbackprop.spreadsheet.places import Place
from xlbackprop.spreadsheet.presentation import Rule
from xlbackprop.workbook import looks
from xlbackprop.workbook.run import Moments, Run
from xlbackprop.workbook.training import TrainingSheet

AGREES, DIFFERS, INCOMPARABLE = "agrees", "differs", "cannot be compared"

# How far rounding may go: a part of a bound for the sum of all sizes, and for a weight what each row rounds.
_TOLERANCE = 1e-9
_ROUNDING = 1e-15


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
    sheet.put(f"N{row - 1}", ["Gradients and updates, column by column", *[""] * 6], looks.SECTION)
    headers = ["sheet", "column", "adds up to", "by definition", "allowed", "definition", ""]
    sheet.put(f"N{row}", headers, looks.TABLE_HEADER)
    entries = [
        entry
        for one, moments in zip(training, run.moments, strict=True)
        for entry in (*_gradients(one, network, moments), *_updates(one, network, moments))
    ]
    names = sheet.put(f"N{row + 1}", [[entry.sheet, header(entry.column)] for entry in entries], looks.NAME).place
    sums = [[entry.total, entry.by_definition, entry.allowed] for entry in entries]
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


def _gradients(one: TrainingSheet, network: Network, moments: Moments) -> Iterator[_Entry]:
    """Each gradient against the SUMPRODUCT of its factors."""
    expressions = {quantity.name: quantity.expression for quantity in training_step(network)}
    for name in network.trained_names:
        gradient = f"dE_d{name}"
        factors = names_in(expressions[gradient])
        columns = [f"{one.column(factor):$}" for factor in factors]
        total = moments.sums[gradient]
        if len(factors) == 1:
            squares, value = f"{moments.count}*SUMSQ({columns[0]})", moments.count * moments.squares[factors[0]]
        else:
            squares = "*".join(f"SUMSQ({column})" for column in columns)
            value = moments.squares[factors[0]] * moments.squares[factors[1]]
        yield _Entry(
            one.sheet.name,
            gradient,
            Formula(f"SUM({one.column(gradient):$})", total),
            Formula(f"SUMPRODUCT({','.join(columns)})", total),
            Formula(f"{_TOLERANCE:G}*SQRT({squares})", _TOLERANCE * value**0.5),
            f"Σ {'·'.join(map(header, factors))}",
        )


def _updates(one: TrainingSheet, network: Network, moments: Moments) -> Iterator[_Entry]:
    """How far each weight has moved against the sum of its gradients."""
    steps = moments.count - 1
    for name in network.trained_names:
        gradient = f"dE_d{name}"
        weights, gradients = one.column(name), one.column(gradient)[:-1]
        last = moments.last
        squares = moments.squares[gradient] - last[gradient] ** 2
        yield _Entry(
            one.sheet.name,
            name,
            Formula(f"{weights[-1]:$}-{weights[0]:$}", last[name] - moments.first[name]),
            Formula(f"-{one.eta:$}*SUM({gradients:$})", -one.eta_value * (moments.sums[gradient] - last[gradient])),
            Formula(
                f"{_TOLERANCE:G}*ABS({one.eta:$})*SQRT({steps}*SUMSQ({gradients:$}))"
                f"+{_ROUNDING:G}*SQRT({moments.count}*SUMSQ({weights:$}))",
                _TOLERANCE * one.eta_value * (steps * max(squares, 0.0)) ** 0.5
                + _ROUNDING * (moments.count * moments.squares[name]) ** 0.5,
            ),
            f"last − first = −η · Σ {header(gradient)}, without the last",
        )
