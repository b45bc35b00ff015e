"""Calls that may happen once do not fail when the script runs again.

Each script has a process of its own: most of what is called here lasts as long as the process.
"""

import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

_PROLOGUE = """
import sys
from livespark.runtime.reload.once import answered_once

names = vars(sys.modules["__main__"])

def run_twice(first, second=None):
    exec(compile(first, "script.py", "exec"), names)
    with answered_once([names]):
        exec(compile(second or first, "script.py", "exec"), names)
"""


def _run(code: str, *arguments: object) -> str:
    """What the code writes. Warnings are errors there, too."""
    command = [sys.executable, "-W", "error", "-c", _PROLOGUE + textwrap.dedent(code), *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=100)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.parametrize(
    "call",
    [
        "import torch.distributed as dist; dist.init_process_group({})",
        "from torch.distributed import init_process_group; init_process_group({})",
        "from torch.distributed.distributed_c10d import init_process_group as begin; begin({})",
    ],
)
def test_a_process_group_is_initialised_once(call: str, tmp_path: Path) -> None:
    """However it is called; the group of the first time goes on working, and everything is as it was afterwards."""
    arguments = f"'gloo', init_method='file://{tmp_path}/store', rank=0, world_size=1"
    _run(
        """
        import torch, torch.distributed as dist
        original = dist.init_process_group
        run_twice(sys.argv[1])
        tensor = torch.ones(2)
        dist.all_reduce(tensor)
        assert tensor.tolist() == [1, 1]
        assert dist.init_process_group is dist.distributed_c10d.init_process_group is original
        assert not {"init_process_group", "begin"} & set(names) or original in names.values()
        try:
            exec(sys.argv[1], names)
        except ValueError as error:
            assert "twice" in str(error)
        else:
            raise AssertionError
        dist.destroy_process_group()
        """,
        call.format(arguments),
    )


def test_a_process_group_that_was_destroyed_is_initialised_again(tmp_path: Path) -> None:
    """A script that ends it in a `finally` begins it again."""
    _run(
        """
        import torch.distributed as dist
        script = f'''
        import torch.distributed as dist, os
        if os.path.exists({sys.argv[1]!r}): os.remove({sys.argv[1]!r})
        dist.init_process_group("gloo", init_method="file://" + {sys.argv[1]!r}, rank=0, world_size=1)
        '''.replace("        ", "")
        run_twice(script + "dist.destroy_process_group()", script)
        assert dist.is_initialized()
        dist.destroy_process_group()
        """,
        tmp_path / "store",
    )


@pytest.mark.parametrize("module", ["multiprocessing", "torch.multiprocessing"])
def test_the_start_method_is_set_once(module: str) -> None:
    """The same one again is nothing; another one is an error, as it would be in any script."""
    _run(
        """
        import multiprocessing
        script = f"from {sys.argv[1]} import set_start_method as choose; choose('spawn')"
        exec(f"import {sys.argv[1]}")
        run_twice(script)
        assert multiprocessing.get_start_method() == "spawn"
        try:
            with answered_once([names]):
                exec(script.replace("spawn", "fork"), names)
        except RuntimeError as error:
            assert "already been set" in str(error)
        else:
            raise AssertionError
        with answered_once([names]):
            exec(script.replace("'spawn'", "'fork', force=True"), names)
        assert multiprocessing.get_start_method() == "fork"
        """,
        module,
    )


def test_the_number_of_threads_between_operators_is_set_once() -> None:
    """Another number than before is an error."""
    _run(
        """
        import torch
        run_twice("import torch; torch.set_num_interop_threads(2)")
        assert torch.get_num_interop_threads() == 2
        try:
            run_twice("pass", "torch.set_num_interop_threads(3)")
        except RuntimeError:
            pass
        else:
            raise AssertionError
        """
    )


def test_operators_take_their_new_implementation() -> None:
    """All ways to register one: `custom_op`, `define` with `impl`, and libraries."""
    _run(
        """
        import torch
        script = '''
        import torch
        @torch.library.custom_op("mine::custom", mutates_args=())
        def custom(x: torch.Tensor) -> torch.Tensor:
            return x + 1
        @custom.register_fake
        def _(x):
            return torch.empty_like(x)
        torch.library.define("mine::defined", "(Tensor x) -> Tensor")
        @torch.library.impl("mine::defined", "cpu")
        def defined(x):
            return x + 1
        @torch.library.register_fake("mine::defined")
        def _(x):
            return torch.empty_like(x)
        library = torch.library.Library("other", "DEF")
        library.define("inside(Tensor x) -> Tensor")
        library.impl("inside", lambda x: x + 1, "CPU")
        fragment = torch.library.Library("mine", "FRAGMENT")
        fragment.define("piece(Tensor x) -> Tensor")
        fragment.impl("piece", lambda x: x + 1, "CPU")
        '''.replace("        ", "")
        exec(script, names)
        operators = lambda: (
            torch.ops.mine.custom, torch.ops.mine.defined, torch.ops.other.inside, torch.ops.mine.piece
        )
        x = torch.zeros(())
        assert [op(x).item() for op in operators()] == [1, 1, 1, 1]
        import warnings
        for number in (2, 3):
            with answered_once([names]), warnings.catch_warnings():
                warnings.filterwarnings("ignore", message="Warning only once for all operators")
                exec(script.replace("+ 1", f"+ {number}"), names)
            assert [op(x).item() for op in operators()] == [number] * 4
        assert isinstance(library, torch.library.Library)
        """
    )


