"""The parts of a workbook's file: safe to open, and written again as they were."""

import re
import zipfile
from pathlib import Path

import pytest
from openpyxl import Workbook

from tests.conftest import with_zip_field
from xlbackprop.errors import UnusableInput
from xlbackprop.spreadsheet.package import Package, check_package


def zipped(path: Path, parts: dict[str, bytes]) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as package:
        for name, content in parts.items():
            package.writestr(name, content)
    return path


def rewritten(path: Path, changes: dict[str, tuple[bytes, bytes]]) -> Path:
    """A workbook with some bytes of its parts replaced."""
    with zipfile.ZipFile(path) as package:
        parts = {name: package.read(name) for name in package.namelist()}
    for name, (old, new) in changes.items():
        assert old in parts[name]
        parts[name] = parts[name].replace(old, new)
    with zipfile.ZipFile(path, "w") as package:
        for name, content in parts.items():
            package.writestr(name, content)
    return path


def test_a_zip_bomb_is_seen_before_it_is_unpacked(tmp_path: Path) -> None:
    bomb = zipped(tmp_path / "bomb.xlsx", {"xl/workbook.xml": b"<workbook/>", "xl/x.xml": bytes(200 * 2**20)})
    assert bomb.stat().st_size < 2**20
    with pytest.raises(UnusableInput, match="which no honest workbook does"):
        check_package(bomb)


@pytest.mark.parametrize("content", [b"", b"hello", b"PK\x03\x04" + bytes(50)])
def test_a_file_that_is_no_package_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "book.xlsx"
    path.write_bytes(content)
    with pytest.raises(UnusableInput, match="is not an .xlsx workbook, or it was cut short"):
        check_package(path)


def test_a_zip_file_of_another_kind_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UnusableInput, match="is a zip file, but no workbook"):
        check_package(zipped(tmp_path / "photos.xlsx", {"a.txt": b"hello"}))


@pytest.mark.parametrize(
    ("parts", "sentence"),
    [
        ({"xl/workbook.bin": b""}, "is a binary workbook (.xlsb): save it as .xlsx"),
        ({"mimetype": b"", "content.xml": b""}, "is an OpenDocument file: save it as .xlsx"),
    ],
)
def test_a_workbook_of_another_format_is_named(tmp_path: Path, parts: dict[str, bytes], sentence: str) -> None:
    with pytest.raises(UnusableInput, match=re.escape(sentence)):
        check_package(zipped(tmp_path / "book.xlsx", parts))


@pytest.mark.parametrize(
    ("directory", "sentence"),
    [("EncryptedPackage", "is protected by a password"), ("Workbook", "is a workbook of the old format (.xls)")],
)
def test_an_encrypted_or_old_workbook_is_named(tmp_path: Path, directory: str, sentence: str) -> None:
    path = tmp_path / "book.xlsx"
    path.write_bytes(bytes.fromhex("d0cf11e0a1b11ae1") + bytes(504) + directory.encode("utf-16-le"))
    with pytest.raises(UnusableInput, match=re.escape(sentence)):
        check_package(path)


@pytest.mark.parametrize(
    ("field", "sentence"),
    [
        # the first bit of the flags says that a part is encrypted
        ((8, 6, 1), "is protected by a password: save it without one."),
        # the version of the format that is needed to unpack a part
        ((6, 4, 99), "is not an .xlsx workbook, or it was cut short: save it again from the spreadsheet program."),
    ],
)
def test_a_package_with_encrypted_parts_or_of_an_unknown_version_is_refused(
    tmp_path: Path, field: tuple[int, int, int], sentence: str
) -> None:
    path = zipped(tmp_path / "book.xlsx", {"xl/workbook.xml": b"<workbook/>"})
    check_package(path)
    with pytest.raises(UnusableInput, match=rf"book\.xlsx {re.escape(sentence)}$"):
        check_package(with_zip_field(path, *field))


def test_a_missing_file_and_a_directory_are_refused(tmp_path: Path) -> None:
    with pytest.raises(UnusableInput, match="does not exist"):
        check_package(tmp_path / "nowhere.xlsx")
    with pytest.raises(UnusableInput, match="is a directory"):
        check_package(tmp_path)


@pytest.fixture
def package(tmp_path: Path) -> Package:
    """A workbook with two sheets."""
    book = Workbook()
    book.create_sheet("a & b")
    book.save(tmp_path / "book.xlsx")
    return Package(tmp_path / "book.xlsx")


def test_sheets_go_by_their_names(package: Package) -> None:
    assert package.sheets == {"Sheet": "xl/worksheets/sheet1.xml", "a & b": "xl/worksheets/sheet2.xml"}


def test_a_relationship_gets_an_id_of_its_own(package: Package) -> None:
    part = package.sheets["Sheet"]
    assert package.relationships(part) == []
    first, second = (package.relate(part, "comments", f"xl/comments{n}.xml") for n in (1, 2))
    assert package.relationships(part) == [
        (first, "comments", "xl/comments1.xml"),
        (second, "comments", "xl/comments2.xml"),
    ]
    assert first != second


def test_a_type_is_declared_once(package: Package) -> None:
    for _ in range(2):
        package.declare_extension("vml", "application/x-vml")
    package.declare_part("xl/new.xml", "application/x-new")
    types = package.parts["[Content_Types].xml"]
    assert types.count(b'<Default Extension="vml" ContentType="application/x-vml"/>') == 1
    assert types.endswith(b'<Override PartName="/xl/new.xml" ContentType="application/x-new"/></Types>')


def test_new_parts_stand_behind_the_others(package: Package, tmp_path: Path) -> None:
    package.parts["xl/new.xml"] = b"<new/>"
    package.write(tmp_path / "copy.xlsx", force=False)
    with zipfile.ZipFile(package.path) as before, zipfile.ZipFile(tmp_path / "copy.xlsx") as after:
        assert after.namelist() == [*before.namelist(), "xl/new.xml"]
        assert all(after.read(name) == before.read(name) for name in before.namelist())
        assert after.read("xl/new.xml") == b"<new/>"


def test_of_a_part_that_is_there_twice_the_last_one_counts(package: Package) -> None:
    with zipfile.ZipFile(package.path, "a") as file, pytest.warns(UserWarning, match="Duplicate name"):
        file.writestr("xl/styles.xml", b"<styles/>")
    assert Package(package.path).parts["xl/styles.xml"] == b"<styles/>"


def test_a_part_that_cannot_be_read_is_one_sentence(package: Package) -> None:
    content = bytearray(package.path.read_bytes())
    content[60:70] = bytes(10)
    package.path.write_bytes(content)
    with pytest.raises(UnusableInput, match="book.xlsx cannot be copied: "):
        Package(package.path)
