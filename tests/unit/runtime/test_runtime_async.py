"""asyncio scripts: `acheckpoint`, async functions as tasks, and what a synchronous checkpoint can't do there."""

import asyncio
import threading
from collections.abc import Awaitable, Callable

from livespark.protocol.lifecycle import RunState
from livespark.runtime.process import Runtime
from tests.unit.runtime.stage import Script, Stage, running, wait_until


def asyncio_script(main: Callable[[Runtime], Awaitable[None]]) -> Script:
    async def run(runtime: Runtime) -> None:
        await main(runtime)

    return lambda runtime: asyncio.run(run(runtime))


async def aforever(runtime: Runtime) -> None:
    while True:
        await runtime.acheckpoint()
        await asyncio.sleep(0.0005)


def test_acheckpoint_pauses_one_task_and_leaves_the_loop_running() -> None:
    """While paused, other tasks of the script go on."""
    beats = [0]

    async def beat() -> None:
        while True:
            beats[0] += 1
            await asyncio.sleep(0.0005)

    async def main(runtime: Runtime) -> None:
        task = asyncio.create_task(beat())
        try:
            await aforever(runtime)
        finally:
            task.cancel()

    with running(asyncio_script(main)) as stage:
        stage.answer(stage.pause())
        stood = beats[0]
        wait_until(lambda: beats[0] > stood + 3)
        stage.answer(stage.resume())
        stage.reach(RunState.RUNNING)
    assert stage.statuses[-1] is RunState.STOPPED


def test_several_tasks_at_checkpoints_all_stand_and_all_go_on() -> None:
    """Each of them waits; none spins."""
    passed = [0, 0, 0]

    async def worker(runtime: Runtime, index: int) -> None:
        while True:
            await runtime.acheckpoint()
            passed[index] += 1
            await asyncio.sleep(0.0005)

    async def main(runtime: Runtime) -> None:
        async with asyncio.TaskGroup() as group:
            for index in range(3):
                group.create_task(worker(runtime, index))

    with running(asyncio_script(main)) as stage:
        wait_until(lambda: all(passed))
        stage.answer(stage.pause())
        wait_until(lambda: len(stage.runtime.core.bells) == 3)
        stood = list(passed)
        stage.answer(stage.resume())
        wait_until(lambda: all(new > old for new, old in zip(passed, stood, strict=True)))


def test_async_functions_run_as_tasks_of_the_script_s_loop() -> None:
    """They interleave with the script, are busy meanwhile, and return results and errors."""

    async def main(runtime: Runtime) -> None:
        gate = asyncio.Event()

        async def slow() -> str:
            await gate.wait()
            return threading.current_thread().name

        async def fail() -> None:
            raise ValueError("no")

        async def leave() -> None:
            raise SystemExit(3)

        runtime.expose(slow=slow, fail=fail, leave=leave, open=gate.set)
        await aforever(runtime)

    with running(asyncio_script(main)) as stage:
        wait_until(lambda: stage.exposed.delta(full=True))
        slow = stage.call("slow")
        wait_until(lambda: stage.started(slow))
        assert stage.answer(stage.call("slow")).message.startswith("busy")
        error = stage.answer(stage.call("fail")).error
        assert error is not None
        assert error.type == "ValueError"
        assert stage.answer(stage.call("leave")).outcome == "failed"
        stage.answer(stage.call("open"))
        assert stage.answer(slow).value == "training"


def test_a_stop_ends_the_tasks_of_calls() -> None:
    """The loop cancels them; their callers are told *stopped*."""

    async def main(runtime: Runtime) -> None:
        async def wait() -> None:
            await asyncio.sleep(100)

        runtime.expose(wait=wait, train=lambda: aforever(runtime))
        await aforever(runtime)

    stage = Stage()
    stage.start(asyncio_script(main))
    wait_until(lambda: stage.exposed.delta(full=True))
    call = stage.call("wait")
    wait_until(lambda: stage.started(call))
    stage.stop()
    stage.join()
    assert stage.answer(call).message == "stopped"
    stage.check()


