"""What the link says and when, to a server that works."""

import itertools
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest

from livespark.protocol import codec
from livespark.protocol.commands import Answer, Failure
from livespark.protocol.events import (
    Answered,
    Event,
    FileChange,
    Metrics,
    Notice,
    Reloaded,
    Source,
    Started,
    Status,
    Thinned,
    Timed,
)
from livespark.protocol.ids import CommandId
from livespark.protocol.lifecycle import RunState
from livespark.protocol.live import LiveDelta
from livespark.protocol.problems import Problem
from livespark.runtime.link import sender
from livespark.runtime.link.backlog import Backlog
from livespark.runtime.link.lighten import encodable, lightened
from livespark.runtime.link.link import Link
from livespark.transport.reconnect import Reconnect
from livespark.transport.spool import Spool, read_spool
from livespark.version import PROTOCOL
from tests.unit.link.scripted import RecordingDesk, ScriptedServer, launch_of, linked, until

PATIENT = Reconnect(initial=60.0, maximum=60.0)


@pytest.fixture
def desk() -> RecordingDesk:
    return RecordingDesk()


@pytest.fixture
def server(tmp_path: Path) -> Iterator[ScriptedServer]:
    server = ScriptedServer(tmp_path)
    server.start()
    yield server
    server.stop()


def answered(number: int, value: object = 1) -> Answered:
    return Answered(CommandId(f"c{number}"), number, Answer("applied", 7, value=value))


def test_hello_comes_first_and_tells_who_we_are(tmp_path: Path, server: ScriptedServer, desk: RecordingDesk) -> None:
    """Each connection begins with a hello of this incarnation and protocol."""
    with linked(tmp_path, desk) as link:
        link.emit(Notice("info", "n", "1"))
        until(lambda: len(server.events) == 1, "the event")
    assert {hello.incarnation for hello in server.hellos} == {1}
    assert {hello.protocol for hello in server.hellos} == {PROTOCOL}
    assert all(hello.host and hello.python and hello.pid for hello in server.hellos)


def test_events_go_at_once_and_metrics_in_batches(tmp_path: Path, server: ScriptedServer, desk: RecordingDesk) -> None:
    """An answer is at the server within moments; a thousand rows logged one by one make few batches."""
    with linked(tmp_path, desk) as link:
        until(lambda: len(desk.deltas) > 0, "the connection")
        times = []
        for n in range(20):
            begun = time.monotonic()
            link.record(answered(n))
            until(lambda: len(server.events) == n + 1, "the answer")  # noqa: B023
            times.append(time.monotonic() - begun)
        assert sorted(times)[10] < 0.05, times
        before = len(server.batches)
        for n in range(1000):
            desk.log(n)
            time.sleep(0.0003)
        until(lambda: server.rows == list(range(1000)), "the rows")
        assert len(server.batches) - before <= 12


def test_record_is_in_the_spool_before_it_returns(tmp_path: Path, desk: RecordingDesk) -> None:
    """With no server and no thread running, a recorded event and those emitted before it are in the file, in order."""
    link = Link(launch_of(tmp_path), tmp_path, spool_limit=10**6)
    link.emit(Notice("info", "n", "1"))
    link.record(Started(CommandId("c"), 1))
    events = [timed.event for batch in read_spool(tmp_path / "spool-1") for timed in batch.events]
    assert events == [Notice("info", "n", "1"), Started(CommandId("c"), 1)]
    link.close(0)


@pytest.mark.parametrize("state", [RunState.COMPLETED, RunState.FAILED, RunState.STOPPED, RunState.CANCELLED])
def test_the_last_status_comes_after_all_metrics(
    tmp_path: Path, server: ScriptedServer, desk: RecordingDesk, state: RunState
) -> None:
    """Rows logged just before the end stand before the run's last status."""
    with linked(tmp_path, desk, farewell=10) as link:
        desk.log(1, 2, 3)
        link.record(Status(state))
    assert server.rows == [1, 2, 3]
    assert server.events[-1] == Status(state)


