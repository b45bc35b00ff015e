"""What is held before an edit behaves as the new source says, and as the old one says when it is taken back."""

from typing import Any, NamedTuple

import pytest

from tests.unit.reload.living import Living


class Edit(NamedTuple):
    """`hold` is evaluated before the edit, `see` before, after, and when it has been taken back."""

    before: str
    after: str
    see: str
    was: Any
    now: Any
    hold: str = "None"


BODIES = {
    "function": Edit("def f(): return 1", "\n\ndef f(): return 2", "f(), hold[0]()", (1, 1), (2, 2), "[f]"),
    "bound method": Edit(
        "class A:\n  def f(self): return 1", "class A:\n  def f(self): return 2", "hold[0]()", 1, 2, "[A().f]"
    ),
    "super added": Edit(
        "class B:\n  def f(self): return 1\nclass A(B):\n  def f(self): return 5",
        "class B:\n  def f(self): return 1\nclass A(B):\n  def f(self): return 10 + super().f()",
        "hold[0].f(), hold[1](), hold[2](hold[0])",
        (5, 5, 5),
        (11, 11, 11),
        "(a := A()), a.f, A.f",
    ),
    "super removed": Edit(
        "class B:\n  def f(self): return 1\nclass A(B):\n  def f(self): return 10 + super().f()",
        "class B:\n  def f(self): return 1\nclass A(B):\n  def f(self): return 5",
        "hold[0].f(), hold[1](), hold[2](hold[0])",
        (11, 11, 11),
        (5, 5, 5),
        "(a := A()), a.f, A.f",
    ),
    "super added to a class method": Edit(
        "class B:\n  @classmethod\n  def f(cls): return 1\nclass A(B):\n  @classmethod\n  def f(cls): return 5",
        "class B:\n  @classmethod\n  def f(cls): return 1\n"
        "class A(B):\n  @classmethod\n  def f(cls): return -super().f()",
        "A.f(), hold[0]()",
        (5, 5),
        (-1, -1),
        "[A.f]",
    ),
    "super kept": Edit(
        "class B:\n  def f(self): return 1\nclass A(B):\n  def f(self): return 10 + super().f()",
        "class B:\n  def f(self): return 2\nclass A(B):\n  def f(self): return 20 + super().f()",
        "hold.f(), A().f()",
        (11, 11),
        (22, 22),
        "A()",
    ),
    "static, class method": Edit(
        "class A:\n  @staticmethod\n  def s(): return 1\n  @classmethod\n  def c(cls): return cls, 1",
        "class A:\n  @staticmethod\n  def s(): return 2\n  @classmethod\n  def c(cls): return cls, 2",
        "hold[0](), hold[1]()[1], hold[1]()[0] is A",
        (1, 1, True),
        (2, 2, True),
        "A.s, A.c",
    ),
    "property": Edit(
        "class A:\n  @property\n  def p(self): return 1\n  @p.setter\n  def p(self, v): self.v = v",
        "class A:\n  @property\n  def p(self): return 2\n  @p.setter\n  def p(self, v): self.v = -v",
        "setattr(hold, 'p', 3) or (hold.p, hold.v)",
        (1, 3),
        (2, -3),
        "A()",
    ),
    "cached property": Edit(
        "from functools import cached_property\nclass A:\n  @cached_property\n  def p(self): return 1",
        "from functools import cached_property\nclass A:\n  @cached_property\n  def p(self): return 2",
        "A().p",
        1,
        2,
    ),
    "living closure": Edit(
        "def make(n):\n  def f(): return n\n  return f",
        "def make(n):\n  def f(): return n * 10\n  return f",
        "hold['x'](), make(2)()",
        (1, 2),
        (10, 20),
        "{'x': make(1)}",
    ),
    "wraps with arguments": Edit(
        "import functools\ndef add(n):\n  def deco(f):\n    @functools.wraps(f)\n    def w(*a): return n + f(*a)\n"
        "    return w\n  return deco\n@add(1)\ndef f(x): return x",
        "import functools\ndef add(n):\n  def deco(f):\n    @functools.wraps(f)\n    def w(*a): return -n + f(*a)\n"
        "    return w\n  return deco\n@add(1)\ndef f(x): return 2 * x",
        "hold[0](5), f(5), f.__name__",
        (6, 6, "f"),
        (9, 9, "f"),
        "[f]",
    ),
    "lru_cache": Edit(
        "import functools\n@functools.lru_cache\ndef f(x): return x",
        "import functools\n@functools.lru_cache\ndef f(x): return -x",
        "hold(3), f(3), hold is f",
        (3, 3, True),
        (-3, -3, True),
        "f",
    ),
    "lru_cache around a living closure": Edit(
        "import functools\ndef make():\n  @functools.cache\n  def f(x): return x\n  return f",
        "import functools\ndef make():\n  @functools.cache\n  def f(x): return -x\n  return f",
        "hold[0](3)",
        3,
        -3,
        "[make()]",
    ),
    "context manager": Edit(
        "from contextlib import contextmanager\n@contextmanager\ndef f(): yield 1",
        "from contextlib import contextmanager\n@contextmanager\ndef f(): yield 2",
        "hold[0]().__enter__()",
        1,
        2,
        "[f]",
    ),
    "partial": Edit(
        "from functools import partial\ndef f(a, b): return a + b\np = partial(f, 1)",
        "from functools import partial\ndef f(a, b): return a - b\np = partial(f, 1)",
        "hold(2)",
        3,
        -1,
        "p",
    ),
    "single dispatch": Edit(
        "from functools import singledispatch\n@singledispatch\ndef f(x): return 0\n@f.register\n"
        "def _(x: int): return 1",
        "from functools import singledispatch\n@singledispatch\ndef f(x): return 9\n@f.register\n"
        "def _(x: int): return 2",
        "f(''), f(1), hold[0](1)",
        (0, 1, 1),
        (9, 2, 2),
        "[f]",
    ),
    "function in an object of a decorator's class": Edit(
        "class D:\n  def __init__(self, f): self.f = f\n  def __call__(self): return self.f()\n@D\ndef f(): return 1",
        "class D:\n  def __init__(self, f): self.f = f\n  def __call__(self): return self.f()\n@D\ndef f(): return 2",
        "hold()",
        1,
        2,
        "f",
    ),
    "lambda in a container": Edit("t = [lambda: 1]", "t = [lambda: 2]", "hold()", 1, 2, "t[0]"),
    "nested class": Edit(
        "class A:\n  class B:\n    def f(self): return 1",
        "class A:\n  class B:\n    def f(self): return 2",
        "hold.f(), type(hold) is A.B",
        (1, True),
        (2, True),
        "A.B()",
    ),
    "generator becomes plain": Edit(
        "def f():\n  yield 1", "def f():\n  return [2]", "list(hold[0]())", [1], [2], "[f]"
    ),
    "dataclass method": Edit(
        "from dataclasses import dataclass\n@dataclass(frozen=True, slots=True)\nclass A:\n  x: int\n"
        "  def f(self): return self.x",
        "from dataclasses import dataclass\n@dataclass(frozen=True, slots=True)\nclass A:\n  x: int\n"
        "  def f(self): return -self.x",
        "hold.f(), hold == A(1), isinstance(hold, A)",
        (1, True, True),
        (-1, True, True),
        "A(1)",
    ),
    "enum method": Edit(
        "import enum\nclass E(enum.Enum):\n  A = 1\n  def f(self): return 1",
        "import enum\nclass E(enum.Enum):\n  A = 1\n  def f(self): return 2",
        "hold.f(), hold is E.A, E(1) is hold",
        (1, True, True),
        (2, True, True),
        "E.A",
    ),
    "named tuple method": Edit(
        "from typing import NamedTuple\nclass P(NamedTuple):\n  x: int\n  def f(self): return self.x",
        "from typing import NamedTuple\nclass P(NamedTuple):\n  x: int\n  def f(self): return -self.x",
        "hold.f(), isinstance(hold, P)",
        (1, True),
        (-1, True),
        "P(1)",
    ),
}

