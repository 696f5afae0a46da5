"""Formulas that should be the same but for their own cells: the updates of the weights, and what they go by way of.

Where nothing is known of an update, most weights still tell how it is meant, and one that differs is seen.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from xlbackprop.backprop import notation
from xlbackprop.check.contents import Contents
from xlbackprop.report.findings import Mend
from xlbackprop.spreadsheet.addresses import cell_address, fixed_address, quoted
from xlbackprop.spreadsheet.formulas import Reference, parsed

#: So many rows of a column are compared with those of the others.
_MOST_ROWS = 1000


@dataclass(frozen=True)
class Odd:
    """A formula that is another one than those of the other weights.

    Attributes:
        mend: its cell, and the formula that belongs there.
        slip: how it differs, as the end of a sentence.
    """

    mend: Mend
    slip: str


class Family:
    """The formulas of some weights in one row, each of which may refer to cells of its own.

    Args:
        contents: of the table.
        step: the step in whose row they stand.
        roles: for each weight its own columns by role.
        own: the role of the column that the formulas stand in.
    """

    def __init__(self, contents: Contents, step: int, roles: Mapping[str, Mapping[str, int]], own: str) -> None:
        self._contents, self._table, self._step, self._roles, self._own = contents, contents.table, step, roles, own
        formulas, row = contents.sheets.formulas(self._table.sheet), self._table.rows[step]
        self._formulas = {name: parsed(formulas.get((row, of[own]), "")) for name, of in roles.items()}
        shapes = Counter(map(self._shape, roles))
        self._usual = max(shapes, key=lambda shape: shapes[shape])
        self._members = [name for name in roles if self._shape(name) == self._usual]

    def _shape(self, name: str) -> tuple[str, tuple[object, ...]]:
        """A formula without its columns."""
        formula = self._formulas[name]
        return formula.pattern, tuple(map(self._row_of, formula.references))

    def _row_of(self, of: Reference) -> object:
        step = None if of.row_fixed or of.sheet else self._table.row_numbers.get(of.row)
        place = (of.row, None) if step is None else (None, self._step - step)
        return of.sheet, of.last_row - of.row, of.last_column - of.column, *place

    @property
    def is_common(self) -> bool:
        """Whether most weights have the same formula, and one that refers to something."""
        return 2 * len(self._members) > len(self._roles) and bool(self._usual[1])

    @cached_property
    def _slots(self) -> list[Mapping[str, int] | None]:
        """For each cell that the usual formula refers to the column of each weight; None where most do not agree."""
        return [self._slot(n) for n in range(len(self._usual[1]))]

    def _slot(self, n: int) -> Mapping[str, int] | None:
        found = {name: self._formulas[name].references[n].column for name in self._members}
        kinds = [{name: of[role] for name, of in self._roles.items()} for role in next(iter(self._roles.values()))]
        kinds += [dict.fromkeys(self._roles, column) for column, _ in Counter(found.values()).most_common(1)]
        kinds += [side_by_side] if (side_by_side := self._progression(found)) else []
        # columns of the table are said by their names, so nothing else comes before those
        best = max(kinds, key=lambda kind: sum(kind[name] == column for name, column in found.items()))
        return best if 2 * sum(best[name] == column for name, column in found.items()) > len(found) else None

    def _progression(self, found: Mapping[str, int]) -> dict[str, int] | None:
        """Columns that stand in the order of the weights, at the distance that most of them have."""
        place = {name: n for n, name in enumerate(self._roles)}
        pairs = list(zip(found, [*found][1:], strict=False))
        steps = Counter((found[b] - found[a]) / (place[b] - place[a]) for a, b in pairs)
        if not steps:
            return None
        distance = steps.most_common(1)[0][0]
        first = Counter(column - distance * place[name] for name, column in found.items()).most_common(1)[0][0]
        columns = {name: round(first + distance * n) for name, n in place.items()}
        return columns if min(columns.values()) > 0 else None

    @cached_property
    def alike(self) -> frozenset[str]:
        """The weights whose formula is the usual one."""
        if not self.is_common or None in self._slots:
            return frozenset()
        return frozenset(name for name in self._members if not any(self._differences(name)))

    def _differences(self, name: str) -> Iterator[tuple[int, int]]:
        """The columns that a formula of the usual shape takes, where others belong, each with that one."""
        for of, slot in zip(self._formulas[name].references, self._slots, strict=True):
            if slot is not None and of.column != slot[name]:
                yield of.column, slot[name]

    def formula(self, name: str) -> str | None:
        """The usual formula, written for a weight, with its `=`; None where it cannot be told."""
        if not self.alike:
            return None
        parts = self._formulas[self._members[0]].pattern.split("\0")
        references = self._formulas[self._members[0]].references
        if len(parts) != len(references) + 1 or not all(of.is_cell for of in references):
            return None
        text = parts[0]
        for of, slot, rest in zip(references, self._slots, parts[1:], strict=True):
            column = of.column if slot is None else slot[name]
            sheet = f"{quoted(of.sheet)}!" if of.sheet else ""
            text += sheet + (fixed_address if of.row_fixed else cell_address)(of.row, column) + rest
        return text if text.startswith("=") else f"={text}"

    def slip(self, name: str) -> str:
        """How the formula of a weight differs from the usual one, as the end of a sentence."""
        differences = dict(self._differences(name)) if name in self._members else {}
        if len(differences) != 1:
            return "has another formula than the other weights have there"
        found, expected = map(self._named, *differences.items())
        return f"uses {found}; it should be {expected}"

    def _named(self, column: int) -> str:
        """What a column is called."""
        if name := next((name for name, at in self._table.columns.items() if at == column), None):
            return notation.header(name)
        header = self._contents.sheets.value(self._table.sheet, self._table.header_row, column)
        return header.strip() if isinstance(header, str) and header.strip() else cell_address(self._row, column)

    @property
    def _row(self) -> int:
        return self._table.rows[self._step]

    def states(self) -> list[Mapping[str, int]]:
        """For each cell without a known header that the formulas go by way of, the column of each weight."""
        known = set(self._table.columns.values())
        return [
            slot
            for slot in self._slots
            if slot is not None and len(set(slot.values())) == len(slot) and known.isdisjoint(slot.values())
        ]


def updates(contents: Contents, names: Sequence[str], step: int) -> Family:
    """The updates of some weights that lead to a step."""
    return Family(contents, step, _roles(contents, names), "weight")


def _roles(contents: Contents, names: Sequence[str]) -> dict[str, dict[str, int]]:
    columns = contents.table.columns
    return {name: {"weight": columns[name], "gradient": columns[f"dE_d{name}"]} for name in names}


def odd_states(contents: Contents, names: Sequence[str], name: str) -> list[Odd]:
    """What stands otherwise than for the other weights in the cells that the update of a weight goes by way of.

    Args:
        contents: of the table.
        names: the weights with the same update.
        name: one of them.
    """
    found, table = list[Odd](), contents.table
    columns = updates(contents, names, min(2, len(table.rows) - 1)).states()
    roles = {
        one: of | {f"state {n}": column[one] for n, column in enumerate(columns)}
        for one, of in _roles(contents, names).items()
    }
    for n, column in enumerate(columns):
        runs = dict[str, list[int]]()
        for step in range(min(len(table.rows), _MOST_ROWS)):
            family = Family(contents, step, roles, f"state {n}")
            # the row above is part of a formula that is filled down
            if family.alike and name not in family.alike and family.formula(name):
                runs.setdefault("first" if step == 0 else family.slip(name), []).append(step)
        for steps in runs.values():
            family = Family(contents, steps[0], roles, f"state {n}")
            cells = [cell_address(table.rows[step], column[name]) for step in steps]
            together = f"{cells[0]}:{cells[-1]}" if len(cells) > 1 else cells[0]
            ranges = (together,) if steps[-1] - steps[0] == len(steps) - 1 else tuple(cells)
            found.append(Odd(Mend(cells[0], family.formula(name) or "", ranges), family.slip(name)))
    return found
