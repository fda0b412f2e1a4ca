"""The operator's command, `baton`: its parts, and the one place where failures are shown."""

import io
import sys
from typing import Any

import typer
from typer.core import TyperGroup

from baton_cli import (
    dead_letters,
    deliveries,
    migrate,
    operations,
    privacy,
    promises,
    quarantine,
    topics,
    waiting,
)
from baton_cli.commands import add, examples_text
from baton_cli.explain.command import explain
from baton_cli.failures import Failure
from baton_cli.importing.command import import_
from baton_cli.policy import commands as policy
from baton_cli.screen import show
from baton_cli.send.command import send
from baton_cli.service import Service


class _Baton(TyperGroup):
    def invoke(self, ctx: Any) -> Any:
        _write_what_can_be_written()
        try:
            return super().invoke(ctx)
        except Failure as failure:
            show(failure)
            raise typer.Exit(failure.exit_code) from failure


def _write_what_can_be_written() -> None:
    """A terminal that has no ticks and dots shall not keep back the words."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")


*_FIRST, _LAST = (service.variable for service in Service)
_URLS = f"{', '.join(_FIRST)} and {_LAST}"
_PORTS = [service.manifest.port for service in Service]

app = typer.Typer(
    cls=_Baton,
    no_args_is_help=True,
    add_completion=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    help="Operate Baton: send and explain leads, manage the policy, and run the services.\n\n"
    f"It speaks to the services at {_URLS} "
    f"(this machine, ports {_PORTS[0]} to {_PORTS[-1]}, if not set) with BATON_API_TOKEN; "
    "topics, migrate and policy speak to BATON_KAFKA_BOOTSTRAP_SERVERS and BATON_DATABASE_URL.",
    epilog=examples_text(
        "baton status",
        "baton send leads.ndjson",
        "baton explain buyer@example.com",
        "baton policy check deploy/policy",
        "baton breaches --since 7d",
    ),
)

_LEADS = "Leads"
add(
    app,
    send,
    "send",
    "baton send leads.ndjson",
    "baton send --kind activity page-views.json",
    "zcat year.ndjson.gz | baton send --quiet --at-once 32 -",
    panel=_LEADS,
)
add(
    app,
    import_,
    "import",
    "baton import leads.csv --source website",
    "baton import export.csv --map mapping.yaml",
    "baton import year.ndjson --keep-in /var/lib/baton",
    panel=_LEADS,
)
add(
    app,
    explain,
    "explain",
    "baton explain buyer@example.com",
    "baton explain 719725ea-f335-89f2-95ce-225a38ab5b09 --all",
    "baton explain buyer@example.com --json | jq .now",
    panel=_LEADS,
)
add(
    app,
    promises.breaches,
    "breaches",
    "baton breaches --since 7d",
    "baton breaches --team north --limit 20",
    panel=_LEADS,
)
add(app, promises.reps, "reps", "baton reps", panel=_LEADS)
app.add_typer(quarantine.app, name="quarantine", rich_help_panel=_LEADS)
app.add_typer(privacy.app, name="privacy", rich_help_panel=_LEADS)

app.add_typer(policy.app, name="policy", rich_help_panel="Policy")

_RUNNING = "Operation"
add(app, operations.status, "status", "baton status", panel=_RUNNING)
app.add_typer(deliveries.app, name="deliveries", rich_help_panel=_RUNNING)
app.add_typer(dead_letters.app, name="dead-letters", rich_help_panel=_RUNNING)
app.add_typer(waiting.app, name="waiting", rich_help_panel=_RUNNING)
add(app, operations.resume, "resume", 'baton resume scoring --by "On call"', panel=_RUNNING)
add(
    app,
    operations.accept_loss,
    "accept-loss",
    "baton accept-loss routing --shard 3 --topic lead-scored "
    '--by "On call" --why "A disk of Kafka was lost"',
    panel=_RUNNING,
)

_SETTING_UP = "Set-up"
add(
    app,
    migrate.migrate,
    "migrate",
    "baton migrate",
    "baton migrate sla-monitor",
    panel=_SETTING_UP,
)
app.add_typer(topics.app, name="topics", rich_help_panel=_SETTING_UP)
