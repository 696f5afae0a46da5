"""Points for a checked workbook: each root cause costs once, and every deduction is a sentence."""

import math
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from xlbackprop.backprop import notation
from xlbackprop.grading.scheme import Scheme
from xlbackprop.report.findings import CheckedFile, CheckedTable, Finding
from xlbackprop.report.text import count, sentence
from xlbackprop.spreadsheet.curves import Area, Curves

#: Numbers that were typed agree so far.
_SAME = 1e-9
#: From so many pasted columns on a table is called pasted, below that each is a cause.
_FEW_PASTED = 3
#: A curve through fewer points is none, where the table has more.
_FEWEST_POINTS = 10
_ADDRESS = re.compile(r"\$?\b[A-Z]{1,3}\$?\d+\b")


@dataclass(frozen=True)
class Deduction:
    """What a root cause costs, in points, and the sentence about it."""

    points: float
    sentence: str


@dataclass(frozen=True)
class Cause:
    """What is wrong with a part of some tables.

    Attributes:
        key: equal for what has one root.
        part: what it spoils, one of `scheme.PARTS`.
        size: what it takes of that part.
        sentence: what is wrong.
    """

    key: tuple[object, ...]
    part: str
    size: float
    sentence: str


def deductions(checked: CheckedFile, curves: Curves, scheme: Scheme, points: float) -> list[Deduction]:
    """What a workbook falls short of, each root cause once.

    Args:
        checked: what was found in it.
        curves: what its charts draw.
        scheme: what was asked for.
        points: how many there are for all of it.

    Returns:
        Deductions in hundredths of a point, which add up to no more than the points.
    """
    share = points / len(scheme.learning_rates)
    exact: list[tuple[float, str]] = []
    left = {(rate, part): share * scheme.part(part) for rate in scheme.learning_rates for part in scheme.weights}
    places: dict[tuple[object, ...], list[float]] = {}
    causes: dict[tuple[object, ...], Cause] = {}
    for rate in scheme.learning_rates:
        table = _table(checked, rate, scheme)
        if table is None:
            exact.append((share, f"There is no table for the learning rate {rate:g}."))
            continue
        for cause in (*_causes(table, scheme), *_chart(table, curves, rate)):
            causes.setdefault(cause.key, cause)
            places.setdefault(cause.key, []).append(rate)
    for key, cause in causes.items():
        # one root in several tables costs once, where most is left to take
        rate = max(places[key], key=lambda rate: left[rate, cause.part])
        cost = min(cause.size * share * scheme.part(cause.part), left[rate, cause.part])
        left[rate, cause.part] -= cost
        others = len(set(places[key])) - 1
        also = f" The same is so in {count(others, 'other table')}, and counts once." if others else ""
        exact.append((cost, cause.sentence + also))
    return list(_in_hundredths(exact))


def _in_hundredths(exact: Sequence[tuple[float, str]]) -> Iterator[Deduction]:
    """Deductions rounded so that they add up to their rounded sum."""
    total, told = 0.0, 0
    for cost, text in exact:
        total += cost
        hundredths = round(100 * total) - told
        told += hundredths
        yield Deduction(hundredths / 100, text)


def _table(checked: CheckedFile, rate: float, scheme: Scheme) -> CheckedTable | None:
    """The table of a learning rate; of several, that with the fewest causes."""
    found = [
        table
        for table in checked.tables
        if table.learning_rate is not None
        and math.isclose(table.learning_rate, rate, rel_tol=_SAME)
        and (table.steps or 0) >= 1
    ]
    return min(found, key=lambda table: sum(cause.size for cause in _causes(table, scheme)), default=None)


def _causes(table: CheckedTable, scheme: Scheme) -> Iterator[Cause]:
    """What is wrong in a table, root by root."""
    strange = _strange_start(table, scheme)
    if strange:
        yield strange
    if table.incomplete:
        lacking = next((note for note in table.notes if note.startswith("it lacks")), "it is not complete")
        yield Cause(("incomplete", lacking), "tables", scheme.cause, f"In {table.sheet} {_with_name(lacking)}.")
    if (table.steps or 0) < scheme.steps:
        text = f"{table.sheet} has {count(table.steps or 0, 'step')}, and {scheme.steps:,} were asked for."
        yield Cause(("steps", table.steps), "tables", scheme.cause, text)
    for finding in table.findings:
        # a start value that only this table has is told with the set that it is compared with
        of_start = finding.slip.startswith("starts with another value")
        if not finding.is_right_constant and not (strange and of_start):
            text = f"{table.sheet}: {sentence(finding, table.sheet)} Expected {finding.expected}"
            yield Cause(("slip", *_root(finding)), "tables", scheme.cause, _stopped(text))
    yield from _pasted(table, scheme)


