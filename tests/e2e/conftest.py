"""The stage of each story."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.stage import Stage


@pytest.fixture
def stage(home: Path, tmp_path: Path) -> Iterator[Stage]:
    """A home and an empty project folder; terminals end with the test."""
    folder = tmp_path / "project"
    folder.mkdir()
    stage = Stage(home, folder)
    yield stage
    stage.close()
