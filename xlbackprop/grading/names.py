"""Whose file it is: what the names mean that learning platforms give to the submissions in their downloads."""

import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from pathlib import PurePosixPath

# Full Name_123_assignsubmission_file, before Moodle 4.1 with _ at its end, or flat with _ and the file's name, which
# may look like that again
_MOODLE = re.compile(r"(?P<name>.*?)_(?P<id>\d+)_assignsubmission_(?P<plugin>[a-z]+)(?P<rest>_.*)?")
# doejohn_LATE_123_456_homework.xlsx; a name has no _ there, and of the anonymous LATE may stand first
_CANVAS = re.compile(r"(?P<name>[^_]+)(?P<late>_LATE)?_(?P<id>\d+)_(?P<file>\d+)_(?P<rest>.+)")
_CANVAS_ANONYMOUS = re.compile(
    r"(?P<first>LATE_)?(?P<name>anon)(?P<late>_LATE)?_(?P<id>[0-9A-Za-z]+)_(?P<file>\d+)_(?P<rest>.+)"
)
_CANVAS_TEXT = re.compile(
    r"(?P<first>LATE_(?=anon))?(?P<name>[^_]+)(?P<late>_LATE)?_(?P<id>\d+|[0-9A-Za-z]{5})_(?P<rest>(?:text|link)\.html)"
)


class Platform(StrEnum):
    """Where a download comes from."""

    MOODLE = "Moodle"
    CANVAS = "Canvas"
    #: a folder or file with a name of its own
    NONE = ""


@dataclass(frozen=True)
class Person:
    """Who handed something in.

    Attributes:
        name: as the download, or a roster, has it.
        id: Moodle's number of the participant or Canvas's of the user; empty where there is none.
        platform: which of the two.
        feedback: how the path of a file for this person begins: `Jane Doe_101_assignsubmission_file/`.
        late: whether Canvas says so.
    """

    name: str
    id: str = ""
    platform: Platform = Platform.NONE
    feedback: str = ""
    late: bool = False

    @property
    def key(self) -> tuple[str, str]:
        """What two submissions of one person share."""
        # Moodle numbers the participants of each assignment anew, and two downloads may have been put together
        whose = f"{self.id} {' '.join(words(self.name))}" if self.platform is Platform.MOODLE else self.id
        return (self.platform, whose) if self.id else ("", self.name)


def words(name: str) -> tuple[str, ...]:
    """The words of a name as two spellings of it share them: in any order, without signs that file names lack."""
    text = unicodedata.normalize("NFC", unicodedata.normalize("NFKC", name).casefold())
    letters = ("".join(sign for sign in word if sign.isalnum()) for word in re.split(r"[\s_]+", text))
    return tuple(sorted(filter(None, letters)))


def told_apart(people: Iterable[Person]) -> dict[Person, Person]:
    """Each person by a name that nobody else has, with the number behind it where names are equal or empty."""
    found = list(people)
    names = Counter(name for name, _ in {(person.name, person.key) for person in found})

    def unmistakable(person: Person) -> Person:
        is_plain = person.name and names[person.name] == 1
        return person if is_plain or not person.id else replace(person, name=f"{person.name} {person.id}".strip())

    return {person: unmistakable(person) for person in found}


def grouped(people: Sequence[Person]) -> dict[Person, str]:
    """The name of each person's group, or of the person where a class has none.

    Where groups hand in together, Moodle puts the name of the group before each name of the class: `Group 7-Jane Doe`.
    """
    joints = min((person.name.count("-") for person in people), default=0)
    is_of_groups = joints > 0 and all(person.platform is Platform.MOODLE for person in people)
    return {person: "-".join(person.name.split("-")[:joints]) if is_of_groups else person.name for person in people}


@dataclass(frozen=True)
class Named:
    """What a path says.

    Attributes:
        person: who it belongs to.
        leaf: the name that the file had when it was handed in.
        order: Canvas's number of the file, which grows; 0 elsewhere.
        online: whether it is a text or a link that was typed into the platform.
    """

    person: Person
    leaf: str
    order: int = 0
    online: bool = False


def named(path: PurePosixPath) -> Named:
    """What the path of a file in a download, or below a folder, says about it."""
    for n, part in enumerate(path.parts):
        if match := _MOODLE.fullmatch(part):
            return _moodle(match, is_file=n == len(path.parts) - 1, leaf=path.name)
    for pattern in (_CANVAS, _CANVAS_TEXT, _CANVAS_ANONYMOUS):
        if match := pattern.fullmatch(path.name):
            return _canvas(match)
    # a folder of a person, or a file
    name = path.parts[0] if len(path.parts) > 1 else path.stem
    return Named(Person(name, feedback=f"{name}/"), path.name)


def _moodle(match: re.Match[str], *, is_file: bool, leaf: str) -> Named:
    prefix, rest = match[0], match["rest"] or ""
    if is_file and rest:
        prefix, leaf = match[0].removesuffix(rest), rest.removeprefix("_")
    # what is said about a text that was typed goes back as a file does
    place = prefix.replace("_assignsubmission_onlinetext", "_assignsubmission_file") + ("_" if is_file else "/")
    return Named(
        Person(match["name"], match["id"], Platform.MOODLE, place), leaf, online=match["plugin"] == "onlinetext"
    )


def _canvas(match: re.Match[str]) -> Named:
    parts = match.groupdict()
    person = Person(
        parts["name"],
        parts["id"],
        Platform.CANVAS,
        match[0].removesuffix(parts["rest"]),
        late=bool(parts["late"] or parts.get("first")),
    )
    return Named(person, parts["rest"], order=int(parts.get("file") or 0), online="file" not in parts)
