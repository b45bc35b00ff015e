"""Plain `python train.py`: everything works within the process, and nothing heavy is loaded."""

import subprocess
import sys
import textwrap
from pathlib import Path
from types import ModuleType

import livespark


def python(source: str, *flags: str, cwd: Path | None = None) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, *flags, "-c", textwrap.dedent(source)]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, cwd=cwd)


def test_the_import_is_light() -> None:
    """None of the heavy libraries is loaded, nor the link, nor asyncio."""
    heavy = (
        "torch",
        "numpy",
        "starlette",
        "uvicorn",
        "rich",
        "httpx2",
        "click",
        "psutil",
        "sqlite3",
        "asyncio",
        "http",
    )
    done = python(f"import sys, livespark; print([name for name in {heavy!r} if name in sys.modules])")
    assert (done.stdout, done.stderr) == ("[]\n", "")


def test_every_name_of_the_vocabulary_is_there() -> None:
    """`__all__` is complete and true, the client's names included."""
    assert [name for name in livespark.__all__ if not hasattr(livespark, name)] == []
    others = {
        name for name, item in vars(livespark).items() if not (name.startswith("_") or isinstance(item, ModuleType))
    }
    assert others - set(livespark.__all__) == {"Any", "Final", "TYPE_CHECKING", "import_module"}
    assert dir(livespark) == sorted(livespark.__all__)


def test_a_wrong_name_is_an_attribute_error() -> None:
    """As of any module."""
    done = python("import livespark; livespark.checkpiont()")
    assert "module 'livespark' has no attribute 'checkpiont'" in done.stderr


def test_a_whole_script_works_detached() -> None:
    """persist, loop, log, expose, config and controller, with nobody there."""
    done = python("""
        import threading, livespark as spark

        state = spark.persist("state", dict)
        assert spark.persist("state", list) is state and spark.has_persisted("state")
        spark.expose(state=state, f=print)
        settings = spark.config(lr=0.1)
        ctrl = spark.controller()
        assert ctrl is spark.create_controller()
        assert ctrl.status == spark.SparkStatus.RUNNING
        for epoch in spark.loop("epoch", range(3)):
            for batch in spark.loop("batch", [1, 2]):
                spark.log(loss=0.5, step=epoch)
                spark.checkpoint()
        ctrl.pause()
        threading.Timer(0.05, ctrl.resume).start()
        spark.checkpoint()
        ctrl.stop()
        try:
            spark.checkpoint()
        except spark.SparkStopError:
            print("stopped", settings.lr)
        spark.clear_all_persisted()
        assert not spark.has_persisted("state")
    """)
    assert (done.stdout, done.stderr) == ("stopped 0.1\n", "")


def test_asyncio_works_detached() -> None:
    """acheckpoint pauses until another thread resumes."""
    done = python("""
        import asyncio, threading, livespark as spark

        async def main():
            ctrl = spark.controller()
            await spark.acheckpoint()
            ctrl.pause()
            threading.Timer(0.05, ctrl.resume).start()
            await ctrl.acheckpoint()
            print("on")

        asyncio.run(main())
    """)
    assert (done.stdout, done.stderr) == ("on\n", "")


def test_serve_says_that_nobody_can_call_and_returns() -> None:
    """One line with what to do; it does not hang."""
    done = python("import livespark; livespark.serve(); print('after')")
    assert done.stdout == "after\n"
    assert "livespark dev" in done.stderr
    assert done.stderr.count("\n") == 1


def test_the_first_thread_at_a_checkpoint_is_the_training_thread() -> None:
    """Also where a script trains on a thread of its own, it can be paused and stopped."""
    done = python("""
        import threading, time, livespark as spark

        def train():
            try:
                while True:
                    spark.checkpoint()
            except spark.SparkStopError:
                print("stopped")

        thread = threading.Thread(target=train)
        thread.start()
        ctrl = spark.controller()
        ctrl.pause()
        while ctrl.status != "paused":
            time.sleep(0.001)
        spark.checkpoint()
        ctrl.stop()
        thread.join()
    """)
    assert (done.stdout, done.stderr) == ("stopped\n", "")


def test_ctrl_c_interrupts_a_detached_pause() -> None:
    """Python's own handler stays: nothing of ours stands in its way."""
    done = python("""
        import os, signal, threading, livespark as spark
        spark.controller().pause()
        threading.Timer(0.05, os.kill, (os.getpid(), signal.SIGINT)).start()
        try:
            spark.checkpoint()
        except KeyboardInterrupt:
            print("interrupted")
    """)
    assert (done.stdout, done.stderr) == ("interrupted\n", "")


def test_a_forked_child_is_not_held_by_the_parent_s_pause() -> None:
    """The child goes on where the parent would stand."""
    done = python("""
        import os, livespark as spark
        spark.checkpoint()
        spark.controller().pause()
        child = os.fork()
        if child == 0:
            spark.checkpoint()
            print(spark.persist("x", lambda: "child"), list(spark.loop("n", range(2))), flush=True)
            os._exit(0)
        assert os.waitpid(child, 0)[1] == 0
    """)
    assert (done.stdout, done.stderr) == ("child [0, 1]\n", "")
