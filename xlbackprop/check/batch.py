"""Checks many workbooks at once, in other processes: a bad file never stops the rest."""

import contextlib
import multiprocessing
import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import TimeoutError as TookTooLong
from pathlib import Path

from pebble import ProcessExpired, ProcessPool

from xlbackprop.errors import UnusableInput
from xlbackprop.report.findings import CheckedFile

#: What a workbook ends in.
SUFFIXES = (".xlsx", ".xlsm")
#: A file that takes longer is given up.
MAX_SECONDS = 60
#: A file that needs more memory is given up, on systems that can limit it.
MAX_BYTES = 4 * 2**30
_MEMORY = f"{MAX_BYTES // 2**30} GiB of memory"

# what a large file leaves behind in a process is no burden for many others
_TASKS = 50


def workbooks_in(paths: Sequence[Path]) -> list[Path]:
    """The files, and the workbooks in the folders and below them, each once.

    Raises:
        UnusableInput: a folder holds no workbook.
    """
    found: list[Path] = []
    for path in paths:
        if not path.is_dir():
            found.append(path)
            continue
        inside = [
            file
            for file in sorted(path.rglob("*"))
            # what an open spreadsheet program leaves beside a file begins with ~$
            if file.suffix.lower() in SUFFIXES and not file.name.startswith(("~$", ".")) and file.is_file()
        ]
        if not inside:
            raise UnusableInput(f"{path} holds no workbook ({' or '.join(SUFFIXES)}): name a file, or another folder.")
        found += inside
    return list(dict.fromkeys(found))


def check_all(paths: Sequence[Path], on_file: Callable[[], object] = lambda: None) -> list[CheckedFile]:
    """Check workbooks on all cores; the results come in the order of the paths.

    As always with processes, a script that calls it needs `if __name__ == "__main__":`.

    Args:
        paths: the files.
        on_file: called after each file.
    """
    methods = multiprocessing.get_all_start_methods()
    context = multiprocessing.get_context("forkserver" if "forkserver" in methods else "spawn")
    if "forkserver" in methods:
        context.set_forkserver_preload([__name__, "xlbackprop.check.file", "openpyxl.formula"])
    workers = max(1, min(_cores(), len(paths)))
    results = []
    with ProcessPool(workers, max_tasks=_TASKS, initializer=_prepare, context=context) as pool, _stopped(pool):
        futures = [pool.schedule(_check, args=[path], timeout=MAX_SECONDS) for path in paths]
        for path, future in zip(paths, futures, strict=True):
            try:
                results.append(future.result())
            except TookTooLong:
                results.append(_unchecked(path, f"takes more than {MAX_SECONDS} seconds to check: it was given up"))
            except ProcessExpired:
                why = "the spreadsheet engine gives up on it, or it needs more than"
                results.append(_unchecked(path, f"cannot be checked: {why} {_MEMORY}"))
            on_file()
    return results


def _cores() -> int:
    """How many cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


@contextlib.contextmanager
def _stopped(pool: ProcessPool) -> Iterator[None]:
    """Stop the processes where they are if the command is interrupted; otherwise the pool waits for them."""
    try:
        yield
    except BaseException:
        pool.stop()  # type: ignore[no-untyped-call]
        raise


def _prepare() -> None:
    # what the engine prints about a file, or about its own end, is nothing for the user
    nowhere = os.open(os.devnull, os.O_WRONLY)
    for output in (1, 2):
        os.dup2(nowhere, output)
    try:
        import resource
    except ImportError:
        return
    with contextlib.suppress(OSError, ValueError):
        resource.setrlimit(resource.RLIMIT_AS, (MAX_BYTES, MAX_BYTES))


def _check(path: Path) -> CheckedFile:
    from xlbackprop.check.file import check

    try:
        return check(path)
    except MemoryError:
        return _unchecked(path, f"needs more than {_MEMORY} to check: it was given up")
    except Exception as error:
        why = f"it holds what this program does not expect ({type(error).__name__}: {error})"
        return _unchecked(path, f"cannot be checked: {why}")


def _unchecked(path: Path, why: str) -> CheckedFile:
    return CheckedFile(path, f"{path} {why}.")
