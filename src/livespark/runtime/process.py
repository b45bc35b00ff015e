"""The runtime of this process: one object, `runtime`, whose methods are the vocabulary of the script (see `livespark`).

It is detached until `attach` connects it to a server: then `persist`, `loop` and the controller work within the
process, and `expose` and `log` do nothing.
"""

import os
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final

from livespark.errors import UsageError
from livespark.protocol.commands import Reload, Snapshot, Stop
from livespark.protocol.events import Notice
from livespark.protocol.lifecycle import RunState
from livespark.protocol.runs import Reloading
from livespark.protocol.snapshots import LONGEST_LABEL
from livespark.runtime.bindings import Bindings, BoundCall
from livespark.runtime.calls import Calls
from livespark.runtime.config import Config
from livespark.runtime.controller import SparkController
from livespark.runtime.core import Core, EventLoop
from livespark.runtime.desk import WorkerDesk
from livespark.runtime.failure import where
from livespark.runtime.journal import Journal
from livespark.runtime.loop import Loops
from livespark.runtime.optimizer_hook import OptimizerHook
from livespark.runtime.patience import Patience
from livespark.runtime.persist import Persisted
from livespark.runtime.ports import Outbox
from livespark.runtime.reload.reloader import Reloader
from livespark.runtime.request import Request

if TYPE_CHECKING:
    from livespark.runtime.snapshots.assembly import Assembly

__all__ = ("Runtime", "runtime")

_NOBODY: Final = (
    "livespark: spark.serve() waits for calls, and nobody can call this process: start the script with `livespark dev`"
)
_NOWHERE: Final = (
    "livespark: spark.snapshot() saves nothing here: start the script with `livespark dev` or `livespark run`"
)
_IMPATIENT: Final = (
    "{what} was asked {seconds:g} seconds ago, and the script has not come to a checkpoint since: call "
    "spark.checkpoint() in the training loop, or iterate with spark.loop(). It is at {where}"
)


