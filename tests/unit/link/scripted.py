"""A server that keeps the worker's contract and misbehaves on demand, and a desk that writes down what it is told."""

import json
import random
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from livespark.protocol import codec, sse
from livespark.protocol.commands import Delivery, Pause
from livespark.protocol.events import Batch, Event, Hello, Metrics, Receipt, Report, Welcome
from livespark.protocol.ids import CommandId, RunId
from livespark.protocol.live import LiveDelta
from livespark.protocol.problems import Problem
from livespark.protocol.runs import Entry, Launch
from livespark.runtime.link.link import Link
from livespark.transport.processes import own_process
from livespark.transport.reconnect import Reconnect
from livespark.transport.server_info import ServerRecord

__all__ = ("BRISK", "RecordingDesk", "ScriptedServer", "launch_of", "linked", "until")

BRISK = Reconnect(initial=0.002, factor=2.0, maximum=0.02, idle=0.3)
"""Rules for tests in which many connections break."""

REPORT_FAULTS = ("drop", "commit-then-drop", "502", "503", "stall", "gap", "garbage", "half")
STREAM_FAULTS = ("drop", "502", "silence", "cut", "repeat", "end", "empty")


def until(condition: Callable[[], bool], what: str, timeout: float = 20.0) -> None:
    """Wait for a condition, with a deadline."""
    deadline = time.monotonic() + timeout
    while not condition():
        assert time.monotonic() < deadline, f"waited {timeout} s in vain: {what}"
        time.sleep(0.005)


