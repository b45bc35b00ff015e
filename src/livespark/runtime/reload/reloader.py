"""The reload of a run, from the question whether it can happen until the new code has proved itself.

The core asks at its checkpoints (`attempt`, `unwinding`, `reached`, `passed`), the runner around the executions of the
script (`open`, `execute`, `undo`): all of it on the training thread. `ask` and `saved` are for any thread.
"""

from collections.abc import Callable
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import Final, NoReturn

from livespark.errors import CommandRefused, UsageError
from livespark.protocol.commands import Failure, Reload
from livespark.protocol.lifecycle import RunState
from livespark.protocol.runs import Reloading
from livespark.runtime.failure import find_signal
from livespark.runtime.journal import Journal
from livespark.runtime.persist import Persisted
from livespark.runtime.ports import Verdict
from livespark.runtime.program import Program
from livespark.runtime.reload.cleared import check_clear, leaving
from livespark.runtime.reload.continuation import Continuation
from livespark.runtime.reload.guard import Guard, Probation
from livespark.runtime.reload.once import answered_once
from livespark.runtime.reload.preparation import Asked, Preparation
from livespark.runtime.reload.project import find_project
from livespark.runtime.reload.record import Record, Setback, Trial
from livespark.runtime.reload.renewal import Renewal
from livespark.runtime.reload.sources import Source, Sources
from livespark.runtime.reload.stack import code_on_stack, threads_within
from livespark.runtime.reload.stale import StaleWorkers
from livespark.runtime.reload.trials import Trials
from livespark.runtime.state import State

__all__ = ("Reloader",)

_NOTHING_RUNS: Final = "there is nothing to reload: start the script with `livespark dev`"
_ANEW: Final = "the script persists nothing, so it has begun anew, with a new model"
_WOULD_LOSE: Final = (
    "the script would have to run again from its top, and it persists nothing: it would begin with a new model. "
    "Keep the model with spark.persist, or do it all the same: livespark reload"
)


