import contextlib
import csv
import errno
import json
import math
import os
import re
import shutil
import signal
import subprocess
import sys
import time
import tomllib
from collections.abc import Callable
from dataclasses import dataclass, fields
from pathlib import Path

import click
import pytest
import torch
from click.testing import CliRunner, Result
from PIL import Image

from mnist_train import cli, plots, sources
from mnist_train.designs import DESIGNS
from mnist_train.files import load_tensors
from mnist_train.models import build, parameter_count
from mnist_train.settings import Settings, name_on_command_line
from tests.cnn.damaged import DAMAGED, content, good_card
from tests.conftest import REPOSITORY, needs_posix
from tests.mnist_train.interruption import interrupted_in_the_second_epoch
from xlbackprop import __version__

SMALL = ("--model", "nano", "--batch-size", 20, "--epochs", 2, "--threads", 1)
PICTURES = {"curves.png", "augmented.png", "misclassified.png", "confusion.png", "filters.png"}
TEXTS = {"config.toml", "metrics.csv", "steps.csv", "train.log", "model.safetensors", "model.json", "summary.txt"}
TEXTS |= {"README.md"}


def run(*arguments: object, **environment: str) -> Result:
    return CliRunner(env=environment).invoke(cli.main, [str(argument) for argument in arguments])


def outside(*arguments: object, cwd: Path, blocked: str = "") -> "subprocess.Popen[str]":
    """The trainer as a process of its own, in which a package cannot be imported."""
    if blocked:
        (cwd / "blocking").mkdir(exist_ok=True)
        (cwd / "blocking" / "sitecustomize.py").write_text(f"import sys\nsys.modules['{blocked}'] = None\n")
    return subprocess.Popen(
        [sys.executable, "-m", "mnist_train", *map(str, arguments)],
        cwd=cwd,
        env={**os.environ, "PYTHONPATH": os.pathsep.join([str(cwd / "blocking"), str(REPOSITORY)])},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


@dataclass(frozen=True)
class Finished:
    """A run with everything in it, by a process of its own, and what that printed; nobody may write to it."""

    folder: Path
    code: int
    stdout: str
    stderr: str


@pytest.fixture(scope="module")
def finished(digits: Path, tmp_path_factory: pytest.TempPathFactory) -> Finished:
    place = tmp_path_factory.mktemp("finished")
    process = outside(*SMALL, "--data-dir", digits, cwd=place)
    out, err = process.communicate(timeout=120)
    return Finished(place / "output" / "mnist" / "nano", process.returncode, out, err)


@pytest.fixture
def train(digits: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Result]:
    """Trains a small network in an empty working directory, without the pictures, which take long."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(plots, "draw_all", lambda run: None)

    def small(*arguments: object) -> Result:
        return run("train", *SMALL, "--data-dir", digits, *arguments)

    return small


@pytest.fixture
def nowhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty working directory without data, offline."""

    def offline(*arguments: object) -> None:
        raise AssertionError("something was to be downloaded")

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sources, "_download", offline)
    return tmp_path


def assert_refused(result: Result, code: int = 2) -> str:
    """One sentence on standard error, and nothing else; returns it."""
    assert result.exit_code == code, result.output
    assert result.stdout == ""
    assert result.stderr.startswith("Error: ")
    assert result.stderr.count("\n") == 1
    return result.stderr.removeprefix("Error: ").strip()


def config(folder: Path) -> dict[str, object]:
    return tomllib.loads((folder / "config.toml").read_text(encoding="utf-8"))


def metrics(folder: Path) -> list[dict[str, str]]:
    """The lines of metrics.csv, without the seconds."""
    with (folder / "metrics.csv").open(encoding="utf-8") as file:
        return [{name: value for name, value in line.items() if name != "seconds"} for line in csv.DictReader(file)]


def assert_same_run(first: Path, second: Path) -> None:
    assert metrics(first) == metrics(second)
    weights, others = (load_tensors(folder / "model.safetensors")[0] for folder in (first, second))
    assert weights.keys() == others.keys()
    assert all(torch.equal(tensor, others[name]) for name, tensor in weights.items())


