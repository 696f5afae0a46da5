"""Files are promises: one appears whole or not at all, and none is overwritten unasked."""

import contextlib
import os
import re
import secrets
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

from xlbackprop.errors import FileExists, UnusableInput, reason

try:
    import fcntl
except ImportError:
    # on Windows the folders of killed processes stay
    fcntl = None  # type: ignore[assignment]

# how the name of a temporary folder begins
_TEMPORARY = "xlbackprop-"
# of the name of a folder, so that no other one is taken for ours
_RANDOM_BYTES = 8


#: What a file is called, and how it may be named, by what its name ends in.
_KINDS = {".xlsx": "workbook a name such as backprop.xlsx", ".html": "page a name such as checked.html"}


def check_output(path: Path, *, force: bool, suffix: str = ".xlsx") -> None:
    """See whether a workbook, or a file with another suffix of `_KINDS`, may be written to a path.

    Raises:
        FileExists: there is a file, and no `force`.
        UnusableInput: the path is no file, has no parent, is not writable, or does not end in the suffix.
    """
    if path.suffix.lower() != suffix:
        raise UnusableInput(f"{path} does not end in {suffix}: give the {_KINDS[suffix]}.")
    try:
        path.stat()
    except (FileNotFoundError, NotADirectoryError):
        pass
    except OSError as error:
        # a link that leads to itself, a name that is too long
        raise UnusableInput(f"{path} cannot be written: {reason(error)}.") from None
    if path.is_dir():
        raise UnusableInput(f"{path} is a directory: give the name of a file.")
    if not path.parent.is_dir():
        missing = "is not a directory" if path.parent.exists() else "does not exist: create it first"
        raise UnusableInput(f"{path.parent} {missing}, or write elsewhere.")
    if path.exists() and not path.is_file():
        raise UnusableInput(f"{path} is not a regular file: write elsewhere.")
    if path.exists() and not force:
        raise FileExists(f"{path} exists already: write elsewhere, or replace it.")
    if not os.access(path.parent, os.W_OK | os.X_OK) or (path.exists() and not os.access(path, os.W_OK)):
        raise UnusableInput(f"{path} cannot be written: permission denied.")


@contextlib.contextmanager
def written_whole(path: Path, *, force: bool, create_folder: bool = False, suffix: str = ".xlsx") -> Iterator[Path]:
    """Give a path to write to; when the block ends without an error, that file is moved to `path`.

    It lies in a hidden directory of its own beside `path`, which is gone afterwards, whatever happens.
    With `create_folder` the directory of `path` is created, and removed again if nothing gets written.

    Raises:
        UnusableInput: `check_output` objects, or the disk does.
    """
    try:
        with contextlib.ExitStack() as undo:
            if create_folder and not path.parent.exists():
                path.parent.mkdir()
                undo.callback(_remove_if_empty, path.parent)
            check_output(path, force=force, suffix=suffix)
            # a link stays a link, and what it leads to is replaced
            target = path.resolve()
            folder = undo.enter_context(_own_folder(target.parent, f".{target.stem[:50]}-"))
            unfinished = folder / "workbook.xlsx"
            yield unfinished
            # somebody may have put a file there in the meantime
            check_output(path, force=force, suffix=suffix)
            unfinished.replace(target)
    except OSError as error:
        raise UnusableInput(f"{path} could not be written: {reason(error)}.") from error


@contextlib.contextmanager
def temporary_folder() -> Iterator[Path]:
    """Give a folder that is gone after the block.

    Raises:
        UnusableInput: there is no place for it, or for what is put into it.
    """
    try:
        with _own_folder(Path(tempfile.gettempdir()), _TEMPORARY) as folder:
            yield folder
    except OSError as error:
        place = Path(tempfile.tempdir or "for temporary files")
        # a process that works for another one has its folders in that of the other one
        place = place.parent if place.name.startswith(_TEMPORARY) else place
        raise UnusableInput(
            f"The folder {place} cannot be used ({reason(error)}): make room there, or set TMPDIR to another folder."
        ) from error


@contextlib.contextmanager
def _own_folder(parent: Path, prefix: str) -> Iterator[Path]:
    """Give a new folder that is gone after the block, and remove those of the same prefix that were left behind.

    A process holds a lock on its folder. However it ends, the lock ends with it, and a folder without a
    lock is nobody's. Where a file system knows no such locks, nothing is removed.
    """
    _remove_abandoned(parent, prefix)
    folder = parent / f"{prefix}{secrets.token_hex(_RANDOM_BYTES)}"
    with contextlib.ExitStack() as undo:
        # first how to remove it, so that an interruption in between leaves nothing
        undo.callback(shutil.rmtree, folder, ignore_errors=True)
        folder.mkdir(mode=0o700)
        while fcntl is not None and not _hold(folder, undo):
            # somebody took it for abandoned before there was a lock on it
            folder.mkdir(mode=0o700)
        yield folder


def _hold(folder: Path, undo: contextlib.ExitStack) -> bool:
    """Lock a folder until `undo`; False if it is gone."""
    try:
        lock = os.open(folder, os.O_RDONLY)
    except FileNotFoundError:
        return False
    undo.callback(os.close, lock)
    with contextlib.suppress(OSError):
        fcntl.flock(lock, fcntl.LOCK_EX)
    return folder.exists()


def _remove_abandoned(parent: Path, prefix: str) -> None:
    """Remove the folders of processes of this user that are gone."""
    if fcntl is None:
        return
    name = re.compile(f"{re.escape(prefix)}[0-9a-f]{{{2 * _RANDOM_BYTES}}}")
    with contextlib.suppress(OSError), os.scandir(parent) as entries:
        for entry in entries:
            if not name.fullmatch(entry.name) or not entry.is_dir(follow_symlinks=False):
                continue
            with contextlib.suppress(OSError), contextlib.ExitStack() as undo:
                if entry.stat(follow_symlinks=False).st_uid == os.getuid():
                    lock = os.open(entry, os.O_RDONLY | os.O_NOFOLLOW)
                    undo.callback(os.close, lock)
                    fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    shutil.rmtree(entry, ignore_errors=True)


def _remove_if_empty(folder: Path) -> None:
    with contextlib.suppress(OSError):
        folder.rmdir()
