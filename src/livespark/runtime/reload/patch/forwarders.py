"""Functions that can't take over new code, because their closure has another shape, hand their calls on.

A forwarder's code holds the function it forwards to as a constant. There is a template for each kind of function, so
that `inspect` goes on telling the truth. A forwarder never leads to another one.
"""

import weakref
from collections.abc import AsyncIterator, Generator
from inspect import CO_ASYNC_GENERATOR, CO_COROUTINE, CO_GENERATOR
from types import CodeType, FunctionType
from typing import Any, Final

__all__ = ("forwarders_to", "forwarding_code", "kind", "note_forwarder", "target_of")

_TARGET: Final = "<livespark: the function that is called instead>"
_KINDS: Final = CO_COROUTINE | CO_GENERATOR | CO_ASYNC_GENERATOR


def _plain(*args: Any, **kwargs: Any) -> Any:
    target: Any = "<livespark: the function that is called instead>"
    return target(*args, **kwargs)


async def _coroutine(*args: Any, **kwargs: Any) -> Any:
    target: Any = "<livespark: the function that is called instead>"
    return await target(*args, **kwargs)


def _generator(*args: Any, **kwargs: Any) -> Generator[Any, Any, Any]:
    target: Any = "<livespark: the function that is called instead>"
    return (yield from target(*args, **kwargs))


async def _async_generator(*args: Any, **kwargs: Any) -> AsyncIterator[Any]:
    target: Any = "<livespark: the function that is called instead>"
    inner = target(*args, **kwargs)
    try:
        item = await anext(inner)
        while True:
            try:
                sent = yield item
            except GeneratorExit:
                raise
            except BaseException as error:
                item = await inner.athrow(error)
            else:
                item = await inner.asend(sent)
    except StopAsyncIteration:
        return
    finally:
        await inner.aclose()


def kind(code: CodeType) -> int:
    """Plain, coroutine, generator, or asynchronous generator."""
    return code.co_flags & _KINDS


_TEMPLATES: Final = {
    kind(template.__code__): template.__code__ for template in (_plain, _coroutine, _generator, _async_generator)
}
_known: "weakref.WeakKeyDictionary[FunctionType, weakref.WeakSet[FunctionType]]" = weakref.WeakKeyDictionary()


def forwarding_code(old: FunctionType, target: FunctionType) -> CodeType:
    """The code that makes `old` call `target`."""
    template = _TEMPLATES[kind(target.__code__)]
    return template.replace(
        co_name=old.__name__,
        co_qualname=old.__qualname__,
        co_consts=tuple(target if constant == _TARGET else constant for constant in template.co_consts),
        co_freevars=tuple(f"unused{number}" for number in range(len(old.__closure__ or ()))),
    )


def note_forwarder(old: FunctionType, target: FunctionType) -> None:
    """`old` forwards to `target` from now on."""
    _known.setdefault(target, weakref.WeakSet()).add(old)


def target_of(function: FunctionType) -> FunctionType | None:
    """What `function` forwards to; None if it is no forwarder."""
    code = function.__code__
    if code.co_filename != __file__:
        return None
    return next((constant for constant in code.co_consts if isinstance(constant, FunctionType)), None)


def forwarders_to(target: FunctionType) -> list[FunctionType]:
    """The living functions that forward to `target`."""
    return [each for each in _known.get(target, ()) if target_of(each) is target]
