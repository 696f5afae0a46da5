"""The sheet Digits: names, images and where they come from."""

from tests.cnn.drawn import drawn_network
from xlbackprop.cnn.digits import SOURCE, digits
from xlbackprop.cnn.digits_sheet import DRAWING, DigitsSheet
from xlbackprop.spreadsheet.book import Book

CLOTHES = tuple(f"dress {n}" for n in range(10))


def listed(network, chosen):
    book = Book()
    sheet = DigitsSheet(book, network, chosen)
    return book, sheet, [content for block in book.blocks for _, _, content in block.cells()]


def test_the_drawing_comes_first_and_then_the_images_as_texts() -> None:
    network = drawn_network("teach")
    chosen = digits(network)
    book, sheet, _ = listed(network, chosen)
    assert book.values(sheet.names) == [DRAWING, *(one.name for one in chosen)]
    assert book.values(sheet.texts) == [one.hexadecimal for one in chosen]


def test_source_and_licence_are_named_where_there_are_images_of_mnist() -> None:
    network = drawn_network("teach")
    assert SOURCE in listed(network, digits(network))[2]
    assert SOURCE not in listed(network, [])[2]
    assert SOURCE not in listed(drawn_network("teach", CLOTHES), digits(network))[2]
