"""The life of a run, played at random: reports, repeats, commands, silence, death and restarts of the server."""

import asyncio
import tempfile
from collections import Counter
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule, run_state_machine_as_test

from livespark.engine.base import Exited, Gone
from livespark.protocol.commands import Answer, Pause
from livespark.protocol.events import Answered, Commanded, Event, Metrics, Started, Status
from livespark.protocol.ids import CommandId, RunId
from livespark.protocol.lifecycle import ALIVE, TERMINAL, RunState, may_follow
from livespark.service.refusals import Refused
from livespark.testing.engine import FakeEngine
from tests.unit.service.stage import Stage, staged

STATES = st.sampled_from(sorted(ALIVE | TERMINAL))


class LifeOfARun(RuleBasedStateMachine):
    """The model: the state, how many batches the worker has sent, and every command's fate."""

    def __init__(self) -> None:
        super().__init__()
        self.runner = asyncio.Runner()
        self.folder = tempfile.TemporaryDirectory()
        self.engine = FakeEngine()
        self.clock_offset = 0.0
        self.state, self.before_lost = RunState.STARTING, RunState.STARTING
        self.gone = False
        self.sent: list[tuple[Event, ...]] = []
        self.asked: list[CommandId] = []
        self.started: set[CommandId] = set()
        self.answered: set[CommandId] = set()
        self.stack: AsyncExitStack
        self.stage: Stage
        self.do(self.enter())
        self.run_id: RunId = self.do(self.stage.launched())

    def do(self, work: Any) -> Any:
        return self.runner.run(work)

    async def enter(self) -> None:
        self.stack = AsyncExitStack()
        self.stage = await self.stack.enter_async_context(staged(Path(self.folder.name), self.engine))

    def teardown(self) -> None:
        self.do(self.stack.aclose())
        self.runner.close()
        self.folder.cleanup()

    def report(self, *events: Event) -> None:
        """The worker reports a new batch: a lost run is found, then what the events say counts."""
        self.sent.append(events)
        for event in events:
            if isinstance(event, Status) and self.state not in TERMINAL:
                self.state = event.state
        self.do(self.stage.report(self.run_id, len(self.sent), *events))
        if self.state is RunState.LOST and self.before_lost in ALIVE:
            self.state = self.before_lost

    @precondition(lambda self: not self.gone)
    @rule(state=STATES)
    def says_its_state(self, state: RunState) -> None:
        if may_follow(self.state, state) or self.state in TERMINAL:
            self.report(Status(state))

    @precondition(lambda self: not self.gone)
    @rule(rows=st.integers(1, 5))
    def logs(self, rows: int) -> None:
        self.report(*(Metrics([row], [1.0], {"loss": [0.5]}) for row in range(rows)))

    @precondition(lambda self: not self.gone and self.sent)
    @rule()
    def repeats_itself(self) -> None:
        self.do(self.stage.report(self.run_id, len(self.sent), *self.sent[-1]))
        if self.state is RunState.LOST and self.before_lost in ALIVE:
            self.state = self.before_lost

    @rule(again=st.booleans())
    def somebody_asks(self, again: bool) -> None:
        id = self.asked[-1] if again and self.asked else CommandId(f"c{len(self.asked)}")
        if self.state in TERMINAL and id not in self.asked:
            with pytest.raises(Refused, match="has ended"):
                self.do(self.stage.ask(self.run_id, id, Pause()))
            return
        self.do(self.stage.ask(self.run_id, id, Pause()))
        self.asked += [] if id in self.asked else [id]

    @precondition(lambda self: not self.gone and self.asked)
    @rule(answers=st.booleans(), pick=st.integers(0, 99))
    def works_on_a_command(self, answers: bool, pick: int) -> None:
        number = pick % len(self.asked)
        id = self.asked[number]
        if id in self.answered:
            return
        events: list[Event] = [] if id in self.started else [Started(id, number + 1)]
        self.started.add(id)
        if answers:
            events.append(Answered(id, number + 1, Answer("applied")))
            self.answered.add(id)
        if events:
            self.report(*events)

    @precondition(lambda self: not self.gone)
    @rule()
    def is_silent_for_a_minute(self) -> None:
        self.stage.clock.advance(61)
        self.do(self.stage.service.supervisor.look())
        if self.state not in TERMINAL and self.state is not RunState.LOST:
            self.before_lost, self.state = self.state, RunState.LOST

    @precondition(lambda self: not self.gone)
    @rule(code=st.none() | st.integers(-11, 2))
    def dies(self, code: int | None) -> None:
        self.engine.end(self.run_id, Gone() if code is None else Exited(code))
        self.do(self.stage.service.supervisor.look())
        self.state = self.state if self.state in TERMINAL else RunState.FAILED
        self.gone = True

    @rule()
    def the_server_restarts(self) -> None:
        self.do(self.stack.aclose())
        self.do(self.enter())

    @invariant()
    def the_run_is_where_the_model_is(self) -> None:
        run = self.do(self.stage.run(self.run_id))
        assert run.state is self.state
        assert (run.ended is not None) == (self.state in TERMINAL)
        assert self.do(self.stage.store.is_settled(self.run_id)) == self.gone

    @invariant()
    def history_is_dense_and_holds_what_was_sent(self) -> None:
        stored = self.do(self.stage.store.read_events(self.run_id, 0, 10_000))
        assert [event.seq for event in stored] == list(range(1, len(stored) + 1))
        events = self.do(self.stage.events(self.run_id))
        rows = [event for batch in self.sent for event in batch if isinstance(event, Metrics)]
        assert [event for event in events if isinstance(event, Metrics)] == rows
        assert [event.id for event in events if isinstance(event, Commanded)] == self.asked

    @invariant()
    def every_command_has_at_most_one_answer_and_in_the_end_exactly_one(self) -> None:
        events = self.do(self.stage.events(self.run_id))
        answers = Counter(event.id for event in events if isinstance(event, Answered))
        assert set(answers.values()) <= {1}
        for id in self.asked:
            record = self.do(self.stage.store.get_command(self.run_id, id))
            assert (record.answer is not None) == (id in answers) == (id in self.answered or self.gone)
            if self.gone and id not in self.answered:
                assert record.answer.outcome == ("unknown" if id in self.started else "refused")


def test_the_life_of_a_run(full: bool) -> None:
    """Whatever happens in whatever order, the run is where the lifecycle says, and nothing is lost, repeated or
    left open."""
    played = settings(
        max_examples=1000 if full else 30,
        stateful_step_count=30,
        deadline=None,
        database=None,
        suppress_health_check=list(HealthCheck),
    )
    run_state_machine_as_test(LifeOfARun, settings=played)
