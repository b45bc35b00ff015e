"""What is in one snapshot, as lines for people. No I/O."""

import re
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
_DETAIL: Final = re.compile(r"(?:^|[.\]])(?:attributes\.|persistent\[|param_groups\[\d+\]\.params\[)")
"""An optimizer's parameters are numbers in its `state_dict`."""


def detail_lines(run: RunId, detail: SnapshotDetail, now: float, *, whole: bool = False) -> list[str]:
    """All that `snapshot show` prints. `whole`: also the attributes of submodules and the like."""
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
        lines += ["", f"{key}  {kind}", *_indented(list(_rows(detail, key, whole=whole)))]
    for title, values in (("config", detail.config), ("exposed", detail.exposed)):
        lines += _section(title, [(name, shown(value)) for name, value in values.items()])
    return lines + _section("code", [(path, hash[:_HASH]) for path, hash in sorted(detail.code.items())])


def shape(dtype: str, lengths: list[int]) -> str:
    """`F32 [128, 64]`."""
    return f"{dtype} {lengths}"


def shown(value: Any) -> str:
    """A value, given as a node, in one line, cut."""
    return cut(printed(codec.from_node(value)), _LONGEST)


def _rows(detail: SnapshotDetail, key: str, *, whole: bool) -> Iterator[tuple[str, ...]]:
    arrays, plain = detail.arrays.get(key, []), detail.plain.get(key, [])
    kept = [row for row in plain if whole or not _is_detail(row[0])]
    for path, dtype, lengths, count in arrays:
        yield path, shape(dtype, lengths), size(count)
    for path, value in kept:
        yield path, shown(value), ""
    if len(kept) < len(plain):
        yield f"… {len(plain) - len(kept):,} attributes; --all has them", "", ""


def _is_detail(path: str) -> bool:
    """A part of what stands beside a `state_dict`: `kernel_size`, an optimizer's defaults."""
    return _DETAIL.search(path) is not None


def _section(title: str, rows: list[tuple[str, ...]]) -> list[str]:
    return ["", title, *_indented(rows)] if rows else []


def _indented(rows: list[tuple[str, ...]]) -> list[str]:
    """The first few; a network of many layers would fill a book."""
    lines = [f"  {line}" for line in table(rows[:_MOST])] if rows else []
    return [*lines, f"  … {len(rows) - _MOST:,} more; --json has them all"] if len(rows) > _MOST else lines
