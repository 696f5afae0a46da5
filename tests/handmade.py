"""Workbooks as people make them by hand: one table in many layouts, spellings and shapes of formula.

Formulas are written here once more, as a student would write them, with `{w5}` for the cell of w5 in
the same row and `{-w5}` for the one in the row above; nothing of the package is used for that.
"""

import random
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from openpyxl import Workbook
from openpyxl.utils import get_column_letter
from openpyxl.worksheet.worksheet import Worksheet

CONSTANTS = ("t1", "t2", "i1", "i2")
WEIGHTS = tuple(f"w{n}" for n in range(1, 9))
GRADIENTS = tuple(f"dE_dw{n}" for n in range(1, 9))
CLASSIC = (
    *CONSTANTS, "w1", "w2", "w3", "w4", "h1", "a_h1", "h2", "a_h2", "w5", "w6", "w7", "w8",
    "o1", "a_o1", "o2", "a_o2", "E1", "E2", "E_total", *GRADIENTS,
)  # fmt: skip

#: The parameter sets in circulation.
START_A = {"t1": 0.01, "t2": 0.99, "i1": 0.05, "i2": 0.1} | dict(
    zip(WEIGHTS, (0.15, 0.2, 0.25, 0.3, 0.4, 0.45, 0.5, 0.55), strict=True)
)
START_B = START_A | {"t1": 0.5, "t2": 0.5}
START_C = START_A | dict(zip(WEIGHTS, (0.3, 0.5, -0.2, 0.7, 0.1, -0.6, 0.3, -0.9), strict=True))

_DELTA = {k: f"({{a_o{k}}}-{{t{k}}})*{{a_o{k}}}*(1-{{a_o{k}}})" for k in (1, 2)}
_FLOW = {1: f"({_DELTA[1]}*{{w5}}+{_DELTA[2]}*{{w7}})", 2: f"({_DELTA[1]}*{{w6}}+{_DELTA[2]}*{{w8}})"}


def _hidden(neuron: int, source: int) -> str:
    return f"{_FLOW[neuron]}*{{a_h{neuron}}}*(1-{{a_h{neuron}}})*{{i{source}}}"


#: The 27 columns of formulas, as they stand in most workbooks.
FORMULAS: dict[str, str] = {
    "h1": "{w1}*{i1}+{w2}*{i2}",
    "h2": "{w3}*{i1}+{w4}*{i2}",
    "a_h1": "1/(1+EXP(-{h1}))",
    "a_h2": "1/(1+EXP(-{h2}))",
    "o1": "{w5}*{a_h1}+{w6}*{a_h2}",
    "o2": "{w7}*{a_h1}+{w8}*{a_h2}",
    "a_o1": "1/(1+EXP(-{o1}))",
    "a_o2": "1/(1+EXP(-{o2}))",
    "E1": "0.5*({t1}-{a_o1})^2",
    "E2": "0.5*({t2}-{a_o2})^2",
    "E_total": "{E1}+{E2}",
    "dE_dw1": _hidden(1, 1),
    "dE_dw2": _hidden(1, 2),
    "dE_dw3": _hidden(2, 1),
    "dE_dw4": _hidden(2, 2),
    "dE_dw5": f"{_DELTA[1]}*{{a_h1}}",
    "dE_dw6": f"{_DELTA[1]}*{{a_h2}}",
    "dE_dw7": f"{_DELTA[2]}*{{a_h1}}",
    "dE_dw8": f"{_DELTA[2]}*{{a_h2}}",
} | {w: f"{{-{w}}}-{{eta}}*{{-dE_d{w}}}" for w in WEIGHTS}

