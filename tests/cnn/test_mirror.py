"""Blocks that stand in the same places on another sheet."""

import numpy as np

from xlbackprop.cnn.mirror import Mirror, fill_cells
from xlbackprop.spreadsheet.blocks import FilledOver, Formula, Role
from xlbackprop.spreadsheet.book import Book
from xlbackprop.spreadsheet.looks import PLAIN


def mirrored(up: int = 0) -> tuple[Book, Mirror]:
    book = Book()
    first = book.sheet("First")
    blocks = [first.put(at, [[1.0, 2.0]] * 3, role=Role.INPUT, name=at) for at in ("B5", "F9")]
    between = first.put("A1", "words")
    second = book.sheet("Second")
    assert between.first_id > blocks[0].first_id
    return book, Mirror(second, blocks[::-1], lambda block: f"of {block.name}", Role.FORMULA, up)


def test_a_cell_and_what_belongs_to_it_have_the_same_address() -> None:
    book, mirror = mirrored()
    for original, own in mirror.pairs:
        assert own.name == f"of {original.name}"
        assert mirror.block(original) is own
        for cell, other in zip(original.place.ids.ravel(), mirror(original.place).ids.ravel(), strict=True):
            assert book.where(int(cell))[1:] == book.where(int(other))[1:]
            assert book.where(int(other))[0].name == "Second"


def test_cells_of_several_blocks_keep_their_shape() -> None:
    from xlbackprop.spreadsheet.places import Place

    book, mirror = mirrored(up=3)
    cells = Place(np.stack([original.place.ids for original, _ in mirror.pairs]))
    found = mirror(cells)
    assert found.shape == (2, 3, 2)
    assert [book.where(int(ids[0, 0]))[1:] for ids in found.ids] == [(2, 2), (6, 6)]


def test_cells_without_a_formula_stay_empty_and_what_is_filled_stays() -> None:
    book, mirror = mirrored()
    (_, first), (_, second) = mirror.pairs
    filled = FilledOver("1+1")
    first.sheet.fill(second, filled)
    fill_cells([first, second], {first.first_id + 3: Formula("2+2")}, PLAIN)
    assert [book.value(first.cell(row, column)) for row in range(3) for column in range(2)] == [
        None, None, None, 4.0, None, None,
    ]  # fmt: skip
    assert second.contents is filled
