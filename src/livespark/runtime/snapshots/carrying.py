"""What an earlier snapshot holds and the script has not asked for yet goes into newer snapshots as it is there.

A script may persist something only now and then; a run that is stopped before that must not lose it.
"""

from typing import Any

from msgspec.structs import replace

from livespark.protocol.snapshots import SavedValue
from livespark.runtime.snapshots.nodes import Leaf
from livespark.runtime.snapshots.trees import Encoder
from livespark.snapshots.opening import OpenSnapshot

__all__ = ("carried",)

_PICKLED = ("pickle", "global")


def carried(snapshot: OpenSnapshot, encoder: Encoder, key: str) -> SavedValue:
    """The persisted value `key` of `snapshot`, for the one that `encoder` makes. Raises Damaged, OSError."""
    return _Carrying(snapshot, encoder).value(snapshot.manifest.values[key])


class _Carrying:
    def __init__(self, snapshot: OpenSnapshot, encoder: Encoder) -> None:
        self._snapshot = snapshot
        self._encoder = encoder
        self._arrays: dict[int, int] = {}

    def value(self, saved: SavedValue) -> SavedValue:
        return replace(saved, tree=self._node(saved.tree))

    def _node(self, node: Any) -> Any:
        """The same node, with the new indices of arrays and pickles."""
        if isinstance(node, list):
            return [self._node(each) for each in node]
        if not isinstance(node, dict):
            return node
        made = {name: self._node(each) for name, each in node.items()}
        if "$" in node and type(node.get("i")) is int:
            made["i"] = self._pickle(node["i"]) if node["$"] in _PICKLED else self._array(node["i"])
        return made

    def _array(self, index: int) -> int:
        if index not in self._arrays:
            data = self._snapshot.array(index)
            entry = self._snapshot.manifest.arrays[index]
            self._arrays[index] = self._encoder.leaf(Leaf(entry.dtype, tuple(entry.shape), lambda: data))
        return self._arrays[index]

    def _pickle(self, index: int) -> int:
        return self._encoder.pickled(self._snapshot.pickle(index))
