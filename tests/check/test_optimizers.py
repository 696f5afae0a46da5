"""Anybody's momentum to Adam is found, judged and, where it is wrong, named; what is unknown is not judged."""

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.handmade import CLASSIC, FORMULAS, START_C, WEIGHTS, Handmade, Layout, write
from xlbackprop.check.file import check
from xlbackprop.report.findings import CheckedTable

Checked = Callable[..., CheckedTable]

#: A state: what it is in the first row, and what follows.
State = tuple[str, str]
MOMENTUM: State = ("{G}", "0.9*{-S}+{G}")
FIRST, SECOND = ("0.1*{G}", "0.9*{-S}+0.1*{G}"), ("0.001*{G}^2", "0.999*{-S}+0.001*{G}^2")
SUM_OF_SQUARES = ("{G}^2", "{-S}+{G}^2")
ADAM = "{-W}-{eta}*({-S}/(1-0.9^{-k}))/(SQRT({-T}/(1-0.999^{-k}))+0.00000001)"

RIGHT: dict[str, tuple[str, list[State]]] = {
    "gradient descent with weight decay, with λ = 0.01": ("{-W}-{eta}*({-G}+0.01*{-W})", []),
    "momentum with weight decay, with mu = 0.9, λ = 0.01": (
        "{-W}-{eta}*{-S}",
        [("{G}+0.01*{W}", "0.9*{-S}+{G}+0.01*{W}")],
    ),
    "momentum, with mu = 0.9": ("{-W}-{eta}*{-S}", [MOMENTUM]),
    "Nesterov momentum, with mu = 0.9": ("{-W}-{eta}*({-G}+0.9*{-S})", [MOMENTUM]),
    "momentum as a running average, with mu = 0.9": ("{-W}-{eta}*{-S}", [FIRST]),
    "Adagrad, with eps = 1e-08": ("{-W}-{eta}*{-G}/(SQRT({-S})+0.00000001)", [SUM_OF_SQUARES]),
    "RMSprop, with b2 = 0.9, eps = 1e-08": (
        "{-W}-{eta}*{-G}/(SQRT({-S})+0.00000001)",
        [("0.1*{G}^2", "0.9*{-S}+0.1*{G}^2")],
    ),
    "Adam, with b1 = 0.9, b2 = 0.999, eps = 1e-08": (ADAM, [FIRST, SECOND]),
}
WRONG: dict[str, tuple[str, list[State]]] = {
    "damps the first step of momentum, where the state is the gradient itself": (
        "{-W}-{eta}*{-S}",
        [("(1-0.9)*{G}", "0.9*{-S}+{G}")],
    ),
    "has eps inside the root; it should be added to the root": (
        "{-W}-{eta}*({-S}/(1-0.9^{-k}))/SQRT({-T}/(1-0.999^{-k})+0.00000001)",
        [FIRST, SECOND],
    ),
    "lacks the bias correction of Adam, m/(1-b1^k) and v/(1-b2^k)": (
        "{-W}-{eta}*{-S}/(SQRT({-T})+0.00000001)",
        [FIRST, SECOND],
    ),
    "has b2^1 in each row; it should be b2^k in update k": (ADAM.replace("0.999^{-k}", "0.999^1"), [FIRST, SECOND]),
}


@pytest.fixture
def checked(tmp_path: Path) -> Checked:
    def check_table(update: str, states: list[State], steps: int = 8, **formulas: str) -> CheckedTable:
        extra, other, cells = ["k"], {"k": "{-k}+1"}, {("k", 0): 1.0}
        for w in WEIGHTS:

            def put(text: str, w: str = w) -> str:
                for mark, name in (("W", w), ("G", f"dE_d{w}"), ("S", f"s_{w}"), ("T", f"t_{w}")):
                    text = text.replace(f"{{{mark}}}", f"{{{name}}}").replace(f"{{-{mark}}}", f"{{-{name}}}")
                return text

            other[w] = put(update)
            for name, (first, later) in zip((f"s_{w}", f"t_{w}"), states, strict=False):
                extra.append(name)
                # the second state stands for itself
                itself = "{-T}" if name.startswith("t_") else "{-S}"
                other[name] = put(later.replace("{-S}", itself))
                cells[name, 0] = f"={put(first)}"
        table = Handmade(
            Layout(order=(*CLASSIC, *extra)), START_C, 0.1, steps, formulas=FORMULAS | other | formulas, cells=cells
        )
        (found,) = check(write(tmp_path / "book.xlsx", table)).tables
        return found

    return check_table


