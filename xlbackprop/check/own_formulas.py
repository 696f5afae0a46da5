"""The formulas of a table of ours: which are those that `build` writes there, so that only the others are tried."""

from collections.abc import Mapping, Sequence, Set
from functools import cached_property

from xlbackprop.check.around import formulas_as_built, table_is_as_built, without_marks
from xlbackprop.check.formulas import Formulas
from xlbackprop.check.tried import Columns, Group, TriedFormulas
from xlbackprop.reference import Array
from xlbackprop.spreadsheet.formulas import FilledFormula, filled_formulas, parsed
from xlbackprop.tables.learning_rate import LearningRate
from xlbackprop.workbook.sheets import OurSheets


class FormulasOfOurs(Formulas):
    """The formulas of a table of ours: its steps follow each other."""

    @cached_property
    def jumps(self) -> dict[int, int]:
        return {}


class FormulasAsBuilt(TriedFormulas):
    """The formulas of a table of ours that are those that `build` writes: what they do is known, and none is tried."""

    @cached_property
    def groups(self) -> dict[str, list[Group]]:
        every = tuple(range(len(self._table.rows)))
        return {name: [self._as_built(name, every)] for name in self._columns.names}

    def _as_built(self, name: str, steps: tuple[int, ...]) -> Group:
        """The formula of a column in some rows, which is the one that `build` writes there."""
        row = self._table.rows[steps[0]]
        formula = self._sheets.formula(self._table.sheet, row, self._table.columns[name])
        return Group(name, FilledFormula(formula, row, steps), None, None, as_built=True)


class ChangedFormulas(FormulasAsBuilt):
    """The formulas of a table of ours, of which those that were changed are tried.

    Args:
        formulas, columns, numbers, eta: as of `TriedFormulas`.
        built: the sheets as `build` makes them, where these are known.
        triable: the columns whose formulas work on their own row, or on the one above it.
        filled: the columns in which references move by a row from one row to the next.
    """

    def __init__(
        self,
        formulas: Formulas,
        columns: Columns,
        numbers: Mapping[str, Array],
        eta: LearningRate,
        *,
        built: OurSheets | None,
        triable: Set[str],
        filled: Set[str],
    ) -> None:
        super().__init__(formulas, columns, numbers, eta)
        self._built, self._triable, self._filled = built, triable, filled

    @cached_property
    def _texts_as_built(self) -> Mapping[str, Mapping[int, str]]:
        """The formula that `build` writes, by column and row."""
        names = {column: name for name, column in self._table.columns.items()}
        found: dict[str, dict[int, str]] = {name: {} for name in names.values()}
        for row, columns, texts in formulas_as_built(self._built, self._table) if self._built else ():
            for column, text in zip(columns, texts, strict=True):
                if column in names:
                    found[names[column]][row] = text
        return found

    def built_formula(self, name: str, step: int) -> str | None:
        return self._texts_as_built[name].get(self._table.rows[step])

    @cached_property
    def groups(self) -> dict[str, list[Group]]:
        if self._built and table_is_as_built(self._sheets, self._built, self._table):
            return super().groups
        return {name: self._changed(name) for name in self._columns.names}

    def group_of(self, name: str, step: int) -> Group:
        text = self._formulas.texts[name][step]
        if text and without_marks(text) == self.built_formula(name, step):
            return self._as_built(name, (step,))
        return super().group_of(name, step)

    def _changed(self, name: str) -> list[Group]:
        """The formulas of a column of which some are not those that were built."""
        texts, rows, built = self._formulas.texts[name], self._table.rows, self._texts_as_built[name]
        same = tuple(n for n, text in enumerate(texts) if text and without_marks(text) == built.get(rows[n]))
        # the first row of an update is its start value, which is judged by itself
        others = sorted(set(range(name in self._columns.updates, len(rows))) - set(same))
        found = [self._as_built(name, same)] if same else []
        if not others:
            return found
        if name in self._filled:
            formulas = filled_formulas([texts[n] for n in others], [rows[n] for n in others])
            moved = [FilledFormula(one.text, one.row, tuple(others[n] for n in one.steps)) for one in formulas]
        else:
            moved = self._alike(name, others)
        return found + [self._group(name, formula) for formula in moved]

    def _alike(self, name: str, steps: Sequence[int]) -> list[FilledFormula]:
        """The formulas of a column in which references move at a pace of their own, together where they differ from
        those that were built in the same way."""
        texts, rows = self._formulas.texts[name], self._table.rows
        alike: dict[object, list[int]] = {}
        for step in steps:
            text, built = texts[step], self.built_formula(name, step)
            key: object = text
            if text is not None and built is not None and (right := parsed(built).references):
                found = parsed(text)
                moved = [
                    one._replace(row=one.row - right[0].row, last_row=one.last_row - right[0].row)
                    for one in found.references
                ]
                key = (found.pattern, *moved)
            alike.setdefault(key, []).append(step)
        return [FilledFormula(texts[of[0]], rows[of[0]], tuple(of)) for of in alike.values()]

    def _group(self, name: str, formula: FilledFormula) -> Group:
        if formula.text is None or name not in self._triable:
            return Group(name, formula, None, None, changed=True)
        return super()._group(name, formula)
