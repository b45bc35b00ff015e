"""transport.http against a server that misbehaves on purpose."""

import asyncio
from typing import Any

import pytest

from livespark.errors import (
    AuthenticationFailed,
    Conflict,
    ConnectionLost,
    Invalid,
    LivesparkError,
    NotFound,
    RunNotFound,
    ServerUnavailable,
    Unavailable,
    VersionMismatch,
)
from livespark.protocol.stream import End, EventMessage, StreamMessage
from livespark.transport.address import Address
from livespark.transport.http import AsyncApi
from livespark.transport.http_sync import Api
from livespark.transport.position import Position
from livespark.transport.reconnect import Reconnect
from livespark.transport.server_info import Code
from tests.unit.client.scripted import Answer, Cut, ScriptedServer, Stream, event, problem, sse

RUN = {
    "id": "otter",
    "name": "otter",
    "mode": "run",
    "state": "completed",
    "epoch": "0000abcd",
    "created": 1.0,
    "entry": {},
    "cwd": "/",
    "python": "python",
}
END = sse({"is": "end", "run": RUN})
GOOD = Answer({"code": "abc", "expires": 2.0})
POLICY = Reconnect(initial=1.0, factor=2.0, maximum=60.0, jitter=0.0, attempts=3, idle=0.3)


class Sleeps:
    """Notes the delays instead of waiting."""

    def __init__(self) -> None:
        self.taken: list[float] = []

    def __call__(self, seconds: float) -> None:
        self.taken.append(seconds)

    async def later(self, seconds: float) -> None:
        self.taken.append(seconds)


def api(server: ScriptedServer, sleeps: Sleeps | None = None, **options: Any) -> Api:
    return Api(
        lambda: Address(server.url, "secret"), reconnect=POLICY, timeout=2.0, sleep=sleeps or Sleeps(), **options
    )


def followed(server: ScriptedServer, sleeps: Sleeps | None = None, position: Position | None = None) -> list[Any]:
    with api(server, sleeps) as client:
        messages = list(client.follow("/events", position or Position()))
    return [_short(message) for message in messages]


def _short(message: StreamMessage) -> Any:
    return message.seq if isinstance(message, EventMessage) else type(message).__name__


def test_a_request_carries_token_protocol_and_body() -> None:
    """What the server needs to know stands in each request."""
    with ScriptedServer(GOOD) as server, api(server) as client:
        assert client.post("/api/codes", Code, {"a": 1}, {"q": "x"}, wait=2).code == "abc"
        (request,) = server.requests
    assert (request.method, request.target, request.json()) == ("POST", "/api/codes?q=x&wait=2", {"a": 1})
    assert request.headers["authorization"] == "Bearer secret"
    assert request.headers["livespark-protocol"] == "1"


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        (problem(401, "unauthenticated"), AuthenticationFailed),
        (problem(403, "forbidden"), AuthenticationFailed),
        (problem(404, "run-not-found"), RunNotFound),
        (problem(404, "not-found"), NotFound),
        (problem(409, "run-ended"), Conflict),
        (problem(422, "invalid"), Invalid),
        (Answer(b"<html>", 302), Invalid),
        (Answer(b"<html>", 418), Invalid),
        (Answer({"code": "abc", "expires": 1.0}, headers={}), ServerUnavailable),
        (Answer({"code": "abc"}), VersionMismatch),
        (Answer({}, headers={"Livespark-Protocol": "99"}), VersionMismatch),
        (Answer(b"oops", 500, headers={"Livespark-Protocol": "99"}), VersionMismatch),
    ],
)
def test_an_answer_that_is_final_raises_at_once(answer: Answer, kind: type[LivesparkError]) -> None:
    """Nothing is asked twice that would be answered the same."""
    sleeps = Sleeps()
    with ScriptedServer(answer) as server, api(server, sleeps) as client:
        with pytest.raises(kind):
            client.get("/x", Code)
        assert len(server.requests) == 1
    assert sleeps.taken == []


