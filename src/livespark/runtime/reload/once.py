"""Calls that may happen once in a process, while a script runs again: those that have happened are answered.

One table (`_RULES`): where a function lives, and what stands in for it meanwhile. A call that says something else than
the first one did goes through, and raises what it raises: nobody is told that something is so that is not.
"""

import atexit
import functools
import logging
import multiprocessing
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any, Final, NamedTuple, TypeAlias

__all__ = ("answered_once",)

_Function: TypeAlias = Callable[..., Any]


class _Script:
    """What runs again, and what it has registered since it does."""

    def __init__(self, namespaces: Iterable[dict[str, Any]]) -> None:
        self.namespaces = list(namespaces)
        self.exits: set[tuple[str, str]] = set()
        self.handlers: list[logging.Handler] = []

    def wrote(self, function: object) -> bool:
        """Whether the function is the script's own."""
        module = getattr(function, "__module__", None)
        return any(namespace.get("__name__") == module for namespace in self.namespaces)

    def calls(self, depth: int) -> bool:
        """Whether the caller, `depth` frames further out, is the script's own code."""
        names = sys._getframe(depth + 1).f_globals
        return any(namespace is names for namespace in self.namespaces)


class _Rule(NamedTuple):
    """`stand_in(original, script)` is called instead of `original`, the attribute of a module or of a class in it."""

    module: str
    attribute: str
    stand_in: Callable[[_Function, _Script], _Function]


class _Exchange(NamedTuple):
    owner: Any
    name: str
    original: _Function
    stand_in: _Function


@contextmanager
def answered_once(namespaces: Iterable[dict[str, Any]]) -> Iterator[None]:
    """Within, once-only calls that have happened do nothing. `namespaces`: of the modules that are executed again.

    Functions are exchanged where they live, and in the namespaces that have imported them by name. Training thread.
    """
    script = _Script(namespaces)
    exchanges = list(_exchanges(script))
    stand_ins = {id(each.original): each.stand_in for each in exchanges}
    originals = {id(each.stand_in): each.original for each in exchanges}
    for each in exchanges:
        setattr(each.owner, each.name, each.stand_in)
    _rebind(script.namespaces, stand_ins)
    try:
        yield
    finally:
        for each in exchanges:
            if vars(each.owner).get(each.name) is each.stand_in:
                setattr(each.owner, each.name, each.original)
        _rebind(script.namespaces, originals)


def _exchanges(script: _Script) -> Iterator[_Exchange]:
    stand_ins: dict[int, _Function] = {}
    for rule in _RULES:
        owner: Any = sys.modules.get(rule.module)
        path, _, name = rule.attribute.rpartition(".")
        if path:
            owner = getattr(owner, path, None)
        if owner is not None and (original := vars(owner).get(name)) is not None:
            stand_in = stand_ins.setdefault(id(original), functools.wraps(original)(rule.stand_in(original, script)))
            yield _Exchange(owner, name, original, stand_in)


def _rebind(namespaces: Iterable[dict[str, Any]], by_identity: dict[int, _Function]) -> None:
    for namespace in namespaces:
        for name, value in list(namespace.items()):
            if id(value) in by_identity:
                namespace[name] = by_identity[id(value)]


def _nothing_if(happened: Callable[..., bool]) -> Callable[[_Function, _Script], _Function]:
    """A rule: do nothing if it has `happened`, which is asked with the arguments of the call."""

    def rule(original: _Function, _script: _Script) -> _Function:
        return lambda *args, **kwargs: None if happened(*args, **kwargs) else original(*args, **kwargs)

    return rule


def _has_process_group(*_args: object, **_kwargs: object) -> bool:
    return bool(sys.modules["torch.distributed"].is_initialized())


def _has_start_method(method: str | None = None, force: bool = False) -> bool:
    return not force and method is not None and multiprocessing.get_start_method(allow_none=True) == method


def _has_interop_threads(count: int) -> bool:
    return bool(sys.modules["torch"].get_num_interop_threads() == count)


