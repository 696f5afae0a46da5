"""Builds the workbook of a trained network: writes it, has it recalculated, and hands it over if all is right."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from xlbackprop.cnn.check import judge, unlike_written
from xlbackprop.cnn.digits import Digit
from xlbackprop.cnn.sheets import cnn_sheets
from xlbackprop.cnn.trained import TrainedNetwork
from xlbackprop.errors import CheckFailed, UnusableInput
from xlbackprop.files import written_whole
from xlbackprop.report.findings import CheckedFile
from xlbackprop.spreadsheet.engines import ENGINES, recalculated
from xlbackprop.spreadsheet.xlsx import write

#: So many decimals of a weight a reader might want; more than 15 no weight has.
MOST_DECIMALS = 15

_ENGINE = "ironcalc"


@dataclass(frozen=True)
class Built:
    """A workbook that was written.

    Attributes:
        path: where it lies.
        network: what it holds.
        report: what the check found.
    """

    path: Path
    network: TrainedNetwork
    report: CheckedFile


def rounded(network: TrainedNetwork, decimals: int) -> TrainedNetwork:
    """The network with weights of so many decimals, which a person can read and type.

    Raises:
        UnusableInput: the number of decimals is out of range.
    """
    if not 0 <= decimals <= MOST_DECIMALS:
        raise UnusableInput(f"weights cannot have {decimals} decimals: give a number from 0 to {MOST_DECIMALS}.")
    tensors = [{name: np.round(tensor, decimals) for name, tensor in own.items()} for own in network.tensors]
    return replace(network, tensors=tuple(tensors))


def build(
    network: TrainedNetwork,
    digits: Sequence[Digit],
    path: Path,
    *,
    command: str = "",
    protect: bool = False,
    force: bool = False,
) -> Built:
    """Write a workbook, recalculate it with IronCalc, and compare every cell with NumPy.

    Args:
        network: what it holds.
        digits: the images that can be chosen.
        path: where to; the file appears whole or not at all.
        command: what the workbook says about how it was made.
        protect: lock every cell but the input cells.
        force: replace a file that exists.

    Raises:
        UnusableInput: a layer cannot be written, or the path cannot be used.
        CheckFailed: a cell does not hold what NumPy computes; nothing was written.
    """
    with written_whole(path, force=force) as unfinished:
        sheets = cnn_sheets(network, digits, command, protect=protect)
        write(sheets.book, unfinished)
        cells = recalculated(unfinished, _ENGINE)
        report = judge(cells, path, _ENGINE, sheets)
        causes = [(sheet.sheet, finding) for sheet in report.sheets for finding in sheet.findings]
        for name, finding in (*causes, *unlike_written(cells, sheets)):
            raise CheckFailed(
                f"{path} was not written, because {ENGINES[_ENGINE]} and NumPy disagree about {finding.quantity} in "
                f"{name}!{finding.cell}: found {finding.found}, expected {finding.expected.rstrip('.')}."
            )
    return Built(path, network, report)
