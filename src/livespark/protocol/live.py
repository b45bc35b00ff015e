"""The live document: what a run shows right now. Latest wins; nothing of it is history.

Exposed values are a flat mapping from path (see `paths`) to node, parents before children, in display order:

* plain JSON scalars are themselves: `0.5`, `3`, `true`, `"text"`, `null`;
* `{"$": "float", "v": "nan" | "inf" | "-inf"}` and `{"$": "int", "v": "9223372036854775808"}` (beyond 2**53) are
  scalars that JSON or JavaScript can't hold;
* containers, whose items have entries of their own: `{"$": "dict", "n": 3}`, `{"$": "list", "n": 2}` (also tuples,
  sets), `{"$": "object", "type": "Config", "n": 4}` (dataclasses, plain objects, optimizers, schedulers, modules);
* `{"$": "array", "shape": [10, 10], "dtype": "int64", "data": [[...]]}`: NumPy arrays and tensors, with `"device"`
  for tensors; `data` (nested lists of metric `Number`s) only when small; `"stats": {"min", "max", "mean", "std"}`
  when asked;
* `{"$": "module", "type": "Net", "parameters": 12345, "trainable": 12345, "rows": [["fc1.weight", [128, 64],
  "float32", 8192, true], ...]}`;
* `{"$": "text", "type": "Foo", "v": "<Foo at ...>"}`: anything else, as its repr, cut;
* `{"$": "bytes", "n": 12, "v": "base64"}`;
* `{"$": "cut", "why": "budget" | "cycle" | "depth" | "error", "n": 999990}`: what is not shown, and why.

The same nodes, nested instead of flat, carry arguments, results and set values: there a dict or list is a plain JSON
object or array; an object whose keys begin with "$" has them doubled ("$x" -> "$$x").
"""

from typing import Any, Literal, TypeAlias

from msgspec import Struct

from livespark.protocol.snapshots import InMemory

__all__ = ("Editor", "Field", "Function", "LiveDelta", "LiveDoc", "Loop", "Parameter", "Shape", "merge")

Editor: TypeAlias = Literal["auto", "slider", "field", "switch", "select", "text", "json"]


class Shape(Struct, frozen=True, omit_defaults=True):
    """What values are allowed at a place, and how to edit them. `shapes.check` enforces it.

    `type` is `float`, `int`, `bool`, `str`, `choice`, `list`, `dict`, or `any`. Bounds are inclusive. Floats must be
    finite unless `finite` is false.
    """

    type: Literal["float", "int", "bool", "str", "choice", "list", "dict", "any"]
    nullable: bool = False
    minimum: float | None = None
    maximum: float | None = None
    step: float | None = None
    log: bool = False
    finite: bool = True
    choices: list[Any] = []
    item: "Shape | None" = None
    editor: Editor = "auto"


class Field(Struct, frozen=True, omit_defaults=True):
    """An exposed scalar that can be edited from outside, or a note that it can't (`read_only`, with the reason)."""

    shape: Shape
    read_only: str = ""
    doc: str = ""


class Parameter(Struct, frozen=True, omit_defaults=True):
    """One parameter of an exposed function. `default` is a node, present when not `required`."""

    name: str
    shape: Shape
    required: bool = True
    default: Any = None
    variadic: Literal["", "args", "kwargs"] = ""


class Function(Struct, frozen=True, omit_defaults=True):
    """An exposed function, enough to draw a form for it. `running`: it is being executed now."""

    parameters: list[Parameter] = []
    doc: str = ""
    returns: str = ""
    concurrent: bool = False
    running: bool = False


class Loop(Struct, frozen=True, omit_defaults=True):
    """Where a `spark.loop` stands. `index` items are done of `total` (None: unknown); `rate` is items per second.

    `parent` is the key of the loop around it; `since` the Unix time at which it began.
    """

    key: str
    index: int
    total: int | None = None
    rate: float | None = None
    since: float = 0.0
    parent: str = ""


class LiveDelta(Struct, frozen=True, omit_defaults=True):
    """A change of the live document. With `full`, `values` and the rest replace everything; else `values` are merged
    in and `dropped` paths removed. `fields`, `functions`, `loops` and `memory` replace their predecessors whole when
    not None. `memory`: the snapshots in host memory, oldest first."""

    version: int
    full: bool = False
    step: int | None = None
    values: dict[str, Any] = {}
    dropped: list[str] = []
    fields: dict[str, Field] | None = None
    functions: dict[str, Function] | None = None
    loops: list[Loop] | None = None
    memory: list[InMemory] | None = None
    steps_per_second: float | None = None


class LiveDoc(Struct):
    """The live document as a whole, as the server and clients keep it."""

    version: int = 0
    step: int | None = None
    values: dict[str, Any] = {}
    fields: dict[str, Field] = {}
    functions: dict[str, Function] = {}
    loops: list[Loop] = []
    memory: list[InMemory] = []
    steps_per_second: float | None = None


def merge(doc: LiveDoc, delta: LiveDelta) -> None:
    """Apply `delta` to `doc` in place."""
    if delta.full:
        doc.values = dict(delta.values)
        doc.fields, doc.functions, doc.loops, doc.memory = {}, {}, [], []
    else:
        doc.values.update(delta.values)
        for path in delta.dropped:
            doc.values.pop(path, None)
    doc.version = delta.version
    doc.step = delta.step if delta.step is not None else doc.step
    doc.steps_per_second = delta.steps_per_second
    doc.fields = doc.fields if delta.fields is None else delta.fields
    doc.functions = doc.functions if delta.functions is None else delta.functions
    doc.loops = doc.loops if delta.loops is None else delta.loops
    doc.memory = doc.memory if delta.memory is None else delta.memory
