"""Finds the tables of a backpropagation workbook and reads the network that they train.

Everything is read from the file as it is now: an input that was edited counts as edited.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from xlbackprop.backprop import notation
from xlbackprop.backprop.network import Network
from xlbackprop.backprop.optimizers import CONSTANT, GRADIENT_DESCENT, KINDS, PLAIN, SCHEDULES, Optimizer
from xlbackprop.backprop.quantities import gathered, states, training_step
from xlbackprop.backprop.samples import Samples
from xlbackprop.errors import UnusableInput
from xlbackprop.spreadsheet.addresses import cell_address
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
        passes: the table with the samples of each step, for each of these, where a step takes several.
        version: of the program that built it.
    """

    network: Network
    tables: tuple[Table, ...]
    passes: tuple[Table, ...]
    version: str


def is_own_workbook(sheets: Sheets) -> bool:
    """Whether a workbook says that `xlbackprop build` made it."""
    return "Network" in sheets.names and _read_facts(sheets).get("made by", "").startswith("xlbackprop")


def has_samples(sheets: Sheets) -> bool:
    """Whether a workbook of ours says that it learns from several samples."""
    return "samples" in _read_facts(sheets)


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
        if "samples" in facts:
            network = network.with_samples(_read_samples(sheets, facts, network))
        steps, built = int(facts["steps"]), int(facts["learning rates"])
    except (KeyError, ValueError, UnusableInput) as error:
        if isinstance(error, Edited):
            raise
        raise UnusableInput(
            "it is not a workbook made by xlbackprop: its Network sheet does not say which network it trains."
        ) from None
    values = {}
    for name in network.start_values:
        _, values[name] = _input(sheets, notation.defined_name(name), None, name)
    network = network.with_values(values)
    etas = [entry.sheet for entry in sheets.defined_names if entry.name == "eta" and entry.sheet is not None]
    trained = {sheet: replace(network, optimizer=_read_optimizer(sheets, sheet)) for sheet in etas}
    tables = [_read_table(sheets, sheet, of, _step_names(of)) for sheet, of in trained.items()]
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
    passes = tuple(_read_passes(sheets, table) for table in tables) if network.in_batches else ()
    return OwnWorkbook(network, tuple(tables), passes, facts.get("made by", "").removeprefix("xlbackprop "))


#: The columns that optimizers and schedules have of their own, without the weights.
_STATES_OF_ALL = ("eta_t", *dict.fromkeys(state.name for kind in KINDS.values() for state in kind.states))


class Edited(UnusableInput):
    """It is a workbook of ours, and something in it was edited so that it cannot be used."""


def _read_samples(sheets: Sheets, facts: dict[str, str], network: Network) -> Samples:
    """The samples as they stand on their sheet now."""
    first = sheets.named_cell("data", None)
    if first is None:
        raise Edited("the name data, of the first sample, is missing or points nowhere: define it again.")
    inputs, targets, count = network.layers[0], network.layers[-1], int(facts["samples"])

    def numbers(row: int, column: int, width: int) -> tuple[float, ...]:
        found = [as_number(sheets.value(first.sheet, row, column + n)) for n in range(width)]
        for n, value in enumerate(found):
            if value != value:
                where = cell_address(row, column + n)
                raise Edited(f"{where} on the sheet {first.sheet} is not a number: type one there.")
        return tuple(found)

    rows = range(first.row, first.row + count)
    order: tuple[int, ...] = ()
    if facts["order of samples"] == "drawn":
        shown = [numbers(row, first.column + inputs + targets + 1, 1)[0] for row in rows]
        order = tuple(map(int, shown))
        if not set(shown) <= set(range(1, count + 1)):
            raise Edited(f"the order on the sheet {first.sheet} names a sample that there is not.")
    return Samples(
        tuple(numbers(row, first.column, inputs) for row in rows),
        tuple(numbers(row, first.column + inputs, targets) for row in rows),
        batch=int(facts["samples a step"]),
        reduction=facts["errors and gradients"],
        order=order,
        answers=facts["right answers"],
    )


