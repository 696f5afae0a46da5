"""Builds a workbook: writes it, has a spreadsheet engine recalculate it, and hands it over if all is right."""

import dataclasses
import math
import shlex
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from xlbackprop import __version__
from xlbackprop.backprop.network import Network, parse_number
from xlbackprop.backprop.notation import header
from xlbackprop.backprop.optimizer_choice import OptimizerChoice
from xlbackprop.backprop.templates import Template, read_template
from xlbackprop.check.file import judge_own
from xlbackprop.check.following import unlike_written
from xlbackprop.data_file import read_data
from xlbackprop.errors import CheckFailed, UnusableInput
from xlbackprop.files import written_whole
from xlbackprop.report.findings import CheckedFile, Finding
from xlbackprop.spreadsheet.engines import ENGINES, recalculated
from xlbackprop.spreadsheet.numbers import short_number
from xlbackprop.spreadsheet.xlsx import write
from xlbackprop.workbook.layout import WorkbookLayout
from xlbackprop.workbook.network_sheet import Origin
from xlbackprop.workbook.run import Run
from xlbackprop.workbook.sheets import our_sheets

#: From this many steps on a workbook is only recalculated when asked: it takes its time and memory.
UNCHECKED_FROM_STEPS = 5_000

_ENGINE = "ironcalc"


@dataclass(frozen=True)
class Recipe:
    """What to build.

    Attributes:
        etas: the learning rates, or None for those of the template.
        steps: number of updates, or None for that of the template.
        template: name or path of the template.
        values: start values that replace the template's.
        seed: draw the start weights with this seed, or None to take the template's.
        protect: lock every cell but the input cells.
        data: a CSV file with the samples to learn from instead of the template's.
        optimizers: as `OptimizerChoice` has them, or None for those of the template.
        hyperparameters: of these; with the template's optimizers they replace its own.
        schedule: how learning rates change, or None for that of the template.
    """

    etas: tuple[float, ...] | None = None
    steps: int | None = None
    template: str = "A"
    values: Mapping[str, float] = field(default_factory=dict)
    seed: int | None = None
    protect: bool = False
    data: Path | None = None
    optimizers: str | None = None
    hyperparameters: Mapping[str, float] = field(default_factory=dict)
    schedule: str | None = None

    @property
    def command(self) -> str:
        """The command that builds the same workbook again."""
        words = ["xlbackprop", "build", "--template", self.template]
        if self.data is not None:
            words += ["--data", str(self.data)]
        if self.etas is not None:
            words += ["--lrs", ",".join(map(short_number, self.etas))]
        if self.steps is not None:
            words += ["--steps", str(self.steps)]
        if self.seed is not None:
            words += ["--seed", str(self.seed)]
        if self.optimizers is not None:
            words += ["--optimizer", self.optimizers]
        words += self._hyperparameter_words()
        if self.schedule is not None:
            words += ["--schedule", self.schedule]
        for name, value in self.values.items():
            words += ["--set", f"{name}={short_number(value)}"]
        return shlex.join(words + ["--protect"] * self.protect)

    def _hyperparameter_words(self) -> list[str]:
        given = {name: short_number(value) for name, value in self.hyperparameters.items()}
        words = []
        if "beta_1" in given:
            words += ["--betas", f"{given.pop('beta_1')},{given.pop('beta_2')}"]
        for name, value in given.items():
            words += [f"--{name.replace('_', '-')}", value]
        return words

    def _choice(self, template: Template) -> OptimizerChoice:
        """The optimizers, of the template where none are given."""
        of = template.choice
        if self.optimizers is not None:
            return OptimizerChoice(self.optimizers, self.hyperparameters, self.schedule or of.schedule)
        return OptimizerChoice(
            of.optimizers, {**of.hyperparameters, **self.hyperparameters}, self.schedule or of.schedule
        )

    @cached_property
    def settled(self) -> Template:
        """The template, with all that is replaced in it.

        Raises:
            UnusableInput: the template, the data or a value cannot be used.
        """
        template = read_template(self.template)
        if self.etas is None:
            try:
                check_etas(template.etas)
            except UnusableInput as error:
                raise UnusableInput(f"{self.template}: {error}") from None
        if self.seed is not None and not 0 <= self.seed < 2**64:
            raise UnusableInput(f"The seed {self.seed} cannot be used: give a whole number from 0 to 2^64 - 1.")
        network = template.network if self.data is None else self._with_data(template, self.data)
        if self.seed is not None:
            network = network.drawn(self.seed)
        network = network.with_values(self.values)
        network.check_targets()
        return dataclasses.replace(
            template,
            network=network,
            etas=template.etas if self.etas is None else self.etas,
            steps=template.steps if self.steps is None else self.steps,
            choice=self._choice(template),
        )

    def _with_data(self, template: Template, path: Path) -> Network:
        """The network of the template, learning from the samples of a file."""
        data = read_data(path, template.network)
        try:
            network = template.network.with_samples(template.showing.of(data.inputs, data.targets, data.classes))
            network.check_targets()
        except UnusableInput as error:
            raise UnusableInput(f"{path} with the template {self.template}: {error}") from None
        return network


