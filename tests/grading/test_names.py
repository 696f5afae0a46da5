"""Whose file it is, by the names that learning platforms give."""

from dataclasses import replace
from pathlib import PurePosixPath

import pytest

from xlbackprop.grading.names import Person, Platform, grouped, named, told_apart, words

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
        # a file may be called like a submission
        (
            "Eve Poe_103_assignsubmission_file_Jane Doe_101_assignsubmission_file_hw.xlsx",
            *(MOODLE, "Eve Poe", "103", "Jane Doe_101_assignsubmission_file_hw.xlsx"),
            "Eve Poe_103_assignsubmission_file_",
        ),
        (
            "Eve Poe_103_assignsubmission_file/Jane Doe_101_assignsubmission_file/hw.xlsx",
            *(MOODLE, "Eve Poe", "103", "hw.xlsx", "Eve Poe_103_assignsubmission_file/"),
        ),
        ("doejane_901_55_hw.xlsx", CANVAS, "doejane", "901", "hw.xlsx", "doejane_901_55_"),
        ("doejane_LATE_901_55_hw_2_3.xlsx", CANVAS, "doejane", "901", "hw_2_3.xlsx", "doejane_LATE_901_55_"),
        ("anon_a1B2c_55_hw.xlsx", CANVAS, "anon", "a1B2c", "hw.xlsx", "anon_a1B2c_55_"),
        ("LATE_anon_a1B2c_55_hw.xlsx", CANVAS, "anon", "a1B2c", "hw.xlsx", "LATE_anon_a1B2c_55_"),
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
    "path", ["LATE_anon_a1B2c_55_hw.xlsx", "anon_LATE_a1B2c_55_hw.xlsx", "LATE_anon_a1B2c_text.html"]
)
def test_an_anonymous_late_submission_is_both(path: str) -> None:
    person = named(PurePosixPath(path)).person
    assert (person.name, person.id, person.late) == ("anon", "a1B2c", True)


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


def test_two_names_with_one_number_of_moodle_are_two_people_and_two_spellings_are_one() -> None:
    keys = [Person(name, "101", MOODLE).key for name in ("Jürgen O'Doe", "ju\u0308rgen  ODoe", "Someone Else")]
    assert keys[0] == keys[1] != keys[2]
    # Canvas numbers people, not what they take part in
    assert Person("doejane", "901", CANVAS).key == Person("Jane", "901", CANVAS).key


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("Jane Doe", "jane  DOE", True),
        ("Doe, Jane", "Jane Doe", True),
        ("O'Brien, Seán", "OBrien, Sea\u0301n", True),
        ("A_B", "A B", True),
        ("Jane Doe", "Jan Doe", False),
        ("Jane Doe", "Jane", False),
    ],
)
def test_names_are_compared_as_platforms_clean_them_for_files(one: str, other: str, same: bool) -> None:
    assert (words(one) == words(other)) is same


def test_a_class_that_hands_in_by_groups_is_known_by_the_names_before_all_names() -> None:
    def groups(*names: str, platform: Platform = MOODLE) -> list[str]:
        people = [Person(name, str(n), platform) for n, name in enumerate(names)]
        found = grouped(people)
        return [found[person] for person in people]

    assert groups("Team 7-Jane Doe", "Team 7-Al M\u00fcller-Roe", "Team 8-Max") == ["Team 7", "Team 7", "Team 8"]
    assert groups("WS-Team 7-Jane", "WS-Team 8-Max") == ["WS-Team 7", "WS-Team 8"]
    assert groups("Anna-Lena Doe", "Anna-Lena Roe", "Max") == ["Anna-Lena Doe", "Anna-Lena Roe", "Max"]
    assert groups("hw-jane", "hw-max", platform=NONE) == ["hw-jane", "hw-max"]
    assert groups() == []
