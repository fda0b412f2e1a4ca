"""Submissions: the models of our own API, into which drafts of webhooks are read too."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from functools import cache
from typing import Self, TypeVar, get_args
from uuid import UUID

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    JsonValue,
    ValidationError,
    field_validator,
    model_validator,
)

from baton import cloudevents
from baton.events import (
    ActivityType,
    Campaign,
    Company,
    Consent,
    Contact,
    FollowupType,
    History,
    Record,
    Request,
)
from baton.values import Moment, Name, Text
from ingest.capture.normalisation import consents
from ingest.documents import path_text
from ingest.errors import RejectedError

Plain = TypeVar("Plain", bound=BaseModel)

_OPEN = ConfigDict(frozen=True, extra="allow", allow_inf_nan=False)


class ContactIn(Contact):
    model_config = _OPEN


class CompanyIn(Company):
    model_config = _OPEN


class CampaignIn(Campaign):
    model_config = _OPEN


class ConsentIn(Consent):
    """The consent to marketing mail. It does not affect the answer of sales to an enquiry.

    Forms have many words for the status, and it may stand in place of the whole: `yes`, `opt-in`,
    `true` are granted; `no`, `opt-out`, `unsubscribed` are denied. A box that nobody ticked
    (`false`, `off`, `0`, empty) is unknown: it takes back no consent that was given before.
    """

    model_config = _OPEN

    @model_validator(mode="before")
    @classmethod
    def _by_its_status_alone(cls, value: object) -> object:
        return {"status": value} if isinstance(value, bool | str) else value

    @field_validator("status", mode="before")
    @classmethod
    def _in_any_words(cls, value: object) -> object:
        return consents.status(value)


class RequestIn(Request):
    model_config = _OPEN


class HistoryIn(History):
    """The history of a lead at sales. An outcome may be written as its time alone: `won_at`,
    `contacted_at`, or any other type with `_at`.
    """

    model_config = _OPEN

    @model_validator(mode="before")
    @classmethod
    def _with_times(cls, fields: object) -> object:
        if not isinstance(fields, dict):
            return fields
        times = {f"{kind}_at": kind for kind in FollowupType}
        found = [
            {"type": times[name], "occurred_at": value}
            for name, value in fields.items()
            if name in times and value is not None
        ]
        outcomes = fields.get("outcomes", [])
        if not found or not isinstance(outcomes, list | tuple):
            return fields
        plain = {name: value for name, value in fields.items() if name not in times}
        return plain | {"outcomes": [*outcomes, *found]}


class Submission(BaseModel):
    """The common fields of leads, activities and follow-ups. Undeclared fields are kept. The first
    of email, external_id and phone (with the name) that is present identifies the lead.
    """

    model_config = _OPEN

    source: Name = Field(description="a source that the policy bundle declares")
    brand: Name | None = Field(None, description="the source's own where it is not given")
    email: Name | None = None
    external_id: Name | None = Field(None, description="the person's id in the sender's system")
    phone: Name | None = None
    first_name: Name | None = None
    last_name: Name | None = None
    occurred_at: Moment | None = Field(
        None,
        description="time of the event; now if not given. If a delivery has neither this nor a "
        "`delivery_id` nor an `Idempotency-Key`, the same body of the same person is a "
        "repetition: an enquiry within the source's `retry_horizon` (by default a day in UTC), an "
        "activity or follow-up within its `repeat_horizon` (by default a minute). A repetition "
        "after the end of this period is an event of its own",
    )
    delivery_id: Name | None = Field(
        None,
        description="the same id for the same person is the same enquiry sent again, or the same "
        "activity or follow-up where its `type` is the same too. Give one, so that a retry "
        "is the same event whenever it comes",
    )
    answers: dict[str, JsonValue] = Field(default_factory=dict, description="kept as sent")

    def undeclared(self) -> dict[str, JsonValue]:
        """By its path, each field that this model does not know."""
        return dict(_undeclared(self, ""))


class LeadIn(Submission):
    """An enquiry of a person. Fields of `contact` may also stand at the top level."""

    contact: ContactIn = ContactIn()
    company: CompanyIn = CompanyIn()
    campaign: CampaignIn = CampaignIn()
    consent: ConsentIn = ConsentIn()
    request: RequestIn = RequestIn()
    custom: dict[str, JsonValue] = Field(
        default_factory=dict, description="the fields that the bundle declares"
    )
    test: bool = Field(default=False, description="a trial delivery: never routed or counted")
    history: HistoryIn | None = Field(
        None, description="of a lead that sales has already: nothing is routed, no clock starts"
    )

    @model_validator(mode="after")
    def _said_once(self) -> Self:
        for name in _AT_THE_TOP:
            top, inner = getattr(self, name), getattr(self.contact, name)
            if top is not None and inner is not None and top != inner:
                raise ValueError(f"{name} and contact.{name} differ")
        return self

    def whole_contact(self) -> Contact:
        """The contact, with what stands at the top."""
        fields = {name: getattr(self, name) for name in _AT_THE_TOP}
        return Contact.model_validate(
            declared(self.contact)
            | {name: text for name, text in fields.items() if text is not None}
        )


class ActivityIn(Submission):
    """A person engaged with us."""

    lead_id: UUID | None = Field(None, description="instead of the person's own details")
    type: ActivityType
    subject: Text | None = Field(None, description="the page, mail, webinar or content")
    bot: bool = Field(default=False, description="done by a scanner, not by the person")


class FollowupIn(Submission):
    """A follow-up of a rep or the CRM. `external_id` is the person's record in the sender's system.
    Other `records` of that system may name the lead too.
    """

    lead_id: UUID | None = Field(None, description="instead of the person's own details")
    type: FollowupType
    rep: Name | None = Field(None, description="id of the rep who did it")
    assignment_id: UUID | None = None
    reason: Name | None = Field(None, description="a code of the bundle's table of reasons")
    channel: Name | None = Field(None, description="phone, mail, meeting, ...")
    disposition: Name | None = None
    note: Text | None = None
    amount: str | None = Field(
        None, pattern=r"^-?\d{1,18}(\.\d{1,6})?$", description="a decimal number as text"
    )
    currency: str | None = Field(None, pattern=r"^[A-Z]{3}$", description="ISO 4217")
    starts_at: Moment | None = Field(None, description="when a meeting begins")
    records: tuple[Record, ...] = Field(
        (),
        max_length=20,
        description="other records of the sender that name this lead from now on: the record to "
        "which it was converted, the call, the meeting; for `merged` the surviving record",
    )


class PersonIn(BaseModel):
    """A person, by all that is known. Without a brand, in every brand that the bundle declares."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    lead_id: UUID | None = None
    brand: Name | None = None
    source: Name | None = Field(None, description="whose external_id or phone it is")
    email: Name | None = None
    external_id: Name | None = None
    phone: Name | None = None
    first_name: Name | None = None
    last_name: Name | None = None


