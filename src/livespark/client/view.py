"""The exposed tree as Python objects: `s.state.loss`, `s.state.lr = 1e-4`, `s.layers[0].width`, `s.train(epochs=3)`.

Nothing is held: each read asks the run, except that reads in quick succession (one expression, one loop over a dict)
share an answer.
"""

import time
from collections.abc import Callable, Iterator
from typing import Any, Final, Protocol

from livespark.client.values import children, is_container, value_at
from livespark.protocol import paths
from livespark.protocol.live import Function, LiveDoc

__all__ = ("BoundFunction", "Tree", "View")

_SHARED: Final = 0.05


class Source(Protocol):
    """What a tree needs of its run."""

    def live(self) -> LiveDoc: ...

    def set(self, changes: str, value: Any, /) -> Any: ...

    def call(self, function: str, /, *args: Any, **kwargs: Any) -> Any: ...


class Tree:
    """Reads and writes by path. An answer is shared for `_SHARED` seconds."""

    def __init__(self, source: Source, clock: Callable[[], float] = time.monotonic) -> None:
        self._source = source
        self._clock = clock
        self._doc = LiveDoc()
        self._until = -1.0

    def doc(self) -> LiveDoc:
        if self._clock() > self._until:
            self._doc = self._source.live()
            self._until = self._clock() + _SHARED
        return self._doc

    def refresh(self) -> None:
        """The next read asks the run."""
        self._until = -1.0

    def read(self, path: str) -> Any:
        """A scalar or array as its value, a container as a View, a function as a callable. Raises KeyError."""
        doc = self.doc()
        if path in doc.functions:
            return BoundFunction(self, path, doc.functions[path])
        return View(self, path) if is_container(doc.values.get(path)) else value_at(doc, path)

    def write(self, path: str, value: Any) -> None:
        self.refresh()
        self._source.set(path, value)

    def call(self, path: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        self.refresh()
        return self._source.call(path, *args, **kwargs)


class View:
    """An exposed container.

    Its items are attributes and items alike; `s.get(path)` gives it as plain dicts and lists.
    """

    __slots__ = ("_path", "_tree")

    def __init__(self, tree: Tree, path: str) -> None:
        object.__setattr__(self, "_tree", tree)
        object.__setattr__(self, "_path", path)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        try:
            return self[name]
        except KeyError as error:
            raise AttributeError(error.args[0]) from None

    def __setattr__(self, name: str, value: Any) -> None:
        self[name] = value

    def __getitem__(self, key: str | int) -> Any:
        return self._tree.read(self._below(key))

    def __setitem__(self, key: str | int, value: Any) -> None:
        self._tree.write(self._below(key), value)

    def __contains__(self, key: object) -> bool:
        return str(key) in children(self._tree.doc(), self._path)

    def __iter__(self) -> Iterator[Any]:
        """The names in it; of a list, its items."""
        names = children(self._tree.doc(), self._path)
        return iter([self[name] for name in names] if self._is_list() else names)

    def __len__(self) -> int:
        return len(children(self._tree.doc(), self._path))

    def __dir__(self) -> list[str]:
        return children(self._tree.doc(), self._path)

    def __repr__(self) -> str:
        return repr(value_at(self._tree.doc(), self._path))

    def _below(self, key: str | int) -> str:
        if isinstance(key, int) and key < 0 and self._is_list():
            key += len(self)
        return paths.child(self._path, str(key))

    def _is_list(self) -> bool:
        node = self._tree.doc().values.get(self._path)
        return isinstance(node, dict) and node.get("$") == "list"


class BoundFunction:
    """An exposed function. Calling it executes it in the run and waits for its result."""

    def __init__(self, tree: Tree, path: str, function: Function) -> None:
        self._tree = tree
        self._path = path
        self._function = function
        self.__doc__ = function.doc or None
        self.__name__ = paths.split(path)[-1]

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return self._tree.call(self._path, args, kwargs)

    def __repr__(self) -> str:
        names = (_parameter(item.name, item.required, item.variadic) for item in self._function.parameters)
        return f"<exposed function {self._path}({', '.join(names)})>"


def _parameter(name: str, required: bool, variadic: str) -> str:
    stars = {"args": "*", "kwargs": "**"}.get(variadic, "")
    return f"{stars}{name}" if required or stars else f"{name}=..."