def test_a_synchronous_checkpoint_in_a_running_loop_refuses_async_calls() -> None:
    """The sentence says what to use."""

    async def main(runtime: Runtime) -> None:
        async def f() -> int:
            return 1

        runtime.expose(f=f)
        while True:
            runtime.core.checkpoint()
            await asyncio.sleep(0.0005)

    with running(asyncio_script(main)) as stage:
        wait_until(lambda: stage.exposed.delta(full=True))
        answer = stage.answer(stage.call("f"))
        assert answer.outcome == "refused"
        assert "await spark.acheckpoint()" in answer.message


def test_a_loop_in_async_code_leaves_async_calls_to_acheckpoint() -> None:
    """A script that has both kinds of checkpoints gets the call served by the right one."""

    async def main(runtime: Runtime) -> None:
        async def f() -> int:
            return 1

        runtime.expose(f=f)
        while True:
            for _ in runtime.loops.loop("n", range(20)):
                await asyncio.sleep(0.0005)
            await runtime.acheckpoint()

    with running(asyncio_script(main)) as stage:
        wait_until(lambda: stage.runtime.core.cooperative)
        for _ in range(5):
            assert stage.answer(stage.call("f")).value == 1


def test_without_a_loop_async_functions_get_one_of_their_own() -> None:
    """Idle, or in a plain script, they run like any function."""

    def script(runtime: Runtime) -> None:
        async def f(x: int) -> int:
            await asyncio.sleep(0)
            await runtime.acheckpoint()
            return x + 1

        runtime.expose(f=f)

    with running(script, stay=True) as stage:
        stage.reach(RunState.IDLE)
        assert stage.answer(stage.call("f", 2)).value == 3
        stage.reach(RunState.IDLE)


def test_a_reload_unwinds_async_code_and_calls_its_interrupted_calls_again() -> None:
    """The new loop runs the call's task; its caller waits on."""

    def version(name: str) -> Script:
        async def main(runtime: Runtime) -> None:
            async def f() -> str:
                if name == "old":
                    await asyncio.sleep(100)
                return name

            runtime.expose(f=f)
            await aforever(runtime)

        return asyncio_script(main)

    with running(version("old"), version("new")) as stage:
        wait_until(lambda: stage.exposed.delta(full=True))
        call = stage.call("f")
        wait_until(lambda: stage.started(call))
        stage.reload()
        assert stage.answer(call).value == "new"


def test_acheckpoint_on_another_thread_only_yields() -> None:
    """An event loop beside the training thread is left alone."""

    def script(runtime: Runtime) -> None:
        runtime.core.checkpoint()
        runtime.controller().pause()

        async def beside() -> None:
            for _ in range(3):
                await runtime.acheckpoint()

        thread = threading.Thread(target=lambda: asyncio.run(beside()))
        thread.start()
        thread.join()
        runtime.controller().resume()

    stage = Stage()
    stage.start(script)
    stage.join()
    assert stage.statuses[-1] is RunState.COMPLETED


def test_a_loop_closed_with_a_waiting_task_hears_nothing() -> None:
    """Whoever asks is not troubled by an event loop that is gone."""
    kept: list[asyncio.Task[None]] = []

    def script(runtime: Runtime) -> None:
        loop = asyncio.new_event_loop()
        runtime.controller().pause()
        kept.append(loop.create_task(runtime.acheckpoint()))
        for _ in range(3):
            loop.run_until_complete(asyncio.sleep(0))
        loop.close()
        assert runtime.core.bells

    stage = Stage()
    stage.start(script)
    stage.join()
    assert "ended" in stage.answer(stage.resume()).message
    stage.runtime.core.ask_sample()
    kept[0]._log_destroy_pending = False  # type: ignore[attr-defined] # asyncio's own way to say that this is meant
    kept.pop().get_coro().close()
