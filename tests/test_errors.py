import pytest

from xlbackprop.errors import reason


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (OSError(28, "No space left on device"), "no space left on device"),
        (ValueError("Corrupt zip64 extra field. File size not found."), "corrupt zip64 extra field"),
        (ValueError("ZIP64 is not known."), "ZIP64 is not known"),
        (ValueError("I/O error"), "I/O error"),
        (OSError("of no number"), "of no number"),
    ],
)
def test_what_an_error_says_ends_a_sentence_of_ours(error: Exception, expected: str) -> None:
    assert reason(error) == expected
