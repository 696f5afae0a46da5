"""What is wrong with a formula for the cells that it refers to: another row, an empty cell, itself."""

import ast
from collections.abc import Iterator
from itertools import islice

from xlbackprop.backprop import notation
from xlbackprop.backprop.quantities import training_step
from xlbackprop.check.contents import Contents
from xlbackprop.check.expression_parts import names_in
from xlbackprop.check.mistakes import Slip, expected
from xlbackprop.check.rendering import Rendering
from xlbackprop.report.findings import SlipKind
from xlbackprop.spreadsheet.addresses import cell_address
from xlbackprop.spreadsheet.cells import Cell
from xlbackprop.spreadsheet.formulas import Formula, Reference, parsed

#: A cell that takes itself is looked for along so many others.
_MOST_CELLS = 500


class References:
    """Judges what the formulas of one table refer to."""

    def __init__(self, contents: Contents) -> None:
        self._contents, self._sheets, self._table = contents, contents.sheets, contents.table
        self._numbers, self._eta, self._rendering = contents.numbers, contents.eta, Rendering(contents)

    def slip(self, name: str, formula: Formula, step: int) -> Slip | None:
        """What is wrong with the references of a formula, if that is all.

        Args:
            name: the quantity, weight or bias.
            formula: its formula.
            step: the step in whose row it stands.
        """
        return (
            self.update_elsewhere(name, formula)
            or self.other_eta(name, formula)
            or self.other_rows(name, formula, step)
            or self._empty(formula, step)
        )

    def update_elsewhere(self, name: str, formula: Formula) -> Slip | None:
        """The formula of a weight in another column: filled over it from beside."""
        if name in self._contents.updates or self._eta.cell is None:
            return None
        cells = [self._cell(of) for of in formula.references if of.is_cell]
        if self._eta.cell not in cells or name.startswith("dE_d"):
            return None
        return Slip("holds the formula of an update, with η, that was filled over it")

    def _empty(self, formula: Formula, step: int) -> Slip | None:
        """A cell in which nothing stands, and which counts as 0."""
        for of in formula.references:
            cell = self._cell(of)
            if not of.is_cell or cell.sheet not in self._sheets.names or self._contents.tried.trial.name_of(of, step):
                continue
            value = self._sheets.values(cell.sheet).get((cell.row, cell.column))
            where = self._rendering.sheet_of(cell) + cell_address(cell.row, cell.column)
            if value is None:
                return Slip(f"refers to {where}, which is empty and counts as 0", shifted=True)
            if isinstance(value, str) and not value.startswith("#"):
                return Slip(f"refers to {where}, which holds a text", shifted=True)
        return None

    def _cell(self, of: Reference) -> Cell:
        return of.cell_on(self._table.sheet)

    def circle(self, name: str, step: int) -> Slip | None:
        """From which cell a formula takes itself; None if it does not."""
        table = self._table
        start = Cell(table.sheet, table.rows[step], table.columns[name])
        inside = next((cell for cell in self._precedents(start) if self._takes_itself(cell)), None)
        if inside is None and not self._takes_itself(start):
            return None
        cell = inside or start
        where = self._rendering.sheet_of(cell) + cell_address(cell.row, cell.column)
        eta, text = self._eta.cell, parsed(self._contents.formulas.texts[name][step] or "")
        fixed = any(of.row_fixed and self._cell(of) == cell for of in text.references)
        if name in self._contents.updates and fixed and eta is not None and cell != eta:
            held = self._rendering.sheet_of(eta) + cell_address(eta.row, eta.column)
            sentence = f"takes η from {where}, a cell of the table that follows from itself: η stands in {held}"
            return Slip(sentence, kind=SlipKind.LEARNING_RATE)
        return Slip(f"takes {where}, which follows from itself" if inside else "follows from itself")

    def _precedents(self, cell: Cell) -> Iterator[Cell]:
        formula = parsed(self._sheets.formulas(cell.sheet).get((cell.row, cell.column), ""))
        for of in formula.references:
            sheet = of.sheet or cell.sheet
            if sheet in self._sheets.names:
                yield from (Cell(sheet, *place) for place in islice(of.cells(), _MOST_CELLS))

    def _takes_itself(self, cell: Cell) -> bool:
        seen, waiting = set[Cell](), [*self._precedents(cell)]
        while waiting and len(seen) < _MOST_CELLS:
            one = waiting.pop()
            if one == cell:
                return True
            if one not in seen:
                seen.add(one)
                waiting += self._precedents(one)
        return False

    def helpers(self, text: str | None, step: int) -> list[Cell]:
        """The cells with a formula and without a known header that a formula takes its number from."""
        return [
            cell
            for cell in self.unnamed(text, step)
            if cell.sheet == self._table.sheet and (cell.row, cell.column) in self._sheets.formulas(cell.sheet)
        ]

    def unnamed(self, text: str | None, step: int) -> list[Cell]:
        """The cells of its row, or of the row above, that a formula refers to and no header tells of."""
        rows = self._table.rows[max(step - 1, 0) : step + 1]
        cells = (
            self._cell(of)
            for of in parsed(text or "").references
            if of.is_cell and of.row in rows and self._contents.tried.trial.name_of(of, step) is None
        )
        return list(dict.fromkeys(cells))

    def held(self, name: str, text: str, step: int) -> frozenset[str]:
        """The quantities that a formula takes, also by way of cells without a header, a gradient by way of others.

        Args:
            name: the quantity, weight or bias.
            text: its formula.
            step: the step in whose row it stands.
        """
        contents, table = self._contents, self._table
        found, waiting, seen = set(table.typed), [(text, table.sheet)], set[tuple[str, str]]()
        while waiting and len(seen) < _MOST_CELLS:
            one, sheet = waiting.pop()
            if (one, sheet) in seen:
                continue
            seen.add((one, sheet))
            formula = parsed(one)
            found |= {name for of in formula.references for name in contents.tried.trial.names_in(of, step)}
            cells = [Cell(of.sheet or sheet, of.row, of.column) for of in formula.references if of.is_cell]
            cells += [at for used in formula.names if (at := self._sheets.named_cell(used, sheet))]
            for cell in cells:
                of = Reference(cell.sheet, cell.row, cell.column, cell.row, cell.column, row_fixed=True)
                named, _ = contents.tried.trial.name_of(of, step) or ("", 0)
                found |= {named} - {""}
                of_gradient = named.startswith(("dE_d", "delta_", "da_")) and name not in contents.updates
                if (not named or of_gradient) and cell.sheet in self._sheets.names:
                    below = self._sheets.formulas(cell.sheet).get((cell.row, cell.column))
                    waiting += [(below, cell.sheet)] if below else []
        for quantity in training_step(contents.network):
            # what is written out instead: h1 as w1*i1+w2*i2
            if found.issuperset(names_in(ast.parse(quantity.expression, mode="eval").body)):
                found.add(quantity.name)
        return frozenset(found)

    def other_eta(self, name: str, formula: Formula) -> Slip | None:
        """Another cell where the learning rate belongs."""
        eta_cell = self._eta.others.get(name, self._eta.cell)
        if name not in self._contents.updates or eta_cell is None:
            return None
        for target in formula.references:
            cell = self._cell(target)
            in_table = cell.sheet == self._table.sheet and self._table.header_row < cell.row <= self._table.rows[-1]
            if target.is_cell and cell.sheet == eta_cell.sheet and self._slides(target, eta_cell):
                held = self._rendering.addresses(0, name)("eta")
                return Slip(
                    f"takes η from a cell that slides down with the rows, for want of the $ in {held}", shifted=True
                )
            if target.is_cell and not in_table and cell != eta_cell:
                found = self._rendering.sheet_of(cell) + cell_address(cell.row, cell.column)
                return Slip(
                    f"takes η from {found} instead of {self._rendering.addresses(0, name)('eta')}", shifted=True
                )
        return None

    def _slides(self, target: Reference, eta_cell: Cell) -> bool:
        """Whether a reference is the one to the learning rate, filled down without its $."""
        column = target.column == eta_cell.column and target.column not in self._table.columns.values()
        above = eta_cell.row < target.row and eta_cell.row < self._table.rows[0]
        return above and not target.row_fixed and (column or target.row <= self._table.header_row)

    def other_rows(self, quantity: str, formula: Formula, step: int) -> Slip | None:
        """Cells of another row than the formula should work on."""
        normal = 1 if quantity in self._contents.updates else 0
        far: dict[str, int] = {}
        inside, rows = set(self._table.columns.values()), self._table.rows
        for target in formula.references:
            own = target.is_cell and target.sheet in (None, self._table.sheet) and target.column in inside
            if own and self._table.header_row <= target.row <= rows[-1] and target.row not in self._table.row_numbers:
                return Slip(f"refers to row {target.row}, which holds no step", shifted=True)
            name, back = self._contents.tried.trial.name_of(target, step) or ("", 0)
            if target.is_cell and name in self._numbers and name not in self._contents.tried.sheet_constants:
                header = notation.header(name)
                if back != normal and target.row_fixed:
                    text = f"takes {header} always from row {target.row}, because of the $"
                    return Slip(text + self._instead(quantity, name), shifted=True)
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

    def _instead(self, quantity: str, used: str) -> str:
        """What belongs there where a formula uses a quantity that it should not use at all."""
        table = self._table
        right = names_in(
            expected(table.network, quantity, self._rendering.known(None, 0), tuple(table.multiples.items()))
        )
        alike = [name for name in dict.fromkeys(right) if name.rstrip("0123456789") == used.rstrip("0123456789")]
        return f", and it should be {notation.header(alike[0])}" if used not in right and alike else ""
