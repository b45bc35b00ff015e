"""The link against a server that breaks in every way: nothing lost, nothing doubled, nobody waits."""

import os
import resource
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from livespark.protocol import codec
from livespark.protocol.commands import Answer
from livespark.protocol.events import Answered, Metrics, Notice, Thinned
from livespark.protocol.ids import CommandId
from livespark.runtime.link.link import Link
from livespark.transport.reconnect import Reconnect
from livespark.transport.spool import read_spool
from tests.unit.link.scripted import BRISK, RecordingDesk, ScriptedServer, Trouble, launch_of, linked, until


@pytest.fixture
def desk() -> RecordingDesk:
    return RecordingDesk()


@pytest.fixture
def server(tmp_path: Path) -> Iterator[ScriptedServer]:
    server = ScriptedServer(tmp_path)
    server.start()
    yield server
    server.stop()


@pytest.mark.parametrize("seed", [1, 2])
def test_no_event_is_lost_or_doubled(tmp_path: Path, server: ScriptedServer, desk: RecordingDesk, seed: int) -> None:
    """Sixty faults of ten kinds on the way: what the server has committed is what was said, once, in order."""
    server.faults = trouble = Trouble(seed, wanted=60)
    server.stall = 0.25
    said = 0
    with linked(tmp_path, desk) as link:
        deadline = time.monotonic() + 40
        while trouble.left > 0:
            link.emit(Notice("info", "n", str(said)))
            desk.log(2 * said, 2 * said + 1)
            said += 1
            time.sleep(0.002)
            assert time.monotonic() < deadline, f"faults left: {trouble.left}"
        assert link.close(20)
    assert sum(server.hits.values()) >= 50, server.hits
    assert len({fault for fault in server.hits if fault.startswith("report")}) >= 6, server.hits
    texts = [event.text for event in server.events if isinstance(event, Notice)]
    assert texts == [str(n) for n in range(said)]
    assert server.rows == list(range(2 * said))
    assert (tmp_path / "spool-1").stat().st_size == 0


@pytest.mark.parametrize("seed", [3, 4])
def test_commands_arrive_once_and_in_order(
    tmp_path: Path, server: ScriptedServer, desk: RecordingDesk, seed: int
) -> None:
    """Streams that break, repeat, cut messages in two or fall silent: each number is delivered once, in order."""
    trouble = Trouble(seed, wanted=50, share=1.0)
    server.faults = lambda kind: trouble(kind) if kind == "stream" else None
    with linked(tmp_path, desk):
        deadline = time.monotonic() + 40
        while trouble.left > 0:
            server.command()
            time.sleep(0.01)
            assert time.monotonic() < deadline, f"faults left: {trouble.left}"
        until(lambda: len(desk.delivered) >= len(server.commands), "all commands")
    assert sum(server.hits.values()) >= 50, server.hits
    assert [delivery.number for delivery in desk.delivered] == list(range(1, len(server.commands) + 1))
    assert [delivery.id for delivery in desk.delivered][:2] == ["c1", "c2"]


def test_a_stalled_server_never_makes_the_script_wait(
    tmp_path: Path, server: ScriptedServer, desk: RecordingDesk
) -> None:
    """While the server does not answer, emit and record return at once, and metrics reach the spool file."""
    server.faults = lambda kind: "stall" if kind == "report" else None
    server.stall = 5.0
    slowest = 0.0
    with linked(tmp_path, desk, timeout=10.0) as link:
        until(lambda: server.hits["report stall"] > 0, "the stall")
        for n in range(3000):
            begun = time.perf_counter()
            (link.emit if n % 10 else link.record)(Notice("info", "n", str(n)))
            slowest = max(slowest, time.perf_counter() - begun)
        desk.log(*range(100))
        until(lambda: 99 in spooled_steps(tmp_path), "the metrics in the spool file")
        assert server.hits["report stall"] == 1
        server.stop()
    assert slowest < 0.1, f"{slowest:.3f} s"


def spooled_steps(folder: Path) -> list[int]:
    batches = read_spool(folder / "spool-1")
    events = [timed.event for batch in batches for timed in batch.events]
    return [step for event in events if isinstance(event, Metrics) for step in event.steps]


def test_without_a_server_memory_and_disk_stay_bounded(tmp_path: Path, desk: RecordingDesk) -> None:
    """Hundreds of thousands of rows with nobody there: a spool near its limit, a few megabytes, a visible gap."""
    limit, rows = 1_000_000, 400_000
    with linked(tmp_path, desk, spool_limit=limit) as link:
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        for start in range(0, rows, 20_000):
            desk.log(*range(start, start + 20_000))
            link.emit(Answered(CommandId(str(start)), start, Answer("applied")))
            until(lambda: not desk.rows, "the flush")
            assert (tmp_path / "spool-1").stat().st_size < 2 * limit
        unit = 1 if sys.platform == "darwin" else 1024
        assert (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) * unit < 30 * 1024**2
    events = [timed.event for batch in read_spool(tmp_path / "spool-1") for timed in batch.events]
    gone = sum(event.rows for event in events if isinstance(event, Thinned))
    assert gone > 0
    assert len(spooled_steps(tmp_path)) + gone == rows
    assert sum(isinstance(event, Answered) for event in events) == rows // 20_000


