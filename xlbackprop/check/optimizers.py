"""Other ways to update a weight than plain gradient descent: momentum to Adam, and how people get them wrong.

Each is followed from the sheet's own gradients, as torch.optim defines it (k is the number of the update, from 1).
"""

import math
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import product

import numpy as np

from xlbackprop.check.alike import odd_states, updates
from xlbackprop.check.contents import Contents
from xlbackprop.check.references import References
from xlbackprop.reference import Array
from xlbackprop.report.findings import Finding, Kind, SlipKind
from xlbackprop.spreadsheet.addresses import cell_address, place
from xlbackprop.spreadsheet.cells import Cell
from xlbackprop.spreadsheet.formulas import parsed
from xlbackprop.tables.table import number_in

#: How far a weight may be off, as a part of how far it moved.
_TOLERANCE = 1e-7
#: So many cells behind an update are looked at for its numbers, and so many numbers are tried.
_MOST_CELLS, _MOST_NUMBERS = 200, 8
#: Fewer rows tell too little.
_FEWEST_ROWS = 4
#: A number that keeps a division by a small one in bounds is no larger.
_LARGEST_EPS = 1e-3

#: The moves of some weights, given their gradients, shape (updates, weights), the learning rate and further numbers.
_Moves = Callable[[Array, float, Mapping[str, float]], Array]


def _averaged(gradients: Array, keep: float, new: float) -> Array:
    """The running average of each row, from 0."""
    state, found = np.zeros_like(gradients[0]), []
    for gradient in gradients:
        state = keep * state + new * gradient
        found.append(state)
    return np.array(found)


def _momentum(g: Array, eta: float, of: Mapping[str, float]) -> Array:
    return eta * _averaged(g, of["mu"], 1.0)


def _damped_first(g: Array, eta: float, of: Mapping[str, float]) -> Array:
    return eta * _averaged(np.concatenate([(1 - of["mu"]) * g[:1], g[1:]]), of["mu"], 1.0)


def _averaged_momentum(g: Array, eta: float, of: Mapping[str, float]) -> Array:
    return eta * _averaged(g, of["mu"], 1 - of["mu"])


def _nesterov(g: Array, eta: float, of: Mapping[str, float]) -> Array:
    return eta * (g + of["mu"] * _averaged(g, of["mu"], 1.0))


def _adagrad(g: Array, eta: float, of: Mapping[str, float]) -> Array:
    return eta * g / (np.sqrt(np.cumsum(g * g, axis=0)) + of["eps"])


def _rmsprop(g: Array, eta: float, of: Mapping[str, float]) -> Array:
    return eta * g / (np.sqrt(_averaged(g * g, of["b2"], 1 - of["b2"])) + of["eps"])


def _rmsprop_before(g: Array, eta: float, of: Mapping[str, float]) -> Array:
    before = _averaged(g * g, of["b2"], 1 - of["b2"])
    return eta * g / (np.sqrt(np.concatenate([np.zeros_like(before[:1]), before[:-1]])) + of["eps"])


def _rmsprop_inside(g: Array, eta: float, of: Mapping[str, float]) -> Array:
    return eta * g / np.sqrt(_averaged(g * g, of["b2"], 1 - of["b2"]) + of["eps"])


def _adam_parts(g: Array, of: Mapping[str, float]) -> tuple[Array, Array, Array, Array]:
    """m and v, and what each is divided by, step by step."""
    k = np.arange(1, len(g) + 1, dtype=float)[:, None]
    m, v = _averaged(g, of["b1"], 1 - of["b1"]), _averaged(g * g, of["b2"], 1 - of["b2"])
    return m, v, 1 - of["b1"] ** k, 1 - of["b2"] ** k


def _adam(g: Array, eta: float, of: Mapping[str, float]) -> Array:
    m, v, first, second = _adam_parts(g, of)
    return eta * (m / first) / (np.sqrt(v / second) + of["eps"])


def _adam_uncorrected(g: Array, eta: float, of: Mapping[str, float]) -> Array:
    m, v, _, _ = _adam_parts(g, of)
    return eta * m / (np.sqrt(v) + of["eps"])


def _adam_inside(g: Array, eta: float, of: Mapping[str, float]) -> Array:
    m, v, first, second = _adam_parts(g, of)
    return eta * (m / first) / np.sqrt(v / second + of["eps"])


def _adam_first_power(g: Array, eta: float, of: Mapping[str, float]) -> Array:
    m, v, first, second = _adam_parts(g, of)
    return eta * (m / first[:1]) / (np.sqrt(v / second[:1]) + of["eps"])


