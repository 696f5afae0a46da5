"""A workbook as its parts, each cut into pieces at its tags, with numbers of fourteen digits."""

import re
import zipfile
from collections.abc import Mapping
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


# --- what numbers stand for -----------------------------------------------------------------------------


def resolved(parts: Mapping[str, list[str]]) -> dict[str, list[str]]:
    """The parts with texts and looks in the place of their numbers in a list, whose order means nothing."""
    if "xl/styles.xml" not in parts:
        return dict(parts)
    texts = re.findall(r"<si>(.*?)</si>", "".join(parts.get("xl/sharedStrings.xml", [])), re.DOTALL)
    looks = _Looks("".join(parts["xl/styles.xml"]))
    listed = ("xl/styles.xml", "xl/sharedStrings.xml")
    return {
        name: _resolved(pieces, texts, looks) if name.startswith("xl/worksheets/sheet") else pieces
        for name, pieces in parts.items()
        if name not in listed
    }


class _Looks:
    """What the numbers of a style sheet stand for."""

    def __init__(self, styles: str) -> None:
        self._lists = {
            "fontId": self._list(styles, "fonts", "font"),
            "fillId": self._list(styles, "fills", "fill"),
            "borderId": self._list(styles, "borders", "border"),
        }
        formats = dict(re.findall(r'<numFmt numFmtId="(\d+)" formatCode="([^"]*)"', styles))
        self.of_cells = [self._described(look, formats) for look in self._list(styles, "cellXfs", "xf")]
        # a new number format has a number of its own
        self.of_rules = [re.sub(r'numFmtId="\d+"', "", look) for look in self._list(styles, "dxfs", "dxf")]

    @staticmethod
    def _list(styles: str, name: str, entry: str) -> list[str]:
        block = re.search(rf"<{name}[ >].*?</{name}>", styles, re.DOTALL)
        return re.findall(rf"<{entry}(?: [^>]*)?/>|<{entry}[ >].*?</{entry}>", block[0] if block else "", re.DOTALL)

    def _described(self, look: str, formats: Mapping[str, str]) -> str:
        for name, entries in self._lists.items():
            look = re.sub(rf'{name}="(\d+)"', lambda match, e=entries: f"({e[int(match[1])]})", look)
        return re.sub(r'numFmtId="(\d+)"', lambda match: f"({formats.get(match[1], match[1])})", look)


def _resolved(pieces: list[str], texts: list[str], looks: _Looks) -> list[str]:
    found, is_text = [], False
    for piece in pieces:
        if piece.startswith("<c "):
            is_text = ' t="s"' in piece
            piece = re.sub(r' s="(\d+)"', lambda match: f' s="{looks.of_cells[int(match[1])]}"', piece)
        elif is_text and piece.startswith("<v>"):
            piece = re.sub(r"<v>(\d+)", lambda match: f"<v>{texts[int(match[1])]}", piece)
        found.append(re.sub(r'dxfId="(\d+)"', lambda match: f'dxfId="{looks.of_rules[int(match[1])]}"', piece))
    return found
