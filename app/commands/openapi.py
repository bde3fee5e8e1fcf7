"""`openapi`: print the document that describes the API."""

from __future__ import annotations

import click
import orjson

from app.commands.ground import read_settings
from app.main import create_app


@click.command()
def command() -> None:
    """Print the OpenAPI document."""
    document = create_app(read_settings(quiet=True)).openapi()
    click.echo(orjson.dumps(document, option=orjson.OPT_INDENT_2))
