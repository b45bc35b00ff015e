"""DataLoader workers follow an edit, at the position, with the items that would have come."""

import gc
import multiprocessing
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import psutil
import pytest
import torch
from torch.utils.data import DataLoader, Dataset

from livespark.runtime.core import Core
from livespark.runtime.loop import Loops
from livespark.runtime.reload.batches import drawn_by, record_batches
from livespark.runtime.reload.reach import Reach
from livespark.runtime.reload.workers import renew_workers

_CODE = """
import random
import torch
from torch.utils.data import Dataset, IterableDataset, get_worker_info

VERSION = 1

def version():
    return VERSION

def unused():
    return 0

class Transform:
    def __call__(self, x):
        return (x, version())

class Numbers(Dataset):
    def __init__(self, count=40):
        self.count, self.transforms = count, [Transform()]
    def __len__(self):
        return self.count
    def __getitem__(self, index):
        for transform in self.transforms:
            item = transform(index)
        return item

class Stream(IterableDataset):
    def __iter__(self):
        worker = get_worker_info()
        for n in range(worker.id, 40, worker.num_workers):
            yield n, VERSION

def collate(items):
    return [item for item, _ in items], [version for _, version in items]

def broken(self, *index):
    raise ValueError(f"the test {VERSION}")

class Batches:
    '''With randomness that nobody else knows of.'''
    def __init__(self):
        self.own = random.Random(5)
        self.epochs = 0
    def __iter__(self):
        self.epochs += 1
        for _ in range(10):
            yield [self.own.randrange(40) for _ in range(self.own.randrange(1, 5))]
    def __len__(self):
        return 10
"""

Make = Callable[[Any], DataLoader[Any]]


@pytest.fixture
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """A module of the user's."""
    record_batches()
    (tmp_path / "data_of_test.py").write_text(_CODE)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "data_of_test", raising=False)
    import data_of_test  # type: ignore[import-not-found]

    module: ModuleType = data_of_test
    return module


@pytest.fixture(autouse=True)
def no_worker_is_left() -> Iterator[None]:
    """All worker processes of a test are gone when its iterators are."""
    before = {child.pid for child in psutil.Process().children(recursive=True)}
    yield
    gc.collect()
    deadline = time.monotonic() + 20
    while left := [
        each for each in psutil.Process().children(recursive=True) if each.pid not in before and _works(each)
    ]:
        assert time.monotonic() < deadline, left
        multiprocessing.active_children()


def _works(process: psutil.Process) -> bool:
    """Alive, and none of the two processes that `multiprocessing` keeps for itself."""
    try:
        command, name = " ".join(process.cmdline()), process.name()
        own = "resource_tracker" in command or ("forkserver" in command and name != "pt_data_worker")
        return process.status() != psutil.STATUS_ZOMBIE and not own
    except psutil.NoSuchProcess:
        return False


def _edit(data: Any, name: str = "VERSION") -> list[str]:
    """The module has new code."""
    data.VERSION += 1
    return renew_workers({(data.__file__, name)})


_LOADERS: dict[str, Make] = {
    "plain": lambda d: DataLoader(d.Numbers(), 4, num_workers=2, collate_fn=d.collate),
    "shuffle": lambda d: DataLoader(d.Numbers(), 4, shuffle=True, num_workers=2, collate_fn=d.collate),
    "drop_last": lambda d: DataLoader(
        d.Numbers(), 7, shuffle=True, drop_last=True, num_workers=2, collate_fn=d.collate
    ),
    "generator": lambda d: DataLoader(
        d.Numbers(),
        4,
        shuffle=True,
        num_workers=2,
        collate_fn=d.collate,
        generator=torch.Generator().manual_seed(3),
        prefetch_factor=3,
    ),
    "drawn as needed": lambda d: DataLoader(
        d.Numbers(),
        4,
        sampler=torch.utils.data.RandomSampler(
            d.Numbers(), replacement=True, generator=torch.Generator().manual_seed(3)
        ),
        num_workers=2,
        collate_fn=d.collate,
    ),
    "batch_sampler": lambda d: DataLoader(d.Numbers(), batch_sampler=d.Batches(), num_workers=2, collate_fn=d.collate),
    "persistent": lambda d: DataLoader(
        d.Numbers(), 4, shuffle=True, num_workers=2, collate_fn=d.collate, persistent_workers=True
    ),
    "one by one": lambda d: DataLoader(d.Numbers(10), None, shuffle=True, num_workers=2),
    "stream": lambda d: DataLoader(d.Stream(), 4, num_workers=2, collate_fn=d.collate),
    "stream, persistent": lambda d: DataLoader(
        d.Stream(), 4, num_workers=2, collate_fn=d.collate, persistent_workers=True
    ),
    "spawn": lambda d: DataLoader(
        d.Numbers(12), 4, shuffle=True, num_workers=1, collate_fn=d.collate, multiprocessing_context="forkserver"
    ),
}


