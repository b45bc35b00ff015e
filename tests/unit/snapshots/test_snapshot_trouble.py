"""Whatever fails around a snapshot: training goes on, everybody is answered, and the next one works."""

import contextlib
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from livespark.protocol.commands import Pause, Resume, Rewind, Snapshot, Stop
from livespark.protocol.events import Notice, Rewound, SnapshotFailed, SnapshotsRemoved, Snapshotted
from livespark.protocol.snapshots import AutoRewind, Snapshotting
from livespark.runtime.process import Runtime
from livespark.runtime.request import Request
from livespark.runtime.snapshots import capture
from livespark.runtime.snapshots.moments import Moments
from tests.unit.runtime.stage import wait_until
from tests.unit.snapshots.saving_stage import NEVER, SavingStage


class Training:
    """A script with one persisted value, whose steps are counted."""

    def __init__(self) -> None:
        self.steps, self.loss = 0, 0.5

    def __call__(self, runtime: Runtime) -> None:
        state = runtime.persisted.persist("state", lambda: {"step": 0})
        for _ in runtime.loops.loop("step", range(10**9)):
            state["step"] += 1
            self.steps += 1
            runtime.journal.log(loss=self.loss)
            time.sleep(0.0005)

    def goes_on(self) -> None:
        before = self.steps
        wait_until(lambda: self.steps > before + 3, "further steps")


@contextlib.contextmanager
def training(folder: Path, policy: Snapshotting = NEVER) -> Iterator[tuple[SavingStage, Training]]:
    script, stage = Training(), SavingStage(folder / "snapshots", policy)
    stage.start(script)
    wait_until(lambda: script.steps, "the first step")
    try:
        yield stage, script
    finally:
        stage.stop()
        stage.join()
    stage.check()


def raising(error: BaseException) -> Callable[..., Any]:
    def fail(*_: Any, **__: Any) -> Any:
        raise error

    return fail


def test_without_a_thread_to_write_on_the_one_who_asked_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = threading.Thread.start

    def start(thread: threading.Thread) -> None:
        if thread.name == "livespark-snapshots":
            raise RuntimeError("can't start new thread")
        real(thread)

    with training(tmp_path) as (stage, script):
        monkeypatch.setattr(threading.Thread, "start", start)
        answer = stage.snapshot()
        assert (answer.outcome, answer.error and answer.error.type) == ("failed", "SnapshotFailed")
        assert "can't start new thread" in stage.told(SnapshotFailed)[0].message
        script.goes_on()
        monkeypatch.undo()
        assert stage.snapshot().outcome == "applied"


def test_what_fails_behind_a_snapshot_does_not_end_the_writing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with training(tmp_path) as (stage, script):
        monkeypatch.setattr(stage.assembly.snapshots._folder, "collect", raising(ValueError("odd")))
        assert stage.snapshot().outcome == "applied"
        assert stage.wait_for(Notice)[0].text == "old snapshots could not be removed: ValueError: odd"
        monkeypatch.undo()
        assert stage.snapshot().outcome == "applied"
        script.goes_on()


@pytest.mark.parametrize("error", [SystemExit(3), RuntimeError("closed")])
def test_a_listener_that_raises_leaves_a_writer_for_the_next_one(tmp_path: Path, error: BaseException) -> None:
    with training(tmp_path) as (stage, script):
        stage.runtime.core.end_saving = raising(error)  # type: ignore[method-assign]
        assert stage.snapshot().outcome == "applied"
        [notice] = stage.wait_for(Notice)
        assert (notice.code, type(error).__name__ in notice.text) == ("snapshots-broken", True)
        del stage.runtime.core.end_saving
        stage.runtime.core.end_saving()
        assert stage.snapshot().outcome == "applied"
        script.goes_on()


@pytest.mark.parametrize("error", [MemoryError(), RuntimeError("CUDA out of memory")])
def test_memory_that_is_not_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: Exception) -> None:
    with training(tmp_path) as (stage, script):
        assert stage.snapshot().outcome == "applied"
        monkeypatch.setattr(capture, "saved_value", raising(error))
        answer = stage.snapshot("mine")
        assert answer.outcome == "failed"
        assert answer.error
        assert answer.error.message.startswith("the state could not be copied: ")
        assert stage.told(SnapshotFailed)[0].label == "mine"
        script.goes_on()
        monkeypatch.undo()
        assert stage.snapshot().outcome == "applied"
    assert stage.folder.numbers() == [1, 2]


def test_nothing_of_a_snapshot_in_memory_gets_into_the_loop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with training(tmp_path) as (stage, script):
        monkeypatch.setattr(Moments, "add", raising(RuntimeError("an illegal access")))
        stage.runtime.core.ask_snapshot("memory")
        assert "an illegal access" in stage.wait_for(SnapshotFailed)[0].message
        script.goes_on()
        answer = stage.snapshot()
        assert answer.outcome == "failed"
        assert stage.runtime.core.saving is False
        monkeypatch.undo()
        assert stage.snapshot().outcome == "applied"


