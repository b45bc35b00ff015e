"""The small parts: persisted values, config, failures as data, patience, controller."""

import dataclasses
import math
import threading
from enum import Enum
from pathlib import Path
from typing import Any, Literal

import pytest
import torch

from livespark.errors import CommandRefused, SparkStopError, UsageError
from livespark.protocol.commands import Reload
from livespark.protocol.lifecycle import RunState
from livespark.runtime.config import Config
from livespark.runtime.controller import SparkStatus
from livespark.runtime.failure import describe, find_signal, where
from livespark.runtime.patience import Patience
from livespark.runtime.persist import Persisted
from livespark.runtime.process import Runtime
from tests.unit.runtime.stage import Stage, forever, running, wait_until

# persist


def test_an_object_is_made_once_and_kept_by_key() -> None:
    """The first use makes it; clearing forgets it."""
    kept = Persisted()
    model = kept.persist("model", object)
    assert kept.persist("model", object) is model
    assert kept.has_persisted("model")
    assert not kept.has_persisted("other")
    assert kept.clear_persisted("model")
    assert not kept.clear_persisted("model")
    assert kept.persist("model", object) is not model
    kept.clear()
    assert not kept.has_persisted("model")


def test_none_is_an_object_like_any_other() -> None:
    """A value of None is kept and not made again."""
    kept, calls = Persisted(), []
    assert kept.persist("nothing", lambda: calls.append(1)) is None
    kept.persist("nothing", lambda: calls.append(1))
    assert (calls, kept.clear_persisted("nothing")) == ([1], True)


def test_an_initializer_that_raises_keeps_nothing() -> None:
    """The next attempt makes the object."""
    kept = Persisted()
    with pytest.raises(ZeroDivisionError):
        kept.persist("x", lambda: 1 / 0)
    assert kept.persist("x", lambda: 2) == 2


def test_initializers_may_persist_others_but_not_themselves() -> None:
    """Recursion on one key is told, not followed."""
    kept = Persisted()
    assert kept.persist("outer", lambda: [kept.persist("inner", int)]) == [0]

    def recursive() -> object:
        return kept.persist("self", recursive)

    with pytest.raises(UsageError, match="its initializer asks for 'self' itself"):
        kept.persist("self", recursive)
    with pytest.raises(UsageError, match="give a function"):
        kept.persist("x", 3)  # type: ignore[arg-type]
    with pytest.raises(UsageError, match="key must be a text"):
        kept.persist(3, int)  # type: ignore[arg-type]


# config


class Color(Enum):
    RED = "red"


@dataclasses.dataclass
class Model:
    width: int = 128
    depth: int = 2


@dataclasses.dataclass
class Settings:
    name: str
    lr: float = 1e-3
    kind: Literal["a", "b"] = "a"
    data: Path = Path("data")
    color: Color = Color.RED
    model: Model = dataclasses.field(default_factory=Model)
    size: int | None = None


def configured(**given: Any) -> Config:
    config = Config()
    config.give({name.replace("__", "."): value for name, value in given.items()})
    return config


def test_a_dataclass_gets_what_was_given_over_its_defaults() -> None:
    """Types are kept, also for nested fields and texts from the command line."""
    config = configured(name="x", lr=1, model__width="256", data="there", kind="b", size=3)
    assert config(Settings) == Settings("x", 1.0, "b", Path("there"), Color.RED, Model(256), 3)
    assert isinstance(config(Settings).lr, float)
    assert config.lr == 1.0
    assert config["model"] == Model(256)
    assert set(config) == {"name", "lr", "kind", "data", "color", "model", "size"}


def test_an_instance_is_copied_with_what_was_given() -> None:
    """The defaults are those of the instance, nested ones included."""
    config = configured(model__depth=5)
    assert config(Settings("y", model=Model(7))) == Settings("y", model=Model(7, 5))


def test_defaults_by_name_give_a_namespace() -> None:
    """The type of a value is that of its default."""
    made = configured(lr="0.5", layers=[1, 2])(lr=0.1, epochs=10, layers=[], anything=None)
    assert (made.lr, made.epochs, made.layers, made.anything) == (0.5, 10, [1, 2], None)


