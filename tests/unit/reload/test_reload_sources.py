"""What runs, and what is newest."""

import hashlib
import linecache
import os
import time
import traceback
import warnings
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from livespark.errors import UsageError
from livespark.runtime.reload.compiling import lines_of
from livespark.runtime.reload.project import Project
from livespark.runtime.reload.reading import Mark, mark_of
from livespark.runtime.reload.sources import Source, Sources, compile_source


class Stage:
    """A script and a module, and what was told."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.told: list[Source] = []
        self.sources = Sources(Project(root), self.told.append)

    def load(self, name: str, text: str, module: str = "__main__") -> str:
        path = self.write(name, text)
        self.sources.load(path, text.encode(), module)
        return path

    def write(self, name: str, text: str) -> str:
        (self.root / name).write_text(text)
        return str(self.root / name)

    def changed(self) -> dict[str, str]:
        return {self.sources.project.display(each.path): each.text for each in self.sources.changed()}


@pytest.fixture
def stage(tmp_path: Path) -> Stage:
    return Stage(tmp_path)


def test_a_source_tells_text_and_digest() -> None:
    """The declared encoding is used; ends of lines are one kind; the digest is that of the text in UTF-8."""
    found = compile_source("/a.py", "# coding: latin-1\r\nx = 'é'\r\n".encode("latin-1"))
    assert found.text == "# coding: latin-1\nx = 'é'\n"
    assert found.digest == hashlib.sha256(found.text.encode()).hexdigest()
    names: dict[str, object] = {}
    exec(found.code, names)
    assert (names["x"], found.code.co_filename) == ("é", "/a.py")
    assert compile_source("/a.py", b"\xef\xbb\xbfx = 1").text == "x = 1"


@pytest.mark.parametrize(
    ("data", "line", "shown"),
    [
        (b"x = 1\n  y = 2\n", 2, "  y = 2\n"),
        (b"def f(:\n", 1, "def f(:\n"),
        (b"x\ny = '\0'\n", 2, "y = '\ufffd'\n"),
        (b"x = 1\ny = '\xff'\n", 2, "y = '\\xff'\n"),
        (b"# coding: nonsense\n", 1, "# coding: nonsense\n"),
        (b"# coding: zlib\n", 1, "# coding: zlib\n"),
        (b"# coding: undefined\n", 1, "# coding: undefined\n"),
        (b"x = " + b"(" * 300 + b")" * 300, 1, None),
        (b"x = " + b"-" * 200_000 + b"1", 1, None),
        (b"for x in y:\n    pass\nreturn 1\n", 3, "return 1\n"),
    ],
)
def test_what_cannot_be_compiled_is_a_syntax_error(data: bytes, line: int, shown: str | None) -> None:
    """Whatever the compiler says to it: with file, line, column and the line's text, for a file that is nowhere."""
    with pytest.raises(SyntaxError) as caught:
        compile_source("/nowhere/a.py", data)
    error = caught.value
    assert (error.filename, error.lineno) == ("/nowhere/a.py", line)
    assert error.msg
    assert error.offset is not None
    assert error.text
    assert shown in (None, error.text)


@pytest.mark.parametrize("bad", ["x = " + "(" * 300_000, "y = 1; " * 50_000 + "x = = 1", "x = " + "-" * 300_000 + "1"])
def test_of_a_very_long_line_the_place_is_shown(bad: str) -> None:
    """Not all of it: the error goes to everybody who watches."""
    with pytest.raises(SyntaxError) as caught:
        compile_source("/nowhere/a.py", bad.encode())
    error = caught.value
    assert error.text
    assert error.offset
    assert 0 < error.offset <= len(error.text) <= 401
    assert len("".join(traceback.format_exception_only(error))) < 1_000
    assert "= =" not in bad or error.text[error.offset - 1] == "="


@given(st.text(alphabet=st.characters(exclude_categories=["Cs"]), max_size=40) | st.binary(max_size=40))
def test_nothing_but_a_syntax_error_comes_out(content: str | bytes) -> None:
    """Any bytes compile, or are a SyntaxError that has a place."""
    data = content if isinstance(content, bytes) else content.encode()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        found = outcome(data)
    if isinstance(found, SyntaxError):
        assert found.filename == "/a.py"
        assert found.lineno is not None
    else:
        assert "".join(lines_of(found.text)).rstrip("\n") == found.text.rstrip("\n")


def outcome(data: bytes) -> Source | SyntaxError:
    try:
        return compile_source("/a.py", data)
    except SyntaxError as error:
        return error


def test_what_is_loaded_runs(stage: Stage) -> None:
    """It is told once, with its module; the same again is no other version."""
    path = stage.load("train.py", "x = 1\n")
    stage.load("train.py", "x = 1\n")
    running = stage.sources.running(path)
    assert running is not None
    assert running.text == "x = 1\n"
    assert stage.told == [running]
    assert stage.sources.module_of(path) == "__main__"
    assert stage.sources.paths() == [path]
    assert stage.sources.running("/other.py") is None
    assert stage.sources.module_of("/other.py") is None


