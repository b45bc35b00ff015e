"""What a stranger's first minute depends on: a light import, complete exports, documents that are true."""

import importlib
import json
import pkgutil
import re
import subprocess
import sys
from pathlib import Path

import pytest

import livespark
from livespark import settings
from livespark.cli.main import cli

ROOT = Path(__file__).parents[2]
HEAVY = ("torch", "numpy", "starlette", "uvicorn", "rich", "httpx2", "click", "sqlite3", "livespark.client")

MODULES = [module.name for module in pkgutil.walk_packages(livespark.__path__, "livespark.")]


def test_import_is_light() -> None:
    """`import livespark` loads none of the heavy libraries, torch above all."""
    code = "import json, sys, livespark; print(json.dumps(sorted(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    loaded = json.loads(done.stdout)

    assert [name for name in HEAVY if name in loaded] == []


@pytest.mark.parametrize("name", [name for name in MODULES if not name.endswith("__main__")])
def test_every_module_declares_what_it_offers(name: str) -> None:
    """`__all__` is a tuple of names that exist, and every module says in a docstring what it is."""
    module = importlib.import_module(name)
    source = Path(str(module.__file__)).read_text()
    if source.strip():
        assert module.__doc__, name
        assert isinstance(module.__all__, tuple), name
        assert [item for item in module.__all__ if not hasattr(module, item)] == []


def test_the_vocabulary_is_documented() -> None:
    """Every name of `import livespark as spark` has its place in the guide."""
    guide = (ROOT / "docs" / "guide.md").read_text()

    names = set(livespark.__all__) - {"__version__"}
    assert [name for name in names if f"`{name}" not in guide and f"spark.{name}" not in guide] == []


def test_every_verb_is_documented() -> None:
    """Every verb of the command line has its place in the guide."""
    guide = (ROOT / "docs" / "guide.md").read_text()

    assert [name for name in cli.commands if f"livespark {name}" not in guide] == []


def test_every_setting_is_documented() -> None:
    """Every environment variable has its place in the guide."""
    guide = (ROOT / "docs" / "guide.md").read_text()
    names = [f"LIVESPARK_{name.upper()}" for name in settings.Settings.__dataclass_fields__]

    assert [name for name in names if name not in guide] == []


@pytest.mark.parametrize("page", [*list(ROOT.glob("*.md")), *ROOT.glob("docs/*.md")], ids=lambda p: p.name)
def test_links_lead_somewhere(page: Path) -> None:
    """Relative links and pictures in the documents exist."""
    targets = re.findall(r"\]\(([^)#]+?)(?:#[^)]*)?\)", page.read_text())

    assert [link for link in targets if "://" not in link and not (page.parent / link).exists()] == []


def test_the_changelog_knows_the_version() -> None:
    """The changelog has an entry for this version, or for what is not released yet."""
    changelog = (ROOT / "CHANGELOG.md").read_text()

    assert f"## [{livespark.__version__}]" in changelog or "## [Unreleased]" in changelog


def test_the_readme_script_runs(tmp_path: Path) -> None:
    """The ten lines in the README run as they stand, here with fewer steps."""
    source = re.findall(r"```python\n(.*?)```", (ROOT / "README.md").read_text(), re.DOTALL)[0]
    script = tmp_path / "train.py"
    script.write_text(source.replace("100_000", "100"))

    subprocess.run([sys.executable, script], check=True, capture_output=True, timeout=60)
