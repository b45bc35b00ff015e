"""Trees back into living values.

Theory: the script has made its persisted values anew. A tree is *put into* such a value: each part into the part of
the same place, the very same object wherever it can take the content, so that whoever holds it goes on holding it. What
is plain data is made new where there is nothing to fill. No tree makes anything happen but that: it can't import, call,
or choose among functions; only `load_state_dict` of the living objects is asked, and a sealed snapshot alone gives
pickles.

Three ways: `made` of a saved value tells the plain numbers and texts that the old initializer had made, `made_now`
those of the new one. Where these differ, code or config has been changed, and the new one stays.
"""

import re
import sys
from collections.abc import Callable, Sequence
from typing import Any, Final, TypeVar

from livespark.errors import LivesparkError
from livespark.protocol.snapshots import ArrayEntry, SavedValue
from livespark.runtime.snapshots import filling, numeric, objects, simple, stateful
from livespark.runtime.snapshots.nodes import MISSING, Node, Unfit, name_of
from livespark.runtime.snapshots.plain import CUT, same

__all__ = ("Putter", "Unfit")

_N = TypeVar("_N")
_Kind = Callable[["Putter", Node, Any, str], Any]
_KINDS: Final[dict[str, Any]] = {**stateful.KINDS, **filling.KINDS, **numeric.KINDS, **objects.KINDS}
_TORCH: Final = ("sparse", "shards", "lazy", "meta", "torch", "loader")
_ONLY_GROUP: Final = re.compile(r"(^|\.)param_groups\.0\.")