def _items(batch: Any) -> tuple[Any, set[int]]:
    """The items, and the versions of the code that made them."""
    items, versions = batch
    return (items, {versions}) if isinstance(versions, int) else (items, set(versions))


@pytest.mark.parametrize("kind", sorted(set(_LOADERS) - {"spawn"}))
def test_items_are_those_of_an_undisturbed_run_by_new_code_from_the_next_on(kind: str, data: Any) -> None:
    """Two edits in the first epoch, none in the second; also of what the main process draws at random."""

    def epochs(edits: tuple[int, ...]) -> tuple[list[Any], list[set[int]], float]:
        torch.manual_seed(11)
        data.VERSION, loader = 1, _LOADERS[kind](data)
        items, versions = [], []
        for epoch in range(2):
            for number, batch in enumerate(loader):
                item, made_by = _items(batch)
                items.append((epoch, item))
                versions.append(made_by)
                if epoch == 0 and number in edits:
                    assert _edit(data) == []
        return items, versions, torch.rand(()).item()

    expected, _, drawn = epochs(())
    items, versions, drawn_here = epochs((1, 3))
    assert items == expected
    assert drawn_here == drawn
    assert versions == [{1}] * 2 + [{2}] * 2 + [{3}] * (len(expected) - 4)


def test_other_ways_to_start_processes_are_kept(data: Any) -> None:
    """The new workers are started as the old ones were."""
    torch.manual_seed(11)
    expected = [_items(batch)[0] for batch in _LOADERS["spawn"](data)]
    torch.manual_seed(11)
    iterator: Any = iter(_LOADERS["spawn"](data))
    items = [_items(next(iterator))[0]]
    before = iterator._workers[0]
    _edit(data)
    assert type(iterator._workers[0]) is type(before) is multiprocessing.get_context("forkserver").Process
    assert items + [_items(batch)[0] for batch in iterator] == expected


@pytest.mark.parametrize("kind", ["plain", "persistent", "stream, persistent"])
def test_an_edit_after_the_epoch_concerns_the_next(kind: str, data: Any) -> None:
    """Persistent workers that wait for the next epoch are replaced, too."""
    loader = _LOADERS[kind](data)
    assert {version for batch in loader for version in _items(batch)[1]} == {1}
    _edit(data)
    assert {version for batch in loader for version in _items(batch)[1]} == {2}
    assert len(list(loader)) == 10


def test_old_workers_are_gone_at_once(data: Any) -> None:
    """Two workers, never more than those of one edit."""
    iterator: Any = iter(_LOADERS["shuffle"](data))
    next(iterator)
    old = [worker.pid for worker in iterator._workers]
    _edit(data)
    assert not any(psutil.pid_exists(pid) and _works(psutil.Process(pid)) for pid in old)
    new = [worker.pid for worker in iterator._workers]
    assert all(psutil.pid_exists(pid) for pid in new)
    del iterator


def test_workers_that_do_not_execute_the_edit_go_on(data: Any) -> None:
    """An edit of something else costs nothing."""
    iterator: Any = iter(_LOADERS["shuffle"](data))
    next(iterator)
    workers = iterator._workers
    assert _edit(data, "unused") == []
    assert renew_workers(frozenset()) == []
    assert iterator._workers is workers


