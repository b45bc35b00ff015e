"""The server as one ASGI application."""

from collections.abc import Callable, Collection, Mapping

from starlette.types import ASGIApp

from livespark.server.dispatch import Dispatcher
from livespark.server.routes import route_table
from livespark.server.shell import Shell
from livespark.service.service import Service
from livespark.studio.assets import Asset

__all__ = ("make_app",)


def make_app(service: Service, assets: Mapping[str, Asset], hosts: Callable[[], Collection[str]]) -> ASGIApp:
    """`hosts` says under which Host values the server may be addressed."""
    return Shell(Dispatcher(service, route_table(assets)), hosts)
