"""Whether an initializer is still the same, told without calling it."""

import functools
from types import SimpleNamespace
from typing import Any

from livespark.runtime.config import Config
from livespark.runtime.initializers import fingerprint


def made(source: str, **names: Any) -> object:
    """The fingerprint of the initializer that `source` evaluates to."""
    return fingerprint(eval(source, names), lambda value: value is names.get("kept"))


def test_the_same_text_elsewhere_is_the_same() -> None:
    """Line numbers and formatting do not matter."""
    assert made("lambda: f(width=3)", f=dict) == made("\n\n(lambda:\n  f(width = 3))", f=dict)


def test_another_constant_or_another_call_is_another() -> None:
    """Numbers of equal value but another type, too."""
    prints = [made(f"lambda: {text}") for text in ("f(3)", "f(4)", "f(3.0)", "g(3)", "f(3, 3)", "f(lambda: 3)")]
    assert len(set(map(repr, prints))) == len(prints)


def test_plain_values_from_outside_count() -> None:
    """A global, an attribute of a global, a default, what a partial binds."""
    assert made("lambda: f(WIDTH)", WIDTH=3) != made("lambda: f(WIDTH)", WIDTH=4)
    assert made("lambda: f(c.width)", c=SimpleNamespace(width=3)) != made(
        "lambda: f(c.width)", c=SimpleNamespace(width=4)
    )
    three, four = Config()(width=3), Config()(width=4)
    assert made("lambda: f(c.width)", c=three) != made("lambda: f(c.width)", c=four)
    assert made("lambda w=W: f(w)", W=3) != made("lambda w=W: f(w)", W=4)
    assert made("p(dict, 3)", p=functools.partial) != made("p(dict, 4)", p=functools.partial)
    assert made("(lambda w: lambda: f(w))(3)") != made("(lambda w: lambda: f(w))(4)")


def test_what_changes_while_the_script_runs_does_not_count() -> None:
    """Attributes of kept objects, objects, attributes that are not read."""
    kept = SimpleNamespace(epoch=1)
    before = made("lambda: f(kept.epoch)", kept=kept)
    kept.epoch = 2
    assert made("lambda: f(kept.epoch)", kept=kept) == before
    assert made("lambda: f(net)", net=object()) == made("lambda: f(net)", net=object())
    assert made("lambda: f(c.width)", c=SimpleNamespace(width=3, seed=1)) == made(
        "lambda: f(c.width)", c=SimpleNamespace(width=3, seed=2)
    )


def test_nothing_of_the_script_s_is_executed() -> None:
    """Properties and `__getattr__` are left alone."""

    class Trap:
        def __getattr__(self, name: str) -> int:
            raise AssertionError(name)

    assert made("lambda: f(trap.width)", trap=Trap()) == made("lambda: f(trap.width)", trap=Trap())
