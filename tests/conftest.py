"""What every test gets: a home of its own, and a look for what was left behind."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.processes import end_processes_of


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--full", action="store_true", help="run fault and fuzz tests with their large counts")


@pytest.fixture(scope="session")
def full(request: pytest.FixtureRequest) -> bool:
    """Whether the large counts are asked for."""
    return bool(request.config.getoption("--full"))


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A LIVESPARK_HOME of the test's own; no process that belongs to it outlives the test."""
    for name in [name for name in os.environ if name.startswith(("LIVESPARK_", "PYTHONUNBUFFERED"))]:
        monkeypatch.delenv(name)
    folder = tmp_path / "home"
    monkeypatch.setenv("LIVESPARK_HOME", str(folder))
    monkeypatch.setenv("LIVESPARK_CONFIG", str(tmp_path / "config.toml"))
    yield folder
    end_processes_of(folder)