class Putter:
    """Puts the values of one snapshot back. Training thread.

    `array`: the bytes of an array, writable, nobody else's. `pickle`: a pickle's bytes; raises if it is not to be
    trusted. `entries`: of what type and shape the arrays are.
    """

    def __init__(
        self,
        array: Callable[[int], memoryview],
        pickle: Callable[[int], bytes],
        entries: Sequence[ArrayEntry],
    ) -> None:
        self.borrows = False
        self._array = array
        self._pickle = pickle
        self._entries = entries
        self._values: dict[int, Any] = {}
        self._used: dict[int, Any] = {}
        self._changed: set[str] = set()
        self._pinned: dict[tuple[int, str], dict[str, Any]] = {}
        self._notes: list[str] = []
        self._key = ""

    def make(self, node: Node) -> Any:
        """A new value out of plain data. Raises Unfit."""
        return self._whole(node, MISSING, set(), "what is saved can't be used: ")

    def put(self, saved: SavedValue, living: Any, made_now: dict[str, Any], key: str) -> tuple[Any, list[str]]:
        """Put what is saved into `living`, which the initializer of the persisted value `key` has made.

        `made_now`: what `plain_values` said of it then; that of `saved` for the exact content.
        -> the value, which is `living` itself if it can take the content, and sentences about what is not as it was.
        Raises Unfit; `living` may then have a part of the content.
        """
        self._key, self._notes = key, []
        problem = f"the persisted value {key!r} does not fit the snapshot: "
        kinds = [saved.type, name_of(type(living))]
        if kinds[0] != kinds[1] and not _is_flexible(saved.tree):
            saved_kind, living_kind = (kind.removeprefix("builtins:").replace(":", ".") for kind in kinds)
            raise Unfit(f"{problem}it is a {living_kind} in the script and a {saved_kind} in the snapshot")
        return self._whole(saved.tree, living, _changed(saved.made, made_now), problem), self._notes

    def _whole(self, node: Node, living: Any, changed: set[str], problem: str) -> Any:
        self._changed = changed
        try:
            return self.item(node, living, "")
        except LivesparkError as error:
            raise Unfit(f"{problem}{error}") from error
        except Exception as error:  # a damaged or hostile tree can make anything fail
            raise Unfit(f"{problem}it can't be understood ({type(error).__name__}: {error!s:.200})") from error
        finally:
            self._values.clear()
            self._used.clear()
            self.borrows = False

    def fill(self, node: Node, living: Any, path: str) -> Any:
        """The value of a part: `living` itself where it can take the content."""
        if isinstance(node, list):
            return filling.put_list(self, node, living, path)
        if not isinstance(node, dict):
            return node
        if "$" not in node:
            return filling.put_dict(self, node, living, path)
        kind = node["$"]
        if kind == "ref":
            return self._values[node["id"]]
        if kind == "enum":
            return simple.make_enum(node, living)
        if make := simple.MAKERS.get(kind):
            return make(node)
        return self._kind(kind, node)(self, node, living, path)

    def as_saved(self, node: Node, path: str, living: Any = MISSING) -> Any:
        changed, self._changed = self._changed, set()
        try:
            return self.fill(node, living, path)
        finally:
            self._changed = changed

    def _kind(self, kind: str, node: Node) -> _Kind:
        if kind in ("array", "generator") and node.get("of") not in (None, "torch"):
            return numeric.put_array if kind == "array" else numeric.put_generator
        if kind in ("array", "generator", *_TORCH) or (kind == "state" and "torch" in sys.modules):
            return _of_torch(kind)
        if kind not in _KINDS:
            raise Unfit(f"the snapshot has a value of an unknown kind: {kind!r:.40}")
        found: _Kind = _KINDS[kind]
        return found

    def item(self, node: Node, living: Any, path: str) -> Any:
        if path not in self._changed:
            return self.fill(node, living, path)
        if simple.is_scalar(node) or isinstance(node, list) or _is_tuple(node):
            self.note_kept(path, self.fill(node, MISSING, path), living)
        return self.begin(node, living)

    def begin(self, node: Node, value: _N) -> _N:
        if isinstance(node, dict) and "id" in node:
            self._values[node["id"]] = value
        self._used[id(value)] = value
        return value

    def is_free(self, living: Any, kind: type) -> bool:
        return type(living) is kind and id(living) not in self._used

    def is_kept(self, path: str) -> bool:
        return path in self._changed

    def changed_below(self, path: str) -> list[str]:
        return sorted(each for each in self._changed if not path or each.startswith(f"{path}."))

    def note(self, sentence: str) -> None:
        self._notes.append(f"{self._key}: {sentence}")

    def note_kept(self, path: str, saved: Any, living: Any) -> None:
        if "defaults" in path.split("."):  # an optimizer's; its groups tell the same
            return
        name = _ONLY_GROUP.sub(r"\1", path)
        kept = "nothing" if living is MISSING else f"{living!r:.60}"
        self._notes.append(
            f"{self._key} {name}: {kept} of the new code or config is kept (the snapshot has {saved!r:.60})"
        )

    def pin(self, group: dict[str, Any], name: str) -> None:
        self._pinned[id(group), name] = group

    def is_pinned(self, group: dict[str, Any], name: str) -> bool:
        return (id(group), name) in self._pinned

    def array(self, index: Any) -> tuple[ArrayEntry, memoryview]:
        if type(index) is not int or not 0 <= index < len(self._entries):
            raise Unfit(f"the snapshot has no array {index!r:.40}")
        return self._entries[index], self._array(index)

    def pickle(self, index: Any) -> bytes:
        if type(index) is not int or index < 0:
            raise Unfit(f"the snapshot has no pickle {index!r:.40}")
        return self._pickle(index)


def _is_flexible(tree: Node) -> bool:
    """Whether another class may take it, too: what has a `load_state_dict`, an object with such attributes."""
    return isinstance(tree, dict) and tree.get("$") in ("state", "object", "pickle")


def _is_tuple(node: Node) -> bool:
    return isinstance(node, dict) and node.get("$") == "tuple"


def _changed(made: dict[str, Any], made_now: dict[str, Any]) -> set[str]:
    """The paths where the new initializer has made something else than the old one."""
    if not made or not made_now:
        return set()
    paths = made.keys() | made_now.keys()
    if CUT in made or CUT in made_now:
        paths = (made.keys() & made_now.keys()) - {CUT}
    return {path for path in paths if not same(made.get(path, MISSING), made_now.get(path, MISSING))}


def _of_torch(kind: str) -> _Kind:
    if "torch" not in sys.modules:
        raise Unfit("the snapshot holds tensors, and the script has not imported torch")
    from livespark.runtime.snapshots import torch_values  # noqa: PLC0415 - the seam: the script has loaded torch

    found: _Kind = torch_values.KINDS[kind]
    return found