@pytest.mark.parametrize("first", [Cut(), problem(503, "unavailable"), problem(500, "internal"), Answer(b"", 502)])
def test_a_request_that_fails_for_now_is_tried_again(first: Answer | Cut) -> None:
    """A broken connection and a busy server cost one delay, no error."""
    sleeps = Sleeps()
    with ScriptedServer(first, GOOD) as server, api(server, sleeps) as client:
        assert client.get("/x", Code).code == "abc"
        assert len(server.requests) == 2
    assert len(sleeps.taken) == 1


def test_retry_after_is_respected() -> None:
    """The server's own word on when to come back counts."""
    sleeps = Sleeps()
    answers = (problem(429, "too-many", **{"Retry-After": "2"}), GOOD)
    with ScriptedServer(*answers) as server, api(server, sleeps) as client:
        client.get("/x", Code)
    assert sleeps.taken == [2.0]


def test_attempts_of_a_request_are_few() -> None:
    """Somebody waits: after a handful of attempts the last problem is raised."""
    sleeps = Sleeps()
    with (
        ScriptedServer(problem(503, "unavailable", "disk full")) as server,
        api(server, sleeps) as client,
        pytest.raises(Unavailable, match="disk full"),
    ):
        client.get("/x", Code)
    assert len(sleeps.taken) == 5
    assert sum(sleeps.taken) < 5


def test_no_server_is_one_clear_sentence() -> None:
    """The address and the reason are named."""
    with ScriptedServer(GOOD) as server:
        gone = server.url
    with (
        Api(lambda: Address(gone, ""), sleep=Sleeps()) as client,
        pytest.raises(ServerUnavailable, match=f"no connection to the server at {gone}: .*refused"),
    ):
        client.get("/x", Code)


def test_the_server_is_looked_for_again_after_a_broken_connection() -> None:
    """A restarted server may listen elsewhere."""
    with ScriptedServer(Cut()) as old, ScriptedServer(GOOD) as new:
        addresses = iter([Address(old.url, "a"), Address(new.url, "b")])
        with Api(lambda: next(addresses), sleep=Sleeps()) as client:
            assert client.get("/x", Code).code == "abc"
        assert new.requests[0].headers["authorization"] == "Bearer b"


def test_a_locator_that_fails_is_asked_once_by_a_request_and_often_by_a_patient_one() -> None:
    """Starting a local server that can't start is not repeated while somebody waits."""
    asked: list[int] = []

    def locate() -> Address:
        asked.append(1)
        raise ServerUnavailable("the disk is full")

    with Api(locate, sleep=Sleeps(), reconnect=POLICY) as client:
        with pytest.raises(ServerUnavailable, match="disk is full"):
            client.get("/x", Code)
        assert len(asked) == 1
        with pytest.raises(ConnectionLost, match="disk is full"):
            client.get("/x", Code, patient=True)
        assert len(asked) == 1 + 4


def test_a_stream_delivers_until_the_end() -> None:
    """Messages arrive in order, and the end ends it."""
    with ScriptedServer(Stream((b"retry: 10\n: hello\n\n", event(1), event(2) + END))) as server:
        assert followed(server) == [1, 2, "End"]
        (request,) = server.requests
    assert request.headers["accept"] == "text/event-stream"
    assert "last-event-id" not in request.headers


@pytest.mark.parametrize("then", ["end", "reset", "hang"])
def test_a_broken_stream_goes_on_after_the_last_event(then: str) -> None:
    """End of file, reset, and silence beyond the idle bound are the same: nothing lost, nothing repeated."""
    sleeps = Sleeps()
    half = event(3)[:20]
    with ScriptedServer(Stream((event(1), event(2), half), then), Stream((event(3), END))) as server:
        assert followed(server, sleeps) == [1, 2, 3, "End"]
        assert server.requests[1].headers["last-event-id"] == "0000abcd-2"
    assert sleeps.taken == [1.0]


