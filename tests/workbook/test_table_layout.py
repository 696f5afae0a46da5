from xlbackprop.backprop.network import Network
from xlbackprop.backprop.templates import load_template
from xlbackprop.workbook.table_layout import training_layout


def headers(network: Network) -> list[str]:
    return [column.name for column in training_layout(network, 10).columns]


def test_the_classic_table_has_the_classic_order_and_the_gradients_last() -> None:
    found = headers(load_template("A"))
    assert found[:24] == (
        [
            "step",
            "t1",
            "t2",
            "i1",
            "i2",
            "w1",
            "w2",
            "w3",
            "w4",
            "h1",
            "a_h1",
            "h2",
            "a_h2",
            "w5",
            "w6",
            "w7",
            "w8",
            "o1",
            "a_o1",
            "o2",
            "a_o2",
            "E1",
            "E2",
            "E_total",
        ]
    )
    assert found[-8:] == [f"dE_dw{n}" for n in range(1, 9)]
    assert set(found[24:-8]) == {
        *("dE_da_o1", "da_o1_do1", "delta_o1", "dE_da_o2", "da_o2_do2", "delta_o2"),
        *("dE_da_h1", "da_h1_dh1", "delta_h1", "dE_da_h2", "da_h2_dh2", "delta_h2"),
    }


def test_biases_stand_behind_the_weights_of_their_layer() -> None:
    found = headers(load_template("mazur"))
    assert found[5:13] == ["w1", "w2", "w3", "w4", "b1", "b2", "h1", "a_h1"]
    assert "dE_db1" not in found
    assert headers(load_template("deep"))[-2:] == ["dE_db7", "dE_db8"]


def test_columns_have_the_headings_of_their_groups() -> None:
    groups = {column.name: column.group for column in training_layout(load_template("deep"), 1).columns}
    assert groups["t1"] == groups["i1"] == "inputs"
    assert groups["w7"] == "weights (layer 2)"
    assert groups["b8"] == "biases (outputs)"
    assert groups["a_h1_1"] == "forward (layer 1)"
    assert groups["E_total"] == "error"
    assert groups["delta_h1_1"] == "chain rule"
    assert groups["dE_db1"] == "gradients"
