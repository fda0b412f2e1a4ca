"""`python -m baton_local`: Baton in the background on this machine, for `make up` and its kin."""

import argparse
import sys

from rich.console import Console

from baton_local import background, logs
from baton_local.errors import StackError


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m baton_local", description=__doc__)
    parser.add_argument("--offset", type=int, default=0, help="added to every port")
    commands = parser.add_subparsers(dest="command", required=True)
    for name in ("up", "down", "status", "clean"):
        commands.add_parser(name)
    following = commands.add_parser("logs")
    following.add_argument("programs", nargs="*")
    arguments = parser.parse_args()
    console = Console(highlight=False)
    try:
        match arguments.command:
            case "up":
                background.up(console, arguments.offset)
            case "down":
                background.down(console, arguments.offset)
            case "status":
                background.status(console, arguments.offset)
            case "clean":
                background.clean(console)
            case "logs":
                logs.follow(console, background.stack(arguments.offset), arguments.programs)
    except StackError as error:
        Console(stderr=True, highlight=False).print(f"[bold red]error:[/] {error}", soft_wrap=True)
        sys.exit(1)
    except KeyboardInterrupt:
        sys.exit(130)


if __name__ == "__main__":
    main()