class Reloader:
    """One per process. `settings` and `renew_bindings` are set when the process is attached; `trains` tells whether an
    optimizer has made a step since the script began."""

    def __init__(self, core: State, persisted: Persisted, journal: Journal) -> None:
        self.settings = Reloading()
        self.renew_bindings: Callable[[], None] = lambda: None
        self.trains: Callable[[], bool] = lambda: False
        self.continuation = Continuation()
        self.program: Program
        self.preparation: Preparation | None = None
        self._core = core
        self._persisted = persisted
        self._journal = journal
        self._record = Record(core)
        self._trials = Trials(self._record.warn)
        self._probation: Probation | None = None
        self._rerun = ExitStack()
        self._undoable = self._took_back = False
        self._workers = StaleWorkers(self._record.note)
        """What is another definition now, of which the workers of loaders may not know."""
        self._tripped = ""
        self._lost: list[str] = []

    @property
    def prepared(self) -> Preparation:
        """There is one as soon as a program has been opened."""
        assert self.preparation is not None
        return self.preparation

    @property
    def _guard(self) -> Guard:
        return Guard(self.settings, self._persisted, self._journal, self._core.levels)

    @property
    def _is_idle(self) -> bool:
        """Whether no step will come that could show what the new code is worth."""
        return self._core.levels[-1].state is RunState.IDLE

    # any thread

    def ask(self, command: Reload) -> None:
        """Somebody asks for a reload. Raises CommandRefused where it can't happen; then nothing has happened."""
        if self.preparation is None:
            raise CommandRefused(_NOTHING_RUNS)
        persisted = self._persisted.values.keys() | self._persisted.expected
        if unknown := sorted(set(command.clear) - persisted):
            known = ", ".join(sorted(persisted)) or "none"
            raise CommandRefused(f"there is no persisted value {unknown[0]!r} to clear; persisted are: {known}")
        self.preparation.prepare(command, explicit=True)

    def saved(self) -> bool:
        """Files have been saved. -> whether there is something to do; what can't be compiled has been reported."""
        try:
            return self.preparation is not None and self.preparation.prepare(Reload(), explicit=False)
        except CommandRefused:
            return False

    def watch(self, path: str) -> None:
        """A file that is no Python shall be watched, too. Raises UsageError where there is none."""
        if not Path(path).is_file():
            raise UsageError(f"watch: there is no file {path}")
        if self.preparation is not None:
            self.preparation.sources.watch(path)

    # around the script

    def open(self, program: Program) -> Sources:
        """`program` is what this process runs. Raises UsageError when it can't be read, SyntaxError."""
        project = find_project(program.path, Path.cwd())
        self._record.project = project
        sources = Sources(project, self._record.source)
        sources.load(program.path, program.read(), "__main__")
        self.program = program
        self._core.reload = self
        self.preparation = Preparation(sources, self._record.emit, self._core.step)
        return sources

    def execute(self) -> None:
        """Run the script: for the first time, with new code, or with the code from before. Raises what it raises."""
        if not self._core.renewal:
            return self.program.execute(self._source().code)
        if self._tripped:
            self._take_back(Setback(self._tripped))
        self._core.snapshots.unwound()
        asked, self._took_back = Asked() if self._took_back else self.prepared.take(), False
        renewal = Renewal(asked.plan, self.prepared.sources, self._persisted.name_of)
        self._trials.add(Trial(asked, "hard") if asked else None, renewal)
        self._workers.mark(asked.plan)
        with self._rerun:
            self._rerun.callback(renewal.settle)
            self._rerun.enter_context(answered_once(self.prepared.sources.namespaces()))
            self._start_afresh(asked, renewal)
            renewal.apply()
            self._persisted.migrate = renewal.migrate
            self._rerun.callback(setattr, self._persisted, "migrate", None)
            return renewal.run_main(self.program, self._source())

    def undo(self, error: BaseException) -> bool:
        """The script has raised `error`. -> whether the code before is back, and is to run again from its top."""
        if not (self._undoable and self._trials):
            return False
        self._take_back(Setback.of(error))
        return True

    # checkpoints

    def attempt(self, *, at_rest: bool) -> Verdict:
        """Do what has been asked, if it can be done in place. Raises CommandRefused; then nothing has happened."""
        asked = self.prepared.take()
        held = self._core.levels[-1].state is RunState.HELD
        if not (asked.explicit or asked.plan.concerns_what_runs or (held and asked.plan)):
            return Verdict(hard=False, message="nothing has changed")
        check_clear(asked.clear, self._persisted.values)
        in_place = not (asked.must_run_again or held or (self.settings.guard and not at_rest))
        if in_place and not asked.plan.is_hard(code_on_stack(asked.plan.replaced)):
            return self._replace(asked)
        if not (asked.explicit or held) and self._would_lose():
            self._record.failed(Trial(asked, "hard"), "refused", Setback(_WOULD_LOSE))
            raise CommandRefused(_WOULD_LOSE)
        self.prepared.give_back(asked)
        return Verdict(hard=True)

    def unwinding(self) -> bool:
        """A reload is about to unwind the script: with new code, or, where the guard has tripped, back to the old."""
        if self._tripped:
            return False
        self._undoable = self._core.levels[-1].state is not RunState.HELD
        self._lost = [_ANEW] if self._would_lose() else []
        if not self._undoable:
            self._settle()
        self.continuation.remember(self._core.levels)
        self.continuation.begin()
        self._watch_over()
        return True

    def entering(self, loop: object) -> None:
        """Before the first loop goes on, new workers are started; where the innermost does, so do the generators."""
        if self._workers:
            self._workers.renew()
        if loop is self.continuation.place:
            self.continuation.arrive()

    def reached(self, error: Failure | None = None) -> Verdict:
        """The new code has come to its first checkpoint, to its end, or to an `error` that holds it."""
        self._rerun.close()
        if self._core.levels[-1].state is RunState.RUNNING and not self._core.stopping:
            self._workers.renew()
        else:  # nobody is there who could be told by an exception
            self._workers.renew_if_possible()
        self.continuation.end()
        trial = self._trials.newest
        if trial is None:
            self._settle()
            return Verdict(hard=True)
        message = self._record.applied(trial, [*self._lost, *self._trials.notes], error)
        self._prove()
        return Verdict(True, trial.summary(), message)

    def passed(self) -> str:
        """A checkpoint of code on probation: of what was replaced in place the first, with the guard the first few.

        -> why the code before has to come back; empty if it has not.
        """
        self._tripped = self._probation.step() if self._probation else ""
        if not self._tripped and (self._is_idle or self._probation is None or self._probation.is_over):
            self._settle()
        return self._tripped

    # parts

    def _replace(self, asked: Asked) -> Verdict:
        """Softly."""
        self.continuation.remember(self._core.levels)
        trial = Trial(asked, "soft")
        renewal = Renewal(asked.plan, self.prepared.sources, self._persisted.name_of, soft=True)
        self._watch_over()
        self._trials.add(trial, renewal)
        try:
            self._persisted.check_makers(asked.plan.touched)
            renewal.apply()
            self._workers.mark(asked.plan)
            self._workers.renew()
        except BaseException as error:
            self._fail_softly(trial, error)
        self.renew_bindings()
        self._undoable = True
        within = [f"thread {name} goes on with the old code" for name in threads_within(asked.plan.replaced)]
        message = self._record.applied(trial, [*renewal.notes, *within])
        if self._is_idle:
            self._settle()
        else:
            self._core.begin_probation()
        return Verdict(False, trial.summary(), message)

    def _fail_softly(self, trial: Trial, error: BaseException) -> NoReturn:
        setback = Setback.of(error)
        self._trials.drop()
        self._workers.renew_if_possible()
        if not self._trials:
            self._settle()
        self._record.failed(trial, "refused", setback)
        raise find_signal(error) or CommandRefused(setback.sentence) from None

    def _watch_over(self) -> None:
        """With the guard. What it remembers already, from before code that has not proved itself, remains."""
        if self._probation:
            self._probation.prolong()
        else:
            self._probation = self._guard.begin(self._record.warn)

    def _start_afresh(self, asked: Asked, renewal: Renewal) -> None:
        """What was asked for besides new code."""
        values = self._persisted.values
        self._persisted.expected -= asked.clear
        renewal.let_go(leaving(asked.clear, values))
        for key in asked.clear & values.keys():
            renewal.on_undo(partial(values.__setitem__, key, values.pop(key)))
        if asked.skip:
            self._core.levels[0].scope.skip_unfinished()

    def _take_back(self, setback: Setback) -> None:
        """The code before is in force again, and with the guard the values."""
        probation, newest = self._probation, self._trials.newest
        self._rerun.close()
        self._trials.take_back(lambda trial: self._note_setback(trial, setback, together=trial is not newest))
        if probation:
            probation.go_back(self._record.warn)
            self.continuation.remember_that(probation.generators, probation.place)
        self.continuation.begin()
        self._probation = None
        self._tripped, self._took_back = "", True
        with self._core.changed:
            self._core.take_back(setback.sentence)

    def _note_setback(self, trial: Trial, setback: Setback, *, together: bool) -> None:
        self._workers.mark(trial.asked.plan)
        if together:
            setback = Setback(f"taken back with what came after it: {setback.sentence}")
        self._record.failed(trial, "refused" if setback.is_refusal else "undone", setback)

    def _would_lose(self) -> bool:
        """Whether a model has been trained that the script alone holds: it makes another one when it runs again."""
        return self.trains() and not self._persisted.values

    def _prove(self) -> None:
        """The new code is in place; it stays, unless the guard still watches."""
        if self._probation is None:
            self._settle()
        else:
            self._core.begin_probation()

    def _settle(self) -> None:
        """The code that runs now is the code to go back to."""
        self._trials.commit()
        if self._probation:
            self._probation.end()
        self._probation = None
        self._core.probation = False

    def _source(self) -> Source:
        source = self.prepared.sources.running(self.program.path)
        assert source is not None
        return source
