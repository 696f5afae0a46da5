import json
import math
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from mnist_train import designs, folders, history, settings
from mnist_train.history import EpochRecord
from tests.conftest import REPOSITORY, needs_posix
from xlbackprop.errors import UnusableInput


def refusal(act, *arguments: object) -> str:
    """The sentence with which something is refused."""
    with pytest.raises(UnusableInput) as caught:
        act(*arguments)
    return str(caught.value)


def start(folder: Path) -> None:
    with folders.started(folder):
        pass


def hold(folder: Path) -> None:
    with folders.held(folder):
        pass


def test_folders_are_numbered_and_never_shared(tmp_path: Path) -> None:
    made = [folders.new_folder(tmp_path / "runs", "compact") for _ in range(3)]
    assert [folder.name for folder in made] == ["compact", "compact-2", "compact-3"]


def test_a_folder_in_which_nothing_came_to_be_is_gone(tmp_path: Path) -> None:
    with folders.started(tmp_path / "new" / "deep"):
        assert (tmp_path / "new" / "deep").is_dir()
    assert [path.name for path in tmp_path.rglob("*")] == ["new"]
    with pytest.raises(KeyboardInterrupt), folders.started(tmp_path / "new"):
        raise KeyboardInterrupt
    assert list(tmp_path.iterdir()) == []


def test_a_folder_with_something_in_it_is_not_taken(tmp_path: Path) -> None:
    with folders.started(tmp_path / "new"):
        (tmp_path / "new" / "config.toml").touch()
    assert refusal(start, tmp_path) == f"{tmp_path} is not empty: give another folder with --run-dir."
    assert "add --resume" in refusal(start, tmp_path / "new")
    assert "cannot be written: " in refusal(start, tmp_path / "new" / "config.toml")
    assert "cannot be written: " in refusal(start, tmp_path / "new" / "config.toml" / "below")
    assert [path.name for path in tmp_path.rglob("*")] == ["new", "config.toml"]


def test_what_a_killed_process_left_half_written_is_no_obstacle(tmp_path: Path) -> None:
    (tmp_path / ".unfinished-config.toml").write_text("epo")
    with folders.started(tmp_path):
        assert list(tmp_path.iterdir()) == []
        (tmp_path / "config.toml").touch()
    (tmp_path / "config.toml").unlink()
    (tmp_path / ".unfinished-config.toml").touch()
    (tmp_path / "notes.txt").touch()
    assert "is not empty" in refusal(start, tmp_path)
    assert (tmp_path / ".unfinished-config.toml").exists()


@needs_posix
def test_two_processes_do_not_work_in_one_folder(tmp_path: Path) -> None:
    code = (
        f"from pathlib import Path; from mnist_train import folders; folders.held(Path({str(tmp_path)!r})).__enter__()"
    )
    sentence = f"Another process is training in {tmp_path}: wait for its end, or give another folder with --run-dir."
    with folders.held(tmp_path):
        result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=REPOSITORY)
        assert result.stderr.splitlines()[-1].endswith(sentence)
        assert refusal(hold, tmp_path) == refusal(start, tmp_path) == sentence
        assert list(tmp_path.iterdir()) == []
    hold(tmp_path)


@needs_posix
def test_the_lock_of_a_killed_process_is_gone(tmp_path: Path) -> None:
    code = (
        "import os, signal; from pathlib import Path; from mnist_train import folders\n"
        f"with folders.held(Path({str(tmp_path)!r})): os.kill(os.getpid(), signal.SIGKILL)"
    )
    result = subprocess.run([sys.executable, "-c", code], cwd=REPOSITORY)
    assert result.returncode == -signal.SIGKILL
    hold(tmp_path)


def test_a_folder_without_a_run_is_not_gone_on_with(tmp_path: Path) -> None:
    for folder in (tmp_path, tmp_path / "missing"):
        assert refusal(folders.stored_settings, folder) == (
            f"{folder} holds no run: give the folder of one, with its {folders.CONFIG}."
        )
    assert not folders.holds_run(tmp_path)


@pytest.mark.parametrize("text", ["", "epochs = 3\n"])
def test_settings_without_a_network_are_one_sentence(text: str, tmp_path: Path) -> None:
    (tmp_path / "config.toml").write_text(text)
    assert refusal(folders.stored_settings, tmp_path) == (
        f"{tmp_path / 'config.toml'} does not name a network: delete {tmp_path}, and start the run anew."
    )


