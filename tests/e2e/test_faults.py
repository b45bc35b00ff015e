"""Any process may die alone: what was promised still holds, counted against the script's own record."""

import math
import signal
from pathlib import Path
from typing import Any

import pytest

from livespark.protocol.codec import from_number
from tests.e2e.stage import Stage, eventually
from tests.processes import has_ended

COUNTING = """
    import sys, time
    import livespark as spark

    record = open("record.txt", "a", buffering=1)
    spark.expose(lines=lambda: 1)
    for step in spark.loop("step", range(int(sys.argv[1]))):
        record.write(f"{step}\\n")
        print(f"line {step}")
        print(f"error {step}", file=sys.stderr)
        spark.log(value=step, step=step)
        time.sleep(0.002)
    print("the end")
"""


def recorded(stage: Stage) -> list[int]:
    """What the script itself wrote down."""
    path = stage.folder / "record.txt"
    return [int(line) for line in path.read_text().split()] if path.exists() else []


def logged(events: list[dict[str, Any]], name: str = "value") -> list[Any]:
    """The logged values in the order of the events."""
    return [
        from_number(value)
        for item in events
        if item["event"]["type"] == "metrics"
        for value in item["event"]["series"].get(name, [])
    ]


def started(stage: Stage, count: int, verb: str = "run") -> str:
    stage.write("train.py", COUNTING)
    stage.livespark(verb, *(["--no-open"] if verb == "dev" else []), "train.py", "--", str(count))
    run = eventually(lambda: (stage.home / "server.json").exists() and stage.run_id(), "a run")
    eventually(lambda: len(recorded(stage)) > 50, "the first steps")
    return str(run)


def expect_steps(stage: Stage, count: int) -> None:
    eventually(lambda: len(recorded(stage)) > count, f"{count} steps")


def expect_complete(stage: Stage, run: str, count: int) -> None:
    """Every step was logged once and in order, every line is in the log, events are dense."""
    ended = stage.reaches(run, "completed")
    assert ended["state"] == "completed"
    events = stage.events(run)
    assert [item["seq"] for item in events] == list(range(1, len(events) + 1))
    assert recorded(stage) == list(range(count))
    assert logged(events) == list(range(count))
    lines = stage.output(run).decode().splitlines()
    assert [line for line in lines if line.startswith("line")] == [f"line {step}" for step in range(count)]
    assert [line for line in lines if line.startswith("error")] == [f"error {step}" for step in range(count)]
    assert "the end" in lines


def test_the_server_dies_and_a_new_one_adopts_the_run(stage: Stage) -> None:
    """kill -9 of the server twice in mid-run: training goes on, the next server adopts it, nothing is lost."""
    run = started(stage, 1500)
    for _ in range(2):
        before = len(recorded(stage))
        stage.kill_server()
        expect_steps(stage, before + 50)
        assert stage.livespark("ps").wait() == 0

    expect_complete(stage, run, 1500)
    assert stage.terminals[0].wait() == 0
    assert "the end" in stage.terminals[0].text
    text = stage.terminals[0].out.read_text().splitlines()
    assert [line for line in text if line.startswith("line")] == [f"line {step}" for step in range(1500)]


def test_the_server_dies_and_comes_back_after_the_runs_end(stage: Stage) -> None:
    """What the worker could not deliver lies in its spool; a later server commits it and learns of the end."""
    run = started(stage, 400)
    terminal = stage.terminals[0]
    terminal.process.kill()
    worker = stage.worker(run)
    stage.kill_server()
    eventually(lambda: has_ended(worker), "the worker's end", 60)
    assert stage.livespark("ps").wait() == 0

    expect_complete(stage, run, 400)


def test_the_keeper_dies_and_no_line_is_lost(stage: Stage) -> None:
    """kill -9 of the keeper: the worker goes on, writes the log itself, and its end is known."""
    run = started(stage, 1000)
    stage.keeper(run).kill()

    expect_complete(stage, run, 1000)
    assert stage.terminals[0].wait() == 0


def test_the_terminal_dies_and_nobody_notices(stage: Stage) -> None:
    """kill -9 of the terminal: the run completes as if nothing had happened."""
    run = started(stage, 600)
    stage.terminals[0].process.kill()

    expect_complete(stage, run, 600)


