"""Arrays, scalars and random generators of NumPy, and Python's generators.

NumPy itself is taken from where the script has loaded it.
"""

import math
import random
import sys
from collections.abc import Callable
from typing import Any, Final

from livespark.runtime.snapshots.nodes import MISSING, Encoding, Leaf, Node, Putting, Unfit, Unsavable, joined

__all__ = ("KINDS", "encode", "is_numeric", "put_array")

_DTYPES: Final = {
    "<f8": "F64",
    "<f4": "F32",
    "<f2": "F16",
    "<i8": "I64",
    "<i4": "I32",
    "<i2": "I16",
    "|i1": "I8",
    "<u8": "U64",
    "<u4": "U32",
    "<u2": "U16",
    "|u1": "U8",
    "|b1": "BOOL",
    "<c8": "C64",
}
"""safetensors' names for NumPy's."""
_BITS: Final = ("MT19937", "PCG64", "PCG64DXSM", "Philox", "SFC64")


def _numpy() -> Any:
    return sys.modules.get("numpy")


def _generators() -> tuple[type, ...]:
    found: Any = sys.modules.get("numpy.random")
    return (found.Generator, found.RandomState, found.BitGenerator) if found else ()


def is_numeric(value: Any) -> bool:
    """Whether the value is an array or a generator of NumPy, or a generator of Python."""
    numpy = _numpy()
    return isinstance(value, random.Random) or (
        numpy is not None and isinstance(value, (numpy.ndarray, numpy.generic, *_generators()))
    )


def encode(encoder: Encoding, value: Any, path: str) -> Node:
    """MISSING for what is none of these. Raises Unsavable."""
    if type(value) in (random.Random, random.SystemRandom):
        return _random(encoder, value, path)
    numpy = _numpy()
    if numpy is None:
        return MISSING
    if isinstance(value, numpy.memmap):
        raise Unsavable(f"{path} is a memory-mapped file, which can't be saved")
    if type(value) is numpy.ndarray and not value.dtype.names:
        return _array(encoder, value, path)
    if isinstance(value, numpy.generic) and value.dtype.kind not in "VO":
        return {"$": "number", "dtype": value.dtype.str, "v": value.tobytes().hex()}
    return _generator(encoder, value, path) if isinstance(value, _generators()) else MISSING


def _array(encoder: Encoding, value: Any, path: str) -> Node:
    shape = tuple(map(int, value.shape))
    if value.dtype.hasobject:
        node: dict[str, Node] = encoder.begin(value, {"$": "objects", "shape": list(shape)})
        node["items"] = [encoder.node(item, f"{path}[...]") for item in value.ravel().tolist()]
        return node
    data, name = value.tobytes(), _DTYPES.get(value.dtype.str)
    form = (name, shape) if name else ("U8", (len(data),))
    node = {"$": "array", "of": "numpy", "i": encoder.leaf(Leaf(*form, lambda: memoryview(data)))}
    if name is None:
        node |= {"dtype": value.dtype.str, "shape": list(shape)}
    return encoder.begin(value, node)


def _random(encoder: Encoding, value: random.Random, path: str) -> Node:
    if isinstance(value, random.SystemRandom):
        return encoder.begin(value, {"$": "generator", "of": "system"})
    node = encoder.begin(value, {"$": "generator", "of": "python"})
    node["state"] = encoder.node(value.getstate(), path)
    return node


def _generator(encoder: Encoding, value: Any, path: str) -> Node:
    by_method = hasattr(value, "get_state")
    state = value.get_state(legacy=False) if by_method else getattr(value, "bit_generator", value).state
    node = encoder.begin(value, {"$": "generator", "of": "numpy", "class": type(value).__name__})
    return _with_state(encoder, node, state, path)


def _with_state(encoder: Encoding, node: dict[str, Node], state: Any, path: str) -> Node:
    node["bits"] = state["bit_generator"]
    node["state"] = encoder.node(state, path)
    return node


