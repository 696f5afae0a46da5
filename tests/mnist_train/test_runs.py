import dataclasses
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

from mnist_train import designs, files, folders, history, models, runs
from mnist_train.data import DataSet, Images, load
from mnist_train.processes import Processes
from mnist_train.runs import Watcher
from mnist_train.settings import Settings, effective
from tests.conftest import REPOSITORY, needs_posix
from xlbackprop.errors import CheckFailed, UnusableInput


def told(digits: Path, **changes) -> Settings:
    changes = {"model": "nano", "epochs": 2, "batch_size": 20, "threads": 1, "data_dir": str(digits), **changes}
    return effective(designs.design(changes["model"]).recipe, {**changes, "device": "cpu"})


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
    return [dataclasses.replace(line, seconds=0) for line in folders.finished(folder)[1]]


@needs_posix
@pytest.mark.parametrize("moment", ["config.toml", "metrics.csv", "Epoch 2/4", "model.json"])
def test_a_run_killed_at_any_moment_and_resumed_ends_with_the_same_weights(
    moment: str, digits: Path, undisturbed: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "run"
    child = subprocess.Popen(command(digits, folder), cwd=REPOSITORY, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    for _ in _waiting():
        log = folder / folders.LOG
        if (folder / moment).exists() or (log.exists() and moment in log.read_text()):
            break
    child.send_signal(signal.SIGKILL)
    child.communicate()
    assert child.returncode == -signal.SIGKILL
    assert not folders.is_finished(folder)
    resumed = subprocess.run(
        command(digits, folder, "--resume"), cwd=REPOSITORY, check=True, capture_output=True, text=True, timeout=200
    )
    assert "nano" in resumed.stdout
    assert same(weights(folder), weights(undisturbed))
    assert untimed(folder) == untimed(undisturbed)
    assert folders.is_finished(folder)


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
        if (folder / folders.METRICS).exists():
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
    assert len(history.from_csv((tmp_path / "b" / folders.METRICS).read_text())) == 1
    again = run(folders.stored_settings(tmp_path / "b"), data, tmp_path / "b", resume=True)
    assert [line.epoch for line in again.epochs] == [1, 2, 3]
    assert len(again.step_losses) == 3 * 25
    assert same(weights(tmp_path / "a"), weights(tmp_path / "b"))


def test_settings_that_were_changed_under_way_are_refused_by_name(digits: Path, data: DataSet, tmp_path: Path) -> None:
    with pytest.raises(runs.Interrupted):
        run(told(digits, epochs=3), data, tmp_path, _Stops())
    config = tmp_path / folders.CONFIG
    as_begun = config.read_text()
    config.write_text(as_begun.replace("epochs = 3", "epochs = 30").replace("ema = 0.998", "ema = 0.9"))
    with pytest.raises(UnusableInput, match=r"was changed .* \(ema was 0.998, epochs was 3\)"):
        run(folders.stored_settings(tmp_path), data, tmp_path, resume=True)
    # the images may have moved
    config.write_text(as_begun.replace(str(digits), "elsewhere"))
    assert len(run(folders.stored_settings(tmp_path), data, tmp_path, resume=True).epochs) == 3


def test_the_card_tells_what_the_weights_are(digits: Path, data: DataSet, tmp_path: Path) -> None:
    finished = run(told(digits, seed=5), data, tmp_path)
    card = json.loads((tmp_path / folders.CARD).read_text())
    assert card == finished.card == files.load_tensors(tmp_path / runs.MODEL)[1]
    assert (card["network"], card["seed"], card["epochs"]) == ("nano", 5, 2)
    assert card["parameters"] == models.parameter_count(models.build("nano"))
    assert card["accuracy"] == finished.epochs[-1].averaged_test_accuracy
    assert card["data"]["name"] == "mnist"
    assert card["data"]["training_images"] == 500
    assert card["data"]["published_files"] is False
    assert set(card["versions"]) == {"mnist_train", "torch", "torchvision", "python", "platform"}
    assert card["settings"] == dataclasses.asdict(folders.stored_settings(tmp_path))


def test_the_stored_model_has_the_averaged_weights(digits: Path, data: DataSet, tmp_path: Path) -> None:
    found = run(told(digits), data, tmp_path)
    assert same(weights(tmp_path), dict(found.model.state_dict()))
    # the checkpoint, which is there until the pictures are, has both
    kept = files.load_tensors(tmp_path / runs.CHECKPOINT)[0]
    assert torch.equal(weights(tmp_path)["0.weight"], kept["average.0.weight"])
    assert not torch.equal(weights(tmp_path)["0.weight"], kept["model.0.weight"])


def test_metrics_have_a_line_an_epoch_that_reads_back(digits: Path, data: DataSet, tmp_path: Path) -> None:
    finished = run(told(digits), data, tmp_path)
    lines = (tmp_path / folders.METRICS).read_text().splitlines()
    assert lines[0].split(",") == [field.name for field in dataclasses.fields(history.EpochRecord)]
    assert len(lines) == 3
    read = folders.finished(tmp_path)[1]
    assert [line.accuracy for line in read] == [pytest.approx(line.accuracy) for line in finished.epochs]
    assert read[-1].learning_rate == pytest.approx(finished.epochs[-1].learning_rate)


def test_a_loss_that_is_not_finite_ends_the_run_with_a_sentence(digits: Path, data: DataSet, tmp_path: Path) -> None:
    broken = Images(data.train.pixels.float() * float("inf"), data.train.labels)
    with pytest.raises(CheckFailed, match=r"at step 1 of 50 in epoch 1, where the learning rate was .*: try a smaller"):
        run(told(digits), dataclasses.replace(data, train=broken), tmp_path)


def test_a_run_is_read_back_from_its_folder(digits: Path, data: DataSet, tmp_path: Path) -> None:
    trained = run(told(digits), data, tmp_path)
    with pytest.raises(UnusableInput, match="is not finished: go on with it first"):
        runs.read_back(tmp_path)
    runs.finish(trained)
    back = runs.read_back(tmp_path)
    assert (back.folder, back.settings, back.card) == (trained.folder, trained.settings, trained.card)
    assert [line.accuracy for line in back.epochs] == pytest.approx([line.accuracy for line in trained.epochs])
    assert back.step_losses == pytest.approx(trained.step_losses)
    assert len(back.step_losses) == 50
    left, found = trained.model.state_dict(), back.model.state_dict()
    assert all(torch.equal(left[name], found[name]) for name in left if not name.endswith("num_batches_tracked"))
    assert torch.equal(back.data.test.pixels, data.test.pixels)


def test_the_images_of_a_run_that_is_read_back_may_have_moved(digits: Path, data: DataSet, tmp_path: Path) -> None:
    runs.finish(run(dataclasses.replace(told(digits, epochs=1), data_dir=str(tmp_path / "gone")), data, tmp_path))
    assert len(runs.read_back(tmp_path, data_dir=str(digits)).data.test) == 200


def test_a_run_of_another_device_goes_on_here(digits: Path, data: DataSet, tmp_path: Path) -> None:
    with pytest.raises(runs.Interrupted):
        run(told(digits, epochs=3), data, tmp_path, _Stops())
    # as a GPU would have left it, where nobody counts threads
    tensors, card = files.load_tensors(tmp_path / runs.CHECKPOINT)
    files.save_tensors(tmp_path / runs.CHECKPOINT, tensors, {**card, "settings": card["settings"] | {"device": "cuda"}})
    again = run(told(digits, epochs=3, threads=2), data, tmp_path, resume=True)
    assert [line.epoch for line in again.epochs] == [1, 2, 3]
    assert folders.stored_settings(tmp_path).threads == 2
    assert again.card["settings"] == dataclasses.asdict(folders.stored_settings(tmp_path))


def test_on_the_same_device_the_threads_stay_as_they_were(digits: Path, data: DataSet, tmp_path: Path) -> None:
    with pytest.raises(runs.Interrupted):
        run(told(digits, epochs=3), data, tmp_path, _Stops())
    with pytest.raises(UnusableInput, match=r"\(threads was 1\)"):
        run(told(digits, epochs=3, threads=2), data, tmp_path, resume=True)


def test_nothing_is_left_that_a_power_cut_could_take(
    digits: Path, data: DataSet, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept: list[str] = []
    sync, unlink = os.fsync, Path.unlink

    def fsync(number: int) -> None:
        kept.append(Path(f"/proc/self/fd/{number}").readlink().name)
        sync(number)

    def unlinked(path: Path, *, missing_ok: bool = False) -> None:
        kept.append(f"no {path.name}")
        unlink(path, missing_ok=missing_ok)

    if not Path("/proc/self/fd").exists():
        pytest.skip("the system does not say which file a number stands for")
    monkeypatch.setattr(os, "fsync", fsync)
    monkeypatch.setattr(Path, "unlink", unlinked)
    runs.finish(run(told(digits, epochs=1), data, tmp_path))
    for name in (runs.MODEL, folders.CARD, folders.METRICS, folders.STEPS):
        assert kept.index(f".unfinished-{name}") < kept.index("no checkpoint.safetensors")
    # the new names, too
    assert kept[kept.index(f".unfinished-{folders.CARD}") + 1] == tmp_path.name


@pytest.mark.parametrize("wanted", [True, False])
def test_what_is_deterministic_is_asked_for(wanted: bool, digits: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[bool] = []
    monkeypatch.setattr(runs, "make_deterministic", lambda: asked.append(True))
    runs.prepared(told(digits, deterministic=wanted), Processes())
    assert asked == [True] * wanted


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


class _Alone(Processes):
    def wait(self) -> None:
        pass


@pytest.mark.parametrize(
    ("changes", "count", "advice"),
    [
        ({"batch_size": 3}, 2, "raise --batch-size"),
        ({"batch_size": 499}, 250, "raise --batch-size"),
        ({"limit": 1}, 1, "raise --limit"),
        ({"limit": 3, "hold_out": 100, "batch_size": 2}, 2, "raise --limit"),
        ({"hold_out": 499}, 1, "hold out fewer with --hold-out"),
        ({"hold_out": 498, "limit": 9}, 2, "hold out fewer with --hold-out"),
        ({"batch_size": 1000}, 300, "start fewer processes"),
    ],
)
def test_a_process_that_would_get_one_image_a_step_is_refused(
    changes: dict[str, int], count: int, advice: str, digits: Path
) -> None:
    with pytest.raises(UnusableInput) as caught:
        runs.prepared(told(digits, **changes), _Alone(0, count))
    assert str(caught.value) == f"Each step needs at least 2 images in each process: {advice}."


@pytest.mark.parametrize(("count", "batch"), [(1, 2), (2, 4), (250, 500)])
def test_two_images_a_step_and_process_are_enough(digits: Path, count: int, batch: int) -> None:
    assert runs.prepared(told(digits, batch_size=batch), _Alone(0, count))


class _Lines(Watcher):
    """Keeps what is told, and ends the run of a network at the end of an epoch if it is to."""

    def __init__(self, stop_at_line: str = "") -> None:
        self.lines: list[str] = []
        self.measured: list[int] = []
        self._stop_at_line = stop_at_line

    def line(self, text: str) -> None:
        self.lines.append(text)

    def epoch(self, number: int, settings: Settings, steps: int) -> runs.Bar:
        if f"{settings.model} {number}" == self._stop_at_line:
            raise KeyboardInterrupt
        return super().epoch(number, settings, steps)

    def epoch_ended(self, line: history.EpochRecord, training: object) -> None:
        self.measured.append(line.epoch)


@pytest.fixture(scope="module")
def taught(digits: Path, data: DataSet, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("taught")
    run(told(digits, teacher="tiny"), data, folder, lines := _Lines())
    assert [line.split(" (")[0] for line in lines.lines if "Training" in line] == ["Training tiny", "Training nano"]
    assert any(line.startswith("The teacher, tiny, is at ") for line in lines.lines)
    # what is measured of a run is not what is measured of its teacher
    assert lines.measured == [1, 2]
    return folder


def test_a_teacher_is_trained_first_with_its_own_recipe_and_is_a_run_as_well(taught: Path) -> None:
    of_teacher = folders.stored_settings(taught / folders.TEACHER)
    assert (of_teacher.model, of_teacher.epochs, of_teacher.batch_size) == ("tiny", 12, 128)
    assert of_teacher.seed == folders.stored_settings(taught).seed
    assert folders.is_finished(taught / folders.TEACHER)
    card, _ = folders.finished(taught)
    teacher, _ = folders.finished(taught / folders.TEACHER)
    assert card["teacher"] == {
        name: teacher[name] for name in ("network", "parameters", "accuracy", "epochs", "seconds", "seed")
    }


def test_the_folder_of_a_run_can_be_the_teacher(taught: Path, digits: Path, data: DataSet, tmp_path: Path) -> None:
    run(told(digits, teacher=str(taught / folders.TEACHER)), data, tmp_path)
    assert same(weights(tmp_path), weights(taught))
    assert not (tmp_path / folders.TEACHER).exists()


@pytest.mark.parametrize("moment", ["tiny 2", "nano 1", "nano 2"])
def test_a_run_that_ended_with_its_teacher_or_after_it_goes_on(
    moment: str, taught: Path, digits: Path, data: DataSet, tmp_path: Path
) -> None:
    with pytest.raises(runs.Interrupted, match="go on .*with") as error:
        run(told(digits, teacher="tiny"), data, tmp_path, _Lines(stop_at_line=moment))
    assert str(error.value).endswith(f"--run-dir {tmp_path} --resume")
    assert ("of the teacher" in str(error.value)) == (moment == "tiny 2")
    run(folders.stored_settings(tmp_path), data, tmp_path, again := _Lines(), resume=True)
    assert any("Training tiny" in line for line in again.lines) == (moment == "tiny 2")
    assert same(weights(tmp_path), weights(taught))


def test_who_has_no_teacher_says_so(taught: Path) -> None:
    card, _ = folders.finished(taught / folders.TEACHER)
    assert card["teacher"] is None


def test_a_teacher_of_other_images_is_refused(taught: Path, digits: Path, data: DataSet, tmp_path: Path) -> None:
    settings = dataclasses.replace(told(digits, teacher=str(taught)), dataset="kmnist")
    with pytest.raises(UnusableInput, match=r"was trained on mnist, and this run is on kmnist: .* --teacher"):
        run(settings, data, tmp_path)
    with pytest.raises(UnusableInput, match="--teacher nobody is neither a network nor the folder of a finished run"):
        runs.prepared(told(digits, teacher="nobody"), Processes())


def test_a_teacher_is_checked_before_anything_is_written(taught: Path, digits: Path, tmp_path: Path) -> None:
    with pytest.raises(runs.Interrupted):
        (tmp_path / "unfinished").mkdir()
        run(told(digits), load("mnist", digits), tmp_path / "unfinished", _Lines(stop_at_line="nano 2"))
    (tmp_path / "run").mkdir()
    for teacher, said in (
        (tmp_path, "model.safetensors does not exist"),
        (tmp_path / "unfinished", "is not finished: resume it first"),
        (tmp_path / "unfinished" / "checkpoint.safetensors", "not finished: resume it first"),
    ):
        settings = told(digits, teacher=str(teacher))
        with pytest.raises(UnusableInput, match=said):
            runs.prepared(settings, Processes())
        with pytest.raises(UnusableInput, match=said):
            run(settings, load("mnist", digits), tmp_path / "run")
        assert list((tmp_path / "run").iterdir()) == []
    for changes in ({"dataset": "printed"}, {"hold_out": 1}):
        with pytest.raises(UnusableInput, match="The teacher in"):
            runs.prepared(dataclasses.replace(told(digits, teacher=str(taught)), **changes), Processes())


def test_a_teacher_that_knows_the_held_out_images_is_refused(digits: Path, tmp_path: Path) -> None:
    def teacher(hold_out: int) -> Path:
        settings = told(digits, epochs=1, hold_out=hold_out)
        folder = tmp_path / f"teacher-{hold_out}"
        folder.mkdir()
        runs.finish(run(settings, runs.prepared(settings, Processes())[1], folder))
        return folder

    for hold_out in (0, 99):
        settings = told(digits, epochs=1, hold_out=100, teacher=str(teacher(hold_out)))
        with pytest.raises(UnusableInput) as caught:
            run(settings, load("mnist", digits, hold_out=100), tmp_path)
        assert str(caught.value) == (
            f"The teacher in {tmp_path / f'teacher-{hold_out}'} knows some of the 100 images that this run holds out, "
            f"as it held out {hold_out}: give --teacher one that was trained with --hold-out 100 or more."
        )
    # those that more were held back from are the same ones
    settings = dataclasses.replace(settings, hold_out=99)
    assert run(settings, load("mnist", digits, hold_out=99), tmp_path).card["teacher"]["network"] == "nano"


@pytest.mark.parametrize("teacher", ["tiny", "somewhere"])
def test_a_teacher_with_nothing_but_small_images_is_refused(teacher: str, digits: Path) -> None:
    with pytest.raises(UnusableInput) as caught:
        runs.prepared(told(digits, teacher=teacher, small_steps=1), Processes())
    assert str(caught.value) == (
        "--small-steps 1 leaves nothing to --teacher, which knows nothing of small images: give less of the one, or "
        "leave out the other."
    )
    runs.prepared(told(digits, teacher="tiny", small_steps=0.9), Processes())


@pytest.mark.parametrize("model", ["seed3", "teach"])
def test_a_network_that_takes_no_small_images_is_told_so(model: str, digits: Path) -> None:
    with pytest.raises(UnusableInput, match=f"{model} takes images of 28x28 pixels only: leave out --small-steps"):
        runs.prepared(told(digits, model=model, small_steps=0.5), Processes())
    runs.prepared(told(digits, model="tiny", small_steps=0.5), Processes())
