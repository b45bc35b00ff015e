"""What the verbs that start a run take: a program, its hyperparameters, a guard, snapshots."""

from collections.abc import Callable, Sequence
from typing import Any, Final, NamedTuple, TypeVar

import click

from livespark.cli import snapshotting
from livespark.cli.options import server_option
from livespark.cli.snapshotting import Given
from livespark.errors import UsageError
from livespark.protocol.runs import Reloading
from livespark.protocol.snapshots import Snapshotting

__all__ = ("Starter", "Wanted", "fresh", "in_hands", "program", "resuming", "wanted")

_F = TypeVar("_F", bound=Callable[..., Any])
_Decorator = Callable[[Any], Any]


class _Word(click.ParamType[Any]):
    """A word that a pure function understands, or refuses with a UsageError."""

    def __init__(self, name: str, read: Callable[[str], Any]) -> None:
        self.name = name
        self._read = read

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        if not isinstance(value, str):
            return value
        try:
            return self._read(value)
        except UsageError as error:
            self.fail(str(error), param, ctx)


class _Saving(click.Option):
    """An option that `--help` shows below *Snapshots*."""


def _saving(*names: str, **more: Any) -> _Decorator:
    return click.option(*names, cls=_Saving, **more)


class Starter(click.Command):
    """A verb that starts a script: what follows `--` belongs to the script."""

    def parse_args(self, context: click.Context, args: list[str]) -> list[str]:
        cut = args.index("--") if "--" in args else len(args)
        try:
            rest = super().parse_args(context, args[:cut])
        except click.NoSuchOption as error:
            text = f"No such option {error.option_name!r}; options of the script go behind --"
            raise click.NoSuchOption(error.option_name, text, ctx=context) from None
        context.params["args"] = (*context.params["args"], *args[cut + 1 :])
        return rest

    def format_options(self, context: click.Context, formatter: click.HelpFormatter) -> None:
        for title, own in (("Options", False), ("Snapshots", True)):
            options = [each for each in self.get_params(context) if isinstance(each, click.Option)]
            mine = [option for option in options if isinstance(option, _Saving) is own]
            records = [record for option in mine if (record := option.get_help_record(context))]
            with formatter.section(title):
                formatter.write_dl(records)


class Wanted(NamedTuple):
    """The options of a verb that starts a script, as values."""

    script: str | None
    module: str | None
    args: tuple[str, ...]
    assignments: tuple[str, ...]
    config_file: str | None
    name: str
    guard: int | None
    guard_metric: str | None
    snapshots: Snapshotting
    fresh: tuple[str, ...]
    retries: int | None
    restart: bool
    server_url: str | None
    unsaid: list[str]

    def reloading(self, *, watch: bool) -> Reloading:
        """How the run takes new code."""
        default = Reloading()
        return Reloading(watch, self.guard or default.guard, self.guard_metric or default.metric)

    @property
    def inherits(self) -> list[str]:
        """What a run that begins with another's state has from that one, because nothing was said of it."""
        said = {
            "retries": self.retries is not None,
            "restart": self.restart,
            "reloading.guard": self.guard is not None,
            "reloading.metric": self.guard_metric is not None,
        }
        return [*(name for name, is_said in said.items() if not is_said), *self.unsaid]


def wanted(options: dict[str, Any]) -> Wanted:
    """The options of `program`, by their parameters' names. Raises UsageError."""
    given = Given(**{name: options.pop(f"save_{name}") for name in Given._fields})
    return Wanted(
        **options,
        snapshots=snapshotting.policy(given),
        unsaid=[f"snapshots.{name}" for name in snapshotting.unsaid(given)],
    )


_GUARD: Final = "For N steps after a reload, an exception or a loss that is not finite takes it back."
_EVERY: Final = "After N steps, a time (90s, 10m, 2h), or off. Default: 10m."
_BEST: Final = "Keep those with the best of it, too: accuracy, max:accuracy, min:loss."
_MEMORY: Final = "Keep the newest K in memory, too. Default: what fits well, 4 at most."
_RETRIES: Final = "Start again from the newest one, N times at most, when the process dies or the script raises."
_RULE: Final = "What to change then, as in 'optimizer.lr *= 0.5'. Several are applied in order."

