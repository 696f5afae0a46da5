"""The slips of optimizers are found in workbooks of ours, and called by their names."""

from pathlib import Path

import pytest

from tests.conftest import Editor, Workbook, sheets_of, where
from tests.optimized import SHOWN, built, planted
from xlbackprop.check.file import check, verify
from xlbackprop.check.optimizer_slips import _candidates
from xlbackprop.report.findings import CheckedFile
from xlbackprop.spreadsheet.addresses import place

STEPS = 5
# with weight decay and a large ε, so that leaving them out shows
OPTIMIZERS = {
    "momentum": {"dampening": 0.3, "weight_decay": 0.05},
    "nesterov": {"weight_decay": 0.05},
    "adagrad": {"weight_decay": 0.05, "eps": 0.01},
    "rmsprop": {"weight_decay": 0.05, "eps": 0.01},
    "adam": {"weight_decay": 0.05, "eps": 0.01},
    "adamw": {"eps": 0.01},
}


@pytest.fixture(scope="module")
def workbooks(tmp_path_factory: pytest.TempPathFactory):
    """Gives a workbook by optimizer and by how samples are shown, built once."""
    made: dict[tuple[str, str, str], Workbook] = {}

    def workbook(optimizer: str, shown: str = "one sample", schedule: str = "constant") -> Workbook:
        key = (optimizer, shown, schedule)
        if key not in made:
            folder = tmp_path_factory.mktemp("optimizers")
            options = OPTIMIZERS[optimizer] | {"schedule": schedule}
            made[key] = built(folder, optimizer, shown, steps=STEPS, **options)
        return made[key]

    return workbook


def told(report: CheckedFile) -> list[tuple[str, int, str]]:
    """The quantity, the number of rows and the slip of each finding."""
    return [(found.quantity, found.rows, found.slip) for table in report.tables for found in table.findings]


G = "(dE_dw1 + weight_decay*w1)"
# What the best-known spreadsheet of optimizers has wrong, and what else people do: the optimizer, the column, what
# stands in it, and what it is called.
MISTAKES = [
    ("adam", "w1", "w1 - eta*m_w1/(sqrt(v_w1) + eps)", "lacks the correction of the averages, which begin at 0"),
    (
        "adam",
        "w1",
        "w1 - eta*m_hat_w1/sqrt(v_hat_w1 + eps)",
        "has ε inside the root: it belongs outside",
    ),
    (
        "adam",
        "v_hat_w1",
        "v_w1/(1 - beta_2)",
        "corrects every step as the first: β belongs to the power of the update's number",
    ),
    ("adam", "v_hat_w1", "before_v_w1/(1 - beta_2**(step + 1))", "takes what was kept in the row before"),
    ("rmsprop", "w1", f"w1 - eta*{G}/(sqrt(before_v_w1) + eps)", "takes what was kept in the row before"),
    ("adam", "w1", "w1 - eta*m_hat_w1/sqrt(v_hat_w1)", "lacks ε"),
    ("momentum", "v_w1", f"momentum*before_v_w1 + (1 - momentum)*{G}", "damps the gradient by 1 − μ"),
]


@pytest.mark.parametrize("shown", SHOWN)
@pytest.mark.parametrize(("optimizer", "name", "expression", "sentence"), MISTAKES)
def test_check_and_verify_name_the_mistakes_of_well_known_spreadsheets(
    workbooks, tmp_path: Path, shown: str, optimizer: str, name: str, expression: str, sentence: str
) -> None:
    book = workbooks(optimizer, shown)
    # the second row of an update has no row before its own
    edited = planted(book, name, expression, range(2, STEPS + 1)).save(tmp_path / "edited.xlsx")
    for report in (verify(edited), check(edited)):
        ((quantity, rows, slip),) = told(report)
        assert (quantity, rows) == (name, STEPS - 1)
        assert slip.startswith(sentence)


@pytest.mark.parametrize("name", ["v_w1", "v_w8"])
def test_a_first_step_that_is_damped_is_named(workbooks, name: str) -> None:
    w = name.removeprefix("v_")
    wrong = f"(1 - dampening)*(dE_d{w} + weight_decay*{w})"
    report = planted(workbooks("momentum"), name, wrong, range(1)).judge()
    assert told(report) == [(name, 1, "damps the first gradient: the first velocity is the gradient itself")]


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_every_slip_that_is_known_is_named(workbooks, optimizer: str) -> None:
    book = workbooks(optimizer, schedule="exponential:0.9")
    network = book.layout.networks[0]
    names = [f"{state.name}_w1" for state in network.optimizer.kind.states] + ["w1"]
    for name in names:
        for expression, sentence in _candidates(network, name, first=False):
            # the root of a gradient is an error, of which nothing can be told
            if f"sqrt({G})" in expression or "sqrt(dE_dw1)" in expression:
                continue
            ((found, _, slip),) = told(planted(book, name, expression, range(2, STEPS + 1)).judge())
            assert found == name
            assert slip == sentence or same_numbers(expression), (expression, slip)


