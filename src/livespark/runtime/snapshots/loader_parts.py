"""A persisted DataLoader: the generators and counters of it and its samplers, not its data. Imported only with torch.

Where a loop over it stands, the loop knows.
"""

import random
from collections.abc import Iterator
from typing import Any, Final

import torch
from torch.utils.data import DataLoader

from livespark.runtime.snapshots import numeric, simple
from livespark.runtime.snapshots.nodes import Encoding, Node, Putting, Unfit, joined, name_of

__all__ = ("encode", "put")

_DEEPEST: Final = 4
_SKIPPED: Final = ("dataset", "data_source")
_SAMPLERS: Final = ("sampler", "batch_sampler", "generator")


def _parts(owner: Any, names: Any, path: str, depth: int = 0) -> Iterator[tuple[str, Any, str, Any]]:
    """Path, owner, name and value of each generator and plain scalar in the samplers."""
    for name in names:
        value = getattr(owner, "__dict__", {}).get(name)
        full = joined(path, name)
        if _is_generator(value) or (depth and simple.is_scalar(value) and value is not None):
            yield full, owner, name, value
        elif depth < _DEEPEST and name not in _SKIPPED and isinstance(getattr(value, "__dict__", None), dict):
            yield from _parts(value, list(vars(value)), full, depth + 1)


def _is_generator(value: Any) -> bool:
    numpy_array = hasattr(value, "shape")
    return isinstance(value, torch.Generator | random.Random) or (numeric.is_numeric(value) and not numpy_array)


def encode(encoder: Encoding, loader: DataLoader[Any], path: str) -> Node:
    node: dict[str, Node] = encoder.begin(loader, {"$": "loader", "type": name_of(type(loader))})
    node["parts"] = {full: encoder.node(value, f"{path}.{full}") for full, _, _, value in _parts(loader, _SAMPLERS, "")}
    return node


def put(putting: Putting, node: Node, living: Any, path: str) -> Any:
    """What the living loader has of these."""
    if not isinstance(living, DataLoader):
        raise Unfit(f"{path or 'it'} is a loader in the snapshot, and not so in the script")
    putting.begin(node, living)
    places = {full: (owner, name, value) for full, owner, name, value in _parts(living, _SAMPLERS, "")}
    for full, saved in node["parts"].items():
        if full in places:
            owner, name, value = places[full]
            vars(owner)[name] = putting.item(saved, value, joined(path, full))
    return living