def test_without_a_command_it_trains_and_writes_everything(finished: Finished) -> None:
    assert (finished.code, finished.stderr) == (0, "")
    assert {path.name for path in finished.folder.iterdir()} == TEXTS | PICTURES
    assert finished.stdout == (finished.folder / "train.log").read_text(encoding="utf-8")
    lines = finished.stdout.splitlines()
    assert re.match(r"Training nano \(.* parameters\) on 500 images of mnist.* for 2 epochs, seed 1; CPU, ", lines[0])
    card = json.loads((finished.folder / "model.json").read_text(encoding="utf-8"))
    (reached,) = [line for line in lines if line.startswith("[ ] last epoch")]
    assert reached.endswith(f" {card['accuracy']:.2f}%")
    assert lines[-1] == "Everything lies in output/mnist/nano."
    for name in PICTURES:
        with Image.open(finished.folder / name) as picture:
            assert picture.format == "PNG"


def test_the_files_of_a_run_agree_with_each_other(finished: Finished, digits: Path) -> None:
    folder = finished.folder
    card = json.loads((folder / "model.json").read_text(encoding="utf-8"))
    assert load_tensors(folder / "model.safetensors")[1] == card
    assert card["settings"] == config(folder)
    lines = metrics(folder)
    assert [line["epoch"] for line in lines] == ["1", "2"]
    assert float(lines[-1]["averaged_test_accuracy"]) == card["accuracy"]
    assert (folder / "summary.txt").read_text(encoding="utf-8") == run("summary", "nano").stdout
    assert config(folder) == {
        **{option.name: option.default for option in fields(Settings)},
        **{"epochs": 2, "batch_size": 20, "optimizer": "muon", "lr": 0.03, "weight_decay": 0.02, "schedule": "linear"},
        **{"warmup": 0.2, "augment": "8,8,1", "ema": 0.998, "model": "nano", "threads": 1, "device": "cpu"},
        "data_dir": str(digits),
    }


def test_the_stored_settings_make_the_run_again(finished: Finished, train: object, tmp_path: Path) -> None:
    folder = finished.folder
    result = run("--config", folder / "config.toml", "--run-dir", tmp_path / "again")
    assert result.exit_code == 0
    assert_same_run(folder, tmp_path / "again")
    assert config(folder) == config(tmp_path / "again")
    assert run("--config", folder / "config.toml", "--run-dir", tmp_path / "other", "--seed", 2).exit_code == 0
    with pytest.raises(AssertionError):
        assert_same_run(folder, tmp_path / "other")


def test_options_go_before_the_file_and_the_file_before_the_recipe(train: Callable[..., Result]) -> None:
    Path("my.toml").write_text('model = "seed2"\nepochs = 3\nlr = 1\nweight-decay = 0.5\nseed = 9\n', encoding="utf-8")
    assert train("--config", "my.toml", "--run-dir", "run", "--seed", 4, "--augment", "none").exit_code == 0
    found = config(Path("run"))
    assert (found["model"], found["epochs"], found["seed"], found["augment"]) == ("nano", 2, 4, "none")
    assert (found["lr"], found["weight_decay"]) == (1.0, 0.5)
    assert (found["optimizer"], found["ema"]) == ("muon", 0.998)


def test_the_recipe_is_that_of_the_network_in_the_file(train: object, digits: Path) -> None:
    Path("my.toml").write_text(f'model = "seed2"\nlimit = 20\nepochs = 1\nthreads = 1\ndata_dir = "{digits}"\n')
    assert run("--config", "my.toml", "--run-dir", "run").exit_code == 0
    found = config(Path("run"))
    recipe = DESIGNS["seed2"].recipe
    assert (
        (found["optimizer"], found["lr"], found["ema"])
        == (recipe.optimizer, recipe.lr, recipe.ema)
        == ("adam", 0.001, 0)
    )


def test_runs_number_themselves(train: Callable[..., Result], finished: Finished) -> None:
    for name in ("nano", "nano-2", "nano-3"):
        result = train("--epochs", 1)
        assert result.stdout.splitlines()[-1] == f"Everything lies in {Path('output/mnist') / name}."
    assert sorted(path.name for path in Path("output/mnist").iterdir()) == ["nano", "nano-2", "nano-3"]
    assert {path.name for path in Path("output/mnist/nano-3").iterdir()} == TEXTS


def test_the_default_network_is_compact(train: object, digits: Path) -> None:
    assert run("--limit", 20, "--epochs", 1, "--threads", 1, "--data-dir", digits).exit_code == 0
    assert [path.name for path in Path("output/mnist").iterdir()] == ["compact"]


