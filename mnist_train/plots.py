"""The pictures of a run: its curves, what it was shown, what it got wrong, and what its first layer looks for."""

from collections.abc import Sequence
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator
from numpy.typing import NDArray
from torch import Tensor, nn

from mnist_train import augmentation, brief, files
from mnist_train.data import DataSet
from mnist_train.history import EpochRecord
from mnist_train.runs import Run

if TYPE_CHECKING:
    from matplotlib.axes import Axes

CURVES = "curves.png"
AUGMENTED = "augmented.png"
MISCLASSIFIED = "misclassified.png"
CONFUSION = "confusion.png"
FILTERS = "filters.png"

_DOTS_PER_INCH = 110
_ROWS, _COLUMNS = 5, 10
_FILTERS_A_ROW = 8
_PLAIN, _AVERAGED, _TRAIN = "tab:blue", "tab:red", "0.6"
# pixels of a tile and between two, and inches for the title
_TILE, _GAP, _TITLE = 28, 4, 0.45
# names of classes that are longer stand in lines of their own
_SHORT = 2


def draw_all(run: Run) -> None:
    """All pictures of a finished run, into its folder."""
    folder, data = run.folder, run.data
    target = brief.TARGET_ACCURACY if data.name == brief.DATA_SET else None
    tested = data.test_name.removesuffix(" set").lower()
    draw_curves(folder / CURVES, run.epochs, run.steps, run.title, target, tested)
    first = data.train[: _ROWS * _COLUMNS]
    shown = augmentation.examples(first.pixels, run.settings.affine(), run.settings.seed)[:, 0]
    draw_images(folder / AUGMENTED, shown, [data.classes[i] for i in first.labels.tolist()], "Training images as seen")
    draw_misclassified(folder / MISCLASSIFIED, run.test_outputs, data)
    draw_confusion(folder / CONFUSION, run.test_outputs, data)
    draw_filters(folder / FILTERS, run.model)


def draw_curves(
    path: Path,
    epochs: Sequence[EpochRecord],
    steps: Sequence[Sequence[float]],
    title: str,
    target: float | None = brief.TARGET_ACCURACY,
    tested: str = "test",
) -> None:
    """Loss of every step, if it is known, and of the test images, and the accuracy, over the epochs.

    Args:
        path: of the picture.
        epochs: what was measured; at least one.
        steps: the losses of each epoch's steps, or nothing.
        title: of the whole.
        target: an accuracy that is marked, in per cent.
        tested: what the images that were reported on are called.
    """
    figure = Figure(figsize=(11, 4), layout="constrained")
    left, right = figure.subplots(1, 2)
    places = [line.epoch for line in epochs]
    _draw_losses(left, places, epochs, steps, tested)
    right.plot(places, [line.train_accuracy for line in epochs], "o-", color=_TRAIN, ms=4, label="training")
    plain = [line.test_accuracy for line in epochs]
    right.plot(places, plain, "o-", color=_PLAIN, ms=4, label=tested)
    averaged = [line.averaged_test_accuracy for line in epochs if line.averaged_test_accuracy is not None]
    if averaged:
        right.plot(places, averaged, "o-", color=_AVERAGED, ms=4, label=f"{tested}, averaged weights")
    if target is not None:
        right.axhline(target, color="0.3", lw=0.8, ls=":", label=f"{target} %")
    # the last per cents are what matters, but all points of the test stay in sight
    right.set(xlabel="epoch", ylabel="accuracy, %", title="Accuracy")
    right.set_ylim(min(min([*plain, *averaged]) - 0.3, 98), 100.05)
    right.legend(frameon=False, loc="lower right")
    for axes in (left, right):
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        axes.grid(alpha=0.25)
    figure.suptitle(title)
    save(figure, path)


def _draw_losses(
    axes: "Axes",
    places: Sequence[int],
    epochs: Sequence[EpochRecord],
    steps: Sequence[Sequence[float]],
    tested: str,
) -> None:
    if steps:
        at = [
            epoch + number / len(losses) for epoch, losses in enumerate(steps) for number in range(1, len(losses) + 1)
        ]
        axes.plot(at, _smooth(list(chain.from_iterable(steps))), color=_TRAIN, lw=1, label="training, each step")
    axes.plot(places, [line.test_loss for line in epochs], "o-", color=_PLAIN, ms=4, label=tested)
    if epochs[0].averaged_test_loss is not None:
        averaged: list[Any] = [line.averaged_test_loss for line in epochs]
        axes.plot(places, averaged, "o-", color=_AVERAGED, ms=4, label=f"{tested}, averaged weights")
    axes.set(yscale="log", xlabel="epoch", ylabel="cross-entropy", title="Loss")
    axes.legend(frameon=False)


def _smooth(losses: Sequence[float], window: int = 20) -> list[float]:
    """The mean of the last so many values at each place."""
    values = torch.tensor(losses, dtype=torch.float64)
    sums = torch.cat([torch.zeros(1, dtype=torch.float64), values.cumsum(0)])
    ends = torch.arange(1, len(values) + 1)
    starts = (ends - window).clamp(min=0)
    return ((sums[ends] - sums[starts]) / (ends - starts)).tolist()


def draw_images(path: Path, images: Tensor, titles: Sequence[str], title: str) -> None:
    """Up to fifty images with a text above each, of one line or two.

    Args:
        path: of the picture.
        images: (count, 28, 28).
        titles: one an image.
        title: of the whole.
    """
    shown = images[: _ROWS * _COLUMNS].cpu().numpy()
    _draw_tiles(path, shown, _COLUMNS, title, titles[: _ROWS * _COLUMNS], cmap="gray_r", vmin=0, vmax=255)


