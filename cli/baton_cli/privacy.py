"""`baton privacy`: all that Baton holds on a person, gathered from the services' APIs."""

import asyncio
import json
import os
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated
from uuid import UUID

import typer
from pydantic import BaseModel, JsonValue, TypeAdapter
from rich.text import Text

from baton_cli.api import Api, Refused, open_apis
from baton_cli.commands import add
from baton_cli.failures import MISUSED, REFUSED, Failure
from baton_cli.screen import counted, output, table
from baton_cli.service import INGEST, Service

_UNKNOWN = 404
_MOST_LETTERS = 500
_OWNER_ALONE = 0o600

Document = dict[str, JsonValue]


class _Leads(BaseModel):
    lead_ids: list[UUID]


class _Letter(BaseModel):
    id: UUID


_LEADS = TypeAdapter(_Leads)
_LETTERS = TypeAdapter(list[_Letter])
_DOCUMENT = TypeAdapter(Document)

_LETTERS_AT = "dead_letters"


def export(
    person: Annotated[str, typer.Argument(metavar="EMAIL|LEAD", help="The person.")],
    out: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Where to write it; by default person-LEAD.json here."),
    ] = None,
) -> None:
    """Write the data that all services hold on a person to a JSON file, and print a summary. It has
    all leads that the person may be, in each brand: those of the email, and those that share a CRM
    or sender record with them. Nothing is written unless each service has answered. Only the file's
    owner can read it.
    """
    query: Document = {"email" if "@" in person else "lead_id": person}
    leads = asyncio.run(_gathered(query))
    if not leads:
        output().print(f"Nothing is held on {person}.")
        return
    path = out or Path(f"person-{next(iter(leads))}.json")
    _write(path, {"asked_for": person, "made_at": datetime.now(UTC).isoformat(), "leads": leads})
    shown = table("lead", "service", "holds", unbroken=["lead", "service"])
    for lead_id, holdings in leads.items():
        for service, says in _summary(holdings):
            shown.add_row(lead_id, service, Text(says))
    output().print(shown)
    output().print(f"{path}: {counted(len(leads), 'lead')}", soft_wrap=True)
    output().print(
        "Beside it, Kafka's topics and backups hold records until their retention is over.",
        soft_wrap=True,
    )


async def _gathered(query: Document) -> dict[str, JsonValue]:
    async with open_apis() as apis:
        found = (await apis[INGEST].post("/v1/privacy/leads", _LEADS, query)).lead_ids
        holdings = await asyncio.gather(*(_holdings(apis, lead_id) for lead_id in found))
    return {
        str(lead_id): document
        for lead_id, document in zip(found, holdings, strict=True)
        if document
    }


async def _holdings(apis: Mapping[Service, Api], lead_id: UUID) -> Document:
    """By service, what it holds on a lead; services that hold nothing are not in it."""
    found: Document = {}
    for service, api in apis.items():
        document: Document = {}
        declared = service.manifest.personal_data
        if declared is not None:
            path = declared.export.format(lead=lead_id)
            document = await _known(api, path, declared.parameters)
        if service.manifest.consumes and (letters := await _dead_letters(api, lead_id)):
            document[_LETTERS_AT] = letters
        if any(document.get(name) for name in _counted(service)):
            found[service.value] = document
    return found


async def _known(api: Api, path: str, params: Mapping[str, str]) -> Document:
    try:
        return await api.get(path, _DOCUMENT, params)
    except Refused as refused:
        if refused.status != _UNKNOWN:
            raise
        return {}


async def _dead_letters(api: Api, lead_id: UUID) -> list[JsonValue]:
    params = {"lead_id": str(lead_id), "replayed": "true", "limit": str(_MOST_LETTERS)}
    letters = await api.get("/v1/dead-letters", _LETTERS, params)
    found: list[Document] = [
        await api.get(f"/v1/dead-letters/{letter.id}", _DOCUMENT) for letter in letters
    ]
    return [*found]


def _write(path: Path, document: Document) -> None:
    text = json.dumps(document, indent=2, ensure_ascii=False) + "\n"
    try:
        with os.fdopen(
            os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, _OWNER_ALONE), "w"
        ) as to:
            to.write(text)
    except FileExistsError as error:
        raise Failure(
            f"{path} is there already", "Name another file by --out.", exit_code=MISUSED
        ) from error
    except OSError as error:
        raise Failure(f"{path} can't be written: {error.strerror}", exit_code=REFUSED) from error


def _summary(holdings: JsonValue) -> Iterator[tuple[str, str]]:
    """Each service with how much of what it holds."""
    assert isinstance(holdings, dict)  # noqa: S101 - `_held` has made it
    for service, document in holdings.items():
        parts = []
        for name, (singular, several) in _counted(Service(service)).items():
            entries = document.get(name) if isinstance(document, dict) else None
            if isinstance(entries, list) and entries:
                parts.append(f"{len(entries)} {singular if len(entries) == 1 else several}")
        yield service, ", ".join(parts)


def _counted(service: Service) -> Mapping[str, tuple[str, str]]:
    """The lists in what a service holds, each with the words for one entry and for several."""
    declared = service.manifest.personal_data
    own = {} if declared is None else declared.counted
    return {**own, _LETTERS_AT: ("dead letter", "dead letters")}


app = typer.Typer(no_args_is_help=True, help="The data that Baton holds on a person.")
add(
    app,
    export,
    "export",
    "baton privacy export buyer@example.com",
    "baton privacy export 719725ea-f335-89f2-95ce-225a38ab5b09 --out person.json",
)
