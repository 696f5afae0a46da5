"""What was handed in: the workbooks in a zip, a folder or a file, and whose they are; nothing leaves its place."""

import os
import re
import stat
import zipfile
import zlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path, PurePosixPath

from xlbackprop.errors import UnusableInput, reason
from xlbackprop.grading.names import Named, Person, Platform, named
from xlbackprop.spreadsheet.package import EXPANSION_MATTERS_FROM, MAX_EXPANSION

#: Files that a spreadsheet program wrote: what cannot be read among them is told by what it is.
_WORKBOOKS = (".xlsx", ".xlsm", ".xls", ".xlsb", ".ods", ".xltx", ".numbers")
_ARCHIVES = (".zip", ".rar", ".7z", ".gz", ".tar", ".tgz", ".bz2", ".xz")
#: Files that are links, and those in which one may stand instead of a workbook.
_LINKS = (".url", ".webloc", ".gsheet", ".html", ".htm", ".txt")
_TEXTS = (".md", ".csv")
#: What else somebody hands in for a workbook, where a file is a person.
_PAPERS = (
    *(".pdf", ".doc", ".docx", ".odt", ".rtf", ".pages", ".ppt", ".pptx", ".odp", ".csv", ".tsv", ".py", ".ipynb"),
    *(".jpg", ".jpeg", ".png", ".gif", ".webp", ".heic", ".bmp", ".tif", ".tiff"),
)
_REPOSITORY = ".git"
_LINK = re.compile(rb"https?://")
_LOOKED_AT = 2**16
#: No workbook of this assignment is larger.
_MOST_BYTES = 256 * 2**20
_COPIED_AT_ONCE = 2**20
#: A sentence names so many files.
_MOST_NAMES = 3


@dataclass(frozen=True)
class Workbook:
    """A workbook that was handed in.

    Attributes:
        path: where it can be read.
        name: its path as the download has it.
        leaf: the name that it was handed in with.
        order: of two workbooks of one person, the later one has the greater.
    """

    path: Path
    name: str
    leaf: str
    order: tuple[int, float, str]


@dataclass
class Submission:
    """What a person handed in.

    Attributes:
        person: who.
        workbooks: from the first to the last.
        refused: what cannot be used, a sentence each.
        instead: of archives and links, which may lead to a workbook, a sentence each.
        others: the names of all other files.
        is_clone: whether it is a clone of a repository, whose files have the time of the cloning.
    """

    person: Person
    workbooks: list[Workbook] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)
    instead: list[str] = field(default_factory=list)
    others: list[str] = field(default_factory=list)
    is_clone: bool = False

    @property
    def is_last_known(self) -> bool:
        """Whether something tells which of the workbooks is the last."""
        times = [workbook.order[:2] for workbook in self.workbooks]
        return not times or (not self.is_clone and times.count(max(times)) == 1)

    @property
    def problems(self) -> list[str]:
        """What keeps it, or a part of it, from being graded, a sentence each."""
        if self.workbooks or self.refused:
            return self.refused
        others = ", ".join(self.others[:_MOST_NAMES]) + (" ..." if len(self.others) > _MOST_NAMES else "")
        return self.instead or [f"No workbook was handed in, but {others}."]


