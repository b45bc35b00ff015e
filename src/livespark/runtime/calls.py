"""Executing what is asked: edits of exposed values, and calls of exposed functions.

A call runs on the training thread at a checkpoint, so it never races with a step. Functions marked `concurrent` run
on a thread of their own at once; `async` functions as tasks of the script's event loop, or in one of their own
where the script has none.
"""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Final, TypeAlias

from livespark.errors import Busy, CommandRefused, SparkSignal, SparkStopError
from livespark.protocol.commands import Call, Set
from livespark.runtime.bindings import Bindings, BoundCall, Edit
from livespark.runtime.core import Core, EventLoop
from livespark.runtime.failure import describe, find_signal
from livespark.runtime.request import Request
from livespark.runtime.state import BUSY

__all__ = ("Calls", "StartAsync")

StartAsync: TypeAlias = "Callable[[Calls, Request, BoundCall, EventLoop], None]"
"""Calls an async function; see `asynchronous.start`."""

_NOT_AGAIN: Final = "a reload interrupted the call, and with the new code it can't be called again: {}"


class Calls:
    """Executes requests; each is answered. `prepare` checks an edit, as `Bindings.prepare` does."""

    def __init__(self, core: Core, bindings: Bindings, start_async: "StartAsync") -> None:
        self.core = core
        self._bindings = bindings
        self._start_async = start_async
        self.prepare: Callable[[dict[str, Any]], Edit] = bindings.prepare

    def execute(self, request: Request, loop: EventLoop) -> None:
        """On the training thread. `loop`: the event loop, at an asynchronous checkpoint. Raises SparkSignal only."""
        with self.answering(request):
            if isinstance(request.command, Set):
                self._set(request, request.command)
            elif isinstance(request.command, Call):
                self._call(request, self._bind(request, request.command), loop)

    def divert(self, request: Request) -> bool:
        """On any thread: execute `request` elsewhere if it calls a function marked `concurrent`. -> whether it does."""
        command = request.command
        if not isinstance(command, Call) or not self._bindings.is_concurrent(command.function):
            return False
        name = f"livespark-call-{command.function}"
        threading.Thread(target=self._beside, args=(request, command), name=name, daemon=True).start()
        return True

    def _set(self, request: Request, command: Set) -> None:
        edit = self.prepare(command.values)
        request.start()
        try:
            applied = edit.apply()
        except CommandRefused as refused:  # by the object itself; what was changed before is put back
            request.refuse(str(refused), self.core.step())
        else:
            request.apply(self.core.step(), applied.values, applied.note)
            self.core.ask_sample()

    def _bind(self, request: Request, command: Call) -> BoundCall:
        try:
            return self._bindings.resolve(command.function).bind(command.args, command.kwargs)
        except CommandRefused as refused:
            if request.started:
                request.refuse(_NOT_AGAIN.format(refused), self.core.step())
            raise

    def _call(self, request: Request, bound: BoundCall, loop: EventLoop) -> None:
        if bound.is_async:
            self._start_async(self, request, bound, loop)
        else:
            self.run(request, bound, lambda: bound.function(*bound.args, **bound.kwargs))

    def run(self, request: Request, bound: BoundCall, function: Callable[[], Any]) -> None:
        """Call on this thread, and answer with the result."""
        with self.busy(request, bound), self.core.deeper(request):
            request.start()
            self.apply(request, function())

    def _beside(self, request: Request, command: Call) -> None:
        try:
            with self.answering(request):
                bound = self._bind(request, command)
                if self.core.begin_beside(request, bound.name):
                    with self.busy(request, bound):
                        self.apply(request, bound.function(*bound.args, **bound.kwargs))
        except SparkSignal:
            pass  # nothing to unwind on this thread

    def apply(self, request: Request, value: Any) -> None:
        """The function has returned."""
        request.apply(self.core.step(), self._bindings.encode(value))
        self.core.ask_sample()

    @contextmanager
    def busy(self, request: Request, bound: BoundCall) -> Iterator[None]:
        """The function is being executed: a second call of it is refused meanwhile."""
        path, running = bound.name, self.core.running
        if running.setdefault(path, request) is not request:
            raise Busy(BUSY.format(path))
        self._bindings.set_running(path, True)
        try:
            yield
        finally:
            running.pop(path)
            self._bindings.set_running(path, False)

    @contextmanager
    def answering(self, request: Request) -> Iterator[None]:
        """Turn whatever is raised into the answer. Only a stop or a reload goes on unwinding."""
        try:
            yield
        except BaseException as error:
            self._settle(request, error)

    def _settle(self, request: Request, error: BaseException) -> None:
        signal = find_signal(error)
        if isinstance(error, CommandRefused) and not request.started:
            request.refuse(str(error), self.core.step())
        elif isinstance(signal, SparkStopError):
            request.refuse("stopped", self.core.step())
        elif signal is not None:
            self.core.put_back(request)
        else:
            request.fail(describe(error), self.core.step())
        if signal is not None:
            raise signal
