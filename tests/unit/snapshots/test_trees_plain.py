"""Plain data, containers and objects: saved, read, and put back as they were."""

import math
import threading
from array import array
from collections import Counter, OrderedDict, defaultdict, deque, namedtuple
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from enum import Enum, Flag, IntEnum
from fractions import Fraction
from pathlib import Path, PurePosixPath
from typing import Any, NamedTuple
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from livespark.runtime.snapshots.nodes import MISSING
from livespark.runtime.snapshots.putting import Unfit
from livespark.runtime.snapshots.trees import Unsavable
from tests.unit.snapshots.treeing import Snapshot, back


class Phase(Enum):
    WARMUP = 1
    MAIN = 2


class Level(IntEnum):
    LOW = 1


class Switch(Flag):
    A = 1
    B = 2


class Point(NamedTuple):
    x: float
    y: Any


Pair = namedtuple("Pair", "left right")


@dataclass
class Config:
    lr: float = 0.1
    names: list[str] = field(default_factory=list)
    phase: Phase = Phase.WARMUP


@dataclass(frozen=True, slots=True)
class Frozen:
    a: int
    b: Any = None


class Attributes(dict[str, Any]):
    """A dictionary with attributes beside."""

    note = ""


class Holder:
    """Whatever a test puts into it."""

    def __init__(self, **parts: Any) -> None:
        self.__dict__.update(parts)

    def method(self) -> None: ...


def helper() -> int:
    return 1


def _equal(one: Any, other: Any) -> bool:
    """Equal in type and bits, order included."""
    if type(one) is not type(other):
        return False
    if isinstance(one, float):
        return bool(one == other and math.copysign(1, one) == math.copysign(1, other)) or (
            one != one and other != other
        )
    if isinstance(one, dict):
        return len(one) == len(other) and all(map(_equal, one.items(), other.items()))
    if isinstance(one, list | tuple | deque):
        return len(one) == len(other) and all(map(_equal, one, other))
    return bool(one == other)


_VALUES: list[Any] = [
    *(0, -1, 2**63 - 1, -(2**63), 2**63, -(2**200), True, False, None, "", "ü", "\ud800 half", "$", "$x"),
    *(0.0, -0.0, math.inf, -math.inf, math.nan, 1e-320, 0.1, 1e22, 2.0**53 + 1),
    *(b"", b"\x00\xff", bytes(range(256)) * 3, bytearray(b"ab"), bytearray(500)),
    *(complex(-0.0, math.inf), range(3, 10, 2), range(2**70), slice(None, 3, None), ..., NotImplemented),
    *(datetime(2026, 2, 3, 4, 5, 6, 7, UTC), datetime(2026, 10, 25, 2, fold=1), date(2026, 1, 1), time(1, 2, 3)),
    *(timedelta(days=-1, microseconds=3), Decimal("1.10"), Decimal("NaN"), Fraction(2**80, 3), UUID(int=5)),
    *(Path("/a/b"), PurePosixPath("x"), Phase.MAIN, Level.LOW, Switch.A, Switch.A | Switch.B),
    *((), (1, (2, [3])), Point(1.0, [2]), Pair("a", {"b": 1}), frozenset({1, 2}), {1, "a", (2, 3)}, set()),
    *([], [1, [2, []]], deque([1, 2]), deque([1, [2]], maxlen=3), array("d", [0.5, math.pi]), array("b")),
    *({}, {"a": {"b": [1]}}, {1: 2, None: 3, (1, 2): 4, "x": 5}, {"$": "ref", "id": 1}, {"ü": 1}),
    *(OrderedDict(b=1, a=2), defaultdict(list, a=[1]), defaultdict(None, a=1), Counter("abca")),
    *([0.1] * 300, list(range(300)), [1.5] * 299 + [2], [True] * 300, [2**70] * 300, [math.nan, -0.0] * 200),
    *(Config(0.5, ["a"], Phase.MAIN), Frozen(1, [Frozen(2)]), int, Config, helper, len, math.sin),
]