def same_numbers(expression: str) -> bool:
    """Whether another slip gives the same, which is told then."""
    # g + μ·(v above) is v
    looks_back = "momentum*before_v_w1)" in expression
    return looks_back or "/(1 - beta_2" in expression or "(1 - beta_2)*" in expression


@pytest.mark.parametrize("shown", ["one sample", "in turn"])
@pytest.mark.parametrize(
    ("optimizer", "name", "expression"),
    [
        ("adam", "m_hat_w1", "1/(1 - beta_1**(step + 1))*m_w1"),
        ("adam", "w1", "w1 - eta/(sqrt(v_hat_w1) + eps)*m_hat_w1"),
        ("adam", "w1", "w1 - eta*m_w1/(1 - beta_1**(step + 1))/(sqrt(v_w1/(1 - beta_2**(step + 1))) + eps)"),
        ("rmsprop", "v_w1", f"{G}**2 - alpha*({G}**2 - before_v_w1)"),
        ("adagrad", "s_w1", f"{G}*{G} + before_s_w1"),
        ("nesterov", "w1", f"w1 - eta*{G} - eta*momentum*v_w1"),
        ("adamw", "w1", "w1 - eta*weight_decay*w1 - eta*m_hat_w1/(sqrt(v_hat_w1) + eps)"),
    ],
)
def test_an_equal_formula_written_differently_is_right(
    workbooks, shown: str, optimizer: str, name: str, expression: str
) -> None:
    assert planted(workbooks(optimizer, shown), name, expression, range(1, STEPS + 1)).judge().correct


@pytest.mark.parametrize("shown", SHOWN)
def test_a_typed_number_is_a_constant_where_it_is_right_and_wrong_where_it_is_not(workbooks, shown: str) -> None:
    book = workbooks("adam", shown)
    table = book.layout.trainings[0]
    for name in ("m_w1", "v_hat_w1", "w1"):
        address, sheet = table.cell(name, 3), book.layout.training_sheets[0]
        value = number_at(book, sheet, address)
        for number, verdict in ((value, "constants"), (value * 1.01, "wrong")):
            report = Editor(book.path).type(sheet, address, repr(number)).judge()
            (judged,) = [one for one in report.sheets if one.findings]
            assert (judged.sheet, judged.verdict) == (sheet, verdict)
            assert [finding.quantity for finding in judged.findings] == [name]


def number_at(book: Workbook, sheet: str, address: str) -> float:
    from openpyxl import load_workbook

    return load_workbook(book.path, data_only=True)[sheet][address].value


def test_another_cell_is_named_where_nothing_else_differs(workbooks) -> None:
    book = workbooks("adam")
    cells = {"K2": "J2"}
    for wrong, right in cells.items():
        sheet, address = book.layout.training_sheets[0], book.layout.trainings[0].cell("v_w2", 3)
        text = Editor(book.path).sheets().formula(sheet, *place(address)).replace(right, wrong).replace("$J$2", "$K$2")
        ((quantity, rows, slip),) = told(Editor(book.path).type(sheet, address, text).judge())
        assert (quantity, rows) == ("v_w2", 1)
        assert slip == "takes K2 instead of J2"


def test_an_error_in_a_state_is_the_only_cause(workbooks) -> None:
    for shown in SHOWN:
        book = workbooks("adam", shown)
        report = planted(book, "v_hat_w1", "v_w1/(step - step)", range(1, STEPS + 1)).judge()
        assert [(quantity, rows) for quantity, rows, _ in told(report)] == [("v_hat_w1", STEPS)]


# the hidden neurons give nothing, so that the gradients of their weights are 0
SILENT = """
layers = [2, 2, 1]
hidden = "relu"
weights = [-1, -1, 0.5, 0.5, 0.3, 0.4]
{batch}
samples = [{{inputs = [1, 1], targets = [1]}}, {{inputs = [0.5, 1], targets = [0]}}]
"""


@pytest.mark.parametrize("batch", ['batch = "all"', "batch = 1"])
def test_an_eps_of_0_that_divides_by_0_is_no_right_workbook(tmp_path: Path, batch: str) -> None:
    (tmp_path / "silent.toml").write_text(SILENT.format(batch=batch))
    book = built(tmp_path, "adam", steps=4, template=str(tmp_path / "silent.toml"))
    sheets = sheets_of(book)
    eps = where(sheets, sheets.training[0].hyperparameters["eps"])
    edited = Editor(book.path).type("η=0.1", eps, "0").save(tmp_path / "edited.xlsx")
    for report in (verify(edited), check(edited)):
        assert told(report) == [("w1", 1, "shows #DIV/0!")]


def test_an_eps_of_0_that_divides_by_nothing_else_is_right(tmp_path: Path) -> None:
    book = built(tmp_path, "adam", steps=3, eps=0.0)
    assert verify(book.path).correct
