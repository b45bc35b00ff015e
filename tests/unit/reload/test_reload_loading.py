"""How modules of the project are loaded."""

import importlib
import importlib.util
import inspect
import os
import pickle
import py_compile
import runpy
import subprocess
import sys
import textwrap
import zipfile
from collections.abc import Iterator
from importlib import resources
from importlib.machinery import PathFinder, SourceFileLoader
from pathlib import Path

import pytest

from livespark.runtime.reload.loading import install_finder
from livespark.runtime.reload.project import Project
from livespark.runtime.reload.sources import Source, Sources


class Stage:
    """A project that is searched for modules, in this process."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.told: list[Source] = []
        self.sources = Sources(Project(root), self.told.append)

    def write(self, name: str, text: str) -> str:
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(textwrap.dedent(text))
        importlib.invalidate_caches()
        return str(path)

    def running(self, path: str) -> str | None:
        source = self.sources.running(path)
        return source.text if source else None


@pytest.fixture
def stage(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Stage]:
    root = tmp_path / "project"
    root.mkdir()
    before, found = set(sys.modules), sys.meta_path[:]
    monkeypatch.syspath_prepend(str(root))
    stage = Stage(root)
    remove = install_finder(stage.sources)
    yield stage
    remove()
    assert sys.meta_path == found
    for name in set(sys.modules) - before:
        del sys.modules[name]


def test_a_module_is_recorded_and_looks_like_any_other(stage: Stage) -> None:
    """File, cache, spec, source and pickles are as Python's own loader makes them."""
    path = stage.write("plain.py", '"""Doc."""\nclass A:\n    x = 1\n')
    module = importlib.import_module("plain")
    assert module.__spec__ is not None
    assert stage.running(path) == '"""Doc."""\nclass A:\n    x = 1\n'
    assert stage.sources.module_of(path) == "plain"
    assert [each.path for each in stage.told] == [path]
    assert module.__file__ == path == module.__spec__.origin
    ordinary = PathFinder.find_spec("plain")
    assert ordinary is not None
    assert module.__cached__ == ordinary.cached == module.__spec__.cached
    assert isinstance(module.__loader__, SourceFileLoader)
    assert inspect.getsource(module.A) == "class A:\n    x = 1\n"
    assert inspect.getsource(module) == stage.running(path)
    assert type(pickle.loads(pickle.dumps(module.A()))) is module.A  # noqa: S301 - our own
    assert importlib.import_module("plain") is module


def test_packages_work(stage: Stage) -> None:
    """Relative and circular imports, namespace packages, data files."""
    stage.write("pack/__init__.py", "from .one import a\n")
    stage.write("pack/one.py", "from . import two\na = 1\n")
    inner = stage.write("pack/two.py", "from . import one\nfrom space.deep import c\nb = c\n")
    deep = stage.write("space/deep.py", "c = 3\n")
    stage.write("pack/data.txt", "words")
    two = importlib.import_module("pack.two")
    assert two.b == 3
    assert two.one.a == 1
    assert {stage.sources.module_of(path) for path in stage.sources.paths()} == {
        "pack",
        "pack.one",
        "pack.two",
        "space.deep",
    }
    assert stage.running(deep) == "c = 3\n"
    assert stage.sources.module_of(inner) == "pack.two"
    assert resources.files("pack").joinpath("data.txt").read_text() == "words"


def test_a_stale_pyc_is_never_taken(stage: Stage) -> None:
    """Two edits of one size within one second: Python's loader would take the compiled first one."""
    path = stage.write("stale.py", "x = 1\n")
    os.utime(path, (1000, 1000))
    py_compile.compile(path)
    stage.write("stale.py", "x = 2\n")
    os.utime(path, (1000, 1000))
    assert importlib.import_module("stale").x == 2
    assert stage.running(path) == "x = 2\n"


def test_importlib_reload_updates_the_record(stage: Stage) -> None:
    """The user may reload a module himself."""
    path = stage.write("again.py", "x = 1\n")
    module = importlib.import_module("again")
    stage.write("again.py", "x = 2\n")
    assert importlib.reload(module) is module
    assert module.x == 2
    assert stage.running(path) == "x = 2\n"
    assert stage.sources.changed() == []


@pytest.mark.parametrize("text", ["1 / 0\n", "def\n", "raise SystemExit\n"])
def test_a_module_that_raises_does_not_run(stage: Stage, text: str) -> None:
    """Its file is followed all the same; imported again after it is mended, it runs."""
    path = stage.write("bad.py", text)
    with pytest.raises((ZeroDivisionError, SyntaxError, SystemExit)):
        importlib.import_module("bad")
    assert stage.running(path) is None
    stage.write("bad.py", "x = 1\n")
    assert [each.text for each in stage.sources.changed()] == ["x = 1\n"]
    importlib.import_module("bad")
    assert stage.running(path) == "x = 1\n"


def test_while_it_is_imported_a_module_runs(stage: Stage) -> None:
    """A loop may stand at the top level of a module."""
    path = stage.write("loops.py", "import sys\nseen = sys.probe()\n")
    sys.probe = lambda: stage.running(path)  # type: ignore[attr-defined]
    try:
        assert importlib.import_module("loops").seen == Path(path).read_text()
    finally:
        del sys.probe  # type: ignore[attr-defined]


