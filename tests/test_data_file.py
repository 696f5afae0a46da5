import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.conftest import needs_posix
from xlbackprop import data_file
from xlbackprop.backprop.network import Network
from xlbackprop.backprop.templates import load_template
from xlbackprop.data_file import Data, read_data
from xlbackprop.errors import UnusableInput

XOR = Network.blank((2, 3, 1))
THREE_CLASSES = load_template("softmax")
CASES = Data(((0.0, 0.0), (0.0, 1.0), (1.0, 0.0), (1.0, 1.0)), ((0.0,), (1.0,), (1.0,), (0.0,)))


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "data.csv"


def read(path: Path, content: str | bytes, network: Network = XOR) -> Data:
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return read_data(path, network)


@pytest.mark.parametrize(
    "content",
    [
        "i1,i2,t1\n0,0,0\n0,1,1\n1,0,1\n1,1,0\n",
        "i1,i2,t1\r\n0,0,0\r\n0,1,1\r\n1,0,1\r\n1,1,0",
        "i1,i2,t1\r0,0,0\r0,1,1\r1,0,1\r1,1,0\r",
        "\ufeffi1,i2,t1\n0,0,0\n0,1,1\n1,0,1\n1,1,0\n",
        "i1;i2;t1\n0;0;0\n0;1;1\n1;0;1\n1;1;0\n",
        "i1\ti2\tt1\n0\t0\t0\n0\t1\t1\n1\t0\t1\n1\t1\t0\n",
        "t1,i2,i1\n0,0,0\n1,1,0\n1,0,1\n0,1,1\n",
        " I1 , I2, T1\n 0,0 ,0.0\n0,1e0,+1\n1,0,1\n1,1,-0\n",
        '"i1","i2","t1"\n"0","0","0"\n"0","1,0","1"\n1,0,1\n1,1,0\n',
        "i1;i2;t1\n0,0;0;0\n0;1,0;1,00\n1;0;1\n1;1;0\n",
        "\n\ni1,i2,t1\n0,0,0\n\n0,1,1\n,,\n1,0,1\n1,1,0\n\n",
        "i1,i2,t1,,\n0,0,0,,\n0,1,1,\n1,0,1\n1,1,0,,,\n",
    ],
)
def test_samples_are_read_however_a_spreadsheet_writes_them(path: Path, content: str) -> None:
    assert read(path, content) == CASES


def test_decimal_commas_and_points_are_the_same(path: Path) -> None:
    assert read(path, "i1;i2;t1\n0,25;-1,5e-3;0,5\n0.25;-0.0015;0.5\n").inputs == ((0.25, -0.0015),) * 2


@given(rows=st.lists(st.tuples(*[st.floats(allow_nan=False, allow_infinity=False)] * 3), min_size=1, max_size=20))
def test_every_number_is_read_as_it_was_written(tmp_path_factory: pytest.TempPathFactory, rows) -> None:
    path = tmp_path_factory.mktemp("numbers") / "data.csv"
    for separator, point in ((",", "."), (";", ",")):
        lines = [separator.join(repr(number).replace(".", point) for number in row) for row in rows]
        data = read(path, "\n".join([separator.join(["i1", "i2", "t1"]), *lines]))
        assert [(*i, *t) for i, t in zip(data.inputs, data.targets, strict=True)] == rows


def test_a_class_becomes_the_target_1_of_its_output(path: Path) -> None:
    data = read(path, "class,i1,i2\nwolf,0.1,0.2\ncat,0.3,0.4\ndog,0.5,0.6\ncat,0.7,0.8\n", THREE_CLASSES)
    assert data.classes == ("cat", "dog", "wolf")
    assert data.targets == ((0.0, 0.0, 1.0), (1.0, 0.0, 0.0), (0.0, 1.0, 0.0), (1.0, 0.0, 0.0))


def test_two_classes_are_the_targets_0_and_1_of_a_single_output(path: Path) -> None:
    data = read(path, "i1,i2,class\n0,0,yes\n0,1,no\n1,1,yes\n")
    assert (data.classes, data.targets) == (("no", "yes"), ((1.0,), (0.0,), (1.0,)))


