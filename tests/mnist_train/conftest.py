"""What the tests of the trainer share: a small data set of printed digits, and the real one where it can be had."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import WITHOUT_TRAINER

if WITHOUT_TRAINER:

    class _LeftOut(pytest.Item):
        """Stands for the tests of a file, which cannot even be imported, and says why they are not run."""

        def runtest(self) -> None:
            pytest.skip(WITHOUT_TRAINER)

    class _File(pytest.File):
        def collect(self) -> Iterator[pytest.Item]:
            yield _LeftOut.from_parent(self, name="left_out")

    def pytest_pycollect_makemodule(module_path: Path, parent: pytest.Collector) -> pytest.Collector:
        return _File.from_parent(parent, path=module_path)

else:
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


REAL_DATA = Path(os.environ["MNIST_DATA"]).resolve() if os.environ.get("MNIST_DATA") else None


@pytest.fixture(scope="session")
def real_digits() -> Path:
    """The folder of the real MNIST, or a skip."""
    if REAL_DATA is None:
        pytest.skip(
            "MNIST_DATA does not say where the real images are: `python -m mnist_train --data-dir data` fetches them, "
            "and MNIST_DATA=data tells the tests"
        )
    return REAL_DATA
