"""What is said of snapshots: while a run is followed, when it has ended, and in lists."""

from typing import Any

import pytest

from livespark.cli import figures, saved
from livespark.cli.family import Relative, children, tree
from livespark.cli.listing import row, sheet, table
from livespark.cli.narrator import Effect, Narrator, Say
from livespark.protocol.commands import Failure
from livespark.protocol.events import (
    Attempt,
    Event,
    Metrics,
    Resumed,
    Rewound,
    SnapshotFailed,
    SnapshotsRemoved,
    Snapshotted,
    Status,
)
from livespark.protocol.ids import Epoch, RunId
from livespark.protocol.lifecycle import RunState
from livespark.protocol.live import LiveDoc
from livespark.protocol.runs import Entry, Mode, Run
from livespark.protocol.snapshots import Cause, InMemory, Origin, SnapshotInfo
from livespark.protocol.stream import End, EventMessage

OTTER = RunId("quiet-otter")


def info(number: int = 7, cause: Cause = "asked", step: int | None = 1622, **more: Any) -> SnapshotInfo:
    more = {"size": 412_000_000, "written": 31_000_000, "stall": 0.0142} | more
    return SnapshotInfo(number, 1000.0, cause, step, **more)


def run(
    id: str = OTTER, state: RunState = RunState.STOPPED, mode: Mode = "run", created: float = 1.0, **more: Any
) -> Run:
    entry = Entry("train.py")
    return Run(RunId(id), id, mode, state, Epoch("0000abcd"), created, entry, "/", "python", **more)


def fork(id: str, parent: str, number: int | None = 3, relation: Any = "fork", created: float = 1.0) -> Run:
    return run(id, created=created, origin=Origin(RunId(parent), number, relation, 8800))


@pytest.mark.parametrize(
    ("count", "text"),
    [
        (0, "0 bytes"),
        (1, "1 byte"),
        (999, "999 bytes"),
        (1000, "1.0 kB"),
        (9949, "9.9 kB"),
        (9950, "10 kB"),
        (31_400_000, "31 MB"),
        (412_000_000, "412 MB"),
        (999_499_999, "999 MB"),
        (999_500_000, "1.0 GB"),
        (10**19, "10,000 PB"),
    ],
)
def test_sizes_have_two_digits_or_three(count: int, text: str) -> None:
    """In units of a thousand."""
    assert figures.size(count) == text


@pytest.mark.parametrize(
    ("snapshot", "text"),
    [
        (info(), "quiet-otter@7 at step 1,622: 412 MB (31 MB new), training stood still for 14 ms"),
        (
            info(label="final"),
            "quiet-otter@7 (final) at step 1,622: 412 MB (31 MB new), training stood still for 14 ms",
        ),
        (info(size=0, written=0), "quiet-otter@7 at step 1,622: no arrays, training stood still for 14 ms"),
        (info(step=None, written=0), "quiet-otter@7: 412 MB (nothing new), training stood still for 14 ms"),
        (
            info(message="taken in a call"),
            "quiet-otter@7 at step 1,622: 412 MB (31 MB new), training stood still for 14 ms; taken in a call",
        ),
    ],
)
def test_a_snapshot_in_one_line(snapshot: SnapshotInfo, text: str) -> None:
    """Where, how large, what it has cost, and what is odd."""
    assert saved.taken(snapshot, "quiet-otter@7") == text


HELD = (
    "held: the script has raised; its state is kept and can be read and called; "
    "save a fixed file, or `livespark reload`, to go on; Ctrl-C stops"
)
KILLED = "the process was killed (SIGKILL)"


