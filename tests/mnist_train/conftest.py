"""What the tests of the trainer share: a small data set of printed digits, and the real one where it can be had."""

import importlib.util
import os
from pathlib import Path

import pytest

_NEEDED = ("torch", "torchvision", "safetensors", "matplotlib")
_MISSING = [name for name in _NEEDED if importlib.util.find_spec(name) is None]
if _MISSING and os.environ.get("XLBACKPROP_REQUIRE_TORCH"):
    raise RuntimeError(f"{', '.join(_MISSING)} must be installed")
# the spreadsheet half is tested without them
collect_ignore_glob = ["test_*.py"] if _MISSING else []

if not _MISSING:
    import torch

    from mnist_train.data import DataSet, load
    from tests.mnist_train.digits import write_data_set

    @pytest.fixture(autouse=True)
    def _one_thread(monkeypatch: pytest.MonkeyPatch) -> None:
        """The tests run side by side; and no command of theirs finds the real data by itself."""
        torch.set_num_threads(1)
        monkeypatch.delenv("MNIST_DATA", raising=False)

    @pytest.fixture(scope="session")
    def digits(tmp_path_factory: pytest.TempPathFactory) -> Path:
        """A folder with the four files of a data set of 500 and 200 printed digits."""
        folder = tmp_path_factory.mktemp("digits")
        write_data_set(folder, train=500, test=200)
        return folder

    @pytest.fixture(scope="session")
    def data(digits: Path) -> DataSet:
        """The printed digits, read."""
        return load("mnist", digits)


REAL_DATA = os.environ.get("MNIST_DATA")


@pytest.fixture(scope="session")
def real_digits() -> Path:
    """The folder of the real MNIST, or a skip."""
    if not REAL_DATA:
        pytest.skip("MNIST_DATA does not say where the real images are")
    return Path(REAL_DATA)
