"""The systemd user unit that starts the local server at boot. No I/O.

`KillMode=process`: stopping the server leaves the runs alone, which are below it in the unit's control group. The
server does not end itself when it is idle. Where one runs already that a command has started, the unit waits for its
end.
"""

from collections.abc import Mapping
from typing import Final

from livespark.settings import Settings

__all__ = ("HOW", "unit_file")

_UNIT: Final = """\
[Unit]
Description=Livespark server
StartLimitIntervalSec=0

[Service]
ExecStart={command}
{environment}
KillMode=process
Restart=on-failure
RestartSec=10

[Install]
WantedBy=default.target
"""
HOW: Final = """\
livespark: to enable it:
    mkdir -p ~/.config/systemd/user
    livespark server unit > ~/.config/systemd/user/livespark.service
    livespark server stop
    systemctl --user daemon-reload
    systemctl --user enable --now livespark
    loginctl enable-linger      # at boot, before you log in"""


def unit_file(python: str, settings: Settings, environ: Mapping[str, str]) -> str:
    """The unit's text: this interpreter, this home, this config file."""
    variables = {"LIVESPARK_HOME": str(settings.home), "LIVESPARK_IDLE_TIMEOUT": "0"}
    if config := environ.get("LIVESPARK_CONFIG"):
        variables["LIVESPARK_CONFIG"] = config
    command = " ".join([_quoted(python).replace("$", "$$"), "-m", "livespark.cli.main", "serve"])
    return _UNIT.format(command=command, environment="\n".join(_environment(variables)))


def _environment(variables: Mapping[str, str]) -> list[str]:
    return [f"Environment={_quoted(f'{name}={text}')}" for name, text in variables.items()]


def _quoted(text: str) -> str:
    """As systemd reads it: in quotes, with nothing left that it would replace."""
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("%", "%%").replace("\n", "\\n")
    return f'"{escaped}"'
