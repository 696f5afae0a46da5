"""The sheet of the network: what stands where, for every network of the registry."""

import numpy as np
import pytest

from tests.cnn.drawn import drawn_network
from tests.cnn.small import SmallWorkbook
from xlbackprop.cnn.network_sheet import NetworkSheet
from xlbackprop.cnn.networks import NETWORKS
from xlbackprop.errors import UnusableInput
from xlbackprop.spreadsheet import addressing
from xlbackprop.spreadsheet.blocks import Role
from xlbackprop.spreadsheet.book import Book


def shown(name: str) -> NetworkSheet:
    book = Book()
    pixels = book.sheet("Digit").put("A1", [[0.0] * 28] * 28, role=Role.INPUT)
    sheet = NetworkSheet(book, drawn_network(name))
    sheet.fill(pixels.place)
    return sheet


@pytest.mark.parametrize("name", NETWORKS)
def test_no_two_cells_stand_in_the_same_place_and_all_fit_the_screen(name: str) -> None:
    sheet = shown(name).sheet
    taken = np.zeros((3_000, 400), dtype=int)
    for block in sheet.blocks:
        rows, columns = block.shape
        taken[block.row : block.row + rows, block.column : block.column + columns] += 1
    assert taken.max() == 1
    # of 6 pixels each, beside the numbers of the rows
    assert np.flatnonzero(taken.any(axis=0)).max() * 6 < 1_000


def test_maps_that_a_window_leaves_stand_in_a_ring_of_empty_cells() -> None:
    stages = shown("nano").stages
    assert [stage.ring for stage in stages] == [0, 0, 1, 0, 1, 0, 0, 1, 0, 1, 0, 0, 0, 0, 0]
    padded = stages[2]
    book = padded.blocks[0].sheet.book
    ring = np.setdiff1d(padded.output[0].ids, padded.maps[0].ids)
    assert len(ring) == 14 * 14 - 12 * 12
    assert {book.block(int(cell)).name for cell in ring} == {"layers 3, 4: batch norm, ReLU, map 1"}


def test_the_logits_are_a_named_column_of_ten_cells(small: SmallWorkbook) -> None:
    book = small.sheets.book
    assert book.names["logits", None].shape == (10,)
    rows = [book.where(int(cell)) for cell in small.sheets.network.logits.ids]
    assert len({column for _, _, column in rows}) == 1
    assert np.diff([row for _, row, _ in rows]).tolist() == [1] * 9


def test_weights_may_be_edited_in_a_locked_workbook_and_maps_not(small: SmallWorkbook) -> None:
    network = small.sheets.network
    assert not any(block.look(0, 0).locked for block in network.weight_blocks)
    assert all(block.look(0, 0).locked for stage in network.stages for block in stage.blocks)
    weights = sum(np.isfinite(np.array(block.contents, dtype=float)).sum() for block in network.weight_blocks)
    # 18 + 2, 4 x 2, 54, 30 + 10, and mean and deviation of the images
    assert weights == 20 + 8 + 54 + 40 + 2


def test_which_formulas_stand_there_depends_on_no_weight() -> None:
    def texts(seed: int) -> list[str]:
        sheet = shown("teach")
        for block in sheet.weight_blocks:
            block.contents = [[None if value is None else value + seed for value in row] for row in block.contents]
        return [text for stage in sheet.stages[:3] for block in stage.blocks for _, _, text in
                addressing.written_over(block, block.contents)]  # fmt: skip

    assert texts(0) == texts(1)


def test_a_formula_that_no_cell_can_hold_names_its_layer() -> None:
    from dataclasses import replace

    from tests.cnn.drawn import drawn_tensors
    from xlbackprop.cnn.layers import AveragePool, Convolution, Flatten, Linear

    layers = (Convolution(1, 300, 1), Convolution(300, 2, 3), AveragePool(26), Flatten(), Linear(2, 10))
    network = replace(drawn_network("nano"), layers=layers, tensors=drawn_tensors(layers))
    book = Book()
    pixels = book.sheet("Digit").put("A1", [[0.0] * 28] * 28, role=Role.INPUT)
    with pytest.raises(UnusableInput, match="layer 2: conv 3x3 cannot be written: a formula of it would be longer"):
        NetworkSheet(book, network).fill(pixels.place)
