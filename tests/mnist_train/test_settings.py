import math
from dataclasses import Field, asdict, fields
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mnist_train.settings import Recipe, Settings, effective, read_toml, to_toml
from xlbackprop.errors import UnusableInput

RECIPE = Recipe(epochs=5, lr=0.1)
OPTIONS = {option.name: option for option in fields(Settings)}


def refusal(name: str, value: Any) -> str:
    with pytest.raises(UnusableInput) as caught:
        effective(RECIPE, {name: value})
    return str(caught.value)


def test_a_file_changes_the_recipe_and_the_command_line_changes_both() -> None:
    file = {"epochs": 7, "batch_size": 64, "seed": 3}
    told = effective(Recipe(epochs=5, lr=0.1, momentum=0.5), file, {"epochs": 9, "model": "tiny"})
    assert (told.lr, told.momentum) == (0.1, 0.5)
    assert (told.batch_size, told.seed) == (64, 3)
    assert (told.epochs, told.model) == (9, "tiny")


def test_what_nobody_gives_has_its_default() -> None:
    told = effective(RECIPE)
    assert (told.model, told.dataset, told.data_dir, told.device) == ("compact", "mnist", "", "auto")
    assert (told.limit, told.hold_out, told.seed, told.compile) == (0, 0, 1, False)


def test_a_whole_number_does_for_a_number() -> None:
    told = effective(RECIPE, {"lr": 1, "momentum": 0})
    assert (told.lr, told.momentum) == (1.0, 0.0)
    assert [type(told.lr), type(told.momentum)] == [float, float]


def test_an_unknown_name_is_named_beside_the_known_ones() -> None:
    assert refusal("epoch", 3) == f"'epoch' is no setting: known are {', '.join(OPTIONS)}."


@pytest.mark.parametrize(
    ("name", "value", "sentence"),
    [
        ("epochs", True, "--epochs True is not a whole number."),
        ("epochs", 2.0, "--epochs 2.0 is not a whole number."),
        ("batch_size", "64", "--batch-size '64' is not a whole number."),
        ("epochs", {}, "--epochs {} is not a whole number."),
        ("lr", "fast", "--lr 'fast' is not a number."),
        ("weight_decay", True, "--weight-decay True is not a number."),
        ("model", 1, "--model 1 is not a text."),
        ("data_dir", Path("data"), f"--data-dir {Path('data')!r} is not a text."),
        ("compile", 1, "--compile 1 is not true or false."),
        ("data_dir", "\udcff", "--data-dir '\\udcff' is not a text in Unicode, so it cannot be stored with the run."),
    ],
)
def test_a_value_of_another_type_is_refused_by_the_name_of_its_option(name: str, value: Any, sentence: str) -> None:
    assert refusal(name, value) == sentence


@pytest.mark.parametrize(
    ("name", "value", "sentence"),
    [
        ("epochs", 0, "--epochs 0 is out of range: it must be at least 1 and at most 10000."),
        ("batch_size", 1, "--batch-size 1 is out of range: it must be at least 2 and at most 65536."),
        ("lr", 0, "--lr 0.0 is out of range: it must be above 0 and at most 1000."),
        ("lr", 10**400, "--lr inf is out of range: it must be above 0 and at most 1000."),
        ("lr", math.nan, "--lr nan is out of range: it must be above 0 and at most 1000."),
        ("momentum", 1.0, "--momentum 1.0 is out of range: it must be at least 0 and below 1."),
        ("limit", -1, "--limit -1 is out of range: it must be at least 0."),
    ],
)
def test_a_value_out_of_range_is_refused_with_its_limits(name: str, value: Any, sentence: str) -> None:
    assert refusal(name, value) == sentence


def beside(limit: float, kind: type, step: int) -> float:
    return int(limit) + step if kind is int else math.nextafter(limit, math.inf * step)


@pytest.mark.parametrize("option", [option for option in OPTIONS.values() if option.metadata["limits"]])
def test_each_limit_holds_to_the_last_digit(option: "Field[Any]") -> None:
    for kind, limit in option.metadata["limits"].items():
        exact = option.type(limit)
        steps = {"at least": -1, "above": -1, "at most": 1, "below": 1}
        if kind in ("at least", "at most"):
            inside, outside = exact, beside(limit, option.type, steps[kind])
        else:
            inside, outside = beside(limit, option.type, -steps[kind]), exact
        assert getattr(effective(RECIPE, {option.name: inside}), option.name) == inside
        assert "out of range" in refusal(option.name, outside)


@pytest.mark.parametrize("option", [option for option in OPTIONS.values() if option.metadata["choices"]])
def test_an_unknown_choice_is_refused_with_the_known_ones(option: "Field[Any]") -> None:
    choices = option.metadata["choices"]
    assert refusal(option.name, "best") == f"--{option.name} best is unknown: choose one of {', '.join(choices)}."
    for choice in choices:
        assert getattr(effective(RECIPE, {option.name: choice}), option.name) == choice


