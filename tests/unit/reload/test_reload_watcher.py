"""Noticing that a followed file has been saved: real files, the kernel's real events."""

import os
import queue
import shutil
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from livespark.errors import SettingsError
from livespark.runtime.reload import watcher as watcher_module
from livespark.runtime.reload.folders import is_remote, places
from livespark.runtime.reload.inotify import Inotify
from livespark.runtime.reload.project import Project
from livespark.runtime.reload.sources import Sources
from livespark.runtime.reload.watcher import VARIABLE, Watcher

PATIENCE = 10.0
QUIET = 0.15


class Stage:
    """A project with files that run, and each call of the watcher: the new texts by name, or the syntax error."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.sources = Sources(Project(root), lambda source: None)
        self.calls: queue.Queue[dict[str, str] | str] = queue.Queue()
        self.watchers: list[Watcher] = []

    def load(self, name: str, text: str = "x = 0\n") -> Path:
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        self.sources.load(str(path), text.encode())
        return path

    def watch(self, poll: bool | None = None) -> Watcher:
        watcher = Watcher(self.sources, self.note, poll=poll)
        self.watchers.append(watcher)
        watcher.start()
        self.settle(watcher)
        return watcher

    def settle(self, watcher: Watcher) -> None:
        """Wait until the watcher follows all there is."""
        deadline = time.monotonic() + PATIENCE
        while len(followed(watcher)) < len(self.sources.paths()) + len(self.sources._extras):
            assert time.monotonic() < deadline
            time.sleep(0.001)

    def note(self) -> None:
        try:
            changed = self.sources.changed()
        except SyntaxError as error:
            self.calls.put(str(error.msg))
        else:
            for source in changed:
                self.sources.install(source)
            self.calls.put({self.sources.project.display(source.path): source.text for source in changed})

    def next(self) -> dict[str, str] | str:
        return self.calls.get(timeout=PATIENCE)

    def nothing_more(self) -> bool:
        try:
            return self.calls.get(timeout=QUIET) == {}
        except queue.Empty:
            return True


def followed(watcher: Watcher) -> set[str]:
    native = watcher._folders._places if watcher._folders else {}
    return set(native) | set(watcher._polled)


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[Stage]:
    root = tmp_path / "project"
    root.mkdir()
    stage = Stage(root)
    yield stage
    for watcher in stage.watchers:
        watcher.close()


@pytest.fixture(params=[False, True], ids=["native", "poll"])
def poll(request: pytest.FixtureRequest) -> bool:
    return bool(request.param)


def in_place(path: Path, text: str) -> None:
    path.write_text(text)


def by_replacing(path: Path, text: str) -> None:
    draft = path.with_name(f".{path.name}.tmp")
    draft.write_text(text)
    draft.replace(path)


def by_replacing_from_elsewhere(path: Path, text: str) -> None:
    draft = path.parents[1] / "draft"
    draft.write_text(text)
    draft.replace(path)


def like_vim(path: Path, text: str) -> None:
    backup = path.with_name(f"{path.name}~")
    path.replace(backup)
    path.write_text(text)
    backup.unlink()


def like_emacs_with_a_backup_folder(path: Path, text: str) -> None:
    shutil.move(path, path.parents[1] / "backup")
    path.write_text(text)


def by_linking(path: Path, text: str) -> None:
    draft = path.parents[1] / "draft"
    draft.write_text(text)
    path.unlink()
    path.hardlink_to(draft)


SAVES: list[Callable[[Path, str], None]] = [
    in_place,
    by_replacing,
    by_replacing_from_elsewhere,
    like_vim,
    like_emacs_with_a_backup_folder,
    by_linking,
]


@pytest.mark.parametrize("save", SAVES)
def test_editors_saves_are_noticed(stage: Stage, poll: bool, save: Callable[[Path, str], None]) -> None:
    """However the editor does it, again and again, one call a save."""
    path = stage.load("train.py")
    stage.watch(poll)
    for number in range(1, 4):
        save(path, f"x = {number}\n")
        assert stage.next() == {"train.py": f"x = {number}\n"}
    assert stage.nothing_more()


def test_a_burst_is_one_call(stage: Stage) -> None:
    """Ten files written one after the other, as by a formatter or a checkout."""
    paths = [stage.load(f"part_{number}.py") for number in range(10)]
    stage.watch()
    for path in paths:
        by_replacing(path, "x = 1\n")
    assert stage.next() == {path.name: "x = 1\n" for path in paths}
    assert stage.nothing_more()


def test_two_saves_of_one_size_at_once_are_both_seen(stage: Stage) -> None:
    """The last one is what runs in the end, however close they are."""
    path = stage.load("train.py")
    stage.watch()
    for number in range(100, 160):
        by_replacing(path, f"x = {number}\n")
        by_replacing(path, f"y = {number}\n")
        while stage.next() != {"train.py": f"y = {number}\n"}:
            pass


def test_a_truncated_file_is_not_told(stage: Stage) -> None:
    """An editor that writes in place: nothing is told before it closes the file, also if another one is saved."""
    path, other = stage.load("train.py"), stage.load("other.py")
    stage.watch()
    with path.open("w") as file:
        assert stage.nothing_more()
        file.write("x = ")
        file.flush()
        assert stage.nothing_more()
        file.write("1\n")
    assert stage.next() == {"train.py": "x = 1\n"}
    by_replacing(other, "x = 1\n")
    assert stage.next() == {"other.py": "x = 1\n"}


def test_a_syntax_error_is_told(stage: Stage, poll: bool) -> None:
    """Once; and what mends it."""
    path = stage.load("train.py")
    stage.watch(poll)
    path.write_text("x = (\n")
    assert "never closed" in stage.next()
    assert stage.nothing_more()
    path.write_text("x = 1\n")
    assert stage.next() == {"train.py": "x = 1\n"}


def test_links_are_followed(stage: Stage, tmp_path: Path) -> None:
    """The file it leads to is saved, or the link, or a link on the way, is pointed elsewhere."""
    old, new = tmp_path / "releases" / "1", tmp_path / "releases" / "2"
    for folder, text in ((old, "x = 0\n"), (new, "x = 2\n")):
        folder.mkdir(parents=True)
        (folder / "model.py").write_text(text)
    (tmp_path / "current").symlink_to(old)
    link = stage.root / "model.py"
    link.symlink_to("../current/model.py")
    stage.sources.load(str(link), b"x = 0\n")
    stage.watch()
    by_replacing(old / "model.py", "x = 1\n")
    assert stage.next() == {"model.py": "x = 1\n"}
    (tmp_path / "draft").symlink_to(new)
    (tmp_path / "draft").replace(tmp_path / "current")
    assert stage.next() == {"model.py": "x = 2\n"}
    (new / "model.py").write_text("x = 3\n")
    assert stage.next() == {"model.py": "x = 3\n"}
    other = tmp_path / "other.py"
    other.write_text("x = 4\n")
    link.unlink()
    link.symlink_to(other)
    assert stage.next() == {"model.py": "x = 4\n"}


@pytest.mark.parametrize("gone", ["pack", "."])
def test_a_folder_that_returns_is_watched_again(stage: Stage, poll: bool, gone: str) -> None:
    """`git checkout` removes folders and makes them again; they may be moved away, too."""
    path = stage.load("pack/deep/model.py")
    stage.watch(poll)
    folder = stage.root / gone
    for number in range(1, 4):
        if number % 2:
            shutil.rmtree(folder)
        else:
            path.parent.rename(stage.root.parent / f"away{number}")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"x = {number}\n")
        while stage.next() != {"pack/deep/model.py": f"x = {number}\n"}:
            pass
    path.write_text("x = 9\n")
    while stage.next() != {"pack/deep/model.py": "x = 9\n"}:
        pass


def test_a_package_elsewhere_in_the_project_is_watched(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever the working directory is, and when it was imported."""
    (stage.root / "app").mkdir()
    monkeypatch.chdir(stage.root / "app")
    stage.load("app/train.py")
    watcher = stage.watch()
    path = stage.load("libs/tools/src/tools/core.py")
    stage.settle(watcher)
    by_replacing(path, "x = 1\n")
    assert stage.next() == {"libs/tools/src/tools/core.py": "x = 1\n"}


