"""Calls, bindings and pauses across a reload: who waits goes on waiting, and gets what the new code gives."""

from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import pytest

from livespark.errors import CallFailed, CommandRefused
from tests.e2e.editing import Editing
from tests.e2e.stage import Stage, eventually

SCRIPT = """
    import time

    import livespark as spark

    TAG = 1
    calls = spark.persist("calls", list)


    def train(epochs: int, rate: float = 0.1) -> dict:
        calls.append(TAG)
        for epoch in spark.loop("epoch", range(epochs)):
            for batch in spark.loop("batch", range(20)):
                time.sleep(0.005)
                spark.checkpoint()
        return {"tag": TAG, "epochs": epochs}


    def begun():
        return len(calls)


    spark.expose(train=train, begun=begun, old=TAG)
    for _ in spark.loop("step", range(10**9)):
        spark.log(loss=1.0)
        time.sleep(0.002)
    """


def calling(run: Editing, pool: ThreadPoolExecutor, *args: Any) -> "Future[Any]":
    """`train(...)`, under way."""
    before = run.call("begun")
    call = pool.submit(run.proxy.call, "train", *args)
    eventually(lambda: run.call("begun") > before or call.done(), "the call's start")
    assert not call.done()
    return call


def functions(run: Editing) -> dict[str, Any]:
    """What can be called, as the live document has it."""
    found: dict[str, Any] = run.stage.get(f"/api/runs/{run.run}/live").get("functions", {})
    return found


def form(run: Editing) -> dict[str, Any]:
    """The parameters of `train` with their defaults."""
    train = functions(run).get("train", {})
    return {each["name"]: each.get("default") for each in train.get("parameters", [])}


def test_an_interrupted_call_is_called_again(stage: Stage) -> None:
    """Its caller gets the new code's result; a removed or changed function answers with a sentence; bindings follow."""
    run = Editing.start(stage, SCRIPT)
    with ThreadPoolExecutor() as pool:
        call = calling(run, pool, 3)
        run.save("train.py", ("TAG = 1", "TAG = 2"))
        assert call.result(60) == {"tag": 2, "epochs": 3}
        run.reloaded(1, kind="hard")
        eventually(lambda: stage.live(run.run).get("old") == 2, "the value that is exposed now")

        call = calling(run, pool, 1000)
        run.save("train.py", ("epochs: int, rate", "rounds: int, much: str, rate"), ("range(epochs)", "range(rounds)"))
        with pytest.raises(CommandRefused, match="missing a required argument: 'much'") as refused:
            call.result(60)
        assert "a reload interrupted the call" in str(refused.value)
        run.reloaded(2, kind="hard")

        run.save("train.py", (", much: str", ""))
        run.reloaded(3)
        call = calling(run, pool, 1000)
        run.save("train.py", ("spark.expose(train=train, ", "spark.expose("), ("old=TAG", "new=TAG"))
        with pytest.raises(CommandRefused, match="there is no function 'train'"):
            call.result(60)
        run.reloaded(4, kind="hard")
        eventually(
            lambda: (set(stage.live(run.run)), set(functions(run))) == ({"new"}, {"begun"}), "the new bindings alone"
        )

        run.save("train.py", ("spark.expose(", "spark.expose(train=train, "), ("time.sleep(0.005)", "1 / 0"))
        run.reloaded(5, kind="hard")
        with pytest.raises(CallFailed, match="ZeroDivisionError"):
            run.proxy.call("train", 1)
    run.goes_on()


def test_the_form_of_a_function_follows_its_signature(stage: Stage) -> None:
    """Softly: parameters, defaults and docstring in the live document, and what is accepted."""
    run = Editing.start(stage, SCRIPT)
    eventually(lambda: form(run) == {"epochs": None, "rate": 0.1}, "the form")
    run.save(
        "train.py", ("rate: float = 0.1) -> dict:", "rate: float = 0.5, *, name: str = 'x') -> dict:\n    'Trains.'")
    )
    run.reloaded(1, kind="soft")
    eventually(lambda: form(run) == {"epochs": None, "rate": 0.5, "name": "x"}, "the form of the new signature")
    assert functions(run)["train"]["doc"] == "Trains."
    assert run.proxy.call("train", 1, name="y")["epochs"] == 1
    with pytest.raises(CommandRefused, match="name"):
        run.proxy.call("train", 1, name=3)


def test_a_pause_stays_a_pause(stage: Stage) -> None:
    """Across a soft edit, a hard one, and a refused one; the run stands at the same step, and resumes with all."""
    source = SCRIPT.replace('for _ in spark.loop("step", range(10**9)):', "while True:\n        spark.checkpoint()")
    run = Editing.start(stage, source)
    stage.command(run.run, "pause")
    run.reaches("paused")
    step = run.step
    run.save("train.py", ("return len(calls)", "return -TAG"))
    run.reloaded(1, kind="soft")
    assert (run.reaches("paused")["step"], run.call("begun")) == (step, -1)
    run.save("train.py", ("TAG = 1", "TAG = 2"))
    run.reloaded(2, kind="hard")
    eventually(lambda: run.call("begun") == -2, "the new code")
    assert (run.reaches("paused")["state"], run.step) == ("paused", step)
    run.save("train.py", ("TAG = 2", "TAG = = 2"))
    run.reloaded(3, "refused")
    assert run.reaches("paused")["step"] == step
    stage.command(run.run, "resume")
    run.goes_on()


def test_a_pause_within_an_item_waits_with_a_hard_reload(stage: Stage) -> None:
    """Said in the terminal; after the resume the reload comes at the item's end."""
    body = """
        if not calls:
            calls.append(TAG)
            spark.controller().pause()
            spark.checkpoint()
        time.sleep(0.002)
    """
    run = Editing.start(stage, SCRIPT.replace("\n        time.sleep(0.002)\n    ", body), until="paused")
    run.save("train.py", ("TAG = 1", "TAG = 2"))
    run.terminal.says("the reload waits: the run is paused in the middle of a spark.loop item")
    assert run.reloads == []
    stage.command(run.run, "resume")
    run.reloaded(1, kind="hard")
    run.goes_on()
