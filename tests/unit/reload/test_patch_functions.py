"""Functions that take over others: kinds, forwarders, loops, what is left behind."""

import asyncio
import gc
import inspect
import subprocess
import sys
import weakref
from collections.abc import AsyncIterator
from pathlib import Path
from types import FunctionType
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from livespark.runtime.reload.patch.forwarders import target_of
from livespark.runtime.reload.patch.patcher import Patcher
from livespark.runtime.reload.undo import Undo
from tests.unit.reload.living import Living

ROOT = Path(__file__).parents[3]

BODIES = {
    "plain": "def f(self): return (n, 'plain')",
    "coroutine": "async def f(self): return (n, 'coroutine')",
    "generator": "def f(self):\n    yield n\n    return 'generator'",
    "async generator": "async def f(self):\n    got = yield n\n    yield got",
}
CHECKS = {
    "plain": lambda f: not any(kind(f) for kind in (inspect.iscoroutinefunction, inspect.isgeneratorfunction)),
    "coroutine": inspect.iscoroutinefunction,
    "generator": inspect.isgeneratorfunction,
    "async generator": inspect.isasyncgenfunction,
}


def make(kind: str, free: str, result: int = 7) -> Any:
    """A function of a kind whose free variables are `free` and n."""
    names: dict[str, Any] = {}
    body = (
        BODIES[kind].replace("return (n", f"return (n if {free} else n").replace("yield n", f"yield n if {free} else n")
    )
    exec(f"def outer(n, {free}):\n  {body}\n  return f\n", WORLD, names)
    return names["outer"](result, 1)


WORLD: dict[str, Any] = {"__name__": "world"}


async def drive(generator: AsyncIterator[Any]) -> list[Any]:
    items: Any = generator
    first, second = await anext(items), await items.asend("sent")
    await items.aclose()
    return [first, second]


RUNS: dict[str, Any] = {
    "plain": lambda f: f(0) == (7, "plain"),
    "coroutine": lambda f: asyncio.run(f(0)) == (7, "coroutine"),
    "generator": lambda f: list(f(0)) == [7],
    "async generator": lambda f: asyncio.run(drive(f(0))) == [7, "sent"],
}


@pytest.mark.parametrize("before", BODIES)
@pytest.mark.parametrize("after", BODIES)
def test_forwarders_are_what_they_forward_to(before: str, after: str) -> None:
    """Whatever kinds old and new are of, the old function behaves as the new one, and as itself when taken back."""
    old, new, undo = make(before, "x"), make(after, "y"), Undo()
    assert Patcher(undo, lambda _: None).adopt_function(old, new) is new
    assert CHECKS[after](old)
    assert RUNS[after](old)
    assert inspect.signature(old) == inspect.signature(new)
    undo.roll_back()
    assert CHECKS[before](old)
    assert RUNS[before](old)


@given(st.lists(st.sampled_from(["x", "y", "z"]), min_size=1, max_size=6))
def test_forwarders_never_make_a_chain(shapes: list[str]) -> None:
    """After any sequence of shapes, everyone who holds a former function calls the newest one directly."""
    functions = [make("plain", "x")]
    for number, shape in enumerate(shapes):
        new = make("plain", shape, number)
        functions.append(Patcher(Undo(), lambda _: None).adopt_function(functions[-1], new))
    for each in functions[:-1]:
        assert each is functions[-1] or target_of(each) is functions[-1]
    assert all(each(0) == (len(shapes) - 1, "plain") for each in functions)


def test_a_wrapper_in_an_object_that_holds_the_old_function() -> None:
    """It can't be forwarded to without a loop: the old function stays itself."""
    living = Living("def f(): return 1")
    old: FunctionType = living.names["f"]
    living.see("hold").update(f=old)
    exec(
        "class Box: pass\nbox = Box()\nbox.f = f\ndef outer():\n  held = box\n  def f(): return [held.f()]\n  return f",
        living.names,
    )
    wrapper: FunctionType = living.see("outer()")
    assert Patcher(Undo(), lambda _: None).adopt_function(old, wrapper) == wrapper
    assert (old(), wrapper()) == (1, [1])


def test_the_innermost_function_lives_on_when_decorated() -> None:
    """A decorator was added around the predecessor itself, which others hold: they call the decorated one."""
    living = Living("def f(): return 1")
    old: FunctionType = living.names["f"]
    wrapper: Any = living.see("(lambda f: lambda: ['w', f()])(f)")
    wrapper.__qualname__ = "f"
    undo = Undo()
    patcher = Patcher(undo, lambda _: None)
    assert patcher.adopt(old, wrapper) == wrapper
    assert (old(), wrapper()) == (["w", 1], ["w", 1])
    undo.roll_back()
    assert old() == 1