def test_a_save_before_the_file_is_followed_is_noticed(stage: Stage, poll: bool) -> None:
    """Between a module's loading and the watch on its folder there is a gap; nothing is lost in it."""
    path = stage.load("train.py")
    path.write_text("x = 1\n")
    stage.watch(poll)
    assert stage.next() == {"train.py": "x = 1\n"}


def test_other_files_are_watched(stage: Stage, poll: bool) -> None:
    """Those that the script names."""
    path = stage.root / "config.toml"
    path.write_text("a = 1\n")
    stage.load("train.py")
    watcher = stage.watch(poll)
    stage.sources.watch(str(path))
    stage.settle(watcher)
    path.write_text("a = 2\n")
    assert stage.next() == {}
    assert stage.sources.changed_extras() == [str(path)]


def test_files_beside_ours_are_nothing(stage: Stage) -> None:
    """Logs, drafts and modules that nobody has loaded."""
    stage.load("train.py")
    stage.watch()
    for number in range(50):
        (stage.root / "train.log").write_text(f"{number}\n")
        by_replacing(stage.root / "unused.py", "x = 1\n")
    with pytest.raises(queue.Empty):
        stage.calls.get(timeout=QUIET)


def test_while_nothing_happens_nothing_wakes(stage: Stage) -> None:
    """The thread blocks in the kernel."""
    stage.load("train.py")
    watcher = stage.watch()
    thread = watcher._thread
    assert thread is not None
    status = Path(f"/proc/self/task/{thread.native_id}/status")

    def wakeups() -> int:
        return sum(int(line.split()[1]) for line in status.read_text().splitlines() if "ctxt" in line)

    assert stage.nothing_more()
    before = wakeups()
    assert stage.nothing_more()
    assert wakeups() == before
    assert not watcher.polls


