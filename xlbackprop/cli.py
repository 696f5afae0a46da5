"""The commands: parse, call, print. Whatever is slow to import is imported when a command runs."""

import json
import os
import sys
import textwrap
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from xlbackprop import __version__
from xlbackprop.commands import Commands
from xlbackprop.errors import CheckFailed, UnusableInput
from xlbackprop.files import check_output

if TYPE_CHECKING:
    from xlbackprop.build import Built
    from xlbackprop.report.findings import CheckedFile, FileReport, Finding

DEFAULT_OUTPUT = Path("output/backprop.xlsx")


@click.group(
    cls=Commands,
    invoke_without_command=True,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
@click.version_option(__version__)
@click.pass_context
def main(context: click.Context) -> None:
    """Backpropagation as a spreadsheet: every number of a small network's training, a live formula.

    \b
    xlbackprop build --lrs 0.1,0.2,0.5,0.8,1,2 -o backprop.xlsx
    xlbackprop check homework.xlsx
    xlbackprop verify backprop.xlsx
    xlbackprop templates
    """
    if context.invoked_subcommand is None:
        click.echo(context.get_help())


@main.command()
@click.option(
    "--lrs", default="0.1,0.2,0.5,0.8,1,2", show_default=True, help="Learning rates, with commas: a sheet for each."
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
@click.option("--set", "values", multiple=True, metavar="NAME=NUMBER", help="Change a start value; repeatable.")
@click.option("--seed", type=int, help="Draw the start weights with this seed.")
@click.option("--steps", type=int, default=200, show_default=True, help="Number of updates.")
@click.option("--protect", is_flag=True, help="Lock every cell but the yellow ones, without a password.")
@click.option("--force", is_flag=True, help="Replace the workbook if it exists.")
@click.option("--check", is_flag=True, help="Recalculate every cell even from 5,000 steps on.")
def build(
    lrs: str,
    output: Path,
    template: str,
    values: tuple[str, ...],
    seed: int | None,
    steps: int,
    protect: bool,
    force: bool,
    check: bool,
) -> None:
    """Write a workbook that trains a network by formulas.

    Every number is a live formula: forward pass, error, each step of the chain rule, gradients and
    updates. A spreadsheet engine recalculates the workbook, and NumPy must agree with every cell,
    before it is handed over.

    \b
    xlbackprop build --lrs 0.1,0.2,0.5,0.8,1,2 -o backprop.xlsx
    xlbackprop build --template mazur --lrs 0.5 --steps 1000 -o mazur.xlsx
    xlbackprop build --set w1=0.2 --set t1=0.3 --protect -o class.xlsx
    """
    from tqdm import tqdm

    from xlbackprop.build import Recipe, parse_learning_rates, parse_values
    from xlbackprop.build import build as build_workbook
    from xlbackprop.workbook.run import progress_total

    recipe = Recipe(template, parse_learning_rates(lrs), steps, parse_values(values), seed, protect)
    total = progress_total(len(recipe.etas), steps)
    with tqdm(total=total, unit="step", delay=1, disable=None, leave=False, file=sys.stderr) as progress:
        built = build_workbook(
            recipe,
            output,
            force=force,
            create_folder=output == DEFAULT_OUTPUT,
            check_always=check,
            on_step=progress.update,
        )
    _print_built(built)


def _print_built(built: "Built") -> None:
    from xlbackprop.build import UNCHECKED_FROM_STEPS

    layout = built.layout
    rates = "1 learning rate" if len(layout.etas) == 1 else f"{len(layout.etas)} learning rates"
    steps = "1 step" if layout.steps == 1 else f"{layout.steps:,} steps"
    click.echo(f"Wrote {built.path}: a {layout.network.shape} network, {rates}, {steps}.")
    if built.report is None:
        click.echo(f"Not checked, because it has {UNCHECKED_FROM_STEPS:,} steps or more: add --check for that.")
    else:
        click.echo(_agreement(built.report))


def _agreement(report: "FileReport") -> str:
    from xlbackprop.spreadsheet.engines import ENGINES

    text = f"{ENGINES[report.engine]} recalculated {report.cells:,} formula cells"
    if not report.correct:
        return f"{text}."
    sheet, largest = max(
        ((table.sheet, table.largest) for table in report.tables if table.largest),
        key=lambda candidate: candidate[1].max_abs or 0.0,
    )
    return (
        f"{text}, and NumPy agrees with every one; the largest difference is "
        f"{largest.max_abs:.1e}, of {largest.quantity} in {sheet}!{largest.cell}."
    )


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
@click.option("--force", is_flag=True, help="Replace the copy if it exists.")
def check(files: tuple[Path, ...], as_json: bool, as_csv: bool, annotate: Path | None, force: bool) -> None:
    """Tell whether backpropagation workbooks are right, and which formula is the cause where not.

    Any workbook will do, whoever made it: every table of it is found, recalculated and judged. A
    folder stands for all workbooks below it. Exit code 1 means that a table is not correct, 2 that
    a file could not be checked.

    \b
    xlbackprop check homework.xlsx
    xlbackprop check homework.xlsx --annotate corrected.xlsx
    xlbackprop check class/ --csv
    """
    from tqdm import tqdm

    from xlbackprop.check.many import check_all, workbooks_in
    from xlbackprop.report import data

    if as_json and as_csv:
        raise UnusableInput("--json and --csv exclude each other: choose one.")
    paths = workbooks_in(files)
    if annotate:
        if len(paths) > 1:
            raise UnusableInput(f"--annotate marks one workbook, but {len(paths)} were given: name one file.")
        if annotate.exists() and annotate.samefile(paths[0]):
            raise UnusableInput(f"{annotate} is the workbook itself: give the marked copy another name.")
        check_output(annotate, force=force)
    with tqdm(total=len(paths), unit="file", delay=1, disable=None, leave=False, file=sys.stderr) as progress:
        checked = check_all(paths, on_file=progress.update)
    if as_json:
        click.echo(json.dumps(data.as_json(checked), ensure_ascii=False, allow_nan=False))
    elif as_csv:
        click.echo(data.as_csv(checked), nl=False)
    elif len(checked) > 1 or not checked[0].error:
        _print_checked(checked)
    if annotate and not checked[0].error:
        from xlbackprop.report.annotation import annotate as write_annotated

        write_annotated(checked[0], annotate, force=force)
        if not (as_json or as_csv):
            marked = sum(len(table.findings) for table in checked[0].tables)
            click.echo(f"Wrote {annotate}, with {marked or 'nothing'} marked.")
    errors = [file.error for file in checked if file.error]
    if errors:
        raise UnusableInput(
            errors[0] if len(checked) == 1 else f"{len(errors)} of {len(checked)} files could not be checked."
        )
    if not all(file.right for file in checked):
        raise CheckFailed("not every table is correct." if len(checked) > 1 else f"{checked[0].file} is not correct.")


def _print_checked(files: "list[CheckedFile]") -> None:
    from xlbackprop.report import text

    # click leaves colours out where the output is no terminal, but does not know NO_COLOR
    colour = False if os.environ.get("NO_COLOR") else None
    for file in files:
        click.echo(click.style(str(file.file), bold=True), color=colour)
        if file.error:
            click.echo(f"  {file.error}")
        width = max((len(table.sheet) for table in file.tables), default=0)
        for table in file.tables:
            rows = "no rows" if table.first_row is None else f"rows {table.first_row} to {table.last_row}"
            rate = "unknown" if table.learning_rate is None else f"{table.learning_rate:g}"
            verdict = click.style(table.verdict, fg=text.COLOURS[table.verdict])
            click.echo(f"  {table.sheet:<{width}}  {rows:<16}  η {rate:<8}  {verdict}", color=colour)
            for line in text.table_lines(table):
                click.echo(f"    {line}")
        for sheet, finding in file.elsewhere:
            click.echo(f"  {sheet}: {_sentence(finding)}")
        for note in file.notes:
            click.echo(f"  Note: {note}.")
    if len(files) > 1:
        click.echo(text.summary(files))


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
    """Recalculate a workbook made by `build` and compare every cell with NumPy.

    The start values and learning rates are read from the file as it is now, so a workbook that was
    edited and saved again verifies too. Exit code 1 means that a cell is wrong; the cause is named.

    \b
    xlbackprop verify backprop.xlsx
    xlbackprop verify backprop.xlsx --engine all --json
    """
    from xlbackprop.check.verification import verify as verify_workbook
    from xlbackprop.spreadsheet.engines import ENGINES

    engines = list(ENGINES) if engine == "all" else [engine]
    try:
        reports = [verify_workbook(file, name) for name in engines]
    except UnusableInput as error:
        if as_json:
            click.echo(json.dumps({"files": [{"file": str(file), "error": str(error), "tables": []}]}))
        raise
    if as_json:
        click.echo(json.dumps({"files": list(map(_report_as_json, reports))}, ensure_ascii=False, allow_nan=False))
    else:
        for report in reports:
            _print_report(report, details=details)
    if not all(report.correct for report in reports):
        raise CheckFailed(f"{file} is wrong: see the cells above.")


def _print_report(report: "FileReport", *, details: bool) -> None:
    width = max(len(table.sheet) for table in report.tables)
    click.echo(f"{report.file}: {_agreement(report)}")
    if report.other_version:
        click.echo(
            f"  It was built by xlbackprop {report.other_version}, so the formulas around the training tables "
            "were not compared, only their numbers."
        )
    for table in report.tables:
        line = f"  {table.sheet:<{width}}  {table.verdict:<9}  {table.cells:>7,} cells"
        if table.largest:
            line += f", largest difference {table.largest.max_abs:.1e} ({table.largest.quantity}, {table.largest.cell})"
        click.echo(line)
        for finding in table.findings:
            click.echo(f"    {_sentence(finding)}")
        for difference in table.differences if details else ():
            absolute, relative = (
                "not a number" if size is None else f"{size:.1e}" for size in (difference.max_abs, difference.max_rel)
            )
            click.echo(f"    {difference.quantity:<12} {difference.cell:<8} absolute {absolute}, relative {relative}")


def _sentence(finding: "Finding") -> str:
    from xlbackprop.backprop.notation import header

    where = finding.cell if finding.rows == 1 else f"{finding.cell} and {finding.rows - 1} more"
    what = "is a constant" if finding.kind == "constant" else "is wrong"
    error = "" if finding.max_abs_error is None else f" (off by up to {finding.max_abs_error:.1e})"
    found, expected = (textwrap.shorten(text, 160, placeholder=" …") for text in (finding.found, finding.expected))
    return f"{header(finding.quantity)} {what} in {where}{error}: found {found}, expected {expected}"


def _report_as_json(report: "FileReport") -> dict[str, Any]:
    return {
        "file": str(report.file),
        "error": None,
        "engine": report.engine,
        "tables": [
            {
                "sheet": table.sheet,
                "header_row": table.table and table.table.header_row,
                "first_row": table.table and table.table.first_row,
                "last_row": table.table and table.table.last_row,
                "steps": table.table and table.table.steps,
                "learning_rate": table.table and table.table.eta,
                "verdict": table.verdict,
                "cells": table.cells,
                "findings": [vars(finding) for finding in table.findings],
                "differences": [vars(difference) for difference in table.differences],
            }
            for table in report.tables
        ],
    }


@main.command()
def templates() -> None:
    """List the networks that come with the program."""
    from xlbackprop.backprop.templates import load_template, template_names

    for name in template_names():
        network = load_template(name)
        click.echo(f"{name:<8}  {network.shape:<8}  {network.description}")
