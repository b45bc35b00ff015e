"""How a command ends: an exit status, and for everything that went wrong one line that says what to do next."""

import os
import sys
import tempfile
import time
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from livespark import settings
from livespark.cli.plain import plain
from livespark.errors import AuthenticationFailed, CallFailed, LivesparkError, SettingsError, UsageError

__all__ = ("exit_status", "say")


def say(text: str) -> None:
    """A line of ours, on stderr."""
    click.echo(f"livespark: {plain(text)}", err=True)


def exit_status(command: Callable[[], Any]) -> int:
    """Execute `command` and report what it raises.

    0, or what the command returned; 1 for failures, 2 for wrong usage, 130 for Ctrl-C.
    """
    try:
        result = command()
    except click.exceptions.NoArgsIsHelpError as error:
        click.echo(error.format_message(), err=True)
        return 2
    except click.ClickException as error:
        say(_usage(error))
        return 2
    except (UsageError, SettingsError) as error:
        say(str(error))
        return 2
    except (KeyboardInterrupt, click.Abort):
        return 130
    except BrokenPipeError:
        return _without_reader()
    except LivesparkError as error:
        return _failed(error)
    except Exception as error:
        say(_crash(error))
        return 1
    return result if isinstance(result, int) else 0


def _failed(error: LivesparkError) -> int:
    if isinstance(error, CallFailed) and error.traceback:
        click.echo(plain(error.traceback.rstrip("\n")), err=True)
    say(_advised(error))
    return 1


def _advised(error: LivesparkError) -> str:
    """What the one who typed the command can do about it, where the error itself can't know."""
    if isinstance(error, AuthenticationFailed) and error.status == 401:
        return "the server does not accept the token. Check LIVESPARK_TOKEN; without it the local server's own is used"
    return str(error)


def _usage(error: click.ClickException) -> str:
    context = getattr(error, "ctx", None)
    where = context.command_path if context else "livespark"
    return f"{error.format_message().rstrip('.')}. `{where} --help` tells more"


def _without_reader() -> int:
    """Whoever read our output has gone (`livespark ps | head`).

    Python must not notice it again when it flushes at its end.
    """
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return 1


def _crash(error: Exception) -> str:
    what = f"an error of Livespark's own: {type(error).__name__}: {error}"
    text = "".join(traceback.format_exception(error))
    name = f"crash-{time.strftime('%Y%m%d-%H%M%S')}-{os.getpid()}.txt"
    for folder in (_home, lambda: Path(tempfile.gettempdir())):
        try:
            path = folder() / name
            path.write_text(f"{sys.argv}\n{text}")
        except (OSError, SettingsError):
            continue
        return f"{what}. The report is in {path}; please send it to us"
    return f"{what}. No report could be written"


def _home() -> Path:
    return settings.load().home
