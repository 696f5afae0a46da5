"""A network layer by layer: output shape, parameters, and how much of the image each output sees."""

from xlbackprop.cnn.layers import Layers, parameter_count, shape_in_words, shapes, spoken
from xlbackprop.cnn.networks import IMAGE
from xlbackprop.cnn.receptive_field import fields

_HEADERS = ("layer", "output shape", "parameters", "receptive field", "jump")


def summary(layers: Layers) -> str:
    """The table of a network's layers, with the total of its parameters below."""
    counts = [parameter_count(layer) for layer in layers]
    rows = [
        (
            spoken(layer),
            shape_in_words(shape),
            f"{count:,}" if count else "",
            f"{field.side} x {field.side}",
            str(field.jump or ""),
        )
        for layer, count, shape, field in zip(layers, counts, shapes(layers, IMAGE), fields(layers, IMAGE), strict=True)
    ]
    widths = [max(len(cell) for cell in column) for column in zip(_HEADERS, *rows, strict=True)]

    def line(cells: tuple[str, ...]) -> str:
        first, *others = zip(cells, widths, strict=True)
        return "  ".join([f"{first[0]:{first[1]}}", *(f"{cell:>{width}}" for cell, width in others)]).rstrip()

    ruler = "-" * (sum(widths) + 2 * (len(widths) - 1))
    total = f"{sum(counts):,} parameters, all of them trained"
    return "\n".join([line(_HEADERS), ruler, *map(line, rows), ruler, total])
