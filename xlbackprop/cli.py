"""The commands: parse, call, print. Whatever is slow to import is imported when a command runs."""

import gc
import os
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Literal, TypeVar

import click

from xlbackprop import __version__
from xlbackprop.backprop.defaults import DEFAULT_ETAS, DEFAULT_STEPS
from xlbackprop.cli_grade import grade
from xlbackprop.commands import Commands
from xlbackprop.errors import CheckFailed, UnusableInput
from xlbackprop.files import check_output
from xlbackprop.printing import progress, say, say_json, shown

if TYPE_CHECKING:
    from xlbackprop.build import Built
    from xlbackprop.cnn.build import Built as BuiltNetwork
    from xlbackprop.report.findings import CheckedFile

Given = TypeVar("Given")
Parsed = TypeVar("Parsed")

_GARBAGE_THRESHOLD = 200_000
#: A build whose steps take no more samples ends before a progress bar would appear.
_QUICK_PASSES = 5_000
_TEST_IMAGES = 10_000
DEFAULT_OUTPUT = Path("output/backprop.xlsx")
CNN_OUTPUT = Path("output/cnn.xlsx")


@click.group(
    cls=Commands,
    invoke_without_command=True,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
@click.version_option(__version__, prog_name="xlbackprop")
@click.pass_context
def main(context: click.Context) -> None:
    """Backpropagation as a spreadsheet: every number of a small network's training, a live formula.

    \b
    xlbackprop build --lrs 0.1,0.2,0.5,0.8,1,2 -o backprop.xlsx
    xlbackprop check homework.xlsx
    xlbackprop grade submissions.zip -o marked.csv
    xlbackprop verify backprop.xlsx
    xlbackprop templates
    xlbackprop cnn -o cnn.xlsx
    """
    # click leaves colours out where the output is no terminal, but does not know NO_COLOR
    context.color = False if os.environ.get("NO_COLOR") else None
    # what a command makes it keeps to its end, so looking for garbage would take a seventh of its time
    gc.set_threshold(_GARBAGE_THRESHOLD)
    if context.invoked_subcommand is None:
        click.echo(context.get_help())


main.add_command(grade)


@main.command()
@click.option(
    "--lrs",
    help="Learning rates, with commas: a sheet for each.  "
    f"[default: those of the template, or {','.join(f'{eta:g}' for eta in DEFAULT_ETAS)}]",
)
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path),
    default=DEFAULT_OUTPUT,
    show_default=True,
    help="The workbook to write.",
)
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
        etas=None if lrs is None else _parsed("lrs", parse_etas, lrs),
        steps=steps,
        template=template,
        values=_parsed("values", parse_values, values),
        seed=seed,
        protect=protect,
        data=data,
        optimizers=optimizer,
        hyperparameters={name: value for name, value in hyperparameters.items() if value is not None}
        | (_parsed("betas", parse_betas, betas) if betas else {}),
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


def _parsed(parameter: str, parse: Callable[[Given], Parsed], given: Given) -> Parsed:
    """What is meant by what was given for an option; where that cannot be used, the option is named."""
    try:
        return parse(given)
    except UnusableInput as error:
        context = click.get_current_context()
        (option,) = (option for option in context.command.params if option.name == parameter)
        raise click.BadParameter(str(error), context, option) from None


def _print_built(built: "Built") -> None:
    from xlbackprop.build import UNCHECKED_FROM_PASSES
    from xlbackprop.report.text import count

    layout = built.layout
    etas = count(len(layout.etas), "training" if layout.compares_optimizers else "learning rate")
    steps = count(layout.steps, "step")
    samples = f"{count(layout.network.samples.count, 'sample')}, " if layout.network.samples else ""
    say(f"Wrote {built.path}: a {layout.network.shape} network, {samples}{etas}, {steps}.")
    if built.report is None:
        many = "its steps take {:,} samples" if layout.network.in_batches else "it has {:,} steps"
        say(f"Not checked, because {many.format(UNCHECKED_FROM_PASSES)} or more: add --check for that.")
    else:
        say(_agreement(built.report))


def _agreement(file: "CheckedFile") -> str:
    from xlbackprop.report.text import agreement
    from xlbackprop.spreadsheet.engines import ENGINES

    return agreement(file, ENGINES[file.engine or ""])


