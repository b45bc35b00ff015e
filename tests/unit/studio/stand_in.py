"""A server that stands in for Livespark's and misbehaves on request, one way per run name; it serves the tests, too."""

import base64
import json
import random
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self
from urllib.parse import parse_qs, urlsplit

from livespark.server.shell import PAGE_POLICY
from tests.unit.studio import keeping
from tests.unit.studio.feed import Feed

__all__ = ("StandIn",)

ROOT: Final = Path(__file__).parents[3]
SERVED: Final = ("src/livespark/studio/", "tests/unit/studio/js/")
TYPES: Final = {
    ".js": "text/javascript",
    ".mjs": "text/javascript",
    ".html": "text/html",
    ".css": "text/css",
    ".svg": "image/svg+xml",
}
A, B = "aaaaaaaa", "bbbbbbbb"


class StandIn(ThreadingHTTPServer):
    """`vectors` is served as `/vectors.json`. What happened to a run is at `/facts/<run>`; a run with a feed has the
    Studio's page at `/r/<run>`."""

    daemon_threads = True

    def __init__(self, vectors: dict[str, Any], *, seed: int = 0) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.vectors = vectors
        self.random = random.Random(seed)
        self.facts: dict[str, dict[str, Any]] = {}
        self.commands: dict[str, dict[str, Any]] = {}
        self.streams: dict[str, bytes] = {}
        self.feeds: dict[str, Feed] = {}
        self.lock = threading.Lock()
        self._thread = threading.Thread(target=self.serve_forever, kwargs={"poll_interval": 0.05})

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"

    def about(self, run: str) -> dict[str, Any]:
        fresh: dict[str, Any] = {"requests": 0, "cuts": 0, "refused": [], "posts": 0, "ids": [], "forks": []}
        return self.facts.setdefault(run, fresh | {"headers": [], "addresses": [], "commands": []})

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for feed in self.feeds.values():
            feed.close()
        self.shutdown()
        self._thread.join()
        self.server_close()

    def handle_error(self, *_: object) -> None:
        """A client that went away is none."""


