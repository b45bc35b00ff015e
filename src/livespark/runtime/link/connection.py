"""HTTP/1.1 to wherever the server is now. Blocking; one connection for one thread.

The file with the address outlives a killed server, and then anybody may listen there. So nothing is sent, the token
least of all, unless the process that the file names lives once we are connected: it holds its port until its end.
"""

import contextlib
import http.client
import os
import platform
import select
import socket
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final, TypeVar
from urllib.parse import urlsplit

from livespark.protocol import codec
from livespark.protocol.events import Hello, Welcome
from livespark.protocol.problems import Problem
from livespark.protocol.runs import Launch
from livespark.transport.processes import alive
from livespark.transport.reconnect import retry_after
from livespark.transport.server_info import ServerRecord
from livespark.version import PROTOCOL, __version__

__all__ = ("Connection", "Refused", "Unreachable")

_PIECE: Final = 64 * 1024
_EVERY: Final = 0.1
_SOON: Final = 0.005
_LARGEST: Final = 1024**2
_T = TypeVar("_T")


class Unreachable(Exception):
    """There is no server, it does not answer in time, or the connection broke."""


class Refused(Exception):
    """The server answered with a problem. `retry_after`: seconds, where it named them."""

    def __init__(self, problem: Problem, retry_after: float | None) -> None:
        super().__init__(f"{problem.detail} ({problem.status} {problem.code})")
        self.problem = problem
        self.retry_after = retry_after