def put_array(putting: Putting, node: Node, living: Any, _path: str) -> Any:
    """An array of numbers of NumPy."""
    numpy = _needed()
    entry, data = putting.array(node["i"])
    if "dtype" in node:
        dtype, shape = numpy.dtype(str(node["dtype"])), tuple(node["shape"])
    else:
        dtype, shape = _dtype(numpy, entry.dtype), tuple(entry.shape)
    numbers = (numpy.frombuffer(data, dtype) if data.nbytes else numpy.empty(0, dtype)).reshape(shape)
    if _takes(putting, living, shape, dtype):
        living[...] = numbers
        return putting.begin(node, living)
    return putting.begin(node, numbers.copy())


def _takes(putting: Putting, living: Any, shape: tuple[int, ...], dtype: Any) -> bool:
    return (
        putting.is_free(living, _needed().ndarray)
        and (living.shape, living.dtype) == (shape, dtype)
        and bool(living.flags.writeable)
    )


def _dtype(numpy: Any, name: str) -> Any:
    for text, known in _DTYPES.items():
        if known == name:
            return numpy.dtype(text)
    raise Unfit(f"the snapshot has an array of {name}, which NumPy does not know")


def _needed() -> Any:
    if numpy := _numpy():
        return numpy
    raise Unfit("the snapshot holds arrays of NumPy, which the script has not imported")


def _objects(putting: Putting, node: Node, living: Any, path: str) -> Any:
    numpy = _needed()
    if len(node["items"]) != math.prod(node["shape"]):
        raise Unfit(f"{path or 'an array'} has {len(node['items'])} items in the snapshot, which is not its shape")
    fits = _takes(putting, living, tuple(node["shape"]), numpy.dtype(object))
    array = putting.begin(node, living if fits else numpy.empty(node["shape"], object))
    for index, (item, part) in enumerate(zip(node["items"], array.ravel().tolist(), strict=True)):
        array.flat[index] = putting.fill(item, part, joined(path, index))
    return array


def _number(_putting: Putting, node: Node, _living: Any, _path: str) -> Any:
    numpy = _needed()
    dtype = numpy.dtype(str(node["dtype"]))
    data = bytes.fromhex(node["v"])
    return numpy.frombuffer(data, dtype)[0] if data else dtype.type()


def put_generator(putting: Putting, node: Node, living: Any, path: str) -> Any:
    """A random generator that is not torch's."""
    if node["of"] == "system":
        return putting.begin(node, living if isinstance(living, random.SystemRandom) else random.SystemRandom())
    state = putting.fill(node["state"], MISSING, path)
    if node["of"] == "python":
        generator = putting.begin(node, living if putting.is_free(living, random.Random) else random.Random())
        generator.setstate(state)
        return generator
    value = putting.begin(node, living if _is_of(putting, living, node) else _new_generator(node))
    if hasattr(value, "set_state"):
        value.set_state(state)
    else:
        getattr(value, "bit_generator", value).state = state
    return value


def _is_of(putting: Putting, living: Any, node: Node) -> bool:
    if not isinstance(living, _generators()) or type(living).__name__ != node["class"]:
        return False
    bits = getattr(living, "bit_generator", None) or getattr(living, "_bit_generator", living)
    return putting.is_free(living, type(living)) and type(bits).__name__ == node["bits"]


def _new_generator(node: Node) -> Any:
    found = _needed().random
    if node["bits"] not in _BITS or node["class"] not in ("Generator", "RandomState", node["bits"]):
        raise Unfit(f"the snapshot has a random generator of an unknown kind: {node['class']!r:.40}")
    bits = getattr(found, node["bits"])(0)
    return bits if node["class"] == node["bits"] else getattr(found, node["class"])(bits)


KINDS: Final[dict[str, Callable[[Putting, Node, Any, str], Any]]] = {"objects": _objects, "number": _number}
"""How a tagged node is put into a living value, by its kind."""
