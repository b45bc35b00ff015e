"""Bodies and parameters: what is wrong with them is said, and nothing grows without bound."""

import json
import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from livespark.protocol.policy import Scope
from livespark.server.bodies import decode_body, decode_query
from livespark.server.handlers.events import EventsQuery
from livespark.service.refusals import Refused
from livespark.store.base import StorageFull
from tests.unit.server.asgi import Client, clients

pytestmark = pytest.mark.anyio

SUBMIT: dict[str, Any] = {"key": "k", "entry": {"script": "x.py"}, "cwd": "/", "python": "python", "env": {"A": "1"}}


async def test_submitting_twice_under_one_key(tmp_path: Path) -> None:
    """201 for the first time, 200 for the same run after that."""
    async with clients(tmp_path) as client:
        first = await client.post("/api/runs", SUBMIT)
        again = await client.post("/api/runs", SUBMIT)
        assert (first.status, again.status) == (201, 200)
        assert first.json["id"] == again.json["id"]
        assert "env" not in first.json


MALFORMED = [b"", b"{", b"nope", b"NaN", b"\0", b'{"x" 1}']
MISFIT = [
    b"[" * 100_000,
    b'{"code":' * 5000,
    b"1 2",
    b"null",
    b"[]",
    b'{"x": 1,}',
    b'{"x": "\xff"}',
    b'{"x": "\\ud800"}',
]


@pytest.mark.parametrize(
    ("body", "statuses"), [*((b, {400}) for b in MALFORMED), *((b, {400, 413, 422}) for b in MISFIT)]
)
async def test_malformed_json_is_a_400(tmp_path: Path, body: bytes, statuses: set[int]) -> None:
    """Broken, not UTF-8, nested beyond any parser: one error shape, on every route that takes a body."""
    async with clients(tmp_path) as client:
        run = await client.stage.running()
        worker = await client.token_of(Scope.WORKER, run)
        for path, token in (("/api/runs", None), ("/api/session", ""), ("/api/worker/report", worker)):
            answer = await client.post(path, body, token=token)
            assert answer.status in statuses
            assert answer.json["detail"]


@pytest.mark.parametrize("text", [b"\xff", b"\\ud800", b"\\udc00x", b"\xed\xa0\x80", b"\n"])
async def test_strings_that_are_no_text_are_a_400(tmp_path: Path, text: bytes) -> None:
    """Bytes that are not UTF-8, lone surrogates, raw line ends."""
    async with clients(tmp_path) as client:
        assert (await client.post("/api/session", b'{"code": "%b"}' % text, token="")).status == 400


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"cwd": 5}, "`cwd`"),
        ({"env": {"A": 1}}, "`env"),
        ({"entry": {"script": "x", "more": 1}}, "`more`"),
        ({"mode": "fast"}, "`mode`"),
        ({"key": None}, "`key`"),
        ({"surplus": 1}, "`surplus`"),
        ({"cwd": "here"}, "`cwd`"),
        ({"config": {"a": json.loads("[" * 70 + "]" * 70)}}, "levels deep"),
    ],
)
async def test_what_is_wrong_is_named(tmp_path: Path, change: dict[str, Any], words: str) -> None:
    """422, with the name of the field."""
    async with clients(tmp_path) as client:
        answer = await client.post("/api/runs", SUBMIT | change)
        assert (answer.status, answer.json["code"]) == (422, "invalid")
        assert words in answer.json["detail"]


@pytest.mark.parametrize(
    "kind", ["", "text/plain", "application/x-www-form-urlencoded", "multipart/form-data", "application/jsonx"]
)
async def test_a_body_must_be_declared_as_json(tmp_path: Path, kind: str) -> None:
    """What a form can send without asking is not JSON."""
    async with clients(tmp_path) as client:
        assert (await client.post("/api/runs", SUBMIT, kind=kind)).status == 415
        for good in ("application/json; charset=utf-8", "Application/JSON"):
            assert (await client.post("/api/runs", SUBMIT, kind=good)).status in (200, 201)