def _with_name(lacking: str) -> str:
    return lacking.replace("it lacks", "there is no")


def _stopped(text: str) -> str:
    return text if text.endswith(".") else f"{text}."


def _root(finding: Finding) -> tuple[object, ...]:
    """What two findings have in common that have one cause: the slip, wherever it stands."""
    if finding.slip:
        return (finding.kind, _ADDRESS.sub("·", finding.slip))
    return (finding.kind, finding.quantity)


def _pasted(table: CheckedTable, scheme: Scheme) -> Iterator[Cause]:
    """Right numbers where formulas belong: few columns are slips, many are a table that is not live."""
    pasted = [finding for finding in table.findings if finding.is_right_constant]
    names = ", ".join(notation.header(finding.quantity) for finding in pasted)
    if len(pasted) >= _FEW_PASTED:
        text = f"{table.sheet} holds pasted numbers instead of formulas in {len(pasted)} columns: {names}."
        # no formula of another table makes this one live
        yield Cause(("pasted", table.sheet, table.header_row, table.columns.get("E_total")), "formulas", 1.0, text)
        return
    for finding in pasted:
        yield Cause(
            ("pasted", finding.quantity), "formulas", scheme.cause, f"{table.sheet}: {sentence(finding, table.sheet)}"
        )


def _strange_start(table: CheckedTable, scheme: Scheme) -> Cause | None:
    """A table that starts from no set of start values that was asked for; None where there is nothing to say."""
    if not scheme.start_values or not table.start_values:
        return None
    name, other = min(
        ((name, _differences(table, wanted)) for name, wanted in scheme.start_values.items()),
        key=lambda found: len(found[1]),
    )
    if not other:
        return None
    first = other[0]
    wanted = scheme.start_values[name].get(first, 0.0)
    found = table.start_values.get(first, math.nan)
    value = "no number" if math.isnan(found) else f"{found:g}"
    more = f", and {len(other) - 1} other values are not its own either" if len(other) > 1 else ""
    text = f"{table.sheet} starts with {notation.header(first)} = {value}, but set {name} with {wanted:g}{more}."
    key = ("start", *((one, table.start_values.get(one)) for one in other))
    return Cause(key, "tables", scheme.cause, text)


def _differences(table: CheckedTable, wanted: Mapping[str, float]) -> list[str]:
    """The start values of a table that are not those of a set; a bias that one of them lacks is 0."""

    def start(values: Mapping[str, float], name: str) -> float:
        return values.get(name, 0.0 if name.startswith("b") else math.nan)

    names = dict.fromkeys((*wanted, *table.start_values))
    return [
        name
        for name in names
        if not math.isclose(start(table.start_values, name), start(wanted, name), rel_tol=_SAME, abs_tol=_SAME)
    ]


def _chart(table: CheckedTable, curves: Curves, rate: float) -> Iterator[Cause]:
    """A table whose E_total no chart draws."""
    column = table.columns.get("E_total")
    if column is None or table.first_row is None or table.last_row is None:
        return
    total = Area(table.sheet, table.first_row, column, table.last_row, column)
    fewest = min(_FEWEST_POINTS, (total.points + 1) // 2)
    if not any(_draws(curves, area, total) for area in curves.areas if area.points >= fewest):
        text = f"No chart draws E_total of the learning rate {rate:g} from the cells of {table.sheet}."
        yield Cause(("chart", rate), "charts", 1.0, text)


def _draws(curves: Curves, area: Area, total: Area) -> bool:
    if (area.sheet, area.column, area.last_column) == (total.sheet, total.column, total.column):
        common = min(area.last_row, total.last_row) - max(area.row, total.row) + 1
        return 2 * common >= total.points
    return all(any(_meet(source, total) for source in corner) for corner in curves.sources(area))


def _meet(source: Area, total: Area) -> bool:
    """Whether what a formula refers to lies in the column of E_total, or holds no other column."""
    same = (source.sheet, source.column, source.last_column) == (total.sheet, total.column, total.column)
    return same and source.row <= total.last_row and source.last_row >= total.row
