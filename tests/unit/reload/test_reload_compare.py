"""Two versions of a file are compared by what they say: what is named as changed is what was edited, nothing else."""

import ast
from dataclasses import dataclass, replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from livespark.runtime.reload.compare import Difference, compare, follows, imports, on_stack
from livespark.runtime.reload.names import names_in


def diff(old: str, new: str, *, main: bool = False) -> Difference:
    return compare(ast.parse(old), ast.parse(new), main=main)


def executed(difference: Difference) -> list[str]:
    return [ast.unparse(statement).strip() for statement in difference.execute]


NET = """
import torch
WIDTH = 3

class Net(Base):
    dim = 4

    def __init__(self, n=1):
        super().__init__()
        self.n = n

    def forward(self, x):
        return x

    @property
    def x(self):
        return 1

    @x.setter
    def x(self, value):
        self.y = value

    class Inner:
        key = 1

        def go(self):
            return 2

def train(steps=2):
    def inner():
        return 1
    return inner

try:
    import fast
    def choose():
        return 1
except ImportError:
    def choose():
        return 2
"""


@pytest.mark.parametrize(
    ("old", "new", "bodies"),
    [
        ("return x\n", "return x + 1\n", ("Net.forward",)),
        ("return 1\n\n    @x", "return 7\n\n    @x", ("Net.x",)),
        ("self.y = value", "self.y = -value", ("Net.x",)),
        ("            return 2", "            return 3", ("Net.Inner.go",)),
        ("        return 1\n    return inner", "        return 5\n    return inner", ("train",)),
        ("        return 1\nexcept", "        return 9\nexcept", ("choose",)),
        ("def forward(self, x):\n", 'def forward(self, x):\n        "Text."\n', ("Net.forward",)),
    ],
)
def test_an_edit_inside_a_function_is_a_changed_body_and_nothing_else(
    old: str, new: str, bodies: tuple[str, ...]
) -> None:
    """Methods, accessors, inner functions, functions in blocks: nothing is executed again."""
    found = diff(NET, NET.replace(old, new, 1))
    assert (found.bodies, found.changed) == (bodies, bodies)
    assert not any((found.execute, found.redefined, found.hard, found.members, found.unbound, found.made_differently))


@pytest.mark.parametrize(
    ("old", "new", "name", "changed", "members"),
    [
        ("dim = 4", "dim = 5", "Net", ("Net.dim",), {"Net": {"dim"}, "Net.Inner": set()}),
        ("n=1", "n=2", "Net", ("Net.__init__",), {"Net": {"__init__"}, "Net.Inner": set()}),
        ("        return x\n", "        return super().f(x)\n", "Net", ("Net.forward",), {"Net": {"forward"}}),
        ("@x.setter", "@x.setter\n    @log", "Net", ("Net.x",), {"Net": {"x"}}),
        ("key = 1", "key = 2", "Net", ("Net.Inner.key",), {"Net": set(), "Net.Inner": {"key"}}),
        ("class Inner:", "class Inner(A):", "Net", ("Net.Inner",), {"Net": {"Inner"}}),
        ("    def forward", "    def more(self): pass\n\n    def forward", "Net", ("Net.more",), {"Net": {"more"}}),
        ("    def forward", "    def ahead", "Net", ("Net.ahead", "Net.forward"), {"Net": {"forward", "ahead"}}),
        ("    dim = 4\n", '    "Text."\n    dim = 4\n', "Net", ("Net.__doc__",), {"Net": {"__doc__"}}),
        ("    dim = 4\n", "    dim: int = 4\n", "Net", ("Net.dim",), {"Net": {"dim", "__annotations__"}}),
        ("steps=2", "steps=3", "train", ("train",), {}),
        ("def train", "@log\ndef train", "train", ("train",), {}),
        ("def train", "async def train", "train", ("train",), {}),
        ("(steps=2)", "(steps=2) -> int", "train", ("train",), {}),
    ],
)
def test_an_edited_shell_is_executed_again_with_the_names_that_changed(
    old: str, new: str, name: str, changed: tuple[str, ...], members: dict[str, set[str]]
) -> None:
    """Decorators, defaults, bases, annotations, class-level statements: softly, and only these members are taken."""
    found = diff(NET, NET.replace(old, new, 1))
    assert (found.redefined, set(found.changed)) == ((name,), set(changed))
    assert [getattr(node, "name", "") for node in found.execute] == [name]
    assert not any((found.hard, found.bodies))
    assert {key: set(found.members[key]) for key in members} == members
    assert set(found.members) == ({"Net", "Net.Inner"} if name == "Net" else set())


