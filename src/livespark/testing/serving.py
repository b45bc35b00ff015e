"""`python -m livespark.testing.serving`: a real server process whose runs have no processes. The test is the worker.

A run that is started leaves its `launch.json` in its folder, with the worker's secret in it; every run counts as alive.
"""

import sys

from livespark.engine.base import Alive
from livespark.protocol.codec import encode
from livespark.protocol.runs import Launch
from livespark.settings import Settings, load
from livespark.testing.engine import FakeEngine
from livespark.transport.files import write_atomically
from livespark.wiring import serve

__all__ = ("PaperEngine", "main")


class PaperEngine(FakeEngine):
    """Starts nothing but writes down what it should have started."""

    def __init__(self, settings: Settings) -> None:
        super().__init__(unknown=Alive())
        self._settings = settings
        self.home = settings.home

    def start(self, launch: Launch) -> None:
        super().start(launch)
        folder = self._settings.run_dir(launch.run)
        folder.mkdir(parents=True, exist_ok=True)
        write_atomically(folder / "launch.json", encode(launch))


def main() -> int:
    settings = load()
    return serve(settings, port=0, announce=lambda line: print(line, flush=True), engine=PaperEngine(settings))


if __name__ == "__main__":
    sys.exit(main())