def test_a_restarted_server_is_found_at_once(tmp_path: Path, server: ScriptedServer, desk: RecordingDesk) -> None:
    """Killed, and started again on another port: the changed file is noticed long before the next attempt is due."""
    with linked(tmp_path, desk, rules=Reconnect(initial=60.0, maximum=60.0)) as link:
        link.emit(Notice("info", "n", "1"))
        until(lambda: len(server.events) == 1 and len(server.hellos) == 2, "the first event")
        server.stop()
        link.emit(Notice("info", "n", "2"))
        time.sleep(0.3)
        server.start()
        server.command()
        until(lambda: len(server.events) == 2 and len(desk.delivered) == 1, "both directions", timeout=3)
        assert len(server.hellos) == 4


def test_no_server_file_is_waited_for(tmp_path: Path, desk: RecordingDesk) -> None:
    """A worker that starts before its server reports as soon as there is one."""
    server = ScriptedServer(tmp_path)
    with linked(tmp_path, desk, rules=Reconnect(initial=60.0, maximum=60.0)) as link:
        link.emit(Notice("info", "n", "1"))
        until(lambda: len(list(read_spool(tmp_path / "spool-1"))) > 0, "the spool")
        server.start()
        until(lambda: len(server.events) == 1, "the event", timeout=3)
    server.stop()


FORKING = """
import os, sys, time
from pathlib import Path
from livespark.protocol.events import Notice
from livespark.runtime.link.link import Link
from tests.unit.link.scripted import RecordingDesk, launch_of, until
folder = Path(sys.argv[1])
link = Link(launch_of(folder), folder, spool_limit=10**8)
os.register_at_fork(after_in_child=link.abandon)
link.start(RecordingDesk())
link.emit(Notice("info", "n", "parent 1"))
until(lambda: link._outgoing.empty, "the first event")
for round in range(20):
    link.emit(Notice("info", "n", f"before fork {round}"))
    child = os.fork()
    if child == 0:
        for n in range(100):
            link.emit(Notice("info", "n", "child"))
            link.record(Notice("info", "n", "child"))
        fds = os.listdir("/proc/self/fd") if os.path.exists("/proc/self/fd") else []
        links = [os.readlink(f"/proc/self/fd/{fd}") for fd in fds if os.path.exists(f"/proc/self/fd/{fd}")]
        os._exit(len([name for name in links if name.startswith("socket:") or "spool-" in name]))
    assert os.waitpid(child, 0)[1] == 0
link.emit(Notice("info", "n", "parent 2"))
sys.exit(0 if link.close(10) else 1)
"""


def test_a_forked_child_is_silent(tmp_path: Path, server: ScriptedServer) -> None:
    """Children made by fork hold no socket and no spool, what they emit goes nowhere, and the parent goes on."""
    result = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", FORKING, tmp_path], check=False, env={**os.environ, "PYTHONPATH": "."}
    )
    assert result.returncode == 0
    texts = [event.text for event in server.events if isinstance(event, Notice)]
    assert texts == ["parent 1", *(f"before fork {n}" for n in range(20)), "parent 2"]


def test_a_killed_worker_leaves_all_in_the_spool(tmp_path: Path) -> None:
    """What was recorded before kill -9, with no server in reach, is in the spool file."""
    program = (
        "import os, sys\nfrom pathlib import Path\nfrom livespark.protocol.events import Notice\n"
        "from livespark.runtime.link.link import Link\nfrom tests.unit.link.scripted import RecordingDesk, launch_of\n"
        "folder = Path(sys.argv[1])\nlink = Link(launch_of(folder), folder, spool_limit=10**8)\n"
        "link.start(RecordingDesk())\n"
        "for n in range(200): (link.emit if n % 2 else link.record)(Notice('info', 'n', str(n)))\n"
        "link.record(Notice('info', 'n', '200'))\nos.kill(os.getpid(), 9)\n"
    )
    environment = {**os.environ, "PYTHONPATH": "."}
    assert subprocess.run([sys.executable, "-c", program, tmp_path], check=False, env=environment).returncode == -9
    events = [timed.event for batch in read_spool(tmp_path / "spool-1") for timed in batch.events]
    assert [event.text for event in events if isinstance(event, Notice)] == [str(n) for n in range(201)]


def test_a_spool_that_cannot_be_written_is_told_once(
    tmp_path: Path, server: ScriptedServer, desk: RecordingDesk
) -> None:
    """Without a place for the spool everything still arrives, with one notice."""
    link = Link(launch_of(tmp_path), tmp_path / "missing", spool_limit=10**6, rules=BRISK)
    link.start(desk)
    for n in range(20):
        link.record(Answered(CommandId(str(n)), n, Answer("applied")))
        time.sleep(0.01)
    assert link.close(10)
    numbers = [event.number for event in server.events if isinstance(event, Answered)]
    assert numbers == list(range(20))
    notices = [event for event in server.events if isinstance(event, Notice)]
    assert [notice.code for notice in notices] == ["spool-failed"]


def test_recording_threads_keep_their_order(tmp_path: Path, server: ScriptedServer, desk: RecordingDesk) -> None:
    """Several threads emit and record at once: each thread's events arrive in its order, all of them once."""
    with linked(tmp_path, desk) as link:

        def talk(name: str) -> None:
            for n in range(200):
                (link.emit if n % 3 else link.record)(Notice("info", name, str(n)))

        threads = [threading.Thread(target=talk, args=(name,)) for name in "abcd"]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert link.close(10)
    for name in "abcd":
        texts = [event.text for event in server.events if isinstance(event, Notice) and event.code == name]
        assert texts == [str(n) for n in range(200)]
    assert codec.encode(server.batches[0])
