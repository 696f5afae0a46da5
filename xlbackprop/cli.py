"""The commands: parse, call, print. Whatever is slow to import is imported when a command runs."""

import gc
import os
from pathlib import Path
from typing import TYPE_CHECKING

import click

from xlbackprop import __version__
from xlbackprop.cli_build import build
from xlbackprop.cli_cnn import cnn
from xlbackprop.cli_grade import grade
from xlbackprop.commands import Commands
from xlbackprop.errors import CheckFailed, UnusableInput
from xlbackprop.files import check_output
from xlbackprop.printing import progress, say, say_json, shown

if TYPE_CHECKING:
    from xlbackprop.report.findings import CheckedFile

_GARBAGE_THRESHOLD = 200_000


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


main.add_command(build)
main.add_command(cnn)
main.add_command(grade)


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
    from xlbackprop.spreadsheet.engines import ENGINES

    width = max(len(shown(sheet.sheet)) for sheet in file.sheets)
    say(f"{file.file}: {text.agreement(file, ENGINES[file.engine or ''])}")
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
