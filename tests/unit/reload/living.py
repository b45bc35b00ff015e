"""A module that lives and is edited, for the tests of the patcher: what a reload does to it, without its triggers."""

import builtins
import itertools
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from types import ModuleType
from typing import Any

from livespark.runtime.reload.codes import match_codes
from livespark.runtime.reload.patch.patcher import Patcher
from livespark.runtime.reload.undo import Undo

__all__ = ("Living",)

_numbers = itertools.count()


class Living:
    """`before` is executed as a module of its own. `exchange` and `execute` are two ways to take new source."""

    def __init__(self, before: str, name_of: Callable[[object], str | None] = lambda _: None) -> None:
        self.module = ModuleType(f"living_{next(_numbers)}")
        sys.modules[self.module.__name__] = self.module
        self.names: dict[str, Any] = vars(self.module)
        self.names["hold"] = {}
        self.name_of = name_of
        self.notes: list[str] = []
        self.code = compile(before, "living.py", "exec")
        exec(self.code, self.names)

    def see(self, expression: str) -> Any:
        """The value of an expression in the module; what it keeps in `hold` stays through edits."""
        return eval(expression, self.names)

    def exchange(self, after: str) -> Undo:
        """Only bodies changed: code objects are exchanged, nothing is executed."""
        undo, code = Undo(), compile(after, "living.py", "exec")
        patcher = Patcher(undo, self.name_of)
        patcher.exchange(match_codes(self.code, code), [self.names])
        patcher.clear_compiled()
        self.notes = patcher.notes
        former, self.code = self.code, code
        undo.later(lambda: setattr(self, "code", former))
        return undo

    def execute(self, after: str, only: dict[str, frozenset[str]] | None = None) -> Undo:
        """Everything is executed again, classes are matched at once, names when they are bound. Raises what is raised,
        everything being taken back."""
        undo, former, former_code = Undo(), dict(self.names), self.code
        patcher = Patcher(undo, self.name_of)
        undo.later(lambda: setattr(self, "code", former_code))
        undo.later(partial(_put_back, self.names, former))
        try:
            with _classes_matched(patcher, former, only):
                self.code = compile(after, "living.py", "exec")
                exec(self.code, self.names)
            for name in [name for name in former if not name.startswith("__")]:
                if isinstance(former[name], type) or callable(former[name]):
                    self.names[name] = patcher.adopt(former[name], self.names[name])
        except BaseException:
            undo.roll_back()
            raise
        patcher.clear_compiled()
        return undo


def _put_back(names: dict[str, Any], former: dict[str, Any]) -> None:
    names.clear()
    names.update(former)


@contextmanager
def _classes_matched(
    patcher: Patcher, former: dict[str, Any], only: dict[str, frozenset[str]] | None
) -> Iterator[None]:
    build: Any = builtins.__build_class__

    def build_class(body: Any, name: str, /, *bases: Any, **keywords: Any) -> Any:
        made = build(body, name, *bases, **keywords)
        old = former.get(made.__qualname__)
        if not isinstance(old, type) or made.__module__ != former["__name__"]:
            return made
        return patcher.adopt_class(old, made, only[made.__qualname__] if only is not None else None)

    builtins.__build_class__ = build_class
    try:
        yield
    finally:
        builtins.__build_class__ = build
