import json
import re
import statistics
from collections.abc import Iterator
from dataclasses import asdict, replace
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from mnist_train import cli, history, models, runs
from mnist_train.comparison import Row, compare, to_markdown
from mnist_train.settings import Settings, effective
from mnist_train.training import Training
from xlbackprop.errors import UnusableInput

SEEDS = 3


def told(model: str, digits: Path, **changes: object) -> Settings:
    """Seven epochs of a few steps, so that the last five are not all of them."""
    values = {"batch_size": 20, "epochs": 7, "limit": 60, "threads": 1, "data_dir": str(digits)}
    return effective(models.design(model).recipe, {"model": model, **values, **changes})


@pytest.fixture(scope="module")
def compared(digits: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[Row], list[str]]:
    """The folder of a comparison, its rows and what it announced; nobody may write to it."""
    folder, lines = tmp_path_factory.mktemp("comparison"), []
    rows = list(compare([told("nano", digits), told("tiny", digits)], SEEDS, folder, lines.append))
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
        for seed in range(1, SEEDS + 1):
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
    assert lines == announced
    # seeds are no copies of each other
    assert len({tuple(row.accuracies) for row in rows}) == 2
    assert len(set(rows[0].accuracies)) > 1


def test_a_run_of_a_comparison_is_finished_and_has_no_log(compared: tuple[Path, list[Row], list[str]]) -> None:
    folder, _, _ = compared
    names = {"config.toml", "metrics.csv", "model.json", "model.safetensors", "summary.txt"}
    assert {path.name for path in (folder / "nano" / "2").iterdir()} == names
    assert runs.is_finished(folder / "nano" / "2")


@pytest.mark.usefixtures("no_training")
def test_what_is_there_is_read_and_not_trained_again(compared: tuple[Path, list[Row], list[str]], digits: Path) -> None:
    folder, rows, lines = compared
    again: list[str] = []
    assert list(compare([told("nano", digits), told("tiny", digits)], SEEDS, folder, again.append)) == rows
    assert again == lines
    # what does not change results may be told otherwise
    elsewhere = told("nano", digits, data_dir="elsewhere", threads=3, device="cpu")
    assert list(compare([elsewhere], SEEDS, folder, again.append)) == rows[:1]


@pytest.mark.usefixtures("no_training")
def test_fewer_seeds_are_a_part_of_the_runs(compared: tuple[Path, list[Row], list[str]], digits: Path) -> None:
    folder, rows, _ = compared
    (row,) = compare([told("nano", digits)], 1, folder, lambda line: None)
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
        list(compare([told("nano", digits, lr=0.02)], 1, interrupted / "other", lambda line: None))
    assert (place / "config.toml").read_text(encoding="utf-8") == before


def test_a_folder_with_something_else_in_it_is_refused(digits: Path, tmp_path: Path) -> None:
    (tmp_path / "nano" / "1").mkdir(parents=True)
    (tmp_path / "nano" / "1" / "notes.txt").write_text("precious")
    with pytest.raises(UnusableInput, match="is not empty: give another folder with --run-dir"):
        list(compare([told("nano", digits)], 1, tmp_path, lambda line: None))
    assert [path.name for path in (tmp_path / "nano" / "1").iterdir()] == ["notes.txt"]


ROWS = [
    Row("compact", 9954, 6, 10, 99.512, 0.0361, 99.449, 99.5049, 41.26, [99.5] * 10),
    Row("nano", 2676, 10, 1, 99.0, None, 99.0, 98.996, 7.0, [99.0]),
]


def test_the_table_is_markdown() -> None:
    assert to_markdown(ROWS).splitlines() == [
        "| network | parameters | epochs | runs | mean % | deviation | minimum % | last 5 epochs % | seconds |",
        "| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |",
        "| compact | 9,954 | 6 | 10 | 99.51 | 0.036 | 99.45 | 99.50 | 41.3 |",
        "| nano | 2,676 | 10 | 1 | 99.00 |  | 99.00 | 99.00 | 7.0 |",
    ]


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
    assert result.stderr.splitlines() == lines


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
    _, _, line = result.stdout.splitlines()
    assert re.fullmatch(r"\| nano \| [\d,]+ \| 1 \| 1 \| .* \|", line)
    assert result.stderr.count("\n") == 1


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


def test_a_network_that_there_is_not_is_known_before_anything_is_trained(command, tmp_path: Path) -> None:
    result = command(tmp_path, "--models", "nano,huge")
    assert result.exit_code == 2
    assert result.stderr.startswith("Error: There is no network 'huge'")
    assert list(tmp_path.iterdir()) == []
