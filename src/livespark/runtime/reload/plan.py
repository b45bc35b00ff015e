"""What is to be done when new source has come: made off the training thread, from texts alone.

A plan always leads from what runs to the newest source, so a later plan takes the place of an earlier one that has not
been carried out.
"""

import ast
import sys
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from graphlib import CycleError, TopologicalSorter
from types import CodeType
from typing import Final, TypeAlias

from livespark.protocol.events import FileChange
from livespark.runtime.reload.codes import match_codes, same
from livespark.runtime.reload.compare import Difference, compare, follows, imports, on_stack
from livespark.runtime.reload.history import describe_change
from livespark.runtime.reload.names import names_in
from livespark.runtime.reload.sources import MAIN, Source, Sources

__all__ = ("Copy", "FilePlan", "Plan", "Planner")

_BINDINGS: Final = (
    *(ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef),
    *(ast.AnnAssign, ast.Import, ast.ImportFrom),
)
Copy: TypeAlias = tuple[str, str, str]

_TOO_DEEP: Final = "it is nested too deeply to be compared with what runs"


@dataclass(frozen=True)
class FilePlan:
    """What one file needs. `shown` is its path as people know it; `pairs` are old and new code of its functions.

    `modules` are the names under which it has been loaded; a script may be imported as a module, too.
    """

    modules: tuple[str, ...]
    shown: str
    before: Source
    after: Source
    difference: Difference
    pairs: tuple[tuple[CodeType, CodeType], ...]
    change: FileChange

    @property
    def is_main(self) -> bool:
        return MAIN in self.modules

    def class_source(self, qualname: str) -> str:
        """The old text of a class; empty where there was none."""
        return _segment(ast.parse(self.before.text), qualname.split("."), self.before.text)

    def names(self) -> list[str]:
        """What changed, for people: `model.Net.forward`."""
        prefix = "" if self.is_main else f"{self.modules[0].rpartition('.')[2]}."
        return [f"{prefix}{name}" for name in self.difference.changed]


@dataclass(frozen=True)
class Plan:
    """All changed files, those that others import first.

    `extras`: changed files that are no Python. `fresh`: changed files that were tried, and of which nothing runs.
    `copies`: by module, who else holds names of it: (importing module, name, its name there).
    """

    files: tuple[FilePlan, ...] = ()
    extras: tuple[str, ...] = ()
    fresh: tuple[str, ...] = ()
    copies: Mapping[str, tuple[Copy, ...]] = field(default_factory=dict)

    def __bool__(self) -> bool:
        return bool(self.files or self.extras or self.fresh)

    @property
    def concerns_what_runs(self) -> bool:
        return bool(self.files or self.extras)

    @property
    def names(self) -> list[str]:
        return [name for file in self.files for name in file.names()] + [*self.extras, *self.fresh]

    @property
    def changes(self) -> list[FileChange]:
        return [file.change for file in self.files]

    @property
    def touched(self) -> frozenset[tuple[str, str]]:
        """File and qualified name of each definition that is another now."""
        return frozenset((file.after.path, name) for file in self.files for name in file.difference.changed)

    @property
    def replaced(self) -> list[CodeType]:
        """The code that will not be executed any more."""
        return [old for file in self.files for old, new in file.pairs if not same(old, new)]

    @property
    def concerned(self) -> frozenset[tuple[str, str]]:
        """File and name of all that may mean something else now: also what is executed with a changed statement, and
        what other files call it."""
        found = {
            module: {*file.difference.changed, *_named_by(file.difference.execute)}
            for file in self.files
            for module in file.modules
        }
        open_ends = list(found)
        while open_ends:
            names = found[module := open_ends.pop()]
            for importer, name, alias in self.copies.get(module, ()):
                if name in names and alias not in found.setdefault(importer, set()):
                    found[importer].add(alias)
                    open_ends.append(importer)
        paths = {module: file.after.path for file in self.files for module in file.modules}
        return frozenset((paths.get(module, ""), name) for module, names in found.items() for name in names)

    def is_hard(self, stack: Collection[CodeType]) -> bool:
        """Whether the script has to unwind, given the code of the frames on the training thread's stack."""
        return bool(self.extras) or any(_unwinds(file, stack) for file in self.files)


def _named_by(statements: Iterable[ast.stmt]) -> set[str]:
    """What the statements bind, and, where that is not all they do, what they may change."""
    found: set[str] = set()
    for statement in statements:
        names = names_in(statement)
        found |= names.binds if _only_binds(statement) else names.binds | names.reads
    return found


