"""The spool against a list: appending, acknowledging, reopening, tearing, full disks, bounds."""

import errno
import itertools
import os
import resource
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from livespark.protocol import codec
from livespark.protocol.commands import Answer
from livespark.protocol.events import Answered, Batch, Event, Metrics, Notice, Thinned, Timed
from livespark.protocol.ids import CommandId
from livespark.transport.batching import Compactor, portions
from livespark.transport.records import HEAD, pack
from livespark.transport.spool import Spool, read_spool

Failing = Callable[[int | None], None]


def metrics(start: int, rows: int) -> Timed:
    steps = list(range(start, start + rows))
    return Timed(1.0, Metrics(steps, [float(s) for s in steps], {"loss": [0.5 + s for s in steps]}))


def answered(number: int) -> Timed:
    return Timed(2.0, Answered(CommandId(f"c{number}"), number, Answer("applied", number)))


def everything(spool: Spool) -> list[Batch]:
    """All that is pending, acknowledging as we go."""
    batches: list[Batch] = []
    while not spool.empty:
        part: list[Batch] = [codec.decode(payload, Batch) for payload in spool.pending(4096)]
        assert part
        batches += part
        spool.acknowledge(part[-1].number)
    return batches


def rows_of(batches: list[Batch]) -> tuple[list[int], int]:
    """The steps still there, and how many rows are said to be gone."""
    events = [timed.event for batch in batches for timed in batch.events]
    steps = [step for event in events if isinstance(event, Metrics) for step in event.steps]
    return steps, sum(event.rows for event in events if isinstance(event, Thinned))


