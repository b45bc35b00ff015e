"""Snapshots and forks over HTTP."""

import tarfile
from pathlib import Path
from typing import Any

import pytest

from livespark.client import AsyncClient
from livespark.protocol.ids import RunId
from livespark.protocol.policy import Scope
from livespark.snapshots.folder import Folder
from tests.unit.server.asgi import Client, clients, hosted
from tests.unit.snapshots.drafts import LARGE, array, opened, some_bytes

pytestmark = pytest.mark.anyio


async def started(client: Client, *numbers: int) -> str:
    """The path of a running run with these snapshots."""
    run = await client.stage.running()
    for number in numbers:
        await client.stage.saved(run, number, step=100 * number)
    return f"/api/runs/{run}"


async def test_snapshots_are_listed_and_shown(tmp_path: Path) -> None:
    """Oldest first; in detail without their arrays' bytes."""
    async with clients(tmp_path) as client:
        run = await started(client, 1, 2)
        listed = (await client.get(f"{run}/snapshots")).json["snapshots"]
        assert [(each["number"], each["step"], each["cause"]) for each in listed] == [
            (1, 100, "asked"),
            (2, 200, "asked"),
        ]
        detail = await client.get(f"{run}/snapshots/2")
        assert detail.json["info"]["step"] == 200
        assert detail.json["types"] == {"net": "builtins.dict"}
        assert detail.json["plain"] == {"net": [["lr", 0.1]]}


async def test_a_download_is_a_folder_of_snapshots(tmp_path: Path) -> None:
    """Of announced length, in pieces, under a name of its own; unpacked, it verifies."""
    large, target = some_bytes(3, 60 * LARGE), tmp_path / "otter.tar"
    async with hosted(tmp_path) as server, AsyncClient(server.url, token=server.client.token) as client:
        path = await started(server.client)
        run = path.rpartition("/")[2]
        await server.client.stage.saved(RunId(run), 7, arrays=[array(large)])
        head = await server.client.get(f"{path}/snapshots/7/download")
        await client.run(run).download_snapshot(7, target)
    assert (head.status, head.headers["content-type"]) == (200, "application/x-tar")
    assert int(head.headers["content-length"]) == target.stat().st_size
    assert head.headers["content-disposition"] == f'attachment; filename="{run}-7.tar"'
    with tarfile.open(target) as tar:
        tar.extractall(tmp_path / "unpacked", filter="data")
    assert opened(Folder(tmp_path / "unpacked"), 7) == [large]


async def test_removing_answers_with_what_is_left(tmp_path: Path) -> None:
    """Twice is as good as once."""
    async with clients(tmp_path) as client:
        run = await started(client, 1, 2)
        for _ in range(2):
            answer = await client.ask("DELETE", f"{run}/snapshots/1")
            assert (answer.status, [each["number"] for each in answer.json["snapshots"]]) == (200, [2])
        for path in ("/snapshots/1", "/snapshots/1/download"):
            assert (await client.get(run + path)).json["code"] == "not-found"


@pytest.mark.parametrize("number", ["0", "-1", "x", "1.0", "01x", "²", "9" * 40, "1 ", "..", "%2e%2e"])
async def test_a_number_that_names_no_snapshot_is_a_404(tmp_path: Path, number: str) -> None:
    """Whatever it looks like."""
    async with clients(tmp_path) as client:
        run = await started(client, 3)
        for method, more in (("GET", ""), ("DELETE", ""), ("GET", "/download")):
            answer = await client.ask(method, f"{run}/snapshots/{number}{more}")
            assert (answer.status, answer.json["code"]) == (404, "not-found")


async def test_a_damaged_snapshot_is_a_409_with_a_sentence(tmp_path: Path) -> None:
    """Not an answer that breaks off."""
    async with clients(tmp_path) as client:
        run = await started(client, 1)
        for each in (tmp_path / run.removeprefix("/api/") / "snapshots" / "objects").iterdir():
            each.unlink()
        answer = await client.get(f"{run}/snapshots/1/download")
        assert (answer.status, answer.json["code"]) == (409, "conflict")
        assert (await client.get(f"{run}/snapshots/1")).status == 200


async def test_forking_submits_a_run(tmp_path: Path) -> None:
    """Once for each key; what is wrong with it is said."""
    async with clients(tmp_path) as client:
        run = await started(client, 3)
        body: dict[str, Any] = {"key": "k", "snapshot": 3, "config": {"lr": 0.5}, "name": "second"}
        first, second = await client.post(f"{run}/fork", body), await client.post(f"{run}/fork", body)
        assert (first.status, second.status) == (201, 200)
        assert first.json["id"] == second.json["id"]
        parent = run.rpartition("/")[2]
        assert first.json["origin"] == {"run": parent, "snapshot": 3, "relation": "fork", "step": 300}
        listed = (await client.get("/api/runs")).json["runs"]
        assert [each.get("origin", {}).get("run") for each in listed if each["id"] == first.json["id"]] == [parent]
        wrong: list[dict[str, Any]] = [
            {"snapshot": 4},
            {"relation": "retry"},
            {"fresh": "net"},
            {"fresh": [""]},
            {"key": ""},
            {"more": 1},
        ]
        for change in wrong:
            answer = await client.post(f"{run}/fork", {"key": str(change)} | change)
            assert (answer.status, answer.json["code"]) == (422, "invalid")
        assert (await client.post("/api/runs/no-such/fork", body)).json["code"] == "run-not-found"


async def test_who_may_do_what_with_snapshots(tmp_path: Path) -> None:
    """Seeing is reading, removing is changing data, forking executes code."""
    async with clients(tmp_path) as client:
        run = await started(client, 1, 2, 3, 4, 5)
        scopes = [await client.token_of(scope) for scope in (Scope.READ, Scope.CONTROL, Scope.DATA, Scope.CODE)]
        for path, statuses in (("/snapshots", [200] * 4), ("/snapshots/5/download", [200] * 4)):
            assert [(await client.get(run + path, token=token)).status for token in scopes] == statuses
        removals = [await client.ask("DELETE", f"{run}/snapshots/{n}", token=t) for n, t in enumerate(scopes, 1)]
        assert [answer.status for answer in removals] == [403, 403, 200, 200]
        forks = [await client.post(f"{run}/fork", {"key": token}, token=token) for token in scopes]
        assert [answer.status for answer in forks] == [403, 403, 403, 201]
        rewind = {"kind": "rewind", "snapshot": 5}
        asked = [await client.post(f"{run}/commands", {"id": t, "command": rewind}, token=t) for t in scopes]
        assert [answer.status for answer in asked] == [403, 202, 202, 202]
