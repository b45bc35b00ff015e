"""Going on from a snapshot, and going back, with scripts of every odd shape."""

from pathlib import Path
from textwrap import dedent

import pytest

from livespark.protocol.events import Resumed, Rewound
from livespark.protocol.snapshots import Snapshotting
from tests.resume.alone import Nursery
from tests.resume.odd import BOTH, DISK, END, REWIND, SNAPSHOT, STOP, Odd

_DRAWS = "[random.random(), float(numpy.random.rand()), float(torch.rand(()))]"
_PLAIN = f"""
    random.seed(1), numpy.random.seed(1), torch.manual_seed(1)
    random.random()
    state = spark.persist("state", lambda: {{"step": 0, "first": random.random()}})
    while state["step"] < 10:
        orders.pass_begins()
        state["step"] += 1
        print("loss", state["step"], state["first"], {_DRAWS}, flush=True)
        spark.checkpoint()
"""
_ASYNC = f"""
    import asyncio

    async def main() -> None:
        while state["step"] < 10:
            orders.pass_begins()
            state["step"] += 1
            print("loss", state["step"], state["first"], {_DRAWS}, flush=True)
            await spark.acheckpoint()

    random.seed(1), numpy.random.seed(1), torch.manual_seed(1)
    state = spark.persist("state", lambda: {{"step": 0, "first": random.random()}})
    asyncio.run(main())
"""
_ASYNC_LOOP = f"""
    import asyncio

    async def main() -> None:
        for item in spark.loop("item", range(10)):
            await spark.acheckpoint()
            orders.pass_begins()
            state["step"] += 1
            print("loss", state["step"], state["first"], {_DRAWS}, flush=True)

    random.seed(1), numpy.random.seed(1), torch.manual_seed(1)
    state = spark.persist("state", lambda: {{"step": 0, "first": random.random()}})
    asyncio.run(main())
"""
_SHAPES = pytest.mark.parametrize("text", [_PLAIN, _ASYNC, _ASYNC_LOOP], ids=["while", "asyncio", "asyncio-loop"])


@_SHAPES
def test_without_loops_of_ours_it_goes_on_exactly(tmp_path: Path, nursery: Nursery, text: str) -> None:
    odd = Odd(tmp_path, nursery, text)
    whole = odd.run()
    assert len(whole) == 10
    assert odd.run((4, STOP), policy=END) == whole[:4]
    assert odd.resume() == whole[4:]
    assert odd.notices == []


@_SHAPES
@BOTH
def test_without_loops_of_ours_it_goes_back_exactly(
    tmp_path: Path, nursery: Nursery, policy: Snapshotting, text: str
) -> None:
    odd = Odd(tmp_path, nursery, text)
    whole = odd.run()
    lines = odd.run(
        (3, SNAPSHOT),
        (6, REWIND),
        (9, {"kind": "pause"}),
        ("paused", REWIND),
        ("paused", {"kind": "resume"}),
        policy=policy,
    )
    assert lines == [*whole[:6], *whole[3:6], *whole[3:]]
    assert odd.notices == []


_EDITED = """
    state = spark.persist("state", lambda: {"step": 0, "rate": 1.0})
    top = "old"
    for item in spark.loop("item", range(6)):
        orders.pass_begins()
        state["step"] += 1
        print(item, state["step"], random.random(), top, flush=True)
"""


_RENEW = """file = pathlib.Path(__file__); file.write_text(file.read_text().replace('"old"', '"new"'))"""


def _without(lines: list[str]) -> list[list[str]]:
    return [line.split()[:3] for line in lines]


@pytest.mark.parametrize("at", [1, 3])
def test_a_hard_reload_after_a_resume(tmp_path: Path, nursery: Nursery, at: int) -> None:
    text = "random.seed(1)\n" + dedent(_EDITED)
    odd = Odd(tmp_path, nursery, text)
    whole = odd.run()
    odd.run((2, STOP), policy=END)
    odd.edit("orders.pass_begins()", f"if orders.passes + 1 == {at}:\n        {_RENEW}\n    orders.pass_begins()")
    lines = odd.resume((at, {"kind": "reload"}))
    assert _without(lines) == _without(whole[2:])
    assert [line.split()[3] for line in lines] == ["old"] * at + ["new"] * (4 - at)
    assert {answer.outcome for answer in odd.answers} == {"applied"}