@pytest.mark.parametrize(
    ("words", "classes"),
    [
        (("10", "9", "-1"), ("-1", "9", "10")),
        (("2,5", "10", "2.5", "0"), ("0", "2,5", "10")),
        (("10", "9", "b"), ("10", "9", "b")),
        (("1", "1.0", "1e0", "2", "3"), ("1", "2", "3")),
    ],
)
def test_classes_come_in_the_order_of_numbers_or_of_the_alphabet(path: Path, words, classes) -> None:
    data = read(path, "\n".join(["i1;i2;class", *(f"0;0;{word}" for word in words)]), THREE_CLASSES)
    assert data.classes == classes


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        ("", "is empty: its first row names the columns, and each further one is a sample."),
        ("\n ,,\n", "is empty"),
        ("i1,i2,t1\n", "has no samples: each row below the names of the columns is one."),
        ("i1,i2,t1\n,,\n\n", "has no samples"),
        ("0,0,0\n0,1,1\n", "has the column 0 (row 1, column A), but a 2-3-1 network takes i1 to i2, and t1 or class."),
        ("i1,t1\n0,1\n", "has no column i2 in row 1, but a 2-3-1 network takes i1 to i2, and t1 or class."),
        ("i1,i2\n0,1\n", "has no column t1 in row 1, but a 2-3-1 network takes i1 to i2, and t1 or class."),
        ("i1,class\n0,1\n", "has no column i2 in row 1, but a 2-3-1 network takes i1 to i2, and t1."),
        ("i1,i2,i3,t1\n0,1,2,3\n", "has the column i3 (row 1, column C), but a 2-3-1 network takes"),
        ("i1,i2,t1,t2\n0,1,2,3\n", "has the column t2 (row 1, column D), but a 2-3-1 network takes"),
        ("i1,i2,t1,name\n0,1,2,3\n", "has the column name (row 1, column D), but"),
        (",i1,i2,t1\n0,1,2,3\n", "has a column without a name (row 1, column A), but"),
        ("\n\ni1,i2,i3,t1\n", "has the column i3 (row 3, column C), but"),
        ("i1,i2,t1,I1\n0,1,2,3\n", "has the column i1 twice, the second time in row 1, column D."),
        ("i1,i2,t1,class\n0,1,2,3\n", "has the columns class and t1, which exclude each other: leave one out."),
        ("i1,i2,t1\n0,0,0\n0,1\n", "has no value in row 3, column C (t1)."),
        ("i1,i2,t1\n0,0,0\n\n0,,1\n", "has no value in row 4, column B (i2)."),
        ("i1,i2,class\n0,0,a\n0,1,\n", "has no value in row 3, column C (class)."),
        ("i1,i2,t1\n0,0,0,7\n", "has 7 in row 2, column D, but that column has no name."),
        ("i1,i2,t1\n0,5,1,0\n", "has 0 in row 2, column D, but that column has no name."),
        ("i1,i2,t1\n0,0,0\n0,one,1\n", "has one in row 3, column B (i2), where a number belongs."),
        ("i1,i2,t1\n0,1_0,1\n", "has 1_0 in row 2, column B (i2), where a number belongs."),
        ("i1,i2,t1\n0,٠,1\n", "has ٠ in row 2, column B (i2), where a number belongs."),
        ("i1;i2;t1\n0;1.234,5;1\n", "has 1.234,5 in row 2, column B (i2), where a number belongs."),
        ("i1;i2;t1\n0;1,2,3;1\n", "has 1,2,3 in row 2, column B (i2), where a number belongs."),
        ("i1,i2,t1\n0,#N/A,1\n", "has #N/A in row 2, column B (i2), where a number belongs."),
        ("i1,i2,t1\n0,0,inf\n", "has inf in row 2, column C (t1), which no cell can hold."),
        ("i1,i2,t1\n0,0,1e999\n", "has 1e999 in row 2, column C (t1), which no cell can hold."),
        ("i1,i2,t1\n0,0,nan\n", "has nan in row 2, column C (t1), which no cell can hold."),
        (f"i1,i2,t1\n0,0,{'x' * 500}\n", f"has {'x' * 30}... in row 2, column C (t1), where a number belongs."),
        ('i1,i2,t1\n0,0,0\n0,"1,1\n', "cannot be read below row 2: unexpected end of data."),
        (f"i1,i2,class\n0,0,{'x' * 200_000}\n", "cannot be read below row 1: field larger than field limit (131072)."),
        ("i1,i2,class\n0,0,a\n1,1,a\n", "has 1 class (a), but a 2-3-1 network with 1 output tells 2 classes apart."),
        ("i1,i2,class\n0,0,c\n1,1,a\n0,1,b\n", "has 3 classes (a, b, c), but a 2-3-1 network with 1 output tells 2"),
        (
            "i1,i2,class\n" + "".join(f"0,0,{n}\n" for n in range(12)),
            "has 12 classes (0, 1, 2, 3, 4, ...), but a 2-3-1 network with 1 output tells 2 classes apart.",
        ),
        ("i1,i2,t1\n0,0,\x00\n", "is no text: save it as CSV UTF-8."),
        (b"i1,i2,class\n0,0,\xe4\n", "is no text in UTF-8: save it as CSV UTF-8."),
        ("i1,i2,t1\n0,0,0\n".encode("utf-16"), "is no text in UTF-8"),
        (b"PK\x03\x04\xff\xfe", "is no text in UTF-8"),
    ],
)
def test_what_holds_no_samples_is_refused_with_row_and_column(path: Path, content, sentence: str) -> None:
    with pytest.raises(UnusableInput) as refusal:
        read(path, content)
    assert str(refusal.value).startswith(f"{path} {sentence}")
    assert "\n" not in str(refusal.value)


