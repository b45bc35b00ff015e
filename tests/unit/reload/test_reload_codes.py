"""Code objects are matched one to one by their names, and are the same when they do the same."""

import ast
from types import CodeType

import pytest
from hypothesis import given
from hypothesis import strategies as st

from livespark.runtime.reload.codes import functions, match_codes, same


def compiled(source: str, name: str = "file.py") -> CodeType:
    return compile(source, name, "exec", dont_inherit=True)


def function(source: str) -> CodeType:
    return next(code for _, code in functions(compiled(source)))


MODULE = """
def f(x):
    def inner(y):
        return [y + z for z in (lambda: x)()]
    return inner

class Net:
    key = lambda self: 1

    def forward(self):
        return super().forward()

    class Inner:
        async def go(self):
            yield 1
"""


def test_everything_like_a_function_is_found_but_no_class_body() -> None:
    """Functions, methods and lambdas are listed under their qualified names, class bodies are not."""
    names = [name for name, _ in functions(compiled(MODULE))]
    expected = {"f", "f.<locals>.inner", "Net.<lambda>", "Net.forward", "Net.Inner.go"}
    assert expected < set(names)
    assert names.index("f") < names.index("f.<locals>.inner")
    assert not {"Net", "Net.Inner"} & set(names)


def test_what_only_moved_is_the_same() -> None:
    """Lines, columns, comments and the file's name do not matter, nested functions included."""
    moved = "# more\n\n\n" + MODULE.replace("return inner", "# why\n\n    return   inner")
    old, new = compiled(MODULE), compiled(moved, "other.py")
    pairs = match_codes(old, new)
    assert len(pairs) == len(list(functions(old)))
    assert all(same(a, b) for a, b in pairs)
    assert not all(a.co_firstlineno == b.co_firstlineno for a, b in pairs)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("1", "1.0"),
        ("1", "True"),
        ("0.0", "-0.0"),
        ("0j", "-0j"),
        ("(1, 2)", "(1, 2.0)"),
        ("(0.0,)", "(-0.0,)"),
        ("x in {1, 2}", "x in {1, 3}"),
        ("x in {1, 2}", "x in {1.0, 2}"),
        ("b'a'", "'a'"),
        ("x.real", "x.imag"),
        ("lambda: 1", "lambda: 2"),
        ("[y for y in x if y]", "[y for y in x if not y]"),
        ("x", "(yield x)"),
    ],
)
def test_code_that_does_something_else_is_not_the_same(one: str, other: str) -> None:
    """Equal constants of different types or signs, names, inner functions and kinds of function are told apart."""
    a, b = function(f"def f(x): return {one}"), function(f"def f(x): return {other}")
    assert not same(a, b)
    assert same(a, function(f"\ndef f(x):\n    return {one}"))


def test_the_order_of_a_frozen_set_does_not_matter() -> None:
    """Sets of constants are compared as sets."""
    one = function("def f(x): return x in {'a', 'b', 'c', 'd'}")
    other = function("def f(x): return x in {'d', 'c', 'b', 'a'}")
    assert same(one, other)


def test_parameters_and_their_kinds_matter() -> None:
    """The same body with other parameters is other code."""
    assert not same(function("def f(a, b): return 1"), function("def f(a, *, b): return 1"))
    assert not same(function("def f(a, b): return 1"), function("def f(a, b, /): return 1"))
    assert not same(function("def f(a): return 1"), function("def f(*a): return 1"))


def test_equal_ones_are_matched_first_and_the_rest_in_order() -> None:
    """Of several lambdas of one function, those that stayed are matched with themselves wherever they stand."""
    old = compiled("x = [lambda: 1, lambda: 2, lambda: 3]")
    new = compiled("x = [lambda: 0, lambda: 3, lambda: 1, lambda: 4]")
    constants = [(a.co_consts[-1], b.co_consts[-1]) for a, b in match_codes(old, new)]
    assert constants == [(1, 1), (2, 0), (3, 3)]


def test_what_has_no_counterpart_is_left_out() -> None:
    """A function that is gone, or new, is in no pair."""
    pairs = match_codes(compiled("def f(): pass\ndef g(): pass"), compiled("def g(): pass\ndef h(): pass"))
    assert [(a.co_name, b.co_name) for a, b in pairs] == [("g", "g")]


def test_a_property_keeps_its_getter_and_setter_apart() -> None:
    """Two methods of one name are matched in order when both changed."""
    text = "class A:\n    @property\n    def x(self): return {0}\n    @x.setter\n    def x(self, v): self.y = v + {0}\n"
    pairs = match_codes(compiled(text.format(1)), compiled(text.format(2)))
    assert [(a.co_argcount, b.co_argcount) for a, b in pairs] == [(1, 1), (2, 2)]


bodies = st.lists(
    st.tuples(
        st.sampled_from(
            ["def f(): return {0}", "x = lambda: {0}", "def g(a):\n    def f(): return a + {0}\n    return f"]
        ),
        st.integers(0, 3),
    ),
    max_size=7,
)


@given(bodies, bodies)
def test_pairs_are_one_to_one_and_keep_the_name(old: list[tuple[str, int]], new: list[tuple[str, int]]) -> None:
    """No code is in two pairs, names agree, and no possible pair is missing."""
    before, after = (compiled("\n".join(text.format(n) for text, n in part)) for part in (old, new))
    pairs = match_codes(before, after)
    assert len({id(a) for a, _ in pairs}) == len({id(b) for _, b in pairs}) == len(pairs)
    assert all(a.co_qualname == b.co_qualname for a, b in pairs)
    names = [[name for name, _ in functions(code)] for code in (before, after)]
    assert len(pairs) == sum(min(names[0].count(name), names[1].count(name)) for name in set(names[0]))


@given(bodies)
def test_a_file_matches_itself_reformatted(parts: list[tuple[str, int]]) -> None:
    """After reformatting every function is matched with one that is the same."""
    source = "\n".join(text.format(number) for text, number in parts)
    old, new = compiled(source), compiled("# first\n" + ast.unparse(ast.parse(source)))
    pairs = match_codes(old, new)
    assert len(pairs) == len(list(functions(old)))
    assert all(same(a, b) for a, b in pairs)
