"""Marks cells in a workbook's file, with a fill and with notes, and leaves everything else in it as it is.

A library that saves a workbook drops what it does not know: shapes, pictures, some charts, the
values of formulas. So only the parts of the package that change are edited, as text: the styles get
a fill, the marked cells get a style with it, and notes go to the comments of the sheet.
"""

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from xml.etree import ElementTree
from xml.parsers import expat
from xml.sax.saxutils import escape

from xlbackprop.errors import UnusableInput
from xlbackprop.spreadsheet.addresses import cell_address, place
from xlbackprop.spreadsheet.package import MAIN, RELATIONS, Package

_COMMENTS_TYPE = "application/vnd.openxmlformats-officedocument.spreadsheetml.comments+xml"
_VML_TYPE = "application/vnd.openxmlformats-officedocument.vmlDrawing"
# what may stand behind the place of <legacyDrawing> in a sheet (ECMA-376, CT_Worksheet)
_AFTER_NOTES = {
    "legacyDrawingHF", "drawingHF", "picture", "oleObjects", "controls", "webPublishItems", "tableParts", "extLst",
}  # fmt: skip


@dataclass(frozen=True)
class Marks:
    """What to mark on a sheet.

    Attributes:
        fills: the addresses of the cells that get the fill; those that are empty get none.
        notes: the paragraphs of each note, by the address of its cell.
    """

    fills: Collection[str]
    notes: Mapping[str, Sequence[str]]


def mark(package: Package, marks: Mapping[str, Marks], *, colour: str, author: str) -> None:
    """Mark cells in a package; it is not written yet.

    Args:
        package: the workbook.
        marks: by the name of the sheet.
        colour: of the fill, as AARRGGBB.
        author: who the notes are from.

    Raises:
        UnusableInput: the workbook has macros, or its parts are of an unknown kind.
    """
    if package.has_macros:
        raise UnusableInput(f"{package.path} has macros: save it as .xlsx first, then it can be marked.")
    try:
        sheets = package.sheets
        styles = _Styles(package.parts, colour)
        for sheet, wanted in marks.items():
            _mark(package, sheets[sheet], wanted, styles, author)
        styles.put(package.parts)
        package.parse_edited()
    except (KeyError, IndexError, ValueError, expat.ExpatError, ElementTree.ParseError):
        raise UnusableInput(
            f"{package.path} cannot be marked: its parts are written in a way that this program does not know; "
            "save it again from the spreadsheet program."
        ) from None


def _mark(package: Package, part: str, marks: Marks, styles: "_Styles", author: str) -> None:
    """Mark cells of one sheet."""
    parts = package.parts
    sheet = _SheetText(parts[part])
    sheet.fill(marks.fills, styles)
    related = package.relationships(part)
    comments = next((target for _, kind, target in related if kind == "comments"), None)
    # headers and footers may have a drawing of the same kind
    drawing = next((target for identity, _, target in related if identity == sheet.notes_drawing), None)
    number = _free_number(parts)
    if comments is None:
        comments = f"xl/comments{number}.xml"
        parts[comments] = (
            '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n'
            f'<comments xmlns="{MAIN}"><authors></authors><commentList></commentList></comments>'
        ).encode()
        package.relate(part, "comments", comments)
        package.declare_part(comments, _COMMENTS_TYPE)
    if drawing is None:
        drawing = f"xl/drawings/vmlDrawing{number}.vml"
        parts[drawing] = _EMPTY_VML.encode()
        sheet.add_notes(package.relate(part, "vmlDrawing", drawing))
        package.declare_extension("vml", _VML_TYPE)
    written = _write_comments(parts, comments, marks.notes, author)
    _draw_notes(parts, drawing, written)
    parts[part] = sheet.content


