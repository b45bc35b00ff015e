"""Before anything happens to the run: new source is read, compiled, and compared with what runs. Any thread.

A plan always leads from what runs to the newest source. So whatever comes in a burst, and whatever has been asked for
and not been done yet, is one reload: the newest plan takes the place of the one before.
"""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace

from livespark.errors import CommandRefused, UsageError
from livespark.protocol.commands import Failure, Reload
from livespark.protocol.events import Event, Reloaded
from livespark.runtime.failure import describe
from livespark.runtime.reload.history import describe_attempt
from livespark.runtime.reload.plan import Plan, Planner
from livespark.runtime.reload.sources import Source, Sources

__all__ = ("Asked", "Preparation", "Unfit", "syntax_sentence")


class Unfit(CommandRefused):
    """New source that can't be compiled. `failure` shows where."""

    def __init__(self, sentence: str, failure: Failure) -> None:
        super().__init__(sentence)
        self.failure = failure


@dataclass(frozen=True)
class Asked:
    """What is to be done next. `explicit`: somebody asked, and expects something to happen though no file changed.
    `since`: when the change was noticed, by `time.perf_counter`. Hard, whatever the plan, with `skip` or `clear`."""

    plan: Plan = field(default_factory=Plan)
    explicit: bool = False
    skip: bool = False
    clear: frozenset[str] = frozenset()
    since: float = 0.0

    def __bool__(self) -> bool:
        return bool(self.plan or self.explicit)

    @property
    def must_run_again(self) -> bool:
        return self.skip or bool(self.clear) or (self.explicit and not self.plan)


class Preparation:
    """Reads and compiles. `newest` is what has been prepared and not been taken yet.

    The training thread, which takes it, never waits for a file to be read or compiled: only `_lock` is held for it.
    """

    def __init__(self, sources: Sources, report: Callable[[Event], None], step: Callable[[], int | None]) -> None:
        self.sources = sources
        self.newest = Asked()
        self._planner = Planner(sources)
        self._report = report
        self._step = step
        self._preparing = threading.Lock()
        self._lock = threading.Lock()
        self._extras: set[str] = set()

    def prepare(self, command: Reload, *, explicit: bool) -> bool:
        """Look at what is on disk (and at `command.files`). -> whether there is anything to do.

        Raises CommandRefused when it can't be compiled; that has been reported.
        """
        with self._preparing:
            since = time.perf_counter()
            try:
                plan = self._plan(command)
            except SyntaxError as error:
                raise self._refuse(error, since) from None
            except UsageError as error:
                raise CommandRefused(str(error)) from None
            return self._note(plan, command, explicit, since)

    def _note(self, plan: Plan, command: Reload, explicit: bool, since: float) -> bool:
        with self._lock:
            before = self.newest
            self.newest = Asked(
                plan=plan,
                explicit=explicit or before.explicit,
                skip=command.skip or before.skip,
                clear=before.clear | set(command.clear),
                since=before.since if before else since,
            )
            return bool(self.newest or before)

    def take(self) -> Asked:
        """What is to be done, from now on by whoever takes it."""
        with self._lock:
            taken, self.newest = self.newest, Asked()
            if any(file.before is not self.sources.running(file.after.path) for file in taken.plan.files):
                taken = replace(taken, plan=self._planned_again(taken.plan))
            self._extras.clear()
            return taken

    def _planned_again(self, plan: Plan) -> Plan:
        """It was made while the one before was being carried out, of which some may be the same."""
        sources = [file.after for file in plan.files if not self._runs(file.after)]
        return replace(self._planner.plan(sources, sorted(self._extras)), fresh=plan.fresh)

    def _runs(self, source: Source) -> bool:
        running = self.sources.running(source.path)
        return running is not None and running.text == source.text

    def give_back(self, asked: Asked) -> None:
        """It can't be done yet: it is to be done with what has come since."""
        with self._lock:
            self._extras.update(asked.plan.extras)
            newest = self.newest
            plan = newest.plan if newest else asked.plan
            self.newest = Asked(
                plan=replace(plan, extras=tuple(dict.fromkeys([*asked.plan.extras, *plan.extras]))),
                explicit=asked.explicit or newest.explicit,
                skip=asked.skip or newest.skip,
                clear=asked.clear | newest.clear,
                since=asked.since,
            )

    def _plan(self, command: Reload) -> Plan:
        self.sources.give(command.files)
        extras = self.sources.changed_extras()
        with self._lock:
            self._extras.update(extras)
            extras = sorted(self._extras)
        return self._planner.plan(self.sources.changed(), extras)

    def _refuse(self, error: SyntaxError, since: float) -> "Unfit":
        file = error.filename or ""
        path, running = self.sources.project.display(file), self.sources.running(file)
        unfit = Unfit(syntax_sentence(error, path), describe(error.with_traceback(None)))
        self._report(
            Reloaded(
                outcome="refused",
                step=self._step(),
                seconds=time.perf_counter() - since,
                files=[describe_attempt(path, running, self.sources.newest_text(file))],
                message=str(unfit),
                error=unfit.failure,
            )
        )
        return unfit


def syntax_sentence(error: SyntaxError, shown: str = "") -> str:
    """Where, and what: `model.py:31: unexpected indent`."""
    return f"{shown or error.filename}:{error.lineno or 1}: {error.msg}"