def test_the_variable_mnist_data_says_where_the_images_are(train: object, digits: Path, finished: Finished) -> None:
    small = ("--model", "nano", "--limit", 20, "--epochs", 1, "--threads", 1)
    assert run(*small, MNIST_DATA=str(digits)).exit_code == 0
    assert config(Path("output/mnist/nano"))["data_dir"] == str(digits)
    assert run("evaluate", finished.folder, "--device", "cpu", MNIST_DATA=str(digits)).exit_code == 0
    # the option goes before it
    assert run(*small, "--data-dir", digits, MNIST_DATA="nowhere").exit_code == 0


def test_a_wrong_teacher_leaves_no_folder(train: Callable[..., Result], finished: Finished) -> None:
    Path("mine").mkdir()
    for where in ((), ("--run-dir", "run")):
        assert assert_refused(train("--teacher", "mine", *where)) == "mine/model.safetensors does not exist."
        assert "knows some of the 100 images" in assert_refused(
            train("--teacher", finished.folder, "--hold-out", 100, "--tensorboard", *where)
        )
    assert [path.name for path in Path().iterdir()] == ["mine"]


def test_a_folder_with_a_run_is_left_alone_without_resume(train: Callable[..., Result], tmp_path: Path) -> None:
    assert train("--run-dir", "run", "--epochs", 1).exit_code == 0
    before = {path.name: path.read_bytes() for path in Path("run").iterdir()}
    assert assert_refused(train("--run-dir", "run")) == (
        "run holds a run: add --resume to go on with it, or give another --run-dir."
    )
    assert {path.name: path.read_bytes() for path in Path("run").iterdir()} == before


def test_a_folder_with_other_things_is_left_alone(train: Callable[..., Result]) -> None:
    Path("mine").mkdir()
    Path("mine/notes.txt").write_text("precious")
    assert assert_refused(train("--run-dir", "mine")) == "mine is not empty: give another folder with --run-dir."
    assert assert_refused(train("--run-dir", "mine/notes.txt")).startswith("mine/notes.txt cannot be written: ")
    assert [path.name for path in Path("mine").iterdir()] == ["notes.txt"]


@pytest.fixture
def interrupted(train: Callable[..., Result], monkeypatch: pytest.MonkeyPatch) -> Result:
    """What a run printed in the folder `run` that was interrupted in its second epoch."""
    with interrupted_in_the_second_epoch(monkeypatch):
        return train("--run-dir", "run")


def test_an_interrupted_run_says_how_it_goes_on_and_ends_as_any_other(interrupted: Result, finished: Finished) -> None:
    assert interrupted.exit_code == 130
    command = "python -m mnist_train --run-dir run --resume"
    assert interrupted.stderr == f"\nInterrupted in epoch 2; go on from the end of epoch 1 with {command}\n"
    assert len(metrics(Path("run"))) == 1
    result = run(*command.split()[3:])
    assert result.exit_code == 0
    assert " for 2 epochs, from the end of epoch 1, seed 1; " in result.stdout.splitlines()[0]
    assert_same_run(Path("run"), finished.folder)
    assert config(Path("run")) == config(finished.folder)
    assert (Path("run") / "train.log").read_text(encoding="utf-8") == interrupted.stdout + result.stdout
    assert {path.name for path in Path("run").iterdir()} == TEXTS


