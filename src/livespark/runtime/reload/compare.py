"""How two versions of a file differ, as far as it matters for what runs. Pure.

Where something stands never matters, so moving definitions around, comments and formatting are no change. The order of
other statements does matter.
"""

import ast
from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from difflib import SequenceMatcher
from itertools import chain, repeat
from typing import Final

from livespark.runtime.reload.definitions import DefinitionChanges, by_name
from livespark.runtime.reload.derived import Derivation
from livespark.runtime.reload.imported import follows, imports
from livespark.runtime.reload.made import initializers
from livespark.runtime.reload.names import bound_name
from livespark.runtime.reload.outline import Definition, Outline, Statement, outline
from livespark.runtime.reload.syntax import changed_line, lines

__all__ = ("Difference", "compare", "follows", "imports", "on_stack")

_BINDINGS: Final = (ast.Assign, ast.AnnAssign, ast.AugAssign, ast.Import, ast.ImportFrom, ast.Delete)


@dataclass(frozen=True)
class Difference:
    """True when anything changed in substance. Names of definitions are qualified (`Net.forward`).

    `bodies`: functions of which only what is inside the body changed. `redefined`: outermost definitions that must be
    executed again. `members`: of each class that is executed again, what it takes from the new one; it keeps the rest.
    `added`, `removed`: definitions at module level; `removed` ones are not bound otherwise either. `unbound`: names the
    old version bound at module level and the new does not. `execute`: statements of the new tree, in order. `hard`: a
    statement that is no definition and no import changed. `changed`: what changed, for people, in the order of lines.
    `makes`: of classes, the attributes their initializers make now and did not make before. `made_differently`: classes
    that initialize their objects otherwise. `moved`: statements stand on other lines.
    """

    bodies: tuple[str, ...]
    redefined: tuple[str, ...]
    members: Mapping[str, frozenset[str]]
    added: tuple[str, ...]
    removed: tuple[str, ...]
    unbound: tuple[str, ...]
    execute: tuple[ast.stmt, ...]
    hard: bool
    changed: tuple[str, ...]
    makes: Mapping[str, frozenset[str]]
    made_differently: tuple[str, ...]
    moved: bool

    def __bool__(self) -> bool:
        return bool(self.changed or self.execute)


def compare(old: ast.Module, new: ast.Module, *, main: bool) -> Difference:
    """What leads from the `old` version of a file to the `new` one. `main`: the file is executed as `__main__`."""
    comparison = _Comparison(outline(old, main=main), outline(new, main=main))
    comparison.run()
    return comparison.difference(moved=list(lines(old)) != list(lines(new)))


def on_stack(difference: Difference, names: Collection[str]) -> frozenset[str]:
    """Those of the changed names that run at the moment, given the qualified names of the code that does."""
    running = {name.partition(".<locals>")[0] for name in names}
    return frozenset(
        changed for changed in difference.changed if any(f"{name}.".startswith(f"{changed}.") for name in running)
    )


