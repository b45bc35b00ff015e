"""Trees that somebody wrote to do harm: a clear error, nothing executed, nothing large made."""

import subprocess
import sys
import tracemalloc
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from livespark.protocol.snapshots import ArrayEntry, SavedValue
from livespark.runtime.snapshots.putting import Putter, Unfit

_DONE: list[str] = []


class Dangerous:
    """Does something when it ends."""

    def __init__(self) -> None:
        _DONE.append("made")

    def __del__(self) -> None:
        _DONE.append("ended")


class Loud:
    """Tells of everything that is executed."""

    def __new__(cls) -> "Loud":
        _DONE.append("new")
        return object.__new__(cls)

    def __setattr__(self, name: str, value: Any) -> None:
        _DONE.append(name)

    def __setstate__(self, state: Any) -> None:
        _DONE.append("state")


def _deep(depth: int) -> Any:
    node: Any = 1
    for _ in range(depth):
        node = [node]
    return node


def _refuse(_index: int) -> bytes:
    raise ValueError("the snapshot is not sealed by this home")


def _putter() -> Putter:
    data = [bytearray(16), bytearray(0)]
    entries = [ArrayEntry("F32", [4], "", 0, 16), ArrayEntry("F32", [0], "", 0, 0)]
    return Putter(lambda index: memoryview(data[index]), _refuse, entries)


_HOSTILE: list[Any] = [
    {"$": "unknown"},
    {"$": 1},
    {"$": None},
    {"$": ["list"]},
    {"$": {}},
    {"$": "array"},
    {"$": "array", "i": 2},
    {"$": "array", "i": -1},
    {"$": "array", "i": True},
    {"$": "array", "i": "0"},
    {"$": "array", "i": 0, "dtype": "Tensor"},
    {"$": "array", "i": 0, "dtype": "load"},
    {"$": "array", "i": 0, "of": "numpy", "dtype": "O", "shape": [2]},
    {"$": "array", "i": 1, "of": "numpy", "dtype": "<f8", "shape": [10**12]},
    {"$": "array", "i": 0, "of": "numpy", "dtype": "<f8", "shape": [10**12]},
    {"$": "objects", "shape": [10**12], "items": []},
    {"$": "ref", "id": 1},
    {"$": "ref"},
    {"$": "pickle", "i": 0},
    {"$": "pickle", "i": -1},
    {"$": "global", "name": "os:system", "i": 0},
    {"$": "global", "name": "builtins:eval"},
    {"$": "library", "name": "os"},
    {"$": "method", "name": "os:system"},
    {"$": "object", "type": "subprocess:Popen", "attributes": {"args": ["touch", "x"]}},
    {"$": "object", "type": "tempfile:TemporaryDirectory", "attributes": {"name": "/"}},
    {"$": "object", "type": f"{__name__}:Dangerous", "attributes": {}},
    {"$": "object", "type": "torch.nn.modules.linear:Linear", "attributes": {}},
    {"$": "object", "type": "builtins:type", "attributes": {}},
    {"$": "object", "type": "nowhere:Thing", "attributes": {}},
    {"$": "object", "type": "livespark.runtime.snapshots.putting:Putter", "attributes": {}},
    {"$": "object", "type": f"{__name__}:_deep", "attributes": {}},
    {"$": "enum", "type": "os:system", "name": "x"},
    {"$": "enum", "type": "enum:Enum", "name": "mro"},
    {"$": "enum", "type": "re:RegexFlag", "name": "__init__"},
    {"$": "namedtuple", "type": "os:system", "items": []},
    {"$": "namedtuple", "type": "builtins:tuple", "items": [1]},
    {"$": "dict", "of": "Loud", "items": []},
    {"$": "dict", "of": "dict", "items": [[[1], 2]]},
    {"$": "dict", "of": "defaultdict", "factory": "eval", "items": []},
    {"$": "deque", "maxlen": -1, "items": []},
    {"$": "set", "items": [[1]]},
    {"$": "generator", "of": "numpy", "class": "load", "bits": "PCG64", "state": {}},
    {"$": "generator", "of": "numpy", "class": "Generator", "bits": "test", "state": {}},
    {"$": "generator", "of": "python", "state": [1]},
    {"$": "generator", "of": "torch", "device": "cpu", "state": {"$": "array", "i": 0}},
    {"$": "state", "type": "a:b", "tree": {}},
    {"$": "loader", "parts": {}},
    {"$": "torch", "of": "dtype", "v": "load"},
    {"$": "torch", "of": "device", "v": "nowhere"},
    {"$": "sparse", "shape": [-1], "coalesced": True, "indices": 1, "values": 2},
    {"$": "int", "v": "1" * 100_000},
    {"$": "str", "v": "!"},
    {"$": "path", "of": "os", "v": "x"},
    {"$": "constant", "v": "__builtins__"},
    {"$": "number", "dtype": "O", "v": "00" * 8},
    {"$": "numbers", "code": "Z", "i": 0},
    {"$": "fraction", "v": [1, 0]},
    _deep(10_000),
]


