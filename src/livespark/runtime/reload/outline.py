"""What a file consists of, by its syntax tree: statements, and in them definitions that can follow an edit one by one.

A definition inside a block (`if`, `try`, `with`, ...) belongs to the block's statement, and is left out of its
skeleton. So a function that is edited inside a `try` is an edited function, not an edited statement.
"""

import ast
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Final, Literal, TypeAlias

from livespark.runtime.reload.names import Names, names_in
from livespark.runtime.reload.syntax import DEFINITIONS, DefinitionNode, dump, is_decorated_by, is_inert

__all__ = ("ANNOTATIONS", "UNNAMED", "Definition", "Kind", "Outline", "Statement", "outline")

Kind: TypeAlias = Literal["definition", "import", "text", "other"]
ANNOTATIONS: Final = "__annotations__"
UNNAMED: Final = ""
"""Stands for class-level statements that bind no name."""
_TRANSLATORS: Final = ("jit", "njit", "vectorize", "guvectorize", "stencil", "cfunc", "script")
"""Decorators that make something else of a function's body (numba, Triton, TorchScript): it is part of the shell."""


@dataclass(frozen=True)
class Definition:
    """A function or class at module or class level.

    `name` is qualified (`Net.forward`), `index` counts those of one name in the file. `shell` is everything but the
    body: decorators, parameters, annotations, bases, and which cells of its surroundings the body needs. `body`: of a
    function its text, of a class the order of its attributes. `attributes`: the text of what binds each name at class
    level, apart from definitions; all annotations together under `__annotations__`, what binds nothing under "".
    """

    name: str
    index: int
    node: DefinitionNode
    shell: str
    body: str
    members: tuple["Definition", ...] = ()
    attributes: Mapping[str, str] = field(default_factory=dict)

    @property
    def last_name(self) -> str:
        """The name without its surroundings."""
        return self.node.name

    @property
    def is_class(self) -> bool:
        return isinstance(self.node, ast.ClassDef)


@dataclass(frozen=True)
class Statement:
    """A statement at module level. `skeleton` is its text without the definitions in it."""

    node: ast.stmt
    kind: Kind
    skeleton: str
    definitions: tuple[Definition, ...]

    @cached_property
    def names(self) -> Names:
        return names_in(self.node)

    @property
    def binds(self) -> frozenset[str]:
        return self.names.binds if self.kind != "text" else frozenset()

    @property
    def keeps(self) -> frozenset[str]:
        """What it binds but for temporary names: targets of `for` and `with`."""
        return self.names.keeps if self.kind != "text" else frozenset()

    @property
    def reads(self) -> frozenset[str]:
        """Names whose value it needs from before, when it is executed."""
        return self.names.reads if self.kind != "text" else frozenset()


@dataclass(frozen=True)
class Outline:
    """A file's statements, in order."""

    statements: tuple[Statement, ...]

    @property
    def binds(self) -> frozenset[str]:
        return frozenset().union(*(statement.binds for statement in self.statements))

    def definitions(self) -> Iterator[tuple[int, Definition]]:
        """The definitions at module level, each with the number of its statement."""
        for number, statement in enumerate(self.statements):
            for definition in statement.definitions:
                yield number, definition


def outline(tree: ast.Module, *, main: bool) -> Outline:
    """`main`: the file is executed as `__main__`; elsewhere the block under the main guard does nothing."""
    seen: Counter[str] = Counter()
    return Outline(tuple(_statement(node, main, seen) for node in tree.body))


def _statement(node: ast.stmt, main: bool, seen: Counter[str]) -> Statement:
    kind = _kind(node, main)
    if kind == "text":
        return Statement(node, kind, dump(node), ())
    definitions = tuple(_definition(each, "", frozenset(), seen) for each in _definitions_in(node))
    return Statement(node, kind, dump(node, shallow=True), definitions)


def _kind(node: ast.stmt, main: bool) -> Kind:
    if isinstance(node, DEFINITIONS):
        return "definition"
    if isinstance(node, ast.Import) or (isinstance(node, ast.ImportFrom) and node.module != "__future__"):
        return "import"
    return "text" if is_inert(node, main=main) else "other"


def _definitions_in(node: ast.AST) -> Iterator[DefinitionNode]:
    """The definitions that executing a statement executes, not those within them."""
    if isinstance(node, DEFINITIONS):
        yield node
    elif not isinstance(node, ast.expr):
        for inner in ast.iter_child_nodes(node):
            yield from _definitions_in(inner)


def _definition(node: DefinitionNode, prefix: str, cells: frozenset[str], seen: Counter[str]) -> Definition:
    name = prefix + node.name
    seen[name] += 1
    index = seen[name] - 1
    cells |= {parameter.name for parameter in getattr(node, "type_params", ())}
    if isinstance(node, ast.ClassDef):
        return _class(node, name, index, cells, seen)
    shell = dump(type(node).__name__, node.decorator_list, node.args, node.returns, getattr(node, "type_params", []))
    body = dump(node.body)
    if is_decorated_by(node, *_TRANSLATORS):
        shell += body
    return Definition(name, index, node, f"{shell}{_cells_used(body, cells)}", body)


def _class(node: ast.ClassDef, name: str, index: int, cells: frozenset[str], seen: Counter[str]) -> Definition:
    shell = dump("ClassDef", node.decorator_list, node.bases, node.keywords, getattr(node, "type_params", []))
    inside = cells | {"super", "__class__"}
    members = [_definition(each, f"{name}.", inside, seen) for each in _members(node)]
    attributes = _attributes(node)
    return Definition(name, index, node, shell, " ".join(attributes), tuple(members), attributes)


def _members(node: ast.ClassDef) -> Iterator[DefinitionNode]:
    for statement in node.body:
        if not is_inert(statement, main=True):
            yield from _definitions_in(statement)


def _cells_used(body: str, cells: frozenset[str]) -> list[str]:
    """Those of `cells` that the text of a function's body names: code that needs others can't take its place."""
    used = {name for name in cells if dump(ast.Name(name)) in body}
    return sorted({"__class__" if name == "super" else name for name in used})


def _attributes(node: ast.ClassDef) -> dict[str, str]:
    found: dict[str, str] = {}
    documentation = ast.get_docstring(node, clean=False)
    if documentation is not None:
        found["__doc__"] = documentation
    for statement in node.body:
        if isinstance(statement, DEFINITIONS) or is_inert(statement, main=True):
            continue
        for name in _names_at_class_level(statement):
            found[name] = found.get(name, "") + dump(statement, shallow=True)
        if isinstance(statement, ast.AnnAssign):
            found[ANNOTATIONS] = found.get(ANNOTATIONS, "") + dump(statement.target, statement.annotation)
    return found


def _names_at_class_level(statement: ast.stmt) -> list[str]:
    if isinstance(statement, ast.AnnAssign) and isinstance(statement.target, ast.Name):
        return [statement.target.id]
    return sorted(names_in(statement).binds) or [UNNAMED]
