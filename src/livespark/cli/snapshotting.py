"""Words about snapshots as values: `10m`, `max:accuracy`, `optimizer.lr *= 0.5`. No I/O."""

import math
import re
from collections.abc import Sequence
from typing import Final, NamedTuple

import msgspec

from livespark.errors import UsageError
from livespark.protocol import paths
from livespark.protocol.snapshots import AutoRewind, Rule, Snapshotting
from livespark.snapshots.retention import parse_best

__all__ = ("Every", "Given", "best", "every", "policy", "rule", "unsaid")

_EVERY: Final = re.compile(r"(\d{1,15}(?:\.\d{1,15})?)(s|m|h|d)?", re.ASCII)
_SECONDS: Final = {"s": 1, "m": 60, "h": 3600, "d": 86400}
_RULE: Final = re.compile(r"(.*?[^\s=*/+-])\s*([-+*/]?=)\s*(\S+)")


class Every(NamedTuple):
    """How often: after so many steps, after so many seconds; 0 means never."""

    steps: int = 0
    seconds: float = 0.0


class Given(NamedTuple):
    """What a command line says about snapshots; None and empty where it says nothing."""

    every: tuple[Every, ...] = ()
    keep: int | None = None
    best: str | None = None
    keep_best: int | None = None
    memory: int | None = None
    rewind: int | None = None
    metric: str | None = None
    spike: float | None = None
    times: int | None = None
    rules: tuple[Rule, ...] = ()
    skip: bool = False


def every(text: str) -> Every:
    """`500` steps, `90s`, `10m`, `2h`, or `off`. Raises UsageError."""
    word = text.strip().lower().replace(",", "").replace("_", "")
    if word == "off":
        return Every()
    match = _EVERY.fullmatch(word)
    if match is None or not float(match[1]) or (match[2] is None and "." in word):
        raise UsageError(f"{text!r} is no interval; expected steps (500), a time (90s, 10m, 2h) or off")
    if match[2] is None:
        return Every(steps=int(word))
    return Every(seconds=float(match[1]) * _SECONDS[match[2]])


def best(text: str) -> str:
    """A metric's name, alone or behind `max:` or `min:`. Raises UsageError."""
    try:
        parse_best(text)
    except ValueError as error:
        raise UsageError(str(error)) from None
    return text


def rule(text: str) -> Rule:
    """`optimizer.lr *= 0.5` and the like. Raises UsageError."""
    match = _RULE.fullmatch(text.strip())
    number = None if match is None else _number(match[3])
    if match is None or number is None:
        raise UsageError(f"{text!r} is no rule; expected an exposed number and its change, as in 'optimizer.lr *= 0.5'")
    try:
        paths.split(match[1])
    except ValueError as error:
        raise UsageError(f"{text!r} is no rule: {error}") from None
    if match[2] == "/=" and not number:
        raise UsageError(f"{text!r} divides by zero")
    return msgspec.convert({"path": match[1], "operator": match[2], "value": number}, Rule)


def policy(given: Given) -> Snapshotting:
    """What a run is told. Raises UsageError where one option lacks the other that it belongs to."""
    if given.keep_best is not None and given.best is None:
        raise UsageError("--best N goes with --keep-best METRIC")
    default = Snapshotting()
    steps, seconds = _intervals(given.every, default)
    return Snapshotting(
        every_steps=steps,
        every_seconds=seconds,
        keep=default.keep if given.keep is None else given.keep,
        best=given.best or "",
        keep_best=default.keep_best if given.keep_best is None else given.keep_best,
        memory=given.memory,
        rewind=_rewind(given),
    )


def unsaid(given: Given) -> list[str]:
    """The fields of a policy of which the command line says nothing."""
    said = {
        "every_steps": bool(given.every),
        "every_seconds": bool(given.every),
        "keep": given.keep is not None,
        "best": given.best is not None,
        "keep_best": given.best is not None,
        "memory": given.memory is not None,
        "rewind": given.rewind is not None,
    }
    return [name for name, is_said in said.items() if not is_said]


def _intervals(given: Sequence[Every], default: Snapshotting) -> tuple[int, float]:
    """Steps and a time can be given together; a later word replaces an earlier one of its kind."""
    if not given:
        return default.every_steps, default.every_seconds
    if Every() in given and len(given) > 1:
        raise UsageError("--snapshot-every off goes with no other --snapshot-every")
    steps = [each.steps for each in given if each.steps]
    seconds = [each.seconds for each in given if each.seconds]
    return (steps or [0])[-1], (seconds or [0.0])[-1]


def _rewind(given: Given) -> AutoRewind | None:
    if given.rewind is None:
        details = (given.metric, given.spike, given.times, given.rules or None, given.skip or None)
        if any(detail is not None for detail in details):
            raise UsageError("the --rewind-... options say how; --auto-rewind STEPS says that it is wanted")
        return None
    default = AutoRewind()
    return AutoRewind(
        metric=given.metric or default.metric,
        spike=given.spike or default.spike,
        steps=given.rewind,
        times=default.times if given.times is None else given.times,
        rules=list(given.rules),
        skip=given.skip,
    )


def _number(text: str) -> float | None:
    try:
        number = float(text)
    except ValueError:
        return None
    return number if math.isfinite(number) else None
