"""Edits: what may be put where, that types are kept, and that all happens or nothing."""

import enum
import math
from collections import deque
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Annotated, Any, Final, Literal, NamedTuple, TypedDict

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from livespark.errors import CommandRefused
from livespark.protocol import codec
from livespark.protocol.live import Field, Shape
from livespark.runtime.exposed.declared import Limit, Slider, read_only
from livespark.runtime.exposed.edits import Applied
from livespark.runtime.exposed.exposed import Exposed


class Phase(enum.Enum):
    WARM = "warm"
    HOT = "hot"


class Point(NamedTuple):
    x: float
    y: float


class Hyper(TypedDict):
    rate: Annotated[float, Slider(0.0, 1.0)]


@dataclass
class Config:
    lr: Annotated[float, Slider(1e-5, 1e-1, log=True), "the learning rate"] = 1e-3
    epochs: int = 3
    warmup: float | None = None
    phase: Phase = Phase.WARM
    kind: Literal["adam", "sgd"] = "adam"
    folder: Path = Path("/data")
    fraction: Annotated[float, Limit(ge=0, lt=1)] = 0.5
    limit: Annotated[float, Shape("float", finite=False)] = 1.0
    mixed: int | str = 1
    layers: list[int] = field(default_factory=lambda: [1, 2])
    betas: tuple[float, float] = (0.9, 0.99)
    hyper: Hyper = field(default_factory=lambda: Hyper(rate=0.5))
    version: Final[int] = 1


@dataclass(frozen=True)
class Frozen:
    size: int = 1
    inner: dict[str, int] = field(default_factory=lambda: {"a": 1})


class Guarded:
    """Has a property with a rule of its own."""

    def __init__(self) -> None:
        self._heat = 0.5
        self.other = 1

    @property
    def heat(self) -> float:
        return self._heat

    @heat.setter
    def heat(self, value: float) -> None:
        self._heat = value
        if value > 1:
            raise ValueError("too hot")

    @property
    def cold(self) -> float:
        return -self._heat


class Picky(dict[str, Any]):
    def __setitem__(self, key: str, value: Any) -> None:
        if value == 13:
            raise ValueError("not that one")
        super().__setitem__(key, value)


class Sealed:
    def __init__(self) -> None:
        vars(self)["a"] = 1

    def __setattr__(self, name: str, value: Any) -> None:
        raise AttributeError(f"{name} is sealed")


class Liar(Mapping[str, int]):
    """Can be looked at once; then raises."""

    def __init__(self) -> None:
        self.looked = 0

    def __getitem__(self, key: str) -> int:
        return {"a": 1}[key]

    def __iter__(self) -> Iterator[str]:
        return iter(("a",))

    def __len__(self) -> int:
        raise RuntimeError("no length")


def exposing(**bindings: Any) -> Exposed:
    exposed = Exposed()
    exposed.replace(bindings)
    return exposed


def edit(exposed: Exposed, **values: Any) -> Applied:
    """Set values; double underscores in the names are dots."""
    return exposed.prepare({name.replace("__", "."): codec.to_node(value) for name, value in values.items()}).apply()


def fields(exposed: Exposed) -> dict[str, Field]:
    delta = exposed.delta(full=True)
    assert delta is not None
    assert delta.fields is not None
    return delta.fields


def test_an_edit_reaches_the_scripts_own_objects() -> None:
    """Dicts, dataclasses, lists and objects are changed in place, and the answer says what is there now."""
    state = {"lr": 0.1, "inner": {"n": 3}, "list": [1, 2.5]}
    config, guarded = Config(), Guarded()
    exposed = exposing(state=state, config=config, guarded=guarded)
    applied = edit(exposed, state__lr=1, state__inner__n=4.0, state__list__1=3, config__epochs=7, guarded__heat=0.75)
    assert state == {"lr": 1.0, "inner": {"n": 4}, "list": [1, 3.0]}
    assert type(state["lr"]) is float
    assert type(state["inner"]["n"]) is int  # type: ignore[index]
    assert config.epochs == 7
    assert guarded.heat == 0.75
    assert applied.values["state.inner.n"] == 4
    assert applied.note == ""


def test_declared_types_are_kept() -> None:
    """Enum members by name or value, paths, literals, optional numbers, unions, typed dicts."""
    config = Config()
    exposed = exposing(c=config)
    edit(exposed, c__warmup=3, c__phase="HOT", c__kind="sgd", c__folder="/x", c__mixed="a", c__hyper__rate=1)
    edit(exposed, c__limit=math.inf)
    assert config == Config(
        warmup=3.0, phase=Phase.HOT, kind="sgd", folder=Path("/x"), mixed="a", hyper=Hyper(rate=1.0), limit=math.inf
    )
    assert type(config.warmup) is float
    edit(exposed, c__warmup=None, c__phase="warm", c__kind="adam")
    assert config.phase is Phase.WARM
    assert config == Config(folder=Path("/x"), mixed="a", hyper=Hyper(rate=1.0), limit=math.inf)


