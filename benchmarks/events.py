"""Events into one server with acknowledgements, and out of its backlog to one client: real processes over loopback.

The worker reports rows of three metrics, one event each, in batches; an event is counted once the server has answered,
which it does after its commit (SQLite, synchronous=FULL). The readers count SSE messages.
"""

import http.client
import json
import os
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from livespark.protocol.codec import encode
from livespark.protocol.events import Batch, Metrics, Number, Report, Timed

EVENTS = 200_000
BATCH = 500
ROUNDS = 3
MARK = b'data: {"is":"event"'
SUBMIT = {"entry": {"script": "x.py"}, "cwd": "/", "python": "python", "env": {}}


class Server:
    """A server process without workers, and what is needed to speak to it."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.address = json.loads((home / "server.json").read_text())["url"].removeprefix("http://")
        self.token = (home / "token").read_text()

    def connect(self) -> http.client.HTTPConnection:
        return http.client.HTTPConnection(self.address, timeout=60)

    def ask(
        self, connection: http.client.HTTPConnection, method: str, path: str, body: object, token: str = ""
    ) -> object:
        headers = {"Authorization": f"Bearer {token or self.token}", "Content-Type": "application/json"}
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        connection.request(method, path, content, headers)
        response = connection.getresponse()
        answer = json.loads(response.read())
        assert response.status < 300, answer
        return answer

    def submit(self, key: str) -> tuple[str, str]:
        """A new run and its worker's secret."""
        run = self.ask(self.connect(), "POST", "/api/runs", SUBMIT | {"key": key})
        assert isinstance(run, dict)
        launch = self.home / "runs" / run["id"] / "launch.json"
        while not launch.exists():
            time.sleep(0.01)
        return run["id"], json.loads(launch.read_text())["token"]

    def stream(self, run: str, query: str = "live=0") -> http.client.HTTPResponse:
        connection = self.connect()
        connection.request("GET", f"/api/runs/{run}/events?{query}", headers={"Authorization": f"Bearer {self.token}"})
        return connection.getresponse()


@contextmanager
def served() -> Iterator[Server]:
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        home = Path(folder)
        command = [sys.executable, "-m", "livespark.testing.serving"]
        process = subprocess.Popen(command, env=os.environ | {"LIVESPARK_HOME": folder}, stdout=subprocess.DEVNULL)
        try:
            while not (home / "server.json").exists():
                time.sleep(0.01)
            yield Server(home)
        finally:
            process.terminate()
            process.wait(20)


def rows(first: int, count: int) -> list[Timed]:
    series: dict[str, list[Number]] = {"loss": [0.12345678], "lr": [0.001], "accuracy": [0.98765]}
    return [Timed(time.time(), Metrics([step], [time.time()], series)) for step in range(first, first + count)]


def incoming(server: Server, run: str, token: str, *, first: int = 1) -> float:
    """Acknowledged events per second of one worker."""
    connection, began = server.connect(), time.perf_counter()
    for number in range(first, first + EVENTS // BATCH):
        report = encode(Report(1, [Batch(number, rows(number * BATCH, BATCH))]))
        server.ask(connection, "POST", "/api/worker/report", report, token)
    return EVENTS / (time.perf_counter() - began)


def backlog(server: Server, run: str) -> float:
    """Events per second of one client that reads a run's history from its beginning."""
    response, count, rest, began = server.stream(run), 0, b"", time.perf_counter()
    while count < EVENTS:
        piece = rest + response.read1(262_144)
        count += piece.count(MARK)
        rest = piece[-len(MARK) + 1 :] if not piece.endswith(b"\n") else b""
    return EVENTS / (time.perf_counter() - began)


def latency(server: Server) -> list[float]:
    """Seconds from a report of one event to its arrival at a reader of the live stream."""
    run, token = server.submit("latency")
    response, connection, delays = server.stream(run), server.connect(), []
    arrived = threading.Semaphore(0)

    def read() -> None:
        while piece := response.read1(65_536):
            for _ in range(piece.count(MARK)):
                arrived.release()

    threading.Thread(target=read, daemon=True).start()
    arrived.acquire()
    for number in range(1, 501):
        report = encode(Report(1, [Batch(number, rows(number, 1))]))
        began = time.perf_counter()
        server.ask(connection, "POST", "/api/worker/report", report, token)
        arrived.acquire()
        delays.append(time.perf_counter() - began)
    return sorted(delays)


def main() -> None:
    taken, given = [], []
    with served() as server:
        for number in range(ROUNDS):
            run, token = server.submit(f"round-{number}")
            taken.append(incoming(server, run, token))
            given.append(backlog(server, run))
        delays = latency(server)
    print(f"{EVENTS:,} events a round, {ROUNDS} rounds, batches of {BATCH}; medians")
    print(f"in, committed and acknowledged   {statistics.median(taken):>10,.0f} events/s   (goal 20,000)")
    print(f"out of a backlog, one client     {statistics.median(given):>10,.0f} events/s   (goal 200,000)")
    print(
        f"report to reader                 {delays[len(delays) // 2] * 1e3:>10.2f} ms median, "
        f"{delays[int(len(delays) * 0.99)] * 1e3:.2f} ms p99"
    )


if __name__ == "__main__":
    main()