def test_a_module_that_is_gone_does_not_run(stage: Stage) -> None:
    """Python takes a module that raised out of `sys.modules`; its file is still looked at."""
    path = stage.load("broken.py", "1 / 0\n", "broken_module_of_this_test")
    assert stage.sources.running(path) is None
    assert stage.changed() == {}
    stage.write("broken.py", "x = 1\n")
    assert stage.changed() == {"broken.py": "x = 1\n"}


def test_a_module_that_cannot_be_compiled_is_looked_at(stage: Stage) -> None:
    """What failed is no change; what mends it is."""
    for bad in (b"def\n", b"\xff\n"):
        (stage.root / "bad.py").write_bytes(bad)
        with pytest.raises(SyntaxError):
            stage.sources.load(str(stage.root / "bad.py"), bad, "bad")
    stage.write("bad.py", "x = 1\n")
    assert stage.changed() == {"bad.py": "x = 1\n"}


def test_changes_are_found_until_they_are_installed(stage: Stage) -> None:
    """Asking again gives the same; taking a version back makes the file's content a change again."""
    path = stage.load("train.py", "x = 1\n")
    stage.load("model.py", "y = 1\n", "os")
    before = stage.sources.running(path)
    assert before is not None
    assert stage.changed() == {}
    stage.write("train.py", "x = 2\n")
    (after,) = stage.sources.changed()
    assert stage.sources.changed() == [after]
    stage.sources.install(after)
    assert stage.sources.running(path) is after
    assert stage.changed() == {}
    stage.sources.install(before)
    assert stage.changed() == {"train.py": "x = 2\n"}
    assert [each.text for each in stage.told] == ["x = 1\n", "y = 1\n", "x = 2\n", "x = 1\n"]


def test_a_change_back_is_none(stage: Stage) -> None:
    """A syntax error is raised as long as it stands there, and forgotten when the old text is back."""
    stage.load("train.py", "x = 1\n")
    stage.write("train.py", "x = (\n")
    for _ in range(2):
        with pytest.raises(SyntaxError, match="never closed"):
            stage.sources.changed()
    stage.write("train.py", "x = 1\n")
    assert stage.changed() == {}


def test_two_edits_of_one_size_in_one_second_are_both_seen(stage: Stage) -> None:
    """Also with times that are put back."""
    path = stage.load("train.py", "x = 0\n")
    for number in range(1, 10):
        stage.write("train.py", f"x = {number}\n")
        (found,) = stage.sources.changed()
        assert found.text == f"x = {number}\n"
        stage.sources.install(found)
        os.utime(path, (1, 1))
    assert stage.changed() == {}


@pytest.mark.parametrize("tick", [4_000_000, 1_000_000_000])
def test_a_clock_that_stands_still_hides_nothing(stage: Stage, monkeypatch: pytest.MonkeyPatch, tick: int) -> None:
    """Within one tick of the file system's clock the mark stays the same: then the content tells."""
    path = stage.load("train.py", "x = 0\n")
    now = time.time_ns() // tick * tick
    monkeypatch.setattr(
        "livespark.runtime.reload.reading._mark", lambda fd: Mark(now, now, os.fstat(fd).st_size, os.fstat(fd).st_ino)
    )
    for number in range(1, 5):
        Path(path).write_text(f"x = {number}\n")
        assert stage.changed() == {"train.py": f"x = {number}\n"}


