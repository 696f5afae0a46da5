"""The page for a browser: it holds everything that was found, needs no other file, and obeys nothing in a workbook."""

import re
from collections.abc import Sequence
from html.parser import HTMLParser
from pathlib import Path

import pytest

from tests.handmade import FORMULAS, Handmade, write
from xlbackprop.check.file import check
from xlbackprop.errors import FileExists, UnusableInput
from xlbackprop.report.findings import CheckedFile, CheckedTable, Finding, Kind
from xlbackprop.report.page import page, write_page

WRONG = FORMULAS | {name: FORMULAS[name].replace("{a_h2}", "{a_h1}") for name in ("dE_dw3", "dE_dw4")}


class _Page(HTMLParser):
    """A page, taken apart; its elements must be closed in their order."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.texts: list[str] = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: Sequence[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag != "meta":
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: Sequence[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if data.strip():
            self.texts.append(data)


def wrong(folder: Path, name: str = "wrong.xlsx") -> CheckedFile:
    return check(write(folder / name, Handmade(formulas=WRONG, steps=20)))


def test_a_wrong_table_is_told_with_its_cells_formulas_and_curves(tmp_path: Path) -> None:
    found = _Page(page([wrong(tmp_path)]))
    assert not found.open
    assert any(text.startswith("∂E/∂w3 (Z6:Z26) and ∂E/∂w4 (AA6:AA26): each uses a_h1") for text in found.texts)
    assert found.texts.count("belongs into Z6:Z26") == 1
    assert "=((R6-A6)*R6*(1-R6)*N6+(T6-B6)*T6*(1-T6)*P6)*L6*(1-L6)*C6" in found.texts
    # as a piece of the sheet: letters, names, numbers of rows, and the wrong cells
    assert {"Z", "∂E/∂w3", "a_h2", "6", "8"} <= set(found.texts)
    assert sum(1 for tag, attributes in found.tags if tag == "td" and attributes.get("class") == "bad") == 3
    assert [attributes["class"] for tag, attributes in found.tags if tag == "polyline"] == ["expected", "found"]


def test_a_right_table_has_one_curve_and_no_finding(tmp_path: Path) -> None:
    found = _Page(page([check(write(tmp_path / "right.xlsx", Handmade(steps=20)))]))
    assert [attributes["class"] for tag, attributes in found.tags if tag == "polyline"] == ["right"]
    assert "section" not in dict(found.tags)


def test_a_class_begins_with_a_line_a_file_that_leads_to_it(tmp_path: Path) -> None:
    files = [wrong(tmp_path, f"{n}.xlsx") for n in range(2)] + [CheckedFile(Path("x.xlsx"), error="x.xlsx is empty.")]
    found = _Page(page(files))
    links = [attributes["href"] for tag, attributes in found.tags if tag == "a"]
    assert links == ["#file0", "#file1", "#file2"]
    assert {f"#{attributes.get('id')}" for tag, attributes in found.tags if tag == "h2"} == set(links)
    assert "x.xlsx is empty." in found.texts


def test_the_page_needs_no_other_file_and_runs_no_script(tmp_path: Path) -> None:
    text = page([wrong(tmp_path)])
    found = _Page(text)
    assert {"script", "link", "img", "iframe", "object"}.isdisjoint(tag for tag, _ in found.tags)
    assert not [name for _, attributes in found.tags for name in attributes if name == "src" or name.startswith("on")]
    assert not re.search(r"https?:|url\(|@import", text)


def test_what_is_wide_scrolls_by_itself_so_that_a_telephone_shows_the_rest(tmp_path: Path) -> None:
    text = page([wrong(tmp_path)])
    assert text.count("<table") == text.count('<div class="scroll"><table')
    assert ("meta", {"name": "viewport", "content": "width=device-width, initial-scale=1"}) in _Page(text).tags


def test_nothing_in_a_workbook_is_obeyed() -> None:
    evil = '<script>alert("1")</script>\u202e'
    finding = Finding(evil, Kind.FORMULA, "A1", 1, f"={evil}", f"={evil}", slip=evil)
    table = CheckedTable(evil, (finding,), (evil,), header_row=1, first_row=2, last_row=3, steps=1)
    text = page([CheckedFile(Path(f"{evil}.xlsx"), sheets=(table,), notes=(evil,))])
    assert "<script" not in text
    assert "\u202e" not in text
    assert not _Page(text).open


def test_a_page_is_never_overwritten_unasked_and_ends_in_html(tmp_path: Path) -> None:
    output = tmp_path / "page.html"
    write_page([wrong(tmp_path)], output)
    with pytest.raises(FileExists, match="exists already"):
        write_page([wrong(tmp_path)], output)
    write_page([wrong(tmp_path)], output, force=True)
    with pytest.raises(UnusableInput, match=r"does not end in \.html: give the page a name such as class\.html\."):
        write_page([wrong(tmp_path)], tmp_path / "page.xlsx")


def test_two_pages_of_the_same_are_the_same_bytes(tmp_path: Path) -> None:
    assert page([wrong(tmp_path)]) == page([wrong(tmp_path)])
