"""The gallery of slips in the documentation: each is made, checked, and told as `check` tells it.

`python -m tests.gallery` prints it, as it stands in docs/checking.md.
"""

import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from tests.displayed import in_a_cell, pasted
from tests.handmade import CLASSIC, FORMULAS, START_C, WEIGHTS, Handmade, Layout, write
from xlbackprop.check.file import check
from xlbackprop.report.findings import CheckedFile
from xlbackprop.report.text import sentence_of, together

_PLAIN = Layout()
_UPDATES = {w: f"{{-{w}}}-{{eta}}*{{-dE_d{w}}}" for w in WEIGHTS}


@dataclass(frozen=True)
class Case:
    """A table with a slip.

    Attributes:
        formulas: the formulas that are other ones than in a right table.
        layout: where everything stands.
        cells: what stands in single cells.
        shown: the columns that are pasted as a cell of so many characters shows them.
        width: that many characters.
    """

    formulas: Mapping[str, str] = field(default_factory=dict)
    layout: Layout = _PLAIN
    cells: Mapping[tuple[str, int], str | float | None] = field(default_factory=dict)
    shown: tuple[str, ...] = ()
    width: int = 9

    def checked(self, folder: Path) -> CheckedFile:
        """The table, checked; its file stays in a folder."""
        table = Handmade(self.layout, START_C, formulas=FORMULAS | dict(self.formulas), cells=self.cells)
        path = folder / "book.xlsx"
        if self.shown:
            table = pasted(path, table, {name: lambda number: in_a_cell(number, self.width) for name in self.shown})
        return check(write(path, table))


def _with(name: str, found: str, instead: str) -> dict[str, str]:
    return {name: FORMULAS[name].replace(found, instead)}


#: A layout with a column of helper cells, which no header tells of.
_HELPER = Layout(order=(*CLASSIC, "Y"))

#: What flows back to the first hidden neuron by way of the second output, and nothing instead.
_SECOND_PATH = ("+({a_o2}-{t2})*{a_o2}*(1-{a_o2})*{w7}", "")

CASES: dict[str, Case] = {
    "the other neuron's slope": Case(_with("dE_dw3", "{a_h2}", "{a_h1}") | _with("dE_dw4", "{a_h2}", "{a_h1}")),
    "an index swapped": Case(_with("o1", "{w6}", "{w7}")),
    "a factor forgotten": Case(_with("dE_dw6", "*(1-{a_o1})", "")),
    "the path of an output forgotten": Case(_with("dE_dw2", *_SECOND_PATH)),
    "a sign turned round": Case(_with("a_h2", "EXP(-", "EXP(")),
    "brackets around a difference": Case({"dE_dw5": "{a_o1}-{t1}*{a_o1}*(1-{a_o1})*{a_h1}"}),
    "brackets around a square": Case({"E1": "0.5*{t1}-{a_o1}^2"}),
    "brackets below a fraction": Case({"a_h1": "1/1+EXP(-{h1})"}),
    "two gradients swapped": Case({"dE_dw5": FORMULAS["dE_dw6"], "dE_dw6": FORMULAS["dE_dw5"]}),
    "uphill": Case({w: formula.replace("}-{eta}", "}+{eta}") for w, formula in _UPDATES.items()}),
    "a helper column": Case(
        {
            "Y": "(({a_o1}-{t1})*{a_o1}*(1-{a_o1})*{w6}+({a_o2}-{t2})*{a_o2}*(1-{a_o2})*{w8})*{a_h1}*(1-{a_h1})",
            "dE_dw3": "{Y}*{i1}",
            "dE_dw4": "{Y}*{i2}",
        },
        _HELPER,
    ),
    "η without its $": Case(cells={("w3", step): f"={{-w3}}-D{step}*{{-dE_dw3}}" for step in range(2, 9)}),
    "a $ too much": Case(cells={("w3", step): "={-w3}-{eta}*AA$6" for step in range(1, 9)}),
    "a row too high": Case(
        cells={("dE_dw8", step): "=" + FORMULAS["dE_dw8"].replace("{a_h2}", "{-a_h2}") for step in range(1, 9)}
    ),
    "an update filled over a sum": Case(cells={("h1", step): "={-w4}-{eta}*{-dE_dw4}" for step in range(1, 9)}),
    "an empty cell": Case(_with("dE_dw5", "{t1}", "$AZ$1")),
    "η from inside the table": Case({w: formula.replace("{eta}", "$G$9") for w, formula in _UPDATES.items()}),
    "numbers pasted from a wrong formula": Case(_with("dE_dw6", "{a_h2}", "{a_h1}"), shown=tuple(FORMULAS)),
    "a cell cleared": Case(cells={("o2", 4): None}),
}  # fmt: skip


def row(name: str, folder: Path) -> str:
    """A line of the gallery: the slip, what is said of it, and what mends it."""
    (table,) = CASES[name].checked(folder).tables
    told = [finding for finding in table.findings if not finding.is_right_constant]
    groups = together(told)
    sentences = " ".join(sentence_of(group) for group in groups)
    mends = dict.fromkeys(
        f"{finding.mend.cell}: `{finding.mend.formula}`" for group in groups for finding in group[:1] if finding.mend
    )
    return f"| {name} | {sentences} | {', '.join(mends)} |"


def gallery(folder: Path) -> str:
    """All lines, below their headers."""
    lines = [row(name, folder) for name in CASES]
    return "\n".join(["| slip | what is said | what mends it |", "|---|---|---|", *lines])


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as place:
        print(gallery(Path(place)))
