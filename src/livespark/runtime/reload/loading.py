"""How modules of the project are loaded: from their source, with a note of what was loaded.

Python's own loader takes a `.pyc` when size and whole seconds of the source's time fit, so it misses a second edit of
the same size. Ours always compiles. It finds nothing by itself: it asks the other finders, and takes the place of the
loader where an ordinary one would load a file of the project.
"""

import sys
import tokenize
from collections.abc import Callable, Sequence
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec, SourceFileLoader
from importlib.util import spec_from_file_location
from io import BytesIO
from pathlib import Path
from types import CodeType, ModuleType

from livespark.runtime.reload.compiling import compile_source
from livespark.runtime.reload.sources import Sources

__all__ = ("install_finder",)


def install_finder(sources: Sources) -> Callable[[], None]:
    """From here on `sources` learns of each module of its project that is imported. -> what takes the finder away."""
    finder = _Finder(sources)
    sys.meta_path.insert(0, finder)

    def remove() -> None:
        sys.meta_path[:] = [each for each in sys.meta_path if each is not finder]

    return remove


class _Loader(SourceFileLoader):
    """Loads one module of the project."""

    def __init__(self, fullname: str, path: str, sources: Sources) -> None:
        super().__init__(fullname, path)
        self._sources = sources

    def get_data(self, path: str) -> bytes:
        """Also of a file that exists only because a client has sent it."""
        text = self._sources.given(path) if path == self.path else None
        return super().get_data(path) if text is None else _encoded(text)

    def get_code(self, fullname: str) -> CodeType:
        path = self.get_filename(fullname)
        if not self._is_importing(fullname):
            return compile_source(path, self.get_data(path)).code
        text = self._sources.given(path)
        if text is not None:
            return self._sources.load_given(path, text, fullname).code
        return self._sources.load(path, super().get_data(path), fullname).code

    def _is_importing(self, fullname: str) -> bool:
        """Others ask for the code, too: `runpy`, to run it under another name."""
        spec = getattr(sys.modules.get(fullname), "__spec__", None)
        return spec is not None and spec.loader is self


class _Finder(MetaPathFinder):
    """Finds what the finders after it find."""

    def __init__(self, sources: Sources) -> None:
        self._sources = sources

    def find_spec(
        self, fullname: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        spec = self._ask_others(fullname, path, target)
        if spec is None or spec.loader is None:
            return self._find_given(fullname, path) or spec
        if type(spec.loader) is SourceFileLoader and self._sources.project.includes(spec.loader.path):
            spec.loader = _Loader(spec.loader.name, spec.loader.path, self._sources)
        return spec

    def _ask_others(self, fullname: str, path: Sequence[str] | None, target: ModuleType | None) -> ModuleSpec | None:
        for finder in tuple(sys.meta_path):
            find = getattr(finder, "find_spec", None)
            if find is not None and finder is not self and (spec := find(fullname, path, target)) is not None:
                found: ModuleSpec = spec
                return found
        return None

    def _find_given(self, fullname: str, path: Sequence[str] | None) -> ModuleSpec | None:
        """A module that is on no disk: a client has sent it."""
        name = fullname.rpartition(".")[2]
        for folder in sys.path if path is None else path:
            for file in (Path(folder, name, "__init__.py"), Path(folder, f"{name}.py")):
                if self._sources.given(str(file)) is not None:
                    return self._spec(fullname, file)
        return None

    def _spec(self, fullname: str, file: Path) -> ModuleSpec | None:
        inner = [str(file.parent)] if file.name == "__init__.py" else None
        loader = _Loader(fullname, str(file), self._sources)
        return spec_from_file_location(fullname, file, loader=loader, submodule_search_locations=inner)


def _encoded(text: str) -> bytes:
    """As it would stand in a file."""
    data = text.encode()
    try:
        return text.encode(tokenize.detect_encoding(BytesIO(data).readline)[0])
    except (SyntaxError, UnicodeEncodeError):
        return data
