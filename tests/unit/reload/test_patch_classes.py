"""Classes keep their identity: pickles, registries, members that did not change, and nothing of the new class stays."""

import gc
import pickle
import weakref

import pytest

from livespark.runtime.reload.patch.patcher import Patcher
from livespark.runtime.reload.undo import Undo
from tests.unit.reload.living import Living

PAIR = (
    "class B:\n  def f(self): return 1\n"
    "class A(B):\n  def f(self): return super().f() + VALUE\n  g = property(lambda self: __class__)"
)


def test_pickles_go_on_working() -> None:
    """What was pickled before is of the same class after, and the other way round."""
    living = Living("class A:\n  def f(self): return 1")
    before = pickle.dumps(living.see("A()"))
    living.execute("class A:\n  def f(self): return 2\n  def g(self): pass")
    assert pickle.loads(before).f() == 2  # noqa: S301 - made two lines above
    assert type(pickle.loads(pickle.dumps(living.see("A()")))) is living.names["A"]  # noqa: S301


@pytest.mark.parametrize(
    "source",
    [
        PAIR,
        "import abc\nclass A(abc.ABC):\n  @abc.abstractmethod\n  def f(self): return __class__, VALUE",
        "from dataclasses import dataclass\n@dataclass\nclass A:\n  x: int = VALUE\n  def f(self): return super().f()",
        "from dataclasses import dataclass\n@dataclass(slots=True)\nclass A:\n  x: int = VALUE\n  def f(self): pass",
        "import enum\nclass A(enum.Enum):\n  X = 1\n  def f(self): return __class__, VALUE",
        "from typing import Protocol\nclass A(Protocol):\n  def f(self): return VALUE",
        "from typing import NamedTuple\nclass A(NamedTuple):\n  x: int\n  y: int = VALUE",
        "class A:\n  def outer(self):\n    def inner(): return super().f()\n    return inner\n  v = VALUE",
        "import functools\nclass A:\n  @functools.lru_cache\n  def f(self): return __class__, VALUE",
        "import functools\nclass A:\n  @functools.cached_property\n  def f(self): return __class__, VALUE",
    ],
)
def test_the_new_class_is_not_kept(source: str) -> None:
    """There is one class of the name among those derived from its bases, before and after the collector ran."""
    living = Living(source.replace("VALUE", "1"))
    old = living.names["A"]
    made: list[weakref.ref[type]] = []
    adopt = Patcher.adopt_class

    def noting(self: Patcher, old: type, new: type, only: frozenset[str] | None = None) -> type:
        made.append(weakref.ref(new))
        return adopt(self, old, new, only)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Patcher, "adopt_class", noting)
        living.execute(source.replace("VALUE", "2")).forget()
    gc.collect()
    assert living.names["A"] is old
    assert made
    assert [each() for each in made if each() not in (None, old, living.names.get("B"))] == []
    assert [cls for cls in type.__subclasses__(old.__base__) if cls.__qualname__ == "A"].count(old) == 1


def test_super_and_class_of_taken_methods() -> None:
    """`__class__` in methods and properties of the new class is the old one."""
    living = Living("class B:\n  def f(self): return 1\nclass A(B): pass")
    living.names["hold"] = living.see("A()")
    living.execute(PAIR.replace("VALUE", "5"))
    assert living.see("hold.f(), hold.g is A") == (6, True)


REGISTRY = (
    "registry, order, seen = {}, [], set()\nclass Base:\n  def __init_subclass__(cls):\n"
    "    registry[cls.__name__] = cls; order.append(cls); seen.add(cls); Base.last = cls\n"
)


def test_registries_hold_the_class_that_lives_on() -> None:
    """A class noted by `__init_subclass__` is the old one everywhere, once."""
    living = Living(REGISTRY)
    define = "class A(Base):\n  def f(self): return {}"
    exec(define.format(1), living.names)
    old = living.names["A"]
    undo = living.execute(f"old = A\n{define.format(2)}")
    see = "registry['A'] is old, order == [old], seen == {old}, Base.last is old, old().f()"
    assert living.see(see) == (True, True, True, True, 2)
    undo.roll_back()
    living.names["old"] = old
    assert living.see(see) == (True, True, True, True, 1)


