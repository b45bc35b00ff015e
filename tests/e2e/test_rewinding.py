"""A run goes back, with a real server: from wherever it stands, asked by the Python client and by the command line.

What it trains behind each return is, bit for bit, what it trained there before.
"""

import re
from collections.abc import Iterator
from typing import Any, Final

from livespark import connect
from livespark.client import RunProxy
from tests.e2e.stage import Stage, Terminal, eventually
from tests.e2e.test_cli_verbs import says

_RATE: Final = 0.01
TRAIN = f"""
import time
from pathlib import Path

import torch
from torch.utils.data import DataLoader, TensorDataset

import livespark as spark

made = torch.Generator().manual_seed(3)
data = TensorDataset(torch.randn(48, 8, generator=made), torch.randn(48, 1, generator=made))
torch.manual_seed(0)
net = spark.persist("net", lambda: torch.nn.Sequential(torch.nn.Linear(8, 1), torch.nn.Dropout(0.2)))
optimizer = spark.persist("optimizer", lambda: torch.optim.Adam(net.parameters(), lr={_RATE}))
state = spark.persist("state", lambda: {{"step": 0}})
spark.expose(optimizer=optimizer)
for epoch in spark.loop("epoch", range(10**6)):
    for x, y in spark.loop("batch", DataLoader(data, batch_size=4, shuffle=True)):
        assert not Path("trouble").exists()
        loss = torch.nn.functional.mse_loss(net(x), y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        state["step"] += 1
        rate = optimizer.param_groups[0]["lr"]
        print("step", state["step"], rate, loss.item().hex(), flush=True)
        spark.log(loss=loss, rate=rate)
        time.sleep(0.01)
    if Path("enough").exists():
        break
"""


class Story:
    """One run that goes back and forth, from two snapshots at its beginning: 1, called "early", and 2."""

    def __init__(self, stage: Stage, terminal: Terminal, run: str) -> None:
        self.stage, self.terminal, self.run = stage, terminal, run
        self.s: RunProxy = connect(run)
        self.goes_on(3)
        self.first = self.s.snapshot("early").step or 0
        self.goes_on(3)
        self.second = self.s.snapshot().step or 0
        assert 3 <= self.first < self.second

    @property
    def passes(self) -> list[tuple[int, float, str]]:
        """Step, rate and loss of each pass, as the script has written them."""
        lines = re.findall(rb"^step (\d+) (\S+) (\S+)\n", self.stage.output(self.run), re.MULTILINE)
        return [(int(step), float(rate), loss.decode()) for step, rate, loss in lines]

    @property
    def rewound(self) -> list[dict[str, Any]]:
        return [each["event"] for each in self.stage.events(self.run) if each["event"]["type"] == "rewound"]

    def goes_on(self, by: int) -> None:
        """So many passes more."""
        many = len(self.passes) + by
        eventually(lambda: len(self.passes) >= many, f"{many} passes")

    def types(self, *words: str) -> None:
        """`livespark rewind` says what the event says that is stored, and so does the terminal that follows the run."""
        said = says(self.stage, "rewind", self.run, *words)
        event = self.rewound[-1]
        place = "in memory" if event.get("in_memory") else "from disk"
        sentence = (
            f"rewound from step {event['from_step']:,} to {event['step']:,} (snapshot {event['snapshot']}, {place}, "
        )
        assert said.startswith(sentence)
        self.terminal.says(said)

    def went_to(self, snapshot: int, rate: float = _RATE) -> None:
        """The newest return was to there; the very next pass has this rate."""
        event = self.rewound[-1]
        step = (self.first, self.second)[snapshot - 1]
        assert (event["snapshot"], event["step"]) == (snapshot, step)
        assert event.get("values", {}) == ({} if rate == _RATE else {"optimizer.lr": rate})
        assert not {"in_place", "automatic", "message"} & event.keys()
        assert event["seconds"] > 0
        eventually(lambda: len(self.newest_branch) > self.second - self.first + 3, "the steps between, and more")
        assert {each[1] for each in self.newest_branch} == {rate}
        assert self.newest_branch[0][0] == step + 1

    @property
    def states_behind(self) -> list[str]:
        """Those that the run has had since it went back the last time."""
        told = [each["event"] for each in self.stage.events(self.run)]
        last = max(at for at, event in enumerate(told) if event["type"] == "rewound")
        return [event["state"] for event in told[last:] if event["type"] == "status"]

    @property
    def newest_branch(self) -> list[tuple[int, float, str]]:
        passes = self.passes
        starts = [at for at in range(1, len(passes)) if passes[at][0] <= passes[at - 1][0]]
        return passes[starts[-1] if starts else 0 :]

    def steps(self) -> Iterator[int]:
        """What is told of the returns, as the steps of all passes."""
        start = 1
        for event in self.rewound:
            yield from range(start, event["from_step"] + 1)
            start = event["step"] + 1
        yield from range(start, self.passes[-1][0] + 1)

    def ends(self, memory: bool) -> None:
        """Each step of each branch was trained as it was the first time, and the curves have what was trained."""
        says(self.stage, "stop", self.run)
        self.stage.reaches(self.run, "stopped")
        assert self.terminal.wait() == 0
        passes, losses = self.passes, dict[tuple[int, float], str]()
        for step, rate, loss in passes:
            assert losses.setdefault((step, rate), loss) == loss
        assert len(losses) < len(passes) - 3 * len(self.rewound)
        assert [step for step, _, _ in passes] == list(self.steps())
        series = self.stage.get(f"/api/runs/{self.run}/metrics")["series"]
        assert series["loss"]["steps"] == [step for step, _, _ in passes]
        assert [value.hex() for value in series["loss"]["values"]] == [loss for _, _, loss in passes]
        assert series["rate"]["values"] == [rate for _, rate, _ in passes]
        assert {event.get("in_memory", False) for event in self.rewound} == {memory}

    def listed(self) -> list[str]:
        """The run's line in `ps`."""
        return next(line.split() for line in says(self.stage, "ps").splitlines() if self.run in line)


