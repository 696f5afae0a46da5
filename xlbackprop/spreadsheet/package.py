"""The parts of an .xlsx package: whether it is safe to open."""

import zipfile
from pathlib import Path

from xlbackprop.errors import UnusableInput

# An .xlsx of ours shrinks to a fifth; what shrinks to a thousandth was made to fill a memory.
MAX_EXPANSION = 200
MAX_UNPACKED_BYTES = 4 * 2**30
_EXPANSION_MATTERS_FROM = 16 * 2**20

# how a file of Microsoft's compound format begins, and how much of it is looked at
_OLE = bytes.fromhex("d0cf11e0a1b11ae1")
_LOOKED_AT = 64 * 2**20


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