class _Styles:
    """The styles of the package, with a filled twin for each style that needs one.

    Args:
        parts: of the package.
        colour: of the fill, as AARRGGBB.
    """

    def __init__(self, parts: Mapping[str, bytes], colour: str) -> None:
        self._colour = colour
        self._part = next((name for name in parts if name.endswith("/styles.xml")), "")
        if not self._part:
            raise UnusableInput("the workbook has no styles, so nothing can be marked in it.")
        self._text = parts[self._part].decode("utf-8")
        self._fills = self._block("fills")
        self._formats = self._block("cellXfs")
        self._known = re.findall(r"<(?:\w+:)?xf\b[^>]*?/>|<(?:\w+:)?xf\b.*?</(?:\w+:)?xf>", self._formats, re.DOTALL)
        self._fill = len(re.findall(r"<(?:\w+:)?fill(?:\s[^>]*)?/?>", self._fills))
        self._twins: dict[int, int] = {}
        self._added: list[str] = []

    def twin(self, style: int) -> int:
        """The number of the style that is like this one, with the fill."""
        if style not in self._twins:
            self._twins[style] = len(self._known) + len(self._added)
            head, closing, rest = re.split(r"(/?>)", self._known[style], maxsplit=1)
            head = re.sub(r"""\s(?:fillId|applyFill)=("[^"]*"|'[^']*')""", "", head)
            self._added.append(f'{head} fillId="{self._fill}" applyFill="1"{closing}{rest}')
        return self._twins[style]

    def put(self, parts: dict[str, bytes]) -> None:
        """Write the styles back if there are new ones."""
        if not self._added:
            return
        prefix = self._fills[1:].partition("fills")[0]
        fill = (
            f'<{prefix}fill><{prefix}patternFill patternType="solid"><{prefix}fgColor rgb="{self._colour}"/>'
            f'<{prefix}bgColor indexed="64"/></{prefix}patternFill></{prefix}fill>'
        )
        text = self._text.replace(self._fills, self._grown(self._fills, [fill], self._fill + 1))
        count = len(self._known) + len(self._added)
        text = text.replace(self._formats, self._grown(self._formats, self._added, count))
        parts[self._part] = text.encode("utf-8")

    def _block(self, name: str) -> str:
        match = re.search(rf"<((?:\w+:)?){name}\b[^>]*>.*?</\1{name}>", self._text, re.DOTALL)
        if not match:
            raise UnusableInput(f"the workbook's styles lack {name}, so nothing can be marked in it.")
        return match[0]

    @staticmethod
    def _grown(block: str, added: Sequence[str], count: int) -> str:
        head, _, tail = block.rpartition("</")
        head = re.sub(r"""(\bcount=["'])\d+""", rf"\g<1>{count}", head, count=1)
        return f"{head}{''.join(added)}</{tail}"


class _SheetText:
    """The text of a sheet's part, with the places in it that are edited."""

    def __init__(self, content: bytes) -> None:
        self._content = content
        # where the tag of each cell begins, and each element below the root, with its name; and where the root ends
        self._cells: dict[str, int] = {}
        self._children: list[tuple[str, int]] = []
        self._end = 0
        self._prefix = ""
        #: the id of the drawing that belongs to the notes
        self.notes_drawing: str | None = None
        # what stands instead of the text from one place to another
        self._edits: list[tuple[int, int, bytes]] = []
        self._read()

    def _read(self) -> None:
        depth = row = column = 0
        parser = expat.ParserCreate()

        def start(name: str, attributes: dict[str, str]) -> None:
            nonlocal depth, row, column
            local = name.rpartition(":")[2]
            if depth == 0:
                self._prefix = name[: -len(local)]
            if depth == 1:
                self._children.append((local, parser.CurrentByteIndex))
                if local == "legacyDrawing":
                    self.notes_drawing = next((v for k, v in attributes.items() if k.rpartition(":")[2] == "id"), None)
            if depth == 2 and local == "row":
                row, column = int(attributes.get("r", row + 1)), 0
            if depth == 3 and local == "c":
                address = attributes.get("r")
                column = place(address)[1] if address else column + 1
                self._cells[cell_address(row, column)] = parser.CurrentByteIndex
            depth += 1

        def stop(_: str) -> None:
            nonlocal depth
            depth -= 1
            self._end = parser.CurrentByteIndex

        parser.StartElementHandler, parser.EndElementHandler = start, stop
        parser.Parse(self._content, True)

    def fill(self, wanted: Collection[str], styles: _Styles) -> None:
        """Give these cells the fill, where they hold something."""
        for cell, start in self._cells.items():
            end = self._content.index(b">", start) + 1
            tag = self._content[start:end]
            if cell in wanted and not tag.endswith(b"/>"):
                style = re.search(rb"""\ss=["'](\d+)["']""", tag)
                twin = styles.twin(int(style[1]) if style else 0)
                bare = re.sub(rb"""\ss=["']\d+["']""", b"", tag)
                self._edits.append((start, end, bare[:-1] + f' s="{twin}">'.encode()))

    def add_notes(self, identity: str) -> None:
        """Add the element that names the drawing of the notes."""
        offset = next((offset for name, offset in self._children if name in _AFTER_NOTES), self._end)
        element = f'<{self._prefix}legacyDrawing xmlns:r="{RELATIONS}" r:id="{identity}"/>'.encode()
        self._edits.append((offset, offset, element))

    @property
    def content(self) -> bytes:
        """The text as it is after the edits."""
        pieces, position = [], 0
        for start, end, text in sorted(self._edits):
            pieces += [self._content[position:start], text]
            position = end
        return b"".join([*pieces, self._content[position:]])


