"""The run proxy and the commands behind it, against a scripted server."""

import asyncio
import math
from collections.abc import Iterator
from typing import Any

import pytest

from livespark.client import AsyncRunProxy, RunProxy, Series
from livespark.client.view import Tree
from livespark.errors import CommandRefused, WaitTimeout
from livespark.protocol.ids import RunId
from livespark.protocol.lifecycle import RunState
from livespark.protocol.live import LiveDoc
from livespark.transport.address import Address
from livespark.transport.http import AsyncApi
from livespark.transport.http_sync import Api
from tests.unit.client.scripted import Answer, Cut, ScriptedServer, Stream, event, problem, sse
from tests.unit.client.test_client_http import END, POLICY, RUN, Sleeps

LIVE = {
    "version": 1,
    "values": {
        "state": {"$": "dict", "n": 3},
        "state.loss": 0.5,
        "state.status": "fine",
        "state.sizes": {"$": "list", "n": 2},
        "state.sizes.0": 10,
        "state.sizes.1": 20,
        "lr": 0.1,
        "wait": 7,
        "ctrl": {"$": "object", "type": "SparkController", "n": 0},
    },
    "functions": {
        "train": {
            "doc": "Train some more.",
            "parameters": [
                {"name": "epochs", "shape": {"type": "int"}},
                {"name": "lr", "shape": {"type": "float"}, "required": False},
                {"name": "rest", "shape": {"type": "any"}, "variadic": "kwargs"},
            ],
        },
        "ctrl.pause": {},
    },
}


def answered(outcome: str = "applied", **answer: Any) -> Answer:
    record = {"id": "c", "run": "otter", "number": 1, "command": {"kind": "pause"}, "actor": "me", "created": 1.0}
    return Answer({**record, "answer": {"outcome": outcome, **answer}})


OPEN = Answer(
    {"id": "c", "run": "otter", "number": 1, "command": {"kind": "pause"}, "actor": "me", "created": 1.0}, 202
)


class Held:
    """A proxy and the server behind it."""

    def __init__(self) -> None:
        self.server = ScriptedServer(Answer(RUN))
        self.shows(LIVE)
        self.api = Api(lambda: Address(self.server.url, "t"), reconnect=POLICY, sleep=Sleeps(), timeout=2.0)
        self.run: Any = RunProxy(self.api, RunId("otter"))

    def shows(self, live: Any) -> None:
        self.server.always["/api/runs/otter/live"] = Answer(live)

    def answers(self, *script: Answer | Stream | Cut) -> None:
        self.server.script = list(script)

    @property
    def command(self) -> Any:
        return self.server.requests[-1].json()["command"]


@pytest.fixture
def held() -> Iterator[Held]:
    it = Held()
    with it.server, it.api:
        yield it


def test_values_are_attributes_and_items(held: Held) -> None:
    """Dicts, objects and lists nest at will; a loop over them asks once."""
    assert held.run.state.loss == 0.5
    assert held.run["state"]["status"] == "fine"
    assert held.run["state.loss"] == 0.5
    assert list(held.run.state) == ["loss", "status", "sizes"]
    assert list(held.run.state.sizes) == [10, 20]
    assert held.run.state.sizes[-1] == 20
    assert len(held.run.state) == 3
    assert "loss" in held.run.state
    assert "state.loss" in held.run
    assert repr(held.run.state) == "{'loss': 0.5, 'status': 'fine', 'sizes': [10, 20]}"


def test_reads_in_quick_succession_share_an_answer() -> None:
    """One expression is one request, whatever its depth; a moment later the run is asked again."""
    asked: list[float] = []

    class Source:
        def live(self) -> LiveDoc:
            asked.append(now)
            return LiveDoc(values={"state": {"$": "dict", "n": 1}, "state.loss": 0.5})

        def set(self, changes: str, value: Any, /) -> None: ...

        def call(self, function: str, /, *args: Any, **kwargs: Any) -> None: ...

    now = 0.0
    tree = Tree(Source(), clock=lambda: now)
    assert tree.read("state").loss == 0.5
    assert asked == [0.0]
    now = 0.1
    assert tree.read("state.loss") == 0.5
    assert asked == [0.0, 0.1]
    tree.write("state.loss", 1)
    tree.read("state.loss")
    assert asked == [0.0, 0.1, 0.1]


def test_a_read_after_a_moment_asks_again(held: Held) -> None:
    """Views hold nothing: they show what is, not what was."""
    state = held.run.state
    held.shows({"values": {"state": {"$": "dict", "n": 1}, "state.loss": 0.25}})
    held.run.refresh()
    assert state.loss == 0.25


def test_unknown_names_are_errors_that_name_the_known(held: Held) -> None:
    """Attributes raise AttributeError, items KeyError."""
    with pytest.raises(AttributeError, match=r"exposes no 'nope'; it exposes state, lr, wait, ctrl, train$"):
        _ = held.run.nope
    with pytest.raises(AttributeError, match="nothing is exposed"):
        _ = held.run.state.nope
    with pytest.raises(KeyError):
        held.run["nope"]
    assert not hasattr(held.run, "_private")


def test_an_assignment_is_a_set_command(held: Held) -> None:
    """At the top, in a dict, in a list; refused ones raise with the reason."""
    held.answers(answered(value={"lr": 0.2}))
    held.run.lr = 0.2
    assert held.command == {"kind": "set", "values": {"lr": 0.2}}
    held.answers(answered())
    held.run.state.loss = math.nan
    assert held.command == {"kind": "set", "values": {"state.loss": {"$": "float", "v": "nan"}}}
    held.answers(answered("refused", message="not an integer"))
    with pytest.raises(CommandRefused, match="not an integer"):
        held.run.state.sizes[1] = "x"


