"""`baton status`, `resume` and `accept-loss`: how the services are, and letting them go on."""

import asyncio
from dataclasses import dataclass
from typing import Annotated

import typer
from pydantic import AwareDatetime, BaseModel, JsonValue, TypeAdapter, ValidationError
from rich.text import Text

from baton_cli.api import Api, Away, open_apis
from baton_cli.failures import MISUSED, REFUSED, Failure
from baton_cli.screen import output, table
from baton_cli.service import Service
from baton_cli.times import moment

By = Annotated[str, typer.Option(metavar="WHO", help="Who decides this; the service keeps it.")]
Of = Annotated[Service, typer.Argument(metavar="SERVICE", help=f"One of {', '.join(Service)}.")]

_WORKS = {"ready": "green", "degraded": "yellow"}


class _Health(BaseModel):
    status: str
    reasons: dict[str, str] = {}


class _Breaker(BaseModel):
    tripped_at: AwareDatetime | None
    why: str | None
    resumed_at: AwareDatetime | None
    resumed_by: str | None

    @property
    def tripped(self) -> bool:
        """Whether the service stands still now."""
        if self.tripped_at is None:
            return False
        return self.resumed_at is None or self.resumed_at < self.tripped_at


class _Loss(BaseModel):
    from_offset: int
    to_offset: int


_BREAKER = TypeAdapter(_Breaker)
_LOSS = TypeAdapter(_Loss)


@dataclass(frozen=True, slots=True)
class _State:
    """A service's readiness."""

    service: Service
    url: str
    health: _Health


def status() -> None:
    """Show for each service whether it is ready, and if not, why.

    A degraded service works, except for the parts that it names. Needs no token. The exit code is 1
    if one is not ready, or away.
    """
    states = asyncio.run(_states())
    shown = table("service", "", "at", "waits for", unbroken=["service", "", "at"])
    for state in states:
        says = state.health.status
        reasons = "\n".join(f"{part}: {why}" for part, why in state.health.reasons.items())
        shown.add_row(state.service, Text(says, _WORKS.get(says, "red")), state.url, reasons)
    output().print(shown)
    if any(state.health.status not in _WORKS for state in states):
        raise typer.Exit(REFUSED)


async def _states() -> list[_State]:
    async with open_apis() as apis:
        return list(await asyncio.gather(*(_state(api) for api in apis.values())))


async def _state(api: Api) -> _State:
    try:
        answer = await api.open_get("/readyz")
        health = _Health.model_validate_json(answer.content)
    except Away as away:
        health = _Health(status="away", reasons={"http": away.reason})
    except ValidationError:
        health = _Health(status="away", reasons={"http": "what answers there is not this service"})
    return _State(api.service, api.url, health)


def resume(service: Of, by: By) -> None:
    """Let a service continue that stopped after too many dead letters.

    Look at `baton dead-letters list SERVICE` first: if the cause is still there, it stops again.
    """
    _require_consumer(service)
    before, after = asyncio.run(_resume(service, by))
    if not before.tripped:
        output().print(f"{service} had not stopped itself; nothing changes.")
        return
    at = f" since {moment(before.tripped_at)}" if before.tripped_at else ""
    output().print(f"{service} goes on. It stood still{at}: {before.why}", soft_wrap=True)
    if after.tripped:
        output().print("It has stopped itself again already.")
        raise typer.Exit(REFUSED)


def _require_consumer(service: Service) -> None:
    if not service.manifest.consumes:
        raise Failure(f"{service} reads nothing from Kafka", exit_code=MISUSED)


async def _resume(service: Service, by: str) -> tuple[_Breaker, _Breaker]:
    async with open_apis() as apis:
        before = await apis[service].get("/v1/breaker", _BREAKER)
        if not before.tripped:
            return before, before
        return before, await apis[service].post("/v1/resume", _BREAKER, {"by": by})


def accept_loss(
    service: Of,
    shard: Annotated[int, typer.Option(min=0, help="The partition's number.")],
    topic: Annotated[str, typer.Option(help="The topic, without the deployment's prefix.")],
    by: By,
    why: Annotated[str, typer.Option(metavar="REASON", help="Why; the service keeps it.")],
    upto: Annotated[
        int | None,
        typer.Option(min=1, help="Pass over records that can't be read, up to before this offset."),
    ] = None,
) -> None:
    """Skip records that Kafka no longer has or that cannot be read, so that their shard goes on.

    `baton status` names the shard and the topic, and for an unreadable record the option --upto.
    Skipped records are lost to this service for good.
    """
    _require_consumer(service)
    body: dict[str, JsonValue] = {"shard": shard, "topic": topic, "by": by, "why": why}
    if upto is not None:
        body["upto"] = upto
    loss = asyncio.run(_accept(service, body))
    number = loss.to_offset - loss.from_offset
    lost = f"{number} records" if number > 0 else "no records, but its place"
    output().print(
        f"{service} goes on in {topic}, shard {shard}, at {loss.to_offset} instead of "
        f"{loss.from_offset}: {lost} given up, by {by}",
        soft_wrap=True,
    )


async def _accept(service: Service, body: dict[str, JsonValue]) -> _Loss:
    async with open_apis() as apis:
        return await apis[service].post("/v1/accept-loss", _LOSS, body)