@pytest.fixture
def failing(monkeypatch: pytest.MonkeyPatch) -> Iterator[Failing]:
    """Call with an error number to make every write fail half-way from now on, with None to heal the disk."""
    real = os.pwrite
    code: list[int | None] = [None]

    def pwrite(fd: int, data: bytes, offset: int) -> int:
        if (number := code[0]) is None:
            return real(fd, data, offset)
        real(fd, data[: len(data) // 2], offset)
        raise OSError(number, os.strerror(number))

    def fail(number: int | None) -> None:
        code[0] = number

    monkeypatch.setattr(os, "pwrite", pwrite)
    yield fail
    fail(None)


def test_batches_come_back_until_acknowledged(tmp_path: Path) -> None:
    """Reading does not consume; an acknowledgement does; the file is cut to nothing at the end."""
    path = tmp_path / "spool-1"
    spool = Spool(path)
    assert [spool.append([answered(n)]) for n in (1, 2, 3)] == [1, 2, 3]
    assert spool.pending(10_000) == spool.pending(10_000)
    assert len(spool.pending(1)) == 1
    spool.acknowledge(2)
    assert [codec.decode(p, Batch).number for p in spool.pending(10_000)] == [3]
    assert path.stat().st_size > 0
    spool.acknowledge(99)
    assert spool.empty
    assert spool.pending(10_000) == []
    assert path.stat().st_size == 0
    assert spool.append([answered(4)]) == 4
    spool.acknowledge(1)
    spool.close()
    assert [batch.number for batch in read_spool(path)] == [4]


def test_a_batch_survives_sigkill(tmp_path: Path) -> None:
    """What `append` has returned for is read after the process killed itself."""
    program = (
        "import os, sys\nfrom pathlib import Path\nfrom livespark.transport.spool import Spool\n"
        "from livespark.protocol.events import Notice, Timed\nspool = Spool(Path(sys.argv[1]))\n"
        "for n in range(100): spool.append([Timed(1.0, Notice('info', 'n', str(n)))])\nos.kill(os.getpid(), 9)\n"
    )
    path = tmp_path / "spool-1"
    assert subprocess.run([sys.executable, "-c", program, path], check=False).returncode == -signal.SIGKILL
    batches = list(read_spool(path))
    assert [batch.number for batch in batches] == list(range(1, 101))
    assert [b.events[0].event for b in batches] == [Notice("info", "n", str(n)) for n in range(100)]


def test_a_batch_that_cannot_be_understood_costs_itself_only(tmp_path: Path) -> None:
    """A notice takes its place and number; those before and behind it are there."""
    path = tmp_path / "spool"
    foreign = b'{"number":2,"events":[{"time":1.0,"event":{"type":"of another version"}}]}'
    with path.open("wb") as file:
        for payload in (codec.encode(Batch(1, [answered(1)])), foreign, codec.encode(Batch(3, [answered(3)]))):
            file.write(pack(payload))
    first, lost, third = read_spool(path)
    assert (first, third) == (Batch(1, [answered(1)]), Batch(3, [answered(3)]))
    (notice,) = lost.events
    assert lost.number == 2
    assert isinstance(notice.event, Notice)
    assert notice.event.code == "events-lost"


def test_only_the_owner_reads_the_file(tmp_path: Path) -> None:
    """The file's mode is 0600."""
    Spool(tmp_path / "spool-1").close()
    assert (tmp_path / "spool-1").stat().st_mode & 0o777 == 0o600


def test_threads_append_densely(tmp_path: Path) -> None:
    """Numbers given to several threads are dense, and each batch is there once."""
    spool = Spool(tmp_path / "spool-1")
    numbers: list[list[int]] = [[], [], [], []]

    def work(mine: list[int]) -> None:
        mine.extend(spool.append([answered(n)]) for n in range(250))

    threads = [threading.Thread(target=work, args=(mine,)) for mine in numbers]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(itertools.chain(*numbers)) == list(range(1, 1001))
    assert [batch.number for batch in everything(spool)] == list(range(1, 1001))
    spool.close()


def test_a_long_backlog_needs_constant_memory(tmp_path: Path) -> None:
    """Draining 64 MB in chunks keeps the process within 16 MB of where it was."""
    spool = Spool(tmp_path / "spool-1")
    batch = [Timed(1.0, Notice("info", "n", "x" * 16_000))]
    for _ in range(4000):
        spool.append(batch)
    before, count = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, 0
    while payloads := spool.pending(1024**2):
        count += len(payloads)
        spool.acknowledge(spool.first + len(payloads) - 1)
    unit = 1 if sys.platform == "darwin" else 1024
    assert count == 4000
    assert (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) * unit < 16 * 1024**2
    spool.close()


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EIO, errno.EDQUOT])
def test_a_disk_that_fails_is_survived(tmp_path: Path, failing: Failing, code: int) -> None:
    """While writing fails, batches wait in memory, in order; healed, they go to the file; none is lost or doubled."""
    now = [0.0]
    path = tmp_path / "spool-1"
    spool = Spool(path, clock=lambda: now[0])
    spool.append([answered(1)])
    failing(code)
    for n in range(2, 50):
        assert spool.append([answered(n)]) == n
    assert getattr(spool.failure, "errno", None) == code
    assert [batch.number for batch in read_spool(path)] == [1]
    assert len(spool.pending(10**6)) == 49
    failing(None)
    spool.append([answered(50)])
    spool.tidy()
    assert [batch.number for batch in read_spool(path)] == [1]
    now[0] += 1.0
    spool.tidy()
    assert [batch.number for batch in read_spool(path)] == list(range(1, 51))
    assert spool.failure is None
    spool.append([answered(51)])
    assert [batch.events for batch in everything(spool)] == [[answered(n)] for n in range(1, 52)]
    spool.close()


def test_a_file_that_somebody_else_closes_is_opened_again(tmp_path: Path) -> None:
    now = 0.0
    spool = Spool(tmp_path / "spool", clock=lambda: now)
    spool.append([answered(1)])
    os.close(spool._fd or 0)
    spool.append([answered(2)])
    now = 1000.0
    spool.append([answered(3)])
    spool.tidy()
    assert spool.failure is None
    assert [batch.number for batch in read_spool(tmp_path / "spool")] == [1, 2, 3]
    os.close(spool._fd or 0)
    spool.close()


