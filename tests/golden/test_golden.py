"""What the program writes and says is what was recorded; `python -m tests.golden.record` records it again."""

import pytest

from tests.golden import cases, storage
from tests.golden.comparing import outcome_difference, parts_difference


def _insist(name: str, what: str, difference: str) -> None:
    """Fail with the difference, or skip where another library may be its cause."""
    if not difference:
        return
    if cause := storage.other_versions(name):
        pytest.skip(f"{what} is not as recorded, which may come from a library. {cause}")
    pytest.fail(f"{what} is not as recorded (tests/golden/record.py): {difference}", pytrace=False)


@pytest.mark.parametrize("name", [*cases.workbook_cases(), *cases.annotation_cases()])
def test_a_workbook_is_written_part_by_part_as_recorded(name: str) -> None:
    recorded, found = storage.load(name), (cases.workbook_cases() | cases.annotation_cases())[name]()
    _insist(name, name, parts_difference(recorded["parts"], found["parts"]))
    _insist(name, f"what is said about {name}", outcome_difference(recorded["said"], found["said"]))


@pytest.mark.parametrize("name", cases.command_cases())
def test_commands_say_what_was_recorded(name: str) -> None:
    _compare_commands(name, cases.command_cases()[name]())


@pytest.mark.skipif(not cases.OTHERS.is_dir(), reason="The workbooks of other people are not beside this checkout.")
def test_workbooks_of_other_people_are_judged_as_recorded() -> None:
    _compare_commands("others", cases.others())


def _compare_commands(name: str, found: dict) -> None:
    recorded = storage.load(name)
    assert list(recorded) == list(found)
    differences = [
        f"\n{command}: {difference}"
        for command in recorded
        if (difference := outcome_difference(recorded[command], found[command]))
    ]
    _insist(name, name, "".join(differences))
