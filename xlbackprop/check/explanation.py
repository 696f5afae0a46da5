"""Explains a wrong formula: the slip, and the formula that should stand there instead."""

from collections.abc import Callable

import numpy as np

from xlbackprop.backprop import notation
from xlbackprop.backprop.expression import cell_formula
from xlbackprop.backprop.quantities import chain_rule_names, expected_expression, training_step
from xlbackprop.check.contents import Contents, Group, usual
from xlbackprop.check.mistakes import Slip
from xlbackprop.check.slips import slip
from xlbackprop.spreadsheet.addresses import cell_address, fixed_address, quoted
from xlbackprop.spreadsheet.cells import Cell
from xlbackprop.spreadsheet.formulas import FilledFormula, Formula, parsed

_ROUNDING_FUNCTIONS = {"ROUND", "ROUNDUP", "ROUNDDOWN", "TRUNC", "INT", "MROUND", "FIXED"}


class Explanation:
    """Explains the formulas of one table."""

    def __init__(self, contents: Contents) -> None:
        self._contents = contents
        self._sheets, self._table, self._network = contents.sheets, contents.table, contents.network
        self._numbers, self._eta = contents.numbers, contents.eta

    def named_slip(self, group: Group) -> Slip | None:
        """The slip in a wrong formula, if it is one of the known kinds."""
        name, text = group.name, group.formula.text or ""
        step = self._table.row_numbers[group.formula.row]
        formula = parsed(text)
        if name in self._contents.constants:
            return None
        if own := self._contents.own_slip(group):
            return own
        shifted = self._other_eta(name, formula) or self._other_rows(name, formula, step)
        if shifted:
            return shifted
        if _ROUNDING_FUNCTIONS.intersection(formula.functions):
            return Slip("is rounded, and so is all that follows from it")
        known = self._known(text, step)
        for tried in (group.tried, group.tried_with_constants):
            if tried and not tried.right:
                found = slip(self._network, name, known, tried.constants, tried.results, formula.numbers)
                if found:
                    return found
        return None

    def by_way_of(self, formula: FilledFormula) -> str:
        """The cells without a known header that a formula takes its number from, where the slip may be."""
        step = self._table.row_numbers[formula.row]
        helpers = [
            cell_address(target.row, target.column)
            for target in parsed(formula.text or "").references
            if target.is_cell
            and target.sheet in (None, self._table.sheet)
            and self._contents.trial.name_of(target, step) is None
            and (target.row, target.column) in self._sheets.formulas(self._table.sheet)
        ]
        return f", by way of {', '.join(helpers)}" if helpers else ""

    def _other_eta(self, name: str, formula: Formula) -> Slip | None:
        """Another cell where the learning rate belongs."""
        eta_cell = self._eta.cell
        if name not in self._contents.updates or eta_cell is None:
            return None
        for target in formula.references:
            cell = Cell(target.sheet or self._table.sheet, target.row, target.column)
            in_table = cell.sheet == self._table.sheet and self._table.header_row < cell.row <= self._table.rows[-1]
            if target.is_cell and not in_table and cell != eta_cell:
                found = self._sheet_of(cell) + cell_address(cell.row, cell.column)
                return Slip(f"takes η from {found} instead of {self._addresses(0)('eta')}", shifted=True)
        return None

    def _other_rows(self, name: str, formula: Formula, step: int) -> Slip | None:
        """Cells of another row than the formula should work on."""
        normal = 1 if name in self._contents.updates else 0
        far: dict[str, int] = {}
        inside, rows = set(self._table.columns.values()), self._table.rows
        for target in formula.references:
            own = target.is_cell and target.sheet in (None, self._table.sheet) and target.column in inside
            if own and self._table.header_row <= target.row <= rows[-1] and target.row not in self._table.row_numbers:
                return Slip(f"refers to row {target.row}, which holds no step", shifted=True)
            name, back = self._contents.trial.name_of(target, step) or ("", 0)
            if target.is_cell and name in self._numbers and name not in self._contents.sheet_constants:
                header = notation.header(name)
                if back != normal and target.row_fixed:
                    return Slip(f"takes {header} always from row {target.row}, because of the $", shifted=True)
                far[header] = back - normal
        shifts = {shift for shift in far.values() if shift}
        if not shifts:
            return None
        shift = shifts.pop()
        where = f"{abs(shift)} row{'s' if abs(shift) > 1 else ''} too {'high' if shift > 0 else 'low'}"
        if len(far) > 1 and all(other == shift for other in far.values()):
            return Slip(f"takes all its numbers from {where}", shifted=True)
        header = next(header for header, other in far.items() if other == shift)
        return Slip(f"takes {header} from {where}", shifted=True)

    def _known(self, text: str | None, step: int) -> frozenset[str]:
        """The names that an expected formula may use: δ and local derivatives only where the formula does too."""
        chain = chain_rule_names(self._network)
        network = self._network
        of_a_pass = {*network.input_names, *network.target_names, *(q.name for q in training_step(network))}
        own = {*self._table.columns, *self._table.cells} & of_a_pass | {*network.start_values, "eta"}
        used = filter(None, (self._contents.trial.name_of(target, step) for target in parsed(text or "").references))
        if text is not None and chain.isdisjoint(name for name, _ in used):
            own -= chain
        return frozenset(own)

    def expected_formula(self, name: str, step: int, text: str | None) -> str:
        """The formula that belongs into a cell, in the addresses of the table, with its `=`.

        Args:
            name: the quantity, weight or bias.
            step: the step of its row.
            text: the formula that stands there; where it uses δ or local derivatives, so does the expected one.
        """
        table = self._table
        if built := self._contents.built_formula(name, step):
            return built
        if name in self._contents.constants:
            first = int(np.argmax(self._numbers[name] == usual(self._numbers[name])))
            return f"={fixed_address(table.rows[first], table.columns[name])}"
        source = table.rows[max(step - 1, 0) if name in self._contents.updates else step]
        expression = expected_expression(self._network, name, self._known(text, step))
        return f"={cell_formula(expression, self._addresses(source))}"

    def _addresses(self, row: int) -> Callable[[str], str]:
        table = self._table

        def address(name: str) -> str:
            place = table.places.get(name, name)
            if place in table.columns:
                return cell_address(row, table.columns[place])
            cell = self._eta.cell if name == "eta" else table.cells.get(place)
            if cell is None:
                eta = self._eta.first
                return f"{eta:.12g}" if name == "eta" and eta is not None else notation.header(name)
            return self._sheet_of(cell) + fixed_address(cell.row, cell.column)

        return address

    def _sheet_of(self, cell: Cell) -> str:
        return "" if cell.sheet == self._table.sheet else f"{quoted(cell.sheet)}!"
