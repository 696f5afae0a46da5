import subprocess
import sys

import pytest

from mnist_train.launch import Launch, launch
from tests.conftest import REPOSITORY

ALL = ("WORLD_SIZE", "RANK", "LOCAL_RANK", "LOCAL_WORLD_SIZE")


@pytest.fixture(autouse=True)
def _alone(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ALL:
        monkeypatch.delenv(name, raising=False)


def test_without_torchrun_a_process_is_alone() -> None:
    assert launch() == Launch(rank=0, local_rank=0, count=1, local_count=1)


def test_a_single_process_of_torchrun_is_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in zip(ALL, ("1", "0", "0", "1"), strict=True):
        monkeypatch.setenv(name, value)
    assert launch() == Launch()


def test_several_machines_count_their_own_processes(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in zip(ALL, ("8", "5", "1", "4"), strict=True):
        monkeypatch.setenv(name, value)
    assert launch() == Launch(rank=5, local_rank=1, count=8, local_count=4)


def test_it_is_known_without_torch() -> None:
    code = "import sys; from mnist_train import launch; print('torch' in sys.modules)"
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=REPOSITORY)
    assert result.stdout == "False\n"
