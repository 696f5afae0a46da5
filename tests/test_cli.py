import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from tests.command_line import run
from tests.conftest import Editor, Workbook, with_zip_field
from tests.handmade import Handmade, Layout, write
from xlbackprop import __version__, cli
from xlbackprop.backprop.templates import template_names
from xlbackprop.report.annotation import FILL


@pytest.mark.parametrize(
    "arguments",
    [
        ["build", "--lrs", ""],
        ["build", "--lrs", "abc"],
        ["build", "--lrs", "1,1.0"],
        ["build", "--steps", "0"],
        ["build", "--steps", "many"],
        ["build", "--seed", "-1"],
        ["build", "--set", "w1"],
        ["build", "--set", "w77=1"],
        ["build", "--template", "nowhere.toml"],
        ["build", "--data", "nowhere.csv"],
        ["build", "--data", "."],
        ["build", "--template", "xor", "--set", "i1=2"],
        ["build", "--template", "xor", "--steps", "300000"],
        ["build", "--lrs", "1e300"],
        ["build", "-o", "book.txt"],
        ["build", "-o", "nowhere/book.xlsx"],
        ["build", "--colour"],
        ["build", "surplus"],
        ["verify"],
        ["verify", "nowhere.xlsx"],
        ["verify", "."],
        ["verify", "x.xlsx", "--engine", "excel"],
        ["paint"],
        ["cnn", "nowhere"],
        ["cnn", "."],
        ["cnn", ".", "--network", "nano"],
        ["cnn", "--network", "nona"],
        ["cnn", "--round", "99"],
        ["cnn", "--round", "some"],
        ["cnn", "--digits", "31"],
        ["cnn", "--digits", "some"],
        ["cnn", "--digits", "all"],
        ["cnn", "--data-dir", "nowhere"],
        ["cnn", "-o", "book.txt"],
    ],
)
def test_bad_input_is_one_sentence_and_exit_code_2(arguments: list[str], tmp_path: Path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    if "-o" not in arguments and arguments[0] in ("build", "cnn"):
        arguments = [*arguments, "-o", "book.xlsx"]
    result = run(*arguments)
    assert result.exit_code == 2
    assert result.stdout == ""
    assert result.stderr.startswith("Error: ")
    assert result.stderr.count("\n") == 1
    assert list(tmp_path.iterdir()) == []


def test_verify_lists_every_sheet(classic: Workbook) -> None:
    result = run("verify", classic.path)
    assert result.exit_code == 0
    lines = result.stdout.splitlines()
    assert lines[0].startswith(f"{classic.path}: IronCalc recalculated 2,")
    assert [line.split()[0] for line in lines[1:]] == [
        "Network",
        "Derivation",
        "Gradient",
        "η=0.5",
        "η=2",
        "Comparison",
        "Check",
    ]
    assert all(" correct " in line for line in lines[1:])


def test_verify_lists_every_quantity_when_asked(classic: Workbook) -> None:
    lines = run("verify", classic.path, "--details").stdout.splitlines()
    assert sum(line.strip().startswith("∂E/∂w3 ") for line in lines) == 2
    assert any("absolute" in line and "relative" in line for line in lines)


@pytest.fixture
def wrong(classic: Workbook, tmp_path: Path) -> Path:
    """A copy of a workbook in which ∂E/∂w3 is off by one row."""
    from openpyxl import load_workbook

    book = load_workbook(classic.path)
    letters = classic.layout.training.letters
    for row in range(5, 17):
        book["η=2"][f"{letters['dE_dw3']}{row}"] = f"={letters['delta_h2']}{row - 1}*{letters['i1']}{row}"
    book.save(tmp_path / "wrong.xlsx")
    return tmp_path / "wrong.xlsx"


def test_verify_names_the_cause_and_exits_with_1(wrong: Path) -> None:
    result = run("verify", wrong)
    assert result.exit_code == 1
    told = [line.strip() for line in result.stdout.splitlines() if line.startswith("    ")]
    assert told[0].startswith("∂E/∂w3 (AN5:AN16) takes δ_h2 from 1 row too high, off by up to ")
    assert [line.split() for line in told[1:3]] == [["found", "=AK4*E5"], ["expected", "=AK5*E5"]]
    assert result.stderr == f"Error: {wrong} is wrong: see the cells above.\n"


@pytest.fixture
def wrong_around(classic: Workbook, tmp_path: Path, editor: type[Editor]) -> Path:
    """A copy of a workbook in which only one cell around the tables is wrong."""
    return editor(classic.path).type("Comparison", "C24", "='η=0.5'!Y6").save(tmp_path / "around.xlsx")


def test_a_fault_around_the_tables_is_a_line_of_the_gradebook(wrong_around: Path) -> None:
    result = run("check", wrong_around, "--csv")
    assert result.exit_code == 1
    rows = [line.split(",") for line in result.stdout.splitlines()[1:]]
    assert [row[1:] for row in rows] == [
        ["η=0.5", "4", "16", "12", "0.5", "correct", "0", "", "", ""],
        ["η=2", "4", "16", "12", "2", "correct", "0", "", "", ""],
        ["Comparison", "", "", "", "", "wrong", "1", "C24", "", ""],
    ]


def test_a_fault_around_the_tables_is_told_and_counted(wrong_around: Path, classic: Workbook) -> None:
    result = run("check", wrong_around, classic.path)
    assert result.exit_code == 1
    lines = result.stdout.splitlines()
    assert lines[3:7] == [
        "  Comparison  no table                      wrong",
        "    C24 holds another formula than the one that was built.",
        "        found     ='η=0.5'!Y6",
        "        expected  =IFERROR('η=0.5'!Y5,\"no number\")",
    ]
    assert lines[-1] == "2 files, 4 tables and 1 sheet around them: 4 correct, 1 wrong."


def test_a_fault_around_the_tables_is_marked(wrong_around: Path, tmp_path: Path) -> None:
    from openpyxl import load_workbook

    result = run("check", wrong_around, "--annotate", tmp_path / "marked.xlsx")
    assert f"Wrote {tmp_path / 'marked.xlsx'}, with 1 marked." in result.stdout
    cell = load_workbook(tmp_path / "marked.xlsx")["Comparison"]["C24"]
    assert cell.fill.fgColor.rgb == FILL
    assert cell.comment.text.startswith("C24 holds another formula than the one that was built.")


def test_a_wrong_number_typed_over_a_formula_is_wrong_for_both_commands(classic: Workbook, tmp_path, editor) -> None:
    typed = editor(classic.path).type("η=2", classic.layout.training.cell("h1", 3), "12345")
    path = typed.save(tmp_path / "typed.xlsx")
    for command in ("check", "verify"):
        (file,) = json.loads(run(command, path, "--json").stdout)["files"]
        assert [table["verdict"] for table in file["tables"] if table["sheet"] == "η=2"] == ["wrong"], command


def handmade_workbooks(folder: Path) -> tuple[Path, Path]:
    """A right workbook and a wrong one."""
    wrong = Handmade(steps=4).with_formula("E1", "({t1}-{a_o1})^2")
    return write(folder / "right.xlsx", Handmade(steps=4)), write(folder / "wrong.xlsx", wrong)


def test_check_accuses_no_file_that_it_does_not_understand(tmp_path: Path) -> None:
    strange = tmp_path / "strange.xlsx"
    write(strange, Handmade(Layout(total="Fehler"), steps=4))
    result = run("check", strange)
    assert (result.exit_code, result.stderr) == (1, f"Error: {strange} could not be judged as a whole.\n")
    right, wrong = handmade_workbooks(tmp_path)
    assert run("check", right, strange).stderr == "Error: not every table could be judged.\n"
    assert run("check", wrong, strange).stderr == "Error: not every table is correct.\n"


def test_check_has_a_line_a_table_and_sentences_below(tmp_path: Path) -> None:
    right, wrong = handmade_workbooks(tmp_path)
    result = run("check", right)
    assert result.exit_code == 0
    assert result.stdout.splitlines() == [str(right), "  Sheet1  rows 6 to 10      η 0.5       correct"]
    result = run("check", right, wrong)
    assert result.exit_code == 1
    assert "    E1 (U6:U10) lacks the factor 0.5, off by up to " in result.stdout
    assert "        expected  =0.5*(A6-R6)^2\n" in result.stdout
    assert result.stdout.splitlines()[-1] == "2 files, 2 tables: 1 correct, 1 wrong."
    assert result.stderr == "Error: not every table is correct.\n"


def test_check_writes_a_page_for_a_browser(tmp_path: Path) -> None:
    _, wrong = handmade_workbooks(tmp_path)
    page = tmp_path / "page.html"
    result = run("check", tmp_path, "--html", page)
    assert (result.exit_code, result.stdout.splitlines()[-1]) == (1, f"Wrote {page}.")
    assert "E1 (U6:U10) lacks the factor 0.5" in page.read_text(encoding="utf-8")
    assert run("check", wrong, "--html", page).exit_code == 2
    assert run("check", wrong, "--html", page, "--force").exit_code == 1
    assert run("check", wrong, "--html", tmp_path / "page.xlsx").exit_code == 2
    assert json.loads(run("check", wrong, "--html", page, "--force", "--json").stdout)["files"]


def test_check_takes_folders_and_prints_json_or_a_gradebook(tmp_path: Path) -> None:
    handmade_workbooks(tmp_path)
    result = run("check", tmp_path, "--json")
    assert result.exit_code == 1
    assert [file["tables"][0]["verdict"] for file in json.loads(result.stdout)["files"]] == ["correct", "wrong"]
    result = run("check", tmp_path, "--csv")
    assert [line.split(",")[6] for line in result.stdout.splitlines()] == ["verdict", "correct", "wrong"]


def test_check_reports_what_it_cannot_check_and_goes_on(tmp_path: Path) -> None:
    right, _ = handmade_workbooks(tmp_path)
    result = run("check", tmp_path / "missing.xlsx", right)
    assert result.exit_code == 2
    assert f"  {tmp_path / 'missing.xlsx'} does not exist." in result.stdout
    assert "correct" in result.stdout
    assert result.stderr == "Error: 1 of 2 files could not be checked.\n"
    result = run("check", tmp_path / "missing.xlsx", "--json")
    assert result.exit_code == 2
    assert json.loads(result.stdout)["files"][0]["error"] == f"{tmp_path / 'missing.xlsx'} does not exist."


def test_check_writes_a_marked_copy(tmp_path: Path) -> None:
    right, wrong = handmade_workbooks(tmp_path)
    copy = tmp_path / "marked" / "copy.xlsx"
    assert run("check", wrong, "--annotate", copy).exit_code == 2
    copy.parent.mkdir()
    result = run("check", wrong, "--annotate", copy)
    assert result.exit_code == 1
    assert f"Wrote {copy}, with 1 marked." in result.stdout
    assert run("check", wrong, "--annotate", copy).exit_code == 2
    assert run("check", wrong, "--annotate", copy, "--force").exit_code == 1
    assert run("check", wrong, "--annotate", wrong, "--force").exit_code == 2
    assert run("check", right, wrong, "--annotate", copy, "--force").exit_code == 2


@pytest.mark.parametrize(
    ("field", "sentence"),
    [
        ((8, 6, 1), "is protected by a password"),
        ((6, 4, 99), "is not an .xlsx workbook"),
        ((10, 8, 99), "is damaged: the spreadsheet engine cannot load it"),
    ],
    ids=["encrypted", "version", "compression"],
)
def test_what_cannot_be_unpacked_is_one_sentence_and_not_marked(
    tmp_path: Path, field: tuple[int, int, int], sentence: str
) -> None:
    _, wrong = handmade_workbooks(tmp_path)
    result = run("check", with_zip_field(wrong, *field), "--annotate", tmp_path / "marked.xlsx")
    assert result.exit_code == 2
    assert sentence in result.stderr
    assert len(result.stderr.splitlines()) == 1
    assert not (tmp_path / "marked.xlsx").exists()


def test_check_has_colours_on_a_terminal_only_and_not_with_no_color(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    right, _ = handmade_workbooks(tmp_path)
    for no_color, colour, expected in ((None, True, True), ("1", True, False), (None, False, False)):
        monkeypatch.delenv("NO_COLOR", raising=False)
        if no_color:
            monkeypatch.setenv("NO_COLOR", no_color)
        result = CliRunner().invoke(cli.main, ["check", str(right)], color=colour)
        assert ("\x1b[32mcorrect" in result.stdout) == expected


def test_verify_prints_one_json_document(classic: Workbook, wrong: Path, tmp_path: Path) -> None:
    result = run("verify", classic.path, "--json")
    assert result.exit_code == 0
    (file,) = json.loads(result.stdout)["files"]
    assert (file["file"], file["engine"], file["error"]) == (str(classic.path), "ironcalc", None)
    (table,) = [table for table in file["tables"] if table["sheet"] == "η=2"]
    assert {
        key: table[key] for key in ("header_row", "first_row", "last_row", "steps", "learning_rate", "verdict")
    } == {
        "header_row": 3,
        "first_row": 4,
        "last_row": 16,
        "steps": 12,
        "learning_rate": 2.0,
        "verdict": "correct",
    }
    assert {difference["quantity"] for difference in table["differences"]} >= {"w1", "a_h2", "E_total", "dE_dw8"}

    result = run("verify", wrong, "--json")
    assert result.exit_code == 1
    (finding,) = [finding for table in json.loads(result.stdout)["files"][0]["tables"] for finding in table["findings"]]
    assert {"quantity", "kind", "cell", "rows", "found", "expected", "max_abs_error"} <= finding.keys()
    assert (finding["quantity"], finding["kind"], finding["rows"]) == ("dE_dw3", "reference", 12)

    result = run("verify", tmp_path / "nowhere.xlsx", "--json")
    assert result.exit_code == 2
    (file,) = json.loads(result.stdout)["files"]
    assert (file["tables"], file["error"]) == ([], f"{tmp_path / 'nowhere.xlsx'} does not exist.")


def test_verify_takes_all_engines(classic: Workbook, libreoffice: str) -> None:
    result = run("verify", classic.path, "--engine", "all", "--json")
    assert result.exit_code == 0
    assert [file["engine"] for file in json.loads(result.stdout)["files"]] == ["ironcalc", "libreoffice"]


def test_templates_has_a_line_for_each_in_columns() -> None:
    result = run("templates")
    assert result.exit_code == 0
    lines = result.stdout.splitlines()
    assert [line.split()[0] for line in lines] == template_names()
    widest = max(map(len, template_names()))
    assert {line[widest : widest + 2] for line in lines} == {"  "}
    assert len({re.match(r"[\w-]+ +[\d-]+ +", line).end() for line in lines}) == 1
    assert max(map(len, lines)) <= 110


def test_the_version_is_told() -> None:
    assert __version__ in run("--version").stdout


@pytest.mark.parametrize("command", ["build", "verify", "templates"])
def test_every_command_and_option_has_its_help(command: str) -> None:
    result = run(command, "--help")
    assert result.exit_code == 0
    assert all(option.help for option in cli.main.commands[command].params if option.param_type_name == "option")


def test_help_imports_nothing_slow() -> None:
    code = "import sys; sys.argv = ['xlbackprop', '--help']\n"
    code += "from xlbackprop import cli\ntry: cli.main()\nexcept SystemExit: pass\n"
    code += "print([name for name in ('numpy', 'xlsxwriter', 'openpyxl', 'ironcalc', 'tqdm') if name in sys.modules])"
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert result.stdout.splitlines()[-1] == "[]"
