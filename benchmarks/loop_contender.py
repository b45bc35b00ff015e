"""One contender of `loop.py`, in a process of its own: the bare loop and the loop that logs, in turn.

python benchmarks/loop_contender.py CONTENDER ROUNDS STEPS RESULT.json
"""

import json
import statistics
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from training import Training, alternate

Log = Callable[[int, float], None]


def nothing(folder: Path) -> Log:
    """The noise floor: both loops are the bare loop."""
    return lambda step, loss: None


def livespark(folder: Path) -> Log:
    import livespark as spark

    def log(step: int, loss: float) -> None:
        spark.log(loss=loss, lr=1e-3, accuracy=loss)
        spark.checkpoint()

    return log


def list_append(folder: Path) -> Log:
    kept: list[dict[str, float]] = []
    return lambda step, loss: kept.append({"loss": loss, "lr": 1e-3, "accuracy": loss})


def json_lines(folder: Path) -> Log:
    file = (folder / "log.jsonl").open("w")
    return lambda step, loss: print(json.dumps({"step": step, "loss": loss, "lr": 1e-3, "accuracy": loss}), file=file)


def trackio(folder: Path) -> Log:
    import os

    os.environ["TRACKIO_DIR"] = str(folder)
    import trackio

    trackio.init(project="benchmark", embed=False)
    return lambda step, loss: trackio.log({"loss": loss, "lr": 1e-3, "accuracy": loss})


def tensorboard(folder: Path) -> Log:
    from torch.utils.tensorboard import SummaryWriter

    writer = SummaryWriter(str(folder))

    def log(step: int, loss: float) -> None:
        for name, value in (("loss", loss), ("lr", 1e-3), ("accuracy", loss)):
            writer.add_scalar(name, value, step)

    return log


def wandb(folder: Path) -> Log:
    import wandb

    run = wandb.init(project="benchmark", mode="offline", dir=str(folder), settings=wandb.Settings(silent=True))
    return lambda step, loss: run.log({"loss": loss, "lr": 1e-3, "accuracy": loss})


def measure(contender: str, rounds: int, steps: int) -> dict[str, float]:
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        log: Log = globals()[contender](Path(folder))
        training = Training()

        def logging(step: int) -> None:
            log(step, training.step().item())

        pairs = list(alternate(lambda step: training.step().item(), logging, rounds, steps))
    added = [after - before for before, after in pairs]
    bare = statistics.median(before for before, _ in pairs)
    return {"bare": bare, "added": statistics.median(added), "share": statistics.median(added) / bare}


if __name__ == "__main__":
    name, rounds, steps, result = sys.argv[1:]
    Path(result).write_text(json.dumps(measure(name, int(rounds), int(steps))))
