"""The command `grade`: parse, call, print. Whatever is slow to import is imported when it runs."""

import contextlib
import math
from pathlib import Path
from typing import TYPE_CHECKING

import click

from xlbackprop.errors import UnusableInput
from xlbackprop.files import check_output, temporary_folder, written_whole
from xlbackprop.printing import progress, say, say_json, shown

if TYPE_CHECKING:
    from xlbackprop.grading.gradebooks import Gradebook
    from xlbackprop.grading.names import Person
    from xlbackprop.grading.results import Marks

_PATH = click.Path(path_type=Path)
_MOST_POINTS = 1e6
#: A teacher's Excel takes a CSV file for UTF-8 only where it says so.
_PLAIN_ENCODING = "utf-8-sig"


@click.command()
@click.argument("submissions", type=_PATH, nargs=-1, required=True, metavar="SUBMISSIONS...")
@click.option("--into", type=_PATH, metavar="GRADES.csv", help="What Moodle or Canvas exported for the grades.")
@click.option("-o", "--output", type=_PATH, metavar="MARKED.csv", help="The same with grades, or a plain CSV file.")
@click.option("--assignment", metavar="TITLE|ID", help="Which assignment of Canvas's gradebook is meant.")
@click.option("--roster", type=_PATH, metavar="ROSTER.csv", help="The roster of GitHub Classroom, for clones.")
@click.option("--points", type=float, help="How many there are.  [default: what GRADES.csv says, or 10]")
@click.option("--scheme", type=_PATH, metavar="FILE.toml", help="What was asked for, and what it is worth.")
@click.option(
    "--several",
    type=click.Choice(["last", "best"]),
    help="Which workbook of a person counts.  [default: last]",
)
@click.option("--feedback", type=_PATH, metavar="OUT.zip", help="Write sentences and marked copies for everybody.")
@click.option("--html", type=_PATH, metavar="CLASS.html", help="Write the class as one page.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document, which can be given as SUBMISSIONS.")
@click.option("--force", is_flag=True, help="Replace what exists.")
def grade(
    submissions: tuple[Path, ...],
    into: Path | None,
    output: Path | None,
    assignment: str | None,
    roster: Path | None,
    points: float | None,
    scheme: Path | None,
    several: str | None,
    feedback: Path | None,
    html: Path | None,
    as_json: bool,
    force: bool,
) -> None:
    """Grade a class: what Moodle, Canvas or GitHub Classroom lets you download, with points and feedback.

    SUBMISSIONS is a zip, a folder or workbooks. Points follow root causes, and every deduction is a
    sentence. In GRADES.csv only the cells of grade and feedback change. Exit code 2 means that
    something could not be graded; the others were.

    \b
    xlbackprop grade submissions.zip -o marked.csv
    xlbackprop grade submissions.zip --into grades.csv -o marked.csv --feedback feedback.zip
    """
    from xlbackprop.grading.class_page import class_page
    from xlbackprop.grading.feedback import write_feedback
    from xlbackprop.grading.grade import RESULTS, Assignment
    from xlbackprop.grading.grade import grade as grade_class
    from xlbackprop.grading.gradebooks import read_gradebook
    from xlbackprop.grading.results import as_csv
    from xlbackprop.grading.results import as_json as marks_as_json
    from xlbackprop.grading.rosters import Roster, read_roster
    from xlbackprop.grading.scheme import Scheme, load_scheme

    _check_places((*submissions, into, roster, scheme), (output, feedback, html))
    # that it is not there is said where it is read
    if into and not output and into.exists():
        raise UnusableInput(f"{into} is not changed itself: say with -o where the marked one goes.")
    if assignment and not into:
        raise UnusableInput("--assignment chooses a column of a gradebook: give it with --into.")
    if graded := [source for source in submissions if source.suffix.lower() == RESULTS]:
        options = {"--points": points, "--scheme": scheme, "--several": several}
        given = [name for name, value in options.items() if value is not None]
        if given and len(graded) == len(submissions):
            raise UnusableInput(f"{graded[0]} was graded already: give {given[0]} where workbooks are graded.")
    for path, suffix in ((output, ".csv"), (feedback, ".zip"), (html, ".html")):
        if path:
            check_output(path, force=force, suffix=suffix)
    book = read_gradebook(into, assignment) if into else None
    how = Assignment(
        load_scheme(scheme) if scheme else Scheme(),
        _maximum(points, book),
        best=several == "best",
        roster=read_roster(roster) if roster else Roster(),
    )
    aside = [path for path in (into, roster, scheme, output, feedback, html) if path]
    with contextlib.ExitStack() as until_written:
        copies = until_written.enter_context(temporary_folder()) if feedback else None
        with progress(None, "file", worth_it=True) as file_done:
            marks = grade_class(submissions, how, copies=copies, aside=aside, on_file=file_done)
        if feedback:
            write_feedback(marks, feedback, force=force)
    if book:
        marks = _entered(marks, book)
    if html:
        with written_whole(html, force=force, suffix=".html") as unfinished:
            unfinished.write_text(class_page(marks), encoding="utf-8")
    if output:
        content = book.csv.content if book else as_csv(marks).encode(_PLAIN_ENCODING)
        with written_whole(output, force=force, suffix=".csv") as unfinished:
            unfinished.write_bytes(content)
    if as_json:
        say_json(marks_as_json(marks))
    else:
        _print_marks(marks)
        for path in filter(None, (feedback, html, output)):
            say(f"Wrote {path}.")
    if marks.problems:
        raise UnusableInput(_not_graded(marks))


