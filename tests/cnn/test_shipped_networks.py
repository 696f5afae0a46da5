"""The trained networks that come with the program."""

import json
from importlib.resources import files

import pytest

from xlbackprop.cnn.layers import parameter_count
from xlbackprop.cnn.networks import NETWORKS
from xlbackprop.cnn.shipped_networks import DEFAULT, ROUNDED_ACCURACY, SHIPPED, shipped_network
from xlbackprop.errors import UnusableInput


@pytest.mark.parametrize(("name", "parameters", "accuracy"), [("nano", 2939, 99.35), ("teach", 1168, 97.49)])
def test_each_is_a_network_of_the_registry_with_its_card(name: str, parameters: int, accuracy: float) -> None:
    network = shipped_network(name)
    assert network.layers == NETWORKS[name]
    assert sum(map(parameter_count, network.layers)) == network.card["parameters"] == parameters
    assert network.card["accuracy"] == accuracy
    assert abs(ROUNDED_ACCURACY[name][3] - accuracy) < 0.1


@pytest.mark.parametrize("name", SHIPPED)
def test_its_card_names_no_machine(name: str) -> None:
    folder = files("xlbackprop.cnn") / "shipped" / name
    card = json.loads((folder / "model.json").read_text(encoding="utf-8"))
    assert card == shipped_network(name).card
    assert card["seed"] == 1
    assert not {"device", "seconds"} & card.keys()
    assert "platform" not in card["versions"]
    assert card["settings"]["data_dir"] == "data"


def test_an_unknown_name_is_a_sentence() -> None:
    assert DEFAULT in SHIPPED
    with pytest.raises(
        UnusableInput, match="there is no trained network nona in the program: choose one of nano, teach"
    ):
        shipped_network("nona")
