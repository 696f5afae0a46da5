"""A class as one page."""

from html.parser import HTMLParser

from xlbackprop.grading.class_page import class_page
from xlbackprop.grading.names import Person
from xlbackprop.grading.points import Deduction
from xlbackprop.grading.results import Mark, Marks, Problem
from xlbackprop.grading.traces import Trace, TraceKind

EVIL = "<script>alert(1)</script>&\u202e"


class Tags(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.seen: set[str] = set()

    def handle_starttag(self, tag: str, attrs) -> None:
        self.seen.add(tag)
        assert not any(name.startswith("on") or name in ("src", "href") for name, _ in attrs)
        if tag not in ("meta", "br"):
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def marks() -> Marks:
    shared = (Trace(TraceKind.FILE, "x", f"the same {EVIL}"),)
    people = [
        Mark(Person(f"{EVIL}{n}"), EVIL, EVIL, points, (Deduction(1, EVIL),), (EVIL,), (EVIL,), shared)
        for n, points in enumerate((4.0, 9.0, 10.0))
    ]
    return Marks(10, tuple(people), (Problem(EVIL, Person(EVIL)), Problem(EVIL)))


def test_nothing_that_somebody_wrote_is_a_tag_and_nothing_is_loaded() -> None:
    page = class_page(marks())
    tags = Tags()
    tags.feed(page)
    assert tags.open == []
    assert "script" not in tags.seen
    assert "\u202e" not in page
    assert "http" not in page


def test_the_page_tells_points_problems_and_questions() -> None:
    page = class_page(marks())
    for text in (
        "4 submissions, 3 graded, 10 points",
        "The median is 9.00 points",
        "Not graded",
        "Questions",
        "−1.00: ",
    ):
        assert text in page
    assert "Did they work together?" in page


def test_who_could_not_be_graded_has_a_row_and_is_counted() -> None:
    ann, cay = (Mark(Person(name), f"{name}.xlsx", f"{name}.xlsx", 9, ()) for name in ("Ann", "Cay"))
    problems = (Problem("No PDF.", Person("Ben")), Problem("Torn.", Person("Ben")), Problem("Old.", Person("Cay")))
    page = class_page(Marks(10, (ann, cay), problems, remarks=("Nothing was handed in by Dan.",)))
    assert "3 submissions, 2 graded, 10 points" in page
    table = page[page.index("<table>") :]
    assert table.index("Ann") < table.index("Ben") < table.index("Cay")
    assert '<td class="points">not graded</td><td><ul><li>No PDF.</li><li>Torn.</li></ul>' in table
    assert "Nothing was handed in by Dan." in page


def test_a_class_of_nobody_is_a_page_too() -> None:
    page = class_page(Marks(10, (), ()))
    assert "Questions" not in page
    assert "Not graded" not in page
    assert "0 submissions" in page
