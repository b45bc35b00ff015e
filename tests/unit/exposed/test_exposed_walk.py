"""What a sample shows of live objects, and what it costs."""

import enum
import math
import time
from collections import OrderedDict, deque
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from types import SimpleNamespace
from typing import Any, NamedTuple

import numpy as np
import pytest

from livespark.errors import UsageError
from livespark.protocol import codec
from livespark.runtime.exposed.budget import Budget
from livespark.runtime.exposed.exposed import Exposed


class Phase(enum.Enum):
    WARM = 1
    HOT = 2


class Point(NamedTuple):
    x: float
    y: float


@dataclass
class Part:
    width: int = 3
    _hidden: int = 1
    tags: list[str] = field(default_factory=lambda: ["a"])


class Slotted:
    __slots__ = ("_private", "rate", "unset")

    def __init__(self) -> None:
        self.rate = 0.5
        self._private = 1


class Plain:
    size = 64

    def __init__(self) -> None:
        self.loss = 0.25
        self.callback = len
        self.cls = dict
        self.module = math
        self._cache = 1

    def method(self) -> None: ...

    @property
    def double(self) -> float:
        return self.loss * 2

    @property
    def broken(self) -> float:
        raise RuntimeError("not yet")


def values(**bindings: Any) -> dict[str, Any]:
    """All exposed values as a client gets them."""
    exposed = Exposed()
    exposed.replace(bindings)
    delta = exposed.delta(full=True)
    assert delta is not None
    codec.encode(delta.values)
    return delta.values


def test_scalars_are_shown_as_themselves() -> None:
    """Numbers, texts, choices and paths are scalars; what JSON can't hold is tagged."""
    state = {
        "float": 0.5,
        "int": 3,
        "bool": True,
        "none": None,
        "text": "héllo",
        "nan": math.nan,
        "big": 2**63,
        "phase": Phase.HOT,
        "path": PurePosixPath("/data"),
        "numpy": np.float32(0.5),
        "count": np.int64(7),
        "flag": np.bool_(True),
        "zero_d": np.array(2.5),
        "bytes": b"abc",
    }
    assert values(state=state) == {
        "state": {"$": "dict", "n": 14},
        "state.float": 0.5,
        "state.int": 3,
        "state.bool": True,
        "state.none": None,
        "state.text": "héllo",
        "state.nan": {"$": "float", "v": "nan"},
        "state.big": {"$": "int", "v": "9223372036854775808"},
        "state.phase": "HOT",
        "state.path": "/data",
        "state.numpy": 0.5,
        "state.count": 7,
        "state.flag": True,
        "state.zero_d": 2.5,
        "state.bytes": {"$": "bytes", "n": 3, "v": "YWJj"},
    }


def test_containers_are_shown_at_any_depth_in_order() -> None:
    """Dicts, lists, tuples, sets, named tuples, deques and their subclasses; parents before children."""
    shown = values(a={"list": [1, (2, {3})], "deque": deque([4]), "ordered": OrderedDict(z=5)}, point=Point(1.0, 2.0))
    assert list(shown.items()) == [
        ("a", {"$": "dict", "n": 3}),
        ("a.list", {"$": "list", "n": 2}),
        ("a.list.0", 1),
        ("a.list.1", {"$": "list", "n": 2}),
        ("a.list.1.0", 2),
        ("a.list.1.1", {"$": "list", "n": 1}),
        ("a.list.1.1.0", 3),
        ("a.deque", {"$": "list", "n": 1}),
        ("a.deque.0", 4),
        ("a.ordered", {"$": "dict", "n": 1}),
        ("a.ordered.z", 5),
        ("point", {"$": "object", "type": "Point", "n": 2}),
        ("point.x", 1.0),
        ("point.y", 2.0),
    ]


