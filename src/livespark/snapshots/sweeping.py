"""Which files in a folder of snapshots serve nobody any more."""

import os
import re
from pathlib import Path
from typing import Final

from livespark.snapshots.writing import TEMPORARY

__all__ = ("leftovers",)

_OBJECT: Final = re.compile(r"([0-9a-f]{32}\.safetensors|[0-9a-f]{64}\.pickle)\Z")


def leftovers(path: Path, named: set[str], since: int) -> list[tuple[Path, int]]:
    """Files of broken writes, and objects not in `named` ("objects/<hash>.pickle") that were written after `since` (ns
    since 1970), with their sizes in bytes. What is not ours is left alone, and no link is followed. Raises OSError."""
    objects = path / "objects"
    inside = [] if objects.is_symlink() else _files(objects)
    torn = [entry for entry in (*_files(path), *inside) if entry.name.startswith(TEMPORARY)]
    ours = [entry for entry in inside if _OBJECT.match(entry.name)]
    unnamed = [entry for entry in ours if f"objects/{entry.name}" not in named and _status(entry).st_mtime_ns > since]
    return [(Path(entry.path), _status(entry).st_size) for entry in (*torn, *unnamed)]


def _status(entry: os.DirEntry[str]) -> os.stat_result:
    return entry.stat(follow_symlinks=False)


def _files(folder: Path) -> list[os.DirEntry[str]]:
    try:
        with os.scandir(folder) as entries:
            return [entry for entry in entries if not entry.is_dir(follow_symlinks=False)]
    except FileNotFoundError:
        return []