def draw_misclassified(path: Path, outputs: Tensor, data: DataSet) -> None:
    """The test images that a network gets wrong, the surest mistakes first, with true and predicted label.

    Args:
        path: of the picture.
        outputs: of the network for the test images, (count, classes).
        data: with the test images.
    """
    sureness, predicted = outputs.softmax(dim=1).max(dim=1)
    wrong = (predicted != data.test.labels).nonzero().flatten()
    wrong = wrong[sureness[wrong].argsort(descending=True)]
    names = data.classes
    between = ", not " if max(map(len, names)) <= _SHORT else ",\nnot "
    titles = [
        f"{names[int(data.test.labels[i])]}{between}{names[int(predicted[i])]}"
        for i in wrong[: _ROWS * _COLUMNS].tolist()
    ]
    shown = "" if len(wrong) <= len(titles) else f", the {len(titles)} surest"
    title = f"{data.test_name}: {len(wrong)} of {len(predicted)} misclassified{shown} (true, not predicted)"
    draw_images(path, data.test.pixels[wrong, 0], titles, title)


def draw_confusion(path: Path, outputs: Tensor, data: DataSet) -> None:
    """How often each class is taken for each other one.

    Args:
        path: of the picture.
        outputs: of the network for the test images, (count, classes).
        data: with the test images.
    """
    pairs = confusion(outputs, data)
    count = len(data.classes)
    mistakes = pairs.clone().fill_diagonal_(0)
    figure = Figure(figsize=(6.5, 6), layout="constrained")
    axes = figure.subplots()
    darkest = max(int(mistakes.max()), 5)
    axes.imshow(mistakes.numpy(), cmap="Reds", vmin=0, vmax=darkest)
    for row in range(count):
        for column in range(count):
            number = int(pairs[row, column])
            if number:
                light = number > 0.6 * darkest and row != column
                color = "0.5" if row == column else "white" if light else "black"
                axes.text(column, row, str(number), ha="center", va="center", fontsize=8, color=color)
    slanted = {"rotation": 45, "ha": "right"} if max(map(len, data.classes)) > _SHORT else {}
    axes.set_xticks(range(count), data.classes, **slanted)
    axes.set_yticks(range(count), data.classes)
    axes.set(xlabel="predicted", ylabel="true", title=f"{data.test_name}: confusion matrix")
    save(figure, path)


def confusion(outputs: Tensor, data: DataSet) -> Tensor:
    """How many test images of each class, a row each, were taken for each class, a column each."""
    count = len(data.classes)
    pairs = data.test.labels * count + outputs.argmax(dim=1)
    return torch.bincount(pairs, minlength=count * count).view(count, count).cpu()


def draw_filters(path: Path, model: nn.Module) -> None:
    """The kernels of the first convolution: what is light adds to the output, what is dark takes away."""
    first = next(layer for layer in model.modules() if isinstance(layer, nn.Conv2d))
    kernels = first.weight.detach()[:, 0].cpu()
    reach = float(kernels.abs().max())
    title = f"The {len(kernels)} filters of the first layer"
    columns = min(_FILTERS_A_ROW, len(kernels))
    _draw_tiles(path, kernels.numpy(), columns, title, cmap="gray", vmin=-reach, vmax=reach)


def _draw_tiles(
    path: Path, tiles: NDArray[Any], columns: int, title: str, texts: Sequence[str] = (), **look: Any
) -> None:
    """Small pictures side by side, all in one array: an axes for each would take a hundred times as long.

    Args:
        path: of the picture.
        tiles: (count, side, side).
        columns: how many stand in a row.
        title: of the whole.
        texts: what stands above each, of one line or two.
        look: the colours, as imshow takes them.
    """
    enlarged = -(-_TILE // tiles.shape[-1])
    tiles = tiles.repeat(enlarged, axis=1).repeat(enlarged, axis=2)
    lines = max((text.count("\n") + 1 for text in texts), default=0)
    tile, above = tiles.shape[-1], 1 + 5 * lines
    sheet = _on_a_sheet(tiles, columns, above)
    # a tile is an inch wide
    width, height = max(sheet.shape[1] / tile, 4.5), sheet.shape[0] / tile
    figure = Figure(figsize=(width, height + _TITLE))
    axes = figure.add_axes((0.0, 0.0, 1.0, height / (height + _TITLE)))
    axes.set_axis_off()
    axes.imshow(sheet, interpolation="nearest", **look)
    for number, text in enumerate(texts):
        row, column = divmod(number, columns)
        place = (column + 0.5) * (tile + _GAP) - 0.5, row * (tile + above) + above - 1
        axes.text(*place, text, ha="center", va="bottom", fontsize=8, linespacing=0.95, parse_math=False)
    figure.suptitle(title, fontsize=11, y=1 - 0.1 / (height + _TITLE), va="top")
    save(figure, path)


def _on_a_sheet(tiles: NDArray[Any], columns: int, above: int) -> NDArray[Any]:
    """Tiles in one array, (height, width), with room around each, which is NaN.

    Args:
        tiles: (count, side, side); there may be none.
        columns: how many stand in a row.
        above: pixels above each.
    """
    tile = tiles.shape[-1]
    rows = max(1, -(-len(tiles) // columns))
    sheet = np.full((rows * (tile + above), columns * (tile + _GAP)), np.nan)
    for number, pixels in enumerate(tiles):
        row, column = divmod(number, columns)
        down, right = row * (tile + above) + above, column * (tile + _GAP) + _GAP // 2
        sheet[down : down + tile, right : right + tile] = pixels
    return sheet


def save(figure: Figure, path: Path) -> None:
    """Replace a file by a picture."""
    with files.replaced_whole(path) as unfinished:
        figure.savefig(unfinished, dpi=_DOTS_PER_INCH)