class ErasureIn(PersonIn):
    """A request to erase a person's data."""

    why: Text = Field(min_length=1)
    requested_by: Name = "api"


class PassedOnErasure(ErasureIn):
    """An erasure request that a vendor received and passes on. The vendor retries it until it is
    accepted.
    """

    source: Name
    occurred_at: Moment | None = None
    delivery_id: Name | None = None

    @field_validator("occurred_at", mode="wrap")
    @classmethod
    def _or_nothing(cls, value: object, read: Callable[[object], datetime]) -> datetime | None:
        """An unreadable time counts as missing, so that it does not prevent the erasure."""
        try:
            return None if value is None else read(value)
        except ValueError:
            return None


_AT_THE_TOP = ("email", "phone", "first_name", "last_name")


@contextmanager
def validation() -> Iterator[None]:
    """Raises RejectedError, which names the first field that is wrong, for what a model refuses."""
    try:
        yield
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False)[0]
        raise RejectedError(cloudevents.describe(error), path_text(first["loc"])) from error


def read(model: type[Plain], document: object) -> Plain:
    """A submission out of a document. Raises RejectedError where it does not fit the model."""
    with validation():
        return model.model_validate(document)


def declared(model: BaseModel) -> dict[str, object]:
    """The fields of a part that its model knows."""
    return dict(vars(model))


def plain(model: type[Plain], submission_part: BaseModel) -> Plain:
    """A part as the event has it."""
    return model.model_validate(declared(submission_part))


def _undeclared(part: BaseModel, prefix: str) -> Iterator[tuple[str, JsonValue]]:
    for name, value in (part.model_extra or {}).items():
        yield f"{prefix}{name}", value
    for name in _parts_of(type(part)):
        inner = getattr(part, name)
        if isinstance(inner, BaseModel):
            yield from _undeclared(inner, f"{prefix}{name}.")


@cache
def _parts_of(model: type[BaseModel]) -> tuple[str, ...]:
    """The fields that may hold a model."""
    return tuple(
        name
        for name, field in model.model_fields.items()
        for annotation in (field.annotation, *get_args(field.annotation))
        if isinstance(annotation, type) and issubclass(annotation, BaseModel)
    )