@dataclass(frozen=True)
class Built:
    """A workbook that was written.

    Attributes:
        path: where it lies.
        layout: what it consists of.
        report: what the check found; None if it was not checked.
    """

    path: Path
    layout: WorkbookLayout
    report: CheckedFile | None


def parse_etas(text: str) -> tuple[float, ...]:
    """`0.1,0.5,1` as learning rates.

    Raises:
        UnusableInput: there is none, one is no number, or `check_etas` objects.
    """
    words = [word.strip() for word in text.split(",")]
    etas = []
    for word in words if any(words) else ():
        if not word:
            raise UnusableInput("there is a comma too many: give learning rates as 0.1,0.5,1.")
        try:
            etas.append(parse_number(word))
        except ValueError:
            raise UnusableInput(f"{word} stands where a number belongs: give learning rates as 0.1,0.5,1.") from None
    check_etas(etas)
    return tuple(etas)


def check_etas(etas: Sequence[float]) -> None:
    """See whether a workbook can be built with these learning rates.

    Raises:
        UnusableInput: there is none, or one is no number above 0, or one stands there twice.
    """
    if not etas:
        raise UnusableInput("there is no learning rate: give some with commas between them, as 0.1,0.5,1.")
    for n, eta in enumerate(etas):
        if not 0 < eta < math.inf:
            raise UnusableInput(
                f"{short_number(eta)} is no learning rate, which is above 0; decimals are written with a point, as 0.1."
            )
        if eta in etas[:n]:
            raise UnusableInput(f"the learning rate {short_number(eta)} is given twice.")


def parse_values(assignments: Sequence[str]) -> dict[str, float]:
    """`w1=0.2` and the like as numbers by name.

    Raises:
        UnusableInput: one is no assignment of a number, or a name is set twice.
    """
    values: dict[str, float] = {}
    for assignment in assignments:
        name, _, word = assignment.partition("=")
        name = name.strip()
        try:
            value = parse_number(word)
        except ValueError:
            name = ""
        if not name:
            raise UnusableInput(f"{assignment} is not of the form NAME=NUMBER, as w1=0.2.")
        if name in values:
            raise UnusableInput(f"{name} is set twice.")
        values[name] = value
    return values


def build(
    recipe: Recipe,
    path: Path,
    *,
    force: bool = False,
    create_folder: bool = False,
    check_always: bool = False,
    on_step: Callable[[], object] = lambda: None,
) -> Built:
    """Write a workbook, recalculate it with IronCalc, and compare every cell with NumPy.

    Args:
        recipe: what to build.
        path: where to; the file appears whole or not at all.
        force: replace a file that exists.
        create_folder: create the folder that it goes to.
        check_always: recalculate also from `UNCHECKED_FROM_STEPS` steps on.
        on_step: called for a progress bar, as often as `run.progress_total` says.

    Raises:
        UnusableInput: the recipe or the path cannot be used.
        CheckFailed: a cell does not hold what NumPy computes; nothing was written.
    """
    if recipe.steps is not None and recipe.steps < 1:
        raise UnusableInput(f"{recipe.steps} steps are no training: give at least 1.")
    if recipe.etas is not None:
        check_etas(recipe.etas)
    settled = recipe.settled
    trainings = settled.choice.trainings(settled.etas)
    optimizers = tuple(optimizer for optimizer, _ in trainings)
    network = dataclasses.replace(settled.network, optimizer=optimizers[0])
    layout = WorkbookLayout(network, tuple(eta for _, eta in trainings), settled.steps, optimizers)
    template = recipe.template if Path(recipe.template).suffix == "" else Path(recipe.template).name
    etas = settled.etas if settled.choice.takes_all_rates else None
    again = dataclasses.replace(recipe, etas=etas, steps=settled.steps)
    origin = Origin(__version__, again.command, template)
    report = None
    with written_whole(path, force=force, create_folder=create_folder) as unfinished:
        sheets = our_sheets(Run(layout, on_step), origin, protect=recipe.protect)
        write(sheets.book, unfinished)
        if check_always or layout.steps < UNCHECKED_FROM_STEPS:
            cells = recalculated(unfinished, _ENGINE)
            report = judge_own(cells, path, _ENGINE, sheets)
            _insist(path, report, list(unlike_written(cells, sheets)))
    return Built(path, layout, report)


def _insist(path: Path, report: CheckedFile, differing: list[tuple[str, Finding]]) -> None:
    causes = [(table.sheet, finding) for table in report.sheets for finding in table.findings]
    for sheet, finding in causes + differing:
        raise CheckFailed(
            f"{path} was not written, because {ENGINES[_ENGINE]} and NumPy disagree about "
            f"{header(finding.quantity)} in {sheet}!{finding.cell}: found {finding.found}, "
            f"expected {finding.expected.rstrip('.')}."
        )