class Collection:
    """The submissions of a class, collected from several places.

    Args:
        folder: where workbooks are unpacked.
        roster: the names of people by what their folders end in, for clones of repositories; empty for others.
        aside: files that are no submissions, wherever they lie.
    """

    def __init__(self, folder: Path, roster: Mapping[str, str], aside: Iterable[Path] = ()) -> None:
        self._folder, self._roster = folder, roster
        self._aside = {path.resolve() for path in aside}
        self._clones: set[tuple[str, str]] = set()
        # of the source that is collected: what lies beside its folders and is no workbook, and whether workbooks do
        self._papers: list[tuple[Person, str]] = []
        self._is_file_a_person = False
        self._found: dict[tuple[str, str], Submission] = {}
        self._unpacked = 0
        #: what belongs to nobody and cannot be used, a sentence each
        self.refused: list[str] = []

    @property
    def submissions(self) -> list[Submission]:
        """What each person handed in."""
        for key, submission in self._found.items():
            submission.is_clone = key in self._clones
            submission.workbooks.sort(
                # the same on each machine
                key=(lambda one: (0, 0.0, one.name)) if submission.is_clone else (lambda one: one.order)
            )
        return list(self._found.values())

    def add(self, source: Path) -> None:
        """Collect what is in a zip or a folder, or a workbook itself.

        Raises:
            UnusableInput: there is no such thing, it is a list of links, or nothing in it was handed in.
        """
        before = len(self._found), len(self.refused)
        self._papers, self._is_file_a_person = [], False
        if source.is_dir():
            self._add_folder(source)
        elif not source.exists():
            raise UnusableInput(f"{source} does not exist.")
        elif not source.is_file():
            raise UnusableInput(f"{source} is not a regular file.")
        elif source.suffix.lower() == ".zip":
            self._add_zip(source)
        elif source.suffix.lower() in _WORKBOOKS:
            self._add_workbook(self._named(PurePosixPath(source.name)), source, source.name, source.stat().st_mtime)
        elif _holds_link(_start_of(source)):
            raise UnusableInput(f"{source} is a list of links: download or clone what they lead to, and grade that.")
        else:
            raise UnusableInput(
                f"{source} is no zip, no folder and no workbook: give what the platform lets you download."
            )
        # who hands in a file hands in any file; beside folders it is the teacher's
        for person, name in self._papers if self._is_file_a_person else ():
            self._of(person).others.append(name)
        if (len(self._found), len(self.refused)) == before and not self._found:
            raise UnusableInput(f"{source} holds no submission.")

    def _named(self, path: PurePosixPath) -> Named:
        found = named(path)
        if found.person.platform is not Platform.NONE or not self._roster:
            return found
        folder = found.person.name
        fitting = [
            key for key in self._roster if re.search(rf"(?:^|-){re.escape(key)}(?:-\d+)?$", folder, re.IGNORECASE)
        ]
        if not fitting:
            return found
        person = replace(found.person, name=self._roster[max(fitting, key=len)])
        self._clones.add(person.key)
        return replace(found, person=person)

    def _of(self, person: Person) -> Submission:
        submission = self._found.setdefault(person.key, Submission(person))
        if person.late and not submission.person.late:
            submission.person = replace(submission.person, late=True)
        return submission

    def _add_folder(self, source: Path) -> None:
        # a clone, or the folder that a platform made for a person, is a submission itself
        whole = source.resolve()
        alone = (source / ".git").exists() or named(
            PurePosixPath(whole.name, "file")
        ).person.platform is Platform.MOODLE

        def unreadable(error: OSError) -> None:
            self.refused.append(f"{error.filename} cannot be read: {reason(error)}.")

        for folder, below, files in os.walk(source, onerror=unreadable, followlinks=False):
            if _REPOSITORY in (*below, *files):
                inside = PurePosixPath(Path(folder).relative_to(source).as_posix(), "file")
                self._clones.add(self._named(whole.name / inside if alone else inside).person.key)
            below[:] = sorted(name for name in below if not _is_hidden(name))
            for name in sorted(files):
                path = Path(folder, name)
                if path.resolve() in self._aside:
                    continue
                relative = PurePosixPath(path.relative_to(source).as_posix())
                if not _is_hidden(name):
                    self._add_file(PurePosixPath(whole.name) / relative if alone else relative, path)

    def _add_file(self, relative: PurePosixPath, path: Path) -> None:
        found = self._named(relative)
        if path.is_symlink() or not path.is_file():
            self._of(found.person).refused.append(f"{relative} is a link to elsewhere, which was not followed.")
        elif _is_workbook(relative.name) and not found.online:
            self._add_workbook(found, path, str(relative), path.stat().st_mtime)
        else:
            self._add_other(found, str(relative), lambda: _start_of(path))

    def _add_workbook(self, found: Named, path: Path, name: str, time: float) -> None:
        order = (found.order, time, found.leaf)
        self._of(found.person).workbooks.append(Workbook(path, name, found.leaf, order))
        self._is_file_a_person |= found.person.platform is Platform.NONE and "/" not in name

    def _add_other(self, found: Named, name: str, start: Callable[[], bytes]) -> None:
        """Note a file that is no workbook.

        Args:
            found: what its path says.
            name: the path.
            start: reads how it begins.
        """
        suffix = PurePosixPath(name).suffix.lower()
        beside = found.person.platform is Platform.NONE and "/" not in name
        is_archive = suffix in _ARCHIVES
        is_link = suffix in (_LINKS if beside else (*_LINKS, *_TEXTS)) and _holds_link(start())
        if beside and not is_archive and not is_link:
            if suffix in _PAPERS:
                self._papers.append((found.person, name))
            return
        submission = self._of(found.person)
        if is_archive:
            submission.instead.append(
                f"{name} is an archive within the submissions: unpack it, so that the workbook in it can be graded."
            )
        elif is_link:
            submission.instead.append(f"{name} holds a link, and no workbook: the workbook that it leads to is needed.")
        else:
            submission.others.append(name)

    # -- zip -----------------------------------------------------------------------------------------

    def _add_zip(self, source: Path) -> None:
        try:
            with zipfile.ZipFile(source) as archive:
                entries = [entry for entry in archive.infolist() if not entry.is_dir()]
                top = _common_folder([entry.filename for entry in entries])
                for entry in entries:
                    self._add_entry(archive, entry, source, top)
        except PermissionError:
            raise UnusableInput(f"{source} cannot be read: permission denied.") from None
        except (zipfile.BadZipFile, NotImplementedError, ValueError):
            raise UnusableInput(f"{source} is not a zip, or it was cut short: download it again.") from None

    def _add_entry(self, archive: zipfile.ZipFile, entry: zipfile.ZipInfo, source: Path, top: str) -> None:
        path = PurePosixPath(entry.filename.replace("\\", "/"))
        if path.is_absolute() or ".." in path.parts or re.match(r"[A-Za-z]:", str(path)):
            self.refused.append(f"{source}: {entry.filename} would lie outside of the zip, so it was left out.")
            return
        name = PurePosixPath(str(path).removeprefix(top))
        if _REPOSITORY in name.parts[1:]:
            self._clones.add(self._named(PurePosixPath(name.parts[0], "file")).person.key)
        if any(_is_hidden(part) for part in path.parts):
            return
        found = self._named(name)
        if not _is_workbook(path.name) or found.online:
            self._add_other(found, str(name), lambda: _read_start(archive, entry))
            return
        why = _unsafe(entry)
        if not why:
            try:
                target = self._unpack(archive, entry)
            except (zipfile.BadZipFile, zlib.error, EOFError):
                why = "is damaged within the zip: download the zip again"
            except (NotImplementedError, RuntimeError) as error:
                why = f"cannot be unpacked: {reason(error)}"
            else:
                self._add_workbook(found, target, str(name), _time(entry))
        if why:
            self._of(found.person).refused.append(f"{name} {why}.")

    def _unpack(self, archive: zipfile.ZipFile, entry: zipfile.ZipInfo) -> Path:
        """Write an entry into the folder, under a name of our own."""
        self._unpacked += 1
        target = self._folder / f"{self._unpacked}{PurePosixPath(entry.filename).suffix.lower()}"
        with archive.open(entry) as packed, target.open("wb") as unpacked:
            while part := packed.read(_COPIED_AT_ONCE):
                unpacked.write(part)
        return target


