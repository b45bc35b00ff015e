"""Scripts of every kind, written for Livespark or not."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.e2e.stage import Stage, eventually

EXAMPLES = Path(__file__).parents[2] / "examples"

TRAINING = """
    import torch
    torch.manual_seed(0)
    net = torch.nn.Sequential(torch.nn.Linear(8, 16), torch.nn.Dropout(0.5), torch.nn.Linear(16, 1))
    opt = torch.optim.Adam(net.parameters(), lr=1e-2)
    def step():
        x = torch.randn(32, 8)
        loss = (net(x) - x.sum(1, keepdim=True)).square().mean()
        opt.zero_grad(); loss.backward(); opt.step()
        return loss.item()
"""

PLAIN = {
    "a function called under the guard": TRAINING
    + """
    import time
    def main():
        while True:
            step(); time.sleep(0.005)
    if __name__ == "__main__":
        main()
    """,
    "data loader with two workers": """
    import torch
    from torch.utils.data import DataLoader, TensorDataset
    data = TensorDataset(torch.randn(64, 4), torch.randn(64, 1))
    net = torch.nn.Linear(4, 1)
    optimizer = torch.optim.SGD(net.parameters(), lr=0.01, momentum=0.9)
    if __name__ == "__main__":
        while True:
            for x, y in DataLoader(data, batch_size=8, num_workers=2):
                optimizer.zero_grad()
                torch.nn.functional.mse_loss(net(x), y).backward()
                optimizer.step()
    """,
    "two optimizers and a closure": """
    import time, torch
    generator, critic = torch.nn.Linear(2, 2), torch.nn.Linear(2, 1)
    first = torch.optim.LBFGS(generator.parameters(), lr=0.1, max_iter=2)
    second = torch.optim.RMSprop(critic.parameters(), lr=0.05)
    while True:
        def closure():
            first.zero_grad()
            loss = critic(generator(torch.randn(4, 2))).square().mean()
            loss.backward()
            return loss
        first.step(closure)
        second.zero_grad()
        critic(generator(torch.randn(4, 2)).detach()).mean().backward()
        second.step()
        time.sleep(0.005)
    """,
    "a scheduler and bare excepts": """
    import time, torch
    net = torch.nn.Linear(3, 1)
    optimizer = torch.optim.AdamW(net.parameters(), lr=0.1)
    scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, T_max=10**6)
    while True:
        try:
            optimizer.zero_grad(); net(torch.randn(5, 3)).mean().backward(); optimizer.step(); scheduler.step()
            time.sleep(0.005)
        except Exception:
            pass
    """,
}


@pytest.mark.parametrize("kind", PLAIN)
def test_a_script_that_never_heard_of_us(stage: Stage, kind: str) -> None:
    """Pause, edit of the optimizer's rate, resume and stop work in scripts written for nothing but PyTorch."""
    stage.write("theirs.py", PLAIN[kind])
    terminal = stage.dev("theirs.py")
    run = stage.run_id()
    stage.reaches(run, "running")
    path = eventually(lambda: next((path for path in stage.live(run) if path.endswith(".lr")), ""), "an optimizer")

    assert stage.command(run, "pause")["outcome"] == "applied"
    assert stage.command(run, "set", values={path: 0.125})["outcome"] == "applied"
    assert stage.command(run, "resume")["outcome"] == "applied"
    assert stage.command(run, "set", values={path: -1})["outcome"] == "refused"
    assert stage.command(run, "stop")["outcome"] == "applied"
    assert terminal.wait() == 0


def test_attached_and_detached_give_the_same_losses(stage: Stage) -> None:
    """The sequence of losses is the same to the last bit, with Livespark attached and without."""
    source = TRAINING + "    import livespark as spark\n    for _ in spark.loop('s', range(300)): print(repr(step()))\n"
    script = stage.write("train.py", source)
    attached = stage.livespark("run", "train.py")
    assert attached.wait() == 0
    detached = subprocess.run([sys.executable, script], capture_output=True, text=True, check=True)

    assert len(detached.stdout.splitlines()) == 300
    assert attached.out.read_text() == detached.stdout


def test_a_module_as_in_python_dash_m(stage: Stage) -> None:
    """`livespark run -m package.module` runs it with its package around it, and with its arguments."""
    stage.write("package/__init__.py", "")
    stage.write("package/words.py", "WORD = 'imported'\n")
    stage.write(
        "package/train.py",
        "import sys, livespark as spark\nfrom .words import WORD\nprint(WORD, __name__, sys.argv[1:])\n",
    )
    terminal = stage.livespark("run", "-m", "package.train", "--", "--flag", "x")

    assert terminal.wait() == 0
    assert "imported __main__ ['--flag', 'x']" in terminal.text


def test_files_named_like_modules_that_only_we_need(stage: Stage) -> None:
    """A folder may hold a platform.py and a select.py: Python would not look there for a script of another folder."""
    for name in ("platform.py", "select.py", "livespark.py", "msgspec.py"):
        stage.write(name, "raise RuntimeError('imported by mistake')")
    stage.write("sub/train.py", "import livespark as spark\nimport beside\nspark.log(loss=1)\nprint(beside.WORD)\n")
    stage.write("sub/beside.py", "WORD = 'found'\n")
    terminal = stage.livespark("run", "sub/train.py")

    assert terminal.wait() == 0, terminal.text
    assert "found" in terminal.text