def test_acknowledging_reaches_into_memory(tmp_path: Path, failing: Failing) -> None:
    """Batches that never reached the disk are acknowledged like others."""
    spool = Spool(tmp_path / "spool-1")
    spool.append([answered(1)])
    failing(errno.ENOSPC)
    for n in (2, 3, 4):
        spool.append([answered(n)])
    spool.acknowledge(3)
    failing(None)
    assert [batch.number for batch in everything(spool)] == [4]
    assert spool.append([answered(5)]) == 5
    spool.close()


def test_memory_is_bounded_while_the_disk_fails(tmp_path: Path, failing: Failing) -> None:
    """Past the memory bound, rows are thinned and said to be gone; answers stay, in order."""
    spool = Spool(tmp_path / "spool-1", memory_limit=100_000)
    failing(errno.ENOSPC)
    for n in range(1000):
        spool.append([metrics(n * 10, 10), answered(n)])
        spool.tidy()
        assert spool._memory_size < 200_000
    batches = everything(spool)
    steps, gone = rows_of(batches)
    assert len(steps) + gone == 10_000
    assert gone > 0
    answers = [timed.event for batch in batches for timed in batch.events if isinstance(timed.event, Answered)]
    assert [answer.number for answer in answers] == list(range(1000))
    assert [batch.number for batch in batches] == list(range(1, len(batches) + 1))
    spool.close()


def test_a_directory_that_is_gone_is_survived(tmp_path: Path) -> None:
    """A spool that can't even be opened works in memory and says why."""
    spool = Spool(tmp_path / "missing" / "spool-1")
    assert isinstance(spool.failure, FileNotFoundError)
    spool.append([answered(1)])
    assert [batch.events for batch in everything(spool)] == [[answered(1)]]
    spool.close()


def test_a_damaged_file_costs_what_was_in_it_and_no_more(tmp_path: Path) -> None:
    """When somebody empties the file, the spool goes on with what is written later."""
    path = tmp_path / "spool-1"
    spool = Spool(path)
    for n in (1, 2, 3):
        spool.append([answered(n)])
    os.truncate(path, 0)
    assert spool.pending(1000) == []
    assert spool.empty
    assert spool.append([answered(4)]) == 4
    assert [batch.number for batch in everything(spool)] == [4]
    spool.close()


@pytest.mark.parametrize("offered", [False, True])
def test_the_bound_thins_metric_rows_only(tmp_path: Path, offered: bool) -> None:
    """Past the bound rows are thinned evenly with a visible gap; numbers stay dense, the file near its bound."""
    path = tmp_path / "spool-1"
    spool = Spool(path, limit=200_000)
    for n in range(2000):
        spool.append([metrics(n * 20, 20), *([answered(n)] if n % 10 == 0 else [])])
        if offered and n == 5:
            spool.pending(10**9)
        spool.tidy()
        assert path.stat().st_size < 300_000
    batches = list(read_spool(path))
    assert [batch.number for batch in batches] == list(range(1, len(batches) + 1))
    assert [codec.encode(batch) for batch in everything(spool)] == [codec.encode(batch) for batch in batches]
    steps, gone = rows_of(batches)
    assert len(steps) + gone == 40_000
    assert steps == sorted(set(steps))
    assert max(b - a for a, b in itertools.pairwise(s for s in steps if 200 < s < 20_000)) <= 4 * 40_000 / len(steps)
    answers = [timed.event for batch in batches for timed in batch.events if isinstance(timed.event, Answered)]
    assert [answer.number for answer in answers] == list(range(0, 2000, 10))
    spool.close()