def test_bases_that_change_are_named_as_the_class() -> None:
    """Another base, or keyword, is a change of the class itself; its methods stay."""
    found = diff(NET, NET.replace("class Net(Base)", "class Net(Other, key=1)"))
    assert (found.changed, found.redefined) == (("Net",), ("Net",))
    assert "forward" not in found.members["Net"]


def test_the_order_of_class_attributes_matters() -> None:
    """Fields and members of enumerations have an order; methods have none."""
    found = diff("class A:\n    x = 1\n    y = 2", "class A:\n    y = 2\n    x = 1")
    assert (found.changed, found.redefined, found.members) == (("A",), ("A",), {"A": frozenset()})
    fields = diff("@dataclass\nclass A:\n    x: int\n    y: int", "@dataclass\nclass A:\n    y: int\n    x: int")
    assert {"__annotations__", "__init__"} <= fields.members["A"]
    methods = "class A:\n    {}\n    x = 1\n    {}\n"
    one, other = "def f(self): pass", "def g(self): pass"
    assert not diff(methods.format(one, other), methods.format(other, one))


def test_statements_of_a_class_that_bind_nothing() -> None:
    """A changed call at class level executes the class, which keeps all it has."""
    found = diff("class A:\n    register(1)\n    x = 1", "class A:\n    register(2)\n    x = 1")
    assert (found.changed, found.redefined, found.members) == (("A",), ("A",), {"A": frozenset()})


def test_class_attributes_computed_from_changed_ones_are_taken() -> None:
    """Within a class, what reads a changed attribute changes with it, defaults of methods included."""
    found = diff(*(f"class A:\n    x = {n}\n    y = f(x)\n    z = 1\n    def g(self, a=y): pass" for n in (1, 2)))
    assert found.members == {"A": {"x", "y", "g"}}


def test_methods_in_blocks_of_a_class() -> None:
    """A method under `if` in a class is a method; the condition is a statement of the class."""
    text = "class A:\n    if fast:\n        def f(self): return 1\n    else:\n        def f(self): return 2"
    assert diff(text, text.replace("return 2", "return 3")).bodies == ("A.f",)
    found = diff(text, text.replace("if fast", "if slow"))
    assert (found.bodies, found.redefined) == ((), ("A",))
    assert found.members == {"A": {"f"}}


def test_a_body_that_a_decorator_translates_is_executed_again() -> None:
    """What numba, Triton and TorchScript made of a function can't take other code."""
    found = diff("@numba.njit(cache=True)\ndef f(): return 1", "@numba.njit(cache=True)\ndef f(): return 2")
    assert (found.redefined, found.bodies, found.hard) == (("f",), (), False)
    assert diff("@wraps(g)\ndef f(): return 1", "@wraps(g)\ndef f(): return 2").bodies == ("f",)


def test_a_definition_becomes_another_kind() -> None:
    """A function that becomes a class, and a class in a class that becomes a function, are executed again."""
    assert diff("def A(): pass", "class A: pass").redefined == ("A",)
    found = diff("class A:\n    class B: x = 1", "class A:\n    def B(self): pass")
    assert found.redefined == ("A",)
    assert found.members == {"A": {"B"}}
    future = diff("x = 1", "from __future__ import annotations\nx = 1")
    assert (future.hard, len(future.execute)) == (True, 1)


@pytest.mark.parametrize(
    ("old", "new", "changed", "execute"),
    [
        ("WIDTH = 3", "WIDTH = 4", ("WIDTH",), ["WIDTH = 4"]),
        ("WIDTH = 3\n", "", ("WIDTH",), []),
        ("WIDTH = 3\n", "WIDTH = 3\nprint(1)\n", ("line 4",), ["print(1)"]),
        ("WIDTH = 3", "WIDTH, DEPTH = 3, 4", ("DEPTH, WIDTH",), ["WIDTH, DEPTH = (3, 4)"]),
    ],
)
def test_an_edited_statement_is_hard(old: str, new: str, changed: tuple[str, ...], execute: list[str]) -> None:
    """What is neither definition nor import makes the script unwind, and is called by the name it binds."""
    found = diff(NET, NET.replace(old, new, 1))
    assert set(changed) <= set(found.changed)
    assert (found.hard, executed(found)) == (True, execute)