def test_a_run_that_is_interrupted_when_it_is_drawn_can_be_finished(
    train: Callable[..., Result], finished: Finished, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupt(run: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(plots, "draw_all", interrupt)
        result = train("--run-dir", "run")
    assert result.exit_code == 130
    assert result.stderr == "\nInterrupted; go on with python -m mnist_train --run-dir run --resume\n"
    result = run("--run-dir", "run", "--resume")
    assert result.exit_code == 0
    assert result.stdout.splitlines()[-1] == "Everything lies in run."
    assert {path.name for path in Path("run").iterdir()} == TEXTS
    assert_same_run(Path("run"), finished.folder)


def test_a_disk_that_is_full_when_a_run_is_drawn_is_told_with_the_folder(
    train: Callable[..., Result], monkeypatch: pytest.MonkeyPatch
) -> None:
    def fill(run: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(plots, "draw_all", fill)
    result = train("--run-dir", "run")
    assert (result.exit_code, result.stderr) == (2, "Error: run cannot be written: no space left on device.\n")


def test_the_images_of_a_resumed_run_may_have_moved(interrupted: Result, digits: Path) -> None:
    Path("run/config.toml").write_text(
        Path("run/config.toml").read_text(encoding="utf-8").replace(str(digits), "gone"), encoding="utf-8"
    )
    assert run("--run-dir", "run", "--resume", "--data-dir", digits).exit_code == 0


@pytest.mark.usefixtures("interrupted")
@pytest.mark.parametrize(
    ("given", "said"),
    [
        (("--lr", 0.1), "--lr"),
        (("--model", "nano"), "--model"),
        (("--batch-size", 20, "--no-compile"), "--batch-size, --compile"),
        (("--config", "run/config.toml"), "--config"),
    ],
)
def test_a_run_goes_on_with_its_own_settings_only(given: tuple[object, ...], said: str) -> None:
    before = {path.name: path.read_bytes() for path in Path("run").iterdir()}
    sentence = assert_refused(run("--run-dir", "run", "--resume", *given))
    assert sentence.startswith("A run goes on with its own settings: leave out ")
    assert sorted(sentence.removesuffix(".").partition("leave out ")[2].split(", ")) == said.split(", ")
    assert {path.name: path.read_bytes() for path in Path("run").iterdir()} == before


def test_resume_needs_an_unfinished_run(nowhere: Path, finished: Finished) -> None:
    assert assert_refused(run("--resume")) == "--resume needs --run-dir, the folder of the run to go on with."
    Path("empty").mkdir()
    for name in ("empty", "missing"):
        assert assert_refused(run("--resume", "--run-dir", name)) == (
            f"{name} holds no run: start one there without --resume."
        )
    assert [path.name for path in nowhere.rglob("*")] == ["empty"]
    folder = finished.folder
    before = {path.name: path.stat().st_mtime_ns for path in folder.iterdir()}
    result = run("--resume", "--run-dir", folder)
    assert (result.exit_code, result.stderr) == (0, "")
    assert result.stdout == f"The run in {folder} is finished: there is nothing to go on with.\n"
    assert {path.name: path.stat().st_mtime_ns for path in folder.iterdir()} == before


@pytest.mark.usefixtures("interrupted")
@pytest.mark.parametrize("kind", ["cut", "model"])
def test_a_checkpoint_that_does_not_fit_is_one_sentence(kind: str, finished: Finished) -> None:
    checkpoint = Path("run/checkpoint.safetensors")
    if kind == "cut":
        checkpoint.write_bytes(checkpoint.read_bytes()[:-9])
    else:
        shutil.copy(finished.folder / "model.safetensors", checkpoint)
    result = run("--run-dir", "run", "--resume")
    assert result.exit_code == 2
    assert result.stderr.startswith("Error: run/checkpoint.safetensors ")
    assert result.stderr.count("\n") == 1


def test_a_run_that_diverges_is_one_sentence_and_exit_code_1(train: Callable[..., Result]) -> None:
    result = train("--optimizer", "sgd", "--lr", 1000, "--run-dir", "run")
    assert result.exit_code == 1
    assert re.fullmatch(
        r"Error: The loss is not finite any more at step \d+ of 50 in epoch 1, where the learning rate was \d+: "
        r"try a smaller --lr, such as 100, or a longer --warmup\.\n",
        result.stderr,
    )
    assert not Path("run/model.safetensors").exists()


@pytest.mark.parametrize("options", [("--limit", 1), ("--hold-out", 499)])
def test_a_single_image_is_not_trained_on(options: tuple[object, ...], train: Callable[..., Result]) -> None:
    assert_refused(train(*options))
    assert list(Path().iterdir()) == []


@pytest.mark.parametrize(
    "line",
    [
        "paint",
        "paint --model nano",
        "nano",
        "--colour",
        "-x",
        "train surplus",
        "train --epochs many",
        "--epochs 0",
        "--epochs 1.5",
        "--lr nan",
        "--lr inf",
        "--lr -1",
        "--momentum 1",
        "--batch-size 1",
        "--model huge",
        "--optimizer lion",
        "--schedule steps",
        "--dataset cifar",
        "--augment twice",
        "--augment 1,2",
        "--seed -1",
        "--limit -1",
        "--device abacus",
        "--device mps",
        "--config nowhere.toml",
        "--config .",
        "--tensorboard=yes",
        "--data-dir",
        "models surplus",
        "summary huge",
        "evaluate",
        "evaluate nowhere",
        "evaluate . --dataset cifar",
        "predict nowhere",
        "predict nowhere picture.png",
        "compare --seeds 0",
        "compare --models nano,huge",
        "compare --seed 3",
        "compare --model nano",
        "compare --lr -1",
    ],
)
def test_bad_input_is_one_sentence_and_exit_code_2(line: str, nowhere: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: False)
    assert_refused(run(*line.split()))
    assert list(nowhere.iterdir()) == []


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("epochs = ", "my.toml is not a TOML file: "),
        ("colour = 1", "'colour' is no setting: known are epochs, "),
        ("[train]\nlr = 1", "'train' is no setting: known are epochs, "),
        ("epochs = 1.5", "--epochs 1.5 is not a whole number."),
        ("epochs = true", "--epochs True is not a whole number."),
        ('lr = "fast"', "--lr 'fast' is not a number."),
        ("tensorboard = 1", "--tensorboard 1 is not true or false."),
        ("lr = nan", "--lr nan is out of range: "),
        ('optimizer = "lion"', "--optimizer lion is unknown: choose one of sgd, "),
        ("model = 3", "There is no network '3': choose one of compact, "),
    ],
)
def test_a_bad_file_of_settings_is_one_sentence(text: str, said: str, nowhere: Path) -> None:
    Path("my.toml").write_text(text)
    assert assert_refused(run("--config", "my.toml")).startswith(said)
    assert [path.name for path in nowhere.iterdir()] == ["my.toml"]


def test_a_network_that_cannot_be_downloaded_is_one_sentence(nowhere: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sources, "_download", lambda *arguments: None)
    assert "give their folder with --data-dir" in assert_refused(run("--data-dir", "empty"))
    assert list(nowhere.iterdir()) == []


def test_evaluate_finds_the_accuracy_of_the_run(finished: Finished, digits: Path) -> None:
    folder = finished.folder
    for checkpoint in (folder, folder / "model.safetensors"):
        result = run("evaluate", checkpoint, "--data-dir", digits, "--device", "cpu")
        assert result.exit_code == 0
        assert result.stdout.strip() in finished.stdout.splitlines()
    result = run("evaluate", folder, "--data-dir", digits, "--device", "cpu", "--json")
    card = json.loads((folder / "model.json").read_text(encoding="utf-8"))
    found = json.loads(result.stdout)
    assert found.keys() == {"loss", "correct", "count", "accuracy"}
    assert (found["accuracy"], found["count"], found["correct"]) == (card["accuracy"], 200, 2 * card["accuracy"])
    assert found["loss"] == pytest.approx(card["loss"], rel=1e-5)


@pytest.mark.parametrize("name", DAMAGED)
def test_a_damaged_network_is_one_sentence_that_names_its_file(name: str, nowhere: Path) -> None:
    file = nowhere / "model.safetensors"
    file.write_bytes(DAMAGED[name]())
    Image.new("L", (28, 28)).save(nowhere / "picture.png")
    before = sorted(nowhere.iterdir())
    for command in (("evaluate", file), ("evaluate", nowhere), ("predict", file, nowhere / "picture.png")):
        assert assert_refused(run(*command)).startswith(f"{file} ")
    assert sorted(nowhere.iterdir()) == before


@pytest.mark.parametrize("named", [{}, {"name": "digits"}])
def test_a_card_without_a_known_data_set_needs_the_option(named: dict[str, str], nowhere: Path, digits: Path) -> None:
    card = good_card()
    del card["data"]["name"]
    card["data"] |= named
    (nowhere / "model.safetensors").write_bytes(content(card))
    assert assert_refused(run("evaluate", nowhere, "--data-dir", digits)) == (
        f"The network in {nowhere} does not say on which images it was trained: "
        "add --dataset and one of mnist, fashion-mnist, kmnist, emnist-digits, printed."
    )
    assert run("evaluate", nowhere, "--data-dir", digits, "--dataset", "mnist").exit_code == 0


def test_models_and_summary_print_their_tables() -> None:
    lines = run("models").stdout.splitlines()
    assert [line.split()[0] for line in lines[::2]] == list(DESIGNS)
    result = run("summary")
    assert result.exit_code == 0
    assert result.stdout == run("summary", "compact").stdout
    count = parameter_count(build("compact"))
    assert result.stdout.splitlines()[-1] == f"{count:,} parameters, all of them trained"


def options_of(command: str) -> dict[str, click.Parameter]:
    return {option.name: option for option in cli.main.commands[command].params}


def test_the_options_of_train_are_the_settings() -> None:
    names = {option.name for option in fields(Settings)}
    options = options_of("train")
    assert options.keys() == names | {"config", "run_dir", "resume"}
    for name in names:
        assert options[name].opts == [name_on_command_line(name)]
    assert {name for name, option in options.items() if option.secondary_opts} == {
        "compile",
        "deterministic",
        "tensorboard",
    }


def test_compare_takes_the_settings_that_all_its_runs_share() -> None:
    names = {option.name for option in fields(Settings)} - {"model", "seed", "tensorboard"}
    assert options_of("compare").keys() == names | {"names", "seeds", "run_dir", "as_json", "config"}


@pytest.mark.parametrize(
    "command", ["train", "report", "models", "summary", "evaluate", "predict", "export", "compare"]
)
def test_every_command_and_every_option_of_training_has_its_help(command: str) -> None:
    result = run(command, "--help")
    assert result.exit_code == 0
    context = click.Context(cli.main.commands[command])
    for option in cli.main.commands[command].params:
        if command in ("train", "compare") and option.name not in ("resume", "config", "as_json"):
            _, text = option.get_help_record(context)
            assert re.match(r"[A-Z].*\.  \[.*default: [^\]]+\]$", text), (option.name, text)
        elif option.name in ("resume", "config", "as_json", "picture"):
            assert option.help
    assert cli.main.commands[command].help.partition("\n")[0].endswith((".", "PNG, JPEG ..")) or command == "evaluate"


def test_the_help_tells_the_defaults() -> None:
    text = " ".join(run("train", "--help").stdout.split())
    assert "The network; `models` lists them. [default: compact]" in text
    assert "Learning rate, the highest of the schedule. [default: that of the network]" in text
    assert "Let torch.compile translate the network first. [default: false]" in text
    assert "[default: output/mnist/MODEL]" in text


def test_the_version_and_the_help_are_told_without_a_command() -> None:
    assert __version__ in run("--version").stdout
    for flag in ("--help", "-h"):
        result = run(flag)
        assert result.exit_code == 0
        assert all(f"\n  {command} " in result.stdout for command in cli.main.commands)


def test_without_torch_there_is_help_and_one_sentence(tmp_path: Path) -> None:
    for arguments in (["--help"], ["train", "--help"], ["--version"]):
        process = outside(*arguments, cwd=tmp_path, blocked="torch")
        out, err = process.communicate(timeout=60)
        assert (process.returncode, err) == (0, "")
        assert out
    for arguments in (["models"], ["summary", "tiny"], ["summary", "--markdown"]):
        process = outside(*arguments, cwd=tmp_path, blocked="torch")
        out, err = process.communicate(timeout=60)
        assert (process.returncode, err) == (0, "")
        assert "parameters" in out
    for arguments in (["train", "--lr", "-1"], ["--model", "huge"], ["--resume"], ["--config", "nowhere.toml"]):
        process = outside(*arguments, cwd=tmp_path, blocked="torch")
        out, err = process.communicate(timeout=60)
        assert (process.returncode, out) == (2, "")
        # what is wrong with a setting is known first
        assert "torch" not in err
    for arguments in ([], ["train", "--model", "tiny"], ["evaluate", "nowhere"]):
        process = outside(*arguments, cwd=tmp_path, blocked="torch")
        out, err = process.communicate(timeout=60)
        assert (process.returncode, out) == (2, "")
        assert err == 'Error: torch is not installed: pip install ".[mnist]" in the checkout.\n'
    assert [path.name for path in tmp_path.iterdir()] == ["blocking"]


def test_help_imports_nothing_slow() -> None:
    code = "import sys; sys.argv = ['mnist_train', '--help']\n"
    code += "from mnist_train import cli\ntry: cli.main()\nexcept SystemExit: pass\n"
    code += "print([name for name in ('torch', 'numpy', 'matplotlib', 'PIL', 'tqdm') if name in sys.modules])"
    result = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=REPOSITORY, timeout=60
    )
    assert result.stdout.splitlines()[-1] == "[]"


