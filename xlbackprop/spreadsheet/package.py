"""The parts of an .xlsx package: whether it is safe to open; and read, edited in place and written again."""

import posixpath
import re
import zipfile
import zlib
from pathlib import Path
from xml.etree import ElementTree
from xml.parsers import expat

from xlbackprop.errors import UnusableInput, reason
from xlbackprop.files import written_whole

MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
RELATIONS = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
_PACKAGE = "http://schemas.openxmlformats.org/package/2006/relationships"
_CONTENT_TYPES = "[Content_Types].xml"

# An .xlsx of ours shrinks to a fifth; what shrinks to a thousandth was made to fill a memory.
MAX_EXPANSION = 200
MAX_UNPACKED_BYTES = 4 * 2**30
EXPANSION_MATTERS_FROM = 16 * 2**20

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
                unpacked > EXPANSION_MATTERS_FROM and unpacked > MAX_EXPANSION * packed
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
        raise UnusableInput(f"{path} cannot be read: {reason(error)}.") from None


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


class Package:
    """The parts of a workbook's file, by name: those that nobody edits are written again as they are.

    Raises:
        UnusableInput: a part cannot be read.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            with zipfile.ZipFile(path) as package:
                # of a part that is there twice, the last one counts
                self._order = {item.filename: item for item in package.infolist()}
                self._read = {name: package.read(item) for name, item in self._order.items()}
        except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError) as error:
            # of an encrypted part zipfile says so by a RuntimeError
            raise UnusableInput(f"{path} cannot be copied: {reason(error)}.") from None
        self.parts = dict(self._read)

    @property
    def has_macros(self) -> bool:
        return "xl/vbaProject.bin" in self.parts

    @property
    def sheets(self) -> dict[str, str]:
        """The part of each sheet, by the sheet's name."""
        targets = {identity: target for identity, _, target in self.relationships("xl/workbook.xml")}
        workbook = ElementTree.fromstring(self.parts["xl/workbook.xml"])
        return {
            sheet.get("name", ""): targets[sheet.get(f"{{{RELATIONS}}}id", "")]
            for sheet in workbook.iter(f"{{{MAIN}}}sheet")
        }

    def relationships(self, part: str) -> list[tuple[str, str, str]]:
        """Id, kind and target of each relationship of a part."""
        folder = posixpath.dirname(part)
        content = self.parts.get(_relationships_part(part))
        if content is None:
            return []
        found = []
        for relation in ElementTree.fromstring(content).iter(f"{{{_PACKAGE}}}Relationship"):
            target = relation.get("Target", "")
            if relation.get("TargetMode") != "External":
                target = target.lstrip("/") if target.startswith("/") else posixpath.normpath(f"{folder}/{target}")
            found.append((relation.get("Id", ""), relation.get("Type", "").rpartition("/")[2], target))
        return found

    def relate(self, part: str, kind: str, target: str) -> str:
        """Add a relationship of a part to another one, and give its id."""
        name = _relationships_part(part)
        text = self.parts.get(name, f'<Relationships xmlns="{_PACKAGE}"></Relationships>'.encode()).decode("utf-8")
        text = re.sub(r"<((?:\w+:)?)Relationships\b([^>]*)/>", r"<\1Relationships\2></\1Relationships>", text)
        used = set(re.findall(r"""\bId=["']([^"']*)["']""", text))
        identity = next(f"rIdNote{n}" for n in range(1, len(used) + 2) if f"rIdNote{n}" not in used)
        head, _, tail = text.rpartition("</")
        prefix = tail.partition("Relationships")[0]
        relation = f'<{prefix}Relationship Id="{identity}" Type="{RELATIONS}/{kind}" Target="/{target}"/>'
        self.parts[name] = f"{head}{relation}</{tail}".encode()
        return identity

    def declare_part(self, part: str, content_type: str) -> None:
        """Say of what type a new part is."""
        self._declare(f'<Override PartName="/{part}" ContentType="{content_type}"/>')

    def declare_extension(self, extension: str, content_type: str) -> None:
        """Say of what type parts with such a name are, if that has not been said."""
        known = rf'Extension="{extension}"'.encode()
        if not re.search(known, self.parts[_CONTENT_TYPES], re.IGNORECASE):
            self._declare(f'<Default Extension="{extension}" ContentType="{content_type}"/>')

    def _declare(self, declaration: str) -> None:
        head, _, tail = self.parts[_CONTENT_TYPES].decode("utf-8").rpartition("</")
        prefix = tail.partition("Types")[0]
        self.parts[_CONTENT_TYPES] = f"{head}{declaration.replace('<', f'<{prefix}', 1)}</{tail}".encode()

    def parse_edited(self) -> None:
        """See whether every part that was edited is still XML.

        Raises:
            expat.ExpatError: one is not.
        """
        for name, content in self.parts.items():
            if content != self._read.get(name):
                expat.ParserCreate().Parse(content, True)

    def write(self, path: Path, *, force: bool) -> None:
        """Write the package to a file that appears as a whole.

        Args:
            path: where it goes.
            force: replace the file if it exists.

        Raises:
            UnusableInput: it cannot be written.
        """
        with written_whole(path, force=force) as unfinished:
            self.save(unfinished)

    def save(self, path: Path) -> None:
        """Write the package into a new file, its parts in their order and new ones behind.

        Raises:
            OSError: the disk objects.
        """
        with zipfile.ZipFile(path, "w") as copy:
            for name, item in self._order.items():
                copy.writestr(item, self.parts[name], compress_type=item.compress_type)
            for name, content in self.parts.items():
                if name not in self._order:
                    copy.writestr(name, content, compress_type=zipfile.ZIP_DEFLATED)


def _relationships_part(part: str) -> str:
    folder, _, name = part.rpartition("/")
    return f"{folder}/_rels/{name}.rels"