@pytest.mark.parametrize("name", RIGHT)
def test_an_optimizer_is_right_and_noted(checked: Checked, name: str) -> None:
    result = checked(*RIGHT[name])
    assert (result.verdict, result.learning_rate) == ("correct", pytest.approx(0.1))
    assert f"its updates are those of {name}" in result.notes
    assert result.optimizer == name.partition(",")[0]


@pytest.mark.parametrize("slip", WRONG)
def test_what_is_wrong_with_an_optimizer_is_named_for_each_weight(checked: Checked, slip: str) -> None:
    result = checked(*WRONG[slip])
    assert result.verdict == "wrong"
    assert {finding.slip for finding in result.findings} == {slip}
    assert [finding.quantity for finding in result.findings] == list(WEIGHTS)


def test_an_update_of_no_known_kind_is_not_judged_and_said_so(checked: Checked) -> None:
    result = checked("{-W}-{eta}*TANH({-S})", [MOMENTUM])
    assert (result.verdict, result.findings, result.optimizer) == ("incomplete", (), "")
    assert result.notes[-1].endswith("and are of no kind that is known here: they are not judged")


def test_a_wrong_gradient_is_told_whatever_the_optimizer(checked: Checked) -> None:
    result = checked(*RIGHT["momentum, with mu = 0.9"], dE_dw6=FORMULAS["dE_dw5"])
    assert [finding.quantity for finding in result.findings] == ["dE_dw6"]


def test_plain_updates_with_a_slip_stay_wrong(checked: Checked) -> None:
    result = checked("{-W}+{eta}*{-G}", [])
    assert result.verdict == "wrong"
    assert [finding.quantity for finding in result.findings] == list(WEIGHTS)


def test_a_state_that_begins_with_0_moves_nothing_at_first_and_is_right(checked: Checked) -> None:
    result = checked("{-W}-{eta}*{-S}", [("0*{G}", "0.9*{-S}+{G}")])
    assert (result.verdict, result.findings) == ("correct", ())
    assert result.notes[-1].endswith("its state begins with 0 in the first row, so that the first step moves nothing")


def test_a_weight_that_takes_the_state_of_another_is_wrong_alone(checked: Checked) -> None:
    update, states = RIGHT["momentum, with mu = 0.9"]
    result = checked(update, states, w3="{-w3}-{eta}*{-s_w4}")
    assert ([finding.quantity for finding in result.findings], result.learning_rate) == (["w3"], pytest.approx(0.1))
    assert (result.findings[0].expected, result.findings[0].slip) == (
        "=G6-$D$1*AI6",
        "uses s_w4; it should be s_w3",
    )


@pytest.mark.parametrize(
    ("state", "slip", "mend"),
    [
        ("0.9*{-s_w3}+{dE_dw4}", "uses ∂E/∂w4; it should be ∂E/∂w3", "=0.9*AI6+Z7"),
        ("0.8*{-s_w3}+{dE_dw3}", "has another formula than the other weights have there", "=0.9*AI6+Z7"),
        ("0.9*{-s_w3}-{dE_dw3}", "has another formula than the other weights have there", "=0.9*AI6+Z7"),
    ],
)
def test_a_state_that_differs_from_the_others_is_what_is_to_be_mended(
    checked: Checked, state: str, slip: str, mend: str
) -> None:
    result = checked(*RIGHT["momentum, with mu = 0.9"], s_w3=state)
    (finding,) = result.findings
    assert (finding.quantity, finding.slip) == ("w3", slip)
    assert finding.mend
    assert (finding.mend.cell, finding.mend.formula, finding.mend.ranges) == ("AI7", mend, ("AI7:AI14",))


