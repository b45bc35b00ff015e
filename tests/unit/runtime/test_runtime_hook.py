"""The optimizer hook, with a package in torch's place: what counts is when it registers and what it does."""

import subprocess
import sys
import threading
import types
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from livespark.protocol.lifecycle import RunState
from livespark.runtime.exposed.exposed import Exposed
from livespark.runtime.process import Runtime
from tests.unit.runtime.stage import Stage, running, wait_until


class Optimizer:
    def __init__(self, hooks: list[Callable[..., None]]) -> None:
        self._hooks = hooks

    def step(self) -> None:
        for hook in self._hooks:
            hook(self, (), {})


@pytest.fixture
def module(monkeypatch: pytest.MonkeyPatch) -> types.ModuleType:
    """A stand-in for `torch.optim.optimizer` that is loaded already."""
    module = types.ModuleType("torch.optim.optimizer")
    module.hooks = []  # type: ignore[attr-defined]
    module.register_optimizer_step_post_hook = module.hooks.append  # type: ignore[attr-defined]
    return module


def stepping(module: Any, *, explicit: bool = False, expose: bool = False) -> Callable[[Runtime], None]:
    def script(runtime: Runtime) -> None:
        if not module.hooks:
            runtime.hook.register(module)
        if expose:
            runtime.expose(mine=1)
        first, second = Optimizer(module.hooks), Optimizer(module.hooks)
        for _ in range(1_000_000):
            first.step()
            second.step()
            if explicit:
                runtime.core.checkpoint()
            runtime.core.changed.acquire()
            runtime.core.changed.release()

    return script


def exposed(stage: Stage) -> set[str]:
    delta = stage.exposed.delta(full=True)
    return {path.split(".")[0] for path in delta.values} if delta else set()


def test_optimizer_steps_are_checkpoints_and_the_run_s_steps(module: types.ModuleType) -> None:
    """An unmodified script pauses, counts its steps, shows its optimizers, and stops."""
    with running(stepping(module)) as stage:
        paused = stage.answer(stage.pause())
        assert paused.outcome == "applied"
        assert paused.step
        assert exposed(stage) == {"optimizer", "optimizer2"}
        stage.answer(stage.resume())
    assert stage.statuses[-1] is RunState.STOPPED


def test_a_torch_without_the_hook_is_left_alone() -> None:
    """The script's import of an old torch must not fail because of us."""
    Runtime().hook.register(types.ModuleType("torch.optim.optimizer"))


def test_a_reload_exposes_the_new_optimizers(module: types.ModuleType) -> None:
    """The old ones are gone with the code that made them."""
    with running(stepping(module)) as stage:
        stage.answer(stage.pause())
        stage.answer(stage.resume())
        assert stage.answer(stage.reload()).outcome == "applied"
        stage.answer(stage.pause())
        assert exposed(stage) == {"optimizer", "optimizer2"}


def test_an_optimizer_that_cannot_be_shown_does_not_hurt_the_step(
    module: types.ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever is wrong on our side, the script's `step()` returns; a notice tells."""

    def fail(*_: object) -> str:
        raise ZeroDivisionError("a defect")

    monkeypatch.setattr(Exposed, "add", fail)
    with running(stepping(module)) as stage:
        stage.answer(stage.pause())
        assert [notice.code for notice in stage.notices] == ["sample-failed"]
        stage.answer(stage.resume())


def test_a_script_that_exposes_decides_what_is_shown(module: types.ModuleType) -> None:
    """Its optimizers are not added."""
    with running(stepping(module, expose=True)) as stage:
        stage.answer(stage.pause())
        assert exposed(stage) == {"mine"}


def test_a_script_with_checkpoints_of_its_own_gets_no_others(module: types.ModuleType) -> None:
    """Commands are served at its own checkpoints, never inside a step."""
    places: list[str] = []

    def script(runtime: Runtime) -> None:
        runtime.hook.register(module)
        optimizer = Optimizer(module.hooks)
        place = ["start"]
        runtime.expose(look=lambda: places.append(place[0]))
        runtime.core.checkpoint()
        while True:
            place[0] = "step"
            optimizer.step()
            place[0] = "checkpoint"
            runtime.core.checkpoint()

    with running(script) as stage:
        wait_until(lambda: stage.exposed.delta(full=True))
        for _ in range(20):
            stage.answer(stage.call("look"))
    assert set(places) == {"checkpoint"}


def test_steps_on_other_threads_are_left_alone(module: types.ModuleType) -> None:
    """Only the training thread handles anything."""

    def script(runtime: Runtime) -> None:
        runtime.hook.register(module)
        optimizer = Optimizer(module.hooks)
        thread = threading.Thread(target=optimizer.step)
        runtime.controller().pause()
        thread.start()
        thread.join()
        runtime.controller().resume()

    stage = Stage()
    stage.start(script)
    stage.join()
    assert stage.statuses[-1] is RunState.COMPLETED
    assert stage.runtime.journal.step is None


def test_the_hook_registers_when_the_script_imports_torch(tmp_path: Path) -> None:
    """Not before; the module's loader, and with it its source, stay what they are."""
    package = tmp_path / "torch" / "optim"
    package.mkdir(parents=True)
    (tmp_path / "torch" / "__init__.py").write_text("")
    (package / "__init__.py").write_text("from torch.optim import optimizer\n")
    (package / "optimizer.py").write_text(
        "hooks = []\nregister_optimizer_step_post_hook = hooks.append\nready = True\n"
    )
    code = """if True:
        import sys
        from livespark.runtime.process import runtime
        before = list(sys.meta_path)
        runtime.hook.install()
        assert len(sys.meta_path) == len(before) + 1
        import json
        assert "torch" not in sys.modules
        import torch.optim, inspect
        assert torch.optim.optimizer.hooks == [runtime.hook.stepped]
        assert "ready = True" in inspect.getsource(torch.optim.optimizer)
        assert type(torch.optim.optimizer.__loader__).__name__ == "SourceFileLoader"
        assert sys.meta_path == before
        runtime.hook.install()
        assert len(torch.optim.optimizer.hooks) == 2
    """
    subprocess.run([sys.executable, "-c", code], cwd=tmp_path, check=True, timeout=30)
