"""What in a workbook is hardly twice in a class by chance: its ids, where a slip stands, digits that were pasted."""

import hashlib
import re
from collections.abc import Iterator
from enum import StrEnum
from typing import NamedTuple
from xml.etree import ElementTree

from xlbackprop.backprop import notation
from xlbackprop.report.findings import CheckedFile, CheckedTable, Finding, Kind
from xlbackprop.report.text import shortened, together
from xlbackprop.spreadsheet.package import Package

_CORE = "docProps/core.xml"
_DOCUMENT_ID = re.compile(rb"""documentId=["']([^"']+)["']""")
#: What these sign has no person's name, and many files of the same second.
_PROGRAMS = ("xlbackprop", "openpyxl", "xlsxwriter", "apache poi")
#: Numbers with fewer digits are the same in two workbooks by chance.
_FEWEST_DIGITS = 5
_LONGEST_QUOTE = 80
#: The slip that is handed from course to course, with the workbook that many begin with: 15 of 39 public ones have it.
_HANDED_ON = (("dE_dw3", "dE_dw4"), "uses a_h1")


class TraceKind(StrEnum):
    """What two workbooks may share."""

    #: the whole file, byte by byte
    FILE = "file"
    #: the id that Excel gives to a new document, or who began it in which second
    DOCUMENT = "document"
    #: who it was begun or last saved by
    AUTHOR = "author"
    #: a wrong formula in a few cells of a column, not in all of it
    ODD_SLIP = "odd slip"
    #: a wrong formula in a whole column, as many others may have it
    SLIP = "slip"
    #: a pasted number that is not right
    DIGITS = "digits"


class Trace(NamedTuple):
    """Something that two workbooks may share.

    Attributes:
        kind: what it is.
        key: equal where it is the same.
        words: what it is, as the end of a sentence.
    """

    kind: TraceKind
    key: str
    words: str


def traces(checked: CheckedFile, package: Package) -> list[Trace]:
    """The traces of a workbook, each once.

    Args:
        checked: what was found in it.
        package: its parts.
    """
    found = [
        *_of_document(package),
        *(one for table in checked.tables for one in _of_findings(table)),
        *_of_columns(checked),
    ]
    return list({(trace.kind, trace.key): trace for trace in found}.values())


def _of_document(package: Package) -> Iterator[Trace]:
    digest = hashlib.sha256(package.path.read_bytes()).hexdigest()
    yield Trace(TraceKind.FILE, digest, "the same file, byte by byte")
    for identity in _DOCUMENT_ID.findall(package.parts.get("xl/workbook.xml", b"")):
        yield Trace(TraceKind.DOCUMENT, identity.decode("latin-1").rpartition("{")[2], "the id of the same document")
    try:
        core = ElementTree.fromstring(package.parts.get(_CORE, b""))
    except ElementTree.ParseError:
        return
    # by the last part of the name: creator, lastModifiedBy, created
    of = {element.tag.rpartition("}")[2]: (element.text or "").strip() for element in core}
    creator, last = of.get("creator", ""), of.get("lastModifiedBy", "")
    if creator and of.get("created") and not creator.lower().startswith(_PROGRAMS):
        yield Trace(TraceKind.DOCUMENT, f"{creator} {of['created']}", f"begun by {creator} in the same second")
    for name in dict.fromkeys((creator, last)):
        if name:
            yield Trace(TraceKind.AUTHOR, name, f"saved under the name {name}")


def _of_findings(table: CheckedTable) -> Iterator[Trace]:
    for finding in _wrong(table):
        header = notation.header(finding.quantity)
        if finding.kind is Kind.CONSTANT:
            if len(re.sub(r"\D", "", finding.found.partition("e")[0]).lstrip("0")) >= _FEWEST_DIGITS:
                yield Trace(
                    TraceKind.DIGITS,
                    f"{finding.quantity} {finding.found}",
                    f"the same digits pasted for {header}, {shortened(finding.found, _LONGEST_QUOTE)}",
                )
        elif not _is_column(finding, table):
            key = f"{finding.quantity} {finding.cell} {finding.found}"
            yield Trace(
                TraceKind.ODD_SLIP,
                key,
                f"the same slip in {finding.cell} for {header}, {shortened(finding.found, _LONGEST_QUOTE)}",
            )


def _of_columns(checked: CheckedFile) -> Iterator[Trace]:
    """The slips in whole columns; one root in several columns and tables is one."""
    slips = [finding for table in checked.tables for finding in _wrong(table) if _is_column(finding, table)]
    for finding, *_ in together(slips):
        header = notation.header(finding.quantity)
        yield Trace(TraceKind.SLIP, f"{finding.quantity} {finding.found}", f"the same slip for {header}")


def _wrong(table: CheckedTable) -> list[Finding]:
    """The findings that hardly come about by chance."""
    found = [finding for finding in table.findings if finding.found and not finding.is_right_constant]
    return [finding for finding in found if not _is_handed_on(finding)]


def _is_handed_on(finding: Finding) -> bool:
    quantities, slip = _HANDED_ON
    return finding.quantity in quantities and finding.slip.startswith(slip)


def _is_column(finding: Finding, table: CheckedTable) -> bool:
    """Whether a wrong formula stands in most of its column, as one that was filled down does."""
    steps = table.steps or 0
    return finding.kind is not Kind.CONSTANT and (steps <= 2 or 2 * finding.rows > steps)
