"""Many workbooks at once, in other processes: a bad file stops nothing, and what an engine prints is not seen."""

import contextlib
import functools
import multiprocessing
import os
import signal
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future
from concurrent.futures import TimeoutError as TookTooLong
from concurrent.futures.process import BrokenProcessPool
from multiprocessing.util import Finalize
from pathlib import Path
from typing import Any, TypeVar

from pebble import ProcessExpired, ProcessPool

from xlbackprop.errors import UnusableInput, reason
from xlbackprop.files import temporary_folder, written_whole
from xlbackprop.report.findings import CheckedFile

Result = TypeVar("Result")

#: What a workbook ends in.
SUFFIXES = (".xlsx", ".xlsm")
#: A file that takes longer is given up.
MAX_SECONDS = 60
#: A file that needs more memory is given up, on systems that can limit it.
MAX_BYTES = 4 * 2**30

# the path of a socket has some 100 bytes, and multiprocessing appends to that of the folder
_LONGEST_SOCKET, _SOCKET = 100, len("/pymp-12345678/listener-12345678")
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

    Raises:
        UnusableInput: no process can be started.
    """
    found = each_apart(_check, [(path,) for path in paths], on_file)
    return [
        CheckedFile(path, error=one) if isinstance(one, str) else one for path, one in zip(paths, found, strict=True)
    ]


def each_apart(
    work: Callable[..., Result], tasks: Sequence[tuple[Any, ...]], on_file: Callable[[], object] = lambda: None
) -> list[Result | str]:
    """Do the same with many files on all cores, with the limits of a check; the results come in the order of the tasks.

    Args:
        work: a function of a module, which raises `UnusableInput` for a file that cannot be used.
        tasks: what it is called with, the path of the file first.
        on_file: called after each file.

    Returns:
        For each task its result, or the sentence that says why there is none.

    Raises:
        UnusableInput: no process can be started.
    """
    results: list[Result | str] = []
    with _processes(max(1, min(_cores(), len(tasks))), MAX_BYTES) as pool:
        futures = [pool.schedule(work, args=task, timeout=MAX_SECONDS) for task in tasks]
        for task, future in zip(tasks, futures, strict=True):
            try:
                results.append(_outcome(future, task[0], "check", "checked"))
            except UnusableInput as error:
                results.append(str(error))
            on_file()
    return results


def verify(path: Path, engine: str = "ironcalc") -> CheckedFile:
    """`check.file.verify` in a process of its own, which may take the time and memory that it needs.

    Raises:
        UnusableInput: what `check.file.verify` says, or the engine gives up on the file.
    """
    with _processes(1, None) as pool:
        return _outcome(pool.schedule(_verify, args=[path, engine]), path, "check", "checked")


def annotate(checked: CheckedFile, output: Path, *, force: bool = False) -> None:
    """`report.annotation.annotate` in a process of its own, with the limits of a check.

    Raises:
        UnusableInput: the copy cannot be written, the workbook has macros, or it takes too much.
    """
    with written_whole(output, force=force) as unfinished, _processes(1, MAX_BYTES) as pool:
        future = pool.schedule(_annotate, args=[checked, unfinished], timeout=MAX_SECONDS)
        _outcome(future, checked.file, "mark", "marked")


def _outcome(future: "Future[Result]", path: Path, verb: str, participle: str) -> Result:
    """What a process gives in the end.

    Raises:
        UnusableInput: it found the file unusable, or did not come to an end.
    """
    memory = f"{MAX_BYTES // 2**30} GiB of memory"
    try:
        return future.result()
    except TookTooLong:
        why = f"takes more than {MAX_SECONDS} seconds to {verb}: it was given up"
    except MemoryError:
        why = f"needs more than {memory} to {verb}: it was given up"
    except ProcessExpired:
        why = f"cannot be {participle}: the spreadsheet engine gives up on it, or it needs too much memory"
    raise UnusableInput(f"{path} {why}.")


def _cores() -> int:
    """How many cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


@contextlib.contextmanager
def _processes(workers: int, max_bytes: int | None) -> Iterator[ProcessPool]:
    """Give a pool of processes; if the command is interrupted, they are stopped where they are.

    Args:
        workers: how many.
        max_bytes: the memory that each may use; None for no limit.

    Raises:
        UnusableInput: none can be started.
    """
    try:
        # each is started in the same one
        Path.cwd()
    except OSError as error:
        raise UnusableInput(f"The current directory cannot be used ({reason(error)}): change to another one.") from None
    place = _place_of_server()
    context = multiprocessing.get_context("forkserver" if place else "spawn")
    if place:
        context.set_forkserver_preload([__name__, "xlbackprop.check.file", "openpyxl.formula"])
        _start_server(place)
    limits = [max_bytes, _folder()]
    # it comes with a process that looks after semaphores
    with _ctrl_c_for_us_alone():
        pool = ProcessPool(workers, _TASKS, initializer=_prepare, initargs=limits, context=context)
    try:
        # what asks the server for a process and does not wait for it leaves one that nobody knows of
        with _interrupted_later() if place else _ctrl_c_for_us_alone():
            assert pool.active, "this starts the processes"
        yield pool
        pool.close()  # type: ignore[no-untyped-call]
    except BrokenProcessPool as error:
        pool.stop()  # type: ignore[no-untyped-call]
        raise UnusableInput(f"No process can be started to check in ({reason(error.__cause__ or error)}).") from error
    except BaseException:
        pool.stop()  # type: ignore[no-untyped-call]
        raise
    finally:
        pool.join()


