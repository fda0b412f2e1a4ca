"""The operator's command, `baton`: its parts, and the one place where failures are shown."""

from typing import Any

import typer
from typer.core import TyperGroup

from baton_cli import migrate, topics
from baton_cli.explain.command import explain
from baton_cli.failures import Failure
from baton_cli.policy import commands as policy
from baton_cli.screen import show


class _Baton(TyperGroup):
    def invoke(self, ctx: Any) -> Any:
        try:
            return super().invoke(ctx)
        except Failure as failure:
            show(failure)
            raise typer.Exit(failure.exit_code) from failure


app = typer.Typer(
    cls=_Baton,
    no_args_is_help=True,
    context_settings={"help_option_names": ["-h", "--help"]},
    help="Baton hands leads from marketing to sales. This is its operator's command.",
)
app.add_typer(topics.app, name="topics")
app.command("migrate")(migrate.migrate)
app.add_typer(policy.app, name="policy")
app.command("explain")(explain)
