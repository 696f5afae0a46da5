"""Files are promises: one appears whole or not at all, and none is overwritten unasked."""

import contextlib
import os
import tempfile
import zipfile
from collections.abc import Iterator
from pathlib import Path

from xlbackprop.errors import UnusableInput

# An .xlsx of ours shrinks to a fifth; what shrinks to a thousandth was made to fill a memory.
MAX_EXPANSION = 200
MAX_UNPACKED_BYTES = 4 * 2**30
_EXPANSION_MATTERS_FROM = 16 * 2**20

# how a file of Microsoft's compound format begins, and how much of it is looked at
_OLE = bytes.fromhex("d0cf11e0a1b11ae1")
_LOOKED_AT = 64 * 2**20


def check_output(path: Path, *, force: bool) -> None:
    """See whether a workbook may be written to a path.

    Raises:
        UnusableInput: the path exists (without `force`), is no file, has no parent, is not writable, or
            does not end in .xlsx.
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
        raise UnusableInput(f"{path} exists already: write elsewhere, or add --force to replace it.")
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
            folder = tempfile.TemporaryDirectory(prefix=f".{target.stem[:50]}-", dir=target.parent)
            unfinished = Path(undo.enter_context(folder)) / "workbook.xlsx"
            yield unfinished
            # somebody may have put a file there in the meantime
            check_output(path, force=force)
            unfinished.replace(target)
    except OSError as error:
        reason = error.strerror or str(error)
        raise UnusableInput(f"{path} could not be written: {reason[:1].lower()}{reason[1:]}.") from error


def _remove_if_empty(folder: Path) -> None:
    with contextlib.suppress(OSError):
        folder.rmdir()


def check_package(path: Path) -> None:
    """See whether a file is an .xlsx package that is safe to load.

    Raises:
        UnusableInput: it is missing, no zip, truncated, a zip bomb, or not a workbook.
    """
    try:
        if path.exists() and not path.is_dir() and not path.is_file():
            raise UnusableInput(f"{path} is not a regular file.")
        with zipfile.ZipFile(path) as package:
            parts = package.infolist()
            if any(part.flag_bits & 1 for part in parts):
                raise UnusableInput(f"{path} is protected by a password: save it without one.")
            unpacked = sum(part.file_size for part in parts)
            packed = max(path.stat().st_size, 1)
            if unpacked > MAX_UNPACKED_BYTES or (
                unpacked > _EXPANSION_MATTERS_FROM and unpacked > MAX_EXPANSION * packed
            ):
                raise UnusableInput(
                    f"{path} would unpack from {packed:,} to {unpacked:,} bytes, which no honest workbook does."
                )
            names = {part.filename for part in parts}
            if "xl/workbook.xml" not in names:
                kind = "a zip file, but no workbook"
                if "xl/workbook.bin" in names:
                    kind = "a binary workbook (.xlsb): save it as .xlsx"
                elif "mimetype" in names and "content.xml" in names:
                    kind = "an OpenDocument file: save it as .xlsx"
                raise UnusableInput(f"{path} is {kind}.")
    except FileNotFoundError:
        raise UnusableInput(f"{path} does not exist.") from None
    except IsADirectoryError:
        raise UnusableInput(f"{path} is a directory, not a workbook.") from None
    except PermissionError:
        raise UnusableInput(f"{path} cannot be read: permission denied.") from None
    except (zipfile.BadZipFile, NotImplementedError, ValueError):
        raise UnusableInput(f"{path} {_what_else(path)}") from None
    except OSError as error:
        raise UnusableInput(f"{path} cannot be read: {error.strerror}.") from None


def _what_else(path: Path) -> str:
    """What a file is that is no zip package, as the end of a sentence."""
    with path.open("rb") as file:
        start = file.read(_LOOKED_AT)
    if start.startswith(_OLE):
        # the same container holds old workbooks and encrypted new ones; its directory tells which
        if "EncryptedPackage".encode("utf-16-le") in start:
            return "is protected by a password: save it without one."
        return "is a workbook of the old format (.xls): save it as .xlsx."
    return "is not an .xlsx workbook, or it was cut short: save it again from the spreadsheet program."
