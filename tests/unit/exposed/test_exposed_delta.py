"""Snapshots handed from thread to thread, and the differences between them."""

import gc
import math
import threading
import weakref
from dataclasses import dataclass
from typing import Any

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from livespark.protocol import codec, paths
from livespark.protocol.live import LiveDelta, LiveDoc, merge
from livespark.runtime.exposed.exposed import Exposed
from livespark.runtime.exposed.snapshot import ExposedDelta


def exposing(**bindings: Any) -> Exposed:
    exposed = Exposed()
    exposed.replace(bindings)
    return exposed


def sample(exposed: Exposed) -> ExposedDelta | None:
    exposed.sample()
    return exposed.delta(full=False)


def received(doc: LiveDoc, delta: ExposedDelta | None) -> None:
    """What a client does with a delta that has come over the wire."""
    if delta is not None:
        live = LiveDelta(
            version=doc.version + 1,
            full=delta.full,
            values=delta.values,
            dropped=delta.dropped,
            fields=delta.fields,
            functions=delta.functions,
        )
        merge(doc, codec.decode(codec.encode(live), LiveDelta))


def test_only_what_changed_is_sent() -> None:
    """Changed values alone; nothing at all when nothing changed, NaN included."""
    state = {"a": 1.0, "b": 2, "nan": math.nan, "array": np.array([math.nan]), "flag": True}
    exposed = exposing(s=state)
    exposed.delta(full=False)
    assert sample(exposed) is None
    state["a"] = 1.5
    state["flag"] = 1
    delta = sample(exposed)
    assert delta is not None
    assert delta.values == {"s.a": 1.5, "s.flag": 1}
    assert type(delta.values["s.flag"]) is int
    assert delta.dropped == []
    assert delta.functions is None
    state["nan"], state["array"] = float("nan"), np.array([float("nan")])
    assert sample(exposed) is None


def test_fields_are_sent_only_when_they_change() -> None:
    """New numbers are no news for fields; a new type is."""
    state: dict[str, Any] = {"a": 1.0}
    exposed = exposing(s=state)
    first = exposed.delta(full=False)
    assert first is not None
    assert first.fields is not None
    state["a"] = 2.0
    second = sample(exposed)
    assert second is not None
    assert second.fields is None
    state["a"] = "text"
    third = sample(exposed)
    assert third is not None
    assert third.fields is not None
    assert third.fields["s.a"].shape.type == "str"


def test_what_went_is_dropped() -> None:
    """A removed value is named, with everything below it."""
    state: dict[str, Any] = {"a": {"x": 1}, "b": 2}
    exposed = exposing(s=state)
    exposed.delta(full=False)
    del state["a"]
    delta = sample(exposed)
    assert delta is not None
    assert delta.dropped == ["s.a", "s.a.x"]
    assert delta.values == {"s": {"$": "dict", "n": 1}}


def test_a_change_of_order_is_sent_whole() -> None:
    """Merging can't reorder, so a value that came in between has everything sent again; what went is named, too."""
    first: dict[str, Any] = {"x": 1, "y": 2}
    exposed = exposing(first=first, last={"z": 3})
    exposed.delta(full=False)
    del first["x"]
    first["w"] = 4
    delta = sample(exposed)
    assert delta is not None
    assert delta.full
    assert list(delta.values) == ["first", "first.y", "first.w", "last", "last.z"]
    assert delta.dropped == ["first.x"]


def test_a_full_delta_repeats_everything() -> None:
    """For a receiver that knows nothing, whatever was sent before."""
    exposed = exposing(s={"a": 1}, f=len)
    exposed.delta(full=False)
    delta = exposed.delta(full=True)
    assert delta is not None
    assert delta.full
    assert delta.values == {"s": {"$": "dict", "n": 1}, "s.a": 1}
    assert delta.fields is not None
    assert delta.functions is not None
    assert list(delta.functions) == ["f"]
    assert Exposed().delta(full=True) == ExposedDelta(True, {}, [], {}, {})
    assert Exposed().delta(full=False) is None


