import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch
from torch import distributed, multiprocessing

from mnist_train import files, processes
from mnist_train.processes import Processes, joined
from tests.conftest import REPOSITORY, needs_posix
from xlbackprop.errors import UnusableInput


def test_one_process_takes_all_and_has_nothing_to_add() -> None:
    alone, tensor = Processes(), torch.arange(6.0)
    assert alone.part(tensor) is tensor
    alone.add([tensor])
    alone.average([tensor])
    assert tensor.tolist() == [0, 1, 2, 3, 4, 5]


@pytest.mark.parametrize("count", [2, 3, 7])
def test_the_parts_of_a_batch_are_the_batch(count: int) -> None:
    batch = torch.arange(40).view(2, 20)
    parts = [Processes(rank, count).part(batch) for rank in range(count)]
    assert torch.equal(torch.cat(parts, dim=-1), batch)


def _adds(rank: int, folder: str) -> None:
    distributed.init_process_group("gloo", f"file://{folder}/meeting", rank=rank, world_size=2)
    tensors = [torch.full((2, 3), float(rank + 1)), torch.tensor([10.0 * rank])]
    Processes(rank, 2).add(tensors)
    assert [tensor.unique().tolist() for tensor in tensors] == [[3], [10]]
    Processes(rank, 2).average(tensors)
    assert [tensor.unique().tolist() for tensor in tensors] == [[3], [10]]
    # as of a network without batch norm
    Processes(rank, 2).average([])
    distributed.destroy_process_group()


def test_two_processes_add_and_average_all_tensors(tmp_path: Path) -> None:
    multiprocessing.spawn(_adds, (str(tmp_path),), nprocs=2)


# each process saves its own weights, as only the first one writes a run
_BOTH_SAVE = """
import sys
from pathlib import Path
from mnist_train import files
from mnist_train.cli import main
from mnist_train.training import Training

settle = Training.take_average
def kept(self):
    files.save_tensors(Path(sys.argv[0]).parent / f"rank{self._processes.rank}.safetensors", self.state(), {})
    settle(self)
Training.take_average = kept
main()
"""


def test_two_processes_train_as_one_does_and_end_with_identical_weights(digits: Path, tmp_path: Path) -> None:
    (tmp_path / "both.py").write_text(_BOTH_SAVE)
    options = ["--model", "nano", "--batch-size", "20", "--epochs", "6", "--threads", "1", "--data-dir", str(digits)]
    one = [sys.executable, "-m", "mnist_train"]
    two = [
        sys.executable,
        "-m",
        "torch.distributed.run",
        "--standalone",
        "--nproc-per-node=2",
        str(tmp_path / "both.py"),
    ]
    for command, name in ((one, "one"), (two, "two")):
        subprocess.run(
            [*command, "train", *options, "--run-dir", str(tmp_path / name)],
            check=True,
            cwd=REPOSITORY,
            env={"PYTHONPATH": str(REPOSITORY), "PATH": "/usr/bin:/bin", "OMP_NUM_THREADS": "1"},
            capture_output=True,
            timeout=300,
        )
    states = [files.load_tensors(tmp_path / f"rank{rank}.safetensors")[0] for rank in (0, 1)]
    assert states[0].keys() == states[1].keys()
    assert all(torch.equal(states[0][name], states[1][name]) for name in states[0])
    cards = [json.loads((tmp_path / name / "model.json").read_text()) for name in ("one", "two")]
    assert [card["processes"] for card in cards] == [1, 2]
    assert min(card["accuracy"] for card in cards) > 90
    assert cards[0]["accuracy"] == pytest.approx(cards[1]["accuracy"], abs=3)


def _loses_the_other(rank: int, folder: str) -> None:
    distributed.init_process_group("gloo", f"file://{folder}/meeting", rank=rank, world_size=2)
    if rank == 0:
        try:
            for _ in range(100):
                Processes(0, 2).add([torch.ones(3)])
        except UnusableInput as error:
            (Path(folder) / "said").write_text(str(error))


def test_a_process_that_is_gone_is_one_sentence(tmp_path: Path) -> None:
    multiprocessing.spawn(_loses_the_other, (str(tmp_path),), nprocs=2)
    assert (tmp_path / "said").read_text() == "The connection to the other processes broke off."


def test_one_process_is_not_connected() -> None:
    with joined(torch.device("cpu")) as alone:
        assert (alone.rank, alone.count) == (0, 1)
        assert not distributed.is_initialized()


@pytest.mark.parametrize(("there", "are"), [(1, "is 1"), (3, "are 3"), (0, "are 0")])
def test_more_processes_than_gpus_are_refused(there: int, are: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "device_count", lambda: there)
    monkeypatch.setenv("WORLD_SIZE", "4")
    monkeypatch.setenv("LOCAL_WORLD_SIZE", "4")
    with pytest.raises(UnusableInput) as caught, joined(torch.device("cuda")):
        pass
    assert str(caught.value) == (
        f"4 processes need 4 GPUs, and here {are}: start no more processes than there are GPUs, or let them compute on "
        "the CPU with --device cpu."
    )


@pytest.mark.parametrize(("device", "backend", "own"), [("cpu", "gloo", None), ("cuda", "nccl", "cuda:1")])
def test_the_way_of_talking_is_that_of_the_chosen_device(
    device: str, backend: str, own: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[tuple[object, ...]] = []
    # there are GPUs, also where the CPU is chosen
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    monkeypatch.setattr(torch.cuda, "set_device", lambda device: asked.append(("set", str(device))))
    monkeypatch.setattr(distributed, "init_process_group", lambda name, device_id=None: asked.append((name, device_id)))
    monkeypatch.setattr(distributed, "get_rank", lambda: 1)
    monkeypatch.setattr(distributed, "get_world_size", lambda: 2)
    monkeypatch.setattr(distributed, "destroy_process_group", lambda: asked.append(("end",)))
    for name, value in (("WORLD_SIZE", "2"), ("LOCAL_WORLD_SIZE", "2"), ("RANK", "1"), ("LOCAL_RANK", "1")):
        monkeypatch.setenv(name, value)
    with processes.joined(torch.device(device)) as together:
        assert (together.rank, together.count) == (1, 2)
    chosen = [("set", own)] if own else []
    assert asked == [*chosen, (backend, torch.device(own) if own else None), ("end",)]


@needs_posix
def test_ctrl_c_ends_all_processes_with_one_sentence(digits: Path, tmp_path: Path) -> None:
    options = ["--model", "nano", "--batch-size", "20", "--epochs", "500", "--threads", "1", "--data-dir", str(digits)]
    both = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2", "-m", "mnist_train"]
    process = subprocess.Popen(
        [*both, "train", *options, "--run-dir", str(tmp_path / "run")],
        cwd=REPOSITORY,
        env={**os.environ, "PYTHONPATH": str(REPOSITORY), "OMP_NUM_THREADS": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    end = time.monotonic() + 120
    while not (tmp_path / "run" / "metrics.csv").exists() and process.poll() is None and time.monotonic() < end:
        time.sleep(0.05)
    os.killpg(process.pid, signal.SIGINT)
    _, errors = process.communicate(timeout=60)
    # torchrun itself says more than that
    mine = errors.partition("Traceback")[0]
    assert errors.count("Interrupted in epoch") == 1
    assert "mnist_train/" not in mine
    assert not [line for line in errors.splitlines() if "mnist_train" in line and line.lstrip().startswith("File")]