def test_an_edited_loop_is_named_by_the_line_that_changed() -> None:
    """Not by the line at which the loop begins."""
    loop = "print(0)\nfor epoch in range(3):\n    for x in data:\n        step(x)\n    show(epoch)\n"
    assert diff(loop, loop.replace("step(x)", "step(x, 1)")).changed == ("line 4",)
    assert diff(loop, loop.replace("show(epoch)", "show(epoch)\n    more()")).changed == ("line 6",)
    assert diff(loop, loop.replace("range(3)", "range(4)")).changed == ("line 2",)
    assert diff(loop, loop.replace("    show(epoch)\n", "")).changed == ("line 2",)


def test_an_edited_shell_in_a_block_executes_the_block() -> None:
    """A function inside `try` whose decorators changed is executed with its block, which is hard."""
    found = diff(NET, NET.replace("    def choose", "    @log\n    def choose", 1))
    assert found.hard
    assert [type(node) for node in found.execute] == [ast.Try]
    assert found.changed == ("choose",)


def test_imports_are_soft_and_their_order_is_nothing() -> None:
    """A changed import is executed; sorting imports changes nothing; a name that is gone is unbound."""
    found = diff("import a\nfrom b import c, d", "import a\nfrom b import c\nimport e as f")
    assert (found.hard, executed(found)) == (False, ["from b import c", "import e as f"])
    assert (found.unbound, found.removed) == (("d",), ())
    assert {"d", "f"} <= set(found.changed)
    assert not diff("import a\nimport b\nfrom c import d", "from c import d\nimport b\nimport a")


def test_added_and_removed_definitions() -> None:
    """A new definition is executed; a removed one is a name to be deleted, unless something else binds it."""
    found = diff("def f(): pass\ndef g(): pass", "def g(): pass\ndef h(): pass")
    assert (found.added, found.removed, found.unbound, found.hard) == (("h",), ("f",), ("f",), False)
    assert (executed(found), found.redefined) == (["def h():\n    pass"], ())
    taken = diff("def f(): pass", "f = print")
    assert (taken.removed, taken.unbound, taken.hard, taken.changed) == ((), (), True, ("f",))


def test_texts_and_guards() -> None:
    """Constants that stand alone and what only type checkers see are nothing; the docstring follows softly."""
    assert not diff("'a'\n'b'\nx = 1", "'a'\n'c'\nx = 1\n...\npass")
    found = diff("'''a'''\nx = 1", "'''b'''\nx = 1")
    assert (found.hard, found.changed, executed(found)) == (False, ("__doc__",), ["'b'"])
    guard = "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    import {}\n    class A: pass\n"
    assert not diff(guard.format("a"), guard.format("b"))
    assert not diff("if typing.TYPE_CHECKING:\n    import a", "if typing.TYPE_CHECKING:\n    def a(): pass")
    assert diff("if TYPE_CHECKING:\n    pass\nelse:\n    x = 1", "if TYPE_CHECKING:\n    pass\nelse:\n    x = 2").hard


@pytest.mark.parametrize("guard", ['__name__ == "__main__"', '"__main__" == __name__'])
def test_the_main_guard_counts_in_the_main_file_only(guard: str) -> None:
    """In a module what is under the guard is not executed, so its change is none."""
    old, new = (f"if {guard}:\n    main({number})\n" for number in (1, 2))
    assert not diff(old, new)
    assert diff(old, new, main=True).hard


def test_definitions_of_one_name_are_told_apart_by_their_order() -> None:
    """If their number changes, all of that name are executed again; a later one follows an earlier one."""
    old = "@over\ndef f(a): pass\ndef f(a): return 1\n"
    more = diff(old, "@over\ndef f(a, b): pass\n" + old)
    assert (more.redefined, len(more.execute), more.changed) == (("f",), 3, ("f",))
    earlier = diff(old, old.replace("@over", "@under"))
    assert (len(earlier.execute), earlier.bodies) == (2, ())
    assert diff(old, old.replace("return 1", "return 2")).bodies == ("f",)