def test_single_rows_and_answers_alone_do_not_make_it_spin(tmp_path: Path) -> None:
    """What can't be thinned is kept beyond the bound, and not rewritten for every batch."""
    path = tmp_path / "spool-1"
    spool = Spool(path, limit=10_000)
    inodes = set()
    for n in range(1000):
        spool.append([answered(n)])
        spool.tidy()
        inodes.add(path.stat().st_ino)
    assert [timed for batch in everything(spool) for timed in batch.events] == [answered(n) for n in range(1000)]
    assert len(inodes) < 20
    spool.close()


def test_acknowledged_batches_leave_a_file_that_is_never_empty(tmp_path: Path) -> None:
    """With one batch always outstanding, the file still stays within its bound."""
    path = tmp_path / "spool-1"
    spool = Spool(path, limit=40_000)
    for n in range(1, 2000):
        spool.append([metrics(n, 10)])
        spool.acknowledge(n - 1)
        spool.tidy()
        assert path.stat().st_size < 40_000
    assert [batch.number for batch in everything(spool)] == [1999]
    spool.close()


def test_no_room_to_make_room(tmp_path: Path, failing: Failing) -> None:
    """Thinning on a full disk fails without a trace; the old file stays whole."""
    path = tmp_path / "spool-1"
    spool = Spool(path, limit=5_000)
    for n in range(50):
        spool.append([metrics(n * 10, 10)])
    failing(errno.ENOSPC)
    spool.tidy()
    failing(None)
    assert isinstance(spool.failure, OSError)
    assert [entry.name for entry in tmp_path.iterdir()] == ["spool-1"]
    assert rows_of(everything(spool)) == (list(range(500)), 0)
    spool.close()


def test_closed_it_writes_no_more(tmp_path: Path) -> None:
    """After close, as in a forked child, nothing reaches the file."""
    spool = Spool(tmp_path / "spool-1")
    spool.append([answered(1)])
    spool.close()
    spool.append([answered(2)])
    spool.close()
    assert [batch.number for batch in read_spool(tmp_path / "spool-1")] == [1]


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_any_torn_tail_is_dropped(tmp_path_factory: pytest.TempPathFactory, data: st.DataObject) -> None:
    """Cut or damage the file anywhere: what is read is the whole records before that place, and no exception."""
    payloads = [codec.encode(Batch(n, [answered(n)])) for n in range(1, 6)]
    raw = bytearray(b"".join(map(pack, payloads)))
    ends = [sum(HEAD + len(p) for p in payloads[: n + 1]) for n in range(5)]
    position = data.draw(st.integers(0, len(raw) - 1))
    if data.draw(st.booleans()):
        del raw[position:]
    else:
        raw[position] ^= data.draw(st.integers(1, 255))
    path = tmp_path_factory.mktemp("torn") / "spool-1"
    path.write_bytes(raw)
    whole = sum(end <= position for end in ends)
    assert [batch.number for batch in read_spool(path)] == list(range(1, whole + 1))
    spool = Spool(path)
    assert spool.append([answered(9)]) == whole + 1
    assert [batch.number for batch in everything(spool)] == list(range(1, whole + 2))
    spool.close()


EVENTS: st.SearchStrategy[list[Timed]] = st.lists(
    st.one_of(st.builds(metrics, st.integers(0, 1000), st.integers(0, 30)), st.builds(answered, st.integers(1, 1000))),
    min_size=1,
    max_size=4,
)


