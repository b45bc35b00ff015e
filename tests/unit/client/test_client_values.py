"""Values, answers, series, and the choice of a run: the client's pure parts."""

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from livespark.client import outcomes, series, values
from livespark.client.choose import choose
from livespark.client.written import Written
from livespark.errors import Busy, CallFailed, CommandRefused, OutcomeUnknown, RunNotFound, UsageError
from livespark.protocol.commands import Answer, Failure
from livespark.protocol.ids import Epoch, RunId
from livespark.protocol.lifecycle import RunState
from livespark.protocol.live import Function, LiveDoc
from livespark.protocol.runs import Entry, Run

PLAIN = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text() | st.binary(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)

DOC = LiveDoc(
    values={
        "state": {"$": "dict", "n": 3},
        "state.loss": {"$": "float", "v": "nan"},
        "state.a\\.b": 1,
        "state.layers": {"$": "list", "n": 2},
        "state.layers.0": 64,
        "state.layers.1": {"$": "object", "type": "Layer", "n": 1},
        "state.layers.1.width": 32,
        "lr": 0.1,
        "stateful": True,
        "matrix": {"$": "array", "shape": [2, 2], "dtype": "int64", "data": [[1, 2], [3, "9007199254740993"]]},
    },
    functions={"train": Function(), "ctrl.pause": Function()},
)


@given(PLAIN)
def test_plain_values_survive_the_way_there_and_back(value: Any) -> None:
    """What a caller gives arrives as it was, whatever its keys look like."""
    assert values.decode(values.encode(value)) == value


@pytest.mark.parametrize(
    ("value", "node"),
    [
        (math.nan, {"$": "float", "v": "nan"}),
        ((1, 2), [1, 2]),
        (np.float32(0.5), 0.5),
        (np.arange(3), [0, 1, 2]),
        ({"x": np.array([math.inf])}, {"x": [{"$": "float", "v": "inf"}]}),
        (2**63, {"$": "int", "v": str(2**63)}),
    ],
)
def test_arguments_become_nodes(value: Any, node: Any) -> None:
    """NumPy's numbers and arrays travel as numbers and lists; what JSON can't hold is tagged."""
    assert values.encode(value) == node


def test_an_array_comes_back_as_numpy_where_it_is_loaded(monkeypatch: pytest.MonkeyPatch) -> None:
    """With its type and shape; as nested lists in a program that never imported NumPy."""
    node = {"$": "array", "shape": [1, 2], "dtype": "float32", "data": [[1.5, "nan"]]}
    array = values.decode({"m": node})["m"]
    assert (array.dtype, array.shape) == (np.float32, (1, 2))
    assert math.isnan(values.decode({**node, "dtype": "bfloat16"})[0, 1])
    monkeypatch.delitem(__import__("sys").modules, "numpy")
    assert values.decode(node)[0][0] == 1.5


def test_what_has_no_value_stays_a_description() -> None:
    """A big array or a module is shown as the node that describes it."""
    node = {"$": "array", "shape": [1000, 1000], "dtype": "float32"}
    assert values.decode(node) == node


def test_containers_are_put_together_from_the_flat_document() -> None:
    """Dicts, objects and lists nest; a name that only begins alike does not belong."""
    state = values.value_at(DOC, "state")
    assert math.isnan(state.pop("loss"))
    assert state == {"a.b": 1, "layers": [64, {"width": 32}]}
    assert values.value_at(DOC, "state.layers.1") == {"width": 32}
    assert values.value_at(DOC, "matrix")[1][1] == 2**53 + 1
    assert list(values.snapshot(DOC)) == ["state", "lr", "stateful", "matrix"]


def test_children_are_the_names_right_below() -> None:
    """Functions included, in display order."""
    assert values.children(DOC, "") == ["state", "lr", "stateful", "matrix", "train", "ctrl"]
    assert values.children(DOC, "state") == ["loss", "a.b", "layers"]
    assert values.children(DOC, "ctrl") == ["pause"]


def test_an_unknown_path_says_so() -> None:
    """A KeyError with the path in it."""
    with pytest.raises(KeyError, match="nothing is exposed as"):
        values.value_at(DOC, "state.nope")