#: The same in other shapes: expanded, with other functions, by way of other cells.
SHAPES: dict[str, tuple[str, ...]] = {
    "h1": ("SUMPRODUCT({i1}:{i2},{w1}:{w2})", "SUM({w1}*{i1},{w2}*{i2})", "+{i2}*{w2}+{i1}*{w1}"),
    "h2": ("({w3}*{i1})+({w4}*{i2})", "PRODUCT({w3},{i1})+PRODUCT({w4},{i2})"),
    "a_h1": ("1-1/(1+EXP({h1}))", "EXP({h1})/(1+EXP({h1}))", "(1+EXP(-{h1}))^-1", "1/(1+EXP(-({w1}*{i1}+{w2}*{i2})))"),
    "a_h2": ("POWER(1+EXP(-{h2}),-1)", "(1+TANH({h2}/2))/2", "1/(1+EXP(0-{h2}))", "1/(EXP(-{h2})+1)"),
    "o1": ("{a_h1}*{w5}+{a_h2}*{w6}", "SUM({a_h1}*{w5},{a_h2}*{w6})"),
    "o2": ("{a_h2}*{w8}+{a_h1}*{w7}",),
    "a_o1": ("1/(1+1/EXP({o1}))", "1/(1+2.718281828459045^(-{o1}))"),
    "a_o2": ("1/(1+EXP(-1*{o2}))",),
    "E1": (
        "POWER({t1}-{a_o1},2)/2",
        "({a_o1}-{t1})^2/2",
        "(1/2)*POWER(({t1}-{a_o1}),2)",
        "0.5*({t1}-{a_o1})*({t1}-{a_o1})",
        "0.5*({t1}^2-2*{t1}*{a_o1}+{a_o1}^2)",
        "SUMSQ({t1}-{a_o1})/2",
    ),
    "E2": ("1/2*({t2}-{a_o2})^2",),
    "E_total": ("SUM({E1},{E2})", "SUM({E1}:{E2})", "0.5*(({t1}-{a_o1})^2+({t2}-{a_o2})^2)"),
    "dE_dw1": (
        "-" + _hidden(1, 1).replace("{a_o1}-{t1}", "{t1}-{a_o1}").replace("{a_o2}-{t2}", "{t2}-{a_o2}"),
        "{i1}*({dE_dw5}/{a_h1}*{w5}+{dE_dw7}/{a_h1}*{w7})*({a_h1}-{a_h1}^2)",
    ),
    "dE_dw2": ("{dE_dw1}*{i2}/{i1}", "({dE_dw1}/{i1})*{i2}"),
    "dE_dw3": (f"{_FLOW[2]}*({{a_h2}}-POWER({{a_h2}},2))*{{i1}}",),
    "dE_dw4": ("{dE_dw3}/{i1}*{i2}",),
    "dE_dw5": ("-({t1}-{a_o1})*{a_o1}*(1-{a_o1})*{a_h1}", "({a_o1}-{t1})*({a_o1}-{a_o1}^2)*{a_h1}"),
    "dE_dw6": ("{dE_dw5}/{a_h1}*{a_h2}",),
    "dE_dw7": ("PRODUCT({a_o2}-{t2},{a_o2},1-{a_o2},{a_h1})",),
    "dE_dw8": ("({a_o2}-{t2})*({a_o2})*(1-{a_o2})*({a_h2})",),
} | {w: (f"{{-{w}}}-({{eta}}*{{-dE_d{w}}})", f"{{-{w}}}+(-{{eta}})*{{-dE_d{w}}}") for w in WEIGHTS}  # fmt: skip

_SIGNS = ("∂E/∂", "𝟃E/𝟃", "𝜕E_t/𝜕", "δE/δ", "dE/d", "∂E_total / ∂", "E∂", "E-d", "d", "∂Etotal\n/∂", "dE_d")


@dataclass(frozen=True)
class Layout:
    """How a table is laid out.

    Attributes:
        order: the columns.
        sign: how a gradient's header begins.
        activation, total: how the headers of a_h1 and E_total are written.
        header_row, first_column: where the headers stand.
        eta: `cell`, `column`, `block` or `number`: where the learning rate stands.
        label: what stands beside the learning rate.
        constants: `columns`, `block` or `labels`: where inputs and targets stand.
        gap: blank columns after these.
        group_row, units_row: whether a row of groups stands above the headers, or one of units below.
        fixed_columns: whether formulas fix the columns: `$C3`.
    """

    order: tuple[str, ...] = CLASSIC
    sign: str = "∂E/∂"
    activation: str = "a_"
    total: str = "E_total"
    header_row: int = 5
    first_column: int = 1
    eta: str = "cell"
    label: str = "η"
    constants: str = "columns"
    gap: tuple[str, ...] = ()
    group_row: bool = False
    units_row: bool = False
    fixed_columns: bool = False


@dataclass(frozen=True)
class Handmade:
    """A table to be written.

    Attributes:
        layout: where everything stands.
        start: the start values.
        rate: the learning rate.
        steps: the number of updates.
        formulas: the formula of each column.
        cells: what stands in single cells instead, by name and step: a formula, a number or nothing.
        relative_eta: the weights whose update refers to the learning rate without `$`.
    """

    layout: Layout = Layout()
    start: Mapping[str, float] = field(default_factory=lambda: START_A)
    rate: float = 0.5
    steps: int = 8
    formulas: Mapping[str, str] = field(default_factory=lambda: FORMULAS)
    cells: Mapping[tuple[str, int], str | float | None] = field(default_factory=dict)
    relative_eta: frozenset[str] = frozenset()

    def with_formula(self, name: str, formula: str) -> "Handmade":
        return replace(self, formulas=dict(self.formulas) | {name: formula})


