"""What was handed in: zips and folders of every platform, and hostile ones."""

import os
import time
import zipfile
from pathlib import Path

import pytest

from tests.conftest import needs_posix
from tests.grading.classes import copied, zipped
from xlbackprop.errors import UnusableInput
from xlbackprop.grading.submissions import Collection, Submission

CONTENT = b"a workbook, for all that this module knows"


def collected(tmp_path: Path, *sources: Path, roster: dict[str, str] | None = None) -> Collection:
    folder = tmp_path / "unpacked"
    folder.mkdir(exist_ok=True)
    collection = Collection(folder, roster or {})
    for source in sources:
        collection.add(source)
    return collection


def of(collection: Collection) -> dict[str, list[str]]:
    """The names of the workbooks of each person."""
    return {one.person.name: [workbook.leaf for workbook in one.workbooks] for one in collection.submissions}


@pytest.mark.parametrize(
    "names",
    [
        ["Jane Doe_101_assignsubmission_file/hw.xlsx", "John Roe_102_assignsubmission_file/hw.xlsx"],
        ["Jane Doe_101_assignsubmission_file_/hw.xlsx", "John Roe_102_assignsubmission_file_/hw.xlsx"],
        ["Jane Doe_101_assignsubmission_file_hw.xlsx", "John Roe_102_assignsubmission_file_hw.xlsx"],
        ["Jane Doe/hw.xlsx", "John Roe/hw.xlsx"],
        ["homework/Jane Doe/hw.xlsx", "homework/John Roe/hw.xlsx", "__MACOSX/homework/._hw.xlsx"],
        ["Jane Doe/.git/x", "Jane Doe/hw.xlsx", "John Roe/hw.xlsx", "John Roe/~$hw.xlsx"],
    ],
)
@pytest.mark.parametrize("as_folder", [False, True])
def test_every_person_has_a_submission(tmp_path: Path, names: list[str], as_folder: bool) -> None:
    source = zipped(tmp_path / "all.zip", dict.fromkeys(names, CONTENT))
    if as_folder:
        with zipfile.ZipFile(source) as archive:
            archive.extractall(tmp_path / "all")
        source = tmp_path / "all" / ("homework" if names[0].startswith("homework") else "")
    collection = collected(tmp_path, source)
    assert of(collection) == {"Jane Doe": ["hw.xlsx"], "John Roe": ["hw.xlsx"]}
    assert all(one.workbooks[0].path.read_bytes() == CONTENT for one in collection.submissions)
    assert not collection.refused


def test_the_folder_of_a_person_and_a_clone_are_submissions_themselves(tmp_path: Path) -> None:
    moodle = copied_bytes(tmp_path / "Jane Doe_101_assignsubmission_file" / "hw.xlsx").parent
    clone = copied_bytes(tmp_path / "hw-john" / "docs" / "hw.xlsx").parent.parent
    (clone / ".git").mkdir()
    alone = copied_bytes(tmp_path / "Max Moe.xlsx")
    assert of(collected(tmp_path, moodle, clone, alone)) == {
        "hw-john": ["hw.xlsx"],
        "Jane Doe": ["hw.xlsx"],
        "Max Moe": ["Max Moe.xlsx"],
    }