def test_a_reload_before_the_first_checkpoint_after_a_resume(tmp_path: Path, nursery: Nursery) -> None:
    """The new text is asked for at the top, before anything has gone on."""
    text = "random.seed(1)\n" + dedent(_EDITED)
    odd = Odd(tmp_path, nursery, text)
    whole = odd.run()
    odd.run((2, STOP), policy=END)
    ask = "runtime.reloader.ask(Reload()); runtime.core.ask(Request(Reload(), runtime.core.outbox))"
    odd.edit('top = "old"\n', f'top = "old"\nif orders.passes == 0 and top == "o" + "ld":\n    {_RENEW}\n    {ask}\n')
    lines = odd.resume()
    assert _without(lines) == _without(whole[2:])
    assert [line.split()[3] for line in lines] == ["old", "new", "new", "new"]


def test_a_changed_file_and_other_config(tmp_path: Path, nursery: Nursery) -> None:
    odd = Odd(
        tmp_path,
        nursery,
        """
        given = spark.config(rate=1.0, size=4)
        state = spark.persist("state", lambda: {"step": 0, **vars(given), "code": 5, "seen": []})
        for item in spark.loop("item", range(6)):
            orders.pass_begins()
            state["step"] += 1
            state["seen"].append(item)
            print(*state.values(), flush=True)
        """,
    )
    odd.run((3, STOP), policy=END)
    assert odd.resume()[0] == "4 1.0 4 5 [0, 1, 2, 3]"
    [resumed] = odd.told(Resumed)
    assert resumed.notes == []
    odd.edit('"code": 5', '"code": 6')
    assert odd.resume(config={"rate": 0.5})[0] == "4 0.5 4 6 [0, 1, 2, 3]"
    [resumed] = odd.told(Resumed)
    assert resumed.notes == [f"{odd.script} has changed since"]
    assert odd.notices == [
        "state rate: 0.5 of the new code or config is kept (the snapshot has 1.0)",
        "state code: 6 of the new code or config is kept (the snapshot has 5)",
    ]


def test_an_ended_run_with_a_longer_range(tmp_path: Path, nursery: Nursery) -> None:
    odd = Odd(
        tmp_path,
        nursery,
        """
        given = spark.config(epochs=2)
        state = spark.persist("state", lambda: {"step": 0})
        for epoch in spark.loop("epoch", range(given.epochs)):
            for item in spark.loop("item", [1, 2]):
                orders.pass_begins()
                state["step"] += 1
                print(epoch, item, state["step"], flush=True)
        """,
    )
    first = odd.run(policy=END)
    [number] = odd.alone.snapshots.numbers()
    assert odd.alone.snapshots.read(number).info.cause == "end"
    assert odd.resume() == []
    assert first + odd.resume(config={"epochs": 4}) == [
        f"{epoch} {item} {epoch * 2 + item}" for epoch in range(4) for item in (1, 2)
    ]


_LONG = """
    state = spark.persist("state", lambda: {"step": 0, "parts": 0})
    for item in spark.loop("item", range(6)):
        number = orders.pass_begins()
        for part in range(3):
            state["parts"] += 1
            spark.checkpoint()
        state["step"] += 1
        print(item, number, state, flush=True)
"""


def test_asked_for_within_a_long_item_it_is_taken_at_its_end(tmp_path: Path, nursery: Nursery) -> None:
    odd = Odd(tmp_path, nursery, _LONG)
    whole = odd.run()
    odd.run((3, SNAPSHOT), (5, STOP))
    info = odd.alone.snapshots.read(1).info
    assert info.message == ""
    assert [line.split()[2:] for line in odd.resume()] == [line.split()[2:] for line in whole[3:]]


