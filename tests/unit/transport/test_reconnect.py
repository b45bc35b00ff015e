"""The reconnect rules, as tables of exact delays."""

import random
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from livespark.errors import UsageError
from livespark.transport.reconnect import Backoff, Decision, GiveUp, Reconnect, retry_after, worth_another_try

MIDDLE = 0.5
"""The random number that jitters by nothing."""


def play(backoff: Backoff, steps: Sequence[str | int | tuple[int, float]]) -> list[float | str]:
    """Delays (or the reason to give up) after each disappointment among `steps`."""
    seen: list[float | str] = []
    for step in steps:
        if step == "received":
            backoff.received()
            continue
        if step == "ended":
            decision = backoff.ended()
        elif isinstance(step, str):
            decision = backoff.failed(step)
        elif isinstance(step, int):
            decision = backoff.refused(step)
        else:
            decision = backoff.refused(*step)
        seen.append(decision.delay if isinstance(decision, Decision) else decision.reason)
    return seen


EXACT = [
    ("failures double", {}, ["error"] * 4, [1, 2, 4, 8]),
    ("and are capped", {}, ["error"] * 8, [1, 2, 4, 8, 16, 32, 60, 60]),
    ("a small cap", {"initial": 0.2, "maximum": 0.5}, ["error"] * 3, [0.2, 0.4, 0.5]),
    ("another factor", {"factor": 3.0}, ["error"] * 3, [1, 3, 9]),
    ("no growth", {"factor": 1.0}, ["error"] * 3, [1, 1, 1]),
    ("no delay at all", {"initial": 0.0}, ["error"] * 3, [0, 0, 0]),
    ("a stream that delivered is not counted", {}, ["received", "ended"] * 3, [1, 1, 1]),
    ("nor one that delivered and broke", {}, ["received", "error"] * 3, [1, 1, 1]),
    ("an empty stream is counted", {}, ["ended"] * 3, [1, 2, 4]),
    (
        "anything received resets the count",
        {},
        ["error", "error", "received", "ended", "error", "error"],
        [1, 2, 1, 1, 2],
    ),
    ("delivered, then two errors", {}, ["received", "ended", "error", "error"], [1, 1, 2]),
    ("retryable statuses are counted", {}, [408, 425, 429, 500, 502, 503], [1, 2, 4, 8, 16, 32]),
    ("also rarer ones", {}, [504, 507, 599], [1, 2, 4]),
    ("statuses and errors share the count", {}, [503, "error", "ended"], [1, 2, 4]),
    ("Retry-After is the least", {}, [(503, 10.0), (503, 0.5)], [10, 2]),
    ("but never more than the maximum", {}, [(429, 3600.0)], [60]),
    ("a refusal after delivery is counted", {}, ["received", 503, 503], [1, 2]),
    ("attempts are used up", {"attempts": 2}, ["error", "error", "gone"], [1, 2, "gone"]),
    ("no attempt", {"attempts": 0}, ["gone"], ["gone"]),
    (
        "delivery renews the attempts",
        {"attempts": 1},
        ["error", "received", "ended", "error", "gone"],
        [1, 1, 1, "gone"],
    ),
    ("delivered streams need no attempts", {"attempts": 0}, ["received", "ended"] * 3, [1, 1, 1]),
    ("an empty stream uses them", {"attempts": 1}, ["ended", "ended"], [1, "the stream ended without a byte"]),
    ("a status uses them", {"attempts": 1}, [503, 502], [1, "the server answered with status 502"]),
]


@pytest.mark.parametrize(("rules", "steps", "expected"), [row[1:] for row in EXACT], ids=[row[0] for row in EXACT])
def test_delays_are_exactly_these(rules: dict[str, float], steps: list[str | int], expected: list[float | str]) -> None:
    """Each sequence of disappointments leads to exactly these delays."""
    assert play(Backoff(Reconnect(**rules), uniform=lambda: MIDDLE), steps) == expected  # type: ignore[arg-type]