def test_a_running_function_is_marked() -> None:
    """Starting and ending a call is a change of the functions, seen without a sample."""
    exposed = exposing(train=len)
    exposed.delta(full=True)
    exposed.set_running("train", True)
    started = exposed.delta(full=False)
    assert started is not None
    assert started.functions is not None
    assert started.functions["train"].running
    assert exposed.delta(full=False) is None
    exposed.set_running("train", False)
    ended = exposed.delta(full=False)
    assert ended is not None
    assert ended.functions is not None
    assert not ended.functions["train"].running


@dataclass
class Thing:
    value: Any


KEYS = st.text(max_size=4)
LEAVES = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(st.characters(), max_size=8)
    | st.binary(max_size=8)
    | st.lists(st.floats(), max_size=3).map(np.array)
    | st.just(len)
    | st.just(object())
)
TREES = st.recursive(
    LEAVES,
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(KEYS, inner, max_size=4)
        | st.tuples(inner, inner)
        | st.builds(Thing, inner)
    ),
    max_leaves=20,
)
BINDINGS = st.dictionaries(KEYS.filter(bool), TREES, max_size=4)


@given(st.lists(BINDINGS, min_size=1, max_size=5))
@settings(max_examples=50, deadline=None)
def test_merged_deltas_equal_the_full_document(versions: list[dict[str, Any]]) -> None:
    """A client that merges every delta sees what one sees that asks anew, in the same order."""
    exposed, doc = Exposed(), LiveDoc()
    for version in versions:
        exposed.replace(version)
        received(doc, exposed.delta(full=False))
        whole = LiveDoc()
        twin = Exposed()
        twin.replace(version)
        received(whole, twin.delta(full=True))
        assert list(doc.values.items()) == list(whole.values.items())
        assert doc.fields == whole.fields
        assert doc.functions == whole.functions
        for path in (*doc.values, *doc.functions):
            above = paths.split(path)[:-1]
            assert not above or list(doc.values).index(paths.join(above)) >= 0
            assert not above or path in doc.functions or before(doc, paths.join(above), path)


def before(doc: LiveDoc, parent: str, path: str) -> bool:
    order = list(doc.values)
    return order.index(parent) < order.index(path)


@given(TREES)
@settings(deadline=None)
def test_any_value_becomes_a_node(value: Any) -> None:
    """Results of calls never fail to be encoded."""
    assert codec.encode(Exposed().encode(value))


def test_a_snapshot_keeps_no_object_alive() -> None:
    """What the script lets go is freed, though it was shown a moment ago."""
    state: dict[str, Any] = {"thing": Thing(Thing([1])), "array": np.zeros(10)}
    references = [weakref.ref(item) for item in (state["thing"], state["thing"].value, state["array"])]
    exposed = exposing(s=state)
    exposed.delta(full=True)
    gc.collect()
    gc.disable()
    try:
        exposed.sample()
        state.clear()
        assert [reference() for reference in references] == [None, None, None]
    finally:
        gc.enable()


def test_sampling_and_sending_on_two_threads() -> None:
    """The link's thread sees consistent snapshots while the training thread goes on sampling."""
    state = {f"v{index}": 0 for index in range(50)}
    exposed, doc, done = exposing(s=state), LiveDoc(), threading.Event()

    def send() -> None:
        while not done.is_set():
            received(doc, exposed.delta(full=False))
            assert len({doc.values[f"s.v{index}"] for index in range(50)}) == 1

    failures: list[BaseException] = []
    thread = threading.Thread(target=lambda: guarded(send, failures))
    thread.start()
    for step in range(2_000):
        state.update(dict.fromkeys(state, step))
        exposed.sample()
    done.set()
    thread.join()
    assert failures == []
    received(doc, exposed.delta(full=False))
    assert doc.values["s.v0"] == 1_999


def guarded(function: Any, failures: list[BaseException]) -> None:
    try:
        function()
    except BaseException as error:
        failures.append(error)
