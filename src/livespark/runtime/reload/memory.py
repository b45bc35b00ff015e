"""A copy in memory of the persisted values, which can be put back into the very same objects.

Theory: of every mutable object that can be reached, once, the content of that one object is kept: the references in it,
for a tensor or an array its numbers. Shared references and cycles need no care then, and since references are put back
as they were, whoever holds one of the objects (an optimizer its parameters, a closure the model) goes on holding it.
Code is no content: classes, functions and modules are left to the reload itself.
"""

import random
import sys
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from enum import Enum
from functools import partial
from io import IOBase
from types import BuiltinFunctionType, CodeType, FunctionType, MemberDescriptorType, ModuleType
from typing import Any, Final, TypeAlias

from livespark.runtime.reload import contents

__all__ = ("Memory",)

_Restore: TypeAlias = Callable[[], object]
_Path: TypeAlias = tuple[Any, str]
"""The path of the owner (None: there is none), and what to write after it."""

_PLAIN: Final = frozenset(
    {int, float, str, bool, type(None), bytes, complex, type, range, slice, property, CodeType, ModuleType}
    | {FunctionType, BuiltinFunctionType, MemberDescriptorType}
)
"""Values of these types have no content that could change, or none that is ours."""

_LEFT_OUT: Final = {
    "threading": "a thread or lock",
    "_thread": "a lock",
    "queue": "a queue",
    "_queue": "a queue",
    "multiprocessing": "a process, or what processes share",
    "subprocess": "a process",
    "concurrent": "an executor, or what it gives",
    "asyncio": "a part of an event loop",
    "_asyncio": "a part of an event loop",
    "socket": "a socket",
    "_socket": "a socket",
    "sqlite3": "a database",
    "mmap": "a memory-mapped file",
}
"""What can't be copied, by the package its class, or one of its bases, comes from."""

_WIRING: Final = frozenset(
    {"livespark", "logging", "weakref", "_weakref", "_weakrefset", "re", "pathlib", "datetime", "importlib"}
)
_TORCH_WIRING: Final = ("torch._dynamo", "torch._inductor", "torch._functorch", "torch._C", "torch.fx")
"""Objects from here belong to the machinery around the values, or never change."""


