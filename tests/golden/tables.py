"""Some two hundred tables as people make them, right and wrong, in files of several sheets; drawn with fixed seeds."""

import math
import random
import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path

from openpyxl import Workbook

from tests.handmade import (
    CLASSIC,
    FORMULAS,
    GRADIENTS,
    SHAPES,
    START_A,
    START_B,
    START_C,
    WEIGHTS,
    Handmade,
    Layout,
    random_layout,
    slips,
    write,
    write_table,
)

#: The groups of files; each is checked by one command.
GROUPS = ("right", "slips", "pasted", "gaps", "updates", "several", "unusable")

_SHEETS = 5


def write_group(folder: Path, group: str) -> list[str]:
    """Write the files of a group; gives their names."""
    makers: dict[str, Callable[[Path], None]] = {
        "right": partial(_write_tables, tables=list(_right())),
        "slips": partial(_write_tables, tables=list(_slips())),
        "pasted": partial(_write_tables, tables=list(_pasted())),
        "gaps": partial(_write_tables, tables=list(_gaps())),
        "updates": partial(_write_tables, tables=list(_updates())),
        "several": _write_several,
        "unusable": _write_unusable,
    }
    makers[group](folder)
    return sorted(path.name for path in folder.iterdir())


def _write_tables(folder: Path, tables: list[Handmade]) -> None:
    for n in range(0, len(tables), _SHEETS):
        write(folder / f"tables{n // _SHEETS:02}.xlsx", *tables[n : n + _SHEETS])


def random_table(generator: random.Random) -> Handmade:
    """A right table as somebody might make it."""
    layout = random_layout(generator)
    drawn = {name: round(generator.choice((-1, 1)) * generator.uniform(0.01, 2), 4) for name in START_A}
    formulas = {name: generator.choice([FORMULAS[name], *SHAPES[name]]) for name in FORMULAS}
    if layout.order != CLASSIC or layout.gap:
        # a range of cells needs its columns side by side
        formulas |= {name: FORMULAS[name] for name in FORMULAS if ":" in formulas[name]}
    rate = generator.choice((0.01, 0.1, 0.5, 1.0, 2.0, 10.0, 20.0))
    start = generator.choice((START_A, START_B, START_C, drawn))
    return Handmade(layout, start, rate=rate, steps=generator.choice((3, 6, 8)), formulas=formulas)