def test_a_stop_that_comes_between_a_rewind_and_its_unwinding(tmp_path: Path) -> None:
    with training(tmp_path) as (stage, _):
        assert stage.snapshot().outcome == "applied"
        core, begin = stage.runtime.core, stage.assembly.snapshots.rewind

        def rewind(request: Request) -> bool:
            unwinds = begin(request)
            core.ask(Request(Stop(), core.outbox))
            return unwinds

        stage.assembly.snapshots.rewind = rewind  # type: ignore[method-assign]
        answer = stage.rewind()
        stage.join()
    assert (answer.outcome, answer.message) == ("refused", "stopped")
    assert stage.told(Rewound) == []


def test_a_rewind_is_refused_with_the_stop_that_overtakes_it(tmp_path: Path) -> None:
    with training(tmp_path) as (stage, _):
        assert stage.snapshot().outcome == "applied"
        stage.pause()
        number = stage.ask(Rewind(1))
        stage.stop()
        stage.join()
    assert stage.answer(number).outcome in ("refused", "applied")
    assert bool(stage.told(Rewound)) == (stage.answer(number).outcome == "applied")


def test_an_automatic_rewind_that_was_refused_is_not_the_last_one(tmp_path: Path) -> None:
    policy = Snapshotting(every_seconds=0, on_end=False, rewind=AutoRewind("loss", steps=0, times=3))
    with training(tmp_path, policy) as (stage, script):
        assert stage.snapshot().outcome == "applied"
        core, rewinder = stage.runtime.core, stage.assembly.snapshots._rewinder
        request = Request(Rewind(), core.outbox)
        rewinder._automatic[request] = "loss is nan", AutoRewind()
        request.refuse("the code could not be tried")
        core.queue.clear()
        script.loss = float("nan")
        assert stage.wait_for(Rewound)[0].automatic
        script.goes_on()


def test_everybody_who_asks_from_anywhere_is_answered(tmp_path: Path) -> None:
    """Ten threads ask for snapshots, with and without labels, and for rewinds, at the same time."""
    policy = Snapshotting(every_seconds=0, on_end=False, keep=2)
    asked: list[int] = []
    with training(tmp_path, policy) as (stage, script):
        assert stage.snapshot().outcome == "applied"
        lock = threading.Lock()

        def ask(index: int) -> None:
            for number in range(12):
                command = Rewind() if (index + number) % 5 == 0 else Snapshot("" if number % 2 else f"l{number % 3}")
                with lock:
                    asked.append(stage.ask(command))
                stage.runtime.core.ask_snapshot("every")
                time.sleep(0.001)

        threads = [threading.Thread(target=ask, args=(index,)) for index in range(10)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        outcomes = {stage.answer(number).outcome for number in asked}
        script.goes_on()
    assert outcomes == {"applied"}
    assert len(stage.told(Snapshotted)) >= 3
    assert stage.told(SnapshotFailed) == []


def test_a_damaged_snapshot_among_the_older_ones_is_told_once(tmp_path: Path) -> None:
    with training(tmp_path) as (stage, _):
        for _ in range(2):
            assert stage.snapshot().outcome == "applied"
        (stage.folder.path / "1.json").write_text("{}")
        for _ in range(2):
            assert stage.snapshot().outcome == "applied"
    [notice] = stage.told(Notice)
    assert notice.code == "snapshot-damaged"
    assert notice.text.startswith("snapshot 1 of ")


def test_as_many_stay_when_another_process_goes_on(tmp_path: Path) -> None:
    """Those that an earlier one has written count once."""
    policy = Snapshotting(every_seconds=0, on_end=False, keep=3)
    for count in (3, 1):
        with training(tmp_path, policy) as (stage, _):
            for _ in range(count):
                assert stage.snapshot().outcome == "applied"
    assert stage.folder.numbers() == [2, 3, 4]
    assert [each.numbers for each in stage.told(SnapshotsRemoved)] == [[1]]


def test_a_run_that_stands_is_saved_once_however_long_it_does(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each newer one would take the place of an older one that somebody may want to go back to."""
    with training(tmp_path, Snapshotting(every_seconds=1e-6, on_end=False)) as (stage, script):
        core, snapshots = stage.runtime.core, stage.assembly.snapshots
        core.ask(Request(Pause(), core.outbox))
        wait_until(lambda: core.levels[-1].standing, "the pause")
        assert stage.snapshot().outcome == "applied"
        newest, due = stage.folder.numbers(), list[str]()
        with monkeypatch.context() as patched:
            patched.setattr(core, "ask_snapshot", due.append)
            for _ in range(20):
                snapshots.tick()
        assert due == []
        core.ask(Request(Resume(), core.outbox))
        script.goes_on()
        snapshots.tick()
        wait_until(lambda: stage.folder.numbers() != newest, "the next one")
