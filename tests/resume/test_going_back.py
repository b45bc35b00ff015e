"""Going back to a snapshot: what is trained behind it is bit for bit what was trained the first time."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from livespark.protocol.commands import Answer
from livespark.protocol.events import Answered, Notice, Rewound
from livespark.protocol.snapshots import Snapshotting
from tests.resume.alone import Alone, Nursery

_SCRIPT = Path(__file__).with_name("there_and_back.py")
_STEPS = 24
_MEMORY = Snapshotting(every_seconds=0, on_end=False, memory=4)
_DISK = Snapshotting(every_seconds=0, on_end=False, memory=0)
_STOP = ("idle", {"kind": "stop"})
_SNAPSHOT = {"kind": "snapshot"}

Order = tuple[int | str, dict[str, Any]]


@pytest.fixture(scope="module")
def expected(tmp_path_factory: pytest.TempPathFactory, nursery: Nursery) -> dict[int, dict[int, str]]:
    """The losses of the undisturbed run, by the number of workers."""
    return {
        workers: _losses(Alone(tmp_path_factory.mktemp("whole"), _SCRIPT, nursery).run(_MEMORY, WORKERS=workers)[1])
        for workers in (0, 2)
    }


class Story:
    """One run with orders."""

    def __init__(
        self, folder: Path, nursery: Nursery, policy: Snapshotting, orders: Sequence[Order], **rest: Any
    ) -> None:
        self.run = Alone(folder, _SCRIPT, nursery)
        self.code, self.lines = self.run.run(policy, ORDERS=json.dumps(orders), **rest)

    @property
    def losses(self) -> list[str]:
        return [line for line in self.lines if line.startswith("loss ")]

    @property
    def steps(self) -> list[int]:
        return [int(line.split()[1]) for line in self.losses]

    @property
    def rewound(self) -> list[Rewound]:
        return [event for event in self.run.events() if isinstance(event, Rewound)]

    @property
    def answers(self) -> list[Answer]:
        answered = [event for event in self.run.events() if isinstance(event, Answered)]
        return [event.answer for event in sorted(answered, key=lambda event: event.number)]

    @property
    def notices(self) -> list[str]:
        return [event.text for event in self.run.events() if isinstance(event, Notice)]

    def is_as(self, expected: dict[int, str]) -> None:
        """Each loss of each pass is what the undisturbed run had at this step."""
        assert self.code in (0, 3), self.lines
        assert self.notices == []
        assert self.losses == [expected[step] for step in self.steps]


def _losses(lines: list[str]) -> dict[int, str]:
    losses = {int(line.split()[1]): line for line in lines if line.startswith("loss ")}
    assert len(losses) == _STEPS, lines
    return losses


def _until(*parts: tuple[int, int]) -> list[int]:
    return [step for first, last in parts for step in range(first, last + 1)]


@pytest.mark.parametrize("workers", [0, 2])
@pytest.mark.parametrize("policy", [_MEMORY, _DISK], ids=["memory", "disk"])
def test_back_and_back_again(
    tmp_path: Path, nursery: Nursery, expected: dict[int, dict[int, str]], policy: Snapshotting, workers: int
) -> None:
    """Within an epoch, to the epoch before, to the older branch, and forth."""
    orders: list[Order] = [
        (5, _SNAPSHOT),
        (9, _SNAPSHOT),
        (11, {"kind": "rewind"}),
        (15, _SNAPSHOT),
        (17, {"kind": "rewind", "snapshot": 1}),
        (18, {"kind": "rewind", "snapshot": 3}),
        (20, {"kind": "rewind", "step": 12}),
    ]
    story = Story(tmp_path / "run", nursery, policy, orders, WORKERS=workers)
    story.is_as(expected[workers])
    assert story.steps == _until((1, 11), (10, 15), (6, 6), (14, 15), (10, 24))
    assert [event.snapshot for event in story.rewound] == [2, 1, 3, 2]
    assert {event.in_memory for event in story.rewound} == {policy is _MEMORY}


@pytest.mark.parametrize("policy", [_MEMORY, _DISK], ids=["memory", "disk"])
def test_paused_it_stays_paused_and_idle_it_runs_again(
    tmp_path: Path, nursery: Nursery, expected: dict[int, dict[int, str]], policy: Snapshotting
) -> None:
    orders: list[Order] = [
        (5, _SNAPSHOT),
        (8, {"kind": "pause"}),
        ("paused", {"kind": "rewind"}),
        ("paused", {"kind": "resume"}),
        ("idle", {"kind": "rewind"}),
        _STOP,
    ]
    story = Story(tmp_path / "run", nursery, policy, orders, stay=True)
    story.is_as(expected[0])
    assert story.steps == _until((1, 8), (6, 24), (6, 24))
    assert [event.from_step for event in story.rewound] == [8, 24]
    assert {answer.outcome for answer in story.answers} == {"applied"}


def test_held_it_goes_on_from_before(tmp_path: Path, nursery: Nursery, expected: dict[int, dict[int, str]]) -> None:
    orders: list[Order] = [(5, _SNAPSHOT), ("held", {"kind": "rewind"}), _STOP]
    story = Story(tmp_path / "run", nursery, _MEMORY, orders, stay=True, RAISES=9)
    story.is_as(expected[0])
    assert story.steps == _until((1, 8), (6, 24))


@pytest.mark.parametrize("policy", [_MEMORY, _DISK], ids=["memory", "disk"])
def test_in_the_middle_of_an_item(
    tmp_path: Path, nursery: Nursery, expected: dict[int, dict[int, str]], policy: Snapshotting
) -> None:
    orders: list[Order] = [(5, _SNAPSHOT), (9, {"kind": "rewind"}), (15, _SNAPSHOT), (18, {"kind": "rewind"})]
    story = Story(tmp_path / "run", nursery, policy, orders, WITHIN=1)
    story.is_as(expected[0])
    assert story.steps == _until((1, 8), (6, 13), (12, 24)) or story.steps == _until((1, 8), (6, 14), (12, 24))


@pytest.mark.parametrize("expose", [{}, {"EXPOSE": 1}], ids=["found", "exposed"])
@pytest.mark.parametrize("policy", [_MEMORY, _DISK], ids=["memory", "disk"])
def test_values_are_set_before_the_next_step(
    tmp_path: Path, nursery: Nursery, policy: Snapshotting, expose: dict[str, Any]
) -> None:
    """The step after going back is made with the new rate, also where the optimizer was found."""
    orders: list[Order] = [
        (5, _SNAPSHOT),
        (9, {"kind": "rewind", "values": {"optimizer.weight_decay": 0.5, "nothing": 1}}),
    ]
    story = Story(tmp_path / "run", nursery, policy, orders, **expose)
    asked: list[Order] = [(5, {"kind": "set", "values": {"optimizer.weight_decay": 0.5}})]
    at_once = Story(tmp_path / "other", nursery, _MEMORY, asked, **expose)
    assert story.steps == _until((1, 9), (6, 24))
    assert story.losses[9:] == at_once.losses[5:]
    assert [event.values for event in story.rewound] == [{"optimizer.weight_decay": 0.5}]
    assert [event.message for event in story.rewound] == ["nothing is not exposed, so it was not set"]


def test_what_can_not_be(tmp_path: Path, nursery: Nursery, expected: dict[int, dict[int, str]]) -> None:
    orders: list[Order] = [
        (2, {"kind": "rewind"}),
        (5, _SNAPSHOT),
        (7, {"kind": "rewind", "snapshot": 9}),
        (8, {"kind": "rewind", "step": 4}),
    ]
    story = Story(tmp_path / "run", nursery, _MEMORY, orders)
    story.is_as(expected[0])
    assert story.steps == _until((1, 24))
    refused = [answer.message for answer in story.answers if answer.outcome == "refused"]
    assert refused == [
        "there is no snapshot yet: `livespark snapshot` takes one",
        "there is no snapshot 9: there are 1 (step 5)",
        "no snapshot is that old: there are 1 (step 5)",
    ]


def test_twice_at_once_and_a_stop_at_once(
    tmp_path: Path, nursery: Nursery, expected: dict[int, dict[int, str]]
) -> None:
    """Each is done, in order; what a stop overtakes is refused."""
    orders: list[Order] = [
        (3, _SNAPSHOT),
        (5, _SNAPSHOT),
        (9, {"kind": "rewind"}),
        (9, {"kind": "rewind", "snapshot": 1}),
        (14, {"kind": "rewind"}),
        (14, {"kind": "stop"}),
    ]
    story = Story(tmp_path / "run", nursery, _MEMORY, orders)
    story.is_as(expected[0])
    assert story.code == 3
    assert [(answer.outcome, answer.message) for answer in story.answers][-4:] == [
        ("applied", ""),
        ("applied", ""),
        ("refused", "stopped"),
        ("applied", ""),
    ]
    assert story.steps == _until((1, 9), (6, 6), (4, 7))


def test_together_with_a_reload(tmp_path: Path, nursery: Nursery, expected: dict[int, dict[int, str]]) -> None:
    orders: list[Order] = [
        (5, _SNAPSHOT),
        (9, {"kind": "rewind"}),
        (9, {"kind": "reload"}),
        (14, {"kind": "reload"}),
        (14, {"kind": "rewind"}),
    ]
    story = Story(tmp_path / "run", nursery, _MEMORY, orders)
    story.is_as(expected[0])
    assert {answer.outcome for answer in story.answers} == {"applied"}
    assert len(story.rewound) == 2
    assert story.steps[:9] == _until((1, 9))
    assert story.steps[9:] == _until((10, 10), (6, 10), (6, 24))


@pytest.mark.parametrize("policy", [_MEMORY, _DISK], ids=["memory", "disk"])
def test_skipped_items_are_left_out(tmp_path: Path, nursery: Nursery, policy: Snapshotting) -> None:
    """The model is that of then, the data goes on: within an epoch, and where the run stood in the next one."""
    orders: list[Order] = [
        (5, _SNAPSHOT),
        (9, {"kind": "rewind", "skip": True}),
        (15, {"kind": "rewind", "skip": True}),
    ]
    story = Story(tmp_path / "run", nursery, policy, orders)
    assert (story.code, story.notices) == (0, [])
    assert story.steps == _until((1, 9), (6, 11), (6, 14))
    assert len({story.losses[at].split()[2] for at in (5, 9, 15)}) == 3


def test_a_script_that_raises_on_its_way_goes_on_when_it_is_mended(
    tmp_path: Path, nursery: Nursery, expected: dict[int, dict[int, str]]
) -> None:
    """The rewind has failed for whoever asked; what it has put back stays, and the mended script goes on from there."""
    orders: list[Order] = [
        (5, _SNAPSHOT),
        (9, {"kind": "rewind"}),
        ("held", {"kind": "reload"}),
        _STOP,
    ]
    story = Story(tmp_path / "run", nursery, _MEMORY, orders, stay=True, RAISES_AFTER=9)
    story.is_as(expected[0])
    assert story.steps == _until((1, 9), (6, 24))
    assert [answer.outcome for answer in story.answers] == ["applied", "failed", "applied", "applied"]
