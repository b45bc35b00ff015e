"""Third-party code is what its lock file says."""

import hashlib
import json
from importlib.resources import files
from typing import Any, Final

VENDOR: Final = files("livespark.studio") / "vendor"
LOCK: Final[dict[str, Any]] = json.loads((VENDOR / "vendor.lock.json").read_text())


def test_every_file_has_its_recorded_hash() -> None:
    """No vendored file differs from the one that was built, none is missing, none is extra."""
    found = {
        entry.name: hashlib.sha256(entry.read_bytes()).hexdigest()
        for entry in VENDOR.iterdir()
        if entry.name != "vendor.lock.json"
    }

    assert found == LOCK["files"]


def test_every_package_is_pinned_and_licensed() -> None:
    """Exact versions with npm's integrity; every shipped package's licence text is there."""
    licences = (VENDOR / "LICENSES.txt").read_text()
    for name, package in LOCK["packages"].items():
        assert package["version"].replace(".", "").isdigit(), name
        assert package["integrity"].startswith("sha512-"), name
        if name != "esbuild":
            assert f"{name} {package['version']} ({package['license']})" in licences


def test_the_first_load_is_small() -> None:
    """All of the page's libraries together stay under 100 KB before compression."""
    assert sum(len((VENDOR / name).read_bytes()) for name in LOCK["files"] if name.endswith((".js", ".css"))) < 100_000
