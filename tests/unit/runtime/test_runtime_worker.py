"""The worker process: real scripts, run by `python -m livespark.runtime`, against a server that remembers."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from livespark.protocol.commands import Call, Pause, Reload, Resume, Stop
from tests.unit.runtime.server import worker
from tests.unit.runtime.stage import wait_until

FOREVER = """
import time, livespark as spark
while True:
    spark.checkpoint()
    time.sleep(0.001)
"""


def test_a_script_runs_as_python_would_run_it(tmp_path: Path) -> None:
    """Arguments, path, names in `__main__`, exit handlers, and its metrics to the last one."""
    source = """
        import atexit, os, pickle, sys, livespark as spark

        class Point:
            pass

        atexit.register(lambda: print("at exit"))
        assert type(pickle.loads(pickle.dumps(Point()))) is Point
        assert (__name__, __spec__, __package__) == ("__main__", None, None)
        assert sys.argv == ["script.py", "--fast", "3"], sys.argv
        assert os.path.samefile(sys.path[0], os.path.dirname(__file__))
        assert all(os.path.isabs(folder) for folder in sys.path), sys.path
        assert not [name for name in os.environ if name == "LIVESPARK_PIPES"]
        import sibling
        for step in spark.loop("step", range(1000)):
            spark.log(loss=step / 2, big=2**63)
        print("done", spark.config.lr)
    """
    (tmp_path / "sibling.py").write_text("")
    with worker(tmp_path, source, "--fast", "3", config={"lr": 0.5}) as run:
        assert run.end() == (0, "done 0.5\nat exit\n", "")
        assert run.states == ["running", "completed"]
        assert run.series("loss") == [step / 2 for step in range(1000)]
        assert set(run.series("big")) == {str(2**63)}


def test_a_module_runs_as_python_m_would_run_it(tmp_path: Path) -> None:
    """Package, spec and `sys.argv[0]`; a package runs its `__main__`."""
    (tmp_path / "package" / "inner").mkdir(parents=True)
    (tmp_path / "package" / "__init__.py").write_text("")
    (tmp_path / "package" / "inner" / "__init__.py").write_text("")
    source = (
        "import sys\nfrom package import inner\nprint(__name__, __package__, __spec__.name, sys.argv[0] == __file__)\n"
    )
    (tmp_path / "package" / "train.py").write_text(source)
    (tmp_path / "package" / "inner" / "__main__.py").write_text(source)
    with worker(tmp_path, "", module="package.train") as run:
        assert run.end() == (0, "__main__ package package.train True\n", "")
    (tmp_path / "run").rename(tmp_path / "old")
    with worker(tmp_path, "", module="package.inner") as run:
        assert run.end() == (0, "__main__ package.inner package.inner.__main__ True\n", "")


def test_a_run_ends_with_its_last_thread(tmp_path: Path) -> None:
    """What threads log after the script's last line is not lost, nor does an idle pool of threads keep the run."""
    source = """
        import threading, time, livespark as spark
        from concurrent.futures import ThreadPoolExecutor

        def train():
            for step in range(20):
                spark.log(loss=step)
                time.sleep(0.01)

        pool = ThreadPoolExecutor()
        pool.submit(train)
        threading.Thread(target=train).start()
    """
    with worker(tmp_path, source) as run:
        assert run.end() == (0, "", "")
        assert run.states == ["running", "completed"]
        assert len(run.series("loss")) == 40


def test_spawned_processes_of_the_script_are_detached(tmp_path: Path) -> None:
    """multiprocessing finds functions of `__main__`, and its children report nothing."""
    source = """
        import multiprocessing, livespark as spark

        def work(x):
            spark.log(child=x)
            spark.expose(child=x)
            spark.checkpoint()
            return spark.persist("x", lambda: x) * 2

        if __name__ == "__main__":
            with multiprocessing.get_context("spawn").Pool(1) as pool:
                print(pool.map(work, [1, 2]))
    """
    with worker(tmp_path, source) as run:
        assert run.end() == (0, "[2, 2]\n", "")
        assert run.series("child") == []


