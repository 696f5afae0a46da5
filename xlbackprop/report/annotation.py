"""Marks wrong cells in a copy of a workbook, and leaves everything else in it as it is.

A library that saves a workbook drops what it does not know: shapes, pictures, some charts, the
values of formulas. So only the parts of the package that change are edited, as text: the styles get
a fill, the wrong cells get a style with it, and each cause gets a note.
"""

import posixpath
import re
import zipfile
import zlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree
from xml.parsers import expat
from xml.sax.saxutils import escape

from xlbackprop.errors import UnusableInput
from xlbackprop.files import written_whole
from xlbackprop.report.findings import CheckedFile, Finding
from xlbackprop.report.text import sentence
from xlbackprop.spreadsheet.addresses import cell_address, place

#: The fill of a wrong cell: the light red that Excel's own "bad" style has.
FILL = "FFFFC7CE"
AUTHOR = "xlbackprop check"

_MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
_RELATIONS = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
_PACKAGE = "http://schemas.openxmlformats.org/package/2006/relationships"
_COMMENTS_TYPE = "application/vnd.openxmlformats-officedocument.spreadsheetml.comments+xml"
_VML_TYPE = "application/vnd.openxmlformats-officedocument.vmlDrawing"
# what may stand behind the place of <legacyDrawing> in a sheet (ECMA-376, CT_Worksheet)
_AFTER_NOTES = {
    "legacyDrawingHF", "drawingHF", "picture", "oleObjects", "controls", "webPublishItems", "tableParts", "extLst",
}  # fmt: skip


def annotate(checked: CheckedFile, output: Path, *, force: bool = False) -> None:
    """Write a copy of a checked workbook in which each wrong cell has a fill and each cause a note.

    Args:
        checked: what was found in the workbook; it is read again and not changed.
        output: where the copy goes.
        force: replace the copy if it exists.

    Raises:
        UnusableInput: the copy cannot be written, or the workbook has macros.
    """
    try:
        with zipfile.ZipFile(checked.file) as package:
            # of a part that is there twice, the last one counts
            order = {item.filename: item for item in package.infolist()}
            parts = {name: package.read(item) for name, item in order.items()}
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError) as error:
        raise UnusableInput(f"{checked.file} cannot be copied: {error}.") from None
    if "xl/vbaProject.bin" in parts:
        raise UnusableInput(f"{checked.file} has macros: save it as .xlsx first, then it can be marked.")
    before = dict(parts)
    try:
        _mark_all(parts, checked)
        for name, content in parts.items():
            if content != before.get(name):
                expat.ParserCreate().Parse(content, True)
    except (KeyError, IndexError, ValueError, expat.ExpatError, ElementTree.ParseError):
        raise UnusableInput(
            f"{checked.file} cannot be marked: its parts are written in a way that this program does not know; "
            "save it again from the spreadsheet program."
        ) from None
    with written_whole(output, force=force) as unfinished, zipfile.ZipFile(unfinished, "w") as copy:
        for name, item in order.items():
            copy.writestr(item, parts.pop(name), compress_type=item.compress_type)
        for name, content in parts.items():
            copy.writestr(name, content, compress_type=zipfile.ZIP_DEFLATED)


def _mark_all(parts: dict[str, bytes], checked: CheckedFile) -> None:
    findings: dict[str, list[Finding]] = {}
    for sheet in checked.sheets:
        findings.setdefault(sheet.sheet, []).extend(sheet.findings)
    part_of = _sheet_parts(parts)
    styles = _Styles(parts)
    for name, causes in findings.items():
        if causes:
            notes: dict[str, list[str]] = {}
            for cause in causes:
                notes.setdefault(cause.cell, []).append(f"{sentence(cause, name)}\nExpected: {cause.expected}")
            wrong = {cell for cause in causes for cell in _cells(cause.ranges)}
            _mark(parts, part_of[name], wrong, notes, styles)
    styles.put(parts)


def _sheet_parts(parts: Mapping[str, bytes]) -> dict[str, str]:
    """The part of each sheet, by the sheet's name."""
    targets = {identity: target for identity, _, target in _relationships(parts, "xl/workbook.xml")}
    workbook = ElementTree.fromstring(parts["xl/workbook.xml"])
    return {
        sheet.get("name", ""): targets[sheet.get(f"{{{_RELATIONS}}}id", "")]
        for sheet in workbook.iter(f"{{{_MAIN}}}sheet")
    }


