"""A run that raised is held with its state, and goes on from there when its code is mended."""

import pytest

from tests.e2e.editing import Editing, replace
from tests.e2e.stage import Stage, eventually

LOOP = """
    import time
    import weakref

    import livespark as spark
    import work

    done = spark.persist("done", list)
    alive = spark.persist("alive", list)


    def state():
        return {"done": list(done), "alive": [name for name, it in alive if it() is not None]}


    spark.expose(state=state)
    for epoch in spark.loop("epoch", range(2)):
        for item in spark.loop("item", iter("abcd")):
            work.do(epoch, item, done, alive)
    spark.serve()
"""
WORK = """
    import weakref


    class Activation:
        pass


    def do(epoch, item, done, alive):
        activation = Activation()
        alive.append((item, weakref.ref(activation)))
        if (epoch, item) == (1, "c"):
            BREAK
        done.append(f"{epoch}{item}")
"""
BEFORE = ["0a", "0b", "0c", "0d", "1a", "1b"]
MENDED = ("BREAK", "pass")
"""What is wrong with `work.py`."""


def held(stage: Stage, statement: str, reason: str) -> Editing:
    """A run that `statement` in the middle of its second epoch holds."""
    stage.write("work.py", WORK.replace("BREAK", statement))
    run = Editing.start(stage, LOOP, until="held")
    assert reason in run.reaches("held")["reason"]
    assert run.call("state")["done"] == BEFORE
    return run


@pytest.mark.parametrize(
    ("statement", "reason"),
    [
        ("1 / 0", "ZeroDivisionError: division by zero"),
        ("raise SystemExit(3)", "the script ended with exit status 3"),
        ("raise __import__('torch').OutOfMemoryError('CUDA out of memory')", "OutOfMemoryError: CUDA out of memory"),
    ],
    ids=["raises", "exits", "runs out of memory"],
)
def test_a_fixed_file_goes_on_with_the_interrupted_item(stage: Stage, statement: str, reason: str) -> None:
    """The traceback and the locals can be seen; what the failing frames held is free; no item is lost or repeated."""
    run = held(stage, statement, reason)
    frame = run.reaches("held")["error"]["frames"][-1]
    assert (frame["source"], frame["locals"]["item"]) == (statement, "'c'")
    assert "Activation" in frame["locals"]["activation"]
    assert run.call("state")["alive"] == []
    run.terminal.says("held: the script has raised")

    run.save("work.py", (statement, "pass"))
    run.reloaded(1, kind="hard")
    run.reaches("idle")
    assert run.call("state")["done"] == [*BEFORE, "1c", "1d"]


def test_the_interrupted_item_can_be_left_out(stage: Stage) -> None:
    """By the command line, with the code as it is; and a fix that does not fix holds again."""
    run = held(stage, "1 / 0", "ZeroDivisionError")
    run.save("work.py", ("1 / 0", "[][0]"))
    eventually(lambda: "IndexError" in run.reaches("held").get("reason", ""), "the second error")
    assert run.reloaded(1)["error"]["type"] == "IndexError"
    assert run.call("state")["done"] == BEFORE

    status, text = run.types("reload", run.run, "--skip")
    assert status == 0, text
    run.reaches("idle")
    assert run.call("state")["done"] == [*BEFORE, "1d"]


def test_a_script_that_never_started_starts_when_it_is_mended(stage: Stage) -> None:
    """A typo at its top level, then one at the top level of a module, then one in a module of that; then it runs."""
    stage.write("inner.py", "VALUE = undefined\n")
    stage.write("outer.py", "import inner\nVALEU\n")
    source = """
        import livespark as spark
        undefined_too
        import outer
        spark.expose(value=outer.inner.VALUE)
        spark.serve()
    """
    run = Editing.start(stage, source, until="held")
    assert "undefined_too" in run.reaches("held")["reason"]
    run.save("train.py", ("undefined_too", ""))
    eventually(lambda: "'undefined'" in run.reaches("held")["reason"], "the error in inner.py")
    replace(stage.folder / "inner.py", "VALUE = 7\n")
    eventually(lambda: "VALEU" in run.reaches("held")["reason"], "the error in outer.py")
    replace(stage.folder / "outer.py", "import inner\n")
    run.reaches("idle")
    eventually(lambda: stage.live(run.run).get("value") == 7, "the exposed value")


def test_a_module_with_a_syntax_error_at_the_start(stage: Stage) -> None:
    """The script's import of it raises; saving the module goes on."""
    stage.write("model.py", "def value(:\n")
    run = Editing.start(
        stage, "import livespark as spark\nimport model\nspark.expose(value=model.value)\nspark.serve()\n", until="held"
    )
    assert run.reaches("held")["error"]["type"] == "SyntaxError"
    replace(stage.folder / "model.py", "def value():\n    return 3\n")
    run.reaches("idle")
    assert run.call("value") == 3
