"""`python -m tests.golden.record`: records again what the program writes and says.

Run it after a change of behaviour that is meant, look at what changed (it lists the files), and commit
the files with the change. With words as arguments only the cases are recorded whose names hold one of
them: `python -m tests.golden.record edited "workbook relu"`. The workbooks of other people are left as
they were recorded where they are not there.
"""

import sys
from collections.abc import Callable, Iterator
from typing import Any

from tests.golden import cases, storage

#: The libraries whose version shapes what is recorded: another may write other XML, or break lines elsewhere.
WRITES, PRINTS, COPIES = ("xlsxwriter",), ("click",), ("openpyxl",)


def everything() -> Iterator[tuple[str, Callable[[], Any], tuple[str, ...]]]:
    """Every case: its name, what makes it, and the libraries that shape it."""
    for name, make in cases.workbook_cases().items():
        yield name, make, WRITES
    for name, make in cases.command_cases().items():
        yield name, make, PRINTS if name == "printing" else ()
    for name, make in cases.annotation_cases().items():
        yield name, make, COPIES + WRITES
    if cases.OTHERS.is_dir():
        yield "others", cases.others, ()


def main() -> None:
    """Record every case, or those whose names hold one of the arguments."""
    for name, make, libraries in everything():
        if len(sys.argv) == 1 or any(word in name for word in sys.argv[1:]):
            path = storage.save(name, make(), libraries)
            print(f"{path.stat().st_size:>9,}  {path.name}")


if __name__ == "__main__":
    main()