def test_only_changed_members_are_taken() -> None:
    """What the program set on the class itself stays."""
    living = Living("class A:\n  count = 0\n  def f(self): return 1\n  def g(self): return 1")
    living.names["A"].count = 7
    living.execute("class A:\n  count = 0\n  def f(self): return 2", {"A": frozenset({"f", "g"})})
    assert living.see("A.count, A().f(), hasattr(A, 'g')") == (7, 2, False)


def test_only_changed_members_of_a_dataclass() -> None:
    """Fields with a factory, whose declaration the decorator has consumed, are declared again."""
    source = (
        "from dataclasses import dataclass, field\n@dataclass(frozen=True)\nclass A:\n  x: int\n"
        "  z: list = field(default_factory=list)\n  y: int = {}"
    )
    living = Living(source.format(1))
    living.names["hold"] = living.see("A(0)")
    living.execute(source.format(2), {"A": frozenset({"y"})})
    assert living.see("A(0), hold == A(0, [], 1), hold.z is not A(0).z") == (living.see("A(0, [], 2)"), True, True)


def test_a_library_that_makes_another_class_with_slots() -> None:
    """As attrs does: the class without slots is no successor, the one its decorator makes of it is."""
    source = (
        "def define(cls):\n  content = {{**vars(cls), '__slots__': ('x',), '__attrs_attrs__': ()}}\n"
        "  del content['__dict__'], content['__weakref__']\n  content.setdefault('made', {0})\n"
        "  return type(cls)(cls.__name__, cls.__bases__, content)\n"
        "@define\nclass A:\n  def f(self): return {0}"
    )
    living = Living(source.format(1))
    living.names["hold"] = living.see("A()")
    undo = living.execute(source.format(2), {"A": frozenset({"f"})})
    assert living.see("hold.f(), hold.made, type(hold) is A") == (2, 2, True)
    undo.roll_back()
    assert living.see("hold.f(), hold.made, type(hold) is A") == (1, 1, True)


def test_pydantic_models() -> None:
    """The living class validates to itself, and living models get new fields that have a default."""
    source = "from pydantic import BaseModel\nclass A(BaseModel):\n  x: int = 1\n  def f(self): return {}\n"
    living = Living(source.format(1))
    living.names["hold"] = living.see("A(x=3)")
    see = "hold.f(), type(hold) is type(A.model_validate({'x': 1})) is A, hold.model_dump()"
    undo = living.execute(source.format(2) + "  y: int = 7")
    assert living.see(see) == (2, True, {"x": 3, "y": 7})
    undo.roll_back()
    assert living.see(see) == (1, True, {"x": 3})


def test_a_new_class_of_the_same_name_in_another_place() -> None:
    """An attribute that means another class now does not change the class it meant before."""
    living = Living("class X:\n  n = 1\nclass Y:\n  n = 2\nclass A:\n  kind = X")
    living.names["hold"] = living.see("A(), X")
    living.execute("class X:\n  n = 1\nclass Y:\n  n = 2\nclass A:\n  kind = Y")
    assert living.see("hold[0].kind is Y, hold[1].n, Y.n") == (True, 1, 2)


def test_what_decorators_do_to_the_class_is_taken_back() -> None:
    """They run after the class has taken over its successor's content."""
    living = Living("class A: pass")
    undo = living.execute("def deco(cls):\n  cls.x = 1\n  del cls.y\n  return cls\n@deco\nclass A:\n  y = 2")
    assert living.see("A.x") == 1
    undo.roll_back()
    assert {"x", "y"}.isdisjoint(vars(living.names["A"]))


def test_an_enum_whose_values_are_objects() -> None:
    """Functions as values are others in every execution: the member takes the new one."""
    source = "import enum, functools\nclass E(enum.Enum):\n  A = functools.partial(int, '{}')"
    living = Living(source.format(1))
    living.names["hold"] = living.see("E.A")
    undo = living.execute(source.format(2))
    assert living.see("hold.value(), hold is E.A, E(hold.value) is hold") == (2, True, True)
    undo.roll_back()
    assert living.see("hold.value(), E(hold.value) is hold") == (1, True)


def test_adopting_twice_changes_nothing_more() -> None:
    """The second time the class is what it is."""
    living = Living("class A: pass")
    cls: type = living.names["A"]
    assert Patcher(Undo(), lambda _: None).adopt(cls, cls) is cls
    assert Patcher(Undo(), lambda _: None).adopt_class(cls, cls) is cls
