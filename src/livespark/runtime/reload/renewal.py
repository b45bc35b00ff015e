"""One reload being carried out on the training thread, and everything that is needed to take it back.

In this order: functions get their new code, wherever they live; changed statements of the modules are executed, those
first that others import; copies that other files hold (`from m import f`) follow; objects that live already are
brought up to date, or the reload is refused.
"""

import ast
import importlib
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import ExitStack
from functools import partial
from types import FunctionType, ModuleType
from typing import Any, Final

from livespark.runtime.program import Program
from livespark.runtime.reload.copies import Copies
from livespark.runtime.reload.derived import derived_from, stale_members
from livespark.runtime.reload.instrument import instrument
from livespark.runtime.reload.matching import Former, Matching
from livespark.runtime.reload.namespaces import Changes, changes, names_of, put_back
from livespark.runtime.reload.outline import outline
from livespark.runtime.reload.patch.patcher import Patcher
from livespark.runtime.reload.plan import FilePlan, Plan
from livespark.runtime.reload.sources import MAIN, Source, Sources
from livespark.runtime.reload.undo import Undo

__all__ = ("Renewal",)

_LASTING: Final = (FunctionType, type, ModuleType, str, int, float, bool, type(None))
"""What stays bound to a name of the script until the script's next execution binds it. Nothing that keeps a tensor."""


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
        self._copies = Copies(plan.copies, self._undo, self._derive)
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
        self._patcher.exchange(pairs, [names_of(module) for file in self.plan.files for module in file.modules])
        with self._matching.under_way():
            for file, module in places:
                self._copies.follow(module, self._execute(file, module))
        for file, module in places:
            self._renew_instances(file, module)
        self._patcher.clear_compiled()

    def run_main(self, program: Program, source: Source) -> None:
        """Execute the script again. Raises what it raises."""
        file = next((file for file in self.plan.files if file.is_main), None)
        names = program.names
        former = {name: value for name, value in names.items() if _lasts(name, value)}
        self._undo.later(partial(put_back, names, former))
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

    def let_go(self, leaving: frozenset[int]) -> None:
        """Objects, by `id`, that nothing will use any more: they need not follow."""
        self._patcher.leaving |= leaving

    def on_undo(self, action: Callable[[], object]) -> None:
        """To be done, too, if this is taken back."""
        self._undo.later(action)

    def commit(self) -> None:
        """The new code stays."""
        self._undo.forget()

    def roll_back(self) -> None:
        """Put everything back as it was. Raises what kept some of it from that; then all else has been put back."""
        try:
            self._patcher.clear_compiled()  # while the modules still have the names that compiled code uses
        finally:
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

    def _execute(self, file: FilePlan, module: str) -> Changes:
        names = names_of(module)
        former = _former(file, dict(names), whole=False)
        changed = self._run(file.after, names, former, file.difference.execute)
        for name in {*file.difference.removed, *file.difference.unbound}:
            names.pop(name, None)
        return changed

    def _run(self, source: Source, names: dict[str, Any], former: Former, statements: Sequence[ast.stmt]) -> Changes:
        self._undo.later(partial(put_back, names, former.names))
        if statements:
            self._matching.add(source.path, former)
            exec(instrument(list(statements), source.code), names)  # noqa: S102 - the user's new code
        return changes(former.names, names)

    def _derive(self, module: str, imported: frozenset[str]) -> Changes:
        """What a file only computes from names that it has imported, when these mean something else."""
        names = names_of(module)
        source = self._sources.running(names.get("__file__", ""))
        if source is None or (module == MAIN and not self.soft):
            return {}
        statements = derived_from(outline(ast.parse(source.text), main=module == MAIN), imported)
        values = imported.union(*(statement.keeps for statement in statements))
        members = [stale_members(each, values) for statement in statements for each in statement.definitions]
        former = Former(dict(names), {name: stale for each in members for name, stale in each.items()})
        return self._run(source, names, former, [statement.node for statement in statements])

    def _renew_instances(self, file: FilePlan, module: str) -> None:
        for qualname, attributes in file.difference.makes.items():
            cls = Former(names_of(module)).find(qualname)
            if isinstance(cls, type):
                self._patcher.renew_instances(cls, attributes, file.class_source(qualname))


def _former(file: FilePlan | None, names: Mapping[str, Any], *, whole: bool) -> Former:
    if file is None:
        return Former(names)
    members = None if whole else file.difference.members
    return Former(names, members, file.difference.makes if whole else {})


def _lasts(name: str, value: object) -> bool:
    return isinstance(value, _LASTING) or (name.startswith("__") and name.endswith("__"))


def _forget_modules(known: Iterable[str], sources: Sources) -> None:
    """Modules of the project that were loaded for the first time are loaded again when they are needed."""
    files = frozenset(sources.paths())
    for name in [name for name, module in sys.modules.items() if name not in known]:
        if getattr(sys.modules[name], "__file__", None) in files and name != "__main__":
            _drop_from_package(name, sys.modules.pop(name))


def _drop_from_package(name: str, module: ModuleType) -> None:
    """`from package import name` takes what the package has, before it looks for a file."""
    package, _, last = name.rpartition(".")
    names = names_of(package)
    if names.get(last) is module:
        del names[last]