def test_closing_sends_metrics_and_the_last_live_state(
    tmp_path: Path, server: ScriptedServer, desk: RecordingDesk
) -> None:
    """After close everything is acknowledged, the live document up to date, and nothing more is taken."""
    with linked(tmp_path, desk) as link:
        desk.log(1)
        link.emit(Notice("info", "n", "last"))
        assert link.close(10)
        assert server.rows == [1]
        assert server.lives[-1].version == desk.version
        link.emit(Notice("info", "n", "too late"))
        link.record(Notice("info", "n", "too late"))
        desk.log(2)
    assert [event.text for event in server.events if isinstance(event, Notice)] == ["last"]


def test_closing_without_a_server_leaves_the_spool(tmp_path: Path, desk: RecordingDesk) -> None:
    """Close keeps to its time, says that not all is acknowledged, and the file has it all."""
    link = Link(launch_of(tmp_path), tmp_path, spool_limit=10**6)
    link.start(desk)
    desk.log(1, 2)
    link.emit(Notice("info", "n", "last"))
    begun = time.monotonic()
    assert link.close(0.3) is False
    assert 0.3 <= time.monotonic() - begun < 2
    events = [timed.event for batch in read_spool(tmp_path / "spool-1") for timed in batch.events]
    assert [type(event) for event in events] == [Metrics, Notice]


def test_a_server_that_comes_back_during_the_farewell(tmp_path: Path, desk: RecordingDesk) -> None:
    """The farewell does not wait for the usual delays."""
    server = ScriptedServer(tmp_path)
    link = Link(launch_of(tmp_path), tmp_path, spool_limit=10**6, rules=PATIENT)
    link.start(desk)
    link.emit(Notice("info", "n", "last"))
    until(lambda: len(list(read_spool(tmp_path / "spool-1"))) == 1, "the spool")
    server.start()
    assert link.close(5)
    assert server.events == [Notice("info", "n", "last")]
    server.stop()


def test_a_fenced_worker_falls_silent(tmp_path: Path, server: ScriptedServer, desk: RecordingDesk) -> None:
    """When a newer incarnation has the run: one notice in the spool, no more reports, metrics are dropped."""
    with linked(tmp_path, desk) as link:
        link.emit(Notice("info", "n", "1"))
        until(lambda: len(server.events) == 1, "the event")
        server.fenced = True
        link.emit(Notice("info", "n", "2"))
        until(lambda: (tmp_path / "spool-1").stat().st_size > 0, "the notice")
        until(lambda: "fenced" in (tmp_path / "spool-1").read_text(errors="replace"), "the notice")
        desk.log(1, 2, 3)
        link.emit(Notice("info", "n", "3"))
        until(lambda: not desk.rows, "the rows to be dropped")
        reports = server.reports
        server.fenced = False
        time.sleep(0.3)
        assert server.reports == reports
    events = [timed.event for batch in read_spool(tmp_path / "spool-1") for timed in batch.events]
    assert [event.code for event in events if isinstance(event, Notice)] == ["n", "fenced"]


def test_watchers_set_the_pace(tmp_path: Path, server: ScriptedServer, desk: RecordingDesk) -> None:
    """The desk hears how many watch, from the stream at once; samples are asked for often, or once a second."""
    with linked(tmp_path, desk):
        until(lambda: len(desk.samples) > 0, "a sample")
        time.sleep(0.5)
        assert len(desk.samples) <= 2
        server.watch(3)
        until(lambda: desk.watched == [3], "the news")
        begun, before, lives = time.monotonic(), len(desk.samples), len(server.lives)
        until(lambda: len(desk.samples) >= before + 16, "samples", timeout=8 * sender._SELDOM)
        assert (len(desk.samples) - before) / (time.monotonic() - begun) <= 30
        until(lambda: len(server.lives) >= lives + 16, "changes", timeout=8 * sender._SELDOM)
        server.watch(0)
        until(lambda: desk.watched == [3, 0], "the news")