@pytest.mark.parametrize("tree", _HOSTILE, ids=lambda tree: f"{tree!r:.60}" if isinstance(tree, dict) else "deep")
def test_a_hostile_tree_is_refused_and_does_nothing(tree: Any, tmp_path: Path, monkeypatch: Any) -> None:
    """On its own, and as a part of what has a living value."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(subprocess, "Popen", pytest.fail)
    modules = set(sys.modules)
    tracemalloc.start()
    try:
        with pytest.raises(Unfit):
            _putter().make(tree)
        with pytest.raises(Unfit, match=r"^the persisted value 'x' does not fit the snapshot: \S"):
            _putter().put(SavedValue("builtins:dict", {"a": tree}), {"a": None}, {}, "x")
        assert tracemalloc.get_traced_memory()[1] < 20_000_000
    finally:
        tracemalloc.stop()
    assert _DONE == []
    assert list(tmp_path.iterdir()) == []
    assert all(name.startswith("livespark.") for name in set(sys.modules) - modules)


def test_an_object_is_filled_past_its_class() -> None:
    """Neither what makes it nor what sets its attributes is executed."""
    tree = [{"$": "object", "type": f"{__name__}:Loud", "attributes": {"a": 1, "__class__": 2, "__setattr__": 3}}]
    loud: Any = _putter().make(tree)[0]
    assert (type(loud), vars(loud)["a"], _DONE) == (Loud, 1, [])


def test_a_function_takes_no_other_ones_place() -> None:
    """A living function stays only where the snapshot names the same."""
    living = {"call": print}
    tree = {"call": {"$": "global", "name": "os:system", "i": 0}}
    with pytest.raises(Unfit, match="not sealed"):
        _putter().put(SavedValue("builtins:dict", tree), living, {}, "x")
    assert living == {"call": print}


def test_a_module_gets_no_foreign_content() -> None:
    """What is no tensor is refused by the module itself, what is no attribute of data stays out."""
    for tree in ({"weight": "text"}, {"weight": {"$": "array", "i": 0}}, [1], "x", {"$": "ref", "id": 9}):
        node = {"$": "state", "type": "torch.nn.modules.linear:Linear", "tree": tree}
        with pytest.raises(Unfit):
            _putter().put(SavedValue("torch.nn.modules.linear:Linear", node), nn.Linear(2, 2), {}, "net")


_KINDS = st.sampled_from([tree["$"] for tree in _HOSTILE if isinstance(tree, dict) and isinstance(tree["$"], str)])
_LEAVES = st.none() | st.integers(-3, 3) | st.text(max_size=3) | st.sampled_from(["float32", "cpu", "<f4", "numpy"])
_NAMES = st.sampled_from(
    ["i", "v", "of", "items", "tree", "more", "state", "attributes", "type", "shape", "dtype", "id"]
)
_TREES = st.recursive(
    _LEAVES,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.builds(lambda kind, parts: {**parts, "$": kind}, _KINDS, st.dictionaries(_NAMES, inner, max_size=5))
    ),
    max_leaves=12,
)


@settings(deadline=None)
@given(_TREES)
def test_any_tree_makes_a_value_or_a_clear_error(tree: Any) -> None:
    """Also in place of the state of a module and of an optimizer."""
    net = nn.Linear(2, 2)
    for living in (None, [1, {"a": 2}], net, torch.optim.Adam(net.parameters())):
        saved = SavedValue(f"{type(living).__module__}:{type(living).__qualname__}", tree)
        for node in (saved, SavedValue(saved.type, {"$": "state", "type": saved.type, "tree": tree, "more": tree})):
            with suppress(Unfit):
                _putter().put(node, living, {}, "x")
    assert _DONE == []