@main.command()
@click.argument("files", type=click.Path(path_type=Path), nargs=-1, required=True, metavar="FILE...")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
@click.option("--csv", "as_csv", is_flag=True, help="Print one line a table, for a gradebook.")
@click.option(
    "--annotate",
    type=click.Path(path_type=Path),
    metavar="OUT.xlsx",
    help="Write a copy of the file in which the wrong cells are marked.",
)
@click.option(
    "--html",
    type=click.Path(path_type=Path),
    metavar="OUT.html",
    help="Write one page for a browser: tables, wrong cells and curves.",
)
@click.option("--force", is_flag=True, help="Replace the copy or page if it exists.")
def check(
    files: tuple[Path, ...], as_json: bool, as_csv: bool, annotate: Path | None, html: Path | None, force: bool
) -> None:
    """Tell whether backpropagation workbooks are right, and which formula is the cause where not.

    Any workbook will do, whoever made it: every table of it is found, recalculated and judged. A
    folder stands for all workbooks below it. Exit code 1 means that a table is not correct, 2 that
    a file could not be checked.

    \b
    xlbackprop check homework.xlsx
    xlbackprop check homework.xlsx --annotate corrected.xlsx
    xlbackprop check class/ --csv
    xlbackprop check class/ --html class.html
    """
    from xlbackprop.check import batch
    from xlbackprop.report import data

    if as_json and as_csv:
        raise UnusableInput("--json and --csv exclude each other: choose one.")
    paths = batch.workbooks_in(files)
    if annotate:
        if len(paths) > 1:
            raise UnusableInput(f"--annotate marks one workbook, but {len(paths)} were given: name one file.")
        if annotate.exists() and paths[0].exists() and annotate.samefile(paths[0]):
            raise UnusableInput(f"{annotate} is the workbook itself: give the marked copy another name.")
        check_output(annotate, force=force)
    if html:
        if any(html.exists() and path.exists() and html.samefile(path) for path in paths):
            raise UnusableInput(f"{html} is a workbook that is checked: give the page another name.")
        check_output(html, force=force, suffix=".html")
    with progress(len(paths), "file", worth_it=len(paths) > 1) as file_done:
        checked = batch.check_all(paths, on_file=file_done)
    if as_json:
        say_json(data.as_json(checked))
    elif as_csv:
        for line in data.as_csv(checked).splitlines():
            say(line)
    elif len(checked) > 1 or not checked[0].error:
        _print_checked(checked)
    if annotate and not checked[0].error:
        batch.annotate(checked[0], annotate, force=force)
        if not (as_json or as_csv):
            marked = sum(len(sheet.findings) for sheet in checked[0].sheets)
            say(f"Wrote {annotate}, with {marked or 'nothing'} marked.")
    if html:
        from xlbackprop.report.page import write_page

        write_page(checked, html, force=force)
        if not (as_json or as_csv):
            say(f"Wrote {html}.")
    errors = [file.error for file in checked if file.error]
    if errors:
        raise UnusableInput(
            errors[0] if len(checked) == 1 else f"{len(errors)} of {len(checked)} files could not be checked."
        )
    if not all(file.correct for file in checked):
        raise CheckFailed(_why_not(checked))


def _why_not(files: "list[CheckedFile]") -> str:
    """That files are not correct, or no more than not understood, in one sentence."""
    verdicts = {sheet.verdict for file in files for sheet in file.sheets}
    if verdicts and verdicts <= {"correct", "incomplete"}:
        return (
            "not every table could be judged." if len(files) > 1 else f"{files[0].file} could not be judged as a whole."
        )
    return "not every table is correct." if len(files) > 1 else f"{files[0].file} is not correct."


def _print_checked(files: "list[CheckedFile]") -> None:
    from xlbackprop.report import text

    for file in files:
        say(str(file.file), bold=True)
        if file.error:
            say(f"  {file.error}")
        # a trained network has no table: what is told is that of its sheets
        listed = [one for one in file.sheets if one.header_row is not None or one.findings or not file.tables]
        width = max((len(shown(sheet.sheet)) for sheet in listed), default=0)
        for sheet in listed:
            rows = "no rows" if sheet.first_row is None else f"rows {sheet.first_row} to {sheet.last_row}"
            eta = f"η {'unknown' if sheet.learning_rate is None else f'{sheet.learning_rate:g}'}"
            if sheet.header_row is None:
                rows, eta = "no table" if file.tables else text.count(sheet.cells, "formula"), ""
            verdict = click.style(sheet.verdict, fg=text.COLOURS[sheet.verdict])
            say(f"  {shown(sheet.sheet):<{width}}  {rows:<16}  {eta:<10}  ", ending=verdict)
            for line in text.table_lines(sheet):
                say(f"    {line}")
        for note in file.notes:
            say(f"  Note: {note}.")
    if len(files) > 1:
        say(text.summary(files))