def test_objects_show_their_public_values() -> None:
    """Attributes, slots, class constants and properties; no functions, classes, modules or private names."""
    assert values(plain=Plain(), part=Part(), slotted=Slotted(), space=SimpleNamespace(a=1)) == {
        "plain": {"$": "object", "type": "Plain", "n": 4},
        "plain.loss": 0.25,
        "plain.size": 64,
        "plain.double": 0.5,
        "plain.broken": {"$": "cut", "why": "error"},
        "part": {"$": "object", "type": "Part", "n": 2},
        "part.width": 3,
        "part.tags": {"$": "list", "n": 1},
        "part.tags.0": "a",
        "slotted": {"$": "object", "type": "Slotted", "n": 1},
        "slotted.rate": 0.5,
        "space": {"$": "object", "type": "SimpleNamespace", "n": 1},
        "space.a": 1,
    }


def test_properties_of_installed_packages_are_not_asked() -> None:
    """A library's properties may be slow or have effects, so they are left alone."""
    assert values(path=SimpleNamespace(fraction=__import__("fractions").Fraction(1, 2)))["path.fraction"] == {
        "$": "object",
        "type": "Fraction",
        "n": 0,
    }


def test_small_arrays_carry_their_numbers_and_large_ones_do_not() -> None:
    """Up to 1,024 elements; numbers that JSON can't hold are strings."""
    shown = values(small=np.array([[1, 2]]), odd=np.array([1.0, np.nan]), large=np.zeros(2_000), flags=np.array([True]))
    assert shown["small"] == {"$": "array", "shape": [1, 2], "dtype": "int64", "data": [[1, 2]]}
    assert shown["odd"]["data"] == [1.0, "nan"]
    assert shown["large"] == {"$": "array", "shape": [2000], "dtype": "float64"}
    assert shown["flags"]["data"] == [1]


def test_anything_else_is_shown_as_its_repr() -> None:
    """What is neither a value nor a container of values."""
    shown = values(a={"range": range(3), "error": ValueError("x"), "list": [len], "type": int})
    assert shown["a.range"] == {"$": "text", "type": "range", "v": "range(0, 3)"}
    assert shown["a.error"] == {"$": "text", "type": "ValueError", "v": "ValueError('x')"}
    assert shown["a.list.0"] == {"$": "text", "type": "builtin_function_or_method", "v": "len"}
    assert shown["a.type"] == {"$": "text", "type": "type", "v": "int"}


def test_names_with_dots_and_names_that_are_no_texts() -> None:
    """Keys are escaped in paths; other keys are named by their text, unless a text already has that name."""
    shown = values(a={"x.y": 1, 2: "int", "3": "text", 3: "shadowed", Phase.HOT: 4, ("t", 1): 5, object(): 6})
    assert shown["a.x\\.y"] == 1
    assert shown["a.2"] == "int"
    assert shown["a.3"] == "text"
    assert shown["a.Phase\\.HOT"] == 4
    assert shown["a.('t', 1)"] == 5
    assert shown["a.…"] == {"$": "cut", "why": "budget", "n": 2}


def test_texts_are_cut_and_made_encodable() -> None:
    """Long texts are shown in part; lone surrogates never reach the encoder."""
    shown = values(a={"long": "x" * 5_000, "odd": "a\udcff", "k\udcff": 1}, b=[SimpleNamespace(s="\ud800" * 100)])
    assert shown["a.long"] == {"$": "text", "type": "str", "v": "x" * 4_096}
    assert shown["a.odd"] == "a\\udcff"
    assert shown["a.k\\\\udcff"] == 1


def test_cycles_are_cut_and_repeated_objects_are_not() -> None:
    """Only what contains itself is a cycle."""
    shared = {"x": 1}
    loop: dict[str, Any] = {"one": shared, "two": shared}
    loop["self"] = loop
    shown = values(loop=loop)
    assert shown["loop.self"] == {"$": "cut", "why": "cycle"}
    assert shown["loop.one.x"] == shown["loop.two.x"] == 1


