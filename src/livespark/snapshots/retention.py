"""Which snapshots stay on disk, and which of two metric values is the better one. Pure."""

import math
import re
from collections.abc import Sequence
from typing import Final, Literal, TypeAlias

from livespark.protocol.codec import from_number
from livespark.protocol.metrics import means
from livespark.protocol.snapshots import SnapshotInfo, Snapshotting

__all__ = ("Aim", "better", "metric_of", "parse_best", "superseded")

Aim: TypeAlias = Literal["max", "min"]

_SMALLER: Final = frozenset(
    ["loss", "error", "err", "perplexity", "ppl", "nll", "mae", "mse", "rmse", "wer", "cer", "fid"]
)
_WORDS: Final = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+")


def parse_best(text: str) -> tuple[str, Aim]:
    """The metric and what is good of it: "min:x", "max:x", or a bare name that says itself, such as "val_loss".

    Raises ValueError with a sentence for people.
    """
    prefix, colon, rest = text.partition(":")
    if colon and prefix in ("min", "max"):
        name, aim = rest, prefix
    else:
        name, aim = text, "min" if _is_cost(text) else "max"
    if not name.strip():
        raise ValueError(f"{text!r} names no metric: write accuracy, max:accuracy or min:loss")
    return name, "min" if aim == "min" else "max"


def better(value: float, than: float | None, aim: Aim) -> bool:
    """Whether `value` is strictly better. NaN never is; anything else is better than NaN or nothing."""
    if math.isnan(value):
        return False
    if than is None or math.isnan(than):
        return True
    return value > than if aim == "max" else value < than


def metric_of(info: SnapshotInfo, name: str) -> float | None:
    """The value that the snapshot was taken with, of the first metric that `name` means; None when there is none, or it
    is NaN or no number."""
    meant = name if name in info.metrics else next((each for each in info.metrics if means(name, each)), name)
    try:
        value = float(from_number(info.metrics[meant]))
    except (KeyError, ValueError, OverflowError):
        return None
    return None if math.isnan(value) else value


def superseded(infos: Sequence[SnapshotInfo], policy: Snapshotting) -> list[int]:
    """Numbers of the snapshots that may go, ascending.

    Stay: the newest `keep`, at least one; those with a label; the best `keep_best`, of equal ones the older.
    """
    ordered = sorted(infos, key=lambda info: info.number)
    staying = {info.number for info in ordered[-max(policy.keep, 1) :]}
    staying.update(info.number for info in ordered if info.label)
    staying.update(_best(ordered, policy))
    return [info.number for info in ordered if info.number not in staying]


def _best(ordered: Sequence[SnapshotInfo], policy: Snapshotting) -> list[int]:
    if not policy.best:
        return []
    name, aim = parse_best(policy.best)
    sign = -1.0 if aim == "max" else 1.0
    values = [(sign * value, info.number) for info in ordered if (value := metric_of(info, name)) is not None]
    return [number for _, number in sorted(values)[: max(policy.keep_best, 0)]]


def _is_cost(name: str) -> bool:
    words = [word.lower() for word in _WORDS.findall(name)]
    return any(word in _SMALLER or word.endswith(("loss", "error")) for word in words)
