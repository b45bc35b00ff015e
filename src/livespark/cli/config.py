"""A run's hyperparameters from the command line: a file, and `--set` on top of it."""

import json
import tomllib
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Final

from livespark.cli import words
from livespark.client.values import encode
from livespark.errors import UsageError

__all__ = ("read_config",)

_READERS: Final[dict[str, Callable[[str], Any]]] = {".json": json.loads, ".toml": tomllib.loads}


def read_config(path: str | None, assignments: Sequence[str]) -> dict[str, Any]:
    """The hyperparameters as nodes. Raises UsageError."""
    values = (_read(Path(path)) if path else {}) | words.pairs(assignments)
    nodes: dict[str, Any] = encode(values)
    return nodes


def _read(path: Path) -> dict[str, Any]:
    reader = _READERS.get(path.suffix.lower())
    if reader is None:
        raise UsageError(f"the config file {path} must be .json or .toml")
    try:
        values = reader(path.read_text("utf-8"))
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise UsageError(f"the config file {path} can't be read: {reason}") from None
    if not isinstance(values, dict):
        raise UsageError(f"the config file {path} must hold names and values")
    return values
