"""One reload being carried out on the training thread, and everything that is needed to take it back.

In this order: functions get their new code, wherever they live; changed statements of the modules are executed, those
first that others import; copies that other files hold (`from m import f`) follow; objects that live already are
brought up to date, or the reload is refused.
"""

import ast
import importlib
import sys
from collections.abc import Callable, Iterable, Mapping
from contextlib import ExitStack
from functools import partial
from types import FunctionType, ModuleType
from typing import Any, Final, TypeAlias

from livespark.runtime.program import Program
from livespark.runtime.reload.instrument import instrument
from livespark.runtime.reload.matching import Former, Matching
from livespark.runtime.reload.patch.patcher import Patcher
from livespark.runtime.reload.plan import FilePlan, Plan
from livespark.runtime.reload.sources import MAIN, Source, Sources
from livespark.runtime.reload.undo import Undo

__all__ = ("Renewal",)

_LASTING: Final = (FunctionType, type, ModuleType, str, int, float, bool, type(None))
"""What stays bound to a name of the script until the script's next execution binds it. Nothing that keeps a tensor."""

_MISSING: Final = object()
Changes: TypeAlias = dict[str, tuple[Any, Any]]
"""By name, what it meant and what it means now."""


class Renewal:
    """`soft`: in place. Otherwise the script is executed again (`run_main`) after its modules have been renewed."""

    def __init__(
        self, plan: Plan, sources: Sources, name_of: Callable[[object], str | None], *, soft: bool = False
    ) -> None:
        self.plan = plan
        self.soft = soft
        self._sources = sources
        self._undo = Undo()
        self._patcher = Patcher(self._undo, name_of, self._old_source)
        self._matching = Matching(self._patcher)
        self._changed: dict[str, Changes] = {}
        self._open = ExitStack()

    def apply(self) -> None:
        """Renew modules and functions; softly also the script's. Raises Refusal, and what the new statements raise."""
        places = [
            (file, module)
            for file in self.plan.files
            for module in file.modules
            if module in sys.modules and (self.soft or module != MAIN)
        ]
        self._undo.later(partial(_forget_modules, frozenset(sys.modules), self._sources))
        importlib.invalidate_caches()  # for modules whose files have just been made
        for file in self.plan.files:
            self._install(file.before, file.after)
        pairs = [pair for file in self.plan.files for pair in file.pairs]
        self._patcher.exchange(pairs, [_names(module) for file in self.plan.files for module in file.modules])
        with self._matching.under_way():
            for file, module in places:
                self._execute(file, module)
        self._follow_copies()
        for file, module in places:
            self._renew_instances(file, module)
        self._patcher.clear_compiled()

    def run_main(self, program: Program, source: Source) -> None:
        """Execute the script again. Raises what it raises."""
        file = next((file for file in self.plan.files if file.is_main), None)
        names = program.names
        former = {name: value for name, value in names.items() if _lasts(name, value)}
        self._undo.later(partial(_put_back, names, former))
        gone = file.difference.unbound if file else ()
        self._matching.add(source.path, _former(file, former, whole=True))
        code = instrument(ast.parse(source.text).body, source.code)
        with self._open:
            self._open.enter_context(self._matching.under_way())
            program.execute(code, {name: value for name, value in former.items() if name not in gone})

    def settle(self) -> None:
        """The script has come to its first checkpoint: what it defines from now on is its own affair."""
        self._open.close()

    def migrate(self, living: object, undone: Callable[[], object]) -> bool:
        """Let an object follow by its `__livespark_migrate__`. -> whether it has one. Raises what that raises.

        `undone` is called if this is taken back.
        """
        self._undo.later(undone)
        return self._patcher.migrate(living)

    def on_undo(self, action: Callable[[], object]) -> None:
        """To be done, too, if this is taken back."""
        self._undo.later(action)

    def commit(self) -> None:
        """The new code stays."""
        self._undo.forget()

    def roll_back(self) -> None:
        """Put everything back as it was."""
        self._patcher.clear_compiled()  # while the modules still have the names that compiled code uses
        self._undo.roll_back()

    @property
    def notes(self) -> list[str]:
        """What goes on with its old code, as sentences."""
        return self._patcher.notes

    def _old_source(self, cls: type) -> str:
        file = next((file for file in self.plan.files if cls.__module__ in file.modules), None)
        return file.class_source(cls.__qualname__) if file else ""

    def _install(self, before: Source, after: Source) -> None:
        self._undo.later(partial(self._sources.install, before))
        self._sources.install(after)

    def _execute(self, file: FilePlan, module: str) -> None:
        difference, names = file.difference, _names(module)
        former = dict(names)
        self._undo.later(partial(_put_back, names, former))
        if difference.execute:
            self._matching.add(file.after.path, _former(file, former, whole=False))
            exec(instrument(list(difference.execute), file.after.code), names)  # noqa: S102 - the user's new code
        for name in {*difference.removed, *difference.unbound}:
            names.pop(name, None)
        self._changed[module] = {
            name: (former.get(name, _MISSING), value)
            for name, value in names.items()
            if former.get(name, _MISSING) is not value
        }

    def _follow_copies(self) -> None:
        """Other files' copies of names that are bound to something else now."""
        open_ends = list(self._changed.items())
        while open_ends:
            module, changed = open_ends.pop()
            for importer, name, alias in self.plan.copies.get(module, ()):
                taken = self._starred(module, importer, changed) if name == "*" else _renamed(changed, name, alias)
                if set_here := self._rebind(importer, taken):
                    open_ends.append((importer, set_here))

    def _starred(self, module: str, importer: str, changed: Changes) -> Changes:
        """What `from module import *` gives: names that have changed, unless the importer has bound them otherwise."""
        names, theirs = _names(module), _names(importer)
        offered = names.get("__all__", [name for name in names if not name.startswith("_")])
        all_of_it = {name: (_MISSING, value) for name, value in names.items()} if "__all__" in changed else {}
        given = {**all_of_it, **changed}
        return {
            name: given[name]
            for name in offered
            if name in given and (name not in theirs or theirs[name] is given[name][0])
        }

    def _rebind(self, importer: str, taken: Changes) -> Changes:
        names, changed = _names(importer), {}
        for name, (_, value) in taken.items():
            if (old := names.get(name, _MISSING)) is not value:
                self._undo.set_item(names, name, value)
                changed[name] = (old, value)
        return changed

    def _renew_instances(self, file: FilePlan, module: str) -> None:
        for qualname, attributes in file.difference.makes.items():
            cls = Former(_names(module)).find(qualname)
            if isinstance(cls, type):
                self._patcher.renew_instances(cls, attributes, file.class_source(qualname))


def _former(file: FilePlan | None, names: Mapping[str, Any], *, whole: bool) -> Former:
    if file is None:
        return Former(names)
    members = None if whole else file.difference.members
    return Former(names, members, file.difference.makes if whole else {})


def _renamed(changed: Changes, name: str, alias: str) -> Changes:
    return {alias: changed[name]} if name in changed else {}


def _names(module: str) -> dict[str, Any]:
    loaded = sys.modules.get(module)
    return vars(loaded) if loaded else {}


def _lasts(name: str, value: object) -> bool:
    return isinstance(value, _LASTING) or (name.startswith("__") and name.endswith("__"))


def _put_back(names: dict[str, Any], former: Mapping[str, Any]) -> None:
    names.clear()
    names.update(former)


def _forget_modules(known: Iterable[str], sources: Sources) -> None:
    """Modules of the project that were loaded for the first time are loaded again when they are needed."""
    files = frozenset(sources.paths())
    for name in [name for name, module in sys.modules.items() if name not in known]:
        if getattr(sys.modules[name], "__file__", None) in files and name != "__main__":
            del sys.modules[name]
