"""The command `build`: parse, call, print. Whatever is slow to import is imported when it runs."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from xlbackprop.backprop.defaults import DEFAULT_ETAS, DEFAULT_STEPS
from xlbackprop.commands import output_option, parsed
from xlbackprop.printing import progress, say

if TYPE_CHECKING:
    from xlbackprop.build import Built

DEFAULT_OUTPUT = Path("output/backprop.xlsx")
#: A build whose steps take no more samples ends before a progress bar would appear.
_QUICK_PASSES = 5_000


@click.command()
@click.option(
    "--lrs",
    help="Learning rates, with commas: a sheet for each.  "
    f"[default: those of the template, or {','.join(f'{eta:g}' for eta in DEFAULT_ETAS)}]",
)
@output_option(DEFAULT_OUTPUT)
@click.option("--template", default="A", show_default=True, help="The network: a name of `templates`, or a TOML file.")
@click.option(
    "--data",
    type=click.Path(path_type=Path),
    metavar="FILE.csv",
    help="Samples to learn from: a row each, with the columns i1, i2 ... and t1, t2 ... or class.",
)
@click.option("--set", "values", multiple=True, metavar="NAME=NUMBER", help="Change a start value; repeatable.")
@click.option("--seed", type=int, help="Draw the start weights with this seed.")
@click.option("--steps", type=int, help=f"Number of updates.  [default: that of the template, or {DEFAULT_STEPS}]")
@click.option(
    "--optimizer",
    metavar="NAME,..",
    show_default="that of the template, or sgd",
    help="sgd, momentum, nesterov, adagrad, rmsprop, adam or adamw; several are compared, adam@0.01 with a rate "
    "of its own.",
)
@click.option("--momentum", type=float, help="How much of the velocity stays.  [default: 0.9]")
@click.option("--dampening", type=float, help="How much of the gradient momentum leaves out.  [default: 0]")
@click.option("--betas", metavar="B1,B2", help="What stays of the averages of Adam.  [default: 0.9,0.999]")
@click.option("--eps", type=float, help="What keeps a divisor from 0.  [default: 1e-8, of adagrad 1e-10]")
@click.option("--alpha", type=float, help="What stays of the average of RMSprop.  [default: 0.99]")
@click.option("--weight-decay", type=float, help="How much weights are drawn to 0.  [default: 0, of adamw 0.01]")
@click.option(
    "--schedule",
    metavar="NAME[:..]",
    show_default="that of the template, or constant",
    help="constant, step:50,0.5, exponential:0.99, linear:WARMUP or cosine: how learning rates change.",
)
@click.option("--protect", is_flag=True, help="Lock every cell but the yellow ones, without a password.")
@click.option("--force", is_flag=True, help="Replace the workbook if it exists.")
@click.option("--check", is_flag=True, help="Recalculate every cell of a long training, too, from 5,000 steps on.")
def build(
    lrs: str | None,
    output: Path,
    template: str,
    data: Path | None,
    values: tuple[str, ...],
    seed: int | None,
    steps: int | None,
    optimizer: str | None,
    betas: str | None,
    schedule: str | None,
    protect: bool,
    force: bool,
    check: bool,
    **hyperparameters: float | None,
) -> None:
    """Write a workbook that trains a network by formulas.

    Every number is a live formula: forward pass, error, each step of the chain rule, gradients and
    updates. A spreadsheet engine recalculates the workbook, and NumPy must agree with every cell,
    before it is handed over.

    \b
    xlbackprop build --lrs 0.1,0.2,0.5,0.8,1,2 -o backprop.xlsx
    xlbackprop build --template mazur --lrs 0.5 --steps 1000 -o mazur.xlsx
    xlbackprop build --template xor -o xor.xlsx
    xlbackprop build --optimizer momentum,adam@0.1 -o optimizers.xlsx
    xlbackprop build --set w1=0.2 --set t1=0.3 --protect -o class.xlsx
    """
    from xlbackprop.backprop.optimizer_choice import parse_betas
    from xlbackprop.build import Recipe, parse_etas, parse_values
    from xlbackprop.build import build as build_workbook
    from xlbackprop.workbook.run import progress_total

    recipe = Recipe(
        etas=None if lrs is None else parsed("lrs", parse_etas, lrs),
        steps=steps,
        template=template,
        values=parsed("values", parse_values, values),
        seed=seed,
        protect=protect,
        data=data,
        optimizers=optimizer,
        hyperparameters={name: value for name, value in hyperparameters.items() if value is not None}
        | (parsed("betas", parse_betas, betas) if betas else {}),
        schedule=schedule,
    )
    settled = recipe.settled
    trainings = len(settled.choice.trainings(settled.etas))
    total = progress_total(trainings, settled.steps)
    worth_it = progress_total(trainings, settled.passes) > _QUICK_PASSES
    with progress(total, "step", worth_it=worth_it) as step_done:
        built = build_workbook(
            recipe,
            output,
            force=force,
            create_folder=output == DEFAULT_OUTPUT,
            check_always=check,
            on_step=step_done,
        )
    _print_built(built)


def _print_built(built: "Built") -> None:
    from xlbackprop.build import UNCHECKED_FROM_PASSES
    from xlbackprop.report.text import agreement, count
    from xlbackprop.spreadsheet.engines import ENGINES

    layout = built.layout
    etas = count(len(layout.etas), "training" if layout.compares_optimizers else "learning rate")
    steps = count(layout.steps, "step")
    samples = f"{count(layout.network.samples.count, 'sample')}, " if layout.network.samples else ""
    say(f"Wrote {built.path}: a {layout.network.shape} network, {samples}{etas}, {steps}.")
    if built.report is None:
        many = "its steps take {:,} samples" if layout.network.in_batches else "it has {:,} steps"
        say(f"Not checked, because {many.format(UNCHECKED_FROM_PASSES)} or more: add --check for that.")
    else:
        say(agreement(built.report, ENGINES[built.report.engine or ""]))
