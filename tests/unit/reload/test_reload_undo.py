"""Whatever was changed through an Undo is as before when it has been taken back."""

import enum
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from livespark.runtime.reload.namespaces import put_back
from livespark.runtime.reload.undo import Undo

NAMES = st.sampled_from(["a", "b", "c"])
STEPS = st.lists(st.tuples(st.sampled_from(["set", "delete"]), NAMES, st.integers()))


def apply(undo: Undo, owner: Any, step: tuple[str, str, int]) -> None:
    kind, name, value = step
    if isinstance(owner, dict):
        if kind == "set":
            undo.set_item(owner, name, value)
        elif name in owner:
            undo.delete_item(owner, name)
    elif kind == "set":
        undo.set_attribute(owner, name, value)
    elif name in vars(owner):
        undo.delete_attribute(owner, name)


class Owner:
    a = 0


@given(STEPS, st.sampled_from(["item", "object", "class"]))
def test_any_steps_are_taken_back(steps: list[tuple[str, str, int]], kind: str) -> None:
    """Setting and deleting in any order, of items, attributes, and class attributes."""
    cls = type("Cls", (Owner,), {"b": 1})
    owner: Any = {"item": {"a": 1}, "object": cls(), "class": cls}[kind]
    before = dict(owner if kind == "item" else vars(owner))
    undo = Undo()
    for step in steps:
        apply(undo, owner, step)
    undo.roll_back()
    assert dict(owner if kind == "item" else vars(owner)) == before


class Color(enum.Enum):
    RED = 1


class Slotted:
    __slots__ = ("x",)
    x: int


def test_what_is_not_in_a_dictionary() -> None:
    """Members of an enum, slots, and code of functions."""

    def function() -> int:
        return 1

    slotted, red, code, undo = Slotted(), Color.RED, function.__code__, Undo()
    undo.set_attribute(Color, "RED", 5)
    undo.set_attribute(slotted, "x", 5)
    undo.set_attribute(function, "__code__", (lambda: 2).__code__)
    assert (vars(Color)["RED"], slotted.x, function()) == (5, 5, 2)
    undo.roll_back()
    assert vars(Color)["RED"] is red
    assert not hasattr(slotted, "x")
    assert function.__code__ is code


def test_a_step_that_fails_keeps_no_other_from_being_done() -> None:
    """All failures are told at the end."""
    done: list[str] = []
    undo = Undo()
    undo.later(lambda: done.append("first"))
    undo.later(lambda: 1 // 0)
    undo.later(lambda: done.append("last"))
    with pytest.raises(ExceptionGroup) as caught:
        undo.roll_back()
    assert done == ["last", "first"]
    assert [type(each) for each in caught.value.exceptions] == [ZeroDivisionError]
    undo.roll_back()
    assert done == ["last", "first"]


def test_what_is_forgotten_stays() -> None:
    """Nothing is taken back any more."""
    names, undo = {"a": 1}, Undo()
    undo.set_item(names, "a", 2)
    undo.forget()
    undo.roll_back()
    assert names == {"a": 2}


def test_no_name_is_missing_while_names_are_put_back() -> None:
    """Another thread may be within a function that reads them."""

    class Read(dict[str, int]):
        def clear(self) -> None:
            raise AssertionError("somebody reads")

    names = Read(a=2, b=3)
    put_back(names, {"a": 1})
    assert names == {"a": 1}
