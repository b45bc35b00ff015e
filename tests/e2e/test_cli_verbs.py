"""The verbs of the command line against a real server and a real run."""

import json
import subprocess
import sys
from typing import Any

import pytest

from tests.e2e.stage import Stage, eventually

LOOP = """
import sys, time
import livespark as spark

state = spark.persist("state", lambda: {"lr": 0.1, "steps": 0, "name": "adam"})

def train(epochs: int = 1) -> int:
    "Train some more."
    return epochs * 10

def fail():
    raise ValueError("no luck")

spark.expose(state=state, train=train, fail=fail)
print("hello")
print("trouble", file=sys.stderr)
while True:
    state["steps"] += 1
    spark.log(loss=1 / state["steps"])
    spark.checkpoint()
    time.sleep(0.005)
"""


@pytest.fixture
def run(stage: Stage) -> str:
    """A run that loops until it is stopped."""
    stage.write("loop.py", LOOP)
    stage.dev("loop.py")
    run = stage.run_id()
    stage.reaches(run, "running")
    eventually(lambda: "state.lr" in stage.live(run), "the exposed values")
    return run


def livespark(stage: Stage, *words: str, code: int = 0) -> "subprocess.CompletedProcess[str]":
    """Execute a command to its end; its exit code must be `code`."""
    command = [sys.executable, "-m", "livespark.cli.main", *words]
    result = subprocess.run(command, cwd=stage.folder, capture_output=True, text=True, timeout=60)
    assert result.returncode == code, result.stdout + result.stderr
    return result


def says(stage: Stage, *words: str) -> str:
    return livespark(stage, *words).stdout


def gives(stage: Stage, *words: str) -> Any:
    return json.loads(says(stage, *words, "--json"))


def refuses(stage: Stage, *words: str, code: int = 1) -> str:
    """The one line on stderr."""
    result = livespark(stage, *words, code=code)
    assert result.stderr.startswith("livespark: ")
    assert result.stderr.count("\n") == 1
    return result.stderr


def test_listing_and_showing(stage: Stage, run: str) -> None:
    """ps and show, for people and as JSON; the beginning of an id is enough."""
    head, line = says(stage, "ps").splitlines()
    assert head.split() == ["RUN", "STATE", "STEP", "AGE", "WHAT"]
    assert line.startswith(f"{run}  running")
    assert line.endswith("loop.py")
    assert [item["id"] for item in gives(stage, "ps")] == [run]
    sheet = says(stage, "show", run[:4])
    assert "state.lr" in sheet
    assert "train()" in sheet
    shown = gives(stage, "show")
    assert shown["run"]["id"] == run
    assert shown["live"]["values"]["state.name"] == "adam"


def test_pausing_and_resuming(stage: Stage, run: str) -> None:
    """Each says at which step it was applied; the only live run is meant."""
    assert says(stage, "pause").startswith(f"{run}: paused at step ")
    stage.reaches(run, "paused")
    assert gives(stage, "pause")["outcome"] == "applied"
    assert says(stage, "resume", run).startswith(f"{run}: resumed")
    stage.reaches(run, "running")


def test_setting(stage: Stage, run: str) -> None:
    """All or none; the answer says what the values are now; refusals are the run's own words."""
    assert "state.lr = 0.01\n" in says(stage, "set", "state.lr=0.01", "state.name=sgd")
    eventually(lambda: stage.live(run)["state.lr"] == 0.01, "the new rate")
    assert stage.live(run)["state.name"] == "sgd"
    assert gives(stage, "set", run, "state.lr=0.02")["outcome"] == "applied"
    assert "finite" in refuses(stage, "set", "state.lr=nan")
    assert "state.nope" in refuses(stage, "set", "state.nope=1")
    refuses(stage, "set", "state.lr=fast", "state.name=x")
    assert stage.live(run)["state.name"] == "sgd"


def test_calling(stage: Stage, run: str) -> None:
    """The result is printed; errors come with their traceback; wrong arguments are refused."""
    assert says(stage, "call", "train", "3") == "30\n"
    assert says(stage, "call", run, "train", "epochs=2") == "20\n"
    assert gives(stage, "call", "train")["value"] == 10
    failed = livespark(stage, "call", "fail", code=1)
    assert "Traceback" in failed.stderr
    assert failed.stderr.splitlines()[-1] == "livespark: ValueError: no luck"
    refuses(stage, "call", "train", "epochs=many")
    refuses(stage, "call", "nope")


