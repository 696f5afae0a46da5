"""A small network with one layer of most kinds, as a run would leave it, and its workbook."""

import json
from dataclasses import dataclass
from pathlib import Path

from safetensors.numpy import save_file

from tests.cnn.drawn import drawn_tensors
from xlbackprop.cnn.build import Built, Recipe, build
from xlbackprop.cnn.layers import AveragePool, BatchNorm, Convolution, Flatten, Layers, Linear, MaxPool, ReLU
from xlbackprop.cnn.sheets import CnnSheets, cnn_sheets
from xlbackprop.cnn.trained import layers_as_json
from xlbackprop.spreadsheet.addresses import cell_address
from xlbackprop.spreadsheet.places import Place

SMALL: Layers = (
    Convolution(1, 2, 3, padding=1),
    BatchNorm(2),
    ReLU(),
    MaxPool(4),
    Convolution(2, 3, 3, padding=1, bias=False),
    ReLU(),
    AveragePool(7),
    Flatten(),
    Linear(3, 10),
)


@dataclass(frozen=True)
class SmallWorkbook:
    """The workbook of the small network; nobody may write to it."""

    path: Path
    sheets: CnnSheets
    built: Built

    def where(self, cell: Place) -> tuple[str, str]:
        """Sheet and address of a cell."""
        sheet, row, column = self.sheets.book.where(int(cell.ids.flat[0]))
        return sheet.name, cell_address(row, column)


def write_run(folder: Path, layers: Layers, **card: object) -> Path:
    """A run's folder with drawn weights."""
    tensors = {
        f"{n}.{name}": tensor.astype("float32")
        for n, own in enumerate(drawn_tensors(layers))
        for name, tensor in own.items()
    }
    data = {"name": "mnist", "mean": 0.1307, "deviation": 0.3081, "classes": list("0123456789")}
    described = {"network": "small", "layers": layers_as_json(layers), "data": data} | card
    folder.mkdir()
    save_file(tensors, folder / "model.safetensors", metadata={"mnist_train": json.dumps(described)})
    return folder


def small_workbook(folder: Path, *, backward: bool = False) -> SmallWorkbook:
    """The workbook of the small network with three images to choose from, with gradients if that is asked for."""
    from xlbackprop.cnn.digits import digits

    recipe = Recipe(path=write_run(folder / "run", SMALL), digits=3, backward=backward)
    built = build(recipe, folder / "small.xlsx")
    network = recipe.trained()
    sheets = cnn_sheets(network, digits(network, 3), recipe.command, backward=backward)
    return SmallWorkbook(built.path, sheets, built)
