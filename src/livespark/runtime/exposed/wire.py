"""The last step on the link's thread: what a walk noted becomes nodes that JSON can carry."""

from math import isfinite
from typing import Any

from livespark.protocol.codec import to_node, to_number
from livespark.runtime.exposed.kinds import Node
from livespark.runtime.exposed.leaves import clean

__all__ = ("finish", "numbers", "to_wire")


def to_wire(noted: dict[str, Node]) -> dict[str, Node]:
    """Finish all nodes."""
    return {path: node if type(node) is float and isfinite(node) else finish(node) for path, node in noted.items()}


def finish(node: Node) -> Node:
    """A scalar as a node; an array's elements as numbers of the wire; every other node as it is."""
    if type(node) is str:
        return clean(node)
    if type(node) is not dict:
        return to_node(node)
    return {**node, "data": numbers(node["data"])} if "data" in node else node


def numbers(data: Any) -> Any:
    """Nested lists of numbers, as metric numbers; truth values as 0 and 1."""
    if type(data) is not list:
        return to_number(data if type(data) is float else int(data))
    if set(map(type, data)) == {float} and all(map(isfinite, data)):
        return data
    return [numbers(item) for item in data]
