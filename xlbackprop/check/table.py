"""Judges one table: the causes of what is wrong in it, what else is worth saying, and its whole run."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

import numpy as np

from xlbackprop.backprop.network import Network
from xlbackprop.check.causes import find_causes, in_order
from xlbackprop.check.contents import Contents
from xlbackprop.check.evidence import curves, pieces
from xlbackprop.check.notes import is_luck, samples_a_step, table_notes
from xlbackprop.check.numpy_run import largest_error
from xlbackprop.check.optimizers import judged_by, other_update
from xlbackprop.check.own_contents import ContentsAsBuilt
from xlbackprop.check.readings import best_reading, renamed
from xlbackprop.check.start_values import unlinked
from xlbackprop.check.unknown import Unjudged, unknown_functions, updated_in_their_row, without
from xlbackprop.report.findings import CheckedTable, Finding
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
    if network is None:
        reading = best_reading(sheets, table)
        if several := samples_a_step(reading.contents):
            return CheckedTable(
                sheet=table.sheet,
                notes=(several,),
                incomplete=True,
                header_row=table.header_row,
                first_row=table.rows[0],
                last_row=table.rows[-1],
                steps=reading.contents.steps,
                cells=len(table.rows) * len(table.columns),
            )
        return judge_contents(reading.contents, notes=reading.notes)
    return judge_contents((ContentsAsBuilt if as_built else Contents)(sheets, table), network)


def judge_contents(contents: Contents, network: Network | None = None, notes: Sequence[str] = ()) -> CheckedTable:
    """Judge a table by its contents.

    Args:
        contents: of a table with at least one row.
        network: for a table of ours, the network with the start values that it must take.
        notes: how it is read.
    """
    table = contents.table
    findings = find_causes(contents)
    if network is not None:
        # what is given stands on the Network sheet, and not in the row that most others agree with
        findings = [finding for finding in findings if finding.quantity not in contents.constants]
        findings = in_order([*findings, *unlinked(contents, network)], contents)
    unknown = [] if table.missing else list(_unknown(contents, findings))
    unjudged: Sequence[Unjudged] = ()
    if findings and not (network or contents.is_ours or table.missing):
        findings, unjudged = updated_in_their_row(contents, findings)
        if not unjudged:
            unjudged = [*unknown_functions(contents, findings)]
            findings = without(findings, unjudged)
    update = None if network or contents.is_ours else other_update(contents, findings)
    told, error = list(table_notes(contents)), None if unknown else largest_error(contents)
    if update:
        findings, error = judged_by(update, findings, contents), None
        told = [note for note in told if not is_luck(note, update.of)]
        told.append(update.note)
    if unjudged:
        error = None
        told = [note for note in told if not any(is_luck(note, one.names) for one in unjudged)]
        told += [one.note for one in unjudged]
    if not (findings or contents.gathers) and error is not None and error > _RUN_TOLERANCE:
        told.append(f"E_total leaves NumPy's own run from the start values by {error:.1e}")
    return CheckedTable(
        sheet=table.sheet,
        findings=tuple(_in_own_names(finding, table.own_names) for finding in findings),
        notes=(*notes, *(renamed(note, table.own_names) for note in [*told, *unknown])),
        incomplete=bool(table.missing or unknown or unjudged) or (update is not None and not update.name),
        header_row=table.header_row,
        first_row=table.rows[0],
        last_row=table.rows[-1],
        steps=contents.steps,
        learning_rate=update.learning_rate if update else contents.shown_rate,
        optimizer=update.name if update else table.network.optimizer.spoken,
        cells=len(table.rows) * len(table.columns),
        largest_error=error,
        start_values={
            name: float(contents.numbers[name][0]) for name in table.network.start_values if name in contents.numbers
        },
        columns=table.columns,
        missing=table.missing,
        curves=None if update or unjudged else curves(contents),
        pieces=pieces(contents, findings),
    )


def _unknown(contents: Contents, findings: Sequence[Finding]) -> Iterator[str]:
    """What is not known of a table, so that not all of it can be judged, and what findings do not tell."""
    table, numbers = contents.table, contents.numbers
    yield from table.unjudged
    if findings:
        return
    if lacking := [n for n in table.network.start_values if n not in numbers or not np.isfinite(numbers[n]).any()]:
        yield f"nothing is known of {', '.join(lacking)}, so what follows from there is not judged"


def _in_own_names(finding: Finding, own_names: Mapping[str, str]) -> Finding:
    """A finding with the table's own names for ours."""
    if not own_names:
        return finding
    quantity, formula_of = (own_names.get(name, name) for name in (finding.quantity, finding.formula_of))
    return replace(finding, quantity=quantity, formula_of=formula_of, slip=renamed(finding.slip, own_names))
