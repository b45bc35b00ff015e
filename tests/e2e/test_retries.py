"""Runs that come back: killed, raising, ended from outside, with the server, after a restart of the machine.

The scripts need no torch, so that a life is short.
"""

import json
import random
import re
import signal
import time
from itertools import pairwise
from typing import Any

import pytest

from livespark.protocol.lifecycle import TERMINAL
from tests.e2e.stage import Stage, Terminal, eventually
from tests.e2e.test_cli_verbs import livespark

STEPS = 60
COUNTS = f"""
import random
import time
import livespark as spark

state = spark.persist("state", lambda: {{"steps": 0, "sum": 0.0}})
spark.expose(state=state, wait=lambda: time.sleep(60))
random.seed(0)
for step in spark.loop("step", range({STEPS})):
    state["steps"] += 1
    state["sum"] += random.random()
    spark.log(loss=state["sum"])
    print("step", step, flush=True)
    time.sleep(0.02)
"""
ENDLESS = COUNTS.replace(f"range({STEPS})", "range(1_000_000)")


def undisturbed() -> list[float]:
    source, total, losses = random.Random(0), 0.0, []
    for _ in range(STEPS):
        total += source.random()
        losses.append(total)
    return losses


def started(stage: Stage, script: str, *words: str) -> tuple[Terminal, str]:
    """A run that the terminal follows, at its first steps."""
    stage.write("train.py", script)
    terminal = stage.livespark("run", *words, "train.py")
    terminal.says("/r/")
    run = stage.run_id()
    stage.reaches(run, "running", *TERMINAL)
    return terminal, run


def kinds(stage: Stage, run: str, kind: str) -> list[dict[str, Any]]:
    return [each["event"] for each in stage.events(run) if each["event"]["type"] == kind]


def reaches_step(stage: Stage, run: str, step: int) -> None:
    eventually(lambda: (stage.run(run).get("step") or 0) >= step, f"step {step}")


def saves(stage: Stage, run: str, number: int) -> None:
    eventually(lambda: stage.get(f"/api/runs/{run}/snapshots")["snapshots"][-1:], "a snapshot")
    eventually(
        lambda: stage.get(f"/api/runs/{run}/snapshots")["snapshots"][-1]["number"] >= number, f"snapshot {number}"
    )


def comes_back(stage: Stage, run: str, incarnation: int) -> None:
    eventually(
        lambda: (found := stage.run(run))["state"] == "running" and found["incarnation"] == incarnation,
        f"life {incarnation}",
    )


def stays_ended(stage: Stage, run: str, state: str) -> None:
    """It has ended, and longer than any back-off here nothing follows."""
    ended = stage.reaches(run, state)
    time.sleep(1.5)
    assert stage.run(run) == ended


def has_one_story(stage: Stage, run: str) -> None:
    """Events are numbered without a gap, and nothing but what was under way follows the end, which is there once."""
    events = stage.events(run)
    assert [each["seq"] for each in events] == list(range(1, len(events) + 1))
    ends = [each for each in events if each["event"]["type"] == "status" and each["event"]["state"] in TERMINAL]
    assert len(ends) == 1
    assert all(a["event"]["type"] != "attempt" for a in events[events.index(ends[0]) :])


def test_a_run_that_is_killed_again_and_again_ends_as_if_it_had_not_been(stage: Stage, full: bool) -> None:
    """Every number that is logged is the undisturbed one; what is logged twice is a visible branch."""
    kills = 10 if full else 2
    terminal, run = started(stage, COUNTS, "--retries", str(kills), "--snapshot-every", "5")
    for life in range(1, kills + 1):
        saves(stage, run, life)
        time.sleep(random.uniform(0.0, 0.2))
        stage.worker(run).kill()
        comes_back(stage, run, life + 1)
    assert terminal.wait() == 0
    losses = undisturbed()
    series = stage.get(f"/api/runs/{run}/metrics")["series"]["loss"]
    assert [losses[step - 1] for step in series["steps"]] == series["values"]
    assert set(series["steps"]) == set(range(1, STEPS + 1))
    attempts = kinds(stage, run, "attempt")
    assert [each["incarnation"] for each in attempts] == list(range(2, kills + 2))
    assert [each["left"] for each in attempts] == list(range(kills))[::-1]
    backward = [after for before, after in pairwise(series["steps"]) if after <= before]
    resumed = [each["step"] for each in kinds(stage, run, "resumed")]
    assert len(resumed) == kills
    assert {step - 1 for step in backward} <= set(resumed)
    assert not {step + 1 for step in resumed} & {each["snapshot"]["step"] for each in kinds(stage, run, "snapshotted")}
    printed = [int(step) for step in re.findall(rb"^step (\d+)$", stage.output(run), re.MULTILINE)]
    assert set(printed) == set(range(STEPS))
    assert sum(after <= before for before, after in pairwise(printed)) <= kills
    assert re.findall(r"^step (\d+)$", terminal.text, re.MULTILINE) == [str(step) for step in printed]
    assert terminal.text.count("the process was killed (SIGKILL)") == kills
    assert "completed at step 60" in terminal.text
    assert "attempt  " in livespark(stage, "show", run).stdout
    has_one_story(stage, run)


