"""The source that a run executed at some step: listed, printed, written into a folder."""

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path, PurePosixPath

import click

from livespark.cli import listing
from livespark.cli.options import as_json
from livespark.cli.plain import plain
from livespark.cli.report import say
from livespark.client import Client
from livespark.errors import UsageError
from livespark.protocol.code import CodeFile, CodeList, CodeText
from livespark.protocol.ids import RunId

__all__ = ("pick", "show_source", "write_into")

_HEAD = ("PATH", "HASH", "LINES")
_SHORT = 12


def show_source(
    client: Client, run: RunId, file: str | None, step: int | None, into: Path | None, json_wanted: bool
) -> None:
    """Print `file`, or list all files; with `into`, write them there instead. Raises UsageError, NotFound."""
    query = {} if step is None else {"step": step}
    files = client.api.get(f"/api/runs/{run}/code", CodeList, query).files
    chosen = files if file is None else [pick(files, file)]
    if not chosen:
        return _say_none(json_wanted)
    kept = [each for each in chosen if each.size is not None or file is not None]
    texts = {each.path: _text(client, run, each.hash) for each in kept}
    if into is not None:
        write_into(into, texts)
        lost = ", ".join(each.path for each in chosen if each not in kept)
        more = f"; the text of {lost} is not kept" if lost else ""
        say(f"{len(texts)} file{'' if len(texts) == 1 else 's'} written into {into}{more}")
    if json_wanted:
        as_json(CodeList(chosen) if file is None else CodeText(chosen[0].hash, texts[chosen[0].path]))
    elif into is None and file is None:
        _list(chosen, texts)
    elif into is None:
        _print(texts[chosen[0].path])
    return None


def pick(files: Sequence[CodeFile], wanted: str) -> CodeFile:
    """The file of that path, or the only one whose path ends so. Raises UsageError."""
    found = [file for file in files if file.path == wanted] or [f for f in files if f.path.endswith(f"/{wanted}")]
    if len(found) == 1:
        return found[0]
    paths = ", ".join(file.path for file in found or files)
    if found:
        raise UsageError(f"{wanted} could be any of {paths}. Say which one")
    raise UsageError(f"the run has not executed a file {wanted}; there is {paths or 'none at all'}")


def write_into(folder: Path, texts: Mapping[str, str]) -> None:
    """Write each text below `folder`. Raises UsageError, before anything is written, where one would lie elsewhere or
    where a file is in the way."""
    targets = {_target(folder, path): text for path, text in texts.items()}
    for target in targets:
        if target.exists() or target.is_symlink():
            raise UsageError(f"{target} is there already; nothing was written. Name an empty folder")
    try:
        for target, text in targets.items():
            target.parent.mkdir(parents=True, exist_ok=True)
            with target.open("xb") as file:
                file.write(text.encode())
    except OSError as error:
        raise UsageError(f"{error.filename or folder} can't be written: {error.strerror}") from None


def _target(folder: Path, path: str) -> Path:
    """Links on the way are followed. Raises UsageError."""
    pure = PurePosixPath(path)
    target = folder.joinpath(*pure.parts)
    if "\0" in path or not pure.parts or pure.is_absolute() or not target.resolve().is_relative_to(folder.resolve()):
        raise UsageError(f"{path!r} does not lie within {folder}; nothing was written. Print it alone, with --step")
    return target


def _text(client: Client, run: RunId, hash: str) -> str:
    return client.api.get(f"/api/runs/{run}/code/{hash}", CodeText).text


def _print(text: str) -> None:
    """Byte by byte; to people, so that it does nothing to their terminal."""
    shown = plain(text.replace("\r\n", "\n")) if sys.stdout.isatty() else text
    sys.stdout.buffer.write(shown.encode())
    sys.stdout.buffer.flush()


def _list(files: Sequence[CodeFile], texts: Mapping[str, str]) -> None:
    counts = {path: f"{len(text.splitlines()):,}" for path, text in texts.items()}
    rows = [(file.path, file.hash[:_SHORT], counts.get(file.path, "")) for file in files]
    click.echo("\n".join(listing.table([_HEAD, *rows])))


def _say_none(json_wanted: bool) -> None:
    if json_wanted:
        as_json(CodeList([]))
    else:
        say("the run has reported no source up to then")
