"""Snapshots over HTTP, for those who mean harm or go away: no traceback, no leak, no way around the scopes."""

import asyncio
import logging
import os
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from random import Random
from typing import Any

import psutil
import pytest

from livespark.engine.base import Exited
from livespark.protocol.ids import RunId
from livespark.protocol.policy import Scope
from tests.unit.server.asgi import Client, Server, clients, hosted
from tests.unit.service.stage import eventually
from tests.unit.snapshots.drafts import LARGE, array, some_bytes

pytestmark = pytest.mark.anyio


@pytest.fixture
def quiet(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    """Nothing that is logged is an error, or has a traceback."""
    yield
    ours = [record for record in caplog.get_records("call") if record.name.startswith("livespark")]
    loud = [record for record in ours if record.levelno >= logging.ERROR or record.exc_info]
    assert loud == [], caplog.text


async def saved(client: Client, *numbers: int, **more: Any) -> RunId:
    run = await client.stage.running()
    for number in numbers:
        await client.stage.saved(run, number, step=number, **more)
    return run


def objects(home: Path, run: RunId) -> list[Path]:
    return sorted((home / "runs" / run / "snapshots" / "objects").iterdir())


@asynccontextmanager
async def opened(server: Server, path: str) -> AsyncIterator[asyncio.StreamReader]:
    """A connection on which the head of the answer has been read; broken off at the end."""
    reader, writer = await asyncio.open_connection("127.0.0.1", server.port, limit=2**16)
    head = (
        f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{server.port}\r\nAuthorization: Bearer {server.client.token}\r\n\r\n"
    )
    writer.write(head.encode())
    try:
        assert b" 200 " in await reader.readuntil(b"\r\n\r\n")
        yield reader
    finally:
        writer.transport.abort()
        with suppress(OSError):
            await writer.wait_closed()


async def test_a_worker_only_reports(tmp_path: Path) -> None:
    async with clients(tmp_path) as client:
        run, other = await saved(client, 1), await saved(client, 1)
        token = await client.token_of(Scope.WORKER, run)
        for each in (run, other):
            path = f"/api/runs/{each}"
            for method, rest in (
                ("GET", "/snapshots"),
                ("GET", "/snapshots/1"),
                ("GET", "/snapshots/1/download"),
                ("DELETE", "/snapshots/1"),
                ("POST", "/fork"),
            ):
                answer = await client.ask(method, path + rest, b'{"key":"k"}', token=token)
                assert answer.status == 403, (method, rest)


@pytest.mark.parametrize(
    "rest", ["%00", "1%00", "..%2f1", "%2e%2e/objects", "٣", "1/../../x", "9" * 5000, "0x1", "1e0", "+1"]
)
async def test_what_is_no_number_is_not_found(tmp_path: Path, quiet: None, rest: str) -> None:
    async with clients(tmp_path) as client:
        run = await saved(client, 1)
        for method, more in (("GET", ""), ("GET", "/download"), ("DELETE", "")):
            answer = await client.ask(method, f"/api/runs/{run}/snapshots/{rest}{more}")
            assert answer.status in (404, 405)
            assert len(answer.body) < 2000


@pytest.mark.parametrize(
    "body",
    [
        {"snapshot": -1},
        {"snapshot": 2**70},
        {"snapshot": 0},
        {"name": "\0\x1b[2J"},
        {"fresh": ["x" * 10**5]},
        {"fresh": ["\0"]},
        {"config": {"a": {"$": "no such kind"}}},
        {"config": {"\0": 1}},
        {"relation": "retry"},
        {"env": {"A": "B"}},
        {"key": ""},
        {"key": "k" * 10**5},
    ],
)
async def test_forks_of_any_kind_are_answered_and_change_nothing_else(
    tmp_path: Path, quiet: None, body: dict[str, Any]
) -> None:
    async with clients(tmp_path) as client:
        run = await saved(client, 1)
        answer = await client.post(f"/api/runs/{run}/fork", {"key": "k", **body})
        assert answer.status in (201, 400, 409, 413, 422), answer.body[:300]
        assert (await client.get(f"/api/runs/{run}/snapshots")).status == 200


async def test_nobody_is_shown_the_environment(tmp_path: Path) -> None:
    """Neither a run's own nor what a fork takes over of its parent's."""
    async with clients(tmp_path) as client:
        run = await client.stage.running(env={"API_KEY": "hidden-secret"})
        await client.stage.saved(run, 1)
        token = await client.token_of(Scope.CODE)
        fork = await client.post(f"/api/runs/{run}/fork", {"key": "k"}, token=token)
        child = fork.json["id"]
        await client.stage.until_state(child, (await client.stage.run(child)).state)
        for id in (run, child):
            for path in ("", "/events", "/snapshots", "/snapshots/1", "/live", "/output"):
                answer = await client.get(f"/api/runs/{id}{path}", token=token)
                assert b"hidden-secret" not in answer.body + str(answer.headers).encode()


async def test_a_label_is_short(tmp_path: Path) -> None:
    async with clients(tmp_path) as client:
        run = await saved(client)
        for length, status in ((200, 202), (201, 422), (10**5, 422)):
            body = {"id": f"c{length}", "command": {"kind": "snapshot", "label": "x" * length}}
            assert (await client.post(f"/api/runs/{run}/commands", body)).status == status


async def test_what_is_not_a_file_is_not_read(tmp_path: Path, quiet: None) -> None:
    """Links, pipes and folders in the places of a snapshot's files; none is followed, none blocks."""
    secret = tmp_path / "secret"
    secret.write_text("hidden-secret")
    made: tuple[Callable[[Path], object], ...] = (
        lambda path: path.symlink_to(secret),
        lambda _: None,
        os.mkfifo,
        os.mkdir,
    )
    async with clients(tmp_path) as client:
        for make in made:
            run = await saved(client, 1)
            folder = tmp_path / "runs" / run / "snapshots"
            for path in (folder / "1.json", objects(tmp_path, run)[0]):
                kept = path.read_bytes()
                path.unlink()
                make(path)
                answers = [await client.get(f"/api/runs/{run}/snapshots/1{more}") for more in ("", "/download")]
                assert {answer.status for answer in answers} <= {200, 404, 409}
                assert answers[1].status in (404, 409)
                assert not any(b"hidden-secret" in answer.body for answer in answers)
                if path.is_dir() and not path.is_symlink():
                    path.rmdir()
                else:
                    path.unlink(missing_ok=True)
                path.write_bytes(kept)
            assert (await client.get(f"/api/runs/{run}/snapshots/1/download")).status == 200


async def test_all_at_once(tmp_path: Path, quiet: None) -> None:
    """Removed, read, downloaded and forked from at the same time: each is answered with what it may be."""
    chance = Random(3)
    async with clients(tmp_path) as client:
        run = await saved(client, *range(1, 13), arrays=[array(some_bytes(3, 20 * LARGE))])
        path = f"/api/runs/{run}"

        async def one(index: int) -> tuple[str, int]:
            number = chance.randint(1, 12)
            kind = chance.choice(("delete", "detail", "download", "fork", "list"))
            if kind == "fork":
                answer = await client.post(f"{path}/fork", {"key": f"k{index}", "snapshot": number})
            elif kind == "delete":
                answer = await client.ask("DELETE", f"{path}/snapshots/{number}")
            else:
                more = {"detail": f"/{number}", "download": f"/{number}/download", "list": ""}[kind]
                answer = await client.get(f"{path}/snapshots{more}")
            return kind, answer.status

        found = set(await asyncio.gather(*(one(index) for index in range(120))))
    allowed = {
        "delete": {200},
        "detail": {200, 404, 409},
        "download": {200, 404, 409},
        "fork": {201, 422},
        "list": {200},
    }
    assert all(status in allowed[kind] for kind, status in found), found


async def test_files_that_vanish_and_clients_that_leave(tmp_path: Path, quiet: None) -> None:
    """In the middle of a download: the connection ends early, no file stays open, and the server goes on."""
    async with hosted(tmp_path) as server:
        run = await saved(server.client, 1, arrays=[array(some_bytes(3, 400 * LARGE))])
        path = f"/api/runs/{run}/snapshots/1/download"
        for _ in range(5):
            async with opened(server, path) as reader:
                await reader.readexactly(10**5)
        async with opened(server, path) as reader:
            os.truncate(max(objects(tmp_path, run), key=lambda each: each.stat().st_size), 2 * 1024**2)
            with pytest.raises(asyncio.IncompleteReadError):
                await reader.readexactly(400 * LARGE)
        for _ in range(500):
            await asyncio.sleep(0.01)
            if not (files := [each.path for each in psutil.Process().open_files() if "/objects/" in each.path]):
                break
        assert files == []
        assert (await server.client.get(f"/api/runs/{run}/snapshots")).status == 200


async def test_a_large_download_needs_little_memory(tmp_path: Path, full: bool) -> None:
    """Of a reader that is slower than the disk, too."""
    size = (5 * 1024 if full else 200) * 1024**2
    async with hosted(tmp_path) as server:
        run = await saved(server.client, 1, arrays=[array(some_bytes(3, 40 * LARGE))])
        os.truncate(max(objects(tmp_path, run), key=lambda each: each.stat().st_size), size)
        async with opened(server, f"/api/runs/{run}/snapshots/1/download") as reader:
            await reader.readexactly(10**6)
            await asyncio.sleep(0.2)
            before, left = psutil.Process().memory_info().rss, size - 10**6
            while left > 0:
                piece = await reader.read(2**20)
                assert piece
                left -= len(piece)
        assert psutil.Process().memory_info().rss - before < 48 * 1024**2


async def test_a_slow_download_keeps_the_server(tmp_path: Path) -> None:
    """One that would end because nobody needs it: somebody does, for much longer than it waits."""
    size = 100 * 1024**2
    async with hosted(tmp_path, idle_timeout=100.0) as server:
        stage, run = server.client.stage, await saved(server.client, 1, arrays=[array(some_bytes(3, 40 * LARGE))])
        stage.engine.end(run, Exited(-9))
        await stage.service.supervisor.look()
        assert stage.service.alive == 0
        os.truncate(max(objects(tmp_path, run), key=lambda each: each.stat().st_size), size)
        async with opened(server, f"/api/runs/{run}/snapshots/1/download") as reader:
            for _ in range(5):
                await reader.readexactly(size // 5)
                stage.clock.advance(60.0)
        assert not stage.left.is_set()
        for _ in range(10):
            stage.clock.advance(60.0)
            await asyncio.sleep(0)
        await eventually(stage.left.is_set)