DERIVED = """
A = 1
B = A + 1
C = [B, f"{A}"]
D = make(B)
E = other.A
UNRELATED = 5
def f(x=B): pass
@log
def g(x=B): pass
@dataclass
class Config:
    lr: float = B
    size: int = 1
    def run(self, n=A): pass
@register
class Registered:
    lr = B
"""


def test_what_only_computes_from_a_changed_constant_follows() -> None:
    """Constants, defaults and class attributes take the new value; calls and unknown decorators are not repeated."""
    found = diff(DERIVED, DERIVED.replace("A = 1", "A = 2", 1))
    heads = [text.splitlines()[0] for text in executed(found)]
    assert heads == ["A = 2", "B = A + 1", "C = [B, f'{A}']", "def f(x=B):", "@dataclass"]
    assert (found.redefined, found.changed) == (("f", "Config"), ("A",))
    members = found.members["Config"]
    assert {"lr", "run", "__init__"} <= members
    assert "size" not in members


@pytest.mark.parametrize(
    ("text", "reads", "keeps", "temporary"),
    [
        ("a = b + 1", "b", "a", ""),
        ("a += b", "ab", "a", ""),
        ("a, b.c, d[e] = f", "bdef", "a", ""),
        ("a: b = c", "c", "a", ""),
        ("a: b", "", "", ""),
        ("if a:\n    b = 1\nelse:\n    c(b)", "abc", "b", ""),
        ("if (a := b):\n    c(a)", "bc", "a", ""),
        ("for a in b:\n    c = a\nelse:\n    a, c", "abc", "c", "a"),
        ("while a:\n    b = a", "a", "b", ""),
        ("with a(b) as (c, d.e):\n    f(c)", "abdf", "", "c"),
        ("try:\n    a = 1\nexcept b as c:\n    d(c, a)\nfinally:\n    e", "abde", "a", ""),
        ("match a:\n    case [b, *c] if b:\n        d(b, c)\n    case {1: e, **f}: pass", "ad", "bcef", ""),
        ("a = [b for b in c if b] + [b]", "bc", "a", ""),
        ("a = {b: c for b, c in d for e in c}", "d", "a", ""),
        ("a = lambda b=c: d", "c", "a", ""),
        ("@a\ndef b(c: d = e, *, f=g) -> h:\n    i", "aeg", "b", ""),
        ("@a\nclass b(c, d=e):\n    f = g\n    h = f\n    def i(self, j=k): l", "acegk", "b", ""),
        ("import a.b, c as d\nfrom e import f, g as h", "", "adfh", ""),
        ("del a", "a", "a", ""),
        ("a = 1\nb = a", "", "ab", ""),
    ],
)
def test_names_a_statement_needs_and_binds(text: str, reads: str, keeps: str, temporary: str) -> None:
    """Scopes, order and branches are respected: only what is not surely bound before is needed from outside."""
    names = names_in(*ast.parse(text).body)
    assert [names.reads, names.keeps, names.binds] == [frozenset(reads), frozenset(keeps), frozenset(keeps + temporary)]