def test_without_a_declaration_it_is_a_mapping_with_attributes() -> None:
    """What was given can be read as it is."""
    config = configured(lr=0.1)
    assert (config.lr, config["lr"], dict(config), len(config)) == (0.1, 0.1, {"lr": 0.1}, 1)
    assert repr(config) == "config(lr=0.1)"
    with pytest.raises(AttributeError, match=r"no 'width'; known are lr"):
        _ = config.width
    with pytest.raises(AttributeError, match="nothing is declared or given"):
        _ = Config().lr


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        ({"rate": 1, "name": "x"}, "there is no rate; known are color, data, kind, lr, model, name, size"),
        ({"lr": "fast", "name": "x"}, "lr is 'fast', which does not fit"),
        ({"model__width": 1.5, "name": "x"}, "model.width is 1.5, which does not fit"),
        ({"model__height": 1, "name": "x"}, "there is no model.height; known are depth, width"),
        ({"kind": "c", "name": "x"}, "kind is 'c', which does not fit"),
        ({}, "name has no default and was not given"),
    ],
)
def test_wrong_configs_are_told(given: dict[str, Any], sentence: str) -> None:
    """Unknown names, other types and missing values, each with what is known."""
    with pytest.raises(UsageError, match=sentence):
        configured(**given)(Settings)


def test_contradictions_and_wrong_declarations_are_told() -> None:
    """A name can't be both a value and a group; a declaration is a dataclass."""
    with pytest.raises(UsageError, match="both as a value and as a group"):
        configured(model=3, model__width=4)
    with pytest.raises(UsageError, match="declare a dataclass"):
        Config()(3)


# failure


def test_a_failure_reads_no_tensor_and_no_bad_repr() -> None:
    """Arrays are told by shape; a repr that raises is told as such; long ones are cut."""

    class Rude:
        def __repr__(self) -> str:
            raise RuntimeError("no")

    def fail() -> None:
        weights, rude, long = torch.zeros(1000, 1000), Rude(), "x" * 10_000
        nested = [weights]
        raise ValueError(f"{len(nested)}{len(long)}{rude is None}")

    try:
        fail()
    except ValueError as error:
        failure = describe(error)
    shown = failure.frames[-1].locals
    assert shown["weights"] == "Tensor(shape=(1000, 1000), dtype=torch.float32)"
    assert shown["nested"] == "[Tensor(shape=(1000, 1000), dtype=torch.float32)]"
    assert shown["rude"].startswith("<Rude instance")
    assert len(shown["long"]) <= 200
    assert failure.frames[-1].source.startswith("raise ValueError")


def test_an_error_without_a_text_is_described_all_the_same() -> None:
    """An exception whose `str` raises does not take the runtime with it."""

    class Silent(Exception):
        def __str__(self) -> str:
            raise RuntimeError("no")

    failure = describe(Silent())
    assert failure.type == "Silent"
    assert "RuntimeError" in failure.message


def test_deep_recursions_are_cut() -> None:
    """A traceback of a thousand levels keeps its ends."""

    def deeper(level: int) -> None:
        deeper(level + 1)

    try:
        deeper(0)
    except RecursionError as error:
        failure = describe(error)
    assert len(failure.frames) == 60
    assert len(failure.traceback) < 70_000


def test_signals_are_found_inside_groups() -> None:
    """However deep."""
    stop = SparkStopError()
    group = BaseExceptionGroup("a", [ValueError(), BaseExceptionGroup("b", [KeyError(), stop])])
    assert find_signal(group) is stop
    assert find_signal(ExceptionGroup("a", [ValueError()])) is None


def test_where_a_thread_stands_is_told_by_the_user_s_own_line() -> None:
    """Inside the standard library, the line of the script that called it."""
    go = threading.Event()
    thread = threading.Thread(target=lambda: go.wait(10))
    thread.start()
    assert where(thread.ident).split("/")[-1].startswith("test_runtime_parts.py:")
    go.set()
    thread.join()
    assert where(thread.ident) == "an unknown place"


# patience


def timers() -> int:
    return sum(thread.name == "livespark-patience" for thread in threading.enumerate())


def test_patience_ends_once_and_uses_one_timer() -> None:
    """Begun twice, told once; ended, told not at all."""
    told: list[str] = []
    patience = Patience(0.05, told.append)
    before = timers()
    for what in ("pause", "resume", "stop"):
        patience.begin(what)
    assert timers() <= before + 1
    wait_until(lambda: told)
    patience.begin("pause")
    patience.end()
    wait_until(lambda: not timers())
    assert told == ["stop"]


