"""Saved state in the terminal: taken, compared, gone back to, resumed, forked; a real server, real runs."""

import signal

import pytest
from safetensors.torch import load_file

from tests.e2e.stage import Stage, Terminal, eventually
from tests.e2e.test_cli_verbs import livespark, refuses, says

TRAIN = """
import time
import torch
import livespark as spark

config = spark.config(lr=0.1)
net = spark.persist("net", lambda: torch.nn.Linear(2, 2, bias=False))
state = spark.persist("state", lambda: {"lr": config.lr, "steps": 0})
spark.expose(state=state)
for _ in spark.loop("batch", range(1_000_000)):
    state["steps"] += 1
    spark.log(loss=1 / state["steps"])
    time.sleep(0.005)
"""


@pytest.fixture
def terminal(stage: Stage) -> Terminal:
    """A terminal that follows a run, which has made a few steps."""
    stage.write("train.py", TRAIN)
    terminal = stage.livespark("run", "train.py", "--snapshot-every", "off")
    terminal.says("/r/")
    stage.reaches(stage.run_id(), "running")
    eventually(lambda: stage.live(stage.run_id()).get("state.steps"), "a few steps")
    return terminal


def test_taken_compared_and_gone_back_to(stage: Stage, terminal: Terminal) -> None:
    """What one terminal does, the other says; a file of it is an ordinary one."""
    run = stage.run_id()
    assert says(stage, "snapshot", "--label", "good").startswith(f"{run}@1 (good) at step ")
    terminal.says("snapshot 1 (good) at step ")
    says(stage, "set", "state.lr=0.5")
    says(stage, "snapshot", run)
    lines = says(stage, "snapshot", "diff", "@good", "@2").splitlines()
    assert "  state.lr     0.1 -> 0.5" in lines
    assert not any(line.startswith("arrays") for line in lines)
    assert [line.split()[0] for line in says(stage, "snapshot", "ls").splitlines()] == ["#", "1", "2"]
    assert says(stage, "rewind", "--to", "good", "--set", "state.steps=7").startswith("rewound from step ")
    terminal.says("(snapshot 1, in memory, ")
    eventually(lambda: stage.live(run)["state.lr"] == 0.1, "the rate of then")
    assert "there is no snapshot 9" in refuses(stage, "rewind", "--to", "9")
    says(stage, "snapshot", "export", "@good", "out")
    assert load_file(stage.folder / "out" / "net.safetensors")["weight"].shape == (2, 2)
    assert says(stage, "snapshot", "verify").count(": good\n") == 2
    assert says(stage, "snapshot", "rm", "@2") == f"{run}@2: removed\n"
    assert "has no snapshot 2; it has 1 (good)" in refuses(stage, "snapshot", "show", "@2", code=2)


def test_stopped_resumed_and_forked(stage: Stage, terminal: Terminal) -> None:
    """Ctrl-C says where the state is; that line, typed, goes on from there, and a fork with other numbers beside it."""
    run = stage.run_id()
    assert f"{run} is still running" in refuses(stage, "run", "--resume", run, code=2)
    terminal.send(signal.SIGINT)
    said = terminal.says(f"; state saved as {run}@1: livespark run --resume {run}")
    assert terminal.wait() == 3
    step = stage.run(run)["step"]
    assert f"stopped at step {step:,}; state saved" in said
    assert (stage.folder / "train.py").rename(stage.folder / "moved.py")
    assert "there is no script train.py" in refuses(stage, "run", "--resume", run, code=2)
    resumed = stage.livespark("run", "moved.py", "--resume", run)
    resumed.says(f"goes on from {run}@1 at step {step:,}")
    child = stage.run_id()
    eventually(lambda: stage.live(child).get("state.steps", 0) > step, "steps beyond those before")
    fork = stage.livespark("fork", f"{run}@1", "moved.py", "--no-open", "--set", "lr=0.01", "--", "x")
    fork.says(f"branches off from {run}@1 at step {step:,}")
    other = stage.run_id()
    eventually(lambda: stage.live(other).get("state.lr") == 0.01, "the rate that was asked for")
    tree = says(stage, "ps", "--all").splitlines()
    assert [line.split()[0] for line in tree[1:]] == [run, "├", "└"]
    assert f"  fork of {run}@1 at step {step:,}\n" in says(stage, "show", other)
    assert f"  {other}, fork of {run}@1\n" in says(stage, "show", run)
    for following in (resumed, fork):
        following.send(signal.SIGINT)
        following.says("; state saved as ")


def test_a_run_that_dies_comes_back(stage: Stage) -> None:
    """The terminal says why, and how often it may still happen."""
    stage.write("train.py", TRAIN)
    terminal = stage.livespark("run", "train.py", "--retries", "2", "--snapshot-every", "1s")
    run = eventually(lambda: stage.run_id() if "/r/" in terminal.text else "", "a run")
    terminal.says("snapshot 1 at step ")
    stage.worker(run).kill()
    terminal.says("starting again in 1 s, 1 attempt left")
    terminal.says(f"goes on from {run}@")
    eventually(lambda: stage.run(run)["state"] == "running" and stage.run(run)["incarnation"] == 2, "its second life")
    livespark(stage, "stop", run)
    assert terminal.wait() == 3
