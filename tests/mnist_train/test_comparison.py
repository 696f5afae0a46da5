import json
import re
import shutil
import statistics
from collections.abc import Iterator
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner, Result
from hypothesis import given, settings
from hypothesis import strategies as st

from mnist_train import cli, comparison, designs, folders, history, models, runs
from mnist_train.comparison import Row, compare, differences, margin
from mnist_train.comparison_report import to_markdown
from mnist_train.settings import Settings, effective, to_toml
from mnist_train.training import Training
from xlbackprop.errors import UnusableInput

SEEDS = [1, 2, 3]


def told(model: str, digits: Path, **changes: object) -> Settings:
    """Seven epochs of a few steps, so that the last five are not all of them."""
    values = {"batch_size": 20, "epochs": 7, "limit": 60, "threads": 1, "data_dir": str(digits)}
    return effective(designs.design(model).recipe, {"model": model, **values, **changes})


@pytest.fixture(scope="module")
def compared(digits: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[Row], list[str]]:
    """The folder of a comparison, its rows and what it announced; nobody may write to it."""
    folder, lines = tmp_path_factory.mktemp("comparison"), []
    rows = compare([told("nano", digits), told("tiny", digits)], SEEDS, folder, lines.append)
    return folder, rows, lines


@pytest.fixture
def no_training(monkeypatch: pytest.MonkeyPatch) -> None:
    """No run may be trained, nor data be read."""

    def fail(*arguments: object, **options: object) -> None:
        pytest.fail("something was trained")

    monkeypatch.setattr(runs, "train", fail)
    monkeypatch.setattr(runs, "prepared", fail)


def test_rows_are_what_the_files_of_the_runs_say(compared: tuple[Path, list[Row], list[str]]) -> None:
    folder, rows, lines = compared
    assert [row.network for row in rows] == ["nano", "tiny"]
    announced = []
    for row in rows:
        accuracies, last, seconds = [], [], []
        for seed in SEEDS:
            run = folder / row.network / str(seed)
            epochs = history.from_csv((run / "metrics.csv").read_text(encoding="utf-8"))
            assert len(epochs) == 7
            assert f"\nseed = {seed}\n" in (run / "config.toml").read_text(encoding="utf-8")
            accuracies.append(epochs[-1].averaged_test_accuracy)
            last.extend(line.averaged_test_accuracy for line in epochs[2:])
            seconds.append(sum(line.seconds for line in epochs))
            announced.append(
                f"{row.network}, seed {seed}: {accuracies[-1]:.2f}% at the last epoch, {seconds[-1]:.1f} s of training"
            )
        assert row.accuracies == pytest.approx(accuracies)
        assert row.mean == pytest.approx(sum(accuracies) / 3)
        mean = sum(accuracies) / 3
        assert row.deviation == pytest.approx((sum((accuracy - mean) ** 2 for accuracy in accuracies) / 2) ** 0.5)
        assert row.minimum == pytest.approx(min(accuracies))
        assert row.last_epochs == pytest.approx(sum(last) / 15)
        assert row.seconds == pytest.approx(statistics.mean(seconds), abs=1e-3)
        assert row.parameters == models.parameter_count(models.build(row.network))
        assert (row.epochs, row.runs) == (7, 3)
    # until the last one is done, each line tells how long the rest takes
    assert [line.partition("; about ")[0] for line in lines] == announced
    assert [line.endswith(" left") for line in lines] == [True] * 5 + [False]
    # seeds are no copies of each other
    assert len({tuple(row.accuracies) for row in rows}) == 2
    assert len(set(rows[0].accuracies)) > 1


def test_a_run_of_a_comparison_is_finished_and_has_no_log(compared: tuple[Path, list[Row], list[str]]) -> None:
    folder, _, _ = compared
    names = {"config.toml", "metrics.csv", "steps.csv", "model.json", "model.safetensors", "summary.txt"}
    assert {path.name for path in (folder / "nano" / "2").iterdir()} == names
    assert folders.is_finished(folder / "nano" / "2")


@pytest.mark.usefixtures("no_training")
def test_what_is_there_is_read_and_not_trained_again(compared: tuple[Path, list[Row], list[str]], digits: Path) -> None:
    folder, rows, lines = compared
    again: list[str] = []
    assert list(compare([told("nano", digits), told("tiny", digits)], SEEDS, folder, again.append)) == rows
    assert again == [line.partition("; about ")[0] for line in lines]
    # what does not change results may be told otherwise
    elsewhere = told("nano", digits, data_dir="elsewhere", threads=3, device="cpu")
    assert list(compare([elsewhere], SEEDS, folder, again.append)) == rows[:1]


