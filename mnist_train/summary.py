"""A network layer by layer: output shape, parameters, and how much of the image each output sees."""

from xlbackprop.cnn.layers import Layers, parameter_count, shape_in_words, shapes, spoken
from xlbackprop.cnn.networks import IMAGE
from xlbackprop.cnn.receptive_field import fields

_HEADERS = ("layer", "output shape", "parameters", "receptive field", "jump")


def summary(layers: Layers) -> str:
    """The table of a network's layers for a terminal, with the total of its parameters below."""
    rows = _rows(layers)
    widths = [max(len(cell) for cell in column) for column in zip(_HEADERS, *rows, strict=True)]

    def line(cells: tuple[str, ...]) -> str:
        first, *others = zip(cells, widths, strict=True)
        return "  ".join([f"{first[0]:{first[1]}}", *(f"{cell:>{width}}" for cell, width in others)]).rstrip()

    ruler = "-" * (sum(widths) + 2 * (len(widths) - 1))
    return "\n".join([line(_HEADERS), ruler, *map(line, rows), ruler, _total(layers)])


def to_markdown(layers: Layers) -> str:
    """The same table in Markdown, for a README."""
    ruler = ("---", *["---:"] * (len(_HEADERS) - 1))
    table = "\n".join("| " + " | ".join(cells) + " |" for cells in (_HEADERS, ruler, *_rows(layers)))
    return f"{table}\n\n{_total(layers)}"


def _rows(layers: Layers) -> list[tuple[str, ...]]:
    return [
        (
            spoken(layer),
            shape_in_words(shape),
            f"{count:,}" if (count := parameter_count(layer)) else "",
            f"{field.side} x {field.side}",
            str(field.jump or ""),
        )
        for layer, shape, field in zip(layers, shapes(layers, IMAGE), fields(layers, IMAGE), strict=True)
    ]


def _total(layers: Layers) -> str:
    return f"{sum(map(parameter_count, layers)):,} parameters, all of them trained"
