"""`baton breaches` and `baton reps`: promises that were broken, and who has how many leads."""

import asyncio
import re
from datetime import UTC, datetime, timedelta
from typing import Annotated
from uuid import UUID

import typer
from pydantic import AwareDatetime, BaseModel, TypeAdapter
from rich.text import Text

from baton_cli.api import open_apis
from baton_cli.failures import MISUSED, Failure
from baton_cli.screen import output, table
from baton_cli.service import ROUTING, SLA_MONITOR
from baton_cli.times import duration, moment_in_zone, zone

_AGO = re.compile(r"(\d{1,6})([smhdw])")
_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days", "w": "weeks"}
_PAGE = 500


class _Breach(BaseModel):
    lead_id: UUID
    target: str
    rep: str
    team: str
    allowed_seconds: int
    due_at: AwareDatetime
    answered_at: AwareDatetime | None
    breached_at: AwareDatetime


class _Breaches(BaseModel):
    breaches: list[_Breach]
    next_cursor: str | None


class _Membership(BaseModel):
    pool: str
    capacity: int


class _Rep(BaseModel):
    id: str
    name: str | None
    team: str | None
    available: bool
    pools: list[_Membership]
    open_leads: int
    last_assigned_at: AwareDatetime | None


class _Reps(BaseModel):
    reps: list[_Rep]


_BREACHES = TypeAdapter(_Breaches)
_REPS = TypeAdapter(_Reps)


def breaches(
    since: Annotated[
        str | None, typer.Option(metavar="TIME", help="7d, 12h, or 2026-10-01T09:00:00+02:00.")
    ] = None,
    team: Annotated[str | None, typer.Option(help="Only of this team's reps.")] = None,
    pool: Annotated[str | None, typer.Option(help="Only of this pool.")] = None,
    limit: Annotated[int, typer.Option(min=1, help="The most rows to show.")] = 100,
) -> None:
    """List SLA breaches, the newest first: rep, time, and time of the answer."""
    conditions = {"since": since and _since(since), "team": team, "pool": pool}
    params = {name: value for name, value in conditions.items() if value is not None}
    found, more = asyncio.run(_breaches(params, limit))
    when = f"broken at ({zone()})"
    shown = table(when, "lead", "what", unbroken=[when, "lead"])
    for breach in found:
        shown.add_row(moment_in_zone(breach.breached_at), str(breach.lead_id), _line(breach))
    output().print(shown if found else "No promise was broken.")
    if more:
        output().print(f"There are more than these {limit}; --limit shows them.")


def _line(breach: _Breach) -> Text:
    allowed = duration(timedelta(seconds=breach.allowed_seconds))
    promise = f"{breach.target.replace('_', ' ')} in {allowed} by {breach.rep} ({breach.team}): "
    if breach.answered_at is None:
        return Text.assemble(promise, ("not answered", "red"))
    late = duration(breach.answered_at - breach.due_at)
    return Text.assemble(promise, (f"answered {late} late", "yellow"))


async def _breaches(params: dict[str, str], limit: int) -> tuple[list[_Breach], bool]:
    found: list[_Breach] = []
    async with open_apis() as apis:
        while True:
            query = {**params, "limit": str(min(limit - len(found), _PAGE))}
            page = await apis[SLA_MONITOR].get("/v1/breaches", _BREACHES, query)
            found += page.breaches
            if page.next_cursor is None or len(found) >= limit:
                return found, page.next_cursor is not None
            params = {**params, "cursor": page.next_cursor}


def _since(text: str) -> str:
    """A time as the API takes it, of one that is a span ago or a time with its offset."""
    ago = _AGO.fullmatch(text)
    try:
        if ago:
            span = timedelta(**{_UNITS[ago[2]]: int(ago[1])})
            return (datetime.now(UTC) - span).isoformat()
        when = datetime.fromisoformat(text)
    except (ValueError, OverflowError):
        when = None
    if when is None or when.tzinfo is None:
        raise Failure(
            f"--since {text} is neither a span of time nor a time with its offset",
            "Write 30m, 12h or 7d, or a time such as 2026-10-01T09:00:00+02:00.",
            exit_code=MISUSED,
        )
    return when.isoformat()


def reps() -> None:
    """List the reps with their open leads and their capacity.

    A lead is open until its rep has spoken with it.
    """
    when = f"last lead ({zone()})"
    columns = ("rep", "name", "team", "takes leads", "open", "pools (capacity)", when)
    shown = table(*columns, unbroken=["rep"])
    for rep in asyncio.run(_reps()):
        full = bool(rep.pools) and all(rep.open_leads >= pool.capacity for pool in rep.pools)
        takes = Text("yes", "green") if rep.available and rep.pools else Text("no", "red")
        shown.add_row(
            rep.id,
            rep.name or "(no longer in the policy)",
            rep.team or "",
            Text("full", "yellow") if rep.available and full else takes,
            str(rep.open_leads),
            ", ".join(f"{pool.pool} ({pool.capacity})" for pool in rep.pools),
            moment_in_zone(rep.last_assigned_at) if rep.last_assigned_at else "",
        )
    output().print(shown)


async def _reps() -> list[_Rep]:
    async with open_apis() as apis:
        return (await apis[ROUTING].get("/v1/reps", _REPS)).reps
