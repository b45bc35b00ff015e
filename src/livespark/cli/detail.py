"""What is in one snapshot, as lines for people. No I/O."""

from collections.abc import Iterator
from typing import Any, Final

from livespark.cli.figures import cut, duration, size
from livespark.cli.listing import printed, table
from livespark.cli.saved import key_metrics, stored
from livespark.protocol import codec
from livespark.protocol.ids import RunId
from livespark.protocol.snapshots import SnapshotDetail

__all__ = ("detail_lines", "shape", "shown")

_LONGEST: Final = 60
_MOST: Final = 200
_HASH: Final = 12


def detail_lines(run: RunId, detail: SnapshotDetail, now: float) -> list[str]:
    """All that `snapshot show` prints."""
    facts = [
        ("snapshot", f"{run}@{stored(detail.info)}"),
        ("age", duration(now - detail.info.time)),
        ("metrics", key_metrics(detail.info.metrics)),
        ("python", detail.python),
        ("packages", "  ".join(f"{name} {version}" for name, version in sorted(detail.packages.items()))),
        ("note", detail.info.message),
    ]
    lines = table([fact for fact in facts if fact[1]])
    for key, kind in detail.types.items():
        lines += ["", f"{key}  {kind}", *_indented(list(_rows(detail, key)))]
    for title, values in (("config", detail.config), ("exposed", detail.exposed)):
        lines += _section(title, [(name, shown(value)) for name, value in values.items()])
    return lines + _section("code", [(path, hash[:_HASH]) for path, hash in sorted(detail.code.items())])


def shape(dtype: str, lengths: list[int]) -> str:
    """`F32 [128, 64]`."""
    return f"{dtype} {lengths}"


def shown(value: Any) -> str:
    """A value, given as a node, in one line, cut."""
    return cut(printed(codec.from_node(value)), _LONGEST)


def _rows(detail: SnapshotDetail, key: str) -> Iterator[tuple[str, ...]]:
    for path, dtype, lengths, count in detail.arrays.get(key, []):
        yield path, shape(dtype, lengths), size(count)
    for path, value in detail.plain.get(key, []):
        yield path, shown(value), ""


def _section(title: str, rows: list[tuple[str, ...]]) -> list[str]:
    return ["", title, *_indented(rows)] if rows else []


def _indented(rows: list[tuple[str, ...]]) -> list[str]:
    """The first few; a network of many layers would fill a book."""
    lines = [f"  {line}" for line in table(rows[:_MOST])] if rows else []
    return [*lines, f"  … {len(rows) - _MOST:,} more; --json has them all"] if len(rows) > _MOST else lines