class ScriptedServer:
    """Commits batches as the real one does. `faults(kind)` names the fault for the next request, or None."""

    def __init__(self, folder: Path, faults: Callable[[str], str | None] = lambda kind: None) -> None:
        self.file = folder / "server.json"
        self.faults = faults
        self.hits: Counter[str] = Counter()
        self.hellos: list[Hello] = []
        self.batches: list[Batch] = []
        self.lives: list[LiveDelta] = []
        self.sizes: list[int] = []
        self.reports = 0
        self.acknowledged = 0
        self.watchers = 0
        self.resync = False
        self.largest: int | None = None
        self.fenced = False
        self.problem: Problem | None = None
        self.commands: list[bytes] = []
        self.stall = 0.4
        self.stopped = threading.Event()
        self.changed = threading.Condition()
        self.process = own_process()
        self._http: ThreadingHTTPServer | None = None

    @property
    def events(self) -> list[Event]:
        return [timed.event for batch in self.batches for timed in batch.events]

    @property
    def rows(self) -> list[int]:
        """The steps of all metric rows, in order of arrival."""
        return [step for event in self.events if isinstance(event, Metrics) for step in event.steps]

    def start(self) -> None:
        handler = type("Handler", (_Handler,), {"scripted": self})
        self._http = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self._http.daemon_threads = True
        self.stopped.clear()
        threading.Thread(target=self._http.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        url = f"http://127.0.0.1:{self._http.server_address[1]}"
        process = self.process
        record = ServerRecord(url, process.pid, process.created, version="0", protocol=1, started=0.0)
        draft = self.file.with_suffix(".new")
        draft.write_bytes(codec.encode(record))
        draft.rename(self.file)

    def stop(self) -> None:
        """As kill -9: the address stays in the file, connections break."""
        self.stopped.set()
        with self.changed:
            self.changed.notify_all()
        if self._http is not None:
            self._http.shutdown()
            self._http.server_close()
            self._http = None

    def command(self, payload: bytes | None = None) -> None:
        """Add a command (by default a pause with the next number) and send it."""
        number = len(self.commands) + 1
        with self.changed:
            self.commands.append(
                payload or codec.encode(Delivery(number, CommandId(f"c{number}"), actor="test", command=Pause()))
            )
            self.changed.notify_all()

    def watch(self, watchers: int) -> None:
        with self.changed:
            self.watchers = watchers
            self.changed.notify_all()

    def commit(self, report: Report) -> Receipt | Problem:
        with self.changed:
            for batch in report.batches:
                if batch.number > self.acknowledged + 1:
                    return Problem(409, "batch-gap", "a batch is missing", {"expected": self.acknowledged + 1})
                if batch.number == self.acknowledged + 1:
                    self.batches.append(batch)
                    self.acknowledged += 1
            if report.live is not None:
                self.lives.append(report.live)
            resync = self.resync and report.live is not None and not report.live.full
            return Receipt(self.acknowledged, self.watchers, resync)


class _Handler(BaseHTTPRequestHandler):
    scripted: ScriptedServer
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def do_POST(self) -> None:
        server, body = self.scripted, self.rfile.read(int(self.headers["Content-Length"]))
        if server.stopped.is_set():
            return self._drop()
        if refusal := self._refusal(len(body)):
            return self._answer(refusal)
        if self.path == "/api/worker/hello":
            return self._hello(codec.decode(body, Hello))
        server.reports += 1
        server.sizes.append(len(body))
        return self._report(codec.decode(body, Report))

    def _refusal(self, size: int) -> Problem | None:
        server = self.scripted
        if self.headers["Authorization"] != "Bearer secret":
            return Problem(401, "unauthenticated", "no")
        if server.fenced:
            return Problem(410, "fenced", "the incarnation is not the newest")
        if server.largest is not None and size > server.largest:
            return Problem(413, "too-large", "the body is too large")
        return server.problem

    def _hello(self, hello: Hello) -> None:
        server = self.scripted
        fault = server.faults("hello")
        if fault:
            server.hits[f"hello {fault}"] += 1
            return self._answer(Problem(502, "", "bad")) if fault == "502" else self._drop()
        server.hellos.append(hello)
        return self._answer(Welcome(server.acknowledged, server.watchers))

    def _report(self, report: Report) -> None:
        server = self.scripted
        fault = server.faults("report")
        if fault is None:
            return self._answer(server.commit(report))
        server.hits[f"report {fault}"] += 1
        if fault == "commit-then-drop":
            server.commit(report)
        elif fault == "stall":
            time.sleep(server.stall)
            server.commit(report)
        elif fault in ("502", "503"):
            return self._answer(Problem(int(fault), "unavailable", "not now"))
        elif fault == "gap":
            return self._answer(Problem(409, "batch-gap", "gap", {"expected": server.acknowledged + 1}))
        elif fault == "garbage":
            return self._send(200, b"<html>a proxy</html>")
        elif fault == "half":
            self.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{")
        return self._drop()

    def do_GET(self) -> None:
        server = self.scripted
        fault = server.faults("stream")
        if server.stopped.is_set() or fault == "drop":
            server.hits["stream drop"] += fault == "drop"
            return self._drop()
        if refusal := self._refusal(0):
            return self._answer(refusal)
        if fault:
            server.hits[f"stream {fault}"] += 1
        if fault == "502":
            return self._answer(Problem(502, "", "bad"))
        after = int(self.path.partition("after=")[2])
        try:
            self._stream(0 if fault == "repeat" else after, fault)
        except (BrokenPipeError, ConnectionResetError):
            return None
        return self._drop()

    def _stream(self, sent: int, fault: str | None) -> None:
        server, watchers = self.scripted, -1
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.send_header("Connection", "close")
        self.end_headers()
        if fault == "empty":
            return
        self.wfile.write(sse.comment("hello"))
        while not server.stopped.is_set():
            with server.changed:
                if len(server.commands) == sent and server.watchers == watchers:
                    server.changed.wait(0.1)
                fresh, changed = server.commands[sent:], server.watchers != watchers
                watchers = server.watchers
            frames = [sse.frame(payload, id=str(n)) for n, payload in enumerate(fresh, sent + 1)]
            if changed:
                frames.insert(0, sse.frame(json.dumps({"watchers": watchers}).encode(), event="watch"))
            if fault == "cut" and fresh:
                self.wfile.write(b"".join(frames)[:-20])
                return
            self.wfile.write(b"".join(frames) or sse.comment())
            sent += len(fresh)
            if fault in ("end", "repeat") and fresh:
                return
            if fault == "silence" and fresh:
                server.stopped.wait(2.0)
                return

    def _answer(self, message: Welcome | Receipt | Problem) -> None:
        self._send(message.status if isinstance(message, Problem) else 200, codec.encode(message))

    def _send(self, status: int, body: bytes) -> None:
        try:
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)
        except OSError:
            self.close_connection = True

    def _drop(self) -> None:
        self.close_connection = True

    def log_message(self, format: str, *args: Any) -> None:
        """Quiet."""


class RecordingDesk:
    """Implements `ports.Desk`: metrics put in by `log`, everything else written down."""

    def __init__(self) -> None:
        self.delivered: list[Delivery] = []
        self.watched: list[int] = []
        self.samples: list[float] = []
        self.deltas: list[bool] = []
        self.rows: list[int] = []
        self.version = 0
        self.silent = False
        self.seen: list[tuple[int, float]] = []

    def log(self, *steps: int) -> None:
        self.rows.extend(steps)

    def deliver(self, delivery: Delivery) -> None:
        self.delivered.append(delivery)

    def watch(self, watchers: int) -> None:
        self.watched.append(watchers)

    def request_sample(self) -> None:
        self.samples.append(time.monotonic())

    def drain(self) -> list[Event]:
        count = len(self.rows)
        steps, self.rows[:count] = self.rows[:count], []
        return [Metrics(steps, [float(n) for n in steps], {"loss": [n / 2 for n in steps]})] if steps else []

    def delta(self, *, full: bool) -> LiveDelta | None:
        self.deltas.append(full)
        if self.silent and not full:
            return None
        self.version += 1
        return LiveDelta(version=self.version, full=full, values={"n": self.version})


def launch_of(folder: Path, incarnation: int = 1) -> Launch:
    return Launch(
        run=RunId("quiet-otter"),
        incarnation=incarnation,
        entry=Entry(script="train.py"),
        cwd=str(folder),
        python="python",
        env={},
        mode="run",
        config={},
        exit_on_end=False,
        server_file=str(folder / "server.json"),
        token="secret",
    )


@contextmanager
def linked(
    folder: Path,
    desk: RecordingDesk,
    *,
    rules: Reconnect = BRISK,
    timeout: float = 0.2,
    spool_limit: int = 10**8,
    farewell: float = 0.0,
) -> Iterator[Link]:
    """A started link, closed at the end."""
    link = Link(launch_of(folder), folder, spool_limit=spool_limit, rules=rules, timeout=timeout)
    link.start(desk)
    try:
        yield link
    finally:
        link.close(farewell)


class Trouble:
    """Chooses faults at random until `wanted` of them have hit."""

    def __init__(self, seed: int, wanted: int, share: float = 0.5) -> None:
        self._random = random.Random(seed)
        self._share = share
        self.left = wanted

    def __call__(self, kind: str) -> str | None:
        if self.left <= 0 or self._random.random() > self._share:
            return None
        self.left -= 1
        kinds = {"hello": ("drop", "502"), "report": REPORT_FAULTS, "stream": STREAM_FAULTS}
        return self._random.choice(kinds[kind])
