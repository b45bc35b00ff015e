"""What follows a script's end: completed, idle, held, failed; and the hard reload that goes on from any of them."""

import threading
import time
from unittest.mock import Mock

import pytest

from livespark.errors import SparkReloadError, UsageError
from livespark.protocol.commands import Reload
from livespark.protocol.lifecycle import RunState
from livespark.runtime.process import Runtime
from tests.unit.runtime.stage import Stage, forever, running, wait_until


def boom(runtime: Runtime) -> None:
    local = [1, 2]
    raise ValueError(f"no {local}")


def test_a_dev_run_stays_idle_and_executes_calls_until_stopped() -> None:
    """After the script's end, calls are executed at once, on its thread; pause has no meaning there."""

    def script(runtime: Runtime) -> None:
        runtime.expose(name=lambda: threading.current_thread().name, state={"lr": 0.1})

    with running(script, stay=True) as stage:
        stage.reach(RunState.IDLE)
        assert stage.answer(stage.call("name")).value == "training"
        assert stage.answer(stage.set(state__lr=0.2)).outcome == "applied"
        assert "nothing is executing" in stage.answer(stage.pause()).message
        stage.reach(RunState.IDLE)
    assert stage.statuses == ["running", "idle", "running", "idle", "stopping", "stopped"]


def test_serve_waits_for_calls_in_the_middle_of_a_script() -> None:
    """`serve` is idle; a stop raises through it and ends the run."""
    unwound = threading.Event()

    def script(runtime: Runtime) -> None:
        runtime.expose(f=lambda: 3)
        try:
            runtime.serve()
        finally:
            unwound.set()

    with running(script) as stage:
        stage.reach(RunState.IDLE)
        assert stage.answer(stage.call("f")).value == 3
    assert unwound.is_set()


def test_serve_inside_a_call_is_an_error() -> None:
    """A call can't become the place that waits for calls."""

    def script(runtime: Runtime) -> None:
        runtime.expose(f=runtime.serve)

    with running(script, stay=True) as stage:
        stage.reach(RunState.IDLE)
        answer = stage.answer(stage.call("f"))
        assert answer.error is not None
        assert "not inside a call" in answer.error.message


def test_a_pause_in_a_call_from_idle_that_is_not_reached_is_refused() -> None:
    """The call ends, and there is nothing left to pause."""
    go = threading.Event()

    def script(runtime: Runtime) -> None:
        runtime.expose(wait=lambda: go.wait(10))

    with running(script, stay=True) as stage:
        stage.reach(RunState.IDLE)
        call = stage.call("wait")
        wait_until(lambda: stage.started(call))
        pause = stage.pause()
        go.set()
        assert "nothing is executing" in stage.answer(pause).message


def test_an_exception_in_a_dev_run_is_held_with_frames_and_locals() -> None:
    """State stays in memory, calls are served, and the failure tells where and with which values."""

    def script(runtime: Runtime) -> None:
        runtime.expose(f=lambda: 3)
        boom(runtime)

    with running(script, stay=True) as stage:
        stage.reach(RunState.HELD)
        status = next(event for event in reversed(stage.events) if getattr(event, "state", None) is RunState.HELD)
        assert status.reason == "ValueError: no [1, 2]"  # type: ignore[union-attr]
        assert status.error.frames[-1].function == "boom"  # type: ignore[union-attr]
        assert status.error.frames[-1].locals["local"] == "[1, 2]"  # type: ignore[union-attr]
        assert "runner.py" not in status.error.traceback  # type: ignore[union-attr]
        assert stage.answer(stage.call("f")).value == 3
        stage.reach(RunState.HELD)


def test_an_exception_in_a_run_fails_it(capsys: pytest.CaptureFixture[str]) -> None:
    """Mode `run`: exit status 1, the traceback on stderr as Python prints it, without our own frames."""
    stage = Stage()
    stage.start(boom)
    stage.join()
    assert (stage.statuses, stage.code) == (["running", "failed"], 1)
    printed = capsys.readouterr().err
    assert printed.startswith("Traceback (most recent call last):\n  File")
    assert "ValueError: no [1, 2]" in printed
    assert "/livespark/runtime/" not in printed


