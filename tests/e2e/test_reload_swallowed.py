"""Scripts that get in the way of the signals that unwind them, and scripts with calls that may happen only once."""

import textwrap

import pytest

from tests.e2e.editing import Editing, replace
from tests.e2e.stage import Stage, eventually

HEAD = """
import asyncio
import contextlib
import time
from concurrent.futures import ThreadPoolExecutor

import livespark as spark

TAG = {}
runs = spark.persist("runs", list)
runs.append(TAG)
spark.expose(tag=lambda: [TAG, len(runs)])


def step():
    spark.log(loss=1.0)
    time.sleep(0.002)

"""
BODIES = {
    "a bare except in the loop": """
        while True:
            try:
                step()
                spark.checkpoint()
            except:
                pass
    """,
    "a bare except around a loop that starts again": """
        while True:
            try:
                for item in spark.loop("item", range(50)):
                    step()
            except:
                time.sleep(0.01)
    """,
    "a finally with a checkpoint": """
        while True:
            try:
                step()
                spark.checkpoint()
            finally:
                spark.checkpoint()
    """,
    "a finally with a loop": """
        try:
            for item in spark.loop("item", range(10**9)):
                step()
        finally:
            for item in spark.loop("tidy up", range(10**9)):
                step()
    """,
    "one bare except in another": """
        def train():
            while True:
                try:
                    step()
                    spark.checkpoint()
                except:
                    pass
        while True:
            try:
                train()
            except:
                pass
    """,
    "a finally that returns": """
        def train():
            while True:
                try:
                    step()
                    spark.checkpoint()
                finally:
                    return
        while True:
            train()
    """,
    "a finally that raises": """
        try:
            while True:
                step()
                spark.checkpoint()
        finally:
            raise ValueError("while tidying up")
    """,
    "suppress(BaseException)": """
        while True:
            with contextlib.suppress(BaseException):
                step()
                spark.checkpoint()
    """,
    "a generator that is closed by its exception": """
        def batches():
            while True:
                try:
                    yield 1
                    spark.checkpoint()
                except BaseException:
                    return
        while True:
            for batch in batches():
                step()
    """,
    "a TaskGroup": """
        async def train():
            while True:
                step()
                await spark.acheckpoint()

        async def beside():
            while True:
                await asyncio.sleep(0.01)

        async def main():
            async with asyncio.TaskGroup() as group:
                group.create_task(beside())
                group.create_task(train())
        asyncio.run(main())
    """,
    "a TaskGroup whose group is swallowed": """
        async def train():
            while True:
                step()
                await spark.acheckpoint()

        async def main():
            while True:
                try:
                    async with asyncio.TaskGroup() as group:
                        group.create_task(train())
                except* BaseException:
                    pass
        asyncio.run(main())
    """,
    "a thread pool around the loop": """
        def work(item):
            time.sleep(0.001)
            return item
        with ThreadPoolExecutor(2) as pool:
            while True:
                list(pool.map(work, range(4)))
                step()
                spark.checkpoint()
    """,
}


def test_reload_and_stop_come_through(stage: Stage) -> None:
    """Each script is left for the next one by a save, and the last one by a stop."""
    texts = [HEAD.format(tag) + textwrap.dedent(body) for tag, body in enumerate(BODIES.values(), 1)]
    run = Editing.start(stage, texts[0])
    assert run.call("tag") == [1, 1]
    for number, text in enumerate(texts[1:], 2):
        replace(stage.folder / "train.py", text)
        run.reloaded(number - 1, kind="hard")
        assert run.call("tag") == [number, number], text
        run.goes_on(3)

    assert stage.command(run.run, "stop")["outcome"] == "applied"
    run.reaches("stopped")
    assert run.terminal.wait() == 0


ONCE = """
    import multiprocessing
    import os
    import time

    import torch
    import torch.distributed

    import livespark as spark

    TAG = 1
    torch.manual_seed(7)
    multiprocessing.set_start_method("spawn")
    rendezvous = "file://" + os.path.abspath("rendezvous")
    torch.distributed.init_process_group("gloo", init_method=rendezvous, rank=0, world_size=1)
    drawn = spark.persist("drawn", list)
    spark.expose(drawn=lambda: [[tag for tag, _ in drawn], [value for _, value in drawn]])
    for step in spark.loop("step", range(10**9)):
        value = torch.ones(1)
        torch.distributed.all_reduce(value)
        drawn.append([TAG, torch.rand(()).item() * value.item()])
        time.sleep(0.005)
"""


def test_calls_that_happen_once_and_random_numbers_that_go_on(stage: Stage) -> None:
    """The process group and the start method outlive two hard reloads; the numbers are those of an undisturbed run."""
    torch = pytest.importorskip("torch")
    run = Editing.start(stage, ONCE)

    def draws(tag: int) -> None:
        eventually(lambda: run.call("drawn")[0].count(tag) >= 20, f"20 steps of version {tag}")

    for tag in (1, 2):
        draws(tag)
        run.save("train.py", (f"TAG = {tag}", f"TAG = {tag + 1}"))
        run.reloaded(tag, kind="hard")
    draws(3)

    torch.manual_seed(7)
    drawn = run.call("drawn")[1]
    assert drawn == [torch.rand(()).item() for _ in drawn]
