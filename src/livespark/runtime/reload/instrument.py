"""Code that is executed again, prepared so that each definition meets its predecessor before anything can use it.

Classes are met in `builtins.__build_class__` and need no preparation. A function at module or class level gets a
decorator inside all others, `ADOPT`; a name at module level is bound a second time, to what `BIND` makes of it.
Functions inside functions are made by code that has been exchanged, and need nothing. The code objects of functions are
those of the plainly compiled source, so that they can be found again at the next reload.
"""

import __future__

import ast
from copy import deepcopy
from functools import reduce
from operator import or_
from types import CodeType
from typing import Any, Final

from livespark.runtime.reload.codes import functions

__all__ = ("ADOPT", "BIND", "instrument")

ADOPT: Final = "__livespark_adopt__"
BIND: Final = "__livespark_bind__"
_FUTURES: Final = reduce(or_, (getattr(__future__, name).compiler_flag for name in __future__.all_feature_names))


def instrument(statements: list[ast.stmt], plain: CodeType) -> CodeType:
    """`statements` of a file, compiled to be executed in a reload; `plain` is the code of the whole file."""
    marker = _Marker(plain.co_filename)
    marked = [each for statement in deepcopy(statements) for each in _listed(marker.visit(statement))]
    tree = ast.Module(marked, [])
    code: CodeType = compile(
        ast.fix_missing_locations(tree),
        plain.co_filename,
        "exec",
        flags=plain.co_flags & _FUTURES,
        dont_inherit=True,
    )
    places = {_place(theirs): theirs for _, theirs in functions(plain)}
    return _graft(code, {id(mine): places[_place(mine)] for _, mine in functions(code) if _place(mine) in places})


def _place(code: CodeType) -> tuple[object, ...]:
    """Where a function stands. What it does tells nothing: a call of `random.random` is compiled otherwise where the
    statements compiled with it import `random`."""
    ends = [(line, column) for _, line, _, column in code.co_positions() if line is not None and column is not None]
    return code.co_qualname, code.co_firstlineno, max(ends, default=None)


def _graft(code: CodeType, plain: dict[int, CodeType]) -> CodeType:
    constants = [
        _grafted(constant, plain) if isinstance(constant, CodeType) else constant for constant in code.co_consts
    ]
    return code.replace(co_consts=tuple(constants))


def _grafted(code: CodeType, plain: dict[int, CodeType]) -> CodeType:
    return plain.get(id(code)) or _graft(code, plain)


class _Marker(ast.NodeTransformer):
    """Adds the decorators and the second bindings. Does not look into functions."""

    def __init__(self, path: str) -> None:
        self._path = path
        self._in_class = False

    def visit_FunctionDef(self, node: ast.FunctionDef) -> Any:
        return self._function(node)

    def visit_AsyncFunctionDef(self, node: ast.AsyncFunctionDef) -> Any:
        return self._function(node)

    def visit_ClassDef(self, node: ast.ClassDef) -> Any:
        outside, self._in_class = self._in_class, True
        node.body = [each for statement in node.body for each in _listed(self.visit(statement))]
        self._in_class = outside
        return self._bound(node)

    def _function(self, node: ast.FunctionDef | ast.AsyncFunctionDef) -> Any:
        node.decorator_list.append(ast.copy_location(ast.Name(ADOPT, ast.Load()), node))
        return self._bound(node)

    def _bound(self, node: ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef) -> Any:
        if self._in_class:
            return node
        call = ast.Call(
            ast.Name(BIND, ast.Load()),
            [ast.Constant(self._path), ast.Constant(node.name), ast.Name(node.name, ast.Load())],
            [],
        )
        binding = ast.Assign([ast.Name(node.name, ast.Store())], call)
        return [node, ast.copy_location(binding, node)]


def _listed(visited: Any) -> list[Any]:
    return visited if isinstance(visited, list) else [visited]
