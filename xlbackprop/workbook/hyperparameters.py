"""The optimizer of a training sheet above its table: what it is called, and a yellow cell for each hyperparameter."""

from xlbackprop.backprop.notation import header
from xlbackprop.backprop.optimizers import MEANINGS, RANGES, Optimizer
from xlbackprop.spreadsheet.addresses import cell_address, column_number
from xlbackprop.spreadsheet.blocks import Role
from xlbackprop.spreadsheet.book import Sheet
from xlbackprop.spreadsheet.presentation import Validation
from xlbackprop.workbook import looks
from xlbackprop.workbook.table_layout import TrainingLayout

# What stands above the cell of a hyperparameter, in two lines.
_LABELS = {
    "dampening": "dampening τ",
    "momentum": "momentum μ",
    "weight_decay": "weight\ndecay λ",
    "step_size": "steps until\nit falls",
    "warm_up": "steps of\nwarm-up",
    "beta_1": "beta_1\nβ₁",
    "beta_2": "beta_2\nβ₂",
    "eps": "eps ε",
    "alpha": "alpha α",
    "gamma": "gamma γ",
}


class HyperparameterCells:
    """The cells of an optimizer; each has a name in the scope of the sheet.

    Args:
        sheet: the training sheet.
        table: where its rows stand.
        optimizer: not the plain one.

    Attributes:
        cells: the cell of each hyperparameter.
    """

    def __init__(self, sheet: Sheet, table: TrainingLayout, optimizer: Optimizer) -> None:
        self._sheet, self._table, self._values = sheet, table, optimizer.values
        self._kinds = {"optimizer": optimizer.name}
        if optimizer.is_scheduled:
            self._kinds["schedule"] = optimizer.schedule
        row, column = table.hyperparameter_row + 1, column_number(table.first_hyperparameter)
        kinds = sheet.reserve("optimizer", cell_address(row, column), (1, len(self._kinds)), Role.TEXT)
        at = cell_address(row, column + len(self._kinds))
        self._block = sheet.reserve("hyperparameters", at, (1, len(self._values)), Role.INPUT)
        self.cells = {name: self._block.cell(0, n) for n, name in enumerate(self._values)}
        sheet.fill(kinds, list(self._kinds.values()), looks.KIND)
        named = {name: kinds.cell(0, n) for n, name in enumerate(self._kinds)} | self.cells
        sheet.book.names |= {(name, sheet.name): cell for name, cell in named.items()}

    def fill(self) -> None:
        """Fill the cells; above each stands its name, and what it is in the message of the cell."""
        sheet, table = self._sheet, self._table
        labels = [*self._kinds, *(_LABELS.get(name, name) for name in self._values)]
        sheet.put(f"{table.first_hyperparameter}{table.hyperparameter_row}", labels, looks.LABEL)
        sheet.fill(self._block, list(self._values.values()), looks.INPUT)
        for name, cell in self.cells.items():
            least, most = RANGES[name]
            message = f"{header(name)}: {MEANINGS[name]}."
            sheet.validations.append(Validation(cell, "decimal", least, most, title=name, message=message))
