"""What submissions share, and whether that is more than chance allows."""

from xlbackprop.grading.likeness import likenesses
from xlbackprop.grading.traces import Trace, TraceKind


def a_class(size: int, **traces: list[Trace]) -> dict[str, list[Trace]]:
    return {f"other {n}": [] for n in range(size - len(traces))} | traces


def trace(kind: TraceKind, key: str = "k") -> Trace:
    return Trace(kind, key, f"{kind} {key}")


def names(found: dict[str, list[Trace]]) -> list[tuple[str, ...]]:
    return [one.names for one in likenesses(found)]


def test_what_two_share_is_a_question_about_both() -> None:
    shared = [trace(TraceKind.ODD_SLIP), trace(TraceKind.DIGITS)]
    (found,) = likenesses(a_class(20, jane=shared, john=shared, max=[trace(TraceKind.DIGITS, "other")]))
    assert found.names == ("jane", "john")
    assert found.question == "jane and john share: odd slip k; digits k. Did they work together?"


def test_what_half_of_a_class_shares_is_a_question_and_what_more_share_was_handed_out() -> None:
    half = {f"p{n}": [trace(TraceKind.DOCUMENT)] for n in range(10)}
    assert names(a_class(20, **half)) == [tuple(half)]
    assert names(a_class(19, **half)) == []
    # in a small class three may be a group
    assert names(dict(list(half.items())[:3])) == [("p0", "p1", "p2")]


def test_the_same_file_is_told_however_many_have_it() -> None:
    everybody = {f"p{n}": [trace(TraceKind.FILE)] for n in range(10)}
    assert names(everybody) == [tuple(everybody)]


def test_one_slip_in_a_whole_column_is_chance_and_two_rare_ones_are_not() -> None:
    slips = [trace(TraceKind.SLIP, "one"), trace(TraceKind.SLIP, "two")]
    assert names(a_class(20, jane=slips[:1], john=slips[:1])) == []
    assert names(a_class(20, jane=slips, john=slips)) == [("jane", "john")]
    # a slip that a third one makes in a class of 20 is common
    assert names(a_class(20, jane=slips, john=slips, max=slips)) == []


def test_a_workbook_saved_under_the_name_of_another_is_a_question() -> None:
    found = {
        "Jane Doe": [trace(TraceKind.AUTHOR, "john roe")],
        "John Roe": [trace(TraceKind.AUTHOR, "John Roe")],
        "Max": [trace(TraceKind.AUTHOR, "Lenovo")],
        "Moe": [trace(TraceKind.AUTHOR, "Lenovo")],
    }
    (one,) = likenesses(found)
    assert one.shared == ("the workbook of Jane Doe was saved under the name of John Roe",)


def test_those_that_share_most_come_first() -> None:
    many = [trace(TraceKind.DIGITS, str(n)) for n in range(3)]
    one = [trace(TraceKind.DIGITS, "9")]
    assert names(a_class(20, a=one, b=one, c=many, d=many)) == [("c", "d"), ("a", "b")]
