"""Objects of the script's own classes, attribute by attribute; functions and classes by name; the rest by pickle.

An object's attributes are put into the living one, past what its class does when an attribute is set. Where there is no
living one (an item of a list that has grown), one is made without executing anything of its class; only of a class that
the script itself has loaded, that is neither Python's own nor that of a large library, and that does nothing when its
objects end. Functions and classes are taken from where the living value has them, else from a pickle, which only
a sealed snapshot may give.
"""

import io
import pickle
import sys
from collections import Counter, OrderedDict, defaultdict, deque
from collections.abc import Callable
from types import BuiltinFunctionType, FunctionType, MethodType, ModuleType
from typing import Any, Final, cast
from weakref import ReferenceType

from livespark.runtime.reload import memory
from livespark.runtime.snapshots import containers, filling
from livespark.runtime.snapshots.nodes import (
    MISSING,
    Encoding,
    Node,
    Putting,
    Unfit,
    Unsavable,
    find,
    joined,
    name_of,
    slots,
)
from livespark.runtime.snapshots.stateful import has_state

__all__ = ("KINDS", "attributes_of", "encode", "put_attributes")

_HEAP: Final = 1 << 9
"""`Py_TPFLAGS_HEAPTYPE`: the class was made by a class statement, or like one."""
_WORD: Final = tuple.__itemsize__
_BASES: Final = (OrderedDict, defaultdict, Counter, dict, list, set, deque, object)
_OWN_WAYS: Final = (
    "__reduce__",
    "__reduce_ex__",
    "__getstate__",
    "__setstate__",
    "__getnewargs__",
    "__getnewargs_ex__",
)
_NAMED: Final = (FunctionType, BuiltinFunctionType, type)
_FOREIGN: Final = frozenset({"torch", "numpy", "livespark", *sys.stdlib_module_names}) - {"__main__"}


def encode(encoder: Encoding, value: Any, path: str) -> Node:
    """Raises Unsavable."""
    if isinstance(value, ModuleType):
        return {"$": "library", "name": value.__name__}
    if isinstance(value, MethodType):
        return {"$": "method", "name": name_of(value.__func__)}
    if isinstance(value, _NAMED):
        return _named(encoder, value, path)
    if what := _what_stays(value):
        raise Unsavable(f"{path} is {what}, which can't be saved")
    if _has_own_ways(type(value)) or not (base := _base(type(value))):
        return _pickled(encoder, value, path)
    return _object(encoder, value, base, path)


def _what_stays(value: Any) -> str:
    if isinstance(value, ReferenceType):
        return "a weak reference"
    return memory._what_stays(value)


def _named(encoder: Encoding, value: Any, path: str) -> Node:
    if isinstance(value, FunctionType) and "<" in value.__qualname__:
        what = "a lambda" if value.__name__ == "<lambda>" else f"the function {value.__name__}, made inside another,"
        raise Unsavable(f"{path} is {what} which can't be saved: name it at the top of a module")
    node = _pickled(encoder, value, path)
    return {"$": "global", "name": f"{value.__module__}:{value.__qualname__}", "i": node["i"]}


class _Pickler(pickle.Pickler):
    """Raises Unsavable for what has living counterparts that a copy would lose."""

    def persistent_id(self, value: Any) -> None:
        if has_state(value) or _is_tensor(value):
            raise Unsavable(f"it holds a {type(value).__name__}")


def _is_tensor(value: Any) -> bool:
    torch = sys.modules.get("torch")
    return torch is not None and isinstance(value, torch.Tensor | torch.Generator)


def _pickled(encoder: Encoding, value: Any, path: str) -> Node:
    buffer = io.BytesIO()
    try:
        _Pickler(buffer, protocol=4).dump(value)
    except Exception as error:
        base = _base(type(value))
        if base and not isinstance(value, _NAMED):
            return _object(encoder, value, base, path)
        raise Unsavable(f"{path} is a {type(value).__name__}, which can't be saved ({error!s:.150})") from None
    node = {"$": "pickle", "i": encoder.pickled(buffer.getvalue()), "type": type(value).__qualname__}
    return node if isinstance(value, _NAMED) else encoder.begin(value, node)


def _has_own_ways(cls: type) -> bool:
    """Whether the class says itself how its objects are pickled."""
    return any(
        way in vars(base) for base in cls.__mro__ if base not in _BASES and base.__flags__ & _HEAP for way in _OWN_WAYS
    )


def _base(cls: type) -> type | None:
    """The container that objects of the class are, `object` if none; None if they hold more than Python can see."""
    base = next((each for each in cls.__mro__ if not each.__flags__ & _HEAP), object)
    if base not in _BASES or issubclass(cls, type):
        return None
    room = base.__basicsize__ + _WORD * (2 + len(slots(cls)))
    return base if cls.__basicsize__ <= room else None


