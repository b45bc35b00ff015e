"""Loops go on exactly where they stood, in another process: the same items, the same random numbers."""

import gc
import os
import pickle
import random
import subprocess
import sys
import threading
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest
import torch
from torch.utils.data import DataLoader

from livespark.errors import SparkReloadError
from livespark.runtime.core import Core
from livespark.runtime.loop import Loops
from livespark.runtime.reload.generators import capture
from livespark.runtime.snapshots.standing import put_back, record
from livespark.runtime.snapshots.worker_states import record_workers
from tests.unit.reload.test_reload_workers import no_worker_is_left as no_worker_is_left  # the fixture
from tests.unit.snapshots import standing_script
from tests.unit.snapshots.standing_loaders import MAKE, Numbers, plain
from tests.unit.snapshots.standing_script import Watched, gone_on, interrupted, undisturbed

_CHECKPOINTS = 40
"""More than the script has."""


@pytest.fixture(autouse=True)
def recorded() -> Iterator[None]:
    """Loaders are observed; other tests' randomness is not disturbed."""
    record_workers()
    generators = capture()
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "This DataLoader will create", UserWarning)
        warnings.filterwarnings("ignore", "'set_vital' is deprecated", UserWarning)
        yield
    generators.restore()


def copy_of_record(taken: dict[str, Any]) -> dict[str, Any]:
    """As it comes out of a file."""
    copy: dict[str, Any] = pickle.loads(pickle.dumps(taken))  # noqa: S301 - the test's own
    return copy


def _check(name: str, checkpoints: Iterator[int] | range, *, inside: bool = False) -> None:
    expected, hits = undisturbed(name, inside=inside), 0
    for look_at in checkpoints:
        taken = interrupted(name, look_at, inside=inside).taken
        if taken is None:
            break
        hits += 1
        trace, notes = gone_on(name, copy_of_record(taken), inside=inside)
        assert trace == expected[taken["done"] :], f"checkpoint {look_at}, open {taken['open']}"
        assert notes == []
    assert hits


_ALONE = sorted(name for name in MAKE if "workers" not in name and name != "stateful, enumerate")


@pytest.mark.parametrize("name", _ALONE)
@pytest.mark.parametrize("inside", [False, True])
def test_from_each_checkpoint_of_two_epochs_the_same_follows(name: str, inside: bool) -> None:
    """All loaders without workers, interrupted everywhere: between items, within them, and between epochs."""
    _check(name, range(1, _CHECKPOINTS), inside=inside)


@pytest.mark.parametrize(
    ("name", "checkpoints"),
    [
        ("workers", range(1, _CHECKPOINTS, 2)),
        ("workers, made in the loop", range(4, _CHECKPOINTS, 5)),
        ("workers, generator given", range(3, _CHECKPOINTS, 3)),
        ("workers, own sampler", range(2, _CHECKPOINTS, 4)),
        ("workers, prefetching", range(1, _CHECKPOINTS, 4)),
        ("workers, enumerate", range(3, _CHECKPOINTS, 3)),
        ("workers, persistent", range(2, _CHECKPOINTS, 2)),
        ("workers, persistent, generator given", range(3, _CHECKPOINTS, 3)),
        ("workers, persistent, enumerate", range(3, _CHECKPOINTS, 3)),
        ("workers, stream", range(2, _CHECKPOINTS, 4)),
        ("stateful, workers", range(3, _CHECKPOINTS, 4)),
    ],
)
def test_workers_go_on_with_their_generators(name: str, checkpoints: range) -> None:
    """Shuffled items with random numbers drawn in workers, which had made some more of them in advance."""
    _check(name, checkpoints)


def test_a_worker_that_is_spawned_goes_on_with_its_generators() -> None:
    """It imports what it needs."""

    def loader() -> Iterator[Any]:
        torch.manual_seed(2)
        options: dict[str, Any] = {"num_workers": 1, "shuffle": True, "multiprocessing_context": "spawn"}
        return Loops(core).loop("n", DataLoader(Numbers(), 2, collate_fn=plain, **options))

    core = Core(lambda: None)
    items = loader()
    for _ in range(4):
        next(items)
    state, expected = copy_of_record(record(core.levels[0].scope)), list(items)
    core = Core(lambda: None)
    put_back(core.levels[0].scope, state)
    assert list(loader())[1:] == expected


def test_within_an_item_of_workers_it_is_done_again() -> None:
    """The item in hand comes from the record."""
    _check("workers", range(3, _CHECKPOINTS, 6), inside=True)


def test_another_process_goes_on(tmp_path: Path) -> None:
    """Records of several loaders and checkpoints, taken up by a process that has seen nothing else."""
    names = ["shuffled", "generator given", "workers", "workers, persistent", "stream"]
    taken = [(name, interrupted(name, at).taken) for name in names for at in (2, 9)]
    path = tmp_path / "records"
    path.write_bytes(pickle.dumps(taken))
    command = [sys.executable, standing_script.__file__, str(path)]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    output = subprocess.run(command, check=True, timeout=100, capture_output=True, env=environment).stdout
    found = pickle.loads(output)  # noqa: S301 - the test's own
    assert len(found) == 10
    for (name, state), (trace, notes) in zip(taken, found, strict=True):
        assert state
        assert (trace, notes) == (undisturbed(name)[state["done"] :], [])


def test_no_item_is_fetched_again() -> None:
    """Of a map-style dataset only the sampler is iterated over."""
    taken = interrupted("shuffled", 4).taken
    assert taken
    Numbers.fetched = 0
    trace, _ = gone_on("shuffled", taken)
    assert Numbers.fetched == sum(len(item) for _, item, *_ in (row for row in trace if len(row) > 2))


def test_a_record_can_be_put_back_many_times_and_leaves_nothing_behind() -> None:
    """Back and forth in one process: no processes, threads, descriptors, nor objects stay."""
    name = "workers, persistent"
    taken = interrupted(name, 3).taken
    assert taken
    expected = undisturbed(name)[taken["done"] :]
    counts = []
    for number in range(26):
        core, notes = Watched(3), list[str]()
        core.go_on(taken, notes)
        with pytest.raises(SparkReloadError):
            standing_script.script(core, MAKE[name])
        assert core.trace == expected[: len(core.trace)]
        del core
        if number in (5, 25):
            gc.collect()
            process = psutil.Process()
            counts.append((len(process.children()), threading.active_count(), process.num_fds(), len(gc.get_objects())))
    assert counts[0][:3] == counts[1][:3]
    assert counts[1][3] - counts[0][3] < 1000


def test_going_back_a_hundred_times_in_one_run() -> None:
    """The same scope, the same loader: from the record the same comes each time, and nothing grows."""
    random.seed(1), torch.manual_seed(1)
    core = Core(lambda: None)
    loops, scope = Loops(core), core.levels[0].scope
    loader = DataLoader(Numbers(), 3, shuffle=True, collate_fn=plain, generator=torch.Generator().manual_seed(1))
    items = loops.loop("n", loader)
    next(items), next(items)
    state, generators = record(scope), capture()
    expected, sizes = list(items), []
    for number in range(100):
        core.levels[0].rerun()
        put_back(scope, state)
        generators.restore()
        again = list(loops.loop("n", loader))
        assert again[1:] == expected
        if number in (10, 99):
            gc.collect()
            sizes.append(len(gc.get_objects()))
    assert sizes[1] - sizes[0] < 200