def test_asyncio_code(stage: Stage) -> None:
    """`await acheckpoint()` never blocks the loop; exposed async functions run as its tasks, also while paused."""
    stage.write(
        "train.py",
        """
        import asyncio
        import livespark as spark
        ticks = spark.persist("ticks", lambda: {"n": 0, "other": 0})

        async def slow(x: int) -> int:
            await asyncio.sleep(0.05)
            return x + 1

        async def beside():
            while True:
                ticks["other"] += 1
                await asyncio.sleep(0.001)

        async def main():
            task = asyncio.create_task(beside())
            while True:
                ticks["n"] += 1
                await spark.acheckpoint()
                await asyncio.sleep(0.002)

        spark.expose(ticks=ticks, slow=slow, now=lambda: dict(ticks))
        asyncio.run(main())
        """,
    )
    terminal = stage.dev("train.py")
    run = stage.run_id()
    stage.reaches(run, "running")
    assert stage.call(run, "slow", 1) == 2
    assert stage.command(run, "pause")["outcome"] == "applied"
    before = stage.call(run, "now")
    after = eventually(lambda: (now := stage.call(run, "now"))["other"] > before["other"] and now, "the other task")
    assert after["n"] == before["n"]
    assert stage.call(run, "slow", 2) == 3
    assert stage.command(run, "resume")["outcome"] == "applied"
    assert stage.command(run, "stop")["outcome"] == "applied"
    assert terminal.wait() == 0


def test_threads_and_children_of_the_script(stage: Stage) -> None:
    """Threads may log and checkpoint; forked and spawned children stay silent and leave the run alone."""
    stage.write(
        "train.py",
        """
        import multiprocessing, os, threading
        import livespark as spark

        def child(number):
            spark.log(child=number)
            spark.checkpoint()
            return os.getpid()

        def thread():
            for _ in range(100):
                spark.checkpoint()
            spark.log(thread=1)

        if __name__ == "__main__":
            threads = [threading.Thread(target=thread) for _ in range(4)]
            [t.start() for t in threads]; [t.join() for t in threads]
            for method in ("fork", "spawn"):
                with multiprocessing.get_context(method).Pool(2) as pool:
                    print(method, len(pool.map(child, range(8))))
            if os.fork() == 0:
                spark.log(child=99)
                raise SystemExit(0)
            os.wait()
            spark.log(parent=1)
        """,
    )
    terminal = stage.livespark("run", "train.py", PYTHONWARNINGS="ignore")
    assert terminal.wait() == 0, terminal.text
    assert "fork 8" in terminal.text
    assert "spawn 8" in terminal.text
    run = stage.run_id()
    names = [name for e in stage.events(run) if e["event"]["type"] == "metrics" for name in e["event"]["series"]]
    assert sorted(names) == ["parent", "thread", "thread", "thread", "thread"] or set(names) == {"parent", "thread"}
    assert sum(e["event"]["type"] == "status" and e["event"]["state"] == "completed" for e in stage.events(run)) == 1


@pytest.mark.parametrize(
    ("source", "code", "words"),
    [
        ("import livespark as spark\nspark.checkpoint()\n", 0, ""),
        ("raise ValueError('the reason')\n", 1, "ValueError: the reason"),
        ("import no_such_module_anywhere\n", 1, "ModuleNotFoundError"),
        ("import sys\nsys.exit(0)\n", 0, ""),
        ("import sys\nsys.exit('said so')\n", 1, "said so"),
        ("import livespark as spark\nspark.controller().stop()\nspark.checkpoint()\n", 3, ""),
        ("import os\nos.kill(os.getpid(), 9)\n", 1, "SIGKILL"),
    ],
)
def test_exit_codes_of_run(stage: Stage, source: str, code: int, words: str) -> None:
    """`livespark run` ends with the exit code of the specification's table, and says why."""
    stage.write("train.py", source)
    terminal = stage.livespark("run", "train.py")

    assert terminal.wait() == code
    assert words in terminal.text
    assert "livespark/cli" not in terminal.text


def test_the_digits_example_unattended(stage: Stage) -> None:
    """`dev --no-open --exit-on-end examples/digits.py` trains on real data, learns, and exits with 0."""
    terminal = stage.livespark("dev", "--no-open", "--exit-on-end", "--set", "epochs=3", str(EXAMPLES / "digits.py"))

    assert terminal.wait() == 0, terminal.text
    accuracy = float(terminal.out.read_text().split("epochs:")[1].strip().rstrip("%"))
    assert accuracy > 70


def test_the_chars_example(stage: Stage) -> None:
    """The transformer's loss falls, and it writes text on request while it trains."""
    terminal = stage.dev(str(EXAMPLES / "chars.py"), "--set", "width=32", "--set", "layers=1")
    run = stage.run_id()
    eventually(lambda: (stage.run(run).get("step") or 0) >= 30, "thirty steps", 90)
    assert stage.call(run, "sample", "class ", 20).startswith("class ")
    assert stage.command(run, "stop")["outcome"] == "applied"
    assert terminal.wait() == 0


def test_the_workbench_example(stage: Stage) -> None:
    """The workbench waits, trains when called, and can be paused while the call trains."""
    stage.dev(str(EXAMPLES / "workbench.py"))
    run = stage.run_id()
    stage.reaches(run, "idle")
    assert stage.call(run, "train", epochs=2) > 0.5
    assert stage.command(run, "call", function="train", kwargs={"optimizer": "lion"})["outcome"] == "refused"


def test_examples_run_detached(tmp_path: Path) -> None:
    """The workbench, run by plain Python, says how to run it and ends instead of hanging."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("LIVESPARK")}
    done = subprocess.run(
        [sys.executable, EXAMPLES / "workbench.py"],
        capture_output=True,
        text=True,
        timeout=60,
        env=environment,
        check=True,
    )

    assert "livespark dev" in done.stderr
