"""Workbooks of ours, as they were built and after somebody edited them."""

import re
import zipfile
from collections.abc import Callable, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

from openpyxl import Workbook, load_workbook

from tests.golden.running import run

#: What is built, before anything is edited.
SOURCES = {
    "A": "--lrs 0.5,2 --steps 5",
    "deep": "--template deep --lrs 0.1 --steps 3",
    "softmax": "--template softmax --lrs 0.5 --steps 3 --protect",
    "mazur": "--template mazur --lrs 0.5 --steps 4 --seed 5",
}


def _put(sheet: str, **contents: str | float | None) -> Callable[[Workbook], None]:
    """An edit that puts something into cells of a sheet."""

    def edit(book: Workbook) -> None:
        for address, content in contents.items():
            book[sheet][address] = content

    return edit


def _changed(sheet: str, address: str, old: str, new: str) -> Callable[[Workbook], None]:
    """An edit that changes something in the formula of a cell."""

    def edit(book: Workbook) -> None:
        formula = book[sheet][address].value
        assert old in formula, f"{sheet}!{address} holds {formula}"
        book[sheet][address] = formula.replace(old, new)

    return edit


def _without_sheet(name: str) -> Callable[[Workbook], None]:
    return lambda book: book.remove(book[name])


def _slip_in_a_column(book: Workbook) -> None:
    """The derivative of the other neuron, all the way down."""
    sheet = book["η=2"]
    for row in range(4, 10):
        sheet[f"L{row}"] = f"=1/(1+EXP(K{row}))"


def _pasted_column(book: Workbook) -> None:
    for row in range(5, 10):
        book["η=0.5"][f"G{row}"] = 0.15 - row * 1e-4


def _shorter(book: Workbook) -> None:
    book["η=0.5"].delete_rows(8, 2)


def _renamed(book: Workbook) -> None:
    book["η=0.5"].title = "half"


def _of_another_version(book: Workbook) -> None:
    for row in book["Network"].iter_rows():
        for label, fact in pairwise(row):
            if label.value == "made by":
                fact.value = "xlbackprop 0.0.1"


#: What is edited: the workbook that is built, and what somebody does to it.
EDITS: dict[str, tuple[str, Callable[[Workbook], None]]] = {
    "saved": ("A", lambda book: None),
    "deep saved": ("deep", lambda book: None),
    "softmax saved": ("softmax", lambda book: None),
    "mazur saved": ("mazur", lambda book: None),
    "a formula": ("A", _put("η=2", K7="=G7*E7+H7*E7")),
    "a number over h1": ("A", _put("η=0.5", K6=0.03)),
    "the same number over h1": ("A", _put("η=0.5", K4=0.0275)),
    "a number over an update": ("A", _put("η=2", G8=0.1)),
    "a column": ("A", _slip_in_a_column),
    "a pasted column": ("A", _pasted_column),
    "an empty cell": ("A", _put("η=0.5", T7=None)),
    "an error": ("A", _put("η=0.5", T7="=1/0")),
    "a word": ("A", _put("η=0.5", T7="none")),
    "the comparison": ("A", _changed("Comparison", "C24", "Y5", "Y6")),
    "a number in the comparison": ("A", _put("Comparison", C24=0.2)),
    "the check sheet": ("A", _put("Check", J9=0)),
    "the derivation": ("A", _put("Derivation", B23="=H13+H11")),
    "the gradient check": ("A", _put("Gradient check", G6="=1")),
    "an input": ("A", _put("Network", B5=0.3)),
    "a target": ("A", _put("Network", B9=0.25)),
    "a start weight": ("A", _put("Network", B13=-0.7)),
    "a word for a start weight": ("A", _put("Network", B13="big")),
    "no start weight": ("A", _put("Network", B14=None)),
    "a formula for an input": ("A", _put("Network", B6="=B5*2")),
    "eta": ("A", _put("η=0.5", C2=0.7)),
    "a negative eta": ("A", _put("η=0.5", C2=-1)),
    "a word for eta": ("A", _put("η=0.5", C2="fast")),
    "a header": ("A", _put("η=0.5", G3="weight")),
    "a step": ("A", _put("η=0.5", A7=7)),
    "a linked weight": ("A", _put("η=2", G4=0.2)),
    "two wrong cells": ("A", _put("η=2", K7="=G7", L8="=K8")),
    "fewer rows": ("A", _shorter),
    "a renamed sheet": ("A", _renamed),
    "no comparison": ("A", _without_sheet("Comparison")),
    "no check sheet": ("A", _without_sheet("Check")),
    "no network": ("A", _without_sheet("Network")),
    "no training": ("A", _without_sheet("η=2")),
    "another version": ("A", _of_another_version),
    "softmax, a target": ("softmax", _put("Network", B9=1.0)),
    "deep, a formula": ("deep", _put("η=0.1", Q6="=1")),
    "mazur, a formula": ("mazur", _put("η=0.5", O6="=1")),
}

#: Of these the printed text is recorded too.
SHOWN = ("A", "saved", "a formula", "a number over h1", "the comparison", "eta", "two wrong cells", "another version")

#: Stored values that are not what the formulas give, which only a file that was not saved again can hold.
STORED = "stored"


#: In so many parts the files are recorded.
PARTS = 3


def names_of(part: int) -> list[str]:
    """The names of the files of a part."""
    return [*SOURCES, *EDITS, STORED][part::PARTS]


def write_edited(folder: Path, names: Sequence[str]) -> list[str]:
    """Write some of the workbooks; gives the names of the files."""
    for name, options in SOURCES.items():
        if name in names or any(EDITS[edited][0] == name for edited in names if edited in EDITS) or name == "A":
            assert run(folder, "build", "-o", f"{name}.xlsx", *options.split())["exit"] == 0
    for name in names:
        if name in EDITS:
            source, edit = EDITS[name]
            book = load_workbook(folder / f"{source}.xlsx")
            edit(book)
            book.save(folder / f"{name}.xlsx")
    if STORED in names:
        _store_another_value(folder / "A.xlsx", folder / f"{STORED}.xlsx")
    return [f"{name}.xlsx" for name in names]


def _store_another_value(source: Path, path: Path) -> None:
    """Change the stored value of a cell of the first training sheet, and not its formula."""
    with zipfile.ZipFile(source) as package, zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as copy:
        for name in package.namelist():
            content = package.read(name)
            if name == "xl/worksheets/sheet4.xml":
                content, changed = re.subn(rb'(<c r="K6"[^>]*><f>[^<]*</f><v>)[^<]*', rb"\g<1>0.5", content)
                assert changed == 1
            copy.writestr(name, content)


def record_edited(folder: Path, part: int) -> dict[str, Any]:
    """What `verify` and `check` say about each of the files of a part."""
    names = write_edited(folder, names_of(part))
    said = {f"verify {name} --json": run(folder, "verify", name, "--json") for name in names}
    shown = [f"{name}.xlsx" for name in SHOWN if f"{name}.xlsx" in names]
    for name in shown:
        said[f"verify {name} --details"] = run(folder, "verify", name, "--details")
    said["verify"] = run(folder, "verify", shown[-1])
    said["check --json"] = run(folder, "check", *names, "--json")
    said["check"] = run(folder, "check", *shown)
    if part == 0:
        said["check --csv"] = run(folder, "check", *shown, "--csv")
    return said
