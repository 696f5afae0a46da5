import os
import subprocess
import sys
import venv
from pathlib import Path

import pytest

from tests.conftest import REPOSITORY


def run(*command: object, cwd: Path) -> str:
    # nothing of the checkout or of the test's own environment may help
    environment = {key: value for key, value in os.environ.items() if not key.startswith(("PYTHON", "VIRTUAL_ENV"))}
    done = subprocess.run(list(map(str, command)), cwd=cwd, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A fresh environment with nothing but the wheel and what it depends on; gives its folder of programs."""
    folder = tmp_path_factory.mktemp("installed")
    run(sys.executable, "-m", "build", "--wheel", "--outdir", folder, REPOSITORY, cwd=folder)
    (wheel,) = folder.glob("*.whl")
    venv.create(folder / "fresh", with_pip=True)
    programs = folder / "fresh" / ("Scripts" if os.name == "nt" else "bin")
    run(programs / "python", "-m", "pip", "install", "--quiet", "--disable-pip-version-check", wheel, cwd=folder)
    return programs


def test_the_wheel_builds_and_verifies_a_workbook_outside_the_checkout(installed: Path, tmp_path: Path) -> None:
    program = installed / "xlbackprop"
    out = run(program, "build", "--lrs", "0.1,0.2,0.5,0.8,1,2", "-o", "backprop.xlsx", cwd=tmp_path)
    assert "NumPy agrees with every one" in out
    assert "η=2" in run(program, "verify", "backprop.xlsx", cwd=tmp_path)


def test_the_wheel_brings_the_templates(installed: Path, tmp_path: Path) -> None:
    listed = run(installed / "xlbackprop", "templates", cwd=tmp_path).splitlines()
    assert len(listed) == len(list((REPOSITORY / "templates").glob("*.toml")))
    run(installed / "xlbackprop", "build", "--template", "mazur", "--steps", "3", "-o", "mazur.xlsx", cwd=tmp_path)


def test_the_wheel_brings_trained_networks_and_images(installed: Path, tmp_path: Path) -> None:
    out = run(installed / "xlbackprop", "cnn", "--network", "teach", "-o", "teach.xlsx", cwd=tmp_path)
    assert out.startswith("Wrote teach.xlsx: teach, 30 images to choose from.")


def test_the_wheel_says_that_both_packages_have_types(installed: Path, tmp_path: Path) -> None:
    code = "from importlib.resources import files\n"
    code += "print([(files(name) / 'py.typed').is_file() for name in ('xlbackprop', 'mnist_train')])"
    assert run(installed / "python", "-c", code, cwd=tmp_path).strip() == "[True, True]"


def test_neither_torch_nor_the_tools_of_the_developers_are_needed(installed: Path, tmp_path: Path) -> None:
    names = run(installed / "python", "-m", "pip", "list", "--format=freeze", cwd=tmp_path).lower()
    assert "numpy==" in names
    assert not [name for name in ("torch", "pytest", "hypothesis", "matplotlib") if f"{name}==" in names]