def _check_places(inputs: tuple[Path | None, ...], outputs: tuple[Path | None, ...]) -> None:
    """See that nothing that is read, or written before, gets lost under another name of it.

    Raises:
        UnusableInput: an output is an input, or another output.
    """
    read = [path for path in inputs if path]
    for path in filter(None, outputs):
        for other in read:
            if _is_same_file(path, other):
                raise UnusableInput(f"{path} would replace {other}, which is needed: write elsewhere.")
        read.append(path)


def _is_same_file(one: Path, other: Path) -> bool:
    with contextlib.suppress(OSError):
        return one.samefile(other)
    # neither may be there yet
    with contextlib.suppress(OSError, RuntimeError):
        return one.resolve() == other.resolve()
    return False


def _maximum(points: float | None, book: "Gradebook | None") -> float | None:
    """How many points there are; None where nobody says."""
    if points is not None and not 0 < points <= _MOST_POINTS:
        raise UnusableInput(
            f"--points {points:g} cannot be given: name a number above 0, of {_MOST_POINTS:,.0f} at the most."
        )
    known = book.maximum if book else None
    if known is not None and not known:
        raise UnusableInput(f"{book.csv.path if book else ''} has 0 points for this assignment: set them there first.")
    if points is not None and known is not None and not math.isclose(points, known):
        where = book.csv.path if book else ""
        raise UnusableInput(f"--points {points:g} is not the maximum that {where} has, {known:g}: leave it out.")
    return points or known


def _entered(marks: "Marks", book: "Gradebook") -> "Marks":
    """The marks with what could not be entered among the problems, and with whose grade was replaced."""
    from dataclasses import replace

    from xlbackprop.grading.gradebooks import Entry
    from xlbackprop.grading.results import Problem, feedback_lines, ungraded_lines

    def entry(person: "Person", points: float | None, lines: list[str]) -> Entry:
        return Entry(person, points, [*map(shown, lines)])

    marked = [entry(mark.person, mark.points, feedback_lines(mark, marks.maximum)) for mark in marks.marks]
    others = [entry(person, None, ungraded_lines(person, why)) for person, why in marks.ungraded.items()]
    entered = book.enter([*marked, *others])
    refused = [Problem(why, person) for person, why in entered.refused]
    remarks = list(marks.remarks)
    if entered.replaced:
        names = ", ".join(person.name for person in entered.replaced)
        remarks.append(f"Another grade stood in {book.csv.path} and was replaced: {names}.")
    return replace(marks, problems=(*marks.problems, *refused), remarks=tuple(remarks))


def _print_marks(marks: "Marks") -> None:
    width = max((len(shown(mark.person.name)) for mark in marks.marks), default=0)
    for mark in marks.marks:
        say(f"{shown(mark.person.name):<{width}}  {mark.points:>6.2f}  {mark.file}")
        for note in mark.handing_in:
            say(f"    Note: {note}.")
    for problem in marks.problems:
        say(f"{problem.person.name}: {problem.sentence}" if problem.person else problem.sentence)
    for remark in marks.remarks:
        say(remark)
    for likeness in marks.likenesses:
        say(f"Question: {likeness.question}")
    say(_summary(marks))


def _summary(marks: "Marks") -> str:
    from statistics import median

    from xlbackprop.report.text import count

    of = f"{len(marks.marks)} of " if marks.ungraded else ""
    text = f"{of}{count(len(marks.marks) + len(marks.ungraded), 'submission')} graded"
    if marks.marks:
        text += f", the median is {median(mark.points for mark in marks.marks):.2f} of {marks.maximum:g} points"
    return f"{text}."


def _not_graded(marks: "Marks") -> str:
    problems = [f"{one.person.name}: {one.sentence}" if one.person else one.sentence for one in marks.problems]
    if len(problems) == 1:
        return problems[0]
    return f"{len(problems)} things could not be graded or entered: see their sentences."
