"""A loop over a DataLoader that raised gives the same batch again, and then the rest of the epoch in the same order."""

import itertools
import random
from collections.abc import Callable, Iterable, Iterator
from traceback import clear_frames
from typing import Any

import pytest
import torch
from torch.utils.data import DataLoader, Dataset, Sampler

from livespark.errors import SparkReloadError
from livespark.runtime.core import Core
from livespark.runtime.loop import Loops
from livespark.runtime.places import Place
from livespark.runtime.reload.workers import renew_workers
from tests.unit.reload.test_reload_workers import no_worker_is_left as no_worker_is_left  # the fixture

_BATCH = 3


class Numbers(Dataset[int]):
    """`broken`: what raises as long as it is in there."""

    broken: frozenset[str] = frozenset()
    bad = -1
    error: type[BaseException] = ValueError
    count = 24

    def __init__(self, first: int = 0) -> None:
        self.first = first

    def __len__(self) -> int:
        return self.count

    def __getitem__(self, index: int) -> int:
        if "dataset" in self.broken and index == Numbers.bad:
            raise self.error("the test's dataset")
        return self.first + index


def collate(items: list[int]) -> list[int]:
    if "collate" in Numbers.broken and Numbers.bad in items:
        raise Numbers.error("the test's collate")
    return items


class Shuffled(Sampler[int]):
    """Draws its order from the global generators, as the epoch goes on."""

    def __iter__(self) -> Iterator[int]:
        order = torch.randperm(24).tolist()
        random.shuffle(order)
        for index in order:
            if "sampler" in Numbers.broken and index == Numbers.bad:
                raise Numbers.error("the test's sampler")
            yield index

    def __len__(self) -> int:
        return 24


Make = Callable[[], DataLoader[Any]]
_LOADERS: dict[str, Make] = {
    "alone": lambda: DataLoader(Numbers(), _BATCH, sampler=Shuffled(), collate_fn=collate),
    "workers": lambda: DataLoader(Numbers(), _BATCH, sampler=Shuffled(), num_workers=2, collate_fn=collate),
    "persistent": lambda: DataLoader(
        Numbers(), _BATCH, sampler=Shuffled(), num_workers=2, collate_fn=collate, persistent_workers=True
    ),
}
_WRAPPERS: dict[str, tuple[Callable[[Make], Iterable[Any]], Callable[[Any], Any]]] = {
    "enumerate": (lambda make: enumerate(make()), lambda item: item[1]),
    "zip": (lambda make: zip(_clean(), make(), strict=False), lambda item: item[1]),
    "zip, behind": (lambda make: zip(make(), itertools.count(), strict=False), lambda item: item[0]),
}


def _clean() -> DataLoader[Any]:
    """That is in front of the one that raises, and gives its item for nothing."""
    return DataLoader(range(100, 124), _BATCH, shuffle=True, collate_fn=list)  # type: ignore[arg-type]


@pytest.fixture(autouse=True)
def _mended(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Numbers, "broken", frozenset())
    monkeypatch.setattr(Numbers, "error", ValueError)


class Script:
    """Two epochs over a loader, executed again and again."""

    def __init__(self, make: Callable[[], Iterable[Any]], on_error: Any = "again") -> None:
        torch.manual_seed(11)
        random.seed(11)
        self.core = Core(lambda: None)
        self.seen: list[tuple[int, Any]] = []
        self.before: Callable[[Any], object] = lambda _: None
        self._make, self._on_error = make, on_error

    def run(self) -> str:
        """-> what it raised; empty if it came to its end."""
        loop = Loops(self.core).loop
        self.core.levels[0].rerun()
        try:
            for epoch in loop("epoch", range(2)):
                for item in loop("batch", self._make(), on_error=self._on_error):
                    self.before(item)
                    self.seen.append((epoch, item))
        except BaseException as error:
            self.core.levels[0].scope.note_exception()
            clear_frames(error.__traceback__)
            return f"{type(error).__name__}: {error}"
        return ""


def _undisturbed(make: Callable[[], Iterable[Any]]) -> list[Any]:
    script = Script(make)
    assert script.run() == ""
    return script.seen


