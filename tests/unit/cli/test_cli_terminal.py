"""What the terminal shows: the status line, the narrator, the screen."""

import io
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from livespark.cli.figures import cell_width
from livespark.cli.narrator import Effect, Narrator, Say, Write
from livespark.cli.screen import Screen
from livespark.cli.status_line import Picture, render
from livespark.protocol.commands import Answer, Call, Stop
from livespark.protocol.events import (
    Answered,
    Commanded,
    Event,
    FileChange,
    Metrics,
    Notice,
    Reloaded,
    Source,
    Status,
    Thinned,
)
from livespark.protocol.ids import CommandId, Epoch, RunId
from livespark.protocol.lifecycle import RunState
from livespark.protocol.live import LiveDelta, Loop
from livespark.protocol.runs import Entry, Run
from livespark.protocol.stream import End, EventMessage, Gap, LiveMessage, Output, OutputMessage, Reset, Trouble

LOOPS = [Loop("epoch", 2, 200), Loop("batch", 211, 468, rate=6.25, parent="epoch")]
RUNNING = Picture(
    RunState.RUNNING, 1622, LOOPS, {"accuracy": 0.91, "train_loss": 0.213, "lr": 3e-4}, steps_per_second=1840.4
)


@pytest.mark.parametrize(
    ("picture", "width", "line"),
    [
        (
            RUNNING,
            134,
            "  epoch 3/200 ▕████▌     ▏ batch 211/468   train_loss 0.213   accuracy 0.91   lr 0.0003   1,840 steps/s"
            "   0:41 left in epoch   running",
        ),
        (RUNNING, 80, "  epoch 3/200 ▕████▌     ▏ batch 211/468   train_loss 0.213              running"),
        (RUNNING, 60, "  epoch 3/200 ▕████▌     ▏ batch 211/468             running"),
        (RUNNING, 30, "                       running"),
        (RUNNING, 5, "  ru…"),
        (Picture(), 20, "              queued"),
        (Picture(RunState.PAUSED, 1622, LOOPS), 60, "  epoch 3/200 ▕████▌     ▏ batch 211/468              paused"),
        (Picture(RunState.RUNNING, 1622), 30, "  step 1,622           running"),
        (Picture(RunState.RUNNING, 3, [Loop("item", 3)]), 30, "  item 3               running"),
        (Picture(RunState.RUNNING, 3, [Loop("i", 9, 9, rate=1.0)]), 42, "  ▕██████████▏ i 9/9   0:00 left   running"),
        (
            Picture(RunState.RUNNING, 3, [Loop("epoch", 5, 9, rate=0.8), Loop("batch", 4, 47)]),
            50,
            "  ▕█████▌    ▏ epoch 5/9   0:05 left       running",
        ),
        (Picture(RunState.RUNNING, trouble="no connection"), 20, "       no connection"),
    ],
)
def test_the_line_shows_what_fits(picture: Picture, width: int, line: str) -> None:
    """The least important parts go first; the state stays."""
    assert render(picture, width) == line


def test_a_terminal_without_unicode_gets_a_plain_bar() -> None:
    """Nothing but ASCII."""
    assert "[####      ]" in render(RUNNING, 130, ascii_only=True)


HELD = (
    "held: the script has raised; its state is kept and can be read and called; "
    "save a fixed file, or `livespark reload`, to go on; Ctrl-C stops"
)
TEXT = st.text(max_size=12)


@given(
    st.builds(
        Picture,
        st.sampled_from(RunState),
        st.none() | st.integers(),
        st.lists(
            st.builds(
                Loop,
                TEXT,
                st.integers(0, 10**9),
                st.none() | st.integers(0, 10**9),
                rate=st.none() | st.floats(0, 1e9),
                parent=TEXT,
            ),
            max_size=3,
        ),
        st.dictionaries(TEXT, st.floats(), max_size=4),
        st.none() | st.floats(0, 1e9),
    ),
    st.integers(0, 200),
)
def test_the_line_never_wraps(picture: Picture, width: int) -> None:
    """Whatever a run shows, the line fits."""
    assert cell_width(render(picture, width)) <= width


def record(state: RunState) -> Run:
    return Run(RunId("otter"), "otter", "dev", state, Epoch("0000abcd"), 1.0, Entry(), "/", "python")


def told(narrator: Narrator, *messages: Any) -> list[Effect]:
    return [effect for message in messages for effect in narrator.take(message)]


def happened(event: Event) -> EventMessage:
    return EventMessage(1, 1.0, event)


