"""What a reload costs with 1 MB persisted and with 1 GB, softly and hard, and what the guard adds to that.

Each row is a process of its own: the real runtime, without a server, on a script that edits its own module and asks for
the reload. Measured is from the checkpoint that carries it out to the first statement of the new code. The guard keeps
a copy of the persisted values, so it is compared with a plain clone of the same 16 tensors.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

SUBJECT = "def version():\n    return {}\n"
SCRIPT = """
import json
import os
import time
from pathlib import Path

import subject
import torch

import livespark as spark

KIND, MEGABYTES, EDITS = os.environ["KIND"], int(os.environ["MEGABYTES"]), int(os.environ["EDITS"])
TOP = 0
torch.set_num_threads(1)
weights = spark.persist("weights", lambda: [torch.ones(16384 * MEGABYTES) for _ in range(16)])
state = spark.persist("state", lambda: {"edits": 0, "asked": 0.0, "seconds": []})

def edit(number):
    if KIND == "hard":
        path, text = Path("script.py"), Path("script.py").read_text()
        path.write_text(text.replace(f"TOP = {TOP}", f"TOP = {number}", 1))
    else:
        Path("subject.py").write_text(f"def version():\\n    return {number}\\n")
    spark.controller().reload()

def clone():
    started = time.perf_counter()
    copies = [each.clone() for each in weights]
    return time.perf_counter() - started

for step in spark.loop("steps", range(1_000_000)):
    if state["asked"]:
        state["seconds"].append(time.perf_counter() - state["asked"])
        assert (TOP if KIND == "hard" else subject.version()) == state["edits"]
        state["asked"] = 0.0
    if step % 4 == 3:
        if state["edits"] == EDITS:
            break
        edit(state["edits"] + 1)
        state["edits"] += 1
        state["asked"] = time.perf_counter()

seconds = state["seconds"][1:]
Path("result.json").write_text(json.dumps({"reload": seconds, "clone": [clone() for _ in range(7)][1:]}))
"""


def work() -> None:
    """In the worker: run the script of this folder."""
    from livespark.protocol.runs import Entry, Reloading
    from livespark.runtime.attach import follow_files
    from livespark.runtime.exposed.exposed import Exposed
    from livespark.runtime.ports import SilentOutbox
    from livespark.runtime.process import runtime
    from livespark.runtime.runner import Runner

    settings = Reloading(watch=False, guard=int(os.environ["GUARD"]))
    runtime.attach(SilentOutbox(), Exposed(), {}, reloading=settings)
    runner = Runner(
        runtime.core,
        runtime.reloader,
        stay=False,
        settle=runtime.sample,
        restart=runtime.restart,
        opened=lambda sources: follow_files(sources, watching=False),
    )
    runner.run(Entry(script="script.py"))


def measure(kind: str, megabytes: int, guard: int, edits: int) -> tuple[float, float]:
    """Seconds of a reload, and of a plain clone of what is persisted (medians)."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "script.py").write_text(SCRIPT)
        Path(folder, "subject.py").write_text(SUBJECT.format(0))
        numbers = {"KIND": kind, "MEGABYTES": str(megabytes), "GUARD": str(guard), "EDITS": str(edits)}
        subprocess.run([sys.executable, __file__, "--work"], cwd=folder, env=os.environ | numbers, check=True)
        found = json.loads(Path(folder, "result.json").read_text())
    return statistics.median(found["reload"]), statistics.median(found["clone"])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--megabytes", type=int, default=1024, help="the larger size")
    parser.add_argument("--edits", type=int, default=40, help="per row; with the guard a quarter")
    parser.add_argument("--work", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.work:
        return work()
    large = options.megabytes
    print(f"{'':12}{'1 MB':>10}{f'{large} MB':>12}{'ratio':>8}{'clone':>12}{'added / clone':>15}")
    for kind in ("soft", "hard"):
        small, _ = measure(kind, 1, 0, options.edits)
        plain, _ = measure(kind, large, 0, options.edits)
        print(f"{kind:12}{small * 1e3:7.2f} ms{plain * 1e3:9.2f} ms{plain / small:8.2f}")
        small, _ = measure(kind, 1, 2, options.edits // 4)
        guarded, clone = measure(kind, large, 2, options.edits // 4)
        figures = f"{clone * 1e3:9.1f} ms{(guarded - plain) / clone:15.2f}"
        print(f"{kind + ' guarded':12}{small * 1e3:7.2f} ms{guarded * 1e3:9.2f} ms{guarded / small:8.2f}{figures}")
    return None


if __name__ == "__main__":
    main()
