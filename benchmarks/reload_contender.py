"""The training script of `reload.py`: one way of taking new code, told by the first argument.

`subject.version()` is edited while this runs; the time of the first step that sees each version goes to a file, as
`VERSION MONOTONIC_SECONDS`. Run by `livespark dev` for the contenders of that name, else by Python.
"""

import importlib
import sys
import time
from collections.abc import Callable
from pathlib import Path

import torch

WAY, SEEN = sys.argv[1], Path(sys.argv[2])
TOP = 1000


def main() -> None:
    torch.set_num_threads(1)
    torch.manual_seed(0)
    model = torch.nn.Sequential(torch.nn.Linear(128, 256), torch.nn.ReLU(), torch.nn.Linear(256, 10))
    optimizer = torch.optim.Adam(model.parameters())
    images, labels = torch.randn(64, 128), torch.randint(0, 10, (64,))
    look = _WAYS[WAY]()
    subject = importlib.import_module("subject")
    last = 0
    with SEEN.open("a", buffering=1) as seen:
        while True:
            loss = torch.nn.functional.cross_entropy(model(images), labels)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            look()
            version = subject.version() + TOP
            if version != last:
                last = version
                seen.write(f"{version} {time.monotonic()}\n")


def _livespark() -> Callable[[], object]:
    import livespark as spark

    return spark.checkpoint


def _stat() -> Callable[[], object]:
    """The bare machine: look at the file at every step, compile it and execute it in the module."""
    subject = importlib.import_module("subject")
    path = Path(str(subject.__file__))
    known = path.stat()

    def look() -> None:
        nonlocal known
        now = path.stat()
        if (now.st_mtime_ns, now.st_ino) != (known.st_mtime_ns, known.st_ino):
            known = now
            exec(compile(path.read_bytes(), path, "exec"), vars(subject))  # noqa: S102

    return look


def _jurigged() -> Callable[[], object]:
    importlib.import_module("jurigged").watch(f"{Path.cwd()}/*", logger=lambda _event: None)
    return lambda: None


def _nothing() -> Callable[[], object]:
    return lambda: None


_WAYS = {"livespark": _livespark, "stat": _stat, "jurigged": _jurigged, "restart": _nothing}

if __name__ == "__main__":
    main()