@pytest.mark.parametrize(
    ("event", "effects"),
    [
        (Status(RunState.QUEUED), []),
        (Status(RunState.STARTING), [Say("starting", False)]),
        (Status(RunState.RUNNING, 0), [Say("running at step 0", False)]),
        (Status(RunState.PAUSED, 1622), [Say("paused at step 1,622", False)]),
        (Status(RunState.HELD, 3, "ValueError: no"), [Say(f"{HELD} (ValueError: no)", late=True)]),
        (Status(RunState.IDLE), [Say("the script has returned; waiting for calls; Ctrl-C stops", late=True)]),
        (Notice("info", "x", "a sentence"), [Say("a sentence")]),
        (Notice("warning", "x", "a sentence"), [Say("warning: a sentence")]),
        (Thinned(1000, 5, 1005), [Say("1,000 metric rows of steps 5 to 1,005 were dropped")]),
        (Commanded(CommandId("c"), 1, "me", Stop()), []),
        (Metrics([1], [1.0], {"loss": [0.5]}), []),
        (Source("model.py", "0" * 64), []),
        (
            Reloaded("applied", "soft", 2010, 0.008, ["model.Net.forward"], [FileChange("model.py")]),
            [Say("reloaded model.py: Net.forward (soft, 8 ms) at step 2,010")],
        ),
    ],
)
def test_what_is_said_of_an_event(event: Event, effects: list[Effect]) -> None:
    """State changes are said where no line shows them; what matters is said always."""
    assert told(Narrator(), happened(event)) == effects


@pytest.mark.parametrize(
    ("status", "text"),
    [
        (Status(RunState.FAILED, 3, "killed by SIGKILL"), "failed at step 3: killed by SIGKILL"),
        (Status(RunState.COMPLETED, 9), "completed at step 9"),
        (Status(RunState.STOPPED), "stopped"),
    ],
)
def test_the_last_words_come_last(status: Status, text: str) -> None:
    """Behind everything that the script wrote."""
    output = OutputMessage(Output(0, 1, "stdout", 1.0, "x"))
    effects = told(Narrator(), happened(status), output, End(record(status.state)))
    assert effects == [Write("stdout", b"x"), Say(text)]


def test_a_call_while_paused_is_no_news() -> None:
    """A paused run that executes a call is paused before and after it; a resume behind it is said."""
    narrator, id = Narrator(), CommandId("c")
    told(narrator, happened(Status(RunState.RUNNING)), happened(Status(RunState.PAUSED, 3)))
    call = Commanded(id, 1, "me", Call("evaluate"))
    answered = Answered(id, 1, Answer("applied"))
    events: list[Event] = [call, Status(RunState.RUNNING, 3), answered, Status(RunState.PAUSED, 3)]

    assert told(narrator, *map(happened, events)) == []
    assert told(narrator, happened(Status(RunState.RUNNING, 3))) == [Say("running again at step 3", False)]


def test_a_full_disk_is_said() -> None:
    """What keeps the server from storing is said, and that it is over, too."""
    effects = told(Narrator(), Trouble("the disk is full"), Trouble(""))
    assert effects == [Say("warning: the disk is full"), Say("what the run reports is stored again")]


def test_going_on_after_a_pause_is_worded() -> None:
    """It did not start anew."""
    pause, go = happened(Status(RunState.PAUSED)), happened(Status(RunState.RUNNING, 7))
    assert told(Narrator(), pause, go)[-1] == Say("running again at step 7", False)
    assert told(Narrator(), pause, pause) == [Say("paused", False)]


def test_output_passes_byte_by_byte() -> None:
    """Text and what is none."""
    pieces = [Output(0, 2, "stdout", 1.0, "ä"), Output(2, 3, "stderr", 1.0, base64="/w==")]
    effects = told(Narrator(), *map(OutputMessage, pieces))
    assert effects == [Write("stdout", "ä".encode()), Write("stderr", b"\xff")]


def test_the_picture_follows() -> None:
    """State, step, metrics and loops are the newest."""
    narrator = Narrator()
    told(
        narrator,
        happened(Status(RunState.RUNNING, 1)),
        happened(Metrics([5, 6], [1.0, 1.0], {"loss": [0.5, "nan"]})),
        happened(Metrics([6], [1.0], {"accuracy": [1]})),
        LiveMessage(LiveDelta(1, full=True, loops=LOOPS, steps_per_second=3.0)),
        LiveMessage(LiveDelta(2, step=8, steps_per_second=4.0)),
    )
    picture = narrator.picture
    assert (picture.state, picture.step, picture.loops, picture.steps_per_second) == (RunState.RUNNING, 8, LOOPS, 4.0)
    assert list(picture.metrics) == ["loss", "accuracy"]


