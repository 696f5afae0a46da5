"""The maps of evidence: each is what its places add to a logit, and adds up to it with its constant."""

from pathlib import Path

import numpy as np
import pytest

from tests.cnn.drawn import drawn_network
from tests.cnn.opened import Opened
from xlbackprop.cnn import reference
from xlbackprop.cnn.digits import normalised
from xlbackprop.cnn.networks import NETWORKS

# `best` has the layers of `sprint`, and `wide` has them with more channels
WITH_EVIDENCE = [name for name in NETWORKS if not name.startswith("seed0") and name not in ("best", "wide")]
# the others take their time
QUICK = ("nano", "teach", "seed4")


def outputs(opened: Opened, name: str) -> list[np.ndarray]:
    network = drawn_network(name)
    return reference.forward(network.layers, network.tensors, normalised(network, opened.sheets.digit.image))


@pytest.mark.parametrize("name", WITH_EVIDENCE)
def test_each_map_and_its_constant_add_up_to_the_logit(name: str, tmp_path: Path) -> None:
    opened = Opened(drawn_network(name), tmp_path)
    evidence = opened.sheets.digit.evidence
    logits = outputs(opened, name)[-1].ravel()
    size = np.abs(logits).max()
    sums = opened.numbers(evidence.maps).sum(axis=(1, 2))
    np.testing.assert_allclose(opened.numbers(evidence.sums), sums, atol=1e-12 * size)
    np.testing.assert_allclose(sums + opened.numbers(evidence.constants), logits, atol=1e-12 * size)


@pytest.mark.parametrize("name", QUICK)
def test_a_place_adds_what_the_logits_lose_without_it(name: str, tmp_path: Path) -> None:
    opened = Opened(drawn_network(name), tmp_path)
    network, evidence = drawn_network(name), opened.sheets.digit.evidence
    last = opened.sheets.network.stages[evidence.end.last_map].stage.numbers[-1]
    behind = network.layers[last + 1 :], network.tensors[last + 1 :]
    given = outputs(opened, name)
    maps = opened.numbers(evidence.maps)
    _, height, width = maps.shape
    for row, column in ((0, 0), (height // 2, width // 2), (height - 1, 0)):
        without = given[last].copy()
        without[:, row, column] = 0
        lost = given[-1].ravel() - reference.forward(*behind, without)[-1].ravel()
        np.testing.assert_allclose(maps[:, row, column], lost, atol=1e-11 * np.abs(given[-1]).max())


def test_where_there_is_none_a_sentence_says_why(tmp_path: Path) -> None:
    opened = Opened(drawn_network("seed0-net2"), tmp_path)
    assert opened.sheets.digit.evidence.maps is None
    assert any("They need linear layers behind the last map, but" in words for words in opened.words("Digit"))
