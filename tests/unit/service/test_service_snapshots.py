"""Seeing and removing snapshots, and runs that begin with one."""

import asyncio
import threading
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from livespark.engine.base import Exited
from livespark.protocol.codec import encode
from livespark.protocol.events import SnapshotsRemoved
from livespark.protocol.ids import RunId
from livespark.protocol.live import LiveDelta, LiveDoc, merge
from livespark.protocol.runs import Fork, Reloading
from livespark.protocol.snapshots import (
    ArrayEntry,
    AutoRewind,
    InMemory,
    Manifest,
    Origin,
    Rule,
    SavedValue,
    SnapshotInfo,
    Snapshotting,
)
from livespark.service.details import detail_of
from livespark.service.live import combined, full_delta
from livespark.service.refusals import Refused
from livespark.snapshots.folder import Folder
from tests.unit.service.stage import Stage, eventually, staged, submit
from tests.unit.snapshots.drafts import array, files, some_bytes

pytestmark = pytest.mark.anyio

RULE = Rule("optimizer.lr", "*=", 0.5)


async def ended(stage: Stage, key: str = "key", **changes: object) -> RunId:
    """A run of which all is over."""
    run = await stage.running(key, **changes)
    stage.engine.end(run, Exited(-9))
    await stage.service.supervisor.look()
    return run


async def numbers(stage: Stage, run: RunId) -> list[int]:
    listed = await stage.service.snapshots.on_disk(await stage.run(run))
    return [info.number for info in listed.snapshots]


async def removed(stage: Stage, run: RunId, number: int) -> list[int]:
    left = await stage.service.snapshots.remove(await stage.run(run), number, "tester")
    return [info.number for info in left.snapshots]


@pytest.mark.parametrize("alive", [True, False])
async def test_a_snapshot_is_removed_once(tmp_path: Path, alive: bool) -> None:
    """The history says by whom; what only it held goes with it, unless a worker is there who sees to that."""
    async with staged(tmp_path) as stage:
        run = await (stage.running() if alive else ended(stage))
        for number in (1, 2):
            await stage.saved(run, number)
        before = files(stage.engine.snapshots(run).path)
        assert await removed(stage, run, 1) == await removed(stage, run, 1) == [2]
        left = files(stage.engine.snapshots(run).path)
        assert "1.json" not in left
        assert len(left) == len(before) - (1 if alive else 3)
        gone = [event for event in await stage.events(run) if isinstance(event, SnapshotsRemoved)]
        assert gone == [SnapshotsRemoved([1], "tester")]
        stage.engine.snapshots(run).open(2).close()