@main.command()
@click.argument("file", type=click.Path(path_type=Path))
@click.option(
    "--engine",
    type=click.Choice(["ironcalc", "libreoffice", "all"]),
    default="ironcalc",
    show_default=True,
    help="What recalculates the workbook.",
)
@click.option("--details", is_flag=True, help="List every quantity of every sheet.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
def verify(file: Path, engine: str, details: bool, as_json: bool) -> None:
    """Recalculate a workbook made by `build` or `cnn` and compare every cell with NumPy.

    The start values, learning rates and weights are read from the file as it is now, so a workbook that
    was edited and saved again verifies too. Exit code 1 means that a cell is wrong; the cause is named.

    \b
    xlbackprop verify backprop.xlsx
    xlbackprop verify backprop.xlsx --engine all --json
    """
    from xlbackprop.check import batch
    from xlbackprop.report import data
    from xlbackprop.report.findings import CheckedFile
    from xlbackprop.spreadsheet.engines import ENGINES

    engines = list(ENGINES) if engine == "all" else [engine]
    try:
        reports = [batch.verify(file, name) for name in engines]
    except UnusableInput as error:
        if as_json:
            say_json(data.as_json([CheckedFile(file, error=str(error))], every_sheet=True))
        raise
    if as_json:
        say_json(data.as_json(reports, every_sheet=True))
    else:
        for report in reports:
            _print_verified(report, details=details)
    if not all(report.correct for report in reports):
        raise CheckFailed(f"{file} is wrong: see the cells above.")


def _print_verified(file: "CheckedFile", *, details: bool) -> None:
    from xlbackprop.backprop.notation import header
    from xlbackprop.report import text

    width = max(len(shown(sheet.sheet)) for sheet in file.sheets)
    say(f"{file.file}: {_agreement(file)}")
    for sheet in file.sheets:
        line = f"  {shown(sheet.sheet):<{width}}  {sheet.verdict:<9}  {sheet.cells:>7,} cells"
        if largest := sheet.largest_difference:
            line += f", largest difference {largest.max_abs:.1e} ({header(largest.quantity)}, {largest.cell})"
        say(line)
        for line in (*text.table_lines(sheet), *(text.detail_lines(sheet) if details else ())):
            say(f"    {line}")
    for note in file.notes:
        say(f"  Note: {note}.")


@main.command()
def templates() -> None:
    """List the networks that come with the program."""
    from xlbackprop.backprop.templates import load_template, template_names

    networks = {name: load_template(name) for name in template_names()}
    widths = [max(map(len, words)) for words in (networks, (network.shape for network in networks.values()))]
    for name, network in networks.items():
        say(f"{name:<{widths[0]}}  {network.shape:<{widths[1]}}  {network.description}")


@main.command()
@click.argument("path", type=click.Path(path_type=Path), required=False)
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path),
    default=CNN_OUTPUT,
    show_default=True,
    help="The workbook to write.",
)
@click.option("--network", help="Which of the networks that come with the program: nano or teach.  [default: nano]")
@click.option(
    "--round", "decimals", type=int, metavar="N", help="Round the weights to N decimals, to read and type them."
)
@click.option("--digits", metavar="N|all", help="How many images can be chosen.  [default: 30]")
@click.option("--data-dir", type=click.Path(path_type=Path), help="The folder of the images, where not those shipped.")
@click.option("--backward", is_flag=True, help="Let gradients flow back to every pixel and weight, and take a step.")
@click.option("--protect", is_flag=True, help="Lock every cell but the input cells, without a password.")
@click.option("--force", is_flag=True, help="Replace the workbook if it exists.")
def cnn(
    path: Path | None,
    output: Path,
    network: str | None,
    decimals: int | None,
    digits: str | None,
    data_dir: Path | None,
    backward: bool,
    protect: bool,
    force: bool,
) -> None:
    """Write a trained convolutional network as a workbook.

    Every cell of every feature map is a live formula: draw a digit, edit a weight, and see what the
    network reads. PATH is the folder of a run of `mnist-train`, or its model.safetensors; without it,
    a network that comes with the program is written.

    \b
    xlbackprop cnn -o cnn.xlsx
    xlbackprop cnn --network teach --round 2 -o teach.xlsx
    """
    from xlbackprop.cnn.build import Recipe
    from xlbackprop.cnn.build import build as build_workbook

    if path and network:
        raise UnusableInput(f"{path} and --network exclude each other: give one.")
    recipe = Recipe(
        path=path,
        network=network,
        decimals=decimals,
        digits=_parsed("digits", _count_of_digits, digits),
        data_dir=data_dir,
        backward=backward,
        protect=protect,
    )
    # a folder of images is read as a whole
    with progress(_TEST_IMAGES, "image", worth_it=data_dir is not None) as image_done:
        built = build_workbook(recipe, output, force=force, create_folder=output == CNN_OUTPUT, on_image=image_done)
    _print_network(built, recipe.rounded_accuracy)


def _count_of_digits(word: str | None) -> "int | Literal['all'] | None":
    if word is None or word == "all":
        return word  # type: ignore[return-value]
    if not word.isascii() or not word.isdigit():
        raise UnusableInput(f"{word} is no number of images: give a whole number, or all.")
    return int(word)


def _print_network(built: "BuiltNetwork", about_rounding: str) -> None:
    from xlbackprop.report.text import count

    say(f"Wrote {built.path}: {built.network.name}, {count(built.digits, 'image')} to choose from.")
    if about_rounding:
        say(about_rounding)
    say(_agreement(built.report))
