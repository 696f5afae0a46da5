"""Where a wrong formula goes by way of another cell: whether it is that cell which has to be mended, and how."""

from xlbackprop.backprop.expression import cell_formula
from xlbackprop.backprop.quantities import chain_rule_names, training_step
from xlbackprop.check.contents import Contents
from xlbackprop.check.references import References
from xlbackprop.check.rendering import Rendering
from xlbackprop.check.shown import expected_expression
from xlbackprop.check.trial import Trial
from xlbackprop.check.tried import Group
from xlbackprop.report.findings import Mend
from xlbackprop.spreadsheet.addresses import cell_address, column_letters
from xlbackprop.spreadsheet.cells import Cell


class Mending:
    """Looks for cells without a header behind the wrong formulas of one table."""

    def __init__(self, contents: Contents) -> None:
        self._contents, self._table = contents, contents.table
        self._references, self._rendering = References(contents), Rendering(contents)
        self._roles: dict[int, str | None] = {}

    def of(self, group: Group, step: int) -> Mend | None:
        """The helper cell to change, and its formula; None where it is the formula itself that is wrong.

        Args:
            group: a wrong formula.
            step: the first step in which it is wrong.
        """
        contents, table = self._contents, self._table
        for cell in self._references.helpers(contents.formulas.texts[group.name][step], step):
            if role := self._role(cell, step):
                known = self._rendering.known(None, step) - chain_rule_names(table.network)
                expression = expected_expression(table.network, role, known, tuple(table.multiples.items()))
                formula = f"={cell_formula(expression, self._rendering.addresses(cell.row))}"
                last, letters = table.rows[-1] + cell.row - table.rows[step], column_letters(cell.column)
                first = cell_address(cell.row, cell.column)
                return Mend(first, formula, (first if last == cell.row else f"{first}:{letters}{last}",))
        return None

    def _role(self, helper: Cell, step: int) -> str | None:
        """The quantity that a column of helper cells has to hold for all that depends on it to be right."""
        if helper.column not in self._roles:
            self._roles[helper.column] = self._found_role(helper, step)
        return self._roles[helper.column]

    def _found_role(self, helper: Cell, step: int) -> str | None:
        contents, table = self._contents, self._table
        dependents = [
            (name, text, table.rows[step])
            for name in (*contents.quantities, *contents.updates)
            if (text := contents.formulas.texts[name][step]) and helper in self._references.helpers(text, step)
        ]
        local = chain_rule_names(table.network)
        for role in (quantity.name for quantity in training_step(table.network)):
            if role not in local or role in table.columns:
                continue
            trial = Trial(contents.sheets, table, contents.eta.cell, contents.tried.parameters, {helper.column: role})
            formulas = [(text, row) for _, text, row in dependents]
            names = [name for name, _, _ in dependents]
            for constants in (contents.tried.typed_eta, contents.tried.sheet_constants):
                if all(tried.right for tried in trial.tried(formulas, names, constants)):
                    return role
        return None
