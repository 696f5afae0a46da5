"""What was found, as one page for a browser: it needs no other file and runs no script."""

import math
from collections.abc import Iterator, Sequence
from html import escape
from pathlib import Path

from xlbackprop.files import written_whole
from xlbackprop.printing import shown
from xlbackprop.report.evidence import Curves, Piece
from xlbackprop.report.findings import CheckedFile, CheckedTable, Finding, Verdict
from xlbackprop.report.text import sentence_of, summary, together

_STYLE = """
:root { color-scheme: light; }
body { font: 16px/1.5 system-ui, sans-serif; color: #222; max-width: 60rem; margin: 1rem auto; padding: 0 .75rem; }
h1 { font-size: 1.5rem; overflow-wrap: anywhere; }
h2 { font-size: 1.2rem; margin-top: 2.5rem; overflow-wrap: anywhere; }
h3 { font-size: 1rem; overflow-wrap: anywhere; }
article { border: 1px solid #ccc; border-radius: .5rem; padding: .25rem .9rem .9rem; margin: 1rem 0; }
section.finding { border-left: 4px solid #c0392b; padding-left: .7rem; margin: 1.2rem 0; break-inside: avoid; }
section.pasted { border-left-color: #b7791f; }
.verdict { border-radius: 1rem; padding: .1rem .6rem; font-weight: 600; font-size: .85rem; white-space: nowrap;
  print-color-adjust: exact; -webkit-print-color-adjust: exact; }
.correct { background: #d5f0dc; color: #14532d; } .wrong { background: #fbd5d5; color: #7f1d1d; }
.constants, .incomplete, .none { background: #fdeec7; color: #5c3d00; }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; font-size: .85rem; }
table.sheet td, table.sheet th { border: 1px solid #bbb; padding: .15rem .4rem; white-space: nowrap; }
table.sheet td { text-align: right; }
table.sheet th { background: #f0f0f0; font-weight: 400; text-align: center; }
table.sheet td.names { font-weight: 600; text-align: center; }
table.sheet td.bad { background: #ffc7ce; font-weight: 600; print-color-adjust: exact; }
table.all td, table.all th { border-bottom: 1px solid #ddd; padding: .3rem .5rem; text-align: left; }
code { font-family: ui-monospace, monospace; font-size: .85rem; overflow-wrap: anywhere; }
dl { margin: .5rem 0; } dt { font-size: .8rem; color: #555; } dd { margin: 0 0 .4rem; }
svg { width: 100%; max-width: 34rem; height: auto; } .note { color: #444; }
polyline { fill: none; stroke-width: 2; } polyline.right { stroke: #2563a0; } polyline.found { stroke: #c0392b; }
polyline.expected { stroke: #14532d; stroke-width: 6; opacity: .35; }
@media (max-width: 30rem) { svg text { font-size: 18px; }
  table.all tr, table.all td { display: block; overflow-wrap: anywhere; } table.all th { display: none; }
  table.all td:first-child { border-bottom: 0; padding-bottom: 0; } }
@media print { body { max-width: none; font-size: 11pt; } article { border: 0; padding: 0; }
  h2, h3, h3 + p { break-after: avoid; } .scroll { overflow-x: visible; } table.sheet { font-size: 7pt; } }
"""
#: How large a drawing of curves is, and what is left free around it for the numbers of its axes.
_WIDTH, _HEIGHT, _LEFT, _BELOW = 560, 240, 70, 30


def write_page(files: Sequence[CheckedFile], output: Path, *, force: bool = False) -> None:
    """Write what was found as one page.

    Args:
        files: what was found in each.
        output: where the page goes.
        force: replace it if it exists.

    Raises:
        UnusableInput: it cannot be written.
    """
    with written_whole(output, force=force, suffix=".html") as unfinished:
        unfinished.write_text(page(files), encoding="utf-8")


def page(files: Sequence[CheckedFile]) -> str:
    """The page for some checked files, as HTML."""
    title = files[0].file.name if len(files) == 1 else f"{len(files)} workbooks"
    parts = [
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">',
        '<meta name="viewport" content="width=device-width, initial-scale=1">',
        f"<title>{_text(title)}: is its backpropagation right?</title>\n<style>{_STYLE}</style>\n</head>\n<body>",
        f"<h1>{_text(title)}</h1>\n<p>{_text(summary(files))}</p>",
    ]
    if len(files) > 1:
        parts += _overview(files)
    for n, file in enumerate(files):
        parts += _file(file, n, alone=len(files) == 1)
    return "\n".join([*parts, "</body>\n</html>\n"])


def _text(text: str) -> str:
    """A text of anybody's in the page: nothing in it is obeyed, and what cannot be seen is written out."""
    return escape(shown(text))


def _overview(files: Sequence[CheckedFile]) -> Iterator[str]:
    """A line a file, with its verdicts."""
    yield '<div class="scroll"><table class="all"><tr><th>file</th><th>tables</th></tr>'
    for n, file in enumerate(files):
        badges = " ".join(map(_badge, _told(file))) or '<span class="verdict none">not checked</span>'
        yield f'<tr><td><a href="#file{n}">{_text(str(file.file))}</a></td><td>{badges}</td></tr>'
    yield "</table></div>"


def _badge(table: CheckedTable) -> str:
    return f'<span class="verdict {table.verdict}">{_text(table.sheet)}: {table.verdict}</span>'


def _told(file: CheckedFile) -> Sequence[CheckedTable]:
    """The tables of a file, and what is wrong around them; all sheets of one without a table."""
    around = tuple(sheet for sheet in file.around if sheet.findings)
    return (*file.tables, *around) if file.tables else file.sheets