def test_paused_within_an_item_it_is_taken_at_once(tmp_path: Path, nursery: Nursery) -> None:
    odd = Odd(tmp_path, nursery, _LONG)
    odd.run((3, {"kind": "pause"}), ("paused", SNAPSHOT), ("paused", {"kind": "resume"}))
    info = odd.alone.snapshots.read(1).info
    assert (
        info.message == "taken in the middle of a spark.loop item, which is done again by a run that goes on from here"
    )
    assert odd.resume()[0] == "2 1 {'step': 3, 'parts': 10}"


def test_a_damaged_snapshot_that_is_asked_for(tmp_path: Path, nursery: Nursery) -> None:
    odd = Odd(
        tmp_path,
        nursery,
        """
        state = spark.persist("state", lambda: {"big": torch.zeros(100_000), "step": 0})
        for item in spark.loop("item", range(6)):
            if orders.pass_begins() == 4:
                while runtime.core.saving:
                    time.sleep(0.001)
                for path in pathlib.Path.cwd().glob("snapshots/objects/*"):
                    path.write_bytes(path.read_bytes()[:-1] + b"!")
            state["step"] += 1
            print(item, state["step"], flush=True)
        """,
    )
    assert odd.run((2, SNAPSHOT), (5, REWIND), policy=DISK) == [f"{item} {item + 1}" for item in range(6)]
    [_, answer] = odd.answers
    assert answer.outcome == "refused"
    assert "snapshot 1" in answer.message
    assert odd.told(Rewound) == []


_CALLED = """
    state = spark.persist("state", lambda: {"step": 0})

    def look(number: int) -> int:
        orders.pass_begins()
        state["step"] += 100
        spark.checkpoint()
        return state["step"]

    spark.expose(look=look)
    for item in spark.loop("item", range(5)):
        orders.pass_begins()
        state["step"] += 1
        print(item, state["step"], flush=True)
        spark.log(step=state["step"])
"""


@BOTH
def test_within_a_call_it_is_put_back_on_the_spot(tmp_path: Path, nursery: Nursery, policy: Snapshotting) -> None:
    odd = Odd(tmp_path, nursery, _CALLED)
    lines = odd.run((2, SNAPSHOT), (4, {"kind": "call", "function": "look", "args": [1]}), (5, REWIND), policy=policy)
    assert lines == ["0 1", "1 2", "2 3", "3 4", "4 3"]
    [rewound] = odd.told(Rewound)
    assert (rewound.in_place, rewound.step) == (True, 2)
    assert odd.answers[1].value == 2
    assert odd.notices == []


def test_a_rewind_while_it_stops_is_refused(tmp_path: Path, nursery: Nursery) -> None:
    odd = Odd(tmp_path, nursery, _LONG)
    lines = odd.run((2, SNAPSHOT), (4, STOP), (4, REWIND))
    assert len(lines) == 3
    assert [(answer.outcome, answer.message) for answer in odd.answers[1:]] == [
        ("applied", ""),
        ("refused", "the run is stopping"),
    ]


_UNMODIFIED = """
    torch.manual_seed(0)
    net = torch.nn.Linear(2, 1)
    optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
    for item in range(8):
        orders.pass_begins()
        loss = net(torch.ones(1, 2)).pow(2).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        spark.log(accuracy=[1, 5, 2, 7, 3, 8, 1, 2][item])
        while runtime.core.saving:
            time.sleep(0.001)
"""


def test_the_best_of_a_script_that_persists_nothing(tmp_path: Path, nursery: Nursery) -> None:
    odd = Odd(tmp_path, nursery, _UNMODIFIED)
    odd.run(policy=Snapshotting(every_seconds=0, on_end=False, keep=1, best="accuracy", keep_best=2))
    infos = odd.alone.snapshots.infos()
    assert [(info.cause, info.metrics["accuracy"]) for info in infos] == [("best", 7), ("best", 8)]
    assert all("model" in odd.alone.snapshots.read(info.number).values for info in infos)
