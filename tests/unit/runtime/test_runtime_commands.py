"""Commands at checkpoints: each is answered once, in the right order, on the right thread."""

import threading
import time

import pytest

from livespark.errors import SparkStopError
from livespark.protocol.commands import Call, Stop
from livespark.protocol.lifecycle import RunState
from livespark.runtime.process import Runtime
from tests.unit.runtime.stage import Stage, forever, running, wait_until


def test_pause_is_answered_when_the_loop_stands_and_resume_goes_on() -> None:
    """A pause is applied once the loop really stands; nothing moves until the resume."""
    turns = []

    def script(runtime: Runtime) -> None:
        while True:
            turns.append(1)
            runtime.core.checkpoint()
            time.sleep(0.0005)

    with running(script) as stage:
        assert stage.answer(stage.pause()).outcome == "applied"
        assert stage.status is RunState.PAUSED
        stood = len(turns)
        time.sleep(0.02)
        assert len(turns) == stood
        assert stage.answer(stage.resume()).outcome == "applied"
        wait_until(lambda: len(turns) > stood)
    assert stage.statuses == ["running", "pausing", "paused", "running", "stopping", "stopped"]


def test_pausing_shows_until_the_step_ends_and_a_resume_withdraws_it() -> None:
    """Before the checkpoint the state is pausing, and a resume then refuses the pause."""
    go = threading.Event()

    def script(runtime: Runtime) -> None:
        go.wait(10)
        forever(runtime)

    with running(script) as stage:
        pause = stage.pause()
        assert stage.status is RunState.PAUSING
        assert not stage.is_answered(pause)
        stage.resume()
        assert stage.answer(pause).outcome == "refused"
        assert "withdrawn by a resume" in stage.answer(pause).message
        go.set()


def test_a_second_pause_of_a_paused_run_is_applied_at_once() -> None:
    """Asking for what is already so is no error."""
    with running(forever) as stage:
        stage.answer(stage.pause())
        assert "already" in stage.answer(stage.pause()).message
        assert "not paused" not in stage.answer(stage.resume()).message
        assert "not paused" in stage.answer(stage.resume()).message


def test_stop_unwinds_and_is_answered_at_the_end() -> None:
    """The stop is applied when the script has unwound; `finally` has run by then."""
    order: list[str] = []
    stage = Stage()

    def script(runtime: Runtime) -> None:
        try:
            forever(runtime)
        finally:
            assert not stage.is_answered(1)
            order.append("finally")

    stage.start(script)
    stop = stage.stop()
    stage.join()
    assert order == ["finally"]
    assert stage.answer(stop).outcome == "applied"
    assert stage.statuses[-1] is RunState.STOPPED
    assert stage.code == 3
    stage.check()


def test_cancel_ends_as_cancelled() -> None:
    """A stop that is a cancel gives its own end."""
    stage = Stage()
    stage.start(forever)
    stage.stop(cancel=True)
    stage.join()
    assert stage.statuses[-1] is RunState.CANCELLED
    stage.check()


def test_a_stop_overtakes_what_waits() -> None:
    """Calls, sets and pauses that have not begun are refused when a stop comes."""
    go = threading.Event()

    def script(runtime: Runtime) -> None:
        runtime.expose(state={"lr": 0.1}, f=lambda: 1)
        go.wait(10)
        runtime.core.checkpoint()

    stage = Stage()
    stage.start(script)
    wait_until(lambda: stage.exposed.delta(full=True))
    waiting = [stage.call("f"), stage.set(state__lr=0.2), stage.pause()]
    stage.stop()
    assert [stage.answer(number).message for number in waiting] == ["stopped"] * 3
    assert "stopping" in stage.answer(stage.call("f")).message
    go.set()
    stage.join()
    stage.check()


def test_a_swallowed_stop_is_raised_again() -> None:
    """Code that catches everything does not get away with it: the second time it is raised behind the handler, too."""
    caught: list[BaseException] = []

    def script(runtime: Runtime) -> None:
        while True:
            try:
                forever(runtime)
            except BaseException as error:
                caught.append(error)

    stage = Stage()
    stage.start(script)
    stage.stop()
    stage.join()
    assert [type(error) for error in caught] == [SparkStopError] * 2
    assert stage.statuses[-1] is RunState.STOPPED


def test_a_stop_inside_an_exception_group_is_a_stop() -> None:
    """Exception groups are unwrapped at the top."""

    def script(runtime: Runtime) -> None:
        try:
            forever(runtime)
        except BaseException as error:
            raise BaseExceptionGroup("tasks", [ValueError("x"), BaseExceptionGroup("inner", [error])]) from None

    stage = Stage()
    stage.start(script)
    stage.stop()
    stage.join()
    assert stage.statuses[-1] is RunState.STOPPED