def test_files_that_rest_are_not_read(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    """What has not been touched for a while is known by its mark."""
    path = stage.load("train.py", "x = 1\n")
    stage.write("train.py", "x = 2\n")
    deadline = time.monotonic() + 5
    while not (mark := mark_of(path)) or not mark.is_final():
        assert time.monotonic() < deadline
    expected = stage.sources.changed()
    monkeypatch.setattr("livespark.runtime.reload.followed.read_settled", None)
    assert stage.sources.changed() == expected


def test_a_file_that_vanishes_has_not_changed(stage: Stage) -> None:
    """In the middle of an atomic replace, or for good; a pipe or folder in its place is no file."""
    path = Path(stage.load("train.py", "x = 1\n"))
    path.unlink()
    assert stage.changed() == {}
    os.mkfifo(path)
    assert stage.changed() == {}
    path.unlink()
    path.mkdir()
    assert stage.changed() == {}


def test_a_file_that_is_being_written_is_waited_for(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    """An editor that writes in place truncates first: the empty file in between is not read as the new version."""
    path = Path(stage.load("train.py", "x = 1\n"))
    with path.open("w") as file:
        waits = []

        def finish(seconds: float) -> None:
            waits.append(seconds)
            file.write("x = 2\n")
            file.flush()
            monkeypatch.setattr("livespark.runtime.reload.reading.time.sleep", real)

        real = time.sleep
        monkeypatch.setattr("livespark.runtime.reload.reading.time.sleep", finish)
        assert stage.changed() == {"train.py": "x = 2\n"}
    assert len(waits) == 1


def test_a_huge_file_is_not_read(stage: Stage) -> None:
    """Somebody has written data where the code was."""
    path = stage.load("a.py", "x = 1\n")
    os.truncate(path, 3 * 1024**3)
    with pytest.raises(SyntaxError, match="the file is too large to be followed"):
        stage.changed()
    stage.write("a.py", "x = 2\n")
    assert stage.changed() == {"a.py": "x = 2\n"}


def test_a_window_of_the_kernels_is_empty(stage: Stage) -> None:
    """It has no size, and its content may never come, or never end."""
    path = Path(stage.load("a.py", "x = 1\n"))
    path.unlink()
    path.symlink_to("/proc/self/status")
    assert stage.changed() == {"a.py": ""}


def test_a_file_can_be_emptied(stage: Stage) -> None:
    """A file that stays empty is so on purpose."""
    path = stage.load("train.py", "x = 1\n")
    Path(path).write_text("")
    assert stage.changed() == {"train.py": ""}


def test_a_clients_text_is_newer_than_the_disk(stage: Stage) -> None:
    """Until the file gets another content; touching it is not enough, nor is its absence."""
    path = stage.load("train.py", "x = 1\n")
    stage.sources.give({"train.py": "x = 2\n"})
    assert stage.changed() == {"train.py": "x = 2\n"}
    stage.write("train.py", "x = 1\n")
    os.utime(path, (5, 5))
    assert stage.changed() == {"train.py": "x = 2\n"}
    (given,) = stage.sources.changed()
    stage.sources.install(given)
    assert stage.changed() == {}
    stage.write("train.py", "x = 3\n")
    assert stage.changed() == {"train.py": "x = 3\n"}
    assert stage.sources.given(path) is None


def test_a_clients_text_is_checked(stage: Stage) -> None:
    """Outside of the project nothing can be given; what does not compile is a syntax error with the client's line."""
    stage.load("train.py", "x = 1\n")
    with pytest.raises(UsageError):
        stage.sources.give({"train.py": "x = 2\n", "/etc/x.py": ""})
    assert stage.changed() == {}
    for text in ("x = 1\ny = )\n", "x = 1\ny = '\ud800'\n"):
        stage.sources.give({"train.py": text})
        with pytest.raises(SyntaxError) as caught:
            stage.sources.changed()
        assert caught.value.lineno == 2


def test_tracebacks_show_what_runs(stage: Stage) -> None:
    """Whatever has been saved since, until it is installed."""
    path = stage.load("train.py", "old = 1\n\x0c# page\n")
    stage.write("train.py", "new = 2\n")
    linecache.checkcache(path)
    assert linecache.getlines(path) == ["old = 1\n", "\x0c# page\n"]
    (after,) = stage.sources.changed()
    stage.sources.install(after)
    assert linecache.getline(path, 1) == "new = 2\n"


def test_other_files_can_be_watched(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each new content is told once; a relative path is taken from the working directory."""
    monkeypatch.chdir(stage.root)
    path = stage.write("config.toml", "a = 1\n")
    stage.sources.watch("config.toml")
    stage.sources.watch("not_yet.toml")
    assert stage.sources.changed_extras() == []
    stage.write("config.toml", "a = 2\n")
    stage.write("not_yet.toml", "")
    assert stage.sources.has_newer(path)
    assert set(stage.sources.changed_extras()) == {path, str(stage.root / "not_yet.toml")}
    assert stage.sources.changed_extras() == []
    assert stage.changed() == {}


def test_followers_learn_of_each_file(stage: Stage) -> None:
    """Of those that are known, and of those that come, until they leave."""
    first = stage.load("a.py", "")
    paths: list[str] = []
    leave = stage.sources.follow(paths.append)
    second = stage.load("b.py", "")
    stage.load("b.py", "x = 1\n")
    stage.sources.watch(str(stage.root / "c.toml"))
    leave()
    stage.load("d.py", "")
    assert paths == [first, second, str(stage.root / "c.toml")]


def test_a_forked_child_keeps_no_record(stage: Stage) -> None:
    """It can load, even if the lock was held when it was forked; nobody is told."""
    with stage.sources._lock:
        child = os.fork()
        if not child:
            code = 1
            try:
                loaded = stage.sources.load("/a.py", b"x = 1\n", "a")
                code = 0 if loaded.text == "x = 1\n" and not stage.told and not stage.sources.paths() else 2
            finally:
                os._exit(code)
    assert os.waitpid(child, 0)[1] == 0