_PROGRAM: Final[Sequence[_Decorator]] = (
    click.argument("script", required=False),
    click.argument("args", nargs=-1, type=click.UNPROCESSED),
    click.option("-m", "module", metavar="MODULE", help="A module instead of a script, as in python -m."),
    click.option("--guard", type=click.IntRange(0, 10_000), metavar="N", help=_GUARD),
    click.option("--guard-metric", metavar="NAME", help="The metric to guard by. Default: loss."),
    click.option("--set", "assignments", multiple=True, metavar="NAME=VALUE", help="One hyperparameter."),
    click.option("--config", "config_file", metavar="FILE", help="Hyperparameters from a .json or .toml file."),
    click.option("--name", default="", help="What to call the run."),
    server_option,
)
_IN_HANDS: Final[Sequence[_Decorator]] = (
    click.option("--no-open", is_flag=True, help="Do not open the page in a browser."),
    click.option("--exit-on-end", is_flag=True, help="End with the script instead of waiting for calls."),
    click.option("--no-watch", is_flag=True, help="Do not reload when a file is saved."),
)
_SNAPSHOTS: Final[Sequence[_Decorator]] = (
    _saving(
        "--snapshot-every",
        "save_every",
        type=_Word("interval", snapshotting.every),
        multiple=True,
        metavar="HOW-OFTEN",
        help=_EVERY,
    ),
    _saving("--keep", "save_keep", type=click.IntRange(1), metavar="N", help="Keep the newest N. Default: 3."),
    _saving("--keep-best", "save_best", type=_Word("metric", snapshotting.best), metavar="METRIC", help=_BEST),
    _saving("--best", "save_keep_best", type=click.IntRange(1), metavar="N", help="So many of the best. Default: 1."),
    _saving("--memory-snapshots", "save_memory", type=click.IntRange(0, 1000), metavar="K", help=_MEMORY),
    _saving("--retries", type=click.IntRange(0, 1000), metavar="N", help=_RETRIES),
    _saving("--restart", is_flag=True, help="Start again from the newest one after the machine was restarted."),
    _saving(
        "--auto-rewind",
        "save_rewind",
        type=click.IntRange(1),
        metavar="STEPS",
        help="Go so many steps back when the loss is not finite.",
    ),
    _saving("--rewind-metric", "save_metric", metavar="NAME", help="The metric to watch. Default: loss."),
    _saving(
        "--rewind-spike",
        "save_spike",
        type=click.FloatRange(1.0, min_open=True),
        metavar="FACTOR",
        help="Also when it is so many times its running median.",
    ),
    _saving("--rewind-times", "save_times", type=click.IntRange(1), metavar="N", help="At most. Default: 3."),
    _saving(
        "--rewind-rule",
        "save_rules",
        type=_Word("rule", snapshotting.rule),
        multiple=True,
        metavar="RULE",
        help=_RULE,
    ),
    _saving("--rewind-skip", "save_skip", is_flag=True, help="Leave out the items that led there."),
)


def resuming(function: _F) -> _F:
    """`--resume`, and what goes with it."""
    text = "Begin with the state of that run's newest snapshot, or of RUN@7, RUN@LABEL, RUN@step:8800."
    return _saving("--resume", metavar="SNAPSHOT", help=text)(fresh(function))  # type: ignore[no-any-return]


def fresh(function: _F) -> _F:
    """`--fresh`, of verbs that can begin with a snapshot's state."""
    text = "Make this persisted value anew instead of taking it from the snapshot."
    return _saving("--fresh", multiple=True, metavar="KEY", help=text)(function)  # type: ignore[no-any-return]


def in_hands(function: _F) -> _F:
    """What `dev` takes, and `fork`, which is like it."""
    for decorate in reversed(_IN_HANDS):
        function = decorate(function)
    return function


def program(function: _F) -> _F:
    """All that the verbs share."""
    for decorate in reversed((*_PROGRAM, *_SNAPSHOTS)):
        function = decorate(function)
    return function
