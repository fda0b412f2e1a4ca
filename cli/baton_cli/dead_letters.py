"""`baton dead-letters`: what a service could not process; shown whole, and tried again."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from typing import Annotated
from uuid import UUID

import typer
from pydantic import AwareDatetime, BaseModel, TypeAdapter
from rich.text import Text

from baton_cli.api import Api, Refused, open_apis
from baton_cli.commands import add
from baton_cli.failures import MISUSED, REFUSED, Failure
from baton_cli.screen import counted, output, pretty, table
from baton_cli.service import Service
from baton_cli.times import moment, moment_in_zone, zone

_UNKNOWN = 404
_PAGE = 500


class Letter(BaseModel):
    """A dead letter; `key`, `headers` and `value` are there where it is shown whole."""

    id: UUID
    shard: int
    kind: str
    subject_kind: str | None
    subject_id: UUID | None
    topic: str | None
    offset: int | None
    reason: str
    failures: int
    failed_at: AwareDatetime
    replayed_at: AwareDatetime | None
    key: str | None = None
    headers: dict[str, str] | None = None
    value: str | None = None


class _Replayed(BaseModel):
    detail: str


_LETTER = TypeAdapter(Letter)
_LETTERS = TypeAdapter(list[Letter])
_REPLAYED = TypeAdapter(_Replayed)

Of = Annotated[
    Service | None,
    typer.Argument(metavar="[SERVICE]", help=f"One of {', '.join(Service)}; all if left out."),
]
In = Annotated[Service | None, typer.Option("--service", help="Look only there.")]
Id = Annotated[UUID, typer.Argument(metavar="ID", help="As `list` shows it.")]


def list_(
    service: Of = None,
    limit: Annotated[int, typer.Option(min=1, max=_PAGE, help="At most so many a service.")] = 50,
    *,
    replayed: Annotated[
        bool, typer.Option("--replayed", help="Also those that were replayed and took effect.")
    ] = False,
) -> None:
    """List dead letters, the newest first, with the reason of each."""
    found = asyncio.run(_list(service, limit, replayed=replayed))
    when = f"failed at ({zone()})"
    shown = table("service", when, "dead letter, and why", unbroken=["service", when])
    for owner, letter in found:
        of = f"\n{letter.kind}" + (f" of {letter.topic}" if letter.topic else "")
        times = f", failed {letter.failures} times" if letter.failures > 1 else ""
        done = ", replayed since" if letter.replayed_at else ""
        line = Text.assemble((str(letter.id), "bold"), of, times, done, f": {letter.reason}")
        shown.add_row(owner, moment_in_zone(letter.failed_at), line)
    output().print(shown if found else "There are no dead letters.")


def show(letter_id: Id, service: In = None) -> None:
    """Show one dead letter whole: where it came from, why it failed, and what it says."""
    owner, letter = asyncio.run(_show(letter_id, service))
    shown = table("", "")
    shown.show_header = False
    place = f"{letter.topic}, partition {letter.shard}, offset {letter.offset}"
    rows = {
        "id": str(letter.id),
        "service": owner,
        "kind": letter.kind,
        "from": place if letter.topic else f"shard {letter.shard}",
        letter.subject_kind or "": str(letter.subject_id or ""),
        "failed": f"{moment(letter.failed_at)}, {counted(letter.failures, 'time')} so far",
        "replayed": moment(letter.replayed_at) if letter.replayed_at else "",
        "reason": letter.reason,
        "key": letter.key or "",
        "headers": "\n".join(f"{name}: {text}" for name, text in (letter.headers or {}).items()),
    }
    for name, text in rows.items():
        if text:
            shown.add_row(Text(name, "dim"), text)
    output().print(shown)
    output().print(pretty(letter.value or ""), soft_wrap=True)


def replay(
    letter_id: Annotated[
        UUID | None, typer.Argument(metavar="[ID]", help="As `list` shows it.")
    ] = None,
    service: In = None,
    *,
    everything: Annotated[bool, typer.Option("--all", help="All that are not replayed.")] = False,
) -> None:
    """Have a service decide again on a dead letter, or on all of them: after the cause is mended.

    The exit code is 1 if any failed again; it stays among the dead letters.
    """
    if (letter_id is None) is not everything:
        raise Failure("name one dead letter by its id, or all by --all", exit_code=MISUSED)
    if letter_id is not None:
        detail = asyncio.run(_replay_one(letter_id, service))
        output().print(f"{letter_id}: {detail}", soft_wrap=True)
        return
    failed = asyncio.run(_replay_all(service))
    if failed:
        raise typer.Exit(REFUSED)


async def _list(
    service: Service | None, limit: int, *, replayed: bool
) -> list[tuple[Service, Letter]]:
    params = {"limit": str(limit), "replayed": str(replayed).lower()}
    found = []
    async with open_apis() as apis:
        for api in _of(apis, service):
            letters = await api.get("/v1/dead-letters", _LETTERS, params)
            found += [(api.service, letter) for letter in letters]
    return found


async def _show(letter_id: UUID, service: Service | None) -> tuple[Service, Letter]:
    async with open_apis() as apis:
        for api in _of(apis, service):
            letter = await _letter(api, letter_id)
            if letter is not None:
                return api.service, letter
    where = service or "no service"
    raise Failure(
        f"{where} has {'no' if service else 'a'} dead letter {letter_id}",
        "`baton dead-letters list` lists them.",
    )


async def _letter(api: Api, letter_id: UUID) -> Letter | None:
    try:
        return await api.get(f"/v1/dead-letters/{letter_id}", _LETTER)
    except Refused as refused:
        if refused.status == _UNKNOWN:
            return None
        raise


async def _replay_one(letter_id: UUID, service: Service | None) -> str:
    where, _ = await _show(letter_id, service)
    async with open_apis() as apis:
        return await _replay(apis[where], letter_id)


async def _replay(api: Api, letter_id: UUID) -> str:
    answer = await api.post(f"/v1/dead-letters/{letter_id}/replay", _REPLAYED)
    return answer.detail


async def _replay_all(service: Service | None) -> bool:
    """Whether any failed again."""
    done, failed = 0, 0
    console = output()
    async with open_apis() as apis:
        for api in _of(apis, service):
            async for letter in _timers_last(api):
                try:
                    detail = await _replay(api, letter.id)
                    done += 1
                except Refused as refused:
                    detail = f"failed again: {refused.reason}"
                    failed += 1
                console.print(f"{api.service} {letter.id}: {detail}", soft_wrap=True)
    console.print(f"{done} replayed, {failed} failed again.")
    return failed > 0


async def _timers_last(api: Api) -> AsyncIterator[Letter]:
    """Each dead letter once, timers last: an event among the others may answer one that accuses."""
    timers = []
    async for letter in _waiting(api):
        if letter.kind == "timer":
            timers.append(letter)
        else:
            yield letter
    for letter in timers:
        yield letter


async def _waiting(api: Api) -> AsyncIterator[Letter]:
    """Each dead letter once. Replayed letters leave the list; letters that failed again move to its
    top.
    """
    known_ids: set[UUID] = set()
    before: dict[str, str] = {}
    while True:
        page = await api.get("/v1/dead-letters", _LETTERS, {"limit": str(_PAGE), **before})
        for letter in page:
            if letter.id not in known_ids:
                yield letter
        fresh = {letter.id for letter in page} - known_ids
        known_ids |= fresh
        if len(page) < _PAGE:
            return
        before = {} if fresh else {"before": page[-1].failed_at.isoformat()}


def _of(apis: Mapping[Service, Api], service: Service | None) -> list[Api]:
    """The APIs that have dead letters, or the one that is asked for."""
    services = apis if service is None else [service]
    return [apis[item] for item in services if item.manifest.consumes]


app = typer.Typer(
    no_args_is_help=True,
    help="Dead letters (inputs that could not be processed): list, show and replay them.",
)
add(app, list_, "list", "baton dead-letters list", "baton dead-letters list scoring")
add(app, show, "show", "baton dead-letters show 01a2008d-7400-8da2-9ce0-5a2143459136")
add(
    app,
    replay,
    "replay",
    "baton dead-letters replay 01a2008d-7400-8da2-9ce0-5a2143459136",
    "baton dead-letters replay --all --service scoring",
)
