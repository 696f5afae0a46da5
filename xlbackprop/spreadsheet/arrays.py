"""Array formulas over a column, which the engine does not compute, as a formula in each of their cells."""

import re
from xml.etree import ElementTree

from xlbackprop.spreadsheet.addresses import column_letters, place

_ARRAY = re.compile(rb"""<(?:\w+:)?f\b[^>]*\st=["']array["']""")
_AREA = re.compile(r"(\$?)([A-Z]{1,3})(\$?)(\d+):(\$?)([A-Z]{1,3})(\$?)(\d+)")
# what takes a whole column in each of its cells
_WHOLE = re.compile(r"(?:SUM|AVERAGE|MIN|MAX|MMULT|TRANSPOSE|SUMPRODUCT|INDEX|COUNT)\(", re.IGNORECASE)


def without_arrays(content: bytes) -> bytes:
    """A sheet in which `{=A6:A14-R6:R14}` over U6:U14 is `=A6-R6` in U6, and so on; what is no such formula stays."""
    # the word is found faster than the tag
    if b"array" not in content or not _ARRAY.search(content):
        return content
    try:
        sheet = ElementTree.fromstring(content)
    except ElementTree.ParseError:
        return content
    namespace = sheet.tag.removesuffix("worksheet")
    rows = {row.get("r"): row for row in sheet.iter(f"{namespace}row")}
    cells = {cell.get("r"): cell for row in rows.values() for cell in row}
    changed = False
    for cell in list(cells.values()):
        formula = cell.find(f"{namespace}f")
        if formula is None or formula.get("t") != "array" or not formula.text or _WHOLE.search(formula.text):
            continue
        first, _, last = (formula.get("ref") or "").partition(":")
        if not last or place(first)[1] != place(last)[1]:
            continue
        top, bottom, column = place(first)[0], place(last)[0], place(first)[1]
        text = formula.text
        for number in range(top, bottom + 1):
            address = f"{column_letters(column)}{number}"
            if (target := cells.get(address)) is None and (row := rows.get(str(number))) is not None:
                target = cells[address] = _inserted(row, namespace, address)
            if target is None:
                continue
            for old in target.findall(f"{namespace}f"):
                target.remove(old)
            new = ElementTree.Element(f"{namespace}f")
            new.text = _of_row(text, top, bottom, number)
            target.insert(0, new)
            changed = True
    return ElementTree.tostring(sheet) if changed else content


def _inserted(row: ElementTree.Element, namespace: str, address: str) -> ElementTree.Element:
    """A new cell in a row, in its place."""
    cell = ElementTree.Element(f"{namespace}c", {"r": address})
    ElementTree.SubElement(cell, f"{namespace}v").text = "0"
    before = sum(1 for other in row if place(other.get("r") or "A1")[1] < place(address)[1])
    row.insert(before, cell)
    return cell


def _of_row(text: str, top: int, bottom: int, row: int) -> str:
    """The formula of one cell: of each area as high as the array, the cell in its row."""

    def one(match: re.Match[str]) -> str:
        fixed, letters, _, first, _, other, _, last = match.groups()
        if letters != other or int(last) - int(first) != bottom - top:
            return match[0]
        return f"{fixed}{letters}{int(first) + row - top}"

    return _AREA.sub(one, text)