@pytest.mark.parametrize(
    ("path", "value", "sentence"),
    [
        ("c.lr", 1, "c.lr must be at most 0.1, not 1.0"),
        ("c.lr", "0.1", "c.lr must be a number, not '0.1'"),
        ("c.lr", math.nan, "c.lr must be a finite number, not nan"),
        ("c.lr", True, "c.lr must be a number, not True"),
        ("c.lr", None, "c.lr must be a number, not None"),
        ("c.lr", [1], "c.lr must be a number, not [1]"),
        ("c.epochs", 0.5, "c.epochs must be a whole number, not 0.5"),
        ("c.phase", "COLD", "c.phase must be one of 'WARM', 'HOT', not 'COLD'"),
        ("c.kind", 1, "c.kind must be one of 'adam', 'sgd', not 1"),
        ("c.fraction", 1.0, "c.fraction must be below 1, not 1.0"),
        ("c.mixed", 0.5, "c.mixed must be a whole number, not 0.5; or must be a text, not 0.5"),
        ("c.version", 2, "c.version can't be set: it is declared Final"),
        ("c.betas.0", 0.5, "c.betas.0 can't be set: it belongs to a tuple, which can only be set as a whole"),
        ("c.hyper.rate", 2, "c.hyper.rate must be at most 1, not 2.0"),
        ("c", {"lr": 1}, "c can't be set: it is a Config; set its parts one by one"),
        ("f.size", 2, "f.size can't be set: it belongs to the frozen Frozen"),
        ("g.cold", 2, "g.cold can't be set: it is computed: a property without a setter"),
        ("g.heat", 2, "g.heat can't be set: ValueError: too hot"),
        ("p.a", 13, "p.a can't be set: ValueError: not that one"),
        ("sealed.a", 2, "sealed.a can't be set: AttributeError: a is sealed"),
        ("liar", {"a": 1}, "liar can't be set: RuntimeError: no length"),
        ("liar.b", 1, "there is no value 'liar.b'"),
        ("point.x", 1, "point.x can't be set: it belongs to a Point, a tuple, which can't be changed"),
        ("set.0", 2, "set.0 can't be set: it belongs to a set, whose items have no fixed place"),
        ("set", [2], "set can't be set: it is a set"),
        ("proxy.a", 2, "proxy.a can't be set: it belongs to a mappingproxy, which can't be changed"),
        ("locked.a", 2, "locked.a can't be set: it is exposed read-only"),
        ("locked.deep.b", 2, "locked.deep.b can't be set: it is exposed read-only"),
        ("locked.list", [2], "locked.list can't be set: it is exposed read-only"),
        ("number", 2, "number can't be set: it is a copy that the script does not look at again; expose the dict"),
        ("function", 2, "function can't be set: it is a function; call it"),
        ("bytes.b", "x", "bytes.b can't be set: it is a bytes"),
        ("c.lrr", 1, "there is no value 'c.lrr'; did you mean 'c.lr'?"),
        ("c.lr.x", 1, "there is no value 'c.lr.x': 'c.lr' has no parts"),
        ("nothing", 1, "there is no value 'nothing'; this run has c, f, g, p,"),
        ("c.layers.2", 1, "there is no value 'c.layers.2'; c.layers has 0, 1"),
        ("c.layers.01", 1, "there is no value 'c.layers.01'"),
        ("c._private", 1, "there is no value 'c._private'"),
        ("a\\b", 1, "in the path 'a\\\\b', a backslash must be followed by"),
    ],
)
def test_what_does_not_fit_is_refused_with_one_sentence(path: str, value: Any, sentence: str) -> None:
    """Unknown paths, wrong types, values out of range, read-only places: nothing changes, and the sentence says why."""
    bindings: dict[str, Any] = {
        "c": Config(),
        "f": Frozen(),
        "g": Guarded(),
        "p": Picky(a=1),
        "sealed": Sealed(),
        "liar": Liar(),
        "point": Point(0.0, 0.0),
        "set": {1},
        "proxy": MappingProxyType({"a": 1}),
        "locked": read_only({"a": 1, "deep": {"b": 2}, "list": [1]}),
        "number": 1,
        "function": len,
        "bytes": {"b": b"x"},
    }
    exposed = exposing(**bindings)
    before = exposed.encode({name: item for name, item in bindings.items() if name != "locked"})
    with pytest.raises(CommandRefused) as refused:
        exposed.prepare({path: codec.to_node(value)}).apply()
    assert str(refused.value).startswith(sentence)
    assert exposed.encode({name: item for name, item in bindings.items() if name != "locked"}) == before