@pytest.mark.parametrize(
    ("answer", "kind", "text"),
    [
        (Answer("refused", message="not a finite number"), CommandRefused, "not a finite number"),
        (Answer("refused", message="busy: train is being executed"), Busy, "busy: train is being executed"),
        (Answer("failed", error=Failure("ValueError", "no", "Traceback...")), CallFailed, "ValueError: no"),
        (Answer("failed", message="gone"), CallFailed, "Exception: gone"),
        (Answer("unknown", message="the worker died"), OutcomeUnknown, "the worker died"),
    ],
)
def test_answers_that_are_errors(answer: Answer, kind: type[Exception], text: str) -> None:
    """Each outcome but `applied` is an exception with the run's own words."""
    with pytest.raises(kind) as caught:
        outcomes.result(answer)
    assert str(caught.value) == text
    if isinstance(caught.value, CallFailed) and answer.error:
        assert (caught.value.type_name, caught.value.traceback) == ("ValueError", "Traceback...")


def test_an_applied_answer_is_its_value() -> None:
    """Decoded; None where there is none, and where it is None."""
    assert outcomes.result(Answer("applied", value={"$": "float", "v": "inf"})) == math.inf
    assert outcomes.result(Answer("applied")) is None


def test_series_pages_add_up() -> None:
    """Values that JSON can't hold come back as numbers."""
    found: dict[str, series.Series] = {}
    for value in (0.5, "nan", "9223372036854775808"):
        columns = series.Columns([1], [2.0], [value])
        series.gather(found, series.MetricsPage({"loss": columns}))
    assert found["loss"].steps == [1, 1, 1]
    assert found["loss"].values[2] == 2**63
    assert math.isnan(found["loss"].values[1])


def test_one_reads_what_one_wrote() -> None:
    """A set value shows at once; the first newer sample takes over."""
    written = Written()

    def read(version: int, lr: float) -> Any:
        return written.amend(LiveDoc(version, values={"lr": lr, "state": {"$": "dict", "n": 0}})).values["lr"]

    assert read(4, 0.1) == 0.1
    written.note({"lr": 0.2, "state": {}, "gone": 1})
    assert read(5, 0.1) == 0.2
    assert read(5, 0.1) == 0.2
    assert read(6, 0.3) == 0.3
    assert read(6, 0.3) == 0.3
    written.note(None)
    assert read(6, 0.3) == 0.3


def run(id: str, state: RunState = RunState.COMPLETED) -> Run:
    return Run(RunId(id), id, "run", state, Epoch("0000abcd"), 1.0, Entry(), "/", "python")


RUNS = [run("quiet-otter-2"), run("quiet-otter"), run("red-fox", RunState.RUNNING)]


@pytest.mark.parametrize(
    ("wanted", "found"), [("quiet-otter", "quiet-otter"), ("red", "red-fox"), ("quiet-otter-", "quiet-otter-2")]
)
def test_a_run_is_meant_by_its_id_or_a_unique_beginning(wanted: str, found: str) -> None:
    """An exact id wins over longer ones."""
    assert choose(RUNS, wanted).id == found


@pytest.mark.parametrize(
    ("runs", "found"), [(RUNS, "red-fox"), (RUNS[:2], "quiet-otter-2"), (RUNS[1:2], "quiet-otter")]
)
def test_without_a_wish_the_live_run_is_meant(runs: list[Run], found: str) -> None:
    """The only live one, else the newest."""
    assert choose(runs, None).id == found


@pytest.mark.parametrize(
    ("runs", "wanted", "kind", "text"),
    [
        (RUNS, "quiet", UsageError, "several runs: quiet-otter-2, quiet-otter"),
        (RUNS, "blue", RunNotFound, "no run 'blue'"),
        ([], None, RunNotFound, "no run yet"),
        ([run(f"r-{i}", RunState.PAUSED) for i in range(7)], None, UsageError, "r-4 and 2 more"),
    ],
)
def test_a_choice_that_is_none(runs: list[Run], wanted: str | None, kind: type[Exception], text: str) -> None:
    """Nothing is guessed where two could be meant."""
    with pytest.raises(kind, match=text):
        choose(runs, wanted)


def test_mappings_of_any_kind_are_arguments() -> None:
    """A Mapping that is no dict travels too."""

    class Frozen(Mapping[str, int]):
        def __getitem__(self, key: str) -> int:
            return 1

        def __iter__(self) -> Any:
            return iter(["a"])

        def __len__(self) -> int:
            return 1

    assert values.encode(Frozen()) == {"a": 1}
