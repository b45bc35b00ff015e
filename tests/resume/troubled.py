"""A run of arrays that all change with each step, in which things go wrong. `MODE`: what.

Each step prints `step`, its number and what the arrays are now; what is printed last is `done`.
"""

import errno
import hashlib
import itertools
import os
import resource
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch.utils.data import DataLoader

import livespark as spark
from livespark.runtime.process import runtime
from livespark.runtime.snapshots import host
from livespark.snapshots import folder
from livespark.snapshots.disk import Disk

MODE = os.environ["MODE"]
STEPS = int(os.environ.get("STEPS", "8"))
ARRAYS = int(os.environ.get("ARRAYS", "6"))
LENGTH = int(os.environ.get("LENGTH", str(32 * 1024)))
ERRORS = {name: getattr(errno, name) for name in ("ENOSPC", "EIO", "EROFS")}
CALLS = ("make_folder", "create", "write", "fsync", "rename", "remove", "sync_folder")

torch.manual_seed(0)
arrays = spark.persist("arrays", lambda: [torch.zeros(LENGTH) for _ in range(ARRAYS)])
state = spark.persist("state", lambda: {"step": 0})


def settle() -> None:
    """Everything that has been asked for is on disk, or has failed."""
    end = time.monotonic() + 60
    while runtime.core.saving or runtime.core.snapshot_asks:
        assert time.monotonic() < end
        spark.checkpoint()
        time.sleep(0.001)


def step() -> None:
    for array in arrays:
        array.mul_(0.9).add_(torch.rand(len(array)))
    state["step"] += 1
    digest = hashlib.sha256(b"".join(array.numpy().tobytes() for array in arrays)).hexdigest()
    print("step", state["step"], digest[:16], flush=True)


def save(label: str = "") -> None:
    spark.snapshot(label or None)
    settle()


@contextmanager
def failing(at: int, number: int, lasting: bool) -> Iterator[list[str]]:
    """The call `at` of the disk fails, or all from there on. Gives the calls so far."""
    disk, calls = folder._DISK, list[str]()

    def replaced(name: str) -> Callable[..., Any]:
        real = getattr(Disk, name)

        def call(*rest: Any) -> Any:
            calls.append(name)
            if len(calls) - 1 == at or (lasting and len(calls) > at):
                raise OSError(number, os.strerror(number))
            return real(disk, *rest)

        return call

    for name in CALLS:
        setattr(disk, name, replaced(name))
    try:
        yield calls
    finally:
        for name in CALLS:
            delattr(disk, name)


def disk_faults() -> None:
    """One call after the other fails, until a snapshot needs no more calls than that."""
    stride, number = int(os.environ["STRIDE"]), ERRORS[os.environ["ERROR"]]
    for at in itertools.count(0, stride):
        step()
        with failing(at, number, lasting=bool(at // stride % 2)) as calls:
            save()
        print("fault", at, len(calls), flush=True)
        if at >= len(calls):
            return
        if at // stride % 4 == 0:
            step()
            save()


def children() -> None:
    """Forked while a snapshot is being written: they go on, save nothing, and end."""
    for _ in range(STEPS):
        step()
        spark.snapshot()
        spark.checkpoint()
        child = os.fork()
        if child == 0:
            for _ in range(3):
                spark.snapshot()
                spark.log(loss=1.0)
                spark.checkpoint()
            os._exit(0)
        assert os.waitpid(child, 0)[1] == 0
    settle()


def file_size() -> None:
    step()
    save()
    resource.setrlimit(resource.RLIMIT_FSIZE, (LENGTH, resource.RLIM_INFINITY))
    step()
    save()
    resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    step()
    save()


def few_files() -> None:
    resource.setrlimit(resource.RLIMIT_NOFILE, (64, resource.getrlimit(resource.RLIMIT_NOFILE)[1]))
    while state["step"] < STEPS:
        step()
        save()


def no_memory() -> None:
    step()
    save()
    real = host._room

    def room(*_: Any) -> Any:
        raise MemoryError

    host._room = room  # type: ignore[assignment]
    arrays[:] = [torch.zeros(LENGTH + 1) for _ in arrays]  # of which no earlier copy is there
    step()
    save("mine")
    host._room = real
    step()
    save()


def elsewhere() -> None:
    """Another folder, no mask for new files, and a clock that goes back."""
    os.chdir("/")
    os.umask(0)
    real = time.time
    for number in range(STEPS):
        time.time = lambda: real() - 10_000.0 * number  # noqa: B023 - only until the next one
        step()
        save()


def closed_files() -> None:
    for number in range(STEPS):
        step()
        spark.snapshot()
        spark.checkpoint()
        if number == STEPS // 2:
            os.closerange(3, 4096)
        settle()


def no_shared_memory() -> None:
    """The workers' states have no room, their few small items do."""
    whole = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (16 * 1024, whole[1]))
    dataset: Any = [torch.zeros(2)] * 8
    loader = DataLoader[torch.Tensor](dataset, num_workers=2)
    for _ in spark.loop("batch", loader):
        resource.setrlimit(resource.RLIMIT_FSIZE, whole)
        step()
        spark.snapshot()


def killed() -> None:
    """Somebody ends this at any time. Each step waits until the one before it is being written."""
    for _ in spark.loop("step", range(STEPS)):
        step()
        spark.log(step_seen=state["step"])


globals()[MODE]()
print("done", flush=True)