async def test_bodies_are_bounded_whatever_they_announce(tmp_path: Path) -> None:
    """By what really comes; what is announced as too large is not even read."""
    async with clients(tmp_path) as client:
        worker = await client.token_of(Scope.WORKER, await client.stage.running())
        assert (await client.post("/api/runs", b"x" * (1024**2 + 1))).status == 413
        assert (await client.post("/api/session", b"x" * 5000, token="")).status == 413
        assert (await client.post("/api/worker/report", b" " * (8 * 1024**2 + 1), token=worker)).status == 413
        assert (await client.post("/api/worker/report", b" " * (7 * 1024**2), token=worker)).status == 400
        announced = [("content-length", str(10**12))]
        assert (await client.post("/api/runs", b"", headers=announced)).status == 413
        taken = 0

        def endless() -> Iterator[bytes]:
            nonlocal taken
            while taken < 10_000:
                taken += 1
                yield b"x" * 4096

        assert (await client.ask("POST", "/api/runs", endless())).status == 413
        assert taken < 300


@pytest.mark.parametrize(
    ("query", "status"),
    [
        ("limit=0", 422),
        ("limit=1001", 422),
        ("limit=x", 422),
        ("limit=1.5", 422),
        ("limit=5&limit=6", 422),
        ("surplus=1", 422),
        ("alive=maybe", 422),
        ("before=nan", 422),
        ("before=-1", 422),
        ("before=1e999", 422),
        ("limit=%ff", 400),
        ("&".join(f"a{i}=1" for i in range(50)), 400),
        ("limit=\xff", 400),
        ("alive=1&limit=5&before=5.5", 200),
        ("alive=true", 200),
        ("", 200),
    ],
)
async def test_query_parameters_are_checked(tmp_path: Path, query: str, status: int) -> None:
    """Unknown and repeated ones included: a typo must not be ignored."""
    async with clients(tmp_path) as client:
        answer = await client.get(f"/api/runs?{query}")
        assert answer.status == status
        if status == 422:
            assert "query" in answer.json["detail"]


@pytest.mark.parametrize(
    "cursor", ["5", "x", "0a1b2c3d", "0a1b2c3d-", "0A1B2C3D-1", "0a1b2c3d--1", "0a1b2c3d-01", "0a1b2c3d-1 "]
)
async def test_a_bad_cursor_is_a_400(tmp_path: Path, cursor: str) -> None:
    """In the query and in the header, for streams and pages."""
    async with clients(tmp_path) as client:
        run = await client.stage.running()
        accept = [("accept", "application/json")]
        path = f"/api/runs/{run}/events"
        for headers in ([], accept):
            assert (await client.get(f"{path}?after={cursor}", headers=headers)).status == 400
            assert (await client.get(path, headers=[*headers, ("last-event-id", cursor)])).status == 400


async def test_events_come_in_pages_where_json_is_wanted(tmp_path: Path) -> None:
    """`next` leads on; the header counts more than the query; another log's cursor is a conflict."""
    async with clients(tmp_path) as client:
        run = await client.stage.running()
        epoch = (await client.stage.run(run)).epoch
        path, accept = f"/api/runs/{run}/events", [("accept", "application/json")]
        page = (await client.get(f"{path}?limit=1", headers=accept)).json
        assert [event["seq"] for event in page["events"]] == [1]
        rest = (await client.get(f"{path}?after={page['next']}", headers=accept)).json
        assert [event["event"] for event in rest["events"]] == [{"type": "status", "state": "running"}]
        assert (await client.get(f"{path}?after={rest['next']}", headers=accept)).json["events"] == []
        header = [*accept, ("last-event-id", f"{epoch}-2")]
        assert (await client.get(f"{path}?after={epoch}-0", headers=header)).json["events"] == []
        assert (await client.get(f"{path}?after=ffffffff-1", headers=accept)).status == 409
        for wants in ("", "*/*", "text/event-stream", "text/event-stream, application/json"):
            answer = await client.get(path, headers=[("accept", wants)])
            assert answer.headers["content-type"] == "text/event-stream"


