"""A full data directory: said aloud, nothing hangs in silence, and nothing is lost once there is room."""

from tests.e2e.stage import Stage

FILL = """
    import livespark as spark
    for step in spark.loop("step", range(30_000)):
        spark.log(a=step, b=step / 3, c=step / 7)
    print("the script's end")
"""


def test_a_database_at_its_limit_is_told_and_recovers(stage: Stage) -> None:
    """The terminal says why nothing is committed; with more room after a restart, the run's end comes through."""
    stage.write("fill.py", FILL)
    assert stage.livespark("ps", LIVESPARK_DATABASE_LIMIT="200000").wait() == 0
    terminal = stage.livespark("run", "fill.py")
    terminal.says("the script's end")
    terminal.says("Free some space")
    run = stage.run_id()
    assert stage.livespark("server", "stop").wait() == 0

    assert stage.livespark("ps").wait() == 0
    assert stage.reaches(run, "completed")["step"] == 30_000
    assert terminal.wait() == 0