@functools.cache
def _folder() -> Path:
    """Where the temporary files of all processes go; gone when this one ends."""
    undo = contextlib.ExitStack()
    # multiprocessing removes its own folder in it first, by a finalizer of priority -100
    Finalize(None, undo.close, exitpriority=-200)
    return undo.enter_context(temporary_folder())


def _place_of_server() -> str | None:
    """Where the process that starts the others can have its socket; None if it cannot run at all."""
    if "forkserver" not in multiprocessing.get_all_start_methods():
        return None
    places = (str(_folder()), tempfile.gettempdir())
    return next((place for place in places if len(os.fsencode(place)) + _SOCKET <= _LONGEST_SOCKET), None)


def _start_server(place: str) -> None:
    """Start the process that starts the others, if it does not run yet."""
    from multiprocessing import forkserver

    elsewhere, tempfile.tempdir = tempfile.tempdir, place
    try:
        with _ctrl_c_for_us_alone():
            forkserver.ensure_running()
    finally:
        tempfile.tempdir = elsewhere


@contextlib.contextmanager
def _ctrl_c_for_us_alone() -> Iterator[None]:
    """Have processes that are started in the block ignore Ctrl-C, which a terminal sends to all at once."""
    with _handled_by(signal.SIG_IGN, signal.SIGINT):
        yield


@contextlib.contextmanager
def _interrupted_later() -> Iterator[None]:
    """Put off what would interrupt the block until its end."""
    came: list[int] = []
    try:
        with _handled_by(lambda number, _: came.append(number), signal.SIGINT, signal.SIGTERM):
            yield
    finally:
        # also where the block failed because others were interrupted as well
        for number in came[:1]:
            signal.raise_signal(number)


@contextlib.contextmanager
def _handled_by(handler: Any, *numbers: signal.Signals) -> Iterator[None]:
    """Handle signals otherwise in the block, but for those that are ignored."""
    # only the main thread may change that
    here = numbers if threading.current_thread() is threading.main_thread() else ()
    changed = {number: old for number in here if (old := signal.getsignal(number)) not in (signal.SIG_IGN, None)}
    try:
        for number in changed:
            signal.signal(number, handler)
        yield
    finally:
        for number, old in changed.items():
            signal.signal(number, old)


def _prepare(max_bytes: int | None, folder: Path) -> None:
    tempfile.tempdir = str(folder)
    # what the engine prints about a file, or about its own end, is nothing for the user
    nowhere = os.open(os.devnull, os.O_WRONLY)
    for output in (1, 2):
        os.dup2(nowhere, output)
    if max_bytes is None:
        return
    try:
        import resource
    except ImportError:
        return
    with contextlib.suppress(OSError, ValueError):
        resource.setrlimit(resource.RLIMIT_AS, (max_bytes, max_bytes))


def _check(path: Path) -> CheckedFile:
    from xlbackprop.check.file import check

    with in_a_sentence(path):
        return check(path)


def _verify(path: Path, engine: str) -> CheckedFile:
    from xlbackprop.check.file import verify

    with in_a_sentence(path):
        if engine != "libreoffice":
            return verify(path, engine)
        # it has processes of its own, which are ended before this one
        signal.signal(signal.SIGTERM, lambda *_: sys.exit())
        try:
            return verify(path, engine)
        except SystemExit:
            os._exit(1)


@contextlib.contextmanager
def in_a_sentence(path: Path) -> Iterator[None]:
    """Tell of whatever nobody expected in a sentence, too.

    Raises:
        UnusableInput: it happened.
    """
    try:
        yield
    except (UnusableInput, MemoryError):
        raise
    except Exception as error:
        why = f"it holds what this program does not expect ({type(error).__name__}: {reason(error)})"
        raise UnusableInput(f"{path} cannot be checked: {why}.") from None
    except BaseException:
        # where the engine gives up, it raises something that is no Exception
        raise UnusableInput(f"{path} cannot be checked: the spreadsheet engine gives up on it.") from None


def _annotate(checked: CheckedFile, copy: Path) -> None:
    from xlbackprop.report.annotation import marked

    marked(checked).save(copy)
