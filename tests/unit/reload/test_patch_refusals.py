"""What can't follow is refused with a sentence, and nothing has changed then, or it is migrated."""

from typing import NamedTuple

import pytest

from livespark.runtime.reload.patch.patcher import Patcher
from livespark.runtime.reload.undo import Refusal, Undo
from tests.unit.reload.living import Living


class Edit(NamedTuple):
    before: str
    after: str
    living: str
    says: str


REFUSED = {
    "slots": Edit("class A:\n  __slots__ = ('x',)", "class A:\n  __slots__ = ('x', 'y')", "A()", "__slots__ changed"),
    "slots removed": Edit("class A:\n  __slots__ = ('x',)", "class A: pass", "A()", "__slots__ changed"),
    "bases": Edit(
        "class X: pass\nclass Y: pass\nclass A(X): pass",
        "class X: pass\nclass Y: pass\nclass A(Y): pass",
        "A()",
        r"bases changed from \(X\) to \(Y\), and a living A can't follow.*__livespark_migrate__",
    ),
    "bases of a derived object": Edit(
        "class X: pass\nclass A: pass\nclass B(A): pass",
        "class X: pass\nclass A(X): pass\nclass B(A): pass",
        "B()",
        "bases changed",
    ),
    "metaclass": Edit(
        "class M(type): pass\nclass A: pass",
        "class M(type): pass\nclass A(metaclass=M): pass",
        "A()",
        "metaclass changed",
    ),
    "enum value": Edit(
        "import enum\nclass E(enum.Enum):\n  A = 1",
        "import enum\nclass E(enum.Enum):\n  A = 2",
        "E.A",
        "the value of A changed from 1 to 2",
    ),
    "fields of a named tuple": Edit(
        "from typing import NamedTuple\nclass P(NamedTuple):\n  x: int",
        "from typing import NamedTuple\nclass P(NamedTuple):\n  x: int\n  y: int = 0",
        "P(1)",
        "its fields changed",
    ),
    "field without a default": Edit(
        "from dataclasses import dataclass\n@dataclass\nclass A:\n  x: int",
        "from dataclasses import dataclass\n@dataclass\nclass A:\n  x: int\n  y: int",
        "A(1)",
        "a living A has no y, which the new A.__init__ makes",
    ),
    "dataclass gets slots": Edit(
        "from dataclasses import dataclass\n@dataclass\nclass A:\n  x: int",
        "from dataclasses import dataclass\n@dataclass(slots=True)\nclass A:\n  x: int",
        "A(1)",
        "__slots__ changed",
    ),
    "dataclass loses slots": Edit(
        "from dataclasses import dataclass\n@dataclass(slots=True)\nclass A:\n  x: int",
        "from dataclasses import dataclass\n@dataclass\nclass A:\n  x: int",
        "A(1)",
        "__slots__ changed",
    ),
    "dataclass with slots becomes a plain class": Edit(
        "from dataclasses import dataclass\n@dataclass(slots=True)\nclass A:\n  x: int",
        "class A:\n  def __init__(self, x): self.x = x",
        "A(1)",
        "__slots__ changed",
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_refused_while_something_lives(name: str) -> None:
    """The sentence says what, and the living object goes on as before."""
    edit = REFUSED[name]
    living = Living(edit.before + "\nvalue = 1")
    living.names["hold"] = held = living.see(edit.living)
    former = dict(living.names)
    bases = {key: value.__bases__ for key, value in former.items() if isinstance(value, type)}
    content = {key: dict(vars(value)) for key, value in former.items() if isinstance(value, type)}
    with pytest.raises(Refusal, match=edit.says):
        living.execute(edit.after + "\nvalue = 2")
    assert living.names == former
    assert {key: living.names[key].__bases__ for key in bases} == bases
    assert {key: dict(vars(living.names[key])) for key in content} == content
    assert type(held) is living.names[type(held).__name__]


@pytest.mark.parametrize("name", sorted(REFUSED.keys() - {"enum value", "bases of a derived object"}))
def test_not_refused_when_nothing_lives(name: str) -> None:
    """Without living objects the edit is taken, also when they died in a cycle."""
    edit = REFUSED[name]
    living = Living(edit.before)
    living.names["dying"] = dying = [living.see(edit.living)]
    dying.append(dying)
    del living.names["dying"], dying
    living.execute(edit.after)
    if name != "field without a default":
        living.see(edit.living)


MODEL = "class Net:\n  def __init__(self): self.w = 1"
EDITED = "class Net:\n  def __init__(self): self.w = 1; self.drop = 0.5\n  def f(self): return self.drop"
MIGRATE = "\n  def __livespark_migrate__(self, source): self.drop = len(source)"


def renew(living: Living, undo: Undo) -> None:
    Patcher(undo, living.name_of).renew_instances(living.names["Net"], frozenset({"drop"}), "source")


def test_a_living_object_without_a_new_attribute() -> None:
    """The sentence names the persisted value, what it lacks, and what to do."""
    living = Living(MODEL, lambda value: "the persisted value 'net'" if type(value).__name__ == "Net" else None)
    net = living.see("Net()")
    living.execute(EDITED)
    with pytest.raises(Refusal, match=r"the persisted value 'net' has no drop.*__livespark_migrate__.*--clear KEY"):
        renew(living, Undo())
    net.drop = 1
    renew(living, Undo())


def test_an_object_is_migrated_and_taken_back() -> None:
    """The method gets the old source; what it did to the object is undone."""
    living = Living(MODEL)
    net = living.see("Net()")
    living.execute(EDITED + MIGRATE)
    undo = Undo()
    renew(living, undo)
    assert net.f() == len("source")
    undo.roll_back()
    assert vars(net) == {"w": 1}


def test_a_migration_that_does_not_do_it() -> None:
    """An object that lacks the attribute even then is a refusal."""
    living = Living(MODEL)
    net = living.see("Net()")
    living.execute(EDITED + "\n  def __livespark_migrate__(self, source): self.other = 1")
    undo = Undo()
    with pytest.raises(Refusal, match="no drop"):
        renew(living, undo)
    undo.roll_back()
    assert vars(net) == {"w": 1}


@pytest.mark.parametrize(
    ("init", "refused"), [("super().__init__()", True), ("Net.__init__(self)", True), ("self.w = 2", False)]
)
def test_objects_of_derived_classes(init: str, refused: bool) -> None:
    """They count where their own __init__ calls the changed one."""
    derived = f"\nclass Sub(Net):\n  def __init__(self): {init}\n  n = 1"
    living = Living(MODEL + derived)
    sub = living.see("Sub()")
    living.execute(EDITED + derived)
    if refused:
        with pytest.raises(Refusal, match="a living Sub has no drop"):
            renew(living, Undo())
    else:
        renew(living, Undo())
    assert sub.w in (1, 2)


def test_slots_are_taken_back() -> None:
    """What a migration put into slots is gone, what it replaced is there again."""
    before = "class Net:\n  __slots__ = ('w', 'drop')\n  def __init__(self): self.w = 1"
    living = Living(before)
    net = living.see("Net()")
    living.execute(before + "; self.drop = 2\n  def __livespark_migrate__(self, source): self.w = self.drop = 9")
    undo = Undo()
    renew(living, undo)
    assert (net.w, net.drop) == (9, 9)
    undo.roll_back()
    assert net.w == 1
    assert not hasattr(net, "drop")


def test_changed_bases_with_a_migration() -> None:
    """Living objects get the new base, and what they need for it."""
    rest = "class X: pass\nclass Y:\n  def g(self): return self.y\nclass A(X%s):\n  def f(self): pass"
    living = Living(rest % "")
    living.names["hold"] = living.see("A()")
    undo = living.execute(rest % ", Y" + "\n  def __livespark_migrate__(self, source): self.y = 4")
    assert living.see("hold.g(), isinstance(hold, Y)") == (4, True)
    undo.roll_back()
    assert living.see("vars(hold), isinstance(hold, Y)") == ({}, False)


def test_a_living_closure_that_misses_a_variable_goes_on() -> None:
    """It keeps its old code, and a note says why; new ones have the new code."""
    living = Living("def make(a, b):\n  def f(): return a\n  return f")
    old = living.see("make(1, 2)")
    living.exchange("def make(a, b):\n  def f(): return a + b\n  return f")
    assert (old(), living.see("make(1, 2)()")) == (1, 3)
    assert living.notes == [
        "a living make.<locals>.f goes on with its old code: the new one uses b, which did not exist when it was made"
    ]