def _right() -> Iterator[Handmade]:
    generator = random.Random(11)
    for n in range(60):
        # in some files all tables begin alike, as in a homework, in the others each as it likes
        drawn = random_table(generator)
        yield drawn if n < 30 else replace(drawn, start=(START_A, START_C)[n // _SHEETS % 2])


def _slips() -> Iterator[Handmade]:
    """Three slips in every column of formulas, then one of each kind."""
    generator = random.Random(12)
    kinds: dict[str, list[tuple[str, str]]] = {}
    for name in FORMULAS:
        planted = list(slips(name))
        for kind, formula in planted:
            kinds.setdefault(kind, []).append((name, formula))
        for _, formula in generator.sample(planted, 3):
            yield replace(random_table(generator), start=START_C).with_formula(name, formula)
    for kind in sorted(kinds):
        name, formula = generator.choice(kinds[kind])
        yield Handmade(start=START_C, steps=5).with_formula(name, formula)


def _pasted() -> Iterator[Handmade]:
    """Numbers where formulas belong: whole columns and single cells, exact, as shown, and wrong."""
    generator = random.Random(13)
    for digits in (15, 4):
        for names in (("w5",), ("h1", "a_h1"), GRADIENTS, WEIGHTS, ("E_total",), tuple(FORMULAS)):
            table = replace(random_table(generator), start=START_C, steps=5)
            yield _with_numbers(table, names, range(1, 6), digits)
        for step in (1, 3, 5):
            table = replace(random_table(generator), start=START_C, steps=5)
            yield _with_numbers(table, (generator.choice(list(FORMULAS)),), range(step, step + 1), digits)
    for name, number in (("a_o1", 0.7), ("w3", 0.0), ("dE_dw6", -1.5), ("E1", 1e6), ("o2", -3.0)):
        table = replace(random_table(generator), start=START_A, steps=5)
        yield replace(table, cells={(name, 3): number})


def _with_numbers(table: Handmade, names: tuple[str, ...], steps: range, digits: int) -> Handmade:
    values = _trained(table)
    return replace(table, cells={(name, step): round(values[step][name], digits) for name in names for step in steps})


def _trained(table: Handmade) -> list[dict[str, float]]:
    """The values of every step of a right table, by its formulas in their plain form."""
    rows: list[dict[str, float]] = []
    for step in range(table.steps + 1):
        above = rows[-1] if rows else {}
        row = dict(table.start) | {"eta": table.rate}
        if step:
            row |= {w: above[w] - table.rate * above[f"dE_d{w}"] for w in WEIGHTS}
        for name in CLASSIC:
            if name not in row:
                row[name] = _value(FORMULAS[name], row)
        rows.append(row)
    return rows


def _value(formula: str, row: dict[str, float]) -> float:
    text = re.sub(r"\{(\w+)\}", r"(row['\1'])", formula).replace("^", "**").replace("EXP", "exp")
    return float(eval(text, {"exp": math.exp, "row": row}))


def _gaps() -> Iterator[Handmade]:
    """Columns left out, cells left empty, errors and words among the numbers."""
    generator = random.Random(14)
    left_out = (
        ("E_total",), ("E1", "E2"), ("h1",), ("o1", "o2"), ("a_h1", "a_h2"), ("dE_dw1",), GRADIENTS[:4], GRADIENTS,
        ("h1", "h2", "o1", "o2"), ("E1", "E2", "E_total"), ("a_o1",), ("h1", "h2", "a_h1", "a_h2"),
    )  # fmt: skip
    for names in left_out:
        yield _without(Handmade(start=START_C, steps=4), names)
    contents: tuple[str | float | None, ...] = (None, "=1/0", "=#REF!", "=NOSUCH({w1})", "=", "'n/a", '=""', 7.0)
    for content in contents:
        name = generator.choice(list(FORMULAS))
        yield replace(random_table(generator), start=START_A, steps=5, cells={(name, 2): content})
    for name in ("w1", "t1", "i2"):
        yield Handmade(steps=4, cells={(name, 0): None})
    yield Handmade(steps=0)
    yield Handmade(steps=1)
    yield Handmade(steps=4, cells={(name, 4): None for name in FORMULAS})
    yield Handmade(steps=6, cells={(name, 3): None for name in (*FORMULAS, "t1", "t2", "i1", "i2")})


def _without(table: Handmade, names: tuple[str, ...]) -> Handmade:
    """A table without some columns, whose formulas stand in the others instead."""
    formulas = dict(table.formulas)
    for name in names:
        for other in formulas:
            if other != name:
                formulas[other] = re.sub(rf"\{{(-*){name}\}}", partial(_inlined, formulas[name]), formulas[other])
    order = tuple(name for name in table.layout.order if name not in names)
    return replace(table, layout=replace(table.layout, order=order), formulas=formulas)


def _inlined(formula: str, match: re.Match[str]) -> str:
    return "(" + formula.replace("{", "{" + match[1]) + ")"


def _updates() -> Iterator[Handmade]:
    """Learning rates and updates that go astray."""
    generator = random.Random(15)
    for weights in (("w1",), ("w5", "w6"), WEIGHTS):
        yield Handmade(steps=5, relative_eta=frozenset(weights))
        yield Handmade(steps=5, formulas=FORMULAS | {w: f"{{-{w}}}-0.4*{{-dE_d{w}}}" for w in weights})
        yield Handmade(steps=5, formulas=FORMULAS | {w: f"{{-{w}}}+{{eta}}*{{-dE_d{w}}}" for w in weights})
        yield Handmade(steps=5, formulas=FORMULAS | {w: f"{{-{w}}}-{{eta}}*{{dE_d{w}}}" for w in weights})
        yield Handmade(steps=5, formulas=FORMULAS | {w: f"{{-{w}}}-{{eta}}*{{--dE_d{w}}}" for w in weights})
        yield Handmade(steps=5, formulas=FORMULAS | {w: f"{{-{w}}}" for w in weights})
        yield Handmade(steps=5, formulas=FORMULAS | {w: f"{table_start(w)}-{{eta}}*{{-dE_d{w}}}" for w in weights})
    for eta in ("cell", "column", "block", "number"):
        table = Handmade(Layout(eta=eta, header_row=14), start=START_B, rate=generator.choice((0.1, 2.0)), steps=6)
        yield table
        yield replace(table, cells={("w7", 4): "{-w7}-0.25*{-dE_dw7}"})
        yield replace(table, cells={(w, 4): f"{{-{w}}}-0.25*{{-dE_d{w}}}" for w in WEIGHTS})
    yield Handmade(Layout(eta="column"), steps=6, cells={("eta", step): 0.9 for step in (4, 5, 6)})
    yield Handmade(steps=6, cells={("t1", 3): 0.5})
    yield Handmade(steps=6, cells={("i1", step): 0.06 for step in (4, 5, 6)})


def table_start(weight: str) -> str:
    """The start value of a weight, as it stands in a formula."""
    return f"{START_A[weight]}"


def _write_several(folder: Path) -> None:
    """Workbooks in which one sheet says something about another, and sheets with more than one table."""
    rates = (0.1, 0.2, 0.5)
    names = tuple(f"LR {rate}" for rate in rates)
    tables = [Handmade(rate=rate, steps=3) for rate in rates]
    write(folder / "rates.xlsx", *tables, names=names)
    write(folder / "start.xlsx", *tables[:2], replace(tables[2], start=START_A | {"w3": 0.26}), names=names)
    write(folder / "target.xlsx", *tables[:2], replace(tables[2], start=START_A | {"t2": 0.7}), names=names)
    write(folder / "same_rate.xlsx", tables[0], tables[0], names=names[:2])
    write(folder / "misnamed.xlsx", *tables, names=("LR 0.5", "LR_0.2", "eta=0.1"))
    formulas = FORMULAS | {w: f"{{-{w}}}-'LR 0.1'!$D$1*{{-dE_d{w}}}" for w in WEIGHTS}
    write(folder / "first_rate.xlsx", *(replace(table, formulas=formulas) for table in tables), names=names)
    wrong = tables[1].with_formula("dE_dw3", FORMULAS["dE_dw3"].replace("{a_h2}", "{a_h1}"))
    write(folder / "one_wrong.xlsx", tables[0], wrong, tables[2], names=names)
    write(folder / "pow.xlsx", tables[0].with_formula("E1", "POW({a_o1}-{t1},2)/2"))
    write(
        folder / "from_another_sheet.xlsx",
        tables[0],
        replace(tables[1], cells={("w1", 0): "='LR 0.1'!E6"}),
        names=names[:2],
    )
    _write_side_by_side(folder / "side_by_side.xlsx")
    _write_with_other_sheets(folder / "other_sheets.xlsx", tables[0])


def _write_side_by_side(path: Path) -> None:
    book = Workbook()
    sheet = book.active
    write_table(sheet, Handmade(steps=4))
    write_table(sheet, Handmade(Layout(first_column=45), rate=2.0, steps=4))
    below = book.create_sheet("below")
    write_table(below, Handmade(steps=4))
    write_table(below, Handmade(Layout(header_row=30, eta="number"), start=START_C, rate=0.1, steps=4))
    book.save(path)


def _write_with_other_sheets(path: Path, table: Handmade) -> None:
    book = Workbook()
    notes = book.active
    notes.title = "Notes"
    notes["A1"], notes["B1"] = "My homework", "w1"
    write_table(book.create_sheet("Training"), table)
    summary = book.create_sheet("Summary")
    for row, (label, formula) in enumerate((("E_total", "=Training!W9"), ("w1", "=Training!E9"), ("x", "=1/0")), 1):
        summary.cell(row, 1, label)
        summary.cell(row, 2, formula)
    hidden = book.create_sheet("Hidden")
    hidden.sheet_state = "hidden"
    write_table(hidden, table.with_formula("o1", "{w5}*{a_h1}+{w6}*{a_h1}"))
    book.save(path)


def _write_unusable(folder: Path) -> None:
    """Files that hold no table, or are none."""
    book = Workbook()
    book.save(folder / "empty.xlsx")
    book.active["A1"] = "step"
    book.active["B1"] = "w1"
    book.save(folder / "words.xlsx")
    write(folder / "only_headers.xlsx", Handmade(steps=0, cells={(name, 0): None for name in CLASSIC}))
    (folder / "text.xlsx").write_text("w1,w2\n1,2\n")
    (folder / "nothing.xlsx").write_bytes(b"")
    (folder / "old.xlsx").write_bytes(bytes.fromhex("d0cf11e0a1b11ae1") + bytes(600))
    whole = write(folder / "whole.xlsx", Handmade(steps=3)).read_bytes()
    (folder / "cut.xlsx").write_bytes(whole[: len(whole) // 2])
