"""Paths to exposed values: segments joined by dots, with dots and backslashes inside a segment escaped by a backslash.

`state.lr`, `layers.0.weight`, `table.a\\.b`. List positions are decimal segments. A path is never empty, a segment
may be.
"""

__all__ = ("child", "join", "split")


def child(parent: str, segment: str) -> str:
    """The path of `segment` below `parent`."""
    return f"{parent}.{_escape(segment)}"


def join(segments: list[str]) -> str:
    """The path that `split` takes apart again. Raises ValueError for no segments."""
    if not segments:
        raise ValueError("a path has at least one segment")
    return ".".join(map(_escape, segments))


def split(path: str) -> list[str]:
    """The segments of `path`, unescaped. Raises ValueError for a backslash that escapes nothing."""
    segments, current, characters = [], "", iter(path)
    for character in characters:
        if character == ".":
            segments.append(current)
            current = ""
        elif character == "\\":
            current += _escaped(next(characters, ""), path)
        else:
            current += character
    return [*segments, current]


def _escaped(character: str, path: str) -> str:
    if character not in ("\\", "."):
        raise ValueError(f"in the path {path!r}, a backslash must be followed by a dot or a backslash")
    return character


def _escape(segment: str) -> str:
    if "." in segment or "\\" in segment:
        return segment.replace("\\", "\\\\").replace(".", "\\.")
    return segment