def test_a_run_that_has_saved_nothing_yet_begins_anew_and_says_so(stage: Stage) -> None:
    """Its first steps are in its curves twice."""
    terminal, run = started(stage, ENDLESS, "--retries", "1", "--snapshot-every", "off")
    reaches_step(stage, run, 3)
    stage.worker(run).kill()
    terminal.says("there is no snapshot to go on from, so the script begins anew")
    eventually(lambda: stage.get(f"/api/runs/{run}/metrics")["series"]["loss"]["steps"].count(2) == 2, "a second start")
    terminal.send(signal.SIGINT)
    assert terminal.wait() == 3


def test_what_was_asked_when_the_process_died_is_answered(stage: Stage) -> None:
    """What had begun is unknown; what had not is done by the next process."""
    _, run = started(stage, ENDLESS, "--retries", "3", "--snapshot-every", "5")
    saves(stage, run, 1)
    begun = stage.livespark("call", run, "wait")
    eventually(lambda: kinds(stage, run, "started"), "the call has begun")
    waiting = stage.livespark("set", run, "state.steps=1000000")
    eventually(lambda: len(kinds(stage, run, "commanded")) == 2, "the edit was accepted")
    stage.worker(run).kill()
    assert begun.wait() == 1
    assert "the process ended between this command's start and its answer" in begun.text
    assert waiting.wait() == 0
    assert "state.steps = 1000000" in waiting.text
    outcomes = {each["id"]: each["answer"]["outcome"] for each in kinds(stage, run, "answered")}
    assert list(outcomes.values()) == ["unknown", "applied"]
    livespark(stage, "stop", run)


@pytest.mark.parametrize("when", ["dead", "waiting"])
def test_a_server_that_dies_with_the_run_brings_it_back_once(stage: Stage, when: str) -> None:
    """Killed while the worker is dead, or while the run waits to be started again."""
    terminal, run = started(stage, ENDLESS, "--retries", "3", "--snapshot-every", "5")
    saves(stage, run, 1)
    if when == "dead":
        stage.kill_server()
        stage.worker(run).kill()
    else:
        stage.worker(run).kill()
        stage.reaches(run, "queued")
        stage.kill_server()
    livespark(stage, "ps")
    comes_back(stage, run, 2)
    time.sleep(0.5)
    assert stage.run(run)["incarnation"] == 2
    assert len(kinds(stage, run, "attempt")) == 1
    livespark(stage, "stop", run)
    assert terminal.wait() == 3
    assert terminal.text.count("starting again") == 1
    has_one_story(stage, run)


def test_what_raises_at_the_same_step_again_is_given_up(stage: Stage) -> None:
    """With a sentence, said once; the step that raised was tried twice."""
    script = COUNTS.replace('    state["sum"] +=', "    assert step < 12, 'always'\n    state[\"sum\"] +=")
    terminal, run = started(stage, script, "--retries", "5", "--snapshot-every", "5")
    assert terminal.wait() == 1
    assert stage.run(run)["incarnation"] == 2
    said = [line for line in terminal.text.splitlines() if line.startswith("livespark: ") and "always" in line]
    assert [line.split(":")[1].split(" at step")[0].strip() for line in said] == ["AssertionError", "failed"]
    assert "The attempt before failed at the same step in the same way, so it is not started again" in said[1]
    has_one_story(stage, run)


