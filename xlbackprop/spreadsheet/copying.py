"""A copy of a workbook for the engine: it computes the same, faster, and nothing in it trips the engine."""

import re
import zipfile
import zlib
from pathlib import Path
from xml.etree import ElementTree

from xlbackprop.spreadsheet.arrays import without_arrays
from xlbackprop.spreadsheet.sharing import with_shared_formulas

# pictures and films are nothing that is computed
_COMPUTED = (".xml", ".rels", ".vml")
_SHEETS = "xl/worksheets/"
_STYLES = "xl/styles.xml"
_NOTES = re.compile(rb"""<(?:\w+:)?Relationship\s[^>]*/relationships/comments["'][^>]*/>""")
# a cell with a look and nothing in it, as openpyxl writes it: IronCalc 0.9 reads a 0 there
_BLANK = re.compile(rb"""\st=(?:"n"|'n')(?=\s*/>|\s*></)""")
_OF_NUMBERS = (b't="n"', b"t='n'")
_RULES, _END_OF_RULES = re.compile(rb"<conditionalFormatting[\s>]"), b"</conditionalFormatting>"
# each list of the styles with its first entry; all of them may be left out (ECMA-376, CT_Stylesheet)
_FIRST_STYLES: dict[str, tuple[str, dict[str, str]]] = {
    "fonts": ("font", {}),
    "fills": ("fill", {}),
    "borders": ("border", {}),
    "cellStyleXfs": ("xf", {"numFmtId": "0", "fontId": "0", "fillId": "0", "borderId": "0"}),
    "cellXfs": ("xf", {"numFmtId": "0", "fontId": "0", "fillId": "0", "borderId": "0", "xfId": "0"}),
    "cellStyles": ("cellStyle", {"name": "Normal", "xfId": "0", "builtinId": "0"}),
}


def copy_for_engine(path: Path, copy: Path, *, share: bool = True) -> bool:
    """Copy the parts of a workbook that an engine computes.

    Args:
        path: an .xlsx file.
        copy: where the copy goes.
        share: write formulas that are filled down once.

    Returns:
        whether the file could be read; if not, the copy is of no use.

    Raises:
        OSError: the copy cannot be written.
    """
    try:
        with zipfile.ZipFile(path) as source, zipfile.ZipFile(copy, "w", zipfile.ZIP_STORED) as target:
            names = source.namelist()
            if len(set(names)) < len(names):
                return False
            for name in names:
                if name.endswith(_COMPUTED):
                    target.writestr(name, _prepared(name, source.read(name), share=share))
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError, ValueError):
        return False
    return True


def _prepared(name: str, content: bytes, *, share: bool) -> bytes:
    if name == _STYLES:
        return with_all_styles(content)
    if name.startswith(f"{_SHEETS}_rels/"):
        # nor are notes, and IronCalc 0.9 gives up at an empty piece of text in one, as Gnumeric writes it; and it
        # does not find what is named from the root of the package, as openpyxl does
        return _NOTES.sub(b"", content).replace(b'Target="/xl/', b'Target="../')
    if not name.startswith(_SHEETS):
        return content
    content = _without_rules(content)
    if any(numbers in content for numbers in _OF_NUMBERS):
        content = _BLANK.sub(b"", content)
    content = without_arrays(content)
    return with_shared_formulas(content) if share else content


def _without_rules(content: bytes) -> bytes:
    """A sheet without the looks that depend on conditions: no number does, but IronCalc 0.9 evaluates each."""
    before, *rules = _RULES.split(content)
    if not all(_END_OF_RULES in piece for piece in rules):
        return content
    return before + b"".join(piece.partition(_END_OF_RULES)[2] for piece in rules)


def with_all_styles(content: bytes) -> bytes:
    """The styles of a workbook, with an entry in each list that is empty or left out, as Gnumeric does.

    IronCalc 0.9 takes each list for given.
    """
    try:
        styles = ElementTree.fromstring(content)
    except ElementTree.ParseError:
        return content
    namespace = styles.tag.removesuffix("styleSheet")
    changed = False
    for name, (entry, attributes) in _FIRST_STYLES.items():
        found = styles.find(namespace + name)
        if found is None:
            found = ElementTree.SubElement(styles, namespace + name)
        if len(found) == 0:
            ElementTree.SubElement(found, namespace + entry, attributes)
            changed = True
    return ElementTree.tostring(styles) if changed else content