@pytest.mark.usefixtures("no_training")
def test_fewer_seeds_are_a_part_of_the_runs(compared: tuple[Path, list[Row], list[str]], digits: Path) -> None:
    folder, rows, _ = compared
    (row,) = compare([told("nano", digits)], [1], folder, lambda line: None)
    assert (row.runs, row.deviation) == (1, None)
    assert row.accuracies == rows[0].accuracies[:1]
    assert row.mean == row.minimum == row.accuracies[0]


@pytest.mark.usefixtures("no_training")
@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"lr": 0.02}, "--lr 0.03, not 0.02"),
        ({"batch_size": 30}, "--batch-size 20, not 30"),
        ({"hold_out": 100}, "--hold-out 0, not 100"),
        ({"epochs": 8}, "--epochs 7, not 8"),
    ],
)
def test_runs_with_other_settings_are_refused(
    change: dict[str, object], said: str, compared: tuple[Path, list[Row], list[str]], digits: Path
) -> None:
    folder, _, _ = compared
    with pytest.raises(UnusableInput) as caught:
        list(compare([told("nano", digits, **change)], SEEDS, folder, lambda line: None))
    assert str(caught.value) == (
        f"{folder / 'nano' / '1'} holds a run with {said}: give another folder with --run-dir."
    )


