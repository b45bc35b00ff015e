"""A server that means harm, or a stranger in its place: the loop goes on, and the token stays here."""

import json
import random
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from livespark.protocol import codec
from livespark.protocol.events import Receipt, Welcome
from livespark.protocol.runs import ProcessId
from livespark.runtime.link.connection import Connection, Unreachable
from livespark.transport.processes import own_process, process_id
from livespark.transport.reconnect import Reconnect
from livespark.transport.server_info import ServerRecord
from tests.unit.link.scripted import RecordingDesk, ScriptedServer, launch_of, linked, until

RESTLESS = Reconnect(initial=0.001, factor=1.0, maximum=0.001, idle=0.3)


def announce(folder: Path, port: int, process: ProcessId) -> None:
    record = ServerRecord(f"http://127.0.0.1:{port}", process.pid, process.created, "0", 1, 0.0)
    (folder / "server.json").write_bytes(codec.encode(record))


def ended_process() -> ProcessId:
    """A process that was there a moment ago."""
    child = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    known = process_id(child.pid)
    child.communicate(b"\n")
    return known


@contextmanager
def listening(answer: Callable[[socket.socket], None]) -> Iterator[int]:
    """Each connection is given to `answer`, on a thread of its own; -> the port."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(0.02)
        over = threading.Event()
        threads: list[threading.Thread] = []

        def accept() -> None:
            while not over.is_set():
                with suppress(TimeoutError):
                    threads.append(threading.Thread(target=serve, args=listener.accept()[:1]))
                    threads[-1].start()

        def serve(connected: socket.socket) -> None:
            with connected:
                connected.settimeout(5)
                with suppress(OSError):
                    answer(connected)

        acceptor = threading.Thread(target=accept)
        acceptor.start()
        try:
            yield listener.getsockname()[1]
        finally:
            over.set()
            for thread in (acceptor, *threads):
                thread.join()


@pytest.mark.parametrize("who", ["an ended process", "a later process with its number"])
def test_a_stranger_in_the_servers_place_gets_nothing(tmp_path: Path, who: str) -> None:
    """After a kill -9 the file still names the port, where anybody may listen now: no byte goes there."""
    heard: list[bytes] = []
    me = own_process()
    with listening(lambda connected: heard.append(connected.recv(65536))) as port:
        announce(tmp_path, port, ended_process() if who.startswith("an") else ProcessId(me.pid, f"{me.created}0"))
        with linked(tmp_path, RecordingDesk(), rules=RESTLESS) as link:
            until(lambda: len(heard) >= 10, "ten connections")
            link.close(0.1)
    assert set(heard) == {b""}


def test_the_server_that_comes_back_is_trusted_again(tmp_path: Path) -> None:
    """As soon as the file names a living process."""
    desk = RecordingDesk()
    server = ScriptedServer(tmp_path)
    server.process = ended_process()
    server.start()
    with linked(tmp_path, desk, rules=RESTLESS, farewell=2.0):
        desk.log(1)
        time.sleep(0.05)
        assert not server.hellos
        server.stop()
        server.process = own_process()
        server.start()
        until(lambda: server.rows == [1], "the row")
    server.stop()


def head(connected: socket.socket, length: str = "Content-Length: 1000000000") -> None:
    connected.recv(65536)
    connected.sendall(f"HTTP/1.1 200 OK\r\n{length}\r\n\r\n".encode())


def endless(connected: socket.socket) -> None:
    head(connected)
    while True:
        connected.sendall(b" " * 65536)


def dripping(connected: socket.socket) -> None:
    head(connected)
    while True:
        connected.sendall(b" ")
        time.sleep(0.02)


def dripping_head(connected: socket.socket) -> None:
    connected.recv(65536)
    connected.sendall(b"HTTP/1.1 200 OK\r\nX: ")
    while True:
        connected.sendall(b"y")
        time.sleep(0.02)


@pytest.mark.parametrize("answer", [endless, dripping, dripping_head])
def test_an_answer_without_end_is_not_waited_for(tmp_path: Path, answer: Callable[[socket.socket], None]) -> None:
    """Neither memory nor patience is without bound, and what is logged meanwhile is kept."""
    with listening(answer) as port:
        announce(tmp_path, port, own_process())
        connection = Connection(launch_of(tmp_path), timeout=0.3)
        began = time.monotonic()
        with pytest.raises(Unreachable):
            connection.open()
        assert time.monotonic() - began < 2


class Fuzzer:
    """Answers hello and reports as it should, and says `left` things on the command stream that it should not."""

    def __init__(self, seed: int, frames: int) -> None:
        self.left = frames
        self.rows: list[int] = []
        self._number = 0
        self._acknowledged = 0
        self._random = random.Random(seed)
        self._lock = threading.Lock()

    def answer(self, connected: socket.socket) -> None:
        file = connected.makefile("rb")
        while line := file.readline():
            length = 0
            while (field := file.readline()) not in (b"\r\n", b""):
                length = int(field.split(b":")[1]) if field.lower().startswith(b"content-length") else length
            body = file.read(length)
            if line.startswith(b"GET"):
                self._listen(connected)
                return
            content = codec.encode(self._take(line, body))
            connected.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (len(content), content))

    def _take(self, line: bytes, body: bytes) -> Receipt | Welcome:
        if b"/hello" in line:
            return Welcome(self._acknowledged, 0)
        for batch in json.loads(body).get("batches", ()):
            if batch["number"] == self._acknowledged + 1:
                self._acknowledged += 1
                events = [timed["event"] for timed in batch["events"]]
                self.rows += [step for event in events if event["type"] == "metrics" for step in event["steps"]]
        return Receipt(self._acknowledged, 0)

    def _listen(self, connected: socket.socket) -> None:
        connected.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n")
        with self._lock:
            count = min(self.left, self._random.randint(1, 50))
            self.left -= count
            frames = [self._frame() for _ in range(count)]
        connected.sendall(b"".join(frames))

    def _frame(self) -> bytes:
        self._number += 1
        chance, noise = self._random, self._random.randbytes(self._random.randint(0, 200))
        text = noise.decode("latin-1")
        delivery = {"number": self._number, "id": text, "actor": text, "command": {"kind": "call", "function": text}}
        oddities: dict[str, object] = {
            "number": chance.choice([-1, 0, 1.5, "1", None, self._number]),
            "command": chance.choice([{}, [], {"kind": text}, {"kind": "set", "values": {text: [[[]]]}}, None]),
            "id": chance.choice([None, 1, text * 100]),
        }
        odd = {**delivery, **dict(chance.sample(sorted(oddities.items(), key=str), 1))}
        nested = b"[" * 50_000
        return chance.choice(
            [
                b"data: %b\n\n" % json.dumps(delivery).encode(),
                b"data: %b\n\n" % json.dumps(odd).encode(),
                b"event: watch\ndata: %b\n\n" % json.dumps({"watchers": chance.choice([-1, 10**30, "x"])}).encode(),
                b"event: %b\ndata: %b\nid: %b\nretry: 99999999\n\n" % (noise, noise, noise),
                b"data: " + (nested if chance.random() < 0.05 else noise) + b"\n\n",
                noise,
                b"\r\n\r" + noise + b"\xff\xfe\n\n: \x00\n\n",
            ]
        )


def test_noise_on_the_command_stream_costs_no_step(tmp_path: Path, *, full: bool) -> None:
    """Thousands of frames that no server of ours sends: every logged row arrives, once and in order, and the loop is
    never held up."""
    desk, frames = RecordingDesk(), 100_000 if full else 10_000
    fuzzer = Fuzzer(7, frames)
    with listening(fuzzer.answer) as port:
        announce(tmp_path, port, own_process())
        with linked(tmp_path, desk, rules=RESTLESS, timeout=5.0, farewell=5.0):
            step, longest = 0, 0.0
            while fuzzer.left:
                assert step < 120_000, f"{fuzzer.left} frames were not fetched"
                step += 1
                began = time.perf_counter()
                desk.log(step)
                longest = max(longest, time.perf_counter() - began)
                time.sleep(0.001)
    assert fuzzer.rows == list(range(1, step + 1))
    assert longest < 0.5