def test_without_tensorboard_its_option_is_one_sentence_and_leaves_nothing(
    train: Callable[..., Result], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in [
        name for name in sys.modules if name.partition(".")[0] == "tensorboard" or "torch.utils.tensorb" in name
    ]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "tensorboard", None)
    sentence = assert_refused(train("--tensorboard"))
    assert sentence.startswith("tensorboard is not installed")
    # the extra that brings it is another than that of the trainer
    assert "tensorboard]" in sentence
    assert list(Path().iterdir()) == []


@needs_posix
def test_a_process_that_is_ended_tidies_up_and_can_be_resumed(digits: Path, tmp_path: Path) -> None:
    options = [
        "--model",
        "nano",
        "--batch-size",
        2,
        "--epochs",
        50,
        "--limit",
        200,
        "--threads",
        1,
        "--data-dir",
        digits,
    ]
    process = outside(*options, "--run-dir", "run", cwd=tmp_path)
    # wait until there is something to go on from
    while not (tmp_path / "run" / "metrics.csv").exists() and process.poll() is None:
        time.sleep(0.02)
    process.send_signal(signal.SIGTERM)
    out, err = process.communicate(timeout=60)
    assert (process.returncode, err) == (128 + signal.SIGTERM, "")
    assert {path.name for path in (tmp_path / "run").iterdir()} == {
        *{"checkpoint.safetensors", "config.toml", "metrics.csv", "summary.txt", "train.log"},
    }
    assert len(load_tensors(tmp_path / "run" / "checkpoint.safetensors")[1]["epochs"]) < 50
    assert out == (tmp_path / "run" / "train.log").read_text(encoding="utf-8")


