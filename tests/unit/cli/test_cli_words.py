"""Words of the command line: values, arguments, entries, hyperparameters, numbers."""

import math
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from livespark.cli import browser, figures, words
from livespark.cli.config import read_config
from livespark.cli.entry import current_folder, environment, script_entry
from livespark.errors import UsageError
from livespark.protocol.runs import Entry


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("3e-4", 3e-4),
        ("3", 3),
        ("true", True),
        ("null", None),
        ('"3"', "3"),
        ("[1, 2]", [1, 2]),
        ("adam", "adam"),
        ("", ""),
        ("inf", math.inf),
        ("-INF", -math.inf),
        ("[" * 100_000, "[" * 100_000),
    ],
)
def test_values_are_json_or_text(text: str, value: Any) -> None:
    """What is no JSON is taken as it stands."""
    assert words.value(text) == value


def test_nan_is_a_number() -> None:
    """The run shall refuse it as one, not as a text."""
    assert math.isnan(words.value("nan"))


def test_arguments_by_name_and_by_position() -> None:
    """A word counts as named where an identifier stands before the equals sign."""
    assert words.arguments(["3", "lr=1e-4", "a b", "x-y=1", "name=a=b"]) == (
        [3, "a b", "x-y=1"],
        {"lr": 1e-4, "name": "a=b"},
    )


def test_a_word_that_assigns_nothing_is_refused() -> None:
    """With the word in the sentence."""
    assert words.pairs(["a.b=1"]) == {"a.b": 1}
    for word in ("lr", "=3"):
        with pytest.raises(UsageError, match="no assignment"):
            words.pairs([word])


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_a_good_script_is_an_entry(folder: Path) -> None:
    """The path stays as it was typed; the rest are its arguments."""
    (folder / "train.py").write_text("print('ä')\n", "utf-8")
    assert script_entry("train.py", None, ["--lr", "3"]) == Entry(script="train.py", args=["--lr", "3"])


def test_a_module_takes_all_words_as_arguments(folder: Path) -> None:
    """As python -m does."""
    (folder / "package").mkdir()
    (folder / "package" / "__init__.py").touch()
    assert script_entry("a", "package.train", ["b"]) == Entry(module="package.train", args=["a", "b"])


@pytest.mark.parametrize(
    ("script", "module", "text"),
    [
        (None, None, "what shall run"),
        ("nope.py", None, "there is no script nope.py in"),
        (".", None, "is a folder"),
        (
            "null.py",
            None,
            "is no Python source: |null.py:1 source code",
        ),
        ("latin.py", None, r"latin.py:1 .*utf-8"),
        ("deep.py", None, r"is no Python source|deep.py:1"),
        ("caf\udce9.py", None, r"b'caf\\xe9.py' is not UTF-8"),
        (None, "no_such_module_anywhere", "no module 'no_such_module_anywhere'"),
        (None, "a-b", "no module's name"),
    ],
)
def test_what_can_not_run_is_said_before_anything_starts(
    folder: Path, script: str | None, module: str | None, text: str
) -> None:
    """One sentence each."""
    (folder / "null.py").write_bytes(b"x = 1\0")
    (folder / "latin.py").write_bytes(b"x = '\xe9'\n")
    (folder / "deep.py").write_text(f"x = {'-' * 100_000}1")
    (folder / "caf\udce9.py").write_text("")
    with pytest.raises(UsageError, match=text):
        script_entry(script, module, [])


