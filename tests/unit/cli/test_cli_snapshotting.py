"""The options about snapshots: their words, and what a run is told."""

import math
from pathlib import Path
from typing import Any

import click
import pytest
from hypothesis import given
from hypothesis import strategies as st

from livespark.cli import start
from livespark.cli.main import cli
from livespark.cli.report import exit_status
from livespark.cli.snapshotting import Every, Given, best, every, policy, rule
from livespark.errors import UsageError
from livespark.protocol.runs import Submit
from livespark.protocol.snapshots import AutoRewind, Rule, Snapshotting


@pytest.mark.parametrize(
    ("text", "interval"),
    [
        ("500", Every(steps=500)),
        ("10,000", Every(steps=10_000)),
        ("90s", Every(seconds=90)),
        ("10m", Every(seconds=600)),
        ("2h", Every(seconds=7200)),
        ("1.5H", Every(seconds=5400)),
        ("1d", Every(seconds=86400)),
        ("off", Every()),
        ("OFF", Every()),
    ],
)
def test_an_interval_is_steps_or_a_time(text: str, interval: Every) -> None:
    """A bare number counts steps."""
    assert every(text) == interval


@pytest.mark.parametrize(
    "text", ["soon", "", "0", "0m", "-5", "1.5", "10 m m", "5x", "inf", "nan", "٣", "9" * 5000, "9" * 400 + "s"]
)
def test_what_is_no_interval_is_refused(text: str) -> None:
    """With what is expected."""
    with pytest.raises(UsageError, match=r"is no interval; expected steps \(500\), a time \(90s, 10m, 2h\) or off"):
        every(text)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("optimizer.lr *= 0.5", Rule("optimizer.lr", "*=", 0.5)),
        ("lr*=0.5", Rule("lr", "*=", 0.5)),
        ("a.b = 1e-4", Rule("a.b", "=", 1e-4)),
        ("clip -= 1", Rule("clip", "-=", 1.0)),
        ("x += -1", Rule("x", "+=", -1.0)),
        ("x=-1", Rule("x", "=", -1.0)),
        ("x /= 2", Rule("x", "/=", 2.0)),
        ("groups.0.weight decay = 0", Rule("groups.0.weight decay", "=", 0.0)),
    ],
)
def test_a_rule_is_a_path_an_operator_and_a_number(text: str, expected: Rule) -> None:
    """Blanks around the operator do not matter."""
    assert rule(text) == expected


@pytest.mark.parametrize("text", ["", "lr", "lr *= half", "*= 0.5", "lr *= nan", "lr *= inf", "lr **= 2", r"a\b = 1"])
def test_what_is_no_rule_is_refused(text: str) -> None:
    """With an example, or what is wrong with the path."""
    with pytest.raises(UsageError, match="is no rule"):
        rule(text)


def test_a_rule_does_not_divide_by_zero() -> None:
    """It would be found out only when it is too late."""
    with pytest.raises(UsageError, match="divides by zero"):
        rule("lr /= 0")


@given(st.text())
def test_any_text_is_a_value_or_a_refusal(text: str) -> None:
    """No other exception, no number that is not finite, no interval that is not positive."""
    for read in (every, best, rule):
        try:
            value: Any = read(text)
        except UsageError:
            continue
        if isinstance(value, Rule):
            assert math.isfinite(value.value)
        if isinstance(value, Every) and value != Every():
            assert (value.steps > 0) is not (value.seconds > 0)


