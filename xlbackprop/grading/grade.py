"""The road of a class: collect what was handed in, judge each workbook, and give one mark a person."""

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from xlbackprop.check.batch import each_apart
from xlbackprop.errors import UnusableInput
from xlbackprop.files import temporary_folder
from xlbackprop.grading.judging import Judged, judge
from xlbackprop.grading.names import Platform
from xlbackprop.grading.results import Mark, Marks, Problem, joined, read_json
from xlbackprop.grading.rosters import Roster
from xlbackprop.grading.scheme import Scheme
from xlbackprop.grading.submissions import Collection, Submission, Workbook
from xlbackprop.report.text import count

#: How the names of files end that hold what an earlier run found.
RESULTS = ".json"
_POINTS = 10.0


@dataclass(frozen=True)
class Assignment:
    """How a class is graded.

    Attributes:
        scheme: what was asked for.
        points: how many there are; None where nobody says, so that they are those of earlier runs, or ten.
        best: of several workbooks of a person the best counts, not the last.
        roster: of clones of repositories, whose each is by what its folder ends in.
    """

    scheme: Scheme
    points: float | None
    best: bool
    roster: Roster = field(default_factory=Roster)


def grade(
    sources: Sequence[Path],
    assignment: Assignment,
    *,
    copies: Path | None = None,
    aside: Sequence[Path] = (),
    on_file: Callable[[], object] = lambda: None,
) -> Marks:
    """Grade a class.

    Args:
        sources: zips, folders and workbooks; and what earlier runs wrote as JSON.
        assignment: how.
        copies: the folder for the marked copies; None for none.
        aside: files that are no submissions, wherever they lie.
        on_file: called after each workbook.

    Raises:
        UnusableInput: a source cannot be used, or no process can be started.
    """
    parts = [read_json(source) for source in sources if source.suffix.lower() == RESULTS]
    others = [source for source in sources if source.suffix.lower() != RESULTS]
    if parts and copies is not None:
        raise UnusableInput("Marked copies need the workbooks: have each part write its own.")
    points = assignment.points or next((part.maximum for part in parts), _POINTS)
    for source, part in zip((source for source in sources if source not in others), parts, strict=True):
        if not math.isclose(part.maximum, points):
            raise UnusableInput(
                f"{source} was graded for {part.maximum:g} points, and there are {points:g}: grade its workbooks anew."
            )
    if others:
        with temporary_folder() as folder:
            collection = Collection(folder, assignment.roster.accounts, aside)
            for source in others:
                collection.add(source)
            parts.append(_grade(collection, assignment, points, copies, on_file))
    whole = joined(parts, best=assignment.best)
    if not whole.marks and not whole.problems:
        raise UnusableInput(f"{sources[0]} holds no submission.")
    return replace(whole, remarks=tuple(_roll_call(whole, assignment.roster)))


def _roll_call(marks: Marks, roster: Roster) -> Iterator[str]:
    """Who of a roster handed in nothing, and what is nobody's in it, as sentences."""
    people = [*(mark.person for mark in marks.marks), *marks.ungraded]
    if not roster.names:
        return
    if missing := [name for name in roster.names if name not in {person.name for person in people}]:
        yield f"Nothing was handed in by {', '.join(missing)}."
    clones = [person.name for person in people if person.platform is Platform.NONE]
    if unknown := [name for name in clones if name not in roster.names]:
        yield f"The roster has no account for {', '.join(unknown)}."


def _grade(
    collection: Collection,
    assignment: Assignment,
    points: float,
    copies: Path | None,
    on_file: Callable[[], object],
) -> Marks:
    submissions = collection.submissions
    workbooks = [workbook for submission in submissions for workbook in submission.workbooks]
    targets = [copies / f"{n}.xlsx" if copies is not None else None for n in range(len(workbooks))]
    tasks = [
        (workbook.path, assignment.scheme, points, target) for workbook, target in zip(workbooks, targets, strict=True)
    ]
    found = each_apart(judge, tasks, on_file) if tasks else []
    judged = {workbook: (result, target) for workbook, result, target in zip(workbooks, found, targets, strict=True)}
    marks, problems = [], [Problem(sentence) for sentence in collection.refused]
    for submission in submissions:
        results = {workbook: judged[workbook] for workbook in submission.workbooks}
        problems += [Problem(sentence, submission.person) for sentence in _problems(submission, results)]
        mark = _mark(submission, results, best=assignment.best)
        if mark:
            marks.append(mark)
    return Marks(points, tuple(marks), tuple(problems))


def _problems(submission: Submission, results: Mapping[Workbook, tuple[Judged | str, Path | None]]) -> Iterator[str]:
    """Why something that a person handed in could not be graded."""
    yield from submission.problems
    for workbook, (result, _) in results.items():
        if isinstance(result, str):
            # where it was unpacked is nobody's business
            yield result.replace(str(workbook.path), workbook.name)


def _mark(
    submission: Submission, results: Mapping[Workbook, tuple[Judged | str, Path | None]], *, best: bool
) -> Mark | None:
    """The mark of a person for the last or the best workbook that could be judged; None where none could."""
    usable = [
        (workbook, result, target) for workbook, (result, target) in results.items() if isinstance(result, Judged)
    ]
    if not usable:
        return None
    is_best = best or not submission.is_last_known
    workbook, result, target = max(reversed(usable), key=lambda one: one[1].points) if is_best else usable[-1]
    handing_in = ["it was handed in late"] if submission.person.late else []
    if len(submission.workbooks) > 1:
        which = "the best" if is_best else "the last"
        why = f": {_why_best(submission)}" if is_best and not best else ""
        handing_in.append(f"of {count(len(submission.workbooks), 'workbook')} {which} counts, {workbook.leaf}{why}")
    return Mark(
        submission.person,
        workbook.name,
        workbook.leaf,
        result.points,
        result.deductions,
        tuple(handing_in),
        result.notes,
        result.traces,
        target if result.is_marked else None,
    )


def _why_best(submission: Submission) -> str:
    """Why the last workbook is not known."""
    if submission.is_clone:
        return "the files of a clone have the time of the cloning"
    return "their times do not tell which is the last"
