"""Reloads leave nothing behind: no code, no classes, nothing of the unwound script, no threads, no descriptors."""

import os
from pathlib import Path
from typing import Any

import pytest

from tests.reload.live import Live, Nursery

_SUBJECT = """
class Version{n}:
    def tell(self):
        return {n}

def make(factor):
    def inner(x):
        return factor * x + {n}
    return inner

def work(x, ready={n}):
    {extra}
    return Version{n}().tell() + ready
"""
_SCRIPT = """
import gc
import os
import sys
import threading
import weakref

import stepping
import subject

import livespark as spark

TOP = {top}

class Thing:
    pass

def note(kind, value):
    known = alive.setdefault(kind, [])
    if all(each() is not value for each in known):
        known.append(weakref.ref(value))

def measure():
    if not os.path.exists("measure"):
        return None
    gc.collect()
    for known in alive.values():
        known[:] = [each for each in known if each() is not None]
    with open("/proc/self/statm") as file:
        resident = int(file.read().split()[1])
    return {{
        "alive": {{kind: len(known) for kind, known in alive.items()}},
        "objects": len(gc.get_objects()),
        "blocks": sys.getallocatedblocks(),
        "pages": resident,
        "threads": threading.active_count(),
        "descriptors": len(os.listdir("/proc/self/fd")),
    }}

alive = spark.persist("alive", dict)
closures = spark.persist("closures", lambda: [subject.make(2)])
thing = Thing()
note("a global of the script", thing)

def step(number):
    activation = Thing()
    note("something made in the loop's body", activation)
    note("code", subject.work.__code__)
    note("code of a closure", closures[0].__code__)
    note("a class", next(value for name, value in vars(subject).items() if name.startswith("Version")))
    note("code of the script", step.__code__)
    stepping.report([subject.work(number), measure()])

for number in spark.loop("steps", range(1_000_000)):
    held = Thing()
    note("something held by the loop", held)
    step(number)
"""
_TENSORS = """
import weakref

import stepping
import torch

import livespark as spark

TOP = {top}
refs = spark.persist("refs", list)
net = spark.persist("net", lambda: torch.nn.Linear(4, 4))
table = torch.zeros(3)
refs.append(weakref.ref(table))

for number in spark.loop("steps", range(1_000_000)):
    stepping.report([each() is None for each in refs])
    hidden = net(torch.ones(2, 4))
    activation = torch.relu(hidden)
    loss = activation.sum()
    loss.backward()
    refs[:] = [weakref.ref(table), *map(weakref.ref, (hidden, activation, loss))]
    {extra}
"""


@pytest.mark.timeout(600)
@pytest.mark.parametrize("guard", [0, 3])
def test_many_reloads_take_no_more_memory_than_a_few(
    guard: int, nursery: Nursery, tmp_path: Path, full: bool, capsys: pytest.CaptureFixture[str]
) -> None:
    """Soft and hard ones, refused ones and such as are taken back."""
    count = 504 if full else 48  # a multiple of eight: both measurements come after the same kind of edit
    _save(tmp_path, 0)
    with nursery.worker(tmp_path, guard=guard) as live:
        live.seen()
        for number in range(1, 25):
            _edit(live, tmp_path, number)
        before = _measure(live, tmp_path)
        for number in range(25, count + 25):
            _edit(live, tmp_path, number)
        after = _measure(live, tmp_path)
        outcomes = {(each.get("kind"), each["outcome"]) for each in live.reloads}
    with capsys.disabled():
        print(f"\n{count} reloads: {before} then {after}")
    assert outcomes >= {("soft", "applied"), ("hard", "applied"), ("soft", "undone"), ("hard", "undone")}
    assert after["alive"] == before["alive"]
    assert max(after["alive"].values()) <= 3, after["alive"]
    assert after["alive"]["something made in the loop's body"] == after["alive"]["a global of the script"] == 1
    assert (after["threads"], after["descriptors"]) == (before["threads"], before["descriptors"])
    assert after["objects"] - before["objects"] < 100
    assert after["blocks"] - before["blocks"] < 500 + 3 * count
    assert (after["pages"] - before["pages"]) * 4 < 1024 + 8 * count  # KiB


def test_nothing_of_the_old_stack_lives_after_a_hard_reload(torch_nursery: Nursery, tmp_path: Path) -> None:
    """Activations, their graph and the script's globals are gone before the new code's first step."""
    (tmp_path / "script.py").write_text(_TENSORS.format(top=0, extra=""))
    with torch_nursery.worker(tmp_path) as live:
        assert live.seen() == [False]
        for number, extra in enumerate(("", "", "if TOP == 3: raise RuntimeError('at once')", ""), 1):
            live.step()
            live.calm()
            _replace(tmp_path / "script.py", _TENSORS.format(top=number, extra=extra))
            told, reloads = len(live.told), len(live.reloads)
            live.reloaded(reloads)
            assert live.reloads[-1]["outcome"] == ("undone" if extra else "applied")
            seen = [line["seen"] for line in live.told[told:] if "seen" in line]
            firsts = [each for each in seen if len(each) == 5]
            assert firsts == [[True, True, True, True, False]] * (2 if extra else 1), seen


def _edit(live: Live, folder: Path, number: int) -> None:
    live.calm()
    _save(folder, number)
    told = len(live.reloads)
    wanted = {5: "refused", 6: "undone", 7: "undone"}.get(number % 8, "applied")
    while wanted not in [each["outcome"] for each in live.reloads[told:]]:
        live.reloaded(len(live.reloads))
    for _ in range(5):
        live.step()


def _save(folder: Path, number: int) -> None:
    extra = {5: "return (", 6: "undefined()", 7: "undefined()"}.get(number % 8, "")
    top = number if number % 8 == 6 else max(n for n in range(number + 1) if n % 8 in (1, 3) or n == 0)
    _replace(folder / "subject.py", _SUBJECT.format(n=number, extra=extra))
    _replace(folder / "script.py", _SCRIPT.format(top=top))


def _replace(path: Path, text: str) -> None:
    if not path.exists() or path.read_text() != text:
        path.with_suffix(".new").write_text(text)
        os.replace(path.with_suffix(".new"), path)  # noqa: PTH105 - the word for it


def _measure(live: Live, folder: Path) -> dict[str, Any]:
    (folder / "measure").touch()
    live.step()
    _, measured = live.step()
    (folder / "measure").unlink()
    return dict(measured)