def test_a_run_tells_of_itself_in_its_readme(finished: Finished) -> None:
    text = (finished.folder / "README.md").read_text(encoding="utf-8")
    assert all(f"]({name})" in text for name in PICTURES)
    assert "\npython -m mnist_train --model nano --seed 1 --epochs 2 --batch-size 20 --threads 1\n" in text


def test_a_finished_run_is_drawn_and_told_again(finished: Finished, tmp_path: Path) -> None:
    folder = tmp_path / "copy"
    shutil.copytree(finished.folder, folder)
    made = {*PICTURES, "README.md"}
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    for name in made:
        (folder / name).unlink()
    result = run("report", folder)
    assert (result.exit_code, result.stderr) == (0, "")
    after = {path.name: path.read_bytes() for path in folder.iterdir()}
    assert after.keys() == before.keys()
    assert {name for name in after if after[name] != before[name]} <= made
    assert after["README.md"] == before["README.md"]


def test_a_run_that_is_not_finished_cannot_be_told(interrupted: Result, nowhere: Path) -> None:
    assert (
        assert_refused(run("report", "nowhere"))
        == "nowhere holds no run: give the folder of one, with its config.toml."
    )
    assert (nowhere / "run" / "config.toml").exists()
    assert assert_refused(run("report", "run")) == "The run in run is not finished: go on with it first."