class _Handler(BaseHTTPRequestHandler):
    server: StandIn
    protocol_version = "HTTP/1.1"

    def log_message(self, *_: object) -> None:
        pass

    def do_GET(self) -> None:
        path = urlsplit(self.path).path
        words = path.strip("/").split("/")
        if path == "/vectors.json":
            self._json(self.server.vectors)
        elif words[0] == "facts":
            self._json(self.server.about(words[1]))
        elif words[0] == "streams":
            self._stream_bytes(self.server.streams[words[1]])
        elif words[:2] == ["api", "runs"]:
            self._run(words[2:])
        elif words[0] in ("r", "runs"):
            self._file("src/livespark/studio/index.html")
        elif words[0] == "studio":
            self._file(f"src/livespark{path}")
        else:
            self._file(path.lstrip("/"))

    def do_POST(self) -> None:
        run = self.path.split("/")[3]
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        about = self.server.about(run)
        if self.path.endswith("/fork"):
            about["forks"].append(body)
            self._kept(keeping.fork(self.server.feeds[run], body))
            return
        about["posts"] += 1
        if body["id"] not in about["ids"]:
            about["ids"].append(body["id"])
            about["commands"].append(body["command"])
        if run in self.server.feeds:
            self._json({"id": body["id"], "answer": self.server.feeds[run].answer})
        elif run == "lossy" and about["posts"] < 3:
            self.close_connection = True
        elif body["command"]["kind"] == "pause":
            self._problem(409, "run-ended", "the run has ended (stopped)")
        else:
            self.server.commands[body["id"]] = {"run": run, "command": body["command"]}
            self._json({"id": body["id"]}, 202)

    def do_DELETE(self) -> None:
        words = self.path.split("/")
        self._kept(keeping.remove(self.server.feeds[words[3]], int(words[5])))

    def _runs(self) -> None:
        self._json({"runs": [feed.record for feed in self.server.feeds.values()], "next": None})

    def _snapshots(self, run: str, words: list[str]) -> None:
        self.server.about(run)["addresses"].append(self.path)
        feed = self.server.feeds[run]
        self._kept(keeping.detail(feed, int(words[0]), download=len(words) > 1) if words else keeping.listing(feed))

    def _kept(self, answer: keeping.Answer) -> None:
        status, value = answer
        if isinstance(value, bytes):
            self._answer(status, value, "application/x-tar")
        else:
            self._json(value, status)

    def _run(self, words: list[str]) -> None:
        if not words:
            self._runs()
            return
        run = words[0]
        if words[1:] == ["events"]:
            self._events(run)
        elif words[1:2] == ["commands"]:
            command = self.server.commands[words[2]]["command"]
            self._json({"id": words[2]} if run == "mute" else {"id": words[2], "answer": _answer(command)})
        elif words[1:2] == ["code"]:
            self._code(run, words[2:])
        elif words[1:2] == ["snapshots"]:
            self._snapshots(run, words[2:])
        elif words[1:] == ["metrics"]:
            self._json({"series": self.server.feeds[run].metrics, "next": None, "last_seq": 1})
        elif words[1:] == ["output"]:
            self._json({"outputs": [], "end": 0})
        else:
            feed = self.server.feeds.get(run)
            self._json(feed.record if feed else _record(run, "running", last_seq=1, entry={"script": "train.py"}))

    def _code(self, run: str, words: list[str]) -> None:
        self.server.about(run)["addresses"].append(self.path)
        feed = self.server.feeds.get(run) or Feed(run)
        if not words:
            self._json({"files": feed.files})
        elif words[0] in feed.texts:
            self._json({"hash": words[0], "text": feed.texts[words[0]]})
        else:
            self._problem(404, "no-such-text", "this version's text is not kept")

    def _events(self, run: str) -> None:
        about = self.server.about(run)
        about["requests"] += 1
        about["headers"].append(self.headers["Authorization"])
        about["addresses"].append(self.path)
        status = _STATUSES.get(run, [])[about["requests"] - 1 : about["requests"]]
        if status:
            about["refused"] += status
            self._problem(status[0], "x", "not now") if status[0] != 204 else self._empty()
            return
        self._head("text/event-stream")
        cursor = self.headers["Last-Event-ID"] or ""
        if run in self.server.feeds:
            self._feed(self.server.feeds[run], cursor)
            return
        output = parse_qs(urlsplit(self.path).query).get("output")
        for part in _SCRIPTS[run](self.server, run, cursor, None if output is None else int(output[0])):
            if part is None:
                return
            self.wfile.write(part)
            self.wfile.flush()

    def _feed(self, feed: Feed, cursor: str) -> None:
        for message in feed.after(_after(cursor)):
            self.wfile.write(message)
            self.wfile.flush()

    def _stream_bytes(self, body: bytes) -> None:
        self._head("text/event-stream")
        self.wfile.write(body)

    def _file(self, name: str) -> None:
        path = ROOT / name
        if not name.startswith(SERVED) or not path.is_file():
            body = b"<!doctype html><title>tests</title>" if name == "" else b""
            self._answer(200 if name == "" else 404, body, "text/html")
            return
        self._answer(200, path.read_bytes(), TYPES.get(path.suffix, "text/plain"))

    def _problem(self, status: int, code: str, detail: str) -> None:
        self._json({"status": status, "code": code, "detail": detail}, status)

    def _empty(self) -> None:
        self.send_response(204)
        self.end_headers()

    def _json(self, value: Any, status: int = 200) -> None:
        self._answer(status, json.dumps(value).encode(), "application/json")

    def _answer(self, status: int, body: bytes, kind: str) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Content-Security-Policy", PAGE_POLICY)
        self.end_headers()
        self.wfile.write(body)

    def _head(self, kind: str) -> None:
        self.close_connection = True
        self.send_response(200)
        self.send_header("Content-Type", kind)
        self.send_header("Connection", "close")
        self.end_headers()


Parts = Iterator[bytes | None]
"""What a stream sends. None closes the connection."""


def _record(run: str, state: str, **more: Any) -> dict[str, Any]:
    return {"id": run, "name": run, "state": state, "epoch": A} | more


def _event(seq: int, epoch: str = A, **event: Any) -> bytes:
    body = {"is": "event", "seq": seq, "time": 1.0, "event": event or {"type": "notice", "level": "info", "text": "x"}}
    return f"id: {epoch}-{seq}\ndata: {json.dumps(body)}\n\n".encode()


def _message(**body: Any) -> bytes:
    return f"data: {json.dumps(body)}\n\n".encode()


def _end(run: str) -> bytes:
    return _message(**{"is": "end"}, run=_record(run, "completed"))


def _after(cursor: str) -> int:
    return int(cursor.partition("-")[2] or 0)


def _all(run: str, cursor: str, last: int) -> Parts:
    yield b"".join(_event(seq) for seq in range(_after(cursor) + 1, last + 1)) + _end(run)