@pytest.mark.parametrize(
    ("event", "effects"),
    [
        (
            Snapshotted(info()),
            [Say("snapshot 7 at step 1,622: 412 MB (31 MB new), training stood still for 14 ms", True)],
        ),
        (
            Snapshotted(info(cause="every")),
            [Say("snapshot 7 at step 1,622: 412 MB (31 MB new), training stood still for 14 ms", False)],
        ),
        (
            SnapshotFailed("every", "the disk is full.", 9000),
            [Say("warning: no snapshot at step 9,000: the disk is full; training goes on, older ones are intact")],
        ),
        (
            SnapshotFailed("asked", "no", label="final"),
            [Say("warning: no snapshot 'final': no; training goes on, older ones are intact")],
        ),
        (
            Rewound(12, 8800, 9000, in_memory=True, seconds=0.041),
            [Say("rewound from step 9,000 to 8,800 (snapshot 12, in memory, 41 ms)")],
        ),
        (
            Rewound(
                12,
                8800,
                9000,
                automatic=True,
                reason="loss is nan at step 9,000",
                values={"optimizer.lr": 0.00015},
                seconds=1.5,
                message="the sampler starts anew",
            ),
            [
                Say(
                    "loss is nan at step 9,000: rewound from step 9,000 to 8,800 (snapshot 12, from disk, 1.5 s); "
                    "optimizer.lr = 0.00015; the sampler starts anew"
                )
            ],
        ),
        (Resumed(Origin(OTTER, 3), 8800), [Say("goes on from quiet-otter@3 at step 8,800")]),
        (
            Resumed(Origin(OTTER, 3, "fork", 8800), notes=["net was made anew", "a", "b"]),
            [
                Say("branches off from quiet-otter@3 at step 8,800"),
                Say("net was made anew"),
                Say("a"),
                Say("b"),
            ],
        ),
        (Attempt(2, 3, f"{KILLED}.", 2.0), [Say(f"{KILLED}; starting again in 2 s, 3 attempts left")]),
        (
            Attempt(2, 1, "the script raised", error=Failure("ValueError", "no")),
            [Say("the script raised (ValueError: no); starting again now, 1 attempt left")],
        ),
        (
            Attempt(4, 0, "ValueError: no", error=Failure("ValueError", "no")),
            [Say("ValueError: no; starting again now, no attempt left")],
        ),
        (SnapshotsRemoved([3]), []),
    ],
)
def test_what_is_said_while_a_run_is_followed(event: Event, effects: list[Effect]) -> None:
    """What was asked for and what has failed always; what comes by itself only where no status line shows it."""
    assert Narrator().take(EventMessage(1, 1.0, event)) == effects


ALWAYS = Failure("ValueError", "always")


@pytest.mark.parametrize(
    ("events", "said"),
    [
        (
            [Status(RunState.STOPPING, 30, "ValueError: always", ALWAYS), Attempt(2, 1, "ValueError: always", 1.0)],
            ["ValueError: always; starting again in 1 s, 1 attempt left"],
        ),
        ([Status(RunState.STOPPING, 30, "ended by SIGTERM")], ["stopping at step 30: ended by SIGTERM"]),
        (
            [Status(RunState.RELOADING, 31), Rewound(1, 12, 31, in_memory=True)],
            ["rewound from step 31 to 12 (snapshot 1, in memory, 0 ms)"],
        ),
        (
            [Status(RunState.RELOADING, 31), Metrics([1], [1.0], {}), Status(RunState.HELD, 31)],
            ["reloading at step 31", HELD],
        ),
    ],
)
def test_nothing_is_said_twice(events: list[Event], said: list[str]) -> None:
    """An attempt names the error; a rewind needs no reload beside it, what comes to nothing does."""
    narrator = Narrator()
    narrator.take(EventMessage(1, 1.0, Status(RunState.RUNNING, 1)))
    effects = [effect for event in events for effect in narrator.take(EventMessage(1, 1.0, event))]
    assert [effect.text for effect in effects if isinstance(effect, Say)] == said


def test_the_status_line_goes_back_and_shows_what_is_saved() -> None:
    """The step is that of the branch that goes on."""
    narrator = Narrator()
    for event in (
        Metrics([9000], [1.0], {"loss": [0.5]}),
        Snapshotted(info(12, "every")),
        Rewound(12, 8800, 9000),
        Metrics([8801], [1.0], {"loss": [0.5]}),
    ):
        narrator.take(EventMessage(1, 1.0, event))
    assert (narrator.picture.step, narrator.picture.saved) == (8801, "@12")


STOP = "stopped at step 1,622"