def _only_binds(statement: ast.stmt) -> bool:
    if isinstance(statement, ast.Assign):
        return all(isinstance(target, ast.Name | ast.Tuple) for target in statement.targets)
    return isinstance(statement, _BINDINGS)


def _unwinds(file: FilePlan, stack: Collection[CodeType]) -> bool:
    names = {code.co_qualname for code in stack if code.co_filename == file.after.path}
    return file.difference.hard or bool(on_stack(file.difference, names))


class Planner:
    """Makes plans from what runs (`sources`). Any thread, one at a time."""

    def __init__(self, sources: Sources) -> None:
        self._sources = sources
        self._held: dict[str, tuple[str, list[Copy]]] = {}

    def plan(self, changed: Iterable[Source], extras: Iterable[str] = ()) -> Plan:
        """The plan that leads to the `changed` sources. Raises SyntaxError for one that can't be compared."""
        files, fresh = {}, []
        show = self._sources.project.display
        for after in changed:
            before = self._sources.running(after.path)
            if before is None:
                fresh.append(show(after.path))
            else:
                modules = self._sources.modules_of(after.path)
                files[modules[0]] = _compared(modules, show(after.path), before, after)
        return Plan(
            tuple(_by_dependency(files)),
            tuple(dict.fromkeys(map(show, extras))),
            tuple(fresh),
            self._who_holds_copies() if any(file.difference.execute for file in files.values()) else {},
        )

    def _who_holds_copies(self) -> dict[str, tuple[Copy, ...]]:
        holders: dict[str, list[Copy]] = {}
        for path in self._sources.paths():
            for origin, copy in self._held_by(path):
                holders.setdefault(origin, []).append(copy)
        return {module: tuple(copies) for module, copies in holders.items()}

    def _held_by(self, path: str) -> list[tuple[str, Copy]]:
        source, modules = self._sources.running(path), self._sources.modules_of(path)
        if source is None:
            return []
        digest, held = self._held.get(path, ("", []))
        if digest != source.digest:
            held = _followed(source, _package(modules[0], path))
            self._held[path] = (source.digest, held)
        return [(origin, (module, name, alias)) for origin, name, alias in held for module in modules]


def _compared(modules: tuple[str, ...], shown: str, before: Source, after: Source) -> FilePlan:
    """Raises SyntaxError: trees are walked by functions that call themselves, and Python bounds how deep."""
    try:
        return _plan_file(modules, shown, before, after)
    except RecursionError:
        raise SyntaxError(_TOO_DEEP, (after.path, 1, 1, "")) from None


def _plan_file(modules: tuple[str, ...], shown: str, before: Source, after: Source) -> FilePlan:
    trees = ast.parse(before.text), ast.parse(after.text)
    difference = compare(*trees, main=MAIN in modules)
    return FilePlan(
        modules=modules,
        shown=shown,
        before=before,
        after=after,
        difference=difference,
        pairs=tuple(match_codes(before.code, after.code)),
        change=describe_change(shown, before, after),
    )


def _followed(source: Source, package: str) -> list[Copy]:
    """What the file copies from others; what is nested too deeply to be looked at does not hold up other files."""
    try:
        return follows(ast.parse(source.text), package)
    except RecursionError:
        return []


def _segment(tree: ast.AST, names: list[str], text: str) -> str:
    node: ast.AST | None = tree
    for name in names:
        inner = ast.walk(node) if node else iter(())
        node = next((each for each in inner if isinstance(each, ast.ClassDef) and each.name == name), None)
    return (ast.get_source_segment(text, node) or "") if node else ""


def _by_dependency(files: Mapping[str, FilePlan]) -> list[FilePlan]:
    """What others import comes first; the script last; in a circle, as they come."""
    graph = {
        module: imports(ast.parse(file.after.text), _package(module, file.after.path)) & files.keys()
        for module, file in files.items()
    }
    try:
        order = list(TopologicalSorter(graph).static_order())
    except CycleError:
        order = list(files)
    return sorted((files[module] for module in order), key=lambda file: file.is_main)


def _package(module: str, path: str) -> str:
    """What a relative import in the file starts from."""
    if module == MAIN:
        return getattr(sys.modules.get(MAIN), "__package__", None) or ""
    return module if path.endswith("__init__.py") else module.rpartition(".")[0]
