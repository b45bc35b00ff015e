"""Which attributes objects of a class get when they are made, by the text of its initializer.

The chain of initialization: `__init__`, `__post_init__`, and the methods called on `self` or `super()` from there, also
those of base classes in the same file. Fields of a dataclass without a default count as well.
"""

import ast
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final, TypeAlias

from livespark.runtime.reload.outline import Definition, Outline
from livespark.runtime.reload.syntax import dump, is_decorated_by

__all__ = ("Made", "initializers")

_Function: TypeAlias = ast.FunctionDef | ast.AsyncFunctionDef
_FIRST: Final = ("__init__", "__post_init__")
_REGISTERS: Final = ("register_buffer", "register_parameter", "register_module", "add_module", "__setattr__")
_WITH_FIELDS: Final = ("dataclass", "define", "frozen", "mutable")
_NO_FIELDS: Final = ("ClassVar", "InitVar", "KW_ONLY")


@dataclass(frozen=True)
class Made:
    """`steps`: the statements of the chain, each with the attributes it makes. `parameters`: of the chain's functions,
    by qualified name, with their defaults."""

    steps: tuple[tuple[frozenset[str], str], ...]
    fields: frozenset[str]
    parameters: Mapping[str, str]

    @property
    def attributes(self) -> frozenset[str]:
        return self.fields.union(*(made for made, _ in self.steps))

    def differs(self, new: "Made") -> bool:
        """Whether objects are made otherwise, apart from new attributes and new parameters."""
        added = new.attributes - self.attributes
        kept = [text for made, text in new.steps if not made or not made <= added]
        parameters = any(new.parameters.get(name) != default for name, default in self.parameters.items())
        return parameters or kept != [text for _, text in self.steps]


def initializers(outline: Outline) -> dict[str, Made]:
    """What the classes of a file make, by qualified name."""
    classes = {each.name: each for _, definition in outline.definitions() for each in _classes(definition)}
    chains = _Chains(classes)
    return {name: chains.made(definition) for name, definition in classes.items()}


def _classes(definition: Definition) -> Iterator[Definition]:
    if definition.is_class:
        yield definition
        for member in definition.members:
            yield from _classes(member)


@dataclass(frozen=True)
class _Part:
    """One function of a chain. `calls`: methods it calls on its object, each with whether by `super()`."""

    steps: tuple[tuple[frozenset[str], str], ...]
    calls: tuple[tuple[str, bool], ...]
    parameters: Mapping[str, str]


class _Chains:
    """The initializers of all classes of a file. Each function is read once."""

    def __init__(self, classes: Mapping[str, Definition]) -> None:
        self._classes = classes
        self._parts: dict[tuple[str, int], _Part] = {}

    def made(self, definition: Definition) -> Made:
        parts = list(self._chain(definition))
        steps = tuple(step for part in parts for step in part.steps)
        parameters = {name: default for part in parts for name, default in part.parameters.items()}
        return Made(steps, frozenset(_fields(definition)), parameters)

    def _chain(self, definition: Definition) -> Iterator[_Part]:
        waiting = [(name, definition) for name in reversed(_FIRST)]
        seen: set[str] = set()
        while waiting:
            found = _lookup(*waiting.pop(), self._classes)
            if found is None or found[0].name in seen:
                continue
            method, owner = found
            seen.add(method.name)
            part = self._part(method)
            yield part
            for name, by_super in part.calls:
                starts = _bases(owner, self._classes) if by_super else [definition]
                waiting += [(name, start) for start in starts]

    def _part(self, method: Definition) -> _Part:
        key = (method.name, method.index)
        if key not in self._parts:
            assert isinstance(method.node, _Function)
            self._parts[key] = _read(method.name, method.node)
        return self._parts[key]


def _read(name: str, function: _Function) -> _Part:
    owner = _self(function)
    steps: list[tuple[frozenset[str], str]] = []
    calls: list[tuple[str, bool]] = []
    for statement in function.body:
        if not (isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant)):
            nodes = list(_inside(statement))
            steps.append((frozenset(_attributes(nodes, owner)), dump(statement)))
            calls += _calls(nodes, owner)
    return _Part(tuple(steps), tuple(calls), {f"{name}({key})": text for key, text in _parameters(function)})


