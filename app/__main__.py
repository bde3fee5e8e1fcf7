"""The command line: `./run COMMAND`, or `python -m app COMMAND` inside the project's environment."""

from __future__ import annotations

import signal
import sys
from importlib import import_module
from types import FrameType

import click

# Each command stands in a module of app.commands, under its own name; only the one that is asked for is loaded.
COMMANDS = {
    "serve": "serve",
    "key": "keys",
    "db": "database",
    "openapi": "openapi",
    "bench": "bench",
}
MORE = """`./run test` runs the checks and all tests; what follows it is for pytest.

Settings are environment variables that begin with LEENPAD_: see docs/operations.md."""


class Commands(click.Group):
    """The commands, in the order in which one needs them."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names of all commands."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Load the command called `cmd_name`; None if there is no such command."""
        if cmd_name not in COMMANDS:
            return None
        command: click.Command = import_module(f"app.commands.{COMMANDS[cmd_name]}").command
        return command


@click.command(cls=Commands, epilog=MORE, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name=None, version="0.1.0", prog_name="leenpad")
def main() -> None:
    """Leenpad decides which library lends its copy and by which vans it travels."""
    signal.signal(signal.SIGTERM, _end)


def _end(_number: int, _frame: FrameType | None) -> None:
    sys.exit(128 + signal.SIGTERM)  # by way of every `finally`


if __name__ == "__main__":
    main(prog_name="./run")
