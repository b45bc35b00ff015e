"""Exposed functions: descriptions, lookup, and the checking of arguments."""

import enum
import functools
import operator
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal, NamedTuple, Optional, TypedDict, Union

import pytest

from livespark.errors import CommandRefused, UsageError
from livespark.protocol import codec
from livespark.protocol.live import Function, Parameter, Shape
from livespark.runtime.exposed.declared import Slider, concurrent
from livespark.runtime.exposed.exposed import Exposed
from livespark.runtime.exposed.functions import BoundCall


class Mode(enum.Enum):
    FAST = 1
    EXACT = 2


class Size(NamedTuple):
    width: int
    height: int = 1


class Named(TypedDict):
    name: str


@dataclass
class Schedule:
    warmup: int
    peak: Annotated[float, Slider(0, 1)] = 0.5


def train(
    epochs: int = 3, *, lr: Annotated[float, Slider(1e-5, 1e-1, log=True)] = 1e-3, mode: Mode = Mode.FAST
) -> float:
    """Train for a while."""
    return epochs * lr


def everything(first: int, /, *rest: float, **options: bool) -> None: ...


def exposing(**bindings: Any) -> Exposed:
    exposed = Exposed()
    exposed.replace(bindings)
    return exposed


def bind(function: Any, *args: Any, **kwargs: Any) -> BoundCall:
    target = exposing(f=function).resolve("f")
    return target.bind([codec.to_node(arg) for arg in args], {name: codec.to_node(arg) for name, arg in kwargs.items()})


def described(**bindings: Any) -> dict[str, Function]:
    delta = exposing(**bindings).delta(full=True)
    assert delta is not None
    assert delta.functions is not None
    codec.encode(delta.functions)
    return delta.functions


def test_a_description_is_enough_for_a_form() -> None:
    """Parameters with shapes and defaults, what it returns, what it does."""
    assert described(train=train)["train"] == Function(
        parameters=[
            Parameter("epochs", Shape("int"), required=False, default=3),
            Parameter(
                "lr",
                Shape("float", minimum=1e-5, maximum=0.1, log=True, editor="slider"),
                required=False,
                default=0.001,
            ),
            Parameter("mode", Shape("choice", choices=["FAST", "EXACT"]), required=False, default="FAST"),
        ],
        doc="Train for a while.",
        returns="float",
    )
    assert [(p.name, p.required, p.variadic) for p in described(f=everything)["f"].parameters] == [
        ("first", True, ""),
        ("rest", False, "args"),
        ("options", False, "kwargs"),
    ]


class Runner:
    """A callable object."""

    def method(self, n: int) -> int:
        return n

    def __call__(self, n: int) -> int:
        return n + 1


def test_whatever_can_be_called_is_a_function() -> None:
    """Functions, lambdas, methods, partials, objects with `__call__`, builtins; in bindings and in exposed dicts."""
    runner = Runner()
    found = described(
        plain=train,
        anonymous=lambda x: x,
        method=runner.method,
        partial=functools.partial(train, 5),
        object=runner,
        builtin=operator.itemgetter,
        tools={"inner": {"max": max}},
    )
    assert list(found) == ["plain", "anonymous", "method", "partial", "object", "tools.inner.max"]
    assert [parameter.name for parameter in found["partial"].parameters] == ["lr", "mode"]
    assert found["partial"].doc == "Train for a while."
    assert found["object"].parameters == [Parameter("n", Shape("int"))]
    assert [parameter.variadic for parameter in found["tools.inner.max"].parameters] == ["args", "kwargs"]


def test_a_function_is_found_by_its_path() -> None:
    """An unknown function is refused with those there are; a value is no function."""
    exposed = exposing(train=train, state={"lr": 0.1, "reset": train})
    assert exposed.resolve("state.reset").function is train
    with pytest.raises(CommandRefused, match=r"there is no function 'tarin'; there are: train, state\.reset"):
        exposed.resolve("tarin")
    with pytest.raises(CommandRefused, match=r"'state\.lr' is a value, not a function"):
        exposed.resolve("state.lr")
    with pytest.raises(CommandRefused, match="there is no function 'x'; this run exposes none"):
        Exposed().resolve("x")