def _file(file: CheckedFile, number: int, *, alone: bool) -> Iterator[str]:
    if not alone:
        yield f'<h2 id="file{number}">{_text(str(file.file))}</h2>'
    if file.error:
        yield f"<p>{_text(file.error)}</p>"
    for note in file.notes:
        yield f'<p class="note">Note: {_text(note)}.</p>'
    for table in _told(file):
        yield from _table(table)


def _table(table: CheckedTable) -> Iterator[str]:
    verdict = f'<span class="verdict {table.verdict}">{table.verdict}</span>'
    yield f"<article>\n<h3>{_text(table.sheet)} {verdict}</h3>"
    told = []
    if table.first_row is not None:
        told.append(f"rows {table.first_row} to {table.last_row}")
    if table.learning_rate is not None:
        told.append(f"learning rate {table.learning_rate:g}")
    if told:
        yield f"<p>{', '.join(told)}</p>"
    right = [finding for finding in table.findings if finding.is_right_constant]
    for group in together([finding for finding in table.findings if finding not in right]):
        yield from _finding(group, table)
    if right:
        yield f'<section class="finding pasted"><p>{_text(_pasted(right))}</p></section>'
    if table.curves:
        right_run = table.verdict in (Verdict.CORRECT, Verdict.CONSTANTS)
        yield from _drawing(table.curves, None if right_run else table.largest_error)
    for note in table.notes:
        yield f'<p class="note">Note: {_text(note)}.</p>'
    yield "</article>"


def _pasted(findings: Sequence[Finding]) -> str:
    names = ", ".join(finding.ranges[0] if finding.ranges else finding.cell for finding in findings)
    return f"Right numbers are pasted where formulas belong, so they follow no change: {names}."


def _finding(group: Sequence[Finding], table: CheckedTable) -> Iterator[str]:
    """One cause: its sentence, the cells around it, and the formulas."""
    first = group[0]
    yield f'<section class="finding">\n<p>{_text(sentence_of(group))}</p>'
    if piece := table.pieces.get(first.cell):
        yield from _sheet(piece)
    yield "<dl>"
    yield f"<dt>stands in {_text(first.cell)}</dt><dd><code>{_text(first.found) or 'nothing'}</code></dd>"
    if first.mend:
        for finding in group[:1] if first.helper else group:
            if mend := finding.mend:
                yield f"<dt>belongs into {_text(', '.join(mend.ranges) or mend.cell)}</dt>"
                yield f"<dd><code>{_text(mend.formula)}</code></dd>"
    else:
        yield f"<dt>should be</dt><dd><code>{_text(first.expected)}</code></dd>"
    yield "</dl>\n</section>"


def _sheet(piece: Piece) -> Iterator[str]:
    """The cells as a spreadsheet shows them, the wrong ones marked."""
    yield '<div class="scroll"><table class="sheet">'
    yield f"<tr><th></th>{''.join(f'<th>{letters}</th>' for letters in piece.columns)}</tr>"
    yield f"<tr><th></th>{''.join(f'<td class=names>{_text(name)}</td>' for name in piece.headers)}</tr>"
    for row, cells in zip(piece.rows, piece.cells, strict=True):
        marked = (
            f"<td class=bad>{_text(cell)}</td>" if f"{letters}{row}" in piece.wrong else f"<td>{_text(cell)}</td>"
            for letters, cell in zip(piece.columns, cells, strict=True)
        )
        yield f"<tr><th>{row}</th>{''.join(marked)}</tr>"
    yield "</table></div>"


def _drawing(curves: Curves, off: float | None) -> Iterator[str]:
    """E_total over the steps, as it stands and, where it is off, as it should be."""
    heights = [value for value in (*curves.found, *curves.expected) if value is not None]
    last = curves.steps[-1]
    if not heights or not last:
        return
    low, high = min(0.0, *heights), max(heights)
    high = high if high > low else low + 1

    def points(values: Sequence[float | None]) -> str:
        return " ".join(
            f"{_LEFT + (_WIDTH - _LEFT - 10) * step / last:.1f},"
            f"{10 + (_HEIGHT - _BELOW - 10) * (high - value) / (high - low):.1f}"
            for step, value in zip(curves.steps, values, strict=True)
            if value is not None and math.isfinite(value)
        )

    bottom = _HEIGHT - _BELOW
    yield f'<svg viewBox="0 0 {_WIDTH} {_HEIGHT}" role="img" aria-label="E_total over {last} steps">'
    yield f'<path d="M{_LEFT} 10V{bottom}H{_WIDTH - 10}" fill="none" stroke="#888"/>'
    for value, y in ((high, 18), (low, bottom)):
        yield f'<text x="{_LEFT - 6}" y="{y}" text-anchor="end" font-size="13">{value:.3g}</text>'
    for step, x, anchor in ((0, _LEFT, "start"), (last, _WIDTH - 10, "end")):
        yield f'<text x="{x}" y="{bottom + 20}" text-anchor="{anchor}" font-size="13">step {step}</text>'
    if off is not None:
        yield f'<polyline points="{points(curves.expected)}" class="expected"/>'
    yield f'<polyline points="{points(curves.found)}" class="{"right" if off is None else "found"}"/>'
    yield "</svg>"
    if off is None:
        yield "<p class=note>E_total over the steps.</p>"
    elif 2 * curves.found.count(None) > len(curves.found):
        yield "<p class=note>What E_total should be (broad, green): most of its cells hold no number.</p>"
    else:
        yield f"<p class=note>E_total (thin, red) and what it should be (broad, green), {off:.1e} apart at most.</p>"
