"""The cell that is chosen on the sheet Network: what is marked is what it sees."""

import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from tests.cnn.drawn import drawn_network
from xlbackprop.cnn.chosen_cell import ROW
from xlbackprop.cnn.layers import Shape, shapes
from xlbackprop.cnn.network_sheet import NetworkSheet
from xlbackprop.cnn.networks import IMAGE, NETWORKS
from xlbackprop.cnn.receptive_field import Box, seen
from xlbackprop.cnn.trained import TrainedNetwork
from xlbackprop.spreadsheet.blocks import Block
from xlbackprop.spreadsheet.book import Book
from xlbackprop.spreadsheet.cells import Value
from xlbackprop.spreadsheet.ironcalc import load
from xlbackprop.spreadsheet.looks import Look
from xlbackprop.spreadsheet.places import HOLE
from xlbackprop.spreadsheet.presentation import Rule
from xlbackprop.spreadsheet.xlsx import write

_TABLE = 2_000


class Shown:
    """The choice and its marks beside a network without numbers, in a spreadsheet engine."""

    def __init__(self, network: TrainedNetwork, folder: Path) -> None:
        book = Book()
        self.network = NetworkSheet(book, network)
        self.network.chosen.fill(self.network.image_block, self.ring, self.network.stages, _TABLE)
        for block in self.network.sheet.blocks:
            if ROW < block.row < _TABLE:
                block.contents = ()
        self.layers = network.layers
        path = folder / "shown.xlsx"
        # the engine takes its time for rules, and all that they depend on is read from cells
        rules, self.network.sheet.rules = self.network.sheet.rules, []
        write(book, path)
        self.network.sheet.rules = rules
        self._model = load(path)

    @property
    def ring(self) -> int:
        return self.network.stages[0].stage.ring

    def choose(self, *numbers: object) -> "Shown":
        """Type layer, map, row and column."""
        for cell, number in zip(self.network.chosen.typed, numbers, strict=True):
            _, row, column = self.network.sheet.book.where(int(cell.ids))
            self._model.set_user_input(0, row, column, str(number))
        self._model.evaluate()
        return self

    def value(self, cell_id: int) -> Value:
        _, row, column = self.network.sheet.book.where(cell_id)
        return self._model.get_cell_value(0, row, column)

    @property
    def sentence(self) -> str:
        (block,) = (block for block in self.network.sheet.blocks if block.name == "what the chosen cell sees")
        return str(self.value(block.first_id))

    @property
    def is_amber(self) -> bool:
        (block,) = (block for block in self.network.sheet.blocks if block.name == "what the chosen cell sees")
        (rule,) = (rule for rule in self.network.sheet.rules if rule.cells is block.place)
        return self.holds(rule, 0, 0)

    @property
    def boxes(self) -> list[Box]:
        """Those of the image and of each stage, counted from 0; empty where nothing is marked."""
        ends = [[int(self.value(cell)) for cell in row] for row in self.network.chosen.boxes.ids.tolist()]
        return [tuple(range(max(0, own[n] - 1), own[n + 1]) for n in (0, 2, 4)) for own in ends]

    def holds(self, rule: Rule, row: int, column: int) -> bool:
        """Whether the condition of a rule holds in a cell."""
        text = HOLE.sub(lambda hole: str(self.value(int(hole["ends"]))), rule.condition)
        text = re.sub(r"(?<![<>])=", "==", text.removeprefix("AND").replace("ROW()", str(row)))
        return bool(np.all(eval(text.replace("COLUMN()", str(column)))))

    def marked(self, block: Block) -> dict[tuple[int, int], Look]:
        """The look of each cell of a block, counted from 0, that has got one: of the first rule that holds."""
        rules = [rule for rule in self.network.sheet.rules if rule.cells is block.place]
        assert rules
        found = {}
        for n, k in np.ndindex(block.shape):
            looks = [rule.look for rule in rules if self.holds(rule, block.row + n, block.column + k)]
            if looks:
                found[n, k] = looks[0]
        return found

    def should_be(self, number: int, cell: tuple[int, ...]) -> list[Box]:
        """The boxes of the image and of each stage, given the number of a stage and a cell of its output."""
        stages = [shown.stage for shown in self.network.stages]
        given = seen(self.layers[: stages[number].numbers[-1] + 1], IMAGE, cell)
        own = [given[0], *(given[stage.numbers[-1] + 1] for stage in stages[:number])]
        own.append(tuple(range(index, index + 1) for index in cell))
        nothing = (range(0), range(0), range(0))
        in_maps = [box if len(box) == 3 else (*box, range(1), range(1)) for box in own]
        return in_maps + [nothing] * (len(stages) - number - 1)


