"""`baton waiting`: follow-ups and activities that name nobody who is known."""

import asyncio
from typing import Annotated
from uuid import UUID

import typer
from pydantic import AwareDatetime, BaseModel, TypeAdapter
from rich.text import Text

from baton_cli.api import open_apis
from baton_cli.commands import add
from baton_cli.screen import output, table
from baton_cli.service import INGEST
from baton_cli.times import moment_in_zone, zone

_PAGE = 500


class _Name(BaseModel):
    kind: str
    value: str


class Waiting(BaseModel):
    """A delivery that waits for its lead."""

    number: int
    event_id: UUID
    source: str
    type: str
    names: list[_Name]
    received_at: AwareDatetime
    reported_at: AwareDatetime | None
    unreadable: str | None = None


_WAITING = TypeAdapter(list[Waiting])


def list_(
    source: Annotated[
        str | None, typer.Option(metavar="SOURCE", help="Only deliveries of this source.")
    ] = None,
    limit: Annotated[int, typer.Option(min=1, help="The most rows to show.")] = 50,
) -> None:
    """List unmatched deliveries, the oldest first.

    Each takes effect by itself once a lead is known by one of its names.
    """
    found = asyncio.run(_list(source, limit))
    when = f"received at ({zone()})"
    shown = table("source", when, "what, and of whom", unbroken=["source", when])
    for delivery in found:
        names = ", ".join(f"{name.kind} {name.value}" for name in delivery.names)
        old = ", reported" if delivery.reported_at else ""
        why = f"ingest can't read it: {delivery.unreadable}\n" if delivery.unreadable else ""
        line = Text.assemble(
            (delivery.type, "bold"), f" of {names}{old}\n", why, (str(delivery.event_id), "dim")
        )
        shown.add_row(delivery.source, moment_in_zone(delivery.received_at), line)
    output().print(shown if found else "Nothing waits for its lead.")


async def _list(source: str | None, limit: int) -> list[Waiting]:
    found: list[Waiting] = []
    params = {} if source is None else {"source": source}
    async with open_apis() as apis:
        while len(found) < limit:
            size = min(_PAGE, limit - len(found))
            after = str(found[-1].number if found else 0)
            page = await apis[INGEST].get(
                "/v1/waiting", _WAITING, {**params, "after": after, "limit": str(size)}
            )
            found += page
            if len(page) < size:
                break
    return found


app = typer.Typer(
    no_args_is_help=True, help="Unmatched follow-ups and activities, whose lead is not known yet."
)
add(app, list_, "list", "baton waiting list", "baton waiting list --source crm")