def test_sets_and_calls_happen_in_order_of_arrival_on_the_training_thread() -> None:
    """Everything that touches user objects happens on one thread, in order."""
    state = {"lr": 0.1}
    seen: list[tuple[float, str]] = []

    def look() -> float:
        seen.append((state["lr"], threading.current_thread().name))
        return state["lr"]

    def script(runtime: Runtime) -> None:
        runtime.expose(state=state, look=look)
        runtime.core.checkpoint()
        forever(runtime)

    with running(script) as stage:
        wait_until(lambda: stage.exposed.delta(full=True))
        stage.answer(stage.pause())
        numbers = [stage.call("look"), stage.set(state__lr=0.2), stage.call("look")]
        answers = [stage.answer(number) for number in numbers]
        assert [answer.value for answer in answers] == [0.1, {"state.lr": 0.2}, 0.2]
        assert seen == [(0.1, "training"), (0.2, "training")]
        assert all(stage.started(number) for number in numbers)


def test_bad_commands_are_refused_with_a_sentence() -> None:
    """Unknown paths, wrong types and wrong arguments change nothing, and the run goes on."""
    state = {"lr": 0.1}

    def script(runtime: Runtime) -> None:
        runtime.expose(state=state, f=lambda x: x)
        runtime.core.checkpoint()
        forever(runtime)

    with running(script) as stage:
        wait_until(lambda: stage.exposed.delta(full=True))
        for number in (
            stage.set(nothing__here=1),
            stage.set(state__lr="fast"),
            stage.call("g"),
            stage.call("f"),
            stage.call("f", 1, 2, y=3),
        ):
            answer = stage.answer(number)
            assert answer.outcome == "refused"
            assert answer.message
            assert not stage.started(number)
        assert state == {"lr": 0.1}


def test_an_error_in_a_call_returns_to_the_caller() -> None:
    """A called function that raises fails its call, with frames, and nothing else; SystemExit and Ctrl-C included."""

    def broken(kind: int) -> None:
        raise (ValueError("no"), SystemExit(4), KeyboardInterrupt())[kind]

    def script(runtime: Runtime) -> None:
        runtime.expose(broken=broken)
        runtime.core.checkpoint()
        forever(runtime)

    with running(script) as stage:
        wait_until(lambda: stage.exposed.delta(full=True))
        answer = stage.answer(stage.call("broken", 0))
        assert answer.outcome == "failed"
        assert answer.error is not None
        assert (answer.error.type, answer.error.message) == ("ValueError", "no")
        assert answer.error.frames[-1].function.endswith("broken")
        assert answer.error.frames[-1].locals["kind"] == "0"
        assert [stage.answer(stage.call("broken", kind)).outcome for kind in (1, 2)] == ["failed"] * 2
        assert stage.status is RunState.RUNNING


def test_a_call_serves_commands_at_its_own_checkpoints_and_a_second_one_is_busy() -> None:
    """A long call can be talked to; the same function meanwhile is busy; a pause in it can be resumed."""
    more = threading.Event()

    def script(runtime: Runtime) -> None:
        def train() -> str:
            while not more.is_set():
                runtime.core.checkpoint()
                time.sleep(0.0005)
            return "trained"

        runtime.expose(train=train, quick=lambda: 7)
        runtime.core.checkpoint()
        forever(runtime)

    with running(script) as stage:
        wait_until(lambda: stage.exposed.delta(full=True))
        train = stage.call("train")
        wait_until(lambda: stage.started(train))
        busy = stage.answer(stage.call("train"))
        assert (busy.outcome, busy.message.split(":")[0]) == ("refused", "busy")
        assert stage.answer(stage.call("quick")).value == 7
        stage.answer(stage.pause())
        assert stage.answer(stage.call("quick")).value == 7
        stage.answer(stage.resume())
        more.set()
        assert stage.answer(train).value == "trained"


def test_a_call_while_paused_runs_and_leaves_the_pause() -> None:
    """Paused, a function with checkpoints of its own runs through; then the loop stands as before."""

    def script(runtime: Runtime) -> None:
        def evaluate() -> int:
            return sum(1 for _ in runtime.loops.loop("evaluate", range(5)))

        runtime.expose(evaluate=evaluate)
        runtime.core.checkpoint()
        forever(runtime)

    with running(script) as stage:
        wait_until(lambda: stage.exposed.delta(full=True))
        stage.answer(stage.pause())
        assert stage.answer(stage.call("evaluate")).value == 5
        stage.reach(RunState.PAUSED)
        assert stage.answer(stage.call("evaluate")).value == 5
    assert stage.statuses[:6] == ["running", "pausing", "paused", "running", "paused", "running"]


