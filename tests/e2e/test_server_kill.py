"""kill -9 of the server under load: what was acknowledged is there, once, and every reader has seen exactly that."""

import http.client
import json
import os
import random
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

import pytest

from livespark.protocol import sse

BROKEN = (OSError, http.client.HTTPException, ValueError)
SUBMIT = {"entry": {"script": "x.py"}, "cwd": "/", "python": "python", "env": {}}
HELLO = {"incarnation": 1, "pid": 1, "host": "h", "python": "3", "version": "0", "protocol": 1}


def until(condition: Callable[[], object], patience: float = 30.0) -> None:
    deadline = time.monotonic() + patience
    while not condition():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.001)


class Server:
    """A real server process without workers, killed and started again."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.ended = False
        self.process = self._spawn()

    def _spawn(self) -> "subprocess.Popen[bytes]":
        command = [sys.executable, "-m", "livespark.testing.serving"]
        process = subprocess.Popen(
            command, env=os.environ | {"LIVESPARK_HOME": str(self.home)}, stdout=subprocess.DEVNULL
        )
        until(lambda: self._pid() == process.pid)
        return process

    def _pid(self) -> int:
        with suppress(OSError, ValueError):
            return int(json.loads((self.home / "server.json").read_text())["pid"])
        return 0

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()

    def restart(self) -> None:
        self.process = self._spawn()

    def connect(self) -> http.client.HTTPConnection:
        url = json.loads((self.home / "server.json").read_text())["url"]
        return http.client.HTTPConnection(url.removeprefix("http://"), timeout=10)

    def ask(
        self, connection: http.client.HTTPConnection, method: str, path: str, body: Any = None, token: str = ""
    ) -> Any:
        headers = {"Authorization": f"Bearer {token or self.token}", "Accept": "application/json"}
        headers |= {"Content-Type": "application/json"} if body is not None else {}
        connection.request(method, path, None if body is None else json.dumps(body), headers)
        response = connection.getresponse()
        answer = json.loads(response.read())
        assert response.status < 300, answer
        return answer

    @property
    def token(self) -> str:
        return (self.home / "token").read_text()

    def submit(self, key: str) -> tuple[str, str]:
        with closing(self.connect()) as connection:
            run = self.ask(connection, "POST", "/api/runs", SUBMIT | {"key": key})["id"]
        launch = self.home / "runs" / run / "launch.json"
        until(launch.exists)
        return run, json.loads(launch.read_text())["token"]

    def history(self, run: str) -> list[dict[str, Any]]:
        """All events, by pages."""
        found: list[dict[str, Any]] = []
        with closing(self.connect()) as connection:
            after, more = "", True
            while more:
                page = self.ask(connection, "GET", f"/api/runs/{run}/events?limit=10000&after={after}")
                found += page["events"]
                after, more = page["next"], bool(page["events"])
        return found


class Actor(threading.Thread):
    """Does its piece of work again and again, over a new connection after each failure."""

    def __init__(self, server: Server, run: str) -> None:
        super().__init__(daemon=True)
        self.server = server
        self.run_id = run
        self.done = 0
        self.asked = False
        self.stopping = False
        self.failures: list[BaseException] = []
        self.start()

    def run(self) -> None:
        try:
            while not self.stopping:
                with suppress(*BROKEN), closing(self.server.connect()) as connection:
                    self.live(connection)
        except BaseException as error:
            self.failures.append(error)

    def live(self, connection: http.client.HTTPConnection) -> None:
        raise NotImplementedError

    def stop(self) -> None:
        self.stopping = True
        self.join(20)
        assert not self.is_alive()
        assert self.failures == []


class Worker(Actor):
    """Reports rows in batches; a batch counts as done when it was acknowledged. `asked`: a request is on its way."""

    def __init__(self, server: Server, run: str, token: str) -> None:
        self.token = token
        self.rows: dict[int, list[int]] = {}
        super().__init__(server, run)

    def live(self, connection: http.client.HTTPConnection) -> None:
        self.done = self.server.ask(connection, "POST", "/api/worker/hello", HELLO, self.token)["acknowledged"]
        while not self.stopping:
            first = self.done + 1
            batches = [self.batch(number) for number in range(first, first + random.randint(1, 3))]
            answer = self.report(connection, {"incarnation": 1, "batches": batches})
            self.done = answer["acknowledged"]
            assert self.done == batches[-1]["number"]

    def report(self, connection: http.client.HTTPConnection, report: dict[str, Any]) -> Any:
        self.asked = True
        try:
            return self.server.ask(connection, "POST", "/api/worker/report", report, self.token)
        finally:
            self.asked = False

    def batch(self, number: int) -> dict[str, Any]:
        rows = self.rows.setdefault(number, [number * 100 + i for i in range(random.randint(1, 5))])
        events = [{"type": "metrics", "steps": [row], "times": [0.0], "series": {"loss": [row]}} for row in rows]
        return {"number": number, "events": [{"time": 0.0, "event": event} for event in events]}

    def stop(self) -> None:
        super().stop()
        with closing(self.server.connect()) as connection:
            self.done = self.server.ask(connection, "POST", "/api/worker/hello", HELLO, self.token)["acknowledged"]

    @property
    def acknowledged(self) -> list[int]:
        return [row for number in range(1, self.done + 1) for row in self.rows[number]]


class Asker(Actor):
    """Asks commands, the same again until it was accepted."""

    def live(self, connection: http.client.HTTPConnection) -> None:
        while not self.stopping:
            ask = {"id": f"command-{self.done}", "command": {"kind": "pause"}}
            self.server.ask(connection, "POST", f"/api/runs/{self.run_id}/commands", ask)
            self.done += 1


class Reader(Actor):
    """Follows the run's stream, from the last id on after each break."""

    def __init__(self, server: Server, run: str) -> None:
        self.events: list[dict[str, Any]] = []
        self.others: list[str] = []
        self.cursor = ""
        super().__init__(server, run)

    def live(self, connection: http.client.HTTPConnection) -> None:
        headers = {"Authorization": f"Bearer {self.server.token}", "Last-Event-ID": self.cursor}
        connection.request("GET", f"/api/runs/{self.run_id}/events?live=0", headers=headers)
        response, parser = connection.getresponse(), sse.Parser()
        assert response.status == 200
        while not self.stopping and (piece := response.read1(65536)):
            for message in parser.feed(piece):
                self.take(message)

    def take(self, message: sse.Message) -> None:
        event = json.loads(message.data)
        if event.pop("is") != "event":
            self.others.append(message.data)
            return
        self.cursor = message.id
        self.events.append(event)
        self.done += 1


