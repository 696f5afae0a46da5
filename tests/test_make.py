"""What `make` does, CONTRIBUTING.md and the hosted tests do without it; and what the tests skip, they say."""

import os
import re
import subprocess
import sys
from pathlib import Path

from tests.conftest import REPOSITORY, needs_posix

MAKEFILE = (REPOSITORY / "Makefile").read_text(encoding="utf-8")


def recipe(rule: str) -> list[str]:
    """The commands under a rule of the Makefile, without the folder of the programs."""
    (extras,) = re.findall(r"^EXTRAS \?= (.*)$", MAKEFILE, re.MULTILINE)
    _, _, after = MAKEFILE.partition(f"\n{rule}\n")
    commands = re.match(r"(?:\t.*\n)+", after)[0]
    for variable, value in {"$(BIN)/": "", "$(VENV)": ".venv", "$(PYTHON)": "python", "$(EXTRAS)": extras}.items():
        commands = commands.replace(variable, value)
    return [line.strip() for line in commands.splitlines()]


TEST = recipe("test test-light: $(BIN)/python")


def test_the_commands_without_make_are_those_of_make() -> None:
    page = (REPOSITORY / "CONTRIBUTING.md").read_text(encoding="utf-8")
    (block,) = re.findall(r"```bat\n(.*?)```", page, re.DOTALL)
    commands = [line.replace(".venv\\Scripts\\", "") for line in block.splitlines()]
    assert commands == [*recipe("$(BIN)/python:"), *TEST, *recipe("workbook: $(VENV)/installed")]


def test_the_hosted_tests_are_those_of_make() -> None:
    workflow = (REPOSITORY / ".github" / "workflows" / "test.yml").read_text(encoding="utf-8")
    assert re.findall(r"^ +- run: (?!\|)(.*)$", workflow, re.MULTILINE) == [*TEST, "make test-light"]


@needs_posix
def test_make_test_installs_the_trainer_and_make_test_light_does_not() -> None:
    assert '".[dev,mnist]"' in planned("test")
    assert planned("test-light") == planned("test").replace("dev,mnist", "dev")


def planned(target: str) -> str:
    """What make would run."""
    environment = {name: value for name, value in os.environ.items() if name not in ("EXTRAS", "MAKEFLAGS")}
    command = ["make", "--dry-run", target]
    return subprocess.run(command, cwd=REPOSITORY, env=environment, capture_output=True, text=True, check=True).stdout


def test_without_torch_all_else_is_imported_and_what_is_left_out_is_said(tmp_path: Path) -> None:
    (tmp_path / "sitecustomize.py").write_text("import sys\nsys.modules['torch'] = None\n", encoding="utf-8")
    environment = {name: value for name, value in os.environ.items() if name != "XLBACKPROP_REQUIRE_TORCH"}
    # this file is ignored, as it would start itself again
    options = ["-p", "no:cacheprovider", "--ignore", __file__, "-k", "left_out or autograd or of_the_trainer_on_a_page"]
    done = subprocess.run(
        [sys.executable, "-m", "pytest", *options],
        cwd=REPOSITORY,
        env=environment | {"PYTHONPATH": os.pathsep.join([str(tmp_path), str(REPOSITORY)])},
        capture_output=True,
        encoding="utf-8",
        timeout=300,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    said = re.findall(r"^SKIPPED \[(\d+)\] [^ ]+: (.*)$", done.stdout, re.MULTILINE)
    (sentence,) = {sentence for _, sentence in said}
    assert sentence.startswith("torch")
    assert sentence.endswith('install what the trainer needs with `make test` or pip install ".[mnist]"')
    files = len(list((REPOSITORY / "tests" / "mnist_train").rglob("test_*.py")))
    assert files in [int(count) for count, _ in said]
