"""Random commands against a running run: each is answered exactly once, and every change of state is legal."""

import time
from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from livespark.errors import SparkReloadError
from livespark.protocol.commands import Reload
from livespark.protocol.lifecycle import TERMINAL, RunState
from livespark.runtime.exposed.declared import concurrent
from livespark.runtime.process import Runtime
from tests.unit.runtime.stage import Stage, wait_until

STATE = {"lr": 0.1}


def training(runtime: Runtime) -> None:
    """A script with loops, calls that train, calls that raise, and an end now and then."""
    mood: dict[str, bool] = runtime.persisted.persist("mood", dict)

    def train() -> int:
        count = 0
        for _ in runtime.loops.loop("inner", range(20)):
            count += 1
            time.sleep(0.0005)
        return count

    def fail() -> None:
        raise ValueError("asked for")

    runtime.expose(
        state=STATE,
        train=train,
        fail=fail,
        end=lambda: mood.update(end=True),
        break_=lambda: mood.update(broken=True),
        beside=concurrent(lambda: time.sleep(0.001)),
        ctrl=runtime.controller(),
    )
    for epoch in runtime.loops.loop("epoch", range(1_000_000)):
        for _ in runtime.loops.loop("batch", range(3)):
            runtime.journal.log(epoch=epoch)
            if mood.pop("broken", False):
                raise RuntimeError("asked for")
            time.sleep(0.0003)
        try:
            runtime.core.checkpoint()
        except SparkReloadError:
            if epoch % 2:
                return  # swallowed: the reload happens all the same
            raise
        if mood.pop("end", False):
            return


class Commands(RuleBasedStateMachine):
    """Asks for anything at any time, from one more thread."""

    @initialize(stay=st.booleans())
    def begin(self, stay: bool) -> None:
        self.stage = Stage()
        self.stage.start(training, stay=stay)
        self.asked = 0
        self.stopped = False
        self.script = "pass\n"

    @rule(
        function=st.sampled_from(["train", "fail", "end", "break_", "beside", "nothing", "ctrl.pause", "ctrl.resume"])
    )
    def call(self, function: str) -> None:
        self.ask(self.stage.call(function))

    @rule(value=st.one_of(st.floats(0.0, 1.0), st.text(max_size=3), st.none()))
    def set(self, value: Any) -> None:
        self.ask(self.stage.set(state__lr=value))

    @rule()
    def reload(self) -> None:
        self.ask(self.stage.ask(Reload({"script.py": self.script})))

    @rule(command=st.sampled_from(["pause", "pause", "resume", "resume"]))
    def steer(self, command: str) -> None:
        self.ask(getattr(self.stage, command)())

    @rule(broken=st.booleans())
    def break_file(self, broken: bool) -> None:
        self.script = "pass\n  pass\n" if broken else "pass\n"

    @rule()
    def look(self) -> None:
        self.stage.desk.request_sample()
        self.stage.desk.drain()
        self.stage.desk.delta(full=False)

    @rule(seconds=st.sampled_from([0.001, 0.004, 0.02]))
    def let_pass(self, seconds: float) -> None:
        time.sleep(seconds)

    @precondition(lambda self: not self.stopped and self.asked > 12)
    @rule(cancel=st.booleans())
    def stop(self, cancel: bool) -> None:
        self.stopped = True
        self.ask(self.stage.stop(cancel=cancel))

    def ask(self, number: int) -> None:
        self.asked = number

    @invariant()
    def the_file_state_is_consistent(self) -> None:
        if hasattr(self, "stage"):
            assert 0.0 <= STATE["lr"] <= 1.0

    def teardown(self) -> None:
        if not hasattr(self, "stage"):
            return
        self.stage.resume()
        self.stage.stop()
        self.stage.join()
        wait_until(lambda: not self.stage.runtime.core.running)
        self.stage.check()
        assert self.stage.status in TERMINAL
        assert not self.stopped or self.stage.status in (
            RunState.STOPPED,
            RunState.CANCELLED,
            RunState.COMPLETED,
            RunState.FAILED,
        )


Commands.TestCase.settings = settings(
    max_examples=40, stateful_step_count=50, deadline=None, suppress_health_check=list(HealthCheck)
)
test_random_commands = Commands.TestCase
