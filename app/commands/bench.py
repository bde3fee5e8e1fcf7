"""`bench`: measure."""

from __future__ import annotations

import os
import sys

import click


@click.command(context_settings={"ignore_unknown_options": True}, add_help_option=False)
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
def command(arguments: tuple[str, ...]) -> None:
    """Measure, and write docs/benchmarks.md."""
    os.execv(sys.executable, [sys.executable, "-m", "bench", *arguments])  # noqa: S606 - becoming it is the point
