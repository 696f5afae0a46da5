"""Workbooks that other people made: each cause is named, nothing else is, and what is said to mend it mends it."""

from pathlib import Path

import pytest

from tests.conftest import real_workbook
from tests.mended import mended
from xlbackprop.check.file import check

H1 = "uses a_h1*(1-a_h1); it should be a_h2*(1-a_h2)"
PASTED = f"is a number where a formula belongs, and not the right one, as if computed with {H1.removeprefix('uses ')}"
RATES = (0.1, 0.2, 0.5, 0.8, 1.0, 2.0)

#: For each file and sheet the quantities that are wrong, with what is said of each.
CAUSES: dict[str, dict[str, dict[str, str]]] = {
    "seed0": {
        "Sheet1": {
            "dE_dw1": "uses w6; it should be w7",
            "dE_dw2": "uses w6; it should be w7",
            "dE_dw3": "uses w7; it should be w6",
            "dE_dw4": "uses w7; it should be w6",
        }
    },
    "seed1": {
        "Sheet1": {
            "a_h2": "uses EXP(h2); it should be EXP(-h2)",
            "dE_dw6": "has the factor a_h1 too much",
            "dE_dw2": "lacks the factor (a_o2-t2)",
            "dE_dw3": "uses (a_o2-t2)*a_o2*(1-a_o2); it should be (a_o1-t1)*a_o1*(1-a_o1)",
            "dE_dw4": "uses (a_o2-t2)*a_o2*(1-a_o2); it should be (a_o1-t1)*a_o1*(1-a_o1)",
        }
    },
    "seed2": {
        "LR_0.8": {
            w: f"has * where - belongs: {w}*η*∂E/∂{w}; it should be {w}-η*∂E/∂{w}" for w in ("w1", "w2", "w3", "w4")
        }
    },
    "seed3": {"Sheet1": {}},
    "seed4": {"Sheet1": {"dE_dw3": H1, "dE_dw4": H1}},
    "peer_single_slip": {"Sheet1": {"o1": "uses w6; it should be a_h2"}},
    "peer_six_sheets": {
        sheet: {"dE_dw2": "uses a_h2*(1-a_h2); it should be a_h1*(1-a_h1)"}
        for sheet in ("0.1", "0.2", "0.5", "0.8", "1.0", "2.0")
    },
    "peer_local_derivatives": {"training": {}},
    "peer_other_numbering": {"Sheet1": {}},
    "peer_rates_beside": {"Sheet1": {"dE_dw3": H1, "dE_dw4": H1}},
    "peer_lookalike_headers": {f"LR={rate}": {} for rate in RATES},
    "peer_pasted_as_shown": {"L.R. 0.1": {"dE_dw3": H1, "dE_dw4": H1}}
    | {f"L.R. {rate:g}": {"dE_dw3": PASTED, "dE_dw4": PASTED} for rate in RATES[1:]},
    "peer_helper_column": {"Sheet1": {"dE_dw3": f"{H1}, by way of Y41", "dE_dw4": f"{H1}, by way of Y41"}},
    "peer_circular_rate": {
        "Sheet1": {"dE_dw3": H1, "dE_dw4": H1}
        | {
            f"w{n}": "takes η from G49, a cell of the table that follows from itself: η stands in G19"
            for n in range(1, 9)
        }
    },
}


#: Of the others, one has rows of several trainings, and weights that were pasted follow from the wrong gradients.
MENDABLE = [
    name for name, sheets in CAUSES.items() if any(sheets.values()) and name not in ("seed1", "peer_pasted_as_shown")
]


@pytest.mark.parametrize("name", CAUSES)
def test_each_cause_is_named_and_nothing_else_is(name: str) -> None:
    found = {
        table.sheet: {
            finding.quantity: finding.whole_slip for finding in table.findings if not finding.is_right_constant
        }
        for table in check(real_workbook(name)).tables
    }
    expected = {sheet: CAUSES[name].get(sheet, {}) for sheet in found}
    assert found == expected
    assert set(CAUSES[name]) <= set(found)


@pytest.mark.parametrize("by", ["mend", "expected"])
@pytest.mark.parametrize("name", MENDABLE)
@pytest.mark.filterwarnings("ignore")
def test_what_is_said_to_mend_it_makes_it_right(tmp_path: Path, name: str, by: str) -> None:
    checked = check(real_workbook(name))
    again = check(mended(checked, tmp_path / "mended.xlsx", by=by))
    verdicts = {table.sheet: table.verdict for table in again.tables}
    assert set(verdicts.values()) == {"correct"}


def test_the_slip_in_a_helper_column_is_mended_there() -> None:
    (table,) = check(real_workbook("peer_helper_column")).tables
    (mend,) = {finding.mend for finding in table.findings}
    assert mend is not None
    assert (mend.cell, mend.ranges) == ("Y41", ("Y41:Y125",))
    assert mend.formula == "=((R41-A41)*R41*(1-R41)*N41+(T41-B41)*T41*(1-T41)*P41)*L41*(1-L41)"


def test_a_numbering_of_its_own_is_noted() -> None:
    (table,) = check(real_workbook("peer_other_numbering")).tables
    assert (table.verdict, table.learning_rate) == ("correct", 0.8)
    assert table.notes == (
        "it numbers the weights in a way of its own, h1 = w1*i1 + w3*i2, o1 = w5*a_h1 + w7*a_h2, and is judged by that",
    )


def test_another_exercise_is_not_judged_and_said_so() -> None:
    (table,) = check(real_workbook("other_batch_of_four")).tables
    assert (table.verdict, table.findings) == ("incomplete", ())
    assert table.notes == (
        "4 rows share the weights of each step, as with 4 samples a step: a table of a row a step is judged, "
        "this one is not",
    )
    error = check(real_workbook("other_one_step")).error
    assert error is not None
    assert error.endswith(
        "holds no backpropagation table: the sheet Sheet1 has its numbers beside their labels, such as w14 in B4: "
        "that is one step of a training, and only tables with a row a step are judged."
    )