def test_arguments_are_converted_as_hinted() -> None:
    """Lists become tuples and sets, texts paths and members, dicts dataclasses and named tuples."""

    def function(
        a: tuple[int, float],
        b: Path,
        c: Mode,
        d: float,
        e: Schedule,
        f: Size,
        g: set[str],
        h: dict[int, float],
        i: Literal["x", 1],
        j: Optional[int],  # noqa: UP045 - the old spelling
        k: Union[int, str],  # noqa: UP007
        m: Named,
        n: Sequence[Mode],
        o: bytes,
        p: list[Any] | None = None,
    ) -> None: ...

    call = bind(
        function,
        [1, 2],
        "/x",
        "EXACT",
        3,
        {"warmup": 5},
        [4],
        ["a"],
        {"1": 2},
        1,
        None,
        "k",
        {"name": "n"},
        ["FAST", 2],
        b"o",
    )
    assert call.args == (
        (1, 2.0),
        Path("/x"),
        Mode.EXACT,
        3.0,
        Schedule(warmup=5, peak=0.5),
        Size(4),
        {"a"},
        {1: 2.0},
        1,
        None,
        "k",
        {"name": "n"},
        [Mode.FAST, Mode.EXACT],
        b"o",
    )
    assert type(call.args[3]) is float


def test_what_is_not_hinted_is_passed_as_it_is() -> None:
    """No hint, or one that says nothing we know, accepts anything."""

    def function(a, b: "Unknown", c: Callable[[], int], d: type[int], e: object, *rest, **more): ...  # type: ignore[no-untyped-def, name-defined]  # noqa: F821

    call = bind(function, 1, "b", [2], {"x": None}, 0.5, "rest", more="x")
    assert call.args == (1, "b", [2], {"x": None}, 0.5, "rest")
    assert call.kwargs == {"more": "x"}


@pytest.mark.parametrize(
    ("args", "kwargs", "sentence"),
    [
        (
            ["x"],
            {},
            "train: epochs must be a whole number, not 'x'; it is called as train(epochs: int = 3, *, lr: float = 0.",
        ),
        ([], {"lr": 1}, "train: lr must be at most 0.1, not 1.0; it is called as"),
        ([], {"lr": float("nan")}, "train: lr must be a finite number, not nan"),
        ([], {"mode": "SLOW"}, "train: mode must be one of 'FAST', 'EXACT', not 'SLOW'"),
        ([1, 2], {}, "train: too many positional arguments; it is called as"),
        ([], {"steps": 1}, "train: got an unexpected keyword argument 'steps'"),
        ([1], {"epochs": 1}, "train: multiple values for argument 'epochs'"),
    ],
)
def test_wrong_arguments_are_refused_with_the_signature(args: list[Any], kwargs: dict[str, Any], sentence: str) -> None:
    """The sentence says what is wrong and how the function is called."""
    target = exposing(train=train).resolve("train")
    with pytest.raises(CommandRefused) as refused:
        target.bind([codec.to_node(arg) for arg in args], {name: codec.to_node(arg) for name, arg in kwargs.items()})
    assert str(refused.value).startswith(sentence)
    assert "(epochs: int = 3, *, lr: float = 0.001, mode: Mode = FAST)" in str(refused.value)


@pytest.mark.parametrize(
    ("hint", "value", "sentence"),
    [
        (tuple[int, int], [1], "must be a list of 2, not of 1"),
        (list[float], ["a"], "item 0 must be a number"),
        (set[list[int]], [[1]], "must be a list of hashable items"),
        (dict[int, str], {"a": "b"}, "must have numbers as names, not 'a'"),
        (dict[str, int], {"a": "b"}, "item 'a' must be a whole number"),
        (Schedule, {}, "must have 'warmup' to be a Schedule"),
        (Schedule, {"warmup": 1, "x": 1}, "must be a Schedule, which has no 'x'"),
        (Schedule, {"warmup": 1, "peak": 2}, "peak must be at most 1"),
        (Size, [1, 2, 3], "must be an object with names and values"),
        (Named, {}, "must have 'name' to be a Named"),
        (None, 1, "must be nothing (null), not 1"),
        (bytes, "x", "must be bytes, not 'x'"),
        (int | None, "x", "must be a whole number, not 'x'"),
        (Mode | None, "x", "must be one of 'FAST', 'EXACT', not 'x'"),
    ],
)
def test_hints_of_every_form_refuse_what_does_not_fit(hint: Any, value: Any, sentence: str) -> None:
    """Collections, records, unions and choices say which part is wrong."""

    def function(x: Any) -> None: ...

    function.__annotations__["x"] = hint
    with pytest.raises(CommandRefused) as refused:
        bind(function, value)
    assert sentence in str(refused.value)


