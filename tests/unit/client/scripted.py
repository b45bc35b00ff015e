"""An HTTP server that does exactly what a test tells it, down to the bytes: whole answers, streams, cuts, silence."""

import json
import socket
import struct
import threading
from dataclasses import dataclass, field
from typing import Any

__all__ = ("HEAD", "Answer", "Cut", "Request", "ScriptedServer", "Stream", "event", "problem", "sse")

HEAD = {"Livespark-Protocol": "1"}


@dataclass(frozen=True)
class Request:
    """What a client asked."""

    method: str
    target: str
    headers: dict[str, str]
    body: bytes

    def json(self) -> Any:
        return json.loads(self.body)


@dataclass(frozen=True)
class Answer:
    """A complete answer."""

    body: Any = None
    status: int = 200
    headers: dict[str, str] = field(default_factory=lambda: dict(HEAD))


@dataclass(frozen=True)
class Stream:
    """An event stream of these chunks; then it ends, breaks (`reset`), or stays silent (`hang`)."""

    chunks: tuple[bytes, ...] = ()
    then: str = "end"


class Cut:
    """The connection is reset before anything is answered."""


Step = Answer | Stream | Cut


class ScriptedServer:
    """One step of the script per request; the last one again and again.

    `always` answers a path whenever it is asked for.
    """

    def __init__(self, *script: Step) -> None:
        self.script = list(script)
        self.always: dict[str, Answer] = {}
        self.requests: list[Request] = []
        self._socket = socket.create_server(("127.0.0.1", 0))
        self._released = threading.Event()
        self._threads: list[threading.Thread] = []
        self._accepting = threading.Thread(target=self._accept)
        self._accepting.start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._socket.getsockname()[1]}"

    def __enter__(self) -> "ScriptedServer":
        return self

    def __exit__(self, *_: object) -> None:
        self._released.set()
        self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()
        for thread in (self._accepting, *self._threads):
            thread.join(10)

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._socket.accept()
            except OSError:
                return
            thread = threading.Thread(target=self._serve, args=(connection,))
            self._threads.append(thread)
            thread.start()

    def _serve(self, connection: socket.socket) -> None:
        with connection, connection.makefile("rwb") as file:
            request = _read(file)
            if request is None:
                return
            step = self.always.get(request.target) or self._next()
            self.requests.append(request)
            if isinstance(step, Cut):
                _reset(connection)
            elif isinstance(step, Answer):
                file.write(_whole(step))
            else:
                self._stream(connection, file, step)

    def _next(self) -> Step:
        return self.script.pop(0) if len(self.script) > 1 else self.script[0]

    def _stream(self, connection: socket.socket, file: Any, step: Stream) -> None:
        lines = ["HTTP/1.1 200 OK", "Content-Type: text/event-stream", "Livespark-Protocol: 1", "Connection: close"]
        file.write("\r\n".join([*lines, "", ""]).encode())
        for chunk in step.chunks:
            file.write(chunk)
            file.flush()
        file.flush()
        if step.then == "reset":
            _reset(connection)
        elif step.then == "hang":
            self._released.wait(30)


def event(seq: int, text: str = "x") -> bytes:
    """A notice as the server frames it."""
    body = {
        "is": "event",
        "seq": seq,
        "time": 1.0,
        "event": {"type": "notice", "level": "info", "code": "c", "text": text},
    }
    return sse(body, f"0000abcd-{seq}")


def sse(body: Any, id: str = "") -> bytes:
    return (f"id: {id}\n" if id else "").encode() + f"data: {json.dumps(body)}\n\n".encode()


def problem(status: int, code: str = "", detail: str = "no", **headers: str) -> Answer:
    return Answer({"status": status, "code": code, "detail": detail}, status, HEAD | headers)


def _read(file: Any) -> Request | None:
    first = file.readline().decode().split()
    if not first:
        return None
    headers: dict[str, str] = {}
    while (line := file.readline().decode().strip()) != "":
        name, _, value = line.partition(":")
        headers[name.lower()] = value.strip()
    return Request(first[0], first[1], headers, file.read(int(headers.get("content-length", 0))))


def _whole(answer: Answer) -> bytes:
    body = (
        answer.body
        if isinstance(answer.body, bytes)
        else b""
        if answer.body is None
        else json.dumps(answer.body).encode()
    )
    headers = answer.headers | {"Content-Length": str(len(body)), "Connection": "close"}
    lines = [f"HTTP/1.1 {answer.status} X", *(f"{name}: {value}" for name, value in headers.items())]
    return "\r\n".join([*lines, "", ""]).encode() + body


def _reset(connection: socket.socket) -> None:
    """Close with a TCP reset."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connection.close()
