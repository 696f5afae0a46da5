"""The sheet Explained: each kind of layer is worked out once, and gives what stands on the sheet Network."""

from pathlib import Path

import numpy as np
import pytest

from tests.cnn.drawn import drawn_network
from tests.cnn.opened import Opened
from xlbackprop.cnn.layers import Dropout, Flatten, spoken
from xlbackprop.cnn.networks import NETWORKS


# every kind of layer is in one of them
@pytest.mark.parametrize("name", ["nano", "teach", "seed1", "seed3"])
def test_what_is_worked_out_is_the_cell_of_the_network(name: str, tmp_path: Path) -> None:
    opened = Opened(drawn_network(name), tmp_path)
    words = opened.words("Explained")
    kinds = {
        spoken(layer).partition(",")[0].casefold()
        for layer in NETWORKS[name]
        if not isinstance(layer, Flatten | Dropout)
    }
    assert words.count("the same") >= len({kind.partition(" ")[0] for kind in kinds}) - 1
    assert "differs" not in words
    assert not [word for word in words if word.startswith("#")]


def test_an_edit_is_followed(tmp_path: Path) -> None:
    opened = Opened(drawn_network("teach"), tmp_path)
    kernel = opened.sheets.network.stages[0].weights[0]["weight"][0, 0, 2, 2]
    before = [
        opened.value(block.cell(0)) for block in opened.sheets.explained.sheet.blocks if block.name == "the sum of all"
    ]
    opened.type(kernel, "3").type(opened.sheets.digit.choice, "12")
    after = [
        opened.value(block.cell(0)) for block in opened.sheets.explained.sheet.blocks if block.name == "the sum of all"
    ]
    assert all(not np.isclose(x, y) for x, y in zip(before, after, strict=True))
    assert "differs" not in opened.words("Explained")


@pytest.mark.parametrize("answer", [0, 9])
def test_the_linear_layer_is_that_of_the_answer(answer: int, tmp_path: Path) -> None:
    opened = Opened(drawn_network("nano"), tmp_path)
    bias = opened.sheets.network.stages[-1].weights[0]["bias"][answer]
    opened.type(bias, "1000")
    assert opened.value(opened.sheets.digit.answer) == answer
    live = [block for block in opened.sheets.explained.sheet.blocks if block.name == "the cell on the sheet Network"]
    logits = opened.numbers(opened.sheets.network.logits)
    assert opened.value(live[-1].cell(0)) == logits[answer]
    assert "differs" not in opened.words("Explained")


@pytest.mark.parametrize("name", ["nano", "seed2"])
def test_the_cell_can_be_chosen_also_at_an_edge(name: str, tmp_path: Path) -> None:
    opened = Opened(drawn_network(name), tmp_path)
    blocks = opened.sheets.explained.sheet.blocks
    chosen = [block.cell(0) for block in blocks if block.name in ("row", "column")]
    assert chosen
    worked_out = [block.cell(0) for block in blocks if block.name == "the cell on the sheet Network"]
    before = [opened.value(cell) for cell in worked_out]
    for cell in chosen:
        opened.type(cell, "1")
    words = opened.words("Explained")
    assert [opened.value(cell) for cell in worked_out] != before
    assert words.count("the same") == len(worked_out)
    first = opened.sheets.network.stages[0].maps[0, 0, 0]
    assert opened.value(worked_out[0]) == opened.value(first)