def test_the_allocator_is_changed_once() -> None:
    """Asked of the CUDA module itself whether it has been (there is no device here: it is a stand-in)."""
    _run(
        """
        import torch.cuda.memory as memory
        backend, calls = ["native"], []
        memory.get_allocator_backend = lambda: backend[0]
        def change(allocator):
            calls.append(allocator)
            backend[0] = "pluggable"
        memory.change_current_allocator = change
        run_twice("import torch.cuda.memory; torch.cuda.memory.change_current_allocator('mine')")
        assert calls == ["mine"]
        """
    )


def test_ray_is_joined() -> None:
    """By its own option for that (a stand-in with ray's behaviour)."""
    _run(
        """
        import types
        ray = sys.modules["ray"] = types.ModuleType("ray")
        state = []
        def init(address=None, ignore_reinit_error=False):
            if state and not ignore_reinit_error:
                raise RuntimeError("twice")
            state.append(address)
            return "context"
        ray.init, ray.is_initialized = init, lambda: bool(state)
        run_twice("import ray; context = ray.init('local')")
        assert (context, state) == ("context", ["local", "local"])
        """
    )


def test_what_happens_at_exit_happens_once_by_the_newest_code() -> None:
    """Functions, lambdas and methods; several of one name in one execution; other modules' are left alone."""
    written = _run(
        """
        import atexit, types
        library = types.ModuleType("library")
        exec("def closing(text): print(text)", vars(library))
        atexit.register(library.closing, "library 1")
        script = '''
        import atexit
        class Writer:
            def __init__(self, name): self.name = name
            def close(self): print("close", self.name, VERSION)
        for name in "ab":
            atexit.register(Writer(name).close)
        @atexit.register
        def bye(): print("bye", VERSION)
        atexit.register(lambda: print("lambda", VERSION))
        '''.replace("        ", "")
        run_twice("VERSION = 1" + script, "VERSION = 2" + script)
        with answered_once([names]):
            atexit.register(library.closing, "library 2")
        """
    )
    assert written.splitlines() == ["library 2", "lambda 2", "bye 2", "close b 2", "close a 2", "library 1"]


def test_log_lines_are_written_once(tmp_path: Path) -> None:
    """Handlers that the script adds take the place of those it had added; other handlers stay."""
    _run(
        """
        import logging, io
        from pathlib import Path
        streams = [io.StringIO(), io.StringIO()]
        kept = logging.StreamHandler(streams[1])
        kept.setFormatter(logging.Formatter("kept %(message)s"))
        logging.getLogger("x").addHandler(kept)
        script = '''
        import logging
        logger = logging.getLogger("x")
        for number in (1, 2):
            handler = logging.StreamHandler(streams[0])
            handler.setFormatter(logging.Formatter(f"{number} %(message)s"))
            logger.addHandler(handler)
        logger.addHandler(logging.FileHandler(sys.argv[1]))
        logger.propagate = False
        '''.replace("        ", "")
        run_twice(script, script + 'logger.warning("twice?")')
        assert streams[0].getvalue() == "1 twice?\\n2 twice?\\n"
        assert streams[1].getvalue() == "kept twice?\\n"
        assert Path(sys.argv[1]).read_text() == "twice?\\n"
        assert len(logger.handlers) == 4
        """,
        tmp_path / "log",
    )


def test_everything_is_put_back_when_the_script_raises() -> None:
    """Also what the script imported by name meanwhile."""
    _run(
        """
        import atexit, logging, multiprocessing
        before = atexit.register, logging.Logger.addHandler, multiprocessing.set_start_method
        try:
            run_twice("pass", "from atexit import register; from multiprocessing import set_start_method; 1 / 0")
        except ZeroDivisionError:
            pass
        assert (atexit.register, logging.Logger.addHandler, multiprocessing.set_start_method) == before
        assert (register, set_start_method) == (before[0], before[2])
        """
    )


def test_the_first_call_in_a_second_execution_goes_through(tmp_path: Path) -> None:
    """An edit may be what adds it."""
    _run(
        """
        import torch.distributed as dist
        call = f"dist.init_process_group('gloo', init_method='file://{sys.argv[1]}', rank=0, world_size=1)"
        run_twice("pass", call)
        assert dist.is_initialized()
        dist.destroy_process_group()
        """,
        tmp_path / "store",
    )
