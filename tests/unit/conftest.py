"""What unit tests share."""

import sys
from collections.abc import Iterator
from typing import Any

import pytest


@pytest.fixture(scope="module")
def mesh() -> Iterator[Any]:
    """A device mesh of one process. Its group has its own way to print exceptions, which is not for other tests."""
    import torch.distributed as dist
    from torch.distributed.device_mesh import init_device_mesh

    hook = sys.excepthook
    dist.init_process_group("cpu:gloo", store=dist.HashStore(), rank=0, world_size=1)  # type: ignore[attr-defined]
    yield init_device_mesh("cpu", (1,))
    dist.destroy_process_group()
    sys.excepthook = hook