def running(stage: Stage, *words: str) -> Story:
    terminal = stage.dev("train.py", "--snapshot-every", "off", *words)
    run = stage.run_id()
    stage.reaches(run, "running")
    return Story(stage, terminal, run)


def goes_back_while_it_runs(story: Story) -> None:
    """To the newest, by number, by step, by label; with a value that counts from the next step on."""
    story.s.rewind()
    story.went_to(2)
    story.types("--to", "1")
    story.went_to(1)
    story.types("--step", str(story.second + 1))
    story.went_to(2)
    story.types("--to", "early", "--set", "optimizer.lr=0.5")
    story.went_to(1, rate=0.5)
    value = story.s.rewind(step=story.first, values={"optimizer.lr": 0.5})
    assert (value["snapshot"], value["step"]) == (1, story.first)
    story.went_to(1, rate=0.5)
    story.s.rewind(1)
    story.went_to(1)


def goes_back_while_it_is_paused(story: Story) -> None:
    """It stays so: it stands still again at the first checkpoint behind the step to which it went."""
    story.s.pause()
    story.types()
    eventually(lambda: story.states_behind[-1:] == ["paused"], "that it stands still again")
    eventually(lambda: story.passes[-1][0] == story.second + 1, "what it has written on its way")
    many = len(story.passes)
    assert story.listed()[1:3] == ["paused", f"{story.second + 1:,}"]
    assert (story.s.status, len(story.passes)) == ("paused", many)
    story.s.resume()
    story.went_to(2)


def goes_back_when_it_is_done(story: Story) -> None:
    """It runs again."""
    enough = story.stage.folder / "enough"
    enough.touch()
    story.stage.reaches(story.run, "idle")
    enough.unlink()
    story.types("--to", "early")
    story.went_to(1)
    assert story.listed()[1] == "running"


def goes_back_when_it_has_raised(story: Story) -> None:
    """It goes on, without the error."""
    trouble = story.stage.folder / "trouble"
    trouble.touch()
    assert "AssertionError" in story.stage.reaches(story.run, "held")["reason"]
    trouble.unlink()
    story.s.rewind(2)
    story.went_to(2)
    shown = story.stage.reaches(story.run, "running")
    assert "error" not in shown
    assert "reason" not in shown


def test_from_memory_and_from_disk(stage: Stage) -> None:
    """Two runs after each other: one keeps snapshots in host memory, too, the other only on disk."""
    stage.write("train.py", TRAIN)
    for memory in (True, False):
        story = running(stage, *([] if memory else ["--memory-snapshots", "0"]))
        goes_back_while_it_runs(story)
        goes_back_while_it_is_paused(story)
        goes_back_when_it_is_done(story)
        goes_back_when_it_has_raised(story)
        story.ends(memory)