def test_what_is_not_the_projects_is_left_alone(stage: Stage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Modules outside, from zip files, without source, compiled ones, and those that are not there."""
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "foreign.py").write_text("")
    with zipfile.ZipFile(stage.root / "packed.zip", "w") as archive:
        archive.writestr("zipped.py", "x = 1\n")
    py_compile.compile(stage.write("source.py", "x = 1\n"), cfile=str(stage.root / "sourceless.pyc"))
    monkeypatch.syspath_prepend(str(outside))
    monkeypatch.syspath_prepend(str(stage.root / "packed.zip"))
    for name in ("foreign", "zipped", "sourceless", "_struct", "colorsys"):
        importlib.import_module(name)
    with pytest.raises(ModuleNotFoundError, match="No module named 'nowhere'"):
        importlib.import_module("nowhere")
    assert importlib.util.find_spec("nowhere") is None
    assert stage.sources.paths() == []


def test_an_editable_package_inside_the_project_is_recorded(stage: Stage) -> None:
    """Its finder stands at the end of `sys.meta_path` and knows a folder that is not searched otherwise."""
    path = stage.write("libs/tools/src/mytools.py", "x = 1\n")

    class Editable:
        @staticmethod
        def find_spec(name: str, path_: object = None, target: object = None) -> object:
            return importlib.util.spec_from_file_location(name, path) if name == "mytools" else None

    sys.meta_path.append(Editable)  # type: ignore[arg-type]
    try:
        assert importlib.import_module("mytools").x == 1
    finally:
        sys.meta_path.remove(Editable)  # type: ignore[arg-type]
    assert stage.running(path) == "x = 1\n"


def test_other_loaders_keep_their_modules(stage: Stage) -> None:
    """A library that rewrites code as it is imported goes on doing so."""
    path = stage.write("rewritten.py", "x = 1\n")

    class Rewriting(SourceFileLoader):
        def get_data(self, path: str) -> bytes:
            return super().get_data(path).replace(b"1", b"7") if path.endswith(".py") else super().get_data(path)

    class Finder:
        @staticmethod
        def find_spec(name: str, path_: object = None, target: object = None) -> object:
            loader = Rewriting(name, path)
            return importlib.util.spec_from_file_location(name, path, loader=loader) if name == "rewritten" else None

    sys.meta_path.insert(1, Finder)  # type: ignore[arg-type]
    try:
        assert importlib.import_module("rewritten").x == 7
    finally:
        sys.meta_path.remove(Finder)  # type: ignore[arg-type]
    assert stage.sources.paths() == []


def test_runpy_records_nothing(stage: Stage) -> None:
    """It executes the code under another name, which is not that module."""
    path = stage.write("tool.py", "name = __name__\n")
    assert runpy.run_module("tool", run_name="__other__")["name"] == "__other__"
    assert stage.running(path) is None
    assert stage.sources.paths() == []


def test_a_clients_text_is_imported(stage: Stage) -> None:
    """Instead of what is on disk, and for modules that are on no disk, with their source to be seen."""
    path = stage.write("model.py", "x = 1\n")
    texts = {
        "model.py": "x = 2\n",
        "fresh.py": "# coding: latin-1\ndef f():\n    return 'é'\n",
        "newpack/__init__.py": "",
        "newpack/inner.py": "from . import __name__ as above\n",
    }
    stage.sources.give(texts)
    assert importlib.import_module("model").x == 2
    assert stage.running(path) == "x = 2\n"
    fresh = importlib.import_module("fresh")
    assert fresh.f() == "é"
    assert fresh.__file__ == str(stage.root / "fresh.py")
    assert inspect.getsource(fresh.f) == "def f():\n    return 'é'\n"
    assert inspect.getsource(fresh) == texts["fresh.py"]
    assert isinstance(fresh.__loader__, SourceFileLoader)
    assert fresh.__loader__.get_source("fresh") == texts["fresh.py"]
    inner = importlib.import_module("newpack.inner")
    assert inner.above == "newpack"
    assert stage.running(str(stage.root / "newpack" / "inner.py")) == texts["newpack/inner.py"]
    assert importlib.util.find_spec("newpack.nothing") is None


def test_traceback_and_warnings_show_the_source(stage: Stage) -> None:
    """The line that runs, also after the file was changed."""
    path = stage.write("fails.py", "def f():\n    return 1 / 0  # here\n")
    module = importlib.import_module("fails")
    Path(path).write_text("# nothing of this\n\n")
    with pytest.raises(ZeroDivisionError) as caught:
        module.f()
    assert "return 1 / 0  # here" in str(caught.getrepr(style="native"))


_SPAWNING = """
import multiprocessing, sys
from pathlib import Path

if __name__ == "__main__":
    from livespark.runtime.reload.loading import install_finder
    from livespark.runtime.reload.project import Project
    from livespark.runtime.reload.sources import Sources

    told = []
    sources = Sources(Project(Path(__file__).parent), told.append)
    install_finder(sources)

import work

if __name__ == "__main__":
    for how in ("spawn", "fork"):
        with multiprocessing.get_context(how).Pool(1) as pool:
            print(pool.map(work.double, [work.Box(4)])[0].value)
    print(len(told))
"""


def test_children_import_and_unpickle(tmp_path: Path) -> None:
    """Spawned ones without the finder, forked ones with it; only the parent tells of its files."""
    (tmp_path / "script.py").write_text(_SPAWNING)
    (tmp_path / "later.py").write_text("")
    (tmp_path / "work.py").write_text(
        "class Box:\n    def __init__(self, value):\n        self.value = value\n"
        "def double(box):\n    import later\n    return Box(box.value * 2)\n"
    )
    done = subprocess.run(
        [sys.executable, str(tmp_path / "script.py")], capture_output=True, text=True, check=True, timeout=60
    )
    assert done.stdout.split() == ["8", "8", "1"]
