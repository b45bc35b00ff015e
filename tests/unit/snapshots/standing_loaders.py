"""Loaders of every kind whose items hold random numbers, for the tests of loops that go on."""

import random
import warnings
from collections.abc import Callable, Iterable, Iterator
from itertools import count, islice
from typing import Any

import numpy as np
import torch
from torch.utils.data import DataLoader, Dataset, IterableDataset, Sampler, WeightedRandomSampler, get_worker_info
from torchdata.stateful_dataloader import StatefulDataLoader  # type: ignore[import-untyped]

COUNT = 14


class Numbers(Dataset[Any]):
    """Items with random numbers of every kind in them."""

    fetched = 0

    def __init__(self) -> None:
        self.own = np.random.default_rng(3)
        self.transforms = [random.Random(4)]

    def __len__(self) -> int:
        return COUNT

    def __getitem__(self, index: int) -> Any:
        Numbers.fetched += 1
        worker = get_worker_info()
        return (
            index,
            worker.id if worker else -1,
            random.random(),
            float(np.random.rand()),
            torch.rand(()).item(),
            self.own.random(),
            self.transforms[0].random(),
        )


class Stream(IterableDataset[Any]):
    """As `Numbers`, one after the other."""

    def __iter__(self) -> Iterator[Any]:
        worker = get_worker_info()
        first, step = (worker.id, worker.num_workers) if worker else (0, 1)
        for index in range(first, COUNT, step):
            yield index, random.random(), float(np.random.rand()), torch.rand(()).item()


class Eager(Sampler[int]):
    """Draws its order when it is asked for its iterator, from generators of its own and from the global ones."""

    def __init__(self) -> None:
        self.own = random.Random(6)

    def __iter__(self) -> Iterator[int]:
        order = torch.randperm(COUNT).tolist()
        self.own.shuffle(order)
        return iter(order)

    def __len__(self) -> int:
        return COUNT


class Lazy(Sampler[int]):
    """Draws each index when it is asked for it, with a generator of its own."""

    def __init__(self) -> None:
        self.own = np.random.default_rng(7)

    def __iter__(self) -> Iterator[int]:
        for _ in range(COUNT):
            yield int(self.own.integers(COUNT))

    def __len__(self) -> int:
        return COUNT


def init(worker: int) -> None:
    random.seed(worker + random.getrandbits(20))


def _seeded() -> torch.Generator:
    return torch.Generator().manual_seed(5)


def plain(items: list[Any]) -> list[Any]:
    return items


def _loader(**options: Any) -> DataLoader[Any]:
    return DataLoader(Numbers(), **{"batch_size": 3, "collate_fn": plain, **options})


def _many(**options: Any) -> DataLoader[Any]:
    return _loader(**{"num_workers": 2, "shuffle": True, "worker_init_fn": init, **options})


def _stateful(**options: Any) -> Any:
    """Its workers keep no generators: the items have none."""
    with warnings.catch_warnings(action="ignore"):
        return StatefulDataLoader(list(range(COUNT)), 3, shuffle=True, **options)


class Own:
    """An iterable that keeps its place itself."""

    def __init__(self) -> None:
        self.place = 0

    def __iter__(self) -> Iterator[int]:
        while self.place < 5:
            self.place += 1
            yield self.place
        self.place = 0

    def state_dict(self) -> dict[str, int]:
        return {"place": self.place}

    def load_state_dict(self, state: dict[str, int]) -> None:
        self.place = state["place"]


def _drawing() -> Iterator[float]:
    for _ in range(4):
        yield random.random() + torch.rand(()).item()


Epoch = Callable[[], Iterable[Any]]


def _each(loader: Any, wrap: Callable[[Any], Iterable[Any]] = lambda loader: loader) -> Epoch:
    return lambda: wrap(loader)


MAKE: dict[str, Callable[[], Epoch]] = {
    "range": lambda: lambda: range(4),
    "list": lambda: lambda: [10, 11, 12],
    "generator": lambda: _drawing,
    "shuffled": lambda: _each(_loader(shuffle=True)),
    "made in the loop": lambda: lambda: _loader(shuffle=True),
    "generator given": lambda: _each(_loader(shuffle=True, generator=_seeded())),
    "sampler": lambda: _each(_loader(sampler=WeightedRandomSampler([1.0] * COUNT, COUNT))),
    "own sampler": lambda: _each(_loader(sampler=Eager())),
    "own sampler, lazy": lambda: _each(_loader(sampler=Lazy())),
    "single items": lambda: _each(_loader(batch_size=None, sampler=Eager())),
    "batch sampler": lambda: _each(DataLoader(Numbers(), batch_sampler=[[1, 2], [5], [3, 4]], collate_fn=plain)),
    "enumerate": lambda: _each(_loader(shuffle=True), lambda loader: enumerate(loader, 1)),
    "zip": lambda: _each(_loader(shuffle=True), lambda loader: zip(loader, count(), loader, strict=False)),
    "islice": lambda: _each(_loader(shuffle=True), lambda loader: enumerate(islice(loader, 1, 4))),
    "drop last": lambda: _each(_loader(shuffle=True, drop_last=True)),
    "stream": lambda: _each(DataLoader(Stream(), batch_size=3, collate_fn=plain)),
    "workers": lambda: _each(_many()),
    "workers, made in the loop": lambda: lambda: _many(),
    "workers, generator given": lambda: _each(_many(generator=_seeded())),
    "workers, own sampler": lambda: _each(_many(shuffle=False, sampler=Eager())),
    "workers, prefetching": lambda: _each(_many(prefetch_factor=4, num_workers=3)),
    "workers, enumerate": lambda: _each(_many(), enumerate),
    "workers, persistent": lambda: _each(_many(persistent_workers=True)),
    "workers, persistent, generator given": lambda: _each(_many(persistent_workers=True, generator=_seeded())),
    "workers, persistent, enumerate": lambda: _each(_many(persistent_workers=True), enumerate),
    "workers, stream": lambda: _each(DataLoader(Stream(), batch_size=3, num_workers=2, collate_fn=plain)),
    "stateful": lambda: _each(_stateful()),
    "stateful, generator given": lambda: _each(_stateful(generator=_seeded())),
    "stateful, enumerate": lambda: _each(_stateful(), enumerate),
    "stateful, workers": lambda: _each(_stateful(num_workers=2)),
    "stateful, workers, enumerate": lambda: _each(_stateful(num_workers=2), enumerate),
    "a place of its own": lambda: _each(Own()),
}