def test_the_last_items_of_an_epoch(data: Any) -> None:
    """All batches have been sent, some are owed; then none are."""
    loader = _LOADERS["shuffle"](data)
    torch.manual_seed(11)
    expected = [_items(batch)[0] for batch in loader]
    torch.manual_seed(11)
    items = []
    for number, batch in enumerate(loader):
        items.append(_items(batch)[0])
        if number >= 7:
            _edit(data)
    assert items == expected


def test_a_loop_of_ours_goes_on_in_its_open_iteration(data: Any) -> None:
    """`spark.loop` over a loader: a soft reload between two items."""
    core = Core(lambda: None)
    versions = []
    for number, batch in enumerate(Loops(core).loop("batch", _LOADERS["shuffle"](data))):
        versions.append(_items(batch)[1])
        if number == 4:
            _edit(data)
    assert versions == [{1}] * 5 + [{2}] * 5


def test_an_error_of_the_new_code_reaches_the_training_loop(data: Any) -> None:
    """As it would from workers that had this code from the start; the process goes on."""
    iterator: Any = iter(_LOADERS["plain"](data))
    next(iterator)
    data.Numbers.__getitem__ = data.broken
    _edit(data)
    with pytest.raises(ValueError, match="the test 2"):
        next(iterator)
    iterator._shutdown_workers()


def test_a_stream_whose_new_code_fails_keeps_its_old_workers(data: Any) -> None:
    """It could not be brought to where it was."""
    iterator = iter(_LOADERS["stream"](data))
    first = _items(next(iterator))[0]
    data.Stream.__iter__ = data.broken
    with pytest.raises(ValueError, match="the test"):
        _edit(data)
    rest = [item for batch in iterator for item in _items(batch)[0]]
    assert sorted(first + rest) == list(range(40))


def test_workers_started_before_anybody_looked_are_told(data: Any) -> None:
    """What they owe is not known; the next epoch's workers have the new code."""
    loader = _LOADERS["plain"](data)
    iterator: Any = iter(loader)
    next(iterator)
    drawn: Any = drawn_by(iterator)
    del drawn.sent[2]
    (sentence,) = _edit(data)
    assert sentence == (
        "the DataLoader workers of a Numbers go on with the old code until the next epoch: "
        "they were started before anybody looked"
    )
    assert {version for batch in iterator for version in _items(batch)[1]} == {1}
    assert {version for batch in loader for version in _items(batch)[1]} == {2}


@pytest.mark.parametrize(
    ("value", "changed", "reached"),
    [
        ("Numbers()", "Numbers.__getitem__", True),
        ("Numbers()", "Numbers", True),
        ("Numbers()", "Transform.__call__", True),
        ("Numbers()", "version", True),
        ("Numbers()", "VERSION", True),
        ("Numbers()", "unused", False),
        ("Numbers()", "collate", False),
        ("Numbers()", "Stream.__iter__", False),
        ("collate", "collate", True),
        ("torch.utils.data.Subset(Numbers(), [1])", "version", True),
        ("__import__('functools').partial(collate)", "collate", True),
        ("__import__('functools').lru_cache(version)", "VERSION", True),
        ("Transform().__call__", "version", True),
        ("[lambda x: (lambda: unused())]", "unused", True),
        ("(lambda f: lambda: f())(unused)", "unused", True),
        ("Stream", "Stream.__iter__", True),
        ("property(unused)", "unused", True),
        ("torch.zeros(2)", "unused", False),
    ],
)
def test_reach(value: str, changed: str, reached: bool, data: Any) -> None:
    """Through attributes, containers, globals, closures, wrappers; not through what is never named."""
    code = compile(value, data.__file__, "eval")
    assert Reach({(data.__file__, changed)}).of([eval(code, vars(data))]) is reached


def test_no_answer_is_a_yes(data: Any) -> None:
    """Where there is too much to look at."""

    class Wide(Dataset[int]):
        def __init__(self) -> None:
            self.parts = [[[object() for _ in range(90)] for _ in range(90)] for _ in range(4)]

    assert Reach({(data.__file__, "unused")}).of([Wide()])
