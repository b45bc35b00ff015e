"""Saving, and the other ways to give a run new code: from the editor to the training thread."""

from pathlib import Path

import pytest

import livespark as spark
from livespark.errors import CommandRefused
from tests.e2e.editing import Editing, replace
from tests.e2e.stage import Stage, eventually

VALUE = "def value():\n    return {}\n"
SCRIPT = """
    import time

    import livespark as spark
    import linked
    import model

    RATE = 1
    state = spark.persist("state", lambda: {"runs": 0, "steps": 0})
    state["runs"] += 1


    def probe():
        return [model.value(), linked.value(), RATE, state["runs"]]


    def ask():
        spark.controller().reload()


    spark.watch("config.yaml")
    spark.expose(probe=probe, ask=ask, state=state)
    for _ in spark.loop("step", range(10**9)):
        state["steps"] += 1
        spark.log(loss=1 / state["steps"])
        time.sleep(0.002)
"""


@pytest.fixture
def project(stage: Stage, tmp_path: Path) -> Stage:
    """`linked.py` leads out of the project's folder."""
    stage.write("config.yaml", "lr: 1\n")
    stage.write("model.py", VALUE.format(10))
    (tmp_path / "library").mkdir()
    (tmp_path / "library" / "linked.py").write_text(VALUE.format(100))
    (stage.folder / "linked.py").symlink_to("../library/linked.py")
    return stage


def test_what_is_saved_is_what_runs(project: Stage, tmp_path: Path) -> None:
    """By an atomic replace, in place, behind a link, with the link itself led elsewhere; module, script, other file."""
    run = Editing.start(project, SCRIPT)
    library = tmp_path / "library"
    assert run.call("probe") == [10, 100, 1, 1]

    run.save("model.py", ("10", "11"))
    assert run.reloaded(1, kind="soft")["changed"] == ["model.value"]
    assert run.call("probe") == [11, 100, 1, 1]
    (project.folder / "model.py").write_text(VALUE.format(12))
    run.reloaded(2, kind="soft")
    assert run.call("probe") == [12, 100, 1, 1]

    replace(library / "linked.py", VALUE.format(101))
    run.reloaded(3, kind="soft")
    assert run.call("probe") == [12, 101, 1, 1]
    (library / "other.py").write_text(VALUE.format(102))
    (library / "link").symlink_to("other.py")
    (library / "link").replace(library / "linked.py")
    run.reloaded(4, kind="soft")
    assert run.call("probe") == [12, 102, 1, 1]

    run.save("train.py", ("return [model", "return [-model"))
    assert run.reloaded(5, kind="soft")["files"][0]["path"] == "train.py"
    assert run.call("probe") == [-12, 102, 1, 1]
    run.save("train.py", ("RATE = 1", "RATE = 2"))
    run.reloaded(6, kind="hard")
    assert run.call("probe") == [-12, 102, 2, 2]

    (project.folder / "config.yaml").write_text("lr: 2\n")
    assert run.reloaded(7, kind="hard")["changed"] == ["config.yaml"]
    assert run.call("probe") == [-12, 102, 2, 3]
    run.terminal.says("reloaded config.yaml (hard, ")
    assert run.terminal.text.count("livespark: reloaded ") == 7
    run.goes_on()


def test_a_burst_of_saves_is_one_reload(stage: Stage) -> None:
    """As when a branch is checked out while the machine is busy: 20 files, and two of them twice."""
    names = [f"part{number}" for number in range(20)]
    for name in names:
        stage.write(f"{name}.py", VALUE.format(1))
    imports = "".join(f"import {name}\n" for name in names)
    source = f"""
import time
import livespark as spark
{imports}
def total():
    return sum(part.value() for part in [{", ".join(names)}])
spark.expose(total=total)
while True:
    spark.checkpoint()
    time.sleep(0.002)
"""
    run = Editing.start(stage, source)
    assert run.call("total") == 20
    worker = stage.worker(run.run)
    worker.suspend()
    for name in [*names, "part3", "part4"]:
        replace(stage.folder / f"{name}.py", VALUE.format(2))
    worker.resume()

    assert len(run.reloaded(1, kind="soft")["files"]) == 20
    assert run.call("total") == 40
    assert len(run.reloads) == 1