def test_gaps_resets_and_the_end() -> None:
    """A hole is said, a new log too, and the end is kept for the exit code."""
    narrator = Narrator()
    effects = told(narrator, Gap(1, 9), Reset(Epoch("11112222"), record(RunState.RUNNING)))
    assert [effect.text[:20] for effect in effects if isinstance(effect, Say)] == [
        "events 1 to 9 were t",
        "the server has lost ",
    ]
    end = End(record(RunState.STOPPED))
    assert told(narrator, end) == []
    assert narrator.end is end


class Tty(io.BytesIO):
    """A terminal, or a pair of descriptors of one."""

    def isatty(self) -> bool:
        return True


CLEAR = b"\r\x1b[2K"


@pytest.fixture(autouse=True)
def plain(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "1")


def screen(out: io.BytesIO, err: io.BytesIO) -> Screen:
    return Screen(out, err, width=lambda: 20, dumb=False)


def test_on_a_terminal_the_line_stands_below_the_output() -> None:
    """Taken away before output, put back behind it, in one write."""
    tty = Tty()
    shown = screen(tty, tty)
    shown.header("Livespark")
    shown.draw(Picture(RunState.RUNNING))
    line = b"\r            running\r"
    shown.perform(Write("stdout", b"a\n"))
    shown.draw(Picture(RunState.RUNNING))
    shown.close()
    assert tty.getvalue() == b"  Livespark\n" + line + CLEAR + b"a\n" + line + CLEAR


def test_a_line_of_the_scripts_own_is_left_alone() -> None:
    """While the cursor stands inside a line, the live line waits; our sentences begin a new one, a cleared
    one: bars above bars leave the cursor anywhere."""
    tty = Tty()
    shown = screen(tty, tty)
    shown.draw(Picture(RunState.RUNNING))
    shown.perform(Write("stderr", b"\r 10%"))
    shown.draw(Picture(RunState.PAUSED))
    shown.perform(Write("stderr", b"\r 20%"))
    shown.perform(Say("paused", always=False))
    shown.draw(Picture(RunState.PAUSED))
    written = tty.getvalue()
    assert (
        written
        == b"\r            running\r" + CLEAR + b"\r 10%\r 20%\n\x1b[Klivespark: paused\n\r             paused\r"
    )


def test_a_narrower_window_keeps_no_rests_of_the_line() -> None:
    """The terminal has wrapped the line; all its rows below the cursor are taken away, once."""
    widths = [40]
    tty = Tty()
    shown = Screen(tty, tty, width=lambda: widths[0], dumb=False)
    for widths[0] in (40, 30, 30):
        shown.draw(Picture(RunState.RUNNING, step=len(tty.getvalue())))
    shown.close()
    assert tty.getvalue().count(b"\r\x1b[J") == 1
    assert tty.getvalue().count(CLEAR) == 2


def test_redirected_output_is_byte_for_byte_what_the_script_wrote() -> None:
    """Only stderr carries what is ours."""
    out, err = io.BytesIO(), Tty()
    shown = screen(out, err)
    shown.draw(Picture(RunState.RUNNING))
    shown.perform(Write("stdout", b"\xff partial"))
    shown.perform(Say("running", always=False))
    shown.draw(Picture(RunState.RUNNING))
    assert out.getvalue() == b"\xff partial"
    assert err.getvalue() == b"\r            running\r"


def test_without_a_terminal_there_are_plain_lines() -> None:
    """No line, no escape sequence; every state change is said."""
    out, err = io.BytesIO(), io.BytesIO()
    shown = screen(out, err)
    shown.draw(Picture(RunState.RUNNING))
    shown.perform(Write("stderr", b"half"))
    shown.perform(Say("running", always=False))
    shown.perform(Say("an \udcff odd one"))
    shown.close()
    assert (out.getvalue(), err.getvalue()) == (b"", b"half\nlivespark: running\nlivespark: an \\udcff odd one\n")


def test_the_state_has_a_colour_unless_none_is_wanted(monkeypatch: pytest.MonkeyPatch) -> None:
    """NO_COLOR is respected; the width does not change."""
    monkeypatch.setenv("NO_COLOR", "")
    tty = Tty()
    screen(tty, tty).draw(Picture(RunState.PAUSED))
    assert tty.getvalue() == b"\r             \x1b[33mpaused\x1b[0m\r"
