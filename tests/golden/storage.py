"""The recorded files: JSON, compressed, the same bytes for the same content."""

import json
import lzma
from importlib.metadata import version
from pathlib import Path
from typing import Any

RECORDED = Path(__file__).parent / "recorded"


def _path(name: str) -> Path:
    return RECORDED / f"{name.replace(' ', '-')}.json.xz"


def load(name: str) -> Any:
    """What was recorded under a name."""
    return json.loads(lzma.decompress((_path(name)).read_bytes()))["content"]


def recorded_with(name: str) -> dict[str, str]:
    """The versions of the libraries that something was recorded with."""
    return json.loads(lzma.decompress((_path(name)).read_bytes()))["with"]


def save(name: str, content: Any, libraries: tuple[str, ...] = ()) -> Path:
    """Record something under a name, with the versions of the libraries that shape it."""
    RECORDED.mkdir(exist_ok=True)
    document = {"with": {library: version(library) for library in libraries}, "content": content}
    text = json.dumps(document, ensure_ascii=False, separators=(",", ":"))
    path = _path(name)
    path.write_bytes(lzma.compress(text.encode(), preset=9 | lzma.PRESET_EXTREME))
    return path


def other_versions(name: str) -> str:
    """Which of these libraries are installed in other versions than at the record, as a sentence; empty if none."""
    others = [
        f"{library} {recorded}, and this is {version(library)}"
        for library, recorded in recorded_with(name).items()
        if version(library) != recorded
    ]
    return f"Recorded with {'; '.join(others)}." if others else ""
