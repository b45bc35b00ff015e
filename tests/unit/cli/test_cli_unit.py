"""The unit that starts the server at boot."""

import configparser
import subprocess
from pathlib import Path
from shutil import which

import pytest

from livespark.cli.main import cli
from livespark.cli.report import exit_status
from livespark.cli.unit import unit_file
from livespark.settings import Settings


def parsed(text: str) -> configparser.ConfigParser:
    parser = configparser.ConfigParser(interpolation=None, strict=False, delimiters=("=",))
    parser.optionxform = str  # type: ignore[assignment,method-assign]
    parser.read_string(text)
    return parser


def test_the_unit_starts_this_server_and_leaves_its_runs_alone() -> None:
    """This interpreter, this home; stopping it ends no run, idling does not end it."""
    text = unit_file("/opt/venv/bin/python", Settings(home=Path("/home/me/livespark")), {})
    service = parsed(text)["Service"]
    assert service["ExecStart"] == '"/opt/venv/bin/python" -m livespark.cli.main serve'
    assert service["KillMode"] == "process"
    assert text.splitlines().count('Environment="LIVESPARK_HOME=/home/me/livespark"') == 1
    assert text.splitlines().count('Environment="LIVESPARK_IDLE_TIMEOUT=0"') == 1
    assert parsed(text)["Install"]["WantedBy"] == "default.target"


def test_odd_paths_come_through() -> None:
    """Blanks, quotes, and what systemd would replace."""
    text = unit_file('/a "b"/100% $x/python', Settings(home=Path("/a b/50%")), {"LIVESPARK_CONFIG": "/c\\d.toml"})
    assert r'ExecStart="/a \"b\"/100%% $$x/python" -m' in text
    assert 'Environment="LIVESPARK_HOME=/a b/50%%"' in text
    assert r'Environment="LIVESPARK_CONFIG=/c\\d.toml"' in text


@pytest.mark.skipif(not which("systemd-analyze"), reason="no systemd here")
def test_systemd_accepts_it(tmp_path: Path) -> None:
    """Not one complaint."""
    path = tmp_path / "livespark.service"
    path.write_text(unit_file("/bin/true", Settings(home=tmp_path), {}))
    done = subprocess.run(["systemd-analyze", "--user", "verify", path], capture_output=True, text=True, timeout=60)
    assert "livespark.service" not in done.stderr


def test_the_command_prints_it_and_says_how(capsys: pytest.CaptureFixture[str], home: Path) -> None:
    """The unit alone on stdout, so that it can be sent into a file; nothing is started."""
    assert exit_status(lambda: cli.main(args=["server", "unit"], prog_name="livespark", standalone_mode=False)) == 0
    out, err = capsys.readouterr()
    assert out.startswith("[Unit]\n")
    assert f'"LIVESPARK_HOME={home}"' in out
    assert "systemctl --user enable --now livespark" in err
    assert not home.exists()
