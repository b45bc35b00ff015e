"""What is said in place of events that can't be sent as they are: too large for the server, or no JSON. Pure."""

from collections.abc import Iterable
from typing import Final

from livespark.protocol import codec
from livespark.protocol.commands import Answer, Failure
from livespark.protocol.events import (
    Answered,
    Event,
    FileChange,
    Metrics,
    Notice,
    Reloaded,
    Source,
    Status,
    Thinned,
    Timed,
)

__all__ = ("encodable", "lightened")

_LENGTH: Final = 1000
_MOST: Final = 100


def lightened(events: Iterable[Timed], why: str) -> list[Timed]:
    """The same events without their weight. A command keeps its one answer; a metric event becomes a visible gap."""
    return [Timed(timed.time, _light(timed.event, why)) for timed in events]


def encodable(events: Iterable[Timed]) -> list[Timed]:
    """The same events, those that are no JSON lightened."""
    return [lighter for timed in events for lighter in _checked(timed)]


def _checked(timed: Timed) -> list[Timed]:
    try:
        codec.encode(timed)
    except (TypeError, ValueError, RecursionError) as error:
        return lightened([timed], f"it can't be written as JSON: {_text(str(error))}")
    return [timed]


def _light(event: Event, why: str) -> Event:
    if isinstance(event, Answered):
        return Answered(event.id, event.number, _light_answer(event.answer, why))
    if isinstance(event, Status):
        return Status(event.state, event.step, _text(event.reason), event.error and _light_failure(event.error))
    if isinstance(event, Notice):
        return Notice(event.level, event.code, _text(event.text))
    if isinstance(event, Metrics) and event.steps:
        return Thinned(len(event.steps), min(event.steps), max(event.steps))
    if isinstance(event, Source):
        return Source(_text(event.path), event.hash, event.step)
    return _light_reload(event, why) if isinstance(event, Reloaded) else event


def _light_answer(answer: Answer, why: str) -> Answer:
    message = f"{_text(answer.message)} (the full answer could not be sent: {_text(why)})".strip()
    return Answer(answer.outcome, answer.step, message=message, error=answer.error and _light_failure(answer.error))


def _light_reload(event: Reloaded, why: str) -> Event:
    """Without its diffs, and with the first of its names and files."""
    return Reloaded(
        event.outcome,
        event.kind,
        event.step,
        event.seconds,
        [_text(name) for name in event.changed[:_MOST]],
        [FileChange(_text(file.path), file.before, file.after) for file in event.files[:_MOST]],
        f"{_text(event.message)} (the full record could not be sent: {_text(why)})".strip(),
        event.error and _light_failure(event.error),
    )


def _light_failure(failure: Failure) -> Failure:
    return Failure(_text(failure.type), _text(failure.message), _text(failure.traceback[-_LENGTH:]))


def _text(text: str) -> str:
    """Short, and without lone surrogates."""
    return text[:_LENGTH].encode(errors="replace").decode()