class SpoolMachine(RuleBasedStateMachine):
    """Random life of a spool; the model is the list of batches not acknowledged, by number."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(os.environ["SPOOL_TEST_FOLDER"])
        self.path = self.folder / f"spool-{os.urandom(8).hex()}"
        self.model: dict[int, list[Timed]] = {}
        self.last = self.acknowledged = 0
        self.spool = Spool(self.path)

    @rule(events=EVENTS)
    def append(self, events: list[Timed]) -> None:
        self.last += 1
        assert self.spool.append(events) == self.last
        self.model[self.last] = events

    @rule(share=st.floats(0, 1))
    def acknowledge(self, share: float) -> None:
        number = self.acknowledged + round(share * (self.last - self.acknowledged))
        self.spool.acknowledge(number)
        self.acknowledged = number
        self.model = {n: events for n, events in self.model.items() if n > number}

    @rule()
    def reopen(self) -> None:
        self.spool.close()
        self.spool = Spool(self.path, after=self.acknowledged)

    @precondition(lambda self: self.model)
    @rule(share=st.floats(0, 1, exclude_min=True))
    def tear(self, share: float) -> None:
        """The worker dies in the middle of writing its last batch."""
        self.spool.close()
        size = HEAD + len(codec.encode(Batch(self.last, self.model[self.last])))
        os.truncate(self.path, self.path.stat().st_size - max(1, int(share * size)))
        del self.model[self.last]
        self.last -= 1
        self.spool = Spool(self.path, after=self.acknowledged)

    @rule()
    def tidy(self) -> None:
        self.spool.tidy()

    @invariant()
    def holds_the_model(self) -> None:
        found: list[Batch] = [codec.decode(payload, Batch) for payload in self.spool.pending(10**9)]
        assert {batch.number: batch.events for batch in found} == self.model
        assert self.spool.empty == (not self.model)
        assert len(self.spool.pending(1)) == min(1, len(self.model))
        in_file = {batch.number: batch.events for batch in read_spool(self.path)}
        assert in_file.items() >= self.model.items()

    def teardown(self) -> None:
        self.spool.close()
        self.path.unlink()


def test_random_lives_match_the_model(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Random sequences of append, acknowledge, reopen, tear and tidy agree with a list."""
    monkeypatch.setenv("SPOOL_TEST_FOLDER", str(tmp_path))
    SpoolMachine.TestCase.settings = settings(max_examples=150, stateful_step_count=25, deadline=None)
    SpoolMachine.TestCase("runTest").debug()


@given(st.lists(EVENTS, min_size=1, max_size=30), st.integers(0, 30), st.integers(1, 4))
def test_compacting_drops_half_the_rows_and_says_so(groups: list[list[Timed]], offered: int, passes: int) -> None:
    """Rows kept plus rows said to be gone are all rows; other events stay, in order; numbers stay dense."""
    payloads = [codec.encode(Batch(n, events)) for n, events in enumerate(groups, 1)]
    before: list[Batch] = [codec.decode(payload, Batch) for payload in payloads]
    for n in range(passes):
        compactor = Compactor(1, offered, 2 ** (n + 1))
        payloads = [done for payload in payloads for done in compactor.take(payload)] + compactor.finish()
        assert compactor.last == len(payloads)
    after: list[Batch] = [codec.decode(payload, Batch) for payload in payloads]
    assert [batch.number for batch in after] == list(range(1, len(after) + 1))
    rows, kept = rows_of(before)[0], rows_of(after)
    assert len(kept[0]) + kept[1] == len(rows)
    assert abs(len(kept[0]) - len(rows) / 2**passes) <= passes
    assert others(after) == others(before)
    assert len(after) >= min(offered, len(before))


def others(batches: list[Batch]) -> list[Event]:
    return [t.event for batch in batches for t in batch.events if not isinstance(t.event, Metrics | Thinned)]


@given(EVENTS | st.just([metrics(0, 60_000), answered(1), metrics(0, 1)]))
def test_portions_are_small_and_complete(events: list[Timed]) -> None:
    """Cut to portions, every row and event is there in order, and none makes a batch of a megabyte."""
    groups = list(portions(events))
    assert all(len(codec.encode(Batch(1, group))) < 1024**2 for group in groups)
    assert rows_of([Batch(n, group) for n, group in enumerate(groups)]) == rows_of([Batch(0, events)])
    assert others([Batch(0, group) for group in groups]) == others([Batch(0, events)])