@pytest.mark.parametrize(
    ("how", "when", "state"),
    [
        ("cancel", "running", "cancelled"),
        ("Ctrl-C", "running", "stopped"),
        ("stop", "waiting", "cancelled"),
        ("kill", "waiting", "cancelled"),
        ("Ctrl-C", "waiting", "cancelled"),
    ],
)
def test_who_ends_it_ends_it_for_good(stage: Stage, how: str, when: str, state: str) -> None:
    """Also while it waits to be started again."""
    terminal, run = started(stage, ENDLESS, "--retries", "9", "--snapshot-every", "5")
    saves(stage, run, 1)
    if when == "waiting":
        stage.worker(run).kill()
        stage.reaches(run, "queued")
    if how == "Ctrl-C":
        terminal.send(signal.SIGINT)
    elif how == "kill":
        stage.ask("POST", f"/api/runs/{run}/kill?grace=0")
    else:
        stage.command(run, "stop", cancel=how == "cancel")
    assert terminal.wait() == 3
    stays_ended(stage, run, state)
    has_one_story(stage, run)


@pytest.mark.parametrize("words", [["--restart"], ["--retries", "1"], []])
def test_a_signal_from_outside_saves_the_state(stage: Stage, words: list[str]) -> None:
    """A run that may come back does, from that state; another one is stopped."""
    terminal, run = started(stage, ENDLESS, "--snapshot-every", "off", *words)
    reaches_step(stage, run, 5)
    stage.worker(run).terminate()
    if words:
        comes_back(stage, run, 2)
        (snapshot,) = stage.get(f"/api/runs/{run}/snapshots")["snapshots"]
        assert [each["step"] for each in kinds(stage, run, "resumed")] == [snapshot["step"]]
        (attempt,) = kinds(stage, run, "attempt")
        assert attempt["left"] == 0
        livespark(stage, "stop", run)
    assert terminal.wait() == 3
    assert stage.run(run)["state"] == "stopped"
    first = stage.get(f"/api/runs/{run}/snapshots")["snapshots"][0]
    assert (first["number"], first["cause"]) == (1, "signal")
    has_one_story(stage, run)


def test_a_run_comes_back_when_the_machine_does(stage: Stage) -> None:
    """The processes are gone, and what is written down of them is of another boot."""
    terminal, run = started(stage, ENDLESS, "--restart", "--snapshot-every", "5")
    saves(stage, run, 1)
    keeper, worker = stage.keeper(run), stage.worker(run)
    stage.kill_server()
    keeper.kill()
    worker.kill()
    path = stage.home / "runs" / run / "keeper.json"
    record = json.loads(path.read_text())
    for name in ("keeper", "worker"):
        record[name]["created"] = f"an-earlier-boot:{record[name]['created'].partition(':')[2]}"
    path.write_text(json.dumps(record))
    (path.parent / "exit.json").unlink(missing_ok=True)
    livespark(stage, "ps")
    comes_back(stage, run, 2)
    (attempt,) = kinds(stage, run, "attempt")
    assert (attempt["left"], attempt["delay"]) == (0, 0.0)
    terminal.says("goes on from")
    livespark(stage, "stop", run)
    assert terminal.wait() == 3
    has_one_story(stage, run)


def test_a_damaged_snapshot_is_left_out_and_named(stage: Stage) -> None:
    """The one before it serves."""
    terminal, run = started(stage, ENDLESS, "--retries", "1", "--snapshot-every", "5", "--keep", "50")
    saves(stage, run, 3)
    stage.worker(run).suspend()
    numbers = [each["number"] for each in stage.get(f"/api/runs/{run}/snapshots")["snapshots"]]
    newest = stage.home / "runs" / run / "snapshots" / f"{max(numbers)}.json"
    body = bytearray(newest.read_bytes())
    body[len(body) // 2] ^= 1
    newest.write_bytes(body)
    stage.worker(run).kill()
    comes_back(stage, run, 2)
    (resumed,) = kinds(stage, run, "resumed")
    assert resumed["origin"]["snapshot"] < max(numbers)
    assert f"snapshot {max(numbers)}" in " ".join(resumed["notes"])
    terminal.says(resumed["notes"][0])
    livespark(stage, "stop", run)
    assert terminal.wait() == 3
