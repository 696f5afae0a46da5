"""The notebook for hosted GPUs: its cells run from the first to the last, without Jupyter."""

import json
import os
import subprocess
import sys
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

from tests.conftest import REPOSITORY

NOTEBOOK = REPOSITORY / "docs" / "mnist.ipynb"
SMALL = "--model nano --epochs 1 --limit 64 --threads 1 --dataset printed"


def cells() -> list[str]:
    """The code of the cells, in their order."""
    notebook = json.loads(NOTEBOOK.read_text(encoding="utf-8"))
    assert notebook["nbformat"] == 4
    return ["".join(cell["source"]) for cell in notebook["cells"] if cell["cell_type"] == "code"]


def run(code: str, names: dict[str, Any], folder: Path) -> None:
    """A cell as IPython runs it: a line that begins with ! is one of the shell, with the names in braces filled in."""
    python = []
    for line in code.splitlines():
        if line.startswith("%pip"):
            continue
        if line.startswith("!"):
            words = line[1:].format(**names).split()
            assert words.pop(0) == "python"
            environment = {**os.environ, "PYTHONPATH": str(REPOSITORY)}
            subprocess.run([sys.executable, *words], cwd=folder, env=environment, check=True, capture_output=True)
        else:
            python.append(line)
    exec("\n".join(python), names)


def test_the_cells_of_the_notebook_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for module in ("onnx", "onnxscript", "onnxruntime"):
        pytest.importorskip(module, reason='ONNX is not installed: pip install ".[export]"')
    shown: list[Any] = []
    jupyter = ModuleType("IPython")
    jupyter.display = SimpleNamespace(Image=Path, Markdown=str, display=shown.append)
    monkeypatch.setitem(sys.modules, "IPython", jupyter)
    monkeypatch.chdir(tmp_path)
    names: dict[str, Any] = {}
    first, *others = cells()
    run(first, names, tmp_path)
    assert "--model compact" in names["OPTIONS"]
    names["OPTIONS"] = SMALL
    for code in others:
        run(code, names, tmp_path)
    text, *pictures = shown
    assert text.startswith("# nano on printed")
    assert "| conv 5x5 |" in text
    assert all(picture.is_file() for picture in pictures)
    assert len(pictures) == 3
    assert (tmp_path / "run" / "network.onnx").is_file()
    assert (tmp_path / "run.zip").is_file()


def test_the_notebook_installs_what_it_uses() -> None:
    (line,) = [line for code in cells() for line in code.splitlines() if line.startswith("%pip")]
    assert line == '%pip install --quiet "{CHECKOUT}[mnist,export]"'
    assert all(not cell.get("outputs") for cell in json.loads(NOTEBOOK.read_text(encoding="utf-8"))["cells"])