def test_without_options_the_defaults_count() -> None:
    """The protocol's own."""
    assert policy(Given()) == Snapshotting()


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["--snapshot-every", "500"], Snapshotting(every_steps=500, every_seconds=0)),
        (["--snapshot-every", "500", "--snapshot-every", "2h"], Snapshotting(every_steps=500, every_seconds=7200)),
        (["--snapshot-every", "off"], Snapshotting(every_seconds=0)),
        (["--keep", "5", "--memory-snapshots", "0"], Snapshotting(keep=5, memory=0)),
        (["--keep-best", "max:accuracy", "--best", "2"], Snapshotting(best="max:accuracy", keep_best=2)),
        (["--auto-rewind", "200"], Snapshotting(rewind=AutoRewind(steps=200))),
        (
            [
                "--auto-rewind",
                "200",
                "--rewind-metric",
                "nll",
                "--rewind-spike",
                "4",
                "--rewind-times",
                "5",
                "--rewind-rule",
                "lr*=0.5",
                "--rewind-rule",
                "clip=1",
                "--rewind-skip",
            ],
            Snapshotting(
                rewind=AutoRewind("nll", 4.0, 200, 5, [Rule("lr", "*=", 0.5), Rule("clip", "=", 1.0)], skip=True)
            ),
        ),
    ],
)
@pytest.mark.parametrize("verb", ["dev", "run"])
def test_the_options_become_what_the_run_is_told(
    verb: str, words: list[str], expected: Snapshotting, submitted: list[Submit]
) -> None:
    """Each of them, for both verbs."""
    assert livespark(verb, "train.py", *words, "--retries", "3", "--restart") == 0
    (submit,) = submitted
    assert submit.snapshots == expected
    assert (submit.retries, submit.restart, submit.origin) == (3, True, None)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--snapshot-every", "soon"], "Invalid value for '--snapshot-every': 'soon' is no interval; expected steps"),
        (["--snapshot-every", "off", "--snapshot-every", "5"], "off goes with no other --snapshot-every"),
        (["--keep", "0"], "Invalid value for '--keep'"),
        (["--keep-best", "max:"], "Invalid value for '--keep-best': 'max:' names no metric"),
        (["--best", "2"], "--best N goes with --keep-best METRIC"),
        (["--memory-snapshots", "many"], "Invalid value for '--memory-snapshots'"),
        (["--rewind-spike", "4"], "--auto-rewind STEPS says that it is wanted"),
        (["--rewind-skip"], "--auto-rewind STEPS says that it is wanted"),
        (["--auto-rewind", "9", "--rewind-spike", "1"], "Invalid value for '--rewind-spike'"),
        (["--auto-rewind", "9", "--rewind-rule", "lr"], "Invalid value for '--rewind-rule': 'lr' is no rule"),
        (["--auto-rewind", "0"], "Invalid value for '--auto-rewind'"),
        (["--retries", "-1"], "Invalid value for '--retries'"),
        (["--fresh", "net"], "--fresh KEY goes with --resume"),
    ],
)
def test_what_is_wrong_is_said_before_anything_starts(
    words: list[str], said: str, submitted: list[Submit], capsys: pytest.CaptureFixture[str], home: Path
) -> None:
    """One line, exit code 2, no server."""
    assert livespark("run", "train.py", *words) == 2
    error = capsys.readouterr().err
    assert said in error
    assert error.count("\n") == 1
    assert submitted == []
    assert not home.exists()


@pytest.mark.parametrize(
    ("words", "script", "args"),
    [
        (["train.py", "--", "--keep", "3"], "train.py", ["--keep", "3"]),
        (["train.py", "a", "--", "-b"], "train.py", ["a", "-b"]),
        (["--", "train.py", "-b"], "train.py", ["-b"]),
        (["train.py", "--", "a", "--", "b"], "train.py", ["a", "--", "b"]),
    ],
)
def test_what_follows_two_dashes_is_the_scripts(
    words: list[str], script: str, args: list[str], submitted: list[Submit]
) -> None:
    """Word by word."""
    assert livespark("dev", *words) == 0
    assert (submitted[0].entry.script, submitted[0].entry.args) == (script, args)


def test_the_help_has_them_below_a_heading() -> None:
    """What starts a script stays readable."""
    context = click.Context(cli, info_name="livespark")
    command = cli.get_command(context, "dev")
    assert command
    options, snapshots = command.get_help(click.Context(command, context, "dev")).split("\nSnapshots:\n")
    assert "--guard" in options
    assert "--keep" not in options
    for name in ("--snapshot-every", "--keep-best", "--resume", "--retries", "--auto-rewind", "--fresh"):
        assert name in snapshots
    assert "--set" not in snapshots


@pytest.fixture
def submitted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[Submit]:
    """What would have been started."""
    found: list[Submit] = []

    async def follow(submit: Submit, server_url: str | None, **how: bool) -> int:
        found.append(submit)
        return 0

    monkeypatch.setattr(start, "_follow", follow)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "train.py").write_text("pass\n")
    return found


def livespark(*words: str) -> int:
    return exit_status(lambda: cli.main(args=words, prog_name="livespark", standalone_mode=False))
