"""Submissions that share more than chance allows: questions for the teacher, who knows what was handed out."""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

from xlbackprop.grading.traces import Trace, TraceKind

#: What so many share may be a group's; what more than half of a class shares was handed out.
_SMALL_GROUP = 3
#: A slip that more than this part of a class makes is a common one.
_COMMON = 0.1
#: So many slips that are not common, in whole columns, are no chance.
_FEWEST_SLIPS = 2


@dataclass(frozen=True)
class Likeness:
    """Some people whose workbooks share something.

    Attributes:
        names: of the people.
        shared: what it is, each as the end of a sentence.
    """

    names: tuple[str, ...]
    shared: tuple[str, ...]

    @property
    def question(self) -> str:
        """What to ask oneself, as a sentence."""
        return f"{_listed(self.names)} share: {'; '.join(self.shared)}. Did they work together?"


def likenesses(found: Mapping[str, Sequence[Trace]]) -> list[Likeness]:
    """The people whose workbooks share something, those that share most first.

    Args:
        found: the traces of each person's workbook, by name.
    """
    holders: dict[tuple[TraceKind, str], list[str]] = defaultdict(list)
    words: dict[tuple[TraceKind, str], str] = {}
    for name, traces in found.items():
        for trace in traces:
            holders[trace.kind, trace.key].append(name)
            words[trace.kind, trace.key] = trace.words
    shared: dict[tuple[str, ...], list[str]] = defaultdict(list)
    weak: dict[tuple[str, ...], list[str]] = defaultdict(list)
    for (kind, key), names in holders.items():
        if len(names) < 2:
            continue
        if kind is TraceKind.SLIP:
            if len(names) <= max(2, _COMMON * len(found)):
                for couple in combinations(names, 2):
                    weak[couple].append(words[kind, key])
        elif kind is not TraceKind.AUTHOR and (kind is TraceKind.FILE or _is_rare(len(names), len(found))):
            shared[tuple(names)].append(words[kind, key])
    for both, slips in weak.items():
        if len(slips) >= _FEWEST_SLIPS:
            shared[both] += slips
    for name, other in _saved_by_another(found):
        shared[name, other].append(f"the workbook of {name} was saved under the name of {other}")
    result = [Likeness(names, tuple(dict.fromkeys(reasons))) for names, reasons in shared.items()]
    return sorted(result, key=lambda one: (-len(one.shared), one.names))


def _is_rare(holders: int, people: int) -> bool:
    return holders <= max(_SMALL_GROUP, people / 2)


def _saved_by_another(found: Mapping[str, Sequence[Trace]]) -> Iterator[tuple[str, str]]:
    by_name = {name.casefold(): name for name in found}
    for name, traces in found.items():
        for trace in traces:
            other = by_name.get(trace.key.casefold()) if trace.kind is TraceKind.AUTHOR else None
            if other is not None and other != name:
                yield name, other


def _listed(names: Sequence[str]) -> str:
    return f"{', '.join(names[:-1])} and {names[-1]}"
