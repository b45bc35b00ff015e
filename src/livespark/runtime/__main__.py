"""`python -P -m livespark.runtime RUN_DIRECTORY`: the worker, started by the keeper."""

import sys
from pathlib import Path

from livespark.runtime.attach import work

if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit("usage: python -m livespark.runtime RUN_DIRECTORY")
    sys.exit(work(Path(sys.argv[1])))
