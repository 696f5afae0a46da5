"""A workbook as its parts, each cut into pieces at its tags, with numbers of fourteen digits."""

import re
import zipfile
from pathlib import Path

from tests.golden.running import without_version


def parts_of(path: Path) -> dict[str, list[str]]:
    """The parts in their order."""
    with zipfile.ZipFile(path) as package:
        return {name: _pieces(package.read(name).decode()) for name in package.namelist()}


def _pieces(text: str) -> list[str]:
    # openpyxl writes the time into what it saves; a workbook of ours says 2000
    text = re.sub(r"20[2-9]\d-\d\d-\d\dT[\d:]+Z", "NOW", without_version(text.replace("\r\n", "\n")))
    return [re.sub(r"(?<=v>)[-\d.eE+]+(?=</)", _shorter, piece) for piece in re.split(r"(?<=>)(?=<(?!/))", text)]


def _shorter(match: re.Match[str]) -> str:
    try:
        return f"{float(match[0]):.14g}"
    except ValueError:
        return match[0]