def _adam_second_first_power(g: Array, eta: float, of: Mapping[str, float]) -> Array:
    m, v, first, second = _adam_parts(g, of)
    return eta * (m / first) / (np.sqrt(v / second[:1]) + of["eps"])


def _plain(g: Array, eta: float, of: Mapping[str, float]) -> Array:
    return eta * g


def _from_rest(moves: _Moves) -> _Moves:
    """The moves of a rule whose state stands as 0 in the first row, and takes its first gradient in the second."""

    def later(g: Array, eta: float, of: Mapping[str, float]) -> Array:
        return np.concatenate([np.zeros_like(g[:1]), moves(g[1:], eta, of)])

    return later


@dataclass(frozen=True)
class _Rule:
    """A way to update weights: its name, the numbers that it takes, what is wrong with it, or else worth saying.

    With a λ among the numbers, λ times each weight is added to its gradient.
    """

    name: str
    numbers: tuple[str, ...]
    moves: _Moves
    slip: str = ""
    remark: str = ""


_ADAM = ("b1", "b2", "eps")
_DECAY = "λ"
_DAMPED = "damps the first step of momentum, where the state is the gradient itself"
_AT_REST = "; its state begins with 0 in the first row, so that the first step moves nothing"
_INSIDE = "has eps inside the root; it should be added to the root"
_RULES = (
    _Rule("momentum", ("mu",), _momentum),
    _Rule("Nesterov momentum", ("mu",), _nesterov),
    _Rule("momentum as a running average", ("mu",), _averaged_momentum),
    _Rule("Adagrad", ("eps",), _adagrad),
    _Rule("RMSprop", ("b2", "eps"), _rmsprop),
    _Rule("Adam", _ADAM, _adam),
    _Rule("gradient descent with weight decay", (_DECAY,), _plain),
    _Rule("momentum with weight decay", ("mu", _DECAY), _momentum),
    _Rule("momentum", ("mu",), _from_rest(_momentum), remark=_AT_REST),
    _Rule("momentum as a running average", ("mu",), _from_rest(_averaged_momentum), remark=_AT_REST),
    _Rule("Adam", _ADAM, _from_rest(_adam), remark=_AT_REST),
    _Rule("momentum", ("mu",), _damped_first, _DAMPED),
    _Rule("RMSprop", ("b2", "eps"), _rmsprop_before, "divides by the average of the row before instead of its own"),
    _Rule("RMSprop", ("b2", "eps"), _rmsprop_inside, _INSIDE),
    _Rule("Adam", _ADAM, _adam_uncorrected, "lacks the bias correction of Adam, m/(1-b1^k) and v/(1-b2^k)"),
    _Rule("Adam", _ADAM, _adam_inside, _INSIDE),
    _Rule("Adam", _ADAM, _adam_first_power, "has b1^1 and b2^1 in each row; it should be b1^k and b2^k in update k"),
    _Rule("Adam", _ADAM, _adam_second_first_power, "has b2^1 in each row; it should be b2^k in update k"),
)


@dataclass(frozen=True)
class Update:
    """How the weights of a table are updated.

    Attributes:
        name: what it is called; empty where it is none that is known.
        learning_rate: its learning rate.
        slip: what is wrong with it, as the end of a sentence.
        note: what is worth saying, as a sentence.
        of: the weights that are updated so; the others have a slip of their own.
    """

    name: str
    learning_rate: float | None
    slip: str
    note: str
    of: frozenset[str]


@np.errstate(all="ignore")
def other_update(contents: Contents, findings: Sequence[Finding]) -> Update | None:
    """The optimizer of a table whose updates are not those of gradient descent; None where they are, or are wrong.

    Args:
        contents: of the table.
        findings: what was found in it.
    """
    names = [name for name in contents.updates if f"dE_d{name}" in contents.numbers]
    found = {finding.quantity for finding in findings if not finding.is_right_constant}
    wrong = [name for name in names if name in found]
    if not wrong or len(contents.table.rows) < _FEWEST_ROWS:
        return None
    if 2 * len(wrong) <= len(names):
        return _unknown(contents, findings, names)
    weights = np.array([contents.numbers[name] for name in names]).T
    gradients = np.array([contents.numbers[f"dE_d{name}"] for name in names]).T[:-1]
    moves = weights[:-1] - weights[1:]
    if not (np.isfinite(moves).all() and np.isfinite(gradients).all()):
        return _without_numbers(contents, findings, names)
    given = _numbers(contents, names[0])
    for rule in _RULES:
        for eta, of in _choices(rule, given):
            off = np.abs(rule.moves(gradients + of.get(_DECAY, 0.0) * weights[:-1], eta, of) - moves)
            fits = (off <= _TOLERANCE * (np.abs(moves) + np.abs(moves).max())).all(axis=0)
            if 2 * fits.sum() > len(names):
                told = ", ".join(f"{name} = {number:g}" for name, number in of.items())
                note = f"its updates are those of {rule.name}, with {told}{rule.remark}"
                return Update(rule.name, eta, rule.slip, note, frozenset(np.array(names)[fits].tolist()))
    return _unknown(contents, findings, names)