class _Comparison:
    """`again`: numbers of the new statements that must be executed because they changed."""

    def __init__(self, old: Outline, new: Outline) -> None:
        self.old, self.new = old, new
        self.definitions = DefinitionChanges()
        self.again: set[int] = set()
        self.hard = False
        self.added: dict[str, None] = {}
        self.gone: dict[str, None] = {}
        self._changed: list[tuple[int, str]] = []
        self._fresh: dict[int, frozenset[str]] = {}
        self._lost: set[str] = set(self.old.binds - self.new.binds)
        self._aligned: dict[int, int] = {}
        """Unchanged statements: number in the old version, number in the new one."""

    def run(self) -> None:
        self._compare_statements()
        self._compare_imports()
        self._compare_definitions()
        self._compare_documentation()

    def difference(self, *, moved: bool) -> Difference:
        execute = self._execute()
        executed = [each for number in execute for each in self.new.statements[number].definitions]
        names = dict.fromkeys(definition.name for definition in executed)
        unbound = self.old.binds - self.new.binds
        makes, differently = _made(self.old, self.new) if self.definitions.changed or self.gone else ({}, ())
        return Difference(
            bodies=tuple(self.definitions.bodies),
            redefined=tuple(name for name in names if name not in self.added),
            members={
                name: members for name, members in self.definitions.members.items() if name.partition(".")[0] in names
            },
            added=tuple(self.added),
            removed=tuple(name for name in self.gone if name in unbound),
            unbound=tuple(sorted(unbound)),
            execute=tuple(self.new.statements[number].node for number in execute),
            hard=self.hard,
            changed=tuple(dict.fromkeys(name for _, name in sorted(self._changed + self.definitions.changed))),
            makes=makes,
            made_differently=differently,
            moved=moved,
        )

    def _execute(self) -> list[int]:
        last = {
            name: self._aligned.get(number)
            for number, statement in enumerate(self.old.statements)
            for name in statement.keeps
        }
        derivation = Derivation(self.new, last, frozenset(self._lost), self._fresh)
        execute = derivation.extend(frozenset(self.again))
        for number, values in derivation.values_before(execute):
            for definition in self.new.statements[number].definitions if number in execute else ():
                self.definitions.take_stale(definition, values)
        return sorted(execute)

    def _compare_statements(self) -> None:
        olds, news = _numbered(self.old, "other"), _numbered(self.new, "other")
        matcher = SequenceMatcher(
            None, [each.skeleton for _, each in olds], [each.skeleton for _, each in news], autojunk=False
        )
        for tag, low, high, start, end in matcher.get_opcodes():
            if tag == "equal":
                self._aligned.update((a[0], b[0]) for a, b in zip(olds[low:high], news[start:end], strict=True))
                continue
            self.hard = True
            self._lost |= _kept(olds[low:high]) - _kept(news[start:end])
            befores = chain((each.node for _, each in olds[low:high]), repeat(None))
            for (number, statement), before in zip(news[start:end], befores, strict=False):
                self._execute_again(number, statement, statement.keeps, changed_line(before, statement.node))
            if start == end:
                line = news[start][1].node.lineno if start < len(news) else self._last_line()
                self._changed += [(line, _label(statement, line)) for _, statement in olds[low:high]]

    def _compare_imports(self) -> None:
        olds, news = _numbered(self.old, "import"), _numbered(self.new, "import")
        places: dict[str, list[int]] = {}
        for number, statement in news:
            places.setdefault(statement.skeleton, []).append(number)
        for number, statement in olds:
            if found := places.get(statement.skeleton):
                self._aligned[number] = found.pop(0)
        known = Counter(each for _, statement in olds for each in _imported(statement))
        aligned = set(self._aligned.values())
        self._lost |= _kept([each for each in olds if each[0] not in self._aligned]) - _kept(
            [each for each in news if each[0] not in aligned]
        )
        for number, statement in news:
            if number not in aligned:
                fresh = frozenset(name for each, name in _imported(statement).items() if each not in known)
                self._execute_again(number, statement, fresh, statement.node.lineno)
        still = {each for _, statement in news for each in _imported(statement)}
        gone = {name for each, name in (item for _, s in olds for item in _imported(s).items()) if each not in still}
        self._changed += [(1, name) for name in gone - self.new.binds]

    def _execute_again(self, number: int, statement: Statement, fresh: frozenset[str], line: int) -> None:
        self.again.add(number)
        self._fresh[number] = fresh
        self._changed.append((line, _label(statement, line)))

    def _compare_definitions(self) -> None:
        olds = by_name(definition for _, definition in self.old.definitions())
        news = by_name(definition for _, definition in self.new.definitions())
        numbers = {(each.name, each.index): number for number, each in self.new.definitions()}
        for number, each in self.old.definitions():
            if self.old.statements[number].kind == "definition" and (each.name, each.index) in numbers:
                self._aligned[number] = numbers[each.name, each.index]
        for name in {**olds, **news}:
            for definition in self._compare_named(olds.get(name, []), news.get(name, [])):
                self._define_again(numbers[name, definition.index])

    def _compare_named(self, olds: list[Definition], news: list[Definition]) -> Iterable[Definition]:
        """-> those of the new definitions of one name that must be executed."""
        if len(olds) == len(news):
            return [new for old, new in zip(olds, news, strict=True) if self.definitions.pair(old, new)]
        for definition in news:
            self.definitions.note(definition)
            self.definitions.take_all(definition)
        if not news:
            self.gone[olds[0].name] = None
            self._changed.append((olds[0].node.lineno, olds[0].name))
        if not olds:
            self.added[news[0].name] = None
        return news

    def _define_again(self, number: int) -> None:
        statement = self.new.statements[number]
        in_block = statement.kind == "other"
        self.again.add(number)
        self._fresh.setdefault(number, statement.keeps if in_block else frozenset())
        self.hard = self.hard or in_block

    def _compare_documentation(self) -> None:
        """The text at the top is part of the program: argument parsers show it."""
        old, new = (each.statements[:1] for each in (self.old, self.new))
        texts = [ast.get_docstring(ast.Module([each.node for each in part], []), clean=False) for part in (old, new)]
        if texts[0] != texts[1]:
            self._changed.append((1, "__doc__"))
            if texts[1] is not None:
                self.again.add(0)

    def _last_line(self) -> int:
        return max((each.node.end_lineno or 1 for each in self.new.statements), default=1)


def _numbered(outline: Outline, kind: str) -> list[tuple[int, Statement]]:
    return [(number, statement) for number, statement in enumerate(outline.statements) if statement.kind == kind]


def _kept(numbered: list[tuple[int, Statement]]) -> frozenset[str]:
    return frozenset().union(*(statement.keeps for _, statement in numbered))


def _imported(statement: Statement) -> dict[tuple[str, ...], str]:
    """What an import statement imports, and the name it binds it to."""
    node = statement.node
    assert isinstance(node, ast.Import | ast.ImportFrom)
    origin = f"{'.' * node.level}{node.module or ''}" if isinstance(node, ast.ImportFrom) else ""
    return {(origin, alias.name, alias.asname or ""): bound_name(alias) for alias in node.names}


def _label(statement: Statement, line: int) -> str:
    """How people call a statement: by what it binds, if that is all it does."""
    names = sorted(statement.keeps)
    return ", ".join(names) if names and isinstance(statement.node, _BINDINGS) else f"line {line}"


def _made(old: Outline, new: Outline) -> tuple[dict[str, frozenset[str]], tuple[str, ...]]:
    before, after = initializers(old), initializers(new)
    both = [(name, before[name], made) for name, made in after.items() if name in before]
    makes = {name: made.attributes - former.attributes for name, former, made in both}
    differently = [name for name, former, made in both if former.differs(made)]
    return {name: attributes for name, attributes in makes.items() if attributes}, tuple(differently)
