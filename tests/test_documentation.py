"""Every command in the documentation runs, and every picture and link that it shows is there."""

import os
import re
import shlex
import shutil
import subprocess
import sys
from itertools import pairwise
from pathlib import Path, PurePosixPath

import pytest
from click.testing import CliRunner

import xlbackprop
from tests.conftest import REPOSITORY, needs_posix, needs_trainer
from tests.grading.classes import GRADEBOOK, WORKSHEETS, copied, zipped
from tests.handmade import FORMULAS, Handmade, write
from xlbackprop import cli
from xlbackprop.backprop.functions import ACTIVATIONS, LOSSES
from xlbackprop.backprop.simulation import Simulation
from xlbackprop.backprop.templates import KEYS, load_template, read_template, template_names
from xlbackprop.grading.names import Platform, named
from xlbackprop.grading.scheme import PARTS, Scheme, load_scheme
from xlbackprop.tables.headers import quantity
from xlbackprop.workbook.layout import MAX_LAYER, MAX_LEARNING_RATES, WorkbookLayout

OTHERS = {
    *("make workbook", "make test", "make test-light", "make benchmarks"),
    *("python -m benchmarks", "python -m benchmarks.training"),
    "gh classroom clone student-repos -a 123456",
    *(
        "pip install .",
        'pip install ".[mnist]"',
        'pip install ".[export]"',
        "torchrun --standalone --nproc-per-node=2 -m mnist_train",
    ),
}
PAGES = [REPOSITORY / "README.md", REPOSITORY / "CONTRIBUTING.md", *sorted((REPOSITORY / "docs").glob("*.md"))]


TRAINER = "python -m mnist_train"


def is_of_the_trainer(command: str) -> bool:
    return command.startswith(TRAINER)


