"""A run that goes back by itself when its loss is no number, or far from the ordinary."""

from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from livespark.protocol.events import Notice, Rewound
from livespark.protocol.snapshots import AutoRewind, Rule, Snapshotting
from tests.resume.alone import Alone, Nursery

_SCRIPT = Path(__file__).with_name("tripping.py")
_AUTO = AutoRewind(steps=5, times=2, rules=[Rule("state.rate", "*=", 0.5)])


class _Story:
    def __init__(
        self, folder: Path, nursery: Nursery, auto: AutoRewind, *, memory: int = 4, **environment: Any
    ) -> None:
        run = Alone(folder, _SCRIPT, nursery)
        policy = Snapshotting(every_seconds=0, on_end=False, memory=memory, rewind=auto)
        self.code, self.lines = run.run(policy, **environment)
        assert self.code == 0, self.lines
        told = [line.split() for line in self.lines if line.startswith("item ")]
        self.items = [int(words[1]) for words in told]
        self.rates = [float(words[2]) for words in told]
        self.losses = [words[3] for words in told]
        self.rewound = [event for event in run.events() if isinstance(event, Rewound)]
        self.notices = [event.text for event in run.events() if isinstance(event, Notice)]


@pytest.mark.parametrize("memory", [4, 0], ids=["memory", "disk"])
@pytest.mark.parametrize("environment", [{}, {"TENSOR": 1}], ids=["number", "tensor"])
def test_a_bad_batch_is_left_out(tmp_path: Path, nursery: Nursery, environment: dict[str, Any], memory: int) -> None:
    story = _Story(tmp_path / "run", nursery, replace(_AUTO, skip=True), memory=memory, BAD=17, **environment)
    assert story.items == list(range(40))
    assert [loss for loss in story.losses if loss != "1.0"] == ["nan"]
    assert story.rates == [1.0] * 18 + [0.5] * 22
    [event] = story.rewound
    assert (event.automatic, event.reason, event.in_memory) == (True, "loss is nan", memory > 0)
    assert (event.step, event.from_step) == (10, 18)
    assert event.values == {"state.rate": 0.5}
    assert story.notices == []


def test_without_leaving_it_out_it_goes_back_as_often_as_was_said(tmp_path: Path, nursery: Nursery) -> None:
    """The rules add up: the same snapshot is not gone on from with the same rate twice."""
    story = _Story(tmp_path / "run", nursery, _AUTO, BAD=17)
    assert story.items == [*range(18), *range(10, 18), *range(10, 40)]
    assert story.rates == [1.0] * 18 + [0.5] * 8 + [0.25] * 30
    assert [event.values for event in story.rewound] == [{"state.rate": 0.5}, {"state.rate": 0.25}]
    assert story.notices == ["loss is nan at step 18, and the run has gone back 2 times by itself: it goes on"]


def test_soon_after_the_beginning_it_goes_back_to_the_oldest(tmp_path: Path, nursery: Nursery) -> None:
    story = _Story(tmp_path / "run", nursery, replace(_AUTO, steps=10, times=1, skip=True), BAD=3)
    assert story.items == list(range(40))
    assert [event.step for event in story.rewound] == [1]
    assert story.losses[4:] == ["1.0"] * 36


def test_a_spike(tmp_path: Path, nursery: Nursery) -> None:
    auto = AutoRewind(steps=5, times=1, spike=3.0, skip=True)
    story = _Story(tmp_path / "run", nursery, auto, BAD=25, VALUE=4)
    assert story.items == list(range(40))
    assert [event.reason for event in story.rewound] == ["loss is 4, more than 3 times its median of 1"]
    assert story.losses[26:] == ["1.0"] * 14
