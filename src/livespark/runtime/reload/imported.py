"""What a file imports at module level, by its syntax tree: in blocks too, in functions not."""

import ast
from collections.abc import Iterable, Iterator
from importlib.util import resolve_name

from livespark.runtime.reload.names import bindings, bound_name
from livespark.runtime.reload.syntax import is_inert

__all__ = ("follows", "imports")


def follows(tree: ast.Module, package: str) -> list[tuple[str, str, str]]:
    """The names this file copies from others: (module, name there, name here). `package` resolves relative imports.

    Of a star import both names are `*`. What the file binds by anything else, or from two places, is left out.
    """
    copies: dict[str, list[tuple[str, str]]] = {}
    stars: list[tuple[str, str]] = []
    for node in _executed(tree.body):
        if isinstance(node, ast.ImportFrom):
            module = _module(node, package)
            for alias in node.names:
                found = stars if alias.name == "*" else copies.setdefault(bound_name(alias), [])
                found.append((module, alias.name))
    times = bindings(*_effective(tree.body))
    clear = [(*origins[0], here) for here, origins in copies.items() if _is_clear(origins, times[here])]
    return [*clear, *((module, name, name) for module, name in dict.fromkeys(stars) if module)]


def _is_clear(origins: list[tuple[str, str]], times: int) -> bool:
    return bool(origins[0][0]) and len(set(origins)) == 1 and len(origins) == times


def imports(tree: ast.Module, package: str) -> frozenset[str]:
    """The absolute names of what is imported when the file is executed; `a.b` and `a.b.c` for `from a.b import c`,
    which may be a module."""
    found: set[str] = set()
    for node in _executed(tree.body, classes=True):
        if isinstance(node, ast.Import):
            found.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and (module := _module(node, package)):
            found.update([module, *(f"{module}.{alias.name}" for alias in node.names if alias.name != "*")])
    return frozenset(found)


def _module(node: ast.ImportFrom, package: str) -> str:
    """The absolute name of the module that is imported from; "" if the file is in no such package."""
    try:
        return resolve_name("." * node.level + (node.module or ""), package)
    except ImportError:
        return ""


def _effective(body: Iterable[ast.stmt]) -> Iterator[ast.stmt]:
    return (node for node in body if not is_inert(node, main=True))


def _executed(body: Iterable[ast.stmt], *, classes: bool = False) -> Iterator[ast.stmt]:
    """The statements that executing `body` may execute, those in blocks and, if asked for, in class bodies too."""
    for node in _effective(body):
        yield node
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) or (isinstance(node, ast.ClassDef) and not classes):
            continue
        for block in (node, *getattr(node, "handlers", ()), *getattr(node, "cases", ())):
            for part in ("body", "orelse", "finalbody"):
                yield from _executed(getattr(block, part, ()), classes=classes)