def test_a_class_too_few_is_told_to_a_network_with_an_output_for_each(path: Path) -> None:
    with pytest.raises(UnusableInput, match=r"has 2 classes \(a, b\), but a 2-3-3 network with 3 outputs tells 3 cl"):
        read(path, "i1,i2,class\n0,0,a\n0,1,b\n", THREE_CLASSES)


@given(st.text(max_size=80))
def test_any_text_holds_samples_or_is_refused_with_one_sentence(tmp_path_factory, text: str) -> None:
    path = tmp_path_factory.mktemp("any") / "data.csv"
    for header in ("", "i1,i2,t1\n", "i1;i2;class\n"):
        try:
            data = read(path, (header + text).encode("utf-8", "replace"))
        except UnusableInput as refusal:
            assert str(refusal).startswith(f"{path} ")
        else:
            assert len(data.inputs) == len(data.targets) > 0


def test_a_file_that_is_not_there_or_no_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UnusableInput, match=r"nowhere.csv does not exist: give a CSV file with the samples"):
        read_data(tmp_path / "nowhere.csv", XOR)
    with pytest.raises(UnusableInput, match="is not a file: give a CSV file"):
        read_data(tmp_path, XOR)
    (tmp_path / "file").touch()
    with pytest.raises(UnusableInput, match="does not exist"):
        read_data(tmp_path / "file" / "data.csv", XOR)


@needs_posix
def test_a_file_that_cannot_be_read_is_refused(tmp_path: Path) -> None:
    loop = tmp_path / "loop.csv"
    loop.symlink_to(loop)
    with pytest.raises(UnusableInput, match="loop.csv cannot be read: too many levels of symbolic links"):
        read_data(loop, XOR)
    os.mkfifo(tmp_path / "pipe.csv")
    with pytest.raises(UnusableInput, match="is not a file"):
        read_data(tmp_path / "pipe.csv", XOR)


def test_a_file_that_is_too_large_is_refused(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    content = "i1,i2,t1\n0,0,0\n"
    monkeypatch.setattr(data_file, "_MAX_BYTES", len(content))
    assert len(read(path, content).inputs) == 1
    with pytest.raises(UnusableInput, match="is too large: 21 bytes are more than a workbook has room for"):
        read(path, content + "0,1,1\n")


def test_more_rows_than_a_sheet_has_are_refused(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(data_file, "MAX_ROWS", 3)
    assert len(read(path, "i1,i2,t1\n0,0,0\n0,1,1\n").inputs) == 2
    with pytest.raises(UnusableInput, match="has more than the 3 rows of a sheet: give fewer samples"):
        read(path, "i1,i2,t1\n0,0,0\n0,1,1\n1,1,0\n")