@pytest.fixture
def interrupted(digits: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of a comparison that was interrupted in the third epoch of its second run."""
    original = Training.train_epoch

    def train_epoch(self: Training, epoch: int, progress: object) -> object:
        if (self.settings.seed, epoch) == (2, 2):
            raise KeyboardInterrupt
        return original(self, epoch, progress)

    with monkeypatch.context() as patch:
        patch.setattr(Training, "train_epoch", train_epoch)
        with pytest.raises(runs.Interrupted):
            list(compare([told("nano", digits)], SEEDS, tmp_path, lambda line: None))
    return tmp_path


def without_seconds(row: Row) -> Row:
    return replace(row, seconds=0.0)


def test_an_interrupted_comparison_goes_on_where_it_was(
    interrupted: Path, digits: Path, compared: tuple[Path, list[Row], list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    original, epochs = Training.train_epoch, []

    def train_epoch(self: Training, epoch: int, progress: object) -> object:
        epochs.append((self.settings.seed, epoch + 1))
        return original(self, epoch, progress)

    monkeypatch.setattr(Training, "train_epoch", train_epoch)
    rows = list(compare([told("nano", digits)], SEEDS, interrupted, lambda line: None))
    assert [without_seconds(row) for row in rows] == [without_seconds(row) for row in compared[1][:1]]
    assert epochs == [*((2, number) for number in range(3, 8)), *((3, number) for number in range(1, 8))]


def test_an_interrupted_run_of_other_settings_is_refused(interrupted: Path, digits: Path) -> None:
    # the first run, which is finished, would be refused before it
    place = interrupted / "other" / "nano" / "1"
    place.parent.mkdir(parents=True)
    (interrupted / "nano" / "2").rename(place)
    before = (place / "config.toml").read_text(encoding="utf-8")
    with pytest.raises(UnusableInput, match=r"holds a run with --lr 0\.03, not 0\.02"):
        list(compare([told("nano", digits, lr=0.02)], [1], interrupted / "other", lambda line: None))
    assert (place / "config.toml").read_text(encoding="utf-8") == before


def test_a_folder_with_something_else_in_it_is_refused(digits: Path, tmp_path: Path) -> None:
    (tmp_path / "nano" / "1").mkdir(parents=True)
    (tmp_path / "nano" / "1" / "notes.txt").write_text("precious")
    with pytest.raises(UnusableInput, match="is not empty: give another folder with --run-dir"):
        list(compare([told("nano", digits)], [1], tmp_path, lambda line: None))
    assert [path.name for path in (tmp_path / "nano" / "1").iterdir()] == ["notes.txt"]


@pytest.mark.usefixtures("no_training")
@pytest.mark.parametrize("kind", ["finished", "interrupted", "other", "teacher", "small"])
def test_what_cannot_be_compared_is_found_before_the_first_training(
    kind: str, compared: tuple[Path, list[Row], list[str]], digits: Path, tmp_path: Path
) -> None:
    wanted = [told("nano", digits, lr=0.02), told("tiny", digits)]
    place = tmp_path / "tiny" / "2"
    if kind == "finished":
        shutil.copytree(compared[0] / "tiny" / "2", place)
        wanted[1] = told("tiny", digits, lr=0.02)
    if kind == "interrupted":
        place.mkdir(parents=True)
        (place / "config.toml").write_text(to_toml(told("tiny", digits, seed=2, lr=0.01)))
    if kind == "other":
        place.mkdir(parents=True)
        (place / "notes.txt").write_text("precious")
    if kind == "teacher":
        wanted[1] = told("tiny", digits, teacher=str(compared[0] / "nano" / "1"), hold_out=100)
    if kind == "small":
        wanted[1] = told("teach", digits, small_steps=0.5)
    with pytest.raises(UnusableInput) as caught:
        compare(wanted, [1, 2], tmp_path, lambda line: None)
    assert str(caught.value).startswith(
        {
            "finished": f"{place} holds a run with --lr 0.03, not 0.02: ",
            "interrupted": f"{place} holds a run with --lr 0.01, not 0.03: ",
            "other": f"{place} is not empty: ",
            "teacher": f"The teacher in {compared[0] / 'nano' / '1'} knows some of the 100 images",
            "small": "teach takes images of 28x28 pixels only: ",
        }[kind]
    )


@pytest.mark.usefixtures("no_training")
def test_the_folder_of_a_single_run_is_no_place_for_a_comparison(
    compared: tuple[Path, list[Row], list[str]], digits: Path
) -> None:
    place = compared[0] / "nano" / "1"
    before = sorted(place.iterdir())
    with pytest.raises(UnusableInput) as caught:
        compare([told("nano", digits)], [1], place, lambda line: None)
    assert str(caught.value) == (
        f"{place} holds a single run, not those of a comparison: give another folder with --run-dir."
    )
    assert sorted(place.iterdir()) == before


def test_a_teacher_is_known_with_its_own_seconds(digits: Path, tmp_path: Path) -> None:
    (alone, taught) = compare(
        [told("nano", digits, epochs=1), told("sprint", digits, epochs=1, teacher="nano", dataset="mnist")],
        [1],
        tmp_path,
        lambda line: None,
    )
    assert (alone.teacher, alone.teacher_seconds) == ("", None)
    of_teacher = folders.finished(tmp_path / "sprint" / "1" / "teacher")[0]["seconds"]
    assert (taught.teacher, taught.teacher_seconds) == ("nano", of_teacher)
    assert (taught.dataset, taught.hold_out, taught.limit) == ("mnist", 0, 60)


@pytest.mark.usefixtures("no_training")
def test_the_seeds_may_be_any(compared: tuple[Path, list[Row], list[str]], digits: Path) -> None:
    folder, rows, _ = compared
    (row,) = compare([told("nano", digits)], [2, 3], folder, lambda line: None)
    assert (row.seeds, row.accuracies) == ([2, 3], rows[0].accuracies[1:])


def test_epochs_are_counted_as_they_are_trained(digits: Path, tmp_path: Path) -> None:
    wanted, done = [told("nano", digits, epochs=2)], []
    assert comparison.epochs_to_train(wanted, [1, 2], tmp_path) == 4
    compare(wanted, [1], tmp_path, lambda line: None, lambda: done.append(1))
    assert len(done) == 2
    assert comparison.epochs_to_train(wanted, [1, 2], tmp_path) == 2


def row(network: str, accuracies: list[float]) -> Row:
    return Row(network, 1, 6, len(accuracies), sum(accuracies) / len(accuracies), None, None, 0, 0, 0, [], accuracies)


def test_the_interval_of_a_mean_is_that_of_student() -> None:
    # of four values with deviation 1: t(3, 0.975) = 3.18245 over the root of 4
    assert margin([-1.0, 1.0, -0.5, 0.5]) == pytest.approx(3.182446 / 2 * (2.5 / 3) ** 0.5)
    assert margin([3.0, 3.0]) == 0
    assert margin([3.0]) is None


@given(st.integers(2, 12), st.integers(0, 2**32))
@settings(max_examples=5, deadline=None)
def test_the_interval_holds_the_true_mean_as_often_as_it_says(count: int, seed: int) -> None:
    values = np.random.default_rng(seed).normal(0, 1, (2000, count))
    held = [abs(line.mean()) <= margin(line.tolist()) for line in values]
    assert 0.93 < np.mean(held) < 0.97


def test_differences_go_seed_by_seed() -> None:
    first, second = row("a", [99.0, 99.5, 98.0]), row("b", [99.1, 99.6, 98.2])
    (difference,) = differences([first, second])
    assert (difference.network, difference.than) == ("b", "a")
    assert difference.mean == pytest.approx(0.4 / 3)
    # the runs differ far more among themselves than from their partners
    assert difference.margin == pytest.approx(margin([0.1, 0.1, 0.2]))
    assert not difference.is_certain
    (better,) = differences([first, row("c", [99.1, 99.6, 98.11])])
    assert better.is_certain
    (single,) = differences([row("a", [99.0]), row("b", [99.4])])
    assert (single.margin, single.is_certain) == (None, False)
    assert list(differences([first])) == []


@pytest.fixture
def command(digits: Path) -> Iterator[object]:
    def run(folder: Path, *arguments: object) -> Result:
        options = ["--batch-size", 20, "--epochs", 7, "--limit", 60, "--threads", 1, "--data-dir", digits]
        line = ["compare", "--run-dir", folder, *options, *arguments]
        return CliRunner().invoke(cli.main, [str(argument) for argument in line])

    return run


@pytest.mark.usefixtures("no_training")
def test_the_command_prints_the_table_and_its_progress_apart(
    compared: tuple[Path, list[Row], list[str]], command
) -> None:
    folder, rows, lines = compared
    result = command(folder, "--models", "nano, tiny")
    assert result.exit_code == 0
    assert result.stdout == to_markdown(rows) + "\n"
    said = [line.partition("; about ")[0] for line in lines]
    assert result.stderr.splitlines() == [*said, f"Table, numbers and picture lie in {folder}."]
    assert (folder / "comparison.md").read_text(encoding="utf-8") == result.stdout
    assert json.loads((folder / "comparison.json").read_text(encoding="utf-8"))["rows"] == [asdict(row) for row in rows]


@pytest.mark.usefixtures("no_training")
def test_json_has_the_same_rows(compared: tuple[Path, list[Row], list[str]], command) -> None:
    folder, rows, _ = compared
    result = command(folder, "--models", "tiny", "--seeds", 2, "--json")
    assert result.exit_code == 0
    (row,) = json.loads(result.stdout)["rows"]
    assert row.keys() == asdict(rows[1]).keys()
    assert row["accuracies"] == rows[1].accuracies[:2]
    assert (row["network"], row["runs"]) == ("tiny", 2)


def test_the_command_trains_what_is_missing(command, tmp_path: Path) -> None:
    result = command(tmp_path, "--models", "nano", "--seeds", 1, "--epochs", 1)
    assert result.exit_code == 0
    measured, _, _, _, line = result.stdout.splitlines()
    assert measured == "Accuracy on the test images of mnist; trained on the first 60 training images; seed 1."
    assert re.fullmatch(r"\| nano \| [\d,]+ \| 1 \| 1 \| .* \|", line)
    assert result.stderr.count("\n") == 2


def test_ctrl_c_is_one_sentence_and_the_same_command_goes_on(
    command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def train_epoch(*arguments: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(Training, "train_epoch", train_epoch)
        result = command(tmp_path, "--models", "nano", "--seeds", 1)
    assert (result.exit_code, result.stdout) == (130, "")
    assert result.stderr == "\nInterrupted: the same command goes on from here.\n"
    assert command(tmp_path, "--models", "nano", "--seeds", 1).exit_code == 0


@pytest.mark.usefixtures("no_training")
def test_a_range_of_seeds_is_a_part_of_the_runs(compared: tuple[Path, list[Row], list[str]], command) -> None:
    folder, rows, _ = compared
    result = command(folder, "--models", "tiny", "--seeds", "2-3", "--json")
    (row,) = json.loads(result.stdout)["rows"]
    assert (row["seeds"], row["accuracies"]) == ([2, 3], rows[1].accuracies[1:])


@pytest.mark.parametrize("text", ["0", "3-2", "-1", "1-", "a", "1-10001", "10001", "1.5", ""])
def test_what_is_no_range_of_seeds_is_one_sentence(text: str, command, tmp_path: Path) -> None:
    result = command(tmp_path, f"--seeds={text}")
    assert result.exit_code == 2
    assert "is no number of seeds from 1 to 10,000, and no range of them such as 4-6." in result.stderr
    assert list(tmp_path.iterdir()) == []


def test_a_network_that_is_named_twice_is_refused(command, tmp_path: Path) -> None:
    result = command(tmp_path, "--models", "nano,tiny, nano")
    assert (result.exit_code, result.stderr) == (2, "Error: --models names nano twice: name each network once.\n")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("names", [",", "nano,", "", "nano,,tiny"])
def test_a_name_that_is_left_out_is_one_sentence(names: str, command, tmp_path: Path) -> None:
    result = command(tmp_path, "--models", names)
    assert (result.exit_code, result.stderr) == (
        2,
        f"Error: --models '{names}' leaves a name out: give networks with commas between them, such as tiny,compact.\n",
    )
    assert list(tmp_path.iterdir()) == []


def test_a_network_that_there_is_not_is_known_before_anything_is_trained(command, tmp_path: Path) -> None:
    result = command(tmp_path, "--models", "nano,huge")
    assert result.exit_code == 2
    assert result.stderr.startswith("Error: There is no network 'huge'")
    assert list(tmp_path.iterdir()) == []
