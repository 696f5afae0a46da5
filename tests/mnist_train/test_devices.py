import os
import subprocess
import sys
from collections.abc import Callable
from functools import wraps
from types import SimpleNamespace

import pytest
import torch

from mnist_train import devices
from mnist_train.data import DataSet
from mnist_train.designs import DESIGNS, design
from mnist_train.devices import choose_device, device_name, fastest_thread_count, usable_cores
from mnist_train.processes import Processes
from mnist_train.settings import effective
from mnist_train.training import Training
from tests.conftest import REPOSITORY
from xlbackprop.errors import UnusableInput


@pytest.fixture(autouse=True)
def _no_accelerator(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    # torch's compiler, which is imported later, asks it what it wraps
    never = wraps(torch.backends.mps.is_available)(lambda: False)
    monkeypatch.setattr(torch.backends.mps, "is_available", never)


def test_auto_is_the_cpu_where_there_is_no_gpu() -> None:
    assert choose_device("auto") == torch.device("cpu")


def test_auto_is_the_gpu_where_there_is_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    assert choose_device("auto") == torch.device("cuda")
    assert choose_device("cuda") == torch.device("cuda")
    assert choose_device("cpu") == torch.device("cpu")


@pytest.mark.parametrize("name", ["cuda", "mps"])
def test_a_device_that_is_not_there_is_refused(name: str) -> None:
    with pytest.raises(UnusableInput) as caught:
        choose_device(name)
    assert str(caught.value) == f"--device {name} is not available here: take auto or cpu."


def test_mps_is_taken_only_when_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: True)
    assert choose_device("mps") == torch.device("mps")
    assert choose_device("auto") == torch.device("cpu")


def test_the_cpu_is_named_with_its_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(devices, "usable_cores", lambda: 12)
    assert device_name(torch.device("cpu")) == "CPU, 1 of 12 cores"
    assert device_name(torch.device("mps")) == "mps"


def test_a_gpu_is_named_by_its_driver(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda device: f"the GPU at {device}")
    assert device_name(torch.device("cuda")) == "the GPU at cuda"


def test_only_cores_that_the_process_may_use_are_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {2, 5, 7}, raising=False)
    assert usable_cores() == 3
    monkeypatch.delattr(os, "sched_getaffinity")
    monkeypatch.setattr(os, "cpu_count", lambda: 16)
    assert usable_cores() == 16


class Machine:
    """A clock that only steps of training move, by seconds that depend on the threads, and on the steps so far."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, cores: int, seconds: Callable[[int, int], float]) -> None:
        self.now = 0.0
        self.steps: list[int] = []
        self.seconds = seconds
        monkeypatch.setattr(devices, "usable_cores", lambda: cores)
        monkeypatch.setattr(devices, "time", SimpleNamespace(perf_counter=lambda: self.now))

    def step(self) -> None:
        threads = torch.get_num_threads()
        self.now += self.seconds(threads, self.steps.count(threads))
        self.steps.append(threads)


@pytest.mark.parametrize(("cores", "tried"), [(1, [1]), (2, [1, 2]), (3, [1, 2, 3]), (4, [1, 2, 4]), (6, [1, 2, 4, 6])])
def test_powers_of_two_and_all_cores_are_tried_and_the_fastest_is_left(
    monkeypatch: pytest.MonkeyPatch, cores: int, tried: list[int]
) -> None:
    for fastest in tried:
        machine = Machine(monkeypatch, cores, lambda threads, _, fastest=fastest: 1 if threads == fastest else 1.1)
        assert fastest_thread_count(machine.step) == fastest
        assert torch.get_num_threads() == fastest
        assert sorted(set(machine.steps)) == tried


def test_of_equally_fast_counts_the_fewest_threads_are_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    assert fastest_thread_count(Machine(monkeypatch, 4, lambda *_: 1).step) == 1


def test_a_slow_first_step_does_not_decide(monkeypatch: pytest.MonkeyPatch) -> None:
    def seconds(threads: int, before: int) -> float:
        if threads == 1:
            return 2
        return 1 if before % 6 else 100

    assert fastest_thread_count(Machine(monkeypatch, 2, seconds).step) == 2


@pytest.mark.parametrize("disturbed", [3, 8])
def test_a_disturbance_of_one_trial_does_not_decide(monkeypatch: pytest.MonkeyPatch, disturbed: int) -> None:
    def seconds(threads: int, before: int) -> float:
        if threads == 1:
            return 2
        return 100 if before == disturbed else 1

    assert fastest_thread_count(Machine(monkeypatch, 2, seconds).step) == 2


def test_what_is_deterministic_is_asked_of_torch_before_it_is_used() -> None:
    code = (
        "import os, torch; from mnist_train.devices import make_deterministic; make_deterministic(); "
        "print(os.environ['CUBLAS_WORKSPACE_CONFIG'], torch.are_deterministic_algorithms_enabled(), "
        "torch.backends.cudnn.benchmark, torch.utils.deterministic.fill_uninitialized_memory)"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=REPOSITORY)
    assert result.stdout.split() == [":4096:8", "True", "False", "False"]


@pytest.mark.parametrize("name", sorted(DESIGNS))
def test_every_network_can_be_trained_deterministically(name: str, data: DataSet) -> None:
    told = effective(design(name).recipe, {"model": name, "batch_size": 20})
    torch.use_deterministic_algorithms(True)
    try:
        Training(told, data, torch.device("cpu"), Processes()).warm_up()
    finally:
        torch.use_deterministic_algorithms(False)


def test_memory_is_kept_where_the_c_library_can(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[tuple[int, int]] = []
    library = SimpleNamespace(mallopt=lambda option, value: asked.append((option, value)))
    monkeypatch.setattr(devices.ctypes, "CDLL", lambda name: library)
    devices.keep_memory()
    assert asked == [(-3, 2**30), (-1, 2**31 - 1)]
    # as on macOS
    monkeypatch.setattr(devices.ctypes, "CDLL", lambda name: SimpleNamespace())
    devices.keep_memory()
