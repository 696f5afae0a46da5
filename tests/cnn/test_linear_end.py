"""Which networks end in linear layers, from which map on."""

import pytest

from xlbackprop.cnn.cells import stages
from xlbackprop.cnn.layers import AveragePool, BatchNorm, Convolution, Flatten, GlobalAveragePool, Linear, MaxPool, ReLU
from xlbackprop.cnn.linear_end import LinearEnd, linear_end
from xlbackprop.cnn.networks import IMAGE, NETWORKS

FIRST = (Convolution(1, 4, 5), ReLU(), MaxPool(4))


@pytest.mark.parametrize("name", NETWORKS)
def test_all_networks_but_those_with_a_relu_behind_their_last_map_do(name: str) -> None:
    listed = stages(NETWORKS[name], IMAGE)
    end = linear_end(listed)
    if name.startswith("seed0"):
        assert isinstance(end, str)
        assert "another ReLU" in end
    else:
        assert isinstance(end, LinearEnd)
        behind = [end.gathering, *end.mixing] if end.gathering is not None else list(end.mixing)
        # every stage behind the last map takes part
        assert sorted(behind) == list(range(end.last_map + 1, len(listed)))
        assert listed[end.last_map].shape[1:] != (1, 1)


@pytest.mark.parametrize(
    ("behind", "words"),
    [
        ((Convolution(4, 4, 3), AveragePool(4), Flatten(), Linear(4, 10)), "conv 3x3 mixes its places once more"),
        ((AveragePool(2), Flatten(), Linear(36, 10)), "average pool 2x2 mixes"),
        ((Convolution(4, 4, 1), Convolution(4, 4, 6, depthwise=True), Flatten(), Linear(4, 10)), "depthwise conv 6x6"),
        ((GlobalAveragePool(), Flatten(), Linear(4, 9), ReLU(), Linear(9, 10)), "another ReLU"),
        ((Convolution(4, 10, 1), GlobalAveragePool(), BatchNorm(10), Flatten()), "none that weigh the places"),
    ],
)
def test_what_cannot_be_split_by_places_says_why(behind, words: str) -> None:
    end = linear_end(stages((*FIRST, *behind), IMAGE))
    assert isinstance(end, str)
    assert words in end


def test_a_network_that_bends_nowhere_has_no_map() -> None:
    end = linear_end(stages((Flatten(), Linear(784, 10)), IMAGE))
    assert isinstance(end, str)
    assert "no ReLU and no max pool" in end
