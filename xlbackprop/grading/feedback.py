"""Feedback for a class in one zip: for each person the sentences and the marked copy, where the platform takes them."""

import zipfile
from pathlib import Path

from xlbackprop.files import written_whole
from xlbackprop.grading.names import Person
from xlbackprop.grading.results import Mark, Marks, feedback_lines, ungraded_lines
from xlbackprop.printing import shown

_TEXT = "feedback.txt"
# two runs over the same class give the same bytes
_TIME = (1980, 1, 1, 0, 0, 0)


def write_feedback(marks: Marks, output: Path, *, force: bool = False) -> None:
    """Write the zip.

    Args:
        marks: of the class, with the marked copies at hand.
        output: where it goes.
        force: replace the file if it exists.

    Raises:
        UnusableInput: it cannot be written.
    """
    with (
        written_whole(output, force=force, suffix=".zip") as unfinished,
        zipfile.ZipFile(unfinished, "w") as archive,
    ):
        for mark in marks.marks:
            _add_text(archive, mark.person, _lines(mark, marks.maximum))
            if mark.marked is not None:
                # a workbook is packed already
                _add(archive, f"{mark.person.feedback}{mark.leaf}", mark.marked.read_bytes(), zipfile.ZIP_STORED)
        for person, sentences in marks.ungraded.items():
            _add_text(archive, person, ungraded_lines(person, sentences))


def _add_text(archive: zipfile.ZipFile, person: Person, lines: list[str]) -> None:
    text = "".join(f"{shown(line)}\n" for line in lines)
    _add(archive, f"{person.feedback}{_TEXT}", text.encode(), zipfile.ZIP_DEFLATED)


def _add(archive: zipfile.ZipFile, name: str, content: bytes, packing: int) -> None:
    entry = zipfile.ZipInfo(name, _TIME)
    entry.compress_type = packing
    entry.external_attr = 0o644 << 16
    archive.writestr(entry, content)


def _lines(mark: Mark, maximum: float) -> list[str]:
    lines = [*feedback_lines(mark, maximum), *(f"Note: {note}." for note in (*mark.handing_in, *mark.notes))]
    if mark.marked is not None:
        lines.append(f"In {mark.leaf} the wrong cells are marked, with a note at each cause.")
    return lines
