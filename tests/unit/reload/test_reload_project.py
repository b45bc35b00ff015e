"""Which files are the user's own."""

import sysconfig
from pathlib import Path

import pytest
import torch

import livespark
from livespark.errors import UsageError
from livespark.runtime.reload.project import Project, find_project


@pytest.fixture
def root(tmp_path: Path) -> Path:
    folder = tmp_path / "work" / "project"
    folder.mkdir(parents=True)
    return folder


def put(path: Path) -> str:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("")
    return str(path)


@pytest.mark.parametrize("mark", [".git", ".hg", "pyproject.toml", "setup.py", "setup.cfg"])
def test_the_nearest_marked_folder_is_the_project(root: Path, mark: str) -> None:
    """Upwards from the script, past folders without a mark, not past one with it."""
    put(root.parent / "pyproject.toml")
    put(root / mark)
    put(root / "a" / "b" / "train.py")
    assert find_project("b/train.py", root / "a").root == root


def test_without_a_mark_it_is_the_scripts_folder(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A mark in the home directory or around it counts for nothing."""
    monkeypatch.setenv("HOME", str(root))
    put(root / ".git" / "config")
    put(root.parent / "setup.py")
    script = put(root / "a" / "train.py")
    assert find_project(script, Path("/")).root == root / "a"
    assert find_project(put(root / "train.py"), Path("/")).root == root


def test_without_a_mark_the_folder_below_which_all_is_comes_first(root: Path) -> None:
    """`python -m package.train` imports from where it is started."""
    script = put(root / "package" / "train.py")
    assert find_project(script, root).root == root
    assert find_project(script, root / "elsewhere").root == root / "package"


def test_a_linked_script_leads_to_its_own_project(root: Path, tmp_path: Path) -> None:
    """Modules are imported from the folder of the file, not of the link."""
    put(root / "pyproject.toml")
    script = put(root / "src" / "train.py")
    link = tmp_path / "bin" / "train.py"
    link.parent.mkdir()
    link.symlink_to(script)
    project = find_project(str(link), tmp_path)
    assert project.root == root
    assert project.includes(str(link))


def test_files_below_the_folder_are_included(root: Path) -> None:
    """At any depth, there or not, by name or by where links lead."""
    project = Project(root)
    for name in ("train.py", "a/b/c.py", "not_there.py"):
        assert project.includes(str(root / name))
    outside = root.parent / "shared"
    put(outside / "x.py")
    (root / "linked").symlink_to(outside)
    assert project.includes(str(root / "linked" / "x.py"))
    (root.parent / "alias").symlink_to(root)
    assert project.includes(str(root.parent / "alias" / "train.py"))
    assert Project(root.parent / "alias").includes(str(root / "train.py"))


def test_what_is_not_the_users_is_left_out(root: Path) -> None:
    """Installed packages, the standard library, Livespark, environments, hidden folders, other files."""
    put(root / "env" / "pyvenv.cfg")
    (root / "vendored").symlink_to(root / "venv" / "site-packages" / "x")
    put(root / "venv" / "site-packages" / "x" / "y.py")
    project = Project(root)
    names = ("env/a.py", "env/deep/b.py", "lib/site-packages/c.py", ".tox/d.py", "a/.b/e.py", "f.so", "g.pyc")
    for name in (*names, "vendored/y.py", "../outside.py"):
        assert not project.includes(str(root / name)), name
    assert not project.includes("train.py")
    wide = Project(Path("/"))
    assert wide.includes(str(root / "train.py"))
    for file in (torch.__file__, livespark.__file__, f"{sysconfig.get_path('stdlib')}/json/__init__.py"):
        assert not wide.includes(file)


def test_a_project_may_itself_be_an_environment_or_hidden(root: Path) -> None:
    """`python -m venv .` is common; only what lies between project and file counts."""
    put(root / "pyvenv.cfg")
    assert Project(root).includes(str(root / "train.py"))
    assert Project(root / ".hidden").includes(str(root / ".hidden" / "train.py"))


def test_paths_are_shown_relative_to_the_folder(root: Path) -> None:
    """By name or by real path; what is outside, as it is."""
    (root.parent / "alias").symlink_to(root)
    project = Project(root.parent / "alias")
    assert project.display(str(root.parent / "alias" / "a" / "b.py")) == "a/b.py"
    assert project.display(str(root / "a" / "b.py")) == "a/b.py"
    assert project.display("/elsewhere/b.py") == "/elsewhere/b.py"


def test_a_clients_name_is_found(root: Path) -> None:
    """As shown, absolute, through links, by the last parts if only one file has them; known files keep their name."""
    known = [put(root / "src" / "model.py"), put(root / "a" / "x.py"), put(root / "b" / "x.py")]
    put(root / "train.py")
    (root / "link.py").symlink_to(known[0])
    project = Project(root)
    assert project.resolve("src/model.py", known) == known[0]
    assert project.resolve(known[0], known) == known[0]
    assert project.resolve("src/../link.py", known) == known[0]
    assert project.resolve("model.py", known) == known[0]
    assert project.resolve("src/model.py") == known[0]
    assert project.resolve("train.py", known) == str(root / "train.py")
    assert project.resolve("x.py", known) == str(root / "x.py")


@pytest.mark.parametrize("name", ["", "notes.txt", "../other.py", "/etc/passwd.py", "a\0.py", ".git/hooks/x.py"])
def test_a_name_outside_is_refused(root: Path, name: str) -> None:
    """With a sentence; nothing outside of the project is ever reached by a client's words."""
    with pytest.raises(UsageError, match=r"not a (Python )?file"):
        Project(root).resolve(name)