class Memory:
    """The content of all persisted values at one moment. `left_out`: sentences about what could not be copied."""

    def __init__(self, values: Mapping[str, Any]) -> None:
        self.left_out: list[str] = []
        self._values = dict(values)
        self._restores: list[tuple[_Path, _Restore]] = []
        self._seen: dict[int, object] = {}
        self._tensors: dict[object, Any] = {}
        self._open: list[tuple[_Path, Any]] = []

    @classmethod
    def take(cls, values: Mapping[str, Any]) -> "Memory":
        """Copy what is in `values` now, each tensor on its device. Training thread.

        Raises what the device raises that has no room for the copies.
        """
        memory = cls(values)
        memory._add((((None, str(key)), value) for key, value in values.items()))
        while memory._open:
            memory._keep(*memory._open.pop())
        memory._tensors.clear()
        memory._seen.clear()
        return memory

    def put_back(self, values: dict[str, Any]) -> None:
        """The same objects are in `values` again, with their content from then. May be repeated. Training thread.

        An object that refuses its content keeps what it has, and `left_out` says so.
        """
        values.clear()
        values.update(self._values)
        for path, restore in self._restores:
            try:
                restore()
            except Exception as error:
                self.left_out.append(f"{_text(path)} could not be put back: {error!r:.200}")

    def _add(self, found: Iterable[tuple[_Path, Any]]) -> None:
        self._open += [(path, value) for path, value in found if type(value) not in _PLAIN]

    def _keep(self, path: _Path, value: Any) -> None:
        if id(value) in self._seen:
            return
        self._seen[id(value)] = value
        if isinstance(value, (type, Enum)) or _is_wiring(value):
            return
        if what := _what_stays(value):
            self._leave_out(path, what)
        elif not self._keep_numbers(path, value):
            self._keep_content(path, value)

    def _leave_out(self, path: _Path, what: str) -> None:
        self.left_out.append(f"{_text(path)} is {what}, which can't be copied: it stays as it is")

    def _keep_numbers(self, path: _Path, value: Any) -> bool:
        """Arrays, tensors and random generators. -> whether it was one."""
        if isinstance(value, random.Random):
            if not isinstance(value, random.SystemRandom):
                self._restores.append((path, partial(value.setstate, value.getstate())))
            return True
        numpy = sys.modules.get("numpy")
        if numpy and isinstance(value, numpy.ndarray):
            return self._keep_array(path, value, is_file=isinstance(value, numpy.memmap))
        if numpy and isinstance(value, _numpy_generators()):
            self._restores.append((path, partial(_restore_numpy, value, *_numpy_state(value))))
            return True
        return "torch" in sys.modules and self._keep_tensor(path, value)

    def _keep_array(self, path: _Path, array: Any, *, is_file: bool) -> bool:
        if is_file:
            self._leave_out(path, _LEFT_OUT["mmap"])
        elif array.flags.writeable:
            self._restores.append((path, partial(_restore_array, array, array.copy())))
        if array.dtype.hasobject:
            self._add(((path, "[...]"), item) for item in array.ravel().tolist())
        return True

    def _keep_tensor(self, path: _Path, value: Any) -> bool:
        from livespark.runtime.reload import tensors  # noqa: PLC0415 - the seam: the script has loaded torch

        if not tensors.is_kept(value):
            return False
        try:
            self._restores += [(path, restore) for restore in tensors.keep(value, self._tensors)]
        except tensors.Uncopyable as error:
            self._leave_out(path, str(error))
        self._add(((path, f".{name}"), part) for name, part in tensors.parts(value))
        return True

    def _keep_content(self, path: _Path, value: Any) -> None:
        self._restores += [(path, restore) for restore in contents.keep(value)]
        if isinstance(value, list | deque | tuple | set | frozenset) and _PLAIN.issuperset(map(type, value)):
            return
        self._add(((path, name), part) for name, part in contents.parts(value))


def _text(path: _Path) -> str:
    parts: list[str] = []
    step: _Path | None = path
    while step is not None:
        step, part = step
        parts.append(part)
    return "".join(reversed(parts))


def _is_wiring(value: Any) -> bool:
    module = str(type(value).__module__)
    if module.startswith(_TORCH_WIRING):
        return not hasattr(value, "state_dict") and not hasattr(value, "get_state")
    return module.partition(".")[0] in _WIRING


def _what_stays(value: Any) -> str:
    """What this is, if it can't be copied; else empty."""
    for base in type(value).__mro__:
        if what := _LEFT_OUT.get(str(base.__module__).partition(".")[0]):
            return what
        if base.__name__ == "_BaseDataLoaderIter":
            return "the iterator of a DataLoader"
    if isinstance(value, IOBase):
        return "a file"
    if isinstance(value, Iterator) and not contents.is_object(value):
        return f"an iterator ({type(value).__name__})"
    return ""


def _restore_array(array: Any, kept: Any) -> None:
    if array.shape != kept.shape:
        array.resize(kept.shape, refcheck=False)
    array[...] = kept


def _numpy_generators() -> tuple[type, ...]:
    numpy: Any = sys.modules.get("numpy.random")
    return (numpy.Generator, numpy.RandomState, numpy.BitGenerator) if numpy else ()


def _numpy_state(value: Any) -> tuple[bool, Any]:
    """Whether the state is had by a method, and the state."""
    if hasattr(value, "get_state"):
        return True, value.get_state(legacy=False)
    return False, getattr(value, "bit_generator", value).state


def _restore_numpy(value: Any, by_method: bool, state: Any) -> None:
    if by_method:
        value.set_state(state)
    else:
        getattr(value, "bit_generator", value).state = state
