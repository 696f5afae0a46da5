import dataclasses
import json
import math
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

from mnist_train import files, history, models, runs
from mnist_train.data import DataSet, Images
from mnist_train.processes import Processes
from mnist_train.runs import Watcher
from mnist_train.settings import Settings, effective
from tests.conftest import REPOSITORY, needs_posix
from xlbackprop.errors import CheckFailed, UnusableInput


def told(digits: Path, **changes) -> Settings:
    changes = {"model": "nano", "epochs": 2, "batch_size": 20, "threads": 1, "data_dir": str(digits), **changes}
    return effective(models.design(changes["model"]).recipe, {**changes, "device": "cpu"})


def run(settings: Settings, data: DataSet, folder: Path, watcher: Watcher | None = None, **options) -> runs.Run:
    return runs.train(settings, data, folder, Processes(), watcher or Watcher(), **options)


def weights(folder: Path) -> dict[str, torch.Tensor]:
    return files.load_tensors(folder / runs.MODEL)[0]


def same(first: dict[str, torch.Tensor], second: dict[str, torch.Tensor]) -> bool:
    return first.keys() == second.keys() and all(torch.equal(first[name], second[name]) for name in first)


def command(digits: Path, folder: Path, *more: str) -> list[str]:
    options = ["--model", "nano", "--batch-size", "20", "--epochs", "4", "--threads", "1"]
    start = [sys.executable, "-m", "mnist_train", "train", "--run-dir", str(folder)]
    return [*start, *(more or [*options, "--data-dir", str(digits)])]


