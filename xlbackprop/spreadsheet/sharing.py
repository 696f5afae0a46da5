"""Formulas that are filled down, written once: a file may say of a cell that it shares the formula of another one.

An engine takes most of its time to read formulas one by one, and spreadsheet programs and libraries
alike write them out in every row. In a copy each column's filled formula stands in its first row, as
Excel writes it (ECMA-376, 18.3.1.40), and all that the workbook says is the same.
"""

import re

#: A sheet has few formulas that are filled down; of one with more the others are left as they are.
_MOST = 10_000
# a row's own number, that of the row above it and a value, while its text is compared with other rows
_OWN, _ABOVE, _VALUE = b"\0", b"\1", b"\2"
_VALUES = re.compile(rb"(<v>[^<]*)")
_ROW = re.compile(rb'r="(\d+)"')
# what may stand in a formula that is shared: all that moves with its row is marked, and nothing else is
_MOVES = rb"\$?[A-Z]{1,3}[\0\1]"
_STAYS = rb"\$?[A-Z]{1,3}\$\d{1,7}"
_END = rb"(?![A-Za-z0-9_.$!(:\[\0\1])"
_PARTS = (
    # of a range of which one corner moves, an engine may take the other one for the first
    rb"(?:%b(?::%b)?|%b(?::%b)?)%b" % (_MOVES, _MOVES, _STAYS, _STAYS, _END),
    rb"(?:\d+\.?\d*|\.\d+)(?:[Ee][-+]?\d+)?%b" % _END,
    rb"[A-Z][A-Z0-9.]*\(",
    # a name without a number, or with one behind an underscore, is no cell
    rb"[A-Za-z_]+(?:_\d+)?%b" % _END,
    rb"(?:[A-Za-z_][A-Za-z0-9_]*|'[^'\0\1]+')!(?=\$?[A-Z]{1,3}[$\0\1])",
    rb'"[^"\0\1]*"',
    rb"[-+*/^(),=% ]|&(?:amp|lt|gt);",
)
_CELL = re.compile(
    rb'(?P<column>[A-Z]{1,3})\0"(?P<attributes>[^<>]*)><f(?: aca="false")?>(?P<formula>(?:%b)+)' % b"|".join(_PARTS)
)


def with_shared_formulas(content: bytes) -> bytes:
    """A sheet's part, with formulas that are filled down shared; as it is where it has any already."""
    if any(strange in content for strange in (_OWN, _ABOVE, _VALUE, b"shared", b"<!--", b"<![CDATA[")):
        return content
    first, *rows = content.split(b"<row ")
    sharing = _Sharing()
    return b"<row ".join([first, *map(sharing.row, rows)]) if rows else content


class _Sharing:
    """The formulas of one sheet that have been met."""

    def __init__(self) -> None:
        # by the text of a cell up to the end of its formula, and by that of a row: what it is where it comes again
        self._again: dict[bytes, bytes] = {}
        self._rows_again: dict[bytes, bytes] = {}
        # the number of each formula of a column
        self._numbers: dict[tuple[bytes, bytes], int] = {}

    def row(self, text: bytes) -> bytes:
        """The text of a row, with the formulas shared that stood above it already."""
        match = _ROW.match(text)
        # there is no row above the first one
        if not match or match[1] == b"1":
            return text
        own, above = match[1], b"%d" % (int(match[1]) - 1)
        # what lies between the values stands first and then at every other place
        pieces = _VALUES.split(text)
        between = _VALUE.join(pieces[::2]).replace(own, _OWN).replace(above, _ABOVE)
        if (again := self._rows_again.get(between)) is None:
            known = len(self._again)
            again = self._cells(between)
            if len(self._again) == known:
                self._rows_again[between] = again
        pieces[::2] = again.replace(_ABOVE, above).replace(_OWN, own).split(_VALUE)
        return b"".join(pieces)

    def _cells(self, row: bytes) -> bytes:
        """The marked text of a row, with the formulas shared that have been met."""
        start, *cells = row.split(b'<c r="')
        pieces = [start]
        for cell in cells:
            head, end, tail = cell.partition(b"</f>")
            if not end:
                pieces.append(cell)
            elif again := self._again.get(head):
                pieces.append(again + tail)
            else:
                pieces.append(self._first(head) + tail)
        return b'<c r="'.join(pieces)

    def _first(self, head: bytes) -> bytes:
        """A cell's text up to the end of its formula, where it comes for the first time."""
        match = _CELL.fullmatch(head)
        if not match or len(self._again) == _MOST:
            return head + b"</f>"
        column, attributes, formula = match.group("column", "attributes", "formula")
        start = b'%b\0"%b><f t="shared"' % (column, attributes)
        known = self._numbers.get((column, formula))
        number = self._numbers.setdefault((column, formula), len(self._numbers))
        self._again[head] = again = b'%b si="%d"/>' % (start, number)
        # in a cell of another style it may have come before
        return again if known is not None else b'%b ref="%b\0" si="%d">%b</f>' % (start, column, number, formula)
