"""The command `cnn`: parse, call, print. Whatever is slow to import is imported when it runs."""

from pathlib import Path
from typing import TYPE_CHECKING, Literal

import click

from xlbackprop.commands import output_option, parsed
from xlbackprop.errors import UnusableInput
from xlbackprop.printing import progress, say

if TYPE_CHECKING:
    from xlbackprop.cnn.build import Built

DEFAULT_OUTPUT = Path("output/cnn.xlsx")
_TEST_IMAGES = 10_000


@click.command()
@click.argument("path", type=click.Path(path_type=Path), required=False)
@output_option(DEFAULT_OUTPUT)
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
        digits=parsed("digits", _count_of_digits, digits),
        data_dir=data_dir,
        backward=backward,
        protect=protect,
    )
    # a folder of images is read as a whole
    with progress(_TEST_IMAGES, "image", worth_it=data_dir is not None) as image_done:
        built = build_workbook(recipe, output, force=force, create_folder=output == DEFAULT_OUTPUT, on_image=image_done)
    _print_network(built, recipe.rounded_accuracy)


def _count_of_digits(word: str | None) -> "int | Literal['all'] | None":
    if word is None or word == "all":
        return word  # type: ignore[return-value]
    if not word.isascii() or not word.isdigit():
        raise UnusableInput(f"{word} is no number of images: give a whole number, or all.")
    return int(word)


def _print_network(built: "Built", about_rounding: str) -> None:
    from xlbackprop.report.text import agreement, count
    from xlbackprop.spreadsheet.engines import ENGINES

    say(f"Wrote {built.path}: {built.network.name}, {count(built.digits, 'image')} to choose from.")
    if about_rounding:
        say(about_rounding)
    say(agreement(built.report, ENGINES[built.report.engine or ""]))