DEFINITIONS = {
    "defaults, keyword defaults, annotations, doc": Edit(
        "def f(a=1, *, k=1):\n  'old'\n  return a, k",
        "def f(a: int = 2, *, k=2, z=3):\n  'new'\n  return a, k, z",
        "hold[0](), hold[0].__doc__, hold[0].__annotations__",
        ((1, 1), "old", {}),
        ((2, 2, 3), "new", {"a": int}),
        "[f]",
    ),
    "decorator added": Edit(
        "def d(f):\n  def w(*a): return ['w', f(*a)]\n  return w\ndef f(): return 1",
        "import functools\ndef d(f):\n  @functools.wraps(f)\n  def w(*a): return ['w', f(*a)]\n  return w\n"
        "@d\ndef f(): return 2",
        "hold[0](), f()",
        (1, 1),
        (["w", 2], ["w", 2]),
        "[f]",
    ),
    "decorator removed": Edit(
        "import functools\ndef d(f):\n  @functools.wraps(f)\n  def w(*a): return ['w', f(*a)]\n  return w\n"
        "@d\ndef f(): return 1",
        "def f(): return 2",
        "hold[0](), f()",
        (["w", 1], ["w", 1]),
        (2, 2),
        "[f]",
    ),
    "decorator doubled": Edit(
        "import functools\ndef d(f):\n  @functools.wraps(f)\n  def w(): return ['w', f()]\n  return w\n"
        "@d\ndef f(): return 1",
        "import functools\ndef d(f):\n  @functools.wraps(f)\n  def w(): return ['w', f()]\n  return w\n"
        "@d\n@d\ndef f(): return 2",
        "hold[0](), f()",
        (["w", 1], ["w", 1]),
        (["w", ["w", 2]], ["w", ["w", 2]]),
        "[f]",
    ),
    "arguments of a decorator": Edit(
        "def add(n):\n  def deco(f):\n    def w(*a): return n + f(*a)\n    return w\n  return deco\n"
        "@add(1)\ndef f(x): return x",
        "def add(n):\n  def deco(f):\n    def w(*a): return n + f(*a)\n    return w\n  return deco\n"
        "@add(100)\ndef f(x): return -x",
        "hold[0](5), f(5)",
        (6, 6),
        (95, 95),
        "[f]",
    ),
    "cache of another size": Edit(
        "import functools\n@functools.lru_cache(1)\ndef f(x): return x",
        "import functools\n@functools.lru_cache(2)\ndef f(x): return -x",
        "f(1), f.cache_parameters()['maxsize']",
        (1, 1),
        (-1, 2),
        "f(1)",
    ),
    "single dispatch": Edit(
        "from functools import singledispatch\n@singledispatch\ndef f(x): return 0\n@f.register\n"
        "def _(x: int): return 1",
        "from functools import singledispatch\n@singledispatch\ndef f(x): return 9\n@f.register\n"
        "def t(x: str): return 2",
        "hold[0](None), hold[0](1), hold[0]('')",
        (0, 1, 0),
        (9, 1, 2),
        "[f]",
    ),
    "members added and removed": Edit(
        "class A:\n  gone = 1\n  def f(self): return self.gone\n  def g(self): return 1",
        "class A:\n  come = 2\n  def f(self): return self.come\n  def h(self): return 2",
        "hold.f(), hasattr(A, 'gone'), hasattr(A, 'g'), hasattr(hold, 'h')",
        (1, True, True, False),
        (2, False, False, True),
        "A()",
    ),
    "kinds of methods": Edit(
        "class A:\n  def f(self): return 1\n  def p(self): return 1",
        "class A:\n  @staticmethod\n  def f(): return 2\n  @property\n  def p(self): return 2",
        "hold.f(), hold.p() if callable(hold.p) else hold.p",
        (1, 1),
        (2, 2),
        "A()",
    ),
    "properties and methods keep their kind": Edit(
        "class A:\n  @property\n  def p(self): return 1\n  @staticmethod\n  def s(a=1): return a\n"
        "  @classmethod\n  def c(cls, a=1): return a",
        "class A:\n  @property\n  def p(self): return 2\n  @staticmethod\n  def s(a=2): return a\n"
        "  @classmethod\n  def c(cls, a=2): return a",
        "hold[0].p, hold[1](), hold[2]()",
        (1, 1, 1),
        (2, 2, 2),
        "A(), A.s, A.c",
    ),
    "super in a new method": Edit(
        "class B:\n  def f(self): return 1\nclass A(B): pass",
        "class B:\n  def f(self): return 2\nclass A(B):\n"
        "  def f(self): return super().f() + (lambda: super(__class__, self).f())()",
        "hold.f()",
        1,
        4,
        "A()",
    ),
    "new fields of a dataclass": Edit(
        "from dataclasses import dataclass, field\n@dataclass\nclass A:\n  x: int",
        "from dataclasses import dataclass, field\n@dataclass\nclass A:\n  x: int\n  y: int = 3\n"
        "  z: list = field(default_factory=list)",
        "repr(hold), isinstance(hold, A), len(A.__match_args__), hasattr(hold, 'z')",
        ("A(x=1)", True, 1, False),
        ("A(x=1, y=3, z=[])", True, 3, True),
        "A(1)",
    ),
    "frozen dataclass": Edit(
        "from dataclasses import dataclass\n@dataclass(frozen=True, eq=True)\nclass A:\n  x: int",
        "from dataclasses import dataclass\n@dataclass(frozen=True, order=True)\nclass A:\n  x: int\n  y: int = 2",
        "repr(hold), hasattr(A, '__lt__') and A.__lt__ is not object.__lt__, hold == A(1), hash(hold) == hash(A(1))",
        ("A(x=1)", False, True, True),
        ("A(x=1, y=2)", True, True, True),
        "A(1)",
    ),
    "dataclass with slots": Edit(
        "from dataclasses import dataclass\n@dataclass(slots=True)\nclass A:\n  x: int\n  def f(self): return self.x",
        "from dataclasses import dataclass\n@dataclass(slots=True, order=True)\nclass A:\n  x: int = 4\n"
        "  def f(self): return -self.x",
        "hold.f(), isinstance(hold, A), type(hold) is A, A.__init__.__defaults__ is None",
        (1, True, True, True),
        (-1, True, True, False),
        "A(1)",
    ),
    "enum members": Edit(
        "import enum\nclass E(enum.Enum):\n  A = 1\n  B = 2",
        "import enum\nclass E(enum.Enum):\n  C = 3\n  A = 1\n  ALSO = 1\n  def f(self): return self.name",
        "[m.name for m in E], hold is E.A is E(1) is E['A'], all(isinstance(m, E) for m in E), hasattr(E, 'B'),"
        "[E(m.value) is m for m in E], repr(E.A), 'ALSO' in E.__members__",
        (["A", "B"], True, True, True, [True, True], "<E.A: 1>", False),
        (["C", "A"], True, True, False, [True, True], "<E.A: 1>", True),
        "E.A",
    ),
    "enum of integers": Edit(
        "import enum\nclass E(enum.IntEnum):\n  A = 1",
        "import enum\nclass E(enum.IntEnum):\n  A = 1\n  B = 2",
        "list(E), [type(m) is E for m in E], hold is E.A, hold == 1",
        ([1], [True], True, True),
        ([1, 2], [True, True], True, True),
        "E.A",
    ),
    "enum with attributes": Edit(
        "import enum\nclass E(enum.Enum):\n  A = 1, 2\n  def __init__(self, a, b): self.sum = a + b",
        "import enum\nclass E(enum.Enum):\n  A = 1, 2\n  B = 3, 4\n  def __init__(self, a, b): self.sum = 10 * (a + b)",
        "hold.sum, [m.sum for m in E]",
        (3, [3]),
        (30, [30, 70]),
        "E.A",
    ),
    "flag": Edit(
        "import enum\nclass F(enum.Flag):\n  A = 1\n  B = 2",
        "import enum\nclass F(enum.Flag):\n  A = 1\n  B = 2\n  C = 4",
        "hold[1] is F.A | F.B, (~F.A).value, hold[1] & F.A is F.A, F(max(m.value for m in F)) in F, len(F)",
        (True, 2, True, True, 2),
        (True, 6, True, True, 3),
        "F.A, F.A | F.B",
    ),
    "named tuple defaults": Edit(
        "from typing import NamedTuple\nclass P(NamedTuple):\n  x: int\n  y: int = 1",
        "from typing import NamedTuple\nclass P(NamedTuple):\n  x: int\n  y: int = 2\n  def f(self): return 1",
        "P(0).y, isinstance(hold, P), hasattr(hold, 'f')",
        (1, True, False),
        (2, True, True),
        "P(0)",
    ),
    "derived from a named tuple": Edit(
        "from collections import namedtuple\nclass P(namedtuple('P', 'x y')):\n  def f(self): return 1",
        "from collections import namedtuple\nclass P(namedtuple('P', 'x y')):\n  def f(self): return 2",
        "hold.f(), isinstance(hold, P), P(1, 2) == hold",
        (1, True, True),
        (2, True, True),
        "P(1, 2)",
    ),
    "abstract base": Edit(
        "import abc\nclass A(abc.ABC):\n  @abc.abstractmethod\n  def f(self): ...\n"
        "class B(A):\n  def f(self): return 1",
        "import abc\nclass A(abc.ABC):\n  @abc.abstractmethod\n  def f(self): ...\n"
        "  @abc.abstractmethod\n  def g(self): ...\n"
        "class B(A):\n  def f(self): return 2\n  def g(self): return 3",
        "sorted(A.__abstractmethods__), hold.f(), isinstance(hold, A), B().f()",
        (["f"], 1, True, 1),
        (["f", "g"], 2, True, 2),
        "B()",
    ),
    "generic": Edit(
        "from typing import Generic, TypeVar\nT = TypeVar('T')\nclass A(Generic[T]):\n  def f(self): return 1",
        "from typing import Generic, TypeVar\nT = TypeVar('T')\nclass A(Generic[T]):\n  def f(self): return 2\n  x: T",
        "hold[0].f(), isinstance(A[int](), type(hold[0])), hold[1]().f()",
        (1, True, 1),
        (2, True, 2),
        "A(), A[int]",
    ),
    "protocol": Edit(
        "from typing import Protocol, runtime_checkable\n@runtime_checkable\nclass A(Protocol):\n  def f(self): ...\n"
        "class B(A):\n  def f(self): return 1",
        "from typing import Protocol, runtime_checkable\n@runtime_checkable\nclass A(Protocol):\n  def f(self): ...\n"
        "class B(A):\n  def f(self): return 2",
        "hold.f(), isinstance(hold, A), isinstance(1, A)",
        (1, True, False),
        (2, True, False),
        "B()",
    ),
    "slots": Edit(
        "class A:\n  __slots__ = ('x',)\n  def f(self): return 1",
        "class A:\n  __slots__ = ('x',)\n  def f(self): return 2",
        "setattr(hold, 'x', 5) or (hold.x, hold.f())",
        (5, 1),
        (5, 2),
        "A()",
    ),
    "metaclass": Edit(
        "class M(type):\n  def f(cls): return 1\nclass A(metaclass=M): pass",
        "class M(type):\n  def f(cls): return 2\nclass A(metaclass=M): pass",
        "hold[0].f(), type(hold[0]) is M, hold[0] is A",
        (1, True, True),
        (2, True, True),
        "[A]",
    ),
    "set_name": Edit(
        "class D:\n  def __set_name__(self, owner, name): self.owner = owner\nclass A: pass",
        "class D:\n  def __set_name__(self, owner, name): self.owner = owner\nclass A:\n  d = D()",
        "hasattr(A, 'd') and A.d.owner is hold[0]",
        False,
        True,
        "[A]",
    ),
    "function becomes a class": Edit("def f(): return 1", "class f:\n  pass", "isinstance(f, type)", False, True, "f"),
    "typed dict": Edit(
        "from typing import TypedDict\nclass D(TypedDict):\n  x: int",
        "from typing import TypedDict\nclass D(TypedDict):\n  x: int\n  y: int",
        "sorted(D.__annotations__)",
        ["x"],
        ["x", "y"],
    ),
    "value bound to another function": Edit(
        "def f(): return 1\ndef g(): return 2\na = f",
        "def f(): return 1\ndef g(): return 2\na = g",
        "a(), f()",
        (1, 1),
        (2, 1),
    ),
    "bases": Edit(
        "class X: pass\nclass Y: n = 7\nclass A(X): pass",
        "class X: pass\nclass Y: n = 7\nclass A(X, Y): pass",
        "getattr(hold[0], 'n', 0), hold[0] is A",
        (0, True),
        (7, True),
        "[A]",
    ),
}


