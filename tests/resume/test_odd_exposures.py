"""What was set from outside comes back with a snapshot, and only that."""

from pathlib import Path

from livespark.protocol.snapshots import Snapshotting
from tests.resume.alone import Nursery
from tests.resume.odd import BOTH, END, REWIND, SNAPSHOT, STOP, Odd

_EXPOSED = """
    kept = spark.persist("kept", lambda: {"rate": 1.0})
    plain = {"rate": 1.0, "size": 8, "other": 2.0}
    spark.expose(kept=kept, plain=plain)
    for item in spark.loop("item", range(6)):
        number = orders.pass_begins()
        print("item", item, kept["rate"], plain["rate"], plain["size"], flush=True)
"""


def test_what_was_set_from_outside_comes_back(tmp_path: Path, nursery: Nursery) -> None:
    odd = Odd(tmp_path, nursery, _EXPOSED)
    lines = odd.run((2, {"kind": "set", "values": {"plain.rate": 0.5, "kept.rate": 0.25}}), (4, STOP), policy=END)
    assert lines == ["item 0 1.0 1.0 8", "item 1 1.0 1.0 8", "item 2 0.25 0.5 8", "item 3 0.25 0.5 8"]
    assert odd.resume(policy=END) == ["item 4 0.25 0.5 8", "item 5 0.25 0.5 8"]
    assert odd.notices == []


def test_what_the_script_itself_says_otherwise_now_counts(tmp_path: Path, nursery: Nursery) -> None:
    """Only what was set from outside comes back; not what the script had made, and makes otherwise now."""
    odd = Odd(tmp_path, nursery, _EXPOSED)
    odd.run((2, {"kind": "set", "values": {"plain.rate": 0.5}}), (4, STOP), policy=END)
    odd.edit('"size": 8', '"size": 16')
    assert odd.resume() == ["item 4 1.0 0.5 16", "item 5 1.0 0.5 16"]
    assert odd.notices == []


def test_what_was_set_stays_set_through_two_resumes(tmp_path: Path, nursery: Nursery) -> None:
    odd = Odd(tmp_path, nursery, _EXPOSED)
    odd.run((2, {"kind": "set", "values": {"plain.rate": 0.5}}), (3, STOP), policy=END)
    odd.resume((1, STOP), policy=END)
    assert odd.resume() == ["item 4 1.0 0.5 8", "item 5 1.0 0.5 8"]


def test_a_new_value_in_code_wins_over_what_was_set(tmp_path: Path, nursery: Nursery) -> None:
    odd = Odd(tmp_path, nursery, _EXPOSED)
    odd.run((2, {"kind": "set", "values": {"plain.rate": 0.5}}), (4, STOP), policy=END)
    odd.edit('plain = {"rate": 1.0', 'plain = {"rate": 0.1')
    assert odd.resume() == ["item 4 1.0 0.1 8", "item 5 1.0 0.1 8"]
    assert odd.notices == ["plain.rate: 0.1 of the new code or config is kept (the snapshot has 0.5, set from outside)"]


def test_exposed_config_is_that_of_the_fork(tmp_path: Path, nursery: Nursery) -> None:
    odd = Odd(
        tmp_path,
        nursery,
        """
        given = spark.config(rate=1.0, size=4)
        state = spark.persist("state", lambda: {"step": 0})
        spark.expose(given=given)
        for item in spark.loop("item", range(3)):
            orders.pass_begins()
            state["step"] += 1
            print(item, given.rate, given.size, flush=True)
        """,
    )
    odd.run((1, {"kind": "set", "values": {"given.size": 6}}), (2, STOP), policy=END)
    assert odd.resume(config={"rate": 0.5}) == ["2 0.5 6"]


def test_what_was_set_and_is_not_exposed_any_more_is_told(tmp_path: Path, nursery: Nursery) -> None:
    odd = Odd(tmp_path, nursery, _EXPOSED)
    odd.run((2, {"kind": "set", "values": {"plain.rate": 0.5}}), (5, STOP), policy=END)
    odd.edit(", plain=plain)", ")")
    assert odd.resume() == ["item 5 1.0 1.0 8"]
    assert odd.notices == ["plain.rate is not exposed, so it was not set"]


@BOTH
def test_what_was_set_before_the_snapshot_is_so_after_going_back(
    tmp_path: Path, nursery: Nursery, policy: Snapshotting
) -> None:
    odd = Odd(tmp_path, nursery, _EXPOSED)
    lines = odd.run(
        (1, {"kind": "set", "values": {"plain.rate": 0.5}}),
        (2, SNAPSHOT),
        (4, {"kind": "set", "values": {"plain.rate": 0.1}}),
        (5, REWIND),
        policy=policy,
    )
    assert lines[4:] == ["item 4 1.0 0.1 8", *(f"item {item} 1.0 0.5 8" for item in (2, 3, 4, 5))]