def test_patience_counts_from_the_newest_wait() -> None:
    """A wait that ended does not shorten the next one."""
    told: list[str] = []
    patience = Patience(0.1, told.append)
    patience.begin("pause")
    patience.end()
    patience.begin("stop")
    patience.end()
    wait_until(lambda: not timers())
    Patience(math.inf, told.append).begin("x")
    assert (told, timers()) == ([], 0)


def test_a_script_without_checkpoints_is_told_what_to_do() -> None:
    """After the time, a notice says where the script is, and what to call."""
    go = threading.Event()

    def script(runtime: Runtime) -> None:
        go.wait(10)
        forever(runtime)

    with running(script, patience=0.05) as stage:
        stage.pause()
        (notice,) = wait_until(lambda: stage.notices)
        assert (notice.level, notice.code) == ("warning", "no-checkpoint")
        assert "pause was asked 0.05 seconds ago" in notice.text
        assert "spark.checkpoint()" in notice.text
        assert "test_runtime_parts.py:" in notice.text
        go.set()
        stage.reach(RunState.PAUSED)
        assert len(stage.notices) == 1


def test_a_script_that_comes_to_its_checkpoint_is_told_nothing() -> None:
    """The clock stops when the loop stands, however long it stands."""
    with running(forever, patience=0.05) as stage:
        stage.answer(stage.pause())
        begun = threading.Event()
        assert not begun.wait(0.1)
        assert stage.notices == []


# controller


def test_the_controller_works_within_a_detached_process() -> None:
    """Another thread pauses, resumes and stops the loop."""
    runtime, ended, turns = Runtime(), threading.Event(), [0]
    ctrl = runtime.controller()

    def loop() -> None:
        try:
            while True:
                turns[0] += 1
                ctrl.checkpoint()
        except SparkStopError:
            ended.set()

    thread = threading.Thread(target=loop)
    thread.start()
    wait_until(lambda: turns[0])
    ctrl.pause()
    wait_until(lambda: ctrl.status is SparkStatus.PAUSED)
    stood = turns[0]
    ctrl.resume()
    ctrl.resume()
    wait_until(lambda: turns[0] > stood)
    ctrl.stop()
    thread.join()
    assert ended.is_set()
    assert ctrl.status is SparkStatus.STOPPING
    with pytest.raises(CommandRefused, match="the run is stopping"):
        ctrl.pause()


def test_there_is_one_controller_and_it_says_what_it_sees() -> None:
    """The repr is for people."""
    runtime = Runtime()
    assert runtime.controller() is runtime.controller()
    assert repr(runtime.controller()) == "<SparkController: running>"


def test_a_reload_of_a_process_that_nobody_can_rerun_is_refused() -> None:
    """Detached there is nobody who would run the script again."""
    with pytest.raises(CommandRefused, match="livespark dev"):
        Runtime().controller().reload()


def test_every_status_of_the_script_is_a_state_of_the_run() -> None:
    """`SparkStatus` are the in-process members of the one table."""
    assert {status.value for status in SparkStatus} <= {state.value for state in RunState}


def test_the_script_can_stop_and_pause_itself() -> None:
    """The controller's commands take hold at the next checkpoint of the same thread."""
    stage = Stage()

    def script(runtime: Runtime) -> None:
        runtime.controller().stop()
        assert runtime.controller().status is SparkStatus.STOPPING
        runtime.core.checkpoint()

    stage.start(script, stay=True)
    stage.join()
    assert stage.statuses == ["running", "stopping", "stopped"]


def test_the_script_can_reload_itself() -> None:
    """`ctrl.reload()` is the reload button."""
    runs: list[int] = []

    def script(runtime: Runtime) -> None:
        runs.append(1)
        if len(runs) == 1:
            runtime.controller().reload()
        runtime.core.checkpoint()

    stage = Stage()
    stage.start(script)
    stage.join()
    assert runs == [1, 1]
    assert stage.statuses == ["running", "reloading", "running", "completed"]


def test_a_defect_in_taking_a_command_is_its_answer() -> None:
    """Whoever asked is told, whatever was raised, and the run goes on."""

    with running(forever) as stage:

        def fail(command: Reload) -> None:
            raise ZeroDivisionError("a defect")

        stage.runtime.reloader.ask = fail  # type: ignore[method-assign]
        answer = stage.answer(stage.reload())
        assert answer.outcome == "failed"
        assert answer.error is not None
        assert answer.error.type == "ZeroDivisionError"
        stage.answer(stage.pause())
        stage.answer(stage.resume())