@pytest.mark.parametrize("status", [204, 205, 301, 400, 401, 403, 404, 409, 410, 422])
def test_final_statuses_end_it(status: int) -> None:
    """A status that will not change ends it at once, and says which it was."""
    decision = Backoff(Reconnect()).refused(status, retry_after=5.0)
    assert decision == GiveUp(f"the server answered with status {status}", status)


def test_used_up_attempts_name_the_last_status() -> None:
    """Who gave up because of a status can say which."""
    assert Backoff(Reconnect(attempts=0)).refused(503) == GiveUp("the server answered with status 503", 503)


@pytest.mark.parametrize(("random", "expected"), [(0.0, [3, 6, 12]), (0.25, [3.5, 7, 14]), (1.0, [5, 10, 20])])
def test_jitter_moves_both_ways(random: float, expected: list[float]) -> None:
    """A quarter of jitter spreads a delay from three quarters to five."""
    assert play(Backoff(Reconnect(initial=4.0), uniform=lambda: random), ["error"] * 3) == pytest.approx(expected)


def test_the_base_delay_and_the_cap_are_not_jittered() -> None:
    """After a stream that delivered the delay is the base delay; a jittered delay stays below the maximum."""
    backoff = Backoff(Reconnect(initial=8.0, maximum=8.0), uniform=lambda: 1.0)
    assert play(backoff, ["received", "ended", "error"]) == [8.0, 8.0]


def test_years_of_failures_do_not_overflow() -> None:
    """The delay stays at the maximum however often it failed."""
    backoff = Backoff(Reconnect(), uniform=lambda: MIDDLE)
    assert play(backoff, ["error"] * 3000)[-1] == 60


@given(
    st.builds(
        Reconnect,
        initial=st.floats(0, 5),
        factor=st.floats(1, 4),
        maximum=st.floats(5, 100),
        jitter=st.floats(0, 1),
        attempts=st.none() | st.integers(0, 5),
    ),
    st.lists(st.sampled_from(["received", "ended", "error", 503, 429])),
    st.floats(0, 1, exclude_max=True),
)
def test_bounds_hold_for_all_rules(policy: Reconnect, steps: list[str | int], random: float) -> None:
    """Delays lie within 0 and the maximum; failures in a row never exceed the attempts."""
    backoff = Backoff(policy, uniform=lambda: random)
    for delay in play(backoff, steps):
        assert isinstance(delay, str) or 0 <= delay <= policy.maximum
    assert policy.attempts is None or backoff.failures <= policy.attempts


@pytest.mark.parametrize(
    "rules",
    [
        {"initial": -1.0},
        {"initial": 61.0},
        {"factor": 0.5},
        {"jitter": 1.5},
        {"idle": 0.0},
        {"attempts": -1},
        {"maximum": float("nan")},
    ],
)
def test_senseless_rules_are_refused(rules: dict[str, float]) -> None:
    """Rules that contradict themselves are a usage error."""
    with pytest.raises(UsageError, match="makes no sense"):
        Reconnect(**rules)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        ("7", 7.0),
        (" 120 ", 120.0),
        ("0", 0.0),
        ("Sun, 22 Nov 2026 08:00:30 GMT", 30.0),
        ("Sun, 22 Nov 2026 07:00:00 GMT", 0.0),
        ("-3", None),
        ("1.5", None),
        ("soon", None),
        ("٣", None),
        ("", None),
        (None, None),
    ],
)
def test_retry_after_header(header: str | None, expected: float | None) -> None:
    """Seconds or a date; nonsense counts as missing."""
    assert retry_after(header, now=1795334400.0) == expected


def test_every_status_is_classified() -> None:
    """Exactly 408, 425, 429 and the 5xx are worth another try."""
    assert [status for status in range(100, 600) if worth_another_try(status)] == [408, 425, 429, *range(500, 600)]


def test_waiting_takes_nothing_from_the_script_s_random_numbers() -> None:
    random.seed(5)
    before = random.getstate()
    backoff = Backoff(Reconnect())
    for _ in range(10):
        backoff.failed("no route")
    assert random.getstate() == before