def test_depth_is_cut() -> None:
    """Twelve levels are shown; what lies deeper is counted."""
    deep: dict[str, Any] = {"leaf": 1}
    for _ in range(20):
        deep = {"d": deep}
    shown = values(deep=deep)
    assert shown["deep" + ".d" * 11] == {"$": "cut", "why": "depth", "n": 1}
    assert "deep" + ".d" * 12 not in shown


class Hostile(Mapping[str, int]):
    """Raises whatever is asked of it."""

    def __getitem__(self, key: str) -> int:
        raise RuntimeError("getitem")

    def __iter__(self) -> Iterator[str]:
        raise RuntimeError("iter")

    def __len__(self) -> int:
        raise RuntimeError("len")


class Rude:
    __slots__ = ()

    def __repr__(self) -> str:
        raise RuntimeError("repr")


class Meta(type):
    def __subclasscheck__(cls, subclass: type) -> bool:
        raise RuntimeError("subclasscheck")


class Odd(metaclass=Meta):
    def __getattr__(self, name: str) -> Any:
        raise RuntimeError(name)


class Weird:
    @property
    def __dict__(self) -> Any:  # type: ignore[override]
        raise RuntimeError("dict")


def test_objects_that_raise_are_cut_and_hurt_nobody() -> None:
    """Mappings, reprs and attributes that raise leave a mark in their place; the rest is shown."""
    state = {"map": Hostile(), "odd": Odd(), "weird": Weird(), "vars": SimpleNamespace(a=1), "fine": 1}
    shown = values(state=state)
    assert shown["state.map"] == shown["state.weird"] == {"$": "cut", "why": "error"}
    assert shown["state.odd"]["type"] == "Odd"
    assert shown["state.fine"] == 1


def test_a_dict_with_a_million_items_costs_no_more_than_the_budget() -> None:
    """A large container shows its first items and how many are missing, and hides no other binding."""
    exposed = Exposed()
    exposed.replace({"huge": dict.fromkeys(range(1_000_000), 0.5), "list": [0] * 1_000_000, "after": {"lr": 0.1}})
    delta = exposed.delta(full=True)
    assert delta is not None
    assert delta.values["huge"] == {"$": "dict", "n": 1_000_000}
    assert delta.values["huge.…"] == {"$": "cut", "why": "budget", "n": 999_500}
    assert delta.values["list.…"] == {"$": "cut", "why": "budget", "n": 999_500}
    assert delta.values["after.lr"] == 0.1
    assert min(sampled(exposed) for _ in range(5)) < 0.005


def sampled(exposed: Exposed) -> float:
    exposed.prepare({"after.lr": 0.2})
    start = time.thread_time()
    exposed.sample()
    return time.thread_time() - start


def test_costly_looks_are_followed_by_a_rest() -> None:
    """Thousands of values are not looked at thirty times a second; an edit is seen at once."""
    state = {str(group): {str(index): 0.5 for index in range(100)} for group in range(45)}
    exposed = Exposed(Budget(seconds=1.0))
    exposed.replace({"s": state})
    exposed.delta(full=True)
    start = time.thread_time()
    for _ in range(100):
        exposed.sample()
    assert time.thread_time() - start < 0.1
    exposed.prepare({"s.0.0": 1.5}).apply()
    exposed.sample()
    delta = exposed.delta(full=False)
    assert delta is not None
    assert delta.values == {"s.0.0": 1.5}


def test_the_number_of_nodes_is_bounded_and_shared() -> None:
    """Many nested containers end in marks; later bindings keep a part of the budget."""
    many = [[{"x": index} for index in range(100)] for _ in range(100)]
    shown = values(many=many, last={"lr": 0.5})
    assert len(shown) < 2 * Budget().nodes
    assert shown["last.lr"] == 0.5
    assert any(isinstance(node, dict) and node.get("why") == "budget" for node in shown.values())