@pytest.mark.parametrize(
    ("events", "ended", "text"),
    [
        (
            [Snapshotted(info(3, "stop")), Status(RunState.STOPPED, 1622)],
            run(),
            f"{STOP}; state saved as quiet-otter@3: livespark run --resume quiet-otter",
        ),
        (
            [Status(RunState.STOPPED, 1622), Snapshotted(info(3, "signal"))],
            run(mode="dev"),
            f"{STOP}; state saved as quiet-otter@3: livespark dev --resume quiet-otter",
        ),
        (
            [Snapshotted(info(2, "every", 1000)), Status(RunState.FAILED, 1622, "killed by SIGKILL")],
            run(state=RunState.FAILED),
            "failed at step 1,622: killed by SIGKILL; its newest state is quiet-otter@2 at step 1,000: "
            "livespark run --resume quiet-otter",
        ),
        ([Status(RunState.STOPPED, 1622)], run(), STOP),
        (
            [Snapshotted(info(2)), Snapshotted(info(3)), SnapshotsRemoved([3, 2]), Status(RunState.STOPPED, 1622)],
            run(),
            STOP,
        ),
        (
            [Snapshotted(info(3, "end")), Status(RunState.COMPLETED, 1622)],
            run(state=RunState.COMPLETED),
            "completed at step 1,622",
        ),
    ],
)
def test_the_last_words_say_where_the_state_is(events: list[Event], ended: Run, text: str) -> None:
    """And how to go on with it; nothing where there is none, or nothing to go on with."""
    narrator = Narrator()
    for event in events:
        narrator.take(EventMessage(1, 1.0, event))
    assert narrator.take(End(ended)) == [Say(text)]


def test_a_list_of_snapshots() -> None:
    """Those on disk with all that helps to choose, those in memory alone with what is known."""
    full = info(7, label="final", metrics={"accuracy": 0.91, "lr": 3e-4, "val_loss": "nan", "x": 1})
    assert saved.row(full, 1090.0, True) == (
        "7",
        "1,622",
        "1:30",
        "412 MB (31 MB new)",
        "asked for",
        "final",
        "val_loss nan  accuracy 0.91  lr 0.0003",
        "in memory",
    )
    assert saved.row(info(7, "best", None, written=0), 1090.0, False)[1:5] == ("", "1:30", "412 MB", "the best so far")
    assert saved.memory_row(InMemory(8, 1000.0, 9000, 412_000_000), 1090.0) == (
        "8", "9,000", "1:30", "412 MB", "", "", "", "in memory only",
    )  # fmt: skip


def test_relatives_stand_below_their_parents() -> None:
    """Children in their order, grandchildren below them; an orphan stands for itself and still names its parent."""
    runs = [fork("d", "b"), run("c"), fork("b", "a"), fork("e", "gone", None, "resume"), run("a")]
    runs += [fork("f", "a"), fork("g", "f")]
    branches = [("c", ""), ("e", ""), ("a", ""), ("b", "├ "), ("d", "│ └ "), ("f", "└ "), ("g", "  └ ")]
    assert [(each.run.id, each.branch) for each in tree(runs)] == branches
    lines = table([row(each, 61.0) for each in tree(runs)])
    assert [line.split("  ")[0] for line in lines] == ["c", "e", "a", "├ b", "│ └ d", "└ f", ""]
    assert lines[6].startswith("  └ g")
    assert lines[3].endswith("train.py  (fork of a@3)")
    assert lines[1].endswith("train.py  (resumed from gone)")


def test_every_run_stands_once_however_they_are_related() -> None:
    """A retry names itself; a long line of resumed runs is no deeper than Python's stack."""
    runs = [fork("a", "a", None, "retry")] + [fork(f"r{n}", f"r{n - 1}" if n else "a") for n in range(3000)]
    assert [each.run for each in tree(runs)] == runs
    assert tree(runs)[-1] == Relative(runs[-1], f"{'  ' * 2999}└ ")


def test_the_sheet_of_a_run_names_its_origin() -> None:
    """And how often it was started."""
    lines = sheet(fork("b", "a"), LiveDoc(), 2.0, [("snapshot", "7"), ("child", "c, fork of b@7")])
    assert "origin    fork of a@3 at step 8,800" in lines
    assert lines[-2:] == ["snapshot  7", "child     c, fork of b@7"]
    assert "attempt  3" in sheet(run(incarnation=3), LiveDoc(), 2.0)


def test_children_are_found_oldest_first() -> None:
    """Of this run only."""
    runs = [fork("late", "a", created=9.0), fork("early", "a", created=2.0), fork("other", "b"), run("a")]
    assert [each.id for each in children(runs, "a")] == ["early", "late"]
