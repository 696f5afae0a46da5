"""The columns of the tables of a training: their headers with notes, their looks, and the room of their formulas."""

from collections.abc import Mapping, Sequence

from xlbackprop.backprop.expression import symbols
from xlbackprop.backprop.network import Network
from xlbackprop.backprop.notation import header
from xlbackprop.backprop.optimizers import BEFORE
from xlbackprop.backprop.quantities import gathered, states, training_step, updates
from xlbackprop.errors import UnusableInput
from xlbackprop.spreadsheet import addressing
from xlbackprop.spreadsheet.blocks import Block
from xlbackprop.spreadsheet.book import Sheet
from xlbackprop.spreadsheet.limits import MAX_ARGUMENTS, MAX_FORMULA_LENGTH
from xlbackprop.spreadsheet.looks import Look
from xlbackprop.spreadsheet.presentation import Note
from xlbackprop.workbook import looks
from xlbackprop.workbook.table_layout import Column


def write_headers(sheet: Sheet, blocks: Sequence[tuple[Block, Sequence[Column]]], notes: Mapping[str, str]) -> None:
    """Fill the headers of a table, each with its note.

    Args:
        sheet: of the table.
        blocks: where headers stand side by side, each with their columns.
        notes: by the names of the columns.
    """
    for block, columns in blocks:
        headers = [header(column.name) for column in columns]
        sheet.fill(block, headers, *(looks.header(column.group) for column in columns))
        for n, column in enumerate(columns):
            text = notes[column.name] + (f"\n\ngroup: {column.group}" if column.group else "")
            # about 30 characters a line, and a line for the rounding
            lines = sum(len(paragraph) // 30 + 1 for paragraph in text.split("\n")) + 1
            sheet.notes.append(Note(block.cell(0, n), text, 210, 17 * lines))


def notes_of_passes(network: Network) -> dict[str, str]:
    """The note at each header of a table in which a row is a forward and a backward pass."""
    notes = {
        "step": "How many updates have been made before this row.",
        "sample": "Which sample of the sheet Data this row takes.",
    }
    notes |= {name: f"{header(name)}: {meaning}." for name, meaning in network.meanings.items()}
    for quantity in training_step(network):
        notes[quantity.name] = (
            f"{quantity.sentence}\n\n{header(quantity.name)} = {symbols(quantity.expression, header)}"
        )
    return notes


def notes_of_steps(network: Network) -> dict[str, str]:
    """The note at each header of a training table: what the column is, and how it follows."""
    notes = notes_of_passes(network) | {one.name: one.sentence for one in gathered(network)}
    for state in states(network):
        notes[state.name] = f"{state.sentence}\n\n{header(state.name)} = {symbols(state.expression, spoken_before)}"
    for update in updates(network):
        notes[update.name] += f"\n\nnext row: {symbols(update.expression, header)}"
    return notes


def spoken_before(name: str) -> str:
    """The header of a quantity, with a mark where it is that of the row above: `m_w1 above`."""
    return f"{header(name.removeprefix(BEFORE))} above" if name.startswith(BEFORE) else header(name)


def column_look(column: Column) -> Look:
    """How the cells of a column look."""
    if column.name in ("step", "sample"):
        return looks.STEP
    if column.name == "E_total":
        return looks.TOTAL
    if column.name in ("right", "accuracy"):
        return looks.CENTERED if column.name == "right" else looks.SHARE
    return looks.TEXT if column.group == "inputs" else looks.NUMBER


def insist_on_room(block: Block, network: Network, name: str, formula: str) -> None:
    """See whether a formula fits into the cells of a block that it is filled down.

    Raises:
        UnusableInput: it is longer than a cell can hold.
    """
    text = addressing.written(formula, block.sheet, from_row=block.row)
    longest = addressing.ROW_MARK.sub(str(block.row + block.shape[0]), text)
    if len(longest) > MAX_FORMULA_LENGTH or formula.count(",") >= MAX_ARGUMENTS:
        raise UnusableInput(
            f"The formula of {name} in a {network.shape} network is longer than a cell can hold: use smaller layers."
        )