def _break(where: str, item: Any) -> None:
    """From now on the loader raises when it comes to this item."""
    Numbers.broken, Numbers.bad = frozenset({where}), item[-1]


@pytest.mark.parametrize("where", ["dataset", "collate", "sampler"])
@pytest.mark.parametrize("kind", sorted(_LOADERS))
def test_the_same_batches_come_in_the_same_order(kind: str, where: str) -> None:
    """Whatever raised; with a wrong fix in between. The next epoch is that of an undisturbed run, too."""
    expected = _undisturbed(_LOADERS[kind])
    script = Script(_LOADERS[kind])
    _break(where, expected[6][1])
    assert f"the test's {where}" in script.run()
    at = len(script.seen)
    assert f"the test's {where}" in script.run()
    assert 1 <= at == len(script.seen) <= 6
    Numbers.broken = frozenset()
    assert script.run() == ""
    assert script.seen == expected


@pytest.mark.parametrize("where", ["dataset", "sampler"])
@pytest.mark.parametrize("kind", ["alone", "workers"])
@pytest.mark.parametrize("wrapper", sorted(_WRAPPERS))
def test_also_through_wrappers(wrapper: str, kind: str, where: str) -> None:
    """In a `zip` the loaders before the one that raised give their item again."""
    wrap, inner = _WRAPPERS[wrapper]
    expected = _undisturbed(lambda: wrap(_LOADERS[kind]))
    script = Script(lambda: wrap(_LOADERS[kind]))
    _break(where, inner(expected[6][1]))
    assert f"the test's {where}" in script.run()
    Numbers.broken = frozenset()
    assert script.run() == ""
    assert script.seen[:8] == expected[:8]
    assert sorted(number for _, item in script.seen[8:] for number in inner(item)) == list(range(24))


@pytest.mark.parametrize("kind", sorted(_LOADERS))
@pytest.mark.parametrize("asked", [False, True])
def test_the_bad_batch_is_left_out_if_asked(asked: bool, kind: str) -> None:
    """By `on_error="skip"`, or by a reload that skips: this batch alone, nothing has to be mended."""
    expected = _undisturbed(_LOADERS[kind])
    script = Script(_LOADERS[kind], "again" if asked else "skip")
    for epoch in range(2):
        _break("dataset", expected[8 * epoch + 3][1])
        assert "the test's dataset" in script.run()
        if asked:
            script.core.levels[0].scope.skip_unfinished()
        if epoch == 0:
            Numbers.broken = frozenset()
            script.before = lambda _: _break("dataset", expected[8 + 3][1]) if len(script.seen) == 7 else None
    assert script.run() == ""
    assert script.seen == expected[:3] + expected[4:11] + expected[12:]


def test_what_the_loader_is_given_now_counts() -> None:
    """The mistake was in an argument: another dataset object, other workers; the order stays."""
    expected = _undisturbed(_LOADERS["alone"])

    def make() -> DataLoader[Any]:
        mended = "dataset" not in Numbers.broken
        return DataLoader(
            Numbers(1000 if mended else 0), _BATCH, sampler=Shuffled(), num_workers=2 * mended, collate_fn=collate
        )

    script = Script(make)
    _break("dataset", expected[6][1])
    script.run()
    Numbers.broken = frozenset()
    script.run()
    assert script.seen[:6] == expected[:6]
    assert script.seen[6:8] == [(epoch, [1000 + number for number in item]) for epoch, item in expected[6:8]]


