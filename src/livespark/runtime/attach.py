"""The composition root of the worker: puts link, exposed values and core together, and runs the program."""

import contextlib
import io
import os
import sys
import threading
from functools import partial
from pathlib import Path
from typing import Final

from livespark import settings
from livespark.errors import LivesparkError, UsageError
from livespark.protocol import codec
from livespark.protocol.runs import Launch
from livespark.runtime.arrivals import when_imported
from livespark.runtime.bindings import Bindings
from livespark.runtime.exposed.exposed import Exposed
from livespark.runtime.link.link import Link
from livespark.runtime.link.pipes import take_over_pipes
from livespark.runtime.process import Runtime, runtime
from livespark.runtime.reload.batches import record_batches
from livespark.runtime.reload.loading import install_finder
from livespark.runtime.reload.sources import Sources
from livespark.runtime.reload.watcher import Watcher
from livespark.runtime.runner import Runner
from livespark.runtime.signals import Signals
from livespark.runtime.snapshots.assembly import Assembly
from livespark.runtime.snapshots.subject import Subject
from livespark.runtime.snapshots.worker_states import record_workers

__all__ = ("follow_files", "work")

_FAREWELL: Final = 5.0
"""Seconds for the last reports at the end; what is not acknowledged by then stays in the spool."""


def work(run_dir: Path) -> int:
    """Run the program that `launch.json` in `run_dir` names, attached to its server. -> the process's exit status.

    For the main thread, which becomes the training thread.
    """
    if pipes := take_over_pipes(os.environ, run_dir):
        pipes.start()
    _write_by_lines()
    try:
        launch = _launch(run_dir)
        link = Link(launch, run_dir, spool_limit=settings.load().spool_limit)
    except (LivesparkError, OSError) as error:
        print(f"livespark: {error}", file=sys.stderr)
        return 1
    return _run(launch, link)


def _write_by_lines() -> None:
    """As on a terminal: a line is there when it is written, and comes in one piece."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(line_buffering=True)


def _launch(run_dir: Path) -> Launch:
    file = run_dir / "launch.json"
    try:
        launch: Launch = codec.decode(file.read_bytes(), Launch)
    except codec.Malformed as error:
        raise UsageError(f"{file} can't be understood: {error}") from None
    return launch


def _run(launch: Launch, link: Link) -> int:
    desk = runtime.attach(
        link, Exposed(), launch.config, reloading=launch.reloading, assemble=partial(_assemble, launch)
    )
    runtime.core.persistent = launch.persistent
    signals = Signals(runtime.stop, runtime.terminate)
    os.register_at_fork(after_in_child=lambda: _leave_to_parent(link, signals))
    stay = launch.mode == "dev" and not launch.exit_on_end
    runner = Runner(
        runtime.core,
        runtime.reloader,
        stay=stay,
        settle=runtime.sample,
        restart=runtime.restart,
        linger=_await_threads,
        opened=partial(_opened, watching=launch.reloading.watch),
    )
    link.start(desk)
    signals.install()
    runtime.hook.install()
    try:
        return runner.run(launch.entry)
    finally:
        if not runtime.core.inert:
            signals.restore()
            link.close(_FAREWELL)


def _assemble(launch: Launch, runtime: Runtime, bindings: Bindings) -> Assembly:
    """What saves the run's state, and brings it back."""
    subject = Subject(
        launch.run,
        runtime.persisted,
        runtime.journal,
        runtime.core.levels,
        bindings,
        runtime.hook,
        runtime.config,
        lambda: runtime.reloader.preparation.sources if runtime.reloader.preparation else None,
    )
    return Assembly(launch, runtime.core, subject, runtime.reloader.continuation)


def _opened(sources: Sources, *, watching: bool) -> None:
    """The program has been found."""
    follow_files(sources, watching=watching)
    when_imported("torch.utils.data.dataloader", lambda _: record_workers())
    runtime.resume()


def follow_files(sources: Sources, *, watching: bool) -> None:
    """The project's modules are recorded as they are imported; saved files are noticed."""
    install_finder(sources)
    when_imported("torch.utils.data.dataloader", lambda _: record_batches())
    if watching:
        Watcher(sources, runtime.saved).start()


def _await_threads() -> None:
    """Python ends a program when the last of its threads has ended; until then they may log. For the main thread."""
    with contextlib.suppress(KeyboardInterrupt):
        threading._shutdown()  # type: ignore[attr-defined]


def _leave_to_parent(link: Link, signals: Signals) -> None:
    """In a forked child, which answers its own signals and has no link."""
    link.abandon()
    with contextlib.suppress(ValueError):  # forked from another thread than the main one
        signals.restore()
