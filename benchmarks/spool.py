"""What stands behind `log`, per flush: CPU of the link's thread for 160 rows with three scalars each, which a
loop of 0.6 ms steps logs in 100 ms. Beside it a plain `json.dumps` of the same rows, the floor of a simple solution.

    python benchmarks/spool.py            a table
    python benchmarks/spool.py --profile  where a turn's time goes

The server is another process that commits nothing and answers at once. Compare figures of one run only.
"""

import argparse
import cProfile
import json
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from io import BufferedIOBase
from pathlib import Path

import msgspec

from livespark.protocol import codec
from livespark.protocol.events import Event, Report, Timed
from livespark.protocol.ids import RunId
from livespark.protocol.live import LiveDelta
from livespark.protocol.runs import Entry, Launch
from livespark.runtime.journal import Journal
from livespark.runtime.link.connection import Connection
from livespark.runtime.link.outgoing import Outgoing
from livespark.runtime.link.sender import Sender
from livespark.transport.server_info import ServerRecord
from livespark.transport.spool import Spool

__all__ = ("main",)

ROWS = 160
ROUNDS = 400
INTERVAL = 0.1
TARGET = 1000.0


class BenchmarkDesk:
    """The journal, and a live document of one value."""

    def __init__(self) -> None:
        self.journal = Journal()
        self.journal.listen()
        self.version = 0

    def fill(self) -> None:
        for row in range(ROWS):
            self.journal.log(loss=0.123456789 * row, accuracy=0.987654321 / (row + 1), rate=1e-3)

    def deliver(self, delivery: object) -> None: ...

    def watch(self, watchers: int) -> None: ...

    def request_sample(self) -> None: ...

    def drain(self) -> list[Event]:
        return [*self.journal.drain()]

    def delta(self, *, full: bool) -> LiveDelta | None:
        self.version += 1
        return LiveDelta(self.version, full=full, step=self.version)


def serve() -> None:
    """A worker's server at its cheapest: for one connection after the other, in this process."""
    listening = socket.create_server(("127.0.0.1", 0))
    print(listening.getsockname()[1], flush=True)
    while True:
        connection, _ = listening.accept()
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        with connection, connection.makefile("rb") as stream:
            while line := stream.readline():
                connection.sendall(answer(line, body(stream)))


def body(stream: BufferedIOBase) -> bytes:
    length = 0
    while header := stream.readline().strip().lower():
        length = int(header.partition(b":")[2]) if header.startswith(b"content-length") else length
    return stream.read(length)


def answer(line: bytes, content: bytes) -> bytes:
    number = 0
    if b"/report" in line:
        report: Report = codec.decode(content, Report)
        number = max((batch.number for batch in report.batches), default=0)
    receipt = b'{"acknowledged":%d,"watchers":0}' % number
    return b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%b" % (
        len(receipt),
        receipt,
    )


@contextmanager
def sender(folder: Path, desk: BenchmarkDesk) -> Iterator[Sender]:
    """A sender that is not started: the benchmark takes its turns."""
    with subprocess.Popen([sys.executable, __file__, "--serve"], stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None
        url = f"http://127.0.0.1:{server.stdout.readline().strip()}"
        file = folder / "server.json"
        file.write_bytes(codec.encode(ServerRecord(url, 1, "", "0", 1, 0.0)))
        outgoing = Outgoing(Spool(folder / "spool-1"))
        outgoing.desk = desk
        connection = Connection(launch(folder, file))
        yield Sender(1, connection, outgoing, desk, lambda: None)
        connection.close()
        outgoing.spool.close()
        server.kill()


def launch(folder: Path, server_file: Path) -> Launch:
    return Launch(
        run=RunId("benchmark"),
        incarnation=1,
        entry=Entry(),
        cwd=str(folder),
        python=sys.executable,
        env={},
        mode="run",
        config={},
        exit_on_end=False,
        server_file=str(server_file),
        token="secret",
    )


def cpu(function: Callable[[], object]) -> float:
    """Microseconds of this thread."""
    start = time.thread_time()
    function()
    return (time.thread_time() - start) * 1e6


def measure(folder: Path) -> dict[str, list[float]]:
    desk, whole_desk, spool = BenchmarkDesk(), BenchmarkDesk(), Spool(folder / "spool-2")
    costs: defaultdict[str, list[float]] = defaultdict(list)
    with sender(folder, whole_desk) as whole:
        for _ in range(ROUNDS):
            desk.fill()
            taken: list[Event] = []
            costs["drain the journal"].append(cpu(partial(_drain, desk, taken)))
            events = [Timed(1.0, event) for event in taken]
            costs["append to the spool (encode, write)"].append(cpu(partial(spool.append, events)))
            costs["read what is pending"].append(cpu(partial(spool.pending, 900_000)))
            costs["acknowledge"].append(cpu(partial(spool.acknowledge, spool.last)))
            costs["json.dumps of the same"].append(cpu(partial(json.dumps, msgspec.to_builtins(events))))
            whole_desk.fill()
            costs["a whole turn, with request and answer"].append(cpu(whole._turn))
    spool.close()
    return costs


def _drain(desk: BenchmarkDesk, into: list[Event]) -> None:
    into += desk.drain()


def profile(folder: Path) -> None:
    desk = BenchmarkDesk()
    with sender(folder, desk) as whole, cProfile.Profile() as profiler:
        for _ in range(ROUNDS):
            desk.fill()
            whole._turn()
    profiler.print_stats("tottime")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--profile", action="store_true")
    parser.add_argument("--serve", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.serve:
        return serve()
    with tempfile.TemporaryDirectory() as folder:
        if options.profile:
            return profile(Path(folder))
        costs = measure(Path(folder))
    print(f"CPU per flush of {ROWS} rows with 3 scalars, medians of {ROUNDS}, µs")
    for name, values in costs.items():
        print(f"  {name:<40}{statistics.median(values):>9.0f}")
    turn = statistics.median(costs["a whole turn, with request and answer"])
    verdict = "ok" if turn < TARGET else "too much"
    print(f"  of {INTERVAL * 1000:.0f} ms between two flushes: {turn / INTERVAL / 1e4:.2f} %, target 1 %: {verdict}")
    return None


if __name__ == "__main__":
    main()
