from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest
import torch
from matplotlib.figure import Figure
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor, nn

from mnist_train import augmentation, designs, models, plots, runs
from mnist_train.data import DataSet, Images
from mnist_train.files import load_tensors
from mnist_train.history import EpochRecord
from mnist_train.processes import Processes
from mnist_train.runs import Run
from mnist_train.settings import effective

PICTURES = {plots.CURVES, plots.AUGMENTED, plots.MISCLASSIFIED, plots.CONFUSION, plots.FILTERS}


def trained(data: DataSet, folder: Path, model: str = "nano", **changes: object) -> Run:
    told = effective(designs.design(model).recipe, {"model": model, "batch_size": 20, "epochs": 2, "threads": 1})
    return runs.train(replace(told, device="cpu", **changes), data, folder, Processes(), runs.Watcher())


@dataclass(frozen=True)
class Drawn:
    """A run with all its pictures; nobody may write to it.

    Attributes:
        run: that was drawn.
        figures: by the names of their files.
    """

    run: Run
    figures: dict[str, Figure]


@pytest.fixture(scope="module")
def drawn(data: DataSet, tmp_path_factory: pytest.TempPathFactory) -> Drawn:
    run = trained(data, tmp_path_factory.mktemp("run"))
    figures: dict[str, Figure] = {}
    save = plots.save
    with pytest.MonkeyPatch.context() as monkeypatch:
        monkeypatch.setattr(
            plots, "save", lambda figure, path: (figures.update({path.name: figure}), save(figure, path))
        )
        plots.draw_all(run)
    return Drawn(run, figures)


def assert_is_a_picture(path: Path) -> None:
    with Image.open(path) as picture:
        assert picture.format == "PNG"
        assert 300 <= picture.width <= 2000
        assert 150 <= picture.height <= 2000
        colours = picture.convert("RGB").getcolors(picture.width * picture.height)
        # neither blank nor of two colours only
        assert len(colours) > 10
        assert max(count for count, _ in colours) < 0.99 * picture.width * picture.height


@pytest.fixture
def figures(monkeypatch: pytest.MonkeyPatch) -> dict[str, Figure]:
    """The figures that are drawn, by the name of their file; none is written."""
    drawn: dict[str, Figure] = {}
    monkeypatch.setattr(plots, "save", lambda figure, path: drawn.update({path.name: figure}))
    return drawn


@pytest.mark.parametrize("name", sorted(PICTURES))
def test_every_picture_of_a_run_is_there(name: str, drawn: Drawn) -> None:
    assert_is_a_picture(drawn.run.folder / name)


def test_drawing_leaves_nothing_else_in_the_folder(drawn: Drawn) -> None:
    written = {*PICTURES, "config.toml", "summary.txt", "checkpoint.safetensors", "metrics.csv", "steps.csv"}
    assert {path.name for path in drawn.run.folder.iterdir()} == written | {"model.safetensors", "model.json"}


