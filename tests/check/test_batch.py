"""Many workbooks at once, good ones and hostile ones."""

import os
import signal
import subprocess
import sys
import time
import zipfile
from pathlib import Path

import pytest
from openpyxl import load_workbook

from tests.conftest import needs_posix
from tests.handmade import Handmade, write
from xlbackprop.check import batch
from xlbackprop.check.batch import check_all, workbooks_in
from xlbackprop.errors import UnusableInput


@pytest.fixture(scope="module")
def right(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write(tmp_path_factory.mktemp("right") / "right.xlsx", Handmade(steps=4))


def edited(right: Path, path: Path, part: str, change) -> Path:
    """A copy of a workbook with one part changed, or left out for None."""
    with zipfile.ZipFile(right) as source, zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as target:
        for name in source.namelist():
            content = source.read(name)
            content = change(content) if name == part else content
            if content is not None:
                target.writestr(name, content)
    return path


SHEET = "xl/worksheets/sheet1.xml"
OLE = bytes.fromhex("d0cf11e0a1b11ae1") + bytes(504)


def test_a_folder_stands_for_the_workbooks_below_it(tmp_path: Path, right: Path) -> None:
    (tmp_path / "class" / "b").mkdir(parents=True)
    for name in ("b/two.XLSX", "one.xlsx", "three.xlsm", "~$one.xlsx", ".hidden.xlsx", "notes.txt"):
        (tmp_path / "class" / name).write_bytes(right.read_bytes())
    found = workbooks_in([tmp_path / "class", right, right])
    names = [path.name for path in found]
    assert sorted(names[:-1]) == ["one.xlsx", "three.xlsm", "two.XLSX"]
    assert names[-1] == "right.xlsx"


def test_a_folder_without_workbooks_is_unusable(tmp_path: Path) -> None:
    with pytest.raises(UnusableInput, match="holds no workbook"):
        workbooks_in([tmp_path])


def test_results_come_in_the_order_of_the_files_and_each_is_reported(tmp_path: Path, right: Path) -> None:
    wrong = write(tmp_path / "wrong.xlsx", Handmade(steps=4).with_formula("E1", "({t1}-{a_o1})^2"))
    text = tmp_path / "text.xlsx"
    text.write_text("no workbook")
    done = []
    found = check_all([wrong, text, right, tmp_path / "missing.xlsx"], on_file=lambda: done.append(1))
    assert [file.correct for file in found] == [False, False, True, False]
    assert [bool(file.error) for file in found] == [False, True, False, True]
    assert len(done) == 4


def bomb(path: Path, _: Path) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as package:
        package.writestr("xl/workbook.xml", "<a/>")
        package.writestr(SHEET, bytes(200_000_000))
    return path


def entities(path: Path, right: Path) -> Path:
    levels = "".join(f'<!ENTITY e{n} "{f"&e{n - 1};" * 10}">' for n in range(1, 10))
    head = f'<?xml version="1.0"?><!DOCTYPE x [<!ENTITY e0 "x">{levels}]>'.encode()
    return edited(right, path, SHEET, lambda xml: head + xml[xml.index(b"<worksheet") :].replace(b"<v>", b"<v>&e9;", 1))


def outside_entity(path: Path, right: Path) -> Path:
    head = b'<?xml version="1.0"?><!DOCTYPE x [<!ENTITY e SYSTEM "file:///etc/passwd">]>'
    return edited(right, path, SHEET, lambda xml: head + xml[xml.index(b"<worksheet") :].replace(b"<v>", b"<v>&e;", 1))


def bytes_of(content: bytes):
    def make(path: Path, _: Path) -> Path:
        path.write_bytes(content)
        return path

    return make


def pipe(path: Path, _: Path) -> Path:
    os.mkfifo(path)
    return path


def deep(path: Path, right: Path) -> Path:
    book = load_workbook(right)
    book.active["A200"] = "=" + "(" * 5000 + "1" + ")" * 5000
    book.save(path)
    return path


HOSTILE = {
    "a zip bomb": (bomb, "which no honest workbook does"),
    "an entity bomb": (entities, "damaged"),
    "an entity from outside": (outside_entity, "damaged"),
    "an encrypted workbook": (bytes_of(OLE + "EncryptedPackage".encode("utf-16-le")), "protected by a password"),
    "an old workbook": (bytes_of(OLE + "Workbook".encode("utf-16-le")), "old format (.xls)"),
    "an empty file": (bytes_of(b""), "not an .xlsx workbook"),
    "a text": (bytes_of(b"t1,t2\n"), "not an .xlsx workbook"),
    "a pipe": (pipe, "not a regular file"),
    "a formula of 5,000 brackets": (deep, "cannot be checked"),
    "a sheet cut short": (lambda p, r: edited(r, p, SHEET, lambda xml: xml[: len(xml) // 2]), "damaged"),
    "a sheet left out": (lambda p, r: edited(r, p, SHEET, lambda _: None), "damaged"),
}


@pytest.mark.parametrize(
    "kind", [pytest.param(kind, marks=needs_posix) if kind == "a pipe" else kind for kind in HOSTILE]
)
def test_a_hostile_file_gets_a_sentence_and_stops_nothing(tmp_path: Path, right: Path, kind: str) -> None:
    make, sentence = HOSTILE[kind]
    path = make(tmp_path / "hostile.xlsx", right)
    hostile, good = check_all([path, right])
    assert sentence in (hostile.error or "")
    assert hostile.error is not None
    assert "\n" not in hostile.error
    assert good.correct


def test_odd_but_honest_workbooks_are_checked(tmp_path: Path, right: Path) -> None:
    book = load_workbook(right)
    book.active.title = "O'Neil & 🙂 = x"
    book.active.cell(1_048_576, 16_384).value = 1
    book.save(tmp_path / "odd.xlsx")
    blank = b"".join(b'<row r="%d"/>' % row for row in range(100, 200_000))
    rows = edited(
        right, tmp_path / "rows.xlsx", SHEET, lambda xml: xml.replace(b"</sheetData>", blank + b"</sheetData>")
    )
    macros = tmp_path / "macros.xlsm"
    macros.write_bytes(right.read_bytes())
    with zipfile.ZipFile(macros, "a") as package:
        package.writestr("xl/vbaProject.bin", bytes(100))
    assert [file.correct for file in check_all([tmp_path / "odd.xlsx", rows, macros])] == [True, True, True]


def test_a_link_to_another_workbook_is_not_followed(tmp_path: Path, right: Path) -> None:
    book = load_workbook(right)
    book.active["I6"] = "='http://127.0.0.1:9/[other.xlsx]Sheet1'!A1"
    book.save(tmp_path / "linked.xlsx")
    (found,) = check_all([tmp_path / "linked.xlsx"])
    assert not found.correct


def test_a_file_that_takes_too_long_is_given_up(tmp_path: Path, right: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    row = "".join(f'<c r="{chr(65 + n)}%d"><v>%d.5</v></c>' for n in range(26))
    rows = "".join(f'<row r="{r}">{row % ((r,) * 52)}</row>' for r in range(100, 20_000)).encode()
    end = b"</sheetData>"
    slow = edited(right, tmp_path / "slow.xlsx", SHEET, lambda xml: xml.replace(end, rows + end))
    monkeypatch.setattr(batch, "MAX_SECONDS", 0.3)
    (found,) = check_all([slow])
    assert "seconds to check: it was given up" in (found.error or "")


def test_what_the_program_does_not_expect_is_reported_as_such(monkeypatch: pytest.MonkeyPatch, right: Path) -> None:
    from xlbackprop.check import file

    def fail(path: Path) -> None:
        raise KeyError("w1")

    monkeypatch.setattr(file, "check", fail)
    with pytest.raises(UnusableInput, match=r"cannot be checked: .*KeyError: 'w1'"):
        batch._check(right)


@needs_posix
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_check_ends_at_once(tmp_path: Path, right: Path, number: signal.Signals) -> None:
    row = "".join(f'<c r="{chr(65 + n)}%d"><v>%d.5</v></c>' for n in range(26))
    rows = "".join(f'<row r="{r}">{row % ((r,) * 52)}</row>' for r in range(100, 20_000)).encode()
    end = b"</sheetData>"
    slow = edited(right, tmp_path / "slow.xlsx", SHEET, lambda xml: xml.replace(end, rows + end))
    for n in range(60):
        os.link(slow, tmp_path / f"slow{n}.xlsx")
    command = [sys.executable, "-m", "xlbackprop", "check", str(tmp_path)]
    child = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    time.sleep(2)
    child.send_signal(number)
    assert child.wait(timeout=10) in (130, 143)


def test_nothing_is_written_beside_the_files(tmp_path: Path, right: Path) -> None:
    copy = tmp_path / "copy.xlsx"
    copy.write_bytes(right.read_bytes())
    check_all([copy])
    assert list(tmp_path.iterdir()) == [copy]


def test_where_the_engine_gives_up_there_is_a_sentence(right: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class PanicException(BaseException):
        """As what the engine raises, this is no Exception."""

    def give_up(path: Path) -> None:
        raise PanicException("index out of bounds: the len is 0")

    monkeypatch.setattr("xlbackprop.check.file.check", give_up)
    with pytest.raises(UnusableInput, match=r"right.xlsx cannot be checked: the spreadsheet engine gives up on it\.$"):
        batch._check(right)


def test_verify_is_told_what_cannot_be_used_and_prints_nothing(
    tmp_path: Path, right: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(UnusableInput, match=r"missing\.xlsx does not exist\."):
        batch.verify(tmp_path / "missing.xlsx")
    with pytest.raises(UnusableInput, match=r"right\.xlsx: "):
        batch.verify(right)
    # the engine itself dies of this one, with words of its own
    with pytest.raises(UnusableInput, match="the spreadsheet engine gives up on it"):
        batch.verify(deep(tmp_path / "deep.xlsx", right))
    assert capfd.readouterr() == ("", "")


def with_media(path: Path, right: Path, size: int) -> Path:
    path.write_bytes(right.read_bytes())
    with zipfile.ZipFile(path, "a") as package:
        package.writestr("xl/media/film.bin", os.urandom(size))
    return path


@needs_posix
def test_a_copy_is_marked_within_the_limits_and_appears_as_a_whole(
    tmp_path: Path, right: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = with_media(tmp_path / "film.xlsx", right, 100_000_000)
    (found,) = check_all([path])
    with monkeypatch.context() as patch, pytest.raises(UnusableInput, match="to mark|be marked"):
        # not enough for the film beside the program
        patch.setattr(batch, "MAX_BYTES", 200_000_000)
        batch.annotate(found, tmp_path / "marked.xlsx")
    assert [entry.name for entry in tmp_path.iterdir()] == ["film.xlsx"]
    batch.annotate(found, tmp_path / "marked.xlsx")
    assert check_all([tmp_path / "marked.xlsx"])[0].correct