def test_forked_children_are_quiet(tmp_path: Path) -> None:
    """A child neither reports nor answers, is not stopped by our handlers, and ends as a Python process does."""
    source = """
        import os, signal, sys, time, livespark as spark

        spark.expose(who=0)
        spark.checkpoint()
        child = os.fork()
        if child == 0:
            assert signal.getsignal(signal.SIGTERM) == signal.SIG_DFL
            for step in spark.loop("child", range(3)):
                spark.log(child=1.0)
                spark.checkpoint()
            spark.expose(child=1)
            spark.persist("child", int)
            sys.exit(7)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 7
        if (child := os.fork()) == 0:
            raise ValueError("in the child")
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 1
        if os.fork() == 0:
            "falls off the end"
        else:
            os.wait()
            spark.log(parent=1.0)
            while True:
                spark.checkpoint()
                time.sleep(0.001)
    """
    with worker(tmp_path, source) as run:
        wait_until(lambda: run.series("parent"))
        assert run.ask(Stop()).outcome == "applied"
        status, _, err = run.end()
        assert status == 3
        assert "in the child" in err
        assert run.series("child") == []
        assert run.states == ["running", "stopping", "stopped"]


def test_data_loader_workers_are_quiet_and_the_loop_pauses(tmp_path: Path) -> None:
    """Forked DataLoader workers, whose dataset logs by mistake, under a pause and a stop."""
    source = """
        import torch, livespark as spark
        from torch.utils.data import DataLoader, Dataset

        class Data(Dataset):
            def __len__(self):
                return 40
            def __getitem__(self, index):
                spark.log(inside=float(index))
                spark.checkpoint()
                return torch.tensor(index)

        loader = DataLoader(Data(), batch_size=4, num_workers=1, multiprocessing_context="fork")
        for epoch in spark.loop("epoch", range(10_000)):
            for batch in spark.loop("batch", loader):
                spark.log(total=batch.sum())
    """
    with worker(tmp_path, source) as run:
        wait_until(lambda: len(run.series("total")) > 20)
        assert run.ask(Pause()).outcome == "applied"
        assert run.ask(Resume()).outcome == "applied"
        assert run.ask(Stop()).outcome == "applied"
        status, _, err = run.end()
        assert (status, run.series("inside")) == (3, [])
        assert "Traceback" not in err
        assert run.series("total")[:10] == [sum(range(4 * batch, 4 * batch + 4)) for batch in range(10)]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_stops_at_the_next_checkpoint(tmp_path: Path, number: int) -> None:
    """SIGTERM and the first Ctrl-C unwind the script; `finally` runs."""
    source = """
        import time, livespark as spark
        try:
            while True:
                spark.log(x=1.0)
                spark.checkpoint()
                time.sleep(0.001)
        finally:
            print("left in order")
    """
    with worker(tmp_path, source) as run:
        wait_until(lambda: run.series("x"))
        os.kill(run.process.pid, number)
        status, out, _ = run.end()
        assert (status, out) == (3, "left in order\n")
        assert run.states == ["running", "stopping", "stopped"]


def test_a_second_interrupt_ends_a_script_without_checkpoints(tmp_path: Path) -> None:
    """Ctrl-C twice is KeyboardInterrupt, as in Python."""
    source = """
        import time, livespark as spark
        spark.log(x=1.0)
        while True:
            time.sleep(0.01)
    """
    with worker(tmp_path, source, mode="dev") as run:
        wait_until(lambda: run.series("x"))
        os.kill(run.process.pid, signal.SIGINT)
        wait_until(lambda: run.states[-1] == "stopping")
        os.kill(run.process.pid, signal.SIGINT)
        status, _, err = run.end()
        assert status == 3
        assert "KeyboardInterrupt" in err
        assert run.states == ["running", "stopping", "stopped"]


def test_a_held_run_goes_on_with_the_fixed_file(tmp_path: Path) -> None:
    """Exception, frames, calls while held, a fix on disk, and on with the item it was at, on the same objects."""
    source = """
        import livespark as spark

        seen = spark.persist("seen", list)
        spark.expose(seen=seen, count=lambda: len(seen))
        for epoch in spark.loop("epoch", range(2)):
            for batch in spark.loop("batch", iter(range(3))):
                value = 1 / (batch - 1)
                seen.append((epoch, batch))
        print(seen)
    """
    with worker(tmp_path, source, mode="dev") as run:
        held = run.reach("held")
        assert held.reason == "ZeroDivisionError: division by zero"
        assert held.error is not None
        frame = held.error.frames[-1]
        assert (frame.source, frame.locals["batch"]) == ("value = 1 / (batch - 1)", "1")
        assert len(held.error.frames) == 1
        assert run.ask(Call("count")).value == 1
        run.write("script.py", source.replace("(batch - 1)", "(batch - "))
        assert run.ask(Reload()).message == "script.py:8: '(' was never closed"
        run.write("script.py", source.replace("batch - 1", "batch - 10"))
        assert run.ask(Reload()).outcome == "applied"
        run.reach("idle")
        run.ask(Stop())
        status, out, err = run.end()
        assert status == 3
        assert out == f"{[(epoch, batch) for epoch in range(2) for batch in range(3)]}\n"
        assert err.count("Traceback") == 1
        assert "runpy" not in err


