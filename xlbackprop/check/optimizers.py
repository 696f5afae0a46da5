"""Other ways to update a weight than plain gradient descent: momentum to Adam, and how people get them wrong.

Each is followed from the sheet's own gradients, as torch.optim defines it (k is the number of the update, from 1).
"""

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import product

import numpy as np

from xlbackprop.check.contents import Contents
from xlbackprop.check.references import References
from xlbackprop.reference import Array
from xlbackprop.report.findings import Finding, Kind, SlipKind
from xlbackprop.spreadsheet.addresses import cell_address
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


def _from_rest(moves: _Moves) -> _Moves:
    """The moves of a rule whose state stands as 0 in the first row, and takes its first gradient in the second."""

    def later(g: Array, eta: float, of: Mapping[str, float]) -> Array:
        return np.concatenate([np.zeros_like(g[:1]), moves(g[1:], eta, of)])

    return later


@dataclass(frozen=True)
class _Rule:
    """A way to update weights: its name, the numbers that it takes, what is wrong with it, or else worth saying."""

    name: str
    numbers: tuple[str, ...]
    moves: _Moves
    slip: str = ""
    remark: str = ""


_ADAM = ("b1", "b2", "eps")
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
    if 2 * len(wrong) <= len(names) or len(contents.table.rows) < _FEWEST_ROWS:
        return None
    weights = np.array([contents.numbers[name] for name in names]).T
    gradients = np.array([contents.numbers[f"dE_d{name}"] for name in names]).T[:-1]
    moves = weights[:-1] - weights[1:]
    if not (np.isfinite(moves).all() and np.isfinite(gradients).all()):
        return None
    given = _numbers(contents, names[0])
    for rule in _RULES:
        for eta, of in _choices(rule, given):
            off = np.abs(rule.moves(gradients, eta, of) - moves)
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
    """That the updates take cells of which nothing is known; None where they are plain, and so wrong."""
    references, strange = References(contents), list[Cell]()
    for finding in findings:
        if finding.quantity in names:
            step = contents.table.row_numbers[contents.table.rows[min(2, len(contents.table.rows) - 1)]]
            cells = references.unnamed(contents.formulas.texts[finding.quantity][step], step)
            # what a formula lacks may be in such cells
            unclear = finding.by_way_of or finding.slip_kind in (SlipKind.UNNAMED_CELLS, SlipKind.MISSING_TERM)
            if not cells or (finding.slip and not unclear):
                return None
            strange += cells
    where = ", ".join(dict.fromkeys(cell_address(cell.row, cell.column) for cell in strange[:2]))
    note = f"its updates take cells such as {where}, and are of no kind that is known here: they are not judged"
    return Update("", contents.shown_rate, "", note, frozenset(names))


def judged_by(update: Update, findings: Sequence[Finding], names: Sequence[str]) -> list[Finding]:
    """The findings, with those of updates as the optimizer of the table has them."""
    expected, judged = f"the update of {update.name}", []
    for finding in findings:
        if finding.quantity not in names:
            judged.append(finding)
        elif finding.quantity not in update.of:
            judged.append(replace(finding, expected=expected, helper=None))
        elif update.slip:
            judged.append(_of_optimizer(finding, update.slip, expected))
    return judged


def _of_optimizer(finding: Finding, slip: str, expected: str) -> Finding:
    """A finding of an update with the slip of its optimizer, instead of what it was taken for."""
    return replace(
        finding,
        kind=Kind.UPDATE,
        expected=expected,
        slip=slip,
        helper=None,
        slip_kind=SlipKind.OTHER,
        formula_of="",
        by_way_of=(),
    )
