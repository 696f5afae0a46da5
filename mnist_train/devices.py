"""Where to compute: the GPU if there is one, and on the CPU with how many threads."""

import contextlib
import ctypes
import os
import time
from collections.abc import Callable

import torch

from mnist_train.settings import name_on_command_line
from xlbackprop.errors import UnusableInput

_STEPS_A_TRIAL = 5
_TRIALS = 2
# of malloc.h
_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD = -1, -3


def choose_device(name: str) -> torch.device:
    """The device of a setting; `auto` is a CUDA device if there is one, else the CPU.

    Raises:
        UnusableInput: this machine, or this build of torch, does not have the device.
    """
    there = {"cpu": True, "cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available()}
    if name == "auto":
        name = "cuda" if there["cuda"] else "cpu"
    if not there[name]:
        raise UnusableInput(f"{name_on_command_line('device')} {name} is not available here: take auto or cpu.")
    return torch.device(name)


def keep_memory() -> None:
    """Have glibc keep what a step has freed for the next one, instead of returning it and asking for it again.

    Where the C library is another one, nothing changes; the numbers are the same in any case.
    """
    with contextlib.suppress(OSError, AttributeError, TypeError):
        mallopt = ctypes.CDLL(None).mallopt
        mallopt(_M_MMAP_THRESHOLD, 1 << 30)
        mallopt(_M_TRIM_THRESHOLD, 2**31 - 1)


def make_deterministic() -> None:
    """Have cuDNN and cuBLAS take the algorithms that give the same numbers each time, before either is used."""
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    torch.backends.cudnn.benchmark = False
    torch.use_deterministic_algorithms(True)
    # no tensor is read here before it is written
    torch.utils.deterministic.fill_uninitialized_memory = False


def device_name(device: torch.device) -> str:
    """The device for people, such as the name of the GPU."""
    if device.type == "cuda":
        return torch.cuda.get_device_name(device)
    return f"CPU, {torch.get_num_threads()} of {usable_cores()} cores" if device.type == "cpu" else device.type


def usable_cores() -> int:
    """The cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def fastest_thread_count(step: Callable[[], None]) -> int:
    """Try a step of training with 1, 2, 4 .. threads, and leave torch with the count that was fastest.

    Small networks gain little from many threads, and lose much where another program is busy.

    Args:
        step: one step of training, on a network that is thrown away.
    """
    cores = usable_cores()
    counts = sorted({*(2**power for power in range(cores.bit_length()) if 2**power <= cores), cores})
    times = {count: float("inf") for count in counts}
    for _ in range(_TRIALS):
        for count in counts:
            torch.set_num_threads(count)
            step()
            start = time.perf_counter()
            for _ in range(_STEPS_A_TRIAL):
                step()
            times[count] = min(times[count], time.perf_counter() - start)
    fastest = min(times, key=times.__getitem__)
    torch.set_num_threads(fastest)
    return fastest
