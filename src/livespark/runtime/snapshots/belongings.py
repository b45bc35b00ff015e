"""What modules and optimizers have besides what their `state_dict` gives: plain data, and objects with a state.

Imported only when the script itself has imported torch. Private attributes belong to it, too, if a class of the script
may have set them: what torch itself keeps under private names is not state. Objects with a state are those that a
`state_dict` does not reach: modules in plain lists, an optimizer around another one.
"""

from collections.abc import Iterator
from contextlib import suppress
from typing import Any, Final

import torch

from livespark.runtime.snapshots import numeric, simple, stateful
from livespark.runtime.snapshots.nodes import MISSING, Encoding, Node, Putting, Unfit, Unsavable, joined

__all__ = ("attributes", "encode", "put_attributes", "put_parts")

_DEEPEST: Final = 4
_CONTAINERS: Final = (list, tuple, dict, set)
_TORCHS: Final = frozenset(vars(torch.nn.Module())) | {"param_groups", "state"}
_MACHINERY: Final = ("__", "_torchdynamo", "_fsdp", "_is_fsdp")


def _is_data(value: Any, depth: int = 0) -> bool:
    """Whether an attribute is plain data, an array, a generator, or a container of these."""
    if type(value) in _CONTAINERS:
        parts = [*value, *value.values()] if isinstance(value, dict) else value
        return depth < _DEEPEST and all(_is_data(part, depth + 1) for part in parts)
    if isinstance(value, torch.Tensor):
        return type(value) is torch.Tensor and value.is_leaf
    return isinstance(value, torch.Generator) or numeric.is_numeric(value) or simple.is_data(value)


def _holds_state(value: Any, depth: int = 0) -> bool:
    """Whether it is an object with a state, or a container of some."""
    if type(value) in (list, tuple, dict):
        parts = value.values() if isinstance(value, dict) else value
        return depth < _DEEPEST and any(_holds_state(part, depth + 1) for part in parts)
    return stateful.has_state(value)


def _own(owner: Any) -> Iterator[tuple[str, Any]]:
    """The attributes that the script's classes may have set."""
    for name, value in vars(owner).items():
        if name in _TORCHS or name.startswith(_MACHINERY):
            continue
        if not name.startswith("_") or not _is_torchs(type(owner)):
            yield name, value


def _is_torchs(cls: type) -> bool:
    return all(base.__module__.partition(".")[0] in ("torch", "builtins", "typing") for base in cls.__mro__)


def attributes(owner: Any) -> Iterator[tuple[str, Any]]:
    """The attributes that are data."""
    return ((name, value) for name, value in _own(owner) if _is_data(value))


def encode(encoder: Encoding, owner: Any, path: str) -> tuple[dict[str, Node], dict[str, Node]]:
    """The attributes that are data, and those with objects that have a state; as far as they can be saved."""
    data: dict[str, Node] = {}
    parts: dict[str, Node] = {}
    for name, value in _own(owner):
        nodes = data if _is_data(value) else parts
        if nodes is data or _holds_state(value):
            with suppress(Unsavable):
                nodes[name] = encoder.node(value, joined(path, name))
    return data, parts


def put_attributes(putting: Putting, nodes: dict[str, Node], owner: Any, path: str) -> None:
    """The object has these attributes, and goes on having the others."""
    living = vars(owner)
    for name, node in nodes.items():
        value = putting.item(node, living.get(name, MISSING), joined(path, name))
        if value is not MISSING:
            living[name] = value


def put_parts(putting: Putting, nodes: dict[str, Node], owner: Any, path: str) -> None:
    """The objects of the script have their state; where it has none for it, that is noted."""
    living = vars(owner)
    for name, node in nodes.items():
        try:
            living[name] = putting.fill(node, living.get(name, MISSING), joined(path, name))
        except Unfit as error:
            putting.note(f"{joined(path, name)} is as the script makes it: {error}")