def test_logs(stage: Stage, run: str) -> None:
    """What was written, as it was written; -f until the end."""
    written = stage.output(run).decode()
    assert sorted(written) == sorted("hello\ntrouble\n")
    assert says(stage, "logs") == written
    following = stage.livespark("logs", "-f")
    following.says(written)
    says(stage, "stop")
    assert following.wait() == 0
    assert following.text == written
    pieces = [json.loads(line) for line in says(stage, "logs", "--json").splitlines()]
    assert "".join(piece["text"] for piece in pieces if piece["stream"] == "stdout") == "hello\n"
    assert "".join(piece["text"] for piece in pieces if piece["stream"] == "stderr") == "trouble\n"


def test_stopping_waiting_and_what_comes_after(stage: Stage, run: str) -> None:
    """wait exits as the run does; an ended run refuses, in words."""
    waiting = stage.livespark("wait", "--json")
    assert "paused" not in says(stage, "stop")
    assert waiting.wait() == 0
    assert json.loads(waiting.text)["state"] == "stopped"
    assert "has ended (stopped)" in refuses(stage, "pause", run)
    assert "no live runs" in livespark(stage, "ps").stderr
    assert run in says(stage, "ps", "--all")
    assert gives(stage, "ps") == []


def test_cancelling(stage: Stage, run: str) -> None:
    """An end of its own, exit code 3."""
    waiting = stage.livespark("wait")
    says(stage, "cancel")
    assert waiting.wait() == 3
    assert stage.run(run)["state"] == "cancelled"


def test_cancelling_what_reaches_no_checkpoint(stage: Stage) -> None:
    """After the grace period its processes are ended."""
    stage.write("stuck.py", "import time\nprint('in it', flush=True)\nwhile True: time.sleep(0.05)\n")
    terminal = stage.dev("stuck.py")
    terminal.says("in it")
    assert "killed" in says(stage, "cancel", "--grace", "0.3")
    assert terminal.wait() != 0


def test_waiting_has_a_time_out(stage: Stage, run: str) -> None:
    """The run goes on."""
    assert "it goes on" in refuses(stage, "wait", "--timeout", "0.2")
    assert stage.run(run)["state"] == "running"


def test_opening(stage: Stage, run: str) -> None:
    """An address with a fresh code, good for one sign-in."""
    url = says(stage, "open", "--no-open").strip()
    page, _, code = url.partition("#code=")
    assert page == f"{stage.server['url']}/r/{run}"
    assert stage.ask("POST", "/api/session", json={"code": code}).json()["token"]
    assert stage.ask("POST", "/api/session", json={"code": code}).status_code == 401
    assert gives(stage, "open")["url"].startswith(page)


def test_a_run_that_is_not_there(stage: Stage, run: str) -> None:
    """One line that says how to find the others."""
    assert "there is no run 'nope'. `livespark ps --all` lists all" in refuses(stage, "show", "nope")
    assert "there is no run 'No/pe'" in refuses(stage, "pause", "No/pe")


def test_several_live_runs_are_not_guessed_between(stage: Stage, run: str) -> None:
    """Their names are listed; saying which works."""
    stage.dev("loop.py")
    assert "several runs are live" in refuses(stage, "pause", code=2)
    assert says(stage, "pause", run).startswith(run)


def test_a_given_server_and_a_wrong_token(stage: Stage, run: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """--server finds the local token by itself; a wrong one is refused in words."""
    assert run in says(stage, "ps", "--server", stage.server["url"])
    monkeypatch.setenv("LIVESPARK_TOKEN", "wrong")
    assert "token" in refuses(stage, "ps", "--server", stage.server["url"])


def test_the_servers_own_verbs(stage: Stage, run: str) -> None:
    """status tells, stop leaves the run alone, the next command starts a new one that knows it."""
    assert gives(stage, "server", "status")["runs"] == 1
    assert "1 live" in says(stage, "server", "status")
    before = stage.server["pid"]
    assert says(stage, "server", "stop") == "stopped; runs go on\n"
    assert run in says(stage, "ps")
    assert stage.server["pid"] != before


def test_stopping_a_server_that_nobody_reaps(stage: Stage) -> None:
    """A server that has ended counts as stopped, although its parent has not taken note of it yet."""
    served = stage.livespark("serve", "--port", "0")
    served.says("http://127.0.0.1:")
    assert stage.livespark("server", "stop").wait(timeout=10) == 0
    assert served.wait() == 0


def test_serving_in_the_foreground(stage: Stage) -> None:
    """It says where; a second one says why not; a port in use is one line."""
    first = stage.livespark("serve", "--port", "0")
    first.says("http://127.0.0.1:")
    assert "livespark: " in refuses(stage, "serve", code=2)
    port = stage.server["url"].rpartition(":")[2]
    other = stage.livespark("serve", "--port", port, LIVESPARK_HOME=str(stage.folder / "other"))
    assert other.wait() == 2
    assert f"port {port} is in use" in other.text
