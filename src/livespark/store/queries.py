"""The SQL of the `.sql` files next door, by name: each query stands below a line `-- name: ...`."""

import re
from collections.abc import Iterator
from importlib.resources import files
from typing import Final

__all__ = ("MIGRATIONS", "QUERIES")

_FOLDER: Final = files("livespark.store") / "sql"
_NAME: Final = re.compile(r"^-- name: (\w+)\n", re.MULTILINE)


def _queries() -> Iterator[tuple[str, str]]:
    for entry in _FOLDER.iterdir():
        if entry.name.endswith(".sql"):
            _, *parts = _NAME.split(entry.read_text("utf-8"))
            yield from zip(parts[::2], (text.strip() for text in parts[1::2]), strict=True)


def _migrations() -> list[str]:
    scripts = [entry for entry in (_FOLDER / "migrations").iterdir() if entry.name.endswith(".sql")]
    return [script.read_text("utf-8") for script in sorted(scripts, key=lambda script: script.name)]


QUERIES: Final = dict(_queries())

MIGRATIONS: Final = _migrations()
"""In order; the first makes schema version 1 out of nothing."""