def test_exit_on_end_ends_a_dev_run(tmp_path: Path) -> None:
    """Unattended: no idling after the end, no holding of an exception."""
    with worker(tmp_path, "print('x')", mode="dev", exit_on_end=True) as run:
        assert run.end() == (0, "x\n", "")
        assert run.states == ["running", "completed"]
    (tmp_path / "run").rename(tmp_path / "old")
    with worker(tmp_path, "import nowhere", mode="dev", exit_on_end=True) as run:
        status, _, err = run.end()
        assert (status, run.states) == (1, ["running", "failed"])
        assert "No module named 'nowhere'" in err


@pytest.mark.parametrize("mode", ["run", "dev"])
def test_a_script_that_does_not_compile_fails_with_its_line(tmp_path: Path, mode: str) -> None:
    """As Python prints it, and as a reason."""
    with worker(tmp_path, "x = 1\n  y = 2\n", mode=mode) as run:  # type: ignore[arg-type]
        status, _, err = run.end()
        assert (status, run.states) == (1, ["failed"])
        assert run.statuses[0].reason == f"{tmp_path / 'script.py'}:2: unexpected indent"
        assert 'script.py", line 2' in err


@pytest.mark.parametrize(
    ("module", "sentence"),
    [("nowhere", "there is no module nowhere to run"), ("package", "there is no module package.__main__ to run")],
)
def test_a_module_that_is_not_there_fails_with_a_sentence(tmp_path: Path, module: str, sentence: str) -> None:
    """One line, no traceback."""
    (tmp_path / "package").mkdir()
    (tmp_path / "package" / "__init__.py").write_text("")
    with worker(tmp_path, "", module=module) as run:
        status, _, err = run.end()
        assert status == 1
        assert run.statuses[-1].reason.startswith(sentence)
        assert err.startswith(f"livespark: {sentence}")
        assert err.count("\n") == 1


def test_an_unmodified_script_is_paused_edited_and_stopped(tmp_path: Path) -> None:
    """A script that never heard of us: checkpoints after optimizer steps, its optimizer exposed, its steps counted."""
    source = """
        import torch

        model = torch.nn.Linear(2, 1)
        optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
        while True:
            optimizer.zero_grad()
            model(torch.ones(4, 2)).sum().backward()
            optimizer.step()
    """
    with worker(tmp_path, source) as run:
        wait_until(lambda: any(path.startswith("optimizer") for path in run.live.values))
        paused = run.ask(Pause())
        assert paused.outcome == "applied"
        assert paused.step
        assert run.ask(Resume()).outcome == "applied"
        assert run.ask(Stop()).outcome == "applied"
        assert run.end()[0] == 3


def test_a_broken_launch_file_ends_with_a_sentence(tmp_path: Path) -> None:
    """One line on stderr, exit status 1."""
    (tmp_path / "launch.json").write_text("{}")
    ended = subprocess.run(
        [sys.executable, "-m", "livespark.runtime", str(tmp_path)], capture_output=True, text=True, timeout=30
    )
    assert ended.returncode == 1
    assert ended.stderr.startswith("livespark: ")
    assert "launch.json can't be understood" in ended.stderr
    assert ended.stderr.count("\n") == 1


@pytest.mark.parametrize("hook", ["sys.exit(9)", "sys.stderr.close(); 1 / 0", "raise KeyboardInterrupt"])
def test_a_broken_excepthook_changes_nothing_about_the_end(tmp_path: Path, hook: str) -> None:
    """The run fails with the script's own error."""
    source = f"""
        import sys

        def hook(*_):
            {hook}

        sys.excepthook = hook
        raise ValueError("the script's own")
    """
    with worker(tmp_path, source) as run:
        code, _, _ = run.end()
        assert code == 1
        assert run.states == ["running", "failed"]
        assert run.statuses[-1].reason == "ValueError: the script's own"


def test_a_program_nested_too_deeply_fails_with_a_sentence(tmp_path: Path) -> None:
    """As with any other text that does not compile."""
    with worker(tmp_path, f"x = {'-' * 100_000}1") as run:
        assert run.end()[0] == 1
        assert run.states[-1] == "failed"