def test_settings_come_back_with_those_that_an_earlier_version_did_not_have(tmp_path: Path) -> None:
    told = settings.effective(designs.design("tiny").recipe, {"model": "tiny", "seed": 5, "data_dir": "mine"})
    lines = settings.to_toml(told).splitlines()
    (tmp_path / "config.toml").write_text("\n".join(line for line in lines if "deterministic" not in line))
    assert folders.stored_settings(tmp_path) == told


def card() -> dict[str, object]:
    return {"settings": {}, "parameters": 100, "epochs": 2, "accuracy": 99.0, "seconds": 3.5}


def write_finished(folder: Path) -> None:
    lines = [EpochRecord(number, 0.1, 0.5, 90.0, 0.2, 95.0, None, None, 1.0) for number in (1, 2)]
    (folder / folders.CARD).write_text(json.dumps(card()), encoding="utf-8")
    (folder / folders.METRICS).write_text(history.to_csv(lines), encoding="utf-8")


def test_a_finished_run_has_a_card_and_no_checkpoint(tmp_path: Path) -> None:
    assert not folders.is_finished(tmp_path)
    write_finished(tmp_path)
    assert folders.is_finished(tmp_path)
    assert folders.finished(tmp_path)[0] == card()
    assert [line.epoch for line in folders.finished(tmp_path)[1]] == [1, 2]
    (tmp_path / "checkpoint.safetensors").touch()
    assert not folders.is_finished(tmp_path)


def test_a_finished_run_that_is_damaged_is_one_sentence(tmp_path: Path) -> None:
    write_finished(tmp_path)
    whole = card()
    unlike: list[object] = [[], None, 5, "card", {}, whole | {"settings": []}, whole | {"accuracy": "high"}]
    unlike += [whole | {"accuracy": math.nan}, whole | {"seconds": 10**400}]
    unlike += [{key: value for key, value in whole.items() if key != "parameters"}]
    advice = f": delete {tmp_path} to train the run again."
    sentence = f"{tmp_path / folders.CARD} is damaged{advice}"
    for text in ("", "{", "[" * 100_000, *map(json.dumps, unlike)):
        (tmp_path / folders.CARD).write_text(text, encoding="utf-8")
        assert refusal(folders.finished, tmp_path) == sentence
    write_finished(tmp_path)
    metrics = (tmp_path / folders.METRICS).read_text(encoding="utf-8")
    (tmp_path / folders.METRICS).write_text(metrics.rsplit("\n", 2)[0], encoding="utf-8")
    assert refusal(folders.finished, tmp_path) == (
        f"{tmp_path / folders.METRICS} does not have the 2 epochs of {folders.CARD}{advice}"
    )
    for text in ("", "epoch\n", metrics.replace("0.5", "half"), metrics.replace("0.5", "\0")):
        (tmp_path / folders.METRICS).write_text(text, encoding="utf-8")
        assert refusal(folders.finished, tmp_path).startswith(f"{tmp_path / folders.METRICS} ")
    (tmp_path / folders.METRICS).write_bytes(b"\xff")
    assert refusal(folders.finished, tmp_path) == f"{tmp_path / folders.METRICS} is damaged{advice}"
    (tmp_path / folders.METRICS).unlink()
    assert refusal(folders.finished, tmp_path) == (
        f"{tmp_path / folders.METRICS} cannot be read, no such file or directory{advice}"
    )


def test_the_losses_of_the_steps_come_back(tmp_path: Path) -> None:
    assert folders.step_losses(tmp_path) == []
    losses = [2.302585, 1.0, 1e-9, 0.123456789]
    text = folders.losses_to_csv(losses)
    assert text.splitlines()[:3] == ["step,loss", "1,2.302585", "2,1"]
    (tmp_path / folders.STEPS).write_text(text, encoding="utf-8")
    assert folders.step_losses(tmp_path) == pytest.approx(losses)


@pytest.mark.parametrize(
    "text", ["", "epoch,loss\n1,2\n", "step,loss\n1,high\n", "step,loss\n1\n", "step,loss\n1,2,3\n"]
)
def test_damaged_losses_are_one_sentence(text: str, tmp_path: Path) -> None:
    (tmp_path / folders.STEPS).write_text(text, encoding="utf-8")
    assert refusal(folders.step_losses, tmp_path) == (
        f"{tmp_path / folders.STEPS} cannot be read: delete it, and the curves are drawn without it."
    )


def test_folders_are_known_without_torch() -> None:
    code = "import sys; from mnist_train import folders, options; print(*sys.modules)"
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=REPOSITORY)
    assert {name.partition(".")[0] for name in result.stdout.split()}.isdisjoint({"torch", "matplotlib", "scipy"})