@pytest.mark.parametrize("value", [v for v in _VALUES if v is not Decimal("NaN")], ids=lambda v: f"{v!r:.30}")
def test_a_value_made_new_is_what_was_saved(value: Any) -> None:
    """Exactly, type and order included, where there is nothing to put it into."""
    snapshot = Snapshot().save("it", {"v": value})
    made = snapshot.putter().make(snapshot.values["it"].tree)["v"]
    if isinstance(value, Decimal):
        assert str(made) == str(value)
        return
    assert _equal(made, value)
    assert getattr(made, "maxlen", None) == getattr(value, "maxlen", None)
    assert getattr(made, "fold", None) == getattr(value, "fold", None)
    assert getattr(made, "default_factory", None) is getattr(value, "default_factory", None)


_MUTABLE: list[tuple[Any, Any]] = [
    ([1, [2, 3], {"a": 1}], [0, [9], {}]),
    ({"a": [1], "b": {"c": 2}}, {"b": {"d": 0}, "z": 1}),
    (OrderedDict(b=1, a=2), OrderedDict(a=0, b=0)),
    (defaultdict(int, a=1), defaultdict(int)),
    (Counter("aab"), Counter("z")),
    ({1, 2, 3}, {9}),
    (deque([1, 2], maxlen=5), deque(maxlen=5)),
    (bytearray(b"abc"), bytearray()),
    (array("q", [1, 2]), array("q")),
    (Config(0.5, ["a"], Phase.MAIN), Config()),
]


@pytest.mark.parametrize(("value", "living"), _MUTABLE, ids=lambda v: f"{v!r:.30}")
def test_a_living_container_takes_the_content(value: Any, living: Any) -> None:
    """The very same object, its parts included."""
    assert back(value, living) is living
    assert _equal(living, value)


def test_parts_stay_the_very_same_objects() -> None:
    """Whoever holds a part of a persisted value goes on holding it."""
    inner: list[Any] = [0]
    config = Config()
    living = {"a": inner, "b": (1, inner), "c": config, "d": [config.names]}
    saved = {"a": [1, 2], "b": (1, [5]), "c": Config(2.0, ["x"]), "d": [["y"]]}
    back(saved, living)
    assert living["a"] is inner
    assert living["c"] is config
    assert config.lr == 2.0
    assert _equal(living, saved)


def test_a_function_of_the_script_makes_a_dictionarys_values() -> None:
    """A defaultdict with a lambda can be filled, as the living one has the lambda."""
    living: defaultdict[str, list[int]] = defaultdict(lambda: [7])
    saved: defaultdict[str, list[int]] = defaultdict(lambda: [8], a=[1])
    assert back(saved, living) is living
    assert living == {"a": [1]}
    assert living["new"] == [7]
    with pytest.raises(Unfit, match="only the script has the function"):
        back([saved], [])


_PLAIN = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.binary() | st.complex_numbers(),
    lambda inner: st.one_of(
        st.lists(inner, max_size=4),
        st.lists(inner, max_size=3).map(tuple),
        st.dictionaries(st.text(max_size=3) | st.integers(), inner, max_size=4),
        st.lists(inner, max_size=3).map(deque),
    ),
    max_leaves=20,
)


def _alike(one: Any, other: Any) -> bool:
    return _equal(_rounded(one), _rounded(other))


def _rounded(value: Any) -> Any:
    """Complex numbers compare by their text, which has the sign of zero and NaN."""
    if isinstance(value, complex):
        return repr(value)
    if isinstance(value, dict):
        return {key: _rounded(item) for key, item in value.items()}
    if isinstance(value, list | tuple | deque):
        return type(value)(map(_rounded, value))
    return value


@settings(deadline=None)
@given(_PLAIN, _PLAIN)
def test_any_plain_data_comes_back_into_anything(value: Any, living: Any) -> None:
    """Whatever was there before."""
    snapshot = Snapshot().save("it", [value])
    restored, _ = snapshot.put("it", [living])
    assert _alike(restored, [value])
    assert _alike(snapshot.putter().make(snapshot.values["it"].tree), [value])


def _shape(value: Any, known: dict[int, int]) -> Any:
    """The value as text, in which each mutable object has a number: equal texts, equal sharing."""
    if not isinstance(value, list | dict | Holder):
        return repr(value)
    if id(value) in known:
        return f"#{known[id(value)]}"
    known[id(value)] = len(known)
    parts = value if isinstance(value, list) else list((value if isinstance(value, dict) else vars(value)).items())
    return [type(value).__name__, *(_shape(item, known) for part in parts for item in _flat(part))]


def _flat(part: Any) -> tuple[Any, ...]:
    return part if isinstance(part, tuple) else (part,)


