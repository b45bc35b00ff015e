"""The verb that runs the server in the foreground."""

import click

from livespark import settings, wiring
from livespark.cli.report import say

__all__ = ("serve",)


@click.command()
@click.option("--host", default="127.0.0.1", show_default=True, help="The address to listen on.")
@click.option("--port", type=click.IntRange(0, 65535), help="Default: 4280, or any free one.")
def serve(host: str, port: int | None) -> int:
    """Run the server in the foreground."""
    return wiring.serve(settings.load(), host=host, port=port, announce=say)
