"""`baton deliveries`: webhooks that ingest did not understand; shown whole, and read again."""

import asyncio
from collections.abc import AsyncIterator
from typing import Annotated
from uuid import UUID

import typer
from pydantic import AwareDatetime, BaseModel, TypeAdapter
from rich.text import Text

from baton_cli.api import Api, Refused, open_apis
from baton_cli.commands import add
from baton_cli.failures import MISUSED, REFUSED, Failure
from baton_cli.screen import counted, output, pretty, table
from baton_cli.service import INGEST
from baton_cli.times import moment, moment_in_zone, zone

_PATH = "/v1/deliveries"
_UNKNOWN = 404
_PAGE = 500
_FETCHING = "fetching"


class Delivery(BaseModel):
    """A delivery that was authentic and not understood."""

    id: UUID
    source: str
    reason: str
    failures: int
    received_at: AwareDatetime
    failed_at: AwareDatetime
    replayed_at: AwareDatetime | None


class _Deliveries(BaseModel):
    deliveries: list[Delivery]
    next_cursor: str | None


class _Details(Delivery):
    headers: dict[str, str]
    body: str
    encoding: str
    lead_ids: list[UUID]


class _Result(BaseModel):
    state: str
    lead_id: UUID | None


class _Replayed(BaseModel):
    results: list[_Result]


class Incomplete(BaseModel):
    """A lead that its delivery names by an id alone."""

    event_id: UUID
    source: str
    record: str
    record_id: str
    received_at: AwareDatetime
    attempts: int
    due_at: AwareDatetime
    reason: str


class _Fetches(BaseModel):
    leads: list[Incomplete]
    next_cursor: str | None


_FETCHES = TypeAdapter(_Fetches)
_DELIVERIES = TypeAdapter(_Deliveries)
_DETAILS = TypeAdapter(_Details)
_REPLAYED = TypeAdapter(_Replayed)

Of = Annotated[str | None, typer.Option("--source", help="Only deliveries of this source.")]
Id = Annotated[UUID, typer.Argument(metavar="ID", help="As `list` shows it.")]


def list_(
    source: Of = None,
    limit: Annotated[int, typer.Option(min=1, help="The most rows to show.")] = 50,
    *,
    failed: Annotated[
        bool, typer.Option("--failed", help="Deliveries that wait for a replay (the default).")
    ] = False,
    replayed: Annotated[bool, typer.Option("--replayed", help="Those that were.")] = False,
    fetching: Annotated[
        bool,
        typer.Option("--fetching", help="Leads whose details are still with their vendor."),
    ] = False,
) -> None:
    """List deliveries that could not be read, the newest first, each with the reason."""
    if [failed, replayed, fetching].count(True) > 1:
        raise Failure("--failed, --replayed and --fetching are lists apart", exit_code=MISUSED)
    if fetching:
        _list_fetching(source, limit)
        return
    found, more = asyncio.run(_list(source, limit, replayed=replayed))
    when = f"received at ({zone()})"
    shown = table(when, "source", "delivery, and why", unbroken=[when, "source"])
    for delivery in found:
        times = f", failed {delivery.failures} times" if delivery.failures > 1 else ""
        done = (
            f", replayed at {moment_in_zone(delivery.replayed_at)}" if delivery.replayed_at else ""
        )
        line = Text.assemble((str(delivery.id), "bold"), f"{times}{done}: {delivery.reason}")
        shown.add_row(moment_in_zone(delivery.received_at), delivery.source, line)
    nothing = "No delivery was replayed." if replayed else "No delivery waits to be replayed."
    output().print(shown if found else nothing)
    if more:
        output().print(f"There are more than these {limit}; --limit shows them.")


def _list_fetching(source: str | None, limit: int) -> None:
    found, more = asyncio.run(_fetching(source, limit))
    when = f"received at ({zone()})"
    shown = table(when, "source", "missing details, and why", unbroken=[when, "source"])
    for incomplete in found:
        record = (f"{incomplete.record} {incomplete.record_id}", "bold")
        attempts = (
            f", asked {counted(incomplete.attempts, 'time')}, "
            f"next at {moment_in_zone(incomplete.due_at)}"
        )
        shown.add_row(
            moment_in_zone(incomplete.received_at),
            incomplete.source,
            Text.assemble(record, f"{attempts}: {incomplete.reason}"),
        )
    output().print(shown if found else "No lead waits for its details.")
    if more:
        output().print(f"There are more than these {limit}; --limit shows them.")


def show(delivery_id: Id) -> None:
    """Show one delivery whole: its source, why it was not understood, and what it holds."""
    found = asyncio.run(_show(delivery_id))
    shown = table("", "")
    shown.show_header = False
    rows = {
        "id": str(found.id),
        "source": found.source,
        "received": moment(found.received_at),
        "failed": f"{moment(found.failed_at)}, {counted(found.failures, 'time')} so far",
        "replayed": moment(found.replayed_at) if found.replayed_at else "",
        "reason": found.reason,
        "may be about": "\n".join(f"lead {lead_id}" for lead_id in found.lead_ids),
        "headers": "\n".join(f"{name}: {text}" for name, text in found.headers.items()),
        "body is in": found.encoding if found.encoding != "utf-8" else "",
    }
    for name, text in rows.items():
        if text:
            shown.add_row(Text(name, "dim"), text)
    output().print(shown)
    output().print(pretty(found.body), soft_wrap=True)


