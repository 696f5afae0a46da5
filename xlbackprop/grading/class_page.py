"""A class as one page of HTML, which needs nothing else: points, why some were taken, problems and questions."""

from collections.abc import Iterator
from html import escape
from statistics import median

from xlbackprop.grading.names import Person
from xlbackprop.grading.results import Mark, Marks, place
from xlbackprop.printing import shown
from xlbackprop.report.text import count

_STYLE = """
:root { color-scheme: light dark; }
body {
  font: 16px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem; overflow-wrap: anywhere;
}
table { border-collapse: collapse; width: 100%; }
th, td { text-align: left; vertical-align: top; padding: .4rem .6rem; border-bottom: 1px solid #8886; }
th { overflow-wrap: normal; }
td:first-child { width: 30%; }
td.points { text-align: right; white-space: nowrap; font-variant-numeric: tabular-nums; }
ul { margin: 0; padding-left: 1.1rem; }
small { opacity: .75; }
@media (max-width: 40rem) {
  thead { display: none; }
  tr { display: block; border-bottom: 1px solid #8886; }
  td, td:first-child { display: block; width: auto; border: 0; padding: .2rem 0; }
  td.points { text-align: left; font-weight: bold; }
}
"""


def class_page(marks: Marks) -> str:
    """The page, as HTML."""
    submissions = count(len(marks.marks) + len(marks.ungraded), "submission")
    title = f"{submissions}{f', {len(marks.marks)} graded' if marks.ungraded else ''}, {marks.maximum:g} points"
    return (
        "<!doctype html>\n"
        f'<html lang="en"><head><meta charset="utf-8"><title>{title}</title>'
        f'<meta name="viewport" content="width=device-width, initial-scale=1"><style>{_STYLE}</style></head><body>\n'
        f"<h1>{title}</h1>\n{''.join(_parts(marks))}</body></html>\n"
    )


def _parts(marks: Marks) -> Iterator[str]:
    if marks.marks:
        middle = median(mark.points for mark in marks.marks)
        yield f"<p>The median is {middle:.2f} points.</p>\n"
    if marks.problems:
        lines = [f"{one.person.name}: {one.sentence}" if one.person else one.sentence for one in marks.problems]
        yield f"<h2>Not graded or entered</h2>\n{_list(lines)}"
    if marks.remarks:
        yield f"<h2>Worth knowing</h2>\n{_list(list(marks.remarks))}"
    if marks.likenesses:
        yield f"<h2>Questions</h2>\n{_list([one.question for one in marks.likenesses])}"
    yield "<h2>Points</h2>\n<table><thead><tr><th>name</th><th>points</th><th>why</th></tr></thead><tbody>\n"
    rows = [(mark.person, _row(mark)) for mark in marks.marks]
    rows += [(person, _ungraded(person, why)) for person, why in marks.ungraded.items()]
    yield from (row for _, row in sorted(rows, key=lambda row: place(row[0])))
    yield "</tbody></table>\n"


def _row(mark: Mark) -> str:
    why = [f"−{one.points:.2f}: {one.sentence}" for one in mark.deductions]
    notes = "".join(f"<br><small>{_text(note)}</small>" for note in (mark.file, *mark.handing_in, *mark.notes))
    return (
        f'<tr><td>{_text(mark.person.name)}{notes}</td><td class="points">{mark.points:.2f}</td>'
        f"<td>{_list(why)}</td></tr>\n"
    )


def _ungraded(person: Person, why: list[str]) -> str:
    return f'<tr><td>{_text(person.name)}</td><td class="points">not graded</td><td>{_list(why)}</td></tr>\n'


def _list(lines: list[str]) -> str:
    return f"<ul>{''.join(f'<li>{_text(line)}</li>' for line in lines)}</ul>\n" if lines else ""


def _text(text: str) -> str:
    return escape(shown(text))