@settings(deadline=None)
@given(st.lists(st.tuples(st.integers(0, 7), st.integers(0, 7), st.sampled_from("abc")), max_size=25), st.booleans())
def test_shared_references_and_cycles_stay_what_they_are(edges: list[tuple[int, int, str]], living: bool) -> None:
    """Any graph of lists, dictionaries and objects, made new or put into one of another shape."""
    nodes = _graph(edges)
    other = _graph([(target, source, name) for source, target, name in edges])
    restored = back(nodes, other if living else [])
    assert _shape(restored, {}) == _shape(nodes, {})


def _graph(edges: list[tuple[int, int, str]]) -> list[Any]:
    nodes: list[Any] = [[], {}, Holder(), [], {}, Holder(), [], {}]
    for source, target, name in edges:
        owner, part = nodes[source], nodes[target]
        if isinstance(owner, list):
            owner.append(part)
        elif isinstance(owner, dict):
            owner[name] = part
        else:
            setattr(owner, name, part)
    return nodes


def test_one_object_in_two_places_takes_two_contents_apart() -> None:
    """What the snapshot has as two, and the script as one, becomes two."""
    shared: list[int] = []
    assert back([[1], [2]], [shared, shared]) == [[1], [2]]


def test_objects_of_a_list_that_has_grown_are_made_new() -> None:
    """Without executing anything of their class."""
    restored = back(deque([Config(1.0), Frozen(3, Config(2.0))]), deque())
    assert list(restored) == [Config(1.0), Frozen(3, Config(2.0))]


def test_a_dictionary_of_an_own_class_has_items_and_attributes() -> None:
    value = Attributes(a=1)
    value.note = "x"
    living = Attributes(b=2)
    assert back(value, living) is living
    assert (dict(living), living.note) == ({"a": 1}, "x")


def test_functions_and_methods_stay_those_of_the_script() -> None:
    """They are not taken from the snapshot, where the script has the same."""
    living: Any = Holder()
    living.call, living.own, living.library, living.kind = helper, living.method, math, Config
    saved: Any = Holder()
    saved.call, saved.own, saved.library, saved.kind = helper, saved.method, math, Config
    snapshot = Snapshot(sealed=False).save("it", saved)
    snapshot.put("it", living)
    assert living.own.__self__ is living
    assert (living.call, living.library, living.kind) == (helper, math, Config)


def _made_inside() -> Callable[[], None]:
    def inner() -> None: ...

    return inner


_UNSAVABLE: list[tuple[Any, str]] = [
    (threading.Lock(), "a thread or lock|a lock"),
    (threading.Event(), "a thread or lock"),
    (lambda: 1, "a lambda"),
    (_made_inside(), "the function inner, made inside another,"),
    (iter([1]), r"an iterator \(list_iterator\)"),
    ((number for number in [1]), r"an iterator \(generator\)"),
    (memoryview(b"a"), "a memoryview"),
]


@pytest.mark.parametrize(("value", "what"), _UNSAVABLE, ids=lambda v: f"{v!r:.20}")
def test_what_cant_be_saved_is_named_with_its_place(value: Any, what: str) -> None:
    """And leaves nothing behind in what will be written."""
    snapshot = Snapshot()
    with pytest.raises(Unsavable, match=rf"^persist\('x'\)\.queue\['a'\]\[1\] is ({what}).* can't be saved"):
        snapshot.save("x", Holder(arrays=[0.5] * 300, pickled=len, queue={"a": [0, value]}))
    assert (snapshot.encoder.leaves, snapshot.encoder.pickles) == ([], [])
    assert snapshot.save("x", 1).values["x"].tree == 1


def test_an_open_file_cant_be_saved(tmp_path: Path) -> None:
    with (tmp_path / "f").open("w") as file, pytest.raises(Unsavable, match=r"^persist\('log'\)\.file is a file"):
        Snapshot().save("log", Holder(file=file))


def test_what_is_nested_too_deeply_cant_be_saved() -> None:
    deep: list[Any] = []
    for _ in range(100_000):
        deep = [deep]
    with pytest.raises(Unsavable, match="nested too deeply"):
        Snapshot().save("x", deep)
    while deep:
        deep = deep[0]


def test_missing_is_shown_as_nothing() -> None:
    assert repr(MISSING) == "nothing"