def test_a_forked_child_has_no_watcher(stage: Stage) -> None:
    """Neither thread nor descriptors; it can close it. The parent's goes on."""
    path = stage.load("train.py")
    before = descriptors()
    watcher = stage.watch()
    child = os.fork()
    if not child:
        code = 1
        try:
            watcher.close()
            code = 0 if descriptors() == before and threading.active_count() == 1 else 2
        finally:
            os._exit(code)
    assert os.waitpid(child, 0)[1] == 0
    path.write_text("x = 1\n")
    assert stage.next() == {"train.py": "x = 1\n"}


def test_closing_leaves_nothing(stage: Stage, poll: bool) -> None:
    """No thread, no descriptor, no listener; what is loaded or saved afterwards is nobody's concern."""
    path = stage.load("train.py")
    before, threads = descriptors(), threading.active_count()
    for _ in range(20):
        stage.watch(poll).close()
    assert (descriptors(), threading.active_count()) == (before, threads)
    assert stage.sources._listeners == ()
    path.write_text("x = 1\n")
    stage.load("later.py")
    with pytest.raises(queue.Empty):
        stage.calls.get(timeout=QUIET)


def test_it_can_be_closed_from_its_own_call(stage: Stage) -> None:
    """As by a reload that ends the run."""
    path = stage.load("train.py")
    before, ended = descriptors(), threading.Event()

    def end() -> None:
        watcher.close()
        ended.set()

    watcher = Watcher(stage.sources, end)
    watcher.start()
    stage.settle(watcher)
    path.write_text("x = 1\n")
    assert ended.wait(PATIENCE)
    assert watcher._thread is not None
    watcher._thread.join(PATIENCE)
    assert descriptors() == before


def test_where_the_kernel_has_no_more_watches_it_looks_itself(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    """The user's limit is reached: for instances, or for folders."""
    path = stage.load("train.py")
    monkeypatch.setattr(watcher_module, "open_inotify", lambda: None)
    assert stage.watch().polls
    monkeypatch.undo()

    def refuse(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Inotify, "add", refuse)
    second = stage.watch()
    assert second.polls
    stage.watchers[0].close()
    path.write_text("x = 1\n")
    assert stage.next() == {"train.py": "x = 1\n"}


def test_files_on_a_network_are_looked_at(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    """By default; not where the user trusts the kernel."""
    stage.load("train.py")
    monkeypatch.setattr(watcher_module, "is_remote", lambda path: True)
    watcher, deadline = stage.watch(), time.monotonic() + PATIENCE
    while not watcher.polls:
        assert time.monotonic() < deadline
    assert not stage.watch(poll=False).polls
    monkeypatch.setenv(VARIABLE, "native")
    assert not stage.watch().polls


def test_the_environment_decides(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    """`off` notices nothing and starts no thread; nonsense is said to be nonsense."""
    path = stage.load("train.py")
    threads = threading.active_count()
    monkeypatch.setenv(VARIABLE, "off")
    watcher = Watcher(stage.sources, stage.note)
    watcher.start()
    path.write_text("x = 1\n")
    assert threading.active_count() == threads
    watcher.close()
    monkeypatch.setenv(VARIABLE, "poll")
    assert stage.watch().polls
    monkeypatch.setenv(VARIABLE, "sometimes")
    with pytest.raises(SettingsError, match="LIVESPARK_WATCH is 'sometimes'"):
        Watcher(stage.sources, stage.note)


def test_network_file_systems_are_known(tmp_path: Path) -> None:
    """By the innermost mount that is on top, escapes in its path read."""
    mounts = tmp_path / "mountinfo"
    lines = [
        "1 0 8:1 / / rw - ext4 /dev/sda1 rw",
        "2 1 0:5 / /home rw shared:1 - nfs4 server:/home rw",
        "3 2 0:6 / /home/me/local rw - xfs /dev/sdb rw",
        "4 1 0:7 / /mnt/a\\040b rw - fuse.sshfs host: rw",
        "5 1 0:8 / /over rw - ext4 /dev/sdc rw",
        "6 5 0:9 / /over rw - cifs //host/share rw",
        "7 1 0:10 / /ntfs rw - fuseblk /dev/sdd rw",
    ]
    mounts.write_text("\n".join(lines) + "\n")
    remote = ["/home/me/a.py", "/mnt/a b/c.py", "/over/x.py"]
    local = ["/a.py", "/home/me/local/a.py", "/homes/a.py", "/ntfs/a.py", "/overt/a.py"]
    assert [path for path in remote + local if is_remote(path, mounts)] == remote
    assert not is_remote("/home/a.py", tmp_path / "missing")


def test_the_places_that_decide_about_a_file(tmp_path: Path) -> None:
    """Each link on the way and the file itself; the missing entry where the way ends."""
    root = tmp_path.resolve()
    (root / "real").mkdir()
    (root / "real" / "a.py").touch()
    (root / "link").symlink_to("./real/../real")
    (root / "loop").symlink_to("loop")
    assert places(f"{root}/link/a.py") == [(str(root), "link"), (f"{root}/real", "a.py")]
    assert places(f"{root}/link/b/c.py") == [(str(root), "link"), (f"{root}/real", "b")]
    assert len(places(f"{root}/loop/a.py")) == 40


def descriptors() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))
