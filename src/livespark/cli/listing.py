"""Runs and values as text for people. No I/O."""

import json
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any, Final

from livespark.cli.family import Relative
from livespark.cli.figures import cell_width, duration, number
from livespark.cli.plain import plain
from livespark.cli.saved import came_from
from livespark.client.values import decode, is_container
from livespark.protocol.lifecycle import TERMINAL
from livespark.protocol.live import LiveDoc
from livespark.protocol.runs import Run

__all__ = ("HEAD", "printed", "row", "sheet", "table")

HEAD: Final = ("RUN", "STATE", "STEP", "AGE", "WHAT")
_LONGEST: Final = 60
_ITEMS: Final = 20
_DESCRIBED: Final = ("array", "module", "text", "cut")


def row(relative: Relative, now: float) -> tuple[str, ...]:
    """One run's line in a list; one that stands below its parent is indented."""
    run, branch = relative
    step = "" if run.step is None else f"{run.step:,}"
    origin = f"  ({came_from(run.origin)})" if run.origin else ""
    return (branch + run.id, run.state.value, step, duration(now - run.created), what(run) + origin)


def what(run: Run) -> str:
    """The program that a run executes, as it would be typed."""
    program = f"-m {run.entry.module}" if run.entry.module else run.entry.script
    return " ".join([program, *run.entry.args])


def table(rows: Sequence[Sequence[str]]) -> list[str]:
    """Lines with aligned columns, two blanks apart."""
    rows = [[plain(cell).replace("\n", "\\n") for cell in row] for row in rows]
    widths = [max(cell_width(cell) for cell in column) for column in zip(*rows, strict=True)]
    return ["  ".join(_padded(cell, width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]


def sheet(run: Run, live: LiveDoc, now: float, more: Sequence[tuple[str, str]] = ()) -> list[str]:
    """All that is worth knowing of one run; `more` are further facts."""
    lines = table([(name, text) for name, text in (*_facts(run, now), *more) if text])
    values = list(_values(live))
    functions = [(f"{path}()", function.doc.partition("\n")[0]) for path, function in live.functions.items()]
    return lines + (["", *table(values + functions)] if values or functions else [])


def printed(value: object) -> str:
    """A decoded value in full: text as it is, what is more than data as `sheet` has it, all else as JSON."""
    shown = _readable(value)
    return shown if isinstance(shown, str) else json.dumps(shown, ensure_ascii=False, default=_listed)


def _readable(value: object) -> object:
    if isinstance(value, list):
        return [_readable(item) for item in value]
    if not isinstance(value, dict):
        return value
    if value.get("$") in _DESCRIBED:
        return _described(value)
    return {name: _readable(item) for name, item in value.items()}


def _listed(value: Any) -> object:
    """Arrays as lists, bytes as Python writes them."""
    return value.tolist() if hasattr(value, "tolist") else repr(value)


def _values(live: LiveDoc) -> Iterator[tuple[str, str]]:
    """What is exposed, of each container its first items only."""
    seen: Counter[str] = Counter()
    hidden: set[str] = set()
    for path, node in live.values.items():
        above = path.rpartition(".")[0]
        seen[above] += 1
        if above in hidden or (above and seen[above] > _ITEMS):
            hidden.add(path)
            if above not in hidden and seen[above] == _ITEMS + 1:
                yield f"{above}.…", "more; --json has them all"
        elif not is_container(node):
            yield path, _value(node)


def _facts(run: Run, now: float) -> list[tuple[str, str]]:
    until = run.ended if run.state in TERMINAL and run.ended else now
    return [
        ("run", run.id),
        ("name", run.name if run.name != run.id else ""),
        ("state", f"{run.state.value}: {run.reason}" if run.reason else run.state.value),
        ("step", "" if run.step is None else f"{run.step:,}"),
        ("time", duration(until - (run.started or run.created))),
        ("what", what(run)),
        ("where", run.cwd + (f" on {run.host}" if run.host else "")),
        ("process", str(run.pid or "")),
        ("attempt", f"{run.incarnation:,}" if run.incarnation > 1 else ""),
        ("origin", _origin(run)),
        ("error", f"{run.error.type}: {run.error.message}" if run.error else ""),
    ]


def _origin(run: Run) -> str:
    if run.origin is None:
        return ""
    return came_from(run.origin) + ("" if run.origin.step is None else f" at step {run.origin.step:,}")


def _value(node: object) -> str:
    if isinstance(node, dict) and node.get("$") in _DESCRIBED:
        return _described(node)
    value = decode(node)
    if isinstance(value, float):
        return number(value)
    text = repr(value)
    return text if len(text) <= _LONGEST else text[: _LONGEST - 1] + "…"


def _described(node: dict[str, object]) -> str:
    kind = node["$"]
    if kind == "array":
        return f"{node.get('dtype')} array of shape {node.get('shape')}"
    if kind == "module":
        return f"{node.get('type')}, {node.get('parameters'):,} parameters"
    return str(node.get("v")) if kind == "text" else f"not shown ({node.get('why')})"


def _padded(text: str, width: int) -> str:
    return text + " " * (width - cell_width(text))
