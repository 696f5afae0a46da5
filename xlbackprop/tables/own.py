"""Finds the tables of a backpropagation workbook and reads the network that they train.

Everything is read from the file as it is now: an input that was edited counts as edited.
"""

from dataclasses import dataclass

from xlbackprop.backprop import notation
from xlbackprop.backprop.network import Network
from xlbackprop.backprop.quantities import training_step
from xlbackprop.errors import UnusableInput
from xlbackprop.spreadsheet.cells import Cell, Sheets, as_number
from xlbackprop.tables.table import Table

#: The header row of a table is looked for in the first rows of its sheet.
_HEADER_ROWS = 60


@dataclass(frozen=True)
class OwnWorkbook:
    """What a workbook of ours trains, as it stands in the file.

    Attributes:
        network: with the start values that are in the input cells now.
        tables: one a learning rate, in the order of their sheets.
        version: of the program that built it.
    """

    network: Network
    tables: tuple[Table, ...]
    version: str


def is_own_workbook(sheets: Sheets) -> bool:
    """Whether a workbook says that `xlbackprop build` made it."""
    return "Network" in sheets.names and _read_facts(sheets).get("made by", "").startswith("xlbackprop")


def read_own_workbook(sheets: Sheets) -> OwnWorkbook:
    """The network and the training tables of a workbook that `xlbackprop build` made.

    Raises:
        UnusableInput: it is a workbook of another kind, an input cell holds no number, or a table lacks
            a row or a column.
    """
    facts = _read_facts(sheets)
    try:
        network = Network.blank(
            layers=tuple(int(size) for size in facts["layers"].split("-")),
            hidden=facts["hidden activation"],
            output=facts["output activation"],
            loss=facts["error"],
            biases=facts["biases"],
        )
        steps, built = int(facts["steps"]), int(facts["learning rates"])
    except (KeyError, ValueError, UnusableInput):
        raise UnusableInput(
            "it is not a workbook made by xlbackprop: its Network sheet does not say which network it trains."
        ) from None
    values = {}
    for name in network.start_values:
        _, values[name] = _input(sheets, notation.defined_name(name), None, name)
    network = network.with_values(values)
    etas = [entry.sheet for entry in sheets.defined_names if entry.name == "eta" and entry.sheet is not None]
    tables = [_read_table(sheets, sheet, network) for sheet in etas]
    if not tables:
        raise UnusableInput("it is not a workbook made by xlbackprop: no sheet of it defines a learning rate.")
    if len(tables) != built:
        raise UnusableInput(
            f"it was built with {built} training sheets, but {len(tables)} of them define a learning rate: "
            "restore what was deleted."
        )
    for table in tables:
        if table.steps != steps:
            raise UnusableInput(
                f"the sheet {table.sheet} ends with step {table.steps:,}, "
                f"but the workbook was built with {steps:,}: restore the rows."
            )
    tables.sort(key=lambda table: sheets.names.index(table.sheet))
    return OwnWorkbook(network, tuple(tables), facts.get("made by", "").removeprefix("xlbackprop "))


def _read_facts(sheets: Sheets) -> dict[str, str]:
    """The lines `layers 2-2-2`, `biases none` ... of the network sheet: a label and a text right of it."""
    facts: dict[str, str] = {}
    for row, column in sheets.used_cells.get("Network", []):
        label, text = sheets.value("Network", row, column), sheets.value("Network", row, column + 1)
        if isinstance(label, str) and isinstance(text, str):
            facts.setdefault(label, text)
    return facts


def _input(sheets: Sheets, defined: str, sheet: str | None, name: str) -> tuple[Cell, float]:
    """The cell that a defined name stands for, on a sheet or everywhere, and the number in it."""
    cell = sheets.named_cell(defined, sheet)
    if cell is None:
        where = f" of the sheet {sheet}" if sheet else ""
        raise UnusableInput(f"the name {defined}{where} is missing or points nowhere: define it again.")
    value = as_number(sheets.value(cell.sheet, cell.row, cell.column))
    if value != value:
        raise UnusableInput(f"{name} on the sheet {cell.sheet}, row {cell.row}, is not a number: type one there.")
    return cell, value


def _read_table(sheets: Sheets, sheet: str, network: Network) -> Table:
    eta_cell, _ = _input(sheets, "eta", sheet, "eta")
    used = set(sheets.used_cells[sheet])
    header_row = next((row for row in range(1, _HEADER_ROWS + 1) if sheets.value(sheet, row, 1) == "step"), None)
    if header_row is None:
        raise UnusableInput(f"the sheet {sheet} has lost its header row: no row of it begins with step.")
    columns = sorted(column for row, column in used if row == header_row)
    headers = {column: sheets.value(sheet, header_row, column) for column in columns}
    # what somebody adds to the right of a table is no part of it
    found = {notation.name(text): column for column, text in reversed(headers.items()) if isinstance(text, str)}
    starts = network.start_values
    needed = ["step", *starts, *(quantity.name for quantity in training_step(network))]
    for name in needed:
        if name not in found:
            raise UnusableInput(
                f"the sheet {sheet} lacks the column {notation.header(name)}: restore its header or the column."
            )
    last_row = header_row
    while (last_row + 1, 1) in used:
        last_row += 1
    if last_row == header_row:
        raise UnusableInput(f"the sheet {sheet} has no steps under its header row.")
    return Table(
        sheet=sheet,
        header_row=header_row,
        rows=tuple(range(header_row + 1, last_row + 1)),
        columns=dict(sorted(((name, found[name]) for name in needed), key=lambda item: item[1])),
        cells={"eta": eta_cell},
        network=network.with_values(dict.fromkeys(starts, 0.0)),
        places={name: name for name in starts},
    )
