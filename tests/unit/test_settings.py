"""Flags win over the environment, which wins over the config file."""

from pathlib import Path

import pytest

from livespark import settings
from livespark.errors import SettingsError


def test_defaults_name_the_users_data_folder() -> None:
    """Without any setting, data lies in the platform's user data folder."""
    found = settings.load({"LIVESPARK_CONFIG": "/nowhere", "XDG_DATA_HOME": "/data"})

    assert found.home.name == "livespark"
    assert (found.server, found.token, found.idle_timeout) == (None, None, 900.0)


def test_precedence(tmp_path: Path) -> None:
    """The file is the weakest, a flag the strongest, and a flag of None is no flag."""
    config = tmp_path / "config.toml"
    config.write_text('home = "/file"\nserver = "http://file"\nidle_timeout = 5\n')
    environment = {"LIVESPARK_CONFIG": str(config), "LIVESPARK_SERVER": "http://environment", "LIVESPARK_HOME": "/env"}

    found = settings.load(environment, home="/flag", server=None)

    assert (found.home, found.server, found.idle_timeout) == (Path("/flag"), "http://environment", 5.0)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("home = ", "can't be read"),
        ("hom = 'x'\n", "unknown setting: hom"),
        ("token = 'x'\n", "unknown setting: token"),
        ("idle_timeout = 'soon'\n", "idle_timeout in .* is 'soon'; expected a number"),
        ("idle_timeout = -1\n", "not negative"),
        ("idle_timeout = nan\n", "not negative"),
    ],
)
def test_a_wrong_config_file_is_named(tmp_path: Path, content: str, message: str) -> None:
    """A mistake in the file is an error that names file and setting, not a setting silently ignored."""
    config = tmp_path / "config.toml"
    config.write_text(content)

    with pytest.raises(SettingsError, match=message) as caught:
        settings.load({"LIVESPARK_CONFIG": str(config)})
    assert str(config) in str(caught.value)


def test_a_wrong_variable_is_named() -> None:
    """A mistake in the environment names the variable."""
    with pytest.raises(SettingsError, match="LIVESPARK_SPOOL_LIMIT is 'big'"):
        settings.load({"LIVESPARK_CONFIG": "/nowhere", "LIVESPARK_SPOOL_LIMIT": "big"})
