"""The Studio's page and files, as they were at the server's start. Names are looked up in a dictionary, never on
the disk."""

import hashlib
from collections.abc import Mapping
from typing import Any

from msgspec import Struct
from starlette.responses import Response
from starlette.types import ASGIApp

from livespark.server.answers import problem
from livespark.server.call import Call, NoQuery
from livespark.server.shell import PAGE_POLICY
from livespark.studio.assets import PAGE, Asset

__all__ = ("Pages", "RunPageQuery")


class RunPageQuery(Struct, frozen=True, forbid_unknown_fields=True):
    """What the page of a run keeps in its address. `compare`: the run whose curves it shows along."""

    compare: str = ""


class Pages:
    """Handlers for `assets`."""

    def __init__(self, assets: Mapping[str, Asset]) -> None:
        self._assets = assets
        self._tags = {name: f'"{hashlib.sha256(asset.body).hexdigest()[:32]}"' for name, asset in assets.items()}

    async def page(self, call: Call[NoQuery, None]) -> ASGIApp:
        return self._serve(PAGE, call)

    async def run_page(self, call: Call[RunPageQuery, None]) -> ASGIApp:
        return self._serve(PAGE, call)

    async def file(self, call: Call[NoQuery, None]) -> ASGIApp:
        name = call.path["file"]
        if name not in self._assets or name == PAGE:
            return problem("not-found", "the Studio has no such file")
        return self._serve(name, call)

    def _serve(self, name: str, call: Call[Any, Any]) -> ASGIApp:
        asset, tag = self._assets[name], self._tags[name]
        headers = {"ETag": tag, "Cache-Control": "no-cache", "Content-Security-Policy": PAGE_POLICY}
        if tag in [known.strip() for known in call.headers.get("if-none-match", "").split(",")]:
            return Response(status_code=304, headers=headers)
        return Response(asset.body, headers=headers | {"Content-Type": asset.content_type})
