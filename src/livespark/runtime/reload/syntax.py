"""What two pieces of syntax have in common, wherever they stand.

A text is written for a syntax tree that leaves positions, comments and formatting out; two trees are the same when
their texts are. It says less than `ast.dump` and is written several times faster.
"""

import ast
from collections.abc import Iterator
from typing import Final, TypeAlias

__all__ = ("DEFINITIONS", "DefinitionNode", "changed_line", "dump", "is_decorated_by", "is_inert", "lines")

DefinitionNode: TypeAlias = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef
DEFINITIONS: Final = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
_SAYS_NOTHING: Final = frozenset({"ctx", "kind", "type_comment", "type_ignores"})
_FIELDS: Final = {
    kind: tuple(field for field in kind._fields if field not in _SAYS_NOTHING)
    for kind in vars(ast).values()
    if isinstance(kind, type) and issubclass(kind, ast.AST)
}


def dump(*parts: object, shallow: bool = False) -> str:
    """The text of nodes, lists of nodes and plain values. `shallow`: of definitions their names only."""
    out: list[str] = []
    for part in parts:
        _write(part, out, shallow)
    return "".join(out)


def _write(part: object, out: list[str], shallow: bool) -> None:
    if isinstance(part, ast.AST):
        if shallow and isinstance(part, DEFINITIONS):
            out.append(f"<{part.name}>")
            return
        kind = type(part)
        out.append(kind.__name__ + "(")
        for field in _FIELDS[kind]:
            _write(getattr(part, field, None), out, shallow)
        out.append(")")
    elif isinstance(part, list):
        out.append("[")
        for item in part:
            _write(item, out, shallow)
        out.append("]")
    else:
        out.append(repr(part) + ",")


def lines(tree: ast.AST) -> Iterator[int]:
    """The first and last lines of all statements, in order."""
    for part in ("body", "orelse", "finalbody", "handlers", "cases"):
        for node in getattr(tree, part, ()):
            yield from (getattr(node, "lineno", 0), getattr(node, "end_lineno", 0))
            yield from lines(node)


def changed_line(old: ast.AST | None, new: ast.stmt) -> int:
    """The line of the innermost statement of `new` that is the first to differ from `old`, its predecessor."""
    if type(old) is type(new):
        for part in ("body", "orelse", "finalbody"):
            inner = getattr(new, part, [])
            befores = [*getattr(old, part, []), *(None for _ in inner)]
            for before, node in zip(befores, inner, strict=False):
                if before is None or dump(before) != dump(node):
                    return changed_line(before, node)
    return new.lineno


def is_inert(node: ast.stmt, *, main: bool) -> bool:
    """Whether executing a top-level statement does nothing: texts, `pass`, what only type checkers see, and in a
    module that is not the main one what is under `if __name__ == "__main__":`."""
    if isinstance(node, ast.Expr):
        return isinstance(node.value, ast.Constant)
    if isinstance(node, ast.If) and not node.orelse:
        return _is_type_checking(node.test) or (not main and _is_main_guard(node.test))
    return isinstance(node, ast.Pass)


def _is_type_checking(test: ast.expr) -> bool:
    name = test.attr if isinstance(test, ast.Attribute) else test.id if isinstance(test, ast.Name) else ""
    return name == "TYPE_CHECKING"


def _is_main_guard(test: ast.expr) -> bool:
    if not isinstance(test, ast.Compare) or len(test.ops) != 1 or not isinstance(test.ops[0], ast.Eq):
        return False
    return {dump(test.left), dump(test.comparators[0])} == {dump(ast.Name("__name__")), dump(ast.Constant("__main__"))}


def is_decorated_by(node: DefinitionNode, *names: str) -> bool:
    """Whether one of the decorators, `@name`, `@module.name` or called, has one of these names."""
    return any(_last_name(decorator) in names for decorator in node.decorator_list)


def _last_name(expression: ast.expr) -> str:
    if isinstance(expression, ast.Call):
        return _last_name(expression.func)
    if isinstance(expression, ast.Attribute):
        return expression.attr
    return expression.id if isinstance(expression, ast.Name) else ""
