"""The Python client against a real run: proxy, asyncio twin, series, events."""

import asyncio
import math
from typing import Any

import numpy as np
import pytest

import livespark as spark
from livespark.client import AsyncClient
from livespark.errors import Busy, CallFailed, CommandRefused, RunNotFound, WaitTimeout
from livespark.protocol.lifecycle import RunState
from livespark.protocol.stream import EventMessage
from tests.e2e.stage import Stage, eventually

SCRIPT = """
import time
import numpy as np
import livespark as spark

state = spark.persist("state", lambda: {"lr": 0.1, "steps": 0, "loss": float("nan"), "big": 2**70})
matrix = np.arange(4).reshape(2, 2)

def train(epochs: int = 1) -> dict:
    "Train some more."
    for _ in range(epochs):
        spark.checkpoint()
        time.sleep(0.01)
    return {"epochs": epochs, "weights": np.ones((1, 2), dtype="float32"), "loss": float("inf")}

def fail():
    raise ValueError("no luck")

spark.expose(state=state, matrix=matrix, train=train, fail=fail, ctrl=spark.controller(), wait=1)
for step in range(3):
    spark.log(loss=[0.5, float("nan"), 2**70][step])
while True:
    state["steps"] += 1
    spark.checkpoint()
    time.sleep(0.005)
"""


@pytest.fixture
def run(stage: Stage) -> str:
    stage.write("loop.py", SCRIPT)
    stage.dev("loop.py")
    run = stage.run_id()
    stage.reaches(run, "running")
    eventually(lambda: "state.lr" in stage.live(run), "the exposed values")
    return run


@pytest.fixture
def s(run: str) -> Any:
    """The only live run, found without its name."""
    proxy = spark.connect()
    assert proxy.id == run
    return proxy


def test_values_calls_and_control(s: Any) -> None:
    """The whole of a run in one's hands."""
    assert math.isnan(s.state.loss)
    assert s.state.big == 2**70
    assert s.matrix.tolist() == [[0, 1], [2, 3]]
    s.state.lr = 0.01
    assert s.state.lr == 0.01
    result = s.train(epochs=2)
    assert result["epochs"] == 2
    assert result["loss"] == math.inf
    assert np.asarray(result["weights"]).tolist() == [[1.0, 1.0]]
    assert s["wait"] == 1
    s.ctrl.pause()
    eventually(lambda: s.status is RunState.PAUSED, "the pause")
    assert s.train()["epochs"] == 1
    s.resume()
    eventually(lambda: s.status is RunState.RUNNING, "going on")
    s.stop()
    assert s.wait().state is RunState.STOPPED
    with pytest.raises(CommandRefused, match="has ended"):
        s.pause()


def test_what_is_refused_and_what_fails(s: Any) -> None:
    """Each is an exception with the run's words."""
    with pytest.raises(CommandRefused, match="finite"):
        s.state.lr = math.nan
    with pytest.raises(CommandRefused):
        s.state.lr = "fast"
    with pytest.raises(CommandRefused):
        s.train(epochs="many")
    with pytest.raises(CallFailed, match="ValueError: no luck") as caught:
        s.fail()
    assert caught.value.type_name == "ValueError"
    assert 'raise ValueError("no luck")' in caught.value.traceback
    with pytest.raises(WaitTimeout):
        s.wait(timeout=0.2)
    with pytest.raises(RunNotFound):
        spark.connect("no-such-run")


def test_history(s: Any) -> None:
    """Series, events and output."""
    loss = eventually(lambda: found if len((found := s.metrics("loss")).steps) == 3 else None, "three rows")
    assert loss.values[0] == 0.5
    assert math.isnan(loss.values[1])
    assert loss.values[2] == 2**70
    events = s.events()
    first = next(events)
    assert isinstance(first, EventMessage)
    assert first.seq == 1
    events.close()


def test_a_call_that_survives_the_server(stage: Stage, s: Any) -> None:
    """The server is killed while the call is executed; the result arrives all the same."""

    async def story() -> Any:
        async with AsyncClient() as client:
            proxy = client.run(s.id)
            call = asyncio.create_task(proxy.call("train", epochs=150))
            await asyncio.to_thread(eventually, lambda: _trains(stage, s.id), "the call's start")
            with pytest.raises(Busy):
                await proxy.call("train")
            await asyncio.to_thread(stage.kill_server)
            return await call

    assert asyncio.run(story())["epochs"] == 150


def _trains(stage: Stage, run: str) -> bool:
    return any(event["event"]["type"] == "started" for event in stage.events(run))
