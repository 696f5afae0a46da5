"""Judges one table: the causes of what is wrong in it, what else is worth saying, and its whole run."""

from xlbackprop.backprop.network import Network
from xlbackprop.check.causes import find_causes, in_order
from xlbackprop.check.contents import Contents, ContentsAsBuilt
from xlbackprop.check.notes import table_notes
from xlbackprop.check.numpy_run import largest_error
from xlbackprop.check.start_values import unlinked
from xlbackprop.report.findings import CheckedTable
from xlbackprop.spreadsheet.cells import Sheets
from xlbackprop.tables.table import Table

#: A run of the table may leave NumPy's run so far by rounding alone.
_RUN_TOLERANCE = 1e-6


def judge_table(
    sheets: Sheets, table: Table, network: Network | None = None, *, as_built: bool = False
) -> CheckedTable:
    """Judge one table of a recalculated workbook.

    Args:
        sheets: the workbook.
        table: one of its tables.
        network: for a table of ours, the network with the start values that it must take.
        as_built: whether each of its formulas is known to be the one that `build` writes.
    """
    if not table.rows:
        note = "it has headers, but no numbers below them"
        return CheckedTable(table.sheet, notes=(note,), incomplete=True, header_row=table.header_row, steps=0)
    return judge_contents((ContentsAsBuilt if as_built else Contents)(sheets, table), network)


def judge_contents(contents: Contents, network: Network | None = None) -> CheckedTable:
    """Judge a table by its contents.

    Args:
        contents: of a table with at least one row.
        network: for a table of ours, the network with the start values that it must take.
    """
    table = contents.table
    findings = find_causes(contents)
    if network is not None:
        # what is given stands on the Network sheet, and not in the row that most others agree with
        findings = [finding for finding in findings if finding.quantity not in contents.constants]
        findings = in_order([*findings, *unlinked(contents, network)], contents)
    notes, error = list(table_notes(contents)), largest_error(contents)
    if not (findings or contents.gathers) and error is not None and error > _RUN_TOLERANCE:
        notes.append(f"E_total leaves NumPy's own run from the start values by {error:.1e}")
    return CheckedTable(
        sheet=table.sheet,
        findings=tuple(findings),
        notes=tuple(notes),
        incomplete=bool(table.missing),
        header_row=table.header_row,
        first_row=table.rows[0],
        last_row=table.rows[-1],
        steps=table.steps,
        learning_rate=contents.eta.first,
        cells=len(table.rows) * len(table.columns),
        largest_error=error,
        start_values={
            name: float(contents.numbers[name][0]) for name in table.network.start_values if name in contents.numbers
        },
        columns=table.columns,
    )
