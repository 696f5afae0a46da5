"""The pictures of a run: its curves, what it was shown, what it got wrong, and what its first layer looks for."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import torch
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator
from torch import Tensor, nn

from mnist_train import files
from mnist_train.data import DataSet
from mnist_train.evaluation import logits
from mnist_train.history import TARGET_ACCURACY, EpochRecord
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
_PLAIN, _AVERAGED, _TRAIN = "tab:blue", "tab:red", "0.6"


def draw_all(run: Run) -> None:
    """All pictures of a finished run, into its folder."""
    folder, data, training = run.folder, run.training.data, run.training
    draw_curves(folder / CURVES, run.epochs, run.step_losses, run.title)
    images, labels = training.augmented(_ROWS * _COLUMNS)
    draw_images(folder / AUGMENTED, images[:, 0], [data.classes[i] for i in labels.tolist()], "Training images as seen")
    with training.averaged_in_place():
        draw_misclassified(folder / MISCLASSIFIED, training.model, data)
        draw_confusion(folder / CONFUSION, training.model, data)
        draw_filters(folder / FILTERS, training.model)


def draw_curves(path: Path, epochs: Sequence[EpochRecord], step_losses: Sequence[float], title: str) -> None:
    """Loss of every step and of the test images, and the accuracy, over the epochs."""
    figure, (left, right) = _figure(1, 2, 11, 4)
    steps = len(step_losses) // len(epochs)
    places = [line.epoch for line in epochs]
    left.plot([(step + 1) / steps for step in range(len(step_losses))], _smooth(step_losses), color=_TRAIN, lw=1)
    left.plot(places, [line.test_loss for line in epochs], "o-", color=_PLAIN, ms=4)
    names = ["training, each step", "test"]
    if epochs[0].averaged_test_loss is not None:
        left.plot(places, [line.averaged_test_loss for line in epochs], "o-", color=_AVERAGED, ms=4)
        names.append("test, averaged weights")
    left.set(yscale="log", xlabel="epoch", ylabel="cross-entropy", title="Loss")
    left.legend(left.lines, names, frameon=False)

    right.plot(places, [line.train_accuracy for line in epochs], "o-", color=_TRAIN, ms=4, label="training")
    right.plot(places, [line.test_accuracy for line in epochs], "o-", color=_PLAIN, ms=4, label="test")
    if epochs[0].averaged_test_accuracy is not None:
        averaged = [line.averaged_test_accuracy for line in epochs]
        right.plot(places, averaged, "o-", color=_AVERAGED, ms=4, label="test, averaged weights")
    right.axhline(TARGET_ACCURACY, color="0.3", lw=0.8, ls=":", label=f"{TARGET_ACCURACY} %")
    # the last per cents are what matters, but all points of the test stay in sight
    lowest = min(line.test_accuracy for line in epochs[len(epochs) // 3 :])
    right.set(xlabel="epoch", ylabel="accuracy, %", title="Accuracy", ylim=(min(lowest - 0.3, 98), 100.05))
    right.legend(frameon=False, loc="lower right")
    for axes in (left, right):
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        axes.grid(alpha=0.25)
    figure.suptitle(title)
    save(figure, path)


def _smooth(losses: Sequence[float], window: int = 20) -> list[float]:
    """The mean of the last so many values at each place."""
    values = torch.tensor(losses, dtype=torch.float64)
    sums = torch.cat([torch.zeros(1, dtype=torch.float64), values.cumsum(0)])
    ends = torch.arange(1, len(values) + 1)
    starts = (ends - window).clamp(min=0)
    return ((sums[ends] - sums[starts]) / (ends - starts)).tolist()


def draw_images(path: Path, images: Tensor, titles: Sequence[str], title: str) -> None:
    """Up to fifty images with a line above each.

    Args:
        path: of the picture.
        images: (count, 28, 28).
        titles: one an image.
        title: of the whole.
    """
    shown = min(len(images), _ROWS * _COLUMNS)
    rows = max(1, -(-shown // _COLUMNS))
    figure, cells = _figure(rows, _COLUMNS, 11, 1.25 * rows + 0.6)
    for cell in cells:
        cell.set_axis_off()
    for cell, image, text in zip(cells, images[:shown].cpu(), titles, strict=False):
        cell.imshow(image.numpy(), cmap="gray_r", interpolation="nearest")
        cell.set_title(text, fontsize=9)
    figure.suptitle(title)
    save(figure, path)


def draw_misclassified(path: Path, model: nn.Module, data: DataSet) -> None:
    """The test images that a network gets wrong, the surest mistakes first, with true and predicted label."""
    outputs = logits(model, data.test.pixels, data.normalisation)
    sureness, predicted = outputs.softmax(dim=1).max(dim=1)
    wrong = (predicted != data.test.labels).nonzero().flatten()
    wrong = wrong[sureness[wrong].argsort(descending=True)]
    names = data.classes
    titles = [
        f"{names[int(data.test.labels[i])]}, not {names[int(predicted[i])]}" for i in wrong[: _ROWS * _COLUMNS].tolist()
    ]
    shown = "" if len(wrong) <= len(titles) else f", the {len(titles)} surest"
    title = f"{data.test_name}: {len(wrong)} of {len(predicted)} misclassified{shown} (true, not predicted)"
    draw_images(path, data.test.pixels[wrong, 0], titles, title)


def draw_confusion(path: Path, model: nn.Module, data: DataSet) -> None:
    """How often each class is taken for each other one."""
    predicted = logits(model, data.test.pixels, data.normalisation).argmax(dim=1)
    count = len(data.classes)
    pairs = torch.bincount(data.test.labels * count + predicted, minlength=count * count).view(count, count).cpu()
    mistakes = pairs.clone().fill_diagonal_(0)
    figure, (axes,) = _figure(1, 1, 6.5, 6)
    darkest = max(int(mistakes.max()), 5)
    axes.imshow(mistakes.numpy(), cmap="Reds", vmin=0, vmax=darkest)
    for row in range(count):
        for column in range(count):
            number = int(pairs[row, column])
            if number:
                light = number > 0.6 * darkest and row != column
                color = "0.5" if row == column else "white" if light else "black"
                axes.text(column, row, str(number), ha="center", va="center", fontsize=8, color=color)
    slanted = {"rotation": 45, "ha": "right"} if max(map(len, data.classes)) > 2 else {}
    axes.set_xticks(range(count), data.classes, **slanted)
    axes.set_yticks(range(count), data.classes)
    axes.set(xlabel="predicted", ylabel="true", title=f"{data.test_name}: confusion matrix")
    save(figure, path)


def draw_filters(path: Path, model: nn.Module) -> None:
    """The kernels of the first convolution: what is light adds to the output, what is dark takes away."""
    first = next(layer for layer in model.modules() if isinstance(layer, nn.Conv2d))
    kernels = first.weight.detach()[:, 0].cpu()
    columns = min(8, len(kernels))
    rows = -(-len(kernels) // columns)
    figure, cells = _figure(rows, columns, columns + 0.5, rows + 0.7)
    reach = float(kernels.abs().max())
    for cell in cells:
        cell.set_axis_off()
    for cell, kernel in zip(cells, kernels, strict=False):
        cell.imshow(kernel.numpy(), cmap="gray", vmin=-reach, vmax=reach, interpolation="nearest")
    figure.suptitle(f"The {len(kernels)} filters of the first layer", fontsize=10)
    save(figure, path)


def _figure(rows: int, columns: int, width: float, height: float) -> "tuple[Figure, list[Axes]]":
    figure = Figure(figsize=(width, height), layout="constrained")
    return figure, list(figure.subplots(rows, columns, squeeze=False).flat)


def save(figure: Figure, path: Path) -> None:
    """Replace a file by a picture."""
    with files.replaced_whole(path) as unfinished:
        figure.savefig(unfinished, dpi=_DOTS_PER_INCH)
