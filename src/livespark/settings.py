"""One frozen settings object, from flags, environment and the config file, in this order of precedence.

| setting | environment | config file | default |
|---|---|---|---|
| home | LIVESPARK_HOME | home | the platform's user data folder |
| server | LIVESPARK_SERVER | server | the local server of `home` |
| token | LIVESPARK_TOKEN | - | the local server's own token file |
| idle_timeout | LIVESPARK_IDLE_TIMEOUT | idle_timeout | 900 seconds; 0: never |
| spool_limit | LIVESPARK_SPOOL_LIMIT | spool_limit | 268435456 bytes |
| event_limit | LIVESPARK_EVENT_LIMIT | event_limit | 5000000 events kept per run |
| database_limit | LIVESPARK_DATABASE_LIMIT | database_limit | 0 bytes: as large as the disk allows |

The config file is `$LIVESPARK_CONFIG`, else `livespark/config.toml` in the platform's user config folder.
"""

import os
import sys
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from livespark.errors import SettingsError

__all__ = ("Settings", "load")


@dataclass(frozen=True, kw_only=True)
class Settings:
    """Sizes in bytes, times in seconds."""

    home: Path
    server: str | None = None
    token: str | None = None
    idle_timeout: float = 900.0
    spool_limit: int = 256 * 1024**2
    event_limit: int = 5_000_000
    database_limit: int = 0

    @property
    def server_file(self) -> Path:
        """Where the local server writes its address while it runs."""
        return self.home / "server.json"

    @property
    def token_file(self) -> Path:
        """The local server's admin token, mode 0600."""
        return self.home / "token"

    def run_dir(self, run: str) -> Path:
        """The directory shared by keeper, worker and local engine of one run."""
        return self.home / "runs" / run

    def snapshot_dir(self, run: str) -> Path:
        """Where one run's snapshots lie."""
        return self.run_dir(run) / "snapshots"


def load(environ: Mapping[str, str] | None = None, **flags: Any) -> Settings:
    """The settings that count now. Flags that are None count as not given. Raises SettingsError."""
    environ = os.environ if environ is None else environ
    given = _from_file(environ) | _from_environment(environ)
    given |= {name: value for name, value in flags.items() if value is not None}
    given["home"] = Path(given.get("home") or _data_folder(environ)).expanduser().absolute()
    return Settings(**given)


_READERS: dict[str, type] = {
    "home": str,
    "server": str,
    "token": str,
    "idle_timeout": float,
    "spool_limit": int,
    "event_limit": int,
    "database_limit": int,
}
_EXPECTED: dict[type, str] = {str: "text", float: "a number", int: "a whole number"}


def _from_environment(environ: Mapping[str, str]) -> dict[str, Any]:
    return {
        name: _read(name, environ[variable], f"the environment variable {variable}")
        for name in _READERS
        if environ.get(variable := f"LIVESPARK_{name.upper()}")
    }


def _from_file(environ: Mapping[str, str]) -> dict[str, Any]:
    path = Path(environ.get("LIVESPARK_CONFIG") or _config_folder(environ) / "config.toml").expanduser()
    try:
        table = tomllib.loads(path.read_text())
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as error:
        raise SettingsError(f"the config file {path} can't be read: {error}") from None
    if unknown := sorted(table.keys() - (_READERS.keys() - {"token"})):
        raise SettingsError(f"the config file {path} has an unknown setting: {unknown[0]}")
    return {name: _read(name, value, f"{name} in {path}") for name, value in table.items()}


def _read(name: str, value: Any, where: str) -> Any:
    try:
        result = _READERS[name](value)
    except (TypeError, ValueError):
        raise SettingsError(f"{where} is {value!r}; expected {_EXPECTED[_READERS[name]]}") from None
    if isinstance(result, int | float) and not 0 <= result < float("inf"):
        raise SettingsError(f"{where} is {value!r}; expected a number that is not negative")
    return result


def _data_folder(environ: Mapping[str, str]) -> Path:
    if sys.platform == "darwin":
        return Path("~/Library/Application Support/livespark")
    return Path(environ.get("XDG_DATA_HOME") or "~/.local/share") / "livespark"


def _config_folder(environ: Mapping[str, str]) -> Path:
    if sys.platform == "darwin":
        return Path("~/Library/Application Support/livespark")
    return Path(environ.get("XDG_CONFIG_HOME") or "~/.config") / "livespark"
