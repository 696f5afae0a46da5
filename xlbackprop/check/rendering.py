"""What belongs into the cells of a table, written in its own addresses."""

from collections.abc import Callable

import numpy as np

from xlbackprop.backprop import notation
from xlbackprop.backprop.expression import cell_formula
from xlbackprop.backprop.quantities import chain_rule_names, training_step
from xlbackprop.check.contents import Contents
from xlbackprop.check.shown import expected_expression
from xlbackprop.check.tried import usual
from xlbackprop.spreadsheet.addresses import cell_address, fixed_address, quoted
from xlbackprop.spreadsheet.cells import Cell
from xlbackprop.spreadsheet.formulas import parsed


class Rendering:
    """Writes the formulas that belong into one table."""

    def __init__(self, contents: Contents) -> None:
        self._contents, self._table, self._network = contents, contents.table, contents.network
        self._numbers = contents.numbers

    def known(self, text: str | None, step: int) -> frozenset[str]:
        """The names that an expected formula may use: δ and local derivatives only where the formula does too."""
        chain = chain_rule_names(self._network)
        network = self._network
        of_a_pass = {*network.input_names, *network.target_names, *(q.name for q in training_step(network))}
        own = {*self._table.columns, *self._table.cells} & of_a_pass | {*network.start_values, "eta"}
        used = filter(
            None, (self._contents.tried.trial.name_of(target, step) for target in parsed(text or "").references)
        )
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
        if built := self._contents.tried.built_formula(name, step):
            return built
        if name in self._contents.constants:
            if period := self._contents.turns.period:
                # what the sample has in another of its turns
                right = [n for n in range(step % period, len(table.rows), period) if not self._contents.wrong[name][n]]
                return f"={fixed_address(table.rows[right[0]], table.columns[name])}"
            first = int(np.argmax(self._numbers[name] == usual(self._numbers[name])))
            return f"={fixed_address(table.rows[first], table.columns[name])}"
        source = table.rows[max(step - 1, 0) if name in self._contents.updates else step]
        expression = expected_expression(self._network, name, self.known(text, step), tuple(table.multiples.items()))
        # a neuron without a bias adds 0
        return f"={cell_formula(expression, self.addresses(source, name))}".removesuffix("+0")

    def addresses(self, row: int, of_weight: str = "") -> Callable[[str], str]:
        """How the cell of each quantity is written in a formula; η may be that of a weight."""
        table, eta_cell = self._table, self._contents.eta.others.get(of_weight, self._contents.eta.cell)

        def address(name: str) -> str:
            place = table.places.get(name, name)
            if name in table.typed:
                return f"{table.typed[name]:.12g}"
            if place in table.columns:
                return cell_address(row, table.columns[place])
            cell = eta_cell if name == "eta" else table.cells.get(place)
            if cell is None:
                eta = self._contents.shown_rate
                return f"{eta:.12g}" if name == "eta" and eta is not None else notation.header(name)
            return self.sheet_of(cell) + fixed_address(cell.row, cell.column)

        return address

    def sheet_of(self, cell: Cell) -> str:
        return "" if cell.sheet == self._table.sheet else f"{quoted(cell.sheet)}!"
