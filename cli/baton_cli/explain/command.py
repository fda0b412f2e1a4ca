"""The command: asks the services at once, and tells what they know."""

import asyncio
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Annotated, TypeVar
from uuid import UUID

import typer
from pydantic import TypeAdapter

from baton import identity
from baton_cli.api import Api, Away, Refused, open_apis
from baton_cli.explain.drawing import drawn
from baton_cli.explain.joining import Known, story
from baton_cli.explain.story import Missing
from baton_cli.explain.views import CLOCKS, QUARANTINE, ROUTED, SCORED
from baton_cli.failures import MISUSED, Failure
from baton_cli.screen import output
from baton_cli.service import INGEST, ROUTING, SCORING, SLA_MONITOR
from baton_cli.settings import id_key

Found = TypeVar("Found")

_UNKNOWN = 404


def explain(
    lead: Annotated[str, typer.Argument(help="A lead's id, or an email (needs BATON_ID_KEY).")],
    brand: Annotated[
        str, typer.Option(help="The brand that an email left its enquiry with.")
    ] = "main",
    *,
    everything: Annotated[
        bool, typer.Option("--all", help="Also what did not match, and every candidate.")
    ] = False,
    as_json: Annotated[
        bool, typer.Option("--json", help="The same as JSON, times in UTC.")
    ] = False,
) -> None:
    """Show one lead's story: enquiries, scores, assignments and SLA clocks, with the reasons.

    Times are those of this machine's time zone. If a service is away, the rest is told.
    """
    lead_id = _lead_id(lead, brand)
    known = asyncio.run(_known(lead_id))
    if known.nothing:
        if known.missing:
            raise Failure(
                "\n".join(missing.why for missing in known.missing),
                "`baton status` asks all services how they are.",
            )
        raise Failure(f"nothing is known of lead {lead_id}", _hint(lead, brand))
    story_of_lead = story(lead_id, known, datetime.now(UTC), everything=everything)
    if as_json:
        typer.echo(story_of_lead.model_dump_json(indent=2))
    else:
        output().print(drawn(story_of_lead))


def _lead_id(lead: str, brand: str) -> UUID:
    if "@" not in lead:
        try:
            return UUID(lead)
        except ValueError as error:
            raise Failure(
                f"{lead} is neither a lead's id nor an email",
                "`baton send` prints the id of each lead; with BATON_ID_KEY an email will do.",
                exit_code=MISUSED,
            ) from error
    try:
        return identity.lead_id(id_key(), brand, *identity.email_identity(lead))
    except identity.UnusableIdentityError as error:
        raise Failure(f"{lead}: {error}", exit_code=MISUSED) from error


def _hint(lead: str, brand: str) -> str:
    if "@" in lead:
        return f"Is it of brand {brand} (--brand), and is BATON_ID_KEY this deployment's?"
    return "It was never seen, or it was erased."


async def _known(lead_id: UUID) -> Known:
    async with open_apis() as apis:
        path = f"/v1/leads/{lead_id}"
        marketing = _ask(apis[SCORING], path, SCORED, {"history": "500"})
        sales = _ask(apis[ROUTING], f"{path}/assignments", ROUTED, {"decisions": "1000"})
        promises = _ask(apis[SLA_MONITOR], f"{path}/clocks", CLOCKS, {})
        of = {"lead_id": str(lead_id), "state": "all", "limit": "500"}
        holding = _ask(apis[INGEST], "/v1/quarantine", QUARANTINE, of)
        scored, routed, clocks, quarantine = await asyncio.gather(
            marketing, sales, promises, holding
        )
    answers = (scored, routed, clocks, quarantine)
    return Known(
        scored=None if isinstance(scored, Missing) else scored,
        routed=None if isinstance(routed, Missing) else routed,
        clocks=None if isinstance(clocks, Missing) else clocks,
        quarantine=None if isinstance(quarantine, Missing) else quarantine,
        missing=tuple(answer for answer in answers if isinstance(answer, Missing)),
    )


async def _ask(
    api: Api, path: str, expected: TypeAdapter[Found], params: Mapping[str, str]
) -> Found | Missing | None:
    """The answer of a service, or None if it does not know the lead."""
    try:
        return await api.get(path, expected, params)
    except Refused as refused:
        if refused.status == _UNKNOWN:
            return None
        return Missing(service=api.service, why=refused.message)
    except Away as away:
        return Missing(service=api.service, why=away.message)
