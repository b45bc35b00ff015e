"""What the documentation says of the format is true."""

import re
from pathlib import Path
from typing import Any

import pytest
import torch

from livespark.protocol.snapshots import Manifest
from livespark.runtime.snapshots.trees import Encoder, saved_value
from livespark.snapshots.folder import ArrayData, Draft, Folder
from tests.unit.snapshots.drafts import KEY, draft

PAGE = Path(__file__).parents[3] / "docs" / "snapshots.md"


def reader() -> Any:
    """The function `read` of the page."""
    (source,) = re.findall(r"```python\n(.*?)```", PAGE.read_text(), re.DOTALL)
    names: dict[str, Any] = {}
    exec(source, names)
    return names["read"]


def trained() -> tuple[torch.nn.Module, torch.optim.Optimizer]:
    net = torch.nn.Sequential(torch.nn.Linear(300, 200), torch.nn.BatchNorm1d(200))
    optimizer = torch.optim.Adam(net.parameters())
    net(torch.randn(4, 300)).square().sum().backward()
    optimizer.step()
    return net, optimizer


@pytest.mark.timeout(60)
def test_the_reader_in_the_documentation_reads_a_snapshot(tmp_path: Path) -> None:
    """With JSON and safetensors alone: the state of a model and an optimizer, bit for bit, and plain values."""
    net, optimizer = trained()
    encoder = Encoder(lambda tensor: tensor.detach().clone())
    persisted = {"net": net, "optimizer": optimizer, "best": {"accuracy": 0.5, "at": (3, 4)}}
    values = {key: saved_value(encoder, key, value, {}) for key, value in persisted.items()}
    plain = draft(7).manifest
    manifest = Manifest(plain.format, plain.run, plain.info, values, [])
    Folder(tmp_path, KEY).write(Draft(manifest, [ArrayData(*leaf) for leaf in encoder.leaves]))

    found = reader()(tmp_path, 7)
    other, another = trained()
    other.load_state_dict(found["net"])
    another.load_state_dict(found["optimizer"])

    assert found["best"] == {"accuracy": 0.5, "at": (3, 4)}
    assert all(torch.equal(value, net.state_dict()[key]) for key, value in other.state_dict().items())
    mine, theirs = optimizer.state_dict(), another.state_dict()
    assert mine["param_groups"] == theirs["param_groups"]
    assert all(
        torch.equal(value, theirs["state"][index][key])
        for index, state in mine["state"].items()
        for key, value in state.items()
    )


def test_the_reader_is_short() -> None:
    """Ten lines."""
    (source,) = re.findall(r"def read.*?```", PAGE.read_text(), re.DOTALL)

    assert len(source.strip("`").strip().splitlines()) <= 10