def held(edit: Edit) -> Living:
    living = Living(edit.before)
    living.names["hold"] = living.see(edit.hold)
    assert living.see(edit.see) == edit.was
    return living


@pytest.mark.parametrize("name", BODIES)
def test_code_is_exchanged_wherever_a_function_lives(name: str) -> None:
    """With nothing being executed, all that is held follows the edit of a body, and goes back."""
    edit = BODIES[name]
    living = held(edit)
    undo = living.exchange(edit.after)
    assert living.see(edit.see) == edit.now
    undo.roll_back()
    assert living.see(edit.see) == edit.was
    living.exchange(edit.after)
    assert living.see(edit.see) == edit.now
    living.exchange(edit.before)
    assert living.see(edit.see) == edit.was


HIDDEN = {
    "lambda in a container",
    "living closure",
    "lru_cache around a living closure",
    "function in an object of a decorator's class",
}
EXECUTED = {**{f"body: {name}": edit for name, edit in BODIES.items() if name not in HIDDEN}, **DEFINITIONS}


@pytest.mark.parametrize("name", EXECUTED)
def test_definitions_executed_again_take_over_what_lives(name: str) -> None:
    """What is held follows the edit of a whole definition, goes back, and follows again, twice."""
    edit = EXECUTED[name]
    living = held(edit)
    undo = living.execute(edit.after)
    assert living.see(edit.see) == edit.now
    undo.roll_back()
    assert living.see(edit.see) == edit.was
    living.execute(edit.after).forget()
    assert living.see(edit.see) == edit.now
    living.execute(edit.after.replace("\n", "\n\n")).forget()
    assert living.see(edit.see) == edit.now
