"""Objects that tell their state themselves: `state_dict()` gives it, `load_state_dict(state)` takes it."""

from collections.abc import Callable
from typing import Any, Final

from livespark.runtime.snapshots.nodes import MISSING, Encoding, Node, Putting, Unfit, Unsavable, joined, name_of

__all__ = ("KINDS", "check_kind", "encode", "has_state", "load", "merged", "put", "state_of")


def has_state(value: Any) -> bool:
    """Whether the value's class has both methods."""
    cls = type(value)
    return (
        not isinstance(value, type)
        and callable(getattr(cls, "state_dict", None))
        and callable(getattr(cls, "load_state_dict", None))
    )


def encode(encoder: Encoding, value: Any, path: str) -> Node:
    """MISSING for an object without such methods. Raises Unsavable."""
    if not has_state(value):
        return MISSING
    node: dict[str, Node] = encoder.begin(value, {"$": "state", "type": name_of(type(value))})
    node["tree"] = encoder.node(state_of(value, path), f"{path}.state_dict()")
    if groups := groups_of(value):
        node["more"] = {"groups": [_hyperparameters(encoder, group, path) for group in groups]}
    return node


def state_of(value: Any, path: str) -> Any:
    """What its `state_dict` gives. Raises Unsavable when that raises."""
    try:
        return value.state_dict()
    except Exception as error:
        raise Unsavable(f"{path} can't be saved: its state_dict() raised {error!r:.200}") from error


def groups_of(value: Any) -> list[dict[str, Any]]:
    """The parameter groups of a scheduler's optimizer: making a scheduler changes their learning rates."""
    optimizer = getattr(value, "__dict__", {}).get("optimizer")
    groups = getattr(optimizer, "param_groups", None)
    return [group for group in groups if isinstance(group, dict)] if isinstance(groups, list) else []


def _hyperparameters(encoder: Encoding, group: dict[str, Any], path: str) -> dict[str, Node]:
    return {
        name: encoder.node(part, f"{path}.optimizer.param_groups[...][{name!r}]")
        for name, part in group.items()
        if name not in ("params", "param_names")
    }


def load(value: Any, state: Any, path: str) -> None:
    """Raises Unfit when its `load_state_dict` raises."""
    try:
        value.load_state_dict(state)
    except Exception as error:
        text = " ".join(str(error).split())
        raise Unfit(f"{joined(path, 'load_state_dict')} raised {type(error).__name__}: {text:.500}") from error


def check_kind(node: Node, living: Any, path: str) -> None:
    """Raises Unfit where the state is that of an object of another class; the class may have moved."""
    names = [name.replace(":", ".") for name in (name_of(type(living)), node["type"])]
    if type(living).__qualname__ != node["type"].partition(":")[2]:
        raise Unfit(f"{path or 'it'} is a {names[0]} in the script and a {names[1]} in the snapshot")


def put(putting: Putting, node: Node, living: Any, path: str) -> Any:
    if living is MISSING or not has_state(living):
        raise Unfit(f"{path or 'it'} is a {node['type'].replace(':', '.')} in the snapshot, and not so in the script")
    check_kind(node, living, path)
    putting.begin(node, living)
    if state := putting.as_saved(node["tree"], path):
        load(living, merged(putting, state, living, path), path)
    for group, saved in zip(groups_of(living), node.get("more", {}).get("groups", []), strict=False):
        for name, part in saved.items():
            if not putting.is_pinned(group, name):
                group[name] = putting.fill(part, group.get(name, MISSING), joined(path, name))
    return living


def merged(putting: Putting, state: Any, living: Any, path: str) -> Any:
    """The state, with what new code or config has changed."""
    if changed := putting.changed_below(path):
        now = state_of(living, path)
        for name in changed:
            _take_over(putting, state, now, path, name.removeprefix(path).strip(".").split("."))
    return state


def _take_over(putting: Putting, state: Any, now: Any, path: str, parts: list[str]) -> None:
    *outer, last = parts
    for part in outer:
        path = joined(path, part)
        state, now = _part(state, part), _part(now, part)
    saved, kept = _part(state, last), _part(now, last)
    if isinstance(state, dict) and kept is not MISSING:
        putting.note_kept(joined(path, last), saved, kept)
        state[last] = kept


def _part(value: Any, name: str) -> Any:
    if isinstance(value, dict):
        return value.get(name, MISSING)
    if isinstance(value, list | tuple) and name.isdecimal() and int(name) < len(value):
        return value[int(name)]
    return MISSING


KINDS: Final[dict[str, Callable[[Putting, Node, Any, str], Any]]] = {"state": put}
"""How a tagged node is put into a living value, by its kind."""