def test_every_editable_scalar_has_a_field() -> None:
    """Shapes come from hints, else from the values; places that can't be edited say why."""
    shown = fields(
        exposing(c=Config(), s={"x": 1.5, "n": None, "big": "x" * 5_000}, f=Frozen(), locked=read_only({"a": True}))
    )
    assert shown["c.lr"] == Field(
        Shape("float", minimum=1e-5, maximum=0.1, log=True, editor="slider"), doc="the learning rate"
    )
    assert shown["c.warmup"] == Field(Shape("float", nullable=True))
    assert shown["c.phase"] == Field(Shape("choice", choices=["WARM", "HOT"]))
    assert shown["c.folder"] == Field(Shape("str"))
    assert shown["c.fraction"] == Field(Shape("float", minimum=0, maximum=1))
    assert shown["c.layers.0"] == Field(Shape("int"))
    assert shown["c.hyper.rate"].shape.editor == "slider"
    assert shown["s.x"] == Field(Shape("float"))
    assert shown["s.n"] == Field(Shape("any", nullable=True))
    assert "s.big" not in shown
    assert "c" not in shown
    assert shown["f.size"].read_only == "belongs to the frozen Frozen"
    assert shown["f.inner.a"] == Field(Shape("int"))
    assert shown["locked.a"] == Field(Shape("bool"), read_only="is exposed read-only")


def test_fields_agree_with_edits() -> None:
    """What a field calls editable accepts its present value; what it calls read-only refuses it."""
    exposed = exposing(
        c=Config(), f=Frozen(), g=Guarded(), p=Point(1.0, 2.0), a=np.array(1.5), s={"t": (1, [2]), "u": {3}}
    )
    delta = exposed.delta(full=True)
    assert delta is not None
    assert delta.fields is not None
    for path, shown in delta.fields.items():
        if shown.read_only:
            with pytest.raises(CommandRefused, match="can't be set"):
                exposed.prepare({path: delta.values[path]})
        else:
            assert exposed.prepare({path: delta.values[path]}).apply().values == {path: delta.values[path]}


def test_a_value_that_was_none_takes_anything() -> None:
    """Without a declaration nothing is known about what may follow None."""
    state: dict[str, Any] = {"limit": None}
    edit(exposing(s=state), s__limit=3)
    assert state["limit"] == 3


def test_lists_dicts_and_tuples_of_scalars_are_set_as_a_whole() -> None:
    """A list may change its length and stays the same object; a dict keeps its names, a tuple its length."""
    milestones, names = [30, 60], {"a": 1, "b": 0.5}
    state: dict[str, Any] = {
        "milestones": milestones,
        "names": names,
        "pair": (1, 0.5),
        "queue": deque([1]),
        "odd": [1, "a"],
    }
    exposed = exposing(s=state)
    applied = exposed.prepare(
        {
            "s.milestones": [10, 20.0, 30],
            "s.names": {"a": 2, "b": 1},
            "s.pair": [2, 1],
            "s.queue": [],
            "s.odd": ["b", 2, None],
        }
    ).apply()
    assert milestones == [10, 20, 30]
    assert state["milestones"] is milestones
    assert state["names"] is names
    assert names == {"a": 2, "b": 1.0}
    assert type(names["b"]) is float
    assert state["pair"] == (2, 1.0)
    assert list(state["queue"]) == []
    assert state["odd"] == ["b", 2, None]
    assert applied.values["s.milestones"] == [10, 20, 30]


@pytest.mark.parametrize(
    ("path", "value", "sentence"),
    [
        ("s.list", [1, 0.5], "s.list: item 1 must be a whole number"),
        ("s.list", 3, "s.list must be a list"),
        ("s.names", {"a": 1}, "s.names must keep its names: it has 2, not 1"),
        ("s.names", {"a": 1, "c": 1}, "s.names must keep its names: it has no 'c'"),
        ("s.names", {"a": 1, "b": "x"}, "s.names.b must be a whole number"),
        ("s.names", [1], "s.names must be an object"),
        ("s.pair", [1], "s.pair must be a list of 2, not of 1"),
        ("s.nested", [[1]], "s.nested holds more than plain values"),
        ("s.deep", {"x": {}}, "s.deep holds more than plain values"),
        ("t", [1, 2], "t can't be set: it is a copy"),
    ],
)
def test_the_structure_of_a_whole_is_kept(path: str, value: Any, sentence: str) -> None:
    """Setting a whole changes no names and no types, and replaces nothing that is more than a scalar."""
    state = {"list": [1, 2], "names": {"a": 1, "b": 2}, "pair": (1, 2), "nested": [[1]], "deep": {"x": {"y": 1}}}
    with pytest.raises(CommandRefused) as refused:
        exposing(s=state, t=(1, 2)).prepare({path: value})
    assert str(refused.value).startswith(sentence)


