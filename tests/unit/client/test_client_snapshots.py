"""A run's snapshots as a client sees them, against a scripted server."""

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from livespark.client import AsyncClient
from livespark.errors import CommandRefused, Invalid, NotFound, RequestRefused, ServerUnavailable
from livespark.protocol.snapshots import SnapshotInfo
from tests.unit.client.scripted import HEAD, Answer, Cut, ScriptedServer, Stream, problem
from tests.unit.client.test_client_http import RUN
from tests.unit.client.test_client_proxy import LIVE, Held, answered

INFO: dict[str, Any] = {"number": 7, "time": 1.5, "cause": "asked", "step": 1622, "metrics": {"loss": "nan"}}
SEEN = SnapshotInfo(7, 1.5, "asked", 1622, metrics={"loss": "nan"})
DETAIL = {"info": INFO, "types": {"net": "Net"}, "arrays": {"net": [["w", "F32", [2], 8]]}, "plain": {"net": []}}
FORKED = RUN | {"id": "fork", "origin": {"run": "otter", "snapshot": 7, "relation": "fork"}}


@pytest.fixture
def held() -> Iterator[Held]:
    it = Held()
    with it.server, it.api:
        yield it


def test_taking_a_snapshot(held: Held) -> None:
    """The answer is what was saved; a refusal is raised with its reason."""
    held.answers(answered(value=INFO))
    assert held.run.snapshot("best yet") == SEEN
    assert held.command == {"kind": "snapshot", "label": "best yet"}
    held.run.snapshot()
    assert held.command == {"kind": "snapshot"}
    held.answers(answered("refused", message="the disk is full"))
    with pytest.raises(CommandRefused, match="the disk is full"):
        held.run.snapshot()


def test_rewinding(held: Held) -> None:
    """To a snapshot, to a step, or to the newest; with values that are set then."""
    held.answers(answered(value={"snapshot": 7, "step": 1622}))
    assert held.run.rewind() == {"snapshot": 7, "step": 1622}
    assert held.command == {"kind": "rewind"}
    held.run.rewind(7)
    assert held.command == {"kind": "rewind", "snapshot": 7}
    held.run.rewind(step=8_800, values={"optimizer.lr": float("nan")}, skip=True)
    nan = {"$": "float", "v": "nan"}
    assert held.command == {"kind": "rewind", "step": 8_800, "values": {"optimizer.lr": nan}, "skip": True}


def test_seeing_snapshots(held: Held) -> None:
    """The list, and one in detail."""
    held.server.always["/api/runs/otter/snapshots"] = Answer({"snapshots": [INFO]})
    held.server.always["/api/runs/otter/snapshots/7"] = Answer(DETAIL)
    held.server.always["/api/runs/otter/snapshots/8"] = problem(404, "not-found", "no snapshot 8")
    assert held.run.snapshots() == [SEEN]
    assert held.run.snapshot_detail(7).arrays == {"net": [("w", "F32", [2], 8)]}
    with pytest.raises(NotFound, match="no snapshot 8"):
        held.run.snapshot_detail(8)


def test_removing_a_snapshot(held: Held) -> None:
    """Asked for again where the connection breaks."""
    held.answers(Cut(), Answer({"snapshots": []}))
    held.run.remove_snapshot(7)
    assert [(each.method, each.target) for each in held.server.requests[-2:]] == [
        ("DELETE", "/api/runs/otter/snapshots/7")
    ] * 2


def test_downloading_a_snapshot(held: Held, tmp_path: Path) -> None:
    """Whole, also where it takes a second connection; nothing is left of what failed."""
    target, content = tmp_path / "otter-7.tar", bytes(range(256)) * 4096
    held.answers(Cut(), Answer(content, headers=HEAD | {"Content-Type": "application/x-tar"}))
    held.run.download_snapshot(7, target)
    assert target.read_bytes() == content
    assert held.server.requests[-1].target == "/api/runs/otter/snapshots/7/download"
    held.answers(problem(404, "not-found", "no snapshot 8"))
    with pytest.raises(NotFound):
        held.run.download_snapshot(8, str(tmp_path / "other.tar"))
    assert list(tmp_path.iterdir()) == [target]
    held.answers(Answer(content))
    with pytest.raises(OSError, match="no-such"):
        held.run.download_snapshot(7, tmp_path / "no-such" / "x.tar")


def test_a_download_that_breaks_off_is_tried_again(held: Held, tmp_path: Path) -> None:
    """What is there at the end is whole; given up, the file of before is untouched."""
    target = tmp_path / "x.tar"
    target.write_bytes(b"before")
    short = Stream((b"half",), "reset")
    held.answers(short)
    with pytest.raises(ServerUnavailable, match="no connection"):
        held.run.download_snapshot(7, target)
    assert [(each.name, each.read_bytes()) for each in tmp_path.iterdir()] == [("x.tar", b"before")]
    held.answers(short, short, Answer(b"whole"))
    held.run.download_snapshot(7, target)
    assert target.read_bytes() == b"whole"


def test_forking(held: Held) -> None:
    """The new run comes back; each fork has a key of its own."""
    held.answers(Answer(FORKED, 201))
    child = held.run.fork(7, config={"lr": 0.5}, name="second", fresh="net")
    assert (child.id, child.origin.run if child.origin else None) == ("fork", "otter")
    body = held.server.requests[-1].json()
    key = body.pop("key")
    assert body == {"snapshot": 7, "config": {"lr": 0.5}, "name": "second", "fresh": ["net"]}
    held.run.fork()
    other = held.server.requests[-1].json()
    assert (other.pop("key") != key, other) == (True, {})
    held.answers(problem(422, "invalid", "run otter has no snapshots"))
    with pytest.raises(Invalid, match="no snapshots"):
        held.run.fork()


def test_a_binding_of_such_a_name_is_still_an_item(held: Held) -> None:
    """What a run exposes as `snapshot` is not lost."""
    held.shows(LIVE | {"values": {"snapshot": 7}, "functions": {"fork": {}}})
    assert held.run["snapshot"] == 7
    held.answers(answered(value=3))
    assert held.run["fork"]() == 3


def test_the_same_for_asyncio_code(tmp_path: Path) -> None:
    """Every one of them is there."""

    async def ask(server: ScriptedServer) -> list[Any]:
        async with AsyncClient(server.url, token="t") as client:
            proxy = client.run("otter")
            results: list[Any] = [await proxy.snapshot("x"), await proxy.rewind(7)]
            server.script[:] = [Answer({"snapshots": [INFO]})]
            results.append(await proxy.snapshots())
            await proxy.remove_snapshot(7)
            server.script[:] = [Answer(DETAIL)]
            results.append((await proxy.snapshot_detail(7)).info)
            server.script[:] = [Answer(b"tar")]
            await proxy.download_snapshot(7, tmp_path / "x.tar")
            server.script[:] = [Answer(FORKED)]
            return [*results, (await proxy.fork()).id]

    with ScriptedServer(answered(value=INFO)) as server:
        assert asyncio.run(ask(server)) == [SEEN, INFO, [SEEN], SEEN, "fork"]
        assert (tmp_path / "x.tar").read_bytes() == b"tar"


def test_what_is_no_snapshot_is_refused(held: Held) -> None:
    """By the server, with its words."""
    held.answers(problem(409, "conflict", "snapshot 7 can't be used"))
    with pytest.raises(RequestRefused, match="can't be used"):
        held.run.snapshot_detail(7)
