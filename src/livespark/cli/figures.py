"""Numbers and times as people read them, and the width of text in terminal cells. No I/O."""

import math
import unicodedata
from typing import Final

__all__ = ("cell_width", "cut", "duration", "number", "rate", "size", "spent")

_LONGEST: Final = 1e9
_UNITS: Final = ("kB", "MB", "GB", "TB", "PB")


def cell_width(text: str) -> int:
    """How many cells of a terminal `text` takes."""
    return sum(_cells(character) for character in text)


def cut(text: str, width: int) -> str:
    """`text`, or its beginning and an ellipsis, in at most `width` cells."""
    if cell_width(text) <= width:
        return text
    kept, left = "", width - 1
    for character in text:
        left -= _cells(character)
        if left < 0:
            break
        kept += character
    return f"{kept}…" if width > 0 else ""


def duration(seconds: float) -> str:
    """`0:41`, `12:07`, `3:05:00`, `2 d 4 h`."""
    whole = int(min(max(0.0, seconds), _LONGEST))
    minutes, hours, days = whole // 60, whole // 3600, whole // 86400
    if days:
        return f"{days} d {hours % 24} h"
    return f"{hours}:{minutes % 60:02}:{whole % 60:02}" if hours else f"{minutes}:{whole % 60:02}"


def number(value: float) -> str:
    """A metric's value in about four digits: `0.213`, `1,840`, `3e-05`, `nan`."""
    if isinstance(value, int) or (math.isfinite(value) and value == int(value) and abs(value) < 1e6):
        return f"{int(value):,}" if abs(value) < 1e12 else f"{value:.3g}"
    if math.isfinite(value) and 100 <= abs(value) < 1e6:
        return f"{value:,.1f}"
    return f"{value:.4g}"


def rate(per_second: float) -> str:
    """`1,840`, `12`, `3.2`, `0.05`."""
    if per_second >= 10:
        return f"{per_second:,.0f}"
    return f"{per_second:.1f}" if per_second >= 1 else f"{per_second:.2g}"


def size(count: int) -> str:
    """Bytes: `812 bytes`, `31 MB`, `1.2 GB`. A kB is 1,000 bytes."""
    if count < 1000:
        return f"{count} byte{'' if count == 1 else 's'}"
    value, unit = count / 1000, 0
    while value >= 999.5 and unit < len(_UNITS) - 1:
        value, unit = value / 1000, unit + 1
    return f"{value:.1f} {_UNITS[unit]}" if value < 9.95 else f"{value:,.0f} {_UNITS[unit]}"


def spent(seconds: float) -> str:
    """A short time: `14 ms`, `2.3 s`."""
    milliseconds = seconds * 1000
    return f"{milliseconds:.0f} ms" if milliseconds < 1000 else f"{number(seconds)} s"


def _cells(character: str) -> int:
    if unicodedata.combining(character) or unicodedata.category(character) in ("Cc", "Cf"):
        return 0
    return 2 if unicodedata.east_asian_width(character) in "WF" else 1