def test_a_folder_that_is_gone_or_has_no_name_is_said(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One sentence, and nothing is started."""
    assert current_folder() == str(folder)
    for name, text in (("gone", "does not exist any more"), ("caf\udce9", "is not UTF-8")):
        (folder / name).mkdir()
        monkeypatch.chdir(folder / name)
        if name == "gone":
            (folder / name).rmdir()
        with pytest.raises(UsageError, match=text):
            current_folder()
        monkeypatch.chdir(folder)


def test_a_syntax_error_is_pointed_at(folder: Path) -> None:
    """File, line, message, the line itself, and a caret."""
    (folder / "broken.py").write_text("def f():\n    x = (1 +\n    return = 3\n")
    with pytest.raises(UsageError) as caught:
        script_entry("broken.py", None, [])
    head, line, caret = str(caught.value).splitlines()
    assert head.startswith("broken.py:")
    assert line.strip()
    assert caret.strip() == "^"
    (folder / "indent.py").write_text("x = 1\n  y = 2\n")
    with pytest.raises(UsageError, match=r"indent.py:2 unexpected indent\n    y = 2\n"):
        script_entry("indent.py", None, [])


def test_a_script_that_only_warns_is_fine(folder: Path) -> None:
    """Warnings belong to the run."""
    (folder / "warns.py").write_text("x = '\\d'\nassert (1, 'x')\n")
    assert script_entry("warns.py", None, []).script == "warns.py"


def test_the_environment_is_passed_on_without_what_was_meant_for_us() -> None:
    """And without what JSON can't hold."""
    given = {"A": "ä", "LIVESPARK_PIPES": "3,4,5", "LIVESPARK_HOME": "/h", "BROKEN": "\udcff"}
    assert environment(given) == {"A": "ä", "LIVESPARK_HOME": "/h"}
    with pytest.raises(UsageError, match="not UTF-8"):
        script_entry(None, "json", ["\udcff"])


def test_hyperparameters_from_a_file_and_the_command_line(folder: Path) -> None:
    """The command line wins; TOML and JSON alike; infinities survive."""
    (folder / "a.json").write_text('{"lr": 0.1, "width": 128}')
    (folder / "a.toml").write_text("lr = inf\n[model]\ndepth = 2\n")
    assert read_config("a.json", ["lr=0.2", "tag=x"]) == {"lr": 0.2, "width": 128, "tag": "x"}
    assert read_config("a.toml", []) == {"lr": {"$": "float", "v": "inf"}, "model": {"depth": 2}}
    assert read_config(None, []) == {}


@pytest.mark.parametrize(
    ("name", "content", "text"),
    [
        ("a.yaml", "", "must be .json or .toml"),
        ("a.json", "{", "can't be read"),
        ("a.json", "[1]", "must hold names and values"),
        ("b.toml", None, "can't be read"),
    ],
)
def test_a_bad_config_file_is_one_sentence(folder: Path, name: str, content: str | None, text: str) -> None:
    """With the file's name."""
    if content is not None:
        (folder / name).write_text(content)
    with pytest.raises(UsageError, match=text):
        read_config(name, [])


@pytest.mark.parametrize(
    ("environ", "platform", "likely"),
    [
        ({}, "linux", False),
        ({"DISPLAY": ":0"}, "linux", True),
        ({"WAYLAND_DISPLAY": "w"}, "linux", True),
        ({"BROWSER": "firefox"}, "linux", True),
        ({"SSH_CONNECTION": "x"}, "linux", False),
        ({"SSH_CONNECTION": "x", "DISPLAY": ":10"}, "linux", True),
        ({}, "darwin", True),
        ({"SSH_CONNECTION": "x"}, "darwin", False),
    ],
)
def test_where_a_browser_is_to_be_expected(environ: dict[str, str], platform: str, likely: bool) -> None:
    """Not over SSH without a display, not on a Linux without one."""
    assert browser.is_likely(environ, platform) is likely


def test_the_pages_address() -> None:
    """The code stands in the fragment, which no server sees."""
    assert browser.page("http://h:1", "otter") == "http://h:1/r/otter"
    assert browser.page("http://h:1", "otter", "c") == "http://h:1/r/otter#code=c"


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(-1, "0:00"), (41.9, "0:41"), (727, "12:07"), (11100, "3:05:00"), (187200, "2 d 4 h")],
)
def test_durations(seconds: float, text: str) -> None:
    """As a clock shows them."""
    assert figures.duration(seconds) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.21349, "0.2135"),
        (3e-5, "3e-05"),
        (1840, "1,840"),
        (1840.0, "1,840"),
        (1840.25, "1,840.2"),
        (math.nan, "nan"),
        (math.inf, "inf"),
        (2**63, "9.22e+18"),
        (1e30, "1e+30"),
        (0.0, "0"),
    ],
)
def test_numbers(value: float, text: str) -> None:
    """Four digits are enough."""
    assert figures.number(value) == text


@pytest.mark.parametrize(("value", "text"), [(1840.3, "1,840"), (12.3, "12"), (3.21, "3.2"), (0.0512, "0.051")])
def test_rates(value: float, text: str) -> None:
    """Slower is finer."""
    assert figures.rate(value) == text


@given(st.text(), st.integers(min_value=0, max_value=40))
def test_cut_text_fits(text: str, width: int) -> None:
    """Whatever the characters, the cells suffice; what fits is untouched."""
    short = figures.cut(text, width)
    assert figures.cell_width(short) <= width
    assert short == text or figures.cell_width(text) > width
