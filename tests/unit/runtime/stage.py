"""A runtime in this process, attached to an outbox that records: scripts are functions, commands come by `deliver`."""

import contextlib
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from itertools import pairwise
from pathlib import Path
from types import CodeType, MappingProxyType
from typing import Any

from livespark.protocol.commands import Answer, Call, Command, Delivery, Pause, Reload, Resume, Set, Stop
from livespark.protocol.events import Answered, Event, Notice, Started, Status
from livespark.protocol.ids import CommandId
from livespark.protocol.lifecycle import RunState, may_follow
from livespark.runtime.exposed.exposed import Exposed
from livespark.runtime.process import Runtime
from livespark.runtime.program import Program
from livespark.runtime.runner import Runner

Script = Callable[[Runtime], Any]

DEADLINE = 30.0


def wait_until(condition: Callable[[], Any], what: str = "the condition") -> Any:
    """Wait for a true value, and return it."""
    end = time.monotonic() + DEADLINE
    while not (value := condition()):
        assert time.monotonic() < end, f"waited in vain for {what}"
        time.sleep(0.002)
    return value


class Recorder:
    """An outbox that keeps everything in order, with the thread it came from."""

    def __init__(self) -> None:
        self.events: list[Event] = []
        self.recorded: list[Event] = []

    def emit(self, event: Event) -> None:
        self.events.append(event)

    def record(self, event: Event) -> None:
        self.recorded.append(event)
        self.events.append(event)


class FunctionProgram(Program):
    """A program whose code is a list of functions: each reload takes the next one, while there is one."""

    def __init__(self, runtime: Runtime, *versions: Script) -> None:
        super().__init__(str(Path("script.py").absolute()), ["script.py"])
        self._runtime = runtime
        self._versions = list(versions)

    def read(self) -> bytes:
        return b"pass"

    def enter(self) -> None:
        pass

    def execute(self, code: CodeType, kept: Mapping[str, Any] = MappingProxyType({})) -> None:
        version = self._versions.pop(0) if len(self._versions) > 1 else self._versions[0]
        version(self._runtime)


class Stage:
    """One run on a thread of its own."""

    def __init__(self, *, patience: float = float("inf"), config: dict[str, Any] | None = None) -> None:
        self.outbox = Recorder()
        self.exposed = Exposed()
        self.runtime = Runtime()
        self.code: int | None = None
        self._config = config or {}
        self._patience = patience
        self._numbers = iter(range(1, 1_000_000))
        self._ready = threading.Event()
        self._thread = threading.Thread(target=lambda: None)
        self.program: FunctionProgram

    def start(self, *versions: Script, stay: bool = False) -> None:
        """Run the script; returns when the desk is open."""
        self.program = FunctionProgram(self.runtime, *versions)
        self._thread = threading.Thread(target=self._main, args=(stay,), name="training", daemon=True)
        self._thread.start()
        assert self._ready.wait(DEADLINE)

    def _main(self, stay: bool) -> None:
        runtime = self.runtime
        self.desk = runtime.attach(self.outbox, self.exposed, self._config, patience=self._patience)
        runner = Runner(
            runtime.core,
            runtime.reloader,
            stay=stay,
            settle=runtime.sample,
            restart=runtime.restart,
            opened=lambda _: self._ready.set(),
        )
        self.code = runner.execute(self.program)

    def join(self) -> None:
        self._thread.join(DEADLINE)
        assert not self._thread.is_alive(), f"the script still runs: {self.runtime.core.status}"

    def ask(self, command: Command) -> int:
        """Deliver a command as the server would. -> its number."""
        number = next(self._numbers)
        self.desk.deliver(Delivery(number, CommandId(f"c{number}"), "test", command))
        return number

    def pause(self) -> int:
        return self.ask(Pause())

    def resume(self) -> int:
        return self.ask(Resume())

    def stop(self, *, cancel: bool = False) -> int:
        return self.ask(Stop(cancel=cancel))

    def reload(self) -> int:
        return self.ask(Reload())

    def call(self, function: str, *args: Any, **kwargs: Any) -> int:
        return self.ask(Call(function, list(args), kwargs))

    def set(self, **values: Any) -> int:
        return self.ask(Set({path.replace("__", "."): value for path, value in values.items()}))

    def answers(self, number: int) -> list[Answer]:
        return [e.answer for e in self.events if isinstance(e, Answered) and e.number == number]

    def answer(self, number: int) -> Answer:
        """The command's answer, waited for."""
        wait_until(lambda: self.answers(number), f"the answer of command {number}; status {self.status}")
        (answer,) = self.answers(number)
        return answer

    def is_answered(self, number: int) -> bool:
        return bool(self.answers(number))

    @property
    def events(self) -> list[Event]:
        return list(self.outbox.events)

    @property
    def statuses(self) -> list[RunState]:
        return [event.state for event in self.events if isinstance(event, Status)]

    @property
    def notices(self) -> list[Notice]:
        return [event for event in self.events if isinstance(event, Notice)]

    @property
    def status(self) -> RunState:
        return self.runtime.core.status

    def started(self, number: int) -> bool:
        return any(isinstance(event, Started) and event.number == number for event in self.outbox.recorded)

    def reach(self, state: RunState) -> None:
        wait_until(lambda: self.status is state, f"{state}; it is {self.status}")

    def check(self) -> None:
        """What holds for every run: legal transitions, one answer for everything that was asked."""
        states = [RunState.STARTING, *self.statuses]
        assert all(may_follow(a, b) for a, b in pairwise(states)), states
        asked = next(self._numbers)
        for number in range(1, asked):
            assert len(self.answers(number)) == 1, (number, self.events)


@contextlib.contextmanager
def running(*versions: Script, stay: bool = False, patience: float = float("inf")) -> Iterator[Stage]:
    """A stage with a running script; it is stopped at the end, and everything is checked."""
    stage = Stage(patience=patience)
    stage.start(*versions, stay=stay)
    try:
        yield stage
    finally:
        stage.stop()
        stage.join()
    stage.check()


def forever(runtime: Runtime) -> None:
    """The simplest training loop."""
    while True:
        runtime.core.checkpoint()
        time.sleep(0.0005)