def _choices(rule: _Rule, given: Sequence[float]) -> Iterator[tuple[float, dict[str, float]]]:
    """The learning rate and the numbers of a rule, chosen among those that the updates take."""
    small = [number for number in given if 0 < number <= _LARGEST_EPS]
    parts = [number for number in given if 0 < number < 1]
    # one minus it is typed at times
    parts = list(dict.fromkeys([*parts, *(round(1 - number, 12) for number in parts if number > _LARGEST_EPS)]))
    of = [[*small, 0.0] if name == "eps" else parts for name in rule.numbers]
    for eta in (number for number in given if number > 0):
        for numbers in product(*of):
            yield eta, dict(zip(rule.numbers, numbers, strict=True))


def _numbers(contents: Contents, name: str) -> list[float]:
    """The numbers that an update takes: typed into it or the cells behind it, or in cells outside the table."""
    table, sheets = contents.table, contents.sheets
    step = min(2, len(table.rows) - 1)
    waiting, seen, found = [Cell(table.sheet, table.rows[step], table.columns[name])], set[Cell](), dict[float, None]()
    first = waiting[0]
    while waiting and len(seen) < _MOST_CELLS:
        cell = waiting.pop(0)
        if cell in seen or cell.sheet not in sheets.names:
            continue
        seen.add(cell)
        text = sheets.formulas(cell.sheet).get((cell.row, cell.column))
        inside = table.holds(cell)
        if text is None:
            if not inside and math.isfinite(number := number_in(sheets, cell)):
                found[number] = None
            continue
        if inside and cell.column in table.columns.values() and cell != first:
            continue
        formula = parsed(text)
        found |= dict.fromkeys(formula.numbers)
        waiting += formula.single_cells(sheets, cell.sheet)
    return [number for number in found if number not in (1.0, 2.0)][:_MOST_NUMBERS]


def _unknown(contents: Contents, findings: Sequence[Finding], names: Sequence[str]) -> Update | None:
    """That updates are of a kind of which nothing is known, all of them or those of a layer; None where they are wrong.

    Weights that are updated otherwise than most are not of that kind, and wrong.
    """
    strange, found = list[Finding](), {finding.quantity: finding for finding in findings if finding.quantity in names}
    of = set[str]()
    # a layer may be left untrained, and a whole network may not
    all_stay = len(found) == len(names) and all(_stays(contents, finding) for finding in found.values())
    for members in (list(names), *_layers(contents, names)):
        alike = updates(contents, members, _second(contents)).alike if len(members) > 1 else frozenset()
        wrong = [found[name] for name in members if name in alike and name in found]
        # of a layer all have to agree, as most weights of the table do not
        if not wrong or of or (len(members) < len(names) and len(alike) < len(members)):
            continue
        # the same formula in all weights, and right numbers in most: then it is what they go by way of that differs
        differing = 2 * len(wrong) <= len(alike) and any(_goes_by_way(contents, finding) for finding in wrong)
        whole = all_stay or len(members) == len(names)
        unclear = (_is_unclear(contents, finding, whole=whole) for finding in wrong)
        if not differing and all(unclear):
            of |= alike
            strange += wrong
    if not of:
        return None
    first, cells = strange[0], [cell for finding in strange for cell in _goes_by_way(contents, finding)]
    where = ", ".join(dict.fromkeys(cell_address(cell.row, cell.column) for cell in cells[:2]))
    takes = f" take cells such as {where}, and" if cells else ""
    whose = "its updates" if of.issuperset(names) else f"the updates of {_spoken(names, of)}"
    such = "" if cells else f", such as {first.found} in {first.cell},"
    note = f"{whose}{such}{takes} are of no kind that is known here: they are not judged"
    if _stays(contents, first):
        note = f"{_spoken(names, of)} stay as they are in each row: their updates are not judged"
    return Update("", contents.shown_rate, "", note, frozenset(of))