def test_the_terminals_window_is_closed(stage: Stage) -> None:
    """SIGHUP ends the terminal, not the run."""
    run = started(stage, 600)
    stage.terminals[0].send(signal.SIGHUP)
    stage.terminals[0].wait()

    expect_complete(stage, run, 600)


def test_the_worker_dies_and_the_run_fails_with_a_cause(stage: Stage) -> None:
    """kill -9 of the worker: what it logged is kept, the cause is a sentence, the terminal exits with 1."""
    run = started(stage, 10**6)
    eventually(lambda: logged(stage.events(run)), "what the first steps have logged")
    stage.worker(run).kill()
    failed = stage.reaches(run, "failed")

    assert "SIGKILL" in failed["reason"]
    values = logged(stage.events(run))
    assert values == list(range(len(values)))
    assert len(values) > 0
    assert stage.terminals[0].wait() == 1


def test_a_call_in_a_worker_that_dies_is_unknown(stage: Stage) -> None:
    """A command that was started is answered `unknown`, one that was not is `refused`; neither is left hanging."""
    stage.write(
        "train.py",
        """
        import os, signal, time
        import livespark as spark

        def die() -> None:
            open("started", "w").close()
            time.sleep(3600)

        spark.expose(die=die, other=lambda: 1)
        for _ in spark.loop("step", range(10**9)):
            time.sleep(0.01)
        """,
    )
    stage.dev("train.py")
    run = stage.run_id()
    stage.reaches(run, "running")
    for name in ("die", "other"):
        command = {"kind": "call", "function": name}
        stage.ask("POST", f"/api/runs/{run}/commands", json={"id": f"c-{name}", "command": command})
    eventually(lambda: (stage.folder / "started").exists(), "the call's start")
    stage.worker(run).kill()
    stage.reaches(run, "failed")

    outcomes = {
        name: stage.get(f"/api/runs/{run}/commands/c-{name}?wait=10")["answer"]["outcome"] for name in ("die", "other")
    }
    assert outcomes == {"die": "unknown", "other": "refused"}


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_to_the_worker_is_a_clean_stop(stage: Stage, number: signal.Signals) -> None:
    """SIGTERM (preemption) and SIGINT stop at the next checkpoint."""
    run = started(stage, 10**6)
    stage.worker(run).send_signal(number)

    assert stage.reaches(run, "stopped")["state"] == "stopped"
    assert stage.terminals[0].wait() == 3
    values = logged(stage.events(run))
    assert values == recorded(stage)


def test_odd_values_and_bytes_survive(stage: Stage, tmp_path: Path) -> None:
    """NaN, infinities, 2**63 and bytes that are no text arrive as they were."""
    stage.write(
        "odd.py",
        r"""
        import sys
        import livespark as spark
        odd = {"nan": float("nan"), "inf": float("inf"), "minus": -float("inf"), "big": 2**63}
        spark.expose(odd=odd, echo=lambda: odd)
        for name, value in odd.items():
            spark.log({name: value})
        sys.stdout.buffer.write(b"\xff\xfe bytes \xc3\x28\n")
        print("end of the bytes")
        """,
    )
    terminal = stage.dev("odd.py")
    terminal.says("end of the bytes")
    run = stage.run_id()
    stage.reaches(run, "idle")
    eventually(lambda: len(logged(stage.events(run), "big")) == 1, "all metrics")

    events = stage.events(run)
    assert math.isnan(logged(events, "nan")[0])
    assert (logged(events, "inf"), logged(events, "minus"), logged(events, "big")) == ([math.inf], [-math.inf], [2**63])
    live = eventually(lambda: (found := stage.live(run)).get("odd.big") and found, "the values")
    assert (live["odd.nan"], live["odd.big"]) == ({"$": "float", "v": "nan"}, {"$": "int", "v": str(2**63)})
    assert stage.call(run, "echo")["inf"] == {"$": "float", "v": "inf"}
    assert b"\xff\xfe bytes \xc3\x28\n" in stage.output(run)
    assert b"\xff\xfe bytes \xc3\x28\n" in terminal.out.read_bytes()