def test_long_texts_and_arrays_count_for_their_length() -> None:
    """Five thousand entries can't become megabytes."""
    shown = values(texts=["x" * 4_000] * 500, arrays=[np.ones(1_000)] * 500)
    assert len(codec.encode(shown)) < 1_500_000


class Slow:
    @property
    def value(self) -> float:
        until = time.thread_time() + 0.002
        while time.thread_time() < until:
            pass
        return 1.0


def test_a_walk_that_takes_too_long_is_cut() -> None:
    """After 5 ms of work what has not been looked at is marked."""
    shown = values(slow=[Slow() for _ in range(100)])
    assert len([path for path in shown if path.endswith(".value")]) <= 10
    assert shown["slow.99"] == {"$": "cut", "why": "budget"}


class Slowish:
    @property
    def value(self) -> float:
        until = time.thread_time() + 0.000_05
        while time.thread_time() < until:
            pass
        return 1.0


def test_what_is_cut_for_time_is_the_same_every_time() -> None:
    """Values do not come and go from sample to sample, as they would if the clock alone decided."""
    exposed = Exposed(Budget(seconds=0.05))
    exposed.replace({"last": {"lr": 0.5}, "slow": [[Slowish() for _ in range(50)] for _ in range(50)]})
    structures = []
    for _ in range(10):
        exposed.prepare({"last.lr": 0.25})
        exposed.sample()
        delta = exposed.delta(full=True)
        assert delta is not None
        structures.append(list(delta.values))
    assert len(structures[-1]) > 500
    assert structures[-4:] == structures[-1:] * 4


def test_many_slow_properties_of_one_object_are_cut() -> None:
    """One object can't take longer than the walk may, either."""
    slow: Any = type("Many", (), {f"p{index:02}": Slow.__dict__["value"] for index in range(50)})()
    shown = values(slow=slow)
    assert shown["slow.p00"] == 1.0
    assert shown["slow.p49"] == {"$": "cut", "why": "budget"}


def test_waiting_for_the_interpreter_is_no_cost() -> None:
    """Time in which another thread had the interpreter's lock does not shorten the walk."""

    class Waiting:
        @property
        def value(self) -> int:
            time.sleep(0.006)
            return 1

    shown = values(waiting=Waiting(), after={"lr": 1})
    assert shown["after.lr"] == 1


@pytest.mark.parametrize("name", [1, "", None])
def test_bindings_have_names(name: Any) -> None:
    """A binding without a text as its name is refused at once."""
    with pytest.raises(UsageError, match="exposed under a name"):
        Exposed().replace({name: 1})


def test_exposing_again_replaces_and_adding_does_not() -> None:
    """`replace` forgets the earlier bindings; `add` finds a free name, and knows what is exposed already."""
    exposed = Exposed()
    first, second = {"a": 1}, {"b": 2}
    exposed.replace({"old": first})
    exposed.replace({"optimizer": first})
    assert exposed.add("optimizer", second) == "optimizer2"
    assert exposed.add("other", first) == "optimizer"
    delta = exposed.delta(full=True)
    assert delta is not None
    assert set(delta.values) == {"optimizer", "optimizer.a", "optimizer2", "optimizer2.b"}


def test_an_object_may_offer_bindings_of_its_own() -> None:
    """`__livespark_bindings__` says what is exposed of an object: values to see, functions to call."""

    class Controller:
        def pause(self) -> None:
            """Stand still."""

        def __livespark_bindings__(self) -> dict[str, Any]:
            return {"pause": self.pause, "status": Phase.WARM}

    exposed = Exposed()
    exposed.replace({"ctrl": Controller()})
    delta = exposed.delta(full=True)
    assert delta is not None
    assert delta.values["ctrl.status"] == "WARM"
    assert delta.fields is not None
    assert delta.fields["ctrl.status"].read_only == "is set by the Controller alone"
    assert delta.functions is not None
    assert delta.functions["ctrl.pause"].doc == "Stand still."
    exposed.sample()
    assert exposed.delta(full=False) is None
