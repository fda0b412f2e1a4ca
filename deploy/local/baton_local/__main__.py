"""`python -m baton_local`: Baton in the background on this machine, for `make up` and its kin."""

import argparse
import sys

from rich.console import Console
from rich.markup import escape

from baton_local.background import Background, clean
from baton_local.errors import StackError
from baton_local.logs import follow


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
                Background(console, arguments.offset).up()
            case "down":
                Background(console, arguments.offset).down()
            case "status":
                Background(console, arguments.offset).status()
            case "logs":
                follow(console, Background(console, arguments.offset).stack(), arguments.programs)
            case "clean":
                clean(console)
    except StackError as error:
        errors = Console(stderr=True, highlight=False)
        errors.print(f"[bold red]error:[/] {escape(str(error))}", soft_wrap=True)
        sys.exit(1)
    except KeyboardInterrupt:
        sys.exit(130)


if __name__ == "__main__":
    main()