class Connection:
    """A connection that a worker's thread opens again whenever it broke. `timeout`: seconds for a request's answer."""

    def __init__(self, launch: Launch, *, timeout: float = 10.0) -> None:
        self._server_file = Path(launch.server_file)
        self._incarnation = launch.incarnation
        self._headers = {
            "Authorization": f"Bearer {launch.token}",
            "Content-Type": "application/json",
            "Livespark-Protocol": str(PROTOCOL),
        }
        self._timeout = timeout
        self._http: http.client.HTTPConnection | None = None
        self._socket: socket.socket | None = None
        self._seen: tuple[int, int] | None = None

    @property
    def is_open(self) -> bool:
        return self._http is not None and self._http.sock is not None

    @property
    def moved(self) -> bool:
        """The server's file has changed since the last attempt to open: another server may be there."""
        return self._signature() != self._seen

    def open(self) -> Welcome:
        """Connect to the server that the file names, and say hello. Raises Unreachable, Refused."""
        self.close()
        self._seen = self._signature()
        record, host, port = self._address()
        self._http = http.client.HTTPConnection(host, port, timeout=self._timeout)
        self._http.auto_open = 0
        with self._breaking():
            self._connect(self._http, host, port)
            if alive(record.process) is None:
                raise ConnectionError(f"the server that {self._server_file} names has ended")
        hello = Hello(
            incarnation=self._incarnation,
            pid=os.getpid(),
            host=socket.gethostname(),
            python=platform.python_version(),
            version=__version__,
            protocol=PROTOCOL,
        )
        try:
            return self.post("/api/worker/hello", codec.encode(hello), Welcome)
        except Refused:
            self.close()
            raise

    def _connect(self, connection: http.client.HTTPConnection, host: str, port: int) -> None:
        """The socket is known before it connects, so that a child that is forked meanwhile lets go of it, too."""
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        self._socket = connection.sock = socket.socket(family, kind, protocol)
        self._socket.settimeout(self._timeout)
        self._socket.connect(address)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def post(self, path: str, body: bytes, kind: type[_T], while_waiting: Callable[[], None] = lambda: None) -> _T:
        """The answer to a request; meanwhile `while_waiting` is called every so often. Raises Unreachable, Refused."""
        with self._breaking():
            assert self._http is not None
            self._http.request("POST", path, body, self._headers)
            self._await_answer(while_waiting)
            response = self._http.getresponse()
            content = self._content(response, while_waiting)
        if response.status != 200:
            raise _refused(response, content)
        return self._decoded(content, kind)

    def stream(self, path: str, idle: float) -> Iterator[bytes]:
        """What comes, until the server ends it. `idle` seconds without a byte break it. Raises Unreachable, Refused."""
        with self._breaking():
            assert self._http is not None
            assert self._socket is not None
            self._http.request("GET", path, headers={**self._headers, "Accept": "text/event-stream"})
            response = self._http.getresponse()
            if response.status != 200:
                content = response.read(_PIECE)
                self.close()
                raise _refused(response, content)
            self._socket.settimeout(idle)
            while piece := response.read1(_PIECE):
                yield piece
        self.close()

    def close(self) -> None:
        """Close the connection, if there is one; it can be opened again."""
        connection, self._http, self._socket = self._http, None, None
        if connection is not None:
            connection.close()

    def interrupt(self) -> None:
        """From another thread: end what is waited for."""
        if (connected := self._socket) is not None:
            with contextlib.suppress(OSError):
                connected.shutdown(socket.SHUT_RDWR)

    def abandon(self) -> None:
        """In a forked child: let go of the descriptor, without a word to the server."""
        if (connected := self._socket) is not None and (fd := connected.detach()) >= 0:
            os.close(fd)

    @contextlib.contextmanager
    def _breaking(self) -> Iterator[None]:
        """Any failure of the connection closes it."""
        try:
            yield
        except (OSError, http.client.HTTPException) as error:
            self.close()
            raise Unreachable(f"{type(error).__name__}: {error}") from error

    def _await_answer(self, while_waiting: Callable[[], None]) -> None:
        """Wait until the answer's head is there, or it is too late."""
        if self._socket is None:
            raise ConnectionError("the connection was closed meanwhile")
        poller, deadline = select.poll(), time.monotonic() + self._timeout
        poller.register(self._socket, select.POLLIN)
        while not (poller.poll(_EVERY * 1000) and _has_head(self._socket)):
            if time.monotonic() > deadline:
                raise TimeoutError("the server does not answer")
            while_waiting()

    def _content(self, response: http.client.HTTPResponse, while_waiting: Callable[[], None]) -> bytes:
        """The answer's body, unless it is too large or takes too long."""
        content, begun = b"", time.monotonic()
        while piece := response.read1(_PIECE):
            content += piece
            waited = time.monotonic() - begun
            if len(content) > _LARGEST or waited > self._timeout:
                raise ConnectionError("the server's answer has no end")
            if waited > _EVERY:
                while_waiting()
        return content + response.read()  # nothing, but only this lets the connection be used again

    def _address(self) -> tuple[ServerRecord, str, int]:
        try:
            record: ServerRecord = codec.decode(self._server_file.read_bytes(), ServerRecord)
            parts = urlsplit(record.url)
            host, port = parts.hostname, parts.port
        except (OSError, ValueError) as error:
            raise Unreachable(f"{self._server_file} names no server: {error}") from error
        if parts.scheme != "http" or host is None or port is None:
            raise Unreachable(f"{self._server_file} names {record.url!r}, which is no local server")
        return record, host, port

    def _signature(self) -> tuple[int, int] | None:
        try:
            status = self._server_file.stat()
        except OSError:
            return None
        return status.st_mtime_ns, status.st_ino

    def _decoded(self, content: bytes, kind: type[_T]) -> _T:
        try:
            message: _T = codec.decode(content, kind)
        except codec.Malformed as error:
            self.close()
            raise Unreachable(f"the server's answer can't be understood: {error}") from error
        return message


def _has_head(connected: socket.socket) -> bool:
    """Whether all headers have arrived, or something that shows that there will be none. Waits a moment if not."""
    seen = connected.recv(_PIECE, socket.MSG_PEEK)
    if seen and b"\r\n\r\n" not in seen and len(seen) < _PIECE:
        time.sleep(_SOON)
        return False
    return True


def _refused(response: http.client.HTTPResponse, content: bytes) -> Refused:
    try:
        problem: Problem = codec.decode(content, Problem)
    except codec.Malformed:
        problem = Problem(response.status, "", f"the server answered {response.status} {response.reason}")
    return Refused(problem, retry_after(response.headers.get("Retry-After"), time.time()))