@pytest.fixture(scope="module")
def undisturbed(digits: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("undisturbed") / "run"
    subprocess.run(command(digits, folder), cwd=REPOSITORY, check=True, capture_output=True, timeout=200)
    return folder


def untimed(folder: Path) -> list[history.EpochRecord]:
    return [dataclasses.replace(line, seconds=0) for line in runs.finished(folder)[1]]


@needs_posix
@pytest.mark.parametrize("moment", ["config.toml", "metrics.csv", "Epoch 2/4", "model.json"])
def test_a_run_killed_at_any_moment_and_resumed_ends_with_the_same_weights(
    moment: str, digits: Path, undisturbed: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "run"
    child = subprocess.Popen(command(digits, folder), cwd=REPOSITORY, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    for _ in _waiting():
        log = folder / runs.LOG
        if (folder / moment).exists() or (log.exists() and moment in log.read_text()):
            break
    child.send_signal(signal.SIGKILL)
    child.communicate()
    assert child.returncode == -signal.SIGKILL
    assert not runs.is_finished(folder)
    resumed = subprocess.run(
        command(digits, folder, "--resume"), cwd=REPOSITORY, check=True, capture_output=True, text=True, timeout=200
    )
    assert "nano" in resumed.stdout
    assert same(weights(folder), weights(undisturbed))
    assert untimed(folder) == untimed(undisturbed)
    assert runs.is_finished(folder)


def _waiting(seconds: float = 120) -> Iterator[None]:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        yield
        time.sleep(0.01)
    raise TimeoutError


@needs_posix
def test_control_c_leaves_a_run_that_says_how_to_go_on(digits: Path, undisturbed: Path, tmp_path: Path) -> None:
    folder = tmp_path / "run"
    child = subprocess.Popen(
        command(digits, folder), cwd=REPOSITORY, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    for _ in _waiting():
        if (folder / runs.METRICS).exists():
            break
    child.send_signal(signal.SIGINT)
    _, errors = child.communicate(timeout=60)
    assert child.returncode == 130
    assert "Traceback" not in errors
    advice = errors[errors.index("python -m mnist_train") :].split()
    assert advice == ["python", "-m", "mnist_train", "--run-dir", str(folder), "--resume"]
    subprocess.run([sys.executable, *advice[1:]], cwd=REPOSITORY, check=True, capture_output=True, timeout=200)
    assert same(weights(folder), weights(undisturbed))


class _Stops(Watcher):
    """Ends a run after an epoch."""

    def epoch_ended(self, line: history.EpochRecord, training: object) -> None:
        if line.epoch == 2:
            raise KeyboardInterrupt


def test_an_epoch_that_was_not_written_is_done_again(digits: Path, data: DataSet, tmp_path: Path) -> None:
    settings = told(digits, epochs=3)
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    run(settings, data, tmp_path / "a")
    with pytest.raises(runs.Interrupted, match="in epoch 2; go on from the end of epoch 1"):
        run(settings, data, tmp_path / "b", _Stops())
    assert len(history.from_csv((tmp_path / "b" / runs.METRICS).read_text())) == 1
    again = run(runs.stored_settings(tmp_path / "b"), data, tmp_path / "b", resume=True)
    assert [line.epoch for line in again.epochs] == [1, 2, 3]
    assert len(again.step_losses) == 3 * 25
    assert same(weights(tmp_path / "a"), weights(tmp_path / "b"))


def test_settings_that_were_changed_under_way_are_refused_by_name(digits: Path, data: DataSet, tmp_path: Path) -> None:
    with pytest.raises(runs.Interrupted):
        run(told(digits, epochs=3), data, tmp_path, _Stops())
    config = tmp_path / runs.CONFIG
    as_begun = config.read_text()
    config.write_text(as_begun.replace("epochs = 3", "epochs = 30").replace("ema = 0.998", "ema = 0.9"))
    with pytest.raises(UnusableInput, match=r"was changed .* \(ema was 0.998, epochs was 3\)"):
        run(runs.stored_settings(tmp_path), data, tmp_path, resume=True)
    # the images may have moved
    config.write_text(as_begun.replace(str(digits), "elsewhere"))
    assert len(run(runs.stored_settings(tmp_path), data, tmp_path, resume=True).epochs) == 3


def test_the_card_tells_what_the_weights_are(digits: Path, data: DataSet, tmp_path: Path) -> None:
    finished = run(told(digits, seed=5), data, tmp_path)
    card = json.loads((tmp_path / runs.CARD).read_text())
    assert card == finished.card == files.load_tensors(tmp_path / runs.MODEL)[1]
    assert (card["network"], card["seed"], card["epochs"]) == ("nano", 5, 2)
    assert card["parameters"] == models.parameter_count(models.build("nano"))
    assert card["accuracy"] == finished.epochs[-1].averaged_test_accuracy
    assert card["data"]["name"] == "mnist"
    assert card["data"]["training_images"] == 500
    assert card["data"]["published_files"] is False
    assert set(card["versions"]) == {"mnist_train", "torch", "torchvision", "python", "platform"}
    assert card["settings"] == dataclasses.asdict(runs.stored_settings(tmp_path))


def test_the_stored_model_has_the_averaged_weights(digits: Path, data: DataSet, tmp_path: Path) -> None:
    training = run(told(digits), data, tmp_path).training
    with training.averaged_in_place():
        averaged = {name: tensor.clone() for name, tensor in training.model.state_dict().items()}
    assert same(weights(tmp_path), averaged)
    assert not same(weights(tmp_path), dict(training.model.state_dict()))


def test_metrics_have_a_line_an_epoch_that_reads_back(digits: Path, data: DataSet, tmp_path: Path) -> None:
    finished = run(told(digits), data, tmp_path)
    lines = (tmp_path / runs.METRICS).read_text().splitlines()
    assert lines[0].split(",") == [field.name for field in dataclasses.fields(history.EpochRecord)]
    assert len(lines) == 3
    read = runs.finished(tmp_path)[1]
    assert [line.accuracy for line in read] == [pytest.approx(line.accuracy) for line in finished.epochs]
    assert read[-1].learning_rate == pytest.approx(finished.training.rate(finished.training.steps - 1))


def test_a_finished_run_that_is_damaged_is_one_sentence(digits: Path, data: DataSet, tmp_path: Path) -> None:
    run(told(digits), data, tmp_path)
    whole = (tmp_path / runs.CARD).read_text(encoding="utf-8")
    card, metrics = json.loads(whole), (tmp_path / runs.METRICS).read_text(encoding="utf-8")
    assert runs.finished(tmp_path)[0] == card
    unlike: list[object] = [[], None, 5, "card", {}, card | {"settings": []}, card | {"accuracy": "high"}]
    unlike += [card | {"accuracy": math.nan}, card | {"seconds": 10**400}, card | {"epochs": card["epochs"] + 1}]
    unlike += [{key: value for key, value in card.items() if key != "parameters"}]
    for text in ("", "{", "[" * 100_000, *map(json.dumps, unlike)):
        (tmp_path / runs.CARD).write_text(text, encoding="utf-8")
        with pytest.raises(UnusableInput) as caught:
            runs.finished(tmp_path)
        assert str(caught.value) == f"The run in {tmp_path} cannot be read: delete the folder to train it again."
    (tmp_path / runs.CARD).write_text(whole, encoding="utf-8")
    (tmp_path / runs.METRICS).write_text(metrics.rsplit("\n", 2)[0], encoding="utf-8")
    with pytest.raises(UnusableInput):
        runs.finished(tmp_path)


def test_a_loss_that_is_not_finite_ends_the_run_with_a_sentence(digits: Path, data: DataSet, tmp_path: Path) -> None:
    broken = Images(data.train.pixels.float() * float("inf"), data.train.labels)
    with pytest.raises(CheckFailed, match=r"at step 1 of 50 in epoch 1, where the learning rate was .*: try a smaller"):
        run(told(digits), dataclasses.replace(data, train=broken), tmp_path)


def test_folders_are_numbered_and_never_shared(tmp_path: Path) -> None:
    made = [runs.new_folder(tmp_path / "runs", "compact") for _ in range(3)]
    assert [folder.name for folder in made] == ["compact", "compact-2", "compact-3"]


def test_a_folder_with_something_in_it_is_not_taken(tmp_path: Path) -> None:
    assert runs.empty_folder(tmp_path / "new" / "deep").is_dir()
    assert runs.empty_folder(tmp_path / "new" / "deep").is_dir()
    with pytest.raises(UnusableInput, match="is not empty"):
        runs.empty_folder(tmp_path / "new")
    (tmp_path / "new" / "config.toml").touch()
    with pytest.raises(UnusableInput, match="add --resume"):
        runs.empty_folder(tmp_path / "new")
    with pytest.raises(UnusableInput, match="cannot be written: "):
        runs.empty_folder(tmp_path / "new" / "config.toml" / "below")


def test_a_full_disk_is_one_sentence(
    digits: Path, data: DataSet, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(self: Path, content: bytes) -> int:
        raise OSError(28, os.strerror(28))

    monkeypatch.setattr(Path, "write_bytes", full)
    with pytest.raises(UnusableInput, match="cannot be written: no space left on device"):
        run(told(digits), data, tmp_path)


def test_a_damaged_checkpoint_is_one_sentence(digits: Path, data: DataSet, tmp_path: Path) -> None:
    with pytest.raises(runs.Interrupted):
        run(told(digits, epochs=3), data, tmp_path, _Stops())
    checkpoint = tmp_path / runs.CHECKPOINT
    checkpoint.write_bytes(checkpoint.read_bytes()[:1000])
    with pytest.raises(UnusableInput, match="damaged"):
        run(told(digits, epochs=3), data, tmp_path, resume=True)


def test_sprint_learns_the_real_digits_in_one_epoch(real_digits: Path, tmp_path: Path) -> None:
    settings = told(real_digits, model="sprint", epochs=1, batch_size=128)
    _, images = runs.prepared(settings, Processes())
    assert run(settings, images, tmp_path).card["accuracy"] > 98.8


@pytest.mark.parametrize(("count", "batch"), [(2, 3), (300, 1000)])
def test_a_process_that_would_get_one_image_a_step_is_refused(digits: Path, count: int, batch: int) -> None:
    class Alone(Processes):
        def wait(self) -> None:
            pass

    with pytest.raises(UnusableInput, match="at least 2 images in each process"):
        runs.prepared(told(digits, batch_size=batch), Alone(0, count))
    assert runs.prepared(told(digits, batch_size=batch + 1), Alone(0, min(count, 2)))
