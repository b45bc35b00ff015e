"""How much host memory there is for snapshots."""

import sys
from collections.abc import Mapping
from pathlib import Path

import psutil
import pytest

from livespark.runtime.snapshots.room import fitting, free_memory

_KIB = 1024
_UNLIMITED_V1 = str(0x7FFFFFFFFFFFF000)


def _machine(root: Path, files: Mapping[str, str]) -> Path:
    for name, text in {"proc/meminfo": "MemTotal: 900 kB\nMemAvailable:   500 kB\n", **files}.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return root


def _v2(folder: str, limit: str, current: int, cache: int = 0, high: str = "max") -> dict[str, str]:
    base = f"sys/fs/cgroup/{folder}".rstrip("/")
    return {
        f"{base}/memory.max": limit + "\n",
        f"{base}/memory.high": high + "\n",
        f"{base}/memory.current": f"{current}\n",
        f"{base}/memory.stat": f"anon 5\ninactive_file {cache}\n",
    }


def _v1(folder: str, limit: str, usage: int, cache: int = 0) -> dict[str, str]:
    base = f"sys/fs/cgroup/memory/{folder}".rstrip("/")
    return {
        f"{base}/memory.limit_in_bytes": limit + "\n",
        f"{base}/memory.usage_in_bytes": f"{usage}\n",
        f"{base}/memory.stat": f"inactive_file 3\ntotal_inactive_file {cache}\n",
    }


_OWN_V2 = {"proc/self/cgroup": "0::/jobs/mine\n"}
_OWN_V1 = {"proc/self/cgroup": "3:cpu,cpuacct:/x\n9:memory:/docker/abc\n0::/\n"}


@pytest.mark.parametrize(
    ("files", "free"),
    [
        ({}, 500 * _KIB),
        (_OWN_V2, 500 * _KIB),
        (_OWN_V2 | _v2("jobs/mine", "max", 7), 500 * _KIB),
        (_OWN_V2 | _v2("jobs/mine", "9000", 5000), 4000),
        (_OWN_V2 | _v2("jobs/mine", "9000", 5000, cache=1500), 5500),
        (_OWN_V2 | _v2("jobs/mine", "9000", 5000, high="6000"), 1000),
        (_OWN_V2 | _v2("jobs/mine", "max", 5000) | _v2("jobs", "7000", 6900), 100),
        (_OWN_V2 | _v2("", "9000", 1000), 8000),
        (_OWN_V2 | _v2("jobs/mine", "9000", 9500), 0),
        (_OWN_V2 | _v2("jobs/mine", "9999999999", 1), 500 * _KIB),
        ({"proc/self/cgroup": "0::/../outside\n"} | _v2("", "9000", 1000), 8000),
        (_OWN_V1 | _v1("docker/abc", "9000", 5000, cache=1000), 5000),
        (_OWN_V1 | _v1("docker/abc", _UNLIMITED_V1, 5000), 500 * _KIB),
        (_OWN_V1 | _v1("", "9000", 5000), 4000),
    ],
)
def test_the_narrowest_limit_counts(files: dict[str, str], free: int, tmp_path: Path) -> None:
    """The machine's, the cgroup's, and those of the cgroups around it; what is cached can be had back."""
    assert free_memory(_machine(tmp_path, files)) == free


def test_without_proc_another_library_tells(tmp_path: Path) -> None:
    """As on macOS."""
    assert 0 < free_memory(tmp_path) <= psutil.virtual_memory().total


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_this_machine_has_some_memory() -> None:
    """The real files have the form that is read."""
    assert 0 < free_memory() <= psutil.virtual_memory().total


@pytest.mark.parametrize(
    ("size", "held", "wanted", "fit"),
    [
        (100, 0, None, 2),
        (100, 400, None, 3),
        (10, 0, None, 4),
        (201, 0, None, 0),
        (0, 0, None, 4),
        (100, 0, 9, 9),
        (100, 0, 0, 0),
    ],
)
def test_four_at_most_in_a_quarter_of_what_is_free(size: int, held: int, wanted: int | None, fit: int) -> None:
    """With 800 bytes free, and what is held counted as free; who wants a number gets it."""
    assert fitting(size, held, wanted, lambda: 800) == fit