def test_without_watching_code_comes_when_it_is_asked_for(project: Stage, tmp_path: Path) -> None:
    """By the command line, with and without files; by the client; by the script's own controller. Never by a save."""
    run = Editing.start(project, SCRIPT, "--no-watch")
    assert run.call("probe") == [10, 100, 1, 1]
    run.save("model.py", ("10", "11"))
    run.goes_on(200)
    assert run.reloads == []
    assert run.call("probe") == [10, 100, 1, 1]

    status, text = run.types("reload", run.run)
    step = run.reloaded(1, kind="soft")["step"]
    assert (status, text) == (0, f"{run.run}: reloaded (soft) at step {step:,}: model.value\n")
    assert run.call("probe") == [11, 100, 1, 1]

    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "model.py").write_text(VALUE.format(12))
    status, text = run.types("reload", run.run, "model.py", cwd=elsewhere)
    assert (status, "(soft)" in text) == (0, True), text
    assert run.call("probe") == [12, 100, 1, 1]
    assert (project.folder / "model.py").read_text() == VALUE.format(11)

    two = {"model.py": VALUE.format(13), "linked.py": VALUE.format(103)}
    assert run.proxy.request_hot_reload(two) == {"kind": "soft", "changed": ["linked.value", "model.value"]}
    assert run.call("probe") == [13, 103, 1, 1]
    assert spark.request_hot_reload({"model.py": "RATE = 5\n" + VALUE.format("RATE")})["kind"] == "hard"
    assert run.call("probe") == [5, 103, 1, 2]
    with pytest.raises(CommandRefused, match=r"model\.py:1: "):
        run.proxy.request_hot_reload({"model.py": "def value(:\n"})

    run.save("model.py", ("11", "14"))
    run.call("ask")
    assert run.reloaded(6)["files"][0]["path"] == "model.py"
    assert run.call("probe")[0] == 14
    run.call("ask")
    assert run.reloaded(7, kind="hard").get("files", []) == []
    assert run.types("reload")[0] == 0
    assert run.reloaded(8, kind="hard")


def test_a_linked_script_and_polling(stage: Stage, tmp_path: Path) -> None:
    """What `livespark dev` was given is a link to a script beside its module; files are looked at by themselves."""
    real = tmp_path / "real"
    real.mkdir()
    (real / "model.py").write_text(VALUE.format(1))
    stage.write("train.py", "")
    source = """
import time
import livespark as spark
from model import value
def probe():
    return [1, value()]
spark.expose(probe=probe)
for _ in spark.loop("step", range(10**9)):
    time.sleep(0.002)
"""
    (real / "script.py").write_text(source)
    (stage.folder / "train.py").unlink()
    (stage.folder / "train.py").symlink_to(real / "script.py")
    terminal = stage.livespark("dev", "--no-open", "train.py", LIVESPARK_WATCH="poll")
    terminal.says("#code=")
    run = Editing(stage, terminal)
    run.reaches("running")
    assert run.call("probe") == [1, 1]

    replace(real / "script.py", source.replace("[1,", "[2,"))
    run.reloaded(1, kind="soft")
    assert run.call("probe") == [2, 1]
    replace(real / "model.py", VALUE.format(2))
    run.reloaded(2, kind="soft")
    assert run.call("probe") == [2, 2]
    replace(real / "script.py", source.replace("[1,", "[3,").replace("0.002", "0.003"))
    run.reloaded(3, kind="hard")
    assert run.call("probe") == [3, 2]


def test_a_syntax_error_is_pointed_at_and_the_run_goes_on(project: Stage) -> None:
    """File, line, source and caret in the terminal; the steps go on; the next save is taken as if nothing had been."""
    run = Editing.start(project, SCRIPT)
    text = run.save("model.py", ("return 10", "return (10"))
    refused = run.reloaded(1, "refused")
    assert refused["error"]["type"] == "SyntaxError"
    said = run.terminal.says("not reloaded: model.py:2: '(' was never closed")
    lines = said.split("not reloaded: ")[1].splitlines()
    assert lines[1:3] == ["    return (10", "           ^"], text
    run.goes_on()
    assert run.call("probe") == [10, 100, 1, 1]

    (project.folder / "model.py").write_bytes(b"def value():\n    return '\xff'\n")
    assert "model.py:" in run.reloaded(2, "refused")["message"]
    (project.folder / "train.py").write_text("def broken(:\n")
    run.reloaded(3, "refused")
    replace(project.folder / "train.py", SCRIPT)
    replace(project.folder / "model.py", VALUE.format(11))
    eventually(lambda: run.call("probe") == [11, 100, 1, 1], "the mended files")
    assert run.reloads[-1]["outcome"] == "applied"
