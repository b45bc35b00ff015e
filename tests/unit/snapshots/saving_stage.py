"""A run in this process that saves its state in a folder, and whose parts can be made to fail."""

from pathlib import Path
from typing import Any

from livespark.protocol.commands import Answer, Rewind, Snapshot
from livespark.protocol.events import Event
from livespark.protocol.ids import RunId
from livespark.protocol.runs import Entry, Launch
from livespark.protocol.snapshots import Snapshotting
from livespark.runtime.bindings import Bindings
from livespark.runtime.process import Runtime
from livespark.runtime.runner import Runner
from livespark.runtime.snapshots.assembly import Assembly
from livespark.runtime.snapshots.subject import Subject
from livespark.snapshots.folder import Folder
from tests.unit.runtime.stage import Stage, wait_until

__all__ = ("NEVER", "SavingStage")

NEVER = Snapshotting(every_seconds=0, on_end=False)


class SavingStage(Stage):
    """`assembly`: what saves the state. The script's functions are called with the runtime."""

    def __init__(self, folder: Path, policy: Snapshotting = NEVER) -> None:
        super().__init__()
        self.folder = Folder(folder)
        self.assembly: Assembly
        self._policy = policy

    def _main(self, stay: bool) -> None:
        self.desk = self.runtime.attach(self.outbox, self.exposed, self._config, assemble=self._assemble)
        runner = Runner(
            self.runtime.core,
            self.runtime.reloader,
            stay=stay,
            settle=self.runtime.sample,
            restart=self.runtime.restart,
            opened=lambda _: self._ready.set(),
        )
        self.code = runner.execute(self.program)

    def _assemble(self, runtime: Runtime, bindings: Bindings) -> Assembly:
        subject = Subject(
            RunId("quiet-otter"),
            runtime.persisted,
            runtime.journal,
            runtime.core.levels,
            bindings,
            runtime.hook,
            runtime.config,
            lambda: None,
        )
        launch = Launch(
            run=RunId("quiet-otter"),
            incarnation=1,
            entry=Entry(script="script.py"),
            cwd="/",
            python="python",
            env={},
            mode="run",
            config={},
            exit_on_end=False,
            server_file="",
            token="",
            snapshots=self._policy,
            snapshot_dir=str(self.folder.path),
        )
        self.assembly = Assembly(launch, runtime.core, subject, runtime.reloader.continuation)
        return self.assembly

    def snapshot(self, label: str = "") -> Answer:
        return self.answer(self.ask(Snapshot(label)))

    def rewind(self, number: int | None = None) -> Answer:
        return self.answer(self.ask(Rewind(number)))

    def told(self, kind: type[Event]) -> list[Any]:
        return [event for event in self.events if isinstance(event, kind)]

    def wait_for(self, kind: type[Event], count: int = 1) -> list[Any]:
        wait_until(lambda: len(self.told(kind)) >= count, f"{count} {kind.__name__}")
        return self.told(kind)