def replay(
    delivery_id: Annotated[
        UUID | None, typer.Argument(metavar="[ID]", help="As `list` shows it.")
    ] = None,
    source: Of = None,
    *,
    everything: Annotated[bool, typer.Option("--all", help="All that wait.")] = False,
) -> None:
    """Read a delivery again, or all of a source: after the mapping in the bundle is mended.

    Its events are those that it would have been when it came. The exit code is 1 if any is still
    not understood; it stays in the list, with the new reason.
    """
    if [delivery_id is not None, source is not None, everything].count(True) != 1:
        raise Failure(
            "name one delivery by its id, all of a source by --source, or all by --all",
            exit_code=MISUSED,
        )
    if delivery_id is not None:
        output().print(f"{delivery_id}: {asyncio.run(_replay_one(delivery_id))}", soft_wrap=True)
    elif asyncio.run(_replay_all(source)):
        raise typer.Exit(REFUSED)


async def _list(source: str | None, limit: int, *, replayed: bool) -> tuple[list[Delivery], bool]:
    found: list[Delivery] = []
    query = _params(source) | {"replayed": str(replayed).lower()}
    async with open_apis() as apis:
        while True:
            params = {**query, "limit": str(min(limit - len(found), _PAGE))}
            page = await apis[INGEST].get(_PATH, _DELIVERIES, params)
            found += page.deliveries
            if page.next_cursor is None or len(found) >= limit:
                return found, page.next_cursor is not None
            query["cursor"] = page.next_cursor


async def _fetching(source: str | None, limit: int) -> tuple[list[Incomplete], bool]:
    found: list[Incomplete] = []
    query = _params(source)
    async with open_apis() as apis:
        while True:
            params = {**query, "limit": str(min(limit - len(found), _PAGE))}
            page = await apis[INGEST].get("/v1/fetches", _FETCHES, params)
            found += page.leads
            if page.next_cursor is None or len(found) >= limit:
                return found, page.next_cursor is not None
            query["cursor"] = page.next_cursor


async def _show(delivery_id: UUID) -> _Details:
    async with open_apis() as apis:
        try:
            return await apis[INGEST].get(f"{_PATH}/{delivery_id}", _DETAILS)
        except Refused as refused:
            raise _known(refused, delivery_id) from refused


async def _replay_one(delivery_id: UUID) -> str:
    async with open_apis() as apis:
        try:
            return await _replay(apis[INGEST], delivery_id)
        except Refused as refused:
            raise _known(refused, delivery_id) from refused


async def _replay(api: Api, delivery_id: UUID) -> str:
    answer = await api.post(f"{_PATH}/{delivery_id}/replay", _REPLAYED)
    return ", ".join(map(_became, answer.results)) or "ignored, as the bundle has it"


def _became(result: _Result) -> str:
    if result.lead_id is not None:
        return f"lead {result.lead_id} {result.state}"
    if result.state == _FETCHING:
        return "fetching its details; `baton deliveries list --fetching` shows how that goes"
    return "waiting until its lead is known"


async def _replay_all(source: str | None) -> bool:
    """Whether any delivery still cannot be read. New failed deliveries do not count."""
    done, failed = 0, 0
    console = output()
    async with open_apis() as apis:
        api = apis[INGEST]
        async for delivery in _waiting(api, source):
            try:
                says = await _replay(api, delivery.id)
                done += 1
            except Refused as refused:
                says = f"still not understood: {refused.reason}"
                failed += 1
            console.print(f"{delivery.source} {delivery.id}: {says}", soft_wrap=True)
    console.print(f"{done} replayed, {failed} still not understood.")
    return failed > 0


async def _waiting(api: Api, source: str | None) -> AsyncIterator[Delivery]:
    """Each once: a page goes on where the one before ended, whatever was replayed of that."""
    params = _params(source) | {"limit": str(_PAGE)}
    while True:
        page = await api.get(_PATH, _DELIVERIES, params)
        for delivery in page.deliveries:
            yield delivery
        if page.next_cursor is None:
            return
        params["cursor"] = page.next_cursor


def _params(source: str | None) -> dict[str, str]:
    return {} if source is None else {"source": source}


def _known(refused: Refused, delivery_id: UUID) -> Failure:
    if refused.status == _UNKNOWN:
        return Failure(
            f"ingest keeps no delivery {delivery_id}", "`baton deliveries list` lists them."
        )
    return refused


app = typer.Typer(
    no_args_is_help=True,
    help="Deliveries that ingest could not read: list, show and replay them.",
)
add(
    app,
    list_,
    "list",
    "baton deliveries list --failed",
    "baton deliveries list --source typeform --limit 200",
    "baton deliveries list --fetching",
)
add(app, show, "show", "baton deliveries show 5d5aa0f5-3d7e-5d4c-b3a5-5c1ad5c9f0e0")
add(
    app,
    replay,
    "replay",
    "baton deliveries replay 5d5aa0f5-3d7e-5d4c-b3a5-5c1ad5c9f0e0",
    "baton deliveries replay --source typeform",
)
