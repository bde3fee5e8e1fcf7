"""The command line: `./run COMMAND`, or `python -m app COMMAND` inside the project's environment."""

from __future__ import annotations

import signal
import sys
from importlib import import_module
from types import FrameType

import click

# Each command stands in a module of app.commands, as `command`; only the one that is asked for is loaded.
COMMANDS = {
    "demo": ("demo", "Try it on a made-up network that looks Dutch."),
    "serve": ("serve", "Serve the API, and carry out what is due."),
    "work": ("work", "Carry out what is due, in a process of its own."),
    "import": ("imports", "Take in agencies, a network or holdings."),
    "export": ("exports", "Write a network out."),
    "key": ("keys", "Make keys to the API."),
    "secret": ("secrets", "Make and change the keys that secrets are sealed with."),
    "db": ("database", "Bring the database's tables up to date."),
    "emulate": ("emulate", "Serve a library system that is none, to try with."),
    "openapi": ("openapi", "Print the OpenAPI document."),
    "bench": ("bench", "Measure, and write docs/benchmarks.md."),
}
BY_RUN = ("test", "Run the checks and all tests; what follows is for pytest.")  # `./run` does this one by itself
MORE = "Settings are environment variables that begin with LEENPAD_: see docs/operations.md."


class Commands(click.Group):
    """The commands, in the order in which one needs them."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names of all commands."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Load the command called `cmd_name`; None if there is no such command."""
        if cmd_name not in COMMANDS:
            return None
        module, _ = COMMANDS[cmd_name]
        command: click.Command = import_module(f"app.commands.{module}").command
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List the commands without loading any."""
        with formatter.section("Commands"):
            formatter.write_dl([*((name, line) for name, (_, line) in COMMANDS.items()), BY_RUN])


@click.command(cls=Commands, epilog=MORE, context_settings={"help_option_names": ["-h", "--help"]})
def main() -> None:
    """Leenpad decides which library lends its copy and by which vans it travels."""
    signal.signal(signal.SIGTERM, _end)


def _end(_number: int, _frame: FrameType | None) -> None:
    sys.exit(128 + signal.SIGTERM)  # by way of every `finally`


if __name__ == "__main__":
    main(prog_name="./run")