def _lookup(name: str, start: Definition, classes: Mapping[str, Definition]) -> tuple[Definition, Definition] | None:
    """The method that `name` means for `start`, and the class that has it, as far as the file tells."""
    waiting, seen = [start], {start.name}
    while waiting:
        owner = waiting.pop(0)
        for member in reversed(owner.members):
            if member.last_name == name and not member.is_class:
                return member, owner
        bases = [base for base in _bases(owner, classes) if base.name not in seen]
        seen.update(base.name for base in bases)
        waiting += bases
    return None


def _bases(definition: Definition, classes: Mapping[str, Definition]) -> list[Definition]:
    assert isinstance(definition.node, ast.ClassDef)
    names = [ast.unparse(base) for base in definition.node.bases]
    return [classes[name] for name in names if name in classes and name != definition.name]


def _calls(nodes: Iterable[ast.AST], owner: str) -> Iterator[tuple[str, bool]]:
    for node in nodes:
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and _is_object(node.func.value, owner):
            yield node.func.attr, not _is_name(node.func.value, owner)


def _attributes(nodes: Iterable[ast.AST], owner: str) -> Iterator[str]:
    for node in nodes:
        if isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store) and _is_name(node.value, owner):
            yield node.attr
        elif isinstance(node, ast.Call):
            yield from _registered(node, owner)


def _registered(call: ast.Call, owner: str) -> Iterator[str]:
    """The attribute that `self.register_buffer("x", ...)`, `setattr(self, "x", ...)` and the like make."""
    by_method = isinstance(call.func, ast.Attribute) and call.func.attr in _REGISTERS
    if not by_method and not _is_name(call.func, "setattr"):
        return
    given = list(call.args)
    if given and _is_name(given[0], owner):
        given.pop(0)
    elif not (isinstance(call.func, ast.Attribute) and _is_object(call.func.value, owner)):
        return
    given += [each.value for each in call.keywords if each.arg == "name"]
    if given and isinstance(given[0], ast.Constant) and isinstance(given[0].value, str):
        yield given[0].value


def _is_object(node: ast.expr, owner: str) -> bool:
    return _is_name(node, owner) or (isinstance(node, ast.Call) and _is_name(node.func, "super"))


def _inside(statement: ast.stmt) -> Iterator[ast.AST]:
    """What is executed with a statement: not inner functions, annotations without a value, or additions in place."""
    waiting: list[ast.AST] = [statement]
    while waiting:
        node = waiting.pop()
        if isinstance(node, _Function | ast.Lambda | ast.ClassDef) or _only_annotates(node):
            continue
        yield node
        left_out = node.target if isinstance(node, ast.AugAssign) else None
        waiting += [child for child in ast.iter_child_nodes(node) if child is not left_out]


def _only_annotates(node: ast.AST) -> bool:
    return isinstance(node, ast.AnnAssign) and node.value is None


def _self(function: _Function) -> str:
    parameters = [*function.args.posonlyargs, *function.args.args]
    return parameters[0].arg if parameters else ""


def _is_name(node: ast.AST, name: str) -> bool:
    return isinstance(node, ast.Name) and node.id == name


def _parameters(function: _Function) -> Iterator[tuple[str, str]]:
    arguments = function.args
    positional = [*arguments.posonlyargs, *arguments.args]
    defaults = [None] * (len(positional) - len(arguments.defaults)) + list(arguments.defaults)
    for parameter, default in [
        *zip(positional, defaults, strict=True),
        *zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True),
    ]:
        yield parameter.arg, dump(default)


def _fields(definition: Definition) -> Iterator[str]:
    if is_decorated_by(definition.node, *_WITH_FIELDS):
        for statement in definition.node.body:
            if isinstance(statement, ast.AnnAssign) and isinstance(statement.target, ast.Name):
                words = {node.id for node in ast.walk(statement.annotation) if isinstance(node, ast.Name)}
                words |= {node.attr for node in ast.walk(statement.annotation) if isinstance(node, ast.Attribute)}
                if statement.value is None and words.isdisjoint(_NO_FIELDS):
                    yield statement.target.id
