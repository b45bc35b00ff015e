"""A copy in memory of the persisted values, which can be put back into the very same objects.

Theory: of every mutable object that can be reached, once, the content of that one object is kept: the references in it,
for a tensor or an array its numbers. Shared references and cycles need no care then, and since references are put back
as they were, whoever holds one of the objects (an optimizer its parameters, a closure the model) goes on holding it.
Code is no content: classes, functions and modules are left to the reload itself.
"""

import gc
import random
import sys
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from enum import Enum
from functools import partial
from io import IOBase
from types import BuiltinFunctionType, CodeType, FunctionType, MemberDescriptorType, ModuleType
from typing import Any, Final, Protocol, TypeAlias

from livespark.runtime.reload import arrays, contents

__all__ = ("Copying", "Memory", "uncollected")

_Restore: TypeAlias = Callable[[], object]
_Path: TypeAlias = tuple[Any, str]
"""The path of the owner (None: there is none), and what to write after it."""
_Way: TypeAlias = Callable[[_Path, Any], None]

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
_TORCH_WIRING: Final = (
    "torch._dynamo",
    "torch._inductor",
    "torch._functorch",
    "torch._C",
    "torch.fx",
    "torch.distributed",
)
"""Objects from here belong to the machinery around the values, or never change, but for those of `_CONTENT`."""
_CONTENT: Final = ("state_dict", "get_state", "to_local")


@contextmanager
def uncollected() -> Iterator[None]:
    """Python looks for garbage later: among many new objects, all of which stay, it would look several times."""
    paused = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if paused:
            gc.enable()


class Copying(Protocol):
    """Who copies the tensors: `tensors.Copies`, or what does the same with them elsewhere."""

    def copy(self, tensor: Any, /) -> Any:
        """Of the same shape; nobody else will change it. Raises `tensors.Uncopyable`, or that there is no room."""


class Memory:
    """The content of all persisted values at one moment. `left_out`: sentences about what could not be copied."""

    def __init__(self, values: Mapping[str, Any], copies: Copying | None = None) -> None:
        self.left_out: list[str] = []
        self._values = dict(values)
        self._paths: list[_Path] = []
        self._restores: list[_Restore] = []
        self._copies = copies
        self._seen: dict[int, object] = {}
        self._open: list[tuple[_Path, Any]] = []
        self._ways: dict[type, _Way] = {}

    @classmethod
    def take(cls, values: Mapping[str, Any], copies: Copying | None = None) -> "Memory":
        """Copy what is in `values` now, the tensors by `copies`: without it, each on its device. Training thread.

        Raises what the device raises that has no room for the copies.
        """
        memory = cls(values, copies)
        memory._add((((None, str(key)), value) for key, value in values.items()))
        with uncollected():
            while memory._open:
                memory._keep(*memory._open.pop())
        memory._copies = None
        memory._seen.clear()
        memory._ways.clear()
        return memory

    def put_back(self, values: dict[str, Any]) -> None:
        """The same objects are in `values` again, with their content from then. May be repeated. Training thread.

        An object that refuses its content keeps what it has, and `left_out` says so.
        """
        values.clear()
        values.update(self._values)
        for path, restore in zip(self._paths, self._restores, strict=True):
            try:
                restore()
            except Exception as error:
                sentence = f"{_text(path)} could not be put back: {error!r:.200}"
                self.left_out += [sentence] if sentence not in self.left_out else []

    def _add(self, found: Iterable[tuple[_Path, Any]]) -> None:
        self._open += [(path, value) for path, value in found if type(value) not in _PLAIN]

    def _keep(self, path: _Path, value: Any) -> None:
        if id(value) in self._seen:
            return
        self._seen[id(value)] = value
        kind = type(value)
        way = self._ways.get(kind)
        if way is None:
            way = self._ways[kind] = self._way(value)
        way(path, value)

    def _way(self, value: Any) -> _Way:
        """How values of this one's class are kept."""
        if isinstance(value, (type, Enum)) or _is_wiring(value):
            return _ignore
        if what := _what_stays(value):
            return partial(self._leave_out, what)
        if isinstance(value, random.Random):
            return _ignore if isinstance(value, random.SystemRandom) else self._keep_random
        numpy = sys.modules.get("numpy")
        if numpy and isinstance(value, numpy.ndarray):
            return partial(self._leave_out, _LEFT_OUT["mmap"]) if isinstance(value, numpy.memmap) else self._keep_array
        if numpy and isinstance(value, arrays.generator_types()):
            return self._keep_numpy
        return self._tensor_way(value) or self._keep_content

    def _tensor_way(self, value: Any) -> _Way | None:
        if "torch" not in sys.modules:
            return None
        from livespark.runtime.reload import tensors  # noqa: PLC0415 - the seam: the script has loaded torch

        if not tensors.is_kept(value):
            return None
        if self._copies is None:
            self._copies = tensors.Copies()
        return partial(self._keep_tensor, tensors, self._copies)

    def _restore_later(self, path: _Path, restore: _Restore) -> None:
        self._paths.append(path)
        self._restores.append(restore)

    def _leave_out(self, what: str, path: _Path, _value: Any) -> None:
        self.left_out.append(f"{_text(path)} is {what}, which can't be copied: it stays as it is")

    def _keep_random(self, path: _Path, value: random.Random) -> None:
        self._restore_later(path, partial(value.setstate, value.getstate()))

    def _keep_numpy(self, path: _Path, value: Any) -> None:
        self._restore_later(path, arrays.keep_generator(value))

    def _keep_array(self, path: _Path, array: Any) -> None:
        if array.flags.writeable:
            self._restore_later(path, arrays.keep_array(array))
        if array.dtype.hasobject:
            self._add(((path, "[...]"), item) for item in array.ravel().tolist())

    def _keep_tensor(self, tensors: Any, copies: Copying, path: _Path, value: Any) -> None:
        """`tensors`: the module, which this one must not import."""
        for where, keep in (("", tensors.keep), (".grad", tensors.keep_grad)):
            try:
                restore = keep(value, copies)
            except tensors.Uncopyable as error:
                self._leave_out(str(error), (path, where), value)
            else:
                if restore is not None:
                    self._restore_later((path, where) if where else path, restore)
        if attributes := tensors.attributes(value):
            self._add((((path, ".__dict__"), attributes),))

    def _keep_content(self, path: _Path, value: Any) -> None:
        for restore in contents.keep(value):
            self._restore_later(path, restore)
        if isinstance(value, list | deque | tuple | set | frozenset) and _PLAIN.issuperset(map(type, value)):
            return
        self._add(((path, name), part) for name, part in contents.parts(value))


def _ignore(_path: _Path, _value: Any) -> None: ...


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
        return not any(hasattr(value, name) for name in _CONTENT)
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