def _is_hidden(name: str) -> bool:
    """Whether a file or folder is nobody's work: version control, what a system or an open program leaves behind."""
    return name.startswith((".", "~$")) or name in ("__MACOSX", "node_modules", "__pycache__")


def _is_workbook(name: str) -> bool:
    return name.lower().endswith(_WORKBOOKS)


def _common_folder(names: Sequence[str]) -> str:
    """The folder in which all of a zip lies, if it is that of a class: one workbook in it makes it a person's."""
    paths = [PurePosixPath(name) for name in names]
    paths = [path for path in paths if not any(_is_hidden(part) for part in path.parts)]
    folders = {path.parts[0] if len(path.parts) > 1 else "" for path in paths}
    workbooks = [path for path in paths if _is_workbook(path.name)]
    folder = folders.pop() if len(folders) == 1 else ""
    is_persons = named(PurePosixPath(folder, "file")).person.platform is Platform.MOODLE
    deeper = any(len(path.parts) > 2 for path in workbooks)
    return f"{folder}/" if folder and not is_persons and (deeper or len(workbooks) > 1) else ""


def _unsafe(entry: zipfile.ZipInfo) -> str:
    """Why an entry must not be unpacked, as the end of a sentence; empty where it may be."""
    if stat.S_ISLNK(entry.external_attr >> 16):
        return "is a link to elsewhere, which was not followed"
    if entry.flag_bits & 1:
        return "is protected by a password: unpack it, and grade what is in it"
    size, packed = entry.file_size, max(entry.compress_size, 1)
    if size > _MOST_BYTES or (size > EXPANSION_MATTERS_FROM and size > MAX_EXPANSION * packed):
        return f"would unpack from {packed:,} to {size:,} bytes, which no honest workbook does"
    return ""


def _time(entry: zipfile.ZipInfo) -> float:
    try:
        return datetime(*entry.date_time).timestamp()
    except (ValueError, OverflowError, OSError):
        return 0.0


def _start_of(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(_LOOKED_AT)
    except OSError:
        return b""


def _read_start(archive: zipfile.ZipFile, entry: zipfile.ZipInfo) -> bytes:
    try:
        with archive.open(entry) as packed:
            return packed.read(_LOOKED_AT)
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError):
        return b""


def _holds_link(start: bytes) -> bool:
    return bool(_LINK.search(start))