def _read_optimizer(sheets: Sheets, sheet: str) -> Optimizer:
    """The optimizer of a training sheet, with the hyperparameters that stand there now."""
    words = {}
    for name, usual in (("optimizer", PLAIN), ("schedule", CONSTANT)):
        cell = sheets.named_cell(name, sheet)
        words[name] = usual if cell is None else str(sheets.value(cell.sheet, cell.row, cell.column))
    if words["optimizer"] not in KINDS or words["schedule"] not in SCHEDULES:
        raise Edited(f"the sheet {sheet} trains by {words['optimizer']}, {words['schedule']}, which is not known.")
    if sheets.named_cell("optimizer", sheet) is None:
        return GRADIENT_DESCENT
    names = (*KINDS[words["optimizer"]].hyperparameters, *SCHEDULES[words["schedule"]].arguments)
    values = {name: _input(sheets, name, sheet, name)[1] for name in names}
    try:
        return Optimizer(words["optimizer"], tuple(values.items()), words["schedule"])
    except UnusableInput as error:
        raise Edited(f"on the sheet {sheet}, {error}") from None


def _step_names(network: Network) -> list[str]:
    """The columns of a training table."""
    kept = [state.name for state in states(network)]
    if network.in_batches:
        return ["step", *network.start_values, *(one.name for one in gathered(network)), *kept]
    return [*_pass_names(network), *(one.name for one in gathered(network)), *kept]


def _pass_names(network: Network) -> list[str]:
    """The columns of a table in which a row is a forward and a backward pass."""
    given = ["sample", *network.input_names, *network.target_names] if network.samples else []
    return ["step", *given, *network.start_values, *(quantity.name for quantity in training_step(network))]


def _read_passes(sheets: Sheets, table: Table) -> Table:
    """The table with the samples of each step of a training table."""
    cell = sheets.named_cell("samples", table.sheet)
    if cell is None:
        raise UnusableInput(
            f"the name samples of the sheet {table.sheet} is missing or points nowhere: define it again."
        )
    found = _read_table(sheets, cell.sheet, table.network, _pass_names(table.network), of=table.sheet)
    batch = table.network.samples.batch if table.network.samples else 1
    if len(found.rows) != batch * len(table.rows):
        raise UnusableInput(
            f"the sheet {cell.sheet} has {len(found.rows):,} rows, but {batch} samples for each of "
            f"{len(table.rows):,} steps are {batch * len(table.rows):,}: restore the rows."
        )
    return found


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


def _read_table(sheets: Sheets, sheet: str, network: Network, needed: Sequence[str], of: str | None = None) -> Table:
    """A table of a sheet with the columns that it needs; its learning rate is that of a sheet, its own without `of`."""
    eta_cell, _ = _input(sheets, "eta", of or sheet, "eta")
    used = set(sheets.used_cells[sheet])
    header_row = next((row for row in range(1, _HEADER_ROWS + 1) if sheets.value(sheet, row, 1) == "step"), None)
    if header_row is None:
        raise UnusableInput(f"the sheet {sheet} has lost its header row: no row of it begins with step.")
    columns = sorted(column for row, column in used if row == header_row)
    headers = {column: sheets.value(sheet, header_row, column) for column in columns}
    # what somebody adds to the right of a table is no part of it
    found = {notation.name(text): column for column, text in reversed(headers.items()) if isinstance(text, str)}
    starts = network.start_values
    for name in _STATES_OF_ALL:
        of = f"{name}_{network.trained_names[0]}" if name != "eta_t" else name
        if of in found and of not in needed:
            raise Edited(
                f"the sheet {sheet} has the column {notation.header(of)}, which {network.optimizer.name} with the "
                f"schedule {network.optimizer.schedule} has not: restore the words above the table."
            )
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
