"""What can't be meant in a submit, found before anything is stored. Pure."""

import math
from collections.abc import Iterable, Iterator
from pathlib import PurePath
from typing import Any, Final, TypeAlias

from livespark.protocol.runs import Submit
from livespark.protocol.snapshots import AutoRewind, Origin, Rule, Snapshotting
from livespark.service.forking import INHERITED
from livespark.service.refusals import Refused
from livespark.snapshots.retention import parse_best

__all__ = ("check",)

_LONGEST_GUARD: Final = 10_000
_MOST_RETRIES: Final = 10_000
_MOST_KEPT: Final = 10_000
_MOST_TIMES: Final = 10_000
_MOST_KEYS: Final = 1_000
_MOST_STEPS: Final = 2**53
_LONGEST: Final = 1e9

_Findings: TypeAlias = Iterator[tuple[bool, str]]
"""Whether something is wrong, and the sentence that says so."""


def check(submit: Submit) -> None:
    """Raises Refused for what no engine could start and no worker could do."""
    for findings in (_entry(submit), _reloading(submit), _starts(submit), _snapshots(submit.snapshots)):
        for is_wrong, sentence in findings:
            if is_wrong:
                raise Refused("invalid", sentence)


def _entry(submit: Submit) -> _Findings:
    entry = submit.entry
    yield bool(entry.script) == bool(entry.module), "`entry` must name a `script` or a `module`, exactly one of them"
    yield not PurePath(submit.cwd).is_absolute(), "`cwd` must be an absolute path"
    yield not submit.python, "`python` must name an interpreter"
    yield not submit.key, "`key` must not be empty: it makes repeated submits one"
    yield any(not name or "=" in name for name in submit.env), "`env` has an empty name, or one with `=` in it"
    yield _has_nul(_texts(submit)), "no text of `entry`, `cwd`, `python`, `env` may contain NUL"


def _reloading(submit: Submit) -> _Findings:
    guard, metric = submit.reloading.guard, submit.reloading.metric
    yield not 0 <= guard <= _LONGEST_GUARD, f"`reloading.guard` must be 0 to {_LONGEST_GUARD} steps"
    yield not metric, "`reloading.metric` must name a metric, such as `loss`"


def _starts(submit: Submit) -> _Findings:
    yield not 0 <= submit.retries <= _MOST_RETRIES, f"`retries` must be 0 to {_MOST_RETRIES}"
    unknown = next((name for name in submit.inherits if name not in INHERITED), None)
    yield unknown is not None, f"`inherits`: there is no {unknown!r} to have from another run"
    yield bool(submit.inherits) and submit.origin is None, "`inherits` needs an `origin`: whose?"
    if submit.origin:
        yield from _origin(submit.origin)


def _origin(origin: Origin) -> _Findings:
    fresh = origin.fresh
    yield origin.relation == "retry", "`origin.relation` must be `resume` or `fork`; retries are the server's own"
    yield len(fresh) > _MOST_KEYS, f"`origin.fresh` may name {_MOST_KEYS} keys of persisted values at most"
    yield any(not key for key in fresh), "`origin.fresh` must name keys of persisted values; one is empty"


def _snapshots(asked: Snapshotting) -> _Findings:
    yield not 0 <= asked.every_steps <= _MOST_STEPS, "`snapshots.every_steps` must be a number of steps, or 0 for never"
    yield not 0 <= asked.every_seconds <= _LONGEST, "`snapshots.every_seconds` must be a time, or 0 for never"
    yield not 1 <= asked.keep <= _MOST_KEPT, f"`snapshots.keep` must be 1 to {_MOST_KEPT}"
    yield not 1 <= asked.keep_best <= _MOST_KEPT, f"`snapshots.keep_best` must be 1 to {_MOST_KEPT}"
    memory = 0 if asked.memory is None else asked.memory
    yield not 0 <= memory <= _MOST_KEPT, f"`snapshots.memory` must be 0 to {_MOST_KEPT}, or nothing"
    yield not _names_metric(asked.best), "`snapshots.best` must name a metric: `accuracy`, `max:accuracy`, `min:loss`"
    if asked.rewind:
        yield from _rewind(asked.rewind)


def _rewind(rewind: AutoRewind) -> _Findings:
    yield not rewind.metric, "`snapshots.rewind.metric` must name a metric, such as `loss`"
    spike = rewind.spike
    yield not (spike == 0 or 1 < spike <= _LONGEST), "`snapshots.rewind.spike` must be a factor above 1, or 0 for none"
    yield not 0 <= rewind.steps <= _MOST_STEPS, "`snapshots.rewind.steps` must be a number of steps"
    yield not 1 <= rewind.times <= _MOST_TIMES, f"`snapshots.rewind.times` must be 1 to {_MOST_TIMES}"
    yield (
        any(map(_is_wrong, rewind.rules)),
        ("`snapshots.rewind.rules` must name a value and change it by a finite number, such as `optimizer.lr *= 0.5`"),
    )


def _is_wrong(rule: Rule) -> bool:
    return not rule.path or not math.isfinite(rule.value) or (rule.operator == "/=" and rule.value == 0)


def _names_metric(best: str) -> bool:
    """Whether `best` is empty or names a metric."""
    try:
        return not best or bool(parse_best(best))
    except ValueError:
        return False


def _has_nul(texts: Iterable[str]) -> bool:
    return any("\0" in text for text in texts)


def _texts(submit: Submit) -> list[str]:
    entry: Any = submit.entry
    environment = [text for pair in submit.env.items() for text in pair]
    return [entry.script, entry.module, *entry.args, submit.cwd, submit.python, *environment]