def test_output_goes_on_at_its_offset() -> None:
    """The offset travels with each connection, though output carries no event id."""
    piece = {"is": "output", "output": {"start": 0, "end": 5, "stream": "stdout", "time": 1.0, "text": "hello"}}
    with ScriptedServer(Stream((event(1), sse(piece))), Stream((END,))) as server:
        assert followed(server, position=Position(output=0, live=False)) == [1, "OutputMessage", "End"]
        targets = [request.target for request in server.requests]
    assert targets == ["/events?output=0&live=0", "/events?output=5&live=0"]


def test_a_reset_moves_to_the_new_epoch() -> None:
    """After a reset the old cursor is forgotten."""
    reset = {"is": "reset", "epoch": "11112222", "run": RUN}
    with ScriptedServer(Stream((sse(reset),)), Stream((END,))) as server:
        assert followed(server, position=Position("0000abcd-7")) == ["Reset", "End"]
        assert [r.headers["last-event-id"] for r in server.requests] == ["0000abcd-7", "11112222-0"]


def test_failures_count_and_anything_received_resets_the_count() -> None:
    """Delays double while nothing comes, a heartbeat is enough to begin anew, attempts are bounded."""
    sleeps = Sleeps()
    script = (Cut(), problem(503), Stream((b": ping\n\n",)), Cut())
    with ScriptedServer(*script) as server, pytest.raises(ConnectionLost, match="the run goes on"):
        followed(server, sleeps)
    assert sleeps.taken == [1.0, 2.0, 1.0, 1.0, 2.0, 4.0]


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        (problem(401, "unauthenticated"), AuthenticationFailed),
        (problem(403, "forbidden"), AuthenticationFailed),
        (problem(404, "run-not-found"), RunNotFound),
        (problem(410, "fenced"), Invalid),
        (Answer({"a": 1}), ConnectionLost),
        (Stream((b"data: {}\n\n",)), VersionMismatch),
    ],
)
def test_what_ends_a_stream_for_good(answer: Answer | Stream, kind: type[LivesparkError]) -> None:
    """A refusal is not asked for again."""
    with ScriptedServer(answer) as server:
        with pytest.raises(kind):
            followed(server)
        assert len(server.requests) <= 4


def test_204_ends_a_stream_quietly() -> None:
    """There is nothing to come back for."""
    with ScriptedServer(Answer(None, 204)) as server:
        assert followed(server) == []
        assert len(server.requests) == 1


def test_trouble_is_told() -> None:
    """Whoever shows the stream learns why it stands still."""
    told: list[str] = []
    with (
        ScriptedServer(Stream((event(1),)), Stream((END,))) as server,
        api(server, trouble=lambda error: told.append(str(error))) as client,
    ):
        list(client.follow("/events", Position()))
    assert told == ["the connection ended before the run did"]


def test_the_asynchronous_api_does_the_same() -> None:
    """The source of the twin follows over a break, and a request is repeated."""
    sleeps = Sleeps()

    async def story(url: str) -> list[Any]:
        async with AsyncApi(lambda: Address(url, "t"), reconnect=POLICY, sleep=sleeps.later) as client:
            code = await client.get("/x", Code)
            messages = [message async for message in client.follow("/events", Position())]
            return [code.code, *map(_short, messages)]

    script = (Cut(), GOOD, Stream((event(1),), "reset"), Stream((event(2), END)))
    with ScriptedServer(*script) as server:
        assert asyncio.run(story(server.url)) == ["abc", 1, 2, "End"]
        assert server.requests[-1].headers["last-event-id"] == "0000abcd-1"
    assert sleeps.taken[1:] == [1.0]


def test_closing_a_stream_early_closes_its_connection() -> None:
    """Whoever stops listening leaves nothing open."""
    with ScriptedServer(Stream((event(1),), "hang")) as server, api(server) as client:
        messages = client.follow("/events", Position())
        first = next(messages)
        assert isinstance(first, EventMessage)
        messages.close()


def test_the_end_message_carries_the_run() -> None:
    """The end tells how it ended."""
    with ScriptedServer(Stream((END,))) as server, api(server) as client:
        (end,) = client.follow("/events", Position())
    assert isinstance(end, End)
    assert end.run.state == "completed"
