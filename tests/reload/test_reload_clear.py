"""Persisted values that a reload makes anew, because they could not follow an edit."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.reload.live import Live, Nursery

_NET = """
import torch

class Net(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.first = torch.nn.Linear(1, 1)

    def forward(self, x):
        return self.first(x)
"""
_DEEPER = _NET.replace(
    "    def forward(self, x):\n        return self.first(x)",
    "        self.last = torch.nn.Linear(1, 1)\n\n    def forward(self, x):\n        return self.last(self.first(x))",
)
_SCRIPT = """
import stepping
import torch
from subject import Net

import livespark as spark

net = spark.persist("net", Net)
opt = spark.persist("opt", lambda: torch.optim.SGD(net.parameters(), lr=0.1))
state = spark.persist("state", lambda: {"step": 0})
trainer = {"net": net}
for number in spark.loop("steps", range(1_000_000)):
    trainer["net"](torch.ones(1, 1)).sum().backward()
    opt.step()
    state["step"] += 1
    optimized = sum(len(group["params"]) for group in opt.param_groups)
    stepping.report([state["step"], len(list(net.parameters())), optimized])
"""

_PLAIN = """
net = Net()
opt = torch.optim.SGD(net.parameters(), lr=0.1)
TIMES = 1
while True:
    net(torch.ones(1, 1)).sum().backward()
    opt.step()
    stepping.report(TIMES)
    spark.checkpoint()
"""


@pytest.fixture
def live(torch_nursery: Nursery, tmp_path: Path) -> Iterator[Live]:
    """A module of the project has been given a layer that the living model lacks; that has been refused."""
    (tmp_path / "subject.py").write_text(_NET)
    (tmp_path / "script.py").write_text(_SCRIPT)
    with torch_nursery.worker(tmp_path) as live:
        assert live.seen() == [1, 2, 2]
        live.calm()
        (tmp_path / "subject.py").write_text(_DEEPER)
        reloaded, _ = live.reloaded()
        assert reloaded["outcome"] == "refused"
        assert "the persisted value 'net' has no last" in reloaded["message"]
        yield live


def test_a_model_that_lacks_a_layer_is_made_anew_with_its_optimizer(live: Live) -> None:
    """The script holds the old model in many places; it lets go of them when it runs again. What else is kept stays."""
    before = live.step()
    asked = live.ask("reload", clear=["net", "opt"])
    while not live.answer(asked):
        after = live.step()
    assert live.answer(asked)["outcome"] == "applied", live.answer(asked)
    after = live.step()
    assert after[0] > before[0]
    assert after[1:] == [4, 4]


def test_a_model_is_not_made_anew_without_its_optimizer(live: Live) -> None:
    """That would go on with the parameters of the old one, and nobody would notice."""
    asked = live.ask("reload", clear=["net"])
    while not live.answer(asked):
        live.step()
    answer = live.answer(asked)
    assert answer["outcome"] == "refused"
    assert "the persisted value 'opt' holds what is in 'net'" in str(answer)
    assert "--clear net --clear opt" in str(answer)
    assert live.step()[1:] == [2, 2]


def test_an_optimizer_is_made_anew_alone(live: Live) -> None:
    """The model does not hold what is its optimizer's own; but the edit can't follow with the old model."""
    asked = live.ask("reload", clear=["opt"])
    while not live.answer(asked):
        live.step()
    assert "has no last" in str(live.answer(asked))
    assert live.step()[1:] == [2, 2]


def test_a_script_that_persists_nothing_is_not_run_again_by_a_save(torch_nursery: Nursery, tmp_path: Path) -> None:
    """It would make a new model, and the trained one would be gone. Who asks for it gets it, and is told."""
    script = _SCRIPT[: _SCRIPT.index("net =")] + _PLAIN
    (tmp_path / "subject.py").write_text(_NET)
    (tmp_path / "script.py").write_text(script)
    with torch_nursery.worker(tmp_path) as live:
        live.seen()
        live.calm()
        (tmp_path / "script.py").write_text(script.replace("TIMES = 1", "TIMES = 2"))
        reloaded, seen = live.reloaded()
        assert (reloaded["outcome"], reloaded["kind"], seen) == ("refused", "hard", 1)
        assert "would begin with a new model" in reloaded["message"]
        asked = live.ask("reload")
        while not live.answer(asked):
            live.step()
        assert live.step() == 2
        assert "begun anew, with a new model" in live.reloads[-1]["message"]