@pytest.mark.parametrize("kind", sorted(_LOADERS))
def test_a_dataset_of_another_size_is_begun_afresh(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its old order may lead beyond its end. Persistent workers have the new code, too."""
    loader = _LOADERS[kind]()
    script = Script(lambda: loader if kind == "persistent" else _LOADERS[kind]())
    _break("dataset", (0, _undisturbed(_LOADERS[kind])[6][1][-1]))
    script.run()
    Numbers.broken = frozenset()
    monkeypatch.setattr(Numbers, "count", 23)
    assert script.run() == ""
    assert len(script.seen) == 16
    assert sorted(number for epoch, item in script.seen for number in item if epoch) == list(range(24))


def test_indices_that_are_wrong_twice_are_drawn_anew() -> None:
    """The mistake was in the sampler, which is mended now; the batch that it made can't be had."""

    def make() -> DataLoader[Any]:
        order = [5, 4, 3, 2, 1, 0, 99 if Numbers.broken else 6, 7]
        return DataLoader([*range(24)], 2, sampler=order, collate_fn=list)  # type: ignore[arg-type]

    script = Script(make)
    Numbers.broken = frozenset({"sampler"})
    assert script.run() == "IndexError: list index out of range"
    Numbers.broken = frozenset()
    assert script.run() == "IndexError: list index out of range"
    assert script.run() == ""
    assert script.seen == [(epoch, item) for epoch in range(2) for item in ([5, 4], [3, 2], [1, 0], [6, 7])]


@pytest.mark.parametrize("error", [KeyboardInterrupt, SystemExit])
def test_nothing_is_lost_by_an_exit(error: type[BaseException]) -> None:
    """What is no `Exception` ends an iterator as well."""
    expected = _undisturbed(_LOADERS["alone"])
    script = Script(_LOADERS["alone"])
    Numbers.error = error
    _break("dataset", expected[6][1])
    assert error.__name__ in script.run()
    Numbers.broken = frozenset()
    assert script.run() == ""
    assert script.seen == expected


def test_a_worker_that_died_is_no_loss() -> None:
    """As it happens when memory is short."""
    loader: Any = _LOADERS["persistent"]()
    expected = _undisturbed(lambda: loader)
    loader._iterator = None
    script = Script(lambda: loader)
    script.before = lambda _: loader._iterator._workers[0].kill()
    assert "exited unexpectedly" in script.run()
    script.before = lambda _: None
    assert script.run() == ""
    assert script.seen == expected


def test_a_generator_that_raised_is_taken_anew() -> None:
    """It gives nothing more, whatever has ended it: also one that comes to a reload or to the script's end."""
    errors: list[type[BaseException]] = [SystemExit, SparkReloadError, ValueError]

    def numbers() -> Iterator[int]:
        for number in range(8):
            if number == 3 and errors:
                raise errors.pop()
            yield number

    script = Script(numbers)
    assert [script.run().partition(":")[0] for _ in range(4)] == ["ValueError", "SparkReloadError", "SystemExit", ""]
    assert script.seen == [(epoch, number) for epoch in range(2) for number in range(8)]


def test_a_loader_begun_by_the_script_is_not_mistaken() -> None:
    """Its count is not that of the loop."""
    script = Script(lambda: DataLoader(Numbers(), _BATCH, collate_fn=collate))
    begun = iter(DataLoader(Numbers(), _BATCH, collate_fn=collate))
    next(begun)
    script._make = lambda: begun
    _break("dataset", [11])
    assert "the test's dataset" in script.run()
    Numbers.broken = frozenset()
    assert script.run() == ""
    assert script.seen[:2] == [(0, [3, 4, 5]), (0, [6, 7, 8])]


def test_after_going_back_it_goes_on_behind_what_it_gave() -> None:
    """Remembered before it raised: the items since then come from memory, the batch that was lost from the loader."""
    expected = _undisturbed(_LOADERS["workers"])
    script = Script(_LOADERS["workers"])
    places: list[Place] = []
    script.before = lambda _: places.append(Place(script.core.levels[0].scope)) if len(script.seen) == 3 else None
    _break("dataset", expected[6][1])
    script.run()
    Numbers.broken = frozenset()
    script.before = lambda _: None
    places[0].put_back()
    del script.seen[3:]
    assert script.run() == ""
    assert script.seen == expected


def test_an_edit_meanwhile_does_not_renew_what_is_taken_up_later() -> None:
    """It gets new workers once, when its loop goes on."""
    script = Script(_LOADERS["workers"])
    _break("dataset", _undisturbed(_LOADERS["workers"])[6][1])
    script.run()
    (outer,) = script.core.levels[0].scope.children.values()
    (position,) = outer.children.values()
    iterator: Any = position._iterator
    before = iterator._workers
    assert renew_workers({(__file__, "Numbers.__getitem__")}) == []
    assert iterator._workers is before
