"""Paths, cursors, ids, problems, and the live document."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from livespark import errors
from livespark.protocol.ids import Cursor, Epoch, is_run_id
from livespark.protocol.live import Field, Function, LiveDelta, LiveDoc, Loop, Shape, merge
from livespark.protocol.paths import child, join, split
from livespark.protocol.problems import PROBLEMS, Problem, error_from


@given(st.lists(st.text(), min_size=1))
def test_paths_round_trip(segments: list[str]) -> None:
    """Whatever a key is made of, its path names it and nothing else."""
    assert split(join(segments)) == segments


@given(st.lists(st.text(), min_size=1), st.text())
def test_a_child_extends_its_parent(segments: list[str], segment: str) -> None:
    """Building a path step by step gives the same path."""
    assert child(join(segments), segment) == join([*segments, segment])


@pytest.mark.parametrize("path", ["a\\", "a\\b", "\\x.y"])
def test_a_backslash_that_escapes_nothing_is_an_error(path: str) -> None:
    """A mistyped path is not read as another one."""
    with pytest.raises(ValueError, match="backslash"):
        split(path)


@given(st.integers(0, 10**17))
def test_cursors_round_trip(seq: int) -> None:
    """A cursor on the wire is the cursor back."""
    cursor = Cursor(Epoch("0badc0de"), seq)

    assert Cursor.parse(str(cursor)) == cursor


@pytest.mark.parametrize("text", ["", "1", "-1", "0badc0de", "0badc0de-", "0badc0de--1", "0badc0de-01", "0badc0de-1x",
                                  "0BADC0DE-1", "0badc0de-1\n", "0badc0de-٣", "0badc0de-" + "9" * 30])  # fmt: skip
def test_what_is_no_cursor_is_none(text: str) -> None:
    """A cursor is exact: nothing that merely looks like one is taken for one."""
    assert Cursor.parse(text) is None


@pytest.mark.parametrize("text", ["quiet-otter", "quiet-otter-2", "x", "0"])
def test_run_ids(text: str) -> None:
    """Run ids are lower-case words joined by hyphens."""
    assert is_run_id(text)


@pytest.mark.parametrize("text", ["", "-", "a-", "-a", "a--b", "A", "a/b", "..", "a.b", "a b", "ä", "a\n", "a" * 65])
def test_what_is_no_run_id(text: str) -> None:
    """A run id can't be a path, nor anything but plain."""
    assert not is_run_id(text)


@pytest.mark.parametrize("code", sorted(PROBLEMS))
def test_every_problem_becomes_an_exception(code: str) -> None:
    """Clients raise a RequestRefused that carries status, code and detail for whatever the server answers."""
    error = error_from(Problem(status=PROBLEMS[code], code=code, detail="what. next"), retry_after=3.0)

    assert isinstance(error, errors.RequestRefused)
    assert (error.status, error.code, str(error), error.retry_after) == (PROBLEMS[code], code, "what. next", 3.0)
    assert isinstance(error, errors.Unavailable) == (PROBLEMS[code] in {429, 500, 503, 507})


def test_every_error_stands_in_the_drawing() -> None:
    """The exception tree in the docstring is complete, and `__all__` as well."""
    classes = {
        name for name, item in vars(errors).items() if isinstance(item, type) and issubclass(item, BaseException)
    }

    assert set(errors.__all__) == classes
    assert not [name for name in classes if name not in (errors.__doc__ or "")]


@pytest.mark.parametrize("name", [name for name in errors.__all__ if not name.startswith("Request")])
def test_an_error_without_words_shows_its_docstring(name: str) -> None:
    """No exception of ours is ever an empty line."""
    kind = getattr(errors, name)
    if issubclass(kind, errors.LivesparkError) and not issubclass(kind, errors.RequestRefused | errors.CallFailed):
        assert len(str(kind())) > 10


def test_deltas_merge_into_the_document() -> None:
    """Values are merged and dropped one by one; fields, functions and loops are replaced whole; `full` replaces
    everything."""
    doc = LiveDoc()
    field, function, loop = Field(Shape("float")), Function(), Loop("epoch", 1)
    merge(doc, LiveDelta(1, full=True, step=1, values={"a": 1, "b": 2}, fields={"a": field}, functions={"f": function}))
    merge(doc, LiveDelta(2, values={"a": 3, "c": 4}, dropped=["b", "unknown"], loops=[loop]))

    assert doc == LiveDoc(2, 1, {"a": 3, "c": 4}, {"a": field}, {"f": function}, [loop])

    merge(doc, LiveDelta(3, full=True, step=5, values={"x": None}))

    assert doc == LiveDoc(3, 5, {"x": None})
