"""What a workbook says about how it was made, in lines of a label and a text; and read back from it."""

import json
from collections.abc import Mapping
from dataclasses import dataclass

from xlbackprop import __version__
from xlbackprop.cnn.layers import Layers, parameter_count, shapes
from xlbackprop.cnn.networks import CLASSES, IMAGE
from xlbackprop.cnn.trained import TrainedNetwork, layers_as_json, layers_from_json
from xlbackprop.errors import UnusableInput
from xlbackprop.spreadsheet.cells import Sheets

#: The sheet that they stand on.
CHECK = "Check"
_MADE_BY, _LAYERS, _DIGITS, _BACKWARD = "made by", "layers", "images to choose from", "gradients"
_PROGRAM = "xlbackprop cnn "


@dataclass(frozen=True)
class Facts:
    """What decides which formulas stand in a workbook, and the version of the program that wrote them.

    Attributes:
        version: of the program.
        layers: of the network.
        digits: how many images can be chosen.
        backward: whether gradients flow back.
    """

    version: str
    layers: Layers
    digits: int
    backward: bool


def facts(network: TrainedNetwork, digits: int, command: str, *, backward: bool) -> dict[str, str]:
    """The lines of a workbook.

    Args:
        network: what it holds.
        digits: how many images can be chosen.
        command: which writes it again.
        backward: whether gradients flow back.
    """
    card = network.card
    trained = [f"{name} {card[key]}" for name, key in (("seed", "seed"), ("epochs", "epochs")) if key in card]
    if isinstance(card.get("accuracy"), int | float):
        trained.append(f"accuracy {card['accuracy']:.2f} %")
    return {
        _MADE_BY: f"{_PROGRAM}{__version__}",
        "command": command,
        "network": f"{network.name}, {sum(map(parameter_count, network.layers)):,} parameters",
        "trained": ", ".join(trained) or "not known",
        _DIGITS: str(digits),
        **({_BACKWARD: "yes"} if backward else {}),
        _LAYERS: json.dumps(layers_as_json(network.layers), separators=(",", ":")),
    }


def is_cnn_workbook(sheets: Sheets) -> bool:
    """Whether a workbook says that `xlbackprop cnn` made it."""
    return CHECK in sheets.names and _read(sheets).get(_MADE_BY, "").startswith(_PROGRAM)


def read_facts(sheets: Sheets) -> Facts:
    """The lines of a workbook.

    Raises:
        UnusableInput: they are damaged, or it is a workbook of another kind.
    """
    found = _read(sheets) if CHECK in sheets.names else {}
    try:
        layers = layers_from_json(json.loads(found[_LAYERS]))
        if shapes(layers, IMAGE)[-1] != (CLASSES,):
            raise UnusableInput(f"its last layer does not give {CLASSES} numbers.")
        return Facts(found[_MADE_BY].removeprefix(_PROGRAM), layers, int(found[_DIGITS]), _BACKWARD in found)
    except (KeyError, ValueError, RecursionError):
        raise UnusableInput(f"its sheet {CHECK} does not say which network it holds: restore it.") from None
    except UnusableInput as error:
        raise UnusableInput(f"its sheet {CHECK} lists layers that cannot be: {error}") from None


def _read(sheets: Sheets) -> Mapping[str, str]:
    """The texts that stand right of another one on the sheet."""
    values = sheets.values(CHECK)
    found: dict[str, str] = {}
    for (row, column), label in values.items():
        text = values.get((row, column + 1))
        if isinstance(label, str) and text is not None:
            found.setdefault(label, str(text))
    return found