def test_a_second_state_that_differs_is_what_is_to_be_mended(checked: Checked) -> None:
    result = checked(*RIGHT["Adam, with b1 = 0.9, b2 = 0.999, eps = 1e-08"], t_w5="0.999*{-t_w5}+0.001*{dE_dw5}")
    (finding,) = result.findings
    assert finding.quantity == "w5"
    assert finding.mend
    assert finding.mend.ranges == ("AP7:AP14",)


def test_one_update_that_follows_from_itself_is_wrong_and_no_other(checked: Checked) -> None:
    result = checked(*RIGHT["momentum, with mu = 0.9"], w5="{-w5}-{eta}*{s_w5}")
    (finding,) = result.findings
    assert (finding.quantity, finding.expected) == ("w5", "=M6-$D$1*AK6")


CLIPPED = "{-W}-{eta}*MAX(-0.01,MIN(0.01,{-G}))"


def test_updates_that_all_do_the_same_unknown_thing_are_not_judged_and_one_that_does_not_is_wrong(
    checked: Checked,
) -> None:
    result = checked(CLIPPED, [])
    assert (result.verdict, result.findings) == ("incomplete", ())
    assert result.notes == (
        "its updates, such as =M6-$D$1*MAX(-0.01,MIN(0.01,AB6)) in M7, are of no kind that is known here: they are "
        "not judged",
    )
    (finding,) = checked(CLIPPED, [], w6="{-w6}-{eta}*MAX(-0.01,MIN(0.01,{-dE_dw5}))").findings
    assert (finding.quantity, finding.slip) == ("w6", "uses ∂E/∂w5; it should be ∂E/∂w6")
    assert finding.expected == "=N6-$D$1*MAX(-0.01,MIN(0.01,AC6))"


def test_a_layer_that_is_not_trained_is_not_judged_and_one_weight_of_it_is_wrong(checked: Checked) -> None:
    frozen = {w: f"{{-{w}}}" for w in WEIGHTS[:4]}
    result = checked("{-W}-{eta}*{-G}", [], **frozen)
    assert (result.verdict, result.findings) == ("incomplete", ())
    assert result.notes == ("w1, w2, w3 and w4 stay as they are in each row: their updates are not judged",)
    (finding,) = checked("{-W}-{eta}*{-G}", [], w2="{-w2}").findings
    assert (finding.quantity, finding.slip) == ("w2", "lacks the term -η*∂E/∂w2")


@pytest.mark.parametrize(("steps", "optimizer"), [(3, "momentum"), (2, "gradient descent")])
def test_four_rows_tell_the_optimizer_and_three_do_not(checked: Checked, steps: int, optimizer: str) -> None:
    assert checked(*RIGHT["momentum, with mu = 0.9"], steps=steps).optimizer == optimizer


@pytest.mark.parametrize(("factor", "known"), [("1.00000001", True), ("1.000001", False)])
def test_a_weight_moves_as_an_optimizer_says_but_for_rounding(checked: Checked, factor: str, known: bool) -> None:
    result = checked(f"{{-W}}-{{eta}}*{{-S}}*{factor}", [MOMENTUM])
    assert (result.optimizer == "momentum") is known


@pytest.mark.parametrize(("eps", "known"), [("0.001", True), ("0.002", False)])
def test_what_keeps_a_division_in_bounds_is_no_more_than_a_thousandth(checked: Checked, eps: str, known: bool) -> None:
    result = checked(f"{{-W}}-{{eta}}*{{-G}}/(SQRT({{-S}})+{eps})", [SUM_OF_SQUARES])
    assert (result.optimizer == "Adagrad") is known