@pytest.mark.parametrize(
    ("old", "new", "execute"),
    [
        ("d = 'a'\nd = device(d)", "d = 'b'\nd = device(d)", ["d = 'b'", "d = device(d)"]),
        ("m = Net()\nm = wrap(m)", "m = Net()\nm = wrap(m, 1)", ["m = Net()", "m = wrap(m, 1)"]),
        ("m = Net()\nm = wrap(m)\no = Opt(m)", "m = Net()\nm = wrap(m)\no = Opt(m, 1)", ["o = Opt(m, 1)"]),
        ("x = 1\nx += 1", "x = 1\nx += 2", ["x = 1", "x += 2"]),
        ("x = 1\nx = 2", "x = 1", ["x = 1"]),
        ("X = Y\nY = 1", "X = Y\nY = 2", ["Y = 2"]),
        ("for i in a: p(i)\nfor i in b: p(i)", "for i in a: p(i)\nfor i in c: p(i)", ["for i in c:\n    p(i)"]),
        ("def f(a=1): pass\nf = jit(f)", "def f(a=2): pass\nf = jit(f)", ["def f(a=2):\n    pass", "f = jit(f)"]),
        ("m = f()\nif c: m = g(m)", "m = f()\nif c: m = g(m, 1)", ["m = f()", "if c:\n    m = g(m, 1)"]),
        ("m = f()\nif c:\n    m = g()", "m = f()\nif d:\n    m = g()", ["m = f()", "if d:\n    m = g()"]),
        ("x = 1\nclass A: y = x\nx = 2", "x = 1\nclass A: y = -x\nx = 2", ["x = 1", "class A:\n    y = -x", "x = 2"]),
        ("from m import f\ndef f(): pass", "def f(): pass\nfrom m import f", ["from m import f"]),
        ("m = f()\nm = g(m)\nm = h(m)", "m = f()\nm = h(m)", ["m = f()", "m = h(m)"]),
        ("m = f()\nm = g(m)\nm = h(m)", "m = f()\nm = g(m)", ["m = f()", "m = g(m)"]),
        ("import a\na = a.b\nimport c", "import a\na = a.b\nimport d", ["import d"]),
        (
            "x = None\ntry: x = 1\nfinally: y()",
            "x = 5\ntry: x = 1\nfinally: y()",
            ["x = 5", "try:\n    x = 1\nfinally:\n    y()"],
        ),
        ("FAST = 1\nif FAST: N = 1", "FAST = 0\nif FAST: N = 1", ["FAST = 0", "if FAST:\n    N = 1"]),
        ("FAST = 1\nif FAST: go()", "FAST = 0\nif FAST: go()", ["FAST = 0"]),
        ("i = 1\ndel i\nx = 1", "i = 2\ndel i\nx = 1", ["i = 2", "del i"]),
    ],
)
def test_a_name_that_is_bound_several_times_ends_as_the_text_says(old: str, new: str, execute: list[str]) -> None:
    """Statements before, which make a value that is needed, and after, which bind the name again, are executed too."""
    assert executed(diff(old, new)) == execute


def test_executing_what_is_named_gives_what_a_fresh_start_gives() -> None:
    """For constants bound several times and derived from each other, names end with the same values."""
    old = "a = 1\nb = a\na = a + b\nc = (a, b)\nd = c\n"
    for line in range(4):
        parts = old.splitlines()
        parts[line] = parts[line].split(" = ")[0] + " = 50"
        new = "\n".join(parts)
        names: dict[str, object] = {}
        fresh: dict[str, object] = {}
        exec(old, names)
        exec(compile(ast.Module(list(diff(old, new).execute), []), "new", "exec"), names)
        exec(new, fresh)
        assert {key: names[key] for key in "abcd"} == {key: fresh[key] for key in "abcd"}, new


INIT = """
class A(B):
    def __init__(self, n=1):
        self.a = n
        self.build()
    def build(self):
        pass
"""


@pytest.mark.parametrize(
    "statement",
    [
        "self.x = 1",
        "self.x: int = 1",
        "self.y.z, self.x = 1, 2",
        "self.register_buffer('x', t)",
        "self.register_parameter(name='x', param=t)",
        "self.add_module('x', m)",
        "super().add_module('x', m)",
        "setattr(self, 'x', 'text')",
        "object.__setattr__(self, 'x', 1)",
        "with a() as self.x: pass",
        "if n:\n            self.x = 1",
    ],
)
@pytest.mark.parametrize("place", ["        self.build()", "        pass"])
def test_attributes_that_the_initializer_makes_now(statement: str, place: str) -> None:
    """Every way to make an attribute is seen, in `__init__` and in what it calls."""
    found = diff(INIT, INIT.replace(place, f"{place}\n        {statement}"))
    assert found.makes == {"A": {"x"}}
    assert not found.made_differently


@pytest.mark.parametrize(
    "statement",
    ["self.x: int", "other.x = 1", "setattr(other, 'x', 1)", "setattr(self, name, 'x')", "self.x += 1", "self.a = 2"],
)
def test_what_makes_no_new_attribute(statement: str) -> None:
    """Annotations, other objects, unknown names and additions in place make none; but objects are made differently."""
    found = diff(INIT, INIT.replace("self.build()", f"self.build()\n        {statement}"))
    assert (found.makes, found.made_differently) == ({}, ("A",))


