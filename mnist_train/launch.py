"""What torchrun says to the processes that it starts; known without torch."""

import os
from dataclasses import dataclass


@dataclass(frozen=True)
class Launch:
    """This process among those that were started together.

    Attributes:
        rank: its number among all; process 0 prints and writes.
        local_rank: its number among those on this machine.
        count: how many there are.
        local_count: how many of them are on this machine.
    """

    rank: int = 0
    local_rank: int = 0
    count: int = 1
    local_count: int = 1


def launch() -> Launch:
    """This process; alone if torchrun did not start it."""
    if (count := _number("WORLD_SIZE", 1)) == 1:
        return Launch()
    return Launch(_number("RANK", 0), _number("LOCAL_RANK", 0), count, _number("LOCAL_WORLD_SIZE", count))


def _number(variable: str, otherwise: int) -> int:
    return int(os.environ.get(variable, otherwise))
