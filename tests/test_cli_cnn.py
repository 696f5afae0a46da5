import json
import re
from pathlib import Path

from tests.command_line import run


def test_a_trained_network_is_written_and_its_file_known_to_verify_and_check(tmp_path: Path) -> None:
    path = tmp_path / "teach.xlsx"
    written = run("cnn", "--network", "teach", "--round", 2, "--digits", 1, "-o", path)
    assert written.exit_code == 0
    assert written.stdout.splitlines()[:2] == [
        f"Wrote {path}: teach, 1 image to choose from.",
        "With weights of 2 decimals it reads 97.47 % of the 10,000 test images.",
    ]
    assert re.search(r"IronCalc recalculated [\d,]+ formula cells, and NumPy agrees with every one", written.stdout)
    verified = run("verify", path, "--details")
    assert verified.exit_code == 0
    assert re.search(r"Network +correct +4,\d+ cells, largest difference \d.*e-1\d \(layer", verified.stdout)
    checked = run("check", path)
    assert checked.exit_code == 0
    assert re.search(r"Network +4,\d+ formulas +correct", checked.stdout)
    document = json.loads(run("check", path, "--json").stdout)["files"][0]
    assert [(table["sheet"], table["verdict"]) for table in document["tables"]][:2] == [
        ("Digit", "correct"),
        ("Network", "correct"),
    ]


def test_a_fault_in_a_network_names_its_layer(tmp_path: Path, editor) -> None:
    path = tmp_path / "teach.xlsx"
    run("cnn", "--network", "teach", "--digits", 0, "-o", path)
    wrong = editor(path).type("Network", "T50", "0.5").save(tmp_path / "wrong.xlsx")
    for command in ("verify", "check"):
        result = run(command, wrong)
        assert result.exit_code == 1
        assert "layer 1: conv 5x5, map 1 (T50) holds 0.5 where a formula belongs." in result.stdout
    damaged = editor(path).type("Check", "B26", "[]").type("Check", "B25", "[]").save(tmp_path / "damaged.xlsx")
    result = run("check", damaged)
    assert result.exit_code == 2
    assert result.stderr.count("\n") == 1


def test_a_network_comes_by_default_and_with_a_folder_of_its_own(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert run("cnn").stdout.startswith("Wrote output/cnn.xlsx: nano, 30 images to choose from.")
    refused = run("cnn")
    assert refused.exit_code == 2
    assert "exists already" in refused.stderr
    assert run("cnn", "--force", "--protect").exit_code == 0
