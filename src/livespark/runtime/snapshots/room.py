"""How much host memory there is for snapshots: what the machine has left, and what the cgroup still allows."""

from collections.abc import Callable, Iterator
from pathlib import Path, PurePosixPath
from typing import Final

__all__ = ("fitting", "free_memory")

_MOST: Final = 4
_SHARE: Final = 4
"""Snapshots take a quarter of what is free."""


def fitting(size: int, held: int, wanted: int | None, free: Callable[[], int] | None = None) -> int:
    """How many snapshots of `size` bytes to keep in memory: `wanted`; if None, as many as fit well, 4 at the most.

    `held`: bytes that snapshots take already.
    """
    if wanted is not None:
        return max(0, wanted)
    if size <= 0:
        return _MOST
    room = ((free or free_memory)() + held) // _SHARE
    return min(_MOST, room // size)


def free_memory(root: Path = Path("/")) -> int:
    """Bytes that this process may still use without anything being pushed out. `root`: where /proc and /sys are."""
    return max(0, min([_free_of_machine(root), *_free_of_cgroups(root)]))


def _free_of_machine(root: Path) -> int:
    for line in _text(root / "proc/meminfo").splitlines():
        name, _, value = line.partition(":")
        if name == "MemAvailable":
            return int(value.split()[0]) * 1024
    return _free_elsewhere()


def _free_elsewhere() -> int:
    import psutil  # noqa: PLC0415 - the seam: only where there is no /proc, and never at the start of a worker

    return int(psutil.virtual_memory().available)


def _free_of_cgroups(root: Path) -> Iterator[int]:
    """What each limit leaves, from the process's own cgroup up to the outermost that can be seen."""
    for line in _text(root / "proc/self/cgroup").splitlines():
        _, _, rest = line.partition(":")
        controllers, _, path = rest.partition(":")
        if not controllers:
            yield from _free_below(root / "sys/fs/cgroup", path, ("memory.max", "memory.high"), "memory.current")
        elif "memory" in controllers.split(","):
            names = ("memory.limit_in_bytes",)
            yield from _free_below(root / "sys/fs/cgroup/memory", path, names, "memory.usage_in_bytes")


def _free_below(mounted: Path, path: str, limits: tuple[str, ...], usage: str) -> Iterator[int]:
    inner = PurePosixPath(path.lstrip("/"))
    for folder in (mounted / each for each in (inner, *inner.parents) if ".." not in each.parts):
        used = _text(folder / usage).strip()
        for limit in (_text(folder / name).strip() for name in limits):
            if used.isdecimal() and limit.isdecimal():
                yield int(limit) - int(used) + _reclaimable(folder)


def _reclaimable(folder: Path) -> int:
    """Bytes of file cache that nobody has used for a while: they count as usage, and make room when it is needed."""
    stat = dict(line.split()[:2] for line in _text(folder / "memory.stat").splitlines())
    return int(stat.get("total_inactive_file", stat.get("inactive_file", 0)))


def _text(path: Path) -> str:
    """Empty if it can't be read."""
    try:
        return path.read_text()
    except OSError:
        return ""
