"""What can be edited: a `Field` for every scalar that a walk has shown; made anew when structure or types change."""

from collections.abc import Iterable
from contextlib import suppress
from typing import Any, Final

from livespark.protocol.live import Field, Shape
from livespark.runtime.exposed.arrays import ArrayLeaf
from livespark.runtime.exposed.forms import is_known, shape_of
from livespark.runtime.exposed.hints import annotated, doc_of, strip
from livespark.runtime.exposed.kinds import ANYTHING, Container, Kind, Leaf, Node, Reachable, Rule
from livespark.runtime.exposed.registry import Registry
from livespark.runtime.exposed.walk import Visit, path_below

__all__ = ("describe", "expected", "obstacle")

_OF_PLAIN: Final = {cls: Field(shape_of(cls)) for cls in (float, int, bool, str)} | {
    type(None): Field(Shape("any", nullable=True))
}


def expected(rule: Rule, kind: Leaf, value: Any) -> Any:
    """The type that may be put where `value` is: as declared, else as it is now; None where nothing may."""
    declared, metadata = strip(rule.hint)
    if declared is not ANYTHING and is_known(declared):
        return rule.hint
    return annotated(own, metadata) if (own := kind.hint(value)) is not None else None


def obstacle(within: Reachable, rule: Rule, kind: Kind, item: Any) -> str:
    """Why nothing may be put where `item` is; "" where something may. Arrays without dimensions change in place."""
    if isinstance(kind, ArrayLeaf) and not within.fills:
        return rule.lock or kind.lock(item)
    return rule.lock or rule.read_only


def describe(visits: Iterable[Visit], values: dict[str, Node], registry: Registry) -> dict[str, Field]:
    """The fields of everything visited, by path."""
    fields: dict[str, Field] = {}
    scopes: dict[str, Rule] = {}
    for visit in visits:
        scope = scopes.get(visit.prefix, Rule())
        common = visit.kind.common_rule(visit.owner, scope.hint)
        for name, item in visit.entries:
            path = path_below(visit.prefix, name)
            if path not in values or _is_partial(values[path]):
                continue
            rule = _within(scope, common or _rule(visit, name, item, scope.hint))
            kind = registry.kind(type(item))
            if isinstance(kind, Container):
                scopes[f"{path}."] = rule
            elif isinstance(kind, Leaf):
                _note(fields, path, visit.kind, rule, item, kind)
    return fields


def _is_partial(node: Node) -> bool:
    return type(node) is dict and node["$"] in ("cut", "text")


def _rule(visit: Visit, name: str, item: Any, hint: Any) -> Rule:
    try:
        return visit.kind.rule(visit.owner, visit.kind.find(visit.owner, name), item, hint)
    except Exception:
        return Rule(read_only="can't be looked at")


def _within(scope: Rule, rule: Rule) -> Rule:
    return rule._replace(lock=scope.lock) if scope.lock else rule


def _note(fields: dict[str, Field], path: str, within: Reachable, rule: Rule, item: Any, kind: Leaf) -> None:
    reason = obstacle(within, rule, kind, item)
    if rule.hint is ANYTHING and not reason and type(item) in _OF_PLAIN:
        fields[path] = _OF_PLAIN[type(item)]
        return
    with suppress(Exception):  # hints are arbitrary objects
        if (hint := expected(rule, kind, item)) is not None:
            fields[path] = Field(shape_of(hint), reason, doc_of(rule.hint))