@pytest.mark.usefixtures("interrupted")
def test_a_run_goes_on_with_another_device(digits: Path) -> None:
    text = Path("run/config.toml").read_text(encoding="utf-8").replace('device = "cpu"', 'device = "mps"')
    Path("run/config.toml").write_text(text, encoding="utf-8")
    sentence = assert_refused(run("--run-dir", "run", "--resume"))
    assert sentence == "--device mps is not available here: take auto or cpu."
    assert run("--run-dir", "run", "--resume", "--device", "cpu").exit_code == 0
    assert config(Path("run"))["device"] == "cpu"


def test_ctrl_c_before_the_training_leaves_nothing(
    train: Callable[..., Result], monkeypatch: pytest.MonkeyPatch
) -> None:
    def trial(step: object) -> int:
        raise KeyboardInterrupt

    monkeypatch.setattr("mnist_train.runs.fastest_thread_count", trial)
    for options in ((), ("--run-dir", "run")):
        result = train("--threads", 0, *options)
        assert (result.exit_code, result.stderr) == (130, "\nInterrupted before the training began.\n")
    assert [path.name for path in Path().rglob("*")] == ["output", "mnist"]


def test_a_folder_in_which_another_process_trains_is_left_alone(train: Callable[..., Result]) -> None:
    from mnist_train import folders

    with folders.started(Path("run")):
        assert assert_refused(train("--run-dir", "run")).startswith("Another process is training in run: ")


