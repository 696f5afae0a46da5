"""A network's workbook, built and checked: every network of the registry, and what cannot be built."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from tests.cnn.drawn import drawn_network
from tests.cnn.small import SMALL, SmallWorkbook, write_run
from tests.conftest import Editor, needs_trainer
from xlbackprop.cnn import build as module
from xlbackprop.cnn.build import Recipe, build, rounded
from xlbackprop.cnn.check import judge
from xlbackprop.cnn.digits import Digit, normalised
from xlbackprop.cnn.layers import Convolution, Flatten, Linear, LogSoftmax
from xlbackprop.cnn.live import LiveCells
from xlbackprop.cnn.networks import NETWORKS
from xlbackprop.cnn.saliency import LOGIT
from xlbackprop.cnn.sheets import cnn_sheets
from xlbackprop.errors import CheckFailed, FileExists, UnusableInput
from xlbackprop.spreadsheet.addresses import cell_address
from xlbackprop.spreadsheet.xlsx import write


def test_a_workbook_is_handed_over_checked(small: SmallWorkbook) -> None:
    assert small.built.report.correct
    assert (small.built.digits, small.built.network.layers) == (3, SMALL)


def test_two_builds_are_the_same_file(small: SmallWorkbook, tmp_path: Path) -> None:
    recipe = Recipe(path=small.path.parent / "run", digits=3)
    assert build(recipe, tmp_path / "again.xlsx").path.read_bytes() == small.path.read_bytes()


@needs_trainer
# `best` has the layers of `sprint`, and `wide` has them with more channels
@pytest.mark.parametrize("name", [name for name in NETWORKS if name not in ("best", "wide")])
def test_every_network_computes_in_cells_as_in_torch(name: str, tmp_path: Path) -> None:
    import torch

    from mnist_train.models import modules

    network = drawn_network(name)
    # in a blank background equal cells would differ by rounding in torch, and another one be the largest
    noise = np.random.default_rng(0).integers(0, 256, (28, 28)).astype(np.uint8)
    sheets = cnn_sheets(network, [Digit(0, 0, 0, "noise", noise)], backward=True)
    path = tmp_path / f"{name}.xlsx"
    write(sheets.book, path)
    sheet, row, column = sheets.book.where(int(sheets.digit.saliency.what.ids))
    cells = Editor(path).type(sheet.name, cell_address(row, column), LOGIT).sheets()
    report = judge(cells, path, "ironcalc", sheets)
    assert report.correct, [finding for sheet in report.sheets for finding in sheet.findings]
    model = modules(network.layers).double().eval()
    state = {f"{n}.{key}": torch.from_numpy(t) for n, own in enumerate(network.tensors) for key, t in own.items()}
    model.load_state_dict(state, strict=False)
    image = torch.from_numpy(normalised(network, noise))[None].requires_grad_()
    # the gradients are those of the logits; what a log-softmax at the end makes of them is not in the cells
    count = len(network.layers) - isinstance(network.layers[-1], LogSoftmax)
    logits = model[:count](image)[0]
    logits.max().backward()
    live = LiveCells(cells, sheets.book)
    np.testing.assert_allclose(live.numbers(sheets.network.logits), logits.detach().numpy(), rtol=1e-11, atol=1e-11)
    gradients = sheets.gradients
    pairs = [(gradients.image, image.grad)]
    for stage in gradients.stages:
        for n, own in zip(stage.shown.stage.numbers, stage.of_weights, strict=True):
            pairs += [(place, getattr(model[n], key).grad) for key, place in own.items()]
    for place, expected in pairs:
        expected = expected.numpy().reshape(place.shape)
        np.testing.assert_allclose(live.numbers(place), expected, rtol=1e-11, atol=1e-11 * np.abs(expected).max())


def test_nano_is_small(tmp_path: Path) -> None:
    path = build(Recipe(), tmp_path / "nano.xlsx").path
    assert 100_000 < path.stat().st_size < 450_000
    path = build(Recipe(backward=True), tmp_path / "backward.xlsx").path
    assert 450_000 < path.stat().st_size < 650_000


def test_weights_are_rounded_to_what_a_person_can_type(small: SmallWorkbook) -> None:
    network = rounded(small.built.network, 2)
    kernels = network.tensors[4]["weight"]
    assert np.array_equal(kernels, np.round(small.built.network.tensors[4]["weight"], 2))
    assert {len(repr(float(value)).partition(".")[2]) for value in kernels.ravel()} <= {1, 2}


@pytest.mark.parametrize("decimals", [-1, 16])
def test_decimals_out_of_range_are_a_sentence(small: SmallWorkbook, decimals: int) -> None:
    with pytest.raises(UnusableInput, match=f"weights cannot have {decimals} decimals: give a number from 0 to 15"):
        rounded(small.built.network, decimals)
    assert rounded(small.built.network, 0 if decimals < 0 else 15)


def test_what_is_known_of_the_accuracy_is_told() -> None:
    assert Recipe().rounded_accuracy == ""
    assert Recipe(decimals=2).rounded_accuracy.endswith("it reads 99.35 % of the 10,000 test images.")
    for recipe in (Recipe(decimals=5), Recipe(path=Path("run"), decimals=2)):
        assert recipe.rounded_accuracy.endswith("decimals its accuracy was not measured.")


def test_the_command_builds_the_same_again() -> None:
    assert Recipe().command == "xlbackprop cnn --network nano"
    recipe = Recipe(path=Path("my run"), decimals=2, digits="all", data_dir=Path("data"), protect=True)
    assert recipe.command == "xlbackprop cnn 'my run' --round 2 --digits all --data-dir data --protect"


def test_nothing_is_written_where_numpy_disagrees(small: SmallWorkbook, tmp_path: Path, monkeypatch) -> None:
    def poisoned(*arguments, **options):
        sheets = cnn_sheets(*arguments, **options)
        block = sheets.network.stages[3].blocks[1]
        contents = replace(block.contents, values=block.contents.values + 1e-6)
        sheets.network.sheet.fill(block, contents)
        return sheets

    monkeypatch.setattr(module, "cnn_sheets", poisoned)
    path = tmp_path / "poisoned.xlsx"
    with pytest.raises(CheckFailed, match=r"disagree about layer 5: conv 3x3, padding 1, map 2 in Network!"):
        build(Recipe(path=small.path.parent / "run", digits=1), path)
    assert not list(tmp_path.iterdir())


def test_a_layer_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    layers = (Convolution(1, 1, 28), Flatten(), LogSoftmax(), Linear(1, 10))
    run = write_run(tmp_path / "run", layers)
    with pytest.raises(UnusableInput, match="layer 3, log-softmax, cannot be written"):
        build(Recipe(path=run, digits=0), tmp_path / "out.xlsx")
    assert not (tmp_path / "out.xlsx").exists()


def test_a_network_for_images_of_another_size_is_a_sentence(tmp_path: Path) -> None:
    run = write_run(tmp_path / "run", (Flatten(), Linear(32 * 32, 10)))
    with pytest.raises(UnusableInput, match="cannot take numbers in the shape 784"):
        build(Recipe(path=run), tmp_path / "out.xlsx")


def test_an_output_that_exists_is_replaced_only_if_that_is_asked_for(small: SmallWorkbook, tmp_path: Path) -> None:
    recipe, path = Recipe(path=small.path.parent / "run", digits=0), tmp_path / "out.xlsx"
    path.write_bytes(b"mine")
    with pytest.raises(FileExists):
        build(recipe, path)
    assert path.read_bytes() == b"mine"
    assert build(recipe, path, force=True).report.correct