def _has_other_allocator(_allocator: object) -> bool:
    return bool(sys.modules["torch.cuda.memory"].get_allocator_backend() == "pluggable")


def _join_ray(original: _Function, _script: _Script) -> _Function:
    def init(*args: Any, **kwargs: Any) -> Any:
        if sys.modules["ray"].is_initialized():
            kwargs["ignore_reinit_error"] = True
        return original(*args, **kwargs)

    return init


def _replace_library(original: _Function, _script: _Script) -> _Function:
    """The library that had the same name in the same module goes, with all that it registered."""

    def init(self: Any, ns: str, kind: str, dispatch_key: str = "") -> None:
        for former in list(sys._getframe(1).f_globals.values()):
            if type(former) is type(self) and (former.ns, former.kind, former.dispatch_key) == (ns, kind, dispatch_key):
                former._destroy()
        original(self, ns, kind, dispatch_key)

    return init


def _replace_operator(original: _Function, _script: _Script) -> _Function:
    """The operator's former definition goes."""

    def define(name: Any, *args: Any, **kwargs: Any) -> Any:
        kept = sys.modules["torch.library"]._keep_alive
        for former in [former for former in kept if name in former._op_defs]:
            former._destroy()
            kept.remove(former)
        return original(name, *args, **kwargs)

    return define


class _SameName:
    """Equal to every function of this module and name: so `atexit.unregister` finds those of the former execution."""

    __hash__ = None  # type: ignore[assignment]

    def __init__(self, name: tuple[str, str]) -> None:
        self._name = name

    def __eq__(self, other: object) -> bool:
        return _name_of(other) == self._name


def _name_of(function: object) -> tuple[str, str]:
    return (str(getattr(function, "__module__", "")), str(getattr(function, "__qualname__", "")))


def _register_newest(original: _Function, script: _Script) -> _Function:
    """What the former execution registered under the same name goes."""

    def register(function: _Function, /, *args: Any, **kwargs: Any) -> Any:
        name = _name_of(function)
        if name not in script.exits and script.wrote(function):
            script.exits.add(name)
            atexit.unregister(_SameName(name))  # type: ignore[arg-type]
        return original(function, *args, **kwargs)

    return register


def _add_newest_handler(original: _Function, script: _Script) -> _Function:
    """For each handler that the script adds, one like it from before goes: no line is written twice."""

    def add(self: logging.Logger, hdlr: logging.Handler) -> None:
        if script.calls(1) and hdlr not in self.handlers:
            former = (old for old in self.handlers if old not in script.handlers and _kind(old) == _kind(hdlr))
            if (old := next(former, None)) is not None:
                self.removeHandler(old)
                old.close()
        script.handlers.append(hdlr)
        original(self, hdlr)

    return add


def _kind(handler: logging.Handler) -> tuple[object, ...]:
    """Where it writes to."""
    file = getattr(handler, "baseFilename", None)
    return (*_name_of(type(handler)), handler.name, file, None if file else id(getattr(handler, "stream", None)))


_RULES: Final = (
    _Rule("torch.distributed", "init_process_group", _nothing_if(_has_process_group)),
    _Rule("torch.distributed.distributed_c10d", "init_process_group", _nothing_if(_has_process_group)),
    _Rule("multiprocessing", "set_start_method", _nothing_if(_has_start_method)),
    _Rule("torch.multiprocessing", "set_start_method", _nothing_if(_has_start_method)),
    _Rule("torch", "set_num_interop_threads", _nothing_if(_has_interop_threads)),
    _Rule("torch.cuda.memory", "change_current_allocator", _nothing_if(_has_other_allocator)),
    _Rule("torch.cuda", "change_current_allocator", _nothing_if(_has_other_allocator)),
    _Rule("torch.library", "Library.__init__", _replace_library),
    _Rule("torch.library", "define", _replace_operator),
    _Rule("ray", "init", _join_ray),
    _Rule("atexit", "register", _register_newest),
    _Rule("logging", "Logger.addHandler", _add_newest_handler),
)
"""One object under several names (`torch.distributed` has functions of its inner module) gets one stand-in."""
