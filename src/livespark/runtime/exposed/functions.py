"""Exposed functions: how they are described, and how arguments from outside are checked."""

import functools
import inspect
from collections.abc import Mapping, Sequence
from enum import Enum
from typing import Any, Final, Literal, get_args

from msgspec import Struct

from livespark.errors import CommandRefused
from livespark.protocol.codec import from_node
from livespark.protocol.live import Function, Parameter, Shape
from livespark.runtime.exposed.budget import Budget
from livespark.runtime.exposed.declared import call_method, is_concurrent
from livespark.runtime.exposed.forms import accept, shape_of
from livespark.runtime.exposed.hints import strip
from livespark.runtime.exposed.kinds import Node
from livespark.runtime.exposed.leaves import clean
from livespark.runtime.exposed.nested import encode
from livespark.runtime.exposed.registry import Registry

__all__ = ("BoundCall", "Target", "describe_function", "fingerprint")

_ANY_ARGUMENTS: Final = inspect.Signature(
    [
        inspect.Parameter("args", inspect.Parameter.VAR_POSITIONAL),
        inspect.Parameter("kwargs", inspect.Parameter.VAR_KEYWORD),
    ]
)
_DEFAULT: Final = Budget(nodes=100, items=50, depth=4, text=500)
_LONGEST_DOC: Final = 2_000
_VARIADIC: Final[Mapping[Any, Literal["args", "kwargs"]]] = {
    inspect.Parameter.VAR_POSITIONAL: "args",
    inspect.Parameter.VAR_KEYWORD: "kwargs",
}


class BoundCall(Struct, frozen=True):
    """A call that is ready: `function(*args, **kwargs)`. `is_async`: the result is to be awaited."""

    name: str
    function: Any
    args: tuple[Any, ...]
    kwargs: dict[str, Any]
    concurrent: bool
    is_async: bool


class Target(Struct, frozen=True):
    """An exposed function that was found by its path."""

    name: str
    function: Any

    @property
    def concurrent(self) -> bool:
        """Whether it may run on another thread at once. Looks at nothing of the user's but the mark."""
        return is_concurrent(self.function) and not _is_async(self.function)

    def bind(self, args: Sequence[Node], kwargs: Mapping[str, Node]) -> BoundCall:
        """Check and convert the arguments. Raises CommandRefused with what is wrong and the signature."""
        signature = _signature(self.function)
        try:
            bound = signature.bind(*map(from_node, args), **{name: from_node(node) for name, node in kwargs.items()})
            for name, value in bound.arguments.items():
                bound.arguments[name] = _convert(signature.parameters[name], value)
        except Exception as error:
            raise CommandRefused(f"{self.name}: {error}; it is called as {self.name}{_spelled(signature)}") from None
        concurrent, is_async = is_concurrent(self.function), _is_async(self.function)
        return BoundCall(self.name, self.function, bound.args, bound.kwargs, concurrent, is_async)


def _signature(function: Any) -> inspect.Signature:
    """The signature, hints evaluated as far as they can be; one that takes anything where there is none."""
    for evaluate in (True, False):
        try:
            return inspect.signature(function, eval_str=evaluate)
        except Exception:
            continue
    return _ANY_ARGUMENTS


def _convert(parameter: inspect.Parameter, value: Any) -> Any:
    if parameter.kind is parameter.VAR_POSITIONAL:
        return tuple(_accept(parameter, f"{parameter.name}[{index}]", item) for index, item in enumerate(value))
    if parameter.kind is parameter.VAR_KEYWORD:
        return {name: _accept(parameter, name, item) for name, item in value.items()}
    return _accept(parameter, parameter.name, value)


def _accept(parameter: inspect.Parameter, name: str, value: Any) -> Any:
    try:
        return accept(_hint(parameter), value)
    except ValueError as error:
        raise ValueError(f"{name} {error}" if str(error).startswith("must") else f"{name}: {error}") from None


def _hint(parameter: inspect.Parameter) -> Any:
    return Any if parameter.annotation is parameter.empty else parameter.annotation


class _Verbatim:
    """A text that stands for a hint or a default in a spelled signature."""

    def __init__(self, text: str) -> None:
        self._text = text

    def __repr__(self) -> str:
        return self._text


def _spelled(signature: inspect.Signature) -> str:
    """The signature as a person would write it, without metadata and module names."""
    parameters = [
        parameter.replace(annotation=_plain_hint(parameter.annotation), default=_plain_default(parameter.default))
        for parameter in signature.parameters.values()
    ]
    try:
        text = str(inspect.Signature(parameters))
    except Exception:  # a default whose repr raises
        return "(...)"
    return text if len(text) <= 300 else f"{text[:297]}..."


def _plain_hint(hint: Any) -> Any:
    if hint is inspect.Parameter.empty:
        return hint
    bare = strip(hint)[0]
    return _Verbatim(bare.__name__ if isinstance(bare, type) and not get_args(bare) else repr(bare))


def _plain_default(default: Any) -> Any:
    return _Verbatim(default.name) if isinstance(default, Enum) else default


def _is_async(function: Any) -> bool:
    while isinstance(function, functools.partial):
        function = function.func
    return inspect.iscoroutinefunction(function) or inspect.iscoroutinefunction(call_method(function))


def describe_function(function: Any, registry: Registry) -> Function:
    """Enough to draw a form for `function`."""
    signature = _signature(function)
    return Function(
        parameters=[_parameter(parameter, registry) for parameter in signature.parameters.values()],
        doc=_doc(function),
        returns=_returns(signature),
        concurrent=is_concurrent(function),
    )


def _parameter(parameter: inspect.Parameter, registry: Registry) -> Parameter:
    variadic: Literal["", "args", "kwargs"] = _VARIADIC.get(parameter.kind, "")
    required = parameter.default is parameter.empty and not variadic
    default = None if parameter.default is parameter.empty else encode(parameter.default, registry, _DEFAULT)
    return Parameter(parameter.name, _shape(parameter), required, default, variadic)


def _shape(parameter: inspect.Parameter) -> Shape:
    try:
        return shape_of(_hint(parameter))
    except Exception:
        return Shape("any")


def _doc(function: Any) -> str:
    inner = function.func if isinstance(function, functools.partial) else function
    try:
        return clean((inspect.getdoc(inner) or "")[:_LONGEST_DOC])
    except Exception:
        return ""


def _returns(signature: inspect.Signature) -> str:
    if signature.return_annotation is signature.empty:
        return ""
    return clean(inspect.formatannotation(signature.return_annotation))[:200]


def fingerprint(function: Any) -> tuple[Any, ...]:
    """Parts that are other objects when `function` is another one, or was given another body or other defaults."""
    inner = getattr(function, "__func__", function)
    parts = (getattr(inner, name, None) for name in ("__code__", "__defaults__", "__kwdefaults__"))
    return (inner, getattr(function, "__self__", None), *parts)
