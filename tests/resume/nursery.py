"""A process that has imported torch, and forks a worker for each line of its stdin.

A line is a JSON object: `folder`, the run's directory; `output`, a file for what it writes; `environment`. The answer
is a line `{"pid": ...}` at once, and `{"pid": ..., "code": ...}` when the worker has ended.
"""

import gc
import json
import os
import sys
import threading
from pathlib import Path
from typing import Any

import msgspec  # noqa: F401 - so that the workers need not
import numpy.random  # noqa: F401 - nor this
import psutil  # noqa: F401 - nor this
import torch
import torch._dynamo  # with the first optimizer torch imports it, which takes longer than all that is tested
import torch.utils.data

_writing = threading.Lock()


def _tell(**fields: Any) -> None:
    with _writing:
        print(json.dumps(fields), flush=True)


def _become(job: dict[str, Any]) -> int:
    os.setsid()
    os.chdir(job["folder"])
    out = os.open(job["output"], os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    for fd in (1, 2):
        os.dup2(out, fd)
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    sys.stdin, sys.stdout = os.fdopen(0), os.fdopen(1, "w")
    os.environ.update(job["environment"])
    from livespark.runtime import attach

    attach._FAREWELL = 0.2  # type: ignore[misc] # there is no server to say farewell to
    return attach.work(Path(job["folder"]))


def _begin(job: dict[str, Any]) -> None:
    pid = os.fork()
    if pid == 0:
        code = 70
        try:
            code = _become(job)
        finally:
            sys.stdout.flush()
            os._exit(code)
    _tell(pid=pid)
    threading.Thread(target=lambda: _tell(pid=pid, code=os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))).start()


if __name__ == "__main__":
    sys.path.append(str(Path(__file__).parents[2]))
    torch.set_num_threads(1)
    gc.freeze()  # what a worker collects and looks through is its own, and no page is copied for it
    for line in sys.stdin:
        _begin(json.loads(line))
