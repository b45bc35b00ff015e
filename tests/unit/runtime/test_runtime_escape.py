"""Scripts that catch everything are left all the same, and their `finally` blocks run."""

import asyncio
import contextlib
import sys
from collections.abc import Iterator
from typing import Any, NoReturn

import pytest

from livespark.errors import SparkReloadError, SparkStopError
from livespark.runtime import escape
from livespark.runtime.escape import Escape
from livespark.runtime.failure import find_signal

pytestmark = pytest.mark.timeout(20)

SCRIPTS = {
    "except in a loop": """
        while True:
            try:
                check()
            except:
                note("handled")
    """,
    "except BaseException and continue": """
        def train():
            for item in iter(int, 1):
                try:
                    check()
                except BaseException:
                    continue
        train()
    """,
    "one except around another": """
        def train():
            while True:
                try:
                    check()
                except:
                    pass
        while True:
            try:
                train()
            except:
                note("handled")
    """,
    "three of them": """
        def inner():
            while True:
                try:
                    check()
                except:
                    pass
        def middle():
            while True:
                try:
                    inner()
                except:
                    pass
        while True:
            try:
                middle()
            except:
                pass
    """,
    "suppress": """
        while True:
            with contextlib.suppress(BaseException):
                check()
    """,
    "a finally that returns": """
        def train():
            while True:
                try:
                    check()
                finally:
                    return
        while True:
            train()
    """,
    "a generator that ends instead": """
        def batches():
            while True:
                try:
                    yield 1
                    check()
                except BaseException:
                    return
        while True:
            for batch in batches():
                pass
    """,
    "a handler that never ends": """
        while True:
            try:
                check()
            except:
                while True:
                    try:
                        check()
                    except:
                        pass
    """,
    "another exception in the handler": """
        while True:
            try:
                check()
            except:
                try:
                    raise ValueError
                except ValueError:
                    note("handled")
    """,
    "except*": """
        def group():
            try:
                check()
            except BaseException as error:
                raise BaseExceptionGroup("", [error])
        while True:
            try:
                group()
            except* BaseException:
                pass
    """,
    "finally blocks around it": """
        try:
            while True:
                try:
                    try:
                        check()
                    finally:
                        note("inner")
                        note("inner end")
                except:
                    pass
        finally:
            note("outer")
            note("outer end")
    """,
    "asyncio tasks": """
        async def train():
            while True:
                check()
                await asyncio.sleep(0)
        async def main():
            while True:
                try:
                    async with asyncio.TaskGroup() as group:
                        group.create_task(train())
                except* BaseException:
                    pass
        asyncio.run(main())
    """,
}
"""Each would go on for ever."""


class Run:
    """A script that is told to unwind at each `check()`."""

    def __init__(self, signal: type[SparkStopError | SparkReloadError]) -> None:
        self.escape = Escape()
        self.signal = signal
        self.checks = 0
        self.notes: list[str] = []

    def check(self) -> NoReturn:
        self.checks += 1
        raise self.escape.note(self.signal("unwind"))

    def execute(self, text: str) -> BaseException | None:
        names = {"check": self.check, "note": self.notes.append, "contextlib": contextlib, "asyncio": asyncio}
        lines = "\n".join(line.removeprefix("        ") for line in text.splitlines())
        try:
            exec(compile(lines, "script.py", "exec"), names)
        except BaseException as error:
            return error
        finally:
            self.escape.close()
        return None


@pytest.fixture(autouse=True)
def _ours(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """What is not the script's is foreign; whoever traced before does so after it."""
    monkeypatch.setattr(escape, "is_foreign", lambda file: file != "script.py")
    before = sys.gettrace(), sys.getprofile()
    yield
    assert (sys.gettrace(), sys.getprofile()) == before


@pytest.mark.parametrize("signal", [SparkStopError, SparkReloadError])
@pytest.mark.parametrize("text", SCRIPTS.values(), ids=SCRIPTS.keys())
def test_every_script_is_left(text: str, signal: type[Any]) -> None:
    """By the signal, after a few checkpoints; no exception is left behind as being handled."""
    run = Run(signal)
    error = run.execute(text)
    assert find_signal(error or ValueError()), error
    assert run.checks <= 25
    assert sys.exception() is None


def test_finally_blocks_are_executed_to_their_end() -> None:
    """Those within the handler each time, those around it once; the handler itself, too."""
    run = Run(SparkStopError)
    run.execute(SCRIPTS["finally blocks around it"])
    assert run.notes == ["inner", "inner end"] * 2 + ["outer", "outer end"]
    assert run.checks == 2

    run = Run(SparkStopError)
    run.execute(SCRIPTS["except in a loop"])
    assert run.notes == ["handled"] * 2


def test_a_script_that_swallows_nothing_is_not_traced() -> None:
    """Also one that comes to checkpoints while it is left."""
    run = Run(SparkStopError)
    error = run.execute(
        """
        import sys
        try:
            try:
                check()
            finally:
                check()
        finally:
            note(repr(sys.gettrace()))
            check()
        """
    )
    assert isinstance(error, SparkStopError)
    assert (run.checks, run.notes) == (3, [repr(sys.gettrace())])