async def test_metrics_come_as_columns(tmp_path: Path) -> None:
    """Those asked for, or all; in pages; numbers that JSON lacks are strings."""
    async with clients(tmp_path) as client:
        run = await client.stage.running()
        worker = client.stage.engine.launches[run].token
        series = {"loss": ["nan", 0.5], "lr": [str(2**70), 1]}
        for number in range(2, 6):
            metrics = {"type": "metrics", "steps": [number * 2, number * 2 + 1], "times": [1.0, 2.0], "series": series}
            batch = {"number": number, "events": [{"time": 1.0, "event": metrics}]}
            report = {"incarnation": 1, "batches": [batch]}
            assert (await client.post("/api/worker/report", report, token=worker)).json["acknowledged"] == number
        path = f"/api/runs/{run}/metrics"
        page = (await client.get(f"{path}?names=loss,none")).json
        assert page["series"] == {
            "loss": {"steps": [4, 5, 6, 7, 8, 9, 10, 11], "times": [1.0, 2.0] * 4, "values": ["nan", 0.5] * 4}
        }
        assert (page["next"], page["last_seq"]) == (None, 6)
        everything = (await client.get(path)).json["series"]
        assert everything["lr"]["values"] == [str(2**70), 1] * 4
        assert (await client.get(f"{path}?after=5")).json["series"]["loss"]["steps"] == [10, 11]
        assert (await client.get(f"{path}?limit=1")).json["next"] == 6


async def test_output_comes_in_pages(tmp_path: Path) -> None:
    """`end` is where the next page begins."""
    async with clients(tmp_path) as client:
        run = await client.stage.running()
        client.stage.engine.write(run, "one\n")
        client.stage.engine.write(run, "two\n")
        page = (await client.get(f"/api/runs/{run}/output?limit=4")).json
        assert ([piece["text"] for piece in page["outputs"]], page["end"]) == (["one\n"], 4)
        page = (await client.get(f"/api/runs/{run}/output?after=4")).json
        assert ([piece["text"] for piece in page["outputs"]], page["end"]) == (["two\n"], 8)
        assert (await client.get(f"/api/runs/{run}/output?after=8")).json == {"outputs": [], "end": 8}


async def test_a_command_to_an_ended_run_is_a_conflict(tmp_path: Path) -> None:
    """409, with its own code."""
    async with clients(tmp_path) as client:
        run = await client.stage.running()
        path = f"/api/runs/{run}/commands"
        asked = await client.post(path, {"id": "a", "command": {"kind": "pause"}})
        assert asked.status == 202
        assert (await client.get(f"{path}/a?wait=0.01")).json["id"] == "a"
        assert (await client.get(f"{path}/b")).json["code"] == "command-not-found"
        for bad in (
            {"id": "x", "command": {"kind": "explode"}},
            {"id": "", "command": {"kind": "pause"}},
            {"id": "x" * 201, "command": {"kind": "pause"}},
        ):
            assert (await client.post(path, bad)).status == 422
        worker = client.stage.engine.launches[run].token
        end = {"time": 1.0, "event": {"type": "status", "state": "completed"}}
        await client.post(
            "/api/worker/report", {"incarnation": 1, "batches": [{"number": 2, "events": [end]}]}, token=worker
        )
        answer = await client.post(path, {"id": "b", "command": {"kind": "pause"}})
        assert (answer.status, answer.json["code"]) == (409, "run-ended")


async def test_worker_reports_are_answered_as_promised(tmp_path: Path) -> None:
    """A gap names the batch that must come next; an old incarnation is gone; another protocol is a conflict."""
    async with clients(tmp_path) as client:
        run = await client.stage.running()
        worker = client.stage.engine.launches[run].token
        gap = await client.post(
            "/api/worker/report", {"incarnation": 1, "batches": [{"number": 5, "events": []}]}, token=worker
        )
        assert (gap.status, gap.json["code"], gap.json["data"]) == (409, "batch-gap", {"expected": 2})
        hello = {"incarnation": 2, "pid": 7, "host": "h", "python": "3", "version": "0", "protocol": 1}
        assert (await client.post("/api/worker/hello", hello, token=worker)).json == {"acknowledged": 0, "watchers": 0}
        for path, body in (("report", {"incarnation": 1}), ("hello", hello | {"incarnation": 1})):
            old = await client.post(f"/api/worker/{path}", body, token=worker)
            assert (old.status, old.json["code"]) == (410, "fenced")
        assert (await client.post("/api/worker/hello", hello | {"protocol": 99}, token=worker)).status == 409
        for wrong in ({"pid": 0}, {"pid": 2**80}, {"incarnation": 2**80}, {"incarnation": 0}):
            assert (await client.post("/api/worker/hello", hello | wrong, token=worker)).status == 422


