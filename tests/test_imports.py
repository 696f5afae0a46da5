"""The structure that the folders promise: which part may import which."""

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parent.parent / "xlbackprop"


def rooms() -> dict[str, set[str]]:
    """What each folder, or module beside them, may import of this package, beside itself: the table of the page."""
    page = (PACKAGE.parent / "docs" / "structure.md").read_text(encoding="utf-8")
    table = page.partition("| room | ")[2].partition("\n\n")[0]
    rows = [line.split("|")[1:4] for line in table.splitlines()[2:]]
    return {room.strip(" `"): set(re.findall(r"`([\w.]+)`", allowed)) for room, _, allowed in rows}


MAY_IMPORT = rooms()


def imports(path: Path) -> set[str]:
    """The modules that a file imports, also within functions."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found |= {f"{node.module}.{alias.name}" for alias in node.names}
    return found


def modules(folder: str) -> list[Path]:
    inside = PACKAGE / folder
    return sorted(inside.rglob("*.py")) if inside.is_dir() else [PACKAGE / f"{folder}.py"]


def test_every_folder_and_module_has_its_place_in_the_order() -> None:
    found = {path.stem for path in PACKAGE.iterdir() if path.suffix == ".py" or (path / "__init__.py").exists()}
    assert found == {*MAY_IMPORT, "__init__"}


@pytest.mark.parametrize("folder", MAY_IMPORT)
def test_dependencies_point_one_way(folder: str) -> None:
    allowed = {f"xlbackprop.{name}" for name in {*MAY_IMPORT[folder], folder}} | {"xlbackprop.__version__"}
    for path in modules(folder):
        for name in imports(path):
            if name.startswith("xlbackprop."):
                assert any(f"{name}.".startswith(f"{place}.") for place in allowed), f"{path.name} imports {name}"


def test_the_trainer_uses_how_networks_are_described_and_how_commands_fail_and_nothing_of_cells() -> None:
    trainer = PACKAGE.parent / "mnist_train"
    used = {name for path in trainer.glob("*.py") for name in imports(path) if name.startswith("xlbackprop.")}
    described = {f"cnn.{name}" for name in ("idx", "layers", "networks", "receptive_field", "tensors", "trained")}
    for name in used:
        places = {"commands", "errors", "interruption", "printing", "__version__", *described}
        assert any(f"{name}.".startswith(f"xlbackprop.{place}.") for place in places), name


def test_what_checks_a_convolutional_network_shares_nothing_with_its_cells_but_its_layers() -> None:
    used = {name for name in imports(PACKAGE / "cnn/reference.py") if name.startswith("xlbackprop.")}
    assert {name.rpartition(".")[0] for name in used} == {"xlbackprop.cnn.layers"}


def test_a_trained_network_is_described_and_read_without_a_cell() -> None:
    for module in ("layers", "networks", "receptive_field", "tensors", "trained"):
        assert not {name for name in imports(PACKAGE / f"cnn/{module}.py") if "spreadsheet" in name}, module


def test_nothing_of_the_workbook_imports_torch() -> None:
    assert not {path for path in PACKAGE.rglob("*.py") for name in imports(path) if name.startswith("torch")}


@pytest.mark.parametrize(("library", "folder"), [("ironcalc", "spreadsheet"), ("xlsxwriter", "spreadsheet/xlsx")])
def test_a_library_is_known_to_one_folder_alone(library: str, folder: str) -> None:
    tests = PACKAGE.parent / "tests"
    others = [path for path in PACKAGE.rglob("*.py") if PACKAGE / folder not in path.parents]
    others += [path for path in tests.rglob("*.py") if tests / folder not in path.parents]
    assert not {path for path in others for name in imports(path) if f"{name}.".startswith(f"{library}.")}


def test_only_the_command_line_knows_its_options() -> None:
    for path in {*PACKAGE.rglob("*.py")} - {*PACKAGE.glob("cli*.py"), PACKAGE / "commands.py"}:
        for raised in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(raised, ast.Raise) and raised.exc:
                assert not re.search(r"--\w", ast.unparse(raised.exc)), f"{path.name}, line {raised.lineno}"


@pytest.mark.parametrize(
    ("module", "spared"),
    [
        # --help needs none of them, and to build a workbook only those that write and recalculate it
        ("xlbackprop.cli", {"numpy", "ironcalc", "openpyxl", "xlsxwriter", "tqdm", "pebble"}),
        ("xlbackprop.build", {"openpyxl", "tqdm", "pebble"}),
    ],
)
def test_what_takes_its_time_is_imported_when_it_is_needed(module: str, spared: set[str]) -> None:
    code = f"import sys, {module}; print(*{{name.partition('.')[0] for name in sys.modules}})"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    assert spared.isdisjoint(loaded)