def _object(encoder: Encoding, value: Any, base: type, path: str) -> Node:
    node: dict[str, Node] = encoder.begin(value, {"$": "object", "type": name_of(type(value))})
    if base is not object:
        node["content"] = _content(encoder, value, base, path)
    node["attributes"] = {
        name: encoder.node(part, f"{path}.{name}") for name, part in attributes_of(value).items() if type(name) is str
    }
    return node


def _content(encoder: Encoding, value: Any, base: type, path: str) -> Node:
    if issubclass(base, dict):
        return containers.pairs(encoder, value, path)
    return [encoder.node(item, f"{path}[{index}]") for index, item in enumerate(cast(Any, base).__iter__(value))]


def attributes_of(value: Any) -> dict[str, Any]:
    """What the object's `__dict__` and slots hold."""
    found = dict(getattr(value, "__dict__", {}))
    for name, slot in slots(type(value)).items():
        try:
            found[name] = slot.__get__(value)
        except AttributeError:
            continue
    return found


def _put_object(putting: Putting, node: Node, living: Any, path: str) -> Any:
    fits = _is_alike(type(living), node["type"]) and putting.is_free(living, type(living))
    value = putting.begin(node, living if fits else _new(node["type"], path))
    if "content" in node:
        _put_content(putting, node["content"], value, path)
    put_attributes(putting, node["attributes"], value, path)
    return value


def _is_alike(cls: type, name: str) -> bool:
    """Whether this may be the class of that name; it may have moved to another module."""
    return cls.__qualname__ == name.partition(":")[2] and _base(cls) is not None


def _put_content(putting: Putting, nodes: list[Node], value: Any, path: str) -> None:
    if isinstance(value, dict):
        filling.fill_mapping(putting, nodes, value, path)
        return
    base: Any = _base(type(value))
    items = [putting.fill(node, MISSING if base is set else part, path) for node, part in _beside(nodes, value, base)]
    base.clear(value)
    (set.update if base is set else base.extend)(value, items)


def _beside(nodes: list[Node], value: Any, base: Any) -> list[tuple[Node, Any]]:
    living = list(base.__iter__(value))
    return list(zip(nodes, living + [MISSING] * (len(nodes) - len(living)), strict=False))


def put_attributes(putting: Putting, nodes: dict[str, Node], value: Any, path: str) -> None:
    """The object has these attributes, in this order, then those that only new code gives it."""
    living = attributes_of(value)
    found = {name: putting.item(node, living.get(name, MISSING), joined(path, name)) for name, node in nodes.items()}
    found |= {name: part for name, part in living.items() if name not in nodes and putting.is_kept(joined(path, name))}
    places = slots(type(value))
    for name in places.keys() & living.keys():
        places[name].__delete__(value)
    attributes = getattr(value, "__dict__", {})
    attributes.clear()
    for name, part in found.items():
        if part is not MISSING and name in places:
            places[name].__set__(value, part)
        elif part is not MISSING:
            attributes[name] = part


def _new(name: str, path: str) -> Any:
    """An object without content of a class of the script."""
    cls = find(name)
    base: Any = _base(cls) if isinstance(cls, type) else None
    if base is None or hasattr(cls, "__del__") or str(cls.__module__).partition(".")[0] in _FOREIGN:
        raise Unfit(f"{path or 'a value'} is a {name.replace(':', '.')} in the snapshot, which the script has not made")
    return base.__new__(cls)


def _put_global(putting: Putting, node: Node, living: Any, path: str) -> Any:
    if isinstance(living, _NAMED) and name_of(living) == node["name"]:
        return living
    return _put_pickle(putting, node, living, path)


def _put_pickle(putting: Putting, node: Node, _living: Any, path: str) -> Any:
    data = putting.pickle(node["i"])
    try:
        value = pickle.loads(data)  # noqa: S301 - only a sealed snapshot gives one
    except Exception as error:
        raise Unfit(f"{path or 'a value'} can't be unpickled ({error!r:.200})") from None
    return putting.begin(node, value)


def _put_living(_putting: Putting, node: Node, living: Any, path: str) -> Any:
    """Python modules and methods: the script itself must have the same."""
    found = living.__func__ if isinstance(living, MethodType) else living
    name = found.__name__ if isinstance(found, ModuleType) else getattr(found, "__qualname__", "")
    if name and node["name"].rpartition(":")[2] == name:
        return living
    raise Unfit(f"{path or 'a value'} is {node['name'].replace(':', '.')} in the snapshot, and not so in the script")


KINDS: Final[dict[str, Callable[[Putting, Node, Any, str], Any]]] = {
    "object": _put_object,
    "global": _put_global,
    "pickle": _put_pickle,
    "library": _put_living,
    "method": _put_living,
}
"""How a tagged node is put into a living value, by its kind."""