def test_a_pause_that_a_call_does_not_reach_holds_for_the_script() -> None:
    """The pause was meant for the run: it stands at the next opportunity."""
    go = threading.Event()

    def script(runtime: Runtime) -> None:
        runtime.expose(wait=lambda: go.wait(10))
        runtime.core.checkpoint()
        forever(runtime)

    with running(script) as stage:
        wait_until(lambda: stage.exposed.delta(full=True))
        call = stage.call("wait")
        wait_until(lambda: stage.started(call))
        pause = stage.pause()
        go.set()
        assert stage.answer(call).outcome == "applied"
        assert stage.answer(pause).outcome == "applied"
        assert stage.status is RunState.PAUSED


def test_a_stop_unwinds_a_call_and_its_caller_is_told() -> None:
    """SparkStopError goes through the call into the script."""

    def script(runtime: Runtime) -> None:
        runtime.expose(train=lambda: forever(runtime))
        runtime.core.checkpoint()
        forever(runtime)

    stage = Stage()
    stage.start(script)
    wait_until(lambda: stage.exposed.delta(full=True))
    call = stage.call("train")
    wait_until(lambda: stage.started(call))
    stage.stop()
    stage.join()
    assert (stage.answer(call).outcome, stage.answer(call).message) == ("refused", "stopped")
    stage.check()


def test_concurrent_functions_run_at_once_on_another_thread() -> None:
    """While the training thread is in the middle of a step, a concurrent function answers."""
    go = threading.Event()

    def script(runtime: Runtime) -> None:
        from livespark.runtime.exposed.declared import concurrent

        @concurrent
        def name() -> str:
            return threading.current_thread().name

        @concurrent
        def fail() -> None:
            raise ValueError("no")

        runtime.expose(name=name, fail=fail, ctrl=runtime.controller())
        runtime.core.checkpoint()
        go.wait(10)
        forever(runtime)

    with running(script) as stage:
        wait_until(lambda: stage.exposed.delta(full=True))
        assert stage.answer(stage.call("name")).value == "livespark-call-name"
        assert stage.answer(stage.call("fail")).outcome == "failed"
        assert stage.answer(stage.call("ctrl.pause")).outcome == "applied"
        assert stage.status is RunState.PAUSING
        assert stage.answer(stage.call("ctrl.resume")).outcome == "applied"
        go.set()


def test_a_concurrent_call_still_running_at_the_end_is_answered_unknown() -> None:
    """It was started and nobody knows how it would have ended."""
    go = threading.Event()

    def script(runtime: Runtime) -> None:
        from livespark.runtime.exposed.declared import concurrent

        runtime.expose(wait=concurrent(lambda: go.wait(10)))
        forever(runtime)

    stage = Stage()
    stage.start(script)
    wait_until(lambda: stage.exposed.delta(full=True))
    call = stage.call("wait")
    wait_until(lambda: stage.started(call))
    stage.stop()
    stage.join()
    assert stage.answer(call).outcome == "unknown"
    go.set()
    stage.check()


def test_checkpoint_on_another_thread_returns_at_once() -> None:
    """A helper thread of the script neither blocks nor raises."""
    done = threading.Event()

    def helper(runtime: Runtime) -> None:
        for _ in range(100):
            runtime.core.checkpoint()
        assert list(runtime.loops.loop("helper", [1, 2])) == [1, 2]
        done.set()

    def script(runtime: Runtime) -> None:
        runtime.core.checkpoint()
        time.sleep(0.01)
        thread = threading.Thread(target=helper, args=(runtime,))
        thread.start()
        thread.join()
        forever(runtime)

    stage = Stage()
    stage.start(script)
    stage.pause()
    assert done.wait(10)
    stage.stop()
    stage.join()
    stage.check()


def test_after_the_end_everything_is_refused() -> None:
    """A command that comes late gets a sentence, not silence."""
    stage = Stage()
    stage.start(lambda runtime: None)
    stage.join()
    assert stage.statuses == ["running", "completed"]
    assert "ended (completed)" in stage.answer(stage.pause()).message
    assert "ended (completed)" in stage.answer(stage.stop()).message
    stage.check()


@pytest.mark.parametrize("command", [Call("f"), Stop()])
def test_commands_before_the_script_begins_wait_for_it(command: Call | Stop) -> None:
    """The link may deliver before the first line has run."""
    stage = Stage()
    started = threading.Event()

    def script(runtime: Runtime) -> None:
        started.wait(10)
        runtime.expose(f=lambda: 1)
        runtime.core.checkpoint()
        runtime.core.checkpoint()

    stage.start(script)
    number = stage.ask(command)
    started.set()
    stage.join()
    assert stage.answer(number).outcome == "applied"
    stage.check()
