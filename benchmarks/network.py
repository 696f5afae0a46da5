"""`python -m benchmarks.network FOLDER`: whether a network in cells reads the test images as torch does.

FOLDER holds the files of MNIST. All images go into one workbook as choices; each is chosen in IronCalc, and the ten
logits are compared with those of torch in double precision. With `--quick` it is 200 images of each network.
"""

import sys
import tempfile
from pathlib import Path

import numpy as np
import torch

from mnist_train.models import modules
from xlbackprop.cnn.digits import Digit
from xlbackprop.cnn.idx import read_test_images
from xlbackprop.cnn.sheets import CnnSheets, cnn_sheets
from xlbackprop.cnn.shipped_networks import SHIPPED, shipped_network
from xlbackprop.cnn.trained import TrainedNetwork
from xlbackprop.spreadsheet.ironcalc import load
from xlbackprop.spreadsheet.xlsx import write

#: So many images of each network where it shall be quick.
QUICK = 200


def by_torch(network: TrainedNetwork, images: np.ndarray) -> np.ndarray:
    """The logits, (images, 10)."""
    model = modules(network.layers).double().eval()
    state = {f"{n}.{key}": torch.from_numpy(t) for n, own in enumerate(network.tensors) for key, t in own.items()}
    model.load_state_dict(state, strict=False)
    with torch.no_grad():
        return model(torch.from_numpy((images[:, None] / 255 - network.mean) / network.deviation)).numpy()


def by_cells(sheets: CnnSheets, path: Path, count: int) -> tuple[np.ndarray, np.ndarray]:
    """The logits, (images, 10), and the answers, of a workbook in which one image after another is chosen."""
    write(sheets.book, path)
    model = load(path)
    numbers = {sheet["name"]: n for n, sheet in enumerate(model.get_worksheets_properties())}

    def where(cell_id: int) -> tuple[int, int, int]:
        sheet, row, column = sheets.book.where(cell_id)
        return numbers[sheet.name], row, column

    choice, answer = where(int(sheets.digit.choice.ids)), where(int(sheets.digit.answer.ids))
    logits = [where(int(cell_id)) for cell_id in sheets.network.logits.ids]
    found, answers = [], []
    for n in range(count):
        model.set_user_input(*choice, str(n + 1))
        model.evaluate()
        found.append([model.get_cell_value(*cell) for cell in logits])
        answers.append(int(model.get_cell_value(*answer)))
    return np.array(found), np.array(answers)


def main() -> None:
    """Print a line a network."""
    quick = "--quick" in sys.argv
    (folder,) = (word for word in sys.argv[1:] if not word.startswith("-"))
    images, _ = read_test_images("mnist", Path(folder))
    images = images[:QUICK] if quick else images
    listed = [Digit(n, 0, 0, f"test image {n}", image) for n, image in enumerate(images)]
    print("| network | images | answered as torch | largest difference of a logit | file |")
    print("|---|---:|---:|---:|---:|")
    for name in SHIPPED:
        network = shipped_network(name)
        with tempfile.TemporaryDirectory() as temporary:
            path = Path(temporary) / f"{name}.xlsx"
            found, answers = by_cells(cnn_sheets(network, listed), path, len(images))
            size = path.stat().st_size / 1e6
        should = by_torch(network, images)
        same = int((answers == should.argmax(axis=1)).sum())
        largest = np.abs(found - should).max()
        print(f"| `{name}` | {len(images):,} | {same:,} | {largest:.1e} | {size:.2f} MB |", flush=True)


if __name__ == "__main__":
    main()