def test_the_first_delta_of_a_connection_is_full(tmp_path: Path, server: ScriptedServer, desk: RecordingDesk) -> None:
    """The first change sent is the whole document, later ones are changes; after a restart it is whole again."""
    server.watchers = 1
    with linked(tmp_path, desk):
        until(lambda: len(server.lives) >= 3, "live")
        assert [live.full for live in server.lives[:3]] == [True, False, False]
        server.stop()
        count = len(server.lives)
        server.start()
        until(lambda: len(server.lives) >= count + 2, "live again")
        assert [live.full for live in server.lives[count : count + 2]] == [True, False]


def test_resync_is_answered_with_the_whole_document(
    tmp_path: Path, server: ScriptedServer, desk: RecordingDesk
) -> None:
    """A server without a base for the change gets everything next."""
    server.watchers = 1
    with linked(tmp_path, desk):
        until(lambda: len(server.lives) >= 2, "live")
        server.resync = True
        until(lambda: server.lives[-1].full, "the whole document")
        server.resync = False
        until(lambda: not server.lives[-1].full, "changes again")


def test_silence_is_broken_now_and_then(
    tmp_path: Path, server: ScriptedServer, desk: RecordingDesk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With nothing to say, an empty report says every so often that the worker is there."""
    monkeypatch.setattr(sender, "_PRESENCE", 0.2)
    desk.silent = True
    with linked(tmp_path, desk):
        until(lambda: len(server.lives) == 1, "the first report")
        until(lambda: server.reports >= 4, "signs of life")
    assert server.events == []


def test_a_long_backlog_goes_in_bearable_portions(tmp_path: Path, desk: RecordingDesk) -> None:
    """Megabytes that waited arrive complete, no report much larger than a megabyte."""
    link = Link(launch_of(tmp_path), tmp_path, spool_limit=10**8)
    for start in range(0, 100_000, 1000):
        desk.log(*range(start, start + 1000))
        link._outgoing.desk = desk
        link._outgoing.flush()
    server = ScriptedServer(tmp_path)
    server.start()
    link.start(desk)
    assert link.close(20)
    server.stop()
    assert server.rows == list(range(100_000))
    assert max(server.sizes) < 1_100_000
    assert len(server.sizes) >= 3


def test_what_the_server_cannot_take_is_said_in_fewer_words(
    tmp_path: Path, server: ScriptedServer, desk: RecordingDesk
) -> None:
    """An answer too large for the server arrives without its value; everything around it arrives untouched."""
    server.largest = 50_000
    with linked(tmp_path, desk) as link:
        link.record(answered(1))
        link.record(answered(2, "x" * 100_000))
        link.record(answered(3))
        assert link.close(10)
    answers = [event.answer for event in server.events if isinstance(event, Answered)]
    assert [answer.value for answer in (answers[0], answers[2])] == [1, 1]
    assert answers[1].outcome == "applied"
    assert "could not be sent: the body is too large" in answers[1].message
    assert len(server.events) == 3


def test_what_is_no_json_is_said_in_other_words(tmp_path: Path, server: ScriptedServer, desk: RecordingDesk) -> None:
    """Values that JSON can't hold never raise in the script and never stop the others."""
    with linked(tmp_path, desk) as link:
        link.emit(Notice("info", "n", "bad \udc80 text"))
        link.record(answered(1, object()))
        link.record(answered(2))
        assert link.close(10)
    assert [type(event) for event in server.events] == [Notice, Answered, Answered]
    assert isinstance(server.events[0], Notice)
    assert server.events[0].text == "bad ? text"


def test_a_server_that_lost_what_it_acknowledged(tmp_path: Path, server: ScriptedServer, desk: RecordingDesk) -> None:
    """When the server's database was put back, the hole is filled with a notice, and the run goes on."""
    with linked(tmp_path, desk) as link:
        for n in range(10):
            link.record(answered(n))
        until(lambda: len(server.events) == 10, "the answers")
        until(lambda: link._outgoing.empty, "the acknowledgement")
        last = server.acknowledged
        with server.changed:
            server.acknowledged = 2
            server.batches = server.batches[:2]
        link.record(answered(10))
        until(lambda: server.acknowledged >= last + 1, "to be level again")
    assert [batch.number for batch in server.batches] == list(range(1, len(server.batches) + 1))
    notices = [event for event in server.events if isinstance(event, Notice)]
    assert [notice.code for notice in notices] == ["events-lost"]
    assert server.events[-1] == answered(10)


def test_a_server_that_does_not_want_us_is_tried_again(
    tmp_path: Path, server: ScriptedServer, desk: RecordingDesk
) -> None:
    """A refusal that looks final is told once, and tried again: training outlives a server's mistakes."""
    server.problem = Problem(404, "run-not-found", "no such run")
    with linked(tmp_path, desk) as link:
        link.emit(Notice("info", "n", "1"))
        time.sleep(0.2)
        assert server.events == []
        server.problem = None
        until(lambda: len(server.events) == 2, "the events")
    codes = {event.code for event in server.events if isinstance(event, Notice)}
    assert codes == {"n", "refused-run-not-found"}


def test_a_command_of_a_newer_server_is_answered(tmp_path: Path, server: ScriptedServer, desk: RecordingDesk) -> None:
    """A kind of command that this worker does not know is refused, and later ones are delivered."""
    with linked(tmp_path, desk):
        server.command(b'{"number":1,"id":"new","actor":"a","command":{"kind":"teleport"}}')
        server.command()
        until(lambda: len(desk.delivered) == 1 and len(server.events) == 1, "delivery and refusal")
    (refusal,) = server.events
    assert isinstance(refusal, Answered)
    assert (refusal.id, refusal.number, refusal.answer.outcome) == ("new", 1, "refused")
    assert "does not understand" in refusal.answer.message


def test_a_defect_at_the_desk_does_not_end_the_link(
    tmp_path: Path, server: ScriptedServer, desk: RecordingDesk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Should the runtime's side raise, the link says so once and goes on."""

    def fail() -> None:
        raise ZeroDivisionError("a defect")

    monkeypatch.setattr(desk, "request_sample", fail)
    with linked(tmp_path, desk) as link:
        until(lambda: any(isinstance(event, Notice) for event in server.events), "the notice")
        monkeypatch.undo()
        link.emit(Notice("info", "n", "later"))
        until(lambda: Notice("info", "n", "later") in server.events, "the event")
    assert [event.code for event in server.events if isinstance(event, Notice)].count("link-defect") == 1


@pytest.mark.parametrize("raises", [True, False])
def test_a_live_document_that_cannot_be_sent_holds_no_event_up(
    tmp_path: Path, server: ScriptedServer, desk: RecordingDesk, monkeypatch: pytest.MonkeyPatch, raises: bool
) -> None:
    """Be it that looking raises or that what is seen is no JSON: events arrive, and a notice tells once."""

    def delta(*, full: bool) -> LiveDelta:
        if raises:
            raise ZeroDivisionError("a defect")
        return LiveDelta(version=1, full=full, values={"name": "\udc80"})

    def has(event: Notice) -> bool:
        return event in server.events

    monkeypatch.setattr(desk, "delta", delta)
    with linked(tmp_path, desk) as link:
        for event in (Notice("info", "n", str(number)) for number in range(3)):
            link.emit(event)
            until(partial(has, event), "the event")
        assert link.close(10.0)
    assert [event.code for event in server.events if isinstance(event, Notice)].count("live-defect") == 1


def test_a_defect_in_draining_holds_nothing_else_up(
    tmp_path: Path, server: ScriptedServer, desk: RecordingDesk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """When the metrics can't be had, answers and the last status arrive all the same."""

    def fail() -> None:
        raise ZeroDivisionError("a defect")

    monkeypatch.setattr(desk, "drain", fail)
    with linked(tmp_path, desk) as link:
        link.emit(answered(1))
        link.record(Status(RunState.FAILED))
        until(lambda: (tmp_path / "spool-1").stat().st_size > 0, "the spool")
        monkeypatch.undo()
        until(lambda: len(server.events) == 3, "the events")
    said = [event for event in server.events if not isinstance(event, Notice)]
    assert said == [answered(1), Status(RunState.FAILED)]


def test_lightened_events_keep_their_meaning() -> None:
    """Without its weight an answer stays the same answer, a status the same status, metrics become a gap."""
    long = "x" * 100_000
    failure = Failure("ValueError", long, long, [])
    events: list[Event] = [
        Answered(CommandId("c"), 1, Answer("failed", 3, error=failure)),
        Status(RunState.FAILED, 9, long, failure),
        Metrics([5, 6, 4], [1.0, 2.0, 3.0], {"loss": [1, 2, 3]}),
        Metrics([], [], {}),
        Notice("info", "n", long),
        Started(CommandId("c"), 1),
    ]
    light = [timed.event for timed in lightened([Timed(1.0, event) for event in events], "too large")]
    assert all(len(codec.encode(event)) < 5000 for event in light)
    answer, status, gap = light[0], light[1], light[2]
    assert isinstance(answer, Answered)
    assert (answer.number, answer.answer.outcome, answer.answer.step) == (1, "failed", 3)
    assert answer.answer.error is not None
    assert answer.answer.error.type == "ValueError"
    assert isinstance(status, Status)
    assert (status.state, status.step) == (RunState.FAILED, 9)
    assert gap == Thinned(3, 4, 6)
    assert light[5] == events[5]
    assert encodable([Timed(1.0, events[5])]) == [Timed(1.0, events[5])]


def test_lightened_code_is_known_by_its_hashes() -> None:
    """A reload of many large files, and a large file, go on record without diffs and text: nothing is held up."""
    files = [FileChange(f"{number}.py", "a" * 64, "b" * 64, "+x\n" * 50_000) for number in range(1000)]
    reloaded = Reloaded("applied", "hard", 9, 0.5, [f"f{number}" for number in range(100_000)], files, "m")
    source = Source("caf\udce9.py", "a" * 64, 9, "\x01" * 2_000_000)
    light = [timed.event for timed in lightened([Timed(1.0, reloaded), Timed(1.0, source)], "too large")]
    assert all(len(codec.encode(event)) < 50_000 for event in light)
    assert light[1] == Source("caf?.py", "a" * 64, 9)
    assert isinstance(light[0], Reloaded)
    assert (light[0].outcome, light[0].kind, light[0].step) == ("applied", "hard", 9)
    assert light[0].files[0] == FileChange("0.py", "a" * 64, "b" * 64)
    assert light[0].message == "m (the full record could not be sent: too large)"


def test_a_long_hole_is_filled_in_portions(tmp_path: Path) -> None:
    """Thousands of missing batches are replaced a thousand at a time, with one notice at their end."""
    spool = Spool(tmp_path / "spool-1", after=2500)
    spool.append([Timed(1.0, Notice("info", "n", "here"))])
    backlog = Backlog(spool)
    backlog.align(0)
    numbers: list[int] = []
    notices = 0
    for acknowledged in itertools.count():
        payloads = backlog.next()
        if not payloads:
            break
        numbers += [codec.decode(payload, dict)["number"] for payload in payloads]
        notices += sum(b"events-lost" in payload for payload in payloads)
        backlog.align(numbers[-1])
        assert acknowledged < 10
    assert numbers == list(range(1, 2502))
    assert notices == 1
    assert not backlog.close_gap({"expected": 2502})
    assert not backlog.close_gap({"expected": "soon"})
    assert not backlog.close_gap(None)
    spool.close()


class EndlessDesk(RecordingDesk):
    """There is always another row."""

    def drain(self) -> list[Event]:
        return [Metrics([1], [1.0], {"loss": [0.5]})]


def test_what_is_logged_while_a_report_is_on_its_way_waits_for_the_next_turn(
    tmp_path: Path, server: ScriptedServer
) -> None:
    """A script that logs without a pause does not make the link report without a pause."""
    begun = time.monotonic()
    with linked(tmp_path, EndlessDesk()):
        until(lambda: server.reports > 10, "some reports")
        took = time.monotonic() - begun

    assert took > 9 * min(sender._WATCHED, sender._UNWATCHED)
