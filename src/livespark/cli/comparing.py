"""How one snapshot differs from another. Arrays are the same where they are bit for bit."""

from collections.abc import Iterator, Mapping
from typing import Any

from msgspec import UNSET, Struct

from livespark.cli.contents import Array, Opaque, each, leaves
from livespark.cli.detail import shape, shown
from livespark.cli.listing import table
from livespark.protocol import codec
from livespark.protocol.snapshots import ArrayEntry, Manifest
from livespark.snapshots.opening import OpenSnapshot

__all__ = ("Change", "Difference", "difference")


class Change(Struct, frozen=True, omit_defaults=True):
    """What differs at one place: the value (as a node), version, hash or form before and after; unset where it is not
    there."""

    name: str
    before: Any = UNSET
    after: Any = UNSET


class Difference(Struct, frozen=True):
    """`values`: numbers and texts in persisted values. `arrays`: those that differ; `same_arrays`: how many do not."""

    values: list[Change]
    arrays: list[Change]
    same_arrays: int
    config: list[Change]
    code: list[Change]
    packages: list[Change]

    def lines(self) -> list[str]:
        """For people; none where nothing differs."""
        found: list[str] = []
        for title in ("values", "arrays", "config", "code", "packages"):
            changes: list[Change] = getattr(self, title)
            if changes:
                same = f", {self.same_arrays:,} are the same" if title == "arrays" else ""
                found += [*([""] if found else []), f"{title}{same}", *_table(changes)]
        return found


def difference(before: OpenSnapshot, after: OpenSnapshot) -> Difference:
    """Every place where the second one is not as the first."""
    old, new = before.manifest, after.manifest
    arrays, same = _arrays(before, after)
    return Difference(
        values=_changes(_plain(old), _plain(new)),
        arrays=arrays,
        same_arrays=same,
        config=_changes(_config(old), _config(new)),
        code=_changes(_short(old.code), _short(new.code)),
        packages=_changes(old.packages | {"python": old.python}, new.packages | {"python": new.python}),
    )


def _changes(old: Mapping[str, Any], new: Mapping[str, Any]) -> list[Change]:
    """In the order of the old one, and then what is only in the new one."""
    names = dict.fromkeys((*old, *new))
    return [
        Change(name, old.get(name, UNSET), new.get(name, UNSET))
        for name in names
        if (name in old) is not (name in new) or not _is_same(old.get(name), new.get(name))
    ]


def _is_same(one: Any, other: Any) -> bool:
    """1 and 1.0 and true are not the same."""
    return type(one) is type(other) and bool(one == other)


def _plain(manifest: Manifest) -> dict[str, Any]:
    found = ((path, leaf) for path, leaf in leaves(manifest) if not isinstance(leaf, Array))
    return {path: codec.to_node(leaf.what if isinstance(leaf, Opaque) else leaf) for path, leaf in found}


def _config(manifest: Manifest) -> dict[str, Any]:
    config = codec.from_node(manifest.config)
    return {name: codec.to_node(value) for key, item in config.items() for name, value in each(item, key)}


def _arrays(before: OpenSnapshot, after: OpenSnapshot) -> tuple[list[Change], int]:
    old, new = (dict(_indexes(each.manifest)) for each in (before, after))
    changed, same = [], 0
    for path in dict.fromkeys((*old, *new)):
        if path in old and path in new and _is_same_array(before, old[path], after, new[path]):
            same += 1
        else:
            forms = [_form(each.manifest, found.get(path)) for each, found in ((before, old), (after, new))]
            changed.append(Change(path, *forms))
    return changed, same


def _indexes(manifest: Manifest) -> Iterator[tuple[str, int]]:
    return ((path, leaf.index) for path, leaf in leaves(manifest) if isinstance(leaf, Array))


def _is_same_array(before: OpenSnapshot, old: int, after: OpenSnapshot, new: int) -> bool:
    one, other = before.manifest.arrays[old], after.manifest.arrays[new]
    if (one.dtype, one.shape) != (other.dtype, other.shape):
        return False
    return _place(one) == _place(other) or before.array(old) == after.array(new)


def _place(entry: ArrayEntry) -> tuple[str, int, int]:
    """Where its bytes are; the file's name is the hash of what is in it."""
    return entry.object, entry.start, entry.end


def _form(manifest: Manifest, index: int | None) -> Any:
    return UNSET if index is None else shape(manifest.arrays[index].dtype, manifest.arrays[index].shape)


def _short(hashes: Mapping[str, str]) -> dict[str, str]:
    return {path: hash[:12] for path, hash in hashes.items()}


def _table(changes: list[Change]) -> list[str]:
    return [f"  {line}" for line in table([(_readable(each.name), _words(each)) for each in changes])]


def _readable(path: str) -> str:
    """Names with dots are those of submodules, and the outermost module's is empty."""
    return path.replace("\\.", ".").replace("..", ".")


def _words(change: Change) -> str:
    """`0.1 -> 0.05`; an array whose form is as before has other numbers."""
    if change.before is UNSET:
        return f"added: {shown(change.after)}"
    if change.after is UNSET:
        return f"removed: {shown(change.before)}"
    if _is_same(change.before, change.after):
        return f"{shown(change.after)}, other content"
    return f"{shown(change.before)} -> {shown(change.after)}"
