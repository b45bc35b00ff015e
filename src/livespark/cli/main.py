"""The `livespark` command. A verb's module is loaded when the verb is used, so that `--help` is quick."""

import importlib
import sys
from collections.abc import Sequence
from typing import Final, NamedTuple

import click

from livespark.cli.report import exit_status
from livespark.version import __version__

__all__ = ("VERBS", "cli", "main")


class Verb(NamedTuple):
    where: str
    help: str


VERBS: Final[dict[str, dict[str, Verb]]] = {
    "Run": {
        "dev": Verb(
            "livespark.cli.start:dev", "Run a script in your hands; its state outlives exceptions and its end."
        ),
        "run": Verb("livespark.cli.start:run", "Run a script to its end."),
    },
    "Snapshots": {
        "snapshot": Verb("livespark.cli.snapshot:snapshot", "Save a run's state; list, compare, export what is saved."),
        "rewind": Verb("livespark.cli.rewind:rewind", "Take a run back to a snapshot's state."),
        "fork": Verb("livespark.cli.start:fork", "Start a second run from a snapshot, with other code or numbers."),
    },
    "Look": {
        "ps": Verb("livespark.cli.look:ps", "List live runs."),
        "show": Verb("livespark.cli.look:show", "Show one run and what it exposes."),
        "logs": Verb("livespark.cli.logs:logs", "Print what a run has written."),
        "code": Verb("livespark.cli.code:code", "List a run's reloads; print the source it ran."),
        "open": Verb("livespark.cli.look:open_page", "Open a run's page, signed in."),
        "wait": Verb("livespark.cli.look:wait", "Wait for a run's end; exit as it does."),
    },
    "Control": {
        "pause": Verb("livespark.cli.control:pause", "Let a run stand still at its next checkpoint."),
        "resume": Verb("livespark.cli.control:resume", "Let a paused run go on."),
        "stop": Verb("livespark.cli.control:stop", "End a run at its next checkpoint."),
        "cancel": Verb("livespark.cli.control:cancel", "End a run as cancelled, by force after a grace period."),
        "reload": Verb("livespark.cli.reload:reload", "Give a run new code; its state is kept."),
        "set": Verb("livespark.cli.control:set_values", "Change exposed values: livespark set state.lr=3e-4"),
        "call": Verb("livespark.cli.control:call", "Call an exposed function: livespark call train epochs=3"),
    },
    "Server": {
        "serve": Verb("livespark.cli.serve:serve", "Run the server in the foreground."),
        "server": Verb("livespark.cli.server:server", "Look at the local server, stop it, or have it started at boot."),
    },
}


class _Verbs(click.Group):
    """Commands that are imported when they are used."""

    def list_commands(self, _context: click.Context) -> list[str]:
        return [name for verbs in VERBS.values() for name in verbs]

    def get_command(self, _context: click.Context, name: str) -> click.Command | None:
        for verbs in VERBS.values():
            if name in verbs:
                module, _, attribute = verbs[name].where.partition(":")
                command: click.Command = getattr(importlib.import_module(module), attribute)
                return command
        return None

    def format_commands(self, _context: click.Context, formatter: click.HelpFormatter) -> None:
        for title, verbs in VERBS.items():
            with formatter.section(title):
                formatter.write_dl([(name, verb.help) for name, verb in verbs.items()])


@click.group(cls=_Verbs, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(__version__, "-V", "--version", message="Livespark %(version)s")
def cli() -> None:
    """Hold a running PyTorch training loop in your hands.

    \b
      livespark dev train.py      run it, open its page, keep its state
      livespark pause             at the next checkpoint
      livespark set state.lr=1e-4 between two steps

    RUN is a run's id or the beginning of it; without it the only live run is meant.
    """


def main(arguments: Sequence[str] | None = None) -> None:
    """Execute a command line and exit."""
    sys.exit(exit_status(lambda: cli.main(args=arguments, prog_name="livespark", standalone_mode=False)))


if __name__ == "__main__":
    main()