def test_all_or_nothing_when_the_last_one_refuses() -> None:
    """A setter that raises leaves everything as it was, its own half-made change included."""
    state, guarded = {"a": 1, "list": [1]}, Guarded()
    exposed = exposing(state=state, guarded=guarded)
    planned = exposed.prepare({"state.a": 2, "state.list": [5, 6], "guarded.heat": 3})
    with pytest.raises(CommandRefused, match="too hot"):
        planned.apply()
    assert state == {"a": 1, "list": [1]}
    assert guarded.heat == 0.5


def test_a_whole_and_its_part_can_not_be_set_together() -> None:
    """Which of the two should count, nobody could say."""
    with pytest.raises(CommandRefused, match=r"'s\.a' belongs to 's': set one or the other"):
        exposing(s={"a": 1}).prepare({"s": {"a": 2}, "s.a": 3})
    with pytest.raises(CommandRefused, match="no values were given"):
        exposing(s={"a": 1}).prepare({})


def test_broken_nodes_are_refused() -> None:
    """A tagged value that is none never reaches the script."""
    exposed = exposing(s={"a": 1, "b": None})
    for node in ({"$": "int", "v": "x"}, {"$": "bytes", "v": "%%%"}, {"$": "float", "v": "nan"}, {"$": "array"}):
        with pytest.raises(CommandRefused, match=r"s\.a"):
            exposed.prepare({"s.a": node})


def test_elements_of_arrays_are_set_by_their_indices() -> None:
    """NumPy arrays and scalars keep their type; what does not fit is refused."""
    matrix, small, locked = np.zeros((2, 2)), np.zeros(2, dtype=np.int8), np.zeros(2)
    locked.flags.writeable = False
    zero_d, state = np.array(1.5), {"n": np.float32(0.5)}
    exposed = exposing(m=matrix, i=small, z=zero_d, s=state, locked=locked)
    assert edit(exposed, m__0__1=2, i__1=5.0, z=3, s__n=0.25).values == {"m.0.1": 2.0, "i.1": 5, "z": 3.0, "s.n": 0.25}
    assert matrix[0, 1] == 2.0
    assert small[1] == 5
    assert zero_d[()] == 3.0
    assert type(state["n"]) is np.float32
    for path, value, sentence in (
        ("i.0", 300, "i.0 must fit into int8"),
        ("i.0", 0.5, "i.0 must be a whole number"),
        ("s.n", 1e300, "s.n must be a finite number, and 1e"),
        ("m", [[1]], "m can't be set: it is an array; set its elements"),
        ("m.0", 1, "m.0 can't be set: it is an array"),
        ("m.2.0", 1, "there is no value 'm.2'"),
        ("locked.0", 1, "locked.0 can't be set: it belongs to a read-only array"),
    ):
        with pytest.raises(CommandRefused) as refused:
            exposed.prepare({path: value}).apply()
        assert str(refused.value).startswith(sentence)


def test_names_that_are_no_texts_can_be_set() -> None:
    """The path names a key by its text."""
    table: dict[Any, Any] = {1: 0.5, "a.b": 1, Phase.HOT: 2}
    edit(exposing(t=table), **{"t__1": 1, "t__a\\.b": 2, "t__Phase\\.HOT": 3})
    assert table == {1: 1.0, "a.b": 2, Phase.HOT: 3}


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-100, 100) | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
)
PATHS = st.sampled_from(
    ["a", "a.f", "a.i", "a.s", "a.b", "a.l", "a.l.0", "a.d", "a.d.x", "c.lr", "c.phase", "c.layers", "g.heat", "g.cold"]
)


@given(st.dictionaries(PATHS, JSON, min_size=1, max_size=4))
@settings(deadline=None)
def test_a_refused_edit_changes_nothing_and_an_applied_one_keeps_types(values: dict[str, Any]) -> None:
    """Whatever is asked is refused with a sentence and has changed nothing, or types and structure are as before."""
    state = {"f": 0.5, "i": 1, "s": "x", "b": True, "l": [1], "d": {"x": 1}}
    bindings = {"a": state, "c": Config(), "g": Guarded()}
    exposed = exposing(**bindings)
    before, shape = exposed.encode(bindings), types_of(state)
    refusal = refused({path: codec.to_node(value) for path, value in values.items()}, exposed)
    assert refusal is None or (refusal and exposed.encode(bindings) == before)
    assert types_of(state) == shape


def refused(nodes: dict[str, Any], exposed: Exposed) -> str | None:
    """The sentence with which an edit is refused; None when it is applied."""
    try:
        exposed.prepare(nodes).apply()
    except CommandRefused as refusal:
        return str(refusal)
    return None


def types_of(state: dict[str, Any]) -> dict[str, type]:
    return {name: type(item) for name, item in state.items()}