def test_functions_of_other_names_have_nothing_in_common() -> None:
    """A name bound to another function does not change the one it meant before."""
    living = Living("def f(): return 1\ndef g(): return 2")
    f, g = living.names["f"], living.names["g"]
    assert Patcher(Undo(), lambda _: None).adopt(f, g) == g
    assert (f(), g()) == (1, 2)


def test_a_function_that_refers_to_itself() -> None:
    """Its closure goes on leading to itself."""
    source = "def make():\n  def f(n): return 'old' if n == 0 else f(n - 1)\n  return f"
    living = Living(source)
    old: FunctionType = living.see("make()")
    exec(source.replace("old", "new"), living.names)
    assert Patcher(Undo(), lambda _: None).adopt(old, living.see("make()")) is old
    assert old(3) == "new"
    assert [cell.cell_contents for cell in old.__closure__ or ()] == [old]


def test_line_numbers_follow_without_emptying_caches() -> None:
    """A function that only moved has new line numbers; what was cached stays."""
    source = "import functools\n@functools.cache\ndef f(x): return x"
    living = Living(source)
    living.see("f(1)")
    living.exchange("\n\n" + source)
    assert living.names["f"].__wrapped__.__code__.co_firstlineno in (4, 5)
    assert living.see("f.cache_info().currsize") == 1


def test_old_code_can_be_collected() -> None:
    """Nothing keeps the code that was exchanged, nor the constants in it."""
    living = Living("class Big: pass\nbig = Big()\ndef f(): return 'old constant'")
    old = living.names["f"].__code__
    kept = weakref.ref(old)
    del old
    living.exchange("class Big: pass\nbig = Big()\ndef f(): return 2").forget()
    gc.collect()
    assert kept() is None


EDITS = """
import gc
from tests.unit.reload.living import Living

SOURCE = '''
import functools
class B:
    def f(self): return 0
class A(B):
    def f(self): return NUMBER + MORE
    @property
    def p(self): return NUMBER
def make():
    def g(): return NUMBER
    return g
live = make()
@functools.lru_cache
def cached(): return NUMBER
'''

def source(number):
    more = "super().f()" if number % 2 else "0"
    return SOURCE.replace("MORE", more).replace("NUMBER", str(number))

def count():
    gc.collect()
    return len(gc.get_objects())

living = Living(source(0))
living.names["hold"] = living.see("A(), A().f, live")
for number in range(520):
    if number == 20:
        before = count()
    getattr(living, WAY)(source(number)).forget()
print(living.see("hold[0].f(), hold[1](), A().p, cached()"), count() - before < 60)
"""


@pytest.mark.parametrize("way", ["exchange", "execute"])
def test_memory_does_not_grow(way: str) -> None:
    """Five hundred edits leave no objects behind."""
    script = EDITS.replace("WAY", repr(way))
    done = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True)
    assert (done.stdout, done.stderr) == ("(519, 519, 519, 519) True\n", "")


def test_what_was_registered_after_an_exchange_is_taken_back() -> None:
    """Statements of the new source register implementations with a dispatcher that lives on."""
    source = "from functools import singledispatch\n@singledispatch\ndef f(x): return {}"
    living = Living(source.format(0))
    held: Any = living.names["f"]
    undo = living.exchange(source.format(1))
    held.register(int, lambda x: "int")
    assert (held(""), held(1)) == (1, "int")
    undo.roll_back()
    assert (held(""), held(1)) == (0, 0)


def test_what_is_frozen_follows() -> None:
    """`gc.freeze` hides a living closure from the collector."""
    source = "def make():\n  def f(): return 1\n  return f"
    living = Living(source)
    held: FunctionType = living.see("make()")
    gc.freeze()
    try:
        living.exchange(source.replace("1", "2"))
    finally:
        gc.unfreeze()
    assert held() == 2


def test_names_of_the_project_alone_are_looked_into() -> None:
    """A function that only a container holds is found all the same, and nothing of other libraries is touched."""
    living = Living("import json\ntable = {'f': lambda: 1}\ndef g(): return json.dumps(1)")
    dumps = living.names["json"].dumps.__code__
    held: FunctionType = living.see("table['f']")
    living.exchange("import json\ntable = {'f': lambda: 2}\ndef g(): return json.dumps(2)")
    assert (held(), living.see("g()")) == (2, "2")
    assert living.names["json"].dumps.__code__ is dumps