def _free_number(parts: Mapping[str, bytes]) -> int:
    used = {int(number) for name in parts for number in re.findall(r"(?:comments|vmlDrawing)(\d+)\.", name)}
    return max(used, default=0) + 1


def _write_comments(parts: dict[str, bytes], part: str, notes: Mapping[str, Sequence[str]], author: str) -> list[str]:
    """Add notes to the comments of a sheet, and give the cells that have them now.

    A cell that has a note already passes the new one to the row below.
    """
    text = parts[part].decode("utf-8")
    text = re.sub(r"<((?:\w+:)?)(authors|commentList)\s*/>", r"<\1\2></\1\2>", text)
    taken = set(re.findall(r"""\bref=["']([A-Z]+\d+)["']""", text))
    number = len(re.findall(r"<(?:\w+:)?author(?:\s[^>]*)?/?>", text))
    written, elements = [], []
    match = re.search(r"</((?:\w+:)?)commentList>", text)
    prefix = match[1] if match else ""
    for wanted, lines in notes.items():
        cell = wanted
        while cell in taken:
            row, column = place(cell)
            cell = cell_address(row + 1, column)
        taken.add(cell)
        written.append(cell)
        body = escape("\n\n".join(lines))
        elements.append(
            f'<{prefix}comment ref="{cell}" authorId="{number}"><{prefix}text><{prefix}t xml:space="preserve">{body}'
            f"</{prefix}t></{prefix}text></{prefix}comment>"
        )
    text = text.replace(
        f"</{prefix}authors>", f"<{prefix}author>{escape(author)}</{prefix}author></{prefix}authors>", 1
    )
    text = text.replace(f"</{prefix}commentList>", f"{''.join(elements)}</{prefix}commentList>", 1)
    parts[part] = text.encode("utf-8")
    return written


_EMPTY_VML = (
    '<xml xmlns:v="urn:schemas-microsoft-com:vml" xmlns:o="urn:schemas-microsoft-com:office:office" '
    'xmlns:x="urn:schemas-microsoft-com:office:excel"><v:shapetype id="_x0000_t202" coordsize="21600,21600" '
    'o:spt="202" path="m,l,21600r21600,l21600,xe"><v:stroke joinstyle="miter"/>'
    '<v:path gradientshapeok="t" o:connecttype="rect"/></v:shapetype></xml>'
)


def _draw_notes(parts: dict[str, bytes], part: str, cells: Sequence[str]) -> None:
    """Add the boxes in which spreadsheet programs show the notes."""
    text = parts[part].decode("utf-8")
    used = [int(number) for number in re.findall(r"_x0000_s(\d+)", text)]
    shapes = []
    for n, cell in enumerate(cells, start=max(used, default=1024) + 1):
        row, column = place(cell)
        anchor = f"{column}, 15, {max(row - 2, 0)}, 4, {column + 6}, 15, {row + 6}, 4"
        shapes.append(
            f'<v:shape id="_x0000_s{n}" type="#_x0000_t202" style="position:absolute;visibility:hidden" '
            f'fillcolor="#ffffe1" o:insetmode="auto"><v:fill color2="#ffffe1"/><v:path o:connecttype="none"/>'
            f'<v:textbox style="mso-direction-alt:auto"><div style="text-align:left"></div></v:textbox>'
            f'<x:ClientData ObjectType="Note"><x:MoveWithCells/><x:SizeWithCells/><x:Anchor>{anchor}</x:Anchor>'
            f"<x:AutoFill>False</x:AutoFill><x:Row>{row - 1}</x:Row><x:Column>{column - 1}</x:Column>"
            "</x:ClientData></v:shape>"
        )
    head, _, tail = text.rpartition("</")
    parts[part] = f"{head}{''.join(shapes)}</{tail}".encode()
