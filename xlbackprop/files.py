"""Files are promises: one appears whole or not at all, and none is overwritten unasked."""

import contextlib
import os
import secrets
import shutil
from collections.abc import Iterator
from pathlib import Path

from xlbackprop.errors import FileExists, UnusableInput, reason


def check_output(path: Path, *, force: bool) -> None:
    """See whether a workbook may be written to a path.

    Raises:
        FileExists: there is a file, and no `force`.
        UnusableInput: the path is no file, has no parent, is not writable, or does not end in .xlsx.
    """
    if path.suffix.lower() != ".xlsx":
        raise UnusableInput(f"{path} does not end in .xlsx: give the workbook a name such as backprop.xlsx.")
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
def written_whole(path: Path, *, force: bool, create_folder: bool = False) -> Iterator[Path]:
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
            check_output(path, force=force)
            # a link stays a link, and what it leads to is replaced
            target = path.resolve()
            folder = target.parent / f".{target.stem[:50]}-{secrets.token_hex(8)}"
            # first how to remove it, so that an interruption in between leaves nothing
            undo.callback(shutil.rmtree, folder, ignore_errors=True)
            folder.mkdir(mode=0o700)
            unfinished = folder / "workbook.xlsx"
            yield unfinished
            # somebody may have put a file there in the meantime
            check_output(path, force=force)
            unfinished.replace(target)
    except OSError as error:
        raise UnusableInput(f"{path} could not be written: {reason(error)}.") from error


def _remove_if_empty(folder: Path) -> None:
    with contextlib.suppress(OSError):
        folder.rmdir()
