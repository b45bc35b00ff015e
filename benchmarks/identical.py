"""The losses of a run are the same to the last bit with Livespark attached and idle, and without."""

import hashlib
import os
import struct
import subprocess
import sys
import tempfile
from pathlib import Path

from training import Training

STEPS = 2000


def losses(attached: bool) -> str:
    """SHA-256 over all losses of one run."""
    if attached:
        import livespark as spark

        step = spark.checkpoint
    else:

        def step() -> None: ...

    training, digest = Training(), hashlib.sha256()
    for _ in range(STEPS):
        digest.update(struct.pack("d", training.step().item()))
        step()
    return digest.hexdigest()


def main() -> None:
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as home:
        environment = os.environ | {"LIVESPARK_HOME": home}
        script = str(Path(__file__).resolve())
        plain = [sys.executable, script, "plain"]
        attached = [sys.executable, "-m", "livespark.cli.main", "run", script, "--", "attached"]
        digests = [
            subprocess.run(command, env=environment, check=True, capture_output=True, text=True).stdout.split()[-1]
            for command in (plain, attached)
        ]
        subprocess.run(
            [sys.executable, "-m", "livespark.cli.main", "server", "stop"],
            env=environment,
            capture_output=True,
            check=False,
        )
    print(f"{STEPS} losses, detached  {digests[0]}\n{STEPS} losses, attached  {digests[1]}")
    sys.exit(digests[0] != digests[1])


if __name__ == "__main__":
    if len(sys.argv) > 1:
        print(losses(sys.argv[1] == "attached"))
    else:
        main()
