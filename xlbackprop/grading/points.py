"""Points for a checked workbook: each root cause costs once, and every deduction is a sentence."""

import math
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from xlbackprop.backprop import notation
from xlbackprop.backprop.optimizers import KINDS
from xlbackprop.grading.scheme import Scheme
from xlbackprop.report.findings import CheckedFile, CheckedTable, Finding, SlipKind
from xlbackprop.report.text import count, sentence, shortened
from xlbackprop.spreadsheet.curves import Area, Curves

#: Numbers that were typed agree so far.
_SAME = 1e-9
#: What rounding leaves of a sum.
_NOTHING = 1e-9
#: So many columns that are pasted or missing, or start values that are others, are no slip.
_FEW = 3
#: A sentence names so many columns.
_LISTED = 8
#: A curve through fewer points is none, where the table has more.
_FEWEST_POINTS = 10
_NUMBER = re.compile(r"\d+")
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
        where: the column that it is found in; empty where it is none of one.
    """

    key: tuple[object, ...]
    part: str
    size: float
    sentence: str
    where: str = ""


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
    found: dict[tuple[object, ...], list[tuple[float, Cause]]] = {}
    tables = _tables(checked, scheme)
    for rate in scheme.learning_rates:
        table = tables.get(rate)
        if table is None:
            exact.append((share, f"There is no table for the learning rate {rate:g}."))
            continue
        for cause in (*_causes(table, scheme), *_chart(table, curves, rate)):
            # what is worth nothing was not asked for
            if scheme.part(cause.part):
                found.setdefault(cause.key, []).append((rate, cause))
    for part in scheme.weights:
        worth = share * scheme.part(part)
        of_part = [places for places in found.values() if places[0][1].part == part]
        costs = _costs([(places[0][1].size * worth, [rate for rate, _ in places]) for places in of_part], worth)
        exact += [
            (cost, places[0][1].sentence + _elsewhere(places)) for cost, places in zip(costs, of_part, strict=True)
        ]
    return list(_in_hundredths(exact))


def _costs(causes: Sequence[tuple[float, Sequence[float]]], worth: float) -> list[float]:
    """What each root cause takes: as much as it may, and no more from a table than its part is worth.

    It is a flow from causes to tables, made as large as it can be by augmenting paths (Ford and Fulkerson), so that one
    more cause, or one more table that has it, never gives a point back.

    Args:
        causes: the most that each may take, and the learning rates of the tables that have it.
        worth: what the part of each table is worth.
    """
    taken: list[dict[float, float]] = [{} for _ in causes]

    def left(rate: float) -> float:
        return worth - sum(of.get(rate, 0.0) for of in taken)

    def push(number: int, amount: float, seen: set[float]) -> float:
        """Find room for an amount in a table that has the cause, if need be by moving what others take there."""
        for rate in dict.fromkeys(causes[number][1]):
            if rate in seen:
                continue
            seen.add(rate)
            room = min(amount, left(rate))
            if room <= _NOTHING * worth:
                for other, of in enumerate(taken):
                    if other != number and of.get(rate, 0.0) > _NOTHING * worth:
                        room = push(other, min(amount, of[rate]), seen)
                        if room:
                            of[rate] -= room
                            break
                else:
                    continue
            if room:
                taken[number][rate] = taken[number].get(rate, 0.0) + room
                return room
        return 0.0

    for number, (most, _) in enumerate(causes):
        while (missing := most - sum(taken[number].values())) > _NOTHING * worth and push(number, missing, set()):
            pass
    return [sum(of.values()) for of in taken]


def _elsewhere(places: Sequence[tuple[float, Cause]]) -> str:
    """Where else a root is found, as a sentence; empty where it is nowhere else."""
    first = places[0][1].where
    columns = [name for name in dict.fromkeys(cause.where for _, cause in places) if name not in ("", first)]
    tables = len({rate for rate, _ in places}) - 1
    where = [*columns, *([count(tables, "other table")] if tables else [])]
    return (
        f" The same is so in {', '.join(where[:-1])}{' and ' if where[1:] else ''}{where[-1]}; it counts once."
        if where
        else ""
    )


def _in_hundredths(exact: Sequence[tuple[float, str]]) -> Iterator[Deduction]:
    """Deductions rounded so that they add up to their rounded sum."""
    total, told = 0.0, 0
    for cost, text in exact:
        total += cost
        hundredths = round(100 * total) - told
        told += hundredths
        yield Deduction(hundredths / 100, text)


def _tables(checked: CheckedFile, scheme: Scheme) -> dict[float, CheckedTable]:
    """The table of each learning rate: of several, that with the fewest causes.

    A table whose rate cannot be read, because its cell is broken, stands for one that is missing.
    """
    trained = [table for table in _with_their_samples(checked.tables) if table.steps]
    usable = sorted(trained, key=lambda table: sum(cause.size for cause in _causes(table, scheme)))
    found = {}
    for rate in scheme.learning_rates:
        fitting = (one for one in usable if one.learning_rate is not None and _same(one.learning_rate, rate))
        if (table := next(fitting, None)) is not None:
            found[rate] = table
    unread = [table for table in trained if table.learning_rate is None]
    missing = [rate for rate in scheme.learning_rates if rate not in found]
    return found | dict(zip(missing, unread, strict=False))


def _with_their_samples(tables: Sequence[CheckedTable]) -> list[CheckedTable]:
    """The tables, each with what was found in that of the samples of its steps, which is no table of its own."""
    of_samples = {table.samples_of: table.findings for table in tables}
    return [
        replace(table, findings=(*table.findings, *of_samples.get(table.sheet, ())))
        for table in tables
        if table.samples_of is None
    ]


def _same(one: float, other: float) -> bool:
    return math.isclose(one, other, rel_tol=_SAME)


def _causes(table: CheckedTable, scheme: Scheme) -> Iterator[Cause]:
    """What is wrong in a table, root by root."""
    strange = _strange_start(table, scheme)
    if strange:
        yield strange
    yield from _other_optimizer(table, scheme)
    yield from _missing(table, scheme)
    if table.learning_rate is None and not any(finding.quantity == "eta" for finding in table.findings):
        text = f"The learning rate of the table on {table.sheet} cannot be read."
        yield Cause(("no rate", table.sheet), "tables", scheme.cause, text)
    if (table.steps or 0) < scheme.steps:
        text = f"{table.sheet} has {count(table.steps or 0, 'step')}, and {scheme.steps:,} were asked for."
        yield Cause(("steps", table.steps), "tables", scheme.cause, text)
    for finding in table.findings:
        # a start value that only this table has is told with the set that it is compared with
        of_start = finding.slip_kind is SlipKind.START_VALUE
        # nobody asked for what stands around a table
        if not finding.is_right_constant and not finding.is_around and not (strange and of_start):
            text = f"{table.sheet}: {sentence(finding)} Expected {shortened(finding.expected)}"
            where = notation.header(finding.quantity)
            yield Cause(("slip", *_root(finding)), "tables", scheme.cause, _stopped(text), where)
    yield from _pasted(table, scheme)


def _missing(table: CheckedTable, scheme: Scheme) -> Iterator[Cause]:
    """Columns that are not there: a few may be slips, as a misspelled header; many are work that was not done."""
    if not table.missing:
        return
    text = f"{table.sheet} lacks {_listed(table.missing)}."
    if len(table.missing) < _FEW:
        yield Cause(("lacks", *table.missing), "tables", scheme.cause, text)
        return
    of_table = ("lacks", table.sheet, table.header_row, *table.columns.values())
    yield Cause((*of_table, "tables"), "tables", 1.0, text)
    # an empty column has a header
    part = len(table.missing) / len({*table.missing, *table.columns})
    yield Cause(
        (*of_table, "formulas"), "formulas", part, f"{table.sheet}: no formulas stand in the columns that it lacks."
    )


def _listed(names: Sequence[str]) -> str:
    """The names of quantities, as they stand in a sentence."""
    more = f" and {len(names) - _LISTED} more" if len(names) > _LISTED else ""
    return ", ".join(map(notation.header, names[:_LISTED])) + more


def _stopped(text: str) -> str:
    return text if text.endswith(".") else f"{text}."


def _root(finding: Finding) -> tuple[object, ...]:
    """What two findings have in common that have one cause: the slip, whichever weight or neuron it is about."""
    if finding.slip:
        return (finding.kind, _NUMBER.sub("#", _ADDRESS.sub("·", finding.whole_slip)))
    return (finding.kind, finding.quantity)


def _pasted(table: CheckedTable, scheme: Scheme) -> Iterator[Cause]:
    """Right numbers where formulas belong: few columns are slips, many are a table that is not live."""
    pasted = [one for one in table.findings if one.is_right_constant and not one.is_around]
    if len(pasted) >= _FEW:
        names = _listed([finding.quantity for finding in pasted])
        text = f"{table.sheet} holds pasted numbers instead of formulas in {len(pasted)} columns: {names}."
        # no formula of another table makes this one live
        yield Cause(("pasted", table.sheet, table.header_row, table.columns.get("E_total")), "formulas", 1.0, text)
        return
    for finding in pasted:
        text = f"{table.sheet}: {sentence(finding)}"
        yield Cause(("pasted", finding.quantity), "formulas", scheme.cause, text)


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
    header = notation.header(first)
    starts = f"starts with {header} = {found:g}, but set {name} with {wanted:g}"
    if math.isnan(found):
        starts = f"has no number for {header}, which is {wanted:g} in set {name}"
    if len(other) >= _FEW:
        text = f"{table.sheet} is another training than was asked for: it {starts}, and so on for {len(other)} values."
        # and so is each table like it
        return Cause(("other training", table.sheet, *table.columns.values()), "tables", 1.0, text)
    more = ", and another value is not its own either" if len(other) > 1 else ""
    text = f"{table.sheet} {starts}{more}."
    key = ("start", *((one, table.start_values.get(one)) for one in other))
    return Cause(key, "tables", scheme.cause, text)


def _other_optimizer(table: CheckedTable, scheme: Scheme) -> Iterator[Cause]:
    """A table whose updates are not those that were asked for, though they may be right by themselves."""
    asked = [KINDS[name].spoken for name in scheme.optimizers]
    if asked and table.optimizer not in asked:
        does = f"trains by {table.optimizer}" if table.optimizer else "trains by updates of no kind that is known"
        text = f"{table.sheet} {does}, and {' or '.join(asked)} was asked for."
        yield Cause(("optimizer", table.optimizer), "tables", scheme.cause, text)


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
    if "E_total" in table.missing:
        text = f"No chart draws E_total of the learning rate {rate:g}: {table.sheet} lacks it."
        yield Cause(("chart", rate), "charts", 1.0, text)
        return
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


def other_tables(checked: CheckedFile, scheme: Scheme) -> Iterator[str]:
    """What is worth knowing about tables that nobody asked for."""
    for table in checked.tables:
        rate = table.learning_rate
        if (
            table.samples_of is None
            and rate is not None
            and not any(_same(rate, asked) for asked in scheme.learning_rates)
        ):
            yield f"{table.sheet} has a table for the learning rate {rate:g}, which was not asked for"
