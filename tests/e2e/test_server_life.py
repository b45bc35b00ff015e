"""The server starts when it is needed, serves everybody, and ends when nobody needs it."""

import json
import os
import signal
import stat
import time

from tests.e2e.stage import Stage, eventually

ONE = "import livespark as spark\nspark.expose(one=lambda: 1)\nspark.serve()\n"


def test_two_terminals_share_one_server(stage: Stage) -> None:
    """`livespark dev` twice at once, in two folders: one server, two runs."""
    for name in ("a", "b"):
        stage.write(f"{name}/train.py", ONE)
    first = stage.livespark("dev", "--no-open", "train.py", cwd=stage.folder / "a")
    second = stage.livespark("dev", "--no-open", "train.py", cwd=stage.folder / "b")
    first.says("#code=")
    second.says("#code=")

    runs = stage.get("/api/runs")["runs"]
    assert {run["cwd"] for run in runs} == {str(stage.folder / "a"), str(stage.folder / "b")}
    assert stage.get("/api/server")["pid"] == stage.server["pid"]


def test_an_unused_server_ends_itself(stage: Stage) -> None:
    """Without live runs and clients the server goes, cleanly, and takes its address file along."""
    stage.write("train.py", "print('done')\n")
    assert stage.livespark("run", "train.py", LIVESPARK_IDLE_TIMEOUT="1").wait() == 0

    eventually(lambda: not (stage.home / "server.json").exists(), "the server's end")


def test_a_server_with_a_run_stays(stage: Stage) -> None:
    """A live run keeps the server alive beyond its idle time-out, even if nobody watches."""
    stage.write("train.py", ONE)
    terminal = stage.livespark("dev", "--no-open", "train.py", LIVESPARK_IDLE_TIMEOUT="1")
    terminal.says("#code=")
    run = stage.run_id()
    terminal.process.kill()
    stage.reaches(run, "idle")
    pid = stage.server["pid"]
    started = time.time()
    eventually(lambda: time.time() - started > 3, "three times the idle time-out")

    assert stage.get("/api/server")["pid"] == pid


def test_secrets_are_for_the_owner_only(stage: Stage) -> None:
    """Token, address and launch files can be read by nobody else, and the token stands in no log."""
    stage.write("train.py", ONE)
    stage.dev("train.py")
    run = stage.run_id()
    stage.reaches(run, "idle")
    for path in (stage.home / "token", stage.home / "server.json", stage.home / "runs" / run / "launch.json"):
        assert stat.S_IMODE(path.stat().st_mode) == 0o600, path
    assert stat.S_IMODE(stage.home.stat().st_mode) == 0o700
    secrets = [(stage.home / "token").read_text().strip()]
    secrets.append(json.loads((stage.home / "runs" / run / "launch.json").read_text())["token"])
    texts = [(stage.home / "server.log").read_text(), stage.terminals[0].text, stage.output(run).decode()]
    texts += [str(process) for process in (stage.worker(run).cmdline(), stage.keeper(run).cmdline())]
    assert not [secret for secret in secrets for text in texts if secret in text]


def test_the_server_ends_on_sigterm_and_runs_go_on(stage: Stage) -> None:
    """SIGTERM ends the server at once, open streams or not; the run goes on and is adopted by the next server."""
    stage.write("train.py", ONE)
    stage.dev("train.py")
    run = stage.run_id()
    stage.reaches(run, "idle")
    stage.terminals[0].process.kill()
    pid = stage.server["pid"]
    os.kill(pid, signal.SIGTERM)
    eventually(lambda: not (stage.home / "server.json").exists(), "the server's end", 10)
    assert stage.livespark("ps").wait() == 0
    assert stage.server["pid"] != pid
    eventually(lambda: stage.call(run, "one") == 1, "the adopted run's answer")