async def test_a_full_disk_is_a_507(tmp_path: Path) -> None:
    """What only reads goes on."""
    async with clients(tmp_path) as client:
        run = await client.stage.running()

        async def full(*_: object, **__: object) -> None:
            raise StorageFull

        client.stage.store.add_command = full  # type: ignore[method-assign, assignment]
        answer = await client.post(f"/api/runs/{run}/commands", {"id": "a", "command": {"kind": "pause"}})
        assert (answer.status, answer.json["code"]) == (507, "storage-full")
        assert int(answer.headers["retry-after"]) > 0
        assert (await client.get(f"/api/runs/{run}")).status == 200


async def test_an_unforeseen_error_tells_nothing_to_the_client(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """And everything to the log."""
    async with clients(tmp_path) as client:

        async def broken(*_: object, **__: object) -> None:
            raise ZeroDivisionError("the secret of line 7")

        client.stage.store.list_runs = broken  # type: ignore[method-assign, assignment]
        with caplog.at_level(logging.ERROR):
            answer = await client.get("/api/runs")
        assert (answer.status, answer.json["code"]) == (500, "internal")
        assert b"secret" not in answer.body
        assert "the secret of line 7" in caplog.text


async def test_signing_in_with_a_code(tmp_path: Path) -> None:
    """Its session has the scope of the token it was made with; the code is worth nothing afterwards."""
    async with clients(tmp_path) as client:
        token = await client.token_of(Scope.CONTROL)
        code = (await client.post("/api/codes", b"", token=token)).json["code"]
        session = await client.post("/api/session", {"code": code}, token="")
        assert session.json["scope"] == "control"
        assert (await client.get("/api/runs", token=session.json["token"])).status == 200
        assert (await client.post("/api/runs", SUBMIT, token=session.json["token"])).status == 403
        assert (await client.post("/api/session", {"code": code}, token="")).status == 401


async def test_the_server_can_be_asked_to_end(tmp_path: Path) -> None:
    """By an admin, and it says what it was."""
    async with clients(tmp_path) as client:
        info = (await client.get("/api/server")).json
        assert info["runs"] == 0
        assert not client.stage.left.is_set()
        assert (await client.post("/api/server/stop", b"")).json["pid"] == info["pid"]
        assert client.stage.left.is_set()


NAMES = [
    *(
        "%2e%2e",
        "%252e%252e%252fetc",
        "..%2f..%2fetc",
        "..\\..\\etc",
        "C:\\x",
        "\\\\host\\share",
        "nul\0",
        "CON",
        ". ./x",
        "~root",
    ),
    *(
        "a" * 4000,
        "\N{FULLWIDTH FULL STOP}" * 2,
        "quiet-otter ",
        "QUIET-OTTER",
        "quiet_otter",
        "-",
        "a--b",
        "\xc0\xae\xc0\xae",
        "a%00",
        "*",
    ),
]


@pytest.mark.parametrize("name", NAMES)
async def test_names_are_not_paths(tmp_path: Path, name: str) -> None:
    """A run's name is looked up as it is, or refused; the Studio's files likewise."""
    async with clients(tmp_path) as client:
        for path in (
            f"/api/runs/{name}",
            f"/api/runs/{name}/events",
            f"/api/runs/{name}/output",
            f"/api/runs/{name}/commands/x",
        ):
            answer = await client.get(path)
            assert answer.status == 404
            assert len(answer.body) < 400
        assert (await client.get(f"/studio/{name}")).status == 404
        assert (await client.get(f"/studio/../{name}")).status == 404


def test_the_deepest_body_that_is_allowed() -> None:
    """Sixty-four levels, counted through messages, lists and dictionaries."""
    assert decode_body(b"[" * 63 + b"]" * 63, Any)
    with pytest.raises(Refused, match="64 levels"):
        decode_body(b"[" * 65 + b"]" * 65, Any)


def test_defaults_of_a_query() -> None:
    """What is left out has a meaning."""
    assert decode_query(b"", EventsQuery) == EventsQuery()
    assert decode_query(b"live=0&output=5&after=0a1b2c3d-7", EventsQuery) == EventsQuery("0a1b2c3d-7", 5, False)


async def test_many_clients_at_once_get_their_own_answers(tmp_path: Path) -> None:
    """Nothing is mixed up between requests."""
    async with clients(tmp_path) as client:

        async def one(i: int, client: Client = client) -> None:
            assert f"'x-{i}'" in (await client.get(f"/api/runs/x-{i}")).json["detail"]

        for i in range(50):
            await one(i)
