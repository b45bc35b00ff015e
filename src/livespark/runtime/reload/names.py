"""Which names a statement reads and binds in the scope it stands in, when it is executed.

Bodies of functions and lambdas are executed later, so they count for nothing; class bodies read, but bind in a scope of
their own; annotations are left out. A read counts only where the name has not surely been bound by the same statement
before.
"""

import ast
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final, TypeAlias

__all__ = ("Names", "bindings", "bound_name", "is_pure", "names_in", "read_by", "read_by_defaults")

_LIKE: Final = {
    other.__name__: kind.__name__
    for kind, others in {
        ast.Assign: (ast.AnnAssign, ast.NamedExpr),
        ast.FunctionDef: (ast.AsyncFunctionDef,),
        ast.For: (ast.AsyncFor,),
        ast.With: (ast.AsyncWith,),
        ast.If: (ast.While,),
        ast.Try: (ast.TryStar,),
        ast.ListComp: (ast.SetComp, ast.DictComp, ast.GeneratorExp),
        ast.MatchAs: (ast.MatchStar,),
    }.items()
    for other in others
}
"""Nodes that are visited as others are."""
_Comprehension: TypeAlias = ast.ListComp | ast.SetComp | ast.DictComp | ast.GeneratorExp


@dataclass(frozen=True)
class Names:
    """`binds` are all names a statement binds or deletes, `keeps` those that are not its temporary ones (targets of
    `for` and `with`), `reads` those whose value it needs from before."""

    binds: frozenset[str]
    keeps: frozenset[str]
    reads: frozenset[str]


def names_in(*nodes: ast.AST) -> Names:
    """The names of statements or expressions that are executed one after another in one scope."""
    scope = _Scope(frozenset())
    scope.all(nodes)
    return Names(frozenset(scope.kept | scope.temporary), frozenset(scope.kept), frozenset(scope.reads))


def bindings(*nodes: ast.AST) -> Counter[str]:
    """How often statements that are executed in one scope say that a name is bound."""
    scope = _Scope(frozenset())
    scope.all(nodes)
    return scope.times


def read_by(*nodes: ast.AST) -> frozenset[str]:
    """The names whose value is needed from before."""
    return names_in(*nodes).reads


def read_by_defaults(node: ast.FunctionDef | ast.AsyncFunctionDef) -> frozenset[str]:
    """The names that the defaults of a function's parameters read."""
    return read_by(*node.args.defaults, *filter(None, node.args.kw_defaults))


def bound_name(alias: ast.alias) -> str:
    """The name that an alias of an import statement binds."""
    return alias.asname or alias.name.partition(".")[0]