def commands(page: Path) -> list[str]:
    """The lines of the shell blocks of a page."""
    blocks = re.findall(r"```sh\n(.*?)```", page.read_text(encoding="utf-8"), re.DOTALL)
    return [line.partition("  #")[0].strip() for block in blocks for line in block.splitlines() if line.strip()]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_command_of_a_page_runs(page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    homework(tmp_path)
    for data in re.findall(r"```csv\n(.*?)```", page.read_text(encoding="utf-8"), re.DOTALL):
        (tmp_path / "fruit.csv").write_text(data)
    for command in commands(page):
        program, *arguments = shlex.split(command)
        if is_of_the_trainer(command):
            continue
        if command.startswith(".venv/bin/"):
            program = program.removeprefix(".venv/bin/")
            subprocess.run([sys.executable, "-m", program, *arguments], cwd=REPOSITORY, check=True, capture_output=True)
            continue
        if program == "find":
            in_a_shell(command, tmp_path)
            continue
        # the others are run by continuous integration, and by the tests of the installation and of the processes
        if program != "xlbackprop":
            assert command in OTHERS
            continue
        # a shell puts names in the place of a pattern
        arguments = [
            name
            for word in arguments
            for name in (sorted(path.name for path in Path().glob(word)) if "*" in word else [word])
        ]
        result = CliRunner().invoke(cli.main, arguments)
        # the homework is wrong
        assert result.exit_code == int(arguments[0] == "check"), (command, result.stderr)


@needs_trainer
@pytest.mark.parametrize(
    "page", [page for page in PAGES if any(map(is_of_the_trainer, commands(page)))], ids=lambda page: page.name
)
def test_every_command_of_the_trainer_on_a_page_runs(
    page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for command in commands(page):
        if is_of_the_trainer(command):
            train(shlex.split(command.removeprefix(TRAINER)), monkeypatch, tmp_path)


def train(arguments: list[str], monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
    """Run a command of the trainer on printed digits; comparisons for one epoch, and on the CPU."""
    from PIL import Image

    from mnist_train.cli import main
    from tests.mnist_train.digits import printed_digits, write_data_set

    if not (folder / "digits").exists():
        write_data_set(folder / "digits", train=300, test=100)
        (folder / "mine.toml").write_text('model = "tiny"\nepochs = 2\nhold_out = 50\n')
        Image.fromarray(255 - printed_digits(1, seed=3)[0][0]).resize((200, 200)).save(folder / "photo.jpg")
    monkeypatch.setenv("MNIST_DATA", str(folder / "digits"))
    shorter = []
    if arguments[:1] == ["compare"]:
        shorter = ["--epochs", "1", "--limit", "64", "--hold-out", "0", "--threads", "1", "--device", "cpu"]
    if arguments[:1] == ["export"]:
        for module in ("onnx", "onnxscript", "onnxruntime"):
            pytest.importorskip(module, reason='ONNX is not installed: pip install ".[export]"')
    if "printed" in arguments:
        shorter = ["--epochs", "1", "--limit", "64"]
    result = CliRunner().invoke(main, [*arguments, *shorter])
    assert result.exit_code == 0, (arguments, result.stderr)


def in_a_shell(command: str, folder: Path) -> None:
    """Run a line that needs a shell, with the program of these tests in its path."""
    if os.name == "nt":
        pytest.skip("Windows has no such shell")
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    environment = os.environ | {"PATH": path, "PYTHONPATH": str(REPOSITORY)}
    subprocess.run(command, shell=True, cwd=folder, env=environment, check=True, capture_output=True)


def homework(folder: Path) -> None:
    """The workbooks that the pages check: a student's, with the slip that is handed from course to course."""
    copied = {name: FORMULAS[name].replace("{a_h2}", "{a_h1}") for name in ("dE_dw3", "dE_dw4")}
    student = write(folder / "homework.xlsx", Handmade(formulas=FORMULAS | copied, steps=50), names=("η=0.5",))
    write(folder / "other.xlsx", Handmade(rate=2))
    (folder / "class").mkdir()
    shutil.copyfile(student, folder / "class/student.xlsx")
    submissions(folder, student)


def submissions(folder: Path, workbook: Path) -> None:
    """What the learning platforms export for a class of two, and the clones of GitHub Classroom."""
    people = [
        f"{name}_{number}_assignsubmission_file/hw.xlsx" for name, number in (("Jane Doe", 101), ("John Roe", 102))
    ]
    zipped(folder / "submissions.zip", dict.fromkeys(people, workbook))
    for name in people:
        copied(workbook, folder / "submissions" / name)
    zipped(folder / "canvas.zip", {"doejane_901_55_hw.xlsx": workbook})
    (folder / "grades.csv").write_text(WORKSHEETS["English"], encoding="utf-8", newline="")
    (folder / "gradebook.csv").write_text(GRADEBOOK, encoding="utf-8", newline="")
    page = (REPOSITORY / "docs/grading.md").read_text(encoding="utf-8")
    (scheme,) = re.findall(r"```toml\n(.*?)```", page, re.DOTALL)
    (folder / "scheme.toml").write_text(scheme, encoding="utf-8")
    copied(workbook, folder / "backprop-submissions/backprop-jane/hw.xlsx")
    roster = "identifier,github_username,github_id,name\nJane Doe,jane,1,\n"
    (folder / "classroom_roster.csv").write_text(roster, encoding="utf-8")


def test_the_readme_shows_what_check_says_about_the_homework(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    homework(tmp_path)
    text = (REPOSITORY / "README.md").read_text(encoding="utf-8")
    (output,) = re.findall(r"```sh\nxlbackprop check homework.xlsx\n```\n\n```\n(.*?)```", text, re.DOTALL)
    assert CliRunner().invoke(cli.main, ["check", "homework.xlsx"]).stdout == output


def test_the_script_of_the_library_runs(tmp_path: Path, monkeypatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.chdir(tmp_path)
    homework(tmp_path)
    page = (REPOSITORY / "docs/library.md").read_text(encoding="utf-8")
    (script,) = re.findall(r"```python\n(.*?)```", page, re.DOTALL)
    exec(script, {})
    lines = capsys.readouterr().out.splitlines()
    assert "cells agree with NumPy" in lines[0]
    assert lines[1] == "η=0.5 0.5 wrong"
    assert lines[2].startswith("∂E/∂w3 (Z6:Z56) uses a_h1*(1-a_h1); it should be a_h2*(1-a_h2)")
    assert (tmp_path / "corrected.xlsx").exists()


def test_every_public_name_is_there_and_told() -> None:
    page = (REPOSITORY / "docs/library.md").read_text(encoding="utf-8")
    for name in xlbackprop.__all__:
        assert getattr(xlbackprop, name)
        assert f"`{name}`" in page or name == "__version__"
    with pytest.raises(AttributeError):
        _ = xlbackprop.nothing


def test_every_spelling_in_the_documentation_is_understood() -> None:
    page = (REPOSITORY / "docs/checking.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| ([^|]*(?:1|η|total)) \| ([^|]+) \|$", page, re.MULTILINE)
    assert len(rows) == 8
    for names, spellings in rows:
        listed = re.split(
            r"[,;:] ", spellings.replace("∂, 𝟃, 𝜕, Ә, δ, ∆, del or d: ", "").replace("also with d; ", "∂E/∂o1; ")
        )
        wanted = {quantity(name) for name in names.split(", ")} | {"E1", "E_total", "delta_o1", "dE_da_o1"}
        assert {quantity(spelling.strip().removesuffix(" too").split(" and ")[0]) for spelling in listed} <= wanted


def test_the_readme_shows_what_its_first_command_prints(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    text = (REPOSITORY / "README.md").read_text(encoding="utf-8")
    command, output = re.search(r"```sh\nxlbackprop (build[^\n]*)\n```\n\n```\n(.*?)```", text, re.DOTALL).groups()
    result = CliRunner().invoke(cli.main, shlex.split(command))
    # the last digit of the largest difference is the platform's
    assert result.stdout.partition("the largest")[0] == output.partition("the largest")[0]


@pytest.mark.parametrize("command", ["build", "check", "grade", "verify", "cnn"])
def test_the_examples_in_the_help_run(
    command: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> None:
    monkeypatch.chdir(tmp_path)
    if command == "verify":
        # one of its examples has LibreOffice recalculate
        request.getfixturevalue("libreoffice")
    CliRunner().invoke(cli.main, ["build", "--steps", "3", "-o", "backprop.xlsx"])
    homework(tmp_path)
    lines = [line.strip() for line in cli.main.commands[command].help.splitlines()]
    examples = [line for line in lines if line.startswith("xlbackprop ")]
    assert examples
    for example in examples:
        arguments = shlex.split(example.removeprefix("xlbackprop "))
        result = CliRunner().invoke(
            cli.main, [*arguments, *(["--force"] if command in ("build", "cnn", "grade") else [])]
        )
        assert result.exit_code == int(command == "check"), (example, result.stderr)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_link_leads_somewhere(page: Path) -> None:
    links = re.findall(r"\]\(([^)]+)\)", page.read_text(encoding="utf-8"))
    missing = []
    for link in links:
        file, _, heading = link.partition("#")
        target = page.parent / file
        if not link.startswith("https://") and not (heading in headings(target) if heading else target.exists()):
            missing.append(link)
    assert missing == []


def headings(page: Path) -> set[str]:
    """What a link to a heading of a page may end in."""
    found = re.findall(r"^#+ (.+)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", title.lower()).replace(" ", "-") for title in found}


def test_the_list_of_templates_is_complete() -> None:
    page = (REPOSITORY / "docs/networks.md").read_text(encoding="utf-8")
    listed = dict(re.findall(r"\| `([\w-]+)` \| ([\d-]+) \|", page))
    assert listed == {name: load_template(name).shape for name in template_names()}


def test_the_templates_that_explain_the_keys_are_accepted(tmp_path: Path) -> None:
    keys = set()
    for page, shape, steps in (("networks", "2-3-1", 100), ("samples", "2-3-1", 40), ("optimizers", "2-2-2", 60)):
        text = (REPOSITORY / "docs" / f"{page}.md").read_text(encoding="utf-8")
        (example,) = re.findall(r"```toml\n(.*?)```", text, re.DOTALL)
        (tmp_path / "mine.toml").write_text(example, encoding="utf-8")
        template = read_template(str(tmp_path / "mine.toml"))
        assert (template.network.shape, template.steps) == (shape, steps)
        keys |= set(re.findall(r"^(\w+) =", example, re.MULTILINE))
    assert keys == set(KEYS)


def test_every_activation_and_loss_is_told() -> None:
    page = (REPOSITORY / "docs/networks.md").read_text(encoding="utf-8")
    (example,) = re.findall(r"```toml\n(.*?)```", page, re.DOTALL)
    assert [name for name in (*ACTIVATIONS, *LOSSES) if name not in example] == []


def test_the_gradients_that_the_readme_compares_are_right() -> None:
    text = (REPOSITORY / "README.md").read_text(encoding="utf-8")
    values = next(Simulation(load_template("A")).steps(1.0, 0))
    right, copied = (float(number) for number in re.findall(r"\| (0\.000\d+)[. ]", text))
    assert values["dE_dw3"] == pytest.approx(right, rel=1e-11)
    slipped = values["dE_da_h2"] * values["da_h1_dh1"] * values["i1"]
    assert slipped == pytest.approx(copied, rel=1e-8)


def test_no_learning_rate_up_to_20_makes_the_error_rise() -> None:
    for template in ("A", "B", "C"):
        for eta in (0.1, 2.0, 20.0):
            totals = [values["E_total"] for values in Simulation(load_template(template)).steps(eta, 1000)]
            assert all(after <= before for before, after in pairwise(totals)), (template, eta)


def test_the_limits_in_the_documentation_are_the_real_ones() -> None:
    page = (REPOSITORY / "docs/workbook.md").read_text(encoding="utf-8")
    rows = dict(re.findall(r"^\| ([\w ]+) \| ([\d,]*\d)", page, re.MULTILINE))
    assert int(rows["learning rates"]) == MAX_LEARNING_RATES
    assert int(rows["neurons in a layer"]) == MAX_LAYER
    assert WorkbookLayout(load_template("A"), (1.0,), int(rows["steps"].replace(",", "")))


@needs_posix
def test_make_workbook_does_it_all_in_a_fresh_checkout(tmp_path: Path) -> None:
    checkout = tmp_path / "checkout"
    tracked = subprocess.run(["git", "ls-files", "-z"], cwd=REPOSITORY, capture_output=True, text=True, check=True)
    for name in filter(None, tracked.stdout.split("\0")):
        (checkout / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(REPOSITORY / name, checkout / name)
    done = subprocess.run(["make", "workbook"], cwd=checkout, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    assert (checkout / "output/backprop.xlsx").exists()
    assert "NumPy agrees with every one" in done.stdout


def test_the_scheme_that_explains_the_keys_is_the_one_without_a_file(tmp_path: Path) -> None:
    page = (REPOSITORY / "docs/grading.md").read_text(encoding="utf-8")
    (example,) = re.findall(r"```toml\n(.*?)```", page, re.DOTALL)
    (tmp_path / "scheme.toml").write_text(example, encoding="utf-8")
    assert load_scheme(tmp_path / "scheme.toml") == Scheme()
    assert set(re.findall(r"^(\w+) =", example.partition("[weights]")[0], re.MULTILINE)) | {"weights"} == set(
        Scheme.__dataclass_fields__
    )
    assert set(re.findall(r"^(\w+) =", example.partition("[weights]")[2], re.MULTILINE)) == set(PARTS)


def test_every_name_of_a_platform_in_the_documentation_is_understood() -> None:
    page = (REPOSITORY / "docs/grading.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| ((?:Moodle|before|not in|blind|Canvas)[^|]*) \| ([^|]+) \|$", page, re.MULTILINE)
    assert len(rows) == 6
    for platform, examples in rows:
        for example in re.findall(r"`([^`]+)`", examples):
            path = PurePosixPath(example.replace("_..", "_assignsubmission_file/hw.xlsx"))
            expected = Platform.CANVAS if "Canvas" in platform else Platform.MOODLE
            assert named(path).person.platform is expected, example


@needs_posix
def test_the_workflow_of_github_classroom_tells_a_student_what_is_wrong(tmp_path: Path) -> None:
    page = (REPOSITORY / "docs/grading.md").read_text(encoding="utf-8")
    (workflow,) = re.findall(r"```yaml\n(.*?)```", page, re.DOTALL)
    lines = re.findall(r"- run: (.*)", workflow)
    assert lines.pop(0).startswith("pip install git+https://github.com/")
    clone = tmp_path / "backprop-jane"
    subprocess.run(["git", "init", "--quiet", str(clone)], check=True)
    homework(tmp_path)
    shutil.move(tmp_path / "homework.xlsx", clone / "homework.xlsx")
    summary = tmp_path / "summary.md"
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    environment = os.environ | {"PATH": path, "PYTHONPATH": str(REPOSITORY), "GITHUB_STEP_SUMMARY": str(summary)}
    codes = [
        subprocess.run(line, shell=True, cwd=clone, env=environment, capture_output=True).returncode for line in lines
    ]
    # what is printed is told, and then the run fails, because the homework is wrong
    assert codes == [0, 0, 1]
    assert "uses a_h1*(1-a_h1); it should be a_h2*(1-a_h2)" in summary.read_text(encoding="utf-8")