def corners_and_middle(shape: Shape) -> Iterator[tuple[int, ...]]:
    yield (0,) * len(shape)
    yield tuple(side - 1 for side in shape)
    yield (shape[0] - 1, *(n * (side - 1) for n, side in enumerate(shape[1:])))
    yield tuple(side // 2 for side in shape)


@pytest.fixture(scope="module")
def teach(tmp_path_factory: pytest.TempPathFactory) -> Shown:
    return Shown(drawn_network("teach"), tmp_path_factory.mktemp("teach"))


@pytest.mark.parametrize("name", ["nano", "teach", "seed1", "seed4"])
def test_the_table_has_what_a_cell_of_every_layer_sees(name: str, tmp_path: Path) -> None:
    shown = Shown(drawn_network(name), tmp_path)
    extents = shapes(shown.layers, IMAGE)
    for number, stage in enumerate(shown.network.stages):
        for layer in stage.stage.numbers[::-1]:
            for cell in corners_and_middle(extents[layer]):
                typed = [index + 1 for index in cell] + [1] * (3 - len(cell))
                assert shown.choose(layer + 1, *typed).boxes == shown.should_be(number, cell), (layer, cell)
                assert not shown.is_amber


def test_a_layer_without_cells_has_those_of_the_one_before(tmp_path: Path) -> None:
    shown = Shown(drawn_network("seed3"), tmp_path)
    # 8 is dropout, behind a max pool
    assert shown.choose(8, 2, 3, 4).boxes == shown.choose(7, 2, 3, 4).boxes


def test_a_last_layer_without_cells_can_be_chosen(tmp_path: Path) -> None:
    shown = Shown(drawn_network("seed4"), tmp_path)
    # 24, the last, flattens
    assert shown.choose(24, 3, 1, 1).boxes == shown.choose(23, 3, 1, 1).boxes
    assert not shown.is_amber
    assert shown.choose(25, 3, 1, 1).sentence == "There is no such layer: choose one from 1 to 24."


def test_the_outline_of_what_is_seen_is_drawn_in_every_map(teach: Shown) -> None:
    # 3 is a max pool 4x4
    teach.choose(3, 2, 1, 6)
    images, convolved, _, pooled, logits = [
        [teach.network.image_block],
        *(shown.blocks for shown in teach.network.stages),
    ]
    assert set(teach.marked(images[0])) == _edges(range(8), range(20, 28))
    green = {"top": "#00B050", "bottom": "#00B050", "left": "#00B050", "right": "#00B050"}
    sides = {
        (0, 20): ("top", "left"),
        (0, 27): ("top", "right"),
        (7, 20): ("bottom", "left"),
        (7, 27): ("bottom", "right"),
        (0, 24): ("top",),
        (7, 24): ("bottom",),
        (4, 20): ("left",),
        (4, 27): ("right",),
    }
    looks = teach.marked(images[0])
    assert {at: looks[at] for at in sides} == {
        at: Look(**{side: green[side] for side in own}) for at, own in sides.items()
    }
    # ReLU and max pool go map by map
    assert [set(teach.marked(block)) for block in convolved] == [set(), _edges(range(4), range(20, 24)), set()]
    assert [teach.marked(block) for block in pooled] == [{}, {(0, 5): Look(**green)}, {}]
    assert teach.marked(logits[0]) == {}


def _edges(rows: range, columns: range) -> set[tuple[int, int]]:
    return {(n, k) for n in rows for k in columns if n in (rows[0], rows[-1]) or k in (columns[0], columns[-1])}


def test_the_ring_around_a_map_is_never_marked(tmp_path: Path) -> None:
    shown = Shown(drawn_network("nano"), tmp_path).choose(5, 1, 1, 12)
    stage = shown.network.stages[2]
    # the window looks beyond the edge, of which nothing is marked
    assert stage.ring == 1
    assert set(shown.marked(stage.blocks[7])) == {(1, 11), (1, 12), (2, 11), (2, 12)}


def test_a_feature_has_a_line_around_it(teach: Shown) -> None:
    logits = teach.network.stages[-1].blocks[0]
    assert teach.choose(5, 4, 1, 1).marked(logits) == {(3, 0): Look(border="#00B050")}
    assert len(teach.marked(teach.network.stages[-2].blocks[2])) == 20


def test_the_sentence_says_how_much_of_the_image_is_seen(teach: Shown) -> None:
    assert teach.choose(3, 2, 1, 6).sentence == "It sees 8 x 8 pixels: rows 1 to 8, columns 21 to 28 of the image."


@pytest.mark.parametrize(
    ("chosen", "sentence"),
    [
        *(
            ((layer, 1, 1, 1), "There is no such layer: choose one from 1 to 5.")
            for layer in (0, 6, -1, 1.5, "conv", "")
        ),
        *(
            ((3, *cell), "This layer has 3 maps of 6 x 6 cells: choose one of them.")
            for cell in ((0, 1, 1), (4, 1, 1), (1, 0, 1), (1, 7, 1), (1, 1, 7), (1, 1, 0), (1, 1.5, 1), ("a", 1, 1))
        ),
    ],
)
def test_a_cell_that_does_not_exist_is_said_in_amber_and_nothing_is_marked(
    teach: Shown, chosen: tuple[object, ...], sentence: str
) -> None:
    teach.choose(*chosen)
    assert teach.sentence == sentence
    assert teach.is_amber
    assert not any(len(along) for box in teach.boxes for along in box)
    assert not teach.marked(teach.network.image_block)


def test_a_fresh_file_shows_a_cell_that_sees_a_part_of_the_image() -> None:
    for name in NETWORKS:
        sheet = NetworkSheet(Book(), drawn_network(name))
        layer, *cell = (int(sheet.sheet.book.value(typed)) for typed in sheet.chosen.typed)
        box, *_ = seen(NETWORKS[name][:layer], IMAGE, tuple(number - 1 for number in cell))
        assert 8 <= len(box[1]) <= 18, name
