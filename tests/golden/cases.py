"""Everything that is recorded, each under its name: what it takes, and how the result of now is made."""

import tempfile
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

from tests.golden import edits, tables, workbooks
from tests.golden.parts import parts_of
from tests.golden.running import REPOSITORY, run

#: Workbooks of other people, which not every checkout has beside it.
OTHERS = REPOSITORY.parent / "shared" / "workbooks"


def workbook_cases() -> dict[str, Callable[[], Any]]:
    """The workbooks, part by part."""
    return {f"workbook {name}": partial(_in_a_folder, workbooks.build, name) for name in workbooks.BUILDS}


def command_cases() -> dict[str, Callable[[], dict[str, Any]]]:
    """What commands print and their exit codes; each case holds several commands."""
    return {
        "printing": partial(_in_a_folder, _printing),
        **{f"edited {part}": partial(_in_a_folder, edits.record_edited, part) for part in range(edits.PARTS)},
        **{f"tables {group}": partial(_in_a_folder, _checked, group) for group in tables.GROUPS},
    }


def annotation_cases() -> dict[str, Callable[[], Any]]:
    """Marked copies, part by part."""
    return {f"annotated {name}": partial(_in_a_folder, _annotated, name) for name in ("slips", "pasted", "ours")}


def others() -> dict[str, Any]:
    """What is said about the workbooks of other people; only that is recorded, and nothing of the files."""
    names = sorted(path.name for path in OTHERS.glob("*.xlsx"))
    return {
        "check --json": run(OTHERS, "check", *names, "--json"),
        "check": run(OTHERS, "check", *names),
        "check --csv": run(OTHERS, "check", *names, "--csv"),
    }


def _in_a_folder(make: Callable[..., Any], *arguments: Any) -> Any:
    with tempfile.TemporaryDirectory() as name:
        return make(Path(name), *arguments)


def _printing(folder: Path) -> dict[str, Any]:
    return {name: run(folder, *arguments) for name, arguments in workbooks.PRINTING.items()}


def _checked(folder: Path, group: str) -> dict[str, Any]:
    names = tables.write_group(folder, group)
    return dict(_checks(folder, names))


def _checks(folder: Path, names: list[str]) -> Iterator[tuple[str, dict[str, Any]]]:
    """All files as JSON, and the first ones as text and as lines for a gradebook."""
    yield "check --json", run(folder, "check", *names, "--json")
    yield "check", run(folder, "check", *names[:3])
    yield "check --csv", run(folder, "check", *names[:3], "--csv")


def _annotated(folder: Path, name: str) -> dict[str, Any]:
    if name == "ours":
        (source,) = edits.write_edited(folder, ["two wrong cells"])
    else:
        source = tables.write_group(folder, name)[1]
    said = run(folder, "check", source, "--annotate", "marked.xlsx")
    return {"said": said, "parts": parts_of(folder / "marked.xlsx")}
