"""A script under `livespark dev`, steered over the API: pause, set, call, hold, stop."""

import signal
from typing import Any

import pytest

from tests.e2e.stage import Stage, eventually
from tests.processes import has_ended

LOOP = """
    import time
    import livespark as spark

    state = spark.persist("state", lambda: {"step": 0, "lr": 0.1, "name": "first", "on": True})

    def double(x: int) -> int:
        '''Twice x.'''
        return 2 * x

    def broken() -> None:
        raise KeyError("no such thing")

    spark.expose(state=state, double=double, broken=broken)
    for _ in spark.loop("step", range(10**9)):
        state["step"] += 1
        spark.log(loss=1 / state["step"])
        time.sleep(0.002)
"""


def steps(stage: Stage, run: str) -> int:
    """The step as the training thread sees it, asked by a call that it answers itself."""
    return int(stage.run(run).get("step") or 0)


@pytest.fixture
def run(stage: Stage) -> str:
    """A run that loops and logs."""
    stage.write("train.py", LOOP)
    stage.dev("train.py")
    run = stage.run_id()
    stage.reaches(run, "running")
    return run


def test_pause_stands_still_and_resume_goes_on(stage: Stage, run: str) -> None:
    """A paused run takes no step, still executes calls and sets, and goes on from where it was."""
    eventually(lambda: steps(stage, run) > 5, "some steps")
    paused = stage.command(run, "pause")
    assert paused["outcome"] == "applied"
    assert stage.run(run)["state"] == "paused"

    def position() -> Any:
        answer = stage.command(run, "set", values={"state.name": "still"})
        return answer["step"]

    before = position()
    assert stage.call(run, "double", 21) == 42
    assert position() == before

    assert stage.command(run, "resume")["outcome"] == "applied"
    eventually(lambda: steps(stage, run) > before, "a step after the resume")


def test_edits_keep_their_type_and_are_answered(stage: Stage, run: str) -> None:
    """A right edit is applied at a step and shows; a wrong one is refused with a sentence and changes nothing."""
    applied = stage.command(run, "set", values={"state.lr": 0.5})
    assert applied["outcome"] == "applied"
    assert applied["step"] > 0
    eventually(lambda: stage.live(run).get("state.lr") == 0.5, "the new value on the page")

    refused: dict[str, Any] = {
        "state.lr": "much",
        "state.on": 3,
        "state.unknown": 1,
        "nothing.there": 1,
        "double": 1,
    }
    for path, value in refused.items():
        answer = stage.command(run, "set", values={path: value})
        assert answer["outcome"] == "refused", (path, answer)
        assert len(answer["message"]) > 10
    answer = stage.command(run, "set", values={"state.lr": {"$": "float", "v": "nan"}})
    assert (answer["outcome"], "finite" in answer["message"]) == ("refused", True)

    both = stage.command(run, "set", values={"state.lr": 0.7, "state.on": "no"})
    assert both["outcome"] == "refused"
    assert stage.command(run, "set", values={"state.name": "x"})["outcome"] == "applied"
    assert stage.live(run)["state.lr"] == 0.5


def test_calls_return_results_and_errors(stage: Stage, run: str) -> None:
    """Arguments are checked; results and errors come back; the run goes on."""
    assert stage.call(run, "double", x=4) == 8
    assert stage.command(run, "call", function="double", args=["four"])["outcome"] == "refused"
    assert stage.command(run, "call", function="double")["outcome"] == "refused"
    assert stage.command(run, "call", function="triple")["outcome"] == "refused"

    failed = stage.command(run, "call", function="broken")
    assert (failed["outcome"], failed["error"]["type"]) == ("failed", "KeyError")
    assert "train.py" in failed["error"]["traceback"]
    assert stage.run(run)["state"] == "running"


def test_stop_ends_the_run_and_the_terminal(stage: Stage, run: str) -> None:
    """Stop is answered, the run is `stopped`, `dev` exits with 0, and nothing is left running."""
    worker, keeper = stage.worker(run), stage.keeper(run)
    assert stage.command(run, "stop")["outcome"] == "applied"

    assert stage.terminals[0].wait() == 0
    assert stage.reaches(run, "stopped")["state"] == "stopped"
    eventually(lambda: has_ended(worker) and has_ended(keeper), "both processes' end")
    late = stage.ask("POST", f"/api/runs/{run}/commands", json={"id": "late", "command": {"kind": "pause"}})
    assert (late.status_code, late.json()["code"]) == (409, "run-ended")


