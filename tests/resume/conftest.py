"""One process for all that starts the workers."""

from collections.abc import Iterator

import pytest

from tests.resume.alone import Nursery


@pytest.fixture(scope="session")
def nursery() -> Iterator[Nursery]:
    made = Nursery()
    yield made
    made.close()
