"""Which unchanged statements must be executed with the changed ones, so that names mean what the new text says.

Five reasons, until there are no more. What a removed statement bound is bound anew. A name is bound again later
(`x = 1` ... `x = f(x)`): the later statement follows an earlier one. A statement needs a value from its place in the
file that is not the present one: the statements that make it. What binds a name last is not what did so before. And
*values*: what only computes from a changed value (`B = A + 1`, `def f(b=A)`, `class C: b = A`) takes the new one.
"""

import ast
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from livespark.runtime.reload.names import is_pure, names_in, read_by_defaults
from livespark.runtime.reload.outline import Definition, Outline, Statement
from livespark.runtime.reload.syntax import is_decorated_by

__all__ = ("Derivation", "derived_from", "stale_members")

_WITHOUT_EFFECT: Final = ("dataclass", "final", "runtime_checkable", "total_ordering", "unique")
"""Decorators of classes that may be called again."""


@dataclass(frozen=True)
class Derivation:
    """`last`: for each name the old source bound, the number of the new statement that is the unchanged last one to
    do so, None if there is none. `lost`: names that a statement of the old source bound whose place nothing takes.
    `fresh`: by number of a changed statement, names whose value may have changed."""

    new: Outline
    last: Mapping[str, int | None]
    lost: frozenset[str]
    fresh: Mapping[int, frozenset[str]]

    def extend(self, execute: frozenset[int]) -> frozenset[int]:
        """The numbers of all statements to be executed, when those in `execute` are."""
        execute |= {number for number, each in enumerate(self.new.statements) if each.keeps & self.lost}
        while added := (self._later(execute) | self._needed(execute) | self._last(execute) | self._values(execute)):
            execute |= added
        return execute

    def values_before(self, execute: frozenset[int]) -> Iterator[tuple[int, frozenset[str]]]:
        """The names that have a new value when a statement is reached, for each."""
        names = self.lost
        for number, statement in enumerate(self.new.statements):
            yield number, names
            if number in self.fresh:
                names |= self.fresh[number]
            elif number in execute and statement.kind == "other":
                names |= statement.keeps

    def _later(self, execute: frozenset[int]) -> set[int]:
        bound: set[str] = set()
        added = set()
        for number, statement in enumerate(self.new.statements):
            if number in execute:
                bound |= statement.keeps
            elif bound & statement.keeps:
                added.add(number)
        return added

    def _needed(self, execute: frozenset[int]) -> set[int]:
        wanted = {(number, name) for number in execute for name in _wants(self.new.statements[number])}
        return {maker for number, name in wanted for maker in self._makers(name, number)} - execute

    def _makers(self, name: str, until: int) -> list[int]:
        """The statements that make the value of `name` at statement `until`, where it is not the present value."""
        makers = []
        for number in range(until - 1, -1, -1):
            statement = self.new.statements[number]
            if name in statement.keeps:
                if self.last.get(name) == number:
                    break
                makers.append(number)
                if _always_binds(statement):
                    break
        return makers

    def _last(self, execute: frozenset[int]) -> set[int]:
        latest = {name: number for number, each in enumerate(self.new.statements) for name in each.keeps}
        return {number for name, number in latest.items() if self.last.get(name, number) != number} - execute

    def _values(self, execute: frozenset[int]) -> set[int]:
        reached = self.values_before(execute)
        return {
            number
            for number, names in reached
            if number not in execute and _follows(self.new.statements[number], names)
        }


def derived_from(outline: Outline, values: frozenset[str]) -> list[Statement]:
    """The statements of a file in which nothing changed but the `values` of names that it imports: what only computes
    from them. Not what counts on (`TOTAL += STEP`)."""
    found = []
    for statement in outline.statements:
        if _follows(statement, values) and not statement.keeps & statement.reads:
            found.append(statement)
            values |= statement.keeps
    return found


def _always_binds(statement: Statement) -> bool:
    simple = (ast.Assign, ast.AnnAssign, ast.AugAssign, ast.Delete)
    return statement.kind in ("definition", "import") or isinstance(statement.node, simple)


def _wants(statement: Statement) -> frozenset[str]:
    """Names whose value from before matters: what is read, and what may be left as it was."""
    return statement.reads if _always_binds(statement) else statement.reads | statement.keeps


def _follows(statement: Statement, values: frozenset[str]) -> bool:
    if not values:
        return False
    if statement.kind == "other":
        return bool(statement.reads & values) and is_pure(statement.node)
    if statement.kind != "definition":
        return False
    (definition,) = statement.definitions
    node = definition.node
    if isinstance(node, ast.ClassDef):
        harmless = len(node.decorator_list) == is_decorated_by(node, *_WITHOUT_EFFECT)
        return harmless and any(stale_members(definition, values).values())
    return not node.decorator_list and bool(read_by_defaults(node) & values)


def stale_members(definition: Definition, values: frozenset[str]) -> dict[str, frozenset[str]]:
    """By qualified name of the class and the classes in it: what at class level reads one of `values`."""
    node = definition.node
    if not isinstance(node, ast.ClassDef):
        return {}
    stale: set[str] = set()
    for statement in node.body:
        if isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef):
            stale |= {statement.name} if read_by_defaults(statement) & (values | stale) else set()
        elif not isinstance(statement, ast.ClassDef):
            names = names_in(statement)
            stale |= names.binds if names.reads & (values | stale) else set()
    found = {definition.name: frozenset(stale)}
    for member in definition.members:
        found |= stale_members(member, values)
    return found