def test_initializers_of_bases_and_dataclasses() -> None:
    """A subclass with an initializer of its own gets what its base's makes; a field without a default is made, too."""
    old = "class A:\n    def __init__(self): pass\nclass B(A):\n    def __init__(self): super().__init__()\n"
    assert diff(old, old.replace("pass", "self.x = 1")).makes == {"A": {"x"}, "B": {"x"}}
    data = "@dataclass(frozen=True)\nclass C:\n    a: int\n    b: int = 1\n"
    found = diff(data, data.replace("    b", "    c: str\n    d: ClassVar[int]\n    b"))
    assert found.makes == {"C": {"c"}}
    assert {"__init__", "__annotations__", "__dataclass_fields__", "c"} <= found.members["C"]
    assert "b" not in found.members["C"]


def test_changed_parameters_of_an_initializer() -> None:
    """Another default makes objects differently; one more parameter alone does not."""
    assert diff(INIT, INIT.replace("n=1", "n=2")).made_differently == ("A",)
    assert not diff(INIT, INIT.replace("n=1", "n=1, m=2")).made_differently
    assert not diff(INIT, INIT.replace("def __init__(self, n=1):", "def __init__(self, n=1):\n        'Text.'")).makes


def test_code_on_the_stack() -> None:
    """A changed function is on the stack with what it contains; a class attribute never is; a removed class is."""
    found = diff(
        NET, NET.replace("return x\n", "return x + 1\n").replace("dim = 4", "dim = 5").replace("steps=2", "s=2")
    )
    assert on_stack(found, {"<module>", "Net.forward"}) == {"Net.forward"}
    assert on_stack(found, {"train.<locals>.inner.<locals>.<lambda>"}) == {"train"}
    assert not on_stack(found, {"<module>", "Net.__init__", "Net", "training", "Net.forward_all"})
    assert on_stack(diff(NET, "import torch"), {"Net.forward", "f"}) == {"Net"}


def test_what_a_file_copies_from_others() -> None:
    """From-imports in blocks count, relative ones are resolved, and names that are bound otherwise are left out."""
    tree = ast.parse(
        "from a import b, c as d, e, f, g\nfrom . import s\nfrom ..up import t\nfrom .star import *\n"
        "if x:\n    from h import i\ntry:\n    from j import k\nexcept ImportError:\n    from l import k\n"
        "e = 1\nfor f in y: pass\ndef g(): from n import o\nfrom ....far import q\n"
        "if TYPE_CHECKING:\n    from u import v\nfrom a import b\n"
    )
    assert set(follows(tree, "p.q")) == {
        *(("a", "b", "b"), ("a", "c", "d"), ("p.q", "s", "s"), ("p.up", "t", "t"), ("h", "i", "i")),
        ("p.q.star", "*", "*"),
    }
    assert follows(ast.parse("from . import a\nfrom .b import *"), "") == []


def test_what_a_file_imports() -> None:
    """Absolute names of everything imported at module level, blocks and class bodies included, functions not."""
    tree = ast.parse(
        "import a.b as c, d\nfrom .e import f\ntry:\n    import g\nfinally:\n    pass\nclass H:\n    import h\n"
        "def i():\n    import j\nmatch k:\n    case 1:\n        import m\n"
        "if TYPE_CHECKING:\n    import n\nfrom o import *\n"
    )
    assert imports(tree, "p") == {"a.b", "d", "p.e", "p.e.f", "g", "h", "m", "o"}


@dataclass(frozen=True)
class Piece:
    """A definition or constant of a small module."""

    kind: str
    name: str
    inside: int = 0
    shell: int = 0

    def source(self) -> str:
        if self.kind == "constant":
            return f"{self.name} = {self.inside}"
        if self.kind == "function":
            return f"def {self.name}(a={self.shell}):\n    # {self.name}\n    return [a, ({self.inside})]"
        if self.kind == "decorated":
            return f"@decorate({self.shell})\ndef {self.name}():\n    return {self.inside}"
        if self.kind == "block":
            return f"if ready:\n    def {self.name}(a={self.shell}):\n        return {self.inside}"
        return f"class {self.name}(Base):\n    at = {self.shell}\n\n    def go(self):\n        return {self.inside}"


KINDS = ["constant", "function", "decorated", "block", "class"]
modules = st.lists(st.sampled_from(KINDS), min_size=1, max_size=8).map(
    lambda kinds: [Piece(kind, f"n{number}") for number, kind in enumerate(kinds)]
)


