"""Whose file it is, by the names that learning platforms give."""

from dataclasses import replace
from pathlib import PurePosixPath

import pytest

from xlbackprop.grading.names import Person, Platform, named, told_apart

MOODLE, CANVAS, NONE = Platform.MOODLE, Platform.CANVAS, Platform.NONE


@pytest.mark.parametrize(
    ("path", "platform", "name", "number", "leaf", "feedback"),
    [
        (
            "Jane Doe_101_assignsubmission_file/hw.xlsx",
            *(MOODLE, "Jane Doe", "101", "hw.xlsx", "Jane Doe_101_assignsubmission_file/"),
        ),
        (
            "Jane Doe_101_assignsubmission_file_/hw.xlsx",
            *(MOODLE, "Jane Doe", "101", "hw.xlsx", "Jane Doe_101_assignsubmission_file_/"),
        ),
        (
            "Jane Doe_101_assignsubmission_file_my_hw_2.xlsx",
            *(MOODLE, "Jane Doe", "101", "my_hw_2.xlsx", "Jane Doe_101_assignsubmission_file_"),
        ),
        (
            "Participant_101_assignsubmission_file/sub/hw.xlsx",
            *(MOODLE, "Participant", "101", "hw.xlsx", "Participant_101_assignsubmission_file/"),
        ),
        (
            "Group 7-Jane Doe_101_assignsubmission_file/hw.xlsx",
            *(MOODLE, "Group 7-Jane Doe", "101", "hw.xlsx", "Group 7-Jane Doe_101_assignsubmission_file/"),
        ),
        (
            "Jane 2_3 Doe_101_assignsubmission_file/hw.xlsx",
            *(MOODLE, "Jane 2_3 Doe", "101", "hw.xlsx", "Jane 2_3 Doe_101_assignsubmission_file/"),
        ),
        ("doejane_901_55_hw.xlsx", CANVAS, "doejane", "901", "hw.xlsx", "doejane_901_55_"),
        ("doejane_LATE_901_55_hw_2_3.xlsx", CANVAS, "doejane", "901", "hw_2_3.xlsx", "doejane_LATE_901_55_"),
        ("anon_a1B2c_55_hw.xlsx", CANVAS, "anon", "a1B2c", "hw.xlsx", "anon_a1B2c_55_"),
        ("Jane Doe/hw.xlsx", NONE, "Jane Doe", "", "hw.xlsx", "Jane Doe/"),
        ("Jane Doe/src/deep/hw.xlsx", NONE, "Jane Doe", "", "hw.xlsx", "Jane Doe/"),
        ("Jane Doe.xlsx", NONE, "Jane Doe", "", "Jane Doe.xlsx", "Jane Doe/"),
    ],
)
def test_a_path_tells_whose_it_is_and_where_feedback_goes(path, platform, name, number, leaf, feedback) -> None:
    found = named(PurePosixPath(path))
    assert (found.person.platform, found.person.name, found.person.id) == (platform, name, number)
    assert (found.leaf, found.person.feedback, found.online) == (leaf, feedback, False)


def test_canvas_tells_who_is_late_and_which_file_came_later() -> None:
    late, again = (named(PurePosixPath(f"doe{mark}_901_{number}_hw.xlsx")) for mark, number in (("_LATE", 7), ("", 12)))
    assert late.person.late
    assert not again.person.late
    assert late.order < again.order
    assert late.person.key == again.person.key


@pytest.mark.parametrize(
    "path",
    [
        "Jane Doe_101_assignsubmission_onlinetext/onlinetext.html",
        "Jane Doe_101_assignsubmission_onlinetext_onlinetext.html",
        "doejane_901_text.html",
        "doejane_LATE_901_link.html",
    ],
)
def test_what_was_typed_into_the_platform_is_no_file(path: str) -> None:
    found = named(PurePosixPath(path))
    assert found.online
    assert found.person.id in ("101", "901")


def test_what_is_said_about_a_typed_text_goes_where_a_file_would() -> None:
    found = named(PurePosixPath("Jane Doe_101_assignsubmission_onlinetext/onlinetext.html"))
    assert found.person.feedback == "Jane Doe_101_assignsubmission_file/"


def test_people_are_told_apart_by_their_numbers_where_names_are_equal_or_empty() -> None:
    people = [Person("Jane", "101"), Person("Jane", "102"), Person("", "103"), Person("John", "104"), Person("Jane")]
    found = told_apart([*people, replace(people[3], late=True)])
    assert [found[person].name for person in people] == ["Jane 101", "Jane 102", "103", "John", "Jane"]