class Runtime:
    """The parts of the runtime, put together."""

    def __init__(self) -> None:
        self.journal = Journal()
        self.core = Core(lambda: self.journal.step)
        self.persisted = Persisted()
        self.loops = Loops(self.core)
        self.config = Config()
        self.reloader = Reloader(self.core, self.persisted, self.journal)
        self.hook = OptimizerHook(self.core, self.journal, self._expose_found)
        self.reloader.trains = lambda: self.hook.has_stepped
        self._controller = SparkController(self.core, self.reloader, self.acheckpoint)
        self._bindings: Bindings | None = None
        self._exposed = False
        self._stale = False
        self._told = False
        self._assembly: Assembly | None = None
        self.core.sample = self.sample

    # the script's vocabulary

    async def acheckpoint(self) -> None:
        """`checkpoint` for asyncio code: it lets other tasks run, and never blocks the event loop.

        Exposed `async` functions are started as tasks here.
        """
        from livespark.runtime import asynchronous  # noqa: PLC0415 - the seam: this is called in asyncio code only

        await asynchronous.checkpoint(self.core)

    def controller(self) -> SparkController:
        """The process's one controller."""
        return self._controller

    def expose(self, mapping: Mapping[str, Any] | None = None, /, **bindings: Any) -> None:
        """Make values and functions live: visible, editable and callable from outside, under these names.

        Calling it again replaces all of them. Raises UsageError for wrong names, or on another thread than the
        script's.
        """
        if mapping is not None and not isinstance(mapping, Mapping):
            raise UsageError(
                f"expose: expected a mapping of names to values, or expose(name=value); got {mapping!r:.60}"
            )
        given = {**(mapping or {}), **bindings}
        if wrong := [name for name in given if not isinstance(name, str) or not name]:
            raise UsageError(f"expose: a name is a text that is not empty; got {wrong[0]!r:.60}")
        if self._bindings is None:
            return
        if not self.core.is_mine():
            raise UsageError("expose: call it on the thread that runs the script")
        self._bindings.replace(given)
        self._exposed, self._stale = True, False
        if self._assembly is not None:
            with self._unhurt():
                self._assembly.exposures.exposed()
        self.core.ask_sample()

    def snapshot(self, label: str | None = None) -> None:
        """Have the run's state saved: persisted values, loop positions, random generators.

        It is taken at the next checkpoint between two items; the training does not wait for it to be written. One with
        a `label` stays for ever. Detached, nothing is saved. Raises UsageError for a label that is no text,
        or a long one.
        """
        if label is not None and not isinstance(label, str):
            raise UsageError(f"snapshot: the label is a text; got {label!r:.60}")
        if label and len(label) > LONGEST_LABEL:
            raise UsageError(f"snapshot: the label has {len(label):,} characters; {LONGEST_LABEL} are allowed")
        if self._assembly is not None:
            self.core.ask(Request(Snapshot(label or ""), self.core.outbox))
        elif not self.core.inert and not self._told:
            self._told = True
            print(_NOWHERE, file=sys.stderr)

    def serve(self) -> None:
        """Stay, and execute calls until the run is stopped. Detached, it says so and returns: nobody can call."""
        if self._bindings is None:
            print(_NOBODY, file=sys.stderr)
            return
        if not self.core.is_mine() or len(self.core.levels) > 1:
            raise UsageError("serve: call it on the thread that runs the script, not inside a call")
        self.sample()
        self.core.serve(RunState.IDLE)

    def clear_all_persisted(self) -> None:
        """Forget all persisted objects, and where the loops stand: the script's next run begins afresh."""
        self.persisted.clear()
        self.core.levels[0].scope.forget()

    # the worker

    def attach(
        self,
        outbox: Outbox,
        bindings: Bindings,
        config: Mapping[str, Any],
        *,
        patience: float = 10.0,
        reloading: Reloading = Reloading(),  # noqa: B008 - frozen
        assemble: "Callable[[Runtime, Bindings], Assembly] | None" = None,
    ) -> WorkerDesk:
        """Connect to a server, before the script begins, on the training thread. -> what the link needs.

        `patience`: seconds without a checkpoint after which whoever asked for one is told so. `assemble` puts
        together what saves the run's state; without it, nothing is saved.
        """
        core, calls = self.core, Calls(self.core, bindings, _start_async)
        core.outbox, core.execute = outbox, calls.execute
        core.patience = Patience(patience, self._notify_impatience)
        core.status, core.begun = RunState.STARTING, False
        core.is_mine()
        self._bindings = bindings
        self.reloader.settings, self.reloader.renew_bindings = reloading, self._renew_bindings
        self.config.give(config)
        self.journal.listen()
        if assemble is not None:
            self._assembly = assemble(self, bindings)
            core.snapshots, calls.prepare = self._assembly.snapshots, self._assembly.exposures.edit
        snapshots = self._assembly.snapshots if self._assembly else None
        return WorkerDesk(core, self.journal, bindings, calls, self.reloader, snapshots)

    def resume(self) -> None:
        """Begin with the state of a snapshot, if the run has an origin. Raises LivesparkError where there is none."""
        if self._assembly is not None:
            self._assembly.resume()

    def sample(self) -> None:
        """Look at the exposed values."""
        if self._bindings is not None:
            with self._unhurt():
                self._drop_stale(self._bindings)
                self._bindings.sample()

    def restart(self) -> None:
        """The script is about to run again from its top: what it exposed before goes, unless it exposes again."""
        self._exposed, self._stale = False, True
        self.hook.forget()
        self.core.renew()
        self.core.ask_sample()

    def saved(self) -> None:
        """Files of the project have changed. Any thread; never raises."""
        with self._unhurt("saved files can't be taken", "reload-failed"):
            if self.reloader.saved():
                self.core.ask(Request(Reload(), self.core.outbox))

    def watch(self, path: str | os.PathLike[str]) -> None:
        """Reload, too, when the file at `path` changes, which is no Python: run the script again from its top.

        Raises UsageError where there is no such file.
        """
        self.reloader.watch(os.fspath(path))

    def stop(self) -> None:
        """As the stop button."""
        self.core.ask(Request(Stop(), self.core.outbox))

    def terminate(self) -> None:
        """Somebody outside wants this process to end: as a stop, but a run that may be started again goes on later."""
        self.core.note_termination()
        self.stop()

    def abandon(self) -> None:
        """This is a forked child: be quiet."""
        self._bindings = None
        self.journal.close()
        self.core.abandon()

    def _expose_found(self, name: str, found: Any) -> None:
        if self._bindings is not None and not self._exposed:
            with self._unhurt():
                self._drop_stale(self._bindings)
                self._bindings.add(name, found)
                if self._assembly is not None:
                    self._assembly.exposures.found()
            self.core.ask_sample()

    @contextmanager
    def _unhurt(self, what: str = "the exposed values can't be read", code: str = "sample-failed") -> Iterator[None]:
        """For what the script did not ask for: it does not suffer if that fails; a notice tells, once."""
        try:
            yield
        except Exception as error:
            if not self._told:
                self._told = True
                self.core.outbox.emit(Notice("error", code, f"{what}: {error!r:.500}"))

    def _renew_bindings(self) -> None:
        if self._bindings is not None:
            self._bindings.renew()
            self.core.ask_sample()

    def _drop_stale(self, bindings: Bindings) -> None:
        if self._stale:
            self._stale = False
            bindings.replace({})

    def _notify_impatience(self, what: str) -> None:
        text = _IMPATIENT.format(what=what, seconds=self.core.patience.seconds, where=where(self.core.thread))
        self.core.outbox.emit(Notice("warning", "no-checkpoint", text))


def _start_async(calls: Calls, request: Request, bound: BoundCall, loop: EventLoop) -> None:
    from livespark.runtime import asynchronous  # noqa: PLC0415 - the seam: an async function is exposed

    asynchronous.start(calls, request, bound, loop)


runtime: Final = Runtime()
os.register_at_fork(after_in_child=runtime.abandon)