def copied_bytes(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(CONTENT)
    return path


def test_a_roster_gives_clones_their_names_and_the_longest_account_wins(tmp_path: Path) -> None:
    for account in ("doe", "jane-doe", "nobody", "Roe-1"):
        copied_bytes(tmp_path / "clones" / f"backprop-{account}" / "hw.xlsx")
    roster = {"doe": "D. Doe", "jane-doe": "Jane Doe", "roe": "Roe"}
    found = of(collected(tmp_path, tmp_path / "clones", roster=roster))
    assert sorted(found) == ["D. Doe", "Jane Doe", "Roe", "backprop-nobody"]


def test_workbooks_come_in_the_order_in_which_they_were_handed_in(tmp_path: Path) -> None:
    folder = tmp_path / "class" / "Jane Doe"
    for n, name in enumerate(("z.xlsx", "a.xlsx", "m.xlsx")):
        path = copied_bytes(folder / name)
        os.utime(path, (time.time() + n, time.time() + n))
    assert of(collected(tmp_path, tmp_path / "class"))["Jane Doe"] == ["z.xlsx", "a.xlsx", "m.xlsx"]
    names = ["doe_901_12_a.xlsx", "doe_LATE_901_9_b.xlsx"]
    canvas = collected(tmp_path, zipped(tmp_path / "c.zip", dict.fromkeys(names, CONTENT)))
    assert of(canvas)["doe"] == ["b.xlsx", "a.xlsx"]
    assert canvas.submissions[0].person.late


def test_the_times_of_a_clone_and_equal_times_tell_no_order(tmp_path: Path) -> None:
    for clone, account in ((".git", "jane"), ("", "john")):
        for n, name in enumerate(("z.xlsx", "a.xlsx")):
            path = copied_bytes(tmp_path / "class" / f"hw-{account}" / name)
            os.utime(path, (time.time() + n, time.time() + n))
        if clone:
            copied_bytes(tmp_path / "class" / f"hw-{account}" / clone / "HEAD")
    found = collected(tmp_path, tmp_path / "class").submissions
    assert [(one.person.name, one.is_last_known, one.workbooks[0].leaf) for one in found] == [
        ("hw-jane", False, "a.xlsx"),
        ("hw-john", True, "z.xlsx"),
    ]
    # a clone itself, one in a zip, and what a roster names
    (alone,) = collected(tmp_path, tmp_path / "class" / "hw-jane").submissions
    other = collected(tmp_path, tmp_path / "class", roster={"john": "John"}).submissions[1]
    names = ["hw-jane/.git/HEAD", "hw-jane/a.xlsx", "hw-max/a.xlsx", "hw-max/b.xlsx"]
    zip_of = collected(tmp_path, zipped(tmp_path / "z.zip", dict.fromkeys(names, CONTENT))).submissions
    assert not any(one.is_last_known for one in (alone, other, *zip_of))
    assert [one.is_clone for one in zip_of] == [True, False]


@pytest.mark.parametrize("as_folder", [False, True])
def test_where_a_file_is_a_person_other_files_are_people_too(tmp_path: Path, as_folder: bool) -> None:
    names = ["Ann.xlsx", "Ben.pdf", "Cay.csv", "Dan.JPG", "Eve.docx", "Ann.png", "Thumbs.db", "README.md", "grades.csv"]
    source = zipped(tmp_path / "a.zip", dict.fromkeys(names, CONTENT))
    aside = []
    if as_folder:
        with zipfile.ZipFile(source) as archive:
            archive.extractall(tmp_path / "class")
        source, aside = tmp_path / "class", [tmp_path / "class" / "." / "grades.csv"]
    collection = Collection(tmp_path, {}, aside)
    collection.add(source)
    found = {one.person.name: one.problems for one in collection.submissions}
    assert list(found) == ["Ann", "Ben", "Cay", "Dan", "Eve", *([] if as_folder else ["grades"])]
    assert not found["Ann"]
    assert found["Ben"] == ["No workbook was handed in, but Ben.pdf."]


@pytest.mark.parametrize("name", ["../out.xlsx", "/etc/out.xlsx", "..\\out.xlsx", "a/../../out.xlsx", "C:\\out.xlsx"])
def test_nothing_is_unpacked_outside(tmp_path: Path, name: str) -> None:
    source = zipped(tmp_path / "a.zip", {"Jane/hw.xlsx": CONTENT, name: CONTENT, "John/hw.xlsx": CONTENT})
    collection = collected(tmp_path, source)
    assert list(of(collection)) == ["Jane", "John"]
    (refused,) = collection.refused
    assert "out.xlsx would lie outside" in refused
    assert not list(tmp_path.rglob("out.xlsx"))


def refused_of(collection: Collection, name: str) -> str:
    (submission,) = (one for one in collection.submissions if one.person.name == name)
    assert not submission.workbooks
    (sentence,) = submission.problems
    return sentence


def test_a_bomb_is_not_unpacked(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "a.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("Jane/hw.xlsx", bytes(20_000_000))
        archive.writestr("John/hw.xlsx", CONTENT)
    collection = collected(tmp_path, tmp_path / "a.zip")
    assert "which no honest workbook does" in refused_of(collection, "Jane")
    assert of(collection)["John"] == ["hw.xlsx"]
    assert sum(path.stat().st_size for path in (tmp_path / "unpacked").iterdir()) == len(CONTENT)


def test_an_entry_that_lies_about_its_size_is_told(tmp_path: Path) -> None:
    source = zipped(tmp_path / "a.zip", {"Jane/hw.xlsx": CONTENT, "John/hw.xlsx": CONTENT})
    content = bytearray(source.read_bytes())
    # the checksum of the first entry, in its own header and in the directory
    for signature, offset in ((b"PK\x03\x04", 14), (b"PK\x01\x02", 16)):
        at = content.find(signature)
        content[at + offset] ^= 1
    source.write_bytes(content)
    collection = collected(tmp_path, source)
    assert refused_of(collection, "Jane").endswith("is damaged within the zip: download the zip again.")
    assert of(collection)["John"] == ["hw.xlsx"]


def test_a_password_is_named(tmp_path: Path) -> None:
    source = zipped(tmp_path / "a.zip", {"Jane/hw.xlsx": CONTENT})
    content = bytearray(source.read_bytes())
    for signature, offset in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        content[content.find(signature) + offset] |= 1
    source.write_bytes(content)
    assert "is protected by a password" in refused_of(collected(tmp_path, source), "Jane")


@pytest.mark.parametrize(
    ("name", "content", "sentence"),
    [
        ("hw.zip", b"PK", "is an archive within the submissions"),
        ("hw.tar.gz", b"", "is an archive within the submissions"),
        ("link.html", b"<a href='https://docs.google.com/x'>", "holds a link, and no workbook"),
        ("README.md", b"see http://example.org/repository", "holds a link, and no workbook"),
        ("hw.pdf", b"%PDF", "No workbook was handed in, but Jane/hw.pdf."),
    ],
)
def test_what_is_no_workbook_is_told_as_what_it_is(tmp_path: Path, name: str, content: bytes, sentence: str) -> None:
    assert sentence in refused_of(collected(tmp_path, zipped(tmp_path / "a.zip", {f"Jane/{name}": content})), "Jane")


def test_what_lies_beside_the_folders_of_a_class_is_the_teachers(tmp_path: Path) -> None:
    for name in ("grades.csv", "README.md", "task.pdf", "notes.txt", "Jane/hw.xlsx"):
        copied_bytes(tmp_path / "class" / name)
    copied_bytes(tmp_path / "class" / "John.zip")
    (tmp_path / "class" / "Max.url").write_text("URL=https://example.org")
    found = {one.person.name: bool(one.problems) for one in collected(tmp_path, tmp_path / "class").submissions}
    assert found == {"Jane": False, "John": True, "Max": True}


def test_what_lies_beside_a_workbook_is_no_problem(tmp_path: Path) -> None:
    files = {"Jane/hw.xlsx": CONTENT, "Jane/screenshots.zip": b"PK", "Jane/README.md": b"https://example.org"}
    (submission,) = collected(tmp_path, zipped(tmp_path / "a.zip", files)).submissions
    assert not submission.problems


def test_a_link_typed_into_canvas_is_told(tmp_path: Path) -> None:
    source = zipped(tmp_path / "a.zip", {"doejane_901_link.html": b"<a href='https://github.com/x'>"})
    assert "holds a link" in refused_of(collected(tmp_path, source), "doejane")


def test_a_folder_that_cannot_be_read_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("Jane", "John"):
        copied_bytes(tmp_path / "class" / name / "hw.xlsx")
    scandir = os.scandir

    def refusing(folder: str) -> object:
        if str(folder).endswith("John"):
            raise PermissionError(13, "Permission denied", str(folder))
        return scandir(folder)

    monkeypatch.setattr(os, "scandir", refusing)
    collection = collected(tmp_path, tmp_path / "class")
    assert list(of(collection)) == ["Jane"]
    assert [sentence.endswith("John cannot be read: permission denied.") for sentence in collection.refused] == [True]


@needs_posix
def test_links_in_a_clone_lead_nowhere(tmp_path: Path) -> None:
    secret = copied_bytes(tmp_path / "secret.xlsx")
    folder = tmp_path / "class" / "Jane"
    folder.mkdir(parents=True)
    (folder / "hw.xlsx").symlink_to(secret)
    (folder / "all").symlink_to(tmp_path)
    collection = collected(tmp_path, tmp_path / "class")
    assert "which was not followed" in refused_of(collection, "Jane")
    # and so in a zip
    entry = zipfile.ZipInfo("Jane/hw.xlsx")
    entry.external_attr = 0o120777 << 16
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.writestr(entry, str(secret))
    assert "which was not followed" in refused_of(collected(tmp_path, tmp_path / "a.zip"), "Jane")


@pytest.mark.parametrize(
    ("name", "content", "sentence"),
    [
        ("missing.zip", None, "does not exist"),
        ("cut.zip", b"PK\x03\x04", "is not a zip, or it was cut short"),
        ("links.txt", b"https://github.com/jane/hw\nhttps://github.com/john/hw\n", "is a list of links"),
        ("notes.pdf", b"%PDF", "is no zip, no folder and no workbook"),
    ],
)
def test_what_holds_no_submissions_is_unusable(tmp_path: Path, name: str, content: bytes, sentence: str) -> None:
    if content is not None:
        (tmp_path / name).write_bytes(content)
    with pytest.raises(UnusableInput, match=sentence):
        collected(tmp_path, tmp_path / name)


def test_an_empty_folder_and_an_empty_zip_are_unusable(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    for source in (tmp_path / "empty", zipped(tmp_path / "a.zip", {})):
        with pytest.raises(UnusableInput, match="holds no submission"):
            collected(tmp_path, source)


def test_a_submission_lists_few_of_many_files(tmp_path: Path) -> None:
    files = {f"Jane/{n}.png": b"" for n in range(9)}
    sentence = refused_of(collected(tmp_path, zipped(tmp_path / "a.zip", files)), "Jane")
    assert sentence == "No workbook was handed in, but Jane/0.png, Jane/1.png, Jane/2.png ...."
    assert isinstance(collected(tmp_path, copied(tmp_path / "a.zip", tmp_path / "b.zip")).submissions[0], Submission)