def written(pieces: list[Piece]) -> str:
    return "\n\n".join(piece.source() for piece in pieces) + "\n"


@given(modules, st.booleans())
def test_a_file_and_itself_do_not_differ(pieces: list[Piece], main: bool) -> None:
    """Nor does it from itself reformatted, with comments, on other lines."""
    source = written(pieces)
    assert not diff(source, source, main=main)
    assert not diff(source, source, main=main).moved
    found = diff(source, "# first\n\n" + ast.unparse(ast.parse(source)).replace("\n", "\n# comment\n\n"), main=main)
    assert found.moved
    assert found == replace(diff(source, source), moved=True)


@given(modules, st.data())
def test_an_edit_is_named_exactly(pieces: list[Piece], data: st.DataObject) -> None:
    """Whatever was edited inside or in the shell is what the difference names, and decides how it is applied."""
    edits = [data.draw(st.sampled_from(["", "inside", "shell", "both"])) for _ in pieces]
    new = [
        replace(piece, inside=int(edit in ("inside", "both")), shell=int(edit in ("shell", "both")))
        for piece, edit in zip(pieces, edits, strict=True)
    ]
    found = diff(written(pieces), written(new))
    bodies, redefined, changed, hard = set(), set(), set(), False
    for before, after in zip(pieces, new, strict=True):
        inside = before.inside != after.inside
        shell = before.shell != after.shell and after.kind != "constant"
        name = f"{after.name}.go" if after.kind == "class" else after.name
        hard |= (shell and after.kind == "block") or (inside and after.kind == "constant")
        redefined |= {after.name} if shell else set()
        bodies |= {name} if inside and after.kind != "constant" and (after.kind == "class" or not shell) else set()
        changed |= {name} if inside or (shell and after.kind != "class") else set()
        changed |= {f"{after.name}.at"} if shell and after.kind == "class" else set()
    assert (set(found.bodies), set(found.redefined), set(found.changed)) == (bodies, redefined, changed)
    assert found.hard == hard
    assert bool(found) == bool(changed)


@given(modules, st.data())
def test_added_removed_and_moved_definitions_are_named_exactly(pieces: list[Piece], data: st.DataObject) -> None:
    """Order of definitions is nothing; what is there no more is removed; what is new is added."""
    movable = [piece for piece in pieces if piece.kind not in ("constant", "block")]
    kept = data.draw(
        st.permutations(movable).flatmap(lambda order: st.integers(0, len(order)).map(lambda n: order[:n]))
    )
    added = [Piece(kind, f"m{number}") for number, kind in enumerate(data.draw(st.lists(st.sampled_from(KINDS[1:3]))))]
    found = diff(written(movable), written([*added, *kept]))
    assert set(found.added) == {piece.name for piece in added}
    assert set(found.removed) == set(found.unbound) == {piece.name for piece in movable if piece not in kept}
    assert set(found.changed) == {*found.added, *found.removed}
    assert len(found.execute) == len(added)
    assert not any((found.hard, found.bodies, found.redefined))


names = st.sampled_from("abc")
expressions = st.sampled_from(["1", "7", "a", "b", "c", "a + b", "(b, c)", "(a,)", "c if a else b"])
assignments = st.builds("{} {} {}".format, names, st.sampled_from(["=", "=", "=", "+="]), expressions)
conditions = st.builds("if {} == {}:\n    {}".format, names, expressions, assignments)
either = st.builds("{}\nelse:\n    {}".format, conditions, assignments)
constants = st.lists(st.one_of(assignments, assignments, conditions, either), min_size=1, max_size=7)
START = "a = 1\nb = 2\nc = 3\n"


@given(constants, constants)
def test_names_end_as_after_a_fresh_start(old: list[str], new: list[str]) -> None:
    """In any module of constants, executing what the difference names leads to what the new text says."""
    before, after = (START + "\n".join(part) for part in (old, new))
    running: dict[str, object] = {}
    fresh: dict[str, object] = {}
    try:
        exec(before, running)
        exec(after, fresh)
    except TypeError:
        return
    exec(compile(ast.Module(list(diff(before, after).execute), []), "new", "exec"), running)
    assert [running[name] for name in "abc"] == [fresh[name] for name in "abc"]
