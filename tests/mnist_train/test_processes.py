import json
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from torch import distributed, multiprocessing

from mnist_train import files
from mnist_train.processes import Processes
from tests.conftest import REPOSITORY


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
    distributed.destroy_process_group()


def test_two_processes_add_and_average_all_tensors(tmp_path: Path) -> None:
    multiprocessing.spawn(_adds, (str(tmp_path),), nprocs=2)


# each process saves its own weights, as only the first one writes a run
_BOTH_SAVE = """
import sys
from pathlib import Path
from mnist_train import files, runs
from mnist_train.cli import main

keep = runs.Run
def kept(folder, settings, epochs, losses, training, card):
    rank = training._processes.rank
    files.save_tensors(Path(sys.argv[0]).parent / f"rank{rank}.safetensors", training.state(), {})
    return keep(folder, settings, epochs, losses, training, card)
runs.Run = kept
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
