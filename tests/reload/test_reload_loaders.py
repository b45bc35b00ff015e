"""DataLoaders in a live worker: what its steps see when their code is edited, mended, or taken back."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import psutil
import pytest

from tests.e2e.stage import eventually
from tests.reload.live import Live, Nursery

_DATA: Final = """
VERSION = 1

def check(batch):
    pass

def transform(index):
    return [VERSION, index]
"""
_SET: Final = """
from torch.utils.data import Dataset, DataLoader
import data

class Numbers(Dataset):
    def __len__(self):
        return 24
    def __getitem__(self, index):
        return data.transform(index)
"""
_LOOP: Final = """
import itertools
import stepping
import torch
import livespark as spark

def local(least):
    class Local(Dataset):
        def __len__(self):
            return 24
        def __getitem__(self, index):
            assert least
            return index + 0
    return lambda workers, collate: DataLoader(Local(), 4, num_workers=workers, collate_fn=collate)

def bar(items):
    for item in items:
        yield item

TOUCH = 0
torch.manual_seed(3)
loader = LOADER
clean = DataLoader(range(24), 4)
for epoch in spark.loop("epoch", range(100)):
    for batch in LOOP:
        data.check(BATCH)
        stepping.report([epoch, BATCH])
        CHECKPOINT
"""
_BREAK: Final = ("    return [VERSION", "    if index == 3:\n        raise ValueError('the test')\n    return [VERSION")
_WRONG: Final = ("    pass", "    assert [1, 3] not in batch")
_PERSISTED: Final = 'spark.persist("loader", lambda: {})'


class Run:
    """A live worker on a script with a loader, in a folder."""

    def __init__(self, folder: Path, in_script: bool) -> None:
        self.folder = folder
        self.subject = folder / ("script.py" if in_script else "data.py")

    def lay_out(self, loader: str, loop: str, batch: str) -> None:
        text = _LOOP.replace("LOADER", loader).replace("LOOP", loop).replace("BATCH", batch)
        text = text.replace("CHECKPOINT", "pass" if "spark.loop" in loop else "spark.checkpoint()")
        if self.subject.name == "script.py":
            here = _SET.replace("import data\n", _DATA).replace("data.transform", "transform")
            text = here + text.replace("data.check", "check")
        else:
            self.write("data.py", _DATA)
            text = _SET + text
        self.write("script.py", text)

    def write(self, name: str, text: str) -> None:
        (self.folder / f"{name}.new").write_text(text, "utf-8")
        (self.folder / f"{name}.new").replace(self.folder / name)

    def edit(self, old: str, new: str, name: str = "") -> None:
        name = name or self.subject.name
        text = (self.folder / name).read_text("utf-8")
        assert old in text
        self.write(name, text.replace(old, new))


@pytest.fixture
def start(torch_nursery: Nursery, tmp_path: Path) -> Any:
    """Makes such a worker and lets it come to its first step."""

    @contextmanager
    def begin(
        loader: str,
        loop: str,
        batch: str = "batch",
        *,
        in_script: bool = False,
        first: tuple[str, str] = ("", ""),
        **files: str,
    ) -> Iterator[tuple[Run, Live]]:
        run = Run(tmp_path, in_script)
        run.lay_out(loader, loop, batch)
        for name, text in files.items():
            run.write(f"{name}.py", text + ("\ndef check(batch):\n    pass\n" if name == "data" else ""))
        run.edit(*first)
        with torch_nursery.worker(tmp_path) as live:
            yield run, live

    return begin


def _loader(workers: int = 0, more: str = "") -> str:
    return f"DataLoader(Numbers(), 4, shuffle=True, num_workers={workers}, collate_fn=list{more})"


_KINDS: Final = {
    "alone": _loader(),
    "workers": _loader(2),
    "persistent": _PERSISTED.format(_loader(2, ", persistent_workers=True")),
}
_SPARK: Final = 'spark.loop("batch", loader)'


@pytest.mark.parametrize("in_script", [False, True], ids=["module", "script"])
@pytest.mark.parametrize("kind", sorted(_KINDS))
def test_a_held_run_goes_on_with_the_batch_that_raised(kind: str, in_script: bool, start: Any) -> None:
    """The mended file is saved: each index comes once in the epoch, the new code makes the items from that batch on."""
    with start(_KINDS[kind], _SPARK, in_script=in_script, first=_BREAK) as (run, live):
        seen = live.until_held()
        assert 1 <= len(seen) <= 5
        run.edit(*reversed(_BREAK))
        seen.append(live.seen())
        assert [1, 3] in seen[-1][1]
        seen += [live.step() for _ in range(6 - len(seen))]
        assert _indices(seen) == list(range(24))
        assert live.step()[0] == 1


@pytest.mark.parametrize(
    ("loop", "batch"),
    [
        (_SPARK, "batch"),
        ('spark.loop("batch", enumerate(loader))', "batch[1]"),
        ('spark.loop("batch", zip(loader, clean))', "batch[0]"),
        ('spark.loop("batch", enumerate(zip(clean, loader)))', "batch[1][1]"),
    ],
)
@pytest.mark.parametrize("kind", ["alone", "workers"])
def test_an_item_that_was_wrong_is_made_again_by_the_mended_code(kind: str, loop: str, batch: str, start: Any) -> None:
    """The step raised for what the dataset had made of it; no other step sees an item of the old code."""
    with start(_KINDS[kind], loop, batch, first=_WRONG) as (run, live):
        seen = live.until_held()
        run.edit("[VERSION,", "[2,")
        seen.append(live.seen())
        seen += [live.step() for _ in range(6 - len(seen))]
        assert _indices(seen) == list(range(24))
        assert seen[-1][1][0][0] == 2


@pytest.mark.parametrize("loop", [_SPARK, "loader"])
@pytest.mark.parametrize("kind", ["workers", "persistent"])
def test_workers_have_the_old_code_again_when_an_edit_is_taken_back(kind: str, loop: str, start: Any) -> None:
    """The step with the first new batch raises: as if nothing had been saved, in the workers, too."""
    with start(_KINDS[kind], loop) as (run, live):
        seen = [live.seen(), live.step()]
        text = run.subject.read_text().replace("    pass", "    assert batch[0][0] == 1")
        run.write(run.subject.name, text.replace("[VERSION,", "[VERSION + 1,"))
        reloaded, _ = live.reloaded()
        while reloaded["outcome"] != "undone":
            reloaded, _ = live.reloaded(len(live.reloads))
        seen = [line["seen"] for line in live.told if "seen" in line]
        seen += [live.step() for _ in range(10)]
        assert {version for _, batch in seen for version, _ in batch} == {1}
        if loop == _SPARK:
            assert _indices(seen) == list(range(24))


@pytest.mark.parametrize("kind", ["workers", "persistent"])
@pytest.mark.parametrize(
    ("loop", "batch"),
    [
        ("loader", "batch"),
        ("bar(loader)", "batch"),
        ("enumerate(loader)", "batch[1]"),
        ("zip(loader, itertools.count())", "batch[0]"),
        (f"bar({_SPARK})", "batch"),
        ('spark.loop("batch", bar(loader))', "batch"),
        ('spark.loop("batch", enumerate(loader))', "batch[1]"),
        ('spark.loop("batch", zip(loader, itertools.count()))', "batch[0]"),
        ('spark.loop("batch", itertools.islice(loader, 6))', "batch"),
    ],
)
def test_a_soft_edit_reaches_workers_through_whatever_is_around(kind: str, loop: str, batch: str, start: Any) -> None:
    """From the next batch on, in the order of the epoch."""
    with start(_KINDS[kind], loop, batch=batch) as (run, live):
        seen = [live.seen()]
        run.edit("[VERSION,", "[VERSION + 1,")
        live.reloaded()
        seen = [line["seen"] for line in live.told if "seen" in line]
        seen += [live.step() for _ in range(max(0, 6 - len(seen)))]
        assert live.reloads[0]["kind"] == "soft"
        versions = [{version for version, _ in items} for _, items in seen]
        assert versions[0] == {1}
        assert versions == sorted(versions, key=max)
        assert versions[-1] == {2}
        assert _indices(seen) == list(range(24))


_ORIGINS: Final = {
    "a derived constant": "V = 1\nDERIVED = V * 1\ndef transform(i):\n    return [DERIVED, i]",
    "a default argument": "V = 1\ndef transform(i, v=V):\n    return [v, i]",
    "a class attribute": "class C:\n    V = 1\n    def get(self):\n        return vars(C)['V']\nc = C()\n"
    "def transform(i):\n    return [c.get(), i]",
    "an item of a dict": "CFG = {}\nCFG['v'] = V = 1\ndef transform(i):\n    return [CFG['v'], i]",
    "two at once": "A = V = 1\ndef transform(i):\n    return [V, i]",
    "under a condition": "if __name__:\n    V = 1\ndef transform(i):\n    return [V, i]",
    "a lambda": "transform = lambda i, V = 1: [V, i]",
    "a partial": "import functools\ndef f(i, V):\n    return [V, i]\ntransform = functools.partial(f, V = 1)",
    "a closure": "def make():\n    def inner(i):\n        V = 1\n        return [V, i]\n    return inner\n"
    "transform = make()",
    "a decorator": "def wrap(f):\n    def inner(i):\n        V = 1\n        return [V, f(i)]\n    return inner\n"
    "@wrap\ndef transform(i):\n    return i",
    "by its name": "def late(i):\n    V = 1\n    return [V, i]\ndef transform(i):\n    return globals()['late'](i)",
    "an import in the function": "import other\ndef transform(i):\n    from other import W\n    return [W, i]",
    "another name in another file": "from other import W as X\ndef transform(i):\n    return [X, i]",
}


@pytest.mark.parametrize("origin", sorted(_ORIGINS))
def test_workers_follow_wherever_the_number_comes_from(origin: str, start: Any) -> None:
    """Whatever leads from the dataset to what has been edited."""
    text = _ORIGINS[origin]
    with start(_KINDS["persistent"], _SPARK, data=text, other="V = 1\nW = V\n") as (run, live):
        live.seen()
        run.edit("V = 1", "V = 2", "other.py" if "other" in text else "data.py")
        reloaded, _ = live.reloaded()
        assert reloaded["outcome"] == "applied"
        assert live.step()[1][0][0] == 2


@pytest.mark.parametrize("kind", ["alone", "workers"])
def test_a_collate_lambda_and_a_dataset_in_a_function(kind: str, start: Any) -> None:
    """In the script itself, below the loop's own iterator."""
    made = "(lambda items: [[1, index] for index in items])"
    loader = f"local(1)({kind == 'workers'!r} * 2, {made})"
    with start(loader, _SPARK, in_script=True) as (run, live):
        live.seen()
        run.edit("[[1, index]", "[[2, index]")
        live.reloaded()
        assert live.step()[1][0][0] == 2
        run.edit("return index + 0", "return index + 100")
        live.reloaded(1)
        assert live.step()[1][0][1] >= 100


def test_a_hard_reload_leaves_no_second_workers(start: Any) -> None:
    """What the script makes anew around the loader is not used, as the live iterator goes on: it goes at once."""
    with start(_KINDS["workers"], 'spark.loop("batch", enumerate(loader))', batch="batch[1]") as (run, live):
        live.seen()
        workers = _workers(run.folder)
        assert len(workers) == 2
        run.edit("TOUCH = 0", "TOUCH = 1", "script.py")
        live.reloaded()
        eventually(lambda: len(_workers(run.folder)) == 2, "two workers")


def _indices(seen: list[Any]) -> list[int]:
    return sorted(index for epoch, batch in seen for _, index in batch if epoch == 0)


def _workers(folder: Path) -> list[int]:
    """The workers of the run in this folder."""
    mine = psutil.process_iter(["name", "cwd", "pid"])
    return [each.pid for each in mine if each.info["name"] == "pt_data_worker" and each.info["cwd"] == str(folder)]
