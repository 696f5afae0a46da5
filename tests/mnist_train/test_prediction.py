import json
import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from click.testing import CliRunner, Result
from PIL import Image, ImageDraw, ImageFont

from mnist_train import cli, designs, prediction, runs
from mnist_train.data import DataSet
from mnist_train.handwriting import read_digit
from mnist_train.prediction import Prediction, draw, predict
from mnist_train.processes import Processes
from mnist_train.settings import effective
from mnist_train.trained import Trained, load_trained
from tests.conftest import needs_posix


@pytest.fixture(scope="module")
def folder(data: DataSet, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run that knows printed digits of any size; nobody may write to it."""
    values = {"model": "nano", "batch_size": 20, "epochs": 6, "threads": 1, "augment": "8,25,1"}
    told = replace(effective(designs.design("nano").recipe, values), device="cpu")
    folder = tmp_path_factory.mktemp("run")
    runs.finish(runs.train(told, data, folder, Processes(), runs.Watcher()))
    return folder


@pytest.fixture(scope="module")
def network(folder: Path) -> Trained:
    return load_trained(folder, torch.device("cpu"))


@pytest.fixture(scope="module")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """The ten digits, large, half of them dark on light."""
    folder = tmp_path_factory.mktemp("pictures")
    font = ImageFont.load_default(200)
    for digit in range(10):
        paper, ink = ("white", "navy") if digit % 2 else ("black", "yellow")
        picture = Image.new("RGB", (300, 400), paper)
        ImageDraw.Draw(picture).text((150, 200), str(digit), fill=ink, font=font, anchor="mm")
        picture.save(folder / f"{digit}.png")
    return sorted(folder.iterdir())


def test_most_printed_digits_are_told_whatever_their_colours(network: Trained, pictures: list[Path]) -> None:
    predictions, failures = predict(network, pictures)
    assert failures == []
    assert [guess.file for guess in predictions] == pictures
    assert sum(guess.top[0][0] == guess.file.stem for guess in predictions) >= 8


def test_the_three_likeliest_classes_descend(network: Trained, pictures: list[Path]) -> None:
    for guess in predict(network, pictures)[0]:
        names, probabilities = zip(*guess.top, strict=True)
        assert len(set(names)) == 3
        assert set(names) <= set("0123456789")
        assert 1 >= probabilities[0] >= probabilities[1] >= probabilities[2] >= 0
        assert probabilities[0] >= 1 / 10
        assert sum(probabilities) <= 1 + 1e-6


def test_probabilities_are_those_of_the_network(network: Trained, pictures: list[Path]) -> None:
    (guess,), _ = predict(network, pictures[4:5])
    picture, seen = read_digit(pictures[4])
    assert (guess.picture == picture).all()
    assert (guess.seen == seen).all()
    values = (torch.from_numpy(seen).view(1, 1, 28, 28) / 255 - network.normalisation.mean) / (
        network.normalisation.deviation
    )
    with torch.no_grad():
        expected = network.model(values).softmax(dim=1)[0]
    assert dict(guess.top) == {name: pytest.approx(expected[int(name)].item(), abs=1e-5) for name, _ in guess.top}


def test_a_prediction_is_a_line_or_json() -> None:
    grey = np.zeros((28, 28), np.uint8)
    guess = prediction.Prediction(Path("a.png"), grey, grey, (("Bag", 0.876), ("Shirt", 0.1), ("Coat", 0.01)))
    assert str(guess) == "a.png: Bag (87.6%), Shirt (10.0%), Coat (1.0%)"
    assert json.loads(json.dumps(guess.as_json())) == {
        "file": "a.png",
        "top": [
            {"class": "Bag", "probability": 0.876},
            {"class": "Shirt", "probability": 0.1},
            {"class": "Coat", "probability": 0.01},
        ],
    }


def test_a_bad_picture_does_not_stop_the_good_ones(network: Trained, pictures: list[Path], tmp_path: Path) -> None:
    (tmp_path / "text.png").write_text("7")
    found, failures = predict(network, [tmp_path / "nowhere.png", pictures[1], tmp_path / "text.png", pictures[2]])
    assert [guess.file for guess in found] == pictures[1:3]
    assert failures == [
        f"{tmp_path / 'nowhere.png'} does not exist.",
        f"{tmp_path / 'text.png'} is not a picture: give a PNG or JPEG.",
    ]
    assert predict(network, [tmp_path / "nowhere.png"]) == ([], failures[:1])


def test_the_picture_has_a_row_a_digit(network: Trained, pictures: list[Path], tmp_path: Path) -> None:
    predictions, _ = predict(network, pictures[:3])
    heights = []
    for count in (1, 3):
        draw(tmp_path / "seen.png", predictions[:count])
        with Image.open(tmp_path / "seen.png") as picture:
            assert picture.format == "PNG"
            assert len(picture.convert("L").getcolors()) > 10
            heights.append(picture.height)
    assert heights == [209, 627]


@needs_posix
@pytest.mark.parametrize("name", [b"$x_{$.png", b"\xff.png", b"two\nlines.png"])
def test_any_name_of_a_picture_or_a_class_can_be_drawn(name: bytes, tmp_path: Path) -> None:
    grey = np.zeros((28, 28), np.uint8)
    draw(tmp_path / "seen.png", [Prediction(Path(os.fsdecode(name)), grey, grey, (("$a_{$", 0.9), ("$$", 0.1)))])
    assert (tmp_path / "seen.png").exists()


def test_of_many_predictions_the_first_are_drawn(
    network: Trained, pictures: list[Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    figures = []
    monkeypatch.setattr(prediction, "save", lambda figure, path: figures.append(figure))
    monkeypatch.setattr(prediction, "_MAX_DRAWN", 2)
    draw(tmp_path / "seen.png", predict(network, pictures[:3])[0])
    assert [axes.get_title() for axes in figures[0].axes[::3]] == ["0.png", "1.png"]


def run(*arguments: object) -> Result:
    return CliRunner().invoke(cli.main, ["predict", *map(str, arguments), "--device", "cpu"])


def test_the_command_prints_a_line_a_picture_and_draws_them(
    folder: Path, network: Trained, pictures: list[Path], tmp_path: Path
) -> None:
    target = tmp_path / "seen.png"
    result = run(folder, *pictures[:2], "--picture", target)
    expected = [str(guess) for guess in predict(network, pictures[:2])[0]]
    assert result.exit_code == 0
    assert result.stdout.splitlines() == [*expected, f"What the network saw: {target}"]
    assert result.stderr == ""
    with Image.open(target) as picture:
        assert picture.format == "PNG"
    assert list(tmp_path.iterdir()) == [target]


def test_the_picture_lies_beside_the_checkpoint_by_default(folder: Path, pictures: list[Path], tmp_path: Path) -> None:
    (tmp_path / "mine.safetensors").write_bytes((folder / runs.MODEL).read_bytes())
    result = run(tmp_path / "mine.safetensors", pictures[0])
    assert result.stdout.splitlines()[-1] == f"What the network saw: {tmp_path / 'predictions.png'}"
    assert (tmp_path / "predictions.png").is_file()


def test_the_command_goes_on_behind_a_bad_picture_and_exits_with_2(
    folder: Path, pictures: list[Path], tmp_path: Path
) -> None:
    result = run(folder, tmp_path / "nowhere.png", pictures[0], "--picture", tmp_path / "seen.png")
    assert result.exit_code == 2
    assert result.stdout.startswith(f"{pictures[0]}: ")
    assert result.stderr == f"Error: {tmp_path / 'nowhere.png'} does not exist.\n"
    assert (tmp_path / "seen.png").is_file()


def test_without_a_good_picture_nothing_is_drawn(folder: Path, tmp_path: Path) -> None:
    result = run(folder, tmp_path / "nowhere.png", "--picture", tmp_path / "seen.png")
    assert (result.exit_code, result.stdout) == (2, "")
    assert list(tmp_path.iterdir()) == []


def test_json_is_one_document(folder: Path, pictures: list[Path], tmp_path: Path) -> None:
    target = tmp_path / "seen.png"
    result = run(folder, pictures[3], tmp_path / "nowhere.png", pictures[5], "--json", "--picture", target)
    assert result.exit_code == 2
    guesses = json.loads(result.stdout)["predictions"]
    assert [guess["file"] for guess in guesses] == [str(pictures[3]), str(pictures[5])]
    assert all(set(top) == {"class", "probability"} for guess in guesses for top in guess["top"])
    assert [len(guess["top"]) for guess in guesses] == [3, 3]
    assert result.stderr.splitlines() == [
        f"Error: {tmp_path / 'nowhere.png'} does not exist.",
        f"What the network saw: {target}",
    ]
    assert json.loads(run(folder, tmp_path / "nowhere.png", "--json").stdout) == {"predictions": []}


@pytest.mark.parametrize("name", ["seen.txt", "seen", "nowhere/seen.png", "."])
def test_a_picture_that_cannot_be_written_is_one_sentence_that_names_it(
    name: str, folder: Path, pictures: list[Path], tmp_path: Path
) -> None:
    result = run(folder, pictures[0], "--picture", tmp_path / name)
    assert result.exit_code == 2
    assert result.stderr.startswith("Error: ")
    assert result.stderr.count("\n") == 1
    assert str(tmp_path / name) in result.stderr
    assert list(tmp_path.iterdir()) == []


@needs_posix
@pytest.mark.parametrize("kind", ["same", "linked", "default"])
def test_a_picture_that_is_to_be_predicted_is_never_replaced(
    kind: str, folder: Path, pictures: list[Path], tmp_path: Path
) -> None:
    (tmp_path / "mine.safetensors").write_bytes((folder / runs.MODEL).read_bytes())
    mine = tmp_path / ("predictions.png" if kind == "default" else "mine.png")
    mine.write_bytes(pictures[0].read_bytes())
    (tmp_path / "linked.png").symlink_to(mine)
    target = tmp_path / "linked.png" if kind == "linked" else mine
    result = run(
        tmp_path / "mine.safetensors", pictures[1], mine, *([] if kind == "default" else ["--picture", target])
    )
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr == (
        f"Error: {target} is one of the pictures to predict: give the picture of what the network saw another name "
        "with --picture.\n"
    )
    assert mine.read_bytes() == pictures[0].read_bytes()


def test_a_folder_that_is_read_only_is_told_with_the_file_and_the_option(
    folder: Path, pictures: list[Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(path: Path, target: Path) -> Path:
        raise PermissionError(13, os.strerror(13))

    monkeypatch.setattr(Path, "replace", refuse)
    result = run(folder, pictures[0], "--picture", tmp_path / "seen.png")
    assert result.exit_code == 2
    assert result.stdout.startswith(f"{pictures[0]}: ")
    assert result.stderr == (
        f"Error: {tmp_path / 'seen.png'} cannot be written: permission denied; give another place with --picture.\n"
    )


def test_a_folder_without_a_network_is_one_sentence(pictures: list[Path], tmp_path: Path) -> None:
    result = run(tmp_path, pictures[0])
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr == f"Error: {tmp_path / 'model.safetensors'} does not exist.\n"
