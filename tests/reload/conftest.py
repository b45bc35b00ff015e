"""The nurseries of live workers: one with PyTorch, one without."""

from collections.abc import Iterator

import pytest

from tests.reload.live import Nursery


@pytest.fixture(scope="session")
def nursery(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Nursery]:
    """Workers without PyTorch."""
    nursery = Nursery(tmp_path_factory.mktemp("nursery"), "msgspec")
    yield nursery
    nursery.close()


@pytest.fixture(scope="session")
def torch_nursery(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Nursery]:
    """Workers that have imported PyTorch."""
    nursery = Nursery(tmp_path_factory.mktemp("torch"), "msgspec", "torch")
    yield nursery
    nursery.close()
