"""Feedback for a class in one zip: for each person the sentences and the marked copy, where the platform takes them."""

import zipfile
from pathlib import Path

from xlbackprop.files import written_whole
from xlbackprop.grading.results import Mark, Marks, feedback_lines
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
            _add(archive, f"{mark.person.feedback}{_TEXT}", _text(mark, marks.maximum).encode(), zipfile.ZIP_DEFLATED)
            if mark.marked is not None:
                # a workbook is packed already
                _add(archive, f"{mark.person.feedback}{mark.leaf}", mark.marked.read_bytes(), zipfile.ZIP_STORED)


def _add(archive: zipfile.ZipFile, name: str, content: bytes, packing: int) -> None:
    entry = zipfile.ZipInfo(name, _TIME)
    entry.compress_type = packing
    entry.external_attr = 0o644 << 16
    archive.writestr(entry, content)


def _text(mark: Mark, maximum: float) -> str:
    lines = [*feedback_lines(mark, maximum), *(f"Note: {note}." for note in (*mark.handing_in, *mark.notes))]
    if mark.marked is not None:
        lines.append(f"In {mark.leaf} the wrong cells are marked, with a note at each cause.")
    return "".join(f"{shown(line)}\n" for line in lines)