class _Scope(ast.NodeVisitor):
    """Visits in the order of execution. `_sure`: names that have been bound by now on every way."""

    def __init__(self, sure: Iterable[str]) -> None:
        self.reads: set[str] = set()
        self.kept: set[str] = set()
        self.temporary: set[str] = set()
        self.times: Counter[str] = Counter()
        self._sure = set(sure)

    def all(self, nodes: Iterable[ast.AST | None]) -> None:
        for node in nodes:
            if node is not None:
                self.visit(node)

    def visit(self, node: ast.AST) -> None:
        name = type(node).__name__
        getattr(self, f"visit_{_LIKE.get(name, name)}", self.generic_visit)(node)

    def _bind(self, name: str | None) -> None:
        if name:
            self.kept.add(name)
            self.times[name] += 1
            self._sure.add(name)

    def _maybe(self, nodes: Iterable[ast.AST], also: Iterable[str] = ()) -> None:
        """Visit what may not be executed, with names that are bound for it."""
        before = set(self._sure)
        self._sure.update(also)
        self.all(nodes)
        self._sure = before

    def _temporarily(self, target: ast.expr) -> frozenset[str]:
        names = names_in(target)
        self.reads |= names.reads - self._sure
        self.temporary |= names.binds
        self.times.update(names.binds)
        return names.binds

    def visit_Name(self, node: ast.Name) -> None:
        if not isinstance(node.ctx, ast.Store) and node.id not in self._sure:
            self.reads.add(node.id)
        if not isinstance(node.ctx, ast.Load):
            self._bind(node.id)

    def visit_Assign(self, node: ast.Assign | ast.AnnAssign | ast.NamedExpr) -> None:
        targets = node.targets if isinstance(node, ast.Assign) else [node.target]
        self.all([node.value, *targets] if node.value else [])

    def visit_AugAssign(self, node: ast.AugAssign) -> None:
        if isinstance(node.target, ast.Name) and node.target.id not in self._sure:
            self.reads.add(node.target.id)
        self.all([node.value, node.target])

    def visit_FunctionDef(self, node: ast.FunctionDef | ast.AsyncFunctionDef) -> None:
        self.all([*node.decorator_list, *node.args.defaults, *node.args.kw_defaults])
        self._bind(node.name)

    def visit_Lambda(self, node: ast.Lambda) -> None:
        self.all([*node.args.defaults, *node.args.kw_defaults])

    def visit_ClassDef(self, node: ast.ClassDef) -> None:
        self.all([*node.decorator_list, *node.bases, *node.keywords])
        inner = _Scope(self._sure)
        inner.all(node.body)
        self.reads |= inner.reads
        self._bind(node.name)

    def visit_alias(self, node: ast.alias) -> None:
        if node.name != "*":
            self._bind(bound_name(node))

    def visit_For(self, node: ast.For | ast.AsyncFor) -> None:
        self.visit(node.iter)
        self._maybe(node.body, self._temporarily(node.target))
        self._maybe(node.orelse)

    def visit_With(self, node: ast.With | ast.AsyncWith) -> None:
        for item in node.items:
            self.visit(item.context_expr)
            if item.optional_vars is not None:
                self._sure |= self._temporarily(item.optional_vars)
        self.all(node.body)

    def visit_If(self, node: ast.If | ast.While) -> None:
        self.visit(node.test)
        self._maybe(node.body)
        self._maybe(node.orelse)

    def visit_Try(self, node: ast.Try | ast.TryStar) -> None:
        self._maybe([*node.body, *node.orelse])
        self._maybe(node.handlers)
        self.all(node.finalbody)

    def visit_ExceptHandler(self, node: ast.ExceptHandler) -> None:
        self.all([node.type])
        self._maybe(node.body, [node.name] if node.name else [])

    def visit_match_case(self, node: ast.match_case) -> None:
        self._maybe([node.pattern, *filter(None, [node.guard]), *node.body])

    def visit_MatchAs(self, node: ast.MatchAs | ast.MatchStar) -> None:
        self.all([getattr(node, "pattern", None)])
        self._bind(node.name)

    def visit_MatchMapping(self, node: ast.MatchMapping) -> None:
        self.all([*node.keys, *node.patterns])
        self._bind(node.rest)

    def visit_ListComp(self, node: _Comprehension) -> None:
        before = set(self._sure)
        for generator in node.generators:
            self.visit(generator.iter)
            self._sure |= names_in(generator.target).binds
            self.all(generator.ifs)
        self.all([node.key, node.value] if isinstance(node, ast.DictComp) else [node.elt])
        self._sure = before


_PURE: Final = (
    *(ast.Name, ast.Constant, ast.Tuple, ast.List, ast.Dict, ast.Set, ast.Starred, ast.BinOp, ast.UnaryOp),
    *(ast.BoolOp, ast.Compare, ast.IfExp, ast.JoinedStr, ast.FormattedValue),
)
_ASIDE: Final = (ast.expr_context, ast.operator, ast.unaryop, ast.boolop, ast.cmpop)


def is_pure(node: ast.stmt) -> bool:
    """Whether a statement only computes values, by operators from names and constants, and binds them to names; also
    under a condition that is computed in the same way."""
    if isinstance(node, ast.If):
        return _computes(node.test) and all(is_pure(each) for each in (*node.body, *node.orelse))
    if not isinstance(node, ast.Assign | ast.AnnAssign | ast.AugAssign) or node.value is None:
        return False
    targets = node.targets if isinstance(node, ast.Assign) else [node.target]
    return all(map(_computes, (*targets, node.value)))


def _computes(expression: ast.expr) -> bool:
    return all(isinstance(part, _PURE + _ASIDE) for part in ast.walk(expression))
