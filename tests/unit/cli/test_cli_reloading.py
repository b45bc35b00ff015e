"""What is said of a reload: sentences, places, carets, counts."""

import pytest

from livespark.cli.reloading import answered, counted, named, place, pointed, sentence
from livespark.protocol.commands import Answer, Failure, Frame
from livespark.protocol.events import FileChange, Reloaded
from livespark.runtime.failure import describe

MODEL = FileChange("model.py")
DIVISION = Failure(
    "ZeroDivisionError",
    "division by zero",
    frames=[Frame("/w/train.py", 12, "<module>"), Frame("/venv/lib/python3.11/site-packages/torch/nn.py", 7, "f")],
)


def syntax_error(source: str, file: str = "/home/ada/model.py") -> Failure:
    """What a worker tells of source that does not compile."""
    try:
        compile(source, file, "exec")
    except SyntaxError as error:
        return describe(error)
    raise AssertionError("it compiles")


INDENT = syntax_error("def f():\n    x = 1\n      y = 2\n")


@pytest.mark.parametrize(
    ("event", "text"),
    [
        (
            Reloaded("applied", "soft", 2010, 0.0083, ["model.Net.forward"], [MODEL]),
            "reloaded model.py: Net.forward (soft, 8 ms) at step 2,010",
        ),
        (
            Reloaded(
                "applied", "hard", None, 1.2, ["pkg.nn.f", "pkg.nn.CONST"], [FileChange("src/pkg/nn/__init__.py")]
            ),
            "reloaded src/pkg/nn/__init__.py: f, CONST (hard, 1.2 s)",
        ),
        (
            Reloaded(
                "applied",
                "soft",
                1,
                0.004,
                ["a.f", "b.g", "b.h", "c.i", "d.j"],
                [FileChange(f"{n}.py") for n in "abcd"],
            ),
            "reloaded a.py, b.py, c.py and 1 more: a.f, b.g, b.h and 2 more (soft, 4 ms) at step 1",
        ),
        (
            Reloaded("applied", "soft", 3, 0.001, ["__main__.train"], [FileChange("run.py")]),
            "reloaded run.py: train (soft, 1 ms) at step 3",
        ),
        (Reloaded("applied", "soft", 3, 0.0, [], [MODEL]), "reloaded model.py (soft, 0 ms) at step 3"),
        (
            Reloaded("applied", "soft", 3, 0.0, [], [MODEL], message="thread t goes on with the old code"),
            "reloaded model.py (soft, 0 ms) at step 3; thread t goes on with the old code",
        ),
        (
            Reloaded("applied", "hard", 3, 0.02, ["model.x"], [MODEL], error=DIVISION),
            "reloaded model.py: x (hard, 20 ms) at step 3; it raised ZeroDivisionError: division by zero (train.py:12)",
        ),
        (
            Reloaded("undone", "hard", 3, 0.02, ["model.x"], [MODEL], error=DIVISION),
            "the edit of model.py was taken back: ZeroDivisionError: division by zero (train.py:12); "
            "the code from before runs again",
        ),
        (
            Reloaded("undone", "soft", 9, files=[MODEL], message="loss was nan 3 steps after it"),
            "the edit of model.py was taken back: loss was nan 3 steps after it; the code from before runs again",
        ),
        (
            Reloaded("refused", files=[MODEL], message="Net has a new base class; restart the run"),
            "not reloaded: Net has a new base class; restart the run",
        ),
        (
            Reloaded("refused", files=[MODEL], error=INDENT),
            "not reloaded: model.py:3: unexpected indent\n    y = 2",
        ),
        (
            Reloaded("refused", message="lib/model.py:3: unexpected indent", error=INDENT),
            "not reloaded: lib/model.py:3: unexpected indent\n    y = 2",
        ),
        (
            Reloaded("refused", files=[FileChange("lib/model.py")], error=syntax_error("x = = 1\n", "/w/lib/model.py")),
            "not reloaded: lib/model.py:1: invalid syntax\n    x = = 1\n        ^",
        ),
    ],
)
def test_what_became_of_a_reload(event: Reloaded, text: str) -> None:
    """One line, but for a syntax error, which is shown where it stands."""
    assert sentence(event) == text


@pytest.mark.parametrize(
    ("source", "lines"),
    [
        ("x = = 1", ["    x = = 1", "        ^"]),
        ("def f():\n        return (1,\n", ["    return (1,", "           ^"]),
        ("if True:\n\tf(a b)\n", ["    f(a b)", "      ^^^"]),
        ("é = 'a\n", ["    é = 'a", "        ^"]),
    ],
)
def test_the_caret_stands_below_its_place(source: str, lines: list[str]) -> None:
    """Whatever the indentation of the line."""
    assert pointed(syntax_error(source)) == lines


def test_an_error_without_a_caret_is_shown_by_its_line() -> None:
    """What is no syntax error is not shown at all here."""
    frames = [Frame("model.py", 1, "", "x = 1\0")]
    assert pointed(Failure("SyntaxError", "source contains null bytes", frames=frames)) == ["    x = 1\0"]
    assert pointed(Failure("SyntaxError", "no", frames=[Frame("model.py", 0, "")])) == []
    assert pointed(DIVISION) == []
    assert pointed(None) == []


@pytest.mark.parametrize(
    ("answer", "text"),
    [
        (
            Answer("applied", 2010, {"kind": "soft", "changed": ["model.Net.forward"]}, "a sentence"),
            "reloaded (soft) at step 2,010: model.Net.forward",
        ),
        (Answer("applied", 7, {"kind": "hard", "changed": []}), "reloaded (hard) at step 7"),
        (Answer("applied", 7, message="nothing has changed"), "nothing has changed"),
        (Answer("applied", 7), "reloaded at step 7"),
        (
            Answer("refused", message="model.py:3: unexpected indent", error=INDENT),
            "model.py:3: unexpected indent\n    y = 2",
        ),
        (Answer("refused", message="it can't follow"), "it can't follow"),
    ],
)
def test_what_came_of_asking(answer: Answer, text: str) -> None:
    """How and what, or the reason."""
    assert answered(answer) == text


def test_names_and_counts_are_short() -> None:
    """A few names and how many more; added and removed lines, without the diff's head."""
    assert named(["a", "b", "c", "d", "e"]) == "a, b, c and 2 more"
    assert named(None) == ""
    diff = "--- a/x.py\n+++ b/x.py\n@@ -1,2 +1,2 @@\n x\n-y\n+z\n+w\n"
    assert counted([FileChange("x.py", diff=diff), FileChange("y.py", diff=diff)]) == "+4 -2"
    assert counted([FileChange("q.py", diff="@@ -1 +0,0 @@\n--- a comment of SQL\n")]) == "+0 -1"
    assert counted([MODEL]) == ""


def test_the_place_is_in_the_users_own_code() -> None:
    """By the project's path where it is known; an error without levels has none."""
    frames = [Frame("/w/lib/model.py", 3, "f"), Frame("<string>", 1, "g")]
    assert place(Failure("E", "", frames=frames), [FileChange("lib/model.py")]) == "lib/model.py:3"
    assert place(Failure("E", "", frames=frames)) == "model.py:3"
    assert place(Failure("E", "")) == ""