def _relationships(parts: Mapping[str, bytes], part: str) -> list[tuple[str, str, str]]:
    """Id, kind and target of each relationship of a part."""
    folder = posixpath.dirname(part)
    content = parts.get(_relationships_part(part))
    if content is None:
        return []
    found = []
    for relation in ElementTree.fromstring(content).iter(f"{{{_PACKAGE}}}Relationship"):
        target = relation.get("Target", "")
        if relation.get("TargetMode") != "External":
            target = target.lstrip("/") if target.startswith("/") else posixpath.normpath(f"{folder}/{target}")
        found.append((relation.get("Id", ""), relation.get("Type", "").rpartition("/")[2], target))
    return found


def _relationships_part(part: str) -> str:
    folder, _, name = part.rpartition("/")
    return f"{folder}/_rels/{name}.rels"


class _Styles:
    """The styles of the package, with a filled twin for each style that needs one."""

    def __init__(self, parts: Mapping[str, bytes]) -> None:
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
        prefix = self._prefix(self._fills)
        fill = (
            f'<{prefix}fill><{prefix}patternFill patternType="solid"><{prefix}fgColor rgb="{FILL}"/>'
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
    def _prefix(block: str) -> str:
        return block[1:].partition(":")[0] + ":" if re.match(r"<\w+:", block) else ""

    @staticmethod
    def _grown(block: str, added: Sequence[str], count: int) -> str:
        head, _, tail = block.rpartition("</")
        head = re.sub(r"""(\bcount=["'])\d+""", rf"\g<1>{count}", head, count=1)
        return f"{head}{''.join(added)}</{tail}"


def _mark(
    parts: dict[str, bytes], part: str, wrong: set[str], notes: Mapping[str, Sequence[str]], styles: _Styles
) -> None:
    """Mark the wrong cells of one sheet, and put notes to cells."""
    sheet = _SheetText(parts[part])
    sheet.fill(wrong, styles)
    related = _relationships(parts, part)
    comments = next((target for _, kind, target in related if kind == "comments"), None)
    # headers and footers may have a drawing of the same kind
    drawing = next((target for identity, _, target in related if identity == sheet.notes_drawing), None)
    number = _free_number(parts)
    if comments is None:
        comments = f"xl/comments{number}.xml"
        parts[comments] = (
            '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n'
            f'<comments xmlns="{_MAIN}"><authors></authors><commentList></commentList></comments>'
        ).encode()
        _relate(parts, part, "comments", comments)
        _declare(parts, f'<Override PartName="/{comments}" ContentType="{_COMMENTS_TYPE}"/>')
    if drawing is None:
        drawing = f"xl/drawings/vmlDrawing{number}.vml"
        parts[drawing] = _EMPTY_VML.encode()
        sheet.add_notes(_relate(parts, part, "vmlDrawing", drawing))
        if not re.search(rb'Extension="vml"', parts["[Content_Types].xml"], re.IGNORECASE):
            _declare(parts, f'<Default Extension="vml" ContentType="{_VML_TYPE}"/>')
    _draw_notes(parts, drawing, _write_comments(parts, comments, notes))
    parts[part] = sheet.content


def _cells(ranges: Sequence[str]) -> Iterator[str]:
    for text in ranges:
        first, _, last = text.partition(":")
        (top, left), (bottom, right) = place(first), place(last or first)
        for row in range(top, bottom + 1):
            for column in range(left, right + 1):
                yield cell_address(row, column)


@dataclass(frozen=True)
class _CellTag:
    start: int
    end: int
    address: str


class _SheetText:
    """The text of a sheet's part, with the places in it that are edited."""

    def __init__(self, content: bytes) -> None:
        self.content = content
        self._cells: list[_CellTag] = []
        self._children: list[tuple[str, int]] = []
        self._root_end = 0
        self._prefix = ""
        #: the id of the drawing that belongs to the notes
        self.notes_drawing: str | None = None
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
                begin = parser.CurrentByteIndex
                end = self.content.index(b">", begin) + 1
                self._cells.append(_CellTag(begin, end, cell_address(row, column)))
            depth += 1

        def stop(_: str) -> None:
            nonlocal depth
            depth -= 1
            if depth == 0:
                self._root_end = parser.CurrentByteIndex

        parser.StartElementHandler, parser.EndElementHandler = start, stop
        parser.Parse(self.content, True)

    def fill(self, wrong: set[str], styles: _Styles) -> None:
        """Give these cells the fill, where they hold something."""
        pieces, position = [], 0
        for cell in self._cells:
            tag = self.content[cell.start : cell.end]
            if cell.address not in wrong or tag.endswith(b"/>"):
                continue
            style = re.search(rb"""\ss=["'](\d+)["']""", tag)
            twin = styles.twin(int(style[1]) if style else 0)
            bare = re.sub(rb"""\ss=["']\d+["']""", b"", tag)
            pieces += [self.content[position : cell.start], bare[:-1] + f' s="{twin}">'.encode()]
            position = cell.end
        shift = sum(map(len, pieces)) - position
        self._children = [(name, offset + shift * (offset >= position)) for name, offset in self._children]
        self._root_end += shift
        self.content = b"".join([*pieces, self.content[position:]])

    def add_notes(self, identity: str) -> None:
        """Add the element that names the drawing of the notes."""
        offset = next((offset for name, offset in self._children if name in _AFTER_NOTES), self._root_end)
        element = f'<{self._prefix}legacyDrawing xmlns:r="{_RELATIONS}" r:id="{identity}"/>'.encode()
        self.content = self.content[:offset] + element + self.content[offset:]


def _free_number(parts: Mapping[str, bytes]) -> int:
    used = {int(number) for name in parts for number in re.findall(r"(?:comments|vmlDrawing)(\d+)\.", name)}
    return max(used, default=0) + 1


def _relate(parts: dict[str, bytes], part: str, kind: str, target: str) -> str:
    """Add a relationship, and give its id."""
    name = _relationships_part(part)
    text = parts.get(name, f'<Relationships xmlns="{_PACKAGE}"></Relationships>'.encode()).decode("utf-8")
    text = re.sub(r"<((?:\w+:)?)Relationships\b([^>]*)/>", r"<\1Relationships\2></\1Relationships>", text)
    used = set(re.findall(r"""\bId=["']([^"']*)["']""", text))
    identity = next(f"rIdNote{n}" for n in range(1, len(used) + 2) if f"rIdNote{n}" not in used)
    head, _, tail = text.rpartition("</")
    prefix = tail.partition("Relationships")[0]
    relation = f'<{prefix}Relationship Id="{identity}" Type="{_RELATIONS}/{kind}" Target="/{target}"/>'
    parts[name] = f"{head}{relation}</{tail}".encode()
    return identity


def _declare(parts: dict[str, bytes], declaration: str) -> None:
    name = "[Content_Types].xml"
    head, _, tail = parts[name].decode("utf-8").rpartition("</")
    prefix = tail.partition("Types")[0]
    parts[name] = f"{head}{declaration.replace('<', f'<{prefix}', 1)}</{tail}".encode()


def _write_comments(parts: dict[str, bytes], part: str, notes: Mapping[str, Sequence[str]]) -> list[str]:
    """Add notes to the comments of a sheet; gives their cells.

    A cell that has one already passes its note to the row below.
    """
    text = parts[part].decode("utf-8")
    text = re.sub(r"<((?:\w+:)?)(authors|commentList)\s*/>", r"<\1\2></\1\2>", text)
    taken = set(re.findall(r"""\bref=["']([A-Z]+\d+)["']""", text))
    author = len(re.findall(r"<(?:\w+:)?author(?:\s[^>]*)?/?>", text))
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
            f'<{prefix}comment ref="{cell}" authorId="{author}"><{prefix}text><{prefix}t xml:space="preserve">{body}'
            f"</{prefix}t></{prefix}text></{prefix}comment>"
        )
    text = text.replace(f"</{prefix}authors>", f"<{prefix}author>{AUTHOR}</{prefix}author></{prefix}authors>", 1)
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