def _plain(_server: StandIn, run: str, cursor: str, _output: int | None) -> Parts:
    return _all(run, cursor, 5)


def _cut(server: StandIn, run: str, cursor: str, output: int | None) -> Parts:
    """Events and output, cut off after a random number of bytes, in pieces of any size."""
    wire, position = b"retry: 5\n\n: hello\n\n", 0
    for seq in range(1, 301):
        line = f"line {seq}\n"
        start, position = position, position + len(line)
        wire += _event(seq) if seq > _after(cursor) else b""
        piece = {"start": start, "end": position, "stream": "stdout", "time": 1.0, "text": line}
        wire += _message(**{"is": "output"}, output=piece) if output is not None and start >= output else b""
    wire += _end(run)
    size = server.random.randrange(1, 4000)
    if size < len(wire):
        server.about(run)["cuts"] += 1
    for start in range(0, min(size, len(wire)), 701):
        yield wire[start : min(start + 701, size)]


def _silent(server: StandIn, run: str, cursor: str, _output: int | None) -> Parts:
    if server.about(run)["requests"] > 1:
        yield from _all(run, cursor, 5)
        return
    yield _event(1) + _event(2)
    time.sleep(2)


def _reborn(server: StandIn, run: str, cursor: str, _output: int | None) -> Parts:
    if server.about(run)["requests"] == 1:
        yield _event(1) + _event(2)
        return
    assert cursor == f"{A}-2"
    yield _message(**{"is": "reset"}, epoch=B, run=_record(run, "running") | {"epoch": B})
    yield b"".join(_event(seq, B) for seq in range(1, 5)) + _end(run)


def _trimmed(_server: StandIn, run: str, _cursor: str, _output: int | None) -> Parts:
    yield _message(**{"is": "gap"}, first=1, last=3) + _event(4) + _event(5) + _end(run)


def _full(server: StandIn, run: str, _cursor: str, _output: int | None) -> Parts:
    if server.about(run)["requests"] == 1:
        yield _event(1) + _message(**{"is": "trouble"}, text="the disk is full")
        return
    yield _event(2) + _end(run)


def _slow(_server: StandIn, run: str, cursor: str, _output: int | None) -> Parts:
    for seq in range(_after(cursor) + 1, 13):
        yield _event(seq)
        time.sleep(0.01)
    yield _end(run)


def _states(_server: StandIn, _run: str, _cursor: str, _output: int | None) -> Parts:
    yield _event(1, type="status", state="starting")
    yield _event(2, type="status", state="running") + _event(3, type="status", state="paused", reason="asked")
    time.sleep(1)


def _desk(server: StandIn, run: str, cursor: str, _output: int | None) -> Parts:
    """Answers commands as they come, by the stream."""
    answered: set[str] = set()
    for _ in range(300):
        for id, record in [item for item in server.commands.items() if item[1]["run"] == run]:
            if id not in answered:
                answered.add(id)
                seq = _after(cursor) + len(answered)
                yield _event(seq, type="answered", id=id, number=seq, answer=_answer(record["command"]))
        yield b": still here\n\n"
        time.sleep(0.01)


def _quiet(_server: StandIn, run: str, _cursor: str, _output: int | None) -> Parts:
    time.sleep(0.1)
    yield _end(run)


def _mute(_server: StandIn, _run: str, _cursor: str, _output: int | None) -> Parts:
    yield b": nothing to say\n\n"
    time.sleep(1)


def _answer(command: dict[str, Any]) -> dict[str, Any]:
    if command["kind"] != "call":
        return {"outcome": "applied", "step": 7, "value": command.get("values")}
    answers: dict[str, dict[str, Any]] = {
        "refuse": {"outcome": "refused", "message": "no such argument"},
        "fail": {"outcome": "failed", "error": {"type": "ValueError", "message": "bad"}},
        "die": {"outcome": "unknown"},
    }
    return answers.get(command["function"], {"outcome": "applied", "value": command.get("args")})


_STATUSES: Final = {"flaky": [503, 502, 503], "nothing": [204], "secretive": [401], "missing": [404]}
_SCRIPTS: Final = {
    "cut": _cut,
    "short": _plain,
    "flaky": _plain,
    "silent": _silent,
    "reborn": _reborn,
    "trimmed": _trimmed,
    "full": _full,
    "slow": _slow,
    "states": _states,
    "desk": _desk,
    "lossy": _desk,
    "quiet": _quiet,
    "mute": _mute,
}


def encoded(wire: bytes) -> str:
    """Bytes as they stand in vectors."""
    return base64.b64encode(wire).decode()