def tiles(figure: Figure, count: int, side: int, columns: int) -> NDArray[np.float64]:
    """The small pictures of a figure, (count, side, side), which stand in one array."""
    (axes,) = figure.axes
    sheet = np.asarray(axes.images[0].get_array().filled(np.nan))
    rows = -(-count // columns)
    places = sheet.reshape(rows, sheet.shape[0] // rows, columns, -1).swapaxes(1, 2).reshape(rows * columns, -1)
    found = [place[~np.isnan(place)] for place in places]
    assert [len(pixels) > 0 for pixels in found] == [True] * count + [False] * (rows * columns - count)
    enlarged = round(len(found[0]) ** 0.5)
    each = np.stack(found[:count]).reshape(count, enlarged, enlarged)
    step = enlarged // side
    assert np.array_equal(each[:, ::step, ::step].repeat(step, 1).repeat(step, 2), each)
    return each[:, ::step, ::step]


def test_the_averaged_weights_are_what_is_drawn(drawn: Drawn) -> None:
    averaged, _ = load_tensors(drawn.run.folder / runs.MODEL)
    shown = tiles(drawn.figures[plots.FILTERS], 8, 5, 8)
    assert np.array_equal(shown, averaged["0.weight"][:, 0].numpy())
    wrong = round(200 - 2 * drawn.run.epochs[-1].averaged_test_accuracy)
    title = drawn.figures[plots.MISCLASSIFIED].get_suptitle()
    assert title == f"Test set: {wrong} of 200 misclassified (true, not predicted)"


def test_the_augmented_images_have_their_labels(drawn: Drawn, data: DataSet) -> None:
    figure = drawn.figures[plots.AUGMENTED]
    assert [text.get_text() for text in figure.axes[0].texts] == [
        str(label) for label in data.train.labels[:50].tolist()
    ]
    shown = tiles(figure, 50, 28, 10)
    first = data.train.pixels[:50]
    assert np.array_equal(shown, augmentation.examples(first, (8.0, 8.0, 1.0), seed=1)[:, 0].numpy())
    assert not np.array_equal(shown, first[:, 0].numpy())


def test_a_single_epoch_of_a_seed_network_on_few_images_has_all_pictures(data: DataSet, tmp_path: Path) -> None:
    few = replace(data, train=data.train[:9], test=data.test[:12])
    plots.draw_all(trained(few, tmp_path, "seed1", epochs=1))
    for name in PICTURES:
        assert_is_a_picture(tmp_path / name)


def test_a_run_without_averaged_weights_shows_its_own(
    data: DataSet, tmp_path: Path, figures: dict[str, Figure]
) -> None:
    run = trained(replace(data, train=data.train[:100]), tmp_path, ema=0.0, epochs=1)
    plots.draw_all(run)
    assert figures.keys() == PICTURES
    wrong = round(200 - 2 * run.epochs[-1].test_accuracy)
    assert figures[plots.MISCLASSIFIED].get_suptitle().startswith(f"Test set: {wrong} of 200 misclassified")


@pytest.mark.parametrize("count", [1, 8, 9, 20])
def test_the_filters_of_the_first_layer_are_shown(count: int, figures: dict[str, Figure]) -> None:
    model = nn.Sequential(nn.Conv2d(1, count, 5), nn.Conv2d(count, 3, 3))
    plots.draw_filters(Path("filters.png"), model)
    figure = figures["filters.png"]
    assert figure.get_suptitle() == f"The {count} filters of the first layer"
    assert np.array_equal(tiles(figure, count, 5, min(8, count)), model[0].weight[:, 0].detach().numpy())


def shown_as(data: DataSet, pairs: list[tuple[int, int, float]]) -> tuple[DataSet, Tensor]:
    """Test images with a true label each, and outputs with a predicted one and a logit for it."""
    images = torch.arange(len(pairs), dtype=torch.uint8).view(-1, 1, 1, 1).expand(-1, 1, 28, 28)
    outputs = torch.zeros(len(pairs), 10)
    for row, (_, predicted, logit) in zip(outputs, pairs, strict=True):
        row[predicted] = logit
    return replace(data, test=Images(images, torch.tensor([true for true, _, _ in pairs]))), outputs


def mistakes(
    data: DataSet, pairs: list[tuple[int, int, float]], monkeypatch: pytest.MonkeyPatch
) -> tuple[list[int], list[str], str]:
    """The images among the misclassified ones, their titles, and the title of the whole."""
    drawn: list[tuple[list[int], list[str], str]] = []

    def draw_images(path: Path, images: Tensor, titles: list[str], title: str) -> None:
        drawn.append((images[:, 0, 0].tolist(), list(titles), title))

    monkeypatch.setattr(plots, "draw_images", draw_images)
    images, outputs = shown_as(data, pairs)
    plots.draw_misclassified(Path("unused.png"), outputs, images)
    return drawn[0]


def test_mistakes_show_the_true_and_the_predicted_label_the_surest_first(
    data: DataSet, monkeypatch: pytest.MonkeyPatch
) -> None:
    pairs = [(5, 3, 4.0), (1, 1, 9.0), (7, 2, 8.0), (0, 6, 1.0), (2, 2, 0.5)]
    images, titles, title = mistakes(data, pairs, monkeypatch)
    assert images == [2, 0, 3]
    assert titles == ["7, not 2", "5, not 3", "0, not 6"]
    assert title == "Test set: 3 of 5 misclassified (true, not predicted)"


def test_labels_have_the_names_of_their_classes(data: DataSet, monkeypatch: pytest.MonkeyPatch) -> None:
    clothes = replace(data, classes=("T-shirt", "Trouser", *map(str, range(2, 10))), test_name="Held-out set")
    _, titles, title = mistakes(clothes, [(0, 1, 1.0)], monkeypatch)
    # long names would run into each other
    assert titles == ["T-shirt,\nnot Trouser"]
    assert title.startswith("Held-out set: 1 of 1 ")


def test_of_many_mistakes_the_fifty_surest_are_shown(data: DataSet, monkeypatch: pytest.MonkeyPatch) -> None:
    pairs = [(number % 9, 9, 1 + number / 10) for number in range(60)]
    images, titles, title = mistakes(data, pairs, monkeypatch)
    assert images[:50] == list(range(59, 9, -1))
    assert len(titles) == 50
    assert title == "Test set: 60 of 60 misclassified, the 50 surest (true, not predicted)"


def test_a_network_without_mistakes_has_all_pictures(data: DataSet, tmp_path: Path) -> None:
    images, outputs = shown_as(data, [(label, label, 1.0) for label in range(10)])
    plots.draw_misclassified(tmp_path / "misclassified.png", outputs, images)
    with Image.open(tmp_path / "misclassified.png") as picture:
        assert picture.getextrema() != ((255, 255),) * 4
    plots.draw_confusion(tmp_path / "confusion.png", outputs, images)
    assert_is_a_picture(tmp_path / "confusion.png")


def test_the_confusion_matrix_counts_pairs(data: DataSet, figures: dict[str, Figure]) -> None:
    images, outputs = shown_as(data, [(5, 3, 1.0), (5, 3, 1.0), (3, 5, 1.0), (4, 4, 1.0), (4, 4, 1.0), (4, 4, 1.0)])
    plots.draw_confusion(Path("confusion.png"), outputs, images)
    (axes,) = figures["confusion.png"].axes
    # columns are predictions, and rows the truth
    assert {text.get_position(): text.get_text() for text in axes.texts} == {(3, 5): "2", (5, 3): "1", (4, 4): "3"}
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("predicted", "true")
    # only mistakes are coloured
    matrix = np.zeros((10, 10))
    matrix[5, 3], matrix[3, 5] = 2, 1
    assert np.array_equal(axes.images[0].get_array(), matrix)


def record(epoch: int, accuracy: float, averaged: float | None = None) -> EpochRecord:
    return EpochRecord(
        epoch=epoch,
        learning_rate=0.1,
        train_loss=0.5,
        train_accuracy=accuracy - 1,
        test_loss=1 / epoch,
        test_accuracy=accuracy,
        averaged_test_loss=averaged and 0.5 / epoch,
        averaged_test_accuracy=averaged,
        seconds=1.0,
    )


def test_curves_show_losses_and_accuracies_by_epoch(figures: dict[str, Figure]) -> None:
    epochs = [record(1, 90.0, 92.0), record(2, 97.0, 98.5), record(3, 99.0, 99.5)]
    losses = [[float(number) for number in part] for part in (range(1, 31), range(31, 41), range(41, 91))]
    plots.draw_curves(Path("curves.png"), epochs, losses, "nano, seed 1")
    figure = figures["curves.png"]
    left, right = figure.axes
    assert figure.get_suptitle() == "nano, seed 1"
    steps, test, averaged = (line.get_xydata() for line in left.lines)
    # an epoch with fewer steps is as long
    assert steps[[0, 29, 30, 39, 89], 0].tolist() == [1 / 30, 1, 1.1, 2, 3]
    # the mean of the last twenty steps, or of as many as there are
    assert steps[[0, 2, 89], 1].tolist() == [1, 2, 80.5]
    assert test.tolist() == [[1, 1], [2, 1 / 2], [3, 1 / 3]]
    assert averaged.tolist() == [[1, 0.5], [2, 0.25], [3, 0.5 / 3]]
    names = [text.get_text() for text in right.get_legend().get_texts()]
    assert names == ["training", "test", "test, averaged weights", "99.4 %"]
    assert [line.get_ydata().tolist() for line in right.lines[:3]] == [[89, 96, 98], [90, 97, 99], [92, 98.5, 99.5]]


def test_without_averaged_weights_there_is_no_curve_of_them(figures: dict[str, Figure]) -> None:
    plots.draw_curves(Path("curves.png"), [record(1, 97.0)], [[2.0, 1.0]], "")
    left, right = figures["curves.png"].axes
    assert [text.get_text() for text in left.get_legend().get_texts()] == ["training, each step", "test"]
    assert [text.get_text() for text in right.get_legend().get_texts()] == ["training", "test", "99.4 %"]
    # the point is in sight although it is below the usual range
    assert right.get_ylim()[0] < 97


@pytest.mark.parametrize("averaged", [True, False])
def test_all_points_of_the_test_stay_in_sight(averaged: bool, figures: dict[str, Figure]) -> None:
    worst = record(1, 95.0, 12.0) if averaged else record(1, 12.0)
    better = [record(number, 99.0, 99.2 if averaged else None) for number in range(2, 7)]
    plots.draw_curves(Path("curves.png"), [worst, *better], [], "")
    _, right = figures["curves.png"].axes
    assert right.get_ylim()[0] < 12 < right.get_ylim()[1]


def test_good_curves_show_the_last_per_cents(figures: dict[str, Figure]) -> None:
    plots.draw_curves(Path("curves.png"), [record(1, 99.0), record(2, 99.5)], [], "")
    assert figures["curves.png"].axes[1].get_ylim() == (98, 100.05)


def test_without_the_losses_of_the_steps_there_are_those_of_the_test(figures: dict[str, Figure]) -> None:
    plots.draw_curves(Path("curves.png"), [record(1, 97.0)], [], "", target=None)
    left, right = figures["curves.png"].axes
    assert [text.get_text() for text in left.get_legend().get_texts()] == ["test"]
    assert [text.get_text() for text in right.get_legend().get_texts()] == ["training", "test"]


def test_what_was_measured_has_its_name_in_the_legends(figures: dict[str, Figure]) -> None:
    plots.draw_curves(Path("curves.png"), [record(1, 97.0, 98.0)], [], "", target=None, tested="held-out")
    left, right = figures["curves.png"].axes
    names = ["held-out", "held-out, averaged weights"]
    assert [text.get_text() for text in left.get_legend().get_texts()] == names
    assert [text.get_text() for text in right.get_legend().get_texts()] == ["training", *names]


def test_long_names_of_classes_do_not_run_into_each_other(data: DataSet, figures: dict[str, Figure]) -> None:
    names = ("T-shirt/top", "Ankle boot", *map(str, range(2, 10)))
    images, outputs = shown_as(replace(data, classes=names), [(n % 2, 1 - n % 2, 1.0) for n in range(50)])
    plots.draw_misclassified(Path("misclassified.png"), outputs, images)
    figure = figures["misclassified.png"]
    figure.draw_without_rendering()
    boxes = [text.get_window_extent() for text in figure.axes[0].texts]
    assert len(boxes) == 50
    assert not [1 for n, box in enumerate(boxes) if any(box.overlaps(other) for other in boxes[n + 1 :])]
    # nor over an image: each has the room above its own
    assert all(box.x0 >= 0 and box.x1 <= figure.bbox.x1 for box in boxes)


def test_a_failed_save_leaves_the_old_picture(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "filters.png"
    plots.draw_filters(path, models.build("nano"))
    before = path.read_bytes()

    def full(self: Figure, target: Path, **options: object) -> None:
        target.write_bytes(b"half")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Figure, "savefig", full)
    with pytest.raises(OSError, match="No space"):
        plots.draw_filters(path, models.build("nano"))
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]