def random_layout(generator: random.Random) -> Layout:
    """A layout as somebody might choose it."""
    constants = generator.choice(("columns", "columns", "columns", "block", "labels"))
    order = [name for name in CLASSIC if constants == "columns" or name not in CONSTANTS]
    kind = generator.randrange(4)
    if kind == 1:
        order = [
            *(n for n in order if n in CONSTANTS),
            *WEIGHTS,
            *(n for n in order if n not in (*CONSTANTS, *WEIGHTS)),
        ]
    elif kind == 2:
        order = [*(n for n in order if n not in CONSTANTS), *(n for n in order if n in CONSTANTS)]
    elif kind == 3:
        generator.shuffle(order)
    eta = generator.choice(("cell", "cell", "cell", "column", "block", "number"))
    return Layout(
        order=tuple(order),
        sign=generator.choice(_SIGNS),
        activation=generator.choice(("a_", "out_", "act_", "a", "A_")),
        total=generator.choice(("E_total", "E_tot", "Etotal", "E_t", "E_TOTAL", "E", "Total error")),
        header_row=generator.randint(4, 49) if constants == "columns" else generator.randint(14, 49),
        first_column=generator.randint(1, 6),
        eta=eta,
        label=generator.choice(("η", "η =", "lr", "LR", "LR=", "learning rate", "Learning_rate", "alpha")),
        constants=constants,
        gap=tuple(generator.sample(sorted(set(order)), generator.choice((0, 0, 2)))),
        group_row=generator.random() < 0.3,
        units_row=generator.random() < 0.2,
        fixed_columns=generator.random() < 0.3,
    )


def write(path: Path, *tables: Handmade, names: tuple[str, ...] = ()) -> Path:
    """Write a workbook with a sheet a table, without stored values."""
    book = Workbook()
    for n, table in enumerate(tables):
        sheet = book.active if n == 0 else book.create_sheet()
        assert isinstance(sheet, Worksheet)
        sheet.title = names[n] if names else f"Sheet{n + 1}"
        write_table(sheet, table)
    book.save(path)
    return path


def write_table(sheet: Worksheet, table: Handmade) -> dict[str, int]:
    """Write a table into a sheet; gives the column of each quantity."""
    layout = table.layout
    columns: dict[str, int] = {}
    column = layout.first_column
    for name in (*(("eta",) if layout.eta == "column" else ()), *layout.order):
        columns[name] = column
        column += 2 if name in layout.gap else 1
    single = _single_cells(sheet, table, columns)
    for name, column in columns.items():
        sheet.cell(layout.header_row, column, _header(layout, name))
        if layout.units_row:
            sheet.cell(layout.header_row + 1, column, "-")
        if layout.group_row and name in ("w1", "h1", "dE_dw1"):
            sheet.cell(layout.header_row - 1, column, {"w": "Weights", "h": "Forward pass", "d": "Gradients"}[name[0]])
    first = layout.header_row + 1 + layout.units_row

    for step in range(table.steps + 1):
        for name, column in columns.items():
            sheet.cell(first + step, column, _content(table, name, step, first + step, columns, single))
    return columns


def _content(
    table: Handmade, name: str, step: int, row: int, columns: Mapping[str, int], single: Mapping[str, str]
) -> str | float | None:
    if (name, step) in table.cells:
        content = table.cells[name, step]
    elif name == "eta":
        content = table.rate
    elif name in CONSTANTS or (name in WEIGHTS and step == 0):
        content = table.start[name]
    else:
        content = "=" + table.formulas[name]
    if not isinstance(content, str):
        return content

    def cell(match: re.Match[str]) -> str:
        above, of = len(match[1]), match[2]
        if of == "eta" and table.layout.eta == "number":
            return f"{table.rate}"
        if of == "eta" and name in table.relative_eta:
            letters, number = (
                place.groups() if (place := re.fullmatch(r"\$([A-Z]+)\$(\d+)", single["eta"])) else ("", 0)
            )
            return f"{letters}{int(number) + step - 1}"
        if of in single:
            return single[of]
        mark = "$" if table.layout.fixed_columns else ""
        return f"{mark}{get_column_letter(columns[of])}{row - above - (of == 'eta')}"

    return re.sub(r"\{(-*)(\w+)\}", cell, content)


