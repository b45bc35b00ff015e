"""A server for one worker: its three routes, without a database. It acknowledges, remembers, and sends commands."""

import json
import os
import queue
import subprocess
import sys
import textwrap
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from livespark.protocol import codec
from livespark.protocol.commands import Answer, Command, Delivery
from livespark.protocol.events import Answered, Event, Hello, Metrics, Receipt, Report, Status, Welcome
from livespark.protocol.ids import CommandId, RunId
from livespark.protocol.live import LiveDoc, merge
from livespark.protocol.runs import Entry, Launch, Mode
from livespark.transport.processes import own_process
from tests.unit.runtime.stage import wait_until

__all__ = ("Worker", "worker")


class Handler(BaseHTTPRequestHandler):
    """One request of the worker."""

    protocol_version = "HTTP/1.1"
    worker: "Worker"

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        if self.path.endswith("/hello"):
            codec.decode(body, Hello)
            self._send(Welcome(self.worker.acknowledged, 1))
        else:
            self.worker.take(codec.decode(body, Report))
            self._send(Receipt(self.worker.acknowledged, 1))

    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.send_header("Connection", "close")
        self.end_headers()
        while (delivery := self.worker.commands.get()) is not None:
            text = codec.encode(delivery).decode()
            self.wfile.write(f"id: {delivery.number}\ndata: {text}\n\n".encode())
            self.wfile.flush()

    def _send(self, message: Any) -> None:
        content = codec.encode(message)
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, format: str, *args: Any) -> None:
        pass


class Server(ThreadingHTTPServer):
    """Workers may be killed in the middle of a request."""

    daemon_threads = True

    def handle_error(self, request: Any, client_address: Any) -> None:
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)


class Worker:
    """A real worker process and what it has reported."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.events: list[Event] = []
        self.live = LiveDoc()
        self.acknowledged = 0
        self.commands: queue.Queue[Delivery | None] = queue.Queue()
        self.process: subprocess.Popen[str]
        self._numbers = iter(range(1, 10_000))
        self._guard = threading.Lock()

    def write(self, name: str, source: str) -> Path:
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(textwrap.dedent(source))
        return path

    def start(self, entry: Entry, *, url: str, mode: Mode, exit_on_end: bool, config: dict[str, Any]) -> None:
        run_dir = self.folder / "run"
        run_dir.mkdir()
        server_file, me = run_dir / "server.json", own_process()
        server_file.write_text(
            json.dumps(
                {"url": url, "pid": me.pid, "created": me.created, "version": "0", "protocol": 1, "started": 0.0}
            )
        )
        launch = Launch(
            run=RunId("test"),
            incarnation=1,
            entry=entry,
            cwd=str(self.folder),
            python=sys.executable,
            env={},
            mode=mode,
            config=config,
            exit_on_end=exit_on_end,
            server_file=str(server_file),
            token="secret",
        )
        (run_dir / "launch.json").write_bytes(codec.encode(launch))
        self.process = subprocess.Popen(
            [sys.executable, "-P", "-m", "livespark.runtime", str(run_dir)],
            cwd=self.folder,
            env=os.environ | {"PYTHONUNBUFFERED": "1", "LIVESPARK_PIPES": ""},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def take(self, report: Report) -> None:
        with self._guard:
            for batch in report.batches:
                if batch.number == self.acknowledged + 1:
                    self.acknowledged += 1
                    self.events += [timed.event for timed in batch.events]
            if report.live:
                merge(self.live, report.live)

    def ask(self, command: Command) -> Answer:
        """Send a command, and wait for its answer."""
        return self.answer(self.send(command))

    def send(self, command: Command) -> int:
        number = next(self._numbers)
        self.commands.put(Delivery(number, CommandId(f"c{number}"), "test", command))
        return number

    def answer(self, number: int) -> Answer:
        wait_until(lambda: self.answers(number), f"the answer of {number}; {self.states}")
        (answer,) = self.answers(number)
        return answer

    def answers(self, number: int) -> list[Answer]:
        return [e.answer for e in list(self.events) if isinstance(e, Answered) and e.number == number]

    @property
    def statuses(self) -> list[Status]:
        return [event for event in list(self.events) if isinstance(event, Status)]

    @property
    def states(self) -> list[str]:
        return [status.state.value for status in self.statuses]

    def reach(self, state: str) -> Status:
        wait_until(lambda: self.statuses and self.statuses[-1].state == state, f"{state}; {self.states}")
        return self.statuses[-1]

    def series(self, name: str) -> list[Any]:
        return [v for e in list(self.events) if isinstance(e, Metrics) for v in e.series.get(name, [])]

    def end(self) -> tuple[int, str, str]:
        """Wait for the process. -> exit status, stdout, stderr"""
        out, err = self.process.communicate(timeout=30)
        return self.process.returncode, out, err


@contextmanager
def worker(
    folder: Path,
    source: str,
    *args: str,
    module: str = "",
    mode: Mode = "run",
    exit_on_end: bool = False,
    config: dict[str, Any] | None = None,
) -> Iterator[Worker]:
    """A worker executing `source` (written to script.py, unless `module` names what to run)."""
    made = Worker(folder)
    made.write("script.py", source)
    server = Server(("127.0.0.1", 0), type("Bound", (Handler,), {"worker": made}))
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    entry = Entry(module=module, args=list(args)) if module else Entry(script="script.py", args=list(args))
    url = f"http://127.0.0.1:{server.server_address[1]}"
    made.start(entry, url=url, mode=mode, exit_on_end=exit_on_end, config=config or {})
    try:
        yield made
    finally:
        made.commands.put(None)
        made.process.kill()
        made.process.communicate()
        server.shutdown()
        thread.join()
        server.server_close()
