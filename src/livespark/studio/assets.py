"""The Studio's files, read from the package once, at the server's start. What is not listed here is not served."""

from importlib.resources import files
from importlib.resources.abc import Traversable
from typing import Final, NamedTuple

__all__ = ("PAGE", "Asset", "load")

PAGE: Final = "index.html"
"""The asset behind `GET /` and `GET /r/{run}`. All others are served as `/studio/<name>`."""

_FOLDERS: Final = ("app", "client", "style", "vendor")
_CONTENT_TYPES: Final = {
    ".css": "text/css; charset=utf-8",
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
    ".txt": "text/plain; charset=utf-8",
}


class Asset(NamedTuple):
    body: bytes
    content_type: str


def load() -> dict[str, Asset]:
    """Every file of the page, by its name with forward slashes, such as `app/main.js`."""
    root = files("livespark.studio")
    assets = {PAGE: _read(root / PAGE)}
    for folder in _FOLDERS:
        assets |= _walk(root / folder, folder)
    return assets


def _walk(folder: Traversable, name: str) -> dict[str, Asset]:
    assets: dict[str, Asset] = {}
    for entry in sorted(folder.iterdir(), key=lambda entry: entry.name):
        path = f"{name}/{entry.name}"
        if entry.is_dir():
            assets |= _walk(entry, path)
        elif _suffix(entry.name) in _CONTENT_TYPES:
            assets[path] = _read(entry)
    return assets


def _read(entry: Traversable) -> Asset:
    return Asset(entry.read_bytes(), _CONTENT_TYPES[_suffix(entry.name)])


def _suffix(name: str) -> str:
    return f".{name.rpartition('.')[2]}"