def test_variadic_arguments_are_checked_one_by_one() -> None:
    """Every one of `*args` and `**kwargs` has the hint of them all."""
    assert bind(everything, 1, 2, 3, on=True).args == (1, 2.0, 3.0)
    with pytest.raises(CommandRefused, match=r"rest\[1\] must be a number"):
        bind(everything, 1, 2, "x")
    with pytest.raises(CommandRefused, match="on must be true or false"):
        bind(everything, 1, on=1)


def test_marks_of_a_call() -> None:
    """Concurrent functions and async ones are told apart, through partials and objects, too."""

    @concurrent
    def fast() -> None: ...

    async def later() -> None: ...

    class Job:
        async def __call__(self) -> None: ...

        @concurrent
        def method(self) -> None: ...

    assert bind(fast).concurrent
    assert bind(functools.partial(fast)).concurrent
    assert bind(Job().method).concurrent
    assert not bind(train).concurrent
    assert bind(later).is_async
    assert bind(functools.partial(later)).is_async
    assert bind(Job()).is_async
    assert not bind(fast).is_async
    assert described(fast=fast)["fast"].concurrent
    with pytest.raises(UsageError, match="can't be marked"):
        concurrent(len)


def test_a_description_follows_a_new_body() -> None:
    """A function that was given other code, as a reload does, is described anew; an unchanged one is not."""

    def old(a: int = 1) -> None: ...

    def new(a: int, b: str = "x") -> None:
        """New."""

    exposed = exposing(f=old)
    exposed.delta(full=True)
    exposed.sample()
    assert exposed.delta(full=False) is None
    old.__code__, old.__defaults__, old.__annotations__ = new.__code__, new.__defaults__, new.__annotations__
    exposed.sample()
    delta = exposed.delta(full=False)
    assert delta is not None
    assert delta.functions is not None
    assert [parameter.name for parameter in delta.functions["f"].parameters] == ["a", "b"]


def test_odd_functions_can_be_exposed_and_called() -> None:
    """Defaults whose repr raises, hints that name nothing, attributes that raise: described as far as it goes."""

    class Nasty:
        def __repr__(self) -> str:
            raise RuntimeError("no")

    class Trap:
        def __call__(self) -> int:
            return 1

        def __getattr__(self, name: str) -> Any:
            raise RuntimeError(name)

    def function(a: "Missing" = Nasty(), b: int = 2) -> None: ...  # type: ignore[name-defined]  # noqa: B008, F821

    found = described(f=function, trap=Trap())
    assert found["f"].parameters[0].default == {}
    assert "trap" in found
    with pytest.raises(CommandRefused, match=r"called as f\(\.\.\.\)"):
        bind(function, 1, "x")


def test_a_slider_is_a_range() -> None:
    """A range that is none is refused where it is written."""
    for arguments, options, sentence in (
        ((1, 0), {}, "to a larger one"),
        ((0, float("inf")), {}, "to a larger one"),
        ((0, 1), {"log": True}, "starts above 0"),
        ((0, 1), {"step": 2}, "step is above 0"),
    ):
        with pytest.raises(UsageError, match=sentence):
            Slider(*arguments, **options)
    assert Slider(0, 1, step=0.1) == Slider(0, 1, step=0.1)


def test_results_are_encoded_within_a_budget() -> None:
    """Objects become JSON objects; what is too large or contains itself is cut; large arrays bring their statistics."""
    loop: list[Any] = []
    loop.append(loop)
    exposed = Exposed()
    assert exposed.encode({"a": (1, {2}), "s": Schedule(1), "$x": loop, "f": train}) == {
        "a": [1, [2]],
        "s": {"warmup": 1, "peak": 0.5},
        "$$x": [{"$": "cut", "why": "cycle"}],
        "f": {"$": "text", "type": "function", "v": "train"},
    }
    many = exposed.encode(list(range(30_000)))
    assert len(many) == 10_001
    assert many[-1] == {"$": "cut", "why": "budget", "n": 20_000}