@pytest.mark.parametrize(
    "text",
    [
        "",
        "some",
        "8",
        "8,8",
        "8,8,1,1",
        "8;8;1",
        "8,8,x",
        "-1,0,0",
        "181,0,0",
        "0,100,0",
        "0,0,28.5",
        "nan,0,0",
        "0,inf,0",
    ],
)
def test_augmentation_that_is_not_understood_is_refused_with_an_example(text: str) -> None:
    assert refusal("augment", text) == (
        f"--augment {text} is not understood: give rotation in degrees, scale in per cent and shift in pixels, "
        "such as 8,8,1, or none."
    )


def test_augmentation_is_three_numbers_or_none() -> None:
    assert effective(RECIPE, {"augment": "8, 7.5,1"}).affine() == (8.0, 7.5, 1.0)
    assert effective(RECIPE, {"augment": "180,0,28"}).affine() == (180.0, 0.0, 28.0)
    assert effective(RECIPE, {"augment": "none"}).affine() is None


def values_of(option: "Field[Any]") -> st.SearchStrategy[Any]:
    limits = option.metadata["limits"]
    if option.name == "augment":
        numbers = st.tuples(st.floats(0, 180), st.floats(0, 99), st.floats(0, 28))
        return st.just("none") | numbers.map(lambda amounts: ",".join(map(str, amounts)))
    if option.metadata["choices"]:
        return st.sampled_from(option.metadata["choices"])
    if option.type is int:
        return st.integers(int(limits["at least"]), int(limits.get("at most", 2**70)))
    if option.type is float:
        return st.floats(
            limits.get("at least", limits.get("above")),
            limits.get("at most", limits.get("below")),
            exclude_min="above" in limits,
            exclude_max="below" in limits,
        )
    return st.booleans() if option.type is bool else st.text(st.characters(exclude_categories=["Cs"]))


@given(st.fixed_dictionaries({name: values_of(option) for name, option in OPTIONS.items()}))
def test_settings_come_back_from_their_file(tmp_path_factory: pytest.TempPathFactory, values: dict[str, Any]) -> None:
    told = effective(RECIPE, values)
    file = tmp_path_factory.getbasetemp() / "config.toml"
    file.write_bytes(to_toml(told).encode())
    assert asdict(effective(RECIPE, read_toml(file))) == values


@pytest.mark.parametrize(
    "folder", ['a "quoted" one', r"C:\new\table", "two\r\nlines\t", "\x00\x1f\x7f", "größe 数 🙂 ' #"]
)
def test_an_odd_folder_comes_back_from_its_file(tmp_path: Path, folder: str) -> None:
    text = to_toml(effective(RECIPE, {"data_dir": folder}))
    (tmp_path / "config.toml").write_bytes(text.encode())
    assert read_toml(tmp_path / "config.toml")["data_dir"] == folder
    assert len(text.splitlines()) == len(OPTIONS)


def test_a_file_may_name_options_as_the_command_line_does(tmp_path: Path) -> None:
    file = tmp_path / "config.toml"
    file.write_text('batch-size = 64\nhold_out = 100\ndata-dir = "a-b"\n')
    assert read_toml(file) == {"batch_size": 64, "hold_out": 100, "data_dir": "a-b"}


def test_a_name_that_a_file_has_in_both_ways_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "config.toml"
    file.write_text("batch-size = 64\nbatch_size = 32\n")
    with pytest.raises(UnusableInput, match="says batch_size twice"):
        read_toml(file)


def test_a_file_that_cannot_be_read_is_named_with_the_reason(tmp_path: Path) -> None:
    with pytest.raises(UnusableInput) as caught:
        read_toml(tmp_path / "none.toml")
    assert str(caught.value) == f"{tmp_path / 'none.toml'} cannot be read: no such file or directory."
    with pytest.raises(UnusableInput) as caught:
        read_toml(tmp_path)
    assert str(caught.value) == f"{tmp_path} cannot be read: is a directory."


@pytest.mark.parametrize(
    "content",
    [
        *(b"epochs: 3", b"epochs = ", b'model = "tiny', b"epochs = 1\nepochs = 2"),
        *(b"\xff\xfe", b"a = " + 9999 * b"[", b"epochs = " + 9999 * b"1"),
    ],
)
def test_a_file_that_is_no_toml_is_named(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "config.toml"
    file.write_bytes(content)
    with pytest.raises(UnusableInput) as caught:
        read_toml(file)
    assert str(caught.value).startswith(f"{file} is not a TOML file: ")
    assert len(str(caught.value).splitlines()) == 1