@pytest.mark.parametrize(("code", "state"), [(0, "completed"), (None, "completed"), (2, "failed"), ("sorry", "failed")])
def test_exit_statuses_of_scripts(code: object, state: str, capsys: pytest.CaptureFixture[str]) -> None:
    """`sys.exit(0)` is a normal end, anything else a failure."""

    def script(runtime: Runtime) -> None:
        raise SystemExit(code)

    stage = Stage()
    stage.start(script)
    stage.join()
    assert stage.statuses[-1] == state
    assert ("sorry" in capsys.readouterr().err) == (code == "sorry")


def test_an_error_while_stopping_is_told_and_the_run_is_stopped(capsys: pytest.CaptureFixture[str]) -> None:
    """A `finally` that raises does not turn a stop into something else, and is not hidden."""

    def script(runtime: Runtime) -> None:
        try:
            forever(runtime)
        finally:
            raise ValueError("while leaving")

    stage = Stage()
    stage.start(script, stay=True)
    stage.stop()
    stage.join()
    assert stage.statuses[-1] is RunState.STOPPED
    assert "while leaving" in capsys.readouterr().err


def test_a_reload_runs_the_script_again_with_its_persisted_values() -> None:
    """SparkReloadError unwinds; the new code finds the old objects; the answer comes at its first checkpoint."""
    seen: list[object] = []

    def first(runtime: Runtime) -> None:
        runtime.persisted.persist("model", object)
        try:
            forever(runtime)
        except SparkReloadError:
            seen.append("unwound")
            raise

    def second(runtime: Runtime) -> None:
        seen.append(runtime.persisted.persist("model", object))
        forever(runtime)

    with running(first, second) as stage:
        wait_until(lambda: stage.runtime.persisted.has_persisted("model"))
        model = stage.runtime.persisted.persist("model", object)
        assert stage.answer(stage.reload()).outcome == "applied"
        assert seen == ["unwound", model]
    assert stage.statuses == ["running", "reloading", "running", "stopping", "stopped"]


def test_a_reload_that_does_not_compile_is_refused_and_nothing_happens() -> None:
    """The run never notices a syntax error."""
    with running(forever) as stage:
        answer = stage.answer(stage.ask(Reload({"script.py": "pass\n  pass\n"})))
        assert (answer.outcome, answer.message) == ("refused", "script.py:2: unexpected indent")
        assert stage.status is RunState.RUNNING


def test_a_reload_that_raises_fails_its_command_and_a_dev_run_is_held() -> None:
    """Whoever asked for the reload gets the error; a fixed version goes on."""
    with running(forever, boom, forever, stay=True) as stage:
        answer = stage.answer(stage.reload())
        assert answer.outcome == "failed"
        assert answer.error is not None
        assert answer.error.type == "ValueError"
        stage.reach(RunState.HELD)
        assert stage.answer(stage.reload()).outcome == "applied"
        stage.reach(RunState.RUNNING)


def test_what_goes_wrong_while_a_run_stays_holds_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """A device that fails while its state is read ends no run: what was asked is refused, and all goes on."""
    runs: list[int] = []
    with running(lambda runtime: runs.append(1), stay=True) as stage:
        stage.reach(RunState.IDLE)
        with monkeypatch.context() as broken:
            broken.setattr(stage.runtime.reloader, "unwinding", Mock(side_effect=RuntimeError("the device is gone")))
            answer = stage.answer(stage.reload())
        assert (answer.outcome, answer.message) == ("refused", "RuntimeError: the device is gone")
        stage.reach(RunState.HELD)
        assert stage.answer(stage.reload()).outcome == "applied"
        stage.reach(RunState.IDLE)
    assert runs == [1, 1]


def test_a_reload_from_idle_runs_the_script_again() -> None:
    """Saving a file after the end starts the script anew."""
    runs: list[int] = []
    with running(lambda runtime: runs.append(1), stay=True) as stage:
        stage.reach(RunState.IDLE)
        assert stage.answer(stage.reload()).outcome == "applied"
        stage.reach(RunState.IDLE)
        assert runs == [1, 1]


def test_a_paused_run_is_still_paused_after_a_reload() -> None:
    """The pause holds until somebody resumes."""
    with running(forever) as stage:
        stage.answer(stage.pause())
        assert stage.answer(stage.reload()).outcome == "applied"
        stage.reach(RunState.PAUSED)
        stage.answer(stage.resume())
        stage.reach(RunState.RUNNING)