def _without_numbers(contents: Contents, findings: Sequence[Finding], names: Sequence[str]) -> Update | None:
    """That one update keeps all others from being computed; None where most are not alike, or are plain."""
    family, found = updates(contents, names, _second(contents)), {finding.quantity for finding in findings}
    alike = family.alike
    if not alike or not family.states() or alike.isdisjoint(found) or alike.issuperset(found.intersection(names)):
        return None
    note = "the updates of the other weights have no numbers until that is mended, and are not judged"
    return Update("", contents.shown_rate, "", note, alike)


def _second(contents: Contents) -> int:
    """A step whose update is like those that follow: the first one is special at times."""
    return min(2, len(contents.table.rows) - 1)


def _spoken(names: Sequence[str], of: Collection[str]) -> str:
    """`w1, w2, w3 and w4`."""
    told = [name for name in names if name in of]
    return f"{', '.join(told[:-1])} and {told[-1]}"


def _layers(contents: Contents, names: Sequence[str]) -> Iterator[list[str]]:
    """The weights of each layer."""
    network = contents.network
    for layer in network.trained_layers:
        own = {name for row in network.layer_weights(layer) for name in row}
        if members := [name for name in names if name in own]:
            yield members


def _stays(contents: Contents, finding: Finding) -> bool:
    """Whether a weight is no more than that of the row above."""
    table = contents.table
    above = table.rows[max(table.row_numbers[place(finding.cell)[0]] - 1, 0)]
    return finding.found.replace("$", "") == f"={cell_address(above, table.columns[finding.quantity])}"


def _is_unclear(contents: Contents, finding: Finding, *, whole: bool) -> bool:
    """Whether an update may be of a kind that is not known: no slip explains it.

    Args:
        contents: of the table.
        finding: of the update.
        whole: whether all weights of the table have it, and not those of a layer alone.
    """
    if finding.kind not in (Kind.UPDATE, Kind.REFERENCE) or not finding.slip:
        return finding.kind is Kind.UPDATE
    if _stays(contents, finding):
        return not whole
    # what a formula lacks may be in cells of which no header tells
    unclear = bool(finding.by_way_of) or finding.slip_kind in (SlipKind.UNNAMED_CELLS, SlipKind.MISSING_TERM)
    return unclear and bool(_goes_by_way(contents, finding))


def _goes_by_way(contents: Contents, finding: Finding) -> list[Cell]:
    """The cells of which no header tells what they are and that a wrong formula takes."""
    step = contents.table.row_numbers[place(finding.cell)[0]]
    return References(contents).unnamed(contents.formulas.texts[finding.quantity][step], step)


def judged_by(update: Update, findings: Sequence[Finding], contents: Contents) -> list[Finding]:
    """The findings, with those of updates as the optimizer of the table has them."""
    judged, names = [], contents.updates
    for finding in findings:
        if finding.quantity not in names:
            judged.append(finding)
        elif finding.quantity not in update.of:
            judged += odd_ones(contents, finding, f"the update of {update.name}" if update.name else finding.expected)
        elif update.slip:
            told = _told_anew(finding, update.slip, f"the update of {update.name}")
            judged.append(replace(told, kind=Kind.UPDATE))
    return judged


def _told_anew(finding: Finding, slip: str, expected: str) -> Finding:
    """A finding of an update with another slip than what it was taken for."""
    return replace(
        finding,
        expected=expected,
        slip=slip,
        helper=None,
        slip_kind=SlipKind.OTHER,
        formula_of="",
        by_way_of=(),
    )


def odd_ones(contents: Contents, finding: Finding, expected: str) -> list[Finding]:
    """A wrong update that most other weights have right: with their formula, or the cells that it goes by way of.

    Args:
        contents: of the table.
        finding: of the update.
        expected: what should stand there where the others do not tell.
    """
    names = [name for name in contents.updates if f"dE_d{name}" in contents.numbers]
    step = contents.table.row_numbers[place(finding.cell)[0]]
    family = updates(contents, names, max(step, _second(contents)))
    if family.alike and finding.quantity not in family.alike:
        formula = updates(contents, names, step).formula(finding.quantity) or expected
        return [_told_anew(finding, family.slip(finding.quantity), formula)]
    if odd := odd_states(contents, names, finding.quantity) if family.alike else []:
        return [replace(_told_anew(finding, one.slip, expected), helper=one.mend) for one in odd]
    return [replace(finding, expected=expected, helper=None)]