def test_an_empty_file_of_settings_changes_nothing(train: Callable[..., Result]) -> None:
    Path("my.toml").touch()
    assert train("--config", "my.toml", "--run-dir", "run", "--epochs", 1).exit_code == 0
    Path("run/config.toml").write_text("")
    assert assert_refused(run("--run-dir", "run", "--resume")) == (
        "run/config.toml does not name a network: delete run, and start the run anew."
    )


@needs_posix
def test_a_pipe_is_no_file(finished: Finished, nowhere: Path) -> None:
    os.mkfifo("pipe")
    for line in (("--config", "pipe"), ("evaluate", "pipe"), ("predict", "pipe", "pipe")):
        assert assert_refused(run(*line)).startswith("pipe ")
    result = run("predict", finished.folder, "pipe", "--device", "cpu")
    assert (result.exit_code, result.stderr) == (2, "Error: pipe is not a file: give a PNG or JPEG.\n")


def test_what_is_no_number_is_null_in_json(finished: Finished, digits: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mnist_train.evaluation.functional.cross_entropy", lambda *_: torch.tensor(math.nan))
    result = run("evaluate", finished.folder, "--data-dir", digits, "--device", "cpu", "--json")
    assert json.loads(result.stdout)["loss"] is None
    assert "NaN" not in result.stdout


@pytest.mark.parametrize(
    "command", ["models", "compare", "export x y.onnx", "evaluate x", "predict x y", "summary", "report x"]
)
def test_only_training_is_work_for_several_processes(command: str, nowhere: Path) -> None:
    together = {"WORLD_SIZE": "2", "LOCAL_WORLD_SIZE": "2"}
    sentence = assert_refused(run(*command.split(), **together, RANK="0", LOCAL_RANK="0"))
    assert sentence == f"{command.split()[0]} is no work for several processes: start it without torchrun."
    # the first one of a machine speaks for all
    silent = run(*command.split(), **together, RANK="1", LOCAL_RANK="1")
    assert (silent.exit_code, silent.output) == (2, "")


def test_what_is_wrong_with_a_setting_is_said_once_by_several_processes(nowhere: Path) -> None:
    together = {"WORLD_SIZE": "2", "LOCAL_WORLD_SIZE": "2"}
    assert_refused(run("--model", "huge", **together, RANK="0", LOCAL_RANK="0"))
    silent = run("--model", "huge", **together, RANK="1", LOCAL_RANK="1")
    assert (silent.exit_code, silent.output) == (2, "")


def test_printed_digits_need_no_data(train: object) -> None:
    result = run("--dataset", "printed", "--model", "nano", "--epochs", 1, "--limit", 200, "--threads", 1)
    assert result.exit_code == 0
    assert "of printed for 1 epoch" in result.stdout
    assert "99.40" not in result.stdout
    assert run("evaluate", "output/mnist/nano", "--device", "cpu").exit_code == 0


@needs_posix
def test_a_signal_that_a_library_swallows_ends_the_run_all_the_same(
    train: Callable[..., Result], monkeypatch: pytest.MonkeyPatch
) -> None:
    def swallow(run: object) -> None:
        with contextlib.suppress(SystemExit):
            os.kill(os.getpid(), signal.SIGTERM)

    kept = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGHUP)}
    try:
        with monkeypatch.context() as patch:
            patch.setattr(plots, "draw_all", swallow)
            result = train("--run-dir", "run", "--epochs", 1)
        assert result.exit_code == 128 + signal.SIGTERM
        assert (Path("run") / "checkpoint.safetensors").exists()
        assert run("--run-dir", "run", "--resume").exit_code == 0
    finally:
        for number, handler in kept.items():
            signal.signal(number, handler)


@needs_posix
def test_a_reader_that_goes_away_takes_nothing_of_the_run_along(digits: Path, tmp_path: Path) -> None:
    process = outside(*SMALL, "--data-dir", digits, "--run-dir", "run", cwd=tmp_path)
    assert process.stdout.readline().startswith("Training nano")
    process.stdout.close()
    assert process.wait(timeout=120) == 0
    assert process.stderr.read() == ""
    process.stderr.close()
    assert {path.name for path in (tmp_path / "run").iterdir()} == TEXTS | PICTURES
    lines = (tmp_path / "run" / "train.log").read_text(encoding="utf-8").splitlines()
    assert lines[0].startswith("Training nano")
    assert lines[-1] == "Everything lies in run."