async def test_who_removes_at_once_does_not_get_into_each_others_way(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One folder is swept once at a time: a file that goes meanwhile is no failure of anybody."""
    both, collect, met = threading.Barrier(2, timeout=0.1), Folder.collect, []

    def watched(folder: Folder) -> int:
        with suppress(threading.BrokenBarrierError):
            met.append(both.wait())
        return collect(folder)

    monkeypatch.setattr(Folder, "collect", watched)
    async with staged(tmp_path) as stage:
        run = await ended(stage)
        for number in (1, 2, 3):
            await stage.saved(run, number)
        await asyncio.gather(*(removed(stage, run, number) for number in (1, 2, 1)))
        assert met == []
        gone = [event for event in await stage.events(run) if isinstance(event, SnapshotsRemoved)]
        assert sorted(event.numbers for event in gone) == [[1], [2]]
        assert await numbers(stage, run) == stage.engine.snapshots(run).numbers() == [3]


async def test_what_is_not_there_is_refused(tmp_path: Path) -> None:
    """With what there is; a snapshot that nobody told of can be seen and removed all the same."""
    async with staged(tmp_path) as stage:
        run = await stage.running()
        await stage.saved(run, 2)
        await stage.saved(run, 3, told=False)
        found = await stage.run(run)
        for attempt in (
            stage.service.snapshots.detail(found, 1),
            stage.service.snapshots.archive(found, 1),
            stage.service.snapshots.remove(found, 1, "tester"),
        ):
            with pytest.raises(Refused, match="no snapshot 1") as caught:
                await attempt
            assert caught.value.code == "not-found"
        assert (await stage.service.snapshots.detail(found, 3)).info.number == 3
        assert await numbers(stage, run) == [2]
        assert await removed(stage, run, 3) == [2]
        assert stage.engine.snapshots(run).numbers() == [2]


async def test_a_damaged_snapshot_says_so(tmp_path: Path) -> None:
    """And can be removed."""
    async with staged(tmp_path) as stage:
        run = await stage.running()
        await stage.saved(run, 1)
        (stage.engine.snapshots(run).path / "1.json").write_bytes(b"{}")
        for attempt in (stage.service.snapshots.detail, stage.service.snapshots.archive):
            with pytest.raises(Refused, match="snapshot 1") as caught:
                await attempt(await stage.run(run), 1)
            assert caught.value.code == "conflict"
        with pytest.raises(Refused, match="snapshot 1") as caught:
            await stage.service.runs.fork(run, Fork("fork", snapshot=1))
        assert caught.value.code == "invalid"
        assert await removed(stage, run, 1) == []


async def test_a_run_can_begin_with_a_snapshot(tmp_path: Path) -> None:
    """Its worker is told where that lies; everybody sees where the run comes from, and at which step."""
    async with staged(tmp_path) as stage:
        parent = await ended(stage, "parent")
        await stage.saved(parent, 3, step=8_800)
        child = await stage.launched("child", origin=Origin(parent, 3, "fork", fresh=["net"]), retries=2)
        origin = Origin(parent, 3, "fork", 8_800, ["net"])
        launch = stage.engine.launches[child]
        assert (launch.origin, launch.origin_dir) == (origin, str(tmp_path / "runs" / parent / "snapshots"))
        assert launch.snapshot_dir == str(tmp_path / "runs" / child / "snapshots")
        page = await stage.service.runs.page(alive_only=False, before=None, limit=5)
        assert {run.id: (run.origin, run.retries) for run in page.runs} == {child: (origin, 2), parent: (None, 0)}
        newest = await stage.launched("newest", origin=Origin(parent))
        assert stage.engine.launches[newest].origin == Origin(parent)
        assert not stage.engine.launches[newest].persistent


@pytest.mark.parametrize(
    ("origin", "sentence"),
    [
        (Origin(RunId("no-such")), "no run 'no-such'"),
        (Origin(RunId("../etc")), "no run"),
        (Origin(RunId("parent"), 9), "no snapshot 9; it has 3"),
        (Origin(RunId("parent"), 2), "no snapshot 2"),
        (Origin(RunId("parent"), -1), "no snapshot -1"),
        (Origin(RunId("empty")), "has no snapshots"),
        (Origin(RunId("parent"), 3, "retry"), "relation"),
        (Origin(RunId("parent"), 3, fresh=[""]), "fresh"),
    ],
)
async def test_an_origin_that_is_not_there_is_refused(tmp_path: Path, origin: Origin, sentence: str) -> None:
    """Before a run is made of it; a snapshot that was removed does not count."""
    async with staged(tmp_path) as stage:
        parent, empty = await ended(stage, "parent"), await ended(stage, "empty")
        for number in (2, 3):
            await stage.saved(parent, number)
        await removed(stage, parent, 2)
        real = {"parent": parent, "empty": empty}.get(origin.run, origin.run)
        meant = Origin(real, origin.snapshot, origin.relation, fresh=origin.fresh)
        with pytest.raises(Refused, match=sentence) as caught:
            await stage.service.runs.submit(submit("child", origin=meant))
        assert caught.value.code == "invalid"
        assert len((await stage.service.runs.page(alive_only=False, before=None, limit=5)).runs) == 2


async def test_a_fork_is_the_parent_with_a_difference(tmp_path: Path) -> None:
    """Entry, folder, environment and settings are the parent's. Once for each key."""
    how: dict[str, Any] = {"reloading": Reloading(guard=5), "snapshots": Snapshotting(keep=9), "retries": 3}
    async with staged(tmp_path) as stage:
        parent = await stage.running("parent", env={"A": "1"}, config={"lr": 0.1, "n": 2}, name="first", **how)
        await stage.saved(parent, 3, step=7)
        fork = Fork("fork", 3, {"lr": 0.2}, fresh=["net"])
        child, new = await stage.service.runs.fork(parent, fork)
        again, newer = await stage.service.runs.fork(parent, fork)
        assert (new, newer, again.id) == (True, False, child.id)
        await eventually(lambda: child.id in stage.engine.launches)
        launch = stage.engine.launches[child.id]
        assert (launch.snapshots, launch.reloading) == (how["snapshots"], how["reloading"])
        assert (launch.config, launch.env) == ({"lr": 0.2, "n": 2}, {"A": "1"})
        assert (child.name, child.retries, child.origin) == ("first", 3, Origin(parent, 3, "fork", 7, ["net"]))


async def test_a_fork_asked_for_again_is_the_same_when_its_snapshot_is_gone(tmp_path: Path) -> None:
    """Who has not got the answer asks once more, and the parent keeps only its newest snapshots."""
    async with staged(tmp_path) as stage:
        parent = await stage.running("parent")
        await stage.saved(parent, 3)
        child, _ = await stage.service.runs.fork(parent, Fork("fork", 3))
        await removed(stage, parent, 3)
        again, new = await stage.service.runs.fork(parent, Fork("fork", 3))
        assert (again.id, new) == (child.id, False)
        with pytest.raises(Refused, match="no snapshot 3"):
            await stage.service.runs.fork(parent, Fork("another", 3))


async def test_an_heir_has_what_it_does_not_say_itself(tmp_path: Path) -> None:
    """Field by field, also of a run that has ended; what nobody could have is refused."""
    theirs = Snapshotting(every_steps=50, keep=9, best="min:loss")
    async with staged(tmp_path) as stage:
        parent = await ended(stage, "parent", snapshots=theirs, retries=3, reloading=Reloading(guard=5))
        await stage.saved(parent, 1)
        mine: dict[str, Any] = {"origin": Origin(parent, step=99), "snapshots": Snapshotting(keep=2)}
        left = ["snapshots.every_steps", "snapshots.best", "retries", "reloading.guard"]
        child = await stage.launched("child", **mine, inherits=left)
        launch, run = stage.engine.launches[child], await stage.run(child)
        assert launch.snapshots == Snapshotting(every_steps=50, keep=2, best="min:loss")
        assert (run.retries, launch.reloading.guard, run.origin) == (3, 5, Origin(parent))
        for wrong in ({"inherits": ["env"]}, {"inherits": left, "origin": None}):
            with pytest.raises(Refused, match="inherits"):
                await stage.service.runs.submit(submit("wrong", **mine | wrong))


async def test_a_fork_of_an_ended_run_gets_the_servers_environment(tmp_path: Path) -> None:
    """The parent's was forgotten with its end. What JSON can't hold is left out."""
    async with staged(tmp_path) as stage:
        stage.service.runs._environment = {"B": "2", "C": "\udcff"}
        parent = await ended(stage, env={"A": "1"})
        await stage.saved(parent, 1)
        child, _ = await stage.service.runs.fork(parent, Fork("fork", name="mine", relation="resume"))
        await eventually(lambda: child.id in stage.engine.launches)
        assert stage.engine.launches[child.id].env == {"B": "2"}
        assert (child.name, child.origin) == ("mine", Origin(parent))


@pytest.mark.parametrize(
    ("changes", "word"),
    [
        ({"retries": -1}, "retries"),
        ({"retries": 10_001}, "retries"),
        ({"snapshots": Snapshotting(every_steps=-1)}, "every_steps"),
        ({"snapshots": Snapshotting(every_seconds=-1.0)}, "every_seconds"),
        ({"snapshots": Snapshotting(every_seconds=float("nan"))}, "every_seconds"),
        ({"snapshots": Snapshotting(keep=0)}, "keep"),
        ({"snapshots": Snapshotting(keep_best=0)}, "keep_best"),
        ({"snapshots": Snapshotting(memory=-1)}, "memory"),
        ({"snapshots": Snapshotting(best="max:")}, "best"),
        ({"snapshots": Snapshotting(rewind=AutoRewind(metric=""))}, "metric"),
        ({"snapshots": Snapshotting(rewind=AutoRewind(spike=1.0))}, "spike"),
        ({"snapshots": Snapshotting(rewind=AutoRewind(spike=float("inf")))}, "spike"),
        ({"snapshots": Snapshotting(rewind=AutoRewind(steps=-1))}, "steps"),
        ({"snapshots": Snapshotting(rewind=AutoRewind(times=0))}, "times"),
        ({"snapshots": Snapshotting(rewind=AutoRewind(rules=[Rule("", "=", 1)]))}, "rules"),
        ({"snapshots": Snapshotting(rewind=AutoRewind(rules=[Rule("lr", "/=", 0)]))}, "rules"),
        ({"snapshots": Snapshotting(rewind=AutoRewind(rules=[RULE, Rule("lr", "=", float("nan"))]))}, "rules"),
    ],
)
async def test_a_policy_that_makes_no_sense_is_refused(tmp_path: Path, changes: dict[str, Any], word: str) -> None:
    """With the name of the field."""
    async with staged(tmp_path) as stage:
        with pytest.raises(Refused, match=word) as caught:
            await stage.service.runs.submit(submit(**changes))
        assert caught.value.code == "invalid"


async def test_a_policy_reaches_the_worker(tmp_path: Path) -> None:
    """As it was given."""
    policy = Snapshotting(10, 0.0, best="min:loss", memory=0, rewind=AutoRewind(spike=3.0, rules=[RULE]))
    async with staged(tmp_path) as stage:
        run = await stage.launched(snapshots=policy, restart=True)
        assert (stage.engine.launches[run].snapshots, stage.engine.launches[run].persistent) == (policy, True)


def test_what_is_in_memory_is_part_of_the_live_document() -> None:
    """Through folding deltas and for who comes later."""
    first, second = [InMemory(1, 1.0)], [InMemory(1, 1.0), InMemory(2, 2.0, 7, 100)]
    doc = LiveDoc()
    merge(doc, LiveDelta(1, full=True, memory=second))
    assert full_delta(doc).memory == second
    both = combined(LiveDelta(1, memory=first), LiveDelta(2))
    later = combined(LiveDelta(1, memory=first), LiveDelta(2, memory=[]))
    assert both is not None
    assert later is not None
    assert (both.memory, later.memory) == (first, [])


def manifest(tree: Any, arrays: int = 2) -> Manifest:
    entries = [ArrayEntry("F32", [2, 3], "0" * 32, 24 * i, 24 * i + 24) for i in range(arrays)]
    return Manifest(1, RunId("r"), SnapshotInfo(1, 1.0, "asked"), {"v": SavedValue("T", tree)}, entries)


TREE = {
    "$": "state",
    "tree": {"fc.weight": {"$": "array", "i": 0}, "groups": [{"lr": 0.1, "betas": {"$": "tuple", "items": [0.9, 1]}}]},
    "more": {"training": True, "grad": {"$": "array", "i": 1}},
}


def test_a_tree_becomes_rows_that_people_read() -> None:
    """Arrays by path with type, shape and size; plain values as they are."""
    detail = detail_of(manifest(TREE))
    assert detail.types == {"v": "T"}
    assert detail.arrays == {"v": [("fc.weight", "F32", [2, 3], 24), ("grad", "F32", [2, 3], 24)]}
    plain = [("groups[0].lr", 0.1), ("groups[0].betas[0]", 0.9), ("groups[0].betas[1]", 1), ("training", True)]
    assert detail.plain == {"v": plain}


@pytest.mark.parametrize(
    ("tree", "rows"),
    [
        (3, [("", 3)]),
        ({"$": "float", "v": "7ff0000000000000"}, [("", {"$": "float", "v": "inf"})]),
        ({"$": "int", "v": "0x10000000000000000"}, [("", {"$": "int", "v": str(2**64)})]),
        ({"$": "float", "v": "no"}, [("", {"$": "float", "v": "no"})]),
        ({"$": "dict", "items": [[3, "x"], ["k", None], ["odd"]]}, [("[3]", "x"), ("['k']", None), ("[2][0]", "odd")]),
        ({"$": "object", "attributes": {"epoch": 4}}, [("epoch", 4)]),
        ({"$": "ref", "id": 1}, []),
        ({"$": "pickle", "i": 0}, []),
        ({"$": "array", "i": 99}, [("", {"$": "array", "i": 99})]),
        ({"$": ["odd"], "i": -1}, [("[0]", "odd")]),
        ("x" * 2_000, [("", "x" * 1_000 + "...")]),
    ],
)
def test_every_node_is_shown_somehow(tree: Any, rows: list[tuple[str, Any]]) -> None:
    """References are not followed, and what makes no sense is shown as it stands."""
    assert detail_of(manifest(tree)).plain["v"] == rows


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-3, 3) | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.sampled_from(["$", "i", "v", "items", "a", "tree"]), inner, max_size=4)
    ),
    max_leaves=20,
)


@given(JSON)
def test_no_tree_is_too_odd(tree: Any) -> None:
    """Whatever a file holds, there is an answer that goes over the wire."""
    assert encode(detail_of(manifest(tree)))


def test_large_and_deep_trees_are_cut() -> None:
    """Rows and time stay bounded."""
    deep: Any = 1
    for _ in range(5_000):
        deep = [deep]
    detail = detail_of(manifest({"deep": deep, "wide": [0] * 50_000, "arrays": [{"$": "array", "i": 0}] * 20_000}))
    assert len(detail.plain["v"]) == len(detail.arrays["v"]) == 10_000
    assert max(len(path) for path, _ in detail.plain["v"]) <= 500


async def test_arrays_of_a_real_snapshot_are_listed(tmp_path: Path) -> None:
    """As they lie in its folder."""
    async with staged(tmp_path) as stage:
        run = await stage.running()
        await stage.saved(run, 1, arrays=[array(some_bytes(1, 80), "F64", (10,))], values={"x": {"$": "array", "i": 0}})
        detail = await stage.service.snapshots.detail(await stage.run(run), 1)
        assert detail.arrays == {"x": [("", "F64", [10], 80)]}