@pytest.fixture
def server(home: Path) -> Iterator[Server]:
    server = Server(home)
    yield server
    server.process.terminate()
    server.process.wait(20)


@pytest.mark.timeout(1200)
def test_nothing_acknowledged_is_lost_or_repeated(
    server: Server, full: bool, capsys: pytest.CaptureFixture[str]
) -> None:
    """Two workers, one who asks, four readers; the server is killed again and again while requests are on their way."""
    kills, in_flight = 200 if full else 20, 0
    (one, token_one), (two, token_two) = server.submit("one"), server.submit("two")
    workers = [Worker(server, one, token_one), Worker(server, two, token_two)]
    asker = Asker(server, one)
    readers = [Reader(server, run) for run in (one, one, two, two)]
    for _ in range(kills):
        _wait_for_progress([*workers, asker])
        time.sleep(random.uniform(0, 0.05))
        in_flight += any(worker.asked for worker in workers)
        server.kill()
        server.restart()
    for actor in (*workers, asker):
        actor.stop()
    _check(server, workers, asker, readers)
    count = sum(len(worker.acknowledged) for worker in workers)
    with capsys.disabled():
        print(f"\n{kills} kills, {in_flight} of them with a report on its way; ", end="")
        print(f"{count} rows and {asker.done} commands acknowledged, none lost, none repeated")
    assert in_flight > kills / 4


def _wait_for_progress(actors: list[Actor]) -> None:
    before = [actor.done for actor in actors]
    until(lambda: all(actor.done > was for actor, was in zip(actors, before, strict=True)))


def _wait_for_readers(readers: list[Reader], count: int) -> None:
    until(lambda: all(reader.done >= count for reader in readers))


def _check(server: Server, workers: list[Worker], asker: Asker, readers: list[Reader]) -> None:
    for worker in workers:
        table = server.history(worker.run_id)
        mine = [reader for reader in readers if reader.run_id == worker.run_id]
        _wait_for_readers(mine, len(table))
        assert [event["seq"] for event in table] == list(range(1, len(table) + 1))
        rows = [event["event"]["steps"][0] for event in table if event["event"]["type"] == "metrics"]
        assert rows == worker.acknowledged
        for reader in mine:
            assert reader.events == table
            assert reader.others == []
    commands = [event["event"]["id"] for event in server.history(asker.run_id) if event["event"]["type"] == "commanded"]
    assert commands[: asker.done] == [f"command-{number}" for number in range(asker.done)]
    assert len(commands) - asker.done in (0, 1)
    server.process.terminate()
    for reader in readers:
        reader.stop()
