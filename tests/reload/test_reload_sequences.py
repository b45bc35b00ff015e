"""Edits that follow one another: what the first leaves behind must not keep the second from following."""

import os
from pathlib import Path

import pytest

from tests.reload.live import Live, Nursery

_SCRIPT = """
import stepping
import subject

import livespark as spark

kept = spark.persist("kept", subject.make)
while True:
    stepping.report(subject.probe(kept))
    spark.checkpoint()
"""
_CLOSURE = """
import random

def other():
    return {other}

def build():
    base = 1
    def inner(x):
        return {inner}
    return inner

def make():
    return [build()]

def probe(kept):
    return [kept[0](10), other(), random.Random(3).randint(1, 1)]
"""


def closure(other: object = 1, inner: object = "base + x") -> str:
    return _CLOSURE.format(other=other, inner=inner)


_LOCAL = closure().replace("base = 1", "base, more = 1, 5")
_DEFAULTS = closure().replace("def inner(x)", "def inner(x, y=3)")
_IMPORTED = """
import random

def make():
    return 0

def probe(kept, {more}):
    return {factor} * random.Random(3).randint(1, 1)
"""

_SEQUENCES: dict[str, list[tuple[str, object]]] = {
    "a closure that only a list holds, after an edit elsewhere": [
        (closure(), [11, 1, 1]),
        (closure(other=2), [11, 2, 1]),
        (closure(other=3), [11, 3, 1]),
        (closure(other=3, inner="base - x"), [-9, 3, 1]),
        (closure(other=4, inner="base - x"), [-9, 4, 1]),
        (closure(other=4, inner="base * x"), [10, 4, 1]),
    ],
    "a closure that could not follow, when it can again": [
        (closure(), [11, 1, 1]),
        (_LOCAL.replace("base + x", "base + x + more"), [11, 1, 1]),
        (_LOCAL.replace("base + x", "base - x"), [-9, 1, 1]),
        (_LOCAL.replace("base + x", "base * x"), [10, 1, 1]),
    ],
    "a closure whose default stays with its parameter": [
        (_DEFAULTS.replace("base + x", "base + x + y"), [14, 1, 1]),
        (_DEFAULTS.replace("y=3", "z=7, y=3").replace("base + x", "base + x + y + z"), [14, 1, 1]),
        (_DEFAULTS.replace("base + x", "base + x - y"), [8, 1, 1]),
    ],
    "a function that uses an imported module, after its signature": [
        (_IMPORTED.format(more="more=1", factor=2), 2),
        (_IMPORTED.format(more="more=2", factor=2), 2),
        (_IMPORTED.format(more="more=2", factor=3), 3),
    ],
}


@pytest.mark.parametrize("title", _SEQUENCES)
def test_each_edit_follows_whatever_came_before(title: str, nursery: Nursery, tmp_path: Path) -> None:
    """What a step sees after each edit."""
    (text, first), *edits = _SEQUENCES[title]
    _save(tmp_path, text)
    (tmp_path / "script.py").write_text(_SCRIPT)
    with nursery.worker(tmp_path) as live:
        assert live.seen() == first
        for text, wanted in edits:
            _save(tmp_path, text)
            assert _after(live) == wanted, live.reloads[-1]


def _save(folder: Path, text: str) -> None:
    (folder / "new").write_text(text)
    os.replace(folder / "new", folder / "subject.py")  # noqa: PTH105 - the word for it


def _after(live: Live) -> object:
    reloaded, seen = live.reloaded(len(live.reloads))
    assert (reloaded["outcome"], reloaded["kind"]) == ("applied", "soft"), reloaded
    return seen
