"""The spellings of the classroom, and the quantity behind each."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from xlbackprop.backprop import notation
from xlbackprop.backprop.quantities import Part, training_step
from xlbackprop.backprop.templates import load_template, template_names
from xlbackprop.tables.headers import quantity


@pytest.mark.parametrize(
    ("name", "spellings"),
    [
        ("t1", ["t1", "T1", "t_1", "t₁", "target 1", "Target1", " t1 ", "t1 ="]),
        ("i2", ["i2", "I_2", "x2", "input 2", "in2"]),
        ("w8", ["w8", "W8", "w-8", "16. w8", "ω8", "w8 (a_h2→o2)", "w_8", "w₈", "weight 8", "w8:"]),
        ("b1", ["b1", "B1", "bias 1", "b_1", "θ1", "theta 1"]),
        ("b_h1", ["b_h1", "bh1", "bias_h1", "bias h1", "b1_h", "bias of h1"]),
        ("b_o", ["b_o", "bias o", "bias output layer"]),
        ("h1", ["h1", "H1", "h1 = w1*i1 + w2*i2", "h1 (net)", "net_h1", "in h1", "h1_net", "z_h1", "sum h1"]),
        (
            "a_h2",
            [
                "a_h2",
                "out_h2",
                "act_h2",
                "A_h2",
                "ah2",
                "a_h2 = σ(h2)",
                "out-h2",
                "σ(h2)",
                "sigmoid(h2)",
                "h2_out",
                "activation h2",
                "ha2",
                "alpha_h2",
                "f(h2)",
            ],
        ),
        ("a_o1", ["a_o1", "out_o1", "act o1", "a(o1)", "o1 act", "a_01", "oa1", "out1", "Output 1"]),
        ("E1", ["E1", "E_1", "e1", "Error 1", "err1", "E_o1", "loss 1"]),
        (
            "E_total",
            [
                "E_total",
                "E_tot",
                "Etotal",
                "E_t",
                "E_TOTAL",
                "E_total = E1 + E2",
                "E_total (MSE)",
                "E_total*",
                "E",
                "Total error",
                "error",
                "E1+E2",
                "loss",
            ],
        ),
        (
            "dE_dw1",
            [
                "∂E/∂w1",
                "𝟃E/𝟃w1",
                "𝜕E/𝜕w1",
                "δE/δw1",
                "dE/dw1",
                "∂E_t/∂w1",
                "∂E_total/∂w1",
                "dE_Total / dw1",
                "∂E\n/∂w1",
                "dw1",
                "E-dw1",
                "E∂w1",
                "dE_dw1",
                "∂Etotal/∂w₁",
                "grad w1",
                "∂E⁄∂w1",
                "∂E÷∂w1",
                "ΔE/Δw1",
                "∂Е/∂w1",
                "∂E/∂w1 (i1)",
                "∂E/∂w1 [gradient]",
                "∂E/∂w1 =",
                "dE∂w1",
                "ӘE/Әw1",
                "әE/әw1",
                "∆E/∆w1",
                "E/w1",
                "dE/w1",
                "δw1",
                "delE/delw1",
                "del w1",
            ],
        ),
        ("dE_db2", ["∂E/∂b2", "dE/db2", "db2", "∂E/∂bias 2", "∂E/∂θ2"]),
        ("dE_db_h2", ["∂E/∂b_h2", "dE/dbh2", "∂E/∂bias h2", "grad b2_h"]),
        ("eta", ["η", "η =", "eta", "lr", "LR", "LR=", "learning rate", "Learning_rate", "learning rate (η)", "alpha"]),
        ("da_h1_dh1", ["∂a_h1/∂h1", "dout_h1/dnet_h1"]),
        ("dE_da_o1", ["∂E/∂a_o1", "dE_total/dout_o1"]),
        ("delta_o2", ["δ_o2", "delta o2", "∂E/∂o2"]),
        ("t1", ["t1", "target 1", "expected 1"]),
        # their numbers tell what they are
        ("change_w1", ["Δw1", "∆w1", "Δ W1"]),
        ("y1", ["y1", "Y_1"]),
        ("step", ["step", "Epoch", "iteration"]),
    ],
)
def test_every_spelling_of_a_quantity_is_understood(name: str, spellings: list[str]) -> None:
    assert {spelling: quantity(spelling) for spelling in spellings} == dict.fromkeys(spellings, name)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "n",
        "Weights",
        "Sum of errors",
        "w1 = 0.15",
        "a1",
        "∂o1/∂a_h1",
        "Sheet1",
        # other learning rates
        "E_0.1",
        "error 0.5",
        "E 0,5",
        "η=0.1 E_total",
        "E_total 0.1",
        "E_total over the steps",
    ],
)
def test_other_texts_mean_no_quantity(text: str) -> None:
    assert quantity(text) is None


def test_the_share_of_one_output_is_not_taken_for_the_whole_gradient() -> None:
    assert quantity("∂E1/∂w5") == "dE1_dw5"
    assert quantity("∂E1/∂a_h1") == "dE1_da_h1"
    assert quantity("∂E2/∂o2") == "delta2_o2"


@pytest.mark.parametrize("template", template_names())
def test_the_headers_of_our_own_sheets_are_understood(template: str) -> None:
    network = load_template(template)
    names = [*network.start_values, *(one.name for one in training_step(network) if one.part is not Part.ANSWER)]
    names += ["eta", "step"]
    assert [quantity(notation.header(name)) for name in names] == names


@given(st.text(max_size=60))
def test_any_text_is_understood_or_not_without_an_error(text: str) -> None:
    assert quantity(text) is None or isinstance(quantity(text), str)