def test_what_a_reload_overtakes_is_handled_after_it() -> None:
    """A call that waited gets the new code's answer."""
    go = threading.Event()

    def first(runtime: Runtime) -> None:
        runtime.expose(f=lambda: "old")
        go.wait(10)
        forever(runtime)

    def second(runtime: Runtime) -> None:
        runtime.expose(f=lambda: "new")
        forever(runtime)

    with running(first, second) as stage:
        wait_until(lambda: stage.exposed.delta(full=True))
        call, reload = stage.call("f"), stage.reload()
        go.set()
        assert stage.answer(call).value == "new"
        assert stage.answer(reload).outcome == "applied"


def test_an_interrupted_call_is_called_again_with_the_new_code() -> None:
    """The caller keeps waiting; the call's loops go on where they were."""
    done: list[tuple[str, int]] = []
    enough = threading.Event()

    def version(name: str) -> object:
        def script(runtime: Runtime) -> None:
            def train() -> str:
                for item in runtime.loops.loop("items", range(6)):
                    done.append((name, item))
                    if item == 2 and name == "old":
                        enough.set()
                        time.sleep(0.05)
                return name

            runtime.expose(train=train)

        return script

    with running(version("old"), version("new"), stay=True) as stage:  # type: ignore[arg-type]
        stage.reach(RunState.IDLE)
        call = stage.call("train")
        assert enough.wait(10)
        reload = stage.reload()
        assert stage.answer(call).value == "new"
        assert stage.answer(reload).outcome == "applied"
        assert [item for _, item in done] == [0, 1, 2, 3, 4, 5]
        assert done[2:4] == [("old", 2), ("new", 3)]


def test_a_swallowed_reload_happens_all_the_same() -> None:
    """A script that catches it and ends, or raises something else, is run again."""
    runs: list[int] = []

    def first(runtime: Runtime) -> None:
        runs.append(1)
        try:
            forever(runtime)
        except BaseException:
            if len(runs) == 1:
                return
            raise ValueError("other") from None

    with running(first, first, forever, stay=True) as stage:
        wait_until(lambda: len(runs) == 1)
        assert stage.answer(stage.reload()).outcome == "applied"
        assert stage.answer(stage.reload()).outcome == "applied"
        wait_until(lambda: len(runs) == 2)


def test_bindings_that_the_new_code_does_not_expose_are_gone() -> None:
    """What unwound is not shown any more."""

    def first(runtime: Runtime) -> None:
        runtime.expose(old=1)
        forever(runtime)

    with running(first, forever) as stage:
        wait_until(lambda: stage.exposed.delta(full=True))
        stage.answer(stage.reload())

        def values() -> bool:
            delta = stage.exposed.delta(full=True)
            return delta is not None and not delta.values

        wait_until(values)


def test_expose_checks_its_arguments() -> None:
    """Wrong names and mappings are told at once, detached too."""
    with pytest.raises(UsageError, match="expected a mapping"):
        Runtime().expose([1])  # type: ignore[arg-type]
    with pytest.raises(UsageError, match="a name is a text"):
        Runtime().expose({1: 2})  # type: ignore[dict-item]


def test_a_stop_overtakes_a_reload_under_way() -> None:
    """The reload's asker is told; the run is stopped."""
    go = threading.Event()

    def second(runtime: Runtime) -> None:
        go.wait(10)
        forever(runtime)

    stage = Stage()
    stage.start(forever, second)
    reload = stage.reload()
    wait_until(lambda: stage.started(reload))
    stage.stop()
    go.set()
    stage.join()
    assert stage.answer(reload).message == "stopped"
    stage.check()


def test_the_persisted_values_and_loops_can_be_cleared_together() -> None:
    """`clear_all_persisted` makes the next run of the script begin afresh."""
    items: list[int] = []

    def script(runtime: Runtime) -> None:
        items.extend(runtime.loops.loop("n", [1, 2]))

    with running(script, stay=True) as stage:
        stage.reach(RunState.IDLE)
        stage.answer(stage.reload())
        stage.reach(RunState.IDLE)
        assert items == [1, 2]
        stage.runtime.clear_all_persisted()
        stage.answer(stage.reload())
        stage.reach(RunState.IDLE)
        assert items == [1, 2, 1, 2]