def test_every_command_is_answered_once(stage: Stage, run: str) -> None:
    """Fifty commands of all kinds at once: every one has exactly one `commanded` and one `answered` event."""
    for number in range(50):
        kinds: list[dict[str, Any]] = [
            {"kind": "set", "values": {"state.lr": number / 10}},
            {"kind": "call", "function": "double", "args": [number]},
            {"kind": "pause"},
            {"kind": "resume"},
        ]
        stage.ask("POST", f"/api/runs/{run}/commands", json={"id": f"command-{number}", "command": kinds[number % 4]})

    def answered() -> list[str]:
        return sorted(item["event"]["id"] for item in stage.events(run) if item["event"]["type"] == "answered")

    expected = sorted(f"command-{number}" for number in range(50))
    eventually(lambda: len(answered()) >= 50, "50 answers")
    assert answered() == expected
    assert sorted(item["event"]["id"] for item in stage.events(run) if item["event"]["type"] == "commanded") == expected


def test_asking_twice_is_asking_once(stage: Stage, run: str) -> None:
    """The same command id gives the same record, not a second execution."""
    body = {"id": "one", "command": {"kind": "call", "function": "double", "args": [3]}}
    first, second = (stage.ask("POST", f"/api/runs/{run}/commands?wait=20", json=body).json() for _ in range(2))

    assert first == second
    assert first["answer"]["value"] == 6


def test_an_exception_is_held_and_a_fixed_file_goes_on(stage: Stage) -> None:
    """In `dev` an exception keeps the state; calls work; after the fix, reload continues with the item that failed."""
    source = """
        import livespark as spark
        done = spark.persist("done", list)
        spark.expose(done=lambda: list(done))
        for item in spark.loop("item", range(6)):
            if item == 3:
                secret = "in the frame"
                1 / 0
            done.append(item)
    """
    stage.write("train.py", source)
    terminal = stage.dev("train.py")
    run = stage.run_id()
    held = stage.reaches(run, "held")

    assert held["error"]["type"] == "ZeroDivisionError"
    frame = held["error"]["frames"][-1]
    assert (frame["file"].endswith("train.py"), frame["locals"]["secret"]) == (True, "'in the frame'")
    assert stage.call(run, "done") == [0, 1, 2]
    terminal.says("ZeroDivisionError: division by zero")

    stage.write("train.py", source.replace("1 / 0", "pass"))
    assert stage.command(run, "reload")["outcome"] == "applied"
    stage.reaches(run, "idle")
    assert stage.call(run, "done") == [0, 1, 2, 3, 4, 5]


def test_a_reload_of_broken_source_is_refused(stage: Stage, run: str) -> None:
    """A syntax error is answered with file and line, and the run never noticed."""
    stage.write("train.py", "def broken(:\n")
    answer = stage.command(run, "reload")

    assert (answer["outcome"], "train.py:1" in answer["message"]) == ("refused", True)
    assert stage.run(run)["state"] == "running"


def test_ctrl_c_stops_at_the_next_checkpoint(stage: Stage, run: str) -> None:
    """Ctrl-C once: a clean stop with exit code 0 in `dev`."""
    stage.terminals[0].send(signal.SIGINT)

    assert stage.terminals[0].wait() == 0
    assert stage.reaches(run, "stopped")["state"] == "stopped"


def test_ctrl_c_twice_kills(stage: Stage) -> None:
    """A script that reaches no checkpoint is ended by the second Ctrl-C."""
    stage.write("stuck.py", "import time\nprint('stuck', flush=True)\nwhile True: time.sleep(0.1)\n")
    terminal = stage.dev("stuck.py")
    terminal.says("stuck")
    run, worker = stage.run_id(), stage.worker(stage.run_id())
    terminal.send(signal.SIGINT)
    terminal.says("again")
    terminal.send(signal.SIGINT)

    assert terminal.wait() != 0
    eventually(lambda: has_ended(worker), "the worker's end")
    assert stage.reaches(run, "failed", "cancelled", "stopped")


def test_no_checkpoint_is_told_after_ten_seconds(stage: Stage) -> None:
    """Who pauses a script without checkpoints hears why nothing happens, where it stands, and what to do."""
    stage.write("stuck.py", "import time\nprint('stuck', flush=True)\nwhile True: time.sleep(0.1)\n")
    terminal = stage.dev("stuck.py")
    terminal.says("stuck")
    run = stage.run_id()
    stage.reaches(run, "running")
    stage.command(run, "pause", wait=0)

    said = terminal.says("checkpoint", timeout=20)
    assert "stuck.py:3" in said
    assert stage.run(run)["state"] == "pausing"