def test_functions_are_callables_with_a_face(held: Held) -> None:
    """They show their signature and doc, and return the run's result."""
    train = held.run.train
    assert repr(train) == "<exposed function train(epochs, lr=..., **rest)>"
    assert train.__doc__ == "Train some more."
    held.answers(answered(value=[1, 2]))
    assert train(3, lr=0.5) == [1, 2]
    assert held.command == {"kind": "call", "function": "train", "args": [3], "kwargs": {"lr": 0.5}}
    held.answers(answered())
    held.run.refresh()
    held.run.ctrl.pause()
    assert held.command["function"] == "ctrl.pause"


def test_the_proxys_own_names_win_and_items_reach_the_rest(held: Held) -> None:
    """A binding called like a method is still there."""
    assert callable(held.run.wait)
    assert held.run["wait"] == 7
    with pytest.raises(AttributeError, match=r"s\['wait'\]"):
        held.run.wait = 8
    held.answers(answered())
    held.run["wait"] = 8
    assert held.command == {"kind": "set", "values": {"wait": 8}}
    held.answers(Answer(RUN))
    assert held.run.status is RunState.COMPLETED
    assert held.run.run.id == "otter"
    assert held.run.values["state"]["sizes"] == [10, 20]
    assert {"state", "train", "wait", "pause"} <= set(dir(held.run))


@pytest.mark.parametrize(
    ("verb", "command"),
    [("pause", {"kind": "pause"}), ("resume", {"kind": "resume"}), ("stop", {"kind": "stop", "cancel": False})],
)
def test_commands_wait_for_their_answer(held: Held, verb: str, command: Any) -> None:
    """Asked once under one id, then polled, over an outage too."""
    held.answers(OPEN, problem(503), OPEN, answered())
    getattr(held.run, verb)()
    first, *polls = held.server.requests
    assert first.json()["command"] == command
    id = first.json()["id"]
    assert [poll.target for poll in polls] == [f"/api/runs/otter/commands/{id}?wait=30.0"] * 3


def test_a_command_that_takes_too_long_goes_on_without_us(held: Held) -> None:
    """The time-out ends the waiting only."""
    held.answers(OPEN)
    with pytest.raises(WaitTimeout, match="the command goes on"):
        held.run.pause(timeout=0.05)


def test_waiting_for_the_end(held: Held) -> None:
    """Returns the run's record, however it ended; a time-out leaves the run alone."""
    held.answers(Answer({**RUN, "state": "running"}), Answer(RUN))
    assert held.run.wait().state is RunState.COMPLETED
    held.answers(Answer({**RUN, "state": "running"}))
    with pytest.raises(WaitTimeout, match="otter is running after"):
        held.run.wait(timeout=0.1)


def test_events_follow_from_a_number_or_a_cursor(held: Held) -> None:
    """Numbers are completed by the run's epoch."""
    held.answers(Answer(RUN), Stream((event(6), event(7), END)))
    assert [message.seq for message in held.run.events(after=5)] == [6, 7]
    assert held.server.requests[-1].headers["last-event-id"] == "0000abcd-5"
    held.answers(Stream((END,)))
    assert list(held.run.events(after="0000abcd-7")) == []
    assert held.server.requests[-1].headers["last-event-id"] == "0000abcd-7"


def test_metrics_come_page_by_page(held: Held) -> None:
    """One name gives one series, several a dict."""

    def page(value: Any, next: int | None) -> Answer:
        return Answer(
            {"series": {"loss": {"steps": [1], "times": [1.0], "values": [value]}}, "next": next, "last_seq": 9}
        )

    held.answers(page(0.5, 4), page("inf", None))
    assert held.run.metrics("loss") == Series([1, 1], [1.0, 1.0], [0.5, math.inf])
    assert [request.target for request in held.server.requests] == [
        "/api/runs/otter/metrics?names=loss&after=0",
        "/api/runs/otter/metrics?names=loss&after=4",
    ]
    held.answers(page(0.5, None))
    assert held.run.metrics("loss", "accuracy") == {
        "loss": Series([1], [1.0], [0.5]),
        "accuracy": Series([], [], []),
    }


def test_output_is_read_to_its_end(held: Held) -> None:
    """Page after page, from an offset on."""
    piece = {"start": 5, "end": 9, "stream": "stderr", "time": 1.0, "base64": "/w=="}
    held.answers(Answer({"outputs": [piece], "end": 9}), Answer({"outputs": [], "end": 9}))
    (only,) = held.run.output(after=5)
    assert (only.stream, only.base64) == ("stderr", "/w==")
    assert [request.target[-8:] for request in held.server.requests] == ["?after=5", "?after=9"]


def test_the_asynchronous_proxy_does_the_same() -> None:
    """get, set, call, status, events by await."""

    async def story(url: str) -> list[Any]:
        async with AsyncApi(lambda: Address(url, "t"), reconnect=POLICY, timeout=2.0) as api:
            run = AsyncRunProxy(api, RunId("otter"))
            return [
                await run.get("state.loss"),
                await run.set("lr", 0.2),
                await run.call("train", epochs=3),
                await run.status(),
                (await run.values())["lr"],
                [message async for message in run.events(after="0000abcd-1")],
            ]

    script = (Answer(LIVE), answered(value={"lr": 0.2}), answered(value=1), Answer(RUN), Answer(LIVE))
    with ScriptedServer(*script, Stream((sse({"is": "end", "run": RUN}),))) as server:
        assert asyncio.run(story(server.url)) == [0.5, {"lr": 0.2}, 1, RunState.COMPLETED, 0.2, []]
