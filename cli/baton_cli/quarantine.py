"""`baton quarantine`: enquiries that a rule holds back; listed, sent on, or kept from everybody."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from enum import StrEnum
from typing import Annotated, Literal
from uuid import UUID

import typer
from pydantic import AwareDatetime, BaseModel, JsonValue, TypeAdapter
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn
from rich.text import Text

from baton.events import Profile, Reason
from baton_cli.api import Api, Refused, open_apis
from baton_cli.commands import add
from baton_cli.explain.marketing import person
from baton_cli.explain.reasons import criteria
from baton_cli.failures import MISUSED, REFUSED, Failure
from baton_cli.screen import counted, notes, output, pretty, table
from baton_cli.service import INGEST
from baton_cli.times import moment, moment_in_zone, zone

_PATH = "/v1/quarantine"
_UNKNOWN = 404
_PAGE = 500
_MESSAGE_SHOWN = 120


class State(StrEnum):
    """The state of an enquiry."""

    IN_QUARANTINE = "held"
    RELEASED = "released"
    DISCARDED = "discarded"
    ALL = "all"


class QuarantinedEnquiry(BaseModel):
    """An enquiry that a rule has held back."""

    event_id: UUID
    lead_id: UUID
    source: str
    rule: str
    reasons: tuple[Reason, ...]
    received_at: AwareDatetime
    profile: Profile
    decision: str | None
    decided_at: AwareDatetime | None
    decided_by: str | None
    why: str | None

    @property
    def because(self) -> str:
        """The rule, and the values that it saw."""
        (criterion,) = criteria(self.reasons)
        return f"{self.rule} ({criterion.reason.label}{_on(criterion.on)})"

    @property
    def decided(self) -> str:
        """The decision with person and reason; empty before the decision."""
        if self.decision is None or self.decided_at is None:
            return ""
        why = f": {self.why}" if self.why else ""
        return f"{self.decision} at {moment(self.decided_at)} by {self.decided_by}{why}"


class _Details(QuarantinedEnquiry):
    answers: dict[str, JsonValue]


class _Quarantine(BaseModel):
    enquiries: list[QuarantinedEnquiry]
    next_cursor: str | None


class _Decided(BaseModel):
    state: str


QUARANTINE = TypeAdapter(_Quarantine)
_DETAILS = TypeAdapter(_Details)
_DECIDED = TypeAdapter(_Decided)

Act = Literal["release", "discard"]
Rule = Annotated[str | None, typer.Option("--rule", help="Only enquiries that this rule stopped.")]
Of = Annotated[str | None, typer.Option("--source", help="Only enquiries of this source.")]
Ids = Annotated[
    list[UUID] | None, typer.Argument(metavar="[ID]...", help="Enquiries, as `list` shows them.")
]
By = Annotated[str, typer.Option(metavar="WHO", help="Who decides this; ingest keeps it.")]
Why = Annotated[str, typer.Option(metavar="REASON", help="Why; ingest keeps it.")]
All = Annotated[bool, typer.Option("--all", help="All that are held.")]


def list_(
    rule: Rule = None,
    source: Of = None,
    limit: Annotated[int, typer.Option(min=1, help="The most rows to show.")] = 50,
    state: Annotated[State, typer.Option(help="What became of them.")] = State.IN_QUARANTINE,
) -> None:
    """List the enquiries in quarantine, the newest first, each with its rule and the reason."""
    found, more = asyncio.run(_list(_params(rule, source) | {"state": state.value}, limit))
    when = f"received at ({zone()})"
    shown = table(when, "source", "enquiry", unbroken=[when, "source"])
    for enquiry in found:
        lines = [
            enquiry.because,
            *person(enquiry.profile),
            _message(enquiry.profile),
            enquiry.decided,
        ]
        says = "".join(f"\n{line}" for line in lines if line)
        shown.add_row(
            moment_in_zone(enquiry.received_at),
            enquiry.source,
            Text.assemble((str(enquiry.event_id), "bold"), says),
        )
    nothing = "Nothing is in quarantine." if state is State.IN_QUARANTINE else "There is none."
    output().print(shown if found else nothing)
    if more:
        output().print(f"There are more than these {limit}; --limit shows them.")


def show(
    event_id: Annotated[UUID, typer.Argument(metavar="ID", help="As `list` shows it.")],
) -> None:
    """Show one enquiry whole: who it is from, which rule holds it, and what was asked."""
    found = asyncio.run(_show(event_id))
    shown = table("", "")
    shown.show_header = False
    rows = {
        "enquiry": str(found.event_id),
        "lead": str(found.lead_id),
        "source": found.source,
        "received": moment(found.received_at),
        "held by": found.because,
        "decided": found.decided,
        "who": "\n".join(person(found.profile)),
    }
    for name, text in rows.items():
        if text:
            shown.add_row(Text(name, "dim"), text)
    output().print(shown)
    document = found.model_dump_json(include={"profile", "answers"}, exclude_none=True)
    output().print(pretty(document), soft_wrap=True)


def release(
    by: By,
    ids: Ids = None,
    rule: Rule = None,
    source: Of = None,
    why: Why = "",
    *,
    everything: All = False,
) -> None:
    """Release enquiries: each is scored and routed once, like any other. Name their ids, or choose
    by --rule, --source or --all. A discarded enquiry can still be released by its id.
    """
    _decide("release", ids or (), _chosen(ids, rule, source, everything=everything), by, why)


def discard(
    by: By,
    ids: Ids = None,
    rule: Rule = None,
    source: Of = None,
    why: Why = "",
    *,
    everything: All = False,
) -> None:
    """Keep enquiries from everybody. Ingest forgets them after 30 days; until then, release can
    undo it.

    Name them by their ids, or all that a rule holds by --rule, all of a source by --source, or all
    by --all.
    """
    _decide("discard", ids or (), _chosen(ids, rule, source, everything=everything), by, why)


def _chosen(
    ids: Sequence[UUID] | None, rule: str | None, source: str | None, *, everything: bool
) -> dict[str, str]:
    params = _params(rule, source)
    if [bool(ids), bool(params), everything].count(True) != 1:
        raise Failure(
            "name enquiries by their ids, or choose them by --rule and --source, or all by --all",
            exit_code=MISUSED,
        )
    return params


def _decide(act: Act, ids: Sequence[UUID], params: dict[str, str], by: str, why: str) -> None:
    if asyncio.run(_decide_all(act, ids, params, {"by": by, "why": why})):
        raise typer.Exit(REFUSED)


async def _decide_all(
    act: Act, ids: Sequence[UUID], params: dict[str, str], body: dict[str, JsonValue]
) -> bool:
    """Whether any was refused."""
    done, refused = 0, 0
    console = output()
    async with open_apis() as apis:
        api = apis[INGEST]
        chosen = list(ids) or [enquiry.event_id async for enquiry in _in_quarantine(api, params)]
        with _progress() as progress:
            task = progress.add_task(act, total=len(chosen))
            for event_id in chosen:
                try:
                    answer = await api.post(f"{_PATH}/{event_id}/{act}", _DECIDED, body)
                    says = answer.state
                    done += 1
                except Refused as error:
                    says = f"refused, {error.reason}"
                    refused += 1
                progress.advance(task)
                console.print(f"{event_id}: {says}", soft_wrap=True)
    past_tense = {"release": "released", "discard": "discarded"}[act]
    not_done = f", {refused} refused" if refused else ""
    console.print(f"{counted(done, 'lead')} {past_tense}{not_done}.")
    return refused > 0


def _progress() -> Progress:
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        console=notes(),
        transient=True,
    )


async def _in_quarantine(api: Api, query: dict[str, str]) -> AsyncIterator[QuarantinedEnquiry]:
    """Each once, those that are held when its page is read."""
    params = query | {"limit": str(_PAGE)}
    while True:
        page = await api.get(_PATH, QUARANTINE, params)
        for enquiry in page.enquiries:
            yield enquiry
        if page.next_cursor is None:
            return
        params["cursor"] = page.next_cursor


async def _list(query: dict[str, str], limit: int) -> tuple[list[QuarantinedEnquiry], bool]:
    found: list[QuarantinedEnquiry] = []
    async with open_apis() as apis:
        while True:
            params = {**query, "limit": str(min(limit - len(found), _PAGE))}
            page = await apis[INGEST].get(_PATH, QUARANTINE, params)
            found += page.enquiries
            if page.next_cursor is None or len(found) >= limit:
                return found, page.next_cursor is not None
            query["cursor"] = page.next_cursor


async def _show(event_id: UUID) -> _Details:
    async with open_apis() as apis:
        try:
            return await apis[INGEST].get(f"{_PATH}/{event_id}", _DETAILS)
        except Refused as refused:
            if refused.status != _UNKNOWN:
                raise
            raise Failure(
                f"no enquiry {event_id} is or was in quarantine",
                "`baton quarantine list` lists them.",
            ) from refused


def _params(rule: str | None, source: str | None) -> dict[str, str]:
    return {
        name: value for name, value in (("rule", rule), ("source", source)) if value is not None
    }


def _on(values: str | None) -> str:
    return f": {values}" if values else ""


def _message(profile: Profile) -> str:
    message = " ".join((profile.request.message or "").split())
    short = f"{message[:_MESSAGE_SHOWN]}…" if len(message) > _MESSAGE_SHOWN else message
    return f"“{short}”" if short else ""


app = typer.Typer(
    no_args_is_help=True,
    help="Enquiries that a rule put into quarantine: list, show, release and discard them.",
)
add(app, list_, "list", "baton quarantine list", "baton quarantine list --rule spam --limit 200")
add(app, show, "show", "baton quarantine show 01a2008d-7400-8da2-9ce0-5a2143459136")
add(
    app,
    release,
    "release",
    'baton quarantine release 01a2008d-7400-8da2-9ce0-5a2143459136 --by "Marketing"',
    'baton quarantine release --rule student --by "Marketing" --why "A rule was too strict"',
)
add(
    app,
    discard,
    "discard",
    'baton quarantine discard --rule spam --by "Marketing"',
)
