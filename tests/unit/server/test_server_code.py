"""A run's source, its reloads, and new source on its way to a run, over HTTP."""

import hashlib
from pathlib import Path
from typing import Any

import pytest

from livespark.protocol.commands import Reload
from livespark.protocol.events import FileChange, Reloaded, Source
from livespark.protocol.ids import RunId
from livespark.protocol.policy import Scope
from livespark.protocol.stream import EventMessage, StreamMessage
from tests.unit.server.asgi import Client, clients

pytestmark = pytest.mark.anyio


def source(path: str, text: str, step: int | None = None) -> Source:
    return Source(path, hashlib.sha256(text.encode()).hexdigest(), step, text)


async def files(client: Client, run: RunId, query: str = "") -> dict[str, str]:
    """What the run executes, as texts by path."""
    found = (await client.get(f"/api/runs/{run}/code{query}")).json["files"]
    return {file["path"]: (await client.get(f"/api/runs/{run}/code/{file['hash']}")).json["text"] for file in found}


async def test_the_source_of_any_event_and_step(tmp_path: Path) -> None:
    """Listed without texts; each text by its hash."""
    async with clients(tmp_path) as client:
        run = await client.stage.running()
        await client.stage.report(run, 2, source("train.py", "a = 1\n"), source("model.py", "", 0))
        await client.stage.report(run, 3, source("train.py", "a = 2\n", 2010))
        listed = (await client.get(f"/api/runs/{run}/code")).json
        new = source("train.py", "a = 2\n", 2010)
        assert listed["files"][1] == {"path": "train.py", "hash": new.hash, "seq": 5, "step": 2010, "size": 6}
        assert (listed["files"][0]["path"], listed["files"][0]["size"]) == ("model.py", 0)
        assert await files(client, run) == {"model.py": "", "train.py": "a = 2\n"}
        assert await files(client, run, "?step=2009") == await files(client, run, "?at=4")
        assert await files(client, run, "?at=4") == {"model.py": "", "train.py": "a = 1\n"}
        assert await files(client, run, "?at=2&step=99") == {}
        for query in ("at=-1", "at=x", "step=1.5", "steps=1", f"step={2**60}"):
            assert (await client.get(f"/api/runs/{run}/code?{query}")).status == 422


async def test_a_text_that_is_not_there_is_a_404_with_a_sentence(tmp_path: Path) -> None:
    """Never received, another run's, or no hash at all."""
    async with clients(tmp_path) as client:
        run, other = await client.stage.running("one"), await client.stage.running("two")
        await client.stage.report(run, 2, Source("a.py", "0" * 64))
        await client.stage.report(other, 2, source("b.py", "theirs\n"))
        for hash in ("0" * 64, source("b.py", "theirs\n").hash, "nonsense"):
            answer = await client.get(f"/api/runs/{run}/code/{hash}")
            assert (answer.status, answer.json["code"]) == (404, "not-found")
            assert f"no source '{hash}' of run {run} is kept" in answer.json["detail"]
        assert (await client.get(f"/api/runs/no-such/code/{'0' * 64}")).json["code"] == "run-not-found"
        assert (await client.get("/api/runs/no-such/code")).json["code"] == "run-not-found"


async def test_the_stream_carries_no_texts(tmp_path: Path) -> None:
    """Neither live nor from the store."""
    async with clients(tmp_path) as client:
        run = await client.stage.running()
        async with client.stage.reader(run) as reader:
            await client.stage.report(run, 2, source("train.py", "secret\n"))
            await reader.until(lambda messages: _sources(messages))
            assert [event.text for event in _sources(reader.messages)] == [""]
        page = await client.get(f"/api/runs/{run}/events", headers=[("accept", "application/json")])
        assert b"secret" not in page.body


def _sources(messages: list[StreamMessage]) -> list[Source]:
    events = [message.event for message in messages if isinstance(message, EventMessage)]
    return [event for event in events if isinstance(event, Source)]


async def test_reloads_in_pages(tmp_path: Path) -> None:
    """With their diffs; `next` where there are more."""
    async with clients(tmp_path) as client:
        run = await client.stage.running()
        changes = [FileChange("train.py", diff=f"+{number}\n") for number in range(3)]
        await client.stage.report(run, 2, *(Reloaded("applied", "soft", files=[change]) for change in changes))
        first = (await client.get(f"/api/runs/{run}/reloads?limit=2")).json
        assert [record["seq"] for record in first["reloads"]] == [3, 4]
        last = (await client.get(f"/api/runs/{run}/reloads?after={first['next']}")).json
        assert [record["event"]["files"][0]["diff"] for record in last["reloads"]] == ["+2\n"]
        assert last["next"] is None
        assert (await client.get(f"/api/runs/{run}/reloads?after=5")).json == {"reloads": [], "next": None}


def asking(kind: str, **fields: Any) -> dict[str, Any]:
    return {"id": f"{kind}-{len(str(fields))}", "command": {"kind": kind, **fields}}


async def test_source_may_be_larger_than_other_commands(tmp_path: Path) -> None:
    """4 MiB for a reload, 1 MiB for all else, and a sentence that says what to do."""
    async with clients(tmp_path) as client:
        run = await client.stage.running()
        path = f"/api/runs/{run}/commands"
        large = "x" * 3 * 1024**2
        assert (await client.post(path, asking("reload", files={"model.py": large}))).status == 202
        record = (await client.stage.store.open_commands(run))[0]
        assert record.command == Reload({"model.py": large})
        other = await client.post(path, asking("set", values={"text": large}))
        assert (other.status, other.json["detail"]) == (413, f"the body is larger than {1024**2} bytes")
        larger = await client.post(path, asking("reload", files={"model.py": large * 2}))
        assert larger.status == 413
        assert larger.json["detail"].endswith("4 MiB of source at most: send only the files that have changed")
        announced = await client.post(path, b"", headers=[("content-length", str(10**9))])
        assert announced.json["detail"] == larger.json["detail"]


async def test_new_source_needs_the_scope_code(tmp_path: Path) -> None:
    """Reading it does not."""
    async with clients(tmp_path) as client:
        run = await client.stage.running()
        ask = asking("reload", files={"model.py": "x = 1\n"}, skip=True, clear=["net"])
        for scope, status in ((Scope.READ, 403), (Scope.CONTROL, 403), (Scope.DATA, 403), (Scope.CODE, 202)):
            token = await client.token_of(scope)
            assert (await client.post(f"/api/runs/{run}/commands", ask, token=token)).status == status
            assert (await client.get(f"/api/runs/{run}/code", token=token)).status == 200
        for wrong in ({"files": ["model.py"]}, {"files": {"model.py": None}}, {"clear": "net"}, {"file": "x"}):
            answer = await client.post(f"/api/runs/{run}/commands", asking("reload", **wrong))
            assert answer.status == 422


@pytest.mark.parametrize(
    ("reloading", "word"), [({"guard": -1}, "guard"), ({"metric": ""}, "metric"), ({"watch": "yes"}, "watch")]
)
async def test_how_a_run_reloads_is_checked(tmp_path: Path, reloading: dict[str, Any], word: str) -> None:
    """When it is submitted, with the name of the field."""
    submit: dict[str, Any] = {"key": "k", "entry": {"script": "x.py"}, "cwd": "/", "python": "python", "env": {}}
    async with clients(tmp_path) as client:
        answer = await client.post("/api/runs", submit | {"reloading": reloading})
        assert answer.status == 422
        assert word in answer.json["detail"]
        assert (await client.post("/api/runs", submit | {"reloading": {"watch": True, "guard": 10}})).status == 201