def _single_cells(sheet: Worksheet, table: Handmade, columns: Mapping[str, int]) -> dict[str, str]:
    layout, found = table.layout, dict[str, str]()
    column = layout.first_column + 2
    if layout.constants == "labels":
        for n, name in enumerate(CONSTANTS):
            sheet.cell(2 + n, column, name)
            sheet.cell(2 + n, column + 1, table.start[name])
            found[name] = f"${get_column_letter(column + 1)}${2 + n}"
    block = [*(CONSTANTS if layout.constants == "block" else ()), *(("eta",) if layout.eta == "block" else ())]
    for n, name in enumerate(block):
        sheet.cell(8, column + n, layout.label if name == "eta" else name)
        sheet.cell(9, column + n, table.rate if name == "eta" else table.start[name])
        found[name] = f"${get_column_letter(column + n)}$9"
    if layout.eta == "block" and layout.constants == "columns" and layout.header_row < 11:
        # no room for the block above the headers
        right = max(columns.values()) + 3
        for row in (8, 9):
            sheet.cell(row, column).value = None
        sheet.cell(1, right, layout.label)
        sheet.cell(2, right, table.rate)
        found["eta"] = f"${get_column_letter(right)}$2"
    if layout.eta == "cell":
        sheet.cell(1, column, layout.label)
        sheet.cell(1, column + 1, table.rate)
        found["eta"] = f"${get_column_letter(column + 1)}$1"
    return found


def _header(layout: Layout, name: str) -> str:
    if name.startswith("dE_d"):
        return layout.sign + name.removeprefix("dE_d")
    if name == "E_total":
        return layout.total
    if name == "eta":
        return layout.label
    return layout.activation + name.removeprefix("a_") if name.startswith("a_") else name


def slips(name: str) -> Iterator[tuple[str, str]]:
    """Every wrong formula of a column that one slip of the pen makes, with the kind of slip."""
    formula = FORMULAS[name]
    others = [*FORMULAS, *CONSTANTS]
    for match in re.finditer(r"\{(-?)(\w+)\}", formula):
        mark, used = match.groups()
        kind = re.sub(r"\d", "", used)
        for other in others:
            if other != used and re.sub(r"\d", "", other) == kind and not (mark and other == name):
                yield "another index", _put(formula, match, f"{{{mark}{other}}}")
        yield "squared", _put(formula, match, f"{{{mark}{used}}}^2")
        yield "doubled", _put(formula, match, f"2*{{{mark}{used}}}")
        yield "negated", _put(formula, match, f"(-{{{mark}{used}}})")
        if used not in (*CONSTANTS, "eta"):
            yield "a row too high", _put(formula, match, f"{{{mark}-{used}}}")
    for match in re.finditer(r"\*(\{-?\w+\}|\(1-\{\w+\}\))", formula):
        yield "factor missing", _put(formula, match, "")
        yield "factor twice", _put(formula, match, match[0] * 2)
    for match in re.finditer(r"(?<=[})])[-+*](?=[{(])", formula):
        for sign in "+-*":
            if sign != match[0]:
                yield f"{sign} for {match[0]}", _put(formula, match, sign)
    for match in re.finditer(r"\(1-", formula):
        yield "1+ for 1-", _put(formula, match, "(1+")
        yield "1 missing", _put(formula, match, "(-")
    for match in re.finditer(r"EXP\(-", formula):
        yield "sign of the exponent", _put(formula, match, "EXP(")
    for match in re.finditer(r"0\.5\*", formula):
        yield "half missing", _put(formula, match, "")
    for match in re.finditer(r"\^2", formula):
        yield "square missing", _put(formula, match, "")
    if name == "dE_dw3" or name == "dE_dw4":
        yield "the other neuron's derivative", formula.replace("{a_h2}", "{a_h1}")
    if name == "dE_dw1" or name == "dE_dw2":
        yield "the other neuron's derivative", formula.replace("{a_h1}", "{a_h2}")
    if name in GRADIENTS[:4]:
        yield "output 2's path twice", formula.replace(_DELTA[1], _DELTA[2])
    yield "wrong sign", f"-({formula})"


def _put(formula: str, match: re.Match[str], text: str) -> str:
    return formula[: match.start()] + text + formula[match.end() :]
