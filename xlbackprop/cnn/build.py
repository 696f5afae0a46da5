"""Builds the workbook of a trained network: writes it, has it recalculated, and hands it over if all is right."""

import shlex
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

import numpy as np

from xlbackprop.cnn.check import judge, unlike_written
from xlbackprop.cnn.digits import digits
from xlbackprop.cnn.sheets import cnn_sheets
from xlbackprop.cnn.shipped_networks import DEFAULT, ROUNDED_ACCURACY, shipped_network
from xlbackprop.cnn.trained import TrainedNetwork, read_network
from xlbackprop.errors import CheckFailed, UnusableInput
from xlbackprop.files import written_whole
from xlbackprop.report.findings import CheckedFile
from xlbackprop.spreadsheet.engines import ENGINES, recalculated
from xlbackprop.spreadsheet.xlsx import write

#: More than 15 decimals no weight needs.
MOST_DECIMALS = 15

_ENGINE = "ironcalc"


@dataclass(frozen=True)
class Recipe:
    """What to build.

    Attributes:
        path: the folder of a run, or its model.safetensors; None for a network that comes with the program.
        network: the name of that.
        decimals: round the weights to so many; None to leave them as they are.
        digits: how many images can be chosen; None for as many as come with the program.
        data_dir: the folder of the images; None for those that come with the program.
        backward: with the gradients of all maps and weights, and a step.
        protect: lock every cell but the input cells.
    """

    path: Path | None = None
    network: str | None = None
    decimals: int | None = None
    digits: int | Literal["all"] | None = None
    data_dir: Path | None = None
    backward: bool = False
    protect: bool = False

    @property
    def command(self) -> str:
        """The command that builds the same workbook again."""
        words = ["xlbackprop", "cnn"]
        words += [str(self.path)] if self.path else ["--network", self.network or DEFAULT]
        for option, value in (("--round", self.decimals), ("--digits", self.digits), ("--data-dir", self.data_dir)):
            words += [] if value is None else [option, str(value)]
        return shlex.join(words + ["--backward"] * self.backward + ["--protect"] * self.protect)

    def trained(self) -> TrainedNetwork:
        """The network, with its weights rounded if that is asked for.

        Raises:
            UnusableInput: there is none, it is damaged, or the number of decimals is out of range.
        """
        found = read_network(self.path) if self.path else shipped_network(self.network or DEFAULT)
        return found if self.decimals is None else rounded(found, self.decimals)

    @property
    def rounded_accuracy(self) -> str:
        """What is known about the accuracy with rounded weights, as a sentence; empty where they are not rounded."""
        if self.decimals is None:
            return ""
        known = {} if self.path else ROUNDED_ACCURACY[self.network or DEFAULT]
        about = f"With weights of {self.decimals} decimals"
        if self.decimals not in known:
            return f"{about} its accuracy was not measured."
        return f"{about} it reads {known[self.decimals]:.2f} % of the 10,000 test images."


@dataclass(frozen=True)
class Built:
    """A workbook that was written.

    Attributes:
        path: where it lies.
        network: what it holds.
        digits: how many images can be chosen.
        report: what the check found.
    """

    path: Path
    network: TrainedNetwork
    digits: int
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
    recipe: Recipe,
    path: Path,
    *,
    force: bool = False,
    create_folder: bool = False,
    on_image: Callable[[], object] = lambda: None,
) -> Built:
    """Write a workbook, recalculate it with IronCalc, and compare every cell with NumPy.

    Args:
        recipe: what to build.
        path: where to; the file appears whole or not at all.
        force: replace a file that exists.
        create_folder: create the folder that it goes to.
        on_image: called for a progress bar, after each image that the network has read.

    Raises:
        UnusableInput: the recipe or the path cannot be used, or a layer cannot be written.
        CheckFailed: a cell does not hold what NumPy computes; nothing was written.
    """
    network = recipe.trained()
    with written_whole(path, force=force, create_folder=create_folder) as unfinished:
        listed = digits(network, recipe.digits, recipe.data_dir, on_image)
        options = {"backward": recipe.backward, "protect": recipe.protect}
        sheets = cnn_sheets(network, listed, recipe.command, **options)
        write(sheets.book, unfinished)
        cells = recalculated(unfinished, _ENGINE)
        report = judge(cells, path, _ENGINE, sheets)
        causes = [(sheet.sheet, finding) for sheet in report.sheets for finding in sheet.findings]
        for name, finding in (*causes, *unlike_written(cells, sheets)):
            raise CheckFailed(
                f"{path} was not written, because {ENGINES[_ENGINE]} and NumPy disagree about {finding.quantity} in "
                f"{name}!{finding.cell}: found {finding.found}, expected {finding.expected.rstrip('.')}."
            )
    return Built(path, network, len(listed), report)
